//! Overload: how late this process is with its work, and the share of new requests that it refuses because of that.
//!
//! In: each new request. Out: whether it is refused.
//! Elsewhere: the fixed bound on requests at once ([`super::admission`]); slow services, which are no load of this process
//! ([`crate::upstream`] guards calls to them).
//!
//! Lateness is measured by a task on the runtime of each worker. The task sleeps for ten milliseconds and notes how
//! much later it actually runs. All work of the worker stands in the same queue, so every step of every request waits
//! just as long for its turn. The number and the duration of requests are not used, because they also grow with slow
//! services, while the processor is idle. The load of the processor is not used either, because a worker can be fully
//! used and still be in time.
//!
//! The response to lateness follows CoDel (RFC 8289). A burst makes a worker late for a moment and passes; only a delay
//! that stays above the target for a whole interval shows a standing queue. So the least delay of each interval counts.
//! While it is above the target, a growing share of new requests is refused; once it is below, the share is halved in
//! each interval. New requests are refused rather than running ones, because a running one has already cost something,
//! and its client waits. This bounds memory too, because the memory of each request is bounded.
//!
//! A single long request also makes a worker late, and so does a machine that is busy with something else. In these
//! cases there is no queue that refusals could shorten, so a delay counts only if several requests began during it.
//!
//! Always true:
//! - each worker is judged by itself: a busy worker never makes another one refuse requests;
//! - without requests nothing is measured, and no timer wakes the process;
//! - some requests are always accepted, so that the end of an overload is noticed.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak};
use std::time::Duration;
use tokio::runtime::{Handle, Id};
use tokio::time::{Instant, sleep_until};

/// How often a worker's delay is measured.
const TICK: Duration = Duration::from_millis(10);

/// How long a queue must last before it counts as standing.
const INTERVAL: Duration = Duration::from_millis(200);

/// The least number of measurements in an interval, because one pause of the whole process is no overload.
const MIN_TICKS: u32 = 2;

/// How many requests must have begun since the previous measurement; with fewer there is no queue.
const MIN_BEGUN: u32 = 4;

/// How much the refused share grows in one interval when the delay is just above the target. The growth is proportional
/// to the delay, up to four times this.
const STEP: f64 = 0.1;

/// The largest share of requests that are refused.
const MOST: f64 = 0.95;

/// A share below this becomes 0.
const LEAST: f64 = 0.01;

/// The most runtimes that are measured. Requests on further ones are never refused.
const MAX_RUNTIMES: usize = 1024;

/// The workers of one server, and how late each of them is.
#[derive(Debug)]
pub(super) struct Overload {
    /// The delay above which requests are refused; `None` if none are ever refused.
    target: Option<Duration>,
    workers: RwLock<HashMap<Id, Arc<Worker>, ahash::RandomState>>,
}

#[derive(Debug)]
struct Worker {
    /// The lock is held for a few additions, never across an await.
    controller: Mutex<Controller>,
    is_measured: AtomicBool,
}

impl Overload {
    pub(super) fn new(target: Option<Duration>) -> Self {
        Self { target, workers: RwLock::default() }
    }

    /// Whether a new request is to be refused. Call this once for each request, on the runtime that serves it.
    pub(super) fn refuses(&self) -> bool {
        let (Some(target), Ok(runtime)) = (self.target, Handle::try_current()) else { return false };
        let Some(worker) = self.worker(runtime.id(), target) else { return false };
        if !worker.is_measured.swap(true, Ordering::AcqRel) {
            runtime.spawn(measure(Arc::downgrade(&worker)));
        }
        worker.controller().refuses()
    }

    fn worker(&self, id: Id, target: Duration) -> Option<Arc<Worker>> {
        let workers = self.workers.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(worker) = workers.get(&id) {
            return Some(Arc::clone(worker));
        }
        if workers.len() >= MAX_RUNTIMES {
            return None;
        }
        drop(workers);
        let new = || {
            let controller = Mutex::new(Controller::new(target, Instant::now()));
            Arc::new(Worker { controller, is_measured: AtomicBool::new(false) })
        };
        let mut workers = self.workers.write().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(workers.entry(id).or_insert_with(new)))
    }
}

