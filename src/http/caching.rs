//! Caching outside of this process: by clients, and by proxies between them and this process.
//!
//! In: what the engine says about caching an answer, and the entity tags in the `if-none-match` of the request. Out:
//! headers, and whether the answer is 304.
//! Elsewhere: how long an answer is fresh ([`crate::engine`]).
//!
//! Always true:
//! - only answers without errors to GET and HEAD may be stored; all others are `no-store`;
//! - an answer that depends on its caller is `private`, and `vary` names each header that it depends on.
//!
//! # Source
//! RFC 9110 §8.8, §12.5.5, §13; RFC 9111 §4.2, §5.

use super::negotiate::MediaType;
use crate::engine::{Audience, ClientCaching};
use http::header::{AGE, CACHE_CONTROL, ETAG, IF_NONE_MATCH, VARY};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method};

/// The conditions of a GET or HEAD request: the entity tags of the answers that its client has.
#[derive(Debug)]
pub(super) struct Conditions {
    if_none_match: Vec<HeaderValue>,
}

impl Conditions {
    /// Reads the conditions of a request; `None` unless it is a GET or HEAD, because other answers cannot be stored.
    pub(super) fn of(parts: &Parts) -> Option<Self> {
        let is_retrieval = matches!(parts.method, Method::GET | Method::HEAD);
        is_retrieval.then(|| Self { if_none_match: parts.headers.get_all(IF_NONE_MATCH).iter().cloned().collect() })
    }

    /// Whether the client already has the answer with this entity tag (RFC 9110 §13.1.2).
    fn has(&self, tag: &str) -> bool {
        self.if_none_match.iter().filter_map(|value| value.to_str().ok()).any(|list| names(list, tag))
    }
}

/// Writes the headers that say how an answer may be stored. Returns whether the client has the answer already, so that
/// the status is 304.
pub(super) fn write(
    headers: &mut HeaderMap,
    media: MediaType,
    caching: &ClientCaching,
    conditions: &Conditions,
) -> bool {
    // RFC 9111 §1.2.2: lifetimes and ages are whole seconds. Both are rounded down.
    let seconds = caching.lifetime.as_secs();
    let control = match &caching.audience {
        Audience::Everybody => format!("public, max-age={seconds}"),
        Audience::Alike(names) => {
            for name in names.iter() {
                headers.append(VARY, HeaderValue::from(name.clone()));
            }
            format!("private, max-age={seconds}")
        }
    };
    set(headers, CACHE_CONTROL, &control);
    // RFC 9111 §5.1: an answer that was made for this request has no `age`.
    if caching.age.as_secs() > 0 {
        set(headers, AGE, &caching.age.as_secs().to_string());
    }
    let Some(tag) = &caching.tag else { return false };
    // The same bytes with another media type are another representation, which needs another tag (RFC 9110 §8.8.3.3).
    let tag = format!("{tag}{}", media.suffix());
    set(headers, ETAG, &format!("\"{tag}\""));
    conditions.has(&tag)
}

fn set(headers: &mut HeaderMap, name: http::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

/// Whether a list of entity tags is `*` or names this tag by weak comparison (RFC 9110 §8.8.3.2, §13.1.2). Reading ends
/// at the first item that is no entity tag.
fn names(list: &str, wanted: &str) -> bool {
    let mut rest = list.trim_matches([' ', '\t']);
    if rest == "*" {
        return true;
    }
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let quoted = rest.strip_prefix("W/").unwrap_or(rest).strip_prefix('"');
        let Some((tag, after)) = quoted.and_then(|quoted| quoted.split_once('"')) else { return false };
        if tag == wanted {
            return true;
        }
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;
    use http::header::AUTHORIZATION;
    use std::time::Duration;

    fn conditions(if_none_match: &[&str]) -> Conditions {
        let mut request = Request::get("/graphql");
        for value in if_none_match {
            request = request.header(IF_NONE_MATCH, *value);
        }
        Conditions::of(&request.body(()).unwrap().into_parts().0).unwrap()
    }

    #[test]
    fn if_none_match_follows_rfc_9110() {
        for (sent, is_had, section) in [
            (vec![], false, "13.1.2"),
            (vec![r#""a""#], true, "13.1.2"),
            (vec![r#"W/"a""#], true, "8.8.3.2: weak comparison"),
            (vec![r#""b""#], false, "13.1.2"),
            (vec![r#""A""#], false, "8.8.3: tags are compared by character"),
            (vec![r#""b", W/"a""#], true, "13.1.2: a list"),
            (vec![r#""b",,"a""#], true, "5.6.1: empty members"),
            (vec![r#""b""#, r#""a""#], true, "5.3: lines are one list"),
            (vec![r#""b,"a""#], false, "8.8.3: a comma can be part of a tag"),
            (vec!["*"], true, "13.1.2: anything that there is"),
            (vec!["a"], false, "8.8.3: a tag is quoted"),
            (vec![r#""a"#], false, "8.8.3: a tag is quoted"),
            (vec![r#"w/"a""#], false, "8.8.3: `W/` in capitals"),
        ] {
            assert_eq!(conditions(&sent).has("a"), is_had, "{sent:?}: §{section}");
        }
    }

    #[test]
    fn other_methods_have_no_conditions() {
        for method in [Method::POST, Method::PUT, Method::OPTIONS, Method::DELETE] {
            let request = Request::builder().method(method).header(IF_NONE_MATCH, "*").body(()).unwrap();
            assert!(Conditions::of(&request.into_parts().0).is_none());
        }
    }

    #[test]
    fn headers_say_what_the_engine_knows() {
        let tagged = |tag: &str| Some(tag.into());
        let alike = || Audience::Alike([AUTHORIZATION, http::header::COOKIE].into());
        for (lifetime, age, audience, tag, expected, section) in [
            (60_000, 0, Audience::Everybody, None, "cache-control: public, max-age=60", "RFC 9111 §5.2.2.1, §5.2.2.9"),
            (
                60_999,
                1_999,
                Audience::Everybody,
                None,
                "cache-control: public, max-age=60; age: 1",
                "RFC 9111 §1.2.2, §5.1: whole seconds",
            ),
            (900, 0, Audience::Everybody, None, "cache-control: public, max-age=0", "RFC 9111 §1.2.2"),
            (
                5_000,
                0,
                alike(),
                tagged("x"),
                r#"vary: authorization; vary: cookie; cache-control: private, max-age=5; etag: "x-j""#,
                "RFC 9111 §5.2.2.7; RFC 9110 §8.8.3, §12.5.5",
            ),
        ] {
            let caching = ClientCaching {
                lifetime: Duration::from_millis(lifetime),
                age: Duration::from_millis(age),
                audience,
                tag,
            };
            let mut headers = HeaderMap::new();
            assert!(!write(&mut headers, MediaType::Json, &caching, &conditions(&[])));
            let lines = headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()));
            assert_eq!(lines.collect::<Vec<_>>().join("; "), expected, "{section}");
        }
    }
}
