//! When this side ends streams: subscriptions and WebSockets end when the process stops, or when their server is
//! replaced.
//!
//! In: a notice of a stop or a reload, and the time over which the ends are spread. Out: for each stream, the moment
//! and the reason of its end.
//! Elsewhere: how a stream tells its client to reconnect ([`super::stream`], [`super::websocket`]).
//!
//! Always true:
//! - the ends of many streams are spread evenly over that time, so that their clients do not reconnect all at once;
//! - a stream ends because of a reload only while it reads from a server that was replaced;
//! - a stream that begins after a notice, or looks for notices late, still learns of it.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// How long before the cut-off a client is told which of its operations were not finished.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// The reason why a stream is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EndReason {
    /// The process stops. The client can connect to another process.
    Stop,
    /// A reload has replaced the server that the stream reads from. The client can connect again to this process.
    Replaced,
}

/// The number of a server in its process, from 0; each reload makes the next one.
pub(super) type Generation = u64;

/// Tells all streams of a process when to end.
#[derive(Debug)]
pub(super) struct Ends {
    notice: watch::Sender<Notice>,
    /// The number of streams so far.
    count: AtomicU32,
}

/// What all streams are told about their ends.
#[derive(Debug, Clone, Copy, Default)]
struct Notice {
    /// The generation of the server that answers new requests.
    current: Generation,
    /// The window for the last replacement of a server; `None` if there was none.
    replaced: Option<Window>,
    stop: Option<Stop>,
}

#[derive(Debug, Clone, Copy)]
struct Stop {
    window: Window,
    /// When everything that has not ended is cut off.
    cut_off: Instant,
}

/// A period over which ends are spread.
#[derive(Debug, Clone, Copy)]
struct Window {
    from: Instant,
    length: Duration,
}

impl Window {
    fn new(length: Duration) -> Self {
        Self { from: Instant::now(), length }
    }

    fn moment(self, share: f32) -> Instant {
        self.from + self.length.mul_f32(share)
    }
}

impl Ends {
    pub(super) fn new() -> Self {
        Self { notice: watch::Sender::default(), count: AtomicU32::new(0) }
    }

    /// Tells that the server `current` answers new requests from now on. The ends of older streams are spread over
    /// `spread`.
    pub(super) fn replace(&self, current: Generation, spread: Duration) {
        self.notice.send_modify(|notice| {
            notice.current = current;
            notice.replaced = Some(Window::new(spread));
        });
    }

    /// Tells that the process stops. The ends of streams are spread over `spread`, and whatever has not ended by
    /// `cut_off` is cut off.
    pub(super) fn stop(&self, spread: Duration, cut_off: Instant) {
        self.notice.send_modify(|notice| notice.stop = Some(Stop { window: Window::new(spread), cut_off }));
    }

    /// Until when this side waits for clients to answer a close, which is shortly before the cut-off; `None` unless the
    /// process stops.
    pub(super) fn last_close(&self) -> Option<Instant> {
        let cut_off = self.notice.borrow().stop?.cut_off;
        Some(cut_off.checked_sub(LAST_WORDS / 2).unwrap_or(cut_off))
    }

    /// Registers one more stream, and returns the object that says when it is to end.
    pub(super) fn stream(&self) -> StreamEnd {
        // The multiples of the golden ratio, modulo 1, divide an interval evenly, however many there are.
        const STEP: u32 = 2_654_435_769;
        let number = self.count.fetch_add(1, Ordering::Relaxed).wrapping_mul(STEP);
        let share = (f64::from(number) / f64::from(u32::MAX)) as f32;
        StreamEnd { notice: self.notice.subscribe(), share, replaced: None }
    }
}

/// When one stream is to end.
#[derive(Debug)]
pub(super) struct StreamEnd {
    notice: watch::Receiver<Notice>,
    /// The share of a window after which the stream ends, from 0 to 1.
    share: f32,
    /// When the stream ends because its server was replaced; `None` if it was not.
    replaced: Option<Instant>,
}

