//! Descriptions of plans for people: calls, rounds, and which step waits for which.

use super::model::{PairingPlan, Plan, Step};
use crate::compose::{CallerInputs, Graph};
use std::fmt::Write;

/// Describes a plan, with one line for each step:
///
/// ```text
/// Home   calls ≤ 6   rounds 3
///   round 1
///     a  users     getUser        calls ≤ 1            private (claim sub)
///   round 2
///     b  orders    searchOrders   calls ≤ 1  ⌈1/25⌉    public              after a
/// ```
#[must_use]
pub fn describe(plan: &Plan, graph: &Graph, name: &str) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "{name}   calls {}   rounds {}", at_most(plan.calls), plan.rounds);
    let mut order: Vec<usize> = (0..plan.steps.len()).collect();
    order.sort_by_key(|&at| (plan.steps[at].round, at));
    let mut letters = vec![String::new(); plan.steps.len()];
    for (number, &at) in order.iter().enumerate() {
        letters[at] = letter(number);
    }
    let width = |of: &dyn Fn(&Step) -> usize| plan.steps.iter().map(of).max().unwrap_or(0);
    let source_width = width(&|step| graph.source(step.source).name.chars().count());
    let endpoint_width = width(&|step| step.endpoint.chars().count());
    let count_width = width(&|step| count(step, graph).chars().count());
    let scope_width = width(&|step| scope(&graph.way(step.way).caller).chars().count());
    let mut round = 0;
    for at in order {
        let step = &plan.steps[at];
        let way = graph.way(step.way);
        if step.round != round {
            round = step.round;
            let _ = writeln!(text, "  round {round}");
        }
        let source = &graph.source(step.source).name;
        let mut line = format!(
            "    {}  {source:source_width$}  {:endpoint_width$}  {:count_width$}  {:scope_width$}",
            letters[at],
            step.endpoint,
            count(step, graph),
            scope(&way.caller),
        );
        if !step.fieldset.is_empty() {
            let _ = write!(line, "  fields {}", step.fieldset.join(","));
        }
        if !step.after.is_empty() {
            let after: Vec<&str> = step.after.iter().map(|&before| letters[before.index()].as_str()).collect();
            let _ = write!(line, "  after {}", after.join(", "));
        }
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

/// Describes in one line how many values an answer may have.
#[must_use]
pub fn describe_values(plan: &Plan, graph: &Graph) -> String {
    match plan.open_list {
        None => format!("  values {}\n", at_most(plan.values)),
        Some(list) => format!("  values unbounded: nothing bounds the list `{}`\n", graph.coordinate(list)),
    }
}

fn at_most(bound: Option<u64>) -> String {
    bound.map_or_else(|| "unbounded".to_owned(), |bound| format!("≤ {bound}"))
}

fn count(step: &Step, graph: &Graph) -> String {
    let way = graph.way(step.way);
    let kind = &graph.source(way.source).kind;
    let each = kind.is_in_process().then(|| kind.calls_per_request());
    let calls = format!("calls {}", at_most(step.calls));
    let of_keys = match (&way.batch, step.pairing, step.keys) {
        (_, PairingPlan::Single, Some(1)) | (None, ..) => String::new(),
        (Some(batch), _, Some(keys)) => format!("⌈{keys}/{}⌉", batch.max_size),
        (Some(batch), _, None) => format!("⌈?/{}⌉", batch.max_size),
    };
    match each {
        None if of_keys.is_empty() => calls,
        None => format!("{calls}  {of_keys}"),
        Some(each) if each == 0 || of_keys.is_empty() => format!("{calls}  in process"),
        Some(each) => format!("{calls}  {of_keys}×{each} in process"),
    }
}

fn scope(caller: &CallerInputs) -> String {
    let claims = caller.claims.iter().map(|path| format!("claim {}", path.join(".")));
    let headers = caller.headers.iter().map(|name| format!("header {name}"));
    let inputs: Vec<String> = claims.chain(headers).collect();
    match (inputs.is_empty(), caller.is_private()) {
        (true, _) => "public".to_owned(),
        (false, true) => format!("private ({})", inputs.join(", ")),
        (false, false) => format!("public, varies ({})", inputs.join(", ")),
    }
}

/// The letter of a step: `a` to `z`, then `a1`, `b1` and so on.
fn letter(number: usize) -> String {
    let letter = char::from(b'a' + u8::try_from(number % 26).unwrap_or(0));
    match number / 26 {
        0 => letter.to_string(),
        round => format!("{letter}{round}"),
    }
}