impl Worker {
    fn controller(&self) -> MutexGuard<'_, Controller> {
        self.controller.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Measures a worker's delay while there are requests. It ends after an interval without any, and the next request
/// starts it again.
async fn measure(worker: Weak<Worker>) {
    loop {
        let due = Instant::now() + TICK;
        sleep_until(due).await;
        let Some(worker) = worker.upgrade() else { return };
        let now = Instant::now();
        let change = worker.controller().observe(now.saturating_duration_since(due), now);
        match change {
            Change::None => {}
            Change::Begins(late) => tracing::warn!(
                target: "bespoke::overload",
                late_ms = u64::try_from(late.as_millis()).unwrap_or(u64::MAX),
                "too late with requests: new ones are refused"
            ),
            Change::Ends => tracing::info!(target: "bespoke::overload", "in time again: no request is refused"),
            Change::Idle => {
                worker.is_measured.store(false, Ordering::Release);
                return;
            }
        }
    }
}

/// What a measurement has changed.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Change {
    None,
    /// Refusing begins, because the worker is this late.
    Begins(Duration),
    Ends,
    /// The interval had no requests, and nothing is refused.
    Idle,
}

/// Turns delays into the share of requests to refuse. It has no clock of its own.
#[derive(Debug)]
struct Controller {
    target: Duration,
    interval_ends: Instant,
    /// The least delay of this interval.
    least: Duration,
    ticks: u32,
    /// How many requests have begun since the last tick.
    begun: u32,
    /// Whether any request began in this interval.
    had_requests: bool,
    share: f64,
    /// The refused share of each request, summed up; when the sum reaches 1, a request is refused and 1 is subtracted.
    due: f64,
}

impl Controller {
    fn new(target: Duration, now: Instant) -> Self {
        let interval_ends = now + INTERVAL;
        Self {
            target,
            interval_ends,
            least: Duration::MAX,
            ticks: 0,
            begun: 0,
            had_requests: false,
            share: 0.0,
            due: 0.0,
        }
    }

    /// Takes one measured delay.
    fn observe(&mut self, late: Duration, now: Instant) -> Change {
        let begun = std::mem::take(&mut self.begun);
        self.had_requests |= begun > 0;
        self.least = self.least.min(if begun >= MIN_BEGUN { late } else { Duration::ZERO });
        self.ticks += 1;
        if now < self.interval_ends || self.ticks < MIN_TICKS {
            return Change::None;
        }
        let before = self.share;
        let late = self.least;
        self.share = if late > self.target {
            let times = late.as_secs_f64() / self.target.as_secs_f64();
            (before + STEP * times.min(4.0)).min(MOST)
        } else if before / 2.0 >= LEAST {
            before / 2.0
        } else {
            0.0
        };
        let had_requests = std::mem::take(&mut self.had_requests);
        (self.least, self.ticks, self.interval_ends) = (Duration::MAX, 0, now + INTERVAL);
        match (before > 0.0, self.share > 0.0) {
            (false, true) => Change::Begins(late),
            (true, false) => Change::Ends,
            (false, false) if !had_requests => Change::Idle,
            _ => Change::None,
        }
    }

