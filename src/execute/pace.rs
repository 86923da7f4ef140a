//! Long work shares its thread: a worker of [`crate::http`] has one, and everybody else on it waits meanwhile.
//!
//! Reading answers and writing them is done in slices. Between two of them the work looks at the clock. If it has had the
//! thread for a while, it lets everybody else run, and then waits for its turn: of all long work on a thread one piece
//! at a time is under way, first come first served and each to its end. So the wait of others is one slice, however much
//! long work there is, and no more than one long answer per thread is written in part.
//!
//! Always true: whoever waits for a call, or for anything else but its turn, has given its turn back.

use super::run::now;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How long after its deadline a request may read and write what it has. Less than [`crate::http`] waits for it.
const GRACE: Duration = Duration::from_millis(50);

thread_local! {
    /// The turn of this thread's long work.
    static TURN: Arc<Semaphore> = Arc::new(Semaphore::new(1));
}

/// One request's use of its thread.
#[derive(Debug)]
pub(super) struct Pace {
    /// How long work has the thread before others have it.
    stretch: Duration,
    since: Instant,
    until: Instant,
    turn: Option<OwnedSemaphorePermit>,
}

impl Pace {
    /// For a request with this deadline, which has the thread for so long at a stretch.
    pub(super) fn new(deadline: Instant, stretch: Duration) -> Self {
        Self { stretch, since: now(), until: deadline + GRACE, turn: None }
    }

    /// Stands between two slices of work: others have the thread, if it is their time. `false`: nobody waits for this
    /// work any more. May be dropped.
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

    /// The work is over for now.
    pub(super) fn end(&mut self) {
        self.turn = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    const STRETCH: Duration = Duration::from_millis(1);

    /// Works without a pause for a millisecond and more.
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
        // All have had their first slice; from then on one at a time.
        let rest: Vec<_> = told.iter().skip(8).collect();
        assert!(rest.windows(2).all(|two| two[0].is_none() || two[1].is_none()), "{told:?}");
        // Each goes on to its end before the next one does.
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
