//! The numbers that a schema allows: `minimum`, `maximum`, their exclusive forms and `multipleOf`.
//!
//! In: bounds as a contract gives them, and numbers. Out: whether a number is allowed, and if not, why.
//! Elsewhere: reading bounds ([`super::keywords`]); checking values against them ([`crate::operation`],
//! [`crate::view`]).
//!
//! Always true: numbers are compared by their exact values, even beyond the range and the precision of doubles.

use crate::json::Number;
use std::cmp::Ordering;

/// The most characters of a number that a message shows.
const SHOWN: usize = 40;

/// The numbers that a schema allows (JSON Schema Validation §6.2). The default allows all numbers.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NumberBounds {
    /// The stricter one of `minimum` and `exclusiveMinimum`.
    pub minimum: Option<NumberBound>,
    /// The stricter one of `maximum` and `exclusiveMaximum`.
    pub maximum: Option<NumberBound>,
    /// The values of `multipleOf`. A number must be a multiple of each of them.
    pub multiple_of: Vec<Number>,
}

/// One end of a range of numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct NumberBound {
    /// The number at the end, with the digits of the contract.
    pub value: Number,
    /// Whether that number is outside the range.
    pub is_exclusive: bool,
}

impl NumberBound {
    /// Makes a bound whose number is inside the range.
    pub fn inclusive(value: impl Into<Number>) -> Self {
        Self { value: value.into(), is_exclusive: false }
    }

    /// The least integer that the bound allows as a minimum, within 64 bits.
    #[must_use]
    pub fn least_integer(&self) -> i64 {
        let next = self.value.ceil();
        if self.excludes(next) { next.saturating_add(1) } else { next }
    }

    /// The greatest integer that the bound allows as a maximum, within 64 bits.
    #[must_use]
    pub fn greatest_integer(&self) -> i64 {
        let next = self.value.floor();
        if self.excludes(next) { next.saturating_sub(1) } else { next }
    }

    fn excludes(&self, integer: i64) -> bool {
        self.is_exclusive && Number::from(integer).is_equal(&self.value)
    }

    /// Gives the tighter one of two bounds. `is_tighter` is the order of the tighter bound's value to the other value.
    /// If the values are equal, the exclusive bound is tighter.
    fn tighter(one: Self, other: Self, is_tighter: Ordering) -> Self {
        let order = one.value.compare(&other.value);
        let is_one = order == is_tighter || order == Ordering::Equal && one.is_exclusive;
        if is_one { one } else { other }
    }
}

impl NumberBounds {
    /// Adds other bounds that must hold too.
    pub fn tighten(&mut self, other: Self) {
        let pick = |one: &mut Option<NumberBound>, other: Option<NumberBound>, is_tighter| {
            *one = match (one.take(), other) {
                (Some(one), Some(other)) => Some(NumberBound::tighter(one, other, is_tighter)),
                (one, other) => one.or(other),
            };
        };
        pick(&mut self.minimum, other.minimum, Ordering::Greater);
        pick(&mut self.maximum, other.maximum, Ordering::Less);
        for divisor in other.multiple_of {
            if !self.multiple_of.iter().any(|known| known.is_equal(&divisor)) {
                self.multiple_of.push(divisor);
            }
        }
    }

    /// Says why a number is not allowed, such as `500 is above the maximum 100`; `None` if it is allowed.
    #[must_use]
    pub fn violation(&self, number: &Number) -> Option<String> {
        let shown = || shorten(number.as_str());
        if let Some(NumberBound { value, is_exclusive }) = &self.minimum {
            match number.compare(value) {
                Ordering::Less if !is_exclusive => return Some(format!("{} is below the minimum {value}", shown())),
                Ordering::Less | Ordering::Equal if *is_exclusive => {
                    return Some(format!("{} is not above the exclusive minimum {value}", shown()));
                }
                _ => {}
            }
        }
        if let Some(NumberBound { value, is_exclusive }) = &self.maximum {
            match number.compare(value) {
                Ordering::Greater if !is_exclusive => return Some(format!("{} is above the maximum {value}", shown())),
                Ordering::Greater | Ordering::Equal if *is_exclusive => {
                    return Some(format!("{} is not below the exclusive maximum {value}", shown()));
                }
                _ => {}
            }
        }
        let divisor = self.multiple_of.iter().find(|divisor| number.is_multiple_of(divisor) == Some(false))?;
        Some(format!("{} is not a multiple of {divisor}", shown()))
    }
}

