//! Instructions per request, in process: from a request's bytes to the answer's bytes.
//!
//! In: the project in `tests/fixtures/posts` and recorded bodies, which a source hands over at once. Out: callgrind's
//! counts per request, once for each case; then what follows from them for one row and one field.
//! Elsewhere: whole servers under load (`e2e`).
//!
//! The program runs itself under `valgrind`, with two numbers of requests; the difference, divided, is one request with
//! everything cached: start-up and the first requests cancel out. Counts repeat to 1 %. Run it with a build for
//! distribution, which is what is measured: `cargo run --profile dist -p benches --bin w2_instructions`.

#![expect(clippy::print_stdout, reason = "the report is what it is for")]

use bespoke::config::Mode;
use bespoke::engine::{Client, Engine, EngineParts, GraphQlEngine, Request};
use bespoke::execute::Sourced;
use bespoke::flight::FlightOptions;
use bespoke::operation::Limits;
use bespoke::policy::Caller;
use bespoke::project::Files;
use bespoke::upstream::{Answer, CallError, Context, Request as Call, Subgraph};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};
use testkit::posts;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Requests before any is counted.
const WARM_UP: u32 = 20;
/// Requests whose mean is taken.
const COUNTED: u32 = 100;
/// What is aimed at for W2, in instructions.
const GOAL: u64 = 600_000;

type Failed = Box<dyn std::error::Error>;

/// A name, an operation and a number of posts.
type Case = (&'static str, &'static str, u32);

const W2: Case = ("W2", posts::QUERY, 100);
const CASES: [Case; 5] = [
    W2,
    ("W2 of 1,000 posts", posts::QUERY, 1_000),
    ("W2 less two fields", "{ posts { id user { id name email } } }", 100),
    ("W1", "{ posts { title } }", 100),
    ("a constant", "{ __typename }", 100),
];

fn main() -> Result<(), Failed> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["run", query, posts, requests] => run(query, posts.parse()?, requests.parse()?),
        [] => report(),
        _ => Err("w2_instructions takes no argument, or `run QUERY POSTS REQUESTS`".into()),
    }
}

fn report() -> Result<(), Failed> {
    let mut counts = Vec::new();
    for (name, query, posts) in CASES {
        let per_request =
            (count(query, posts, WARM_UP + COUNTED)? - count(query, posts, WARM_UP)?) / u64::from(COUNTED);
        println!("{per_request:>10} instructions per request: {name}");
        counts.push(per_request);
    }
    println!("{:>10} per row (a post with its user)", counts[1].saturating_sub(counts[0]) / 900);
    println!("{:>10} per leaf", counts[0].saturating_sub(counts[2]) / 200);
    let met = if counts[0] <= GOAL { "met" } else { "missed" };
    println!("the goal of {GOAL} for W2 is {met}");
    Ok(())
}

/// Instructions of a whole run of this program.
fn count(query: &str, posts: u32, requests: u32) -> Result<u64, Failed> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe()?)
        .args(["run", query, &posts.to_string(), &requests.to_string()])
        .output()
        .map_err(|error| format!("valgrind cannot be run (Debian: apt-get install valgrind): {error}"))?;
    let told = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(told.into());
    }
    let collected = told.lines().find_map(|line| line.split_once("Collected :")?.1.trim().parse().ok());
    collected.ok_or_else(|| format!("valgrind gave no count:\n{told}").into())
}

/// Sends requests one after the other, each only when the one before is answered.
fn run(query: &str, count: u32, requests: u32) -> Result<(), Failed> {
    let engine = engine(count)?;
    let wanted = (query == posts::QUERY).then(|| posts::answer(count));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    runtime.block_on(async {
        for _ in 0..requests {
            let request = Request { query: query.to_owned(), ..Request::default() };
            let deadline = Instant::now() + Duration::from_secs(60);
            let response = engine.execute(request, Arc::new(Caller::default()), deadline).await;
            let is_right = match &wanted {
                Some(wanted) => response.body == *wanted,
                None => response.errors == 0 && response.body.starts_with(b"{\"data\""),
            };
            if !is_right {
                return Err(format!("a wrong answer: {}", String::from_utf8_lossy(&response.body)).into());
            }
        }
        Ok(())
    })
}

fn engine(count: u32) -> Result<Engine, Failed> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/posts");
    let assembled = Client::new("web", Files::read(&folder)?).assemble(&|_| None);
    let (Some(graph), Some(view)) = (assembled.graph, assembled.view) else {
        return Err(format!("the project has errors: {:?}", assembled.findings).into());
    };
    let recorded: Arc<dyn Subgraph> =
        Arc::new(Recorded { posts: posts::posts(count), users: posts::users(&(1..=posts::USERS).collect::<Vec<_>>()) });
    let sources = graph.sources.iter().map(|source| Sourced {
        subgraph: Arc::clone(&recorded),
        name: source.name.as_str().into(),
        config: serde_json::Value::Null,
    });
    Ok(Engine::new(EngineParts {
        sources: sources.collect(),
        graph: Arc::new(graph),
        view: Arc::new(view),
        limits: Limits::default(),
        exposure: Mode::Production.exposure(),
        max_calls: None,
        // One request at a time: there is nothing to share.
        sharing: FlightOptions { enabled: false, ..FlightOptions::default() },
    }))
}

/// Hands recorded bodies over at once.
#[derive(Debug)]
struct Recorded {
    posts: Bytes,
    users: Bytes,
}

impl Subgraph for Recorded {
    fn call(&self, request: Call, _: Context) -> BoxFuture<'static, Result<Answer, CallError>> {
        let is_posts = matches!(&request, Call::Http { target, .. } if target == "/posts");
        let body = if is_posts { &self.posts } else { &self.users };
        let answer = Answer::new(200, body.clone());
        Box::pin(async move { Ok(answer) })
    }
}
