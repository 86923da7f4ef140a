//! The credential scope: which data of the caller a call sends, and on which of it the answer of a whole operation
//! depends.

use crate::compose::{CallerInputs, Graph, Source, SourceId, Way};
use crate::heap::HeapSize;
use crate::json::Value as Json;
use crate::operation::OperationKind;
use crate::plan::Plan;
use crate::policy::Caller;
use crate::prefixed;
use crate::upstream::CredentialScope;

/// The credential scope of a way's calls: the names and values of the claims and headers that they use.
pub(super) fn scope(way: &Way, source: &Source, caller: &Caller) -> CredentialScope {
    let mut text = Vec::new();
    push_caller(&mut text, &way.caller, caller);
    if source.kind.sees_caller() {
        // Code in this process sees the whole caller.
        let claims = caller.claims.as_ref().map_or_else(String::new, |claims| Json::Object(claims.clone()).to_string());
        push_input(&mut text, b"claims", claims.as_bytes());
        for (name, value) in &caller.headers {
            push_input(&mut text, name.as_str().as_bytes(), value.as_bytes());
        }
    }
    if text.is_empty() && !way.caller.is_private() {
        CredentialScope::Public
    } else {
        CredentialScope::Caller(text.into())
    }
}

fn push_caller(text: &mut Vec<u8>, inputs: &CallerInputs, caller: &Caller) {
    for path in &inputs.claims {
        let claims = caller.claims.as_ref();
        let claim = path
            .split_first()
            .and_then(|(name, rest)| rest.iter().try_fold(claims?.get(name)?, |value, name| value.get(name)));
        push_input(text, path.join(".").as_bytes(), claim.map_or_else(String::new, Json::to_string).as_bytes());
    }
    for name in &inputs.headers {
        for value in caller.headers.get_all(name) {
            push_input(text, name.as_bytes(), value.as_bytes());
        }
    }
}

/// Appends a name and a value, each after its length, so that no two lists of inputs give the same text.
pub(super) fn push_input(text: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    prefixed::push(text, &[name, value]);
}

/// The data of the caller on which an operation's answer depends: the union of its steps' scopes, and whether the
/// operation asks if the caller is signed in.
#[derive(Debug, PartialEq, Eq)]
pub struct OperationScope {
    inputs: CallerInputs,
    asks_identity: bool,
    sources: Vec<SourceId>,
}

impl OperationScope {
    /// The scope of a plan. `None` if equal operations must not share an answer, because they write or run code that
    /// may see more than its request. Also `None` if the plan makes no call, so that there is nothing to share.
    #[must_use]
    pub fn of(plan: &Plan, graph: &Graph) -> Option<Self> {
        if plan.kind == OperationKind::Mutation || plan.steps.is_empty() {
            return None;
        }
        let mut inputs = CallerInputs::default();
        let mut sources = Vec::new();
        for step in &plan.steps {
            let way = graph.way(step.way);
            if graph.source(step.source).kind.sees_caller() || !way.is_safe {
                return None;
            }
            inputs.claims.extend(way.caller.claims.iter().cloned());
            inputs.headers.extend(way.caller.headers.iter().cloned());
            sources.push(step.source);
        }
        inputs.claims.sort();
        inputs.claims.dedup();
        inputs.headers.sort();
        inputs.headers.dedup();
        sources.sort();
        sources.dedup();
        // A caller without claims may be refused, even if no selected value depends on a claim.
        let asks_identity = !inputs.claims.is_empty()
            || plan.steps.iter().any(|step| step.authenticated)
            || plan.output.asks_identity();
        Some(Self { inputs, asks_identity, sources })
    }

    /// The names and values of the inputs of a caller. They are no digest, so equal bytes mean equal inputs.
    #[must_use]
    pub fn of_caller(&self, caller: &Caller) -> Box<[u8]> {
        let mut text = Vec::new();
        push_caller(&mut text, &self.inputs, caller);
        if self.asks_identity {
            push_input(&mut text, b"is_anonymous", &[u8::from(caller.claims.is_none())]);
        }
        text.into()
    }

    /// Whether the answer depends on no data of the caller.
    #[must_use]
    pub fn is_public(&self) -> bool {
        self.inputs.claims.is_empty() && self.inputs.headers.is_empty() && !self.asks_identity
    }

    /// How many bytes of memory the value holds outside itself.
    #[must_use]
    pub fn weight(&self) -> usize {
        let CallerInputs { claims, headers } = &self.inputs;
        claims.heap_size() + headers.heap_size() + self.sources.capacity() * size_of::<SourceId>()
    }

    /// The sources that the operation calls, each once.
    #[must_use]
    pub fn sources(&self) -> &[SourceId] {
        &self.sources
    }
}
