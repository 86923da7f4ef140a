//! Tests of the cache over real sockets, with the shop and with a service that answers when the test tells it to.

use crate::harness::{Bff, Of, Reply, Setup, assert_same};
use crate::routed::Routed;
use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use bespoke::internals::engine::Client;
use bespoke::internals::project::Files;
use demo::{Shop, ShopOptions};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::JoinSet;

/// For each call of one operation of a service: what the cache did for it, and its number of keys.
fn keys(reply: &Reply, operation: &str) -> Vec<(String, u64)> {
    let calls = reply.calls().iter().filter(|call| call["operationId"] == operation);
    calls.map(|call| (call["cache"].as_str().unwrap_or("-").to_owned(), call["keys"].as_u64().unwrap())).collect()
}

#[tokio::test]
async fn a_list_of_20_whose_15_are_cached_asks_for_5() {
    let shop = Shop::start(ShopOptions::default());
    let bff = Bff::mobile(&shop).await;
    let query =
        |first: u32| format!("{{ cards(first: {first}) {{ title hero {{ __typename ... on Picture {{ url }} }} }} }}");
    bff.ask(&query(15)).await;
    shop.reset_calls();
    let reply = bff.ask(&query(20)).await;
    let found = keys(&reply, "getProductsByIds");
    assert_eq!(found, [("hit".to_owned(), 15), ("miss".to_owned(), 5)], "{:#?}", reply.calls());
    assert_eq!(shop.call_summary(), "catalog.getProductsByIds 1\ncatalog.listProducts 1");
    let expected = Of::Mobile.reference(&shop, None).execute(&query(20), json!({})).await;
    assert_same(&reply, &expected, &query(20));
    shop.reset_calls();
    let again = bff.ask(&query(20)).await;
    assert_eq!((shop.total_calls(), again.data()), (0, reply.data()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_equal_queries_at_once_make_one_call_per_endpoint() {
    let shop = Shop::start(ShopOptions { delay: Duration::from_millis(20), ..ShopOptions::default() });
    let bff = Arc::new(Bff::web(&shop).await);
    let query =
        r#"{ products(first: 20) { name stock { available } } order(id: "19990") { lines { product { name } } } }"#;
    let mut tasks = JoinSet::new();
    for _ in 0..50 {
        let bff = Arc::clone(&bff);
        tasks.spawn(async move { bff.ask(query).await.data().clone() });
    }
    let answers = tasks.join_all().await;
    assert!(answers.iter().all(|answer| answer == &answers[0]), "{answers:?}");
    let expected = "catalog.getProductsByIds 1\ncatalog.listProducts 1\ninventory.queryStock 1\norders.getOrder 1";
    let mut made: Vec<String> = shop.call_summary().lines().map(str::to_owned).collect();
    made.sort();
    assert_eq!(made.join("\n"), expected);
}

#[tokio::test]
async fn the_cart_is_the_new_one_after_each_change() {
    let shop = Shop::start(ShopOptions::default());
    let bff = Bff::web(&shop).await;
    let bearer = shop.bearer("123");
    let cart = "{ cart { id lines { quantity product { id name } } } }";
    let quantity = |reply: &Reply, field: &str| {
        let lines = reply.data()[field]["lines"].as_array().cloned().unwrap_or_default();
        let line = lines.iter().find(|line| line["product"]["id"] == "11");
        line.and_then(|line| line["quantity"].as_u64()).unwrap_or(0)
    };
    let before = quantity(&bff.send(cart, json!({}), Some(&bearer)).await, "cart");
    shop.reset_calls();
    bff.send(cart, json!({}), Some(&bearer)).await;
    assert_eq!(shop.total_calls(), 0, "it is kept: {}", shop.call_summary());
    let add = r#"mutation { addToCart(productId: "11", quantity: 2) { id lines { quantity product { id name } } } }"#;
    let added = bff.send(add, json!({}), Some(&bearer)).await;
    assert_eq!(quantity(&added, "addToCart"), before + 2, "{}", added.text);
    let after = bff.send(cart, json!({}), Some(&bearer)).await;
    assert_eq!(quantity(&after, "cart"), before + 2, "{}", after.text);
}

const SERVICE: &str = r#"extend schema
  @link(url: "https://specs.apollo.dev/federation/v2.5", import: ["@key"])
  @link(url: "https://bespoke.example/connect/v1", import: ["@source", "@connect", "@cache", "@invalidates"])
  @source(name: "carts", http: { headers: [{ name: "Accept-Language", from: "accept-language" }] })
type Query {
  cart(id: ID!): Cart @connect(http: { GET: "/carts/{$args.id}" }, selection: "id")
  said: Said @connect(http: { GET: "/said" })
}
type Mutation {
  add(id: ID!): Cart @connect(http: { POST: "/carts/{$args.id}" }, selection: "id") @invalidates(tags: ["cart:{$args.id}"])
  lose(id: ID!): Cart @connect(http: { POST: "/lost/{$args.id}" }, selection: "id") @invalidates(tags: ["cart:{$args.id}"])
}
type Cart @key(fields: "id")
  @connect(http: { GET: "/items", queryParams: "id: $batch.id" }, batch: { key: "id" }, selection: "id items")
  @cache(maxAge: 600, tags: ["cart:{id}"]) {
  id: ID!
  items: Int
}
type Said { text: String language: String }
"#;

const SCHEMA: &str = "type Query { cart(id: ID!): Cart said: Said }
type Mutation { add(id: ID!): Cart lose(id: ID!): Cart }
type Cart { id: ID! items: Int }
type Said { text: String language: String }
";

/// A cart. A read is answered with the state at its arrival, but the answer may have to wait.
#[derive(Default)]
struct Cart {
    items: AtomicU64,
    reads: AtomicU64,
    is_slow: AtomicBool,
    go: Notify,
    /// The number of conditional requests for `/said`, and the number of its other requests.
    asked: [AtomicU64; 2],
    is_broken: AtomicBool,
}

struct Service {
    cart: Arc<Cart>,
    _routed: Routed,
    bff: Bff,
}

async fn read(State(cart): State<Arc<Cart>>) -> axum::Json<Value> {
    let go = cart.go.notified();
    let items = cart.items.load(Ordering::SeqCst);
    cart.reads.fetch_add(1, Ordering::SeqCst);
    if cart.is_slow.load(Ordering::SeqCst) {
        go.await;
    }
    axum::Json(json!([{ "id": 1, "items": items }]))
}

async fn add(State(cart): State<Arc<Cart>>) -> axum::Json<Value> {
    cart.items.fetch_add(1, Ordering::SeqCst);
    axum::Json(json!({ "id": 1 }))
}

/// A write that is applied, but answered with 502.
async fn lose(State(cart): State<Arc<Cart>>) -> axum::http::StatusCode {
    cart.items.fetch_add(1, Ordering::SeqCst);
    axum::http::StatusCode::BAD_GATEWAY
}

async fn said(State(cart): State<Arc<Cart>>, headers: axum::http::HeaderMap) -> axum::response::Response {
    if cart.is_broken.load(Ordering::SeqCst) {
        return axum::http::StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let language = headers.get("accept-language").map_or("", |value| value.to_str().unwrap());
    let etag = format!("\"{language}\"");
    let rules = [(header::CACHE_CONTROL, "max-age=0, stale-if-error=60".to_owned()), (header::ETAG, etag.clone())];
    let is_known = headers.get(header::IF_NONE_MATCH).is_some_and(|value| value.as_bytes() == etag.as_bytes());
    cart.asked[usize::from(!is_known)].fetch_add(1, Ordering::SeqCst);
    if is_known {
        return (axum::http::StatusCode::NOT_MODIFIED, rules).into_response();
    }
    (rules, axum::Json(json!({ "text": "hello", "language": language }))).into_response()
}

impl Service {
    async fn start() -> Arc<Self> {
        let cart = Arc::new(Cart::default());
        let router = Router::new()
            .route("/carts/{id}", get(async || axum::Json(json!({ "id": 1 }))).post(add))
            .route("/lost/{id}", post(lose))
            .route("/items", get(read))
            .route("/said", get(said))
            .with_state(Arc::clone(&cart));
        let routed = Routed::start(router).await;
        let files = Files::embedded([
            ("schema/services/carts.graphql", SERVICE),
            ("schema/web.graphql", SCHEMA),
            ("bespoke.yaml", "server: { port: 0 }\n"),
        ]);
        let setup = Setup::default().url("carts", routed.url()).deadline(Duration::from_secs(10));
        Arc::new(Self { cart, _routed: routed, bff: Bff::start(Client::new("web", files), setup).await })
    }

    async fn items(&self) -> Value {
        self.bff.ask("{ cart(id: 1) { items } }").await.data()["cart"]["items"].clone()
    }

    /// Waits until the service has received `reads` reads.
    async fn asked(&self, reads: u64) {
        let limit = tokio::time::Instant::now() + Duration::from_secs(10);
        while self.cart.reads.load(Ordering::SeqCst) < reads {
            assert!(tokio::time::Instant::now() < limit, "the service was not asked {reads} times");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_shows_although_the_old_one_was_kept_and_being_read() {
    let service = Service::start().await;
    assert_eq!(service.items().await, 0);
    assert_eq!((service.items().await, service.cart.reads.load(Ordering::SeqCst)), (json!(0), 1), "it is kept");
    let added = service.bff.ask("mutation { add(id: 1) { items } }").await;
    assert_eq!(added.data()["add"]["items"], 1, "the old one was kept: {}", added.text);
    // A read comes while the cart changes, and still has the old cart when the change is over.
    service.bff.ask("mutation { add(id: 1) { id } }").await;
    service.cart.is_slow.store(true, Ordering::SeqCst);
    let before = tokio::spawn({
        let service = Arc::clone(&service);
        async move { service.items().await }
    });
    service.asked(3).await;
    service.cart.is_slow.store(false, Ordering::SeqCst);
    let added = service.bff.ask("mutation { add(id: 1) { items } }").await;
    assert_eq!(added.data()["add"]["items"], 3, "the old one was being read: {}", added.text);
    service.cart.go.notify_waiters();
    assert_eq!(before.await.unwrap(), 2, "it has read before the change");
    assert_eq!(service.items().await, 3, "and what it read is not kept");
}

#[tokio::test]
async fn a_change_whose_answer_was_lost_shows_too() {
    let service = Service::start().await;
    assert_eq!(service.items().await, 0);
    let lost = service.bff.ask("mutation { lose(id: 1) { id } }").await;
    assert_eq!(lost.errors().len(), 1, "{}", lost.text);
    assert_eq!(service.items().await, 1);
}

#[tokio::test]
async fn a_stale_answer_is_asked_for_by_its_validator_and_stands_in_for_a_broken_service() {
    let service = Service::start().await;
    let ask = async |language| {
        let reply =
            service.bff.send_with("{ said { text language } }", Value::Null, Some(("accept-language", language))).await;
        assert_eq!(reply.data()["said"], json!({ "text": "hello", "language": language }), "{}", reply.text);
        reply.calls()[0]["cache"].as_str().unwrap_or("-").to_owned()
    };
    assert_eq!([ask("de").await, ask("de").await, ask("fr").await], ["miss", "revalidated", "miss"]);
    let asked = || service.cart.asked.each_ref().map(|count| count.load(Ordering::SeqCst));
    assert_eq!(asked(), [1, 2], "conditional ones, and others");
    service.cart.is_broken.store(true, Ordering::SeqCst);
    assert_eq!(ask("de").await, "stale_if_error");
}
