//! Errors of GraphQL sources: each is stored at the place in the arena that its path names.
//!
//! An error may lack a path that leads to a selected field (GraphQL §7.1.2). Then it is stored at the top-level nulls
//! of the source's answer. If there are none, it is reported without a path, and the data beside it stays.

use super::arena::{Arena, Failure, Slot};
use super::cause::Evidence;
use super::step::property;
use crate::plan::{Capture, FrameId, ObjectCapture, PairingPlan, Step, Tag};
use crate::report::shortened;
use crate::upstream::Answer;
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct Top {
    #[serde(default)]
    errors: Option<Vec<RemoteError>>,
}

/// An error of a source. Its message is for developers; other callers read a message of the engine.
#[derive(Deserialize)]
struct RemoteError {
    #[serde(default)]
    message: Option<Value>,
    #[serde(default)]
    path: Option<Vec<Value>>,
}

/// Reads `errors` and fails the slots that they name. Returns an error for all keys if the answer has no data.
pub(super) fn place_errors(
    step: &Step,
    capture: &Capture,
    arena: &mut Arena,
    service: &str,
    answer: &Answer,
    found: &[(u32, Option<u32>)],
) -> Option<Slot> {
    let slot = step.document.as_ref().and_then(|document| document.data);
    let row = found.first().and_then(|&(_, row)| row);
    let has_data = slot.zip(row).is_none_or(|(slot, row)| matches!(arena.get(step.root, row, slot), Slot::Object(_)));
    let no_data = |arena: &mut Arena| {
        let failure = Failure::new("UPSTREAM_SHAPE", "the service answered without data");
        let evidence = Evidence::answer(step.way, answer, "the answer has no data");
        (!has_data).then(|| arena.fail(failure.of(service).by(evidence)))
    };
    if !has_errors(&answer.body) {
        return no_data(arena);
    }
    // An answer whose `errors` is not a list of errors cannot be trusted.
    let top: Option<Top> = serde_json::from_slice(&answer.body).ok();
    let errors = top.map(|top| top.errors.unwrap_or_default());
    if errors.as_ref().is_some_and(Vec::is_empty) {
        return no_data(arena);
    }
    let evidence = Evidence::answer(step.way, answer, "the service reported errors").said(first_message(&errors));
    let failed = arena.fail(Failure::new("SUBGRAPH_ERROR", "the service reported an error").of(service).by(evidence));
    let data = property(capture, "data");
    let Some(errors) = errors.filter(|_| has_data && !found.is_empty()) else { return Some(failed) };
    let mut are_placed = true;
    for error in errors {
        let path = error.path.unwrap_or_default();
        let place = match (step.pairing, path.as_slice()) {
            (PairingPlan::Position, [_, Value::Number(at), rest @ ..]) => {
                let at = at.as_u64().and_then(|at| usize::try_from(at).ok());
                let row = at.and_then(|at| found.get(at)).and_then(|&(_, row)| row);
                let item = data.and_then(|data| property(data, "_entities"));
                match (item, row) {
                    (Some(Capture::Items { frame, item }), Some(row)) => Some((&**item, *frame, row, rest)),
                    _ => None,
                }
            }
            (PairingPlan::Single, [Value::String(key), rest @ ..]) => {
                let field = data.and_then(|data| property(data, key));
                field.zip(row).map(|(field, row)| (field, step.root, row, rest))
            }
            _ => None,
        };
        are_placed &=
            place.is_some_and(|(capture, frame, row, path)| fail_at(capture, arena, (frame, row), path, failed));
    }
    let is_told = are_placed || {
        let nulls = match data.and_then(|data| property(data, "_entities")) {
            Some(Capture::Items { frame, item }) => {
                let rows = found.iter().filter_map(|&(_, row)| row);
                rows.filter(|&row| fail_null(item, arena, (*frame, row), failed)).count()
            }
            _ => data.zip(row).map_or(0, |(data, row)| fail_nulls(data, arena, (step.root, row), failed)),
        };
        nulls > 0
    };
    if !is_told {
        arena.report(failed);
    }
    None
}

/// Fails the fields directly below `data` that are null. Returns how many there are.
fn fail_nulls(data: &Capture, arena: &mut Arena, (frame, row): (FrameId, u32), failed: Slot) -> usize {
    match data {
        Capture::Many(all) => all.iter().map(|data| fail_nulls(data, arena, (frame, row), failed)).sum(),
        Capture::Object(data) => {
            let fields = data.properties.iter().map(|(_, field)| field);
            fields.filter(|field| fail_null(field, arena, (frame, row), failed)).count()
        }
        _ => 0,
    }
}

