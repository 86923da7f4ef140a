//! Runs the audits of GraphQL over HTTP from the npm package `graphql-http` against the BFF of the web shop.
//!
//! The BFF runs in development mode, because two of the audits ask for `__type`, which production mode refuses.

use crate::harness::Bff;
use crate::program::{node, run};
use demo::{Shop, ShopOptions};
use serde_json::Value;

#[tokio::test(flavor = "multi_thread")]
async fn every_audit_of_graphql_over_http_passes() {
    let shop = Shop::start(ShopOptions::default());
    let bff = Bff::web(&shop).await;
    let mut audits = node("tests/audits/audits.mjs");
    audits.arg(bff.url());
    let ended = run(audits).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let report: Value = serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {}", ended.stdout));
    let audits = report["audits"].as_array().expect("a list of audits");
    let passed = |level| audits.iter().filter(|it| it["level"] == level && it["status"] == "ok").count();
    let failed: Vec<&Value> = audits.iter().filter(|it| it["status"] != "ok").collect();
    // Another number would mean that the package has changed.
    assert_eq!([passed("MUST"), passed("SHOULD"), passed("MAY")], [13, 23, 25], "{failed:#?}");
}
