//! One service over HTTP: one request out, one JSON body with a size limit back.
//!
//! In: a [`Request`] and its [`Context`]. Out: an [`Answer`] whose body is JSON by its content type, or a
//! [`CallError`].
//! Elsewhere: sharing of equal calls ([`super::shared`]); how many calls are in flight at once, and when a call is
//! repeated ([`super::guarded`]); what is sent, and over which connections ([`super::outgoing`]); reading the body
//! ([`super::body`], [`crate::execute`]).
//!
//! Always true:
//! - a request goes to its target under the service's base URL, never to another host or to a path above it;
//! - the service's timeout runs from sending to the last byte; a read ends with its deadline, too;
//! - the service is told how long somebody waits for its answer, measured when the request is sent;
//! - a call is sent once. There is one exception: a read is sent again at once, over a new connection, if its
//!   connection had been used before and ended without a byte of an answer (RFC 9110 §9.2.2, RFC 9112 §9.3.1). Services
//!   close idle connections whenever they want to. That is not a failure, so neither the circuit breaker nor the retry
//!   budget counts it.

use super::body::{BodyError, is_json, read_capped, read_gzip_capped, without_mark};
use super::cause::media_type_text;
use super::client::{ClientError, HttpClient};
use super::coding::Coding;
use super::credentials::Credentials;
use super::deprecation::Notices;
use super::failure::{describe, is_stale, is_unsent, kind_of};
use super::model::{Answer, CallError, CallErrorKind, Context, Request, Subgraph};
use super::outgoing::{OutgoingRequest, Over, Path};
use super::response::Response;
use super::retry_after::retry_after;
use super::target::{Base, InvalidBaseUrl};
use crate::cache::kept_headers;
use crate::defaults;
use crate::json::{MAX_DEPTH, is_deeper_than};
use crate::report::{Cause, ServiceReport};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::time::{Instant, timeout_at};

/// The limits and settings of one service over HTTP.
#[derive(Debug, Clone)]
pub struct HttpServiceConfig {
    /// The name of the service, for errors and logs.
    pub name: Arc<str>,
    /// The URL of the service. Targets are appended to its path; GraphQL requests go to exactly this URL.
    pub base_url: String,
    /// The longest wait, from sending to the last byte of the body. Default: 2 s. When it
    /// passes, the call fails with a timeout.
    pub timeout: Duration,
    /// The largest body, in bytes after decompression. Default: 8388608 (8 MiB). If the body is
    /// larger, the connection is dropped.
    pub max_response_bytes: usize,
    /// The header that says for how long somebody waits for the answer, in whole milliseconds; `None` if no header is
    /// sent. Default: `x-request-timeout-ms`.
    pub timeout_header: Option<HeaderName>,
    /// The deepest nesting of objects and lists. Default: 128 levels, which is also the limit of the reader of bodies:
    /// only a lower limit costs a pass over the body.
    pub max_json_depth: u32,
    /// Whether answers keep the service's headers about caching. Default: no.
    pub keeps_headers: bool,
    /// The credentials of our own that each call carries. Default: none.
    pub credentials: Credentials,
}

impl HttpServiceConfig {
    /// The default settings for a name and a base URL.
    #[must_use]
    pub fn new(name: impl Into<Arc<str>>, base_url: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            base_url: base_url.into(),
            timeout: defaults::SERVICE_TIMEOUT,
            max_response_bytes: defaults::RESPONSE_BYTES.get(),
            timeout_header: Some(HeaderName::from_static(defaults::TIMEOUT_HEADER)),
            max_json_depth: MAX_DEPTH,
            keeps_headers: false,
            credentials: Credentials::default(),
        }
    }
}

/// A service over HTTP.
#[derive(Debug, Clone)]
pub struct HttpService {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    config: HttpServiceConfig,
    path: Path,
    notices: Notices,
}

