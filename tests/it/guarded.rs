//! Tests that data for authenticated callers is neither fetched for others nor sent to them, whoever asks first.

use bespoke::internals::engine::{Client, EngineOptions, GraphQlEngine, Request};
use bespoke::internals::json;
use bespoke::internals::policy::Caller;
use bespoke::internals::project::Files;
use std::sync::Arc;
use std::time::{Duration, Instant};
use testkit::faulty::{Faulty, Reply};

const PEOPLE: &str = r#"extend schema
  @link(url: "https://specs.apollo.dev/federation/v2.5", import: ["@key", "@authenticated"])
type Query { person: Person }
type Person @key(fields: "id") { id: ID! name: String email: String @authenticated }
"#;

const LABELS: &str = r#"extend schema
  @link(url: "https://specs.apollo.dev/federation/v2.5", import: ["@key", "@external", "@requires"])
type Person @key(fields: "id") { id: ID! email: String @external label: String @requires(fields: "email") }
"#;

const SCHEMA: &str = "type Query { person: Person } type Person { name: String label: String email: String }";

fn engine(url: &str) -> Arc<dyn GraphQlEngine> {
    let client = Client::new(
        "web",
        Files::embedded([
            ("schema/services/people.graphql", PEOPLE),
            ("schema/services/labels.graphql", LABELS),
            ("schema/web.graphql", SCHEMA),
            ("bespoke.yaml", "server: { port: 0 }\n"),
        ]),
    );
    let mut assembled = client.assemble(&|_| None);
    assert!(!assembled.has_errors(), "{:#?}", assembled.findings);
    let config = assembled.config.as_mut().expect("a configuration");
    for name in ["people", "labels"] {
        config.services.entry(name.to_owned()).or_default().url = Some(format!("{url}/{name}"));
    }
    Arc::new(client.engine(assembled, &EngineOptions::default()).expect("an engine"))
}

fn caller(is_known: bool) -> Arc<Caller> {
    let claims = json::Map::from_iter([("sub".to_owned(), json::Value::from("1"))]);
    Arc::new(Caller { claims: is_known.then_some(claims), ..Caller::default() })
}

#[tokio::test]
async fn anonymous_callers_cause_no_call_by_what_they_do_not_get() {
    let service = Faulty::start(|request| match request.target.as_str() {
        "/labels" => Reply::json(r#"{"data":{"_entities":[{"label":"canary"}]}}"#),
        _ => Reply::json(r#"{"data":{"person":{"__typename":"Person","id":"1","name":"Ann","email":"canary"}}}"#),
    });
    let service = service.await.expect("a port");
    for order in [[false, true, false], [true, false, true]] {
        let engine = engine(&service.base_url());
        for is_known in order {
            let before = service.requests().len();
            let request = Request { query: "{ person { name label email } }".to_owned(), ..Request::default() };
            let answer = engine.execute(request, caller(is_known), Instant::now() + Duration::from_secs(30)).await;
            let text = String::from_utf8(answer.body.to_vec()).expect("UTF-8");
            let asked = service.requests().split_off(before);
            let asked: Vec<_> = asked.iter().map(|it| (&*it.target, String::from_utf8_lossy(&it.body))).collect();
            assert!(text.contains(r#""name":"Ann""#), "{text}");
            assert_eq!(text.matches("canary").count(), if is_known { 2 } else { 0 }, "{text}");
            assert_eq!(text.matches("UNAUTHENTICATED").count(), if is_known { 0 } else { 2 }, "{text}");
            assert_eq!(asked.len(), if is_known { 2 } else { 1 }, "{asked:?}");
            assert_eq!(asked.iter().any(|(_, body)| body.contains("email")), is_known, "{asked:?}");
        }
    }
}
