//! Tests that need real connections: clients that leave, shutdown, and limits of connections.

use super::*;
use crate::http::{ServeLimits, Workers, serve_by};
use crate::observe::Exposition;
use crate::report::WriteReport;
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
    metrics: Arc<Metrics>,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<()>,
}

async fn run(max_connections: u32, grace: Duration) -> Running {
    // The timeout of requests is longer than any wait of these tests.
    let request_timeout = Duration::from_secs(60);
    let config = ServerConfig { request_timeout, min_body_rate: 0, ..config(Mode::Production) };
    run_with(config, max_connections, grace).await
}

async fn run_with(config: ServerConfig, max_connections: u32, grace: Duration) -> Running {
    let engine = Arc::new(FakeEngine::new("hello"));
    let executing = Arc::clone(&engine.executing);
    let metrics = Arc::new(Metrics::new());
    let router = router(Arc::new(Server::new(config, engine, Arc::clone(&metrics))));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let shutdown = async move {
        let _ = stopped.await;
        tokio::time::Instant::now() + grace
    };
    let limits = ServeLimits { max_connections };
    let workers = Workers::start(NonZeroUsize::MIN).unwrap();
    let ended = tokio::spawn(async move {
        serve_by(&workers, listener, router, shutdown, limits).await;
        drop(workers);
    });
    Running { address, executing, metrics, stop, ended }
}

/// Fails a test that would wait for ever.
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

