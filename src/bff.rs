//! The front door: all that the program of one client needs.
//!
//! A BFF's crate holds three things: the client's files, the fields that are computed in Rust, and a `main` that runs
//! both. Each has one name here: [`Files`], [`InProcessSource`], [`run`]. [`Client`] puts them together.
//!
//! # The smallest program
//! ```toml
//! [dependencies]
//! bespoke = { git = "…" }    # its default feature `cli` gives `run`
//! include_dir = "0.7"
//!
//! # For fields in Rust:
//! async-graphql = { version = "7.2", default-features = false }
//! dataloader = { version = "0.18", default-features = false, features = ["runtime-tokio"] }
//!
//! # For an axum application of your own:
//! async-graphql-axum = { version = "7.2", default-features = false }
//! axum = "0.8"
//! tokio = { version = "1", features = ["full"] }
//! ```
//!
//! A project's `schema/` holds the services under `schema/services` and one file per client, such as
//! `schema/web.graphql`. A program embeds that folder and its configuration, so that its binary needs no files.
//! [`Files`] has them by their path in the project; the configuration of the client `web` is `bff-web/bff.yaml`, or
//! `bespoke.yaml` without that file:
//!
//! ```no_run
//! use bespoke::bff::{Client, Files, run};
//! use include_dir::{Dir, include_dir};
//! use std::process::ExitCode;
//!
//! static SCHEMA: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/schema");
//!
//! fn main() -> ExitCode {
//!     let mut files = Files::default();
//!     files.insert_folder("schema", &SCHEMA);
//!     files.insert("bff-web/bff.yaml", "services: { users: { url: 'http://127.0.0.1:4101' } }");
//!     run(Client::new("web", files))
//! }
//! ```
//!
//! The program checks its files when it starts, then answers `/graphql`, GraphiQL in development, health and metrics, by
//! its configuration. Relative paths in a configuration that is built in begin at the working directory. `--help` lists
//! what the program takes; `--dev` starts it in development, which shows GraphiQL and the causes of failures.
//!
//! # A field that is computed in Rust
//! A subgraph in this process is an `async-graphql` schema with federation. It joins the graph beside the services, and
//! the client's schema selects from it as from any of them. This is a whole client, without any service; the engine
//! answers it here by its [`EngineExecutor`], and [`run`] would serve it over HTTP:
//!
//! ```
//! use async_graphql::{EmptyMutation, EmptySubscription, Executor, Object, Schema};
//! use bespoke::bff::{Client, Files, InProcessSource};
//!
//! struct Query;
//!
//! #[Object]
//! impl Query {
//!     async fn greeting(&self, name: String) -> String {
//!         format!("Hello, {name}!")
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let greetings = Schema::build(Query, EmptyMutation, EmptySubscription).enable_federation().finish();
//! let files = Files::embedded([("schema/web.graphql", "type Query { greeting(name: String!): String! }")]);
//! let client = Client::new("web", files).in_process(InProcessSource::new("greetings", greetings).pure());
//!
//! let engine = client.executor(".".as_ref())?;
//! let answer = engine.execute(async_graphql::Request::new(r#"{ greeting(name: "Ada") }"#)).await;
//! assert_eq!(answer.data.to_string(), r#"{greeting: "Hello, Ada!"}"#);
//! # Ok(())
//! # }
//! ```
//!
//! In development each subgraph is also served by itself, at `/_subgraphs/<name>`, with GraphiQL over it.
//!
//! A field that is made of other fields says which with `requires`. They come as arguments of the entity's resolver, and
//! only when such a field is asked for, so they are optional:
//!
//! ```
//! use async_graphql::{EmptyMutation, EmptySubscription, Object, Schema};
//! use bespoke::bff::InProcessSource;
//!
//! struct Weather {
//!     city: String,
//!     temperature: Option<f64>,
//! }
//!
//! #[Object]
//! impl Weather {
//!     async fn city(&self) -> &str {
//!         &self.city
//!     }
//!
//!     #[graphql(external)]
//!     async fn temperature(&self) -> Option<f64> {
//!         self.temperature
//!     }
//!
//!     #[graphql(requires = "temperature")]
//!     async fn advice(&self) -> Option<&str> {
//!         Some(if self.temperature? < 10.0 { "Take a coat." } else { "Enjoy the sun." })
//!     }
//! }
//!
//! struct Query;
//!
//! #[Object]
//! impl Query {
//!     #[graphql(entity)]
//!     async fn weather(&self, #[graphql(key)] city: String, temperature: Option<f64>) -> Weather {
//!         Weather { city, temperature }
//!     }
//! }
//!
//! let schema = Schema::build(Query, EmptyMutation, EmptySubscription).enable_federation().finish();
//! assert!(InProcessSource::new("advice", schema).sdl().contains(r#"@requires(fields: "temperature")"#));
//! ```
//!
//! A list under which such a field is asked for needs a maximum length, so that the calls stay bounded: `maxItems` in the
//! contract, or `@listSize` in the SDL.
//!
//! # Calling services from resolvers
//! A resolver finds in its context's data the [`Caller`] (as `Arc<Caller>`), the [`Deadline`], and an [`UpstreamHandle`]
//! by which it calls the services that the configuration names: under their limits, and with the headers that their
//! `@source` names. How many calls one request may make is declared ([`InProcessSource::max_calls`]), so that bounds stay
//! proven.
//!
//! ## Batching
//! `_entities` resolves all representations at once, each by its own resolver; the crate `dataloader` turns their keys
//! into one call. What to know about it (0.18):
//! - one loader per request: [`InProcessSource::with_data`] makes it, holding that request's handle, so that no batch
//!   mixes callers and no error is kept;
//! - it has no timer: a load waits ten turns of its task (`yield_now`) for others to come, then the first one calls.
//!   Do not spawn resolvers as tasks of their own: on another thread they miss their batch;
//! - its lock is held across the load, so loads of one loader run one after the other: one loader per endpoint;
//! - keys come in hash order: sort them, or equal batches make different URLs and never share a flight;
//! - use `try_load`; `load` panics when a key has no answer. Answer unknown keys with `None`;
//! - use `cached::Loader`: in `non_cached` the others panic when the one that loads is dropped, as a resolver's own
//!   timeout or a failing representation beside it does. As the loader lives for one request, its cache does no harm.
//!
//! About `async-graphql` (7.2): an error of one entity's resolver fails all of `_entities`, so entity resolvers
//! return their key and let fields load; a failing field is left out of its object, which stays.
//!
//! ```
//! use async_graphql::{Context, EmptyMutation, EmptySubscription, ID, Object, Result, Schema};
//! use bespoke::bff::{HandleError, InProcessSource, UpstreamHandle};
//! use dataloader::{BatchFn, cached::Loader};
//! use std::collections::HashMap;
//!
//! #[derive(Clone, serde::Deserialize)]
//! struct Score {
//!     user_id: String,
//!     points: i32,
//! }
//!
//! type Loaded = std::result::Result<Option<Score>, HandleError>;
//!
//! /// Batches keys into `GET /scores?user=1&user=2`.
//! struct ScoresByUser(UpstreamHandle);
//!
//! impl BatchFn<String, Loaded> for ScoresByUser {
//!     async fn load(&mut self, keys: &[String]) -> HashMap<String, Loaded> {
//!         let mut users: Vec<&str> = keys.iter().map(String::as_str).collect();
//!         users.sort_unstable();
//!         let query: Vec<_> = users.into_iter().map(|id| ("user", id)).collect();
//!         match self.0.get_json("scores", "/scores", &query).await {
//!             Err(error) => keys.iter().map(|key| (key.clone(), Err(error.clone()))).collect(),
//!             Ok(body) => {
//!                 let scores: Vec<Score> = serde_json::from_slice(&body).unwrap_or_default();
//!                 let mut scores: HashMap<_, _> = scores.into_iter().map(|s| (s.user_id.clone(), s)).collect();
//!                 keys.iter().map(|key| (key.clone(), Ok(scores.remove(key)))).collect()
//!             }
//!         }
//!     }
//! }
//!
//! type Scores = Loader<String, Loaded, ScoresByUser>;
//!
//! struct User(ID);
//!
//! #[Object]
//! impl User {
//!     async fn id(&self) -> &ID {
//!         &self.0
//!     }
//!
//!     async fn points(&self, ctx: &Context<'_>) -> Result<Option<i32>> {
//!         let score = ctx.data::<Scores>()?.try_load(self.0.to_string()).await?;
//!         Ok(score.map_err(|error| error.to_graphql())?.map(|score| score.points))
//!     }
//! }
//!
//! struct Query;
//!
//! #[Object]
//! impl Query {
//!     #[graphql(entity)]
//!     async fn user_by_id(&self, id: ID) -> User {
//!         User(id)
//!     }
//! }
//!
//! let schema = Schema::build(Query, EmptyMutation, EmptySubscription).enable_federation().finish();
//! let source = InProcessSource::new("gamification", schema)
//!     .max_calls(1)
//!     .with_data(|request, handle| request.data(Scores::new(ScoresByUser(handle.clone()))));
//! ```
//!
//! # In an axum application of your own
//! [`Client::executor`] makes an engine that is an `async_graphql::Executor`, so the services and extractors of
//! `async-graphql-axum` work over it:
//!
//! ```no_run
//! use async_graphql::Executor as _;
//! use async_graphql_axum::{GraphQLRequest, GraphQLResponse};
//! use axum::extract::State;
//! use axum::http::HeaderMap;
//! use axum::{Router, routing::post};
//! use bespoke::bff::{Caller, Client, EngineError, EngineExecutor};
//! use std::sync::Arc;
//!
//! async fn graphql(
//!     State(engine): State<EngineExecutor>,
//!     headers: HeaderMap,
//!     request: GraphQLRequest,
//! ) -> GraphQLResponse {
//!     let caller = Arc::new(Caller { headers, ..Caller::default() });
//!     engine.execute(request.into_inner().data(caller)).await.into()
//! }
//!
//! fn application(client: &Client) -> Result<Router, EngineError> {
//!     Ok(Router::new().route("/graphql", post(graphql)).with_state(client.executor(".".as_ref())?))
//! }
//! ```
//!
//! The application verifies tokens itself and puts their claims into the [`Caller`]. `/_subgraphs`, health, metrics and
//! reloading belong to [`run`], and nothing is logged unless the application installs a subscriber of `tracing`.

#[cfg(feature = "cli")]
pub use crate::cli::run_client as run;
pub use crate::engine::{Client, EngineError, EngineExecutor};
pub use crate::policy::Caller;
pub use crate::project::{Files, FilesError};
pub use crate::upstream::{Answer, Deadline, HandleError, InProcessSource, UpstreamHandle};
