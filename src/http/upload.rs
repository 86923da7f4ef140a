//! Reads the bodies of requests whole, within bounds on their size, time and rate, and on how many are read at once.
//!
//! In: the body of a request. Out: its bytes, or the reason why reading it was given up.
//! Elsewhere: which requests are answered once their body is there ([`super::admission`]); parsing the body
//! ([`super::request`]).
//!
//! A body that is there at once, as nearly all are, is passed on without a copy. Any other body takes a place among the
//! uploads, which are bounded in number and in bytes. When an upload begins and there is no place, the oldest upload is
//! ended. When an upload grows and there is no room, the upload that holds the most bytes is ended. So clients that
//! send slowly or send much make room for the others.
//!
//! Always true:
//! - all bodies that have not ended hold at most `max_reading_bytes` together;
//! - an upload ends at its request's deadline, or earlier if it is slower than the least rate.

use super::graphql::within;
use super::refusal::Refusal;
use crate::config::ServerConfig;
use axum::body::{Body, HttpBody};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use tokio::time::sleep_until;

/// How long a body may take to arrive before it counts as an upload.
const AT_ONCE: Duration = Duration::from_millis(50);

/// How long a body may take to arrive before its rate is checked.
const HEAD_START: Duration = Duration::from_secs(1);

/// The bounds on one body.
#[derive(Debug, Clone, Copy)]
pub(super) struct BodyLimits {
    /// The most bytes that the body may have.
    pub(super) bytes: usize,
    /// The least rate, in bytes per second; 0 if any rate is allowed.
    pub(super) rate: u32,
    /// When the request began.
    pub(super) began: Instant,
    /// When the whole body must have arrived.
    pub(super) deadline: Instant,
}

impl BodyLimits {
    /// When a body of which `received` bytes have arrived counts as too slow if nothing more arrives.
    fn ends(&self, received: usize) -> Instant {
        if self.rate == 0 {
            return self.deadline;
        }
        let bytes = u32::try_from(received).unwrap_or(u32::MAX);
        let time = HEAD_START + Duration::from_secs(1) * bytes / self.rate;
        self.deadline.min(self.began + time)
    }
}

/// Reads a body to its end.
///
/// # Errors
/// [`Refusal::TooLarge`]; [`Refusal::SlowBody`]; [`Refusal::Malformed`] if the body broke off; and
/// [`Refusal::Overloaded`] if the body had to make room for others.
pub(super) async fn read(body: &mut Body, limits: BodyLimits, uploads: &Arc<Uploads>) -> Result<Bytes, Refusal> {
    let soon = limits.deadline.min(limits.began + AT_ONCE);
    let first = match within(soon, piece(body)).await {
        Some(piece) => piece?.unwrap_or_default(),
        None => Bytes::new(),
    };
    if first.len() > limits.bytes {
        return Err(Refusal::TooLarge { limit: limits.bytes });
    }
    if body.is_end_stream() {
        return Ok(first);
    }
    Box::pin(upload(body, first, limits, uploads)).await
}

/// Reads a body that has not arrived at once. `first` is the part that has.
async fn upload(body: &mut Body, first: Bytes, limits: BodyLimits, uploads: &Arc<Uploads>) -> Result<Bytes, Refusal> {
    let upload = uploads.begin();
    upload.grow(first.len())?;
    let mut whole = BytesMut::from(first);
    let mut ended = pin!(upload.ended());
    let mut timer = pin!(sleep_until(limits.ends(whole.len()).into()));
    loop {
        let next = tokio::select! {
            biased;
            () = &mut ended => return Err(Refusal::Overloaded),
            next = piece(body) => next?,
            () = &mut timer => return Err(Refusal::SlowBody),
        };
        let Some(piece) = next else { return Ok(whole.freeze()) };
        if whole.len() + piece.len() > limits.bytes {
            return Err(Refusal::TooLarge { limit: limits.bytes });
        }
        upload.grow(piece.len())?;
        whole.extend_from_slice(&piece);
        timer.as_mut().reset(limits.ends(whole.len()).into());
    }
}

