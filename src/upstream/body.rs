//! Bodies: read up to a cap, checked to be JSON by name and by depth.

use super::failure::{describe, kind_of};
use super::model::{CallError, CallErrorKind};
use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use std::sync::Arc;

/// Why there is no body.
#[derive(Debug)]
pub(super) enum BodyError {
    TooLarge,
    Broken(reqwest::Error),
}

impl BodyError {
    pub(super) fn at(&self, service: &Arc<str>) -> CallError {
        match self {
            Self::TooLarge => CallError::new(service, CallErrorKind::TooLarge, "the body is over its cap"),
            Self::Broken(error) => CallError::new(service, kind_of(error), describe(error)),
        }
    }
}

/// Reads a body, decompressed, up to `limit` bytes; over it the rest is not read and the connection is dropped.
pub(super) async fn read_capped(mut response: reqwest::Response, limit: usize) -> Result<Bytes, BodyError> {
    let announced = response.content_length().unwrap_or(0);
    if announced > limit as u64 {
        return Err(BodyError::TooLarge);
    }
    let Some(first) = response.chunk().await.map_err(BodyError::Broken)? else { return Ok(Bytes::new()) };
    if first.len() > limit {
        return Err(BodyError::TooLarge);
    }
    let Some(second) = response.chunk().await.map_err(BodyError::Broken)? else { return Ok(first) };
    // What is announced is under the cap, so it may be reserved.
    let mut body = BytesMut::with_capacity((announced as usize).max(first.len() + second.len()));
    body.extend_from_slice(&first);
    let mut next = Some(second);
    while let Some(chunk) = next {
        if body.len() + chunk.len() > limit {
            return Err(BodyError::TooLarge);
        }
        body.extend_from_slice(&chunk);
        next = response.chunk().await.map_err(BodyError::Broken)?;
    }
    Ok(body.freeze())
}

/// Is it `application/json`, or a type with the suffix `+json` (RFC 6839 §3.1)? Parameters do not count.
pub(super) fn is_json(headers: &HeaderMap) -> bool {
    let Some(Ok(value)) = headers.get(CONTENT_TYPE).map(|value| value.to_str()) else { return false };
    let essence = value.split(';').next().unwrap_or_default().trim();
    let Some((kind, subtype)) = essence.split_once('/') else { return false };
    let ends_in_json = || {
        let suffix = subtype.len().checked_sub(5).and_then(|start| subtype.get(start..));
        suffix.is_some_and(|suffix| suffix.eq_ignore_ascii_case("+json"))
    };
    (kind.eq_ignore_ascii_case("application") && subtype.eq_ignore_ascii_case("json")) || ends_in_json()
}

/// Are objects and lists nested deeper than `limit`? Of what is no JSON it says nothing useful, and does not fail.
pub(super) fn is_deeper_than(body: &[u8], limit: u32) -> bool {
    let mut depth = 0u32;
    let mut bytes = body.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'{' | b'[' => {
                depth += 1;
                if depth > limit {
                    return true;
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => {
                while let Some(byte) = bytes.next() {
                    match byte {
                        b'"' => break,
                        b'\\' => _ = bytes.next(),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn json_is_told_by_its_content_type() {
        for (value, expected) in [
            ("application/json", true),
            ("Application/JSON ; charset=utf-8", true),
            ("application/problem+json", true),
            ("application/vnd.a.v2+JSON;q=1", true),
            ("application/jsonp", false),
            ("text/json", false),
            ("text/html", false),
            ("json", false),
            ("é/+json", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, HeaderValue::from_bytes(value.as_bytes()).expect("a header"));
            assert_eq!(is_json(&headers), expected, "{value}");
        }
        assert!(!is_json(&HeaderMap::new()));
    }

    #[test]
    fn depth_counts_nesting_outside_of_strings() {
        for (body, depth) in [
            ("1", 0),
            ("[]", 1),
            (r#"[[],{"a":[]},[]]"#, 3),
            (r#"{"a":"[[[[\"[["}"#, 1),
            (r#"["\\",[1]]"#, 2),
            (r#"]]][["#, 2),
            (r#"["unended [["#, 1),
        ] {
            assert!(!is_deeper_than(body.as_bytes(), depth), "{body} within {depth}");
            assert!(depth == 0 || is_deeper_than(body.as_bytes(), depth - 1), "{body} over {depth}");
        }
    }
}
