//! What a faulty upstream does once it has read a request.

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write as _;
use std::time::Duration;

/// One thing done to the socket.
#[derive(Debug, Clone)]
pub enum Act {
    /// Sends bytes.
    Write(Bytes),
    /// Sends bytes one at a time, with a pause after each.
    Trickle(Bytes, Duration),
    /// Sends the bytes again and again, until the caller hangs up.
    Repeat(Bytes),
    /// Sends the bytes so many times.
    Times(Bytes, usize),
    /// Waits; a hang-up meanwhile ends the reply.
    Wait(Duration),
    /// Waits until the caller hangs up.
    Stall,
    /// Ends the connection in order: FIN, over TLS behind a `close_notify`.
    Close,
    /// Ends the connection (FIN), over TLS without a `close_notify`.
    Cut,
    /// Sends bytes under TLS, if there is any: none of its records.
    Raw(Bytes),
    /// Ends the connection at once (RST).
    Reset,
}

/// What is done after one request has been read.
///
/// A reply that does not end the connection is followed by the next request on it.
#[derive(Debug, Clone, Default)]
pub struct Reply(pub(super) Vec<Act>);

impl Reply {
    /// A reply of exactly these acts.
    pub fn of(acts: impl IntoIterator<Item = Act>) -> Self {
        Self(acts.into_iter().collect())
    }

    /// These bytes, head included; then the next request.
    pub fn raw(text: impl Into<Bytes>) -> Self {
        Self(vec![Act::Write(text.into())])
    }

    /// 200 and a JSON body, however malformed.
    pub fn json(body: &str) -> Self {
        Self::with_status(200, "application/json", body)
    }

