//! Tests of `@defer` over HTTP: slow fragments come later, in the format that the client accepts, and their calls end
//! once the client has left.

use crate::harness::{Bff, Setup};
use crate::incremental::{events, merge, multipart};
use demo::{Shop, ShopOptions};
use serde_json::{Value, json};
use std::time::Duration;
use testkit::faulty::{Faulty, Reply};

const CURRENT: &str = "multipart/mixed, application/json;q=0.5";
const LEGACY: &str = "multipart/mixed;deferSpec=20220824,application/graphql-response+json,application/json;q=0.9";

const QUERY: &str = r#"{ product(id: "1") { name ... @defer(label: "stock") { inStock } } }"#;

const STOCK: &str = r#"[{"productId":1,"inStock":true}]"#;

/// The BFF of the web shop with an inventory that answers with `reply`.
async fn web(shop: &Shop, reply: Reply) -> (Bff, Faulty) {
    let inventory = Faulty::always(reply).await.unwrap();
    let setup = Setup::of(shop).url("inventory", inventory.base_url()).deadline(Duration::from_secs(10));
    (Bff::start(bff_web::client(), setup).await, inventory)
}

async fn ask(bff: &Bff, query: &str, accept: &str) -> reqwest::Response {
    let body = json!({ "query": query }).to_string();
    let request = reqwest::Client::new().post(bff.url()).header("content-type", "application/json");
    request.header("accept", accept).timeout(Duration::from_secs(20)).body(body).send().await.unwrap()
}

fn content_type(response: &reqwest::Response) -> String {
    response.headers()["content-type"].to_str().unwrap().to_owned()
}

/// The parts without their `extensions`, which differ from run to run.
fn without_calls(mut parts: Vec<Value>) -> Vec<Value> {
    for part in &mut parts {
        part.as_object_mut().expect("an object").remove("extensions");
    }
    parts
}

#[tokio::test]
async fn the_first_part_is_there_while_the_slow_service_is_silent() {
    let shop = Shop::start(ShopOptions::default());
    let (bff, inventory) = web(&shop, Reply::stalled_head()).await;
    let mut response = ask(&bff, QUERY, CURRENT).await;
    let first = response.chunk().await.unwrap().expect("the first part");
    let first = String::from_utf8(first.to_vec()).unwrap();
    assert!(first.starts_with("---\r\n") && first.ends_with("\r\n---"), "flushed with its delimiter: {first}");
    assert!(first.contains("\"hasNext\":true") && !first.contains("inStock"), "{first}");
    assert_eq!(inventory.hangups(), 0);
    drop(response);
    // The client has left, so the BFF ends the call.
    tokio::time::timeout(Duration::from_secs(10), inventory.until_hangups(1)).await.expect("a hang-up");
}

#[tokio::test]
async fn both_formats_carry_the_parts_in_order() {
    let shop = Shop::start(ShopOptions::default());
    let (bff, _inventory) = web(&shop, Reply::json(STOCK).after(Duration::from_millis(200))).await;
    let plain = bff.ask(QUERY).await;
    assert_eq!(plain.data()["product"]["inStock"], true, "{}", plain.text);

    let response = ask(&bff, QUERY, CURRENT).await;
    assert_eq!(content_type(&response), "multipart/mixed; boundary=\"-\"");
    let parts = without_calls(multipart(&response.text().await.unwrap()));
    assert_eq!(parts.len(), 2, "{parts:#?}");
    assert_eq!(parts[0]["pending"], json!([{ "id": "0", "path": ["product"], "label": "stock" }]));
    assert_eq!(&merge(&parts)["data"], plain.data());

    let response = ask(&bff, QUERY, LEGACY).await;
    assert_eq!(content_type(&response), "multipart/mixed; boundary=\"-\"; deferSpec=20220824");
    let parts = without_calls(multipart(&response.text().await.unwrap()));
    let name = &plain.data()["product"]["name"];
    assert_eq!(
        parts,
        [
            json!({ "data": { "product": { "name": name } }, "hasNext": true }),
            json!({
                "incremental": [{
                    "data": { "inStock": true },
                    "path": ["product"],
                    "label": "stock",
                }],
                "hasNext": false,
            }),
        ]
    );

    let response = ask(&bff, QUERY, "text/event-stream").await;
    assert_eq!(content_type(&response), "text/event-stream; charset=utf-8");
    let parts = without_calls(events(&response.text().await.unwrap()));
    assert_eq!((parts.len(), &merge(&parts)["data"]), (2, plain.data()));
}

#[tokio::test]
async fn a_client_that_takes_no_parts_gets_the_whole() {
    let shop = Shop::start(ShopOptions::default());
    let bff = Bff::web(&shop).await;
    for accept in ["application/json", "*/*", "application/graphql-response+json"] {
        let response = ask(&bff, QUERY, accept).await;
        let text = response.text().await.unwrap();
        let whole: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert!(whole["data"]["product"]["inStock"].is_boolean() && whole.get("hasNext").is_none(), "{accept}: {text}");
    }
}

#[tokio::test]
async fn what_comes_in_one_part_is_plain_json() {
    let shop = Shop::start(ShopOptions::default());
    let bff = Bff::web(&shop).await;
    for (query, status) in [(r#"{ product(id: "1") { name } }"#, 200), ("{ nope }", 400)] {
        let response = ask(&bff, query, LEGACY).await;
        assert_eq!(response.status(), status);
        assert_eq!(content_type(&response), "application/graphql-response+json; charset=utf-8");
    }
    // A client that accepts only an event stream or a multipart body gets one event, or one part.
    let response = ask(&bff, "{ nope }", "text/event-stream").await;
    assert_eq!(response.status(), 200);
    let parts = events(&response.text().await.unwrap());
    assert_eq!(parts[0]["errors"][0]["extensions"]["code"], "GRAPHQL_VALIDATION_FAILED");
    let response = ask(&bff, r#"{ product(id: "1") { id } }"#, "multipart/mixed").await;
    let parts = without_calls(multipart(&response.text().await.unwrap()));
    assert_eq!(parts, [json!({ "data": { "product": { "id": "1" } } })]);
}

#[tokio::test]
async fn uses_that_the_draft_forbids_are_refused() {
    let shop = Shop::start(ShopOptions::default());
    let bff = Bff::web(&shop).await;
    for query in [
        "mutation { ... @defer { addToCart(productId: 1) { id } } }",
        r#"{ me { ... @defer(label: "a") { id } ... @defer(label: "a") { name } } }"#,
        "query($l: String) { me { ... @defer(label: $l) { id } } }",
    ] {
        let reply = bff.ask(query).await;
        let code = &reply.errors()[0]["extensions"]["code"];
        assert_eq!((reply.status, code), (400, &json!("GRAPHQL_VALIDATION_FAILED")), "{}", reply.text);
    }
}
