//! Tests of services that fail in part, at random or for one input, over real sockets. The other answers must stay
//! complete.
//!
//! Elsewhere: the same for many kinds of traffic, on simulated time (`upstream/breaker/simulation.rs`).

use crate::harness::{Bff, Setup};
use bespoke::internals::config::{Config, ServiceConfig};
use bespoke::internals::engine::Client;
use bespoke::internals::project::Files;
use serde_json::json;
use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use testkit::faulty::{Faulty, Reply as Does, SeenRequest};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

const SHOP: &str = r#"extend schema
  @link(url: "https://bespoke.example/connect/v1", import: ["@source", "@connect"])
  @source(name: "shop")
type Query { item(of: String!): Item @connect(http: { GET: "/item", queryParams: "of: $args.of" }, selection: "value") }
type Item { value: Int! }
"#;

const SCHEMA: &str = "type Query { item(of: String!): Item }
type Item { value: Int! }
";

/// A service and the BFF in front of it.
struct World {
    shop: Faulty,
    bff: Bff,
}

impl World {
    async fn new(
        does: impl Fn(&SeenRequest) -> Does + Send + Sync + 'static,
        setup: impl FnOnce(Setup) -> Setup,
    ) -> Arc<Self> {
        let shop = Faulty::start(does).await.expect("a port");
        let files = Files::embedded([
            ("schema/services/shop.graphql", SHOP),
            ("schema/web.graphql", SCHEMA),
            ("bespoke.yaml", "server: { port: 0 }\n"),
        ]);
        let common = Setup::default().url("shop", shop.base_url()).unshared().uncached();
        let bff = Bff::start(Client::new("web", files), setup(common.deadline(Duration::from_secs(15)))).await;
        Arc::new(Self { shop, bff })
    }

    /// Sends a query. Returns the code of the error, or `None` if the answer has no error.
    async fn ask(&self, of: &str) -> Option<String> {
        let reply = self.bff.send("query($of: String!) { item(of: $of) { value } }", json!({ "of": of }), None).await;
        match reply.errors() {
            [] => None,
            errors => Some(errors[0]["extensions"]["code"].as_str().expect("a code").to_owned()),
        }
    }
}