/// Reads to the end of the JSON of the first answer.
async fn answer(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    while !text.ends_with(b"}}") && !text.ends_with(b"]}") {
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
    // Once the only worker has answered a later connection, it has read this head.
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

/// The whole answer of a connection that then ends.
async fn last_answer(mut stream: TcpStream) -> String {
    let mut text = String::new();
    within(stream.read_to_string(&mut text)).await.unwrap();
    text
}

const UPGRADE: &str = "GET /graphql HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
    sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    sec-websocket-protocol: graphql-transport-ws\r\n\r\n";

/// Opens a WebSocket.
async fn socket(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(UPGRADE.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(within(stream.read_u8()).await.unwrap());
    }
    assert!(head.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&head));
    stream
}

#[tokio::test]
async fn connections_for_which_there_is_no_place_are_told_to_come_again() {
    let running = run(1, Duration::from_secs(60)).await;
    let first = ask(running.address, "{ stall }").await;
    until(&running.executing, 1).await;
    let mut upgrade = TcpStream::connect(running.address).await.unwrap();
    upgrade.write_all(UPGRADE.as_bytes()).await.unwrap();
    for refused in [ask(running.address, "{ hello }").await, upgrade] {
        let text = last_answer(refused).await;
        assert!(text.starts_with("HTTP/1.1 503 ") && text.contains("OVERLOADED"), "{text}");
        assert!(text.contains("retry-after: 1\r\n") && text.contains("connection: close\r\n"), "{text}");
    }
    let mut health = TcpStream::connect(running.address).await.unwrap();
    health.write_all(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    assert!(last_answer(health).await.starts_with("HTTP/1.1 200 "), "health is never refused");
    assert_eq!(running.executing.load(Ordering::SeqCst), 1);
    drop(first);
    // The connection leaves its place a moment after its request has ended; until then, new ones are refused at once.
    within(async {
        loop {
            let mut next = ask(running.address, "{ hello }").await;
            if answer(&mut next).await.starts_with("HTTP/1.1 200") {
                return;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_socket_without_operations_makes_room_for_a_new_connection() {
    let running = run(1, Duration::from_secs(60)).await;
    let mut idle = socket(running.address).await;
    let mut new = ask(running.address, "{ hello }").await;
    let mut close = [0; 4];
    within(idle.read_exact(&mut close)).await.unwrap();
    assert_eq!((close[0], u16::from_be_bytes([close[2], close[3]])), (0x88, 1013), "try again later");
    drop(idle);
    assert!(answer(&mut new).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_socket_counts_for_its_worker_until_it_is_closed() {
    let server = super::server(config(Mode::Production));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let workers = Workers::start(NonZeroUsize::new(2).unwrap()).unwrap();
    let limits = ServeLimits { max_connections: 64 };
    let serving = serve_by(&workers, listener, router(Arc::new(server)), std::future::pending(), limits);
    let opening = async {
        let mut sockets = Vec::new();
        for open in 1..=6 {
            sockets.push(socket(address).await);
            assert_eq!(workers.loads().iter().sum::<usize>(), open);
        }
        assert_eq!(workers.loads(), [3, 3]);
        drop(sockets);
        within(async {
            while workers.loads() != [0, 0] {
                tokio::task::yield_now().await;
            }
        })
        .await;
    };
    tokio::select! {
        _ = serving => panic!("it serves"),
        () = opening => {}
    }
}

#[tokio::test]
async fn a_head_that_is_too_long_is_431() {
    let running = run(8, Duration::from_secs(60)).await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    let head =
        format!("GET /graphql HTTP/1.1\r\nhost: x\r\n{}\r\n", format!("x-long: {}\r\n", "a".repeat(10_000)).repeat(8));
    // The server may close the connection before it has read the whole head.
    let _ = stream.write_all(head.as_bytes()).await;
    let mut start = [0; 12];
    within(stream.read_exact(&mut start)).await.unwrap();
    assert_eq!(&start, b"HTTP/1.1 431");
}

#[tokio::test]
async fn refused_heads_are_counted_by_status() {
    let running = run(8, Duration::from_secs(60)).await;
    let long = format!("GET /livez HTTP/1.1\r\nhost: x\r\nx-long: {}\r\n\r\n", "a".repeat(70_000));
    for (head, status) in [
        ("GET /graphql HTTP/1.1\r\n\r\n", 400),
        ("GET /nowhere HTTP/1.1\r\nhost: x\r\nhost: y\r\n\r\n", 400),
        ("no HTTP at all\r\n\r\n", 400),
        ("POST /graphql HTTP/1.1\r\nhost: x\r\ntransfer-encoding: gzip, chunked\r\n\r\n", 501),
        (&long, 431),
    ] {
        let count = || {
            let page = running.metrics.encode(&[], WriteReport::default(), 0, Exposition::OpenMetrics);
            let start = format!("bespoke_heads_refused_total{{status=\"{status}\"}} ");
            page.lines().find_map(|line| line.strip_prefix(&start)?.parse::<u64>().ok()).unwrap_or(0)
        };
        let before = count();
        let mut stream = TcpStream::connect(running.address).await.unwrap();
        // The server may close the connection before it has read the whole head.
        let _ = stream.write_all(head.as_bytes()).await;
        let mut start = [0; 12];
        within(stream.read_exact(&mut start)).await.unwrap();
        assert_eq!(start, *format!("HTTP/1.1 {status}").as_bytes(), "{head}");
        // The request is counted when the connection ends, which may be after the answer.
        drop(stream);
        within(async {
            while count() == before {
                tokio::task::yield_now().await;
            }
        })
        .await;
        assert_eq!(count(), before + 1, "{head}");
    }
}

/// Opens connections that have sent a head and a part of the body. The server has begun to read all of them.
async fn half_bodies(address: SocketAddr, count: usize) -> Vec<TcpStream> {
    let head = "POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{";
    let mut streams = Vec::new();
    for _ in 0..count {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        streams.push(stream);
    }
    // Once the only worker has answered a later connection, it has read all of these.
    let mut probe = TcpStream::connect(address).await.unwrap();
    probe.write_all(b"GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
    within(probe.read_to_end(&mut Vec::new())).await.unwrap();
    streams
}

#[tokio::test]
async fn bodies_that_come_slowly_take_the_place_of_no_request() {
    let config = ServerConfig { max_in_flight: 1.try_into().unwrap(), ..config(Mode::Production) };
    let running = run_with(config, 64, Duration::from_secs(60)).await;
    let slow = half_bodies(running.address, 20).await;
    let mut quick = ask(running.address, "{ hello }").await;
    assert!(answer(&mut quick).await.starts_with("HTTP/1.1 200"));
    // They are given up, because they are below the least rate.
    for mut stream in slow {
        let mut text = String::new();
        within(stream.read_to_string(&mut text)).await.unwrap();
        assert!(text.starts_with("HTTP/1.1 408") && text.contains("BODY_TIMEOUT"), "{text}");
    }
}

#[tokio::test]
async fn the_oldest_of_too_many_slow_bodies_makes_room() {
    let config = ServerConfig { max_reading: 2.try_into().unwrap(), min_body_rate: 0, ..config(Mode::Production) };
    let running = run_with(config, 64, Duration::from_secs(60)).await;
    let mut slow = half_bodies(running.address, 3).await;
    let mut text = String::new();
    within(slow.remove(0).read_to_string(&mut text)).await.unwrap();
    assert!(text.starts_with("HTTP/1.1 503") && text.contains("retry-after: 1"), "{text}");
}

#[tokio::test]
async fn silent_connections_keep_nobody_out() {
    let running = run(4, Duration::from_secs(60)).await;
    let mut silent = Vec::new();
    for start in ["", "POST /gra", "POST /graphql HTTP/1.1\r\nhost: x\r\n"] {
        let mut stream = TcpStream::connect(running.address).await.unwrap();
        stream.write_all(start.as_bytes()).await.unwrap();
        silent.push(stream);
    }
    let mut busy = ask(running.address, "{ stall }").await;
    until(&running.executing, 1).await;
    for _ in 0..4 {
        let mut new = ask(running.address, "{ hello }").await;
        assert!(answer(&mut new).await.starts_with("HTTP/1.1 200"));
        silent.push(new);
    }
    // The oldest ones were closed for the new ones, but not the one whose request is being answered.
    for stream in &mut silent[..4] {
        let end = within(stream.read(&mut [0])).await;
        assert!(end.as_ref().map_or(true, |read| *read == 0), "{end:?}");
    }
    assert_eq!(running.executing.load(Ordering::SeqCst), 1);
    assert!(tokio::time::timeout(Duration::from_millis(20), busy.read(&mut [0])).await.is_err());
}

#[tokio::test]
async fn bodies_that_come_slowly_keep_nobody_out() {
    let running = run(5, Duration::from_secs(60)).await;
    let _slow = half_bodies(running.address, 4).await;
    let _first = ask(running.address, "{ stall }").await;
    until(&running.executing, 1).await;
    let _second = ask(running.address, "{ stall }").await;
    until(&running.executing, 2).await;
    let mut quick = ask(running.address, "{ hello }").await;
    assert!(answer(&mut quick).await.starts_with("HTTP/1.1 200"));
    assert_eq!(running.executing.load(Ordering::SeqCst), 2, "whoever waits for us stays");
}

#[tokio::test]
async fn a_client_that_sends_too_much_sees_the_413() {
    let running = run(8, Duration::from_secs(60)).await;
    let body = vec![b' '; 20 << 20];
    let chunks =
        body.chunks(64 << 10).map(|chunk| [format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat());
    let chunked = chunks.collect::<Vec<_>>().concat();
    for (framing, body) in
        [(format!("content-length: {}", body.len()), &body), ("transfer-encoding: chunked".to_owned(), &chunked)]
    {
        let mut stream = TcpStream::connect(running.address).await.unwrap();
        let head = format!("POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n{framing}\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        // Many clients do this: they send the whole body before they read the answer.
        within(stream.write_all(body)).await.expect("all of it is taken");
        stream.shutdown().await.unwrap();
        let mut text = String::new();
        within(stream.read_to_string(&mut text)).await.unwrap();
        assert!(text.starts_with("HTTP/1.1 413") && text.contains("BODY_TOO_LARGE"), "{text}");
        assert!(text.contains("connection: close"), "{text}");
    }
    // The same holds for a body that is refused for another reason, at any path.
    for (path, status) in [("/graphql", 415), ("/livez", 405), ("/nowhere", 404)] {
        let mut stream = TcpStream::connect(running.address).await.unwrap();
        let head = format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", body.len());
        stream.write_all(head.as_bytes()).await.unwrap();
        within(stream.write_all(&body)).await.expect("all of it is taken");
        stream.shutdown().await.unwrap();
        let mut text = String::new();
        within(stream.read_to_string(&mut text)).await.unwrap();
        assert!(text.starts_with(&format!("HTTP/1.1 {status}")) && text.contains("connection: close"), "{text}");
    }
}

#[tokio::test]
async fn a_connection_goes_on_after_a_body_that_was_read() {
    let running = run(8, Duration::from_secs(60)).await;
    let body = r#"{"query":"{ hello }"}"#;
    let head =
        "POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
    let request = format!("{head}{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    for _ in 0..2 {
        stream.write_all(request.as_bytes()).await.unwrap();
        let text = answer(&mut stream).await;
        assert!(text.starts_with("HTTP/1.1 200") && !text.contains("connection: close"), "{text}");
    }
}

#[tokio::test]
async fn heads_that_rfc_9112_forbids_are_refused() {
    let running = run(8, Duration::from_secs(60)).await;
    let query = "/graphql?query=%7Bhello%7D";
    for (request, status) in [
        (format!("GET {query} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"), 200),
        (format!("GET {query} HTTP/1.1\r\n\r\n"), 400),
        (format!("GET {query} HTTP/1.1\r\nhost: x\r\nhost: x\r\n\r\n"), 400),
        (format!("GET {query} HTTP/1.1\r\nhost: a b\r\n\r\n"), 400),
        ("GET /livez HTTP/1.1\r\n\r\n".to_owned(), 400),
        (format!("GET {query} HTTP/1.0\r\n\r\n"), 200),
        (format!("GET {query} HTTP/1.0\r\nhost: x\r\nhost: y\r\n\r\n"), 400),
        (format!("GET http://x{query} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"), 200),
        (format!("GET http://x{query} HTTP/1.1\r\n\r\n"), 400),
        ("POST /graphql HTTP/1.1\r\nhost: x\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n".to_owned(), 501),
        ("POST /graphql HTTP/1.1\r\nhost: x\r\ntransfer-encoding: gzip\r\n\r\n".to_owned(), 400),
        ("POST /graphql HTTP/1.0\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n".to_owned(), 400),
    ] {
        let mut stream = TcpStream::connect(running.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut text = String::new();
        within(stream.read_to_string(&mut text)).await.unwrap();
        let got = text.split(' ').nth(1).unwrap_or_default();
        assert_eq!(got, status.to_string(), "{request}: {text}");
    }
}

#[tokio::test]
async fn a_short_body_that_nobody_reads_costs_no_connection() {
    let running = run(8, Duration::from_secs(60)).await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    for _ in 0..2 {
        stream.write_all(b"POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}").await.unwrap();
        let text = answer(&mut stream).await;
        assert!(text.starts_with("HTTP/1.1 415") && !text.contains("connection: close"), "{text}");
    }
}

#[tokio::test]
async fn a_connection_that_waits_for_a_place_at_a_stop_is_told_to_come_again() {
    let running = run(1, Duration::from_secs(60)).await;
    let first = ask(running.address, "{ stall }").await;
    until(&running.executing, 1).await;
    let mut waiting = ask(running.address, "{ hello }").await;
    let early = tokio::time::timeout(Duration::from_millis(30), waiting.read(&mut [0])).await;
    assert!(early.is_err(), "no answer while the only place is taken");
    running.stop.send(()).unwrap();
    let text = last_answer(waiting).await;
    assert!(text.starts_with("HTTP/1.1 503 ") && text.contains("OVERLOADED"), "{text}");
    drop(first);
    within(running.ended).await.unwrap();
}
