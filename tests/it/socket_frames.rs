//! Tests of WebSockets byte by byte: violations of the protocol, the close of a socket, and the metrics for operators.

use crate::harness::Bff;
use crate::program::{Folder, Program, bespoke};
use crate::subscriptions::{Meter, READING, Socket, event, listen};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const PATIENCE: Duration = Duration::from_secs(20);
const MASK: [u8; 4] = [1, 2, 3, 4];

const TEXT: u8 = 0x81;
const MORE: u8 = 0x80;
const CLOSE: u8 = 0x88;
const PING: u8 = 0x89;
/// The bit of the last frame of a message (RFC 6455 §5.2).
const FIN: u8 = 0x80;

/// A masked frame of a client. Its payload must be shorter than 64 KiB.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).unwrap();
    let mut bytes = match length {
        0..126 => vec![first, 0x80 | length as u8],
        _ => [&[first, 0xFE][..], &length.to_be_bytes()].concat(),
    };
    bytes.extend(MASK);
    bytes.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    bytes
}

fn close(code: u16, reason: &[u8]) -> Vec<u8> {
    frame(CLOSE, &[&code.to_be_bytes()[..], reason].concat())
}

/// A WebSocket whose bytes the test writes itself.
struct Raw(TcpStream);

impl Raw {
    async fn open(bff: &Bff) -> Self {
        Self::open_at(bff.url()).await
    }

    async fn open_at(url: &str) -> Self {
        let (mut raw, head) = Self::ask(url, &[]).await;
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        // The answer to the ping shows that the server reads frames.
        raw.send(&frame(PING, b"?")).await;
        assert_eq!(raw.frame().await, Some((0x8A, b"?".to_vec())));
        raw
    }

    /// Sends a request for an upgrade. Returns the connection and the head of the answer.
    async fn ask(url: &str, headers: &[&str]) -> (Self, String) {
        let address = url.strip_prefix("http://").unwrap().strip_suffix("/graphql").unwrap();
        let mut stream = TcpStream::connect(address).await.unwrap();
        let key = BASE64_STANDARD.encode([7; 16]);
        let mut request = format!(
            "GET /graphql HTTP/1.1\r\nhost: {address}\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-key: {key}\r\nsec-websocket-protocol: graphql-transport-ws\r\n"
        );
        for header in [&["sec-websocket-version: 13"][..], headers][usize::from(!headers.is_empty())] {
            request += &format!("{header}\r\n");
        }
        stream.write_all((request + "\r\n").as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(tokio::time::timeout(PATIENCE, stream.read_u8()).await.expect("an answer").unwrap());
        }
        (Self(stream), String::from_utf8(head).unwrap())
    }

    async fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.unwrap();
    }

    /// Reads the next frame: its first byte and its payload. `None` if the server has ended its side of the connection.
    async fn frame(&mut self) -> Option<(u8, Vec<u8>)> {
        let read = async {
            let first = self.0.read_u8().await.ok()?;
            let length = match self.0.read_u8().await.unwrap() {
                126 => self.0.read_u16().await.unwrap().into(),
                short => usize::from(short),
            };
            let mut payload = vec![0; length];
            self.0.read_exact(&mut payload).await.unwrap();
            Some((first, payload))
        };
        tokio::time::timeout(PATIENCE, read).await.expect("a frame or the end")
    }

    /// Asserts that the next frame is a close frame and the last one. Returns its code, or 0 if it has none.
    async fn closed(&mut self) -> u16 {
        let (first, payload) = self.frame().await.expect("a close");
        assert_eq!(first, CLOSE, "{payload:?}");
        let mut rest = Vec::new();
        tokio::time::timeout(PATIENCE, self.0.read_to_end(&mut rest)).await.expect("the end").expect("no reset");
        assert!(rest.is_empty(), "{rest:?}");
        payload.split_first_chunk().map_or(0, |(&code, _)| u16::from_be_bytes(code))
    }
}

