//! Tests of services that close connections at any time, and of faulty instances. Clients should not notice either.

use crate::harness::{Bff, Setup, authority_file};
use bespoke::internals::engine::Client;
use bespoke::internals::project::Files;
use serde_json::json;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use testkit::faulty::{Act, Faulty, Reply as Does, Security, SeenRequest};
use testkit::http2::{Does as By2, Http2Service};
use testkit::tls::{Authority, authority, local, server};
use tokio::task::JoinSet;

const SHOP: &str = r#"extend schema
  @link(url: "https://bespoke.example/connect/v1", import: ["@source", "@connect"])
  @source(name: "shop")
type Query { item(of: String): Item @connect(http: { GET: "/item", queryParams: "of: $args.of" }, selection: "value") }
type Mutation { write(of: String): Item @connect(http: { POST: "/write", queryParams: "of: $args.of" }, selection: "value") }
type Item { value: Int! }
"#;

const SCHEMA: &str = "type Query { item(of: String): Item }
type Mutation { write(of: String): Item }
type Item { value: Int! }
";

const LONGEST: Duration = Duration::from_secs(30);

fn well() -> Does {
    Does::json(r#"{"value":1}"#)
}

/// Starts a BFF in front of a service. `options` are the service's options in YAML.
async fn bff(options: &str) -> Bff {
    let config = format!("services:\n  shop: {{ timeout: 20s, connect_timeout: 10s, cache: false, {options} }}\n");
    let files = Files::embedded([
        ("schema/services/shop.graphql", SHOP),
        ("schema/web.graphql", SCHEMA),
        ("bespoke.yaml", config.as_str()),
    ]);
    Bff::start(Client::new("web", files), Setup::default().deadline(LONGEST).unshared()).await
}

fn trust() -> String {
    format!("tls: {{ ca_file: '{}' }}", authority_file().display())
}

/// The reply of a service to a request. The argument is the number of the request on its connection, from 1.
type Ending = fn(usize) -> Does;

/// The ways in which a service ends its connections, each with its name.
fn endings() -> Vec<(&'static str, Ending)> {
    vec![
        ("right behind an answer", |_| well().then_act(Act::Close)),
        ("right behind an answer, without a word", |_| well().then_act(Act::Cut)),
        ("behind the third answer", |nth| if nth < 3 { well() } else { well().then_act(Act::Close) }),
        ("when the fourth request comes", |nth| if nth < 4 { well() } else { Does::of([Act::Close]) }),
        ("when the fourth request comes, by a reset", |nth| if nth < 4 { well() } else { Does::reset_before_head() }),
        // A request that comes meanwhile is discarded, as by a host that closes a connection while a request is on its
        // way.
        ("after ten milliseconds", |_| well().then_act(Act::Wait(Duration::from_millis(10))).then_act(Act::Close)),
    ]
}

/// A script that does the same on each connection.
fn by_connection(ending: Ending) -> impl Fn(&SeenRequest) -> Does {
    let counts = Mutex::new(HashMap::<usize, usize>::new());
    move |seen| {
        let mut counts = counts.lock().unwrap();
        let count = counts.entry(seen.connection).or_default();
        *count += 1;
        ending(*count)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn services_that_close_connections_cost_reads_nothing_and_see_no_write_twice() {
    const CALLS: usize = 30;
    for is_secure in [false, true] {
        for (name, ending) in endings() {
            let name = format!("{name}, TLS {is_secure}");
            let shop = Faulty::start_over(Security::of(is_secure), by_connection(ending)).await.unwrap();
            let trust = if is_secure { trust() } else { "tls: {}".to_owned() };
            // Retries must not hide a failure, so there are none, and the first failure would open the circuit breaker.
            let guards = "retry: { ratio: 0, per_second: 0 }, breaker: { failures_in_row: 1 }";
            let bff = bff(&format!("url: '{}', {trust}, {guards}", shop.base_url())).await;
            for call in 0..CALLS {
                let reply = bff.ask(&format!("{{ item(of: \"{call}\") {{ value }} }}")).await;
                assert_eq!(reply.body["data"], json!({ "item": { "value": 1 } }), "{name}: {}", reply.text);
                // The pauses are shorter than, as long as, and longer than the life of an idle connection.
                tokio::time::sleep(Duration::from_millis(call as u64)).await;
            }
            let metrics = bff.metrics();
            let retried = metrics.lines().filter(|line| line.starts_with("bespoke_upstream_retries_total{"));
            assert!(retried.clone().all(|line| line.ends_with(" 0")), "{name}: {:?}", retried.collect::<Vec<_>>());
            drop(bff);
            // A write may be lost with its connection, but it is never sent twice.
            let bff = self::bff(&format!("url: '{}', {trust}, breaker: {{ enabled: false }}", shop.base_url())).await;
            for call in 0..CALLS {
                let reply = bff.ask(&format!("mutation {{ write(of: \"{call}\") {{ value }} }}")).await;
                let seen = shop.requests().iter().filter(|seen| seen.target == format!("/write?of={call}")).count();
                match reply.errors() {
                    [] => assert_eq!(seen, 1, "{name}: {}", reply.text),
                    [error] => {
                        assert_eq!(error["extensions"]["code"], "UPSTREAM_UNREACHABLE", "{name}: {}", reply.text);
                        assert!(seen <= 1, "{name}: {seen} times");
                    }
                    _ => panic!("{name}: {}", reply.text),
                }
            }
        }
    }
}

/// Sends 200 reads, four at a time, and returns how many of them are answered without errors. `then` is called after 52
/// of them.
async fn whole(bff: Bff, then: impl FnOnce()) -> usize {
    let (bff, mut then, mut whole) = (Arc::new(bff), Some(then), 0);
    for round in 0..50 {
        if round == 13
            && let Some(then) = then.take()
        {
            then();
        }
        let mut asking = JoinSet::new();
        for at in 0..4 {
            let bff = Arc::clone(&bff);
            asking.spawn(async move { bff.ask(&format!("{{ item(of: \"{round}-{at}\") {{ value }} }}")).await });
        }
        for reply in asking.join_all().await {
            whole += usize::from(reply.errors().is_empty() && reply.data()["item"]["value"] == 1);
        }
    }
    whole
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_instances_one_that_is_no_good_costs_next_to_nothing() {
    for is_secure in [false, true] {
        let security = || Security::of(is_secure);
        let trust = if is_secure { trust() } else { "tls: {}".to_owned() };
        let good = Faulty::always_over(security(), well()).await.unwrap();
        let beside = |bad: &Faulty| format!("urls: ['{}', '{}'], {trust}", good.base_url(), bad.base_url());

        let killed = Faulty::always_over(security(), well()).await.unwrap();
        let bff = bff(&beside(&killed)).await;
        let whole_of_killed = whole(bff, move || drop(killed)).await;
        assert!(whole_of_killed >= 199, "killed, TLS {is_secure}: {whole_of_killed} of 200");

        let closing = by_connection(|nth| if nth < 3 { well() } else { Does::of([Act::Cut]) });
        let closing = Faulty::start_over(security(), closing).await.unwrap();
        let whole_of_closing = whole(self::bff(&beside(&closing)).await, || ()).await;
        assert!(whole_of_closing >= 199, "closes, TLS {is_secure}: {whole_of_closing} of 200");

        if is_secure {
            // The instance requires a certificate that the BFF does not have, and refuses only after the BFF's part of
            // the handshake.
            let wants = server(&authority().certificate(), Some(&Authority::new()));
            let refusing = Faulty::always_over(Security::Tls(Arc::new(wants)), well()).await.unwrap();
            let whole_of_refusing = whole(self::bff(&beside(&refusing)).await, || ()).await;
            assert!(whole_of_refusing >= 199, "refuses: {whole_of_refusing} of 200");
            assert!(refusing.connections() < 30, "{} connections to who refuses us", refusing.connections());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_is_called_by_http_2_where_the_configuration_says_so() {
    let shop = Http2Service::always((*local()).clone(), By2::json(r#"{"value":1}"#)).await.unwrap();
    let bff = bff(&format!("url: '{}', {}, http2: true", shop.base_url(), trust())).await;
    for _ in 0..3 {
        let reply = bff.ask("{ item { value } }").await;
        assert_eq!(reply.body["data"], json!({ "item": { "value": 1 } }), "{}", reply.text);
    }
    assert_eq!(shop.requests().len(), 3);
}
