//! Tests of whole answers that are kept: they are sent without any work, clients may keep them, and they end when one
//! of their parts ends.

use crate::harness::{Bff, Setup};
use crate::routed::Routed;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::header::CACHE_CONTROL;
use axum::response::IntoResponse;
use axum::routing::get;
use bespoke::internals::engine::Client;
use bespoke::internals::project::Files;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const CARTS: &str = r#"extend schema
  @link(url: "https://specs.apollo.dev/federation/v2.5", import: ["@key"])
  @link(url: "https://bespoke.example/connect/v1", import: ["@source", "@connect", "@cache", "@invalidates"])
  @source(name: "carts", http: {})
type Query {
  cart(id: ID!): Cart @connect(http: { GET: "/carts/{$args.id}" }, selection: "id")
}
type Mutation {
  add(id: ID!): Cart @connect(http: { POST: "/carts/{$args.id}" }, selection: "id") @invalidates(tags: ["cart:{$args.id}"])
}
type Cart @key(fields: "id")
  @connect(http: { GET: "/items", queryParams: "id: $batch.id" }, batch: { key: "id" }, selection: "id items")
  @cache(maxAge: 900, tags: ["cart:{id}"]) {
  id: ID!
  items: Int
}
"#;

const PEOPLE: &str = r#"extend schema
  @link(url: "https://bespoke.example/connect/v1", import: ["@source", "@connect"])
  @source(name: "people", http: { headers: [{ name: "Accept-Language", from: "accept-language" }] })
type Query {
  greeting: Greeting @connect(http: { GET: "/greeting" }, selection: "text")
}
type Greeting { text: String }
"#;

const SCHEMA: &str = "type Query { cart(id: ID!): Cart greeting: Greeting }
type Mutation { add(id: ID!): Cart }
type Cart { id: ID! items: Int }
type Greeting { text: String }
";

const CART: &str = "{ cart(id: 1) { items } }";

struct Service {
    /// The number of requests other than writes.
    reads: Arc<AtomicU64>,
    _routed: Routed,
    bff: Bff,
    client: reqwest::Client,
}

type Counts = (Arc<AtomicU64>, Arc<AtomicU64>);

async fn cart(State((reads, _)): State<Counts>, Path(id): Path<u64>) -> impl IntoResponse {
    reads.fetch_add(1, Ordering::SeqCst);
    ([(CACHE_CONTROL, "max-age=600")], axum::Json(json!({ "id": id })))
}

async fn add(State((_, items)): State<Counts>, Path(id): Path<u64>) -> impl IntoResponse {
    items.fetch_add(1, Ordering::SeqCst);
    axum::Json(json!({ "id": id }))
}

async fn items(State((reads, items)): State<Counts>) -> impl IntoResponse {
    reads.fetch_add(1, Ordering::SeqCst);
    axum::Json(json!([{ "id": 1, "items": items.load(Ordering::SeqCst) }]))
}

async fn greeting(State((reads, _)): State<Counts>) -> impl IntoResponse {
    reads.fetch_add(1, Ordering::SeqCst);
    ([(CACHE_CONTROL, "max-age=600")], axum::Json(json!({ "text": "hello" })))
}

impl Service {
    async fn start() -> Self {
        let counts = Counts::default();
        let reads = Arc::clone(&counts.0);
        let router = Router::new()
            .route("/carts/{id}", get(cart).post(add))
            .route("/items", get(items))
            .route("/greeting", get(greeting))
            .with_state(counts);
        let routed = Routed::start(router).await;
        let files = Files::embedded([
            ("schema/services/carts.graphql", CARTS),
            ("schema/services/people.graphql", PEOPLE),
            ("schema/web.graphql", SCHEMA),
            ("bespoke.yaml", "server: { port: 0 }\n"),
        ]);
        let setup = Setup::default().url("carts", routed.url()).url("people", routed.url()).production();
        let bff = Bff::start(Client::new("web", files), setup).await;
        Self { reads, _routed: routed, bff, client: reqwest::Client::new() }
    }

