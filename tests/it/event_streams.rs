//! Event streams as bytes on a connection: the head, the chunks, and what else a client sends.

use crate::harness::Bff;
use crate::subscriptions::Meter;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(30);

/// An event stream by this method and version of HTTP.
fn request(method: &str, version: &str) -> String {
    format!(
        "{method} /graphql?query=subscription%7Breading%7Bvalue%7D%7D HTTP/{version}\r\nhost: a\r\n\
         accept: text/event-stream\r\n\r\n"
    )
}

/// A connection on which all of this has been sent at once.
async fn sent(bff: &Bff, text: &str) -> TcpStream {
    let address = bff.url().trim_start_matches("http://").trim_end_matches("/graphql");
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    stream
}

/// Reads until some text has come; gives all that came.
async fn until(stream: &mut TcpStream, wanted: &str) -> String {
    let mut text = String::new();
    while !text.contains(wanted) {
        let mut bytes = [0; 1024];
        let count = timeout(PATIENCE, stream.read(&mut bytes)).await.expect("more").unwrap();
        assert!(count > 0, "it ends: {text}");
        text.push_str(std::str::from_utf8(&bytes[..count]).unwrap());
    }
    text
}

/// Whether this is one event, with this value.
fn is_event(text: &str, value: usize) -> bool {
    let begin = format!("event: next\ndata: {{\"data\":{{\"reading\":{{\"value\":{value}}}}}");
    text.starts_with(&begin) && text.ends_with("}\n\n") && text.matches("\n\n").count() == 1
}

/// What is in one chunk (RFC 9112 §7.1).
fn unchunked(text: &str) -> &str {
    let (size, rest) = text.split_once("\r\n").expect("a size");
    let size = usize::from_str_radix(size, 16).expect("a size in hexadecimal");
    assert_eq!(rest.len(), size + 2, "{text:?}");
    rest.strip_suffix("\r\n").expect("the end of the chunk")
}

#[tokio::test]
async fn an_event_stream_has_its_connection_for_itself() {
    let meter = Meter::start("server: { port: 0 }").await;
    // Before it a query, and behind it what is never answered.
    let query = "GET /graphql?query=%7B__typename%7D HTTP/1.1\r\nhost: a\r\naccept: application/json\r\n\r\n";
    let mut stream = sent(&meter.bff, &format!("{query}{}{query}", request("GET", "1.1"))).await;
    let text = until(&mut stream, "\n\n\r\n").await;
    let (before, head) = text
        .split_once("HTTP/1.1 200 OK\r\n")
        .and_then(|(_, rest)| rest.split_once("HTTP/1.1 200 OK\r\n"))
        .expect("two answers");
    assert!(before.contains("{\"data\":{\"__typename\":\"Query\"}"), "{text}");
    let (head, body) = head.split_once("\r\n\r\n").expect("a head");
    for line in [
        "content-type: text/event-stream; charset=utf-8",
        "cache-control: no-store",
        "x-accel-buffering: no",
        "connection: close",
        "transfer-encoding: chunked",
    ] {
        assert!(head.split("\r\n").any(|of_head| of_head == line), "{line}: {head}");
    }
    assert!(is_event(unchunked(body), 1), "{body}");
    meter.show(2);
    let chunk = until(&mut stream, "\n\n\r\n").await;
    assert!(is_event(unchunked(&chunk), 2), "{chunk}");
    // A client that goes on sending is a client that does not keep to the protocol.
    let flood = async { while stream.write_all(&[b'x'; 1024]).await.is_ok() {} };
    timeout(PATIENCE, flood).await.expect("the connection ends");
    meter.is_quiet().await;
}

#[tokio::test]
async fn a_client_of_http_1_0_gets_events_without_chunks() {
    let meter = Meter::start("server: { port: 0 }").await;
    let mut stream = sent(&meter.bff, &request("GET", "1.0")).await;
    let text = until(&mut stream, "\n\n").await;
    let (head, body) = text.split_once("\r\n\r\n").expect("a head");
    assert!(head.starts_with("HTTP/1.0 200 OK\r\n") && !head.contains("transfer-encoding"), "{head}");
    assert!(is_event(body, 1), "{body}");
    meter.show(2);
    let second = until(&mut stream, "\n\n").await;
    assert!(is_event(&second, 2), "{second}");
    stream.shutdown().await.unwrap();
    meter.is_quiet().await;
}

#[tokio::test]
async fn the_head_of_an_event_stream_alone_opens_none() {
    let meter = Meter::start("server: { port: 0 }").await;
    let mut stream = sent(&meter.bff, &request("HEAD", "1.1")).await;
    let text = until(&mut stream, "\r\n\r\n").await;
    assert!(text.starts_with("HTTP/1.1 200 OK\r\n") && text.contains("text/event-stream"), "{text}");
    meter.is_quiet().await;
    let query = "GET /graphql?query=%7B__typename%7D HTTP/1.1\r\nhost: a\r\naccept: application/json\r\n\r\n";
    stream.write_all(query.as_bytes()).await.unwrap();
    assert!(until(&mut stream, "__typename").await.starts_with("HTTP/1.1 200 OK\r\n"), "the connection goes on");
}
