//! Tests of a service that fails beside a healthy one: what the failures cost, and that fields of the healthy service
//! are not affected.

use crate::harness::{Bff, Reply, Setup};
use bespoke::internals::engine::Client;
use bespoke::internals::project::Files;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use testkit::faulty::{Act, Faulty, Reply as Does};
use tokio::task::JoinSet;

const FLAKY: &str = r#"extend schema
  @link(url: "https://bespoke.example/connect/v1", import: ["@source", "@connect"])
  @source(name: "flaky")
type Query { item(of: String): Item @connect(http: { GET: "/item", queryParams: "of: $args.of" }, selection: "value") }
type Mutation { write: Item @connect(http: { POST: "/write" }, selection: "value") }
type Item { value: Int! }
"#;

const STEADY: &str = r#"extend schema
  @link(url: "https://bespoke.example/connect/v1", import: ["@source", "@connect"])
  @source(name: "steady")
type Query { calm: Calm @connect(http: { GET: "/calm" }, selection: "value") }
type Calm { value: Int! }
"#;

const SCHEMA: &str = "type Query { item(of: String): Item calm: Calm }
type Mutation { write: Item }
type Item { value: Int! }
type Calm { value: Int! }
";

/// The longest wait of a test for anything.
const LONGEST: Duration = Duration::from_secs(30);

/// Both services, the BFF in front of them, and the script of the first service, whose replies are sent one after the
/// other. The last reply is repeated forever.
struct World {
    flaky: Faulty,
    steady: Faulty,
    script: Arc<Mutex<VecDeque<Does>>>,
    bff: Bff,
}

