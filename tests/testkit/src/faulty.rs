//! A programmable upstream that misbehaves on purpose, over raw TCP.
//!
//! In: a function from a [`SeenRequest`] to a [`Reply`], which is a list of [`Act`]s on the socket.
//! Out: a base URL on loopback (port 0), what was asked ([`Faulty::requests`]), and how often the caller hung up
//! before the reply was through ([`Faulty::hangups`]).
//!
//! Always true:
//! - bytes go out exactly as written in the script: nothing corrects a wrong length or a bad chunk;
//! - dropping [`Faulty`] ends its tasks and closes its sockets; nothing is printed.
//!
//! ```no_run
//! # async fn example() -> std::io::Result<()> {
//! use testkit::faulty::{Faulty, Reply};
//! let upstream = Faulty::start(|request| match request.target.as_str() {
//!     "/slow" => Reply::stalled_body(),
//!     _ => Reply::json(r#"{"ok":true}"#),
//! })
//! .await?;
//! let url = format!("{}/slow", upstream.base_url());
//! # Ok(())
//! # }
//! ```

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// Longest request that is read; a longer one ends the connection.
const MAX_REQUEST_BYTES: usize = 1 << 20;

/// One thing done to the socket.
#[derive(Debug, Clone)]
pub enum Act {
    /// Sends bytes.
    Write(Bytes),
    /// Sends bytes one at a time, with a pause after each.
    Trickle(Bytes, Duration),
    /// Sends the bytes again and again, until the caller hangs up.
    Repeat(Bytes),
    /// Waits; a hang-up meanwhile ends the reply.
    Wait(Duration),
    /// Waits until the caller hangs up.
    Stall,
    /// Ends the connection in order (FIN).
    Close,
    /// Ends the connection at once (RST).
    Reset,
}

/// What is done after one request has been read.
///
/// A reply that does not end the connection is followed by the next request on it.
#[derive(Debug, Clone, Default)]
pub struct Reply(Vec<Act>);

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
        Self(vec![Act::Write(head("content-length: 100", "[1,")), Act::Wait(Duration::from_millis(30)), Act::Reset])
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
        let body = json_string_of(bytes);
        Self(vec![Act::Write(head(&format!("content-length: {bytes}"), "")), Act::Write(body.into())])
    }

    /// A chunked body that never ends.
    pub fn endless_body() -> Self {
        let chunk = format!("400\r\n{}\r\n", "1".repeat(0x400));
        Self(vec![Act::Write(head("transfer-encoding: chunked", "")), Act::Repeat(chunk.into())])
    }

    /// A small gzip body that inflates to `bytes` bytes of JSON.
    pub fn gzip_bomb(bytes: usize) -> Self {
        Self::gzip(&json_string_of(bytes))
    }

    /// A gzip body.
    pub fn gzip(body: &[u8]) -> Self {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        let packed = encoder.write_all(body).and_then(|()| encoder.finish()).unwrap_or_default();
        let head = head(&format!("content-encoding: gzip\r\ncontent-length: {}", packed.len()), "");
        Self(vec![Act::Write(head), Act::Write(packed.into())])
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

fn json_string_of(bytes: usize) -> Vec<u8> {
    let mut body = vec![b'a'; bytes.max(2)];
    body[0] = b'"';
    let last = body.len() - 1;
    body[last] = b'"';
    body
}

/// A request as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenRequest {
    /// The method.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// Headers in order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
    /// Which connection it came on, counted from 0.
    pub connection: usize,
}

