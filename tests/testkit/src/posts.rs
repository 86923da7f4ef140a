//! Posts and their users: two REST services without a contract, which the project in `tests/fixtures/posts` calls.
//!
//! In: the number of posts. Out: the bodies that the services answer with ([`posts`], [`users`]), the answer that
//! [`QUERY`] must get ([`answer`]), and an upstream that serves the bodies and counts its calls ([`PostsUpstream`]).
//!
//! Always true:
//! - the same numbers always give the same bytes, because tests, instruction counts and load programs share them;
//! - with [`POSTS`] posts, the services send 34 kB (28 kB of posts, 5.6 kB of users), and the answer is 15 kB long;
//! - dropping [`PostsUpstream`] closes its socket.
//!
//! ```no_run
//! # async fn example() -> std::io::Result<()> {
//! use testkit::posts::{POSTS, PostsUpstream, QUERY, answer};
//! let upstream = PostsUpstream::start(POSTS).await?;
//! let url = upstream.base_url(); // for both `POSTS_URL` and `USERS_URL`
//! // … send QUERY to what is tested; its body is answer(POSTS) …
//! assert_eq!(upstream.targets(), ["/posts", "/users?id=1&id=2&id=3&id=4&id=5&id=6&id=7&id=8&id=9&id=10"]);
//! # Ok(())
//! # }
//! ```

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use bytes::Bytes;
use std::fmt::Write as _;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// The query for all posts with their authors, which needs two calls, however many posts there are.
pub const QUERY: &str = "{ posts { id userId title user { id name email } } }";

/// The usual number of posts.
pub const POSTS: u32 = 100;

/// The number of users. Each user wrote the same number of posts.
pub const USERS: u32 = 10;

/// The most targets that [`PostsUpstream::targets`] remembers. Later ones are only counted.
const MAX_TARGETS: usize = 1_000;

const WORDS: [&str; 24] = [
    "quia",
    "et",
    "suscipit",
    "recusandae",
    "consequuntur",
    "expedita",
    "cum",
    "reprehenderit",
    "molestiae",
    "ut",
    "quas",
    "totam",
    "nostrum",
    "rerum",
    "est",
    "autem",
    "sunt",
    "rem",
    "eveniet",
    "architecto",
    "dolorem",
    "eum",
    "magni",
    "eos",
];

/// Returns `count` words, which depend on `seed` alone.
fn words(seed: u32, count: u32) -> String {
    let mut text = String::new();
    for at in 0..count {
        if at > 0 {
            text.push(' ');
        }
        let pick = seed.wrapping_mul(2_654_435_761).wrapping_add(at.wrapping_mul(40_503)) >> 7;
        text.push_str(WORDS[pick as usize % WORDS.len()]);
    }
    text
}

pub(crate) fn title(post: u32) -> String {
    words(post, 6)
}

fn author(post: u32, count: u32) -> u32 {
    (post - 1) * USERS / count + 1
}

fn name(user: u32) -> String {
    format!("Leanne Graham {user}")
}

fn email(user: u32) -> String {
    format!("leanne.graham.{user}@mail.example")
}

