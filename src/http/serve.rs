//! Accepts connections, bounds their number, serves them and ends them.
//!
//! When all places are taken and none becomes free, one request of a new connection is still answered: with 503 if it
//! is to `/graphql`, and as usual if it is to another path. So clients learn that they should try again, and health
//! checks are not affected.
//!
//! `axum::serve` is not used, because it bounds neither the number of connections nor the waits for the head of a
//! request and for a client that reads its answer.

use super::connections::{Connection, Connections};
use super::event_stream::{self, EventStream};
use super::head;
use super::idle::{self, Idle};
use super::linger::LingeringClose;
use super::routes::Routes;
use super::takeover::Takeover;
use super::workers::Workers;
use super::write_timeout::WriteTimeout;
use crate::config::ServerConfig;
use axum::body::Body;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use http::header::{CONNECTION, UPGRADE};
use http::{HeaderValue, Request, Version};
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1::{self, Parts};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

/// Longest wait for the head of a request; also how long an idle connection is kept.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// Longest wait for a client to read more of its answer.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// Most bytes of the head of a request, with its target; the answer to a longer one is 431.
const MAX_HEAD_BYTES: usize = 64 * 1024;

/// Pause after a failed accept, such as when file descriptors have run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Most connections without a place that are answered at the same time; further ones are closed without an answer.
const MAX_REFUSALS: usize = 64;

/// Longest time for answering a connection that has no place.
const REFUSAL_TIMEOUT: Duration = Duration::from_secs(5);

/// Longest wait for the first request of a connection once the server stops, because its client may have sent that
/// request already. The wait is at most half of the time that is left for requests in flight.
const FIRST_REQUEST: Duration = Duration::from_secs(1);

/// Most connections that are accepted from the operating system's queue when the server stops. The queue holds no more.
const BACKLOG: usize = 1_024;

/// Limits of [`serve`].
#[derive(Debug, Clone, Copy)]
pub struct ServeLimits {
    /// The most connections that are open at once, including WebSockets and streams. When there are as many, the one
    /// that has been idle longest is ended for a new one; if none is idle, new ones are refused.
    pub max_connections: u32,
}

impl From<&ServerConfig> for ServeLimits {
    fn from(config: &ServerConfig) -> Self {
        Self { max_connections: config.max_connections.get() }
    }
}

/// Serves connections until `shutdown` is ready, then lets requests in flight end until the instant that `shutdown`
/// returns. A connection that has had no request yet may send one for a short time.
///
/// Returns the number of connections that were cut off, once the last connection has ended or was cut off. Dropping the
/// future cuts off all of them.
pub async fn serve(
    listener: TcpListener,
    routes: Routes,
    shutdown: impl Future<Output = Instant> + Send,
    limits: ServeLimits,
) -> usize {
    accept(listener, routes, shutdown, limits, None).await
}

/// Like [`serve`], but `workers` serve the connections; the runtime that this future runs on only accepts them.
pub async fn serve_by(
    workers: &Workers,
    listener: TcpListener,
    routes: Routes,
    shutdown: impl Future<Output = Instant> + Send,
    limits: ServeLimits,
) -> usize {
    accept(listener, routes, shutdown, limits, Some(workers)).await
}

async fn accept(
    listener: TcpListener,
    routes: Routes,
    shutdown: impl Future<Output = Instant> + Send,
    limits: ServeLimits,
    workers: Option<&Workers>,
) -> usize {
    let places = Connections::new(limits.max_connections);
    routes.count_limit(limits.max_connections);
    let (stop, stopping) = watch::channel(None);
    let refusals = Arc::new(Semaphore::new(MAX_REFUSALS));
    let mut serving = ConnectionTask { routes, stopping, refusals, workers, connections: JoinSet::new() };
    let (mut shutdown, mut admission) = (pin!(shutdown), Box::pin(places.admit()));
    let mut waiting = None;
    let end = loop {
        tokio::select! {
            end = &mut shutdown => break end,
            Some(_) = serving.connections.join_next() => {}
            stream = next(&listener), if waiting.is_none() => waiting = Some(stream),
            place = &mut admission, if waiting.is_some() => {
                admission.set(places.admit());
                if let Some(stream) = waiting.take() {
                    serving.begin(stream, place);
                }
            }
        }
    };
    drop(admission);
    for stream in waiting.into_iter().chain(backlog(listener)) {
        serving.begin(stream, places.try_admit());
    }
    let (mut connections, now) = (serving.connections, Instant::now());
    let _ = stop.send(Some(now + FIRST_REQUEST.min(end.saturating_duration_since(now) / 2)));
    let ended = timeout_at(end, async { while connections.join_next().await.is_some() {} }).await;
    let cut_off = if ended.is_ok() { 0 } else { connections.len() };
    if cut_off > 0 {
        tracing::warn!(connections = cut_off, "cut off at the end of the grace period");
        // The tasks end when their workers run next. That is not waited for, because a worker may be held up.
        connections.abort_all();
    }
    cut_off
}

