//! A programmable upstream that misbehaves on purpose, over plain TCP or over TLS.
//!
//! In: a function from a [`SeenRequest`] to a [`Reply`], which is a list of [`Act`]s on the socket.
//! Out: a base URL on loopback (port 0), the requests that came ([`Faulty::requests`]), how many bytes of the replies
//! were sent ([`Faulty::sent`]), and how often the caller hung up before the end of a reply ([`Faulty::hangups`]).
//!
//! Always true:
//! - the bytes of a script are sent exactly as they are: nothing corrects a wrong length or a bad chunk;
//! - a reply of any length is written from a small buffer, so that a test can measure the memory of the caller;
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

mod reply;
mod socket;

pub use reply::{Act, Reply};
pub use socket::Security;

use bytes::Bytes;
use socket::Socket;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// The longest request that is read, in bytes. A longer one ends the connection.
const MAX_REQUEST_BYTES: usize = 1 << 20;

/// The most requests that are remembered. Further ones are answered and counted, but not remembered.
const MAX_SEEN: usize = 10_000;

/// The most bytes of a reply that are handed to the operating system at once. [`Faulty::sent`] is exact to this number.
const PIECE: usize = 64 << 10;

/// A request as the upstream received it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenRequest {
    /// The HTTP method.
    pub method: String,
    /// The path and query, as sent.
    pub target: String,
    /// The headers in the order in which they came, with names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body of the request.
    pub body: Bytes,
    /// The number of the connection that it came on, counted from 0.
    pub connection: usize,
}

impl SeenRequest {
    /// The value of the first header `name`, which must be in lower case.
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
    sent: AtomicU64,
    connections: AtomicUsize,
}

impl Shared {
    fn remember(&self, request: SeenRequest) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() < MAX_SEEN {
            seen.push(request);
        }
        drop(seen);
        self.arrived.send_modify(|count| *count += 1);
    }
}

/// The running upstream. Dropping it ends it.
pub struct Faulty {
    address: SocketAddr,
    is_https: bool,
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
    /// Listens on a free port of loopback, and answers each request with the reply that `script` returns.
    ///
    /// # Errors
    /// When no port can be bound.
    pub async fn start(script: impl Fn(&SeenRequest) -> Reply + Send + Sync + 'static) -> io::Result<Self> {
        Self::start_over(Security::Plain, script).await
    }

    /// As [`Faulty::always`], but over connections of this [`Security`].
    ///
    /// # Errors
    /// When no port can be bound.
    pub async fn always_over(security: Security, reply: Reply) -> io::Result<Self> {
        Self::start_over(security, move |_| reply.clone()).await
    }

    /// As [`Faulty::start`], but over connections of this [`Security`].
    ///
    /// # Errors
    /// When no port can be bound.
    pub async fn start_over(
        security: Security,
        script: impl Fn(&SeenRequest) -> Reply + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            script: Box::new(script),
            seen: Mutex::default(),
            arrived: watch::Sender::new(0),
            hangups: watch::Sender::new(0),
            sent: AtomicU64::new(0),
            connections: AtomicUsize::new(0),
        });
        let is_https = !matches!(security, Security::Plain);
        let accepting = tokio::spawn(accept(listener, security, Arc::clone(&shared)));
        Ok(Self { address, is_https, shared, accepting })
    }

    /// As [`Faulty::start`], but every request gets the same reply.
    ///
    /// # Errors
    /// When no port can be bound.
    pub async fn always(reply: Reply) -> io::Result<Self> {
        Self::start(move |_| reply.clone()).await
    }

    /// The base URL, `http://127.0.0.1:port` or `https://127.0.0.1:port`, without a slash at the end.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("{}://{}", if self.is_https { "https" } else { "http" }, self.address)
    }

    /// The number of connections that were accepted so far, including those without a request.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// The address on which the upstream listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The first 10,000 requests, in the order in which they were read.
    #[must_use]
    pub fn requests(&self) -> Vec<SeenRequest> {
        self.shared.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The number of bytes of replies that the operating system has taken so far. The last of them, some megabytes at
    /// most, may still be in its buffers, so that the caller has not read them.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.shared.sent.load(Ordering::Relaxed)
    }

    /// The number of replies that were cut short because the caller ended the connection.
    #[must_use]
    pub fn hangups(&self) -> usize {
        *self.shared.hangups.borrow()
    }

    /// Waits until `count` requests have been read.
    pub async fn until_requests(&self, count: usize) {
        let mut arrived = self.shared.arrived.subscribe();
        let _ = arrived.wait_for(|seen| *seen >= count).await;
    }

    /// Waits until the caller has cut `count` replies short.
    pub async fn until_hangups(&self, count: usize) {
        let mut hangups = self.shared.hangups.subscribe();
        let _ = hangups.wait_for(|seen| *seen >= count).await;
    }
}

