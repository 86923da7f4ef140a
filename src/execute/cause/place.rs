//! Places: where in a service's answer the value of a slot is, or should be.
//!
//! The arena keeps no paths. The capture that fills the slot gives the path below its row. Another value of the same
//! row, whose text is a span of the body, shows where the row is.

use super::pointer::{self, Segment};
use crate::compose::WayId;
use crate::execute::arena::{Arena, Slot};
use crate::plan::{Capture, FrameId, ObjectCapture, OutcomePlan, Plan, SlotId, Step};
use std::borrow::Cow;

/// A slot of a row.
#[derive(Debug, Clone, Copy)]
pub(in crate::execute) struct Place {
    pub(in crate::execute) frame: FrameId,
    pub(in crate::execute) row: u32,
    pub(in crate::execute) slot: SlotId,
}

/// What is known about a place.
#[derive(Debug, Default)]
pub(super) struct PlaceFacts {
    /// The binding whose answer contains the place.
    pub(super) way: Option<WayId>,
    pub(super) pointer: Option<String>,
    /// What is wrong at the place, in words.
    pub(super) what: Cow<'static, str>,
    /// The kind of what is there instead of a value.
    pub(super) got: &'static str,
}

/// A path to a value; the part after its last list is below the value's row.
type Path = Vec<Segment>;

/// Finds a place. `text` is the value's own text, if there is one. Also returns how many bytes were read: at most
/// `budget` or the length of one body, whichever is larger.
pub(super) fn locate(
    plan: &Plan,
    arena: &Arena,
    place: Place,
    text: Option<&[u8]>,
    budget: usize,
) -> (PlaceFacts, usize) {
    let Some((step, captures)) = filled_by(plan, place) else { return (joined(plan, place), 0) };
    let slot = arena.get(place.frame, place.row, place.slot);
    let (what, got) = match slot {
        Slot::Unset => ("a value is missing from the answer", "nothing"),
        _ => ("a value in the answer is null", "null"),
    };
    let mut located = PlaceFacts { way: Some(step.way), pointer: None, what: what.into(), got };
    let mut read = 0;
    let own = text.and_then(|text| arena.offset_of(text));
    if let Some((body, offset)) = own.filter(|_| budget > 0) {
        read = offset;
        located.pointer = pointer::at(arena.body(body), offset).map(|segments| pointer::pointer(&segments));
        return (located, read);
    }
    let slots: Vec<(SlotId, Path)> =
        captures.iter().flat_map(|capture| slots_of(capture, place.frame, step.root)).collect();
    let Some((_, wanted)) = slots.iter().find(|(slot, _)| *slot == place.slot) else { return (located, read) };
    let sibling = slots.iter().find_map(|(slot, path)| match arena.get(place.frame, place.row, *slot) {
        Slot::Text { body, start, .. } => Some((body, start as usize, path)),
        _ => None,
    });
    let (body, segments) = match sibling.filter(|_| budget > 0) {
        Some((body, start, path)) => {
            read = start;
            let segments = pointer::at(arena.body(body), start).and_then(|mut segments| {
                let row = segments.len().checked_sub(below(path).len())?;
                segments.truncate(row);
                segments.extend_from_slice(below(wanted));
                Some(segments)
            });
            (Some(body), segments)
        }
        None => (None, None),
    };
    let Some(mut segments) = segments else {
        located.pointer = Some(pointer::pointer(wanted));
        return (located, read);
    };
    if let Some(body) = body {
        let body = arena.body(body);
        read += body.len();
        let (depth, there) = pointer::follow(body, &segments);
        // The fault is where the path ends in the body: if a parent is null or missing, so is all below it.
        if depth < segments.len() && !there.starts_with(b"{") {
            segments.truncate(depth);
            located.got = pointer::kind_of(there);
        } else if depth < segments.len() {
            segments.truncate(depth + 1);
        }
    }
    located.pointer = Some(pointer::pointer(&segments));
    (located, read)
}

/// The part of a path that is below its row.
fn below(path: &[Segment]) -> &[Segment] {
    let row = path.iter().rposition(|segment| *segment == Segment::Any).map_or(0, |at| at + 1);
    &path[row..]
}

