//! Client libraries as frontend engineers use them (`tests/clients`), against the web shop's BFF.

use crate::harness::Bff;
use crate::program::{node, run};
use demo::{Shop, ShopOptions};
use serde_json::Value;

#[tokio::test(flavor = "multi_thread")]
async fn every_library_gets_along_with_the_web_shop() {
    let shop = Shop::start(ShopOptions::default());
    let bff = Bff::web(&shop).await;
    let mut clients = node("tests/clients/clients.mjs");
    clients.arg(bff.url()).env("ORDERS_URL", shop.url("orders")).env("BEARER", shop.bearer("123"));
    let ended = run(clients).await;
    let report: Value =
        serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {}{}", ended.stdout, ended.stderr));
    assert_eq!((ended.code, &report["failed"]), (Some(0), &Value::Array(Vec::new())), "{report:#}");
    assert_eq!(report["passed"].as_array().map(Vec::len), Some(7), "{report:#}");
}
