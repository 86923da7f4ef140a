//! Tests of the HTTP cache in front of a real origin, by `examples/cache_proxy.rs`, which public test suites for caches
//! use too.

#[path = "../../examples/cache_proxy.rs"]
#[expect(dead_code, reason = "its `main` is for the command line")]
mod example;

use crate::routed::Routed;
use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderName, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Answers with the headers that the query names and with the number of requests so far, or with 304 if the client has
/// its `etag`.
async fn origin(
    State(asked): State<Arc<AtomicU64>>,
    method: Method,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let count = asked.fetch_add(1, Ordering::SeqCst) + 1;
    let mut answered = HeaderMap::new();
    for (name, value) in query.iter().flat_map(|query| query.split('&')).filter_map(|pair| pair.split_once('=')) {
        let value = value.replace('+', " ").replace("%22", "\"");
        answered.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
    }
    if answered.contains_key("fail") && count > 1 {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let etag = answered.get(header::ETAG);
    if etag.is_some() && headers.get(header::IF_NONE_MATCH) == etag {
        return (StatusCode::NOT_MODIFIED, answered).into_response();
    }
    (answered, format!("{method} {count}")).into_response()
}

struct Proxied {
    proxy: Routed,
    _origin: Routed,
    client: reqwest::Client,
    asked: Arc<AtomicU64>,
}

impl Proxied {
    async fn start() -> Self {
        let asked = Arc::new(AtomicU64::new(0));
        let origin = Routed::start(Router::new().fallback(origin).with_state(Arc::clone(&asked))).await;
        let proxy = Routed::start(example::proxy(origin.url().to_owned()).unwrap()).await;
        Self { proxy, _origin: origin, client: reqwest::Client::new(), asked }
    }

    /// Sends the request `METHOD target name:value;…`. Returns the status, the body, the number of requests that the
    /// origin got for it, and the headers.
    async fn send(&self, request: &str) -> (u16, String, u64, HeaderMap) {
        let before = self.asked.load(Ordering::SeqCst);
        let mut parts = request.splitn(3, ' ');
        let (method, target) = (parts.next().unwrap().parse().unwrap(), parts.next().unwrap());
        let mut sent = self.client.request(method, format!("{}{target}", self.proxy.url()));
        for header in parts.next().unwrap_or_default().split(';').filter(|header| !header.is_empty()) {
            let (name, value) = header.split_once(':').unwrap();
            sent = sent.header(name, value);
        }
        let response = sent.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.text().await.unwrap();
        (status, body, self.asked.load(Ordering::SeqCst) - before, headers)
    }
}

#[tokio::test]
async fn an_origins_responses_are_stored_as_rfc_9111_says() {
    const FRESH: &str = "cache-control=max-age=60";
    for (section, steps) in [
        (
            "§4.2: fresh",
            vec![
                ("GET /?cache-control=max-age=60", 200, "GET 1", 1),
                ("GET /?cache-control=max-age=60", 200, "GET 1", 0),
            ],
        ),
        (
            "§5.2.2.5: no-store",
            vec![("GET /?cache-control=no-store", 200, "GET 1", 1), ("GET /?cache-control=no-store", 200, "GET 2", 1)],
        ),
        ("§4.2.2: nobody guesses", vec![("GET /", 200, "GET 1", 1), ("GET /", 200, "GET 2", 1)]),
        (
            "§3.5: Authorization",
            vec![
                ("GET /?cache-control=max-age=60 authorization:a", 200, "GET 1", 1),
                ("GET /?cache-control=max-age=60 authorization:b", 200, "GET 2", 1),
                ("GET /?cache-control=public,max-age=60 authorization:a", 200, "GET 3", 1),
                ("GET /?cache-control=public,max-age=60 authorization:b", 200, "GET 3", 0),
            ],
        ),
        (
            "§4.1: variants",
            vec![
                ("GET /?cache-control=max-age=60&vary=x-a x-a:1", 200, "GET 1", 1),
                ("GET /?cache-control=max-age=60&vary=x-a x-a:2", 200, "GET 2", 1),
                ("GET /?cache-control=max-age=60&vary=x-a x-a:1", 200, "GET 1", 0),
                ("GET /?cache-control=max-age=60&vary=x-a x-a:2", 200, "GET 2", 0),
                ("GET /?cache-control=max-age=60&vary=x-a", 200, "GET 3", 1),
            ],
        ),
        (
            "§4.3: validated, and updated",
            vec![
                ("GET /?cache-control=no-cache&etag=%22a%22", 200, "GET 1", 1),
                ("GET /?cache-control=no-cache&etag=%22a%22", 200, "GET 1", 1),
                ("GET /?cache-control=no-cache&etag=%22a%22 if-none-match:\"a\"", 304, "", 1),
            ],
        ),
        (
            "§4.3.2: a client's own condition",
            vec![
                ("GET /?cache-control=max-age=60&etag=%22a%22", 200, "GET 1", 1),
                ("GET /?cache-control=max-age=60&etag=%22a%22 if-none-match:W/\"a\"", 304, "", 0),
                ("GET /?cache-control=max-age=60&etag=%22a%22 if-none-match:\"b\"", 200, "GET 1", 0),
            ],
        ),
        (
            "§4.4: writes",
            vec![
                ("GET /?cache-control=max-age=60", 200, "GET 1", 1),
                ("POST /?cache-control=max-age=60", 200, "POST 2", 1),
                ("GET /?cache-control=max-age=60", 200, "GET 3", 1),
                ("BREW /?cache-control=max-age=60", 200, "BREW 4", 1),
                ("GET /?cache-control=max-age=60", 200, "GET 5", 1),
            ],
        ),
        (
            "RFC 9110 §9.3.2: HEAD from GET",
            vec![("GET /?cache-control=max-age=60", 200, "GET 1", 1), ("HEAD /?cache-control=max-age=60", 200, "", 0)],
        ),
        ("§5.2.1.7: only-if-cached", vec![("GET /?cache-control=max-age=60 cache-control:only-if-cached", 504, "", 0)]),
        (
            "§5.2.1: what requests say",
            vec![
                ("GET /?cache-control=max-age=60", 200, "GET 1", 1),
                ("GET /?cache-control=max-age=60 cache-control:no-cache", 200, "GET 2", 1),
                ("GET /?cache-control=max-age=60 cache-control:min-fresh=100", 200, "GET 3", 1),
                ("GET /?cache-control=max-age=60 cache-control:only-if-cached", 200, "GET 3", 0),
                ("GET /other?cache-control=max-age=60 cache-control:no-store", 200, "GET 4", 1),
                ("GET /other?cache-control=max-age=60", 200, "GET 5", 1),
            ],
        ),
        (
            "RFC 5861 §4: stale-if-error",
            vec![
                ("GET /?cache-control=max-age=0,stale-if-error=60&fail=1", 200, "GET 1", 1),
                ("GET /?cache-control=max-age=0,stale-if-error=60&fail=1", 200, "GET 1", 1),
            ],
        ),
        (
            "§3.3: parts are not stored",
            vec![
                ("GET /?cache-control=max-age=60 range:bytes=0-1", 200, "GET 1", 1),
                ("GET /?cache-control=max-age=60", 200, "GET 2", 1),
            ],
        ),
    ] {
        let proxied = Proxied::start().await;
        for (request, status, body, asked) in steps {
            let (found, text, count, _) = proxied.send(request).await;
            assert_eq!((found, text.as_str(), count), (status, body, asked), "{section}: {request}");
        }
    }
    let proxied = Proxied::start().await;
    proxied.send(&format!("GET /?{FRESH}&age=7")).await;
    let (.., headers) = proxied.send(&format!("GET /?{FRESH}&age=7")).await;
    let age: u64 = headers[header::AGE].to_str().unwrap().parse().unwrap();
    assert!((7..20).contains(&age), "§5.1: {age}");
}

#[tokio::test]
async fn a_stale_response_is_served_while_it_is_asked_for_again() {
    let proxied = Proxied::start().await;
    let request = "GET /?cache-control=max-age=0,stale-while-revalidate=60";
    assert_eq!(proxied.send(request).await.1, "GET 1");
    assert_eq!(proxied.send(request).await.1, "GET 1");
    let limit = tokio::time::Instant::now() + std::time::Duration::from_secs(10);
    while proxied.send(request).await.1 == "GET 1" {
        assert!(tokio::time::Instant::now() < limit, "RFC 5861 §3: nobody asks again");
        tokio::task::yield_now().await;
    }
}