/// The state that serving the connections of one listener needs.
struct ConnectionTask<'w> {
    routes: Routes,
    stopping: Stopping,
    refusals: Arc<Semaphore>,
    workers: Option<&'w Workers>,
    connections: JoinSet<()>,
}

impl ConnectionTask<'_> {
    /// Begins to serve a connection. Without a place, its request is refused.
    fn begin(&mut self, stream: TcpStream, place: Option<Connection>) {
        let (routes, stopping) = (self.routes.clone(), self.stopping.clone());
        let Some(place) = place else {
            routes.count_refused_connection();
            if let Ok(permit) = Arc::clone(&self.refusals).try_acquire_owned() {
                self.connections.spawn(refuse(stream, permit, routes, stopping));
            }
            return;
        };
        match self.workers {
            Some(workers) => {
                // A socket is registered with one runtime, so it is registered again with the worker's.
                let Ok(stream) = stream.into_std() else { return };
                workers.spawn(&mut self.connections, async move {
                    if let Ok(stream) = TcpStream::from_std(stream) {
                        connection(stream, place, routes, stopping).await;
                    }
                });
            }
            None => _ = self.connections.spawn(connection(stream, place, routes, stopping)),
        }
    }
}

/// The connections that wait in the operating system's queue. Closing the listener would cut them off, so it is closed
/// only after all of them were accepted.
fn backlog(listener: TcpListener) -> impl Iterator<Item = TcpStream> {
    let listener = listener.into_std().ok();
    let accepted = std::iter::from_fn(move || Some(listener.as_ref()?.accept().ok()?.0));
    accepted.take(BACKLOG).filter_map(|stream| {
        stream.set_nonblocking(true).ok()?;
        TcpStream::from_std(stream).ok()
    })
}

