//! The cases that are counted: each runs requests one after the other through an engine over recorded bodies.

use crate::Failed;
use axum::http::HeaderValue;
use axum::http::header::CACHE_CONTROL;
use bespoke::internals::cache::{Cache, CacheOptions};
use bespoke::internals::config::Mode;
use bespoke::internals::engine::{Client, Engine, EngineParts, GraphQlEngine, Writes};
use bespoke::internals::execute::{Bounds, CacheRules, CauseReport, Polls, SourceAccess};
use bespoke::internals::flight::FlightOptions;
use bespoke::internals::http::parse_request;
use bespoke::internals::operation::Limits;
use bespoke::internals::policy::Caller;
use bespoke::internals::project::Files;
use bespoke::internals::upstream::{Answer, CallError, Context, Request as Call, Subgraph};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use testkit::recorded::{self, Recorded};

/// One operation over services of a given size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Case {
    /// W2: this number of posts with their users.
    Posts(u32),
    /// W2 with this number of posts, where all answers of the services are kept in the cache.
    Kept(u32),
    /// W1: the titles of this number of posts.
    Titles(u32),
    /// A list with this number of rows, each with this number of selected leaf fields.
    Wide(u32, u32),
    /// Five levels of objects over four services.
    Nest,
    /// An operation that needs no call.
    Constant,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Posts(count) => write!(f, "posts {count}"),
            Self::Kept(count) => write!(f, "kept {count}"),
            Self::Titles(count) => write!(f, "titles {count}"),
            Self::Wide(rows, fields) => write!(f, "wide {rows} {fields}"),
            Self::Nest => f.write_str("nest"),
            Self::Constant => f.write_str("constant"),
        }
    }
}

impl FromStr for Case {
    type Err = Failed;

    fn from_str(text: &str) -> Result<Self, Failed> {
        Ok(match text.split(' ').collect::<Vec<_>>().as_slice() {
            ["posts", count] => Self::Posts(count.parse()?),
            ["kept", count] => Self::Kept(count.parse()?),
            ["titles", count] => Self::Titles(count.parse()?),
            ["wide", rows, fields] => Self::Wide(rows.parse()?, fields.parse()?),
            ["nest"] => Self::Nest,
            ["constant"] => Self::Constant,
            _ => return Err(format!("`{text}` is not a case").into()),
        })
    }
}

impl Case {
    /// The number of requests before the count, and the number of counted requests. Both are smaller if a request takes
    /// long.
    pub(crate) fn requests(self) -> (u32, u32) {
        match self {
            Self::Posts(1_000..) | Self::Wide(1_000.., _) => (3, 5),
            _ => (20, 100),
        }
    }

    fn recorded(self) -> Result<Recorded, Failed> {
        Ok(match self {
            Self::Posts(count) | Self::Kept(count) => recorded::posts(count),
            Self::Titles(count) => recorded::titles(count),
            Self::Wide(rows, fields) => recorded::wide(rows, fields),
            Self::Nest => recorded::nest(),
            Self::Constant => Recorded {
                query: "{ __typename }".to_owned(),
                answer: r#"{"data":{"__typename":"Query"}}"#.to_owned(),
                ..recorded::posts(10)
            },
        })
    }
}

/// Sends requests one after the other. Each is sent when the one before is answered.
pub(crate) fn run(case: Case, requests: u32) -> Result<(), Failed> {
    let recorded = case.recorded()?;
    let engine = engine(&recorded, matches!(case, Case::Kept(_)))?;
    let body = Bytes::from(serde_json::json!({ "query": recorded.query }).to_string());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    runtime.block_on(async {
        for _ in 0..requests {
            let request = parse_request(&body)?;
            let deadline = Instant::now() + Duration::from_secs(60);
            let response = engine.execute(request, Arc::new(Caller::default()), deadline).await;
            if response.body != recorded.answer {
                return Err(format!("a wrong answer: {}", String::from_utf8_lossy(&response.body)).into());
            }
        }
        Ok(())
    })
}

fn engine(recorded: &Recorded, is_kept: bool) -> Result<Engine, Failed> {
    let files = Files::embedded(recorded.files.iter().map(|(path, text)| (path.as_str(), text.as_str())));
    let assembled = Client::new("web", files).assemble(&|_| None);
    let (Some(graph), Some(view)) = (assembled.graph, assembled.view) else {
        return Err(format!("the project has errors: {:?}", assembled.findings).into());
    };
    let service: Arc<dyn Subgraph> = Arc::new(Service { recorded: recorded.clone(), is_kept });
    let caching = is_kept.then(|| CacheRules::new(&graph, Cache::new(CacheOptions::default()), |_| true, true));
    let sources = graph.sources.iter().map(|source| SourceAccess {
        subgraph: Arc::clone(&service),
        name: source.name.as_str().into(),
        config: bespoke::internals::json::Value::Null,
        max_list_items: u32::MAX,
    });
    Ok(Engine::new(EngineParts {
        sources: sources.collect(),
        graph: Arc::new(graph),
        view: Arc::new(view),
        limits: Limits::default(),
        operations_bytes: 64 << 20,
        preparing_threads: 0,
        exposure: Mode::Production.exposure(),
        causes: Arc::new(CauseReport::default()),
        // Under valgrind, work takes far longer than usual, so the time of one stretch is not limited.
        bounds: Bounds { stretch: Duration::MAX, ..Bounds::default() },
        // Requests come one at a time, so there is nothing to share.
        sharing: FlightOptions { enabled: false, ..FlightOptions::default() },
        caching: caching.map(Arc::new),
        writes: Writes::default(),
        polls: Polls::default(),
    }))
}

/// A source that answers at once with recorded bodies.
#[derive(Debug)]
struct Service {
    recorded: Recorded,
    /// Whether its answers may be kept in the cache.
    is_kept: bool,
}

impl Subgraph for Service {
    fn call(&self, request: Call, _: Context) -> BoxFuture<'static, Result<Answer, CallError>> {
        let body = match &request {
            Call::Http { target, .. } => self.recorded.body(target),
            Call::GraphQl { .. } => None,
        };
        let mut answer = Answer::new(if body.is_some() { 200 } else { 404 }, body.unwrap_or_default());
        if self.is_kept {
            answer.headers.insert(CACHE_CONTROL, HeaderValue::from_static("max-age=86400"));
        }
        Box::pin(async move { Ok(answer) })
    }
}
