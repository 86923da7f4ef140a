//! The program `demo` as a person runs it: started, asked over HTTP, broken, stopped, started again.
#![cfg(target_os = "linux")] // Whose process is whose is read from `/proc`.

mod shop;

use serde_json::{Value, json};
use shop::{Failure, Shop, Signal, free_base, get, graphql, is_listening};

const README_QUERY: &str = r#"query { user(id: "123") { name orders { total } } }"#;

/// What every shop must answer, whichever start it is.
async fn check_both_clients(base: u16) {
    let web = graphql(base, README_QUERY, None).await;
    assert!(web["errors"].is_null(), "{web}");
    assert!(web["data"]["user"]["name"].as_str().is_some_and(|name| !name.is_empty()), "{web}");
    let orders = web["data"]["user"]["orders"].as_array().expect("a list of orders");
    assert!(!orders.is_empty() && orders.iter().all(|order| order["total"].is_i64()), "{web}");
    assert_eq!(calls(&web), ["users getUser 200", "orders searchOrders 200"]);

    let mobile =
        graphql(base + 1, r#"{ home { categories { __typename } } tracker(orderId: "1") { __typename } }"#, None).await;
    assert!(mobile["errors"].is_null(), "{mobile}");
    assert_eq!(mobile["data"]["tracker"], json!({ "__typename": "OrderTracker" }), "{mobile}");
    let refused = graphql(base + 1, r#"{ user(id: "123") { name } }"#, None).await;
    assert!(refused["errors"].is_array(), "mobile has a schema of its own: {refused}");
}

fn calls(answer: &Value) -> Vec<String> {
    let calls = answer["extensions"]["bespoke"]["calls"].as_array();
    let text = |call: &Value, key: &str| call[key].as_str().unwrap_or_default().to_owned();
    let line = |call| format!("{} {} {}", text(call, "service"), text(call, "operationId"), call["status"]);
    calls.into_iter().flatten().map(line).collect()
}

#[tokio::test]
async fn the_shop_answers_survives_a_dead_service_and_leaves_nothing_behind() {
    let base = free_base();
    let mut shop = Shop::start(base, &[]).await.unwrap();
    check_both_clients(base).await;
    let page = get(base, "/").await;
    assert!(page.starts_with("HTTP/1.1 200") && page.contains("<html"), "{page}");
    for user in ["123", "456"] {
        let me = graphql(base, "{ me { id } }", Some(shop.token(user))).await;
        assert_eq!(me["data"]["me"]["id"], user, "{me}");
    }

    shop.kill_child("orders");
    let told = shop.wait_for_line("`orders` has ended").await;
    assert!(told.contains("SIGKILL"), "{told}");
    let alone = graphql(base, r#"{ user(id: "123") { name } }"#, None).await;
    assert!(alone["errors"].is_null() && alone["data"]["user"]["name"].is_string(), "{alone}");
    // Of a user whose orders nobody has asked for yet: those of the others are still kept.
    let broken = graphql(base, r#"{ user(id: "456") { orders { total } } }"#, None).await;
    assert!(broken["errors"].is_array(), "nobody is left to ask for orders: {broken}");

    for signal in [Signal::TERM, Signal::INT] {
        shop.send(signal);
        shop.check_end(Some(0)).await;
        // At once on the same ports.
        shop = Shop::start(base, &[]).await.unwrap();
        check_both_clients(base).await;
    }
    shop.send(Signal::INT);
    shop.check_end(Some(0)).await;
}

#[tokio::test]
async fn the_processes_end_when_the_parent_is_killed() {
    let mut shop = Shop::start(free_base(), &["--no-bff"]).await.unwrap();
    assert_eq!(shop.children().len(), 7);
    shop.send(Signal::KILL);
    shop.check_end(None).await;
}

#[tokio::test]
async fn a_taken_port_is_named_before_anything_starts() {
    let base = free_base();
    let _holder = std::net::TcpListener::bind(("127.0.0.1", base + 104)).unwrap();
    let Err(Failure { code, stderr }) = Shop::start(base, &[]).await else { panic!("it has started") };
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.contains(&format!("port {}, which `carts` needs, is in use", base + 104)), "{stderr}");
    assert!(stderr.contains("--port-base "), "{stderr}");
    assert!(!stderr.contains("starting"), "{stderr}");
    assert!(!is_listening(base + 101).await);
}

#[tokio::test]
async fn a_start_that_takes_too_long_names_who_is_silent_and_leaves_nothing() {
    let base = free_base();
    let Err(Failure { code, stderr }) = Shop::start(base, &["--start-timeout", "1ms"]).await else {
        panic!("it has started")
    };
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.contains(&format!("`web` (port {base})")), "{stderr}");
    for (_, port) in shop::ports(base) {
        assert!(!is_listening(port).await, "port {port} is open");
    }
}

#[tokio::test]
async fn a_process_that_cannot_start_is_named_with_its_reason_and_the_others_end() {
    let base = free_base();
    let broken = [("BESPOKE_MODE", "nonsense")];
    let Err(Failure { code, stderr }) = Shop::start_with(base, &[], &broken).await else { panic!("it has started") };
    assert_eq!(code, Some(1), "{stderr}");
    let told = stderr.split("error: the shop cannot start: ").nth(1).unwrap_or_else(|| panic!("{stderr}"));
    assert!(told.starts_with("`web` has ended (exit status: 1)") || told.starts_with("`mobile` has ended"), "{stderr}");
    assert!(told.contains("BESPOKE_MODE"), "{stderr}");
    for (_, port) in shop::ports(base) {
        assert!(!is_listening(port).await, "port {port} is open");
    }
}
