//! The engine of a client inside an axum application of your own, with the extractors of `async-graphql-axum`.
//!
//! ```sh
//! cargo run --example own_application
//! curl -s http://127.0.0.1:8000/graphql -H 'content-type: application/json' -H 'x-user: Ada' -d '{"query":"{ greeting }"}'
//! ```
//!
//! The application identifies the caller in its own way, and passes a [`Caller`] on in the data of the request.

use async_graphql::{Context, EmptyMutation, EmptySubscription, Executor, Object, Schema};
use async_graphql_axum::{GraphQLRequest, GraphQLResponse};
use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::{get, post};
use bespoke::bff::{Caller, Client, EngineError, EngineExecutor, Files, InProcessSource};
use std::path::Path;
use std::sync::Arc;

struct Query;

#[Object]
impl Query {
    /// Greets whoever asks.
    async fn greeting(&self, ctx: &Context<'_>) -> async_graphql::Result<String> {
        let user = ctx.data::<Arc<Caller>>()?.headers.get("x-user");
        let name = user.and_then(|name| name.to_str().ok()).unwrap_or("stranger");
        Ok(format!("Hello, {name}!"))
    }
}

pub(crate) fn client() -> Client {
    let schema = Schema::build(Query, EmptyMutation, EmptySubscription).enable_federation().finish();
    let files = Files::embedded([("schema/web.graphql", "type Query { greeting: String! }")]);
    Client::new("web", files).in_process(InProcessSource::new("greetings", schema))
}

async fn graphql(State(engine): State<EngineExecutor>, headers: HeaderMap, request: GraphQLRequest) -> GraphQLResponse {
    let caller = Arc::new(Caller { headers, ..Caller::default() });
    engine.execute(request.into_inner().data(caller)).await.into()
}

/// The application, which serves a page of its own beside `/graphql`.
pub(crate) fn application() -> Result<Router, EngineError> {
    let engine = client().executor(Path::new("."))?;
    Ok(Router::new()
        .route("/", get(|| async { "This application has a GraphQL API at /graphql." }))
        .route("/graphql", post(graphql))
        .with_state(engine))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8000").await?;
    eprintln!("http://{}/graphql", listener.local_addr()?);
    axum::serve(listener, application()?).await?;
    Ok(())
}
