//! Runs client libraries as frontend engineers use them (`tests/clients`), against the BFF of the web shop and through
//! restarts and reloads.

use crate::harness::Bff;
use crate::program::{node, run, run_for};
use demo::{Shop, ShopOptions};
use serde_json::Value;
use std::time::Duration;

/// The longest time for a restart of all processes, or for all reloads.
const WEATHER: Duration = Duration::from_secs(240);

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

/// Runs one of the programs that search for faults, in its short form.
async fn run_weather(script: &str, settings: &[(&str, &str)]) -> Value {
    let mut weather = node(script);
    weather.arg(env!("CARGO_BIN_EXE_bespoke")).envs(settings.iter().copied());
    weather.env_remove("RUST_LOG").env_remove("BESPOKE_MODE");
    let ended = run_for(weather, WEATHER).await;
    let report: Value =
        serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {}{}", ended.stdout, ended.stderr));
    assert_eq!((ended.code, &report["faults"]), (Some(0), &Value::Array(Vec::new())), "{report:#}");
    report
}

#[tokio::test]
async fn a_rolling_restart_loses_nothing_and_does_nothing_twice() {
    let settings = [("SUBSCRIBERS", "30"), ("PER_SECOND", "25"), ("WRITERS", "4")];
    let report = run_weather("tests/clients/rolling.mjs", &settings).await;
    assert_eq!(report["stops"].as_array().map(Vec::len), Some(3), "{report:#}");
    for done in ["queries", "deferred", "writes"] {
        assert!(report[done].as_u64().is_some_and(|count| count > 0), "{done}: {report:#}");
    }
    assert!(report["connections"].as_u64().is_some_and(|count| count > 30), "streams came back: {report:#}");
}

#[tokio::test]
async fn reloads_under_streams_of_client_libraries_leave_one_engine() {
    let settings = [("SUBSCRIBERS", "20"), ("RELOADS", "12")];
    let report = run_weather("tests/clients/reloads.mjs", &settings).await;
    assert_eq!(report["after"]["engines"], 1, "{report:#}");
    assert!(report["connections"].as_u64().is_some_and(|count| count >= 20 * 6), "{report:#}");
}
