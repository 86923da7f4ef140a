//! Subscriptions: the root is polled, and each change of what the client selects is an event.
//!
//! In: a [`Run`] of a subscription's plan. Out: a [`Feed`] for all who subscribe to the same, with a [`Subscriber`] for
//! each of them. `run` makes an answer from what a poll tells.
//! Elsewhere: the polls ([`super::polls`]); who subscribes to the same ([`crate::engine`]); transports ([`crate::http`]).
//!
//! Always true:
//! - the steps behind the root run when the root's projection has changed, when one of their calls has failed, or for a
//!   new subscriber, and at no other time;
//! - equal answers are one event: what tells them apart is a digest, and a subscriber keeps no more than that;
//! - a new subscriber gets an answer that was begun no earlier than a moment before it came, and after every write of this
//!   process that was over then;
//! - a subscriber that takes its events slowly gets the newest one, and no queue.

mod feed;
mod run;
mod subscriber;

pub use feed::Feed;
pub use subscriber::Subscriber;

use super::run::Run;
use crate::plan::Plan;
use std::time::Duration;

/// How often a subscription's root is called; `None`: it has no root that is polled.
#[must_use]
pub fn poll_interval(run: &Run<'_>) -> Option<Duration> {
    run.graph.way(run.plan.steps[root(run.plan)?].way).poll
}

/// The one step that waits for nothing; `None`: there are none, or several.
fn root(plan: &Plan) -> Option<usize> {
    let mut roots = plan.steps.iter().enumerate().filter(|(_, step)| step.after.is_empty()).map(|(at, _)| at);
    roots.next().filter(|_| roots.next().is_none())
}