impl SeenRequest {
    /// The first header of this lower-case name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

type Script = dyn Fn(&SeenRequest) -> Reply + Send + Sync;

struct Shared {
    script: Box<Script>,
    seen: Mutex<Vec<SeenRequest>>,
    arrived: watch::Sender<usize>,
    hangups: watch::Sender<usize>,
}

/// The running upstream; dropping it ends it.
pub struct Faulty {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

impl std::fmt::Debug for Faulty {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Faulty").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Drop for Faulty {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Faulty {
    /// Listens on loopback, on a free port, and answers each request as `script` says.
    ///
    /// # Errors
    /// When no port can be bound.
    pub async fn start(script: impl Fn(&SeenRequest) -> Reply + Send + Sync + 'static) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            script: Box::new(script),
            seen: Mutex::default(),
            arrived: watch::Sender::new(0),
            hangups: watch::Sender::new(0),
        });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self { address, shared, accepting })
    }

    /// Answers every request alike.
    ///
    /// # Errors
    /// When no port can be bound.
    pub async fn always(reply: Reply) -> io::Result<Self> {
        Self::start(move |_| reply.clone()).await
    }

    /// `http://127.0.0.1:port`, without a slash at the end.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The requests so far, in the order they were read.
    #[must_use]
    pub fn requests(&self) -> Vec<SeenRequest> {
        self.shared.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many replies were cut short because the caller ended the connection.
    #[must_use]
    pub fn hangups(&self) -> usize {
        *self.shared.hangups.borrow()
    }

    /// Waits until so many requests have been read.
    pub async fn until_requests(&self, count: usize) {
        let mut arrived = self.shared.arrived.subscribe();
        let _ = arrived.wait_for(|seen| *seen >= count).await;
    }

    /// Waits until so many replies were cut short by the caller.
    pub async fn until_hangups(&self, count: usize) {
        let mut hangups = self.shared.hangups.subscribe();
        let _ = hangups.wait_for(|seen| *seen >= count).await;
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    let mut count = 0;
    while let Ok((socket, _)) = listener.accept().await {
        connections.spawn(serve(socket, count, Arc::clone(&shared)));
        count += 1;
        while connections.try_join_next().is_some() {}
    }
}

/// Why a connection is not used any further.
enum End {
    /// As the script says, or because no request came.
    Scripted,
    /// The caller left before the reply was through.
    HungUp,
}

async fn serve(mut socket: TcpStream, connection: usize, shared: Arc<Shared>) {
    let mut buffer = Vec::new();
    while let Some(request) = read_request(&mut socket, &mut buffer, connection).await {
        let reply = (shared.script)(&request);
        shared.seen.lock().unwrap_or_else(PoisonError::into_inner).push(request);
        shared.arrived.send_modify(|count| *count += 1);
        match perform(&mut socket, reply).await {
            Ok(()) => {}
            Err(End::Scripted) => return,
            Err(End::HungUp) => return shared.hangups.send_modify(|count| *count += 1),
        }
    }
}

async fn perform(socket: &mut TcpStream, reply: Reply) -> Result<(), End> {
    for act in reply.0 {
        match act {
            Act::Write(bytes) => write(socket, &bytes).await?,
            Act::Trickle(bytes, pause) => {
                for byte in bytes {
                    write(socket, &[byte]).await?;
                    wait(socket, pause).await?;
                }
            }
            Act::Repeat(bytes) => loop {
                write(socket, &bytes).await?;
            },
            Act::Wait(delay) => wait(socket, delay).await?,
            Act::Stall => {
                until_hangup(socket).await;
                return Err(End::HungUp);
            }
            Act::Close => return Err(End::Scripted),
            Act::Reset => {
                let _ = socket.set_zero_linger();
                return Err(End::Scripted);
            }
        }
    }
    Ok(())
}

async fn write(socket: &mut TcpStream, bytes: &[u8]) -> Result<(), End> {
    socket.write_all(bytes).await.map_err(|_| End::HungUp)
}

async fn wait(socket: &mut TcpStream, delay: Duration) -> Result<(), End> {
    tokio::select! {
        () = tokio::time::sleep(delay) => Ok(()),
        () = until_hangup(socket) => Err(End::HungUp),
    }
}

/// Reads on, throwing away what comes, until the caller ends the connection.
async fn until_hangup(socket: &mut TcpStream) {
    let mut scratch = [0; 1024];
    while matches!(socket.read(&mut scratch).await, Ok(count) if count > 0) {}
}

/// The next request, or `None` when the caller is done or does not speak HTTP.
async fn read_request(socket: &mut TcpStream, buffer: &mut Vec<u8>, connection: usize) -> Option<SeenRequest> {
    let end = loop {
        if let Some(at) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        fill(socket, buffer).await?;
    };
    let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
    let mut lines = head.split("\r\n");
    let mut first = lines.next()?.split(' ');
    let (method, target) = (first.next()?.to_owned(), first.next()?.to_owned());
    let headers: Vec<_> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length: usize = length.map_or(Some(0), |(_, value)| value.parse().ok())?;
    while buffer.len() < end + length {
        fill(socket, buffer).await?;
    }
    let body = Bytes::copy_from_slice(&buffer[end..end + length]);
    buffer.drain(..end + length);
    Some(SeenRequest { method, target, headers, body, connection })
}

async fn fill(socket: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<()> {
    let read = socket.read_buf(buffer).await.ok()?;
    (read > 0 && buffer.len() <= MAX_REQUEST_BYTES).then_some(())
}