/// The body of `GET /posts`. With 100 posts it is 28 kB long.
#[must_use]
pub fn posts(count: u32) -> Bytes {
    let mut body = String::from("[");
    for id in 1..=count {
        let (user, title) = (author(id, count), title(id));
        // The line breaks in the text become escapes in JSON, as in real bodies.
        let text = [words(id + 7, 9), words(id + 11, 9), words(id + 13, 10)].join("\\n");
        let comma = if id > 1 { "," } else { "" };
        let _ = write!(body, r#"{comma}{{"userId":{user},"id":{id},"title":"{title}","body":"{text}"}}"#);
    }
    body.push(']');
    body.into()
}

/// One item of the body of `GET /users`, about 560 bytes long.
#[must_use]
pub fn user(id: u32) -> String {
    let (name, email) = (name(id), email(id));
    format!(
        r##"{{"id":{id},"name":"{name}","username":"bret{id}","email":"{email}","address":{{"street":"Kulas Light {id}","suite":"Apt. 556","city":"Gwenborough","zipcode":"92998-3874","geo":{{"lat":"-37.3159","lng":"81.1496"}}}},"phone":"1-770-736-8031 x56442","website":"hildegard.example","company":{{"name":"Romaguera-Crona","catchPhrase":"Multi-layered client-server neural-net","bs":"harness real-time e-markets"}},"about":"{}"}}"##,
        words(id, 13)
    )
}

/// The body of `GET /users?id=…`: the users that exist, in the order of `ids`.
#[must_use]
pub fn users(ids: &[u32]) -> Bytes {
    let items: Vec<String> = ids.iter().filter(|id| (1..=USERS).contains(id)).map(|&id| user(id)).collect();
    format!("[{}]", items.join(",")).into()
}

/// The whole answer to [`QUERY`], as Bespoke writes it in production.
#[must_use]
pub fn answer(count: u32) -> String {
    let mut body = String::from(r#"{"data":{"posts":["#);
    for id in 1..=count {
        let user = author(id, count);
        let (title, name, email) = (title(id), name(user), email(user));
        let comma = if id > 1 { "," } else { "" };
        let _ = write!(
            body,
            r#"{comma}{{"id":"{id}","userId":"{user}","title":"{title}","user":{{"id":"{user}","name":"{name}","email":"{email}"}}}}"#
        );
    }
    body.push_str("]}}");
    body
}

/// Both services on one port of loopback.
#[derive(Debug)]
pub struct PostsUpstream {
    address: SocketAddr,
    seen: Arc<Seen>,
    server: JoinHandle<()>,
}

#[derive(Debug)]
struct Seen {
    posts: Bytes,
    /// The body for all users, which is made once because most calls ask for it.
    all_users: Bytes,
    calls: AtomicU64,
    targets: Mutex<Vec<String>>,
}

impl PostsUpstream {
    /// Starts both services on one free port.
    ///
    /// # Errors
    /// When no port can be bound.
    pub async fn start(count: u32) -> io::Result<Self> {
        let listener = TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let seen = Arc::new(Seen {
            posts: posts(count),
            all_users: users(&(1..=USERS).collect::<Vec<_>>()),
            calls: AtomicU64::new(0),
            targets: Mutex::default(),
        });
        let routes = Router::new()
            .route("/posts", get(get_posts))
            .route("/users", get(get_users))
            .route("/calls", get(get_calls))
            .with_state(Arc::clone(&seen));
        let server = tokio::spawn(async move {
            // The server runs until its task is aborted.
            let _ = axum::serve(listener, routes).await;
        });
        Ok(Self { address, seen, server })
    }

    /// The base URL, `http://127.0.0.1:<port>`, without a slash at the end.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The number of calls so far, without those of `/calls`.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.seen.calls.load(Ordering::Relaxed)
    }

    /// The path and query of the first thousand calls, in the order in which they came.
    #[must_use]
    pub fn targets(&self) -> Vec<String> {
        self.seen.targets.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for PostsUpstream {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Seen {
    fn note(&self, target: impl FnOnce() -> String) {
        let before = self.calls.fetch_add(1, Ordering::Relaxed);
        if before < MAX_TARGETS as u64 {
            self.targets.lock().unwrap_or_else(PoisonError::into_inner).push(target());
        }
    }
}

fn json(body: Bytes) -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], body)
}

async fn get_posts(State(seen): State<Arc<Seen>>) -> impl IntoResponse {
    seen.note(|| "/posts".to_owned());
    json(seen.posts.clone())
}

async fn get_users(State(seen): State<Arc<Seen>>, RawQuery(query): RawQuery) -> impl IntoResponse {
    let query = query.unwrap_or_default();
    seen.note(|| format!("/users?{query}"));
    let ids = query.split('&').filter_map(|pair| pair.strip_prefix("id=")?.parse().ok());
    let ids: Vec<u32> = ids.collect();
    if ids.iter().copied().eq(1..=USERS) {
        return json(seen.all_users.clone());
    }
    json(users(&ids))
}

/// Answers with the number of calls so far, for programs that cannot call [`PostsUpstream::calls`].
async fn get_calls(State(seen): State<Arc<Seen>>) -> impl IntoResponse {
    seen.calls.load(Ordering::Relaxed).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn bodies_are_json_of_the_sizes_that_are_promised() {
        let ids: Vec<u32> = (1..=USERS).collect();
        for (body, least, most) in [
            (posts(POSTS).to_vec(), 26_000, 30_000),
            (users(&ids).to_vec(), 5_200, 6_000),
            (answer(POSTS).into_bytes(), 14_000, 16_000),
        ] {
            assert!((least..=most).contains(&body.len()), "{} bytes, not {least} to {most}", body.len());
            serde_json::from_slice::<Value>(&body).expect("JSON");
        }
    }

    #[test]
    fn every_user_wrote_as_many_posts_as_the_others() {
        for count in [10, 100, 1_000] {
            for user in 1..=USERS {
                let mine = (1..=count).filter(|&post| author(post, count) == user).count();
                assert_eq!(mine, (count / USERS) as usize, "posts of user {user} of {count}");
            }
        }
    }

    #[test]
    fn the_answer_joins_the_bodies() {
        let posts: Value = serde_json::from_slice(&posts(POSTS)).unwrap();
        let answer: Value = serde_json::from_str(&answer(POSTS)).unwrap();
        let written = answer["data"]["posts"].as_array().unwrap();
        assert_eq!(written.len(), posts.as_array().unwrap().len());
        for (post, written) in posts.as_array().unwrap().iter().zip(written) {
            let author: Value = serde_json::from_str(&user(post["userId"].as_u64().unwrap() as u32)).unwrap();
            assert_eq!(written["title"], post["title"]);
            assert_eq!(written["user"]["name"], author["name"]);
            assert_eq!(written["user"]["email"], author["email"]);
        }
    }
}
