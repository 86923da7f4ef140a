//! What the streams of one process share: the counts of open ones, and the notices that end them.
//!
//! Always true: a limit applies to all open streams, whatever the limit was when they were opened.

use super::ending::Ends;
use std::sync::Arc;
use tokio::sync::watch;

/// The streams of one process, whichever of its servers they read from.
#[derive(Debug)]
pub(super) struct Streams {
    pub(super) ends: Ends,
    subscriptions: Count,
    /// The number of open WebSockets.
    sockets: Count,
}

impl Streams {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { ends: Ends::new(), subscriptions: Count::default(), sockets: Count::default() })
    }

    /// Counts a subscription until the result is dropped; `None` if `most` are open already.
    pub(super) fn subscribe(&self, most: u32) -> Option<Open> {
        self.subscriptions.open(most)
    }

    /// Counts a WebSocket until the result is dropped; `None` if `most` are open already.
    pub(super) fn socket(&self, most: u32) -> Option<Open> {
        self.sockets.open(most)
    }

    /// How many subscriptions are open.
    pub(super) fn subscriptions(&self) -> u32 {
        *self.subscriptions.0.borrow()
    }

    /// How many WebSockets are open.
    pub(super) fn sockets(&self) -> u32 {
        *self.sockets.0.borrow()
    }

    /// Waits until no WebSocket is open.
    pub(super) async fn closed(&self) {
        let _ = self.sockets.0.subscribe().wait_for(|open| *open == 0).await;
    }
}

/// How many streams of one kind are open.
#[derive(Debug, Clone)]
struct Count(watch::Sender<u32>);

impl Default for Count {
    fn default() -> Self {
        Self(watch::Sender::new(0))
    }
}

impl Count {
    fn open(&self, most: u32) -> Option<Open> {
        let is_counted = self.0.send_if_modified(|open| {
            let has_room = *open < most;
            *open += u32::from(has_room);
            has_room
        });
        is_counted.then(|| Open(self.clone()))
    }
}

/// A stream that is counted as open until this is dropped.
#[derive(Debug)]
pub(super) struct Open(Count);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.0.send_modify(|open| *open = open.saturating_sub(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lower_limit_counts_what_is_open() {
        let streams = Streams::new();
        let mut open: Vec<_> = (0..3).map(|_| streams.subscribe(3).expect("room")).collect();
        assert!(streams.subscribe(3).is_none() && streams.subscribe(2).is_none());
        open.truncate(2);
        assert!(streams.subscribe(2).is_none());
        open.truncate(1);
        assert!(streams.subscribe(2).is_some());
        assert!(streams.socket(1).is_some(), "another count");
        assert_eq!((streams.subscriptions(), streams.sockets()), (1, 0));
    }
}
