//! The metrics of one server, and how each is counted.

use super::exposition::Exposition;
use super::log::dropped_lines;
use super::names::Names;
use super::open::{ClosedBy, OpenConnection, OpenGauges, OpenStreams};
use super::polls::PollMetrics;
use super::services;
use crate::engine::{Response, ResponseKind};
use crate::operation::OperationKind;
use crate::report::{CallRecord, ServiceReport, WriteReport};
use indexmap::{Equivalent, IndexMap};
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use std::borrow::Cow;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;
use tokio::runtime::Handle;

/// The label of operations whose names have no label of their own.
const OTHER: &str = "other";

/// The upper bounds of the latency buckets, in seconds.
const BUCKETS: [f64; 13] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// The upper bounds of the buckets for the lifetimes of subscriptions, in seconds: up to one day.
const LIFETIME_BUCKETS: [f64; 8] = [1.0, 10.0, 60.0, 600.0, 3_600.0, 14_400.0, 43_200.0, 86_400.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    operation_kind: &'static str,
    outcome: &'static str,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OperationLabels {
    operation: Arc<str>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallLabels {
    service: Arc<str>,
    operation_id: Arc<str>,
    status: Cow<'static, str>,
    shared: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EndpointLabels {
    service: Arc<str>,
    operation_id: Arc<str>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CacheLabels {
    service: Arc<str>,
    status: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ErrorLabels {
    code: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReloadLabels {
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct HeadLabels {
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ShedLabels {
    reason: &'static str,
}

/// The key of a call's metrics. It holds what [`CallLabels`] hold.
#[derive(Debug, PartialEq, Eq, Hash)]
struct CallKey {
    service: Arc<str>,
    operation_id: Arc<str>,
    status: Result<u16, &'static str>,
    is_shared: bool,
}

/// A borrowed [`CallKey`] for a look-up; it hashes as the key does.
#[derive(Hash)]
struct CallLookup<'a> {
    service: &'a str,
    operation_id: &'a str,
    status: Result<u16, &'static str>,
    is_shared: bool,
}

impl Equivalent<CallKey> for CallLookup<'_> {
    fn equivalent(&self, key: &CallKey) -> bool {
        *self.service == *key.service
            && *self.operation_id == *key.operation_id
            && self.status == key.status
            && self.is_shared == key.is_shared
    }
}

/// The metrics for calls with one [`CallKey`].
#[derive(Debug, Clone)]
struct CallHandles {
    calls: Counter,
    /// The histogram of the calls' times; `None` for shared calls, which take no time of their own.
    seconds: Option<Histogram>,
}

/// The result of reading the schemas and the configuration again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReloadOutcome {
    /// The running engines were replaced.
    Done,
    /// Nothing has changed, so the running engines stay.
    Unchanged,
    /// The files could not be loaded, so the running engines stay.
    Refused,
}

/// Counts requests, calls, errors and their times; `/metrics` reads it.
///
/// A family finds a metric by hashing all its labels. The metrics that nearly every
/// request needs are found once and kept.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    /// The members of `requests` for the status 200, by kind and outcome.
    usual: [[OnceLock<Counter>; OUTCOMES]; KINDS],
    request_seconds: Family<OperationLabels, Histogram, fn() -> Histogram>,
    in_flight: Gauge,
    open: OpenGauges,
    subscription_seconds: Histogram,
    shed: Family<ShedLabels, Counter>,
    heads_refused: Family<HeadLabels, Counter>,
    calls: Family<CallLabels, Counter>,
    call_seconds: Family<EndpointLabels, Histogram, fn() -> Histogram>,
    cached_keys: Family<CacheLabels, Counter>,
    cache_bytes: Gauge,
    writes_unattended: Gauge,
    writes_refused: Counter,
    /// The metrics of the calls that were counted before, so that they are not looked up by their labels again. There
    /// are as many as `calls` has members.
    call_handles: RwLock<IndexMap<CallKey, CallHandles, ahash::RandomState>>,
    errors: Family<ErrorLabels, Counter>,
    reloads: Family<ReloadLabels, Counter>,
    engines: Gauge,
    polling: PollMetrics,
    tasks: Gauge,
    runtimes: OnceLock<Vec<Handle>>,
    /// The members of `request_seconds` for the most used names.
    operations: RwLock<Names<Histogram>>,
    other: OnceLock<Histogram>,
    anonymous: OnceLock<Histogram>,
}

/// The number of kinds of operations, including the unknown kind.
const KINDS: usize = 4;
/// The number of outcomes of requests that the engine answered.
const OUTCOMES: usize = 7;

/// The index and the label of a kind.
fn kind_label(kind: Option<OperationKind>) -> (usize, &'static str) {
    match kind {
        Some(OperationKind::Query) => (0, "query"),
        Some(OperationKind::Mutation) => (1, "mutation"),
        Some(OperationKind::Subscription) => (2, "subscription"),
        None => (3, "unknown"),
    }
}

/// The index and the label of an outcome.
fn outcome_label(response: &Response) -> (usize, &'static str) {
    match response.kind {
        ResponseKind::Executed if response.is_kept => (6, "kept"),
        ResponseKind::Executed if response.errors > 0 => (0, "executed_with_errors"),
        ResponseKind::Executed => (1, "executed"),
        ResponseKind::DocumentError => (2, "document_error"),
        ResponseKind::VariableError => (3, "variable_error"),
        ResponseKind::MethodNotAllowed => (4, "method_not_allowed"),
        ResponseKind::Unavailable => (5, "unavailable"),
    }
}

fn latency() -> Histogram {
    Histogram::new(BUCKETS)
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Makes metrics that count from zero.
    #[must_use]
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("bespoke");
        let requests = Family::default();
        registry.register("requests", "GraphQL requests, by operation kind, outcome and HTTP status", requests.clone());
        let request_seconds = Family::new_with_constructor(latency as fn() -> Histogram);
        registry.register(
            "request_duration_seconds",
            "Time of GraphQL requests, by operation",
            request_seconds.clone(),
        );
        let in_flight = Gauge::default();
        registry.register(
            "requests_in_flight",
            "GraphQL requests that are being answered; subscriptions only up to their first event",
            in_flight.clone(),
        );
        let open = OpenGauges::registered(&mut registry);
        let subscription_seconds = Histogram::new(LIFETIME_BUCKETS);
        registry.register(
            "subscription_duration_seconds",
            "How long subscriptions lasted that have ended",
            subscription_seconds.clone(),
        );
        let shed = Family::default();
        registry.register(
            "requests_shed",
            "Requests that were refused for this process's sake: too many in flight or being read, or late with its work",
            shed.clone(),
        );
        let heads_refused = Family::default();
        let help = "Requests of any path that were refused by their head, by HTTP status";
        registry.register("heads_refused", help, heads_refused.clone());
        let calls = Family::default();
        registry.register("upstream_calls", "Calls to services; shared ones joined a call in flight", calls.clone());
        let call_seconds = Family::new_with_constructor(latency as fn() -> Histogram);
        registry.register("upstream_call_duration_seconds", "Time of calls that were made", call_seconds.clone());
        let cached_keys = Family::default();
        let help = "Keys of calls, by what the cache had to do with them";
        registry.register("cache_keys", help, cached_keys.clone());
        let cache_bytes = Gauge::default();
        registry.register("cache_bytes", "Memory of kept answers, in bytes", cache_bytes.clone());
        let writes_unattended = Gauge::default();
        let help = "Writes that are being finished while nobody waits for them";
        registry.register("writes_unattended", help, writes_unattended.clone());
        let writes_refused = Counter::default();
        let help = "Writes that were not sent, for there were too many that nobody waits for";
        registry.register("writes_refused", help, writes_refused.clone());
        let errors = Family::default();
        registry.register("errors", "Errors in answers, by code", errors.clone());
        let reloads = Family::default();
        registry.register("reloads", "Times that schemas and configuration were read again", reloads.clone());
        let engines = Gauge::default();
        let help =
            "Engines that are alive: that of now, and those that were replaced and still have requests or streams";
        registry.register("engines", help, engines.clone());
        let polling = PollMetrics::new(&mut registry);
        let tasks = Gauge::default();
        registry.register("tasks", "Tasks that the runtimes of this process have under way", tasks.clone());
        let dropped = dropped_lines().clone();
        registry.register(
            "log_lines_dropped",
            "Log lines that nobody read in time, and that were not written",
            dropped,
        );
        Self {
            registry,
            requests,
            request_seconds,
            in_flight,
            open,
            subscription_seconds,
            shed,
            heads_refused,
            calls,
            call_seconds,
            cached_keys,
            cache_bytes,
            writes_unattended,
            writes_refused,
            errors,
            reloads,
            engines,
            polling,
            tasks,
            runtimes: OnceLock::new(),
            usual: Default::default(),
            call_handles: RwLock::default(),
            operations: RwLock::default(),
            other: OnceLock::new(),
            anonymous: OnceLock::new(),
        }
    }

    /// Counts the tasks of these runtimes from now on. Only the first call has an effect.
    pub fn count_tasks_of(&self, runtimes: impl IntoIterator<Item = Handle>) {
        let _ = self.runtimes.set(runtimes.into_iter().collect());
    }

    /// Notes how many engines are alive.
    pub fn set_engines(&self, count: usize) {
        self.engines.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// Counts one attempt to read the schemas and the configuration again.
    pub fn count_reload(&self, outcome: ReloadOutcome) {
        let outcome = match outcome {
            ReloadOutcome::Done => "done",
            ReloadOutcome::Unchanged => "unchanged",
            ReloadOutcome::Refused => "refused",
        };
        self.reloads.get_or_create(&ReloadLabels { outcome }).inc();
    }

    /// Writes all metrics, with the current state of the services and of the engine's writes. `cache_bytes` is the
    /// memory of kept answers, in bytes.
    #[must_use]
    pub fn encode(
        &self,
        services: &[ServiceReport],
        writes: WriteReport,
        cache_bytes: u64,
        form: Exposition,
    ) -> String {
        self.cache_bytes.set(i64::try_from(cache_bytes).unwrap_or(i64::MAX));
        self.writes_unattended.set(i64::try_from(writes.unattended).unwrap_or(i64::MAX));
        self.writes_refused.inner().store(writes.refused, Ordering::Relaxed);
        let tasks = self.runtimes.get().into_iter().flatten().map(|runtime| runtime.metrics().num_alive_tasks());
        self.tasks.set(i64::try_from(tasks.sum::<usize>()).unwrap_or(i64::MAX));
        let mut out = String::new();
        // Writing to a `String` cannot fail; if it did, half a page would be better than none.
        let _ = text::encode_registry(&mut out, &self.registry);
        if !services.is_empty() {
            let _ = text::encode_registry(&mut out, &services::registry(services));
        }
        let _ = text::encode_eof(&mut out);
        form.write(out)
    }

    pub(super) fn request_begins(&self) {
        self.in_flight.inc();
    }

    pub(super) fn request_ends(&self) {
        self.in_flight.dec();
    }

    /// Counts a connection of the public port until it is dropped.
    pub(crate) fn open_connection(&self) -> OpenConnection {
        self.open.connection()
    }

    /// Sets how many connections there may be at once.
    pub(crate) fn limit_connections(&self, most: u32) {
        self.open.limit_connections(most);
    }

    /// Sets how many streams are open, and how many there may be.
    pub(crate) fn set_streams(&self, streams: OpenStreams) {
        self.open.set_streams(streams);
    }

    /// Counts the end of a WebSocket; the code is 1006 if there was no close frame.
    pub(crate) fn count_close(&self, by: ClosedBy, code: u16) {
        self.open.count_close(by, code);
    }

    /// Counts a request that the engine answered.
    pub(super) fn count_answer(&self, status: u16, elapsed: Duration, response: &Response) {
        self.count_outcome(status, response);
        self.observe_operation(response, elapsed.as_secs_f64());
    }

    /// Counts a subscription that has ended. Its lifetime does not count as the duration of a request.
    pub(super) fn count_subscription(&self, elapsed: Duration, response: &Response) {
        self.count_outcome(200, response);
        self.subscription_seconds.observe(elapsed.as_secs_f64());
    }

    fn count_outcome(&self, status: u16, response: &Response) {
        let ((kind, operation_kind), (outcome, label)) = (kind_label(response.operation_kind), outcome_label(response));
        let counter = || self.requests.get_or_create_owned(&RequestLabels { operation_kind, outcome: label, status });
        match status {
            200 => self.usual[kind][outcome].get_or_init(counter).inc(),
            _ => counter().inc(),
        };
        for code in &response.error_codes {
            self.errors.get_or_create(&ErrorLabels { code: code.to_string() }).inc();
        }
        for call in response.calls.iter().filter(|call| !call.is_in_process) {
            self.count_call(call);
        }
    }

    /// Counts a request that the engine did not answer.
    pub(super) fn count_refusal(&self, status: u16, code: &'static str) {
        let labels = RequestLabels { operation_kind: "unknown", outcome: "refused", status };
        self.requests.get_or_create(&labels).inc();
        self.errors.get_or_create(&ErrorLabels { code: code.to_owned() }).inc();
    }

    /// Counts a request whose head was refused before it reached a route.
    pub(crate) fn count_refused_head(&self, status: u16) {
        self.heads_refused.get_or_create(&HeadLabels { status }).inc();
    }

    /// Counts a request that was refused because this process has too much to do.
    pub(crate) fn count_shed(&self, reason: &'static str) {
        self.shed.get_or_create(&ShedLabels { reason }).inc();
    }

    pub(super) fn polling(&self) -> &PollMetrics {
        &self.polling
    }

    pub(super) fn count_call(&self, call: &CallRecord) {
        if !call.cache.is_off() {
            let labels = CacheLabels { service: Arc::clone(&call.service), status: call.cache.name() };
            self.cached_keys.get_or_create(&labels).inc_by(call.keys.into());
        }
        if call.cache.is_unasked() {
            return;
        }
        let lookup = CallLookup {
            service: &call.service,
            operation_id: &call.operation_id,
            status: call.status,
            is_shared: call.is_shared,
        };
        let known = self.call_handles.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(handles) = known.get(&lookup) {
            return handles.count(call);
        }
        drop(known);
        let (service, operation_id) = (Arc::clone(&call.service), Arc::clone(&call.operation_id));
        let key = CallKey { service, operation_id, status: call.status, is_shared: call.is_shared };
        let mut known = self.call_handles.write().unwrap_or_else(PoisonError::into_inner);
        known.entry(key).or_insert_with(|| self.handles_of(call)).count(call);
    }

    fn handles_of(&self, call: &CallRecord) -> CallHandles {
        let status = match call.status {
            Ok(status) => Cow::Owned(status.to_string()),
            Err(code) => Cow::Borrowed(code),
        };
        let (service, operation_id) = (Arc::clone(&call.service), Arc::clone(&call.operation_id));
        let endpoint = EndpointLabels { service: Arc::clone(&service), operation_id: Arc::clone(&operation_id) };
        let shared = if call.is_shared { "true" } else { "false" };
        CallHandles {
            calls: self.calls.get_or_create_owned(&CallLabels { service, operation_id, status, shared }),
            seconds: (!call.is_shared).then(|| self.call_seconds.get_or_create_owned(&endpoint)),
        }
    }

    /// Observes the time of an operation under its name, if it was executed and its name is among the most used ones;
    /// otherwise under `other`.
    ///
    /// Names of operations that did not validate get no label, because anybody could fill the table with them.
    fn observe_operation(&self, response: &Response, seconds: f64) {
        let Some(name) = &response.operation_name else {
            return self.anonymous.get_or_init(|| self.of_operation("".into())).observe(seconds);
        };
        let known = self.operations.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.used(name) {
            return known.observe(seconds);
        }
        drop(known);
        let other = || self.other.get_or_init(|| self.of_operation(OTHER.into())).observe(seconds);
        // An operation that is called `other` shares the common label and gets none of its own.
        if response.kind != ResponseKind::Executed || **name == *OTHER {
            return other();
        }
        let mut known = self.operations.write().unwrap_or_else(PoisonError::into_inner);
        // Another request may have given the name a label between the two locks.
        if let Some(known) = known.used(name) {
            return known.observe(seconds);
        }
        let Some(admission) = known.used_without_label(name) else { return other() };
        if let Some(operation) = &admission.instead_of {
            self.request_seconds.remove(&OperationLabels { operation: Arc::clone(operation) });
        }
        known.insert(Arc::clone(name), &admission, self.of_operation(Arc::clone(name))).observe(seconds);
    }

    fn of_operation(&self, operation: Arc<str>) -> Histogram {
        self.request_seconds.get_or_create_owned(&OperationLabels { operation })
    }
}

impl CallHandles {
    fn count(&self, call: &CallRecord) {
        self.calls.inc();
        if let Some(seconds) = &self.seconds {
            seconds.observe(call.elapsed.as_secs_f64());
        }
    }
}