async fn accept(listener: TcpListener, security: Security, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let count = shared.connections.fetch_add(1, Ordering::Relaxed);
        connections.spawn(begin(stream, security.clone(), count, Arc::clone(&shared)));
        while connections.try_join_next().is_some() {}
    }
}

async fn begin(stream: TcpStream, security: Security, connection: usize, shared: Arc<Shared>) {
    if let Some(socket) = Socket::accept(stream, security).await {
        serve(socket, connection, shared).await;
    }
}

/// The reason why a connection is not used any more.
enum End {
    /// The script ends the connection.
    Scripted,
    /// The caller hung up before the end of the reply.
    HungUp,
}

async fn serve(mut socket: Socket, connection: usize, shared: Arc<Shared>) {
    let mut buffer = Vec::new();
    while let Some(request) = read_request(&mut socket, &mut buffer, connection).await {
        let reply = (shared.script)(&request);
        shared.remember(request);
        match perform(&mut socket, &shared.sent, reply).await {
            Ok(()) => {}
            Err(End::Scripted) => return,
            Err(End::HungUp) => return shared.hangups.send_modify(|count| *count += 1),
        }
    }
}

async fn perform(socket: &mut Socket, sent: &AtomicU64, reply: Reply) -> Result<(), End> {
    for act in reply.0 {
        match act {
            Act::Write(bytes) => write(socket, sent, &bytes).await?,
            Act::Trickle(bytes, pause) => {
                for byte in bytes {
                    write(socket, sent, &[byte]).await?;
                    wait(socket, pause).await?;
                }
            }
            Act::Repeat(bytes) => loop {
                write(socket, sent, &bytes).await?;
            },
            Act::Times(bytes, times) => {
                for _ in 0..times {
                    write(socket, sent, &bytes).await?;
                }
            }
            Act::Wait(delay) => wait(socket, delay).await?,
            Act::Stall => {
                until_hangup(socket).await;
                return Err(End::HungUp);
            }
            Act::Close => {
                let _ = socket.shutdown().await;
                return Err(End::Scripted);
            }
            Act::Cut => return Err(End::Scripted),
            Act::Reset => {
                let _ = socket.tcp().set_zero_linger();
                return Err(End::Scripted);
            }
            Act::Raw(bytes) => socket.tcp().write_all(&bytes).await.map_err(|_| End::HungUp)?,
        }
    }
    Ok(())
}

async fn write(socket: &mut Socket, sent: &AtomicU64, bytes: &[u8]) -> Result<(), End> {
    for piece in bytes.chunks(PIECE) {
        socket.write_all(piece).await.map_err(|_| End::HungUp)?;
        socket.flush().await.map_err(|_| End::HungUp)?;
        sent.fetch_add(piece.len() as u64, Ordering::Relaxed);
    }
    Ok(())
}

async fn wait(socket: &mut Socket, delay: Duration) -> Result<(), End> {
    tokio::select! {
        () = tokio::time::sleep(delay) => Ok(()),
        () = until_hangup(socket) => Err(End::HungUp),
    }
}

/// Reads and discards bytes until the caller ends the connection.
async fn until_hangup(socket: &mut Socket) {
    let mut scratch = [0; 1024];
    while matches!(socket.read(&mut scratch).await, Ok(count) if count > 0) {}
}

/// Reads the next request. `None` if the caller has ended the connection, sends too much, or does not speak HTTP.
async fn read_request(socket: &mut Socket, buffer: &mut Vec<u8>, connection: usize) -> Option<SeenRequest> {
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

async fn fill(socket: &mut Socket, buffer: &mut Vec<u8>) -> Option<()> {
    let read = socket.read_buf(buffer).await.ok()?;
    (read > 0 && buffer.len() <= MAX_REQUEST_BYTES).then_some(())
}