/// Shortens a number for a message, because a number from a request may be as long as the request.
fn shorten(digits: &str) -> String {
    match digits.get(..SHOWN) {
        Some(start) if digits.len() > SHOWN => format!("{start}…"),
        _ => digits.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Number {
        Number::parse(text).unwrap_or_else(|| panic!("`{text}` is a number"))
    }

    fn bound(text: &str, is_exclusive: bool) -> Option<NumberBound> {
        Some(NumberBound { value: number(text), is_exclusive })
    }

    #[test]
    fn numbers_are_held_to_bounds_exactly() {
        // As doubles, these bounds would be equal to the numbers next to them.
        for (least, most, inside, outside) in [
            ("1", "100", vec!["1", "1.0", "100", "1e2", "99.999"], vec!["0.99", "101", "-1", "1e3", "0"]),
            (
                "9007199254740993",
                "9007199254740993",
                vec!["9007199254740993", "9.007199254740993e15"],
                vec!["9007199254740992", "9007199254740994", "9007199254740993.0000001"],
            ),
            ("0.1", "0.3", vec!["0.1", "0.3", "0.2"], vec!["0.09999999999999999999", "0.30000000000000000001"]),
            (
                "-1e400",
                "1e400",
                vec!["0", "-1e400", "9e399"],
                vec!["1.0000001e400", "-1e401", "1e9999999999999999999999"],
            ),
            ("-5", "-0.5", vec!["-5", "-1", "-0.5"], vec!["-5.1", "-0.4", "0", "7"]),
        ] {
            let bounds =
                NumberBounds { minimum: bound(least, false), maximum: bound(most, false), ..Default::default() };
            let exclusive =
                NumberBounds { minimum: bound(least, true), maximum: bound(most, true), ..Default::default() };
            for text in inside {
                assert_eq!(bounds.violation(&number(text)), None, "{text}");
                let is_end = [least, most].iter().any(|end| number(end).is_equal(&number(text)));
                assert_eq!(exclusive.violation(&number(text)).is_some(), is_end, "{text}");
            }
            for text in outside {
                assert!(bounds.violation(&number(text)).is_some(), "{text}");
                assert!(exclusive.violation(&number(text)).is_some(), "{text}");
            }
        }
    }

    #[test]
    fn multiples_are_told_exactly() {
        for (divisor, of, not) in [
            ("0.01", vec!["19.99", "0", "-0.07", "1e30", "4.350"], vec!["0.001", "19.999", "1e-30"]),
            ("3", vec!["9", "3e40", "-12.0", "123456789012345678901234567890"], vec!["10", "1e40", "4.5"]),
            ("2.5", vec!["5", "7.50", "1e1"], vec!["6", "2.50001"]),
            ("1e3", vec!["1000", "5e3", "-2000.0"], vec!["1001", "100", "1"]),
        ] {
            let bounds = NumberBounds { multiple_of: vec![number(divisor)], ..Default::default() };
            for text in of {
                assert_eq!(bounds.violation(&number(text)), None, "{text} of {divisor}");
            }
            for text in not {
                assert!(bounds.violation(&number(text)).is_some(), "{text} of {divisor}");
            }
        }
    }

    #[test]
    fn of_two_bounds_the_tighter_one_holds() {
        let bounds = |least: Option<NumberBound>, most: Option<NumberBound>| NumberBounds {
            minimum: least,
            maximum: most,
            ..Default::default()
        };
        for (one, other, wanted) in [
            (bound("1", false), bound("2", false), bound("2", false)),
            (bound("2", true), bound("2.0", false), bound("2", true)),
            (bound("-9", false), None, bound("-9", false)),
            (bound("9007199254740993", false), bound("9007199254740992", true), bound("9007199254740993", false)),
        ] {
            for (one, other) in [(&one, &other), (&other, &one)] {
                let mut both = bounds(one.clone(), None);
                both.tighten(bounds(other.clone(), None));
                assert_eq!(both.minimum, wanted);
            }
        }
        let mut both = bounds(None, bound("7", false));
        both.tighten(bounds(None, bound("6.5", true)));
        assert_eq!(both.maximum, bound("6.5", true));
    }

    #[test]
    fn bounds_of_integers_are_the_next_integers_inside() {
        for (text, is_exclusive, least, greatest) in [
            ("1", false, 1, 1),
            ("1", true, 2, 0),
            ("1.5", false, 2, 1),
            ("1.5", true, 2, 1),
            ("-1.5", false, -1, -2),
            ("-0.5", true, 0, -1),
            ("1e30", false, i64::MAX, i64::MAX),
            ("-1e30", true, i64::MIN, i64::MIN),
            ("9223372036854775807", true, i64::MAX, i64::MAX - 1),
            ("0", true, 1, -1),
            ("-9223372036854775808", false, i64::MIN, i64::MIN),
        ] {
            let bound = NumberBound { value: number(text), is_exclusive };
            assert_eq!((bound.least_integer(), bound.greatest_integer()), (least, greatest), "{text}");
        }
    }

    #[test]
    fn messages_repeat_no_more_than_the_beginning_of_a_number() {
        let bounds = NumberBounds { maximum: Some(NumberBound::inclusive(100)), ..Default::default() };
        assert_eq!(bounds.violation(&number("500")).as_deref(), Some("500 is above the maximum 100"));
        let message = bounds.violation(&number(&"9".repeat(1_000_000))).expect("too large");
        assert!(message.len() < 100, "{message}");
    }
}