    fn reads(&self) -> u64 {
        self.reads.load(Ordering::SeqCst)
    }

    /// The number of requests that were answered with a kept answer.
    fn kept(&self) -> u64 {
        let metrics = self.bff.metrics();
        let line = r#"bespoke_requests_total{operation_kind="query",outcome="kept",status="200"} "#;
        metrics.lines().find_map(|found| found.strip_prefix(line)).map_or(0, |count| count.parse().unwrap())
    }

    async fn get(&self, query: &str, if_none_match: &str) -> reqwest::Response {
        let query = query.replace(' ', "").replace('{', "%7B").replace('}', "%7D");
        let request = self.client.get(format!("{}?query={query}", self.bff.url()));
        request.header("if-none-match", if_none_match).send().await.unwrap()
    }
}

fn header<'r>(response: &'r reqwest::Response, name: &str) -> &'r str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn an_answer_is_repeated_until_any_of_its_parts_changes() {
    let service = Service::start().await;
    let first = service.bff.ask(CART).await;
    assert_eq!((first.data(), service.reads(), service.kept()), (&json!({ "cart": { "items": 0 } }), 2, 0));
    let second = service.bff.ask(CART).await;
    assert_eq!((second.text, service.reads(), service.kept()), (first.text, 2, 1));
    let aliased = service.bff.ask("{ cart(id: 1) { n: items } }").await;
    assert_eq!((aliased.data(), service.reads()), (&json!({ "cart": { "n": 0 } }), 2), "its parts are kept, too");
    assert_eq!(service.kept(), 1, "another operation is another answer");
    service.bff.ask("mutation { add(id: 1) { id } }").await;
    let third = service.bff.ask(CART).await;
    assert_eq!((third.data(), service.kept()), (&json!({ "cart": { "items": 1 } }), 1));
    service.bff.ask("mutation { add(id: 2) { id } }").await;
    let fourth = service.bff.ask(CART).await;
    assert_eq!((fourth.text, service.kept()), (third.text, 2), "another cart's change does not count");
}

#[tokio::test]
async fn variables_tell_answers_apart() {
    let service = Service::start().await;
    let ask = async |id: u64| {
        let query = "query($id: ID!) { cart(id: $id) { id } }";
        service.bff.send(query, json!({ "id": id }), None).await.data()["cart"]["id"].clone()
    };
    assert_eq!([ask(1).await, ask(2).await, ask(1).await, ask(2).await], ["1", "2", "1", "2"]);
    assert_eq!((service.reads(), service.kept()), (2, 2));
}

#[tokio::test]
async fn clients_may_keep_what_is_kept_and_ask_whether_it_has_changed() {
    let service = Service::start().await;
    let first = service.get(CART, "").await;
    assert_eq!(header(&first, "cache-control"), "public, max-age=600", "the strictest of its parts");
    let tag = header(&first, "etag").to_owned();
    assert!(tag.len() > 30, "{tag}");
    let same = service.get(CART, &tag).await;
    assert_eq!((same.status().as_u16(), header(&same, "etag")), (304, tag.as_str()));
    assert_eq!(header(&same, "cache-control"), "public, max-age=600");
    assert_eq!(same.text().await.unwrap(), "");
    service.bff.ask("mutation { add(id: 1) { id } }").await;
    let changed = service.get(CART, &tag).await;
    assert_eq!(changed.status().as_u16(), 200);
    assert_ne!(header(&changed, "etag"), tag);
    let post = service.bff.ask(CART).await;
    assert!(post.headers.contains("no-store") && !post.headers.contains("etag"), "{}", post.headers);
}

#[tokio::test]
async fn what_depends_on_the_caller_is_not_kept_whole() {
    let service = Service::start().await;
    for _ in 0..2 {
        let got = service.get("{ greeting { text } }", "").await;
        assert_eq!((header(&got, "cache-control"), header(&got, "etag")), ("no-store", ""));
    }
    assert_eq!(service.kept(), 0);
}
