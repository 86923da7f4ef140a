//! A reverse proxy whose only layer is Bespoke's HTTP cache, so that public test suites for caches can run against it.
//!
//! ```text
//! cargo run --release --example cache_proxy -- --origin http://127.0.0.1:8000 --port 8080
//! ```

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header, request};
use bespoke::internals::cache::{CacheRequest, HttpCache, LookUp, Response, StoredResponse, strip_hop_by_hop};
use bytes::Bytes;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// The largest body of a request, in bytes.
const MAX_BODY: usize = 8 << 20;
/// The memory for stored responses, in bytes.
const MAX_BYTES: u64 = 256 << 20;

struct Proxy {
    origin: String,
    client: reqwest::Client,
    cache: HttpCache,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (mut origin, mut port) = (None, 8080);
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next().ok_or("an option lacks its value")?;
        match name.as_str() {
            "--origin" => origin = Some(value.trim_end_matches('/').to_owned()),
            "--port" => port = value.parse()?,
            _ => return Err(format!("`{name}` is no option: --origin URL --port N").into()),
        }
    }
    let routes = proxy(origin.ok_or("--origin URL is missing")?)?;
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    eprintln!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, routes).await?;
    Ok(())
}

/// Makes the proxy of an origin.
pub(crate) fn proxy(origin: String) -> Result<Router, reqwest::Error> {
    // `reqwest` needs a TLS provider, although nothing is sent over TLS.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder()
        .http1_only()
        .no_proxy()
        .no_gzip()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(30))
        .build()?;
    let proxy = Arc::new(Proxy { origin, client, cache: HttpCache::new(MAX_BYTES) });
    Ok(Router::new().fallback(answer).with_state(proxy))
}

async fn answer(State(proxy): State<Arc<Proxy>>, request: Request) -> axum::response::Response {
    let (mut parts, body) = request.into_parts();
    strip_hop_by_hop(&mut parts.headers);
    let Ok(body) = to_bytes(body, MAX_BODY).await else { return plain(StatusCode::PAYLOAD_TOO_LARGE) };
    let target = target(&parts.uri);
    let asked = CacheRequest { method: &parts.method, target: &target, headers: &parts.headers };
    let response = match proxy.cache.look_up(&asked, Instant::now()) {
        LookUp::Answer(response) => Ok(response),
        LookUp::AnswerAndAsk(response, stored) => {
            tokio::spawn(again(Arc::clone(&proxy), parts, target, stored));
            Ok(response)
        }
        LookUp::Ask(stored) => proxy.ask(&parts, &target, body, Some(&stored)).await,
        LookUp::Nothing => proxy.ask(&parts, &target, body, None).await,
        LookUp::Unsatisfiable => return plain(StatusCode::GATEWAY_TIMEOUT),
    };
    match response {
        Ok(Response { status, headers, body }) => {
            let mut response = axum::response::Response::new(Body::from(body));
            (*response.status_mut(), *response.headers_mut()) = (status, headers);
            response
        }
        Err(_) => plain(StatusCode::BAD_GATEWAY),
    }
}

/// Revalidates a stale response in the background, after the client got it (RFC 5861 §3).
async fn again(proxy: Arc<Proxy>, mut parts: request::Parts, target: Uri, stored: Arc<StoredResponse>) {
    parts.method = Method::GET;
    let _ = proxy.ask(&parts, &target, Bytes::new(), Some(&stored)).await;
}

impl Proxy {
    async fn ask(
        &self,
        parts: &request::Parts,
        target: &Uri,
        body: Bytes,
        stored: Option<&StoredResponse>,
    ) -> Result<Response, reqwest::Error> {
        let asked = CacheRequest { method: &parts.method, target, headers: &parts.headers };
        let mut headers = parts.headers.clone();
        headers.remove(header::HOST);
        headers.remove(header::CONTENT_LENGTH);
        let condition = stored.and_then(StoredResponse::condition);
        if let Some(condition) = &condition {
            // The client's own condition is left out. It is evaluated against the result of the cache's condition.
            headers.remove(header::IF_NONE_MATCH);
            headers.remove(header::IF_MODIFIED_SINCE);
            headers.extend(condition.iter().cloned());
        }
        // The request to validate a stored response is a GET, so that a new response can be stored whole.
        let method = if stored.is_some() { Method::GET } else { parts.method.clone() };
        let sent = Instant::now();
        let response = match self.send(method.clone(), target, headers, body).await {
            Ok(response) if !matches!(response.status.as_u16(), 500 | 502 | 503 | 504) => response,
            failed => match stored.and_then(|stored| stored.on_error(&asked, Instant::now())) {
                Some(old) => return Ok(old),
                None => return failed,
            },
        };
        let (times, date) = ((sent, Instant::now()), SystemTime::now());
        if let (Some(stored), Some(_), StatusCode::NOT_MODIFIED) = (stored, &condition, response.status)
            && let Some(served) = self.cache.still(&asked, stored, &response.headers, times, date)
        {
            return Ok(served);
        }
        self.cache.receive(&CacheRequest { method: &method, ..asked }, &response, times, date);
        let body = if parts.method == Method::HEAD { Bytes::new() } else { response.body };
        Ok(Response { body, ..response })
    }

    async fn send(
        &self,
        method: Method,
        target: &Uri,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Response, reqwest::Error> {
        let request = self.client.request(method, format!("{}{target}", self.origin)).headers(headers);
        let request = if body.is_empty() { request } else { request.body(body) };
        let response = request.send().await?;
        let (status, mut headers) = (response.status(), response.headers().clone());
        strip_hop_by_hop(&mut headers);
        // RFC 9110 §6.6.1: a recipient that forwards a response without a `Date` adds one.
        let now = || httpdate::fmt_http_date(SystemTime::now()).parse().expect("a date is a header's value");
        headers.entry(header::DATE).or_insert_with(now);
        Ok(Response { status, headers, body: response.bytes().await? })
    }
}

/// The path and query of a URI. The scheme and the authority are those of the origin.
fn target(uri: &Uri) -> Uri {
    uri.path_and_query().map_or_else(|| Uri::from_static("/"), |path| path.clone().into())
}

fn plain(status: StatusCode) -> axum::response::Response {
    let mut response = axum::response::Response::new(Body::empty());
    *response.status_mut() = status;
    response
}
