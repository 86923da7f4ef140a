//! Code of this process that writes to a service: what its request reads afterwards is read again.

use crate::harness::{Bff, Setup};
use async_graphql::{Context, EmptySubscription, ID, Object, Result, SDLExportOptions, Schema};
use bespoke::engine::{Client, InProcessSource};
use bespoke::project::Files;
use bespoke::upstream::{HandleServices, InProcess, InProcessConfig, Subgraph, UpstreamHandle, declare_calls};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use testkit::faulty::{Faulty, Reply as Does};

const CARTS: &str = r#"extend schema
  @link(url: "https://specs.apollo.dev/federation/v2.5", import: ["@key"])
  @link(url: "https://bespoke.example/connect/v1", import: ["@source", "@connect", "@cache"])
  @source(name: "carts")
type Query { cart(id: ID!): Cart @connect(http: { GET: "/carts/{$args.id}" }, selection: "id") }
type Cart @key(fields: "id")
  @connect(http: { GET: "/items", queryParams: "id: $batch.id" }, batch: { key: "id" }, selection: "id items")
  @cache(maxAge: 600) {
  id: ID!
  items: Int
}
"#;

const SCHEMA: &str = "type Query { cart(id: ID!): Cart }
type Mutation { fill(id: ID!): Cart peek(id: ID!): Cart }
type Cart { id: ID! items: Int }
";

const NAME: &str = "desk";

struct Cart {
    id: ID,
}

#[Object]
impl Cart {
    async fn id(&self) -> &ID {
        &self.id
    }
}

struct Query;

#[Object]
impl Query {
    #[graphql(entity)]
    async fn cart_by_id(&self, id: ID) -> Cart {
        Cart { id }
    }
}

struct Mutation;

#[Object]
impl Mutation {
    /// Writes.
    async fn fill(&self, ctx: &Context<'_>, id: ID) -> Result<Cart> {
        ctx.data::<UpstreamHandle>()?.post_json("carts", "/fill", "{}".into()).await.map_err(|e| e.to_graphql())?;
        Ok(Cart { id })
    }

    /// Sends a GET only: under `Mutation` it is a write all the same.
    async fn peek(&self, ctx: &Context<'_>, id: ID) -> Result<Cart> {
        ctx.data::<UpstreamHandle>()?.get_json("carts", "/carts/1", &[]).await.map_err(|e| e.to_graphql())?;
        Ok(Cart { id })
    }
}

fn schema() -> Schema<Query, Mutation, EmptySubscription> {
    Schema::build(Query, Mutation, EmptySubscription).enable_federation().finish()
}

fn build(services: HandleServices) -> Arc<dyn Subgraph> {
    Arc::new(InProcess::new(schema(), services, InProcessConfig { max_calls: 1, ..InProcessConfig::new(NAME) }))
}

#[tokio::test]
async fn a_request_whose_code_writes_takes_nothing_older_of_that_service() {
    let items = AtomicU64::new(0);
    let service = Faulty::start(move |request| match request.target.as_str() {
        "/fill" => Does::json(&(items.fetch_add(1, Ordering::SeqCst) + 1).to_string()),
        "/carts/1" => Does::json(r#"{"id":1}"#),
        _ => Does::json(&json!([{ "id": 1, "items": items.load(Ordering::SeqCst) }]).to_string()),
    });
    let service = service.await.expect("a port");
    let files = Files::embedded([
        ("schema/services/carts.graphql", CARTS),
        ("schema/web.graphql", SCHEMA),
        ("bespoke.yaml", "server: { port: 0 }\n"),
    ]);
    let sdl = schema().sdl_with_options(SDLExportOptions::new().federation().compose_directive());
    let client = Client::new("web", files).in_process(InProcessSource {
        name: NAME.to_owned(),
        sdl: format!("{}\n{sdl}", declare_calls(NAME, 1)),
        build: Box::new(build),
    });
    let setup = Setup::default().url("carts", service.base_url()).deadline(Duration::from_secs(10));
    let bff = Bff::start(client, setup).await;
    let ask = async |query: &str, field: &str| {
        let reply = bff.ask(query).await;
        assert_eq!(reply.errors().len(), 0, "{}", reply.text);
        reply.data()[field]["items"].clone()
    };
    assert_eq!(ask("{ cart(id: 1) { items } }", "cart").await, 0);
    assert_eq!(ask("mutation { fill(id: 1) { items } }", "fill").await, 1, "the old one was kept");
    assert_eq!(ask("{ cart(id: 1) { items } }", "cart").await, 1, "and the new one is kept in its place");
    let reads = || service.requests().iter().filter(|request| request.target.starts_with("/items")).count();
    let before = reads();
    assert_eq!((ask("mutation { peek(id: 1) { items } }", "peek").await, reads()), (json!(1), before + 1));
}
