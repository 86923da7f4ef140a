//! `Cache-Control` (RFC 9111 §5.2): what the client or the service allows a cache to do.

use http::HeaderMap;
use http::header::CACHE_CONTROL;
use std::time::Duration;

/// The longest time in seconds; longer times are treated as this one (RFC 9111 §1.2.2).
pub(super) const MOST_SECONDS: u64 = 1 << 31;

/// The directives of all `Cache-Control` fields of a message together. Unknown names are ignored (§5.2.3).
///
/// If a time is given twice, the shorter one counts, and a time that is not a number of seconds is zero: an answer
/// whose directives are not clear is asked for again (§4.2.1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Directives {
    /// `no-store` (§5.2.1.5, §5.2.2.5).
    pub no_store: bool,
    /// `no-cache` (§5.2.1.4, §5.2.2.4); names of fields in it are ignored.
    pub no_cache: bool,
    /// `private` (§5.2.2.7); names of fields in it are ignored.
    pub private: bool,
    /// `public` (§5.2.2.9).
    pub public: bool,
    /// `must-revalidate` (§5.2.2.2).
    pub must_revalidate: bool,
    /// `proxy-revalidate` (§5.2.2.8).
    pub proxy_revalidate: bool,
    /// `must-understand` (§5.2.2.3).
    pub must_understand: bool,
    /// `only-if-cached` (§5.2.1.7).
    pub only_if_cached: bool,
    /// `max-age` (§5.2.1.1, §5.2.2.1).
    pub max_age: Option<Duration>,
    /// `s-maxage` (§5.2.2.10).
    pub s_maxage: Option<Duration>,
    /// `min-fresh` (§5.2.1.3).
    pub min_fresh: Option<Duration>,
    /// `max-stale` (§5.2.1.2); without a value, the longest time.
    pub max_stale: Option<Duration>,
    /// `stale-while-revalidate` (RFC 5861 §3).
    pub stale_while_revalidate: Option<Duration>,
    /// `stale-if-error` (RFC 5861 §4).
    pub stale_if_error: Option<Duration>,
}

impl Directives {
    /// Reads the directives from the headers of a message.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        let mut found = Self::default();
        for field in headers.get_all(CACHE_CONTROL) {
            let mut rest = field.as_bytes();
            while !rest.is_empty() {
                let (name, value, behind) = next(rest);
                found.set(name, value);
                rest = behind;
            }
        }
        found
    }

    fn set(&mut self, name: &[u8], value: Option<&[u8]>) {
        // §5.2: names are compared without regard to case.
        let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        for (known, flag) in [
            ("no-store", &mut self.no_store),
            ("no-cache", &mut self.no_cache),
            ("private", &mut self.private),
            ("public", &mut self.public),
            ("must-revalidate", &mut self.must_revalidate),
            ("proxy-revalidate", &mut self.proxy_revalidate),
            ("must-understand", &mut self.must_understand),
            ("only-if-cached", &mut self.only_if_cached),
        ] {
            if is(known) {
                *flag = true;
                return;
            }
        }
        for (known, time) in [
            ("max-age", &mut self.max_age),
            ("s-maxage", &mut self.s_maxage),
            ("min-fresh", &mut self.min_fresh),
            ("stale-while-revalidate", &mut self.stale_while_revalidate),
            ("stale-if-error", &mut self.stale_if_error),
        ] {
            if is(known) {
                let said = seconds(value.unwrap_or_default()).unwrap_or_default();
                *time = Some(time.map_or(said, |before| before.min(said)));
                return;
            }
        }
        if is("max-stale") {
            let said = match value {
                None => Duration::from_secs(MOST_SECONDS),
                Some(value) => seconds(value).unwrap_or_default(),
            };
            self.max_stale = Some(said);
        }
    }
}

/// A number of seconds, at most [`MOST_SECONDS`] (§1.2.2); `None` if the text is not a number.
pub(super) fn seconds(text: &[u8]) -> Option<Duration> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let digits = std::str::from_utf8(text).ok()?;
    let number = digits.parse::<u64>().unwrap_or(MOST_SECONDS);
    Some(Duration::from_secs(number.min(MOST_SECONDS)))
}

/// The first directive of a list, its value without quotes, and the rest of the list after its comma.
fn next(list: &[u8]) -> (&[u8], Option<&[u8]>, &[u8]) {
    let end = list.iter().position(|byte| matches!(byte, b',' | b'=')).unwrap_or(list.len());
    let name = list[..end].trim_ascii_start();
    // The grammar has no white space before `=`, so such a name stays unknown.
    let name = if list.get(end) == Some(&b'=') { name } else { name.trim_ascii_end() };
    if list.get(end) != Some(&b'=') {
        return (name, None, list.get(end + 1..).unwrap_or_default());
    }
    let value = &list[end + 1..];
    if value.first() != Some(&b'"') {
        let end = value.iter().position(|&byte| byte == b',').unwrap_or(value.len());
        return (name, Some(value[..end].trim_ascii_end()), value.get(end + 1..).unwrap_or_default());
    }
    // A comma in a quoted string (RFC 9110 §5.6.4) belongs to the string. Escapes are not decoded, because no value
    // that is read here needs one.
    let mut end = 1;
    while end < value.len() && value[end] != b'"' {
        end += if value[end] == b'\\' { 2 } else { 1 };
    }
    let inner = value.get(1..end.min(value.len())).unwrap_or_default();
    let behind = value.get(end + 1..).unwrap_or_default();
    let comma = behind.iter().position(|&byte| byte == b',').unwrap_or(behind.len());
    (name, Some(inner), behind.get(comma + 1..).unwrap_or_default())
}
