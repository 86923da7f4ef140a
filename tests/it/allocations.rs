//! Nothing is allocated per row or per field: buffers grow, and growing doubles them.
//!
//! The rule: what takes ten times as much room takes at most four more allocations per buffer (2⁴ > 10). The buffers
//! that grow with rows are a frame's slots, the answer and, where a step is fed, the list of its members.

use bespoke::config::Mode;
use bespoke::engine::{Client, Engine, EngineParts, GraphQlEngine, Request};
use bespoke::execute::Sourced;
use bespoke::flight::FlightOptions;
use bespoke::operation::Limits;
use bespoke::policy::Caller;
use bespoke::project::Files;
use bespoke::upstream::{Answer, CallError, Context, Request as Call, Subgraph};
use futures_util::future::BoxFuture;
use std::sync::Arc;
use std::time::{Duration, Instant};
use testkit::recorded::{self, Recorded};

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
    let files = Files::embedded(recorded.files.iter().map(|(path, text)| (path.as_str(), text.as_str())));
    let assembled = Client::new("web", files).assemble(&|_| None);
    let (Some(graph), Some(view)) = (assembled.graph, assembled.view) else { panic!("{:?}", assembled.findings) };
    let service: Arc<dyn Subgraph> = Arc::new(Service(recorded.clone()));
    let sources = graph.sources.iter().map(|source| Sourced {
        subgraph: Arc::clone(&service),
        name: source.name.as_str().into(),
        config: serde_json::Value::Null,
        max_list_items: u32::MAX,
    });
    Engine::new(EngineParts {
        sources: sources.collect(),
        graph: Arc::new(graph),
        view: Arc::new(view),
        limits: Limits::default(),
        exposure: Mode::Production.exposure(),
        max_calls: None,
        sharing: FlightOptions { enabled: false, ..FlightOptions::default() },
        caching: None,
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