impl StreamEnd {
    /// Waits until the stream is to end. `oldest` is the oldest server that the stream reads from at present, if it
    /// reads from any.
    ///
    /// Dropping the future loses nothing.
    pub(super) async fn wait(&mut self, oldest: Option<Generation>) -> EndReason {
        loop {
            let moment = self.moment(oldest);
            let at_moment = async {
                match moment {
                    Some((at, reason)) => {
                        sleep_until(at).await;
                        reason
                    }
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                reason = at_moment => return reason,
                // An error means that all servers were dropped without a stop, so no notice will follow.
                Ok(()) = self.notice.changed() => {}
            }
        }
    }

    /// Waits until the process stops and is about to cut off the operations that are under way.
    ///
    /// Dropping the future loses nothing.
    pub(super) async fn last_words(&mut self) {
        match self.notice.wait_for(|notice| notice.stop.is_some()).await.map(|notice| notice.stop) {
            Ok(Some(stop)) => sleep_until(stop.cut_off.checked_sub(LAST_WORDS).unwrap_or(stop.cut_off)).await,
            // All servers were dropped without a stop.
            Ok(None) | Err(_) => std::future::pending().await,
        }
    }

    fn moment(&mut self, oldest: Option<Generation>) -> Option<(Instant, EndReason)> {
        let notice = *self.notice.borrow_and_update();
        // Once the moment is set, it stays, even if a server is replaced again.
        self.replaced = match notice.replaced.filter(|_| oldest.is_some_and(|oldest| oldest < notice.current)) {
            Some(window) => self.replaced.or(Some(window.moment(self.share))),
            None => None,
        };
        let stop = notice.stop.map(|stop| (stop.window.moment(self.share), EndReason::Stop));
        let replaced = self.replaced.map(|at| (at, EndReason::Replaced));
        stop.into_iter().chain(replaced).min_by_key(|(at, _)| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;
    use futures_util::future::join_all;

    const SPREAD: Duration = Duration::from_secs(10);

    #[tokio::test(start_paused = true)]
    async fn the_ends_of_many_streams_are_spread_evenly() {
        let ends = Ends::new();
        let streams: Vec<_> = (0..1_000).map(|_| ends.stream()).collect();
        ends.stop(SPREAD, Instant::now() + SPREAD * 2);
        let began = Instant::now();
        let waited = streams.into_iter().map(|mut stream| async move {
            assert_eq!(stream.wait(None).await, EndReason::Stop);
            began.elapsed()
        });
        let mut seconds = [0; 10];
        for waited in join_all(waited).await {
            // Timers have a resolution of one millisecond.
            seconds[(waited.saturating_sub(Duration::from_millis(2)).as_secs() as usize).min(9)] += 1;
        }
        assert!(seconds.iter().all(|second| (95..=105).contains(second)), "{seconds:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn only_what_reads_from_a_server_that_was_replaced_ends_at_a_reload() {
        let ends = Ends::new();
        let (mut old, mut new, mut idle) = (ends.stream(), ends.stream(), ends.stream());
        assert!(old.wait(Some(0)).now_or_never().is_none(), "nothing was replaced");
        ends.replace(1, SPREAD);
        let waiting = async {
            tokio::select! {
                reason = old.wait(Some(0)) => reason,
                _ = new.wait(Some(1)) => panic!("it reads from the server of now"),
                _ = idle.wait(None) => panic!("it reads from none"),
            }
        };
        assert_eq!(waiting.await, EndReason::Replaced);
        // This stream belongs to the server from before a reload, but looks for notices only after the reload.
        assert_eq!(ends.stream().wait(Some(0)).await, EndReason::Replaced);
        ends.stop(Duration::ZERO, Instant::now());
        assert_eq!((new.wait(Some(1)).await, idle.wait(None).await), (EndReason::Stop, EndReason::Stop));
    }

    #[tokio::test(start_paused = true)]
    async fn further_reloads_put_no_end_off() {
        let ends = Ends::new();
        let mut stream = ends.stream();
        let _others: Vec<_> = (0..7).map(|_| ends.stream()).collect();
        let mut late = ends.stream();
        let began = Instant::now();
        let reloads = async {
            for generation in 1..50 {
                ends.replace(generation, SPREAD);
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        };
        let ended = async { (stream.wait(Some(0)).await, late.wait(Some(0)).await, began.elapsed()) };
        let ((), (first, second, elapsed)) = tokio::join!(reloads, ended);
        assert_eq!((first, second), (EndReason::Replaced, EndReason::Replaced));
        assert!(elapsed <= SPREAD + Duration::from_millis(2), "{elapsed:?}");
    }
}