/// The step whose answer fills a slot, and the captures of its answers.
fn filled_by(plan: &Plan, place: Place) -> Option<(&Step, Vec<&Capture>)> {
    plan.steps.iter().find_map(|step| {
        let outcomes = step.outcomes.iter().filter_map(|(_, outcome)| match outcome {
            OutcomePlan::Value(capture) => Some(capture),
            _ => None,
        });
        let captures: Vec<&Capture> = std::iter::once(&step.answer).chain(outcomes).collect();
        let fills =
            |capture: &&Capture| slots_of(capture, place.frame, step.root).iter().any(|(slot, _)| *slot == place.slot);
        captures.iter().any(fills).then_some((step, captures))
    })
}

/// A place that the row of another call should have filled.
fn joined(plan: &Plan, place: Place) -> PlaceFacts {
    let is_it = |step: &&Step| step.feeds.iter().any(|feed| feed.frame == place.frame && feed.join == place.slot);
    let way = plan.steps.iter().find(is_it).map(|step| step.way);
    PlaceFacts {
        way,
        what: "the service has nothing for what was asked".into(),
        got: "nothing",
        ..PlaceFacts::default()
    }
}

/// The slots of a frame that a capture fills, each with its path from the root of the answer. `root`: the frame whose
/// row is a whole answer, unless the rows of that frame are items of a list.
fn slots_of(capture: &Capture, frame: FrameId, root: FrameId) -> Vec<(SlotId, Path)> {
    let mut found = Vec::new();
    let is_whole = frame == root && !fills_list(capture, frame);
    collect(capture, frame, is_whole, &mut Vec::new(), &mut found);
    found
}

/// Whether the items of a list of this capture become rows of the frame.
fn fills_list(capture: &Capture, wanted: FrameId) -> bool {
    match capture {
        Capture::Leaf(_) => false,
        Capture::Object(object) => object.properties.iter().any(|(_, inner)| fills_list(inner, wanted)),
        Capture::List { frame, item, .. } | Capture::Items { frame, item } => {
            *frame == wanted || fills_list(item, wanted)
        }
        Capture::Index { item, .. } => fills_list(item, wanted),
        Capture::Abstract(of) => {
            of.variants.iter().flat_map(|object| &object.properties).any(|(_, inner)| fills_list(inner, wanted))
        }
        Capture::Many(all) => all.iter().any(|inner| fills_list(inner, wanted)),
    }
}

/// Collects the slots of a capture. `is_here`: whether the current row is one of the wanted frame.
fn collect(capture: &Capture, wanted: FrameId, is_here: bool, path: &mut Path, found: &mut Vec<(SlotId, Path)>) {
    match capture {
        Capture::Leaf(slot) => found.extend(is_here.then(|| (*slot, path.clone()))),
        Capture::Object(object) => of_object(object, wanted, is_here, path, found),
        Capture::List { slot, frame, item, .. } => {
            found.extend(is_here.then(|| (*slot, path.clone())));
            items(*frame, item, wanted, path, found);
        }
        Capture::Items { frame, item } => items(*frame, item, wanted, path, found),
        Capture::Index { index, item } => {
            path.push(Segment::Index(u64::from(*index)));
            collect(item, wanted, is_here, path, found);
            path.pop();
        }
        Capture::Abstract(of) => {
            found.extend(is_here.then(|| (of.tag, path.clone())));
            of.variants.iter().for_each(|object| of_object(object, wanted, is_here, path, found));
        }
        Capture::Many(all) => all.iter().for_each(|inner| collect(inner, wanted, is_here, path, found)),
    }
}

fn items(frame: FrameId, item: &Capture, wanted: FrameId, path: &mut Path, found: &mut Vec<(SlotId, Path)>) {
    path.push(Segment::Any);
    collect(item, wanted, frame == wanted, path, found);
    path.pop();
}

fn of_object(object: &ObjectCapture, wanted: FrameId, is_here: bool, path: &mut Path, found: &mut Vec<(SlotId, Path)>) {
    found.extend(object.tags.iter().filter(|_| is_here).map(|tag| (tag.slot, path.clone())));
    for (name, inner) in &object.properties {
        path.push(Segment::Name(name.to_string()));
        collect(inner, wanted, is_here, path, found);
        path.pop();
    }
}
