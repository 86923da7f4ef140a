//! Causes of failed fields, end to end: with a service on a real socket, and with an engine in development and in
//! production.

mod aside;

use super::pointer::{Segment, at, follow, pointer};
use crate::engine::{Client, Engine, EngineOptions, GraphQlEngine, Request};
use crate::policy::Caller;
use crate::project::Files;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use testkit::faulty::{Faulty, Reply};

const SERVICE: &str = r#"extend schema @link(url: "https://bespoke.example/connect/v1", import: ["@source", "@connect"])
  @source(name: "shop", http: { baseURL: "BASE" })

type Query {
  items: [Item!]!
    @connect(http: { GET: "/items", queryParams: "key: $config.key" }, selection: "$.items { id name price { amount } tags }")
  item(id: ID!): Item @connect(http: { GET: "/items/{$args.id}" }, selection: "id name price { amount } tags")
}

type Item {
  id: ID!
  name: String!
  price: Price
  tags: [String!]
}

type Price {
  amount: Int!
}
"#;

const CLIENT: &str = "type Query { items: [Item!] item(id: ID!): Item }
type Item { id: ID! name: String! price: Price tags: [String!] }
type Price { amount: Int! }";

/// The errors of an engine whose service always gives this reply.
async fn errors(reply: Reply, mode: &str, query: &str) -> Vec<Value> {
    let service = Faulty::always(reply).await.expect("a port");
    run(&engine(&service.base_url(), mode), query).await
}

fn engine(base: &str, mode: &str) -> Engine {
    let config = format!("server: {{ mode: {mode} }}\nservices: {{ shop: {{ config: {{ key: s3cretvalue }} }} }}\n");
    let files = Files::embedded([
        ("schema/services/shop.graphql", SERVICE.replace("BASE", base).as_str()),
        ("schema/web.graphql", CLIENT),
        ("bespoke.yaml", config.as_str()),
    ]);
    let client = Client::new("web", files);
    client.engine(client.assemble(&|_| None), &EngineOptions::default()).expect("an engine")
}

async fn run(engine: &Engine, query: &str) -> Vec<Value> {
    answer(engine, query, Duration::from_secs(10)).await["errors"].as_array().cloned().unwrap_or_default()
}

/// The whole answer to a query, which may take `time`.
pub(super) async fn answer(engine: &Engine, query: &str, time: Duration) -> Value {
    let request = Request { query: query.to_owned(), ..Default::default() };
    let answer = engine.execute(request, Arc::new(Caller::default()), Instant::now() + time).await;
    serde_json::from_slice(&answer.body).expect("JSON")
}

const ITEMS: &str = "{ items { id name price { amount } tags } }";
const ITEM: &str = "{ item(id: 7) { id name price { amount } tags } }";

#[tokio::test]
async fn development_shows_causes_with_binding_pointer_and_kinds() {
    for (query, body, code, expected) in [
        (
            ITEMS,
            r#"{"items":[{"id":1,"name":"a"},{"id":2,"name":"b","price":{"amount":"much"}}]}"#,
            "UPSTREAM_SHAPE",
            json!({ "pointer": "/items/1/price/amount", "expected": "a 32-bit integer", "got": "a string" }),
        ),
        (
            ITEMS,
            r#"{"items":[{"id":1,"name":"a"},{"id":2,"name":"b","price":"much"}]}"#,
            "UPSTREAM_SHAPE",
            json!({ "pointer": "/items/1/price", "expected": "an object", "got": "a string" }),
        ),
        (
            ITEMS,
            r#"{"items":[{"id":1,"name":"a"},{"id":2}]}"#,
            "NULL_IN_NON_NULL",
            json!({ "pointer": "/items/1/name", "expected": "a string", "got": "nothing" }),
        ),
        (
            ITEMS,
            r#"{"items":[{"id":1,"name":"a"},{"id":2,"name":null}]}"#,
            "NULL_IN_NON_NULL",
            json!({ "pointer": "/items/1/name", "expected": "a string", "got": "null" }),
        ),
        (
            ITEM,
            r#"{"id":7,"name":"a","tags":["x",7,{}]}"#,
            "UPSTREAM_SHAPE",
            json!({ "pointer": "/tags/2", "expected": "a string", "got": "an object" }),
        ),
        (
            ITEM,
            r#"{"id":7,"name":"a","price":{}}"#,
            "NULL_IN_NON_NULL",
            json!({ "pointer": "/price/amount", "expected": "a 32-bit integer", "got": "nothing" }),
        ),
    ] {
        let errors = errors(Reply::json(body), "development", query).await;
        assert_eq!(errors.len(), 1, "{body}: {errors:?}");
        let extensions = &errors[0]["extensions"];
        assert_eq!(extensions["code"], code, "{body}");
        let cause = &extensions["cause"];
        for (name, value) in expected.as_object().expect("an object") {
            assert_eq!(cause[name], *value, "{body}: {name} of {cause}");
        }
        let line = if query == ITEMS { 5 } else { 7 };
        let binding = cause["binding"].as_str().expect("a binding");
        assert!(binding.starts_with("schema/services/shop.graphql:"), "{binding}");
        let found: u32 = binding.rsplit(':').next().and_then(|line| line.parse().ok()).expect("a line");
        assert!((line..=line + 2).contains(&found), "{binding}");
        assert_eq!(cause["service"], "shop");
    }
}

