//! Retries: which failed calls are sent again, and when.
//!
//! In: the result of an attempt, and the clock. Out: how long to wait before the next attempt, or that there is none.
//! Elsewhere: sending, waiting and counting ([`super::guarded`]).
//!
//! A retry helps when a failure was an accident: one instance restarts, or one connection was reset. It harms when the
//! service is overloaded, because each retry is more load for a service that has too much already. So these rules hold:
//! - *Once.* A call that has failed twice within milliseconds has not failed by accident.
//! - *Only reads.* If a connection broke, nobody can know whether the write took place.
//! - *Only if no part of an answer came*: there was no connection, it was reset before the head, or the answer is 502,
//!   503 or 504, by which proxies and services say that the work was not done. A 500 would probably come again, and a
//!   timeout has used the time that a retry would need.
//! - *Within a budget*, which is a share of the calls that are made anyway ([`RetryBudget`]). If every call fails, a
//!   fixed number of attempts doubles the load, but a budget adds a tenth.
//! - *Not at the same moment.* Calls that failed together would be sent again together, so each waits a random time
//!   (full jitter), and at least as long as the service asks for (`Retry-After`).
//! - *Not in vain.* A retry is left out if it would not end before the deadline when it takes
//!   as long as the attempt before it.

use super::model::{Answer, CallError, CallErrorKind};
use crate::defaults;
use std::time::Duration;
use tokio::time::Instant;

/// How many calls are sent again.
#[derive(Debug, Clone, Copy)]
pub struct RetryOptions {
    /// How many retries each first attempt adds to the budget. Default: 0.1, which is one retry for ten calls.
    pub ratio: f64,
    /// How many retries per second are added to those, so that services that are rarely called
    /// get some. Default: 3 per second.
    pub per_second: f64,
}

impl Default for RetryOptions {
    fn default() -> Self {
        Self { ratio: defaults::RETRY_RATIO, per_second: defaults::RETRIES_PER_SECOND }
    }
}

impl RetryOptions {
    /// The options by which nothing is retried.
    #[cfg(test)]
    pub(super) fn none() -> Self {
        Self { ratio: 0.0, per_second: 0.0 }
    }

    /// Whether anything is retried.
    pub(super) fn is_on(&self) -> bool {
        self.ratio > 0.0 || self.per_second > 0.0
    }
}

/// The longest random wait before a retry.
const JITTER: Duration = Duration::from_millis(25);

/// How long the additions of first attempts are remembered.
const MEMORY: Duration = Duration::from_secs(10);

/// Whether a failure may be an accident, with no work done and no part of an answer received.
pub(super) fn may_help(result: &Result<Answer, CallError>) -> bool {
    match result {
        Ok(answer) => matches!(answer.status, 502..=504),
        Err(error) => error.kind == CallErrorKind::Unreachable && !error.has_begun,
    }
}

/// How long to wait before the next attempt; `None` if that attempt could not end in time.
///
/// `random` is a number from 0 to 1, `took` is how long the attempt before took, and `left`
/// is the time until the deadline.
pub(super) fn wait(retry_after: Option<Duration>, random: f64, took: Duration, left: Duration) -> Option<Duration> {
    // The random wait is added to `Retry-After`, so that callers that got the same value are spread as well.
    let wait = retry_after.unwrap_or_default().checked_add(JITTER.mul_f64(random.clamp(0.0, 1.0)))?;
    (wait.checked_add(took)? < left).then_some(wait)
}

/// The retries that may still be made, as a bucket of tokens with one token for each retry.
///
/// Each first attempt adds `ratio` tokens, and each second adds `per_second` tokens. The bucket holds at most the
/// tokens of one second, and those that the first attempts of about the last ten seconds have added. So a quiet hour
/// does not save up retries for a later overload.
#[derive(Debug)]
pub(super) struct RetryBudget {
    options: RetryOptions,
    tokens: f64,
    /// The number of recent first attempts; older ones count less and less.
    recent: f64,
    at: Instant,
}

impl RetryBudget {
    pub(super) fn new(options: RetryOptions, now: Instant) -> Self {
        Self { options, tokens: options.per_second, recent: 0.0, at: now }
    }

    /// Counts a first attempt.
    pub(super) fn pay_in(&mut self, now: Instant) {
        self.pass(now);
        self.recent += 1.0;
        self.tokens = (self.tokens + self.options.ratio).min(self.most());
    }

    /// Takes a token for a retry, if there is one.
    pub(super) fn spend(&mut self, now: Instant) -> bool {
        self.pass(now);
        let has_one = self.tokens >= 1.0;
        if has_one {
            self.tokens -= 1.0;
        }
        has_one
    }

