//! Tests of `bespoke mock`, which serves any schema over HTTP with data that the schema allows.

mod check;
mod operations;

use crate::program::{Folder, Program, bespoke, node, run};
use apollo_compiler::validation::Valid;
use apollo_compiler::{ExecutableDocument, Schema};
use bespoke::internals::diagnostic::Sources;
use bespoke::internals::view;
use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, Instant};

const FOREIGN: &str = "tests/fixtures/library.graphql";

/// A running `bespoke mock`.
struct Mock {
    url: String,
    client: reqwest::Client,
    program: Program,
}

impl Mock {
    async fn start(arguments: &[&str]) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut program = Program::start(bespoke(&[&["mock", "--port", "0"], arguments].concat()));
        let url = program.url().await;
        let client = reqwest::Client::builder().timeout(Duration::from_secs(20)).build().unwrap();
        Self { url, client, program }
    }

    async fn ask(&self, query: &str) -> Value {
        let request = self.client.post(&self.url).header("content-type", "application/json");
        let answer = request.body(json!({ "query": query }).to_string()).send().await.unwrap();
        serde_json::from_str(&answer.text().await.unwrap()).unwrap()
    }
}

/// The schema in a file.
fn schema_of(file: &str) -> Valid<Schema> {
    let mut sources = Sources::default();
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
    let id = sources.add(file, text);
    let (view, findings) = view::plain(&sources, id);
    view.unwrap_or_else(|| panic!("{findings:#?}")).schema
}

/// Asserts that random operations are answered, and that all answers fit the schema.
async fn answers_fit(file: &str, more: &[&str], seeds: std::ops::Range<u64>) {
    let mock = Mock::start(&[&[file, "--list", "2"], more].concat()).await;
    let schema = schema_of(file);
    let (mut values, mut nulls) = (0, 0);
    for seed in seeds {
        let query = operations::operation(&schema, seed);
        let document = ExecutableDocument::parse_and_validate(&schema, &query, "query")
            .unwrap_or_else(|invalid| panic!("seed {seed}: {query}\n{}", invalid.errors));
        let answer = mock.ask(&query).await;
        if more.is_empty() {
            assert!(answer.get("errors").is_none(), "seed {seed}: {query}\n{}", answer["errors"]);
        }
        let counted = check::answer(&schema, &document, &answer["data"])
            .unwrap_or_else(|why| panic!("seed {seed}: {why}\n{query}\n{answer:#}"));
        values += counted.values;
        nulls += counted.nulls;
    }
    assert!(values > 2_000, "only {values} values were checked");
    // There are nulls only if an option asks for them. Every type of the fixtures has nullable fields.
    assert_eq!(nulls > 50, !more.is_empty(), "{nulls} nulls");
}

#[tokio::test]
async fn random_operations_of_web_are_answered_as_the_schema_says() {
    answers_fit("schema/web.graphql", &[], 0..80).await;
}

#[tokio::test]
async fn random_operations_of_mobile_are_answered_as_the_schema_says() {
    answers_fit("schema/mobile.graphql", &[], 0..80).await;
}

#[tokio::test]
async fn random_operations_of_a_foreign_schema_are_answered_with_nulls_and_errors() {
    answers_fit(FOREIGN, &["--nulls", "30", "--errors", "5"], 0..120).await;
}

#[tokio::test]
async fn introspection_shows_the_schema() {
    let mock = Mock::start(&[FOREIGN]).await;
    let answer = mock.ask("{ __schema { types { name } } __type(name: \"BookEdge\") { fields { name } } }").await;
    let types = answer["data"]["__schema"]["types"].as_array().unwrap();
    for name in schema_of(FOREIGN).types.keys() {
        assert!(types.iter().any(|ty| ty["name"] == name.as_str()), "{name} is not in {answer}");
    }
    assert_eq!(answer["data"]["__type"]["fields"], json!([{ "name": "cursor" }, { "name": "node" }]));
}

#[tokio::test]
async fn every_audit_of_graphql_over_http_passes() {
    let mock = Mock::start(&["schema/web.graphql"]).await;
    let mut audits = node("tests/audits/audits.mjs");
    audits.arg(&mock.url);
    let ended = run(audits).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let report: Value = serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {}", ended.stdout));
    let audits = report["audits"].as_array().unwrap();
    let failed: Vec<&Value> = audits.iter().filter(|it| it["status"] != "ok").collect();
    assert_eq!((audits.len(), failed.len()), (61, 0), "{failed:#?}");
}

