//! The services: posts and users as in `testkit`, and those of `benches/project`. All of them answer with bytes that
//! were made at the start.

use super::json;
use crate::Failed;
use crate::workloads::NEST_KEYS;
use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use testkit::posts::{POSTS, USERS, posts, users};

/// The number of items of `/items`.
const ITEMS: u32 = 10_000;

struct Services {
    calls: AtomicU64,
    delay: Duration,
}

type SharedSource = Arc<Services>;

pub(crate) async fn serve() -> Result<(), Failed> {
    let delay = Duration::from_millis(std::env::var("DELAY_MS")?.parse()?);
    let nest = |write: fn(u32) -> String| list(1..=NEST_KEYS, write);
    let routes = Router::new()
        .route("/posts", whole(posts(POSTS)))
        .route("/users", keyed(users(&(1..=USERS).collect::<Vec<_>>()), USERS))
        .route("/items", whole(list(1..=ITEMS, |id| format!(r#"{{"id":{id},"name":"item {id}","cents":{}}}"#, id * 7))))
        .route("/orders", whole(nest(|id| format!(r#"{{"id":{id},"note":"as the last one","customerId":{id}}}"#))))
        .route("/customers", keyed(nest(|id| format!(r#"{{"id":{id},"name":"c {id}","cityId":{id}}}"#)), NEST_KEYS))
        .route("/cities", keyed(nest(|id| format!(r#"{{"id":{id},"name":"t {id}","countryId":{id}}}"#)), NEST_KEYS))
        .route("/countries", keyed(nest(|id| format!(r#"{{"id":{id},"name":"l {id}","capitalId":{id}}}"#)), NEST_KEYS))
        .route(
            "/calls",
            get(async |State(services): State<SharedSource>| services.calls.load(Ordering::Relaxed).to_string()),
        )
        .with_state(Arc::new(Services { calls: AtomicU64::new(0), delay }));
    let cache_control = std::env::var("CACHE_CONTROL")?;
    let routes = match cache_control.is_empty() {
        true => routes,
        false => {
            let value = HeaderValue::from_str(&cache_control)?;
            routes.layer(map_response(move |mut response: Response| {
                response.headers_mut().insert(header::CACHE_CONTROL, value.clone());
                std::future::ready(response)
            }))
        }
    };
    super::serve(routes).await
}

fn list(ids: impl Iterator<Item = u32>, write: fn(u32) -> String) -> Bytes {
    format!("[{}]", ids.map(write).collect::<Vec<_>>().join(",")).into()
}

impl Services {
    async fn count(&self) {
        self.calls.fetch_add(1, Ordering::Relaxed);
        if !self.delay.is_zero() {
            tokio::time::sleep(self.delay).await;
        }
    }
}

fn whole(body: Bytes) -> axum::routing::MethodRouter<SharedSource> {
    get(async move |State(services): State<SharedSource>| {
        services.count().await;
        json(body.clone())
    })
}

/// A route that answers requests for all keys together, as every server sends them. Other keys get status 400, because
/// they are a fault of the measurement.
fn keyed(body: Bytes, keys: u32) -> axum::routing::MethodRouter<SharedSource> {
    let all = (1..=keys).map(|id| format!("id={id}")).collect::<Vec<_>>().join("&");
    get(async move |State(services): State<SharedSource>, RawQuery(query): RawQuery| {
        services.count().await;
        match query.as_deref() == Some(&*all) {
            true => Ok(json(body.clone()).into_response()),
            false => Err(StatusCode::BAD_REQUEST),
        }
    })
}