    /// Whether to refuse the next request. The choice is not random: a share of a tenth refuses every tenth request.
    fn refuses(&mut self) -> bool {
        self.begun = self.begun.saturating_add(1);
        self.due += self.share;
        let is_due = self.due >= 1.0;
        if is_due {
            self.due -= 1.0;
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);
    const TARGET: Duration = Duration::from_millis(50);

    /// A controller with its clock and the number of requests that begin between two ticks.
    struct Driven {
        controller: Controller,
        now: Instant,
        begun: u32,
    }

    impl Driven {
        fn new() -> Self {
            let now = Instant::now();
            Self { controller: Controller::new(TARGET, now), now, begun: 10 }
        }

        /// Runs for some intervals with ticks that are late by what `late` returns.
        fn run(&mut self, intervals: u32, late: impl Fn(u32) -> Duration) -> Vec<Change> {
            let end = self.now + INTERVAL * intervals;
            let mut changes = Vec::new();
            for tick in 0.. {
                if self.now >= end {
                    break;
                }
                let late = late(tick);
                self.now += TICK + late;
                (0..self.begun).for_each(|_| _ = self.controller.refuses());
                changes.push(self.controller.observe(late, self.now));
            }
            changes.retain(|change| *change != Change::None);
            changes
        }

        /// How many of a hundred requests are refused.
        fn refused(&mut self) -> usize {
            (0..100).filter(|_| self.controller.refuses()).count()
        }
    }

    #[test]
    fn delays_below_the_target_and_bursts_refuse_nothing() {
        for late in [|_| 40 * MS, |tick| if tick % 3 == 0 { MS } else { 60 * MS }, |tick| MS * (tick % 2) * 3000] {
            let mut driven = Driven::new();
            assert_eq!(driven.run(50, late), []);
            assert_eq!(driven.refused(), 0);
        }
    }

    #[test]
    fn one_pause_of_the_whole_process_is_no_overload() {
        let mut driven = Driven::new();
        assert_eq!(driven.run(20, |tick| if tick == 30 { 60_000 * MS } else { MS }), []);
        assert_eq!(driven.refused(), 0);
    }

    #[test]
    fn a_delay_without_a_queue_refuses_nobody() {
        let mut driven = Driven { begun: MIN_BEGUN - 1, ..Driven::new() };
        assert_eq!(driven.run(50, |_| 300 * MS), []);
        driven.begun = MIN_BEGUN;
        assert!(matches!(driven.run(5, |_| 300 * MS)[..], [Change::Begins(_)]));
    }

    #[test]
    fn a_standing_delay_refuses_a_growing_share_and_its_end_a_falling_one() {
        let mut driven = Driven::new();
        assert_eq!(driven.run(1, |_| 51 * MS), [Change::Begins(51 * MS)]);
        let mut shares = vec![driven.refused()];
        for _ in 0..3 {
            assert_eq!(driven.run(1, |_| 51 * MS), []);
            shares.push(driven.refused());
        }
        assert!(shares.is_sorted() && (9..=11).contains(&shares[0]) && (38..=43).contains(&shares[3]), "{shares:?}");
        // Far above the target, the share grows faster, but never to 1.
        driven.run(20, |_| 400 * MS);
        let refused = driven.refused();
        assert!((94..=96).contains(&refused), "{refused}");
        let falling: Vec<_> = (0..3).map(|_| (driven.run(1, |_| MS), driven.refused()).1).collect();
        assert!(falling[0] <= 48 && falling[2] <= 12, "{falling:?}");
        assert_eq!(driven.run(10, |_| MS), [Change::Ends]);
        assert_eq!(driven.refused(), 0);
    }

    #[test]
    fn without_requests_measuring_ends() {
        let mut driven = Driven::new();
        driven.run(1, |_| MS);
        let mut changes = Vec::new();
        for _ in 0..50 {
            driven.now += TICK;
            changes.push(driven.controller.observe(MS, driven.now));
        }
        assert!(changes.contains(&Change::Idle), "{changes:?}");
        // It does not become idle while some requests are still refused, because the share has to fall first.
        driven.run(2, |_| 100 * MS);
        driven.now += INTERVAL;
        assert_eq!(driven.controller.observe(MS, driven.now), Change::None);
        driven.now += INTERVAL;
        assert_eq!(driven.controller.observe(MS, driven.now), Change::None);
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_in_time_refuses_nobody_and_stops_measuring() {
        let overload = Overload::new(Some(TARGET));
        assert!((0..1000).all(|_| !overload.refuses()));
        let worker = overload.workers.read().unwrap().values().next().cloned().expect("a worker");
        assert!(worker.is_measured.load(Ordering::Acquire));
        tokio::time::sleep(INTERVAL * 3).await;
        assert!(!worker.is_measured.load(Ordering::Acquire));
        assert!(!overload.refuses());
        assert!(worker.is_measured.load(Ordering::Acquire), "the next request begins it again");
        assert!(!Overload::new(None).refuses());
    }
}
