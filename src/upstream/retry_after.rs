//! The header `Retry-After`: how long a service asks not to be called (RFC 9110 §10.2.3).

use http::HeaderMap;
use http::header::RETRY_AFTER;
use std::time::{Duration, SystemTime};

/// The time to wait, given in seconds or as an HTTP-date; `None` if it is neither. A date in the past means no wait.
pub(super) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // A number that is too large for `u64` means for ever.
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn seconds_and_dates_are_read() {
        // The date is the example of RFC 9110; `now` is eight seconds before it.
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777 - 8);
        for (value, seconds) in [
            ("0", Some(0)),
            ("120", Some(120)),
            (" 1 ", Some(1)),
            ("99999999999999999999999", Some(u64::MAX)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(8)),
            ("Sunday, 06-Nov-94 08:49:37 GMT", Some(8)),
            ("Sun Nov  6 08:49:37 1994", Some(8)),
            ("Sun, 06 Nov 1994 08:49:00 GMT", Some(0)),
            ("", None),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
            ("Sun, 99 Nov 1994 08:49:37 GMT", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, HeaderValue::from_str(value).expect("a header"));
            assert_eq!(retry_after(&headers, now), seconds.map(Duration::from_secs), "{value}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }
}
