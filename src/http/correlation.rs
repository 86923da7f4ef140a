//! Correlation of requests: request ids and trace contexts.

use super::trace_state;
use crate::policy::RequestId;
use ahash::RandomState;
use http::{HeaderMap, HeaderName, HeaderValue};
use std::cell::Cell;

/// The header that holds the request id.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// What identifies one request, here and in the services.
#[derive(Debug, Clone)]
pub(super) struct Correlation {
    /// The caller's `x-request-id` if it has 1 to 128 visible ASCII characters, or else an id that is made here.
    pub(super) request_id: RequestId,
    /// The caller's `traceparent`, if it is valid.
    pub(super) traceparent: Option<String>,
    /// The caller's `tracestate`, if both it and `traceparent` are valid.
    pub(super) tracestate: Option<HeaderValue>,
}

impl Correlation {
    /// Reads a request's headers.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let request_id = single(headers, &REQUEST_ID).and_then(RequestId::taken).unwrap_or_else(new_request_id);
        let traceparent = single(headers, &TRACEPARENT).and_then(|value| value.to_str().ok());
        let traceparent = traceparent.filter(|value| is_traceparent(value)).map(str::to_owned);
        // `tracestate` is read only beside a valid `traceparent` (W3C Trace Context §3.3).
        let tracestate = traceparent.as_ref().and_then(|_| trace_state::read(headers));
        Self { request_id, traceparent, tracestate }
    }
}

/// The value of a header; `None` unless the header occurs exactly once.
fn single<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h HeaderValue> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    if values.next().is_some() { None } else { Some(value) }
}

thread_local! {
    /// The random keys of this thread's ids, and the number of ids so far.
    static IDS: (RandomState, RandomState, Cell<u64>) = (RandomState::new(), RandomState::new(), Cell::new(0));
}

/// Makes an id of 128 bits. It is unique for our purposes, but not secret.
fn new_request_id() -> RequestId {
    IDS.with(|(high, low, count)| {
        count.set(count.get().wrapping_add(1));
        RequestId::made(high.hash_one(count.get()), low.hash_one(count.get()))
    })
}

/// Whether a value is a valid `traceparent` (W3C Trace Context §3.2.2).
///
/// Versions above `00` may have further fields after another `-` (§3.2.4).
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
    fn a_trace_state_counts_only_beside_a_valid_trace() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        for (parents, states, sent) in [
            (vec![good], vec!["a=1"], Some("a=1")),
            (vec![good], vec!["a=1", "b=2"], Some("a=1,b=2")),
            (vec![good], vec!["A=1"], None),
            (vec![], vec!["a=1"], None),
            (vec!["00-0-0-00"], vec!["a=1"], None),
            (vec![good, good], vec!["a=1"], None),
        ] {
            let parents_of = parents.iter().map(|value| (TRACEPARENT, *value));
            let states_of = states.iter().map(|value| (HeaderName::from_static("tracestate"), *value));
            let mut headers = HeaderMap::new();
            for (name, value) in parents_of.chain(states_of) {
                headers.append(name, HeaderValue::from_static(value));
            }
            let correlation = Correlation::of(&headers);
            assert_eq!(
                correlation.tracestate.as_ref().map(|value| value.to_str().unwrap()),
                sent,
                "{parents:?} {states:?}"
            );
            // An invalid `tracestate` does not make `traceparent` invalid.
            assert_eq!(correlation.traceparent.is_some(), parents == [good], "{parents:?} {states:?}");
        }
    }

    #[test]
    fn threads_make_ids_of_their_own() {
        let ids = || (0..100).map(|_| new_request_id().to_string()).collect::<Vec<_>>();
        let mut all = ids();
        all.extend(std::thread::spawn(ids).join().unwrap());
        assert_eq!(all.iter().collect::<std::collections::HashSet<_>>().len(), 200);
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
            let next = Correlation::of(&headers).request_id;
            assert!(taken || (id.as_str().len() == 32 && id.as_str() != next.as_str()), "{sent:?} gave {id}");
        }
    }
}
