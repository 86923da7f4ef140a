//! Queries over connections that block, and their times.
//!
//! In: connections to one process. Out: the time of each query, from its first byte sent to the last byte of its
//! answer. The code uses threads that block, because the timers of a runtime are as coarse as a millisecond, which is
//! longer than a query takes.

use crate::Failed;
use crate::load::excerpt;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

/// The longest wait for one answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// The longest answer, including its head, in bytes.
const MAX_ANSWER_BYTES: usize = 4 << 10;

/// A connection that sends the same query again and again.
pub(crate) struct Connection {
    stream: TcpStream,
    request: String,
    /// The body that every answer must have.
    answer: &'static [u8],
}

impl Connection {
    pub(crate) fn open(address: &str, query: &str, answer: &'static str) -> Result<Self, Failed> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self { stream, request: request(address, query), answer: answer.as_bytes() })
    }

    /// Sends one query and returns the time that it took.
    fn ask(&mut self) -> Result<Duration, Failed> {
        let mut read = [0; MAX_ANSWER_BYTES];
        let mut len = 0;
        let started = Instant::now();
        self.stream.write_all(self.request.as_bytes())?;
        while !read[..len].ends_with(self.answer) {
            // `read` returns 0 at the end of the stream or if the buffer is full, and an error after the longest wait.
            match self.stream.read(&mut read[len..]) {
                Ok(count) if count > 0 => len += count,
                end => return Err(format!("no right answer ({end:?}): {}", excerpt(&read[..len])).into()),
            }
        }
        Ok(started.elapsed())
    }

    /// Sends `times` queries: the first at `first`, and then one every `pace`, or as soon as the answer before has
    /// come.
    #[expect(clippy::disallowed_methods, reason = "the thread is its own, and a runtime's timers are too coarse")]
    fn ask_often(&mut self, times: usize, first: Instant, pace: Duration) -> Result<Vec<Duration>, Failed> {
        let mut due = first;
        let mut took = Vec::with_capacity(times);
        for _ in 0..times {
            thread::sleep(due.saturating_duration_since(Instant::now()));
            took.push(self.ask()?);
            due += pace;
        }
        Ok(took)
    }
}

/// Sends `queries` queries in all, one every `pace`, each over the next of the connections. Returns their times.
pub(crate) fn ask(connections: &mut [Connection], queries: usize, pace: Duration) -> Result<Vec<Duration>, Failed> {
    let began = Instant::now();
    let each = queries / connections.len();
    let round = pace * u32::try_from(connections.len())?;
    thread::scope(|scope| {
        let firsts = std::iter::successors(Some(began), |first| Some(*first + pace));
        let asking = connections.iter_mut().zip(firsts);
        let asking = asking.map(|(connection, first)| scope.spawn(move || connection.ask_often(each, first, round)));
        let asking: Vec<_> = asking.collect();
        let mut took = Vec::with_capacity(queries);
        for thread in asking {
            took.append(&mut thread.join().map_err(|_| "a thread has panicked")??);
        }
        Ok(took)
    })
}

/// Queries that have been sent and wait for the stalled service.
pub(crate) struct Waiting(Vec<TcpStream>);

impl Waiting {
    pub(crate) fn begin(address: &str, query: &str, count: usize) -> Result<Self, Failed> {
        let send = |_| {
            let mut stream = TcpStream::connect(address)?;
            stream.write_all(request(address, query).as_bytes())?;
            stream.set_nonblocking(true)?;
            Ok(stream)
        };
        Ok(Self((0..count).map(send).collect::<Result<_, Failed>>()?))
    }

    /// Returns an error if one of them has an answer or has lost its connection.
    pub(crate) fn check(&self) -> Result<(), Failed> {
        for stream in &self.0 {
            match stream.peek(&mut [0]) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                end => return Err(format!("a query does not wait for the stalled service any more: {end:?}").into()),
            }
        }
        Ok(())
    }
}

fn request(address: &str, query: &str) -> String {
    let body = serde_json::json!({ "query": query }).to_string();
    format!(
        "POST /graphql HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}
