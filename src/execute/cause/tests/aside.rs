//! Failures that no answer reports are logged: tests with services on real sockets, and with an engine in production.

use super::{Lines, answer};
use crate::engine::{Client, Engine, EngineOptions};
use crate::project::Files;
use crate::upstream::{InProcessSource, UpstreamHandle};
use async_graphql::{Context, EmptyMutation, EmptySubscription, Object, Result, Schema};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;
use testkit::faulty::{Faulty, Reply};

const SERVICE: &str = r#"extend schema @link(url: "https://bespoke.example/connect/v1", import: ["@source", "@connect", "@cache"])
  @source(name: "shop", http: { baseURL: "BASE" })

type Query {
  stock(id: ID!): Stock
    @connect(http: { GET: "/stock/{$config.key}/{$args.id}", queryParams: "key: $config.key" }, selection: "count")
    @cache(maxAge: 1, swr: 600)
}

type Mutation {
  add(id: ID!): Stock
    @connect(
      http: { POST: "/add/{$config.key}/{$args.id}", queryParams: "key: $config.key" }
      selection: "count"
      on: [{ status: "409", code: "TAKEN" }]
    )
}

type Stock { count: Int }
"#;

const CLIENT: &str = "type Query { stock(id: ID!): Stock }
type Mutation { add(id: ID!): Stock }
type Stock { count: Int }";

const LONG: Duration = Duration::from_secs(10);

fn engine(base: &str, client: &str, mode: &str, code: Option<InProcessSource>) -> Engine {
    let config = format!("server: {{ mode: {mode} }}\nservices: {{ shop: {{ config: {{ key: s3cretvalue }} }} }}\n");
    let files = Files::embedded([
        ("schema/services/shop.graphql", SERVICE.replace("BASE", base).as_str()),
        ("schema/web.graphql", client),
        ("bespoke.yaml", config.as_str()),
    ]);
    let client = Client::new("web", files);
    let client = code.into_iter().fold(client, Client::in_process);
    client.engine(client.assemble(&|_| None), &EngineOptions::default()).expect("an engine")
}

