//! The queue of one service: it bounds how many calls are in flight at once, how many
//! more wait, and how long they wait.
//!
//! In: a call's deadline. Out: a [`Slot`], which is the right to send for as long as it is held.
//! Elsewhere: what is sent with a slot ([`super::guarded`]).
//!
//! There is a limit for each service because a service that has stalled keeps its calls until they time out. If the
//! calls to all services were counted together, the calls to that one service would soon take all slots, and queries
//! that need another service would wait in vain. There is a queue behind the limit because bursts are shorter than
//! deadlines. The queue has a bound because a call that waits behind a thousand others will not be answered in time, so
//! it is better refused at once.
//!
//! Always true:
//! - slots are given in the order in which the calls came;
//! - a call that no longer waits, because its deadline passed or it was dropped, takes no place in the queue;
//! - calls to one service never wait for a slot of another.

use crate::defaults;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout_at};

/// How many calls to one service are in flight at once, and how many wait.
#[derive(Debug, Clone, Copy)]
pub struct QueueOptions {
    /// How many calls are in flight at once; further calls wait, up to their deadline. Default: 256 calls.
    pub max_in_flight: u32,
    /// How many calls wait for one of those slots; further calls are refused at once. Default: 256 calls, so that the
    /// calls to one service are at most half of the requests that are let in at once.
    pub max_waiting: u32,
}

impl Default for QueueOptions {
    fn default() -> Self {
        Self { max_in_flight: defaults::SERVICE_IN_FLIGHT.get(), max_waiting: defaults::SERVICE_WAITING }
    }
}

/// The calls to one service that are in flight or wait for a slot.
#[derive(Debug)]
pub(super) struct Queue {
    slots: Semaphore,
    max_in_flight: u32,
    waiting: AtomicU32,
    max_waiting: u32,
}

/// The right to send one call; dropping it gives it back.
#[derive(Debug)]
pub(super) struct Slot<'q>(SemaphorePermit<'q>);

impl Slot<'_> {
    /// Drops the slot without giving it back. [`Queue::give_back`] gives it back later.
    pub(super) fn keep(self) {
        self.0.forget();
    }
}

/// Why a call got no slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoSlot {
    /// Too many calls wait already.
    Full,
    /// The deadline passed.
    Late,
}

impl Queue {
    pub(super) fn new(options: QueueOptions) -> Self {
        let max_in_flight = options.max_in_flight.max(1);
        Self {
            slots: Semaphore::new(max_in_flight as usize),
            max_in_flight,
            waiting: AtomicU32::new(0),
            max_waiting: options.max_waiting,
        }
    }

    /// Gives back one slot that [`Slot::keep`] kept.
    pub(super) fn give_back(&self) {
        self.slots.add_permits(1);
    }

    /// Takes a slot, if one is free and no call waits for it.
    pub(super) fn try_enter(&self) -> Option<Slot<'_>> {
        self.slots.try_acquire().ok().map(Slot)
    }

    /// Waits for a slot. Dropping the future gives up the place in the queue.
    pub(super) async fn enter(&self, deadline: Instant) -> Result<Slot<'_>, NoSlot> {
        let _waiting = WaitingCount::begin(&self.waiting, self.max_waiting).ok_or(NoSlot::Full)?;
        match timeout_at(deadline, self.slots.acquire()).await {
            Ok(Ok(permit)) => Ok(Slot(permit)),
            // The semaphore is never closed; if it were, no call would get a slot.
            Ok(Err(_)) | Err(_) => Err(NoSlot::Late),
        }
    }

    pub(super) fn in_flight(&self) -> u64 {
        u64::from(self.max_in_flight).saturating_sub(self.slots.available_permits() as u64)
    }

    pub(super) fn waiting(&self) -> u64 {
        u64::from(self.waiting.load(Ordering::Relaxed))
    }
}

/// One call that waits, counted until it is dropped.
struct WaitingCount<'a>(&'a AtomicU32);

impl<'a> WaitingCount<'a> {
    fn begin(count: &'a AtomicU32, limit: u32) -> Option<Self> {
        // The call is counted first and then checked: if it is refused, dropping the
        // guard takes it off the count again.
        let guard = Self(count);
        (count.fetch_add(1, Ordering::Relaxed) < limit).then_some(guard)
    }
}

impl Drop for WaitingCount<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::poll;
    use std::pin::pin;
    use std::time::Duration;

    fn queue(max_in_flight: u32, max_waiting: u32) -> Queue {
        Queue::new(QueueOptions { max_in_flight, max_waiting })
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(1)
    }

    #[tokio::test(start_paused = true)]
    async fn slots_are_given_in_the_order_of_coming() {
        let queue = queue(1, 2);
        let first = queue.try_enter().expect("a free slot");
        assert!(queue.try_enter().is_none());
        let (mut second, mut third) = (pin!(queue.enter(soon())), pin!(queue.enter(soon())));
        assert!(poll!(&mut second).is_pending() && poll!(&mut third).is_pending());
        assert_eq!(queue.enter(soon()).await.err(), Some(NoSlot::Full));
        assert_eq!((queue.in_flight(), queue.waiting()), (1, 2));
        drop(first);
        assert!(queue.try_enter().is_none(), "nobody overtakes who waits");
        assert!(poll!(&mut third).is_pending());
        let second = second.await.expect("the slot");
        assert!(poll!(&mut third).is_pending());
        drop(second);
        drop(third.await.expect("the slot"));
        assert_eq!((queue.in_flight(), queue.waiting()), (0, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_ends_with_the_deadline_and_with_the_call() {
        let queue = queue(1, 1);
        let held = queue.try_enter().expect("a free slot");
        let started = Instant::now();
        assert_eq!(queue.enter(soon()).await.err(), Some(NoSlot::Late));
        assert_eq!(started.elapsed(), Duration::from_secs(1));
        {
            let mut dropped = pin!(queue.enter(soon()));
            assert!(poll!(&mut dropped).is_pending());
        }
        assert_eq!(queue.waiting(), 0);
        drop(held);
        assert!(queue.try_enter().is_some(), "who left took no slot along");
    }
}
