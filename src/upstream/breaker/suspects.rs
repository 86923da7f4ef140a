//! Suspects: the inputs of an endpoint with which the last call failed.
//!
//! In: outcomes of calls by their input, which is a hash of everything in a request. Out: whether an input has failed
//! recently, how often in a row, and the gate that refuses it.
//! Elsewhere: when an input is refused ([`super::circuit`]); instances that are not to blame
//! ([`crate::upstream::Balancer`]).
//!
//! Always true: at most [`MOST`] inputs are known. An input is forgotten when a call with it succeeds, or a minute
//! after its last failure; if it is refused, the minute begins at the end of the refusal. If there is no room, the
//! input whose last failure is the oldest is removed; inputs that are refused are removed last.

use super::gate::Gate;
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::Instant;

/// The most inputs of one endpoint that are known.
const MOST: usize = 128;
/// How long a failure is remembered.
const MEMORY: Duration = Duration::from_secs(60);

/// The inputs that failed recently.
#[derive(Debug, Default)]
pub(in crate::upstream) struct Suspects {
    by_input: HashMap<u64, Suspect, ahash::RandomState>,
}

/// An input whose last call failed.
#[derive(Debug)]
pub(in crate::upstream) struct Suspect {
    /// How often the input has failed in a row.
    pub(super) failures: u32,
    last: Instant,
    /// The gate that refuses the input; `None` if calls with it are let through.
    pub(super) gate: Option<Gate>,
    /// When the input was first refused.
    refused_since: Option<Instant>,
}

impl Suspects {
    /// The suspect for an input, if the input has failed recently.
    pub(super) fn get(&mut self, input: u64, now: Instant) -> Option<&mut Suspect> {
        if self.by_input.is_empty() {
            return None;
        }
        self.by_input.get_mut(&input).filter(|suspect| !suspect.is_forgotten(now))
    }

    /// Notes a failure; `true` if the input had not failed recently.
    pub(in crate::upstream) fn blame(&mut self, input: u64, now: Instant) -> (bool, &mut Suspect) {
        let is_new = self.get(input, now).is_none();
        if is_new {
            self.make_room(now);
        }
        let new = || Suspect { failures: 0, last: now, gate: None, refused_since: None };
        let suspect = self.by_input.entry(input).or_insert_with(new);
        if is_new {
            // An old entry that is forgotten may still have been there.
            *suspect = new();
        }
        suspect.failures = suspect.failures.saturating_add(1);
        suspect.last = now;
        (is_new, suspect)
    }

    /// Notes a success. Returns how often the input had failed before it, or 0 if it was refused for those failures.
    pub(in crate::upstream) fn clear(&mut self, input: u64) -> u32 {
        if self.by_input.is_empty() {
            return 0;
        }
        let suspect = self.by_input.remove(&input).filter(|suspect| suspect.refused_since.is_none());
        suspect.map_or(0, |suspect| suspect.failures)
    }

    /// Releases the inputs that were first refused after `since`, or all of them if `since` is
    /// `None`; `true` if there were any.
    pub(super) fn release(&mut self, since: Option<Instant>) -> bool {
        let mut has_released = false;
        for suspect in self.by_input.values_mut().filter(|suspect| suspect.is_refused_since(since)) {
            suspect.gate = None;
            has_released = true;
        }
        has_released
    }

    /// The gates of the inputs that were first refused after `since`, or of all refused ones if `since` is `None`.
    pub(super) fn gates(&self, since: Option<Instant>) -> impl Iterator<Item = &Gate> {
        self.by_input.values().filter(move |suspect| suspect.is_refused_since(since)).filter_map(|it| it.gate.as_ref())
    }

    /// Makes room for one more input.
    fn make_room(&mut self, now: Instant) {
        if self.by_input.len() < MOST {
            return;
        }
        self.by_input.retain(|_, suspect| !suspect.is_forgotten(now));
        if self.by_input.len() >= MOST {
            let oldest = self.by_input.iter().min_by_key(|(_, suspect)| (suspect.gate.is_some(), suspect.last));
            if let Some(oldest) = oldest.map(|(input, _)| *input) {
                self.by_input.remove(&oldest);
            }
        }
    }
}

impl Suspect {
    /// Refuses the input for a time.
    pub(super) fn refuse(&mut self, open_for: Duration, now: Instant) {
        self.gate = Some(Gate::new(open_for, now));
        self.refused_since.get_or_insert(now);
    }

    fn is_refused_since(&self, since: Option<Instant>) -> bool {
        self.refused_since.is_some_and(|first| since.is_none_or(|since| first > since))
    }

    fn is_forgotten(&self, now: Instant) -> bool {
        let since = self.gate.map_or(self.last, |gate| gate.until());
        now.saturating_duration_since(since) > MEMORY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn an_input_is_known_until_it_succeeds_or_a_minute_has_passed() {
        let (mut suspects, now) = (Suspects::default(), Instant::now());
        assert!(suspects.blame(7, now).0 && !suspects.blame(7, now).0);
        assert_eq!(suspects.get(7, now).map(|suspect| suspect.failures), Some(2));
        assert_eq!((suspects.clear(7), suspects.clear(7)), (2, 0));
        suspects.blame(7, now);
        assert!(suspects.get(7, now + 60 * SECOND).is_some() && suspects.get(7, now + 61 * SECOND).is_none());
        let (is_new, suspect) = suspects.blame(7, now + 61 * SECOND);
        assert_eq!((is_new, suspect.failures), (true, 1));
    }

    #[test]
    fn there_is_room_for_the_latest_and_for_those_that_are_refused() {
        let (mut suspects, mut now) = (Suspects::default(), Instant::now());
        suspects.blame(0, now).1.refuse(SECOND, now);
        for input in 1..=2 * MOST as u64 {
            now += Duration::from_millis(1);
            suspects.blame(input, now);
        }
        assert_eq!(suspects.by_input.len(), MOST);
        let latest = MOST as u64 + 2..=2 * MOST as u64;
        assert!([0].into_iter().chain(latest).all(|input| suspects.get(input, now).is_some()));
    }

    #[test]
    fn what_was_refused_before_is_not_released() {
        let (mut suspects, start) = (Suspects::default(), Instant::now());
        suspects.blame(1, start).1.refuse(SECOND, start);
        suspects.blame(2, start).1.refuse(SECOND, start + 2 * SECOND);
        suspects.release(Some(start + SECOND));
        let mut is_refused = |input| suspects.get(input, start).is_some_and(|suspect| suspect.gate.is_some());
        assert_eq!((is_refused(1), is_refused(2)), (true, false));
        suspects.blame(2, start).1.refuse(SECOND, start + 4 * SECOND);
        suspects.release(Some(start + 3 * SECOND));
        assert!(suspects.get(2, start).is_some_and(|suspect| suspect.gate.is_some()), "it was refused before");
    }
}
