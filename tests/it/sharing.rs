//! Tests that equal operations in flight are executed once, and that only equal ones are shared, with a service that
//! answers when the test tells it to.

use crate::harness::{Bff, Reply, Setup};
use crate::routed::Routed;
use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::{get, post};
use bespoke::internals::engine::Client;
use bespoke::internals::flight::FlightOptions;
use bespoke::internals::project::Files;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::JoinSet;

const SERVICE: &str = r#"extend schema
  @link(url: "https://bespoke.example/connect/v1", import: ["@source", "@connect"])
  @source(name: "counter", http: { headers: [{ name: "Accept-Language", from: "accept-language" }] })
type Query {
  count(of: String): Count @connect(http: { GET: "/count", queryParams: "of: $args.of" }, selection: "value language: language?")
  mine: Count @connect(http: { GET: "/count", queryParams: "of: $claims.sub" }, selection: "value language: language?")
}
type Mutation { bump: Count @connect(http: { POST: "/bump" }, selection: "value language: language?") }
type Count { value: Int! language: String }
"#;

/// A second source, which writes to the same counter.
const CLERK: &str = r#"extend schema
  @link(url: "https://bespoke.example/connect/v1", import: ["@source", "@connect", "@invalidates"])
  @source(name: "clerk")
type Mutation { nudge: Int @connect(http: { POST: "/bump" }, selection: "$.value") @invalidates(tags: ["counter"]) }
"#;

const SCHEMA: &str = "type Query { count(of: String): Count mine: Count }
type Mutation { bump: Count nudge: Int }
type Count { value: Int! language: String }
";

/// A counter. A read is answered with the value at its arrival, but only once the test releases it.
#[derive(Default)]
struct Counter {
    value: AtomicU64,
    reads: AtomicU64,
    go: Notify,
}

struct Service {
    counter: Arc<Counter>,
    _routed: Routed,
    bff: Bff,
}

async fn read(State(counter): State<Arc<Counter>>, headers: HeaderMap) -> axum::Json<Value> {
    let go = counter.go.notified();
    let value = counter.value.load(Ordering::SeqCst);
    let language = headers.get("accept-language").map(|value| value.to_str().unwrap().to_owned());
    counter.reads.fetch_add(1, Ordering::SeqCst);
    go.await;
    axum::Json(json!({ "value": value, "language": language }))
}

async fn bump(State(counter): State<Arc<Counter>>) -> axum::Json<Value> {
    axum::Json(json!({ "value": counter.value.fetch_add(1, Ordering::SeqCst) + 1 }))
}

impl Service {
    async fn start(change: impl FnOnce(Setup) -> Setup) -> Self {
        let counter = Arc::new(Counter::default());
        let router =
            Router::new().route("/count", get(read)).route("/bump", post(bump)).with_state(Arc::clone(&counter));
        let routed = Routed::start(router).await;
        let files = Files::embedded([
            ("schema/services/counter.graphql", SERVICE),
            ("schema/services/clerk.graphql", CLERK),
            ("schema/web.graphql", SCHEMA),
            ("bespoke.yaml", "server: { port: 0 }\n"),
        ]);
        let setup = change(
            Setup::default().url("counter", routed.url()).url("clerk", routed.url()).deadline(Duration::from_secs(10)),
        );
        let bff = Bff::start(Client::new("web", files), setup).await;
        Self { counter, _routed: routed, bff }
    }

    /// Sends requests at the same time, waits until the service has received `reads` reads in all and no more can come,
    /// and lets it answer.
    async fn together(self: &Arc<Self>, requests: &[(&'static str, Option<&'static str>)], reads: u64) -> Vec<Reply> {
        let mut tasks = JoinSet::new();
        for (at, &(query, language)) in requests.iter().enumerate() {
            let service = Arc::clone(self);
            tasks.spawn(async move { (at, service.ask(query, language).await) });
        }
        self.asked(reads).await;
        self.counter.go.notify_waiters();
        let mut replies = tasks.join_all().await;
        replies.sort_by_key(|(at, _)| *at);
        replies.into_iter().map(|(_, reply)| reply).collect()
    }

    async fn ask(&self, query: &str, language: Option<&str>) -> Reply {
        self.bff.send_with(query, Value::Null, language.map(|language| ("accept-language", language))).await
    }

