//! Tests through the router, and over a few real sockets.

mod caching;
mod callers;
mod fake;
mod observed;
mod overload;
mod page;
mod protocol;
mod sockets;

use super::routes::Routes;
use super::{Server, Site, admin_router, router};
use crate::config::{Mode, ServerConfig};
use crate::observe::Metrics;
use axum::body::Body;
use fake::FakeEngine;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use std::sync::Arc;
use tower::ServiceExt;

/// An answer that was read to its end.
#[derive(Debug)]
struct Got {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Got {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The `extensions.code` of the first error.
    fn code(&self) -> String {
        self.json()["errors"][0]["extensions"]["code"].as_str().unwrap_or_default().to_owned()
    }
}

fn config(mode: Mode) -> ServerConfig {
    ServerConfig { mode, ..ServerConfig::default() }
}

fn server(config: ServerConfig) -> Server {
    Server::new(config, Arc::new(FakeEngine::new("hello")), Arc::new(Metrics::new()))
}

fn routed(config: ServerConfig) -> Routes {
    router(Arc::new(server(config)))
}

async fn send(router: &Routes, method: Method, uri: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Got {
    let mut request = Request::builder().method(method).uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = router.clone().oneshot(request.body(body.into()).unwrap()).await.unwrap();
    let (parts, body) = answer.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Got { status: parts.status, headers: parts.headers, body: String::from_utf8(body.to_vec()).unwrap() }
}

const JSON: (&str, &str) = ("content-type", "application/json");

async fn post(router: &Routes, body: &str) -> Got {
    send(router, Method::POST, "/graphql", &[JSON], body.to_owned()).await
}
