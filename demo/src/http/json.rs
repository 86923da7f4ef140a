//! JSON bodies of requests and answers, with validators (RFC 9110 §8.8) for answers that may be cached.

use axum::Json;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Problem;

/// The freshness lifetime of the catalog's answers: 60 seconds.
const CACHE_CONTROL: HeaderValue = HeaderValue::from_static("public, max-age=60");

/// Answers 200 with `value`.
pub(crate) fn json(value: &impl Serialize) -> Response {
    Json(value).into_response()
}

/// Answers 200 with `value`, which stays fresh for a minute, or 304 if the caller already has it.
///
/// # Source
/// RFC 9110 §8.8.3 (`ETag`), §13.1.2 (`If-None-Match`, compared weakly).
pub(crate) fn cacheable(request: &HeaderMap, value: &impl Serialize) -> Result<Response, Problem> {
    let body = serde_json::to_vec(value).map_err(|error| Problem::internal(&error))?;
    let tag = format!("\"{:016x}\"", fnv1a(&body));
    let mut response = if is_known(request, &tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([(header::CONTENT_TYPE, "application/json")], body).into_response()
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, CACHE_CONTROL);
    if let Ok(tag) = HeaderValue::try_from(tag) {
        headers.insert(header::ETAG, tag);
    }
    Ok(response)
}

fn is_known(request: &HeaderMap, tag: &str) -> bool {
    let sent = request.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    sent.flat_map(|list| list.split(','))
        .map(str::trim)
        .any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}

/// The 64-bit FNV-1a digest of `bytes`, because entity tags must be equal in every run and on every machine.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Reads a request body, which must be `application/json` and fit the type `T`.
pub(crate) fn json_body<T: DeserializeOwned>(headers: &HeaderMap, body: &[u8]) -> Result<T, Problem> {
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if media_type.split(';').next().map(str::trim) != Some("application/json") {
        return Err(Problem::bad_request("the body must be application/json"));
    }
    serde_json::from_slice(body).map_err(|error| Problem::bad_request(format!("the body does not fit: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_tags_are_answered_with_304() {
        let tag = cacheable(&HeaderMap::new(), &[1, 2]).unwrap().headers()[header::ETAG].clone();
        let tag = tag.to_str().unwrap();
        for (sent, status) in
            [(tag.to_owned(), 304), (format!("\"x\", W/{tag}"), 304), ("*".to_owned(), 304), ("\"x\"".to_owned(), 200)]
        {
            let mut request = HeaderMap::new();
            request.insert(header::IF_NONE_MATCH, sent.parse().unwrap());
            assert_eq!(cacheable(&request, &[1, 2]).unwrap().status(), status, "If-None-Match: {sent}");
        }
    }
}
