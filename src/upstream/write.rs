//! Writes under way: whether one was sent, and what is left to do when it is over.
//!
//! In: a write, from before it is sent. Out: whether it was sent; and the moment at which it is over, also when nobody
//! waits for it any more.
//! Elsewhere: sending and finishing it ([`super::finish`]); what its end means for what is kept ([`crate::execute`]).
//!
//! Always true:
//! - a write is over when nothing works on it any more, by whatever end: an answer, a failure, a panic, a runtime that stops;
//! - what is to be done at its end is done once;
//! - writes that nobody waits for have a bound, and so have the failures that are noted of one.

use crate::report::FailedCall;
use std::fmt;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;

/// The writes of a process that are being finished while nobody waits for them. Clones count together; each has a bound,
/// at which no further write is begun by it. Default: 1024.
#[derive(Debug, Clone)]
pub struct Writes {
    counts: Arc<Counts>,
    most: usize,
}

#[derive(Debug)]
struct Counts {
    unattended: watch::Sender<usize>,
    refused: AtomicU64,
}

impl Default for Writes {
    fn default() -> Self {
        let counts = Counts { unattended: watch::Sender::new(0), refused: AtomicU64::new(0) };
        Self { counts: Arc::new(counts), most: 1_024 }
    }
}

impl Writes {
    /// The same writes, with a bound of so many.
    #[must_use]
    pub fn at_most(&self, most: NonZeroU32) -> Self {
        Self { counts: Arc::clone(&self.counts), most: usize::try_from(most.get()).unwrap_or(usize::MAX) }
    }

    /// Begins a write; `None`: too many are being finished already.
    #[must_use]
    pub fn begin(&self) -> Option<Write> {
        let has_room = self.unattended() < self.most;
        if !has_room {
            self.counts.refused.fetch_add(1, Ordering::Relaxed);
        }
        let inner = || Inner {
            writes: self.clone(),
            stage: AtomicU8::new(UNTOLD),
            failures: Mutex::default(),
            aftermath: Mutex::default(),
        };
        has_room.then(|| Write(Arc::new(inner())))
    }

    /// How many are being finished while nobody waits for them.
    #[must_use]
    pub fn unattended(&self) -> usize {
        *self.counts.unattended.borrow()
    }

    /// How many were not begun because of the bound.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.counts.refused.load(Ordering::Relaxed)
    }

    /// Waits until none is.
    pub async fn finished(&self) {
        // This holds a sender, so that the other end is never gone.
        let _ = self.counts.unattended.subscribe().wait_for(|count| *count == 0).await;
    }
}

/// Most failures that are noted of one write; further ones are left out.
const MAX_FAILURES: usize = 8;

/// What is done when a write is over, with the calls of it that failed.
type Aftermath = Box<dyn FnOnce(Vec<FailedCall>) + Send>;

/// One write. Clones are the same write: whoever works on it holds one, and it is over when the last but one is dropped,
/// which is that of who began it.
#[derive(Clone)]
pub struct Write(Arc<Inner>);

/// Nobody has said whether it is sent: it counts as sent.
const UNTOLD: u8 = 0;
/// It waits to be sent.
const HELD_BACK: u8 = 1;
/// It was sent, or a part of it was.
const SENT: u8 = 2;

struct Inner {
    writes: Writes,
    stage: AtomicU8,
    failures: Mutex<Vec<FailedCall>>,
    aftermath: Mutex<Option<Aftermath>>,
}

impl Write {
    /// It is not sent yet: whoever drops it now has not written. Nothing, if a part of it was sent before: code of this
    /// process may make several calls.
    pub(super) fn hold_back(&self) {
        let _ = self.0.stage.compare_exchange(UNTOLD, HELD_BACK, Ordering::AcqRel, Ordering::Acquire);
    }

    /// It is sent now.
    pub(super) fn send(&self) {
        self.0.stage.store(SENT, Ordering::Release);
    }

