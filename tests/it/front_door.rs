//! Tests of the crate's public API (`bespoke::bff`): a client's engine in another application
//! (`examples/own_application.rs`), and each of its subgraphs by itself.

#[path = "../../examples/own_application.rs"]
#[expect(dead_code, reason = "its `main` is for the command line")]
mod example;

use crate::harness::{Bff, Setup};
use crate::routed::Routed;
use async_graphql::{Data, Executor as _, Request as GraphQl};
use async_graphql_axum::GraphQL;
use axum::Router;
use axum::http::HeaderMap;
use axum::routing::{get, post_service};
use bespoke::bff::{Caller, Client, EngineError, Files};
use demo::{Shop, ShopOptions};
use futures_util::StreamExt as _;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

fn http() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::new()
}

async fn post(url: &str, header: (&str, &str), body: &Value) -> (u16, Value) {
    let request = http().post(url).header(CONTENT_TYPE, "application/json").header(header.0, header.1);
    let answer = request.body(body.to_string()).send().await.unwrap();
    let status = answer.status().as_u16();
    (status, serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap_or_default())
}

#[tokio::test]
async fn an_engine_answers_within_another_application_on_behalf_of_the_caller_that_it_names() {
    let application = Routed::start(example::application().unwrap()).await;
    let page = http().get(application.url()).send().await.unwrap().text().await.unwrap();
    assert!(page.contains("/graphql"), "{page}");
    let url = format!("{}/graphql", application.url());
    let ask = |query: &'static str| json!({ "query": query });
    let (_, answer) = post(&url, ("x-user", "Ada"), &ask("{ greeting }")).await;
    assert_eq!(answer, json!({ "data": { "greeting": "Hello, Ada!" } }));
    let (_, answer) = post(&url, ("x-other", "Ada"), &ask("{ greeting }")).await;
    assert_eq!(answer["data"]["greeting"], "Hello, stranger!");
    let (_, answer) = post(&url, ("x-user", "Ada"), &ask("{ greting }")).await;
    assert_eq!(answer["errors"][0]["locations"], json!([{ "line": 1, "column": 3 }]), "{answer}");
}

#[tokio::test]
async fn what_the_configuration_rules_is_refused_in_a_request() {
    let engine = example::client().executor(Path::new(".")).unwrap();
    let answer = engine.execute(GraphQl::new("{ greeting }").disable_introspection()).await;
    assert!(answer.is_err() && answer.errors[0].message.contains("server.mode"), "{answer:?}");
}

#[tokio::test]
async fn a_client_with_errors_has_no_executor_and_says_where_they_are() {
    let files = Files::embedded([("schema/web.graphql", "type Query { greeting: String! }")]);
    let Err(EngineError::Findings(findings)) = Client::new("web", files).executor(Path::new(".")) else {
        panic!("nothing has the field");
    };
    let text = EngineError::Findings(findings).to_string();
    assert!(text.contains("schema/web.graphql:1:6"), "{text}");
}

/// Starts a service whose number grows with each call.
async fn counter() -> Routed {
    let calls = Arc::new(AtomicU64::new(0));
    let count = move |headers: HeaderMap| async move {
        let user = headers.get("x-user").map_or(0, |name| name.len() as u64);
        axum::Json(json!({ "count": calls.fetch_add(1, Ordering::SeqCst) + 1, "user": user }))
    };
    Routed::start(Router::new().route("/count", get(count))).await
}

const COUNTER: &str = r#"extend schema
  @link(url: "https://bespoke.example/connect/v1", import: ["@source", "@connect", "@poll"])
  @source(name: "counter", http: { headers: [{ name: "x-user", from: "x-user" }] })
type Query { now: Counter @connect(http: { GET: "/count" }, selection: "count user") }
type Subscription { now: Counter @connect(http: { GET: "/count" }, selection: "count user") @poll(every: "100ms") }
type Counter { count: Int! user: Int! }
"#;

const COUNTER_CLIENT: &str = "type Query { now: Counter } type Subscription { now: Counter }
type Counter { count: Int! user: Int! }";