#[tokio::test]
async fn development_says_what_was_wrong_with_a_whole_answer() {
    for (reply, code, what, status) in [
        (Reply::json("{\"items\": [1,}"), "UPSTREAM_MALFORMED", "the answer is no JSON: expected value at line 1", 200),
        (Reply::with_status(200, "text/html", "<p>"), "UPSTREAM_MALFORMED", "the answer's media type is not JSON", 200),
        (
            Reply::with_status(418, "text/plain", "no"),
            "UPSTREAM_STATUS",
            "the service answered with a status that",
            418,
        ),
        (Reply::with_status(200, "application/json", ""), "UPSTREAM_MALFORMED", "the answer has no body", 200),
    ] {
        let errors = errors(reply, "development", ITEMS).await;
        let extensions = &errors[0]["extensions"];
        let cause = &extensions["cause"];
        assert_eq!(extensions["code"], code);
        assert!(cause["what"].as_str().expect("a text").starts_with(what), "{cause}");
        assert_eq!(cause["status"], status, "{cause}");
        let request = cause["request"].as_str().expect("a request");
        assert!(request.starts_with("GET http://127.0.0.1:") && request.ends_with("/items?key=…"), "{request}");
        assert!(!errors[0].to_string().contains("s3cret"), "{errors:?}");
    }
}

/// Whether an engine in this mode shows introspection, suggestions, causes of fields, causes of calls, and calls, in
/// this order.
async fn shown(mode: &str) -> [bool; 5] {
    let service = Faulty::always(Reply::reset_before_head()).await.expect("a port");
    let engine = engine(&service.base_url(), mode);
    let introspected = run(&engine, "{ __schema { queryType { name } } }").await;
    let refused = run(&engine, "{ itens { id } }").await;
    let message = refused[0]["message"].as_str().expect("a message");
    let failed = answer(&engine, ITEM, Duration::from_secs(10)).await;
    assert_eq!(failed["errors"][0]["extensions"]["code"], "UPSTREAM_UNREACHABLE", "{failed}");
    let call = &failed["extensions"]["bespoke"]["calls"][0];
    let of_call = call["cause"].as_str().is_some_and(|cause| cause.starts_with("the connection was reset"));
    [
        introspected.is_empty(),
        message.contains("`items`"),
        failed["errors"][0]["extensions"].get("cause").is_some(),
        of_call,
        call["service"] == "shop",
    ]
}

#[tokio::test]
async fn development_shows_introspection_suggestions_causes_and_calls() {
    assert_eq!(shown("development").await, [true; 5]);
}

#[tokio::test]
async fn production_shows_no_introspection_suggestions_causes_or_calls() {
    assert_eq!(shown("production").await, [false; 5]);
}

#[tokio::test]
async fn a_body_that_is_no_json_beside_a_status_of_failure_tells_its_media_type() {
    let page = Reply::with_status(503, "text/html; charset=utf-8", "<p>s3cret</p>");
    let errors = errors(page, "development", ITEM).await;
    let cause = &errors[0]["extensions"]["cause"];
    assert_eq!((&cause["status"], &cause["mediaType"]), (&json!(503), &json!("text/html; charset=utf-8")), "{cause}");
    assert!(!errors[0].to_string().contains("s3cret"), "{errors:?}");
}

