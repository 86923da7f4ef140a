//! Tests of a process from SIGHUP to SIGTERM: a reload replaces everything that the process serves in one step, and no
//! client loses an answer when the process ends.

use crate::program::{Folder, LONGEST, Program, bespoke, bff_web};
use crate::stream_ends::messages;
use crate::subscriptions::Socket;
use reqwest::StatusCode;
use rustix::process::Signal;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use testkit::faulty::{Act, Faulty, Reply};
use testkit::posts::{POSTS, PostsUpstream, QUERY, posts};
use tokio::task::JoinSet;
use tokio::time::{Instant, interval, timeout};

/// The exit code of a program that cut something off at the end of its grace period.
const CUT_OFF: i32 = 3;

const TITLES: &str = "{ posts { title } }";

fn http() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().timeout(LONGEST).build().unwrap()
}

async fn ask(client: &reqwest::Client, url: &str, query: &str) -> reqwest::Result<(StatusCode, Value)> {
    let request = client.post(url).header("content-type", "application/json");
    let answer = request.body(json!({ "query": query }).to_string()).send().await?;
    let status = answer.status();
    Ok((status, serde_json::from_str(&answer.text().await?).unwrap()))
}

fn at(url: &str, path: &str) -> String {
    url.replace("/graphql", path)
}

async fn status(url: &str) -> StatusCode {
    http().get(url).send().await.unwrap().status()
}

/// Serves the posts project from a folder of its own. Returns the folder, the program and the URL of GraphQL.
async fn serve(upstream: &str, delay: &str) -> (Folder, Program, String) {
    let (project, program, mut urls) = serve_two(upstream, delay).await;
    (project, program, urls.remove(0))
}

/// As [`serve`], but returns all addresses of the program.
async fn serve_two(upstream: &str, delay: &str) -> (Folder, Program, Vec<String>) {
    let project = Folder::copy("tests/fixtures/posts", &["bespoke.yaml", "schema"]);
    let mut command = bespoke(&["serve", "--project", project.path(), "--client", "web", "--port", "0"]);
    command.env("POSTS_URL", upstream).env("USERS_URL", upstream).env("SHUTDOWN_DELAY", delay);
    let mut program = Program::start(command);
    let urls = program.urls().await;
    (project, program, urls)
}

/// Clients that send one query after the other until they are told to stop.
struct Load {
    clients: JoinSet<Result<(), String>>,
    is_elsewhere: Arc<AtomicBool>,
    answered: Arc<AtomicUsize>,
}