    /// Any status, content type and body, with a right length.
    pub fn with_status(status: u16, content_type: &str, body: &str) -> Self {
        Self::raw(format!(
            "HTTP/1.1 {status} Scripted\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        ))
    }

    /// A status without a body.
    pub fn empty(status: u16) -> Self {
        let length = if status == 204 { "" } else { "content-length: 0\r\n" };
        Self::raw(format!("HTTP/1.1 {status} Scripted\r\n{length}\r\n"))
    }

    /// 502 with an HTML page, as proxies answer.
    pub fn bad_gateway_page() -> Self {
        Self::with_status(502, "text/html", "<html><body>Bad Gateway</body></html>")
    }

    /// 200 with an HTML page.
    pub fn wrong_content_type() -> Self {
        Self::with_status(200, "text/html; charset=utf-8", "<p>hello</p>")
    }

    /// 302 to another place.
    pub fn redirect(location: &str) -> Self {
        Self::raw(format!("HTTP/1.1 302 Found\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n"))
    }

    /// No byte of an answer, ever.
    pub fn stalled_head() -> Self {
        Self(vec![Act::Stall])
    }

    /// A head and the start of a body, then nothing more.
    pub fn stalled_body() -> Self {
        Self(vec![Act::Write(head("content-length: 100", "[1,")), Act::Stall])
    }

    /// RST instead of an answer.
    pub fn reset_before_head() -> Self {
        Self(vec![Act::Reset])
    }

    /// A head and the start of a body, then RST. The pause lets the caller read the head first: an RST discards
    /// what was not read yet.
    pub fn reset_in_body() -> Self {
        Self(vec![Act::Write(head("content-length: 100", "[1,")), Act::Wait(Duration::from_millis(200)), Act::Reset])
    }

    /// The connection ends in order instead of an answer.
    pub fn closed_before_head() -> Self {
        Self(vec![Act::Close])
    }

    /// Fewer bytes than `content-length` says, then the end of the connection.
    pub fn short_body() -> Self {
        Self(vec![Act::Write(head("content-length: 100", "[1,2")), Act::Close])
    }

    /// A chunk whose size is not a number.
    pub fn bad_chunk() -> Self {
        Self(vec![Act::Write(head("transfer-encoding: chunked", "3\r\n[1,\r\nnope\r\n2]\r\n0\r\n\r\n")), Act::Close])
    }

    /// Something else than HTTP.
    pub fn not_http() -> Self {
        Self(vec![Act::Write(Bytes::from_static(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")), Act::Close])
    }

    /// A JSON body of `bytes` bytes, announced by `content-length`.
    pub fn huge_body(bytes: usize) -> Self {
        let (pieces, rest) = (bytes.saturating_sub(2) / PIECE.len(), bytes.saturating_sub(2) % PIECE.len());
        Self(vec![
            Act::Write(head(&format!("content-length: {bytes}"), "\"")),
            Act::Times(Bytes::from_static(&PIECE), pieces),
            Act::Write(Bytes::from_static(&PIECE[..rest])),
            Act::Write(Bytes::from_static(b"\"")),
        ])
    }

    /// A chunked body that never ends.
    pub fn endless_body() -> Self {
        let chunk = format!("10000\r\n{}\r\n", "1".repeat(0x10000));
        Self(vec![Act::Write(head("transfer-encoding: chunked", "")), Act::Repeat(chunk.into())])
    }

    /// A small gzip body that inflates to `bytes` bytes of JSON.
    pub fn gzip_bomb(bytes: usize) -> Self {
        let inner = bytes.saturating_sub(2);
        let pieces = std::iter::repeat_n(PIECE.as_slice(), inner / PIECE.len());
        let rest = &PIECE[..inner % PIECE.len()];
        Self::packed([b"\"".as_slice()].into_iter().chain(pieces).chain([rest, b"\""]))
    }

    /// A gzip body.
    pub fn gzip(body: &[u8]) -> Self {
        Self::packed([body])
    }

    /// A JSON body that went through gzip so many times, under these lines of a head about its coding.
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

    /// A body that says it is gzip, and is none.
    pub fn broken_gzip() -> Self {
        Self::raw(head("content-encoding: gzip\r\ncontent-length: 4", "oops"))
    }

    /// A body in an encoding that nobody asked for.
    pub fn unasked_encoding() -> Self {
        Self::raw(head("content-encoding: br\r\ncontent-length: 2", "{}"))
    }

    /// A right answer, one byte per `pause`.
    pub fn trickle(body: &str, pause: Duration) -> Self {
        let text = head(&format!("content-length: {}", body.len()), body);
        Self(vec![Act::Trickle(text, pause)])
    }

    /// A right answer, its head too, one byte per `pause`; the body comes at once.
    pub fn slow_head(body: &str, pause: Duration) -> Self {
        Self(vec![
            Act::Trickle(head(&format!("content-length: {}", body.len()), ""), pause),
            Act::Write(Bytes::copy_from_slice(body.as_bytes())),
        ])
    }

    /// 200, a JSON body with a right length, and further lines of the head.
    pub fn with_headers(lines: &[&str], body: &str) -> Self {
        Self::raw(head(&format!("content-length: {}{}", body.len(), lines_of(lines)), body))
    }

    /// 200 and a body under exactly these lines of a head, `content-type` and lengths not added.
    pub fn under_head(lines: &[&str], body: impl AsRef<[u8]>) -> Self {
        let head = format!("HTTP/1.1 200 OK{}\r\n\r\n", lines_of(lines));
        Self::raw([head.as_bytes(), body.as_ref()].concat())
    }

    /// A right answer with `count` headers more.
    pub fn many_headers(count: usize, body: &str) -> Self {
        let lines: String = (0..count).map(|number| format!("\r\nx-{number}: a")).collect();
        Self::raw(head(&format!("content-length: {}{lines}", body.len()), body))
    }

    /// A right answer with one header of `bytes` bytes.
    pub fn long_header(bytes: usize, body: &str) -> Self {
        Self::raw(head(&format!("content-length: {}\r\nx-long: {}", body.len(), "a".repeat(bytes)), body))
    }

    /// Headers without end.
    pub fn endless_head() -> Self {
        Self(vec![Act::Write(Bytes::from_static(b"HTTP/1.1 200 OK\r\n")), Act::Repeat("x-a: b\r\n".repeat(512).into())])
    }

    /// Interim answers (1xx) without end.
    pub fn endless_interim() -> Self {
        Self(vec![Act::Repeat("HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n".repeat(256).into())])
    }

    /// The same, with further bytes right behind it.
    #[must_use]
    pub fn then(mut self, bytes: impl Into<Bytes>) -> Self {
        self.0.push(Act::Write(bytes.into()));
        self
    }

    /// The same, followed by something else.
    #[must_use]
    pub fn then_act(mut self, act: Act) -> Self {
        self.0.push(act);
        self
    }

    /// What it writes, if it does nothing else.
    #[must_use]
    pub fn bytes(&self) -> Bytes {
        let pieces = self.0.iter().filter_map(|act| match act {
            Act::Write(bytes) => Some(bytes.as_ref()),
            _ => None,
        });
        pieces.collect::<Vec<_>>().concat().into()
    }

    /// The same, later.
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

/// What long bodies are made of.
static PIECE: [u8; 64 << 10] = [b'a'; 64 << 10];