#[tokio::test]
async fn production_shows_codes_and_paths_alone() {
    for reply in [
        Reply::json(r#"{"items":[{"id":1}]}"#),
        Reply::json("no JSON"),
        Reply::with_status(500, "application/json", r#"{"secret":1}"#),
        Reply::reset_before_head(),
    ] {
        let errors = errors(reply, "production", ITEMS).await;
        assert_eq!(errors.len(), 1);
        assert_eq!(errors[0]["extensions"].get("cause"), None, "{errors:?}");
        let text = errors[0].to_string();
        assert!(!text.contains("127.0.0.1") && !text.contains("graphql:") && !text.contains("s3cret"), "{text}");
    }
}

/// The lines of a log.
#[derive(Debug, Clone, Default)]
pub(super) struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    /// Collects what this thread logs from now on, as JSON.
    pub(super) fn taken(&self) -> tracing::subscriber::DefaultGuard {
        let writer = self.clone();
        let log = tracing_subscriber::fmt().json().flatten_event(true).with_writer(move || writer.clone()).finish();
        tracing::subscriber::set_default(log)
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("no panic").clone()).expect("UTF-8")
    }

    /// The lines that report causes.
    pub(super) fn causes(&self) -> Vec<Value> {
        let text = self.text();
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        lines.filter(|line| line["target"] == "bespoke::cause").collect()
    }
}

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no panic").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn production_logs_causes_once_in_a_period_and_nothing_of_the_body() {
    let lines = Lines::default();
    let _guard = lines.taken();
    let body = r#"{"items":[{"id":"s3cret","name":"s3cret","price":{"amount":"s3cret"}}]}"#;
    let service = Faulty::always(Reply::json(body)).await.expect("a port");
    let engine = engine(&service.base_url(), "production");
    for _ in 0..3 {
        assert_eq!(run(&engine, ITEMS).await.len(), 1);
    }
    let (text, causes) = (lines.text(), lines.causes());
    assert!(!text.contains("s3cret"), "{text}");
    assert_eq!(causes.len(), 1, "{text}");
    let expected = json!({
        "level": "WARN", "code": "UPSTREAM_SHAPE", "service": "shop", "endpoint": "GET /items",
        "pointer": "/items/0/price/amount", "expected": "a 32-bit integer", "got": "a string",
        "cause": "a value is not of its type",
    });
    for (name, value) in expected.as_object().expect("an object") {
        assert_eq!(causes[0][name], *value, "{name} of {text}");
    }
}

#[test]
fn settings_in_a_path_are_left_out() {
    let settings = json!({ "token": "s3cret/value", "more": ["0123456789"], "n": "abc" });
    let text = "GET https://shop.test/bot-s3cret%2Fvalue/0123456789/abc".to_owned();
    assert_eq!(super::without_settings(text, &settings.clone().into()), "GET https://shop.test/bot-…/…/abc");
}

#[test]
fn pointers_lead_to_the_byte_where_a_value_begins() {
    let text = r#" { "a" : [ 1 , { "b/~": [ [] , {} , "x\"]" , true ] } ] , "c": null } "#;
    for (value, expected) in
        [("1 ,", "/a/0"), ("\"x", "/a/1/b~1~0/2"), ("true", "/a/1/b~1~0/3"), ("null", "/c"), ("[]", "/a/1/b~1~0/0")]
    {
        let offset = text.find(value).expect("it is there");
        let found = at(text.as_bytes(), offset).map(|segments| pointer(&segments));
        assert_eq!(found.as_deref(), Some(expected), "{value}");
    }
    assert_eq!(at(text.as_bytes(), 2), None, "no value begins there");
}

#[test]
fn what_is_no_json_has_no_pointers() {
    for text in ["", "{", "{\"a\"", "[1", "[1,", "\"", "{\"a\":}", "]", "{]", "\\", "[\"\\", "{\"a\":[}"] {
        for offset in 0..12 {
            let _ = at(text.as_bytes(), offset);
        }
        let path = [Segment::Name("a".to_owned()), Segment::Index(1)];
        let _ = (follow(text.as_bytes(), &path), follow(text.as_bytes(), &path[1..]));
    }
}

#[test]
fn a_path_is_followed_as_far_as_it_leads() {
    let text = br#"{"a":{"a":1,"b":[1,{"c":"d"}],"b":[2]}}"#;
    let path = |names: &[&str]| names.iter().map(|name| Segment::Name((*name).to_owned())).collect::<Vec<_>>();
    assert_eq!(follow(text, &path(&["a", "a"])), (2, &b"1"[..]));
    assert_eq!(follow(text, &path(&["a", "b"])), (2, &b"[2]"[..]), "the last of equal names");
    assert_eq!(follow(text, &path(&["a", "x", "y"])).0, 1);
    assert_eq!(follow(text, &[]).1, text);
}
