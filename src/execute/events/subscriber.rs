//! One subscriber of a feed.

use super::feed::Feed;
use crate::execute::polls::Recent;
use crate::execute::run::RunOutput;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::watch;

/// An event of a feed.
#[derive(Debug)]
pub struct Event {
    /// The digest of the answer, by which answers are compared.
    pub(super) digest: u64,
    /// The answer. `None` one second after it was made, by when every waiting subscriber has had time to take it.
    pub(super) answer: Option<Arc<RunOutput>>,
    /// When the root's call was begun and, for each step, how many writes to its source had ended when the answer was
    /// made.
    pub(super) recent: Recent,
    /// When the answer was complete.
    pub(super) ended: Instant,
    /// Whether this process did not send some of the calls. Such an event is only for subscribers who have nothing yet.
    pub(super) is_refused: bool,
    pub(super) is_last: bool,
}

impl Event {
    /// The state before the first event.
    pub(super) fn none(now: Instant) -> Self {
        let recent = Recent { began: now, writes: Box::default() };
        Self { digest: 0, answer: None, recent, ended: now, is_refused: false, is_last: false }
    }

    /// The same event without its answer.
    pub(super) fn forgotten(&self) -> Self {
        let &Self { digest, ended, is_refused, is_last, .. } = self;
        Self { digest, answer: None, recent: self.recent.clone(), ended, is_refused, is_last }
    }
}

/// Takes the events of a feed. It keeps only the digest of the last one that it took.
#[derive(Debug)]
pub struct Subscriber {
    feed: Arc<Feed>,
    events: watch::Receiver<Arc<Event>>,
    /// The digest of the last event that it took.
    last: Option<u64>,
    /// The recency that an answer for this subscriber must have.
    wanted: Recent,
}

impl Subscriber {
    pub(super) fn new(feed: Arc<Feed>, events: watch::Receiver<Arc<Event>>) -> Self {
        let wanted = feed.now();
        Self { feed, events, last: None, wanted }
    }

    /// Waits for the next event. Also returns whether it is the last one. The future may be dropped at any time: no
    /// event is lost.
    pub async fn next(&mut self) -> (Arc<RunOutput>, bool) {
        loop {
            let event = Arc::clone(&self.events.borrow_and_update());
            let is_wanted = match self.last {
                _ if event.is_last => true,
                None => event.recent.serves(&self.wanted),
                Some(last) => event.digest != last && !event.is_refused,
            };
            match &event.answer {
                Some(answer) if is_wanted => {
                    self.last = Some(event.digest);
                    return (Arc::clone(answer), event.is_last);
                }
                // The answer was forgotten before it was taken. A new one serves as well.
                _ if self.last.is_some() && is_wanted => {
                    self.wanted = self.feed.now();
                    self.feed.wanted.ask(&self.wanted);
                }
                _ if self.last.is_none() => self.feed.wanted.ask(&self.wanted),
                _ => {}
            }
            if self.events.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}
