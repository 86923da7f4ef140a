//! What only a connection shows: leaving clients, shutdown, limits of connections.

use super::*;
use crate::http::{ServeLimits, Workers, serve_by};
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

struct Running {
    address: SocketAddr,
    executing: Arc<AtomicUsize>,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<()>,
}

async fn run(max_connections: u32, grace: Duration) -> Running {
    let engine = Arc::new(FakeEngine::new("hello"));
    let executing = Arc::clone(&engine.executing);
    // No deadline of a request gets in the way of what a test waits for.
    let config = ServerConfig { request_timeout: Duration::from_secs(60), ..config(Mode::Production) };
    let router = router(Arc::new(Server::new(config, engine, Arc::new(Metrics::new()))));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let shutdown = async {
        let _ = stopped.await;
    };
    let limits = ServeLimits { max_connections, grace };
    let workers = Workers::start(NonZeroUsize::MIN).unwrap();
    let ended = tokio::spawn(async move {
        serve_by(&workers, listener, router, shutdown, limits).await;
        drop(workers);
    });
    Running { address, executing, stop, ended }
}

/// Ends a test that would wait forever.
async fn within<T>(wait: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), wait).await.expect("it comes to an end")
}

async fn until(executing: &AtomicUsize, count: usize) {
    within(async {
        while executing.load(Ordering::SeqCst) != count {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

async fn ask(address: SocketAddr, query: &str) -> TcpStream {
    let body = format!(r#"{{"query":"{query}"}}"#);
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all((head + &body).as_bytes()).await.unwrap();
    stream
}

/// Reads to the end of the first answer's JSON.
async fn answer(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    while !text.ends_with(b"}}") {
        if within(stream.read_buf(&mut text)).await.unwrap() == 0 {
            break;
        }
    }
    String::from_utf8(text).unwrap()
}

#[tokio::test]
async fn a_client_that_leaves_drops_its_execution() {
    let running = run(8, Duration::from_secs(60)).await;
    let stream = ask(running.address, "{ stall }").await;
    until(&running.executing, 1).await;
    drop(stream);
    until(&running.executing, 0).await;
}

#[tokio::test]
async fn shutdown_lets_requests_end_and_closes_idle_connections() {
    let running = run(8, Duration::from_secs(60)).await;
    let mut idle = ask(running.address, "{ hello }").await;
    assert!(answer(&mut idle).await.starts_with("HTTP/1.1 200"));
    let mut asking = TcpStream::connect(running.address).await.unwrap();
    let body = r#"{"query":"{ hello }"}"#;
    let head = format!(
        "POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    asking.write_all((head + &body[..5]).as_bytes()).await.unwrap();
    // The head has been read once a later connection has been answered by the one worker.
    let mut probe = ask(running.address, "{ hello }").await;
    answer(&mut probe).await;
    running.stop.send(()).unwrap();
    assert_eq!(within(idle.read(&mut [0])).await.unwrap(), 0, "idle: closed at once");
    asking.write_all(&body.as_bytes()[5..]).await.unwrap();
    assert!(answer(&mut asking).await.contains(r#""hello":"hello""#), "in flight: answered");
    within(running.ended).await.unwrap();
    assert!(TcpStream::connect(running.address).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn the_grace_period_ends() {
    let running = run(8, Duration::from_millis(10)).await;
    let _stream = ask(running.address, "{ stall }").await;
    until(&running.executing, 1).await;
    running.stop.send(()).unwrap();
    within(running.ended).await.unwrap();
    assert_eq!(running.executing.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn connections_beyond_the_limit_wait_for_a_place() {
    let running = run(1, Duration::from_secs(60)).await;
    let first = ask(running.address, "{ stall }").await;
    until(&running.executing, 1).await;
    let mut second = ask(running.address, "{ hello }").await;
    let early = tokio::time::timeout(Duration::from_millis(30), second.read(&mut [0])).await;
    assert!(early.is_err(), "no answer while the only place is taken");
    drop(first);
    assert!(answer(&mut second).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_head_that_is_too_long_is_431() {
    let running = run(8, Duration::from_secs(60)).await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    let head =
        format!("GET /graphql HTTP/1.1\r\nhost: x\r\n{}\r\n", format!("x-long: {}\r\n", "a".repeat(10_000)).repeat(8));
    // The server may close before it has read all of it.
    let _ = stream.write_all(head.as_bytes()).await;
    let mut start = [0; 12];
    within(stream.read_exact(&mut start)).await.unwrap();
    assert_eq!(&start, b"HTTP/1.1 431");
}
