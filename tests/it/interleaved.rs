//! Tests concurrent callers in 10,000 orders of events, which come from seeds: no caller ever sees the data of another
//! one, whether calls, operations or cached answers are shared. Public data is shared.
//!
//! The tests run in one process on paused time. Services answer after random delays, sometimes fail, send various
//! caching rules, and revalidate. Private data names its owner.

use crate::random::Random;
use bespoke::internals::cache::{Cache, CacheOptions, CacheStatus};
use bespoke::internals::config::Mode;
use bespoke::internals::engine::{Client, Engine, EngineParts, GraphQlEngine, Request, Writes};
use bespoke::internals::execute::{Bounds, CacheRules, CauseReport, Polls, SourceAccess};
use bespoke::internals::flight::FlightOptions;
use bespoke::internals::operation::Limits;
use bespoke::internals::policy::Caller;
use bespoke::internals::project::{Assembly, Files};
use bespoke::internals::upstream::{Answer, CallError, Context, Request as Call, SharedSource, Subgraph};
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use http::header::{AUTHORIZATION, CACHE_CONTROL, ETAG, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const ORDERS: u64 = 10_000;

const OWN: &str = r#"extend schema
  @link(url: "https://specs.apollo.dev/federation/v2.5", import: ["@key", "@listSize"])
  @link(url: "https://bespoke.example/connect/v1", import: ["@source", "@connect", "@cache", "@invalidates"])
  @source(name: "own", http: { headers: [{ name: "Authorization", from: "authorization" }] })
type Query {
  me: Thing @connect(http: { GET: "/me" }, selection: "id who") @cache(maxAge: 3, swr: 3, tags: ["me"])
  things(of: Int): [Thing!] @connect(http: { GET: "/list", queryParams: "of: $args.of" }, selection: "id")
    @listSize(assumedSize: 3)
}
type Mutation {
  touch(id: ID!): Thing @connect(http: { POST: "/touch/{$args.id}" }, selection: "id")
    @invalidates(tags: ["thing:{$args.id}", "me"])
}
type Thing @key(fields: "id")
  @connect(http: { GET: "/things", queryParams: "id: $batch.id" }, batch: { key: "id" }, selection: "id who")
  @cache(maxAge: 3, swr: 3, tags: ["thing:{id}"]) {
  id: ID!
  who: String
}
"#;

const OPEN: &str = r#"extend schema
  @link(url: "https://specs.apollo.dev/federation/v2.5", import: ["@key", "@listSize"])
  @link(url: "https://bespoke.example/connect/v1", import: ["@source", "@connect", "@cache"])
  @source(name: "open")
type Query {
  news(of: Int): [News!] @connect(http: { GET: "/list", queryParams: "of: $args.of" }, selection: "id")
    @cache(maxAge: 3) @listSize(assumedSize: 3)
}
type News @key(fields: "id")
  @connect(http: { GET: "/things", queryParams: "id: $batch.id" }, batch: { key: "id" }, selection: "id who")
  @cache(maxAge: 3, swr: 3) {
  id: ID!
  who: String
}
"#;

const SCHEMA: &str = "type Query { me: Thing things(of: Int): [Thing!] news(of: Int): [News!] }
type Mutation { touch(id: ID!): Thing }
type Thing { id: ID! who: String }
type News { id: ID! who: String }
";

const QUERIES: [&str; 5] = [
    "{ me { who } }",
    "query($of: Int) { things(of: $of) { who } }",
    "query($of: Int) { news(of: $of) { who } }",
    "query($of: Int) { me { who } things(of: $of) { who } news(of: $of) { who } }",
    "mutation($id: ID!) { touch(id: $id) { who } }",
];

/// The values of `Cache-Control` that services choose at random. They often send none, so that `@cache` applies.
const SAID: [&str; 8] = [
    "",
    "",
    "",
    "max-age=2",
    "public, max-age=2, stale-while-revalidate=2",
    "private, max-age=1, stale-if-error=9",
    "no-cache",
    "no-store",
];

/// A service whose answers name the caller.
#[derive(Debug)]
struct Service {
    random: Arc<Mutex<Random>>,
    calls: Arc<AtomicU64>,
}

impl Subgraph for Service {
    fn call(&self, request: Call, ctx: Context) -> BoxFuture<'static, Result<Answer, CallError>> {
        let Call::Http { target, headers, .. } = request else { panic!("a REST service") };
        let random = Arc::clone(&self.random);
        let calls = Arc::clone(&self.calls);
        Box::pin(async move {
            calls.fetch_add(1, Ordering::Relaxed);
            let mut drawn = {
                let mut random = random.lock().unwrap();
                Random::new(random.below(u64::MAX))
            };
            tokio::time::sleep(Duration::from_millis(drawn.below(4))).await;
            let sent = headers.iter().find(|(name, _)| name == AUTHORIZATION);
            let who = sent.map_or("nobody", |(_, value)| value.to_str().unwrap()).to_owned();
            if drawn.one_in(20) {
                return Ok(Answer::new(503, "".into()));
            }
            let etag = HeaderValue::from_str(&format!("\"{who}\"")).unwrap();
            let said = HeaderValue::from_static(drawn.pick(&SAID));
            let mut answered: HeaderMap = [(ETAG, etag.clone())].into_iter().collect();
            if !said.is_empty() {
                answered.insert(CACHE_CONTROL, said);
            }
            let asked = ctx.condition.iter().flat_map(|condition| condition.iter());
            let mut asked = asked.filter(|(name, _)| name == IF_NONE_MATCH);
            if asked.any(|(_, value)| *value == etag) {
                return Ok(Answer { headers: answered, ..Answer::new(304, "".into()) });
            }
            let (path, query) = target.split_once('?').unwrap_or((&target, ""));
            let values = query.split('&').filter_map(|pair| pair.split_once('=')).map(|(_, value)| value.to_owned());
            let body = match path {
                "/list" => {
                    let of: u64 = { values }.next_back().and_then(|of| of.parse().ok()).unwrap_or(0);
                    (of..of + 3).map(|id| json!({ "id": id })).collect()
                }
                "/things" => values.map(|id| json!({ "id": id, "who": who })).collect(),
                "/me" => json!({ "id": "me", "who": who }),
                _ => json!({ "id": path.rsplit('/').next() }),
            };
            Ok(Answer { headers: answered, ..Answer::new(200, body.to_string().into()) })
        })
    }
}

