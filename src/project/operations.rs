//! Checks of the operations that a client ships (`bff-<client>/operations/*.graphql`): each must be valid within the
//! client's limits, must have a plan, and must stay within the client's budget.

use crate::compose::{FieldId, Graph};
use crate::config::Budget;
use crate::diagnostic::{Code, FileId, Finding, Sources, Span};
use crate::json::Value;
use crate::operation::{JsonText, Limits, Outcomes, Prepared, RequestError, Variables, prepare};
use crate::plan::{self, Plan};
use crate::view::View;
use apollo_compiler::ast::{Definition, Document};

/// Most conditions of which every combination of outcomes is planned. With more conditions, only three are: all true, none
/// true, and everything included.
const MAX_CONDITIONS: usize = 6;

/// The rules that a client's operations are checked by.
pub(super) struct Terms<'a> {
    pub(super) graph: &'a Graph,
    pub(super) view: &'a View,
    pub(super) limits: Limits,
    /// The budget in production.
    pub(super) budget: Budget,
}

/// Checks one file of operations.
pub(super) fn check(terms: &Terms<'_>, sources: &Sources, file: FileId) -> Vec<Finding> {
    let (text, limits) = (sources.text(file), &terms.limits);
    let Ok(document) = Document::parse(text, sources.path(file)) else {
        return refused(prepare(terms.view, limits, text, None).err().unwrap_or_default(), file, text);
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
        match prepare(terms.view, limits, text, name) {
            // A document is validated as a whole: one report is enough.
            Err(errors) => return refused(errors, file, text),
            Ok(prepared) => findings.extend(check_one(terms, &prepared, span)),
        }
    }
    findings
}

fn check_one(terms: &Terms<'_>, prepared: &Prepared, span: Span) -> Vec<Finding> {
    let name = prepared.name().unwrap_or("the operation");
    let mut most = Most { calls: Some(0), values: Some(0), open_list: None };
    for outcomes in outcome_sets(prepared) {
        let lowered = match prepared.lower(&outcomes) {
            Ok(lowered) => lowered,
            Err(errors) => {
                let message = errors.into_iter().next().map_or_else(String::new, |error| error.message);
                return vec![Finding::new(
                    Code::E117,
                    format!("`{name}` is refused: {message}"),
                    span,
                    "this operation",
                )];
            }
        };
        match plan::plan(terms.graph, &lowered) {
            Ok(plan) => most.add(&plan),
            Err(error) => {
                let code = if error.is_limit() { Code::E130 } else { Code::E106 };
                return vec![Finding::new(code, format!("`{name}`: {error}"), span, "this operation")];
            }
        }
    }
    most.findings(terms, name, span)
}

/// The largest bounds of an operation's plans.
struct Most {
    calls: Option<u64>,
    values: Option<u64>,
    open_list: Option<FieldId>,
}

impl Most {
    fn add(&mut self, plan: &Plan) {
        let larger = |a: Option<u64>, b: Option<u64>| a.zip(b).map(|(a, b)| a.max(b));
        (self.calls, self.values) = (larger(self.calls, plan.calls), larger(self.values, plan.values));
        self.open_list = self.open_list.or(plan.open_list);
    }

    fn findings(&self, terms: &Terms<'_>, name: &str, span: Span) -> Vec<Finding> {
        let Budget { calls, values } = terms.budget;
        let over = |found: Option<u64>, most: Option<u64>| found.zip(most).filter(|(found, most)| found > most);
        let mut findings = Vec::new();
        for (over, what, option) in
            [(over(self.calls, calls), "calls", "calls"), (over(self.values, values), "values", "values")]
        {
            let Some((found, most)) = over else { continue };
            let message = format!("`{name}` needs up to {found} {what}; the client's budget is {most}");
            let help = format!(
                "ask for shorter lists or fewer fields, or raise `budget.{option}`; `bespoke plan` shows the {what}"
            );
            findings.push(Finding::new(Code::E115, message, span, "this operation").help(help));
        }
        if findings.is_empty() && (self.calls.is_none() || self.values.is_none()) {
            findings.push(self.unbounded(terms.graph, name, span));
        }
        findings
    }

    fn unbounded(&self, graph: &Graph, name: &str, span: Span) -> Finding {
        let what = match (self.calls, self.values) {
            (None, None) => "calls and values",
            (None, Some(_)) => "calls",
            _ => "values",
        };
        let help =
            "add `@listSize(maxSize: …)` to its lists; without it, the budget only holds while the operation runs";
        let Some(list) = self.open_list else {
            let message = format!("`{name}` may need any number of {what}");
            return Finding::new(Code::W115, message, span, "this operation").help(help);
        };
        let coordinate = graph.coordinate(list);
        let message = format!("`{name}` may need any number of {what}: nothing bounds the list `{coordinate}`");
        let finding = Finding::new(Code::W115, message, span, "this operation").help(help);
        finding.and(graph.field(list).span, "no bound")
    }
}

/// The sets of `@skip` and `@include` outcomes that are planned. If there are too many conditions for every set, one plan
/// includes everything that any condition includes, and needs at least as much as each of the others.
fn outcome_sets(prepared: &Prepared) -> Vec<Outcomes> {
    let conditions = prepared.conditions();
    let size = conditions.iter().map(|id| id.index() + 1).max().unwrap_or(0);
    let set = |bits: u32| {
        let mut values = vec![None; size];
        for (at, id) in conditions.iter().enumerate() {
            let value = Value::Bool(bits.checked_shr(at as u32).unwrap_or(bits) & 1 == 1);
            values[id.index()] = Some(JsonText::from(&value));
        }
        prepared.outcomes(&Variables::new(values))
    };
    if conditions.len() > MAX_CONDITIONS {
        return vec![set(0), set(u32::MAX), Outcomes::everything()];
    }
    (0..1u32 << conditions.len()).map(set).collect()
}

fn refused(errors: Vec<RequestError>, file: FileId, text: &str) -> Vec<Finding> {
    let finding = |error: RequestError| {
        let at = error.locations.first().map_or(0, |&(line, column)| offset(text, line, column));
        let end = text[at..].find(|c: char| !c.is_alphanumeric() && c != '_').map_or(text.len(), |len| at + len);
        let finding = Finding::new(Code::E117, error.message, Span::new(file, at..end), "in this operation");
        match error.suggestion {
            Some(suggestion) => finding.help(suggestion),
            None => finding,
        }
    };
    errors.into_iter().map(finding).collect()
}

/// The offset in bytes of a line and a column, which both count from 1.
fn offset(text: &str, line: u32, column: u32) -> usize {
    let lines = text.split_inclusive('\n').take(line.saturating_sub(1) as usize);
    let start: usize = lines.map(str::len).sum();
    let rest = &text[start.min(text.len())..];
    start + rest.char_indices().nth(column.saturating_sub(1) as usize).map_or(rest.len(), |(at, _)| at)
}
