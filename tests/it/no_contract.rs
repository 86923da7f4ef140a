//! A project without a contract and without Rust (`no_contract/project`), served by the program `bespoke`.
//!
//! W2 of the design: 100 posts by 10 users, 34 kB in, 15 kB out, in two calls.

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::routing::get;
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const W2: &str = "{ posts { id userId title user { id name email } } }";
const PROJECT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/no_contract/project");

/// What was asked, as `posts` or `users?id=1&id=2`.
type Asked = Arc<Mutex<Vec<String>>>;

fn post(id: usize) -> Value {
    let words =
        "quia et suscipit recusandae consequuntur expedita reprehenderit molestiae ut quas totam nostrum rerum est";
    let text: String = words.chars().cycle().skip(id * 7 % 90).take(190).collect();
    json!({ "userId": (id - 1) / 10 + 1, "id": id, "title": format!("{} {id}", &words[..38 + id % 20]), "body": text })
}

fn user(id: usize) -> Value {
    json!({
        "id": id, "name": format!("User Number {id}"), "username": format!("user{id}"),
        "email": format!("user{id}@mail.example"),
        "address": { "street": "Kulas Light", "suite": "Apt. 556", "city": "Gwenborough", "zipcode": "92998-3874",
            "geo": { "lat": "-37.3159", "lng": "81.1496" } },
        "phone": "1-770-736-8031 x56442", "website": "hildegard.example",
        "company": { "name": "Romaguera-Crona", "catchPhrase": "Multi-layered client-server neural-net",
            "bs": "harness real-time e-markets, and more of the sort, until the entry is as long as in real life: a few hundred \
                   bytes of nothing that anybody asked for" }
    })
}

async fn posts(State(asked): State<Asked>) -> axum::Json<Value> {
    asked.lock().unwrap().push("posts".to_owned());
    axum::Json((1..=100).map(post).collect())
}

async fn users(State(asked): State<Asked>, RawQuery(query): RawQuery) -> axum::Json<Value> {
    let query = query.unwrap_or_default();
    let ids = query.split('&').filter_map(|pair| pair.strip_prefix("id=")?.parse().ok());
    let mut ids: Vec<usize> = ids.filter(|id| (1..=10).contains(id)).collect();
    // Not in the order asked for.
    ids.sort_unstable_by(|a, b| b.cmp(a));
    asked.lock().unwrap().push(format!("users?{query}"));
    axum::Json(ids.into_iter().map(user).collect())
}

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
        .args(["serve", "--project", PROJECT, "--client", "web", "--port", "0"])
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
    let asked = Asked::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let services = format!("http://{}", listener.local_addr().unwrap());
    let routes = Router::new().route("/posts", get(posts)).route("/users", get(users)).with_state(Arc::clone(&asked));
    tokio::spawn(async move {
        let _ = axum::serve(listener, routes).await;
    });
    let (_program, url) = tokio::task::spawn_blocking(move || serve(&services)).await.unwrap();

    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().timeout(Duration::from_secs(10)).build().unwrap();
    let request = client.post(&url).header("content-type", "application/json");
    let answer = request.body(json!({ "query": W2 }).to_string()).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let text = answer.text().await.unwrap();
    let mut answer: Value = serde_json::from_str(&text).unwrap();

    let expected: Value = (1..=100)
        .map(|id| {
            let (post, user) = (post(id), user((id - 1) / 10 + 1));
            let text = |value: &Value| value.to_string();
            json!({
                "id": text(&post["id"]), "userId": text(&post["userId"]), "title": post["title"],
                "user": { "id": text(&user["id"]), "name": user["name"], "email": user["email"] },
            })
        })
        .collect();
    assert_eq!(answer["data"]["posts"], expected);
    assert!(answer.get("errors").is_none(), "{text}");
    let calls = answer["extensions"]["bespoke"]["calls"].take();
    assert_eq!(calls.as_array().map(Vec::len), Some(2), "{calls}");
    assert_eq!(
        *asked.lock().unwrap(),
        ["posts", "users?id=1&id=2&id=3&id=4&id=5&id=6&id=7&id=8&id=9&id=10"],
        "keys once each, in the order they first appeared"
    );
    let bytes = |values: Value| values.to_string().len();
    let sent = (bytes((1..=100).map(post).collect()), bytes((1..=10).map(user).collect()));
    assert!((27_000..30_000).contains(&sent.0) && (5_000..6_200).contains(&sent.1), "W2's sizes: {sent:?}");
}
