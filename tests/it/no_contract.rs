//! Tests of a project without a contract and without Rust (`tests/fixtures/posts`), which the program `bespoke` serves.
//!
//! This is the workload W2 of the benchmarks: 100 posts by 10 users, with two calls, 34 kB from the services and 15 kB
//! to the client.

use bespoke::internals::engine::{Client, EngineOptions, GraphQlEngine as _, Request};
use bespoke::internals::project::Files;
use futures_util::{FutureExt as _, poll};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use testkit::posts::{POSTS, PostsUpstream, QUERY, answer};

const PROJECT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/posts");

/// The running program, which ends when the value is dropped.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts `bespoke serve` and waits for the line with its address.
fn serve(services: &str) -> (Program, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_bespoke"))
        .args(["serve", "--project", PROJECT, "--client", "web", "--port", "0", "--dev"])
        .env("POSTS_URL", services)
        .env("USERS_URL", services)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let out = BufReader::new(child.stdout.take().unwrap());
    let program = Program(child);
    for line in out.lines() {
        let line = line.unwrap();
        if let Some(at) = line.find("http://") {
            let url = line[at..].split([',', ' ']).next().unwrap().to_owned();
            return (program, url);
        }
    }
    panic!("the program ended without listening");
}

#[tokio::test]
async fn posts_and_their_users_take_two_calls() {
    let upstream = PostsUpstream::start(POSTS).await.unwrap();
    let services = upstream.base_url();
    let (_program, url) = tokio::task::spawn_blocking(move || serve(&services)).await.unwrap();

    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().timeout(Duration::from_secs(10)).build().unwrap();
    let request = client.post(&url).header("content-type", "application/json");
    let reply = request.body(json!({ "query": QUERY }).to_string()).send().await.unwrap();
    assert_eq!(reply.status(), 200);
    let text = reply.text().await.unwrap();
    let reply: Value = serde_json::from_str(&text).unwrap();
    let expected: Value = serde_json::from_str(&answer(POSTS)).unwrap();
    assert_eq!(reply["data"], expected["data"]);
    assert!(reply.get("errors").is_none(), "{text}");
    assert_eq!(reply["extensions"]["bespoke"]["calls"].as_array().map(Vec::len), Some(2), "{text}");
    let users = (1..=10).map(|id| format!("id={id}")).collect::<Vec<_>>().join("&");
    let targets = ["/posts".to_owned(), format!("/users?{users}")];
    assert_eq!(upstream.targets(), targets, "each key once, in the order of first appearance");
}

/// A single-threaded runtime stands for one worker. Its only other thread is busy.
#[test]
fn new_operations_are_prepared_beside_the_worker() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(1).build().unwrap();
    let client = Client::new("web", Files::read(Path::new(PROJECT)).unwrap());
    let engine = client.engine(client.assemble(&|_| None), &EngineOptions::default()).unwrap();
    let ask = |query: &str| {
        let request = Request { query: query.to_owned(), ..Request::default() };
        engine.execute(request, Arc::default(), Instant::now() + Duration::from_secs(60))
    };
    let known = "{ __typename }";
    let answer = r#"{"data":{"__typename":"Query"}}"#;
    runtime.block_on(async {
        assert_eq!(ask(known).await.body, answer);
        let (release, taken) = std::sync::mpsc::sync_channel::<()>(1);
        let other = tokio::task::spawn_blocking(move || taken.recv());
        let mut refused = ask("{ nothing }");
        for _ in 0..10 {
            assert!(poll!(&mut refused).is_pending(), "the worker has prepared it");
            tokio::task::yield_now().await;
        }
        assert_eq!(ask(known).now_or_never().expect("what is known waits for no thread").body, answer);
        release.send(()).unwrap();
        assert!(other.await.unwrap().is_ok());
        assert_eq!(refused.await.errors, 1);
        assert!(poll!(ask("{ nothing }")).is_ready(), "what is known to be wrong waits for no thread");
    });
}

#[test]
fn the_project_has_no_findings_and_a_bounded_plan() {
    let bespoke = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_bespoke")).args(arguments).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
        text
    };
    let checked = bespoke(&["check", "--project", PROJECT]);
    assert!(checked.starts_with("no findings"), "{checked}");
    insta::assert_snapshot!(bespoke(&["plan", QUERY, "--project", PROJECT, "--client", "web"]), @r"
    operation   calls ≤ 11   rounds 2
      round 1
        a  posts  GET /posts  calls ≤ 1               public
      round 2
        b  users  GET /users  calls ≤ 10  ⌈1000/100⌉  public  after a
      values ≤ 7000
    ");
}
