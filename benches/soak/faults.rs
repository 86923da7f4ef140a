//! The answers of the services: most are right, and some are faults.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use testkit::faulty::{Act, Reply, SeenRequest};
use testkit::posts::{POSTS, USERS, posts, users};

/// Each kind of fault comes once in this number of answers.
const EVERY: usize = 100;

/// The right answers and the faults, in a fixed order.
pub(crate) struct Script {
    posts: Reply,
    users: Reply,
    faults: Vec<(&'static str, Reply)>,
    answers: AtomicUsize,
}

impl Default for Script {
    fn default() -> Self {
        let right = |body: bytes::Bytes| Reply::json(&String::from_utf8_lossy(&body));
        Self {
            posts: right(posts(POSTS)),
            users: right(users(&(1..=USERS).collect::<Vec<_>>())),
            faults: faults(),
            answers: AtomicUsize::new(0),
        }
    }
}

impl Script {
    pub(crate) fn names(&self) -> Vec<&'static str> {
        self.faults.iter().map(|(name, _)| *name).collect()
    }

    pub(crate) fn reply(&self, request: &SeenRequest) -> Reply {
        let number = self.answers.fetch_add(1, Ordering::Relaxed) % EVERY;
        if let Some((_, fault)) = self.faults.get(number) {
            return fault.clone();
        }
        if request.target.starts_with("/users") { self.users.clone() } else { self.posts.clone() }
    }
}

fn faults() -> Vec<(&'static str, Reply)> {
    let slowly = Duration::from_millis(50);
    vec![
        ("delay", Reply::json("[]").after(Duration::from_millis(300))),
        ("no head", Reply::stalled_head()),
        ("half a body", Reply::stalled_body()),
        ("reset before the head", Reply::reset_before_head()),
        ("reset in the body", Reply::reset_in_body()),
        ("closed before the head", Reply::closed_before_head()),
        ("short body", Reply::short_body()),
        ("bad chunk", Reply::bad_chunk()),
        ("500", Reply::with_status(500, "application/json", "{}")),
        ("502 page", Reply::bad_gateway_page()),
        ("503", Reply::raw("HTTP/1.1 503 Busy\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n")),
        ("not HTTP", Reply::not_http()),
        ("no JSON", Reply::json("{oops")),
        ("wrong type", Reply::json(r#"{"a":1}"#)),
        ("nulls", Reply::json("[null]")),
        ("empty", Reply::empty(200)),
        ("64 MB", Reply::huge_body(64 << 20)),
        ("body without end", Reply::endless_body()),
        ("gzip bomb", Reply::gzip_bomb(64 << 20)),
        ("redirect", Reply::redirect("/posts")),
        ("slow body", Reply::trickle(&"1".repeat(1_000), slowly)),
        ("slow head", Reply::slow_head("[]", slowly)),
        ("headers without end", Reply::endless_head()),
        ("two answers", Reply::json("[]").then("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")),
        ("closed while idle", Reply::json("[]").then_act(Act::Close)),
    ]
}
