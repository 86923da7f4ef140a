//! The replies of a faulty upstream: what it does on the connection once it has read a request.

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write as _;
use std::time::Duration;

/// One action on the connection.
#[derive(Debug, Clone)]
pub enum Act {
    /// Sends these bytes.
    Write(Bytes),
    /// Sends these bytes one at a time, with a pause after each.
    Trickle(Bytes, Duration),
    /// Sends these bytes again and again until the caller hangs up.
    Repeat(Bytes),
    /// Sends these bytes this number of times.
    Times(Bytes, usize),
    /// Waits for this time. If the caller hangs up meanwhile, the reply ends.
    Wait(Duration),
    /// Waits until the caller hangs up.
    Stall,
    /// Ends the connection in order, with FIN. Over TLS, a `close_notify` comes first.
    Close,
    /// Ends the connection with FIN. Over TLS, no `close_notify` comes first.
    Cut,
    /// Sends these bytes as they are, even on a connection with TLS, where they are then not part of a TLS record.
    Raw(Bytes),
    /// Ends the connection at once, with RST.
    Reset,
}

/// The actions that follow the reading of one request.
///
/// If a reply does not end the connection, the upstream reads the next request from it.
#[derive(Debug, Clone, Default)]
pub struct Reply(pub(super) Vec<Act>);

impl Reply {
    /// A reply of exactly these actions.
    pub fn of(acts: impl IntoIterator<Item = Act>) -> Self {
        Self(acts.into_iter().collect())
    }

    /// Sends these bytes, which include the head. The connection stays open for the next request.
    pub fn raw(text: impl Into<Bytes>) -> Self {
        Self(vec![Act::Write(text.into())])
    }

    /// Answers 200 with `body` as JSON, even if it is malformed.
    pub fn json(body: &str) -> Self {
        Self::with_status(200, "application/json", body)
    }