    fn most(&self) -> f64 {
        // At least one whole token must fit, or a small rate would never allow a retry.
        (self.options.per_second + self.options.ratio * self.recent).max(1.0)
    }

    fn pass(&mut self, now: Instant) {
        let seconds = now.saturating_duration_since(self.at).as_secs_f64();
        if seconds > 0.0 {
            self.at = now;
            self.recent *= (-seconds / MEMORY.as_secs_f64()).exp();
            self.tokens = (self.tokens + self.options.per_second * seconds).min(self.most());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn only_accidents_are_retried() {
        for (status, expected) in [(200, false), (404, false), (429, false), (500, false), (501, false), (505, false)]
            .into_iter()
            .chain([(502, true), (503, true), (504, true)])
        {
            assert_eq!(may_help(&Ok(Answer::new(status, "".into()))), expected, "{status}");
        }
        let service: Arc<str> = "shop".into();
        for kind in [
            CallErrorKind::Timeout,
            CallErrorKind::Malformed,
            CallErrorKind::TooLarge,
            CallErrorKind::NotConfigured,
            CallErrorKind::Refused,
            CallErrorKind::Unsendable,
            CallErrorKind::CircuitOpen,
        ] {
            assert!(!may_help(&Err(CallError::new(&service, kind, ""))), "{kind}");
        }
        let unreachable = CallError::new(&service, CallErrorKind::Unreachable, "");
        assert!(may_help(&Err(unreachable.clone())));
        assert!(!may_help(&Err(CallError { has_begun: true, ..unreachable })), "it broke in the body");
    }

    #[test]
    fn waits_are_spread_and_end_before_the_deadline() {
        let ms = Duration::from_millis;
        for (retry_after, random, took, left, expected) in [
            (None, 0.0, ms(1), SECOND, Some(ms(0))),
            (None, 1.0, ms(1), SECOND, Some(ms(25))),
            (None, 0.4, ms(500), ms(511), Some(ms(10))),
            (None, 0.4, ms(500), ms(510), None),
            (Some(ms(300)), 0.4, ms(5), SECOND, Some(ms(310))),
            (Some(ms(1000)), 0.0, ms(5), SECOND, None),
            (Some(Duration::MAX), 1.0, ms(5), SECOND, None),
            (None, f64::INFINITY, ms(5), SECOND, Some(ms(25))),
        ] {
            let got = wait(retry_after, random, took, left);
            assert_eq!(got, expected, "{retry_after:?}, random {random}, took {took:?}, {left:?} left");
        }
    }

    /// How many retries are granted while every call fails, at `rate` first attempts per second.
    fn granted(options: RetryOptions, rate: u32, seconds: u32) -> u32 {
        let mut now = Instant::now();
        let mut budget = RetryBudget::new(options, now);
        let mut granted = 0;
        for _ in 0..rate * seconds {
            now += SECOND / rate;
            budget.pay_in(now);
            granted += u32::from(budget.spend(now));
        }
        granted
    }

    #[test]
    fn retries_are_a_share_of_first_attempts_and_some_per_second() {
        let options = RetryOptions::default();
        // The bound is a tenth of the attempts, three per second, and three that are there at the beginning.
        for (rate, seconds, most) in [(1, 60, 60), (10, 60, 60 + 180 + 3), (1000, 10, 1000 + 30 + 3)] {
            let granted = granted(options, rate, seconds);
            assert!(granted <= most && f64::from(granted) > 0.95 * f64::from(most), "{granted} at {rate}/s of {most}");
        }
        assert_eq!(granted(RetryOptions::none(), 100, 10), 0);
        assert_eq!(granted(RetryOptions { ratio: 0.0, per_second: 0.1 }, 10, 100), 10);
    }

    #[test]
    fn nothing_is_saved_up_for_a_storm() {
        let mut now = Instant::now();
        let mut budget = RetryBudget::new(RetryOptions::default(), now);
        for _ in 0..100_000 {
            now += Duration::from_millis(10);
            budget.pay_in(now);
        }
        let burst =
            |budget: &mut RetryBudget, now| std::iter::repeat_with(|| budget.spend(now)).take_while(|&ok| ok).count();
        // Ten seconds of 100 calls each pay for 100 retries, and 3 are there anyway.
        let count = burst(&mut budget, now);
        assert!((100..=104).contains(&count), "{count}");
        now += Duration::from_secs(3600);
        assert_eq!(burst(&mut budget, now), 3, "an hour later only what a second gives");
    }
}
