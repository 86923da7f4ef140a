//! Tests two callers that send one operation at the same moment, many times: neither ever sees data of the other one,
//! and public data is shared.
//!
//! Besides the shop there is a service whose requests differ only in their credentials. If the key of a batch did not
//! include the scope, only such calls could mix callers up, because other calls have the user's id in their path.

use crate::harness::{Bff, Setup};
use crate::routed::Routed;
use axum::Router;
use axum::http::{HeaderMap, header};
use axum::routing::get;
use bespoke::internals::engine::Client;
use bespoke::internals::flight::FlightOptions;
use demo::{Shop, ShopOptions};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const ROUNDS: usize = 1_000;
const QUERY: &str =
    "{ me { name } cart { id lines { quantity } } mirror { authorization } products(first: 3) { name } }";

const MIRROR: &str = r#"extend schema
  @link(url: "https://bespoke.example/connect/v1", import: ["@source", "@connect"])
  @source(name: "mirror", http: { headers: [{ name: "Authorization", from: "authorization" }] })
type Query { mirror: Mirror @connect(http: { GET: "/mirror" }) }
type Mirror { authorization: String! }
"#;

/// A service that answers with the credentials of the request.
struct Mirror {
    calls: Arc<AtomicU64>,
    routed: Routed,
}

impl Mirror {
    async fn start() -> Self {
        let calls = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&calls);
        let answer = move |headers: HeaderMap| async move {
            counted.fetch_add(1, Ordering::Relaxed);
            // The service is as slow as the shop, so that calls overlap.
            tokio::time::sleep(DELAY).await;
            let sent = headers.get(header::AUTHORIZATION).map(|value| value.to_str().unwrap().to_owned());
            axum::Json(json!({ "authorization": sent.unwrap_or_default() }))
        };
        let router = Router::new().route("/mirror", get(answer));
        let routed = Routed::start(router).await;
        Self { routed, calls }
    }
}

const DELAY: Duration = Duration::from_millis(2);

/// The web client with one more field, from the mirror.
fn client() -> Client {
    let mut client = bff_web::client();
    let files = client.files_mut();
    let web = files
        .get("schema/web.graphql")
        .expect("the web client's schema")
        .replace("  me: User\n", "  me: User\n  mirror: Mirror\n");
    files.insert("schema/web.graphql", format!("{web}\ntype Mirror {{ authorization: String! }}\n"));
    files.insert("schema/services/mirror.graphql", MIRROR);
    client
}

/// The counts of a run.
#[derive(Debug, Default)]
struct Seen {
    /// The number of answers that differ from the caller's own data.
    foreign: usize,
    /// The number of calls that a call of another request answered, by service.
    shared: std::collections::BTreeMap<String, u64>,
}

/// Lets users 123 and 456 send the same query at the same moment, `rounds` times.
async fn ask_side_by_side(change: impl FnOnce(Setup) -> Setup, rounds: usize) -> (Seen, Shop, u64) {
    let shop = Shop::start(ShopOptions { delay: DELAY, ..ShopOptions::default() });
    let mirror = Mirror::start().await;
    let setup = Setup::of(&shop).url("mirror", mirror.routed.url()).deadline(Duration::from_secs(10));
    let bff = Bff::start(client(), change(setup)).await;
    let callers = ["123", "456"].map(|sub| (sub, shop.bearer(sub)));
    let mut own = Vec::new();
    for (sub, bearer) in &callers {
        let data = bff.send(QUERY, json!({}), Some(bearer)).await.data().clone();
        assert_eq!(data["cart"]["id"], format!("cart-{sub}"));
        assert_eq!(data["mirror"]["authorization"], *bearer);
        own.push(data);
    }
    assert_ne!(own[0]["me"], own[1]["me"]);
    assert_ne!(own[0]["cart"], own[1]["cart"]);
    assert_eq!(own[0]["products"], own[1]["products"]);
    shop.reset_calls();
    mirror.calls.store(0, Ordering::Relaxed);
    let mut seen = Seen::default();
    for _ in 0..rounds {
        let [a, b] = [&callers[0].1, &callers[1].1];
        let (a, b) = tokio::join!(bff.send(QUERY, json!({}), Some(a)), bff.send(QUERY, json!({}), Some(b)));
        for (reply, own) in [a, b].iter().zip(&own) {
            seen.foreign += usize::from(!reply.errors().is_empty() || reply.data() != own);
            for call in reply.calls().iter().filter(|call| call["shared"] == true) {
                *seen.shared.entry(call["service"].as_str().unwrap_or_default().to_owned()).or_default() += 1;
            }
        }
    }
    let mirrored = mirror.calls.load(Ordering::Relaxed);
    (seen, shop, mirrored)
}

fn count(shop: &Shop, service: &str) -> u64 {
    shop.calls(service).values().sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_callers_share_what_is_public_and_nothing_else() {
    let (seen, shop, mirrored) = ask_side_by_side(Setup::uncached, ROUNDS).await;
    let requests = 2 * ROUNDS as u64;
    assert_eq!(seen.foreign, 0);
    for service in ["users", "carts"] {
        assert_eq!(count(&shop, service), requests, "each caller's own calls to {service}");
    }
    assert_eq!(mirrored, requests);
    assert_eq!(seen.shared.keys().collect::<Vec<_>>(), ["catalog"], "only what is public is shared: {seen:?}");
    let catalog = count(&shop, "catalog");
    assert_eq!(catalog + seen.shared["catalog"], requests);
    assert!(catalog < requests * 3 / 4, "{catalog} calls for {requests} requests at the same moments");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_test_sees_what_sharing_without_scope_does() {
    let without_scope = || FlightOptions { ignore_scope: true, ..FlightOptions::default() };
    for (what, is_calls) in [("calls", true), ("operations", false)] {
        let change = |setup: Setup| match is_calls {
            true => setup.uncached().flights(without_scope()),
            false => setup.uncached().operations(without_scope()),
        };
        let (seen, ..) = ask_side_by_side(change, 100).await;
        assert!(seen.foreign > 0, "sharing {what}, nothing was mixed up: {seen:?}");
    }
}

#[tokio::test]
async fn an_anonymous_caller_shares_nothing_with_a_known_one() {
    let shop = Shop::start(ShopOptions { delay: DELAY, ..ShopOptions::default() });
    let mirror = Mirror::start().await;
    let bff = Bff::start(client(), Setup::of(&shop).url("mirror", mirror.routed.url())).await;
    let bearer = shop.bearer("123");
    let query = "{ mirror { authorization } }";
    for _ in 0..50 {
        let (known, nobody) = tokio::join!(bff.send(query, Value::Null, Some(&bearer)), bff.ask(query));
        assert_eq!(known.data()["mirror"]["authorization"], bearer);
        assert_eq!(nobody.data()["mirror"]["authorization"], "");
    }
}
