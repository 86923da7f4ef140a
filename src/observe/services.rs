//! The services as they are now: gauges and counts that their guards keep, read when the metrics are.

use crate::engine::{BreakerState, ServiceReport};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use std::sync::Arc;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ServiceLabels {
    service: Arc<str>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RetryLabels {
    service: Arc<str>,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BreakerLabels {
    service: Arc<str>,
    operation_id: Arc<str>,
}

/// The reports as metrics.
pub(super) fn registry(services: &[ServiceReport]) -> Registry {
    let mut registry = Registry::with_prefix("bespoke_upstream");
    let in_flight: Family<ServiceLabels, Gauge> = Family::default();
    registry.register("calls_in_flight", "Calls that are under way", in_flight.clone());
    let waiting: Family<ServiceLabels, Gauge> = Family::default();
    registry.register("calls_waiting", "Calls that wait until they may be sent", waiting.clone());
    let retries: Family<RetryLabels, Counter> = Family::default();
    registry.register("retries", "Calls that a retry might have helped, by what became of them", retries.clone());
    let breakers: Family<BreakerLabels, Gauge> = Family::default();
    registry.register("breaker_state", "Circuit breakers: 0 Closed, 1 HalfOpen, 2 Open", breakers.clone());
    for report in services {
        let labels = ServiceLabels { service: Arc::clone(&report.service) };
        in_flight.get_or_create(&labels).set(i64::try_from(report.in_flight).unwrap_or(i64::MAX));
        waiting.get_or_create(&labels).set(i64::try_from(report.waiting).unwrap_or(i64::MAX));
        for &(outcome, count) in &report.retries {
            let labels = RetryLabels { service: Arc::clone(&report.service), outcome: outcome.label() };
            retries.get_or_create(&labels).inc_by(count);
        }
        for (endpoint, state) in &report.breakers {
            let labels = BreakerLabels { service: Arc::clone(&report.service), operation_id: Arc::clone(endpoint) };
            breakers.get_or_create(&labels).set(match state {
                BreakerState::Closed => 0,
                BreakerState::HalfOpen => 1,
                BreakerState::Open => 2,
            });
        }
    }
    registry
}