#[tokio::test]
async fn each_breach_of_the_protocol_is_closed_with_its_code() {
    let meter = Meter::start("server: { port: 0, max_socket_message_bytes: 1000 }").await;
    let long = [b'x'; 999];
    let cases: Vec<(&str, Vec<u8>, u16)> = vec![
        ("a reserved bit", frame(TEXT | 0x40, b"{}"), 1002),
        ("an unknown opcode for data", frame(0x83, b""), 1002),
        ("an unknown opcode for control", frame(0x8B, b""), 1002),
        ("a frame without a mask", vec![TEXT, 2, b'{', b'}'], 1002),
        ("a control frame in fragments", frame(PING & !FIN, b""), 1002),
        ("a control frame that is too long", frame(PING, &[0; 126]), 1002),
        ("a length that is not the shortest", [&[TEXT, 0xFE, 0, 2][..], &MASK, b"{}"].concat(), 1002),
        ("a continuation of nothing", frame(MORE, b"{}"), 1002),
        ("a message within a message", [frame(TEXT & !FIN, b"{"), frame(TEXT, b"}")].concat(), 1002),
        ("half a code", frame(CLOSE, &[3]), 1002),
        ("a code that nobody may send", close(1005, b""), 1002),
        ("a code that does not exist", close(999, b""), 1002),
        ("a reason that is not UTF-8", close(1000, b"\xFF"), 1007),
        ("text that is not UTF-8", frame(TEXT, b"\xC3\x28"), 1007),
        ("half a character", [frame(TEXT & !FIN, b"\xE2\x82"), frame(MORE, b"")].concat(), 1007),
        ("a message that is too large, by its head", [&[TEXT, 0xFE, 0x03, 0xE9][..], &MASK].concat(), 1009),
        ("fragments that are too large", [frame(TEXT & !FIN, &long), frame(MORE, b"xx")].concat(), 1009),
        ("binary data", frame(0x82, b"{}"), 1003),
        ("what is no message of the sub-protocol", frame(TEXT, b"{}"), 4400),
        ("a close", close(1000, b"bye"), 1000),
        ("a close with a code of an application", close(4999, b""), 4999),
        ("a close without a code", frame(CLOSE, b""), 0),
    ];
    for (what, bytes, code) in cases {
        let mut raw = Raw::open(&meter.bff).await;
        raw.send(&bytes).await;
        assert_eq!(raw.closed().await, code, "{what}");
    }
}

