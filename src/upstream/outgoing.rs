//! What goes out: a request, written for the path that it takes to its service.
//!
//! Always true: by either path the same head and body are sent, but for the order of headers.

use super::body::names_json;
use super::cause::Called;
use super::client::{HttpClient, USER_AGENT as OURS};
use super::credentials::Credentials;
use super::direct::Direct;
use super::model::{Condition, Request};
use super::response::{Broken, Response};
use super::target::Base;
use crate::policy::Caller;
use bytes::Bytes;
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, HOST, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use http_body_util::Full;

/// How a service is reached: by the pooled client, or without TLS directly.
#[derive(Debug)]
pub(super) enum Path {
    Pooled { base: Base, client: HttpClient, credentials: Credentials },
    Direct { base: Base, host: HeaderValue, direct: Direct, credentials: Credentials },
}

/// A request that is ready to be sent.
#[derive(Debug)]
pub(super) enum Outgoing<'p> {
    /// With the size of the largest head that is taken.
    Pooled(reqwest::Client, reqwest::Request, usize),
    Direct(&'p Direct, http::Request<Full<Bytes>>),
}

impl Path {
    pub(super) fn to(base: Base, client: &HttpClient, credentials: Credentials) -> Self {
        match base.origin().filter(|_| client.options.direct) {
            Some(origin) => {
                let direct = Direct::new(origin.uri, &client.options);
                Self::Direct { base, host: origin.host, direct, credentials }
            }
            None => Self::Pooled { base, client: client.clone(), credentials },
        }
    }

    /// Writes a request; the error says why it may not be sent.
    pub(super) fn prepare(
        &self,
        request: Request,
        caller: &Caller,
        condition: Option<&Condition>,
    ) -> Result<Outgoing<'_>, &'static str> {
        let (method, target, headers, body) = match request {
            Request::Http { method, target, headers, body } => (method, Some(target), headers, body),
            Request::GraphQl { query, variables, headers } => {
                (Method::POST, None, headers, Some(graphql_body(&query, &variables)))
            }
        };
        match self {
            Self::Pooled { base, client, credentials } => {
                let url = match target {
                    Some(target) => base.join(&target)?,
                    None => base.url().clone(),
                };
                let mut prepared = reqwest::Request::new(method, url);
                write_headers(prepared.headers_mut(), headers, caller, body.is_some());
                prepared.headers_mut().extend(condition.into_iter().flat_map(|condition| condition.iter().cloned()));
                credentials.write(prepared.headers_mut());
                prepared.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
                *prepared.body_mut() = body.map(Into::into);
                Ok(Outgoing::Pooled(client.current(), prepared, client.options.max_header_bytes))
            }
            Self::Direct { base, host, direct, credentials } => {
                let mut prepared = http::Request::new(body.clone().map(Full::new).unwrap_or_default());
                *prepared.method_mut() = method;
                *prepared.uri_mut() = match target {
                    Some(target) => base.join_in_origin_form(target)?,
                    None => base.in_origin_form()?,
                };
                let to = prepared.headers_mut();
                write_headers(to, headers, caller, body.is_some());
                to.extend(condition.into_iter().flat_map(|condition| condition.iter().cloned()));
                credentials.write(to);
                to.insert(HOST, host.clone());
                to.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
                to.entry(USER_AGENT).or_insert(HeaderValue::from_static(OURS));
                Ok(Outgoing::Direct(direct, prepared))
            }
        }
    }
}

impl Outgoing<'_> {
    /// Sets a header, whatever it was before.
    pub(super) fn set_header(&mut self, name: HeaderName, value: HeaderValue) {
        match self {
            Self::Pooled(_, request, _) => request.headers_mut().insert(name, value),
            Self::Direct(_, request) => request.headers_mut().insert(name, value),
        };
    }

    /// Where it goes, for causes.
    pub(super) fn called(&self) -> Called {
        match self {
            Self::Pooled(_, request, _) => Called::whole(request.method(), request.url()),
            Self::Direct(direct, request) => Called::direct(request.method(), direct.origin(), request.uri()),
        }
    }

    /// Sends it and waits for the head of the response.
    pub(super) async fn send(self) -> Result<Response, Broken> {
        match self {
            Self::Pooled(client, request, max_header_bytes) => {
                let response = client.execute(request).await.map_err(Broken::Pooled)?;
                // The client cannot be told how large a head may be: it stops at 400 KiB by itself.
                match size_of(response.headers()) > max_header_bytes {
                    true => Err(Broken::LongHead),
                    false => Ok(Response::Pooled(response)),
                }
            }
            Self::Direct(direct, request) => direct.send(request).await.map(Response::Direct).map_err(Broken::Direct),
        }
    }
}

/// Bytes of a head without its first line.
fn size_of(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len()).sum()
}

/// Headers that a request never carries, whatever the rules say: framing and connections are ours (RFC 9110 §7.6.1),
/// we decode only what we asked for, and an answer to a condition or a range is none to the call. Conditions of our own
/// ([`super::Context::condition`]) go past this list.
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

fn write_headers(to: &mut HeaderMap, from: Vec<(HeaderName, HeaderValue)>, caller: &Caller, has_body: bool) {
    const JSON: HeaderValue = HeaderValue::from_static("application/json");
    to.reserve(from.len() + 4);
    for (name, value) in from {
        // A source may pin the version that it gets by a media type; what it gets is JSON all the same.
        let is_refused = name == ACCEPT && !names_json(&value);
        if !is_refused && !WITHHELD.contains(&name.as_str()) {
            to.append(name, value);
        }
    }
    to.entry(ACCEPT).or_insert(JSON);
    if has_body {
        to.insert(CONTENT_TYPE, JSON);
    }
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

/// `{"query":…,"variables":…}` (GraphQL over HTTP §5.1); the variables are JSON already.
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
