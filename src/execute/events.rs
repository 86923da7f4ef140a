//! Subscriptions: the root is polled, and each change of its answer is an event.
//!
//! In: a [`Run`] of a subscription's plan, and how long each event may take. Out: an answer per event, the first at once.
//! Elsewhere: transports ([`crate::http`]).
//!
//! Always true:
//! - one poll makes one call; only when its answer differs from the one before, the rest of the plan runs;
//! - equal subscriptions poll at the same moments, so that their calls share a flight;
//! - polls of one subscription never overlap.

use super::run::{Finished, Ran, Run, State};
use crate::plan::Plan;
use std::hash::{BuildHasher, Hash, Hasher};
use std::pin::pin;
use std::sync::OnceLock;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// How often a subscription's root is called; `None`: it has no root that is polled.
#[must_use]
pub fn poll_interval(run: &Run<'_>) -> Option<Duration> {
    let [root] = roots(run.plan).collect::<Vec<_>>()[..] else { return None };
    run.graph.way(run.plan.steps[root].way).poll
}

fn roots(plan: &Plan) -> impl Iterator<Item = usize> {
    plan.steps.iter().enumerate().filter(|(_, step)| step.after.is_empty()).map(|(at, _)| at)
}

/// Polls until nobody receives any more. Each event may take `timeout`; [`Run::deadline`] is not looked at. Dropping the
/// future cancels what is in flight.
///
/// Ends by itself only when the caller may not subscribe: after one answer that says so.
pub async fn run_events(run: Run<'_>, every: Duration, timeout: Duration, events: mpsc::Sender<Ran>) {
    let marks = RandomMarks::of_process();
    let phase = marks.phase(&run, every);
    let mut last = None;
    loop {
        let deadline = Instant::now() + timeout;
        let run = Run { deadline: deadline.into_std(), ..run };
        let mut state = State::begin(&run).await;
        let mut deadline = pin!(tokio::time::sleep_until(deadline));
        if state.is_over() {
            // No call was made: it was refused, and will be again.
            let _ = events.send(state.ran().await).await;
            return;
        }
        let first = state.first(deadline.as_mut()).await;
        let mark = marks.mark(first.as_ref());
        if last != Some(mark) {
            last = Some(mark);
            if let Some(first) = first {
                state.receive(first).await;
                while state.advance(deadline.as_mut()).await {}
            }
            if events.send(state.ran().await).await.is_err() {
                return;
            }
        }
        let next = next_tick(Instant::now(), every, phase);
        tokio::select! {
            () = tokio::time::sleep_until(next) => {}
            () = events.closed() => return,
        }
    }
}

/// The next moment after `now` that is `phase` past a multiple of `every`, counted from the first poll of the process.
fn next_tick(now: Instant, every: Duration, phase: Duration) -> Instant {
    static START: OnceLock<Instant> = OnceLock::new();
    let since = now.saturating_duration_since(*START.get_or_init(|| now)).as_nanos();
    let (every, phase) = (every.as_nanos().max(1), phase.as_nanos());
    let ticks = (since + every - phase % every) / every;
    let next = ticks * every + phase % every;
    now + Duration::from_nanos(u64::try_from(next.saturating_sub(since)).unwrap_or(u64::MAX))
}

/// Tells answers apart by a hash that nobody outside can foresee.
#[derive(Debug)]
struct RandomMarks(ahash::RandomState);

impl RandomMarks {
    fn of_process() -> &'static Self {
        static MARKS: OnceLock<RandomMarks> = OnceLock::new();
        MARKS.get_or_init(|| Self(ahash::RandomState::new()))
    }

    /// Equal subscriptions have an equal phase; different ones are spread over the interval.
    fn phase(&self, run: &Run<'_>, every: Duration) -> Duration {
        let mut hasher = self.0.build_hasher();
        for step in &run.plan.steps {
            step.endpoint.hash(&mut hasher);
        }
        format!("{:?}", run.variables).hash(&mut hasher);
        Duration::from_millis(hasher.finish() % u64::try_from(every.as_millis()).unwrap_or(u64::MAX).max(1))
    }

    fn mark(&self, first: Option<&Finished>) -> u64 {
        let mut hasher = self.0.build_hasher();
        match first.map(|finished| &finished.result) {
            Some(Ok(answer)) => (answer.status, &answer.body).hash(&mut hasher),
            Some(Err(error)) => error.kind.code().hash(&mut hasher),
            None => "deadline".hash(&mut hasher),
        }
        hasher.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_come_at_the_same_moments_for_all() {
        let (start, every, phase) = (Instant::now(), Duration::from_secs(2), Duration::from_millis(300));
        let first = next_tick(start, every, phase);
        assert!(first > start && first <= start + every);
        for later in [1, 700, 1_699] {
            let now = first + Duration::from_millis(later);
            assert_eq!(next_tick(now, every, phase), first + every, "{later} ms after the first tick");
        }
        assert_eq!(next_tick(first, every, phase), first + every, "at a tick, it is the next one");
    }
}
