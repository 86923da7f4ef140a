//! An overloaded server: which requests are refused, and which never are.

use super::*;
use crate::http::{ServeLimits, Workers, serve_by};
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// The number of clients. Each of them keeps sending requests that take 5 ms of the only worker, so together they make
/// it ten times too late.
const CLIENTS: usize = 100;

struct Connection(TcpStream);

impl Connection {
    async fn to(address: SocketAddr) -> Self {
        Self(TcpStream::connect(address).await.unwrap())
    }

    /// Sends a request and reads its answer: the status, and the head with the body as text.
    async fn send(&mut self, method: &str, path: &str, body: &str) -> (u16, String) {
        let head = format!("{method} {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n");
        let request = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
        self.0.write_all(request.as_bytes()).await.unwrap();
        let mut text = String::new();
        let mut buffer = [0; 4096];
        loop {
            let read = self.0.read(&mut buffer).await.unwrap();
            assert!(read > 0, "closed after {text}");
            text.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
            let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
            if body.len() >= length.parse().unwrap() {
                return (head[9..12].parse().unwrap(), text);
            }
        }
    }

    async fn ask(&mut self, query: &str) -> (u16, String) {
        self.send("POST", "/graphql", &format!(r#"{{"query":"{query}"}}"#)).await
    }
}

#[tokio::test]
async fn an_overloaded_server_refuses_some_and_recovers() {
    let metrics = Arc::new(Metrics::new());
    let config = ServerConfig { request_timeout: Duration::from_secs(60), ..config(Mode::Development) };
    let limits = ServeLimits::from(&config);
    let router = router(Arc::new(Server::new(config, Arc::new(FakeEngine::new("hello")), Arc::clone(&metrics))));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let workers = Workers::start(NonZeroUsize::MIN).unwrap();
    let serving =
        tokio::spawn(async move { serve_by(&workers, listener, router, std::future::pending(), limits).await });
    let refused = Arc::new(AtomicUsize::new(0));
    let test = async {
        let mut clients = JoinSet::new();
        for _ in 0..CLIENTS {
            let refused = Arc::clone(&refused);
            clients.spawn(async move {
                let mut connection = Connection::to(address).await;
                let mut answered = 0;
                while refused.load(Ordering::Relaxed) < CLIENTS {
                    let (status, text) = connection.ask("{ busy }").await;
                    if status == 503 {
                        assert!(text.contains("retry-after: 1") && text.contains("OVERLOADED"), "{text}");
                        refused.fetch_add(1, Ordering::Relaxed);
                    } else {
                        assert_eq!(status, 200, "{text}");
                        answered += 1;
                    }
                }
                answered
            });
        }
        let mut health = Connection::to(address).await;
        while refused.load(Ordering::Relaxed) < CLIENTS {
            for path in ["/livez", "/readyz", "/metrics"] {
                assert_eq!(health.send("GET", path, "").await.0, 200, "{path} is never refused");
            }
        }
        let answered: usize = clients.join_all().await.into_iter().sum();
        assert!(answered > 0, "requests are answered meanwhile");
        let (_, text) = health.send("GET", "/metrics", "").await;
        assert!(text.contains("bespoke_requests_shed_total{reason=\"late\"} "), "{text}");
        // After some time no request is refused: ten in a row are answered.
        let mut in_row = 0;
        while in_row < 10 {
            in_row = if health.ask("{ hello }").await.0 == 200 { in_row + 1 } else { 0 };
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), test).await.expect("it refuses some, and recovers");
    serving.abort();
}