fn well() -> Does {
    Does::json(r#"{"value":1}"#)
}

impl World {
    /// A world whose first service is healthy.
    async fn new(setup: impl FnOnce(Setup) -> Setup) -> Self {
        let script = Arc::new(Mutex::new(VecDeque::from([well()])));
        let flaky = Faulty::start({
            let script = Arc::clone(&script);
            move |_| {
                let mut script = script.lock().unwrap();
                if script.len() > 1 { script.pop_front().unwrap() } else { script[0].clone() }
            }
        });
        let (flaky, steady) = (flaky.await.expect("a port"), Faulty::always(well()).await.expect("a port"));
        let files = Files::embedded([
            ("schema/services/flaky.graphql", FLAKY),
            ("schema/services/steady.graphql", STEADY),
            ("schema/web.graphql", SCHEMA),
            ("bespoke.yaml", "server: { port: 0 }\n"),
        ]);
        let urls = Setup::default().url("flaky", flaky.base_url()).url("steady", steady.base_url());
        let bff = Bff::start(Client::new("web", files), setup(urls.deadline(LONGEST))).await;
        Self { flaky, steady, script, bff }
    }

    fn flaky_does<const N: usize>(&self, script: [Does; N]) {
        *self.script.lock().unwrap() = script.into();
    }

    /// The number of requests that the first service got.
    fn calls(&self) -> usize {
        self.flaky.requests().len()
    }

    fn metrics(&self) -> String {
        self.bff.metrics()
    }
}

/// The code of the answer's only error.
fn code(reply: &Reply) -> &str {
    let [error] = reply.errors() else { panic!("{}", reply.text) };
    error["extensions"]["code"].as_str().unwrap()
}

async fn within<T>(wait: impl Future<Output = T>) -> T {
    tokio::time::timeout(LONGEST, wait).await.expect("it comes to an end")
}

/// Turns sharing and the circuit breaker off, so that every query calls the service.
fn without_breaker(setup: Setup) -> Setup {
    setup.unshared().configure(|config| config.services.get_mut("flaky").unwrap().breaker.enabled = false)
}

/// Turns sharing off, and sets a timeout of 100 ms for the first service.
fn impatient(setup: Setup) -> Setup {
    setup.unshared().configure(|config| config.services.get_mut("flaky").unwrap().timeout = Duration::from_millis(100))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_accident_is_not_seen_in_the_answer() {
    let generous =
        |setup| without_breaker(setup).configure(|config| config.services.get_mut("flaky").unwrap().retry.ratio = 1.0);
    let world = World::new(generous).await;
    let accidents = [
        Does::empty(503),
        Does::empty(504),
        Does::bad_gateway_page(),
        Does::reset_before_head(),
        Does::closed_before_head(),
    ];
    for (at, accident) in accidents.into_iter().enumerate() {
        world.flaky_does([accident.clone(), well()]);
        let reply = world.bff.ask("{ item { value } }").await;
        assert_eq!((reply.data(), reply.errors()), (&json!({ "item": { "value": 1 } }), &[][..]), "{accident:?}");
        assert_eq!((world.calls(), &reply.calls()[0]["attempts"]), (2 * (at + 1), &json!(2)), "{accident:?}");
    }
    // The last two faults ended connections that had been used before. A request that is sent again for this reason
    // does not count as a retry.
    let metrics = world.metrics();
    assert!(
        metrics.contains("bespoke_upstream_retries_total{service=\"flaky\",outcome=\"recovered\"} 3\n"),
        "{metrics}"
    );
}

/// Sends `queries` queries that need both services, ten at a time. Returns all answers and the time that they took
/// together.
async fn ask_often(world: &Arc<World>, queries: usize) -> (Vec<Reply>, Duration) {
    let (began, left) = (Instant::now(), Arc::new(AtomicUsize::new(queries)));
    let mut tasks = JoinSet::new();
    for _ in 0..10 {
        let (world, left) = (Arc::clone(world), Arc::clone(&left));
        tasks.spawn(async move {
            let mut replies = Vec::new();
            while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
                replies.push(world.bff.ask("{ item { value } calm { value } }").await);
            }
            replies
        });
    }
    let replies = within(tasks.join_all()).await.into_iter().flatten().collect();
    (replies, began.elapsed())
}

fn assert_only_the_flaky_part_is_missing(replies: &[Reply]) {
    for reply in replies {
        assert_eq!(reply.data(), &json!({ "item": null, "calm": { "value": 1 } }));
        assert_eq!(reply.errors()[0]["path"], json!(["item"]));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_every_call_failing_retries_stay_within_their_budget() {
    let world = Arc::new(World::new(without_breaker).await);
    world.flaky_does([Does::empty(503)]);
    let (replies, took) = ask_often(&world, 300).await;
    assert_only_the_flaky_part_is_missing(&replies);
    assert!(replies.iter().all(|reply| code(reply) == "UPSTREAM_STATUS"));
    // The budget of retries is a tenth of the first attempts, three at the start, and three per second. That makes at
    // most 1.3 calls per query if all queries together take 19 s or less.
    let most = 300.0 * 1.1 + 3.0 + 3.0 * took.as_secs_f64() + 1.0;
    assert!(world.calls() > 300 && world.calls() as f64 <= most, "{} calls in {took:?}", world.calls());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_every_call_failing_most_queries_make_no_call() {
    let world = Arc::new(World::new(Setup::unshared).await);
    world.flaky_does([Does::empty(503)]);
    let (replies, took) = ask_often(&world, 300).await;
    assert_only_the_flaky_part_is_missing(&replies);
    // When the circuit breaker opens, up to ten calls may be on their way. Then there is at most one probe per second.
    let most = 9 + 10 + 10 + took.as_secs() as usize;
    assert!(world.calls() <= most, "{} calls in {took:?}", world.calls());
    let refused: Vec<_> = replies.iter().filter(|reply| code(reply) == "UPSTREAM_CIRCUIT_OPEN").collect();
    assert!(refused.len() >= 300 - most, "{}", refused.len());
    let call = refused[0].calls().iter().find(|call| call["service"] == "flaky").expect("the call is shown");
    assert_eq!((&call["attempts"], &call["status"]), (&json!(0), &json!("UPSTREAM_CIRCUIT_OPEN")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mutation_is_sent_exactly_once() {
    let faults = [
        ("503", Does::empty(503), "UPSTREAM_STATUS"),
        ("closed before the head", Does::closed_before_head(), "UPSTREAM_UNREACHABLE"),
        ("reset before the head", Does::reset_before_head(), "UPSTREAM_UNREACHABLE"),
        ("reset in the body", Does::reset_in_body(), "UPSTREAM_UNREACHABLE"),
    ];
    let world = World::new(without_breaker).await;
    for (name, fault, expected) in faults {
        // Each fault comes on a new connection, and on one that was used before.
        for kept in [false, true] {
            world.flaky_does([Does::of([Act::Write(NO_CONTENT.into()), Act::Close])]);
            world.bff.ask("{ item { value } }").await;
            if kept {
                world.flaky_does([well()]);
                world.bff.ask("{ item { value } }").await;
            }
            let before = world.flaky.requests();
            world.flaky_does([fault.clone(), well()]);
            let reply = world.bff.ask("mutation { write { value } }").await;
            assert_eq!((code(&reply), &reply.data()["write"]), (expected, &Value::Null), "{name}");
            let sent = world.flaky.requests().split_off(before.len());
            let methods: Vec<_> = sent.iter().map(|seen| seen.method.as_str()).collect();
            assert_eq!(methods, ["POST"], "{name}, kept: {kept}");
            let is_same = before.last().is_some_and(|last| last.connection == sent[0].connection);
            assert_eq!(is_same, kept, "{name}");
            world.flaky_does([well()]);
        }
    }
}

const NO_CONTENT: &str = "HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_breaker_answers_at_once_and_closes_when_the_service_is_well() {
    let world = World::new(impatient).await;
    let query = "{ item { value } calm { value } }";
    world.flaky_does([Does::stalled_head()]);
    for _ in 0..9 {
        assert_eq!(code(&world.bff.ask(query).await), "UPSTREAM_TIMEOUT");
    }
    let mut fastest = Duration::MAX;
    for _ in 0..5 {
        let reply = world.bff.ask(query).await;
        assert_only_the_flaky_part_is_missing(std::slice::from_ref(&reply));
        if code(&reply) == "UPSTREAM_CIRCUIT_OPEN" {
            fastest = fastest.min(reply.elapsed);
        }
    }
    assert!(fastest < Duration::from_millis(50), "{fastest:?}");
    let open = "bespoke_upstream_breaker_state{service=\"flaky\",operation_id=\"GET /item\"} 2\n";
    let metrics = world.metrics();
    assert!(metrics.contains(open), "{metrics}");
    world.flaky_does([well()]);
    let recovered = Instant::now();
    while world.bff.ask(query).await.data()["item"].is_null() {
        assert!(recovered.elapsed() < Duration::from_secs(5), "not called again");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let metrics = world.metrics();
    assert!(metrics.contains(&open.replace(" 2\n", " 0\n")), "{metrics}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stalled_service_holds_up_nobody_who_does_not_need_it() {
    let few = |setup: Setup| {
        setup.unshared().configure(|config| {
            let flaky = config.services.get_mut("flaky").unwrap();
            (flaky.max_in_flight, flaky.max_waiting, flaky.timeout) = (4.try_into().unwrap(), 60, LONGEST);
        })
    };
    let world = Arc::new(World::new(few).await);
    world.flaky_does([Does::stalled_head()]);
    let mut stalled = JoinSet::new();
    for _ in 0..64 {
        let world = Arc::clone(&world);
        stalled.spawn(async move { world.bff.ask("{ item { value } }").await });
    }
    within(world.flaky.until_requests(4)).await;
    let queue = |waiting| format!("bespoke_upstream_calls_waiting{{service=\"flaky\"}} {waiting}\n");
    within(async { while !world.metrics().contains(&queue(60)) {} }).await;
    // One more call is too many and is refused at once.
    assert_eq!(code(&world.bff.ask("{ item { value } }").await), "UPSTREAM_REFUSED");
    for _ in 0..100 {
        assert_eq!(world.bff.ask("{ calm { value } }").await.data(), &json!({ "calm": { "value": 1 } }));
    }
    assert_eq!((stalled.len(), world.calls(), world.steady.requests().len()), (64, 4, 100));
    assert!(stalled.try_join_next().is_none(), "all of them still wait");
    // When clients leave, their calls end, including those in the queue.
    stalled.shutdown().await;
    within(async { while !world.metrics().contains(&queue(0)) {} }).await;
    within(world.flaky.until_hangups(4)).await;
}

/// The times that queries took.
#[derive(Default)]
struct Times(Vec<Duration>);

impl Times {
    async fn take(&mut self, world: &World) {
        let reply = world.bff.ask("{ calm { value } }").await;
        assert_eq!(reply.data(), &json!({ "calm": { "value": 1 } }));
        self.0.push(reply.elapsed);
    }

    /// The percentile of the times, in seconds.
    fn percentile(&mut self, of_a_hundred: usize) -> f64 {
        self.0.sort_unstable();
        self.0[self.0.len() * of_a_hundred / 100].as_secs_f64()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queries_beside_a_stalled_service_take_as_long_as_without() {
    let patient =
        |setup: Setup| setup.unshared().configure(|config| config.services.get_mut("flaky").unwrap().timeout = LONGEST);
    let (alone, stalled) = (World::new(patient).await, Arc::new(World::new(patient).await));
    stalled.flaky_does([Does::stalled_head()]);
    let mut waiting = JoinSet::new();
    for _ in 0..64 {
        let world = Arc::clone(&stalled);
        waiting.spawn(async move { world.bff.ask("{ item { value } }").await });
    }
    within(stalled.flaky.until_requests(64)).await;
    // Both are measured in turns, so that other work of the machine slows both. The best of three rounds counts.
    let mut ratios = Vec::new();
    for _ in 0..3 {
        let (mut without, mut beside) = (Times::default(), Times::default());
        for turn in 0..200 {
            let order = if turn % 2 == 0 {
                [(&alone, &mut without), (&*stalled, &mut beside)]
            } else {
                [(&*stalled, &mut beside), (&alone, &mut without)]
            };
            for (world, times) in order {
                times.take(world).await;
            }
        }
        ratios.push([50, 95].map(|part| beside.percentile(part) / without.percentile(part)));
    }
    assert_eq!(waiting.len(), 64);
    assert!(waiting.try_join_next().is_none(), "all of them still wait");
    // On a machine that is busy with other tests, high percentiles vary too much, so only the median has a bound.
    // `benches/stalled.sh` measures the p95.
    let best = ratios.iter().map(|[middle, _]| *middle).fold(f64::MAX, f64::min);
    assert!(best < 1.5, "{ratios:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_leaves_ends_its_calls_soon() {
    // Both with and without sharing, because nobody else waits for the calls.
    for share in [Setup::unshared, |setup: Setup| setup] {
        let world = Arc::new(World::new(share).await);
        world.flaky_does([Does::stalled_body()]);
        let mut soonest = Duration::MAX;
        for times in 1..=3 {
            let asking = Arc::clone(&world);
            let client = tokio::spawn(async move { asking.bff.ask("{ item { value } }").await });
            within(world.flaky.until_requests(times)).await;
            client.abort();
            let left = Instant::now();
            within(world.flaky.until_hangups(times)).await;
            soonest = soonest.min(left.elapsed());
        }
        assert!(soonest < Duration::from_millis(600), "{soonest:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_say_what_is_left_of_the_request() {
    let deadline = Duration::from_millis(1_500);
    let world = World::new(|setup| setup.unshared().deadline(deadline)).await;
    // The second call is made after the first one has ended.
    world.flaky_does([well().after(Duration::from_millis(300)), well()]);
    let reply = world.bff.ask("mutation { a: write { value } b: write { value } }").await;
    assert!(reply.errors().is_empty(), "{}", reply.text);
    let requests = world.flaky.requests();
    let left = requests.iter().map(|seen| seen.header("x-request-timeout-ms").unwrap().parse::<u64>().unwrap());
    let left: Vec<_> = left.collect();
    assert!(matches!(left[..], [first, second] if first <= 1_500 && second <= 1_200 && second > 0), "{left:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_two_instances_may_be_down() {
    let down = Faulty::always(Does::reset_before_head()).await.expect("a port");
    let up = Faulty::always(well()).await.expect("a port");
    let urls = [up.base_url(), down.base_url()];
    let files = Files::embedded([
        ("schema/services/flaky.graphql", FLAKY),
        ("schema/web.graphql", "type Query { item(of: String): Item } type Item { value: Int! }"),
        ("bespoke.yaml", &format!("services: {{ flaky: {{ urls: ['{}', '{}'] }} }}\n", urls[0], urls[1])),
    ]);
    let bff = Bff::start(Client::new("web", files), Setup::default().unshared().deadline(LONGEST)).await;
    for _ in 0..100 {
        let reply = bff.ask("{ item { value } }").await;
        assert_eq!(reply.body["data"], json!({ "item": { "value": 1 } }), "{}", reply.text);
    }
    assert_eq!(up.requests().len(), 100);
    // The instance that is down is tried once, and once more every ten seconds.
    let tried = down.requests().len();
    assert!(tried <= 10, "{tried}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stalled_service_is_found_out_when_requests_take_no_longer_than_calls() {
    for share in [Setup::unshared, |setup: Setup| setup] {
        let world = World::new(|setup| share(setup).deadline(Duration::from_millis(150))).await;
        world.flaky_does([Does::stalled_head()]);
        // The breaker opens after five timeouts of calls that had nearly their whole time. A busy machine may send some
        // calls late, which do not count.
        let mut timeouts = 0;
        while code(&world.bff.ask("{ item { value } }").await) == "UPSTREAM_TIMEOUT" {
            timeouts += 1;
            assert!(timeouts < 50, "its breaker stays closed");
        }
        assert!(timeouts >= 5, "{timeouts}");
    }
}
