//! A service over HTTP/2 and TLS that misbehaves on purpose.
//!
//! In: what the service does with each request. Out: a base URL on loopback (port 0), and the requests that came.
//! Always true: dropping [`Http2Service`] ends its tasks and closes its sockets.

use bytes::Bytes;
use h2::server::{Connection, SendResponse};
use h2::{Reason, RecvStream};
use http::{HeaderMap, Method, Request, Response};
use rustls::ServerConfig;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// What the service does with a request.
#[derive(Debug, Clone)]
pub enum Does {
    /// Answers 200 with these headers and this body.
    Answer(Vec<(&'static str, String)>, Bytes),
    /// Resets the stream before it sends a head.
    Reset(Reason),
    /// Sends a head and a part of a body, then resets the stream.
    ResetInBody(Reason),
    /// Ends the whole connection with GOAWAY before it sends a head.
    GoAway(Reason),
    /// Closes the TCP connection without a frame of HTTP/2.
    Cut,
    /// Reads the request and never answers it.
    Stall,
    /// Sends a head and a body that never ends.
    Endless,
}

impl Does {
    /// Answers 200 with this JSON body.
    #[must_use]
    pub fn json(body: &'static str) -> Self {
        Self::Answer(vec![("content-type", "application/json".to_owned())], Bytes::from_static(body.as_bytes()))
    }
}

/// A request as the service received it.
#[derive(Debug, Clone)]
pub struct SeenHttp2 {
    /// The HTTP method.
    pub method: Method,
    /// The URI: scheme, authority, path and query.
    pub uri: String,
    /// The headers without the pseudo-headers.
    pub headers: HeaderMap,
    /// The body, in full.
    pub body: Vec<u8>,
    /// The number of the connection that it came on, counted from 0.
    pub connection: usize,
}

/// The running service. Dropping it ends it.
#[derive(Debug)]
pub struct Http2Service {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<SeenHttp2>>>,
    accepting: JoinHandle<()>,
}

impl Drop for Http2Service {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Http2Service {
    /// Listens on a free port of loopback, and does the same with each request.
    ///
    /// # Errors
    /// When no port can be bound.
    pub async fn always(mut server: ServerConfig, does: Does) -> io::Result<Self> {
        server.alpn_protocols = vec![b"h2".to_vec()];
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let seen = Arc::<Mutex<Vec<SeenHttp2>>>::default();
        let acceptor = TlsAcceptor::from(Arc::new(server));
        let accepting = tokio::spawn({
            let seen = Arc::clone(&seen);
            async move {
                let (mut connections, mut count) = (JoinSet::new(), 0);
                while let Ok((stream, _)) = listener.accept().await {
                    connections.spawn(serve(acceptor.clone(), stream, count, does.clone(), Arc::clone(&seen)));
                    count += 1;
                }
            }
        });
        Ok(Self { address, seen, accepting })
    }

    /// The base URL, `https://127.0.0.1:port`, without a slash at the end.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// The requests that have come so far.
    #[must_use]
    pub fn requests(&self) -> Vec<SeenHttp2> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

type Http2 = Connection<TlsStream<TcpStream>, Bytes>;

async fn serve(
    acceptor: TlsAcceptor,
    stream: TcpStream,
    number: usize,
    does: Does,
    seen: Arc<Mutex<Vec<SeenHttp2>>>,
) -> Option<()> {
    let mut connection: Http2 = h2::server::handshake(acceptor.accept(stream).await.ok()?).await.ok()?;
    let mut answering = JoinSet::new();
    while let Some(accepted) = connection.accept().await {
        let (request, respond) = accepted.ok()?;
        match &does {
            Does::GoAway(reason) => connection.abrupt_shutdown(*reason),
            Does::Cut => return None,
            _ => {}
        }
        answering.spawn(answer(request, respond, number, does.clone(), Arc::clone(&seen)));
    }
    Some(())
}

async fn answer(
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
    connection: usize,
    does: Does,
    seen: Arc<Mutex<Vec<SeenHttp2>>>,
) -> Option<()> {
    let (head, mut body) = request.into_parts();
    let mut read = Vec::new();
    while let Some(Ok(chunk)) = body.data().await {
        let _ = body.flow_control().release_capacity(chunk.len());
        read.extend_from_slice(&chunk);
    }
    let uri = head.uri.to_string();
    let request = SeenHttp2 { method: head.method, uri, headers: head.headers, body: read, connection };
    seen.lock().unwrap_or_else(PoisonError::into_inner).push(request);
    let mut response = Response::new(());
    let json = http::HeaderValue::from_static("application/json");
    match does {
        Does::Answer(headers, body) => {
            for (name, value) in headers {
                response.headers_mut().append(name, value.parse().ok()?);
            }
            respond.send_response(response, false).ok()?.send_data(body, true).ok()?;
        }
        Does::Reset(reason) => respond.send_reset(reason),
        Does::ResetInBody(reason) => {
            response.headers_mut().insert("content-type", json);
            let mut sending = respond.send_response(response, false).ok()?;
            sending.send_data(Bytes::from_static(b"[1,"), false).ok()?;
            // The pause lets the caller read what was written before.
            tokio::time::sleep(Duration::from_millis(30)).await;
            sending.send_reset(reason);
        }
        Does::Endless => {
            response.headers_mut().insert("content-type", json);
            let mut sending = respond.send_response(response, false).ok()?;
            loop {
                sending.reserve_capacity(1 << 14);
                let room = std::future::poll_fn(|cx| sending.poll_capacity(cx)).await?.ok()?;
                sending.send_data(Bytes::from(vec![b'1'; room]), false).ok()?;
            }
        }
        Does::GoAway(_) | Does::Cut | Does::Stall => std::future::pending().await,
    }
    Some(())
}
