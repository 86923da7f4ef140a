//! Tests of the pool of connections. What calls get from it is tested in `http_service/tests.rs`.

use super::*;
use testkit::faulty::{Faulty, Reply};

const MOMENT: Duration = Duration::from_millis(30);

fn direct(upstream: &Faulty, options: ClientOptions) -> Direct {
    Direct::new(upstream.base_url().parse().expect("a URL"), None, &options)
}

fn get() -> OutgoingRequest {
    Request::builder().uri("/x").header("host", "a").body(Full::default()).expect("a request")
}

/// Sends a request and reads its body.
async fn fetch(direct: &Direct) -> Vec<u8> {
    let mut open = direct.send(get(), Duration::MAX).await.expect("a head");
    let mut body = Vec::new();
    while let Some(chunk) = open.chunk().await.expect("a body") {
        body.extend_from_slice(&chunk);
    }
    body
}

fn idle(direct: &Direct) -> usize {
    direct.pool.idle().connections.len()
}

#[tokio::test]
async fn idle_connections_have_a_bound_and_an_end() {
    let upstream = Faulty::always(Reply::json("1").after(MOMENT)).await.expect("a port");
    let options = ClientOptions { max_idle_per_host: 2, idle_timeout: MOMENT, ..ClientOptions::default() };
    let direct = direct(&upstream, options);
    tokio::join!(fetch(&direct), fetch(&direct), fetch(&direct));
    assert_eq!((idle(&direct), upstream.requests().len()), (2, 3));
    let reaped = async {
        while idle(&direct) > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), reaped).await.expect("idle connections are closed");
    // The next call makes a new connection, which is kept again.
    assert_eq!(fetch(&direct).await, b"1");
    assert_eq!((idle(&direct), upstream.requests()[3].connection), (1, 3));
}

#[tokio::test]
async fn connections_have_a_longest_life() {
    let upstream = Faulty::always(Reply::json("1").after(MOMENT)).await.expect("a port");
    let direct = direct(&upstream, ClientOptions { max_age: MOMENT, ..ClientOptions::default() });
    assert_eq!((fetch(&direct).await, idle(&direct)), (b"1".to_vec(), 0), "as long as its first call takes");
}

#[tokio::test]
async fn a_connection_that_comes_of_age_while_it_is_idle_is_closed() {
    let upstream = Faulty::always(Reply::json("1")).await.expect("a port");
    let direct = direct(&upstream, ClientOptions { max_age: MOMENT * 10, ..ClientOptions::default() });
    assert_eq!(fetch(&direct).await, b"1");
    let closed = async {
        while idle(&direct) > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    // This is long before the 30 s for which a connection may be idle.
    tokio::time::timeout(Duration::from_secs(10), closed).await.expect("it is closed for its age");
}

#[tokio::test]
async fn a_connection_is_kept_only_after_the_end_of_its_body() {
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n2\r\nbc\r\n0\r\nt: 1\r\n\r\n";
    for (reply, body, kept) in [
        (Reply::json("[1]"), "[1]", 1),
        (Reply::raw(chunked), "abc", 1),
        (Reply::empty(204), "", 1),
        (Reply::raw("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 1\r\n\r\n1"), "1", 0),
        (Reply::raw("HTTP/1.0 200 OK\r\ncontent-length: 1\r\n\r\n1"), "1", 0),
        // The answer is longer than announced; the rest would be taken for the next answer.
        (Reply::raw("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n1HTTP/1.1 200 OK\r\n\r\n"), "1", 0),
    ] {
        let upstream = Faulty::always(reply.clone()).await.expect("a port");
        let direct = direct(&upstream, ClientOptions::default());
        assert_eq!(fetch(&direct).await, body.as_bytes(), "{reply:?}");
        assert_eq!(idle(&direct), kept, "{reply:?}");
        drop(direct.send(get(), Duration::MAX).await.expect("a head"));
        assert_eq!(idle(&direct), 0, "{reply:?}: the body was not read");
    }
}
