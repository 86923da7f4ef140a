//! The ends that this side gives to streams: when subscriptions and WebSockets are to end because the process stops, or
//! because their server was replaced.
//!
//! In: that it is so, and the time over which the ends are spread. Out: for each stream, its moment and the reason.
//! Elsewhere: how a stream tells its client to come back ([`super::stream`], [`super::websocket`]).
//!
//! Always true:
//! - the moments of many streams are spread evenly over that time, so that their clients do not come back all at once;
//! - a stream ends because of a reload only while it reads from a server that was replaced;
//! - a stream that begins or looks late learns of all that was told before.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// How long before all is cut off a client is told what was not finished.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// Why a stream is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EndReason {
    /// The process stops: its client finds another one.
    Stop,
    /// A reload has replaced what the stream reads from: its client finds the new one here.
    Replaced,
}

/// Which server of a process, counted from 0: each reload makes the next one.
pub(super) type Generation = u64;

/// Tells all streams of a process when to end.
#[derive(Debug)]
pub(super) struct Ends {
    notice: watch::Sender<Notice>,
    /// Streams so far.
    count: AtomicU32,
}

/// What streams are told.
#[derive(Debug, Clone, Copy, Default)]
struct Notice {
    /// Of the server that answers new requests.
    current: Generation,
    /// The last time that a server was replaced.
    replaced: Option<Window>,
    stop: Option<Stop>,
}

#[derive(Debug, Clone, Copy)]
struct Stop {
    window: Window,
    /// What has not ended by then is cut off.
    cut_off: Instant,
}

/// A time over which ends are spread.
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

    /// The server `current` answers new requests from now on.
    pub(super) fn replace(&self, current: Generation, spread: Duration) {
        self.notice.send_modify(|notice| {
            notice.current = current;
            notice.replaced = Some(Window::new(spread));
        });
    }

    /// The process stops; at `cut_off`, what has not ended is cut off.
    pub(super) fn stop(&self, spread: Duration, cut_off: Instant) {
        self.notice.send_modify(|notice| notice.stop = Some(Stop { window: Window::new(spread), cut_off }));
    }

    /// When, once the process stops, closes are waited for no longer: shortly before all is cut off.
    pub(super) fn last_close(&self) -> Option<Instant> {
        let cut_off = self.notice.borrow().stop?.cut_off;
        Some(cut_off.checked_sub(LAST_WORDS / 2).unwrap_or(cut_off))
    }

    /// The end of one more stream.
    pub(super) fn stream(&self) -> StreamEnd {
        // Multiples of the golden ratio, modulo 1, divide an interval evenly, however many there are of them.
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
    /// Which part of a window it waits, 0 to 1.
    share: f32,
    /// When it ends since its server was replaced.
    replaced: Option<Instant>,
}

impl StreamEnd {
    /// Waits until the stream is to end. `oldest` is the oldest server that it reads from now, if it reads from any.
    ///
    /// The future may be dropped.
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
                // An error: all servers are gone without a stop, and nothing more is told.
                Ok(()) = self.notice.changed() => {}
            }
        }
    }

    /// Waits until the process stops and is about to cut off what is under way.
    ///
    /// The future may be dropped.
    pub(super) async fn last_words(&mut self) {
        match self.notice.wait_for(|notice| notice.stop.is_some()).await.map(|notice| notice.stop) {
            Ok(Some(stop)) => sleep_until(stop.cut_off.checked_sub(LAST_WORDS).unwrap_or(stop.cut_off)).await,
            // All servers are gone without a stop.
            Ok(None) | Err(_) => std::future::pending().await,
        }
    }

    fn moment(&mut self, oldest: Option<Generation>) -> Option<(Instant, EndReason)> {
        let notice = *self.notice.borrow_and_update();
        // Once it is set it stays, whatever is replaced meanwhile.
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
            // Timers are as coarse as a millisecond.
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
        // What began before a reload, and looks after it.
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
