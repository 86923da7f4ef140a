//! Numbers as text, and when two of them are the same (RFC 8259 §6).

use std::cmp::Ordering;
use std::fmt;

/// A JSON number, with the digits that it was written with. Equality is that of the text; [`Number::is_equal`] compares
/// values.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Number(Box<str>);

impl Number {
    /// A number from its text; `None`: the text is no JSON number.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        is_number(text).then(|| Self(text.into()))
    }

    /// For a text that was found to be a number.
    pub(super) fn of_checked(text: &str) -> Self {
        Self(text.into())
    }

    /// The number as it was written, digit by digit.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The integer that it is, exactly; `None`: it has a fraction, or more than 64 bits.
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        to_integer(&self.0).and_then(|number| i64::try_from(number).ok())
    }

    /// As [`Self::as_i64`], without a sign.
    #[must_use]
    pub fn as_u64(&self) -> Option<u64> {
        to_integer(&self.0).and_then(|number| u64::try_from(number).ok())
    }

    /// The nearest double; `None`: it is beyond all of them.
    #[must_use]
    pub fn as_f64(&self) -> Option<f64> {
        self.0.parse().ok().filter(|number: &f64| number.is_finite())
    }

    /// Is it written without a fraction and an exponent?
    #[must_use]
    pub fn is_plain_integer(&self) -> bool {
        self.0.bytes().all(|byte| byte == b'-' || byte.is_ascii_digit())
    }

    /// Is it the same value as another number, however the two are written? `1`, `1.0` and `10e-1` are.
    #[must_use]
    pub fn is_equal(&self, other: &Self) -> bool {
        is_equal(&self.0, &other.0)
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

/// Is a text a JSON number, and nothing else?
pub(crate) fn is_number(text: &str) -> bool {
    let Ok(mut cursor) = super::Json::new(text.as_bytes()) else { return false };
    cursor.number().is_ok() && cursor.at == text.len()
}

/// Do two texts of numbers say the same value?
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

/// The integer that a text of a number says, exactly; `None`: it has a fraction, or more than 64 bits.
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

/// A number as sign, digits and exponent: ± digits × 10^exponent. The first and the last digit are not zero; zero has no
/// digits, no sign and the exponent 0.
struct Decimal<'t> {
    is_negative: bool,
    /// Before the point and behind it.
    parts: [&'t str; 2],
    exponent: i128,
}

impl<'t> Decimal<'t> {
    /// `None`: the exponent has more than 128 bits.
    fn of(text: &'t str) -> Option<Self> {
        let (is_negative, text) = text.strip_prefix('-').map_or((false, text), |text| (true, text));
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let whole = whole.trim_start_matches('0');
        let behind = fraction.trim_end_matches('0');
        if whole.is_empty() && behind.is_empty() {
            return Some(Self { is_negative: false, parts: ["", ""], exponent: 0 });
        }
        let exponent: i128 = exponent.parse().ok()?;
        let exponent = exponent.checked_sub(i128::try_from(behind.len()).ok()?)?;
        if !behind.is_empty() {
            let parts = [whole, if whole.is_empty() { behind.trim_start_matches('0') } else { behind }];
            return Some(Self { is_negative, parts, exponent });
        }
        let digits = whole.trim_end_matches('0');
        let exponent = exponent.checked_add(i128::try_from(whole.len() - digits.len()).ok()?)?;
        Some(Self { is_negative, parts: [digits, ""], exponent })
    }

    fn digits(&self) -> impl Iterator<Item = u8> + '_ {
        self.parts.iter().flat_map(|part| part.bytes())
    }

    fn is_equal(&self, other: &Self) -> bool {
        self.is_negative == other.is_negative
            && self.exponent == other.exponent
            && self.digits().cmp(other.digits()) == Ordering::Equal
    }
}
