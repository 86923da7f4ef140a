//! Error answers of the services: problem details.
//!
//! # Source
//! RFC 9457 §3.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// An error answer, whose media type is `application/problem+json`.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Problem {
    #[serde(rename = "type")]
    kind: String,
    title: &'static str,
    status: u16,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    skus: Option<Vec<String>>,
}

impl Problem {
    fn new(status: StatusCode, slug: &str, title: &'static str, detail: impl Into<String>) -> Self {
        let kind = format!("https://shop.example/problems/{slug}");
        Self { kind, title, status: status.as_u16(), detail: detail.into(), skus: None }
    }

    /// 400: the request breaks the contract.
    pub(crate) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-request", "Bad request", detail)
    }

    /// 401: there is no token, or it is not valid.
    pub(crate) fn unauthorized(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", "Unauthorized", detail)
    }

    /// 402: the payment was declined.
    pub(crate) fn payment_declined(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYMENT_REQUIRED, "payment-declined", "Payment declined", detail)
    }

    /// 403: the token is valid, but belongs to another user.
    pub(crate) fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", "Forbidden", detail)
    }

    /// 404: the requested thing does not exist.
    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "Not found", detail)
    }

    /// 405: the path exists, but not for this method.
    pub(crate) fn method_not_allowed() -> Self {
        let detail = "this path does not offer this method";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "Method not allowed", detail)
    }

    /// 409: the change conflicts with the current state.
    pub(crate) fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", "Conflict", detail)
    }

    /// 409: these articles are out of stock.
    pub(crate) fn out_of_stock(skus: Vec<String>) -> Self {
        let detail = format!("out of stock: {}", skus.join(", "));
        let problem = Self::new(StatusCode::CONFLICT, "out-of-stock", "Out of stock", detail);
        Self { skus: Some(skus), ..problem }
    }

    /// 422: the idempotency key was used for another request.
    pub(crate) fn key_reused(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency-key-reused", "Idempotency key reused", detail)
    }

    /// 500: the demo has a defect. The cause is written to standard error and not sent to the caller.
    pub(crate) fn internal(cause: &dyn std::fmt::Display) -> Self {
        eprintln!("internal error: {cause}");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Internal error", "see the service's log")
    }

    /// An error answer that a test planned with `Probe::fail_next`.
    pub(crate) fn planned(status: StatusCode) -> Self {
        Self::new(status, "planned", "Planned failure", "this answer was asked for by a test")
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(&self)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
