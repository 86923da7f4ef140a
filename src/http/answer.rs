//! The status and headers of an answer (GraphQL over HTTP §6.4).

use super::caching::{self, Conditions};
use super::correlation::{Correlation, REQUEST_ID};
use super::negotiate::MediaType;
use super::refusal::Refusal;
use crate::engine::{Response, ResponseKind};
use crate::policy::RequestId;
use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::json;

/// Turns an answer of the engine into an HTTP response. `conditions` are there if the method of the request allows its
/// answer to be stored.
pub(super) fn answer(
    media: MediaType,
    correlation: &Correlation,
    response: &Response,
    conditions: Option<&Conditions>,
) -> http::Response<Body> {
    let status = status(media, response.kind);
    let mut answer = json_answer(status, media, correlation, response.body.clone());
    if let (ResponseKind::Executed, 0, Some(caching), Some(conditions)) =
        (response.kind, response.errors, &response.caching, conditions)
        && caching::write(answer.headers_mut(), media, caching, conditions)
    {
        // RFC 9110 §15.4.5: a 304 has no content and no headers that describe content.
        answer.headers_mut().remove(header::CONTENT_TYPE);
        *answer.status_mut() = StatusCode::NOT_MODIFIED;
        *answer.body_mut() = Body::empty();
    }
    let (name, value) = match response.kind {
        ResponseKind::MethodNotAllowed => (header::ALLOW, "POST"),
        ResponseKind::Unavailable => (header::RETRY_AFTER, "1"),
        ResponseKind::Executed | ResponseKind::DocumentError | ResponseKind::VariableError => return answer,
    };
    answer.headers_mut().insert(name, HeaderValue::from_static(value));
    answer
}

/// The status: for `application/json`, request errors are 200 (§6.4.1); for the other type, they are 400 (§6.4.2).
fn status(media: MediaType, kind: ResponseKind) -> StatusCode {
    match (kind, media) {
        (ResponseKind::Executed, _) => StatusCode::OK,
        (ResponseKind::MethodNotAllowed, _) => StatusCode::METHOD_NOT_ALLOWED,
        (ResponseKind::Unavailable, _) => StatusCode::SERVICE_UNAVAILABLE,
        (ResponseKind::DocumentError | ResponseKind::VariableError, MediaType::Json) => StatusCode::OK,
        (ResponseKind::DocumentError | ResponseKind::VariableError, MediaType::GraphQlResponse) => {
            StatusCode::BAD_REQUEST
        }
    }
}

/// Turns a refusal into an HTTP response whose body is a GraphQL response without `data`.
pub(super) fn refuse(media: MediaType, correlation: &Correlation, refusal: &Refusal) -> http::Response<Body> {
    let error = json!({ "message": refusal.to_string(), "extensions": { "code": refusal.code() } });
    let body = json!({ "errors": [error] }).to_string();
    let mut answer = json_answer(refusal.status(), media, correlation, body.into());
    refusal.add_headers(answer.headers_mut());
    answer
}

fn json_answer(status: StatusCode, media: MediaType, correlation: &Correlation, body: Bytes) -> http::Response<Body> {
    let mut answer = http::Response::new(Body::from(body));
    *answer.status_mut() = status;
    headers(answer.headers_mut(), media.content_type(), &correlation.request_id);
    answer
}

/// Sets the headers that every answer has.
pub(super) fn headers(headers: &mut HeaderMap, content_type: HeaderValue, request_id: &RequestId) {
    headers.insert(header::CONTENT_TYPE, content_type);
    headers.insert(header::VARY, HeaderValue::from_static("accept"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REQUEST_ID, request_id.to_header());
}