/// Waits until the log has this many causes.
async fn logged(lines: &Lines, count: usize) -> Vec<Value> {
    for _ in 0..200 {
        if lines.causes().len() >= count {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // Anything else that is logged would come at once.
    tokio::time::sleep(Duration::from_millis(100)).await;
    let (text, causes) = (lines.text(), lines.causes());
    assert_eq!(causes.len(), count, "{text}");
    assert!(!text.contains("s3cret"), "{text}");
    causes
}

/// Asserts that each member of `cause` begins with the text in `expected`.
fn assert_has(cause: &Value, expected: &Value) {
    for (name, value) in expected.as_object().expect("an object") {
        let is_there = match (&cause[name], value) {
            (Value::String(found), Value::String(start)) => found.starts_with(start.as_str()),
            (found, value) => found == value,
        };
        assert!(is_there, "{name}: {value} of {cause}");
    }
}

#[tokio::test]
async fn writes_that_nobody_waits_for_tell_the_log_of_their_failure_once_in_a_period() {
    const LATE: Duration = Duration::from_millis(400);
    let message = "a write that nobody waits for any more has failed";
    for (reply, expected) in [
        (Reply::reset_before_head(), json!({ "code": "UPSTREAM_UNREACHABLE", "cause": "the connection was reset" })),
        (
            Reply::with_status(500, "text/html", "<p>s3cret</p>"),
            json!({ "code": "UPSTREAM_STATUS", "status": 500, "media_type": "text/html" }),
        ),
    ] {
        let service = Faulty::always(reply.after(LATE)).await.expect("a port");
        let engine = engine(&service.base_url(), CLIENT, "production", None);
        let lines = Lines::default();
        let _guard = lines.taken();
        for _ in 0..2 {
            let failed = answer(&engine, "mutation { add(id: 1) { count } }", LATE / 4).await;
            assert_eq!(failed["errors"][0]["extensions"]["code"], "UPSTREAM_TIMEOUT", "{failed}");
        }
        // The first cause is the timeout of the request itself.
        let causes = logged(&lines, 2).await;
        assert_has(&causes[1], &expected);
        let request = causes[1]["request"].as_str().expect("a request");
        assert!(request.ends_with("/add/…/1?key=…"), "{request}");
        let binding = causes[1]["binding"].as_str().expect("a binding");
        assert!(binding.starts_with("schema/services/shop.graphql:"), "{binding}");
        assert_has(&causes[1], &json!({ "message": message, "service": "shop", "level": "WARN" }));
    }
}

#[tokio::test]
async fn writes_that_nobody_waits_for_do_not_fail_by_success_or_by_what_is_declared() {
    const LATE: Duration = Duration::from_millis(200);
    for reply in [Reply::json(r#"{"count":1}"#), Reply::with_status(409, "application/json", "{}")] {
        let service = Faulty::always(reply.after(LATE)).await.expect("a port");
        let engine = engine(&service.base_url(), CLIENT, "production", None);
        let lines = Lines::default();
        let _guard = lines.taken();
        answer(&engine, "mutation { add(id: 1) { count } }", LATE / 4).await;
        tokio::time::sleep(LATE * 2).await;
        assert!(lines.text().contains("a write ended after its request"), "{}", lines.text());
        assert_eq!(lines.causes().len(), 1, "that of the request: {}", lines.text());
    }
}

#[tokio::test]
async fn refreshes_that_fail_tell_the_log() {
    let asked: Mutex<HashMap<String, u32>> = Mutex::default();
    let service = Faulty::start(move |request| {
        let mut asked = asked.lock().expect("no panic");
        let times = asked.entry(request.target.clone()).or_default();
        *times += 1;
        match (*times, request.target.contains("/1?"), request.target.contains("/2?")) {
            (1, ..) => Reply::json(r#"{"count":1}"#),
            (_, true, _) => Reply::reset_before_head(),
            (_, _, true) => Reply::with_status(500, "text/html", "<p>s3cret</p>"),
            _ => Reply::json(r#"{"count":"#),
        }
    });
    let service = service.await.expect("a port");
    let engine = engine(&service.base_url(), CLIENT, "production", None);
    let query = |id: u32| format!("{{ stock(id: {id}) {{ count }} }}");
    for id in [1, 2, 3] {
        assert_eq!(answer(&engine, &query(id), LONG).await, json!({ "data": { "stock": { "count": 1 } } }));
    }
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    for (id, expected) in [
        (1, json!({ "code": "UPSTREAM_UNREACHABLE", "cause": "the connection was reset" })),
        (2, json!({ "code": "UPSTREAM_STATUS", "status": 500, "media_type": "text/html" })),
        (3, json!({ "code": "UPSTREAM_MALFORMED", "status": 200 })),
    ] {
        let lines = Lines::default();
        let _guard = lines.taken();
        assert_eq!(answer(&engine, &query(id), LONG).await, json!({ "data": { "stock": { "count": 1 } } }));
        let causes = logged(&lines, 1).await;
        assert_has(&causes[0], &expected);
        assert_has(&causes[0], &json!({ "message": "a kept answer could not be refreshed", "service": "shop" }));
        assert!(causes[0]["binding"].as_str().is_some_and(|it| it.starts_with("schema/services/shop.graphql:")));
        assert!(causes[0]["request"].as_str().is_some_and(|it| it.contains("/stock/…/")), "{}", causes[0]);
    }
}

struct Query;

#[Object]
impl Query {
    /// Replaces a failure by an error of its own.
    async fn seen(&self, ctx: &Context<'_>) -> Result<i32> {
        let handle = ctx.data::<UpstreamHandle>()?;
        match handle.get_json("shop", "/seen", &[("key", "s3cret")]).await {
            Ok(_) => Ok(1),
            Err(_) => Err("it is not to be seen now".into()),
        }
    }
}

fn code() -> InProcessSource {
    let schema = Schema::build(Query, EmptyMutation, EmptySubscription).enable_federation().finish();
    InProcessSource::new("desk", schema).max_calls(1)
}

#[tokio::test]
async fn failed_calls_of_code_are_told_with_their_cause() {
    let client = "type Query { seen: Int }";
    for (reply, code_of_call, what) in [
        (Reply::reset_before_head(), "UPSTREAM_UNREACHABLE", "the connection was reset"),
        (Reply::with_status(404, "text/html", "s3cret"), "UPSTREAM_STATUS", "the service answered with a status that"),
    ] {
        let service = Faulty::always(reply).await.expect("a port");
        for mode in ["production", "development"] {
            let engine = engine(&service.base_url(), client, mode, Some(code()));
            let lines = Lines::default();
            let _guard = lines.taken();
            let failed = answer(&engine, "{ seen }", LONG).await;
            assert_eq!(failed["errors"][0]["extensions"]["code"], "SUBGRAPH_ERROR", "{failed}");
            let calls = failed["extensions"]["bespoke"]["calls"].as_array();
            let of_shop = calls.and_then(|calls| calls.iter().find(|call| call["service"] == "shop"));
            let shown = of_shop.and_then(|call| call["cause"].as_str());
            assert_eq!(shown.is_some_and(|shown| shown.starts_with(what)), mode == "development", "{failed}");
            // The other cause is that of the field.
            let causes = logged(&lines, 2).await;
            let cause = causes.iter().find(|cause| cause["service"] == "shop").expect("a cause");
            let message = "a call of code in this process has failed";
            assert_has(
                cause,
                &json!({ "code": code_of_call, "endpoint": "GET /seen", "message": message, "cause": what }),
            );
            assert!(cause["request"].as_str().is_some_and(|it| it.ends_with("/seen?key=…")), "{cause}");
        }
    }
}