    /// Answers with any status, content type and body, and with the right `content-length`.
    pub fn with_status(status: u16, content_type: &str, body: &str) -> Self {
        Self::raw(format!(
            "HTTP/1.1 {status} Scripted\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        ))
    }

    /// Answers with a status and without a body.
    pub fn empty(status: u16) -> Self {
        let length = if status == 204 { "" } else { "content-length: 0\r\n" };
        Self::raw(format!("HTTP/1.1 {status} Scripted\r\n{length}\r\n"))
    }

    /// Answers 502 with an HTML page, as proxies do.
    pub fn bad_gateway_page() -> Self {
        Self::with_status(502, "text/html", "<html><body>Bad Gateway</body></html>")
    }

    /// Answers 200 with an HTML page.
    pub fn wrong_content_type() -> Self {
        Self::with_status(200, "text/html; charset=utf-8", "<p>hello</p>")
    }

    /// Answers 302 with this `location`.
    pub fn redirect(location: &str) -> Self {
        Self::raw(format!("HTTP/1.1 302 Found\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n"))
    }

    /// Never sends a byte.
    pub fn stalled_head() -> Self {
        Self(vec![Act::Stall])
    }

    /// Sends a head and the start of a body, then nothing more.
    pub fn stalled_body() -> Self {
        Self(vec![Act::Write(head("content-length: 100", "[1,")), Act::Stall])
    }

    /// Resets the connection (RST) instead of an answer.
    pub fn reset_before_head() -> Self {
        Self(vec![Act::Reset])
    }

    /// Sends a head and the start of a body, then resets the connection (RST). A pause before the RST lets the caller
    /// read the head, because an RST discards what was not read yet.
    pub fn reset_in_body() -> Self {
        Self(vec![Act::Write(head("content-length: 100", "[1,")), Act::Wait(Duration::from_millis(200)), Act::Reset])
    }

    /// Ends the connection in order instead of an answer.
    pub fn closed_before_head() -> Self {
        Self(vec![Act::Close])
    }

    /// Sends fewer bytes than `content-length` says, then ends the connection.
    pub fn short_body() -> Self {
        Self(vec![Act::Write(head("content-length: 100", "[1,2")), Act::Close])
    }

    /// Sends a chunked body in which the size of a chunk is not a number.
    pub fn bad_chunk() -> Self {
        Self(vec![Act::Write(head("transfer-encoding: chunked", "3\r\n[1,\r\nnope\r\n2]\r\n0\r\n\r\n")), Act::Close])
    }

    /// Sends bytes that are not HTTP.
    pub fn not_http() -> Self {
        Self(vec![Act::Write(Bytes::from_static(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")), Act::Close])
    }

    /// Sends a JSON body of `bytes` bytes, with the right `content-length`.
    pub fn huge_body(bytes: usize) -> Self {
        let (pieces, rest) = (bytes.saturating_sub(2) / PIECE.len(), bytes.saturating_sub(2) % PIECE.len());
        Self(vec![
            Act::Write(head(&format!("content-length: {bytes}"), "\"")),
            Act::Times(Bytes::from_static(&PIECE), pieces),
            Act::Write(Bytes::from_static(&PIECE[..rest])),
            Act::Write(Bytes::from_static(b"\"")),
        ])
    }

    /// Sends a chunked body that never ends.
    pub fn endless_body() -> Self {
        let chunk = format!("10000\r\n{}\r\n", "1".repeat(0x10000));
        Self(vec![Act::Write(head("transfer-encoding: chunked", "")), Act::Repeat(chunk.into())])
    }

    /// Sends a small gzip body that inflates to `bytes` bytes of JSON.
    pub fn gzip_bomb(bytes: usize) -> Self {
        let inner = bytes.saturating_sub(2);
        let pieces = std::iter::repeat_n(PIECE.as_slice(), inner / PIECE.len());
        let rest = &PIECE[..inner % PIECE.len()];
        Self::packed([b"\"".as_slice()].into_iter().chain(pieces).chain([rest, b"\""]))
    }

    /// Sends `body` as JSON, compressed with gzip.
    pub fn gzip(body: &[u8]) -> Self {
        Self::packed([body])
    }

    /// Sends `body` as JSON, compressed with gzip `times` times. `lines` are the lines of the head about its coding.
    pub fn coded(lines: &[&str], body: &[u8], times: usize) -> Self {
        let pack = |body: Vec<u8>, _| {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(&body).and_then(|()| encoder.finish()).unwrap_or_default()
        };
        let packed = (0..times).fold(body.to_vec(), pack);
        let length = format!("content-length: {}", packed.len());
        Self::under_head(&[&["content-type: application/json", &length], lines].concat(), packed)
    }

    fn packed<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        let written = pieces.into_iter().try_for_each(|piece| encoder.write_all(piece));
        let packed = written.and_then(|()| encoder.finish()).unwrap_or_default();
        let head = head(&format!("content-encoding: gzip\r\ncontent-length: {}", packed.len()), "");
        Self(vec![Act::Write(head), Act::Write(packed.into())])
    }

    /// Sends a body that is not gzip, although its head says so.
    pub fn broken_gzip() -> Self {
        Self::raw(head("content-encoding: gzip\r\ncontent-length: 4", "oops"))
    }

    /// Sends a body whose `content-encoding` the caller did not ask for.
    pub fn unasked_encoding() -> Self {
        Self::raw(head("content-encoding: br\r\ncontent-length: 2", "{}"))
    }

    /// Sends a right answer one byte at a time, with `pause` after each byte.
    pub fn trickle(body: &str, pause: Duration) -> Self {
        let text = head(&format!("content-length: {}", body.len()), body);
        Self(vec![Act::Trickle(text, pause)])
    }

    /// Sends a right answer whose head comes one byte at a time, with `pause` after each byte, and whose body comes at
    /// once.
    pub fn slow_head(body: &str, pause: Duration) -> Self {
        Self(vec![
            Act::Trickle(head(&format!("content-length: {}", body.len()), ""), pause),
            Act::Write(Bytes::copy_from_slice(body.as_bytes())),
        ])
    }

    /// Answers 200 with a JSON body, the right `content-length`, and further lines of the head.
    pub fn with_headers(lines: &[&str], body: &str) -> Self {
        Self::raw(head(&format!("content-length: {}{}", body.len(), lines_of(lines)), body))
    }

    /// Answers 200 with a body. `lines` are all lines of the head: neither `content-type` nor a length is added.
    pub fn under_head(lines: &[&str], body: impl AsRef<[u8]>) -> Self {
        let head = format!("HTTP/1.1 200 OK{}\r\n\r\n", lines_of(lines));
        Self::raw([head.as_bytes(), body.as_ref()].concat())
    }

    /// Sends a right answer with `count` more headers.
    pub fn many_headers(count: usize, body: &str) -> Self {
        let lines: String = (0..count).map(|number| format!("\r\nx-{number}: a")).collect();
        Self::raw(head(&format!("content-length: {}{lines}", body.len()), body))
    }

    /// Sends a right answer with one more header, whose value is `bytes` bytes long.
    pub fn long_header(bytes: usize, body: &str) -> Self {
        Self::raw(head(&format!("content-length: {}\r\nx-long: {}", body.len(), "a".repeat(bytes)), body))
    }

    /// Sends a head that never ends.
    pub fn endless_head() -> Self {
        Self(vec![Act::Write(Bytes::from_static(b"HTTP/1.1 200 OK\r\n")), Act::Repeat("x-a: b\r\n".repeat(512).into())])
    }

    /// Sends interim answers (1xx) without end.
    pub fn endless_interim() -> Self {
        Self(vec![Act::Repeat("HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n".repeat(256).into())])
    }

    /// Adds bytes that are sent right after this reply.
    #[must_use]
    pub fn then(mut self, bytes: impl Into<Bytes>) -> Self {
        self.0.push(Act::Write(bytes.into()));
        self
    }

    /// Adds an action after this reply.
    #[must_use]
    pub fn then_act(mut self, act: Act) -> Self {
        self.0.push(act);
        self
    }

    /// All bytes that this reply sends with [`Act::Write`]. Its other actions are left out.
    #[must_use]
    pub fn bytes(&self) -> Bytes {
        let pieces = self.0.iter().filter_map(|act| match act {
            Act::Write(bytes) => Some(bytes.as_ref()),
            _ => None,
        });
        pieces.collect::<Vec<_>>().concat().into()
    }

    /// Adds a wait before this reply.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.0.insert(0, Act::Wait(delay));
        self
    }
}

fn head(headers: &str, body: &str) -> Bytes {
    format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n{headers}\r\n\r\n{body}").into()
}

fn lines_of(lines: &[&str]) -> String {
    lines.iter().map(|line| format!("\r\n{line}")).collect()
}

/// The bytes that long bodies consist of.
static PIECE: [u8; 64 << 10] = [b'a'; 64 << 10];