    /// Whether anything of it may have reached its service.
    #[must_use]
    pub fn is_sent(&self) -> bool {
        self.0.stage.load(Ordering::Acquire) != HELD_BACK
    }

    /// Whether nothing works on it any more, for who began it.
    #[must_use]
    pub fn is_over(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }

    /// Notes that a call of it has failed.
    pub(super) fn note(&self, failed: FailedCall) {
        let mut failures = self.0.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if failures.len() < MAX_FAILURES {
            failures.push(failed);
        }
    }

    /// Leaves it to itself: nobody waits for it any more. `aftermath` is done once it is over, which may be now; it is told
    /// which calls have failed.
    pub fn leave(self, aftermath: impl FnOnce(Vec<FailedCall>) + Send + 'static) {
        let mut place = self.0.aftermath.lock().unwrap_or_else(PoisonError::into_inner);
        if place.is_none() {
            self.0.writes.counts.unattended.send_modify(|count| *count += 1);
        }
        *place = Some(Box::new(aftermath));
    }
}

impl fmt::Debug for Write {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Write").field("is_sent", &self.is_sent()).finish_non_exhaustive()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let aftermath = self.aftermath.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(aftermath) = aftermath {
            let failures = self.failures.get_mut().unwrap_or_else(PoisonError::into_inner);
            aftermath(std::mem::take(failures));
            self.writes.counts.unattended.send_modify(|count| *count = count.saturating_sub(1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicU32;

    fn counting() -> (Arc<AtomicU32>, impl FnOnce(Vec<FailedCall>) + Send + 'static) {
        let count = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&count);
        (count, move |_| _ = counted.fetch_add(1, Ordering::Relaxed))
    }

    #[tokio::test]
    async fn what_is_left_is_done_when_the_last_who_works_on_it_ends() {
        let writes = Writes::default();
        let (write, (done, aftermath)) = (writes.begin().expect("room"), counting());
        let (working, also_working) = (write.clone(), write.clone());
        assert!(!write.is_over());
        write.leave(aftermath);
        drop(working);
        assert_eq!((done.load(Ordering::Relaxed), writes.unattended()), (0, 1));
        drop(also_working);
        assert_eq!((done.load(Ordering::Relaxed), writes.unattended()), (1, 0));
        writes.finished().await;
    }

    #[test]
    fn what_was_over_before_it_was_left_is_done_at_once() {
        let (writes, (done, aftermath)) = (Writes::default(), counting());
        let write = writes.begin().expect("room");
        assert!(write.is_over());
        write.leave(aftermath);
        assert_eq!((done.load(Ordering::Relaxed), writes.unattended()), (1, 0));
        drop(writes.begin());
        assert_eq!(writes.unattended(), 0, "one that was waited for counts nowhere");
    }

    #[test]
    fn a_write_counts_as_sent_unless_it_is_held_back() {
        let write = Writes::default().begin().expect("room");
        assert!(write.is_sent());
        write.hold_back();
        assert!(!write.is_sent());
        write.send();
        assert!(write.is_sent());
        write.hold_back();
        assert!(write.is_sent(), "a part of it was sent");
    }

    #[test]
    fn writes_that_nobody_waits_for_have_a_bound() {
        let all = Writes::default();
        let (two, three) = (all.at_most(NonZeroU32::new(2).unwrap()), all.at_most(NonZeroU32::new(3).unwrap()));
        let begun: Vec<_> = (0..3).map(|_| two.begin().expect("room")).collect();
        let working = begun.to_vec();
        let leave = |write: Write| write.leave(|_| ());
        let mut begun = begun.into_iter();
        begun.by_ref().take(2).for_each(leave);
        assert!(two.begin().is_none() && three.begin().is_some() && all.begin().is_some());
        begun.for_each(leave);
        assert!(two.begin().is_none() && three.begin().is_none(), "all count together");
        assert_eq!((two.unattended(), all.refused()), (3, 3));
        drop(working);
        assert!(two.begin().is_some());
        assert_eq!((all.unattended(), two.refused()), (0, 3));
    }
}
