//! Tests that nothing is allocated per row or per field: buffers grow, and each growth doubles a buffer.
//!
//! The rule: data that is ten times as large needs at most four more allocations per buffer (2⁴ > 10). The buffers that
//! grow with rows are the slots of a frame, the answer and, for a step that depends on another one, the list of its
//! members.

use bespoke::internals::config::Mode;
use bespoke::internals::engine::{Client, Engine, EngineParts, GraphQlEngine, Request, Writes};
use bespoke::internals::execute::{Bounds, CauseReport, Polls, SourceAccess};
use bespoke::internals::flight::FlightOptions;
use bespoke::internals::operation::Limits;
use bespoke::internals::policy::Caller;
use bespoke::internals::project::Files;
use bespoke::internals::upstream::{Answer, CallError, Context, Request as Call, Subgraph};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use std::sync::Arc;
use std::time::{Duration, Instant};
use testkit::recorded::{self, Recorded};

/// A source that answers every call at once. The answer holds the target of the call, and a text in place of a number.
#[derive(Debug)]
struct Taker;

impl Subgraph for Taker {
    fn call(&self, call: Call, _: Context) -> BoxFuture<'static, Result<Answer, CallError>> {
        let Call::Http { target, .. } = call else { panic!("a REST service") };
        let body = serde_json::json!({ "n": 1, "target": target, "broken": "no number" });
        Box::pin(async move { Ok(Answer::new(200, body.to_string().into())) })
    }
}

/// A service that accepts every value that a client sends.
const TAKER: &str = r#"extend schema
  @link(url: "https://bespoke.example/connect/v1", import: ["@source", "@connect"])
  @source(name: "taker", http: { baseURL: "http://127.0.0.1:9" })
scalar JSON
input Box { ints: [Int!]  boxes: [Box!]  text: String }
type Taken { n: Int  target: String  broken: Int }
type Query { taken(id: ID!): Taken @connect(http: { GET: "/taken/{$args.id}" }, selection: "n target broken") }
type Mutation {
  take(json: JSON, ints: [Int!], box: Box): Taken
    @connect(http: { POST: "/take", body: "json: $args.json ints: $args.ints box: $args.box" }, selection: "n target broken")
}"#;

/// The fields of [`TAKER`] as a client declares them.
const TAKER_VIEW: &str = "type Query { taken(id: ID!): Taken }
type Mutation { take(json: JSON, ints: [Int!], box: Box): Taken }
type Taken { n: Int  target: String  broken: Int }  scalar JSON  input Box { ints: [Int!]  boxes: [Box!]  text: String }";

/// The most additional allocations per buffer for data that is ten times as large.
const GROWTHS: u64 = 4;

/// A source that answers at once with recorded bodies.
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
    engine_of(&recorded.files, Arc::new(Service(recorded.clone())), 64 << 20)
}

/// An engine over [`TAKER`]. The documents that it keeps may weigh `operations_bytes` in all.
fn taker(operations_bytes: u64) -> Engine {
    let files = [("schema/services/taker.graphql", TAKER), ("schema/web.graphql", TAKER_VIEW)];
    let files = files.map(|(path, text)| (path.to_owned(), text.to_owned()));
    engine_of(&files, Arc::new(Taker), operations_bytes)
}

fn engine_of(files: &[(String, String)], service: Arc<dyn Subgraph>, operations_bytes: u64) -> Engine {
    let files = Files::embedded(files.iter().map(|(path, text)| (path.as_str(), text.as_str())));
    let assembled = Client::new("web", files).assemble(&|_| None);
    let (Some(graph), Some(view)) = (assembled.graph, assembled.view) else { panic!("{:?}", assembled.findings) };
    let sources = graph.sources.iter().map(|source| SourceAccess {
        subgraph: Arc::clone(&service),
        name: source.name.as_str().into(),
        config: bespoke::internals::json::Value::Null,
        max_list_items: u32::MAX,
    });
    Engine::new(EngineParts {
        sources: sources.collect(),
        graph: Arc::new(graph),
        view: Arc::new(view),
        limits: Limits::default(),
        operations_bytes,
        preparing_threads: 0,
        exposure: Mode::Production.exposure(),
        causes: Arc::new(CauseReport::default()),
        bounds: Bounds::default(),
        sharing: FlightOptions { enabled: false, ..FlightOptions::default() },
        caching: None,
        writes: Writes::default(),
        polls: Polls::default(),
    })
}

/// The allocations of one request once the first requests have filled all caches.
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
    // If nothing were counted, the next assertion would always hold.
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
    // The third buffer holds the names that are expected in the next item.
    check(&recorded::wide(100, 3), &recorded::wide(100, 30), 3);
}

/// The peak of the memory that one request takes, including its body, in bytes.
fn peak(engine: &Engine, body: &str) -> u64 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let caller = Arc::new(Caller::default());
    let mut answer = None;
    let info = allocation_counter::measure(|| {
        let body = Bytes::copy_from_slice(body.as_bytes());
        let request = bespoke::internals::http::parse_request(&body);
        drop(body);
        let deadline = Instant::now() + Duration::from_secs(60);
        answer = Some(request.map(|request| runtime.block_on(engine.execute(request, caller, deadline)).body));
    });
    drop(answer);
    info.bytes_max
}

/// The memory that one request may take, in bytes, besides memory that grows with its body: a plan, buffers, a clock.
const AT_REST: u64 = 256 << 10;

#[test]
fn a_request_takes_four_times_its_body_at_most() {
    let engine = taker(64 << 20);
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
        // The request is sent twice, because the document is kept after the first one and does not count for the
        // second.
        peak(&engine, body);
        let (peak, body) = (peak(&engine, body), body.len() as u64);
        assert!(peak <= 4 * body + AT_REST, "{about}: {peak} bytes for a body of {body}");
    }
}

