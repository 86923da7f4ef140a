//! Serves each subgraph of this process by itself, in development, at `/_subgraphs/<name>`.
//!
//! In: GraphQL requests by POST, and browsers' requests for a page. Out: the subgraph's own answers, by
//! `async-graphql-axum`, and GraphiQL for that subgraph. `/_subgraphs` lists the names.
//!
//! A request runs on behalf of its caller, as at `/graphql`.

use super::caller::caller;
use super::correlation::Correlation;
use super::graphql::refused;
use super::playground;
use super::server::Server;
use super::site::Site;
use crate::engine::InProcess;
use async_graphql::Executor as _;
use async_graphql_axum::{GraphQLRequest, GraphQLResponse};
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::{HeaderMap, StatusCode};
use std::sync::Arc;
use std::time::Instant;

/// The path below which the subgraphs are served.
pub(super) const SUBGRAPHS: &str = "/_subgraphs";

/// The routes `/_subgraphs`, `/_subgraphs/<name>` and the configuration that the page of a subgraph loads.
pub(super) fn routes() -> Router<Site> {
    Router::new()
        .route(SUBGRAPHS, get(list))
        .route("/_subgraphs/{name}", get(page).post(graphql))
        .route("/_subgraphs/{name}/config.json", get(config))
}

/// The subgraphs that are served; none in production.
fn shown(server: &Server) -> Vec<(Arc<str>, InProcess)> {
    if server.config.mode.is_development() { server.engine().subgraphs() } else { Vec::new() }
}

fn find(server: &Server, name: &str) -> Option<InProcess> {
    shown(server).into_iter().find_map(|(shown, subgraph)| (*shown == *name).then_some(subgraph))
}

async fn list(State(server): State<Arc<Server>>) -> Response {
    if !server.config.mode.is_development() {
        return StatusCode::NOT_FOUND.into_response();
    }
    let names: Vec<String> = shown(&server).into_iter().map(|(name, _)| name.to_string()).collect();
    Json(names).into_response()
}

async fn page(State(server): State<Arc<Server>>, Path(name): Path<String>) -> Response {
    match find(&server, &name) {
        Some(_) => playground::page(State(server)).await,
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn config(State(server): State<Arc<Server>>, Path(name): Path<String>) -> Response {
    match find(&server, &name) {
        Some(_) => playground::subgraph_config(&server, &name),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn graphql(
    State(server): State<Arc<Server>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    request: GraphQLRequest,
) -> Response {
    let Some(subgraph) = find(&server, &name) else {
        return (StatusCode::NOT_FOUND, "no such subgraph: `/_subgraphs` lists their names\n").into_response();
    };
    let correlation = Correlation::of(&headers);
    let deadline = Instant::now() + server.config.request_timeout;
    match caller(&server, headers.clone(), &correlation, deadline).await {
        Ok(caller) => {
            let request = request.into_inner().data(Arc::new(caller));
            GraphQLResponse::from(subgraph.execute(request).await).into_response()
        }
        Err(refusal) => refused(&server, &headers, &refusal),
    }
}