fn fail_null(capture: &Capture, arena: &mut Arena, (frame, row): (FrameId, u32), failed: Slot) -> bool {
    is_null(capture, arena, (frame, row)) && fail_here(capture, arena, (frame, row), failed)
}

fn is_null(capture: &Capture, arena: &Arena, (frame, row): (FrameId, u32)) -> bool {
    let is_null = |slot| matches!(arena.get(frame, row, slot), Slot::Null | Slot::Unset);
    match capture {
        Capture::Leaf(slot) | Capture::List { slot, .. } => is_null(*slot),
        Capture::Object(object) => object.tags.first().is_some_and(|tag| is_null(tag.slot)),
        Capture::Abstract(of) => is_null(of.tag),
        Capture::Many(all) => all.first().is_some_and(|first| self::is_null(first, arena, (frame, row))),
        Capture::Index { .. } | Capture::Items { .. } => false,
    }
}

/// The first message of a source, on one line.
fn first_message(errors: &Option<Vec<RemoteError>>) -> Option<Box<str>> {
    let message = errors.as_ref()?.first()?.message.as_ref()?.as_str()?;
    Some(shortened(message).into())
}

/// Whether an answer may have errors. The search for the word saves most answers a second parse.
pub(super) fn has_errors(body: &[u8]) -> bool {
    body.windows(8).any(|window| window == b"\"errors\"")
}

/// Fails the slot that a path leads to, or the null on the way to it, to which the source has propagated the error
/// (GraphQL §6.4.4). Returns `false` if the path leads nowhere.
fn fail_at(capture: &Capture, arena: &mut Arena, (frame, row): (FrameId, u32), path: &[Value], failed: Slot) -> bool {
    match (capture, path.split_first()) {
        (Capture::Many(all), Some(_)) => {
            // Every capture of the value has its own slots, so none may be left out.
            let placed = all.iter().filter(|capture| fail_at(capture, arena, (frame, row), path, failed));
            placed.count() > 0
        }
        (Capture::Object(object), Some(_)) if !is_there(object, arena, (frame, row)) => {
            fail_here(capture, arena, (frame, row), failed)
        }
        (Capture::Object(_), Some((Value::String(key), rest))) => {
            let inner = property(capture, key);
            inner.is_some_and(|inner| fail_at(inner, arena, (frame, row), rest, failed))
        }
        (Capture::Abstract(of), Some((Value::String(key), rest))) => {
            let Slot::Object(variant) = arena.get(frame, row, of.tag) else {
                return fail_here(capture, arena, (frame, row), failed);
            };
            let object = of.variants.get(variant as usize);
            let inner = object.and_then(|object| object.properties.iter().find(|(name, _)| **name == *key));
            inner.is_some_and(|(_, inner)| fail_at(inner, arena, (frame, row), rest, failed))
        }
        (Capture::List { slot, frame: items, item, .. }, Some((Value::Number(at), rest))) => {
            match (arena.get(frame, row, *slot), at.as_u64().and_then(|at| u32::try_from(at).ok())) {
                (Slot::Rows { start, len }, Some(at)) if at < len => {
                    fail_at(item, arena, (*items, start + at), rest, failed)
                }
                _ => fail_here(capture, arena, (frame, row), failed),
            }
        }
        _ => fail_here(capture, arena, (frame, row), failed),
    }
}

/// Whether the source answered with this object.
fn is_there(object: &ObjectCapture, arena: &Arena, (frame, row): (FrameId, u32)) -> bool {
    object.tags.iter().all(|tag| matches!(arena.get(frame, row, tag.slot), Slot::Object(_)))
}

/// Fails a value as a whole.
fn fail_here(capture: &Capture, arena: &mut Arena, (frame, row): (FrameId, u32), failed: Slot) -> bool {
    match capture {
        Capture::Leaf(slot) | Capture::List { slot, .. } => {
            arena.set(frame, row, *slot, failed);
            true
        }
        Capture::Object(object) => {
            for &Tag { slot: tag, .. } in &object.tags {
                arena.set(frame, row, tag, failed);
            }
            // Its values fail too, because those of an entity are read without a check of the entity itself.
            let inner = object.properties.iter();
            let placed = inner.filter(|(_, inner)| fail_here(inner, arena, (frame, row), failed)).count();
            !object.tags.is_empty() || placed > 0
        }
        Capture::Abstract(of) => {
            arena.set(frame, row, of.tag, failed);
            true
        }
        Capture::Many(all) => {
            let placed = all.iter().filter(|capture| fail_here(capture, arena, (frame, row), failed));
            placed.count() > 0
        }
        Capture::Index { .. } | Capture::Items { .. } => false,
    }
}