/// Why a service cannot be called.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// Its base URL is not a URL, or its scheme is not `http` or `https`.
    #[error(transparent)]
    Url(#[from] InvalidBaseUrl),
    /// Connections to it cannot be set up.
    #[error(transparent)]
    Client(#[from] ClientError),
}

impl HttpService {
    /// A service that is called through connections of its own.
    ///
    /// # Errors
    /// - [`ServiceError::Url`] if the base URL is not a URL, or its scheme is not `http` or `https`;
    /// - [`ServiceError::Client`] if the scheme is `https` and TLS cannot be set up.
    pub fn new(client: &HttpClient, config: HttpServiceConfig) -> Result<Self, ServiceError> {
        let base = Base::parse(&config.base_url)?;
        let path = Path::to(base, client, config.credentials.clone())?;
        let notices = Notices::new(Arc::clone(&config.name));
        Ok(Self { inner: Arc::new(Inner { path, config, notices }) })
    }
}

impl Subgraph for HttpService {
    fn call(&self, request: Request, ctx: Context) -> BoxFuture<'static, Result<Answer, CallError>> {
        let inner = Arc::clone(&self.inner);
        Box::pin(async move { inner.call(request, &ctx).await })
    }

    fn report(&self) -> Option<ServiceReport> {
        Some(ServiceReport { deprecated: self.inner.notices.report(), ..ServiceReport::default() })
    }
}

impl Inner {
    async fn call(&self, request: Request, ctx: &Context) -> Result<Answer, CallError> {
        let deadline = Instant::from_std(ctx.deadline);
        self.config.credentials.refresh(deadline).await;
        let own = Instant::now() + self.config.timeout;
        let limit = ctx.cut().map_or(own, |cut| cut.min(own));
        let first = self.prepare(&request, ctx, deadline.min(own))?;
        let called = Arc::new(first.called());
        let mut attempts = 1;
        let over = if ctx.is_safe { Over::Any } else { Over::Lively };
        let exchange = async {
            let response = match first.send(over).await {
                Err(broken) if ctx.is_safe && is_stale(&broken) => {
                    let again = self.prepare(&request, ctx, deadline.min(own));
                    // The first request was sent, even if the service may have seen nothing of it.
                    let again = again.map_err(|error| CallError { is_unsent: false, ..error })?;
                    attempts = 2;
                    again.send(Over::New).await
                }
                sent => sent,
            };
            let response = response.map_err(|broken| {
                let error = self.error(kind_of(&broken), describe(&broken));
                CallError { is_unsent: attempts == 1 && is_unsent(&broken), ..error }
            })?;
            self.read(response, ctx).await
        };
        let result = match timeout_at(limit, exchange).await {
            Ok(result) => result,
            Err(_) if limit == deadline => {
                Err(self.error(CallErrorKind::Timeout, "the request's deadline passed before the whole answer came"))
            }
            Err(_) => {
                let timeout = self.config.timeout;
                let what = format!("the service's timeout of {timeout:?} passed before the whole answer came");
                Err(self.error(CallErrorKind::Timeout, what))
            }
        };
        match result {
            Ok(answer) => Ok(Answer { called: Some(called), attempts, ..answer }),
            Err(error) => Err(CallError { attempts, ..error.of_call(called) }),
        }
    }

