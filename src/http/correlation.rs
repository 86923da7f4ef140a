//! Correlation: request ids and trace parents.

use http::{HeaderMap, HeaderName, HeaderValue};
use std::hash::{BuildHasher, RandomState};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// The header of request ids.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// Longest request id that is taken from a caller.
const MAX_REQUEST_ID: usize = 128;

/// How one request is told from others, here and in the services.
#[derive(Debug, Clone)]
pub(super) struct Correlation {
    /// The caller's `x-request-id` if it is 1 to 128 visible ASCII characters, else one made here.
    pub(super) request_id: String,
    /// The caller's `traceparent`, if it is valid.
    pub(super) traceparent: Option<String>,
}

impl Correlation {
    /// Reads a request's headers.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let request_id =
            single(headers, &REQUEST_ID).filter(|id| is_sane(id)).map_or_else(new_request_id, str::to_owned);
        let traceparent = single(headers, &TRACEPARENT).filter(|value| is_traceparent(value)).map(str::to_owned);
        Self { request_id, traceparent }
    }

    /// The request id, as a header.
    pub(super) fn header(&self) -> Option<HeaderValue> {
        HeaderValue::from_str(&self.request_id).ok()
    }
}

/// A header's value, if there is exactly one and it is visible ASCII.
fn single<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    if values.next().is_some() { None } else { value.to_str().ok() }
}

fn is_sane(id: &str) -> bool {
    (1..=MAX_REQUEST_ID).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Makes an id of 128 bits: unique for our purposes, not a secret.
fn new_request_id() -> String {
    static KEYS: OnceLock<[RandomState; 2]> = OnceLock::new();
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let [high, low] = KEYS.get_or_init(|| [RandomState::new(), RandomState::new()]);
    let count = COUNTER.fetch_add(1, Ordering::Relaxed);
    let [high, low] = [high, low].map(|key| u128::from(key.hash_one(count)));
    hexadecimal(high << 64 | low)
}

/// 32 digits. `format!` takes ten times as long, for each request.
fn hexadecimal(id: u128) -> String {
    let digits = (0..32).rev().map(|at| b"0123456789abcdef"[(id >> (4 * at)) as usize & 15]);
    digits.map(char::from).collect()
}

/// Whether a value is a valid `traceparent` (W3C Trace Context §3.2.2).
///
/// Versions above `00` may carry more after a further `-` (§3.2.4).
fn is_traceparent(value: &str) -> bool {
    let bytes = value.as_bytes();
    if bytes.len() < 55 || [2, 35, 52].iter().any(|&at| bytes[at] != b'-') {
        return false;
    }
    let is_hex = |part: &[u8]| part.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let is_zero = |part: &[u8]| part.iter().all(|&byte| byte == b'0');
    let (version, trace, parent, flags) = (&bytes[..2], &bytes[3..35], &bytes[36..52], &bytes[53..55]);
    let ends_well = match version {
        b"00" => bytes.len() == 55,
        _ => bytes.get(55).is_none_or(|&byte| byte == b'-'),
    };
    ends_well
        && version != b"ff"
        && [version, trace, parent, flags].into_iter().all(is_hex)
        && !is_zero(trace)
        && !is_zero(parent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traceparent_follows_trace_context() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        for (value, valid) in [
            (good.to_owned(), true),
            (format!("{good}-more"), false), // Version 00 has exactly four parts.
            (format!("cc{}-more", &good[2..]), true),
            (format!("cc{}more", &good[2..]), false),
            (format!("ff{}", &good[2..]), false),
            (good.to_uppercase(), false),
            (good.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32)), false),
            (good.replace("00f067aa0ba902b7", &"0".repeat(16)), false),
            (good.replace('-', "_"), false),
            (good[..54].to_owned(), false),
            (String::new(), false),
        ] {
            assert_eq!(is_traceparent(&value), valid, "{value}");
        }
    }

    #[test]
    fn hexadecimal_has_32_digits() {
        for id in [0, 1, 0x0123_4567_89ab_cdef << 60, u128::MAX] {
            assert_eq!(hexadecimal(id), format!("{id:032x}"));
        }
    }

    #[test]
    fn request_id_is_taken_if_sane_and_made_otherwise() {
        for (sent, taken) in [
            (vec!["abc-1"], true),
            (vec!["x".repeat(128).as_str()], true),
            (vec!["x".repeat(129).as_str()], false),
            (vec!["a b"], false),
            (vec![""], false),
            (vec!["a", "b"], false),
            (vec![], false),
        ] {
            let mut headers = HeaderMap::new();
            for value in &sent {
                headers.append(REQUEST_ID, HeaderValue::from_str(value).unwrap());
            }
            let id = Correlation::of(&headers).request_id;
            assert_eq!(sent == [id.as_str()], taken, "{sent:?} gave {id}");
            assert!(taken || (id.len() == 32 && id != Correlation::of(&headers).request_id), "{sent:?} gave {id}");
        }
    }
}
