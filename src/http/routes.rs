//! Routes requests by their path: `/graphql` directly to its handler, all other paths through a table of routes.
//!
//! `/graphql` is not in the table, because for any route the table boxes the body of the request, the future of the
//! handler and the answer, and records which route has matched. Nearly all requests are for `/graphql`, and answering a
//! small one costs less than that.

use super::graphql::{graphql, refused};
use super::refusal::Refusal;
use super::site::Site;
use super::{health, playground, subgraphs};
use crate::observe::OpenConnection;
use axum::Router;
use axum::body::{Body, HttpBody};
use axum::routing::get;
use futures_util::future::BoxFuture;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};
use tower::{Layer, Service, service_fn};

/// The path of GraphQL requests.
const GRAPHQL: &str = "/graphql";

/// All routes of one port of a site. Clones share the routes.
#[derive(Debug, Clone)]
pub struct Routes {
    site: Site,
    /// Whether this is the public port, which serves `/graphql`.
    is_public: bool,
    /// Whether these routes serve connections that have no place.
    is_full: bool,
    others: Router,
    /// The other routes and those of GraphiQL.
    with_page: Router,
}

/// The routes of the public port: `/graphql`, `/livez`, `/readyz` and, in development, `/metrics`, `/_subgraphs` and
/// `/` with GraphiQL.
pub fn router(site: impl Into<Site>) -> Routes {
    let site = site.into();
    let others = health().route("/metrics", get(health::public_metrics)).merge(subgraphs::routes());
    let with_page = others.clone().merge(playground::routes()).with_state(site.clone());
    Routes { others: others.with_state(site.clone()), with_page, is_public: true, is_full: false, site }
}

/// The routes of the admin port: `/livez`, `/readyz` and `/metrics`.
pub fn admin_router(site: impl Into<Site>) -> Routes {
    let site = site.into();
    let others = health().route("/metrics", get(health::metrics)).with_state(site.clone());
    Routes { with_page: others.clone(), others, is_public: false, is_full: false, site }
}

fn health() -> Router<Site> {
    Router::new().route("/livez", get(health::live)).route("/readyz", get(health::ready))
}

impl Routes {
    /// The same routes for connections that have no place: `/graphql` is refused, and each answer ends its connection.
    pub(super) fn full(self) -> Self {
        Self { is_full: true, ..self }
    }

    /// Counts a connection until the result is dropped; `None` unless this is the public port.
    pub(super) fn count_connection(&self) -> Option<OpenConnection> {
        self.is_public.then(|| self.site.now().metrics.open_connection())
    }

    /// Records in the metrics how many connections there may be.
    pub(super) fn count_limit(&self, max_connections: u32) {
        if self.is_public {
            self.site.now().metrics.limit_connections(max_connections);
        }
    }

    /// Counts a connection for which there was no place.
    pub(super) fn count_refused_connection(&self) {
        self.site.now().metrics.count_shed("connections");
    }

    /// Counts a request that is refused because of its head.
    pub(super) fn count_refused_head(&self, status: StatusCode) {
        self.site.now().metrics.count_refused_head(status.as_u16());
    }

    /// Answers one request. Rare branches are boxed, as in [`graphql`].
    pub(super) async fn answer(&self, request: Request<Body>) -> Response<Body> {
        let mut answer = self.answer_by_path(request).await;
        if self.is_full {
            answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        answer
    }

    async fn answer_by_path(&self, request: Request<Body>) -> Response<Body> {
        if !self.is_public || request.uri().path() != GRAPHQL {
            let has_page = self.site.now().playground.is_some();
            let others = if has_page { &self.with_page } else { &self.others };
            let Ok(answer) = Box::pin(others.clone().call(request)).await;
            return answer;
        }
        if self.is_full {
            return refused(&self.site.now(), &request.into_parts().0.headers, &Refusal::Overloaded);
        }
        if request.method() == Method::HEAD {
            return without_body(Box::pin(self.answer_graphql(request)).await);
        }
        self.answer_graphql(request).await
    }

    /// Answers a request to `/graphql` by the current server, through the CORS layer if the server has one. When the
    /// process is about to stop, the answer ends its connection, because closing the connection between two requests
    /// would cut off a request that is on its way.
    async fn answer_graphql(&self, request: Request<Body>) -> Response<Body> {
        let server = self.site.now();
        let mut answer = match server.cors.clone() {
            None => graphql(&self.site, server, request).await,
            Some(cors) => {
                let site = self.site.clone();
                let mut service = cors.layer(service_fn(move |request| {
                    let (site, server) = (site.clone(), Arc::clone(&server));
                    async move { Ok::<_, Infallible>(graphql(&site, server, request).await) }
                }));
                let Ok(answer) = Box::pin(service.call(request)).await;
                answer
            }
        };
        if self.site.is_leaving() && answer.status() != StatusCode::SWITCHING_PROTOCOLS {
            answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        answer
    }
}

/// Turns the answer to a GET into the answer to a HEAD (RFC 9110 §9.3.2).
fn without_body(mut answer: Response<Body>) -> Response<Body> {
    // A 304 has no content. Its `content-length` would have to be that of a 200, which is not known here.
    if answer.status() != StatusCode::NOT_MODIFIED
        && let Some(length) = answer.body().size_hint().exact()
    {
        answer.headers_mut().entry(header::CONTENT_LENGTH).or_insert_with(|| HeaderValue::from(length));
    }
    // An event stream in the extensions is dropped together with the body.
    answer.extensions_mut().clear();
    answer.map(|_| Body::empty())
}

impl Service<Request<Body>> for Routes {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let routes = self.clone();
        Box::pin(async move { Ok(routes.answer(request).await) })
    }
}
