//! The metrics of subscriptions: polls, events and missed ticks. Each is counted when it happens.

use super::metrics::Metrics;
use crate::report::{CallRecord, MissedTick, PollObserver};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct MissedLabels {
    reason: &'static str,
}

/// The counters of subscriptions.
#[derive(Debug, Default)]
pub(super) struct PollMetrics {
    polls: Counter,
    events: Counter,
    missed: Family<MissedLabels, Counter>,
}

impl PollMetrics {
    /// Registers the counters, which start at zero.
    pub(super) fn new(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let help = "Calls for the roots of subscriptions; equal subscriptions share them";
        registry.register("subscription_polls", help, metrics.polls.clone());
        registry.register("subscription_events", "Events that were made for subscribers", metrics.events.clone());
        let help = "Ticks of subscriptions that passed without an answer through no fault of the service";
        registry.register("subscription_ticks_missed", help, metrics.missed.clone());
        metrics
    }
}

impl PollObserver for Metrics {
    fn called(&self, call: &CallRecord, is_poll: bool) {
        if is_poll {
            self.polling().polls.inc();
        }
        if !call.is_in_process {
            self.count_call(call);
        }
    }

    fn event(&self) {
        self.polling().events.inc();
    }

    fn missed(&self, why: MissedTick, ticks: u64) {
        self.polling().missed.get_or_create(&MissedLabels { reason: why.label() }).inc_by(ticks);
    }
}

#[cfg(test)]
mod tests {
    use crate::observe::{Exposition, Metrics};
    use crate::report::{MissedTick, PollObserver, WriteReport};

    #[test]
    fn events_and_missed_ticks_are_counted() {
        let metrics = Metrics::new();
        metrics.event();
        metrics.missed(MissedTick::RetryAfter, 3);
        let page = metrics.encode(&[], WriteReport::default(), 0, Exposition::OpenMetrics);
        for line in
            ["bespoke_subscription_events_total 1", "bespoke_subscription_ticks_missed_total{reason=\"retry_after\"} 3"]
        {
            assert!(page.lines().any(|found| found == line), "{line} in {page}");
        }
    }
}
