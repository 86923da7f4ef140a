//! Tests of code in the process of the BFF that writes to a service: what the same request reads afterwards is read
//! again.

use crate::harness::{Bff, Setup};
use async_graphql::{Context, EmptySubscription, ID, Object, Result, Schema};
use bespoke::bff::{Client, Files, InProcessSource, UpstreamHandle};
use serde_json::json;
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

/// A source whose writes go to a service of its own.
const NOTES: &str = r#"extend schema
  @link(url: "https://specs.apollo.dev/federation/v2.5", import: ["@key"])
  @link(url: "https://bespoke.example/connect/v1", import: ["@source", "@connect"])
  @source(name: "notes")
type Mutation { note(id: ID!): Cart @connect(http: { POST: "/notes/{$args.id}" }, selection: "id") }
type Cart @key(fields: "id") { id: ID! }
"#;

const SCHEMA: &str = "type Query { cart(id: ID!): Cart }
type Mutation { fill(id: ID!): Cart peek(id: ID!): Cart fillAndFail(id: ID!, by: String!): Cart note(id: ID!): Cart }
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
    /// Writes to the service.
    async fn fill(&self, ctx: &Context<'_>, id: ID) -> Result<Cart> {
        ctx.data::<UpstreamHandle>()?.post_json("carts", "/fill", "{}".into()).await.map_err(|e| e.to_graphql())?;
        Ok(Cart { id })
    }

    /// Writes to the service, and then fails.
    async fn fill_and_fail(&self, ctx: &Context<'_>, id: ID, by: String) -> Result<Cart> {
        ctx.data::<UpstreamHandle>()?.post_json("carts", "/fill", "{}".into()).await.map_err(|e| e.to_graphql())?;
        match by.as_str() {
            "panic" => panic!("scripted"),
            "hang" => std::future::pending().await,
            _ => Ok(Cart { id: id.repeat(10_000).into() }),
        }
    }

    /// Sends only a GET, but counts as a write, because it is a field of `Mutation`.
    async fn peek(&self, ctx: &Context<'_>, id: ID) -> Result<Cart> {
        ctx.data::<UpstreamHandle>()?.get_json("carts", "/carts/1", &[]).await.map_err(|e| e.to_graphql())?;
        Ok(Cart { id })
    }
}

fn schema() -> Schema<Query, Mutation, EmptySubscription> {
    Schema::build(Query, Mutation, EmptySubscription).enable_federation().finish()
}

fn source() -> InProcessSource {
    InProcessSource::new(NAME, schema()).max_calls(1).max_response_bytes(5_000).timeout(Duration::from_secs(1))
}

/// Starts the services and the BFF. Each write adds one to the items of the cart.
async fn start() -> (Faulty, Bff) {
    let items = AtomicU64::new(0);
    let service = Faulty::start(move |request| match request.target.as_str() {
        "/fill" => Does::json(&(items.fetch_add(1, Ordering::SeqCst) + 1).to_string()),
        "/carts/1" | "/notes/1" => Does::json(r#"{"id":1}"#),
        _ => Does::json(&json!([{ "id": 1, "items": items.load(Ordering::SeqCst) }]).to_string()),
    });
    let service = service.await.expect("a port");
    let files = Files::embedded([
        ("schema/services/carts.graphql", CARTS),
        ("schema/services/notes.graphql", NOTES),
        ("schema/web.graphql", SCHEMA),
        ("bespoke.yaml", "server: { port: 0 }\n"),
    ]);
    let client = Client::new("web", files).in_process(source());
    let setup = Setup::default().url("carts", service.base_url()).url("notes", service.base_url());
    let bff = Bff::start(client, setup.deadline(Duration::from_secs(10))).await;
    (service, bff)
}

#[tokio::test]
async fn a_request_whose_code_writes_and_fails_takes_nothing_older_of_that_service() {
    for by in ["panic", "hang", "too large"] {
        let (_service, bff) = start().await;
        assert_eq!(bff.ask("{ cart(id: 1) { items } }").await.data()["cart"]["items"], 0);
        let mutation = format!(r#"mutation {{ fillAndFail(id: 1, by: "{by}") {{ id }} note(id: 1) {{ items }} }}"#);
        let reply = bff.ask(&mutation).await;
        assert_eq!(reply.errors().len(), 1, "{}", reply.text);
        assert_eq!(reply.data()["note"]["items"], 1, "{by}: the old one was kept; {}", reply.text);
    }
}

#[tokio::test]
async fn a_request_whose_code_writes_takes_nothing_older_of_that_service() {
    let (service, bff) = start().await;
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
