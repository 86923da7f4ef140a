//! The verdict: whether the values that a subscriber has seen agree with the source's log.

use crate::source::Log;
use crate::subscriber::Seen;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// The mistakes by kind, with the first example of each, and the number of values that polling has folded.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    pub(crate) events: usize,
    /// The number of values that a subscriber did not see, but that were current for a time so short that polling
    /// explains it.
    pub(crate) folded: usize,
    wrong: BTreeMap<&'static str, (usize, String)>,
}

impl Verdict {
    /// Compares one subscriber's notes with the log of its value. `tolerance` is the longest time for which a value may
    /// be current and still be folded: the interval, plus the delay of a busy machine.
    pub(crate) fn compare(&mut self, id: usize, notes: &[(Instant, Seen)], log: &Log, tolerance: Duration) {
        let mut values = Vec::new();
        // The value of the event before. `None` if there was none, or if an error came in between.
        let mut before = None;
        for (_, seen) in notes {
            match seen {
                Seen::Value(value) => {
                    match before.map(|before| value.cmp(&before)) {
                        Some(Ordering::Equal) => self.note("doubled events", || format!("{id}: {notes:?}")),
                        Some(Ordering::Less) => self.note("events out of order", || format!("{id}: {notes:?}")),
                        Some(Ordering::Greater) | None => {}
                    }
                    before = Some(*value);
                    values.push(*value);
                }
                Seen::Wrong(what) => {
                    before = None;
                    let kind = if values.is_empty() { "refused subscriptions" } else { "false errors" };
                    self.note(kind, || format!("{id}: {what}"));
                }
            }
        }
        self.events += values.len();
        let Some((&first, &last)) = values.first().zip(values.last()) else {
            return self.note("subscribers without an event", || id.to_string());
        };
        if last != log.len() as u64 {
            self.note("lost last values", || format!("{id}: {last} instead of {}", log.len()));
        }
        // Value `n` is current from moment `n - 1` of the log to moment `n`.
        for value in (first..=last).filter(|value| !values.contains(value)) {
            let at = usize::try_from(value).unwrap_or(usize::MAX);
            let current = log.get(at).zip(log.get(at - 1)).map(|(end, start)| end.duration_since(*start));
            match current {
                Some(current) if current <= tolerance => self.folded += 1,
                _ => self.note("missed values", || format!("{id}: {value} of {values:?}, current for {current:?}")),
            }
        }
    }

    fn note(&mut self, kind: &'static str, example: impl FnOnce() -> String) {
        self.wrong.entry(kind).or_insert_with(|| (0, example())).0 += 1;
    }

    /// One line for each kind of mistake. The list is empty if there was none.
    pub(crate) fn wrong(&self) -> Vec<String> {
        self.wrong.iter().map(|(kind, (count, example))| format!("{count} {kind}, such as {example}")).collect()
    }
}
