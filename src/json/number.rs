//! Numbers as text, and when two of them are the same (RFC 8259 §6).

use std::cmp::Ordering;
use std::fmt;

/// A JSON number that keeps the digits with which it was written. `==` compares texts; [`Number::is_equal`] compares
/// values.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Number(Box<str>);

impl Number {
    /// Reads a number; `None` if the text is not a JSON number.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        is_number(text).then(|| Self(text.into()))
    }

    /// Takes a text that was found to be a number.
    pub(super) fn of_checked(text: &str) -> Self {
        Self(text.into())
    }

    /// The number as it was written, digit by digit.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its value as an integer; `None` if it has a fraction or needs more than 64 bits.
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        to_integer(&self.0).and_then(|number| i64::try_from(number).ok())
    }

    /// Its value as an unsigned integer, as [`Self::as_i64`].
    #[must_use]
    pub fn as_u64(&self) -> Option<u64> {
        to_integer(&self.0).and_then(|number| u64::try_from(number).ok())
    }

    /// The nearest double; `None` if it is beyond the range of doubles.
    #[must_use]
    pub fn as_f64(&self) -> Option<f64> {
        self.0.parse().ok().filter(|number: &f64| number.is_finite())
    }

    /// Whether it is written without a fraction and without an exponent.
    #[must_use]
    pub fn is_plain_integer(&self) -> bool {
        self.0.bytes().all(|byte| byte == b'-' || byte.is_ascii_digit())
    }

    /// Whether it has the same value as another number, however the two are written: `1`, `1.0` and `10e-1` are equal.
    #[must_use]
    pub fn is_equal(&self, other: &Self) -> bool {
        is_equal(&self.0, &other.0)
    }

    /// Compares the values of two numbers exactly, however they are written.
    #[must_use]
    pub fn compare(&self, other: &Self) -> Ordering {
        Decimal::saturating(&self.0).compare(&Decimal::saturating(&other.0))
    }

    /// Whether its value is an integer, as that of `1.0` and `1e3` is.
    #[must_use]
    pub fn is_integer(&self) -> bool {
        Decimal::saturating(&self.0).exponent >= 0
    }

    /// The greatest 64-bit integer that is not above its value; for a value below all of them, the least one.
    #[must_use]
    pub fn floor(&self) -> i64 {
        clamp(Decimal::saturating(&self.0).floor())
    }

    /// The least 64-bit integer that is not below its value; for a value above all of them, the greatest one.
    #[must_use]
    pub fn ceil(&self) -> i64 {
        let Decimal { is_negative, parts, exponent } = Decimal::saturating(&self.0);
        clamp(-Decimal { is_negative: !is_negative, parts, exponent }.floor())
    }

    /// Whether its value is an exact multiple of another one; `None` if the other one is zero, or if its digits need
    /// more than 64 bits.
    #[must_use]
    pub fn is_multiple_of(&self, other: &Self) -> Option<bool> {
        Decimal::saturating(&self.0).is_multiple_of(&Decimal::saturating(&other.0))
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Number({})", self.0)
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

macro_rules! from_integers {
    ($($ty:ty)*) => {
        $(impl From<$ty> for Number {
            fn from(number: $ty) -> Self {
                Self(number.to_string().into())
            }
        })*
    };
}

from_integers! { i32 i64 u32 u64 usize }

/// Whether a text is a JSON number and nothing else.
pub(crate) fn is_number(text: &str) -> bool {
    let Ok(mut cursor) = super::Json::new(text.as_bytes()) else { return false };
    cursor.number().is_ok() && cursor.at == text.len()
}

/// Whether two texts of numbers have the same value.
pub(crate) fn is_equal(one: &str, other: &str) -> bool {
    if one == other {
        return true;
    }
    match (Decimal::of(one), Decimal::of(other)) {
        (Some(one), Some(other)) => one.is_equal(&other),
        // Nobody counts that far: what is written alike was found equal above.
        _ => false,
    }
}

/// The integer value of a number's text; `None` if it has a fraction or needs more than 64 bits.
pub(crate) fn to_integer(text: &str) -> Option<i128> {
    let decimal = Decimal::of(text)?;
    // As many digits as 64 bits take, and a few.
    let zeros = usize::try_from(decimal.exponent).ok().filter(|&zeros| zeros <= 20)?;
    if decimal.digits().count() + zeros > 20 {
        return None;
    }
    let start = 0i128;
    let number = decimal.digits().fold(start, |number, digit| number * 10 + i128::from(digit - b'0'));
    let number = number * 10i128.pow(u32::try_from(zeros).ok()?);
    let number = if decimal.is_negative { -number } else { number };
    (i128::from(i64::MIN)..=i128::from(u64::MAX)).contains(&number).then_some(number)
}

/// A number as sign, digits and exponent: ± digits × 10^exponent. The first and the last digit are not zero; zero has
/// no digits, no sign and the exponent 0.
struct Decimal<'t> {
    is_negative: bool,
    /// The digits before the point and after it.
    parts: [&'t str; 2],
    exponent: i128,
}

impl<'t> Decimal<'t> {
    /// Reads a number; `None` if its exponent needs more than 120 bits.
    fn of(text: &'t str) -> Option<Self> {
        let decimal = Self::saturating(text);
        (decimal.exponent.abs() < MAX_EXPONENT / 2).then_some(decimal)
    }

    /// Reads a number. An exponent of more than 120 bits is cut to 120 bits; the number stays larger, or smaller, than
    /// any that occurs.
    fn saturating(text: &'t str) -> Self {
        let (is_negative, text) = text.strip_prefix('-').map_or((false, text), |text| (true, text));
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let whole = whole.trim_start_matches('0');
        let behind = fraction.trim_end_matches('0');
        if whole.is_empty() && behind.is_empty() {
            return Self { is_negative: false, parts: ["", ""], exponent: 0 };
        }
        let most = if exponent.starts_with('-') { -MAX_EXPONENT } else { MAX_EXPONENT };
        let exponent = exponent.parse().unwrap_or(most).clamp(-MAX_EXPONENT, MAX_EXPONENT);
        if !behind.is_empty() {
            let parts = [whole, if whole.is_empty() { behind.trim_start_matches('0') } else { behind }];
            return Self { is_negative, parts, exponent: exponent - length(behind) };
        }
        let digits = whole.trim_end_matches('0');
        Self { is_negative, parts: [digits, ""], exponent: exponent + length(whole) - length(digits) }
    }

    fn digits(&self) -> impl Iterator<Item = u8> + '_ {
        self.parts.iter().flat_map(|part| part.bytes())
    }

    fn is_equal(&self, other: &Self) -> bool {
        self.is_negative == other.is_negative
            && self.exponent == other.exponent
            && self.digits().cmp(other.digits()) == Ordering::Equal
    }

    fn is_zero(&self) -> bool {
        self.digits().next().is_none()
    }

    /// How many digits are before the point when it is written without an exponent. If negative, how many zeros follow
    /// the point.
    fn whole_digits(&self) -> i128 {
        self.exponent + self.parts.iter().map(|part| length(part)).sum::<i128>()
    }

    fn compare(&self, other: &Self) -> Ordering {
        match (self.is_zero(), other.is_zero()) {
            (true, true) => return Ordering::Equal,
            (true, false) => return if other.is_negative { Ordering::Greater } else { Ordering::Less },
            (false, true) => return if self.is_negative { Ordering::Less } else { Ordering::Greater },
            (false, false) => {}
        }
        // Neither ends in zeros: of two that begin alike, the longer one is farther from zero.
        let by_size = || self.whole_digits().cmp(&other.whole_digits()).then_with(|| self.digits().cmp(other.digits()));
        match (self.is_negative, other.is_negative) {
            (false, false) => by_size(),
            (true, true) => by_size().reverse(),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        }
    }

    /// Beyond 64 bits, the result is any integer that needs more than 64 bits.
    fn floor(&self) -> i128 {
        let whole_digits = self.whole_digits();
        // 64 bits take 19 digits.
        let size = match usize::try_from(whole_digits.clamp(0, 20)) {
            Ok(20) => i128::MAX / 2,
            Ok(count) => {
                let digits = self.digits().chain(std::iter::repeat(b'0')).take(count);
                digits.fold(0, |number, digit| number * 10 + i128::from(digit - b'0'))
            }
            Err(_) => 0,
        };
        if self.is_negative { -size - i128::from(self.exponent < 0) } else { size }
    }

    fn is_multiple_of(&self, other: &Self) -> Option<bool> {
        let divisor =
            other.digits().try_fold(0u64, |number, digit| number.checked_mul(10)?.checked_add(u64::from(digit - b'0')));
        let divisor = u128::from(divisor.filter(|&divisor| divisor > 0)?);
        if self.is_zero() {
            return Some(true);
        }
        let Ok(zeros) = u128::try_from(self.exponent - other.exponent) else {
            // Its last digit is not zero, so ten does not divide it.
            return Some(false);
        };
        let digits = self.digits().fold(0, |rest, digit| (rest * 10 + u128::from(digit - b'0')) % divisor);
        Some((digits * power_of_ten(zeros, divisor)).is_multiple_of(divisor))
    }
}

/// The bound of exponents: a sum of a few exponents and a few lengths of texts fits 128 bits.
const MAX_EXPONENT: i128 = 1 << 120;

fn clamp(number: i128) -> i64 {
    i64::try_from(number).unwrap_or(if number < 0 { i64::MIN } else { i64::MAX })
}

fn length(text: &str) -> i128 {
    // A text's length has 64 bits.
    i128::try_from(text.len()).unwrap_or_default()
}

/// 10^exponent modulo a number of 64 bits, by squaring.
fn power_of_ten(mut exponent: u128, modulus: u128) -> u128 {
    let (mut power, mut square) = (1 % modulus, 10 % modulus);
    while exponent > 0 {
        if exponent & 1 == 1 {
            power = power * square % modulus;
        }
        square = square * square % modulus;
        exponent >>= 1;
    }
    power
}
