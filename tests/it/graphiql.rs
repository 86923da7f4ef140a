//! Tests of the GraphiQL page of both BFFs in a browser: completion knows the client's schema, the answer and its calls
//! appear, and nothing is loaded from another origin.
//!
//! Screenshots are kept in `.artifacts/`.

use crate::harness::{Bff, Setup};
use crate::program::{assert_installed, node, run};
use demo::{Shop, ShopOptions};
use serde_json::Value;
use std::path::Path;
use std::time::Duration;

/// Visits the page of a BFF with `tests/browser/graphiql.mjs` and returns what the script saw.
///
/// # Panics
/// When an expectation in `arguments` is not met. The message names it.
async fn visit(bff: &Bff, arguments: &[&str]) -> Value {
    let page = bff.url().strip_suffix("graphql").expect("the path of GraphQL");
    visit_page(page, arguments).await
}

async fn visit_page(page: &str, arguments: &[&str]) -> Value {
    assert_installed(&Path::new(env!("CARGO_MANIFEST_DIR")).join("playground"));
    let mut browser = node("tests/browser/graphiql.mjs");
    browser.args(["--url", page, "--timeout", "40"]).args(arguments);
    let ended = run(browser).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let seen: Value = serde_json::from_str(&ended.stdout).expect("JSON");
    assert_eq!((&seen["elsewhere"], &seen["errors"]), (&Value::Array(vec![]), &Value::Array(vec![])), "{seen:#}");
    assert!(seen["requests"].as_u64() > Some(5), "the page's files: {seen:#}");
    seen
}

fn texts(list: &Value) -> Vec<&str> {
    list.as_array().expect("a list").iter().map(|text| text.as_str().expect("a text").trim()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn web_completes_its_fields_and_shows_an_answer_with_its_calls() {
    let shop = Shop::start(ShopOptions::default());
    let token = shop.bearer("123").trim_start_matches("Bearer ").to_owned();
    let bff = Bff::start(bff_web::client(), Setup::of(&shop).page(Some(token))).await;
    let seen = visit(
        &bff,
        &[
            "--complete-in",
            "{ products { | } }",
            "--field-prefix",
            "descr",
            "--expect-field",
            "description",
            "--query",
            "{ me { name orders(first: 2) { total } } products(first: 3) { name stock { available } } }",
            // The name of the user whose token the page sends.
            "--expect-text",
            "Greta Dubois",
            "--expect-text",
            "\"available\"",
            "--expect-calls",
            "4",
            "--screenshot",
            "graphiql-web.png",
            "--screenshot-completions",
            "graphiql-web-completions.png",
        ],
    )
    .await;
    assert_eq!(seen["title"], "web · Bespoke");
    assert!(!texts(&seen["completions"]).iter().any(|it| it.starts_with("teaser")), "mobile's: {seen:#}");
    assert_eq!(&texts(&seen["tabs"])[..3], ["UserOrders", "ProductPage", "Mine"]);
    assert!(texts(&seen["summary"]).concat().contains("4 upstream calls"), "{seen:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn mobile_completes_its_fields_and_shows_an_answer_with_its_calls() {
    let shop = Shop::start(ShopOptions::default());
    let bff = Bff::start(bff_mobile::client(), Setup::of(&shop).page(None)).await;
    let seen = visit(
        &bff,
        &[
            "--complete-in",
            "{ home { popular { | } } }",
            "--field-prefix",
            "te",
            "--expect-field",
            "teaser",
            "--query",
            "{ home { popular(first: 3) { title cents teaser inStock } categories { label } } }",
            "--expect-text",
            "\"teaser\"",
            "--expect-calls",
            "4",
            "--size",
            "1000x760",
            "--dark",
            "--screenshot",
            "graphiql-mobile.png",
            "--screenshot-completions",
            "graphiql-mobile-completions.png",
        ],
    )
    .await;
    assert_eq!(seen["title"], "mobile · Bespoke");
    assert!(!texts(&seen["completions"]).iter().any(|it| it.starts_with("description")), "web's: {seen:#}");
    assert_eq!(&texts(&seen["tabs"])[..2], ["Home", "Tracker"]);
    // `teaser` is code of the BFF. It is among the rows, but it is not counted as a call, and its keys do not count as
    // saved calls.
    let summary = texts(&seen["summary"]).concat();
    assert!(summary.contains("3 upstream calls") && summary.contains("2 saved by"), "{seen:#}");
    assert!(
        texts(&seen["calls"]).iter().any(|row| row.contains("mobile-extras") && row.contains("in BFF")),
        "{seen:#}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_tab_runs_as_it_is() {
    let shop = Shop::start(ShopOptions::default());
    for (client, picture, field) in [
        (bff_web::client(), "graphiql-web-first-tab.png", "\"total\""),
        (bff_mobile::client(), "graphiql-mobile-first-tab.png", "\"popular\""),
    ] {
        let bff = Bff::start(client, Setup::of(&shop).page(None)).await;
        let seen = visit(&bff, &["--run", "--expect-text", field, "--screenshot", picture]).await;
        assert!(!seen["answer"].as_str().unwrap().contains("\"errors\""), "{seen:#}");
        assert!(!texts(&seen["calls"]).is_empty(), "{seen:#}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_shows_what_happens_while_it_happens() {
    let shop = Shop::start(ShopOptions::default());
    let bff = Bff::start(bff_web::client(), Setup::of(&shop).page(None)).await;
    let order = format!("{}/orders/20000", shop.url("orders"));
    let before = reqwest::get(&order).await.unwrap().text().await.unwrap();
    assert!(before.contains("status") && !before.contains("DELIVERED"), "it has somewhere to go: {before}");
    let advance = format!("{order}/advance");
    let moving = tokio::spawn(async move {
        let client = reqwest::Client::new();
        loop {
            tokio::time::sleep(Duration::from_secs(2)).await;
            let _ = client.post(&advance).send().await;
        }
    });
    let query = "subscription { orderStatusChanged(id: 20000) { status } }";
    // `DELIVERED` is the last status of the order. The first event has the current status.
    let seen =
        visit(&bff, &["--query", query, "--expect-text", "DELIVERED", "--screenshot", "graphiql-events.png"]).await;
    moving.abort();
    assert!(!seen["answer"].as_str().unwrap().contains("\"errors\""), "{seen:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subgraph_of_the_process_is_explored_by_itself() {
    let shop = Shop::start(ShopOptions::default());
    let bff = Bff::start(bff_mobile::client(), Setup::of(&shop).page(None)).await;
    let page = bff.url().replace("/graphql", "/_subgraphs/mobile-extras");
    let picture = "graphiql-subgraph.png";
    let seen = visit_page(&page, &["--run", "--expect-text", "teaser: String!", "--screenshot", picture]).await;
    assert_eq!(seen["title"], "mobile / mobile-extras · Bespoke");
}
