//! Conditional polls: a service that has nothing new answers 304, without a body (RFC 9110 §13).
//!
//! Always true: a conditional poll sees every change that an unconditional one would have seen.

use crate::cache::{condition, is_same_validator};
use crate::upstream::{Answer, Condition, Request};
use http::header::{DATE, IF_MODIFIED_SINCE, LAST_MODIFIED};
use http::{HeaderMap, HeaderValue, Method};
use std::time::{Duration, SystemTime};

/// The headers by which a service distinguishes one answer from others, and the condition made of them.
#[derive(Debug)]
pub(super) struct Validator {
    headers: HeaderMap,
    condition: Condition,
}

impl Validator {
    /// The validator of an answer. `None` if the answer has no validator, or if the call cannot be conditional.
    pub(super) fn of(request: &Request, answer: &Answer) -> Option<Self> {
        let is_get = matches!(request, Request::Http { method, .. } if *method == Method::GET);
        if !is_get || answer.status != 200 {
            return None;
        }
        let sent = condition(&answer.headers)?.into_iter();
        let sent = sent.filter(|(name, _)| *name != IF_MODIFIED_SINCE || is_exact(&answer.headers));
        let condition: Condition = sent.collect();
        (!condition.is_empty()).then(|| Self { headers: answer.headers.clone(), condition })
    }

    pub(super) fn condition(&self) -> Condition {
        Condition::clone(&self.condition)
    }

    /// Whether an answer 304 with these headers is for the answer of this validator (RFC 9111 §4.3.4).
    pub(super) fn is_confirmed_by(&self, told: &HeaderMap) -> bool {
        is_same_validator(&self.headers, told)
    }
}

/// Whether `Last-Modified` distinguishes the answer from all later ones: it does if the answer was sent at least one
/// second after that time. Otherwise, a second change within the same second would not be seen (RFC 9110 §8.8.2.2).
fn is_exact(headers: &HeaderMap) -> bool {
    let date = |name| {
        let value: Option<&HeaderValue> = headers.get(name);
        httpdate::parse_http_date(value?.to_str().ok()?).ok()
    };
    let dates: Option<(SystemTime, SystemTime)> = date(LAST_MODIFIED).zip(date(DATE));
    dates.is_some_and(|(modified, sent)| sent.duration_since(modified).is_ok_and(|age| age >= Duration::from_secs(1)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderName;

    fn conditions(status: u16, headers: &[(&'static str, &'static str)]) -> Vec<String> {
        let request = Request::Http { method: Method::GET, target: "/a".into(), headers: Vec::new(), body: None };
        let headers =
            headers.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        let answer = Answer { headers: headers.collect(), ..Answer::new(status, "{}".into()) };
        let validator = Validator::of(&request, &answer);
        let all = validator.iter().flat_map(|validator| validator.condition.iter());
        all.map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect()
    }

    #[test]
    fn answers_with_a_validator_that_misses_nothing_are_asked_for_again_by_it() {
        let modified = ("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT");
        let later = ("date", "Sun, 06 Nov 1994 08:49:38 GMT");
        let since = "if-modified-since: Sun, 06 Nov 1994 08:49:37 GMT";
        for (status, headers, expected) in [
            (200, vec![("etag", "W/\"1\"")], vec!["if-none-match: W/\"1\""]),
            (200, vec![modified, later], vec![since]),
            (200, vec![("etag", "\"1\""), modified, later], vec!["if-none-match: \"1\"", since]),
            // The resource may change once more in that second.
            (200, vec![modified, ("date", modified.1)], vec![]),
            (200, vec![modified], vec![]),
            (200, vec![later], vec![]),
            (404, vec![("etag", "\"1\"")], vec![]),
        ] {
            assert_eq!(conditions(status, &headers), expected, "{status} {headers:?}");
        }
    }
}
