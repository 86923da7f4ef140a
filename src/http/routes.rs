//! Which path goes where: `/graphql` straight to its handler, the others through a table of routes.
//!
//! Why not one table: for any route it boxes the request's body, the handler's future and the answer, and notes what has
//! matched. Nearly all requests are for the one path, and small ones are answered with less than that costs.

use super::cors::cors;
use super::graphql::graphql;
use super::server::Server;
use super::{health, playground};
use axum::Router;
use axum::body::{Body, HttpBody};
use axum::routing::get;
use futures_util::future::BoxFuture;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};
use tower::{Layer, Service};
use tower_http::cors::Cors;

/// The path of GraphQL requests.
const GRAPHQL: &str = "/graphql";

/// All routes of a server. Clones share them.
#[derive(Debug, Clone)]
pub struct Routes {
    graphql: Graphql,
    /// The same within CORS, where that is configured.
    across_origins: Option<Arc<Cors<Graphql>>>,
    others: Router,
}

/// Routes `/graphql`, `/livez`, `/readyz`, `/metrics` and, in development, `/` with GraphiQL.
pub fn router(server: Arc<Server>) -> Routes {
    let others = Router::new()
        .route("/livez", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics));
    let others = if server.playground.is_some() { others.merge(playground::routes()) } else { others };
    let cors = cors(&server.config);
    let graphql = Graphql(Arc::clone(&server));
    Routes {
        across_origins: cors.map(|layer| Arc::new(layer.layer(graphql.clone()))),
        others: others.with_state(server),
        graphql,
    }
}

impl Routes {
    /// Answers one request. What is rare is boxed, as in [`graphql`].
    pub(super) async fn answer(&self, request: Request<Body>) -> Response<Body> {
        if request.uri().path() != GRAPHQL {
            let Ok(answer) = Box::pin(self.others.clone().call(request)).await;
            return answer;
        }
        if request.method() == Method::HEAD {
            return without_body(Box::pin(self.answer_graphql(request)).await);
        }
        self.answer_graphql(request).await
    }

    async fn answer_graphql(&self, request: Request<Body>) -> Response<Body> {
        match &self.across_origins {
            None => graphql(Arc::clone(&self.graphql.0), request).await,
            Some(service) => {
                let Ok(answer) = Box::pin(Cors::clone(service).call(request)).await;
                answer
            }
        }
    }
}

/// What a GET would have been answered with, as HEAD shows it (RFC 9110 §9.3.2).
fn without_body(mut answer: Response<Body>) -> Response<Body> {
    // "Not modified" has no content anyway, and its length would be taken for that of what was not sent.
    if answer.status() != StatusCode::NOT_MODIFIED
        && let Some(length) = answer.body().size_hint().exact()
    {
        answer.headers_mut().entry(header::CONTENT_LENGTH).or_insert_with(|| HeaderValue::from(length));
    }
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

/// The handler of `/graphql`, as layers take it.
#[derive(Debug, Clone)]
struct Graphql(Arc<Server>);

impl Service<Request<Body>> for Graphql {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let server = Arc::clone(&self.0);
        Box::pin(async move { Ok(graphql(server, request).await) })
    }
}
