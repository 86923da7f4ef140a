//! Writes in progress: whether a write was sent, and what is done when it is over.
//!
//! In: a write, from before it is sent. Out: whether it was sent, and the moment at which it is over, even if nobody
//! waits for it any more.
//! Elsewhere: sending and finishing the write ([`super::finish`]); what its end means for the answers that are kept
//! ([`crate::execute`]).
//!
//! Always true:
//! - a write is over when nothing works on it any more, however the work ended: with an answer, with a failure, with a
//!   panic, or because the runtime stopped;
//! - what is to be done at the end of a write is done once;
//! - the number of writes that nobody waits for has a bound, and so has the number of
//!   failures that are noted for one write.

use crate::report::FailedCall;
use std::fmt;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;

/// The writes of a process that are being finished while nobody waits for them. Clones share one count, but each clone
/// has a bound of its own: when the count reaches the bound, that clone begins no further write. Default: 1024 writes.
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
    /// The same writes, with `most` as the bound.
    #[must_use]
    pub fn at_most(&self, most: NonZeroU32) -> Self {
        Self { counts: Arc::clone(&self.counts), most: usize::try_from(most.get()).unwrap_or(usize::MAX) }
    }

    /// Begins a write; `None` if too many writes are being finished already.
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

    /// How many writes are being finished while nobody waits for them.
    #[must_use]
    pub fn unattended(&self) -> usize {
        *self.counts.unattended.borrow()
    }

    /// How many writes were not begun because of the bound.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.counts.refused.load(Ordering::Relaxed)
    }

    /// Waits until no write is being finished unattended.
    pub async fn finished(&self) {
        // `self` holds a sender, so the channel is never closed.
        let _ = self.counts.unattended.subscribe().wait_for(|count| *count == 0).await;
    }
}

/// The most failures that are noted for one write; further ones are left out.
const MAX_FAILURES: usize = 8;

/// What is done when a write is over. It gets the failed calls of the write.
type Aftermath = Box<dyn FnOnce(Vec<FailedCall>) + Send>;

/// One write. Clones are the same write: everything that works on it holds a clone, and so does the request that began
/// it. It is over when only the clone of that request is left.
#[derive(Clone)]
pub struct Write(Arc<Inner>);

/// Nobody has said whether the write was sent, so it counts as sent.
const UNTOLD: u8 = 0;
/// The write waits to be sent.
const HELD_BACK: u8 = 1;
/// The write, or a part of it, was sent.
const SENT: u8 = 2;

struct Inner {
    writes: Writes,
    stage: AtomicU8,
    failures: Mutex<Vec<FailedCall>>,
    aftermath: Mutex<Option<Aftermath>>,
}

impl Write {
    /// Notes that the write is not sent yet: if it is dropped now, nothing was written. It does nothing if a part of
    /// the write was sent before, because code of this process may make several calls.
    pub(super) fn hold_back(&self) {
        let _ = self.0.stage.compare_exchange(UNTOLD, HELD_BACK, Ordering::AcqRel, Ordering::Acquire);
    }

    /// Notes that the write is being sent now.
    pub(super) fn send(&self) {
        self.0.stage.store(SENT, Ordering::Release);
    }

    /// Whether anything of the write may have reached its service.
    #[must_use]
    pub fn is_sent(&self) -> bool {
        self.0.stage.load(Ordering::Acquire) != HELD_BACK
    }

    /// Whether nothing works on the write any more, as seen by the request that began it.
    #[must_use]
    pub fn is_over(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }

    /// Notes that a call of the write has failed.
    pub(super) fn note(&self, failed: FailedCall) {
        let mut failures = self.0.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if failures.len() < MAX_FAILURES {
            failures.push(failed);
        }
    }

    /// Leaves the write to itself: nobody waits for it any more. `aftermath` runs when the write is over, which may be
    /// now; it gets the calls that have failed.
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