/// The next connection. Dropping the future loses none.
async fn next(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Until when first requests are waited for; `None` until the server stops.
type Stopping = watch::Receiver<Option<Instant>>;

/// Why this side ends a connection.
enum End {
    /// The server stops. A request in flight is still answered, and a first request may come until this instant.
    Stop(Instant),
    /// No request came for too long.
    Idle,
    /// All places are taken, and this connection has waited for its client the longest.
    Idlest,
}

/// The longest unread body, in bytes, that the HTTP library reads and drops by itself if it has arrived.
const MAX_SKIPPED: u64 = 16 * 1024;

/// Answers one request of a connection, or refuses it because of its head.
async fn answer(
    routes: &Routes,
    idle: &Arc<Idle>,
    takeover: &Takeover,
    request: Request<Incoming>,
) -> http::Response<Body> {
    let is_http_11 = request.version() == Version::HTTP_11;
    let refused = head::refusal(&request);
    let is_short = request.body().size_hint().upper().is_some_and(|bytes| bytes <= MAX_SKIPPED);
    let request = request.map(|body| match body.is_end_stream() {
        true => Body::empty(),
        false => Body::new(idle::IncomingBody::new(body, Arc::clone(idle))),
    });
    let mut answer = match refused {
        None => routes.answer(request).await,
        Some(refused) => {
            drop(request);
            routes.count_refused_head(refused.status());
            refused
        }
    };
    let events = answer.extensions_mut().remove::<EventStream>().filter(|_| is_http_11);
    // The connection is closed, because the rest of the body would be read as the next request.
    if events.is_some() || idle.has_unread() && !is_short {
        answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    match events {
        Some(events) => answer.map(|_| Body::new(takeover.head_only(events))),
        None => answer,
    }
}

/// Answers one request of a connection that has no place.
async fn refuse(stream: TcpStream, _permit: OwnedSemaphorePermit, routes: Routes, stopping: Stopping) {
    let idle = Idle::new(Instant::now());
    let _ = timeout(REFUSAL_TIMEOUT, requests(stream, &idle, routes.full(), stopping)).await;
}

/// Serves one connection to its end: its requests, and then a WebSocket or an event stream if the last request asks for
/// one. The connection keeps its place until then.
async fn connection(stream: TcpStream, place: Connection, routes: Routes, stopping: Stopping) {
    let (idle, _open) = (place.idle(), routes.count_connection());
    // The future that serves requests is large. Boxed, it is freed before the next one begins.
    if let Some(next) = Box::pin(requests(stream, idle, routes, stopping)).await {
        next.await;
    }
}

/// Serves the requests of one connection. Once the server stops, this ends after the request in flight, or after the
/// first request.
///
/// Returns the future that serves the connection from then on, if the last request was an upgrade or its answer is an
/// event stream.
async fn requests(
    stream: TcpStream,
    idle: &Arc<Idle>,
    routes: Routes,
    mut stopping: Stopping,
) -> Option<BoxFuture<'static, ()>> {
    // Answers are small and written at once, so waiting for more to send (Nagle's algorithm) would only delay them.
    let _ = stream.set_nodelay(true);
    let takeover = Takeover::new(Arc::clone(idle));
    let service = service_fn(|mut request: Request<Incoming>| {
        let in_request = idle.request();
        if request.headers().contains_key(UPGRADE) {
            request.extensions_mut().insert(takeover.clone());
        }
        let answer = answer(&routes, idle, &takeover, request);
        // The future is boxed, so that its memory is held neither while the connection waits for its client nor while a
        // stream is sent.
        Box::pin(async move { Ok::<_, Infallible>(answer.await.map(|body| in_request.until_end_of(body))) })
    });
    let stream = LingeringClose::new(WriteTimeout::new(stream, WRITE_TIMEOUT, Arc::clone(idle)), Arc::clone(idle));
    let mut connection = http1::Builder::new()
        .header_read_timeout(None)
        .max_header_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    // The connection is polled for each request, but the futures that may end it hardly ever need that. This set polls
    // only those that have been woken.
    let mut ends = FuturesUnordered::<BoxFuture<'_, End>>::new();
    ends.push(Box::pin(async {
        match stopping.wait_for(Option::is_some).await.map(|until| *until) {
            Ok(Some(until)) => End::Stop(until),
            Ok(None) | Err(_) => End::Stop(Instant::now()),
        }
    }));
    ends.push(Box::pin(async {
        idle.too_long(HEAD_TIMEOUT).await;
        End::Idle
    }));
    let idlest = || async {
        idle.told_to_end().await;
        End::Idlest
    };
    ends.push(Box::pin(idlest()));
    let mut is_first_awaited = false;
    loop {
        // Nothing wakes this future. It needs no waker, because the event that brings a request polls the connection
        // and then this.
        let first = poll_fn(|_| if idle.has_had_request() { Poll::Ready(()) } else { Poll::Pending });
        let events = poll_fn(|_| takeover.take_events().map_or(Poll::Pending, Poll::Ready));
        tokio::select! {
            biased;
            ended = &mut connection => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "connection ended");
                    if let Some(status) = head::refused_by_library(&error) {
                        routes.count_refused_head(status);
                    }
                }
                return takeover.take_upgrade();
            }
            events = events => {
                let Parts { io, read_buf, .. } = connection.into_parts()?;
                let events = event_stream::serve(events, io.into_inner(), read_buf.len(), idle.request());
                return Some(Box::pin(events));
            }
            () = first, if is_first_awaited => {
                is_first_awaited = false;
                std::pin::Pin::new(&mut connection).graceful_shutdown();
            }
            Some(end) = ends.next() => match end {
                End::Stop(until) if !idle.has_had_request() && Instant::now() < until => {
                    is_first_awaited = true;
                    ends.push(Box::pin(async move {
                        sleep_until(until).await;
                        End::Stop(until)
                    }));
                }
                End::Stop(_) => {
                    is_first_awaited = false;
                    std::pin::Pin::new(&mut connection).graceful_shutdown();
                }
                End::Idle => return None,
                End::Idlest if idle.waiting_since().is_some() => return None,
                // A request has begun meanwhile, so the connection stays.
                End::Idlest => ends.push(Box::pin(idlest())),
            }
        }
    }
}
