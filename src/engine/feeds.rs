//! Shared subscriptions: equal ones are run once, for as long as somebody listens.
//!
//! Two subscriptions are equal if they have the same plan (client, schema, document and operation), the same coerced
//! variables, and the same caller inputs in all steps.
//! Elsewhere: how a subscription is run ([`crate::execute`]).

use super::sharing::{Job, OperationKey};
use crate::execute::{Feed, Member, Subscriber, Table};
use crate::flight::FlightOptions;
use std::sync::Arc;
use std::time::Duration;

/// The subscriptions of one engine that are under way.
#[derive(Debug)]
pub(super) struct Feeds {
    table: Arc<Table<OperationKey, Arc<Feed>>>,
    is_shared: bool,
    ignores_scope: bool,
}

/// A place among the listeners of a subscription, which ends when its last listener is dropped.
pub(super) struct Listener {
    pub(super) subscriber: Subscriber,
    _feed: Arc<Member<OperationKey, Arc<Feed>>>,
}

impl Feeds {
    pub(super) fn new(sharing: &FlightOptions) -> Self {
        Self { table: Table::new(), is_shared: sharing.enabled, ignores_scope: sharing.ignores_scope() }
    }

    /// Joins an equal subscription, or begins a new one. Its root is polled every `every`, and each event may take
    /// `timeout`.
    pub(super) fn listen(&self, job: Job, every: Duration, timeout: Duration) -> Listener {
        let key = if self.is_shared { job.lasting_key(self.ignores_scope) } else { None };
        let begin = move || {
            let feed = Feed::new(&job.as_run(), every);
            let at_work = Arc::clone(&feed);
            let work = async move { at_work.work(job.as_run(), &job.parts.polls, every, timeout).await };
            (feed, tokio::spawn(work).abort_handle())
        };
        let feed = match key {
            Some(key) => self.table.join(key, |_| begin()),
            None => self.table.alone(begin()),
        };
        Listener { subscriber: feed.subscribe(), _feed: feed }
    }
}