/// The next piece of a body; `None` if the body has ended.
async fn piece(body: &mut Body) -> Result<Option<Bytes>, Refusal> {
    while !body.is_end_stream() {
        let Some(frame) = body.frame().await else { break };
        let frame = frame.map_err(|_| Refusal::Malformed("the body broke off".to_owned()))?;
        // Trailers are ignored.
        if let Ok(piece) = frame.into_data() {
            return Ok(Some(piece));
        }
    }
    Ok(None)
}

/// The bodies that are being read.
#[derive(Debug)]
pub(super) struct Uploads {
    most: usize,
    most_bytes: usize,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    next: u64,
    /// The bytes that all open uploads hold.
    bytes: usize,
    /// The open uploads by their number, the oldest first.
    open: BTreeMap<u64, Open>,
}

#[derive(Debug)]
struct Open {
    bytes: usize,
    end: Arc<Notify>,
}

impl Table {
    /// Ends an upload. Its bytes no longer count.
    fn end(&mut self, number: u64) {
        if let Some(open) = self.open.remove(&number) {
            self.bytes -= open.bytes;
            open.end.notify_one();
        }
    }
}

impl Uploads {
    pub(super) fn new(config: &ServerConfig) -> Arc<Self> {
        let most = usize::try_from(config.max_reading.get()).unwrap_or(usize::MAX);
        Arc::new(Self { most, most_bytes: config.max_reading_bytes.get(), table: Mutex::default() })
    }

    /// Begins an upload. If `most` uploads are open already, the oldest is ended.
    fn begin(self: &Arc<Self>) -> Upload {
        let mut table = self.table();
        while table.open.len() >= self.most {
            let Some((&oldest, _)) = table.open.first_key_value() else { break };
            table.end(oldest);
        }
        let (number, end) = (table.next, Arc::new(Notify::new()));
        table.next += 1;
        table.open.insert(number, Open { bytes: 0, end: Arc::clone(&end) });
        Upload { uploads: Arc::clone(self), number, end }
    }

    /// Locks the table. The lock is held for a walk over the uploads, never across an await.
    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One body that is being read. Dropping this ends the upload.
#[derive(Debug)]
struct Upload {
    uploads: Arc<Uploads>,
    number: u64,
    end: Arc<Notify>,
}

impl Upload {
    /// Takes room for more bytes. If there is none, the upload that holds the most is ended, which may be this one.
    fn grow(&self, more: usize) -> Result<(), Refusal> {
        let mut table = self.uploads.table();
        loop {
            let held = table.open.get(&self.number).ok_or(Refusal::Overloaded)?.bytes;
            if table.bytes + more <= self.uploads.most_bytes {
                break;
            }
            let others = table.open.iter().filter(|(number, _)| **number != self.number);
            let largest = others.max_by_key(|(_, open)| open.bytes).map(|(number, open)| (*number, open.bytes));
            match largest.filter(|(_, bytes)| *bytes > held + more) {
                Some((largest, _)) => table.end(largest),
                None => {
                    table.end(self.number);
                    return Err(Refusal::Overloaded);
                }
            }
        }
        table.bytes += more;
        if let Some(open) = table.open.get_mut(&self.number) {
            open.bytes += more;
        }
        Ok(())
    }

