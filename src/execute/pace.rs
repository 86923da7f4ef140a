//! How long work shares its thread. A worker of [`crate::http`] has one thread, and all its other tasks wait while one
//! works.
//!
//! Answers are read and written in slices. Between two slices the work looks at the clock. If it has used the thread
//! for a while, it lets the other tasks run and then waits for its turn: only one piece of long work at a time proceeds
//! on a thread, in the order of arrival, and each to its end. So other tasks wait for one slice only, however much long
//! work there is, and at most one long answer per thread is partly written.
//!
//! Always true: work that waits for a call, or for anything else except its turn, has given its turn back.

use super::run::now;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How long after its deadline a request may still read and write what it has: 50 ms, less than [`crate::http`] waits
/// for it.
const GRACE: Duration = Duration::from_millis(50);

thread_local! {
    /// The turn of the long work on this thread.
    static TURN: Arc<Semaphore> = Arc::new(Semaphore::new(1));
}

/// One request's use of its thread.
#[derive(Debug)]
pub(super) struct Pace {
    /// How long the work may use the thread before other tasks get it.
    stretch: Duration,
    since: Instant,
    until: Instant,
    turn: Option<OwnedSemaphorePermit>,
}

impl Pace {
    /// The pace of a request with this deadline, which may use the thread for `stretch` at a time.
    pub(super) fn new(deadline: Instant, stretch: Duration) -> Self {
        Self { stretch, since: now(), until: deadline + GRACE, turn: None }
    }

    /// Called between two slices of work: lets other tasks run if it is time. Returns `false` if nobody waits for this
    /// work any more. The future may be dropped.
    pub(super) async fn rest(&mut self) -> bool {
        let at = now();
        if at >= self.until {
            tokio::task::yield_now().await;
            return false;
        }
        at.duration_since(self.since) < self.stretch || self.wait().await
    }

    async fn wait(&mut self) -> bool {
        tokio::task::yield_now().await;
        if self.turn.is_none() {
            let turn = TURN.with(Arc::clone).acquire_owned();
            self.turn = tokio::time::timeout_at(self.until.into(), turn).await.ok().and_then(Result::ok);
        }
        self.since = now();
        self.turn.is_some()
    }

    /// Gives the turn back, because the work is over for now.
    pub(super) fn end(&mut self) {
        self.turn = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    const STRETCH: Duration = Duration::from_millis(1);

    /// Works without a pause for at least a millisecond.
    fn work() {
        let start = Instant::now();
        while start.elapsed() <= STRETCH {
            std::hint::spin_loop();
        }
    }

    #[tokio::test]
    async fn of_all_long_work_one_slice_comes_between_two_turns_of_others() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let long = (0..8).map(|number| {
            let told = Arc::clone(&told);
            tokio::spawn(async move {
                let mut pace = Pace::new(now() + Duration::from_secs(60), STRETCH);
                for _ in 0..4 {
                    work();
                    told.lock().unwrap().push(Some(number));
                    assert!(pace.rest().await);
                }
            })
        });
        let mut long: Vec<_> = long.collect();
        tokio::task::yield_now().await;
        while long.iter().any(|task| !task.is_finished()) {
            told.lock().unwrap().push(None);
            tokio::task::yield_now().await;
        }
        for task in long.drain(..) {
            task.await.unwrap();
        }
        let told = told.lock().unwrap();
        // All have had their first slice; from then on only one works at a time.
        let rest: Vec<_> = told.iter().skip(8).collect();
        assert!(rest.windows(2).all(|two| two[0].is_none() || two[1].is_none()), "{told:?}");
        // Each continues to its end before the next one does.
        let order: Vec<_> = rest.iter().filter_map(|number| **number).collect();
        assert_eq!(order.len(), 24, "{told:?}");
        assert!(order.chunks(3).all(|three| three.iter().all(|number| *number == three[0])), "{told:?}");
    }

    #[tokio::test]
    async fn work_ends_soon_after_the_deadline() {
        let mut pace = Pace::new(now() - GRACE, STRETCH);
        assert!(!pace.rest().await);
        let held = TURN.with(Arc::clone).acquire_owned().await.unwrap();
        let mut pace = Pace::new(now(), STRETCH);
        work();
        assert!(!pace.rest().await, "nobody gives the turn back in time");
        drop(held);
    }
}