fn well() -> Does {
    Does::json(r#"{"value":1}"#)
}

fn shop(config: &mut Config) -> &mut ServiceConfig {
    config.services.get_mut("shop").expect("the shop")
}

/// A change of a test to the setup of a BFF.
type Change = fn(Setup) -> Setup;

fn without_breaker(setup: Setup) -> Setup {
    setup.configure(|config| shop(config).breaker.enabled = false)
}

/// Gives retries a large budget, so that every call that may be retried is retried and chance plays no part.
fn generous(setup: Setup) -> Setup {
    setup.configure(|config| {
        let retry = &mut shop(config).retry;
        (retry.ratio, retry.per_second) = (1.0, 1000.0);
    })
}

/// Whether a call fails, which depends on the seed and the number of the call alone. Three of ten calls fail.
fn fails(seed: u64, number: u64) -> bool {
    fastrand::Rng::with_seed(seed << 32 | number).u8(..10) < 3
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn resets_at_random_leave_as_many_answers_as_without_a_breaker() {
    let weather = Arc::new((AtomicU64::new(0), AtomicU64::new(0)));
    let world = |setup: Change| {
        let weather = Arc::clone(&weather);
        let does = move |_: &SeenRequest| {
            let number = weather.1.fetch_add(1, Ordering::Relaxed);
            if fails(weather.0.load(Ordering::Relaxed), number) { Does::reset_before_head() } else { well() }
        };
        World::new(does, move |common| setup(generous(common)))
    };
    let (with, without) = (world(|setup| setup).await, world(without_breaker).await);
    for seed in 0..20 {
        let mut whole = [0, 0];
        for (whole, world) in whole.iter_mut().zip([&with, &without]) {
            weather.0.store(seed, Ordering::Relaxed);
            weather.1.store(0, Ordering::Relaxed);
            for call in 0..50 {
                *whole += u32::from(world.ask(["a", "b", "c"][call % 3]).await.is_none());
            }
        }
        // Each call is sent at most twice, so about 45 of 50 are answered without an error.
        assert!(whole[0] >= whole[1] && whole[1] > 30, "seed {seed}: {whole:?} of 50, with and without a breaker");
    }
}

/// Sends `rate` queries a second for the time `lasts`. Returns the codes of the errors, and the number of queries.
async fn at_rate(world: &Arc<World>, rate: f64, lasts: Duration, of: fn(u64) -> String) -> (Vec<String>, u64) {
    let (begin, mut tasks, mut asked) = (Instant::now(), JoinSet::new(), 0);
    while begin.elapsed() < lasts {
        let (world, of) = (Arc::clone(world), of(asked));
        tasks.spawn(async move { world.ask(&of).await });
        asked += 1;
        sleep_until(begin + Duration::from_secs_f64(asked as f64 / rate)).await;
    }
    (tasks.join_all().await.into_iter().flatten().collect(), asked)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_poisoned_input_costs_nobody_else() {
    let mut worlds = JoinSet::new();
    // The long timeout leaves time for a busy machine to answer. The short one is for a service that hangs.
    let (long, short): (Change, Change) = (
        |setup| setup.configure(|config| shop(config).timeout = Duration::from_secs(10)),
        |setup| setup.configure(|config| shop(config).timeout = Duration::from_secs(3)),
    );
    for (rate, poison, setup) in [
        (5.0, Does::empty(500), long),
        (25.0, Does::empty(500), long),
        (60.0, Does::empty(500), long),
        (25.0, Does::empty(503), long),
        (60.0, Does::reset_before_head(), long),
        (25.0, Does::stalled_head(), short),
    ] {
        worlds.spawn(async move {
            let does = move |seen: &SeenRequest| if seen.target.contains("poison") { poison.clone() } else { well() };
            let world = World::new(does, setup).await;
            let lasts = Duration::from_secs(4);
            let poisoned = at_rate(&world, rate, lasts, |_| "poison".to_owned());
            let others = at_rate(&world, 5.0, lasts, |number| format!("{}", number % 7));
            let ((poisoned, asked), (others, _)) = tokio::join!(poisoned, others);
            let sent = world.shop.requests().iter().filter(|seen| seen.target.contains("poison")).count();
            (rate, poisoned.len() as u64, asked, sent, others)
        });
    }
    for (rate, failed, asked, sent, others) in worlds.join_all().await {
        assert!(others.is_empty(), "{rate}/s: {others:?}");
        assert_eq!(failed, asked, "{rate}/s");
        // At most nine calls fail before the breaker opens. In addition, there are the calls in flight at that moment
        // (three seconds of calls if the service hangs), probes and retries.
        assert!(sent < 100, "{rate}/s: {sent} of {asked} were sent");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_poisoned_inputs_cost_nobody_else() {
    let mut worlds = JoinSet::new();
    for poison in [|number| format!("poison{}", number % 10), |number| format!("poison{}", number % 50)] {
        worlds.spawn(async move {
            let does = |seen: &SeenRequest| if seen.target.contains("poison") { Does::empty(500) } else { well() };
            let (world, lasts) = (World::new(does, |setup| setup).await, Duration::from_secs(4));
            // The service is healthy at first.
            at_rate(&world, 10.0, Duration::from_secs(1), |number| number.to_string()).await;
            let others = at_rate(&world, 10.0, lasts, |number| format!("{}", number % 7));
            tokio::join!(at_rate(&world, 60.0, lasts, poison), others).1.0
        });
    }
    for others in worlds.join_all().await {
        assert!(others.is_empty(), "{others:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn services_that_close_used_connections_cost_nothing() {
    let mut worlds = JoinSet::new();
    for rate in [2.5, 10.0, 25.0, 100.0] {
        worlds.spawn(async move {
            // Each connection answers one request, and is closed at the next one.
            let used = Mutex::new(HashSet::new());
            let does = move |seen: &SeenRequest| {
                let is_new = used.lock().expect("no panic").insert(seen.connection);
                if is_new { well() } else { Does::closed_before_head() }
            };
            let world = World::new(does, |setup| setup).await;
            let (failed, asked) =
                at_rate(&world, rate, Duration::from_secs(3), |number| format!("{}", number % 5)).await;
            (rate, failed, asked)
        });
    }
    for (rate, failed, asked) in worlds.join_all().await {
        assert!(failed.is_empty(), "{rate}/s: {failed:?} of {asked}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_is_gone_is_left_alone_and_used_again_when_it_is_back() {
    let is_gone = Arc::new(AtomicU64::new(0));
    let does = {
        let is_gone = Arc::clone(&is_gone);
        move |_: &SeenRequest| if is_gone.load(Ordering::Relaxed) == 1 { Does::empty(503) } else { well() }
    };
    let world = World::new(does, |setup| setup).await;
    for _ in 0..70 {
        assert_eq!(world.ask("a").await, None);
    }
    is_gone.store(1, Ordering::Relaxed);
    let before = world.shop.requests().len();
    let mut codes = Vec::new();
    for _ in 0..10 {
        codes.extend(world.ask("a").await);
    }
    let sent = world.shop.requests().len() - before;
    assert_eq!((codes.len(), codes.last().map(String::as_str)), (10, Some("UPSTREAM_CIRCUIT_OPEN")));
    assert!(sent <= 7, "{sent} calls until it was left alone");
    is_gone.store(0, Ordering::Relaxed);
    let back = Instant::now();
    while world.ask("a").await.is_some() {
        assert!(back.elapsed() < Duration::from_secs(30), "not called again");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