/// The options of the sharing of calls and of operations, and of the cache.
#[derive(Debug, Clone, Default)]
struct Options {
    calls: FlightOptions,
    operations: FlightOptions,
    cache: CacheOptions,
}

/// The counts of a run.
#[derive(Debug, Default)]
struct Seen {
    /// The number of values that belong to another caller.
    foreign: usize,
    values: usize,
    /// `kept` counts the keys that the cache answered, and `shared` those that calls of other requests answered: first
    /// the keys of private data, then those of public data.
    kept: [u64; 2],
    shared: [u64; 2],
    revalidated: u64,
    open_calls: u64,
    open_values: u64,
}

struct World {
    engine: Engine,
    open_calls: Arc<AtomicU64>,
}

fn files() -> Files {
    Files::embedded([
        ("schema/services/own.graphql", OWN),
        ("schema/services/open.graphql", OPEN),
        ("schema/web.graphql", SCHEMA),
    ])
}

fn world(options: &Options, seed: u64) -> World {
    let Assembly { graph, view, findings, .. } = Client::new("web", files()).assemble(&|_| None);
    let (Some(graph), Some(view)) = (graph, view) else { panic!("{findings:?}") };
    let random = Arc::new(Mutex::new(Random::new(seed)));
    let open_calls = Arc::new(AtomicU64::new(0));
    let sources = graph.sources.iter().map(|source| {
        let calls = if source.name == "open" { Arc::clone(&open_calls) } else { Arc::default() };
        let service = Arc::new(Service { random: Arc::clone(&random), calls });
        let name: Arc<str> = source.name.as_str().into();
        let subgraph = Arc::new(SharedSource::new(Arc::clone(&name), service, options.calls.clone()));
        SourceAccess { subgraph, name, config: bespoke::internals::json::Value::Null, max_list_items: 100_000 }
    });
    let sources = sources.collect();
    let caching =
        options.cache.enabled.then(|| CacheRules::new(&graph, Cache::new(options.cache.clone()), |_| true, true));
    let engine = Engine::new(EngineParts {
        sources,
        graph: Arc::new(graph),
        view: Arc::new(view),
        limits: Limits::default(),
        operations_bytes: 64 << 20,
        preparing_threads: 0,
        exposure: Mode::Production.exposure(),
        causes: Arc::new(CauseReport::default()),
        bounds: Bounds::default(),
        sharing: options.operations.clone(),
        caching: caching.map(Arc::new),
        writes: Writes::default(),
        polls: Polls::default(),
    });
    World { engine, open_calls }
}

fn caller(name: &str) -> Arc<Caller> {
    let headers = match name {
        "nobody" => HeaderMap::new(),
        name => [(AUTHORIZATION, HeaderValue::from_str(name).unwrap())].into_iter().collect(),
    };
    Arc::new(Caller { headers, ..Caller::default() })
}

