//! The schedule of a poll: the moments at which it calls.
//!
//! Always true: within one process, the moments follow from the rendered call and the interval alone, and different
//! calls are spread evenly over the interval. In other processes the moments are different.

use crate::execute::digest::Digests;
use std::hash::Hash;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// The ticks of one poll: the multiples of an interval, each shifted by the same phase.
#[derive(Debug, Clone, Copy)]
pub(super) struct Schedule {
    every: Duration,
    phase: Duration,
    /// The moment from which the multiples are counted: when the process created its first schedule.
    origin: Instant,
}

impl Schedule {
    /// The schedule of a call. `call` holds all properties that distinguish it from other calls.
    pub(super) fn new(every: Duration, call: &impl Hash) -> Self {
        static ORIGIN: OnceLock<Instant> = OnceLock::new();
        let origin = *ORIGIN.get_or_init(crate::execute::now);
        let nanoseconds = every.as_nanos().max(1);
        let phase = u128::from(Digests::of_process().of(call)) % nanoseconds;
        Self { every, phase: Duration::from_nanos(u64::try_from(phase).unwrap_or(u64::MAX)), origin }
    }

    /// The first tick after a moment.
    pub(super) fn after(&self, now: Instant) -> Instant {
        let since = now.saturating_duration_since(self.origin).as_nanos();
        let (every, phase) = (self.every.as_nanos().max(1), self.phase.as_nanos());
        let ticks = (since + every - phase) / every;
        let next = ticks * every + phase;
        now + Duration::from_nanos(u64::try_from(next.saturating_sub(since)).unwrap_or(u64::MAX))
    }

    /// The number of ticks between two ticks, without these two.
    pub(super) fn between(&self, tick: Instant, next: Instant) -> u64 {
        let every = self.every.as_nanos().max(1);
        let distance = next.saturating_duration_since(tick).as_nanos() + every / 2;
        u64::try_from((distance / every).saturating_sub(1)).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_come_at_moments_of_their_own() {
        let origin = crate::execute::now();
        let (every, phase) = (Duration::from_secs(2), Duration::from_millis(300));
        let schedule = Schedule { every, phase, origin };
        let first = schedule.after(origin);
        assert_eq!(first, origin + phase);
        for later in [0, 1, 700, 1_699] {
            assert_eq!(
                schedule.after(first + Duration::from_millis(later)),
                first + every,
                "{later} ms after the first"
            );
        }
        for (ticks, between) in [(0, 0), (1, 0), (2, 1), (5, 4)] {
            assert_eq!(schedule.between(first, first + ticks * every), between);
        }
    }

    #[test]
    fn different_calls_are_spread_evenly() {
        let every = Duration::from_secs(1);
        let mut tenths = [0; 10];
        for call in 0..10_000 {
            let phase = Schedule::new(every, &("/values", call)).phase;
            tenths[(phase.as_millis() / 100) as usize] += 1;
        }
        assert!(tenths.iter().all(|&count| (800..1_200).contains(&count)), "{tenths:?}");
    }
}
