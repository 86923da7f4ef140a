//! Nothing is allocated per row or per field: buffers grow, and growing doubles them.
//!
//! The rule: what takes ten times as much room takes at most four more allocations per buffer (2⁴ > 10). The buffers
//! that grow with rows are a frame's slots, the answer and, where a step is fed, the list of its members.

use bespoke::config::Mode;
use bespoke::engine::{Client, Engine, EngineParts, GraphQlEngine, Request, Writes};
use bespoke::execute::{CauseReport, Sourced};
use bespoke::flight::FlightOptions;
use bespoke::operation::Limits;
use bespoke::policy::Caller;
use bespoke::project::Files;
use bespoke::upstream::{Answer, CallError, Context, Request as Call, Subgraph};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use std::sync::Arc;
use std::time::{Duration, Instant};
use testkit::recorded::{self, Recorded};

/// Answers at once, whatever it is asked.
#[derive(Debug)]
struct Taker;

impl Subgraph for Taker {
    fn call(&self, _: Call, _: Context) -> BoxFuture<'static, Result<Answer, CallError>> {
        Box::pin(async { Ok(Answer::new(200, r#"{"n":1}"#.into())) })
    }
}

/// A service that takes everything that a client sends.
const TAKER: &str = r#"extend schema
  @link(url: "https://bespoke.example/connect/v1", import: ["@source", "@connect"])
  @source(name: "taker", http: { baseURL: "http://127.0.0.1:9" })
scalar JSON
input Box { ints: [Int!]  boxes: [Box!]  text: String }
type Taken { n: Int }
type Query { taken: Taken @connect(http: { GET: "/taken" }, selection: "n") }
type Mutation {
  take(json: JSON, ints: [Int!], box: Box): Taken
    @connect(http: { POST: "/take", body: "json: $args.json ints: $args.ints box: $args.box" }, selection: "n")
}"#;

/// Its fields, for a client.
const TAKER_VIEW: &str = "type Query { taken: Taken }
type Mutation { take(json: JSON, ints: [Int!], box: Box): Taken }
type Taken { n: Int }  scalar JSON  input Box { ints: [Int!]  boxes: [Box!]  text: String }";

/// More allocations for ten times the room, per buffer.
const GROWTHS: u64 = 4;

/// Hands recorded bodies over at once.
#[derive(Debug)]
struct Service(Recorded);

impl Subgraph for Service {
    fn call(&self, request: Call, _: Context) -> BoxFuture<'static, Result<Answer, CallError>> {
        let Call::Http { target, .. } = request else { panic!("a REST service") };
        let body = self.0.body(&target).expect("a recorded body");
        Box::pin(async move { Ok(Answer::new(200, body)) })
    }
}

fn engine(recorded: &Recorded) -> Engine {
    engine_of(&recorded.files, Arc::new(Service(recorded.clone())))
}

fn engine_of(files: &[(String, String)], service: Arc<dyn Subgraph>) -> Engine {
    let files = Files::embedded(files.iter().map(|(path, text)| (path.as_str(), text.as_str())));
    let assembled = Client::new("web", files).assemble(&|_| None);
    let (Some(graph), Some(view)) = (assembled.graph, assembled.view) else { panic!("{:?}", assembled.findings) };
    let sources = graph.sources.iter().map(|source| Sourced {
        subgraph: Arc::clone(&service),
        name: source.name.as_str().into(),
        config: bespoke::json::Value::Null,
        max_list_items: u32::MAX,
    });
    Engine::new(EngineParts {
        sources: sources.collect(),
        graph: Arc::new(graph),
        view: Arc::new(view),
        limits: Limits::default(),
        exposure: Mode::Production.exposure(),
        causes: CauseReport::default(),
        max_calls: None,
        sharing: FlightOptions { enabled: false, ..FlightOptions::default() },
        caching: None,
        writes: Writes::default(),
    })
}

/// Allocations of one request, when everything is cached.
fn allocations(recorded: &Recorded) -> u64 {
    let engine = engine(recorded);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let caller = Arc::new(Caller::default());
    let mut counted = 0;
    for _ in 0..3 {
        let request = Request { query: recorded.query.clone(), ..Request::default() };
        let deadline = Instant::now() + Duration::from_secs(60);
        let mut body = None;
        let info = allocation_counter::measure(|| {
            body = Some(runtime.block_on(engine.execute(request, Arc::clone(&caller), deadline)).body);
        });
        assert_eq!(body.unwrap(), recorded.answer, "a wrong answer");
        counted = info.count_total;
    }
    counted
}

fn check(small: &Recorded, large: &Recorded, buffers: u64) {
    let (few, many) = (allocations(small), allocations(large));
    // A count of nothing would pass everything.
    assert!(few > 10, "{few} allocations: nothing was counted");
    assert!(many <= few + GROWTHS * buffers, "{few} allocations became {many}");
}

#[test]
fn ten_times_the_rows_only_grow_buffers() {
    check(&recorded::wide(100, 4), &recorded::wide(1_000, 4), 2);
}

#[test]
fn ten_times_the_rows_that_join_only_grow_buffers() {
    check(&recorded::posts(100), &recorded::posts(1_000), 3);
}

#[test]
fn ten_times_the_fields_only_grow_buffers() {
    // The third buffer: the names that are expected in the next item.
    check(&recorded::wide(100, 3), &recorded::wide(100, 30), 3);
}

/// Most memory that one request takes, its body included, in bytes.
fn peak(engine: &Engine, body: &str) -> u64 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let caller = Arc::new(Caller::default());
    let mut answer = None;
    let info = allocation_counter::measure(|| {
        let body = Bytes::copy_from_slice(body.as_bytes());
        let request = bespoke::http::parse_request(&body);
        drop(body);
        let deadline = Instant::now() + Duration::from_secs(60);
        answer = Some(request.map(|request| runtime.block_on(engine.execute(request, caller, deadline)).body));
    });
    drop(answer);
    info.bytes_max
}

/// What one request may take beside what grows with its body: a plan, buffers, a clock.
const AT_REST: u64 = 256 << 10;

#[test]
fn a_request_takes_four_times_its_body_at_most() {
    let files = [("schema/services/taker.graphql", TAKER), ("schema/web.graphql", TAKER_VIEW)];
    let engine = engine_of(&files.map(|(path, text)| (path.to_owned(), text.to_owned())), Arc::new(Taker));
    let taking = |declared: &str, variables: &str, extensions: &str| {
        let used =
            declared.trim_matches(['(', ')']).split_once(':').map(|(name, _)| format!("({}: {name})", &name[1..]));
        let query = format!("mutation{declared} {{ take{} {{ n }} }}", used.unwrap_or_default());
        format!(r#"{{"query":{},"variables":{variables},"extensions":{extensions}}}"#, serde_json::json!(query))
    };
    let list = |item: &str, count: usize| vec![item; count].join(",");
    let large = |item: &str| list(item, (1 << 20) / (item.len() + 1));
    let cases = [
        ("numbers", taking("($ints: [Int!])", &format!(r#"{{"ints":[{}]}}"#, list("1", 99_000)), "{}")),
        ("too many numbers", taking("($ints: [Int!])", &format!(r#"{{"ints":[{}]}}"#, large("1")), "{}")),
        ("a long text", taking("($json: JSON)", &format!(r#"{{"json":"{}"}}"#, "a".repeat(1 << 20)), "{}")),
        ("escapes", taking("($json: JSON)", &format!(r#"{{"json":"{}"}}"#, "\\u00e9".repeat(150_000)), "{}")),
        ("objects", taking("($json: JSON)", &format!(r#"{{"json":[{}]}}"#, list(r#"{"a":{"b":[]}}"#, 30_000)), "{}")),
        (
            "inputs",
            taking("($box: Box)", &format!(r#"{{"box":{{"boxes":[{}]}}}}"#, list(r#"{"ints":[1,2]}"#, 20_000)), "{}"),
        ),
        ("undeclared", taking("", &format!(r#"{{"x":[{}]}}"#, large(r#"{"a":[[],{}]}"#)), "{}")),
        ("extensions", taking("", "{}", &format!(r#"{{"x":[{}]}}"#, large(r#"{"a":1}"#)))),
        ("many names", {
            let names: Vec<_> = (0..60_000).map(|at| format!(r#""v{at}":[]"#)).collect();
            taking("", &format!("{{{}}}", names.join(",")), &format!("{{{}}}", names.join(",")))
        }),
        ("a long document", format!(r#"{{"query":"{{ a{} }}"}}"#, "\\n".repeat(500_000))),
        ("a long name", format!(r#"{{"query":"{{ take {{ n }} }}","operationName":"{}"}}"#, "a".repeat(1 << 20))),
        ("no JSON", format!(r#"{{"query":1,"variables":[{}]}}"#, large(r#"{"a":1}"#))),
        ("a wrong type", taking("($ints: [Int!])", &format!(r#"{{"ints":[{}]}}"#, large(r#"{"a":1}"#)), "{}")),
    ];
    for (about, body) in &cases {
        // Twice: what is kept of the document is no part of the second request.
        peak(&engine, body);
        let (peak, body) = (peak(&engine, body), body.len() as u64);
        assert!(peak <= 4 * body + AT_REST, "{about}: {peak} bytes for a body of {body}");
    }
}