    /// Waits until another upload needs the room of this one.
    async fn ended(&self) {
        self.end.notified().await;
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        self.uploads.table().end(self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;
    use futures_util::stream;
    use std::convert::Infallible;
    use tokio::time::timeout;

    const LONG: Duration = Duration::from_secs(3_600);

    fn uploads(most: u32, most_bytes: usize) -> Arc<Uploads> {
        Uploads::new(&ServerConfig {
            max_reading: most.try_into().unwrap(),
            max_reading_bytes: most_bytes.try_into().unwrap(),
            ..ServerConfig::default()
        })
    }

    /// A body whose pieces arrive one by one, each after a pause. It ends after them if `ends` is true, or else stays
    /// open.
    fn dripping(piece: usize, pause: Duration, pieces: usize, ends: bool) -> Body {
        let drip = stream::unfold(0, move |at| async move {
            if at == pieces {
                return if ends { None } else { std::future::pending().await };
            }
            tokio::time::sleep(pause).await;
            Some((Ok::<_, Infallible>(Bytes::from(vec![b'x'; piece])), at + 1))
        });
        Body::from_stream(drip)
    }

    fn limits(rate: u32, deadline: Duration) -> BodyLimits {
        let began = tokio::time::Instant::now().into_std();
        BodyLimits { bytes: 1_000_000, rate, began, deadline: began + deadline }
    }

    async fn outcome(mut body: Body, limits: BodyLimits, uploads: &Arc<Uploads>) -> Result<usize, &'static str> {
        let read = timeout(LONG, read(&mut body, limits, uploads)).await.expect("an end");
        read.map(|bytes| bytes.len()).map_err(|refusal| refusal.code())
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_comes_below_the_least_rate_is_given_up() {
        let uploads = uploads(8, 1_000_000);
        let (second, deadline) = (Duration::from_secs(1), Duration::from_secs(60));
        let silent = || Body::from_stream(stream::pending::<Result<Bytes, Infallible>>());
        for (about, body, rate, wanted, seconds) in [
            ("silent", silent(), 1_000, Err("BODY_TIMEOUT"), 1),
            ("silent, at any rate", silent(), 0, Err("BODY_TIMEOUT"), 60),
            ("as fast as it must be", dripping(600, second / 2, 40, true), 1_000, Ok(24_000), 20),
            ("too slow", dripping(90, second / 10, 400, true), 1_000, Err("BODY_TIMEOUT"), 9),
            ("a byte a second", dripping(1, second / 2, 40, true), 1_000, Err("BODY_TIMEOUT"), 1),
            ("fast, and then silent", dripping(5_000, second / 2, 1, false), 1_000, Err("BODY_TIMEOUT"), 6),
            (
                "fast, and then silent, to the deadline",
                dripping(500_000, second / 2, 1, false),
                1_000,
                Err("BODY_TIMEOUT"),
                60,
            ),
        ] {
            let began = tokio::time::Instant::now();
            assert_eq!(outcome(body, limits(rate, deadline), &uploads).await, wanted, "{about}");
            assert_eq!(began.elapsed().as_secs(), seconds, "{about}");
        }
        let table = uploads.table();
        assert_eq!((table.bytes, table.open.len()), (0, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_comes_at_once_is_no_upload() {
        let uploads = uploads(1, 1);
        let _other = uploads.begin();
        assert_eq!(outcome(Body::from("12345"), limits(1_000, LONG), &uploads).await, Ok(5));
        let soon = Body::from_stream(stream::once(async {
            tokio::time::sleep(AT_ONCE / 2).await;
            Ok::<_, Infallible>("12345")
        }));
        // The end of the body is noticed only a moment later. Until then, its bytes count.
        assert_eq!(outcome(soon, limits(1_000, LONG), &uploads).await, Err("OVERLOADED"));
    }

    #[tokio::test]
    async fn the_oldest_upload_ends_for_a_new_one() {
        let uploads = uploads(2, 100);
        let (first, second) = (uploads.begin(), uploads.begin());
        first.grow(10).unwrap();
        let third = uploads.begin();
        assert!(first.ended().now_or_never().is_some() && second.ended().now_or_never().is_none());
        assert_eq!(first.grow(1), Err(Refusal::Overloaded), "it has ended");
        assert_eq!(uploads.table().bytes, 0);
        drop(third);
        let _fourth = uploads.begin();
        assert!(second.ended().now_or_never().is_none());
    }

    #[tokio::test]
    async fn whoever_holds_the_most_ends_for_one_that_grows() {
        let uploads = uploads(8, 100);
        let (large, small, new) = (uploads.begin(), uploads.begin(), uploads.begin());
        large.grow(60).unwrap();
        small.grow(30).unwrap();
        new.grow(20).unwrap();
        assert!(large.ended().now_or_never().is_some() && small.ended().now_or_never().is_none());
        assert_eq!(uploads.table().bytes, 50);
        assert_eq!(new.grow(60), Err(Refusal::Overloaded), "it would hold the most itself");
        assert_eq!(uploads.table().bytes, 30);
        drop((large, small, new));
        let table = uploads.table();
        assert_eq!((table.bytes, table.open.len()), (0, 0));
    }
}