#[tokio::test]
async fn browsers_may_call_it_from_this_machine_and_find_a_page() {
    let mock = Mock::start(&["schema/web.graphql"]).await;
    let get = |query: &str| mock.client.get(format!("{}?query={query}", mock.url));
    let answer = get("%7Bme%7Bname%7D%7D").header("origin", "http://localhost:5173").send();
    let answer = answer.await.unwrap();
    assert_eq!(answer.headers()["access-control-allow-origin"], "http://localhost:5173");
    let body: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    assert!(body["data"]["me"]["name"].is_string(), "{body}");
    let mutation = get("mutation%7BremoveFromCart(productId:1)%7Bid%7D%7D");
    assert_eq!(mutation.send().await.unwrap().status(), 405);
    let page = mock.client.get(mock.url.replace("/graphql", "/")).send().await.unwrap();
    assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
}

#[tokio::test]
async fn an_answer_takes_the_delay_and_its_scalars() {
    let mock = Mock::start(&[FOREIGN, "--delay", "300ms", "--scalar", "Decimal=\"9.99\"", "--seed", "4"]).await;
    let begun = Instant::now();
    let answer = mock.ask("{ viewer { balance } }").await;
    assert!(begun.elapsed() >= Duration::from_millis(300));
    assert_eq!(answer, json!({ "data": { "viewer": { "balance": "9.99" } } }));
}

#[tokio::test]
async fn a_mistake_is_drawn_where_it_is() {
    let folder = Folder::copy("tests/fixtures", &["library.graphql"]);
    let file = format!("{}/library.graphql", folder.path());
    folder.edit("library.graphql", "  price: Float\n", "  price: Flaot\n");
    let ended = run(bespoke(&["mock", &file])).await;
    assert_eq!(ended.code, Some(1), "{}", ended.stdout);
    let line = 1 + std::fs::read_to_string(&file).unwrap().lines().position(|line| line.contains("Flaot")).unwrap();
    assert!(ended.stderr.contains(&format!("library.graphql:{line}:10")), "{}", ended.stderr);
    assert!(ended.stderr.contains("E100") && ended.stderr.contains("`Flaot`"), "{}", ended.stderr);
    assert_eq!(ended.stdout, "");
}

#[tokio::test]
async fn wrong_arguments_are_explained() {
    for (arguments, expected) in [
        (&["nowhere.graphql"][..], "cannot read `nowhere.graphql`"),
        (&[FOREIGN, "--scalar", "Money=1"], "the schema has no custom scalar `Money`; it has: DateTime, Date, URL"),
        (&[FOREIGN, "--scalar", "Decimal=nine"], "`nine` is not JSON"),
        (&[FOREIGN, "--nulls", "101"], "101 is not in 0..=100"),
        (&[FOREIGN, "--delay", "5m"], "at most 60s"),
    ] {
        let ended = run(bespoke(&[&["mock"], arguments].concat())).await;
        assert!(matches!(ended.code, Some(1 | 2)), "{arguments:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(expected), "{arguments:?}: {}", ended.stderr);
    }
}

#[tokio::test]
async fn an_edit_answers_and_a_mistake_changes_nothing() {
    const OLD: &str = "{ viewer { name } }";
    const NEW: &str = "{ viewer { nickname } }";
    let folder = Folder::copy("tests/fixtures", &["library.graphql"]);
    let file = Path::new(folder.path()).join("library.graphql");
    let mut mock = Mock::start(&[file.to_str().unwrap(), "--watch"]).await;
    let name = mock.ask(OLD).await["data"]["viewer"]["name"].clone();
    assert!(name.is_string());
    assert_eq!(mock.ask(NEW).await["errors"][0]["extensions"]["code"], "GRAPHQL_VALIDATION_FAILED");

    folder.edit("library.graphql", "  email: EmailAddress!\n", "  email: EmailAddress!\n  nickname: String!\n");
    mock.program.stderr.next("reloaded").await;
    assert!(mock.ask(NEW).await["data"]["viewer"]["nickname"].is_string());
    assert_eq!(mock.ask(OLD).await["data"]["viewer"]["name"], name, "an edit elsewhere changes no data");

    folder.edit("library.graphql", "  nickname: String!\n", "  nickname: Strin!\n");
    let said = mock.program.stderr.next("not reloaded").await;
    assert!(said.contains("`Strin`") && said.contains("library.graphql:"), "{said}");
    assert!(mock.ask(NEW).await["data"]["viewer"]["nickname"].is_string());
}
