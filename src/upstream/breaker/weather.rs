//! Weather: how often calls of an endpoint fail by chance, and which rows of failures and
//! which silences are more than chance.
//!
//! In: outcomes, and the seconds in which they came. Out: how many failures in a row mean something, and how long a
//! silence does.
//! Elsewhere: which failures are counted ([`super::circuit`]).
//!
//! *Failures in a row.* If calls fail by chance with the probability `q`, a given row of `n` failures has
//! the probability `q^n`. The row means something if that is below one in ten million: after 5 failures if
//! the endpoint was well, after 13 if three of ten calls fail, and after 20 if half of them do. `q` is
//! estimated from the last 64 outcomes before the row. If there are few outcomes, `q` is taken to be near
//! 0.16, so a new endpoint needs 9 failures.
//!
//! *Silence.* If successes come by chance, `h` of them a second, then `t` seconds pass without a success with the
//! probability `e^(-h·t)` (a Poisson process). A gap means something from `h·t = 9` on, which is a probability of one
//! in eight thousand. `h` is the rate of the ten seconds before the gap, less 1.5 standard deviations, which may have
//! been luck. So few successes say little. A silence of 30 s always means something.

use std::time::Duration;

/// The probability below which a row of failures is not chance, as a logarithm: 10⁻⁷.
const LN_CHANCE: f64 = -16.1;
/// The assumption before any outcome is known: this many failures among this many outcomes.
const PRIOR_FAILURES: f64 = 1.6;
const PRIOR_OUTCOMES: f64 = 10.0;
/// How many failures in a row mean something at an endpoint that was well, which means
/// that 64 calls in a row succeeded.
const ROW_OF_WELL: f64 = 5.0;
/// No row longer than this is required. An endpoint at which nine of ten calls fail may be refused.
const LONGEST_ROW: f64 = 64.0;

/// The last 64 outcomes of an endpoint.
#[derive(Debug, Default)]
pub(super) struct Weather {
    /// The outcomes as bits: the latest is the lowest bit, and a failure is 1.
    outcomes: u64,
    count: u32,
}

impl Weather {
    /// Notes one success and the failures before it.
    pub(super) fn note(&mut self, failures: u32) {
        // The success is one outcome; no more than 63 failures fit beside it.
        let failures = failures.min(u64::BITS - 1);
        let failed = (1_u64 << failures) - 1;
        self.outcomes = (self.outcomes.checked_shl(failures + 1).unwrap_or_default()) | (failed << 1);
        self.count = (self.count + failures + 1).min(u64::BITS);
    }

    /// How many failures in a row are more than chance, if `wanted` failures are enough for an endpoint that was well.
    pub(super) fn row(&self, wanted: u32) -> u32 {
        let (failures, outcomes) = (f64::from(self.outcomes.count_ones()), f64::from(self.count));
        let chance = (failures + PRIOR_FAILURES) / (outcomes + PRIOR_OUTCOMES);
        let row = (LN_CHANCE / chance.ln()).clamp(ROW_OF_WELL, LONGEST_ROW);
        // The cast of a float saturates.
        (f64::from(wanted) * row / ROW_OF_WELL).ceil() as u32
    }
}

/// How many seconds a [`Window`] covers.
const SECONDS: usize = 10;
/// How many successes must be missing for a silence to be more than chance.
const MISSED: f64 = 9.0;
/// How many standard deviations are subtracted from the number of successes, because it may be high by chance.
const DEVIATIONS: f64 = 1.5;
/// No shorter silence means anything, because an instance that restarts is away for as long.
const SHORTEST_SILENCE: Duration = Duration::from_millis(500);
/// The silence that means something at an endpoint that has not succeeded yet.
pub(super) const UNKNOWN_SILENCE: Duration = Duration::from_secs(2);
/// No silence has to be longer than this to mean something.
const LONGEST_SILENCE: Duration = Duration::from_secs(30);

/// How long a silence must be to be more than chance, after this many successes within ten seconds.
pub(super) fn silence(successes: u32) -> Duration {
    let successes = f64::from(successes);
    let expected = successes - DEVIATIONS * successes.sqrt();
    let seconds = if expected > 0.0 { SECONDS as f64 * MISSED / expected } else { f64::INFINITY };
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX).clamp(SHORTEST_SILENCE, LONGEST_SILENCE)
}

/// The numbers of calls and successes in each of the last ten seconds.
#[derive(Debug, Default)]
pub(super) struct Window {
    seconds: [Second; SECONDS],
}

#[derive(Debug, Default, Clone, Copy)]
struct Second {
    /// The number of the second, counted from 1; 0 if the slot is unused.
    number: u64,
    calls: u32,
    successes: u32,
}

impl Window {
    /// Counts one call that ended in this second.
    pub(super) fn count(&mut self, second: u64, is_success: bool) {
        let number = second + 1;
        let slot = usize::try_from(number % SECONDS as u64).unwrap_or_default();
        let Some(slot) = self.seconds.get_mut(slot) else { return };
        if slot.number != number {
            *slot = Second { number, ..Second::default() };
        }
        slot.calls = slot.calls.saturating_add(1);
        slot.successes = slot.successes.saturating_add(u32::from(is_success));
    }

    /// The number of all calls and of all successes in the ten seconds up to this one.
    pub(super) fn sums(&self, second: u64) -> (u32, u32) {
        let number = second + 1;
        let recent = self.seconds.iter().filter(|slot| slot.number + SECONDS as u64 > number);
        recent.fold((0u32, 0u32), |(calls, successes), slot| {
            (calls.saturating_add(slot.calls), successes.saturating_add(slot.successes))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_means_more_the_less_fails_by_chance() {
        for (failures, successes, row) in [(0, 0, 9), (0, 64, 5), (6, 58, 8), (19, 45, 13), (32, 32, 20), (60, 4, 64)] {
            let mut weather = Weather::default();
            // Successes and failures take turns, as long as there are both.
            (0..successes).for_each(|at| weather.note(u32::from(at < failures)));
            weather.note(0);
            if failures > successes {
                weather.note(failures - successes);
            }
            let near = row - 1..=row + 1;
            assert!(near.contains(&weather.row(5)), "{failures} of {}: {}", failures + successes, weather.row(5));
        }
        let mut weather = Weather::default();
        (0..100).for_each(|_| weather.note(0));
        assert_eq!((weather.row(5), weather.row(1), weather.row(10)), (5, 1, 10));
        weather.note(u32::MAX);
        assert_eq!((weather.row(5), weather.row(1)), (64, 13));
    }

    #[test]
    fn a_silence_means_more_the_more_successes_there_were() {
        for (successes, ms) in [(0, 30_000), (2, 30_000), (10, 17_121), (50, 2_284), (100, 1_058), (u32::MAX, 500)] {
            assert_eq!(silence(successes).as_millis(), ms, "{successes}");
        }
    }

    #[test]
    fn what_is_older_than_ten_seconds_does_not_count() {
        let mut window = Window::default();
        (0..3).for_each(|_| window.count(0, true));
        window.count(9, false);
        assert_eq!((window.sums(9), window.sums(10), window.sums(19)), ((4, 3), (1, 0), (0, 0)));
    }
}
