//! One subscriber of a feed.

use super::feed::Feed;
use crate::execute::polls::Recent;
use crate::execute::run::Ran;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::watch;

/// What a feed tells.
#[derive(Debug)]
pub struct Event {
    /// What tells the answer from others.
    pub(super) digest: u64,
    /// `None`: all who listened then have had the time to take it.
    pub(super) answer: Option<Arc<Ran>>,
    /// When the root's call was begun, and the writes that were over when it was made, by step.
    pub(super) recent: Recent,
    /// When the answer was there.
    pub(super) ended: Instant,
    /// Was the root's call refused here? Then it is for those who have nothing yet.
    pub(super) is_refused: bool,
    pub(super) is_last: bool,
}

impl Event {
    /// Before the first one.
    pub(super) fn none(now: Instant) -> Self {
        let recent = Recent { began: now, writes: Box::default() };
        Self { digest: 0, answer: None, recent, ended: now, is_refused: false, is_last: false }
    }

    /// The same without its answer.
    pub(super) fn forgotten(&self) -> Self {
        let &Self { digest, ended, is_refused, is_last, .. } = self;
        Self { digest, answer: None, recent: self.recent.clone(), ended, is_refused, is_last }
    }
}

/// Takes the events of a feed. It keeps of what it took a digest alone.
#[derive(Debug)]
pub struct Subscriber {
    feed: Arc<Feed>,
    events: watch::Receiver<Arc<Event>>,
    /// The digest of what it took last.
    last: Option<u64>,
    /// How recent an answer has to be that is made for it.
    wanted: Recent,
}

impl Subscriber {
    pub(super) fn new(feed: Arc<Feed>, events: watch::Receiver<Arc<Event>>) -> Self {
        let wanted = feed.now();
        Self { feed, events, last: None, wanted }
    }

    /// Waits for the next event; also: is it the last one? May be dropped: nothing is lost.
    pub async fn next(&mut self) -> (Arc<Ran>, bool) {
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
                // It came too late for it: the newest one is as good.
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
