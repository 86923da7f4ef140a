//! Weather: how often calls of an endpoint fail by chance, and when failures or silence are more than chance.
//!
//! In: outcomes, and the second they came in. Out: how many failures in a row, and how long a silence, mean something.
//! Elsewhere: which failures are counted ([`super::circuit`]).
//!
//! *Failures in a row.* If calls fail by chance with the probability `q`, a given row of `n` failures has the probability
//! `q^n`. The row means something where that is below one in ten million: after 5 failures if the endpoint was well, after
//! 13 if three of ten calls fail, after 20 if half of them do. `q` is estimated from the last 64 outcomes before the row;
//! where there are few, it is taken to be near 0.16, so that a new endpoint needs 9.
//!
//! *Silence.* Successes that come by chance, `h` of them a second, leave a gap of `t` seconds with the probability
//! `e^(-h·t)` (a Poisson process). A gap means something from `h·t = 9` on, which is one in eight thousand. `h` is what
//! the ten seconds before it had, less what may have been luck, 1.5 standard deviations; so few successes say little, and
//! a silence of 30 s always means something.

use std::time::Duration;

/// The probability of a row of failures below which it is no chance, as a logarithm: 10⁻⁷.
const LN_CHANCE: f64 = -16.1;
/// What is taken to be known before any outcome is: this many failures, of this many outcomes.
const PRIOR_FAILURES: f64 = 1.6;
const PRIOR_OUTCOMES: f64 = 10.0;
/// The row of an endpoint that was well, of which 64 calls in a row succeeded.
const ROW_OF_WELL: f64 = 5.0;
/// No row is longer than this: an endpoint of which nine of ten calls fail may be left alone.
const LONGEST_ROW: f64 = 64.0;

/// The last 64 outcomes of an endpoint.
#[derive(Debug, Default)]
pub(super) struct Weather {
    /// The latest is the lowest bit; a failure is 1.
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

    /// How many failures in a row are no chance, where `wanted` of them are enough for an endpoint that was well.
    pub(super) fn row(&self, wanted: u32) -> u32 {
        let (failures, outcomes) = (f64::from(self.outcomes.count_ones()), f64::from(self.count));
        let chance = (failures + PRIOR_FAILURES) / (outcomes + PRIOR_OUTCOMES);
        let row = (LN_CHANCE / chance.ln()).clamp(ROW_OF_WELL, LONGEST_ROW);
        // A float's cast saturates.
        (f64::from(wanted) * row / ROW_OF_WELL).ceil() as u32
    }
}

/// How many seconds the window of a [`Window`] has.
const SECONDS: usize = 10;
/// How many successes are missed, where the silence is no chance.
const MISSED: f64 = 9.0;
/// By how many standard deviations the number of successes may be too high by chance.
const DEVIATIONS: f64 = 1.5;
/// No shorter silence means anything: an instance that starts again is gone for as long.
const SHORTEST_SILENCE: Duration = Duration::from_millis(500);
/// The silence that an endpoint begins with, before anything is known of it.
pub(super) const UNKNOWN_SILENCE: Duration = Duration::from_secs(2);
/// No silence needs to be longer than this.
const LONGEST_SILENCE: Duration = Duration::from_secs(30);

/// How long a silence is no chance, after so many successes within ten seconds.
pub(super) fn silence(successes: u32) -> Duration {
    let successes = f64::from(successes);
    let expected = successes - DEVIATIONS * successes.sqrt();
    let seconds = if expected > 0.0 { SECONDS as f64 * MISSED / expected } else { f64::INFINITY };
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX).clamp(SHORTEST_SILENCE, LONGEST_SILENCE)
}

/// Calls and successes of the last ten seconds, by the second.
#[derive(Debug, Default)]
pub(super) struct Window {
    seconds: [Second; SECONDS],
}

#[derive(Debug, Default, Clone, Copy)]
struct Second {
    /// Which one, counted from 1; 0 is none.
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

    /// All calls and successes of the ten seconds up to this one.
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
            // In turns, as far as both last.
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