    /// Builds a request whose answer is awaited until `end`; the error says why it is not sent.
    fn prepare(&self, request: &Request, ctx: &Context, end: Instant) -> Result<OutgoingRequest<'_>, CallError> {
        let request = self.path.prepare(request, &ctx.caller, ctx.condition.as_ref());
        let mut request = request.map_err(|cause| self.error(CallErrorKind::Unsendable, cause).unsent())?;
        let now = Instant::now();
        // A timer fires only when it is polled after a pending step, so a deadline that has
        // already passed is checked here.
        if end <= now {
            return Err(self.error(CallErrorKind::Timeout, "the deadline has passed before sending").unsent());
        }
        if let Some(name) = &self.config.timeout_header {
            request.set_header(name.clone(), milliseconds(end - now));
        }
        Ok(request)
    }

    /// Makes an answer of a response whose head has been read.
    async fn read(&self, response: Response, ctx: &Context) -> Result<Answer, CallError> {
        self.notices.read(&ctx.endpoint, response.headers());
        let status = response.status();
        let retry_after = match status {
            StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => retry_after(response.headers(), SystemTime::now()),
            _ => None,
        };
        let still_holds = ctx.condition.is_some() && status == StatusCode::NOT_MODIFIED;
        let is_redirect = status.is_redirection() && !still_holds;
        if is_redirect && !ctx.takes_redirects || status.is_informational() {
            let what = match status.is_redirection() {
                true => "the service answered with a redirect, which is not followed",
                false => "the service answered with an informational status",
            };
            return Err(self.error(CallErrorKind::Malformed, Cause::with_status(what, status.as_u16())));
        }
        let headers = response.headers();
        if headers.contains_key(TRANSFER_ENCODING) && headers.contains_key(CONTENT_LENGTH) {
            // A reader that uses one of the two lengths and a reader that uses the other see
            // different answers (RFC 9112 §6.3).
            return Err(
                self.error(CallErrorKind::Malformed, "the answer says its length twice, by chunks and by a number")
            );
        }
        let (is_json, media_type) = (is_json(headers), headers.get(CONTENT_TYPE).cloned());
        let kept = if self.config.keeps_headers { kept_headers(headers) } else { HeaderMap::new() };
        let coding = Coding::of(headers);
        let is_encoded = coding == Coding::Unknown;
        if (!is_json || is_encoded) && (is_redirect || status.is_client_error() || status.is_server_error()) {
            // The status is the outcome. The error page of a proxy, or the hypertext of a redirect (RFC 9110 §15.4),
            // must not hide it.
            let media_type = media_type.as_ref().map(media_type_text);
            let answer = Answer::new(status.as_u16(), Bytes::new());
            return Ok(Answer { headers: kept, retry_after, media_type, ..answer });
        }
        let limit = self.config.max_response_bytes;
        let body = match coding {
            Coding::Gzip(times @ 1..) => read_gzip_capped(response, limit, times).await,
            Coding::Gzip(0) | Coding::Unknown => read_capped(response, limit).await,
        };
        let begun = |error: BodyError| CallError { has_begun: true, ..error.at(&self.config.name) };
        let body = body.map(without_mark).map_err(begun)?;
        let answer = self.check(status, body, is_json, media_type.as_ref(), is_encoded)?;
        Ok(Answer { headers: kept, retry_after, ..answer })
    }

    fn check(
        &self,
        status: StatusCode,
        body: Bytes,
        is_json: bool,
        media_type: Option<&HeaderValue>,
        is_encoded: bool,
    ) -> Result<Answer, CallError> {
        if !body.is_empty() {
            let malformed = |what: &'static str| {
                let cause = Cause::with_status(what, status.as_u16());
                self.error(CallErrorKind::Malformed, cause.of_media_type(media_type))
            };
            if is_encoded {
                return Err(malformed("the answer has a content encoding that was not asked for"));
            }
            if !is_json {
                return Err(malformed(match media_type {
                    Some(_) => "the answer's media type is not JSON",
                    None => "the answer has no media type, so it is not known to be JSON",
                }));
            }
            // The reader of the body enforces the default limit itself.
            if self.config.max_json_depth < MAX_DEPTH && is_deeper_than(&body, self.config.max_json_depth) {
                return Err(self.error(CallErrorKind::TooLarge, "JSON is nested too deeply"));
            }
        }
        Ok(Answer::new(status.as_u16(), body))
    }

    fn error(&self, kind: CallErrorKind, cause: impl Into<Cause>) -> CallError {
        CallError::new(&self.config.name, kind, cause)
    }
}

/// The value of the timeout header, in whole milliseconds. It is at least 1, because 0 would mean no time at all.
fn milliseconds(left: Duration) -> HeaderValue {
    HeaderValue::from(u64::try_from(left.as_millis()).unwrap_or(u64::MAX).max(1))
}

#[cfg(test)]
mod tests;
