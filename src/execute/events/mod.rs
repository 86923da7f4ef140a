//! Subscriptions: the root is polled, and each change of what the client selects is an event.
//!
//! In: a [`Run`] of a subscription's plan. Out: a [`Feed`] for all clients that have the same subscription, with a
//! [`Subscriber`] for each of them. The file `run` makes an answer from a tick of a poll.
//! Elsewhere: the polls ([`super::polls`]); which subscriptions are the same ([`crate::engine`]); transports
//! ([`crate::http`]).
//!
//! Always true:
//! - the steps after the root run only when the root's projection has changed, when one of their calls has failed, or
//!   for a new subscriber;
//! - equal answers are one event: answers are compared by a digest, and a subscriber keeps nothing else;
//! - the first answer of a new subscriber was begun at most one second (or one interval, if that is shorter) before it
//!   subscribed, and after every write of this process that had ended by then;
//! - a subscriber that takes its events slowly gets only the newest one, because events are not queued.

mod feed;
mod run;
mod subscriber;

pub use feed::Feed;
pub use subscriber::Subscriber;

use super::run::Run;
use crate::plan::Plan;
use std::time::Duration;

/// The interval at which a subscription's root is called. `None` if the subscription has no root that is polled.
#[must_use]
pub fn poll_interval(run: &Run<'_>) -> Option<Duration> {
    run.graph.way(run.plan.steps[root(run.plan)?].way).poll
}

/// The index of the one step that depends on no other step. `None` if there is no such step, or if there are several.
fn root(plan: &Plan) -> Option<usize> {
    let mut roots = plan.steps.iter().enumerate().filter(|(_, step)| step.after.is_empty()).map(|(at, _)| at);
    roots.next().filter(|_| roots.next().is_none())
}
