//! Shared operations: equal queries in flight are run once.
//!
//! Two queries are equal if they have the same plan (client, schema, document, operation, outcomes of `@skip` and
//! `@include`), the same coerced variables, the same caller inputs in all steps and the same outcome of authorization,
//! and if no write to their sources has ended between them. Everything that may refuse a request comes before sharing.

use super::core::EngineParts;
use super::shape::PlannedOperation;
use crate::execute::{self, Run, RunOutput};
use crate::flight::{Boarding, FlightOptions, Flights, Terms};
use crate::operation::{Particulars, Variables};
use crate::policy::Caller;
use futures_util::FutureExt;
use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How long after its deadline an operation may take to write what it has.
const GRACE: Duration = Duration::from_millis(250);

/// How much later than its own deadline a request may be answered by a flight, because requests of the same moment
/// board in any order.
const SLACK: Duration = Duration::from_millis(50);

/// An operation to run. It holds all that it needs, so that it can outlive the request that began it.
#[derive(Clone)]
pub(super) struct Job {
    pub(super) parts: Arc<EngineParts>,
    pub(super) planned: Arc<PlannedOperation>,
    /// What its document has of its own.
    pub(super) own: Arc<Particulars>,
    pub(super) variables: Arc<Variables>,
    pub(super) introspection: Option<Arc<HashMap<String, String>>>,
    pub(super) caller: Arc<Caller>,
    pub(super) deadline: std::time::Instant,
}

impl Job {
    async fn run(self) -> RunOutput {
        execute::run(self.as_run()).await
    }

    pub(super) fn as_run(&self) -> Run<'_> {
        Run {
            plan: &self.planned.plan,
            graph: &self.parts.graph,
            sources: &self.parts.sources,
            variables: &self.variables,
            locations: self.own.locations(),
            caching: self.parts.caching.as_ref(),
            writes: &self.parts.writes,
            introspection: self.introspection.as_deref(),
            causes: &self.parts.causes,
            caller: &self.caller,
            deadline: self.deadline,
            bounds: self.parts.bounds,
        }
    }

    /// The key by which it is shared; `None` if it is not shared.
    fn key(&self, ignore_scope: bool) -> Option<OperationKey> {
        let sources = self.planned.scope.as_ref()?.sources().iter();
        let writes = sources.map(|source| self.parts.sources[source.index()].subgraph.writes()).collect();
        Some(OperationKey { writes, ..self.lasting_key(ignore_scope)? })
    }

    /// The key of a subscription, which goes on when a write ends.
    pub(super) fn lasting_key(&self, ignore_scope: bool) -> Option<OperationKey> {
        let scope = self.planned.scope.as_ref()?;
        Some(OperationKey {
            plan: self.planned.id,
            own: Arc::clone(&self.own),
            variables: Arc::clone(&self.variables),
            caller: if ignore_scope { Box::default() } else { scope.of_caller(&self.caller) },
            writes: Box::default(),
        })
    }
}

/// The key of an operation: two operations are equal if their keys are.
#[derive(Debug)]
pub(super) struct OperationKey {
    plan: u64,
    /// Compared by identity, because errors name places of their own document.
    own: Arc<Particulars>,
    variables: Arc<Variables>,
    /// The names and values of the claims and headers that its calls send.
    caller: Box<[u8]>,
    /// For each source, how many writes were over when the operation began. What was read before a write may be stale.
    writes: Box<[u64]>,
}

impl PartialEq for OperationKey {
    fn eq(&self, other: &Self) -> bool {
        self.plan == other.plan
            && Arc::ptr_eq(&self.own, &other.own)
            && self.variables == other.variables
            && self.caller == other.caller
            && self.writes == other.writes
    }
}

impl Eq for OperationKey {}

impl Hash for OperationKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.plan.hash(state);
        Arc::as_ptr(&self.own).hash(state);
        self.variables.hash(state);
        self.caller.hash(state);
        self.writes.hash(state);
    }
}

/// The operations of one engine that are under way.
#[derive(Debug)]
pub(super) struct Operations {
    options: FlightOptions,
    flights: Arc<Flights<OperationKey, Arc<RunOutput>>>,
}

impl Operations {
    pub(super) fn new(options: FlightOptions) -> Self {
        Self { flights: Flights::new(options.max_flights), options }
    }

    /// Runs an operation, or waits for an equal one. The flag says whether another request began it.
    pub(super) async fn run(&self, job: Job) -> (RunOutput, bool) {
        let key = if self.options.enabled { job.key(self.options.ignores_scope()) } else { None };
        match key {
            None => (job.run().await, false),
            // Boxed: who shares nothing need not carry what that takes.
            Some(key) => Box::pin(self.share(key, job)).await,
        }
    }

    async fn share(&self, key: OperationKey, job: Job) -> (RunOutput, bool) {
        // Only what ends by this request's deadline can answer it.
        let limit = Instant::from_std(job.deadline) + GRACE;
        let terms = Terms { not_before: None, ends_by: Some(limit + SLACK), limit };
        match self.flights.board(key, terms) {
            None => (job.run().await, false),
            Some(Boarding::Begun(seat, pilot)) => {
                tokio::spawn(pilot.fly(job.clone().run().map(Arc::new)));
                match seat.wait(limit).await {
                    Ok(ran) => (Arc::unwrap_or_clone(ran), false),
                    Err(_) => (job.run().await, false),
                }
            }
            Some(Boarding::Joined(seat)) => match seat.wait(limit).await {
                // Its deadline came before this one's: there may be time left for what is missing.
                Ok(ran) if !ran.is_cut => (Arc::unwrap_or_clone(ran), true),
                _ => (job.run().await, false),
            },
        }
    }
}
