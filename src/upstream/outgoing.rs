//! Outgoing requests, in the form that HTTP/1.1 or HTTP/2 needs.
//!
//! Always true: the same head and body are sent over HTTP/1.1 and over HTTP/2, except `host`, for which HTTP/2 has
//! `:authority`, and the order of the headers.

use super::body::names_json;
use super::client::{ClientError, HttpClient, USER_AGENT as OURS};
use super::credentials::Credentials;
use super::direct::{Direct, Secure};
use super::http2::Http2;
use super::model::{Condition, Request};
use super::response::{BrokenExchange, Response};
use super::target::Base;
use crate::policy::Caller;
use crate::report::CallTarget;
use bytes::Bytes;
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HOST, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use http_body_util::Full;
use std::time::Duration;

/// How a service is reached.
#[derive(Debug)]
pub(super) enum Path {
    /// Over HTTP/1.1.
    Direct { base: Base, direct: Direct, credentials: Credentials },
    /// Over HTTP/2.
    Http2 { base: Base, http2: Http2, limits: HeadLimits, credentials: Credentials },
}

/// A write over HTTP/1.1 is sent only over a new connection, or over one that has been idle for at most this long.
/// Hosts close idle connections after some seconds or minutes. A request that is on its way at that moment is lost, and
/// a write cannot be sent again.
const LIVELY: Duration = Duration::from_secs(1);

/// A request that is ready to be sent.
#[derive(Debug)]
pub(super) enum OutgoingRequest<'p> {
    Direct(&'p Direct, http::Request<Full<Bytes>>),
    Http2(reqwest::Client, reqwest::Request, HeadLimits),
}

/// The largest head that is accepted over HTTP/2. It is checked here, because the limit of the library is higher.
#[derive(Debug, Clone, Copy)]
pub(super) struct HeadLimits {
    bytes: usize,
    headers: usize,
}

/// Which connections a request may be sent over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Over {
    /// Any connection, including one that has been used before.
    Any,
    /// A connection that was used within [`LIVELY`], or a new one.
    Lively,
    /// Only a new connection.
    New,
}

impl Path {
    /// The path to a service: over TLS if its URL has `https`, and then over HTTP/2 if the options say so.
    ///
    /// # Errors
    /// If the URL has `https` and TLS cannot be set up.
    pub(super) fn to(base: Base, client: &HttpClient, credentials: Credentials) -> Result<Self, ClientError> {
        let options = client.options();
        if options.http2 && base.is_https() {
            let http2 = Http2::new(client.tls()?, options)?;
            let limits = HeadLimits { bytes: options.max_header_bytes, headers: options.max_headers };
            return Ok(Self::Http2 { base, http2, limits, credentials });
        }
        let secure = match base.is_https() {
            true => Some(Secure { tls: client.tls()?, name: base.server_name()? }),
            false => None,
        };
        let direct = Direct::new(base.origin().uri.clone(), secure, options);
        Ok(Self::Direct { base, direct, credentials })
    }

    /// Writes a request; the error says why it may not be sent. It borrows the request,
    /// so that it can be written again.
    pub(super) fn prepare(
        &self,
        request: &Request,
        caller: &Caller,
        condition: Option<&Condition>,
    ) -> Result<OutgoingRequest<'_>, &'static str> {
        let (method, target, headers, body) = match request {
            Request::Http { method, target, headers, body } => {
                (method.clone(), Some(target.as_str()), headers, body.clone())
            }
            Request::GraphQl { query, variables, headers } => {
                (Method::POST, None, headers, Some(graphql_body(query, variables)))
            }
        };
        let write = |to: &mut HeaderMap, credentials: &Credentials| {
            write_headers(to, headers, caller);
            write_framing(to, &method, body.is_some());
            to.extend(condition.into_iter().flat_map(|condition| condition.iter().cloned()));
            credentials.write(to);
            to.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
        };
        match self {
            Self::Direct { base, direct, credentials } => {
                let mut prepared = http::Request::new(Full::default());
                *prepared.uri_mut() = match target {
                    Some(target) => base.join_in_origin_form(target)?,
                    None => base.in_origin_form()?,
                };
                let to = prepared.headers_mut();
                write(to, credentials);
                to.insert(HOST, base.origin().host.clone());
                to.entry(USER_AGENT).or_insert(HeaderValue::from_static(OURS));
                *prepared.method_mut() = method;
                *prepared.body_mut() = body.map(Full::new).unwrap_or_default();
                Ok(OutgoingRequest::Direct(direct, prepared))
            }
            Self::Http2 { base, http2, limits, credentials } => {
                let url = match target {
                    Some(target) => base.join(target)?,
                    None => base.url().clone(),
                };
                let mut prepared = reqwest::Request::new(Method::GET, url);
                write(prepared.headers_mut(), credentials);
                *prepared.method_mut() = method;
                *prepared.body_mut() = body.map(Into::into);
                Ok(OutgoingRequest::Http2(http2.current(), prepared, *limits))
            }
        }
    }
}

