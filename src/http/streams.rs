//! What the streams of one server share: how many there may be, and when they are to end.

use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// The streams of one server.
#[derive(Debug)]
pub(super) struct Streams {
    max_subscriptions: u32,
    subscriptions: Arc<Semaphore>,
    stopping: watch::Sender<bool>,
    /// Open WebSockets, which outlive the HTTP connection that they came from.
    sockets: watch::Sender<usize>,
}

impl Streams {
    pub(super) fn new(max_subscriptions: u32) -> Self {
        Self {
            max_subscriptions,
            subscriptions: places(max_subscriptions),
            stopping: watch::Sender::new(false),
            sockets: watch::Sender::new(0),
        }
    }

    /// The same streams under another limit.
    pub(super) fn succeeded(&self, max_subscriptions: u32) -> Self {
        let subscriptions = match max_subscriptions == self.max_subscriptions {
            true => Arc::clone(&self.subscriptions),
            false => places(max_subscriptions),
        };
        let (stopping, sockets) = (self.stopping.clone(), self.sockets.clone());
        Self { max_subscriptions, subscriptions, stopping, sockets }
    }

    /// A place for one more subscription, until it is dropped.
    pub(super) fn subscribe(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.subscriptions).try_acquire_owned().ok()
    }

    pub(super) fn stopping(&self) -> Stopping {
        Stopping(self.stopping.subscribe())
    }

    pub(super) fn stop(&self) {
        self.stopping.send_replace(true);
    }

    /// Counts a socket until it is dropped; `None`: as many as may be are open.
    pub(super) fn socket(&self, most: u32) -> Option<OpenSocket> {
        let is_counted = self.sockets.send_if_modified(|open| {
            let has_room = *open < usize::try_from(most).unwrap_or(usize::MAX);
            *open += usize::from(has_room);
            has_room
        });
        is_counted.then(|| OpenSocket(self.sockets.clone()))
    }

    /// Waits until no socket is open.
    pub(super) async fn closed(&self) {
        let _ = self.sockets.subscribe().wait_for(|open| *open == 0).await;
    }
}

fn places(most: u32) -> Arc<Semaphore> {
    let most = usize::try_from(most).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS);
    Arc::new(Semaphore::new(most))
}

/// An open WebSocket.
pub(super) struct OpenSocket(watch::Sender<usize>);

impl Drop for OpenSocket {
    fn drop(&mut self) {
        self.0.send_modify(|open| *open = open.saturating_sub(1));
    }
}

/// Tells when the process is to stop.
#[derive(Debug, Clone)]
pub(super) struct Stopping(watch::Receiver<bool>);

impl Stopping {
    /// Waits for it; for ever, if the server is gone without having been stopped.
    pub(super) async fn wait(&mut self) {
        if self.0.wait_for(|stopping| *stopping).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
