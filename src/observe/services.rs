//! The current state of the services: gauges and counts that the guards of the services keep. They are read whenever
//! the metrics are read.

use crate::report::{BreakerState, ServiceReport};
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
struct EndpointLabels {
    service: Arc<str>,
    operation_id: Arc<str>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct InstanceLabels {
    service: Arc<str>,
    instance: Arc<str>,
}

/// The reports of the services as a registry of metrics.
pub(super) fn registry(services: &[ServiceReport]) -> Registry {
    let mut registry = Registry::with_prefix("bespoke_upstream");
    let in_flight: Family<ServiceLabels, Gauge> = Family::default();
    registry.register("calls_in_flight", "Calls that are under way", in_flight.clone());
    let waiting: Family<ServiceLabels, Gauge> = Family::default();
    registry.register("calls_waiting", "Calls that wait until they may be sent", waiting.clone());
    let retries: Family<RetryLabels, Counter> = Family::default();
    registry.register("retries", "Calls that a retry might have helped, by what became of them", retries.clone());
    let breakers: Family<EndpointLabels, Gauge> = Family::default();
    registry.register("breaker_state", "Circuit breakers: 0 Closed, 1 HalfOpen, 2 Open", breakers.clone());
    let ejected: Family<InstanceLabels, Gauge> = Family::default();
    registry.register("instance_ejected", "Instances that are left alone, for they failed: 1", ejected.clone());
    let instance_calls: Family<InstanceLabels, Gauge> = Family::default();
    registry.register("instance_calls_in_flight", "Calls under way, by instance", instance_calls.clone());
    let deprecated: Family<EndpointLabels, Counter> = Family::default();
    registry.register("deprecated_answers", "Answers that say that their endpoint is to go", deprecated.clone());
    for report in services {
        for (endpoint, count) in &report.deprecated {
            deprecated.get_or_create(&endpoint_labels(report, endpoint)).inc_by(*count);
        }
        for found in &report.instances {
            let labels = InstanceLabels { service: Arc::clone(&report.service), instance: Arc::clone(&found.instance) };
            ejected.get_or_create(&labels).set(i64::from(found.is_ejected));
            instance_calls.get_or_create(&labels).set(i64::try_from(found.in_flight).unwrap_or(i64::MAX));
        }
        let labels = ServiceLabels { service: Arc::clone(&report.service) };
        in_flight.get_or_create(&labels).set(i64::try_from(report.in_flight).unwrap_or(i64::MAX));
        waiting.get_or_create(&labels).set(i64::try_from(report.waiting).unwrap_or(i64::MAX));
        for &(outcome, count) in &report.retries {
            let labels = RetryLabels { service: Arc::clone(&report.service), outcome: outcome.label() };
            retries.get_or_create(&labels).inc_by(count);
        }
        for (endpoint, state) in &report.breakers {
            let labels = endpoint_labels(report, endpoint);
            breakers.get_or_create(&labels).set(match state {
                BreakerState::Closed => 0,
                BreakerState::HalfOpen => 1,
                BreakerState::Open => 2,
            });
        }
    }
    registry
}

fn endpoint_labels(report: &ServiceReport, endpoint: &Arc<str>) -> EndpointLabels {
    EndpointLabels { service: Arc::clone(&report.service), operation_id: Arc::clone(endpoint) }
}