/// Executes some documents one after the other and returns the last answer.
fn ask(engine: &Engine, documents: impl Iterator<Item = String>) -> serde_json::Value {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let caller = Arc::new(Caller::default());
    let mut last = Bytes::new();
    for query in documents {
        let request = Request { query, ..Request::default() };
        let deadline = Instant::now() + Duration::from_secs(60);
        last = runtime.block_on(engine.execute(request, Arc::clone(&caller), deadline)).body;
    }
    serde_json::from_slice(&last).unwrap()
}

/// The bytes that are kept of some documents, as the allocator counts them and as the engine weighs them.
fn kept(engine: &Engine, documents: impl Iterator<Item = String>) -> (i64, i64) {
    // This first document makes what all documents share.
    ask(engine, ["{ taken(id: 0) { n } }".to_owned()].into_iter());
    let before = engine.operations_bytes() as i64;
    let info = allocation_counter::measure(|| {
        ask(engine, documents);
        // The cache does the work that it has put off before it returns its weight.
        let _ = engine.operations_bytes();
    });
    (info.bytes_current, engine.operations_bytes() as i64 - before)
}

fn fields(count: usize, prefix: &str) -> String {
    (0..count).map(|at| format!("{prefix}{at}: taken(id: \"{at}\") {{ n t{at}: target }} ")).collect()
}

#[test]
fn documents_and_plans_weigh_what_they_hold() {
    let conditions = |bits: usize| {
        let variables: Vec<_> = (0..6).map(|at| format!("$c{at}: Boolean = {}", bits >> at & 1 == 1)).collect();
        let skipped: String = (0..6).map(|at| format!("f{at}: taken(id: {at}) @skip(if: $c{at}) {{ n }} ")).collect();
        format!("query({}) {{ {skipped} {} }}", variables.join(", "), fields(10, "a"))
    };
    let ids = |at: usize| (0..500).map(|id| format!("\"{at}-{id}\",")).collect::<String>();
    let small = "type of the field, and one more";
    for (about, documents) in [
        (
            "one shape",
            (0..2_000).map(|at| format!("{{ taken(id: \"value {at}\") {{ n target }} }}")).collect::<Vec<_>>(),
        ),
        ("many shapes", (0..300).map(|at| format!("{{ {} }}", fields(3, &format!("s{at}x")))).collect()),
        ("large shapes", (0..6).map(|at| format!("{{ {} }}", fields(90, &format!("s{at}x")))).collect()),
        ("one shape, many plans", (0..64).map(conditions).collect()),
        ("many literals", (0..50).map(|at| format!("mutation {{ take(json: [{}]) {{ n }} }}", ids(at))).collect()),
        ("refused ones", (0..500).map(|at| format!("{{ taken(id: {at}) {{ n {small} }} }}")).collect()),
        ("fragments", {
            let document = |at| format!("{{ taken(id: {at}) {{ ...F{at} }} }} fragment F{at} on Taken {{ n target }}");
            (0..300).map(document).collect()
        }),
    ] {
        let engine = taker(1 << 30);
        let (held, weight) = kept(&engine, documents.iter().cloned());
        assert!((held * 3 / 4..=held * 5 / 4).contains(&weight), "{about}: {weight} weighed, {held} held");
    }
}

#[test]
fn documents_of_one_shape_cost_one_plan() {
    let document = |at: usize| format!("{{ taken(id: \"value {at}\") {{ n target }} {} }}", fields(20, "a"));
    let engine = taker(64 << 20);
    let (first, _) = kept(&engine, (0..1).map(document));
    let (held, _) = kept(&engine, (1..500).map(document));
    let (text, each) = (document(100).len() as i64, held / 499);
    assert!(each < first / 4 && each < 2 * text + 1_500, "{first} bytes for the first, {each} for each further one");
}

#[test]
fn documents_stay_within_their_bound() {
    // The bytes that the cache holds besides its entries: tables, counters, and entries that are not freed yet.
    const BESIDE: i64 = 1 << 20;
    const MOST: u64 = 1 << 20;
    let one_shape = |at| format!("{{ taken(id: \"value {at}\") {{ n target }} }}");
    // Many shapes must stay within the bound too, with all plans that are made for them later.
    let shapes = |at| format!("{{ {} }}", fields(10, &format!("s{at}x")));
    for (about, engine, (held, _)) in [
        {
            let engine = taker(MOST);
            let kept = kept(&engine, (0..5_000).map(one_shape));
            ("one shape", engine, kept)
        },
        {
            let engine = taker(MOST);
            let kept = kept(&engine, (0..400).map(shapes));
            ("shapes", engine, kept)
        },
    ] {
        let weight = engine.operations_bytes();
        assert!(weight > MOST / 2 && weight <= MOST, "{about}: {weight} weighed");
        assert!(held <= MOST as i64 + BESIDE, "{about}: {held} held");
    }
}

#[test]
fn documents_of_one_shape_have_answers_and_places_of_their_own() {
    // With so little room, each document is evicted again and again.
    for operations_bytes in [64 << 20, 8 << 10, 1] {
        let engine = taker(operations_bytes);
        for round in 0..3 {
            for at in 0..20 {
                let blanks = " ".repeat(at + round);
                let document = format!("{{{blanks}taken(id: \"{at}\") {{ target broken }} }}");
                let answer = ask(&engine, [document.clone()].into_iter());
                assert_eq!(answer["data"]["taken"]["target"], format!("/taken/{at}"), "{answer}");
                let column = document.find("broken").unwrap() + 1;
                let expected = serde_json::json!([{ "line": 1, "column": column }]);
                assert_eq!(answer["errors"][0]["locations"], expected, "{document}: {answer}");
            }
        }
    }
}
