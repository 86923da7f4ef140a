//! Retirement: the date on which an endpoint is deprecated or switched off, according to its headers.
//!
//! In: the value of a header, from an answer or from a contract. Out: its date in the format of RFC 3339, for people.
//!
//! # Source
//! RFC 9745 (`Deprecation`), RFC 8594 (`Sunset`).

use humantime_serde::re::humantime::format_rfc3339_seconds;
use std::time::{Duration, UNIX_EPOCH};

/// The first second, since 1970, whose year does not have four digits.
const END_OF_DATES: u64 = 253_402_300_800;

/// The date since which an endpoint is deprecated. The value is a date of RFC 9651 §3.3.7, such as `@1688169599`;
/// parameters after it are ignored.
pub(crate) fn deprecation_date(value: &str) -> Option<String> {
    let seconds = value.split(';').next()?.trim().strip_prefix('@')?;
    date(seconds.parse().ok()?)
}

/// The date on which an endpoint is switched off. The value is a date of RFC 9110 §5.6.7, such as `Sun, 06 Nov 1994
/// 08:49:37 GMT`.
pub(crate) fn sunset_date(value: &str) -> Option<String> {
    date(httpdate::parse_http_date(value).ok()?.duration_since(UNIX_EPOCH).ok()?.as_secs())
}

fn date(seconds: u64) -> Option<String> {
    let is_writable = seconds < END_OF_DATES;
    is_writable.then(|| format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(seconds)).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_and_nothing_else() {
        for (text, expected) in [
            ("@1688169599", Some("2023-06-30T23:59:59Z")),
            (" @0 ; a=1", Some("1970-01-01T00:00:00Z")),
            ("@253402300799", Some("9999-12-31T23:59:59Z")),
            ("@253402300800", None),
            ("@18446744073709551615", None),
            ("@-1", None),
            ("@", None),
            ("true", None),
            ("Sun, 06 Nov 1994 08:49:37 GMT", None),
        ] {
            assert_eq!(deprecation_date(text).as_deref(), expected, "{text}");
        }
        for (text, expected) in [
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some("1994-11-06T08:49:37Z")),
            ("Fri, 31 Dec 9999 23:59:59 GMT", Some("9999-12-31T23:59:59Z")),
            ("@1688169599", None),
            ("2026-12-31", None),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(sunset_date(text).as_deref(), expected, "{text}");
        }
    }
}
