//! Errors of GraphQL sources: each is put at the place in the arena that its path names.

use super::arena::{Arena, Failure, Slot};
use super::step::property;
use crate::plan::{Capture, FrameId, PairingPlan, Step};
use crate::upstream::Answer;
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct Top {
    #[serde(default)]
    errors: Vec<RemoteError>,
}

/// Messages of a source are for the log: the caller reads ours.
#[derive(Deserialize)]
struct RemoteError {
    #[serde(default)]
    path: Option<Vec<Value>>,
}

/// Reads `errors` and fails the slots that they name. Returns an error for all keys if the answer has no data,
/// or if an error names no place.
pub(super) fn place_errors(
    step: &Step,
    capture: &Capture,
    arena: &mut Arena,
    service: &str,
    answer: &Answer,
    found: &[(u32, Option<u32>)],
) -> Option<Slot> {
    // Looking for the word first spares most answers a second parse.
    let has_errors = answer.body.windows(8).any(|window| window == b"\"errors\"");
    if !has_errors {
        return None;
    }
    let top: Top = serde_json::from_slice(&answer.body).ok()?;
    if top.errors.is_empty() {
        return None;
    }
    let failed = arena.fail(Failure::new("SUBGRAPH_ERROR", "the service reported an error").of(service));
    let data = property(capture, "data");
    for error in top.errors {
        let Some(path) = error.path else { return Some(failed) };
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
            (PairingPlan::Single, rest) => {
                let row = found.first().and_then(|&(_, row)| row);
                data.zip(row).map(|(data, row)| (data, step.root, row, rest))
            }
            _ => None,
        };
        let is_placed =
            place.is_some_and(|(capture, frame, row, path)| fail_at(capture, arena, (frame, row), path, failed));
        if !is_placed {
            return Some(failed);
        }
    }
    None
}

/// Fails the slot that a path leads to. `false`: it leads nowhere.
fn fail_at(capture: &Capture, arena: &mut Arena, (frame, row): (FrameId, u32), path: &[Value], failed: Slot) -> bool {
    match (capture, path.split_first()) {
        (Capture::Many(all), Some(_)) => {
            // Every capture of the value has its own slots, so none may be left out.
            let placed = all.iter().filter(|capture| fail_at(capture, arena, (frame, row), path, failed));
            placed.count() > 0
        }
        (Capture::Object(_), Some((Value::String(key), rest))) => {
            let inner = property(capture, key);
            inner.is_some_and(|inner| fail_at(inner, arena, (frame, row), rest, failed))
        }
        (Capture::Abstract(of), Some((Value::String(key), rest))) => {
            let inner = match arena.get(frame, row, of.tag) {
                Slot::Object(variant) => of.variants.get(variant as usize),
                _ => None,
            };
            let inner = inner.and_then(|object| object.properties.iter().find(|(name, _)| **name == *key));
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

/// Fails a value as a whole.
fn fail_here(capture: &Capture, arena: &mut Arena, (frame, row): (FrameId, u32), failed: Slot) -> bool {
    match capture {
        Capture::Leaf(slot) | Capture::List { slot, .. } => {
            arena.set(frame, row, *slot, failed);
            true
        }
        Capture::Object(object) => {
            for &(tag, _) in &object.tags {
                arena.set(frame, row, tag, failed);
            }
            !object.tags.is_empty()
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