impl Load {
    fn begin(url: &str, clients: usize) -> Self {
        let (is_elsewhere, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let mut load = Self { clients: JoinSet::new(), is_elsewhere, answered };
        for _ in 0..clients {
            let (url, elsewhere, answered) =
                (url.to_owned(), Arc::clone(&load.is_elsewhere), Arc::clone(&load.answered));
            load.clients.spawn(async move {
                // Each client has connections of its own, which it keeps.
                let client = http();
                while !elsewhere.load(Ordering::SeqCst) {
                    match ask(&client, &url, QUERY).await {
                        Ok((StatusCode::OK, answer)) if answer.get("errors").is_none() => {}
                        other => return Err(format!("{other:?}")),
                    }
                    answered.fetch_add(1, Ordering::SeqCst);
                }
                Ok(())
            });
        }
        load
    }

    /// Waits until `count` more requests are answered.
    async fn answered(&self, count: usize) {
        let until = self.answered.load(Ordering::SeqCst) + count;
        let enough = async {
            let mut pause = interval(Duration::from_millis(2));
            while self.answered.load(Ordering::SeqCst) < until {
                pause.tick().await;
            }
        };
        timeout(LONGEST, enough).await.expect("answers");
    }

    /// Ends the load. Asserts that no request failed, and returns the number of answers.
    async fn end(mut self) -> usize {
        self.is_elsewhere.store(true, Ordering::SeqCst);
        while let Some(client) = self.clients.join_next().await {
            assert_eq!(client.unwrap(), Ok(()));
        }
        self.answered.load(Ordering::SeqCst)
    }
}

#[tokio::test]
async fn sigterm_under_load_fails_no_request() {
    let upstream = PostsUpstream::start(POSTS).await.unwrap();
    let (_project, program, urls) = serve_two(&upstream.base_url(), "2s").await;
    let [url, admin] = &urls[..] else { panic!("{urls:?}") };
    let ready = [at(url, "/readyz"), format!("{admin}readyz")];
    for ready in &ready {
        assert_eq!(status(ready).await, StatusCode::OK);
    }
    let load = Load::begin(url, 8);
    load.answered(50).await;
    let told = Instant::now();
    program.send(Signal::TERM);
    // The test does what a load balancer does: it asks for readiness again and again, and sends nothing more once the
    // process is not ready.
    let fallen = async {
        let mut pause = interval(Duration::from_millis(10));
        for ready in &ready {
            while status(ready).await != StatusCode::SERVICE_UNAVAILABLE {
                pause.tick().await;
            }
        }
    };
    timeout(Duration::from_secs(2), fallen).await.expect("readiness falls at once");
    load.answered(20).await;
    let answered = load.end().await;
    assert!(answered >= 70, "{answered}");
    let ended = program.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(told.elapsed() >= Duration::from_secs(2), "the delay is for those who have not looked yet");
}

#[tokio::test]
async fn what_is_in_flight_is_answered_and_new_connections_are_refused() {
    let body = String::from_utf8(posts(POSTS).to_vec()).unwrap();
    let slow = Faulty::always(Reply::json(&body).after(Duration::from_millis(700))).await.unwrap();
    let (_project, program, urls) = serve_two(&slow.base_url(), "0s").await;
    let [url, admin] = &urls[..] else { panic!("{urls:?}") };
    let client = http();
    let asked = {
        let (client, url) = (client.clone(), url.clone());
        tokio::spawn(async move { ask(&client, &url, TITLES).await })
    };
    timeout(LONGEST, slow.until_requests(1)).await.unwrap();
    program.send(Signal::TERM);
    let refused = async {
        let mut pause = interval(Duration::from_millis(5));
        while http().get(at(url, "/livez")).send().await.is_ok() {
            pause.tick().await;
        }
    };
    timeout(LONGEST, refused).await.expect("nothing new is accepted");
    // The admin port answers until the process ends.
    assert_eq!(status(&format!("{admin}livez")).await, StatusCode::OK);
    assert_eq!(status(&format!("{admin}readyz")).await, StatusCode::SERVICE_UNAVAILABLE);
    let (status, answer) = asked.await.unwrap().unwrap();
    assert_eq!((status, answer["data"]["posts"].as_array().map(Vec::len)), (StatusCode::OK, Some(100)), "{answer}");
    assert_eq!(program.ended().await.code, Some(0));
}

#[tokio::test]
async fn a_write_whose_client_has_left_ends_before_the_process_does() {
    // In the second case, the write is far from its end when the grace period is over, however long the reload takes.
    for (grace, work, is_finished) in [("10s", 1_500, true), ("300ms", 40_000, false)] {
        let work = Duration::from_millis(work);
        let slow = Faulty::always(Reply::json(r#"{"id":1}"#).after(work)).await.unwrap();
        let project = Folder::copy("tests/fixtures/posts", &["bespoke.yaml", "schema"]);
        let add =
            r#"  add: Post @connect(http: { POST: "/posts" }, selection: "id userId title body user: { id: userId }")"#;
        project.edit(
            "schema/services/posts.graphql",
            "type Query {",
            &format!("type Mutation {{\n{add}\n}}\ntype Query {{"),
        );
        project.edit("schema/web.graphql", "type Query {", "type Mutation { add: Post }\ntype Query {");
        let server = format!("server:\n  shutdown_grace: {grace}\n  request_timeout: 50s\n");
        project.edit("bespoke.yaml", "server:\n", &server);
        project.edit("bespoke.yaml", "posts: { url", "posts: { timeout: 50s, url");
        let mut command = bespoke(&["serve", "--project", project.path(), "--client", "web", "--port", "0"]);
        command.env("POSTS_URL", slow.base_url()).env("USERS_URL", slow.base_url()).env("SHUTDOWN_DELAY", "0s");
        let mut program = Program::start(command);
        let url = program.url().await;
        let asked = tokio::spawn(async move { ask(&http(), &url, "mutation { add { id } }").await });
        timeout(LONGEST, slow.until_requests(1)).await.unwrap();
        let sent = Instant::now();
        // Another engine replaces the one that has sent the write.
        project.edit("bespoke.yaml", "server:\n", "server:\n  min_body_rate: 7\n");
        program.send(Signal::HUP);
        program.stderr.next("reloaded web").await;
        asked.abort();
        program.send(Signal::TERM);
        let ended = program.ended().await;
        let code = if is_finished { 0 } else { CUT_OFF };
        assert_eq!((ended.code, sent.elapsed() >= work), (Some(code), is_finished), "{grace}: {}", ended.stderr);
        match is_finished {
            true => assert_eq!(slow.hangups(), 0),
            false => timeout(LONGEST, slow.until_hangups(1)).await.expect("the grace is over"),
        }
    }
}

#[tokio::test]
async fn one_grace_is_all_that_a_stop_takes() {
    const GRACE: Duration = Duration::from_secs(4);
    let stalled = Faulty::always(Reply::of([Act::Stall])).await.unwrap();
    let project = Folder::copy("tests/fixtures/posts", &["bespoke.yaml", "schema"]);
    project.edit("bespoke.yaml", "server:\n", "server:\n  shutdown_grace: 4s\n  request_timeout: 50s\n");
    project.edit("bespoke.yaml", "posts: { url", "posts: { timeout: 50s, url");
    let mut command = bespoke(&["serve", "--project", project.path(), "--client", "web", "--port", "0"]);
    command.env("POSTS_URL", stalled.base_url()).env("USERS_URL", stalled.base_url()).env("SHUTDOWN_DELAY", "1s");
    let mut program = Program::start(command);
    let url = program.url().await;
    // A request and an operation over a WebSocket. Each would take longer than the grace period.
    let asked = {
        let url = url.clone();
        tokio::spawn(async move { ask(&http(), &url, TITLES).await })
    };
    let mut socket = Socket::ready_at(&url, json!({})).await;
    socket.subscribe("a", TITLES).await;
    timeout(LONGEST, stalled.until_requests(1)).await.unwrap();
    let told = Instant::now();
    program.send(Signal::TERM);
    let (messages, code) = messages(&mut socket).await;
    assert_eq!((code, &messages[0]["payload"][0]["extensions"]["code"]), (1001, &json!("STOPPING")), "{messages:#?}");
    let ended = program.ended().await;
    assert_eq!(ended.code, Some(CUT_OFF), "{}", ended.stderr);
    let elapsed = told.elapsed();
    assert!(elapsed < GRACE * 2, "the delay, the requests and the sockets share one grace: {elapsed:?}");
    assert!(asked.await.unwrap().is_err(), "it was cut off");
}

#[tokio::test]
async fn a_file_that_does_not_come_keeps_no_process_alive() {
    let upstream = PostsUpstream::start(POSTS).await.unwrap();
    let (project, mut program, url) = serve(&upstream.base_url(), "0s").await;
    // A process that opens a named pipe waits for its writer.
    let file = Path::new(project.path()).join("key.pem");
    let made = std::process::Command::new("mkfifo").arg(&file).status().unwrap();
    assert!(made.success(), "mkfifo");
    let auth = "auth: { jwt: { public_key_file: key.pem, issuer: i, audience: a } }";
    project.edit("bespoke.yaml", "server:\n", &format!("{auth}\nserver:\n"));
    program.send(Signal::HUP);
    // The pipe can be opened for writing once the reload reads it. Nothing is written, so the reload goes on waiting.
    let writer = tokio::task::spawn_blocking(move || std::fs::OpenOptions::new().write(true).open(file));
    let writer = timeout(LONGEST, writer).await.expect("the file is being read").unwrap().unwrap();
    let (status, answer) = ask(&http(), &url, TITLES).await.unwrap();
    assert_eq!((status, answer["data"]["posts"].as_array().map(Vec::len)), (StatusCode::OK, Some(100)), "{answer}");
    program.send(Signal::TERM);
    program.stderr.next("stopping").await;
    let ended = program.ended().await;
    assert_eq!(ended.code, Some(0), "nothing was cut off: {}", ended.stderr);
    drop(writer);
}

#[tokio::test]
async fn a_second_signal_ends_at_once() {
    for (delay, first) in [("20s", Signal::TERM), ("0s", Signal::TERM), ("20s", Signal::INT)] {
        let stalled = Faulty::always(Reply::of([Act::Stall])).await.unwrap();
        let (project, mut program, url) = serve(&stalled.base_url(), delay).await;
        project.edit("bespoke.yaml", "server:\n", "server:\n  request_timeout: 50s\n");
        program.send(Signal::HUP);
        program.stderr.next("reloaded web").await;
        let _asked = tokio::spawn(async move { ask(&http(), &url, TITLES).await });
        timeout(LONGEST, stalled.until_requests(1)).await.unwrap();
        let told = Instant::now();
        program.send(first);
        program.stderr.next("stopping").await;
        program.send(Signal::TERM);
        assert_eq!(program.ended().await.code, Some(1), "{delay}");
        assert!(told.elapsed() < Duration::from_secs(9), "{delay}: {:?}", told.elapsed());
    }
}

#[tokio::test]
async fn sighup_replaces_schemas_and_configuration_as_a_whole() {
    let upstream = PostsUpstream::start(POSTS).await.unwrap();
    let (project, mut program, urls) = serve_two(&upstream.base_url(), "0s").await;
    let [url, admin] = &urls[..] else { panic!("{urls:?}") };
    let client = http();
    let both = "  title: String!\n  headline: String! @from(path: \"title\")\n";
    let load = Load::begin(url, 2);
    load.answered(5).await;

    // The schema gets a new field, and the limit of tokens shrinks at the same time. A request must see both changes or
    // neither.
    project.edit("schema/web.graphql", "  title: String!\n", both);
    let config = Path::new(project.path()).join("bespoke.yaml");
    let right = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, format!("{right}\nlimits: {{ tokens: 30 }}\n")).unwrap();
    assert!(
        ask(&client, url, "{ posts { headline } }").await.unwrap().1.get("data").is_none(),
        "nobody has asked for it"
    );
    program.send(Signal::HUP);
    program.stderr.next("reloaded web").await;
    let long = format!("{{ {} }}", "posts { title } ".repeat(10));
    let (_, answer) = ask(&client, url, "{ posts { headline } }").await.unwrap();
    assert!(answer["data"]["posts"][0]["headline"].is_string(), "{answer}");
    let (_, answer) = ask(&client, url, &long).await.unwrap();
    assert!(answer.get("data").is_none(), "{answer}");

    // First a configuration with a mistake, then one that only takes effect at a start.
    std::fs::write(&config, right.replace("server:", "server:\n  request_timeout: never")).unwrap();
    program.send(Signal::HUP);
    let said = program.stderr.next("not reloaded").await;
    assert!(said.contains("bespoke.yaml:") && said.contains("E301"), "{said}");
    assert_eq!(status(&at(url, "/readyz")).await, StatusCode::OK);
    let (_, answer) = ask(&client, url, "{ posts { headline } }").await.unwrap();
    assert!(answer["data"]["posts"][0]["headline"].is_string(), "what ran goes on: {answer}");
    std::fs::write(&config, right.replace("server:", "server:\n  max_connections: 77")).unwrap();
    program.send(Signal::HUP);
    program.stderr.next("reloaded web").await;
    let said = program.stderr.next("takes effect at the next start only").await;
    assert!(said.contains("server.max_connections"), "{said}");
    // An unchanged project is not replaced.
    program.send(Signal::HUP);
    program.stderr.next("nothing has changed").await;

    assert_eq!(status(&at(url, "/metrics")).await, StatusCode::NOT_FOUND, "production: on the admin port alone");
    let metrics = client.get(format!("{admin}metrics")).send().await.unwrap().text().await.unwrap();
    for (outcome, count) in [("done", 2), ("unchanged", 1), ("refused", 1)] {
        let line = format!("bespoke_reloads_total{{outcome=\"{outcome}\"}} {count}\n");
        assert!(metrics.contains(&line), "{line} in {metrics}");
    }
    load.end().await;
}

#[tokio::test]
async fn sighup_replaces_the_configuration_of_a_client_with_a_program_of_its_own() {
    let folder = Folder::copy(".", &[]);
    let config = Path::new(folder.path()).join("bff.yaml");
    let write = |rest: &str| {
        // The service is not called, but needs an address, because no contract has one.
        let reviews = "services: { reviews: { url: 'http://127.0.0.1:9' } }";
        std::fs::write(&config, format!("server: {{ port: 0, shutdown_delay: 0s }}\n{reviews}\n{rest}")).unwrap();
    };
    write("");
    let mut program = Program::start(bff_web(&["--config", config.to_str().unwrap()]));
    let (url, client) = (program.url().await, http());
    let query = "{ a: __typename b: __typename c: __typename }";
    let is_answered = async || ask(&client, &url, query).await.unwrap().1.get("data").is_some();
    assert!(is_answered().await);
    write("limits: { tokens: 5 }\n");
    program.send(Signal::HUP);
    program.stderr.next("reloaded web").await;
    assert!(!is_answered().await, "with its schema, which is built in, and the new limit");
    write("limits: { tokens: none }\n");
    program.send(Signal::HUP);
    let said = program.stderr.next("not reloaded").await;
    assert!(said.contains("bff.yaml:") && said.contains("E301"), "{said}");
    assert!(!is_answered().await, "what ran goes on");
    program.send(Signal::TERM);
    assert_eq!(program.ended().await.code, Some(0));
}
