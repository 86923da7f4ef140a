//! The source: values that change, and a log of the moments of their changes.
//!
//! Each body also has a member that differs from answer to answer and that no operation selects.

use crate::Failed;
use crate::options::Options;
use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;

/// The interval at which the source checks which values are due to change.
const STEP: Duration = Duration::from_millis(20);

/// The moments at which one value became 1, 2, 3 and so on.
pub(crate) type Log = Vec<Instant>;

pub(crate) struct Source {
    pub(crate) url: String,
    state: Arc<SharedSource>,
}

struct SharedSource {
    delay: Duration,
    has_tags: bool,
    logs: Vec<Mutex<Log>>,
    /// The number of calls for the watched values.
    polls: AtomicU64,
    /// The number of these calls that were answered with 304.
    unchanged: AtomicU64,
    joined: AtomicU64,
}

/// The number of calls that came to the source, by their kind.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Calls {
    pub(crate) polls: u64,
    pub(crate) unchanged: u64,
    pub(crate) joined: u64,
}

impl Source {
    pub(crate) async fn start(options: &Options) -> Result<Self, Failed> {
        let count = if options.is_equal { 1 } else { options.subscribers };
        let state = Arc::new(SharedSource {
            delay: options.delay,
            has_tags: options.has_tags,
            logs: (0..count).map(|_| Mutex::new(vec![Instant::now()])).collect(),
            polls: AtomicU64::new(0),
            unchanged: AtomicU64::new(0),
            joined: AtomicU64::new(0),
        });
        let router =
            Router::new().route("/values/{id}", get(value)).route("/units", get(units)).with_state(Arc::clone(&state));
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { url, state })
    }

    /// Changes each value once every `change`, for the time `lasts`. The changes of the values are spread evenly over
    /// `change`.
    pub(crate) async fn change_for(&self, lasts: Duration, change: Duration) {
        let logs = &self.state.logs;
        let start = Instant::now();
        let mut made = vec![0_u32; logs.len()];
        while start.elapsed() < lasts {
            tokio::time::sleep(STEP).await;
            let elapsed = start.elapsed().as_secs_f64() / change.as_secs_f64();
            for (number, log) in logs.iter().enumerate() {
                let due = (elapsed + number as f64 / logs.len() as f64) as u32;
                if due > made[number] {
                    made[number] = due;
                    log.lock().unwrap_or_else(PoisonError::into_inner).push(Instant::now());
                }
            }
        }
    }

    pub(crate) fn log(&self, id: usize) -> Log {
        self.state.log(id).clone()
    }

    pub(crate) fn calls(&self) -> Calls {
        let SharedSource { polls, unchanged, joined, .. } = &*self.state;
        let [polls, unchanged, joined] = [polls, unchanged, joined].map(|count| count.load(Ordering::Relaxed));
        Calls { polls, unchanged, joined }
    }
}

impl SharedSource {
    fn log(&self, id: usize) -> std::sync::MutexGuard<'_, Log> {
        self.logs[id].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn value(State(state): State<Arc<SharedSource>>, Path(id): Path<usize>, headers: HeaderMap) -> Response {
    let call = state.polls.fetch_add(1, Ordering::Relaxed);
    tokio::time::sleep(state.delay).await;
    if id >= state.logs.len() {
        return StatusCode::NOT_FOUND.into_response();
    }
    let value = state.log(id).len();
    let tag = format!("\"{value}\"");
    let known = headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes());
    if state.has_tags && known {
        state.unchanged.fetch_add(1, Ordering::Relaxed);
        return (StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response();
    }
    let json = [(header::CONTENT_TYPE, "application/json")];
    let body = format!(r#"{{"call":{call},"id":"{id}","value":{value},"unit":{{"id":"u{id}"}}}}"#);
    match state.has_tags {
        true => (json, [(header::ETAG, tag)], body).into_response(),
        false => (json, body).into_response(),
    }
}

async fn units(State(state): State<Arc<SharedSource>>, Query(query): Query<HashMap<String, String>>) -> Response {
    state.joined.fetch_add(1, Ordering::Relaxed);
    tokio::time::sleep(state.delay).await;
    let ids = query.get("id").map_or("", String::as_str).split(',');
    let units: Vec<String> = ids.map(|id| format!(r#"{{"id":"{id}","name":"kWh"}}"#)).collect();
    ([(header::CONTENT_TYPE, "application/json")], format!("[{}]", units.join(","))).into_response()
}