impl OutgoingRequest<'_> {
    /// Sets a header and replaces its earlier values.
    pub(super) fn set_header(&mut self, name: HeaderName, value: HeaderValue) {
        match self {
            Self::Direct(_, request) => request.headers_mut().insert(name, value),
            Self::Http2(_, request, _) => request.headers_mut().insert(name, value),
        };
    }

    /// The target of the request, for descriptions of causes.
    pub(super) fn called(&self) -> CallTarget {
        match self {
            Self::Direct(direct, request) => CallTarget::direct(request.method(), direct.origin(), request.uri()),
            Self::Http2(_, request, _) => CallTarget::whole(request.method(), request.url()),
        }
    }

    /// Sends the request and waits for the head of the response.
    pub(super) async fn send(self, over: Over) -> Result<Response, BrokenExchange> {
        match self {
            Self::Direct(direct, request) => {
                let sent = match over {
                    Over::Any => direct.send(request, Duration::MAX).await,
                    Over::Lively => direct.send(request, LIVELY).await,
                    Over::New => direct.send_afresh(request).await,
                };
                sent.map(Response::Direct).map_err(BrokenExchange::Direct)
            }
            Self::Http2(client, request, limits) => {
                let response = client.execute(request).await.map_err(BrokenExchange::Http2)?;
                let headers = response.headers();
                match headers.len() > limits.headers || size_of(headers) > limits.bytes {
                    true => Err(BrokenExchange::LongHead),
                    false => Ok(Response::Http2(response)),
                }
            }
        }
    }
}

/// The size of a head without its first line, in bytes.
fn size_of(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len()).sum()
}

/// Headers that a request never carries, even if the source's rules name them. Framing and connections are
/// ours (RFC 9110 §7.6.1), and only codings that we ask for are decoded. A conditional or a range request
/// would get an answer (304, 206) without what the call asks for. Conditions of our own
/// ([`super::Context::condition`]) are not subject to this list.
const WITHHELD: [&str; 19] = [
    "accept-encoding",
    "connection",
    "content-length",
    "expect",
    "host",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "range",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

const JSON: HeaderValue = HeaderValue::from_static("application/json");

fn write_headers(to: &mut HeaderMap, from: &[(HeaderName, HeaderValue)], caller: &Caller) {
    to.reserve(from.len() + 4);
    for (name, value) in from {
        // A source may ask for a version of the API by a media type in `accept`, but only by a media type of JSON.
        let is_refused = name == ACCEPT && !names_json(value);
        if !is_refused && !WITHHELD.contains(&name.as_str()) {
            to.append(name.clone(), value.clone());
        }
    }
    to.entry(ACCEPT).or_insert(JSON);
    let id = caller.request_id.to_header();
    if !id.is_empty() {
        to.insert(HeaderName::from_static("x-request-id"), id);
    }
    if let Some(Ok(parent)) = caller.traceparent.as_deref().map(HeaderValue::from_str) {
        to.insert(HeaderName::from_static("traceparent"), parent);
        if let Some(state) = &caller.tracestate {
            to.insert(HeaderName::from_static("tracestate"), state.clone());
        }
    }
}

/// Describes the body. If a method that usually has a body has none, the length is given as 0 (RFC 9110 §8.6). If there
/// is a body, the HTTP library writes its length.
fn write_framing(to: &mut HeaderMap, method: &Method, has_body: bool) {
    if has_body {
        to.insert(CONTENT_TYPE, JSON);
    } else if matches!(*method, Method::POST | Method::PUT | Method::PATCH) {
        to.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
}

/// The body `{"query":…,"variables":…}` (GraphQL over HTTP §5.1). The variables are the
/// text of a JSON object, or empty.
fn graphql_body(query: &str, variables: &Bytes) -> Bytes {
    let mut body = Vec::with_capacity(query.len() + variables.len() + 40);
    body.extend_from_slice(br#"{"query":"#);
    write_json_string(&mut body, query);
    body.extend_from_slice(br#","variables":"#);
    body.extend_from_slice(if variables.is_empty() { b"{}" } else { variables });
    body.push(b'}');
    body.into()
}

fn write_json_string(to: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(to, text).expect("writing a string to memory cannot fail");
}
