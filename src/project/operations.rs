//! The operations that a client ships (`bff-<client>/operations/*.graphql`): each must be valid, can be planned, and
//! stays within the client's budget.

use crate::compose::Graph;
use crate::diagnostic::{FileId, Finding, Sources, Span};
use crate::json::Value;
use crate::operation::{JsonText, Limits, Prepared, RequestError, Variables, prepare};
use crate::plan;
use crate::view::View;
use apollo_compiler::ast::{Definition, Document};

/// Most conditions whose outcomes are all tried; beyond it, all and none.
const MAX_CONDITIONS: usize = 6;

/// Checks one file of operations. `budget`: most proven calls of one operation.
pub(super) fn check(graph: &Graph, view: &View, budget: Option<u64>, sources: &Sources, file: FileId) -> Vec<Finding> {
    let text = sources.text(file);
    let Ok(document) = Document::parse(text, sources.path(file)) else {
        return refused(prepare(view, &Limits::default(), text, None).err().unwrap_or_default(), file, text);
    };
    let operations = document.definitions.iter().filter_map(|definition| match definition {
        Definition::OperationDefinition(operation) => Some(operation),
        _ => None,
    });
    let mut findings = Vec::new();
    for operation in operations {
        let name = operation.name.as_deref();
        let span = operation.name.as_ref().and_then(|name| name.location()).or(operation.location());
        let span = Span::new(file, span.map_or(0..0, |at| at.offset()..at.end_offset()));
        match prepare(view, &Limits::default(), text, name) {
            // A document is validated as a whole: one report is enough.
            Err(errors) => return refused(errors, file, text),
            Ok(prepared) => findings.extend(check_one(graph, &prepared, budget, span)),
        }
    }
    findings
}

fn check_one(graph: &Graph, prepared: &Prepared, budget: Option<u64>, span: Span) -> Option<Finding> {
    let name = prepared.name().unwrap_or("the operation");
    let mut most = Some(0);
    for variables in condition_sets(prepared) {
        let lowered = match prepared.lower(&prepared.outcomes(&variables)) {
            Ok(lowered) => lowered,
            Err(errors) => {
                let message = errors.into_iter().next().map_or_else(String::new, |error| error.message);
                return Some(Finding::new("E117", format!("`{name}` is refused: {message}"), span, "this operation"));
            }
        };
        match plan::plan(graph, &lowered) {
            Ok(plan) => most = most.zip(plan.calls).map(|(a, b)| a.max(b)),
            Err(error) => {
                let code = if error.is_limit() { "E130" } else { "E106" };
                return Some(Finding::new(code, format!("`{name}`: {error}"), span, "this operation"));
            }
        }
    }
    let budget = budget?;
    if most.is_some_and(|most| most <= budget) {
        return None;
    }
    let needs = most.map_or_else(|| "an unbounded number of".to_owned(), |most| format!("up to {most}"));
    let message = format!("`{name}` needs {needs} calls; the client's budget is {budget}");
    let finding = Finding::new("E115", message, span, "this operation");
    Some(finding.help("ask for shorter lists or fewer fields, or raise `budget.calls`; `bespoke plan` shows the calls"))
}

/// Variables for every set of `@skip`/`@include` outcomes.
fn condition_sets(prepared: &Prepared) -> Vec<Variables> {
    let conditions = prepared.conditions();
    let size = conditions.iter().map(|id| id.index() + 1).max().unwrap_or(0);
    let all = 1u32 << conditions.len().min(MAX_CONDITIONS);
    let sets = if conditions.len() > MAX_CONDITIONS { vec![0, u32::MAX] } else { (0..all).collect() };
    let set = |bits: u32| {
        let mut values = vec![None; size];
        for (at, id) in conditions.iter().enumerate() {
            let value = Value::Bool(bits.checked_shr(at as u32).unwrap_or(bits) & 1 == 1);
            values[id.index()] = Some(JsonText::from(&value));
        }
        Variables::new(values)
    };
    sets.into_iter().map(set).collect()
}

fn refused(errors: Vec<RequestError>, file: FileId, text: &str) -> Vec<Finding> {
    let finding = |error: RequestError| {
        let at = error.locations.first().map_or(0, |&(line, column)| offset(text, line, column));
        let end = text[at..].find(|c: char| !c.is_alphanumeric() && c != '_').map_or(text.len(), |len| at + len);
        Finding::new("E117", error.message, Span::new(file, at..end), "in this operation")
    };
    errors.into_iter().map(finding).collect()
}

/// The byte that a line and a column, both from 1, name.
fn offset(text: &str, line: u32, column: u32) -> usize {
    let lines = text.split_inclusive('\n').take(line.saturating_sub(1) as usize);
    let start: usize = lines.map(str::len).sum();
    let rest = &text[start.min(text.len())..];
    start + rest.char_indices().nth(column.saturating_sub(1) as usize).map_or(rest.len(), |(at, _)| at)
}
