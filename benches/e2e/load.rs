//! Load from connections that each send the next request when the last one is answered (a closed loop).
//!
//! In: an address, a query and the answer that it must get. Out: the requests per second and their median latency. The
//! code writes HTTP/1.1 to sockets by hand, because a load program shares the processors with the server that it
//! measures, and should do little itself.

use crate::Failed;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// The requests that are sent, and for how long.
#[derive(Debug, Clone)]
pub(crate) struct Load {
    pub(crate) address: String,
    pub(crate) query: String,
    pub(crate) answer: bytes::Bytes,
    pub(crate) connections: u32,
    pub(crate) lasts: Duration,
    /// Whether each request has an `x-request-id` of its own.
    pub(crate) own_ids: bool,
}

/// The result of a load.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) requests: u64,
    pub(crate) per_second: f64,
    pub(crate) median: Duration,
}

/// Sends requests until the time of the load is over. An error if an answer is wrong.
pub(crate) async fn send(load: &Load) -> Result<Loaded, Failed> {
    let started = Instant::now();
    let mut connections = JoinSet::new();
    for number in 0..load.connections {
        connections.spawn(one(load.clone(), number, started + load.lasts));
    }
    let mut latencies = Vec::new();
    while let Some(done) = connections.join_next().await {
        latencies.append(&mut done??);
    }
    let lasted = started.elapsed();
    latencies.sort_unstable();
    let median = latencies.get(latencies.len() / 2).copied().ok_or("nothing was answered")?;
    Ok(Loaded { requests: latencies.len() as u64, per_second: latencies.len() as f64 / lasted.as_secs_f64(), median })
}

/// Sends one query and returns the body of the answer.
pub(crate) async fn ask(address: &str, query: &str) -> Result<Vec<u8>, Failed> {
    let mut stream = TcpStream::connect(address).await?;
    let body = serde_json::json!({ "query": query }).to_string();
    let head = format!(
        "POST /graphql HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(format!("{head}{body}").as_bytes()).await?;
    let mut read = vec![0; 64 << 10];
    Ok(answer(&mut stream, &mut read).await?.to_vec())
}

/// The first 300 bytes of a body as text, for error messages.
pub(crate) fn excerpt(body: &[u8]) -> String {
    String::from_utf8_lossy(&body[..body.len().min(300)]).into_owned()
}

async fn one(load: Load, number: u32, until: Instant) -> Result<Vec<Duration>, Failed> {
    let mut stream = TcpStream::connect(&load.address).await?;
    stream.set_nodelay(true)?;
    let body = serde_json::json!({ "query": load.query }).to_string();
    let head = format!(
        "POST /graphql HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n",
        load.address,
        body.len()
    );
    let mut latencies = Vec::new();
    let mut read = vec![0; 64 << 10];
    while Instant::now() < until {
        let id = match load.own_ids {
            true => format!("x-request-id: load-{number}-{}\r\n", latencies.len()),
            false => String::new(),
        };
        let started = Instant::now();
        stream.write_all(format!("{head}{id}\r\n{body}").as_bytes()).await?;
        let answer = answer(&mut stream, &mut read).await?;
        latencies.push(started.elapsed());
        if answer != load.answer {
            return Err(format!("a wrong answer: {}", excerpt(answer)).into());
        }
    }
    Ok(latencies)
}

/// Reads one answer and returns its body.
async fn answer<'r>(stream: &mut TcpStream, read: &'r mut Vec<u8>) -> Result<&'r [u8], Failed> {
    let mut len = 0;
    let mut body: Option<std::ops::Range<usize>> = None;
    loop {
        if let Some(range) = body.as_ref().filter(|range| range.end <= len) {
            return Ok(&read[range.clone()]);
        }
        if len == read.len() {
            read.resize(len * 2, 0);
        }
        let count = stream.read(&mut read[len..]).await?;
        if count == 0 {
            return Err("the connection was closed".into());
        }
        len += count;
        if body.is_none() {
            body = head(&read[..len])?;
        }
    }
}

/// The range of the body in the bytes read so far; `None` until the head is complete.
fn head(read: &[u8]) -> Result<Option<std::ops::Range<usize>>, Failed> {
    let Some(end) = read.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
    let head = std::str::from_utf8(&read[..end])?.to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    let length: usize = length.ok_or_else(|| format!("no content-length: {head}"))?.trim().parse()?;
    Ok(Some(end + 4..end + 4 + length))
}