#[tokio::test]
async fn the_services_of_async_graphql_axum_work_over_an_engine_subscriptions_included() {
    let service = counter().await;
    let configuration = format!("services: {{ counter: {{ url: \"{}\" }} }}", service.url());
    let files = Files::embedded([
        ("schema/services/counter.graphql", COUNTER),
        ("schema/web.graphql", COUNTER_CLIENT),
        ("bespoke.yaml", configuration.as_str()),
    ]);
    let engine = Client::new("web", files).executor(Path::new(".")).unwrap();

    // The caller in the data of the session applies to each event of a subscription.
    let mut session = Data::default();
    let mut headers = HeaderMap::new();
    headers.insert("x-user", "Ada".parse().unwrap());
    session.insert(Arc::new(Caller { headers, ..Caller::default() }));
    let request = GraphQl::new("subscription { now { count user } }");
    let events: Vec<_> = engine.execute_stream(request, Some(Arc::new(session))).take(3).collect().await;
    let seen: Vec<String> = events.iter().map(|event| event.data.to_string()).collect();
    let expected = [1, 2, 3].map(|count| format!("{{now: {{count: {count}, user: 3}}}}"));
    assert_eq!(seen, expected, "{events:?}");

    let application = Routed::start(Router::new().route("/graphql", post_service(GraphQL::new(engine)))).await;
    let url = format!("{}/graphql", application.url());
    let (_, answer) = post(&url, ("x-other", "-"), &json!({ "query": "{ now { user } }" })).await;
    assert_eq!(answer, json!({ "data": { "now": { "user": 0 } } }), "nobody is named");
    // Over `multipart/mixed`, `async-graphql-axum` sends the answer as a stream with one item.
    let body = json!({ "query": "{ now { user } }" }).to_string();
    let request = http().post(&url).header(CONTENT_TYPE, "application/json");
    let answer = request.header(ACCEPT, "multipart/mixed;subscriptionSpec=1.0").body(body).send().await.unwrap();
    let text = answer.text().await.unwrap();
    assert!(text.contains(r#"{"now":{"user":0}}"#), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn in_development_each_subgraph_is_served_by_itself() {
    let shop = Shop::start(ShopOptions::default());
    let bff = Bff::start(bff_web::client(), Setup::of(&shop).page(None)).await;
    let base = bff.url().strip_suffix("/graphql").unwrap().to_owned();
    let get = async |url: String| http().get(url).send().await.unwrap().text().await.unwrap();
    assert_eq!(get(format!("{base}/_subgraphs")).await, r#"["web-extras"]"#);

    let url = format!("{base}/_subgraphs/web-extras");
    let anybody = ("x-other", "-");
    let (_, answer) = post(&url, anybody, &json!({ "query": "{ _service { sdl } }" })).await;
    assert!(answer["data"]["_service"]["sdl"].as_str().unwrap().contains("priceLabel"), "{answer}");
    let entities = r#"query($of: [_Any!]!) { _entities(representations: $of) {
        ... on Product { priceLabel(locale: "de") } ... on User { loyalty { points } } } }"#;
    let of = json!([
        { "__typename": "Product", "id": "1", "price": { "amount": 1299, "currency": "EUR" } },
        { "__typename": "User", "id": "123" },
    ]);
    let (_, answer) = post(&url, anybody, &json!({ "query": entities, "variables": { "of": of } })).await;
    assert_eq!(answer["data"]["_entities"][0]["priceLabel"], "12,99 €", "{answer}");
    // The resolvers of the subgraph call services, as they do in the graph.
    assert!(answer["data"]["_entities"][1]["loyalty"]["points"].as_u64() > Some(0), "{answer}");

    let forged = (AUTHORIZATION.as_str(), "Bearer forged");
    let (status, answer) = post(&url, forged, &json!({ "query": "{ __typename }" })).await;
    assert_eq!((status, &answer["errors"][0]["extensions"]["code"]), (401, &json!("UNAUTHENTICATED")));

    let page = http().get(&url).send().await.unwrap();
    assert!(page.headers()[CONTENT_TYPE].to_str().unwrap().starts_with("text/html"));
    let config: Value = serde_json::from_str(&get(format!("{url}/config.json")).await).unwrap();
    assert_eq!(config["endpoint"], "/_subgraphs/web-extras");
    let (status, _) = post(&format!("{base}/_subgraphs/nobody"), anybody, &json!({ "query": "{ a }" })).await;
    assert_eq!(status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn in_production_no_subgraph_is_served_by_itself() {
    let shop = Shop::start(ShopOptions::default());
    let bff = Bff::start(bff_web::client(), Setup::of(&shop).production()).await;
    let base = bff.url().strip_suffix("/graphql").unwrap().to_owned();
    for path in ["/_subgraphs", "/_subgraphs/web-extras", "/_subgraphs/web-extras/config.json"] {
        assert_eq!(http().get(format!("{base}{path}")).send().await.unwrap().status(), 404, "{path}");
    }
    let (status, _) = post(&format!("{base}/_subgraphs/web-extras"), ("x", "y"), &json!({ "query": "{ a }" })).await;
    assert_eq!(status, 404);
}
