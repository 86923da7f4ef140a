//! A project without a contract and without Rust (`tests/fixtures/posts`), served by the program `bespoke`.
//!
//! W2 of the design: 100 posts by 10 users, 34 kB in, 15 kB out, in two calls.

use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use testkit::posts::{POSTS, PostsUpstream, QUERY, answer};

const PROJECT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/posts");

/// The program, ended when dropped.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts `bespoke serve` and waits until it says where it listens.
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
    ");
}