impl World {
    /// Sends one request after a random delay.
    async fn ask(&self, name: &str, mut random: Random) -> Seen {
        tokio::time::sleep(Duration::from_millis(random.below(4))).await;
        let variables = json!({ "of": random.below(3), "id": random.below(5).to_string() });
        let request = Request {
            query: random.pick(&QUERIES).to_owned(),
            variables: variables.as_object().unwrap().into(),
            ..Request::default()
        };
        let deadline = tokio::time::Instant::now() + Duration::from_secs(2);
        let response = self.engine.execute(request, caller(name), deadline.into_std()).await;
        let body: Value = serde_json::from_slice(&response.body).unwrap();
        let mut seen = Seen::default();
        for (field, value) in body["data"].as_object().into_iter().flatten() {
            let own = if field == "news" { "nobody" } else { name };
            let things = match value {
                Value::Array(things) => things.iter().collect(),
                value => vec![value],
            };
            let told = things.into_iter().filter_map(|thing| thing["who"].as_str());
            for who in told {
                seen.values += 1;
                seen.foreign += usize::from(who != own);
                seen.open_values += u64::from(field == "news");
            }
        }
        for call in &response.calls {
            let at = usize::from(&*call.service == "open");
            seen.kept[at] += if call.cache.is_unasked() { u64::from(call.keys) } else { 0 };
            seen.shared[at] += u64::from(call.is_shared);
            seen.revalidated += u64::from(call.cache == CacheStatus::Revalidated);
        }
        seen
    }
}

/// Runs this number of orders of events.
fn run(options: &Options, orders: u64) -> Seen {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let mut all = Seen::default();
    runtime.block_on(async {
        let mut world = world(options, 1);
        for order in 0..orders {
            if order % 1_000 == 999 {
                all.open_calls += world.open_calls.load(Ordering::Relaxed);
                world = self::world(options, order);
            }
            let mut random = Random::new(order);
            let mut asking: FuturesUnordered<_> = (0..2 + random.below(2))
                .map(|_| {
                    let name = random.pick(&["anna", "bert", "nobody"]).to_owned();
                    let (world, random) = (&world, Random::new(random.below(u64::MAX)));
                    async move { world.ask(&name, random).await }
                })
                .collect();
            while let Some(seen) = asking.next().await {
                all.foreign += seen.foreign;
                all.values += seen.values;
                all.open_values += seen.open_values;
                all.revalidated += seen.revalidated;
                for at in 0..2 {
                    all.kept[at] += seen.kept[at];
                    all.shared[at] += seen.shared[at];
                }
            }
            // The time advances, and sometimes cached answers become stale.
            tokio::time::advance(Duration::from_millis(random.below(2_500))).await;
        }
        all.open_calls += world.open_calls.load(Ordering::Relaxed);
    });
    all
}

#[test]
fn nobody_sees_what_is_anothers_in_ten_thousand_orders_of_events() {
    let seen = run(&Options::default(), ORDERS);
    assert_eq!(seen.foreign, 0, "{seen:?}");
    assert!(seen.values > ORDERS as usize, "{seen:?}");
    let [own, open] = seen.kept;
    assert!(own > 1_000 && open > 1_000, "what is kept is used, one's own too: {seen:?}");
    let [own, open] = seen.shared;
    assert!(own > 100 && open > 100, "calls are shared, with oneself too: {seen:?}");
    assert!(seen.revalidated > 100, "validators are used: {seen:?}");
    assert!(seen.open_calls < seen.open_values, "what is nobody's is shared: {seen:?}");
}

#[test]
fn the_test_sees_a_scope_that_is_left_out() {
    let off = FlightOptions { enabled: false, ..FlightOptions::default() };
    let leaky = FlightOptions { ignore_scope: true, ..FlightOptions::default() };
    let uncached = CacheOptions { enabled: false, ..CacheOptions::default() };
    let alone = Options { calls: off.clone(), operations: off, cache: uncached.clone() };
    for (what, options) in [
        ("calls", Options { calls: leaky.clone(), ..alone.clone() }),
        ("operations", Options { operations: leaky, ..alone.clone() }),
        (
            "kept answers",
            Options { cache: CacheOptions { ignore_scope: true, ..CacheOptions::default() }, ..alone.clone() },
        ),
    ] {
        let seen = run(&options, 500);
        assert!(seen.foreign > 0, "with {what} shared by all, nothing was mixed up: {seen:?}");
    }
    assert_eq!(run(&alone, 500).foreign, 0);
}
