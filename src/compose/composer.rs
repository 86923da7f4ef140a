//! Composition, from start to end.

use super::draft::Draft;
use super::graph::Graph;
use super::services::Services;
use super::{bind, check, graph_types, guard, key, merge, schema};
use crate::contract::Contract;
use crate::diagnostic::{Code, Finding};
use std::collections::{BTreeSet, HashMap};

/// Composes services into one graph. `contracts` are keyed by the path that `@source(openapi:)` gives.
///
/// The findings include those about the services' SDL. There is a graph if and only if no finding is an error.
#[must_use]
pub fn compose(services: &Services, contracts: &HashMap<String, Contract>) -> (Option<Graph>, Vec<Finding>) {
    let mut draft = drafted(services);
    // Without a valid schema, nothing can be checked against it.
    let is_sound = draft.findings.iter().all(|finding| finding.code != Code::E204);
    if is_sound {
        bind::bind(&mut draft, contracts);
    }
    guard::spread(&mut draft.graph);
    check::check(&mut draft);
    let Draft { graph, mut findings, .. } = draft;
    let mut seen = BTreeSet::new();
    findings.retain(|finding| seen.insert((finding.code, finding.message.clone(), finding.span())));
    let is_sound = !findings.iter().any(Finding::is_error);
    (is_sound.then_some(graph), findings)
}

/// A draft with all types, fields and keys, and without any way to get them.
fn drafted(services: &Services) -> Draft<'_> {
    let files = &services.files;
    let mut findings = services.findings.clone();
    let types = merge::merge(files, &mut findings);
    let schemas = schema::build(&types, &mut findings);
    let mut draft = Draft::new(files, schemas, findings);
    graph_types::add(&mut draft, types);
    key::add(&mut draft);
    check::owner::check(&mut draft);
    draft
}