    /// Waits until the service has received `reads` reads, and then for reads that may still be on their way.
    async fn asked(&self, reads: u64) {
        let limit = tokio::time::Instant::now() + Duration::from_secs(10);
        while self.reads() < reads {
            assert!(tokio::time::Instant::now() < limit, "asked {} times, not {reads}", self.reads());
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        tokio::time::sleep(Duration::from_millis(400)).await;
    }

    fn reads(&self) -> u64 {
        self.counter.reads.load(Ordering::SeqCst)
    }
}

/// Turns the sharing of calls off, so that the tests only see the sharing of operations.
fn operations_only(setup: Setup) -> Setup {
    setup.flights(FlightOptions { enabled: false, ..FlightOptions::default() })
}

fn is_shared(reply: &Reply) -> bool {
    reply.calls().iter().all(|call| call["shared"] == true)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn equal_queries_at_once_are_run_once() {
    let service = Arc::new(Service::start(operations_only).await);
    let query = "{ count(of: \"a\") { value } }";
    let replies = service.together(&[(query, None); 50], 1).await;
    assert_eq!(service.reads(), 1);
    assert!(replies.iter().all(|reply| reply.data() == &json!({ "count": { "value": 0 } })), "{replies:?}");
    assert_eq!(replies.iter().filter(|reply| !is_shared(reply)).count(), 1, "one of them has made the call");
    // An operation that comes after the end of the first one is not shared with it.
    let later = service.together(&[(query, None)], 2).await;
    assert!(!is_shared(&later[0]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_can_change_the_answer_keeps_queries_apart() {
    let service = Arc::new(Service::start(operations_only).await);
    let a = "{ count(of: \"a\") { value language } }";
    let b = "{ count(of: \"b\") { value language } }";
    let renamed = "{ x: count(of: \"a\") { value language } }";
    let requests =
        [(a, None), (a, None), (b, None), (renamed, None), (a, Some("de")), (a, Some("de")), (a, Some("fr"))];
    let replies = service.together(&requests, 5).await;
    assert_eq!(service.reads(), 5);
    let languages: Vec<_> = replies[4..].iter().map(|reply| reply.data()["count"]["language"].clone()).collect();
    assert_eq!(languages, ["de", "de", "fr"]);
    assert_eq!(replies.iter().filter(|reply| is_shared(reply)).count(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_kinds_of_sharing_can_be_switched_off() {
    let off = || FlightOptions { enabled: false, ..FlightOptions::default() };
    let service = Arc::new(Service::start(|setup| setup.flights(off()).operations(off())).await);
    let query = "{ count(of: \"a\") { value } }";
    service.together(&[(query, None); 5], 5).await;
    assert_eq!(service.reads(), 5);
    let calls_only = Arc::new(Service::start(|setup| setup.operations(off())).await);
    calls_only.together(&[(query, None); 5], 1).await;
    assert_eq!(calls_only.reads(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_after_a_mutation_joins_nothing_that_was_begun_before() {
    let mutations = ["mutation { bump { value } }", "mutation { nudge }"];
    let changes: [fn(Setup) -> Setup; 3] = [operations_only, |setup| setup, Setup::uncached];
    for (mutation, change) in mutations.into_iter().flat_map(|mutation| changes.map(|change| (mutation, change))) {
        let service = Arc::new(Service::start(change).await);
        let query = "{ count { value } }";
        let before = tokio::spawn({
            let service = Arc::clone(&service);
            async move { service.ask(query, None).await }
        });
        service.asked(1).await;
        let written = service.ask(mutation, None).await;
        assert_eq!(written.errors(), &[] as &[Value]);
        let after = service.together(&[(query, None)], 2).await;
        assert_eq!(after[0].data()["count"]["value"], 1, "the one before the mutation has seen 0");
        assert_eq!(before.await.unwrap().data()["count"]["value"], 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_who_leaves_does_not_end_the_operation_of_others() {
    let service = Arc::new(Service::start(operations_only).await);
    let query = "{ count { value } }";
    let ask = || {
        let service = Arc::clone(&service);
        tokio::spawn(async move { service.ask(query, None).await })
    };
    let first = ask();
    service.asked(1).await;
    let second = ask();
    tokio::time::sleep(Duration::from_millis(150)).await;
    first.abort();
    tokio::time::sleep(Duration::from_millis(150)).await;
    service.counter.go.notify_waiters();
    let reply = second.await.unwrap();
    assert_eq!((reply.data(), service.reads()), (&json!({ "count": { "value": 0 } }), 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_joins_late_is_not_cut_by_the_deadline_of_the_first() {
    // The deadline is shorter than the timeout of the service, which applies to all calls.
    let service = Arc::new(Service::start(|setup| setup.deadline(Duration::from_millis(1900))).await);
    let query = "{ count { value } }";
    let ask = || {
        let service = Arc::clone(&service);
        tokio::spawn(async move { service.ask(query, None).await })
    };
    let first = ask();
    tokio::time::sleep(Duration::from_millis(1000)).await;
    let second = ask();
    let cut = first.await.unwrap();
    assert_eq!(cut.errors()[0]["extensions"]["code"], "UPSTREAM_TIMEOUT");
    // The second request waits for its own call, or for the call of the first one, which goes on as long as somebody
    // waits for it.
    while !second.is_finished() {
        service.counter.go.notify_waiters();
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let reply = second.await.unwrap();
    assert_eq!(reply.data(), &json!({ "count": { "value": 0 } }), "{}", reply.text);
}
