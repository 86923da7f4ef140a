//! The fuzz target for a client's document: it is validated, lowered and planned.

use super::web;
use crate::json::Value;
use crate::operation::{JsonText, Limits, RequestError, Variables, prepare};
use crate::plan::{Capture, FrameId, Plan, SlotId, describe, plan};

/// The most errors in one answer.
const MAX_ERRORS: usize = 1_000;

/// The longest message of an error, in bytes, beside the length of the document.
const MAX_MESSAGE: usize = 4_096;

/// Checks that a document is either refused with errors whose locations lie inside it, or has a plan whatever the
/// outcomes of its conditions are.
pub fn document(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (Some(graph), Some(view)) = (&web().graph, &web().view) else { panic!("{:#?}", web().findings) };
    let limits = Limits::default();
    let prepared = match prepare(view, &limits, text, None) {
        Ok(prepared) => prepared,
        Err(errors) => return check_errors(&errors, text),
    };
    let conditions = prepared.conditions();
    let size = conditions.iter().map(|id| id.index() + 1).max().unwrap_or(0);
    for outcome in [false, true] {
        let mut values = vec![None; size];
        for id in conditions {
            values[id.index()] = Some(JsonText::from(&Value::Bool(outcome)));
        }
        let variables = Variables::new(values);
        let lowered = match prepared.lower(&prepared.outcomes(&variables)) {
            Ok(lowered) => lowered,
            Err(errors) => {
                check_errors(&errors, text);
                continue;
            }
        };
        assert!(lowered.nodes.len() <= limits.max_lowered, "{} nodes", lowered.nodes.len());
        // Loading the schema has shown that every field has a way at every place.
        let planned = plan(graph, &lowered).unwrap_or_else(|error| panic!("no plan: {error}"));
        check_plan(&planned);
        let again = plan(graph, &lowered).unwrap_or_else(|error| panic!("no plan the second time: {error}"));
        assert_eq!(describe(&planned, graph, "operation"), describe(&again, graph, "operation"));
    }
    if prepared.has_introspection() {
        let variables = Variables::new(vec![None; size]);
        if let Err(errors) = prepared.introspect(view, &variables) {
            check_errors(&errors, text);
        }
    }
}

fn check_errors(errors: &[RequestError], text: &str) {
    let lines = text.replace("\r\n", "\n").replace('\r', "\n");
    assert!((1..=MAX_ERRORS).contains(&errors.len()), "{} errors", errors.len());
    for error in errors {
        assert!(error.message.len() <= MAX_MESSAGE + text.len(), "a message of {} bytes", error.message.len());
        for &(line, column) in &error.locations {
            // The end of a line is a valid location, and so is the end of the text.
            let found = lines.split('\n').nth(line.saturating_sub(1) as usize);
            let length = found.map(|line| line.chars().count());
            let is_inside = line >= 1 && column >= 1 && length.is_some_and(|length| column as usize <= length + 1);
            assert!(is_inside, "{line}:{column} is outside the document: {error:?}");
        }
    }
}

/// Checks that steps wait only for earlier ones, and that every slot lies inside its frame.
fn check_plan(plan: &Plan) {
    assert!(plan.rounds as usize <= plan.steps.len().max(1), "{} rounds of {} steps", plan.rounds, plan.steps.len());
    for (at, step) in plan.steps.iter().enumerate() {
        for &other in &step.after {
            assert!(plan.steps[other.index()].round < step.round, "step {at} waits for {other:?}, which is no earlier");
        }
        check_capture(plan, &step.answer, step.root);
        for feed in &step.feeds {
            assert!(feed.join.0 < plan.frames[feed.frame.index()], "step {at}: a join outside its frame");
        }
    }
}

fn check_capture(plan: &Plan, capture: &Capture, frame: FrameId) {
    let inside = |slot: SlotId| assert!(slot.0 < plan.frames[frame.index()], "{slot:?} is outside {frame:?}");
    match capture {
        Capture::Leaf(slot) => inside(*slot),
        Capture::Object(object) => {
            object.tags.iter().for_each(|tag| inside(tag.slot));
            object.properties.iter().for_each(|(_, inner)| check_capture(plan, inner, frame));
        }
        Capture::List { slot, frame: items, item, .. } => {
            inside(*slot);
            check_capture(plan, item, *items);
        }
        Capture::Items { frame: items, item } => check_capture(plan, item, *items),
        Capture::Index { item, .. } => check_capture(plan, item, frame),
        Capture::Abstract(of) => {
            inside(of.tag);
            let properties = of.variants.iter().flat_map(|variant| &variant.properties);
            properties.for_each(|(_, inner)| check_capture(plan, inner, frame));
        }
        Capture::Many(all) => all.iter().for_each(|inner| check_capture(plan, inner, frame)),
    }
}
