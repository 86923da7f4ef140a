//! A reverse proxy that changes the answers of a service.
//!
//! In: the base URL of a real service, and a function that turns a request and its answer into another answer.
//! Out: a base URL on loopback (port 0), and the number of answers that were changed.
//!
//! Always true: the target and the body of each request, and the body of each answer that the function leaves alone,
//! are passed on byte for byte.

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::task::JoinHandle;

/// The longest body of a request, in bytes.
const MAX_BODY_BYTES: usize = 16 << 20;

/// A request that the proxy passes on to the service.
#[derive(Debug, Clone)]
pub struct Passing {
    /// The HTTP method.
    pub method: Method,
    /// The path and query as the caller sent them.
    pub target: String,
    /// The body of the request.
    pub body: Bytes,
}

/// The answer that the caller gets instead of the service's.
#[derive(Debug, Clone)]
pub struct Changed {
    /// Another status, or `None` to keep the service's.
    pub status: Option<u16>,
    /// Another body, as JSON.
    pub body: Value,
}

type Change = dyn Fn(&Passing, Value) -> Option<Changed> + Send + Sync;

struct Shared {
    service: String,
    client: reqwest::Client,
    change: Box<Change>,
    changed: AtomicUsize,
}

/// The running proxy. Dropping it ends it.
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    serving: JoinHandle<()>,
}

impl std::fmt::Debug for Proxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Proxy").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Proxy {
    /// Starts a proxy in front of `service`. `change` gets each JSON answer, and returns another body, or `None` to
    /// leave the answer alone.
    ///
    /// # Errors
    /// When no port can be bound.
    ///
    /// # Panics
    /// When no TLS provider is installed, because `reqwest` needs one even on loopback.
    pub async fn start(
        service: String,
        change: impl Fn(&Passing, Value) -> Option<Value> + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let change = move |request: &Passing, answer| Some(Changed { status: None, body: change(request, answer)? });
        Self::start_changing(service, change).await
    }

    /// Starts a proxy as [`Self::start`] does, but `change` may return another status too.
    ///
    /// # Errors
    /// When no port can be bound.
    ///
    /// # Panics
    /// When no TLS provider is installed.
    pub async fn start_changing(
        service: String,
        change: impl Fn(&Passing, Value) -> Option<Changed> + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let client = reqwest::Client::builder().timeout(Duration::from_secs(10)).build();
        let client = client.expect("a TLS provider is installed");
        let shared = Shared { service, client, change: Box::new(change), changed: AtomicUsize::new(0) };
        let shared = Arc::new(shared);
        let router = Router::new().fallback(pass).with_state(Arc::clone(&shared));
        let serving = tokio::spawn(async move {
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { address, shared, serving })
    }

    /// The base URL, `http://127.0.0.1:port`, without a slash at the end.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The number of answers that were changed so far.
    #[must_use]
    pub fn changed(&self) -> usize {
        self.shared.changed.load(Ordering::Relaxed)
    }
}

async fn pass(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    match forward(&shared, request).await {
        Ok(response) => response,
        Err(cause) => (StatusCode::BAD_GATEWAY, cause).into_response(),
    }
}

async fn forward(shared: &Shared, request: Request) -> Result<Response, String> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, MAX_BODY_BYTES).await.map_err(|error| error.to_string())?;
    let target = parts.uri.path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string);
    let passing = Passing { method: parts.method, target, body };
    let url = format!("{}{}", shared.service, passing.target);
    let onward = shared.client.request(passing.method.clone(), url);
    let onward = onward.headers(end_to_end(&parts.headers)).body(passing.body.clone());
    let answer = onward.send().await.map_err(|error| error.to_string())?;
    let (mut status, headers) = (answer.status(), end_to_end(answer.headers()));
    let body = answer.bytes().await.map_err(|error| error.to_string())?;
    let changed = serde_json::from_slice(&body).ok().and_then(|json| (shared.change)(&passing, json));
    let body = match changed {
        None => body,
        Some(changed) => {
            shared.changed.fetch_add(1, Ordering::Relaxed);
            if let Some(other) = changed.status {
                status = StatusCode::from_u16(other).map_err(|error| error.to_string())?;
            }
            Bytes::from(changed.body.to_string())
        }
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Ok(response)
}

/// Returns the headers without those that belong to one connection (RFC 9110 §7.6.1), or that depend on the length or
/// the coding of the body.
fn end_to_end(headers: &HeaderMap) -> HeaderMap {
    let mut headers = headers.clone();
    for name in
        [header::HOST, header::CONNECTION, header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::ACCEPT_ENCODING]
    {
        headers.remove(name);
    }
    headers
}