#[tokio::test]
async fn messages_come_in_fragments_with_control_frames_between_them() {
    let meter = Meter::start("server: { port: 0 }").await;
    let mut raw = Raw::open(&meter.bff).await;
    let (start, rest) = br#"{"type":"connection_init"}"#.split_at(9);
    raw.send(&[frame(TEXT & !FIN, start), frame(PING, b"between"), frame(MORE & !FIN, b"")].concat()).await;
    assert_eq!(raw.frame().await, Some((0x8A, b"between".to_vec())));
    // The frame arrives byte by byte.
    for byte in frame(MORE, rest) {
        raw.send(&[byte]).await;
    }
    assert_eq!(raw.frame().await, Some((TEXT, br#"{"type":"connection_ack"}"#.to_vec())));
}

#[tokio::test]
async fn a_client_that_goes_on_sending_sees_why_it_was_closed() {
    let meter = Meter::start("server: { port: 0 }").await;
    let mut raw = Raw::open(&meter.bff).await;
    raw.send(&frame(0x83, b"")).await;
    let more = vec![b'x'; 1 << 20];
    raw.send(&more).await;
    assert_eq!(raw.closed().await, 1002, "no reset took it away");
}

#[tokio::test]
async fn an_upgrade_of_another_version_is_told_ours() {
    let meter = Meter::start("server: { port: 0 }").await;
    let (_, head) = Raw::ask(meter.bff.url(), &["sec-websocket-version: 8"]).await;
    assert!(head.starts_with("HTTP/1.1 426 ") && head.contains("sec-websocket-version: 13\r\n"), "{head}");
}

/// Waits until the metrics have all of these lines, and returns the metrics.
async fn metrics_with(bff: &Bff, lines: &[&str]) -> String {
    let url = bff.url().replace("/graphql", "/metrics");
    let mut page = String::new();
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while tokio::time::Instant::now() < deadline {
        page = reqwest::get(&url).await.unwrap().text().await.unwrap();
        if lines.iter().all(|line| page.contains(&format!("\n{line}\n"))) {
            return page;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("not all of {lines:#?} in {page}");
}

#[tokio::test]
async fn what_is_open_is_shown_beside_its_limits() {
    let config = "server: { port: 0, mode: development, max_connections: 50, max_subscriptions: 7 }";
    let meter = Meter::start(config).await;
    let mut socket = Socket::ready(&meter.bff, json!({})).await;
    socket.subscribe("a", READING).await;
    socket.next().await;
    let mut events = listen(&meter.bff, READING, &[]).await;
    event(&mut events).await.unwrap();
    let page = metrics_with(
        &meter.bff,
        &[
            "bespoke_connections_max 50",
            "bespoke_sockets 1",
            "bespoke_subscriptions 2",
            "bespoke_subscriptions_max 7",
            "bespoke_requests_in_flight 0",
        ],
    )
    .await;
    let open = page.lines().find_map(|line| line.strip_prefix("bespoke_connections ")).expect("a gauge");
    assert!((3..=4).contains(&open.parse::<u32>().unwrap()), "two streams, and who asks for this: {open}");
    drop((socket, events));
    let mut raw = Raw::open(&meter.bff).await;
    raw.send(&frame(0x83, b"")).await;
    raw.closed().await;
    drop(raw);
    let page = metrics_with(
        &meter.bff,
        &[
            "bespoke_sockets 0",
            "bespoke_subscriptions 0",
            "bespoke_subscription_duration_seconds_count 2",
            r#"bespoke_socket_closes_total{by="client",code="1006"} 1"#,
            r#"bespoke_socket_closes_total{by="server",code="1002"} 1"#,
        ],
    )
    .await;
    assert!(!page.contains("bespoke_request_duration_seconds_count"), "a lifetime is no duration of a request: {page}");
}

/// The resident memory of a program, in bytes.
#[cfg(target_os = "linux")]
fn resident(program: &Program) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{}/smaps_rollup", program.id())).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("Rss:")).expect("a line for it");
    line.trim().strip_suffix(" kB").expect("in kB").parse::<u64>().unwrap() * 1024
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn an_idle_socket_takes_little_memory() {
    const SOCKETS: u64 = 500;
    let project = Folder::copy("tests/fixtures/posts", &["bespoke.yaml", "schema"]);
    let mut command = bespoke(&["serve", "--project", project.path(), "--client", "web", "--port", "0"]);
    command.env("POSTS_URL", "http://127.0.0.1:9").env("USERS_URL", "http://127.0.0.1:9").env("SHUTDOWN_DELAY", "0s");
    let mut program = Program::start(command);
    let url = program.url().await;
    let mut sockets = Vec::new();
    let mut open = async |count: u64| {
        for _ in 0..count {
            let mut raw = Raw::open_at(&url).await;
            raw.send(&frame(TEXT, br#"{"type":"connection_init"}"#)).await;
            assert_eq!(raw.frame().await, Some((TEXT, br#"{"type":"connection_ack"}"#.to_vec())));
            sockets.push(raw);
        }
    };
    // The first sockets allocate the memory that all sockets share.
    open(50).await;
    let before = resident(&program);
    open(SOCKETS).await;
    let each = (resident(&program) - before) / SOCKETS;
    assert!(each <= 12 * 1024, "{each} bytes each");
}
