//! An object that many rows join to is written once, and then its bytes are copied.
//!
//! In: the object that is written next, and the range of its bytes once they are written. Out: the range of the bytes
//! of an equal object.
//!
//! An object's bytes depend only on the slots of its own row that its selection reads. A join names a row of another
//! frame, and everything that is read through it is the same for all rows that join it. So two objects of one selection
//! and type are written alike if those slots are equal: joins and tags by value, leaves by text.
//!
//! Always true:
//! - an object in which an error occurred is never copied, because errors have paths;
//! - bytes that null propagation removed are never copied;
//! - an object whose joined rows do not repeat is examined once per answer; there is at most one entry per joined row.

use super::arena::{Arena, Slot};
use crate::compose::TypeId;
use crate::operation::{OutId, OutType};
use crate::plan::{FoundValue, FrameId, HopPlan, Join, LeafRead, LeafSource, OutKindPlan, Plan, SlotId};
use smallvec::SmallVec;
use std::ops::Range;

/// The greatest number of slots of its own row that an object may read.
const MAX_READS: usize = 8;

/// The object that is being written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct At {
    pub(super) frame: FrameId,
    pub(super) row: u32,
    pub(super) ty: TypeId,
}

/// The objects of one answer that were written.
#[derive(Debug)]
pub(super) struct Memo<'a> {
    plan: &'a Plan,
    arena: &'a Arena,
    /// The state of each object of the selection, by [`crate::operation::OutId`].
    objects: Vec<State>,
    /// The number of times that bytes in use were removed.
    epoch: u32,
    /// The end of the last object that was kept in this epoch.
    end: usize,
}

#[derive(Debug, Clone)]
enum State {
    New,
    /// Copies would save nothing, or too little is known.
    Plain,
    Repeats(Box<Repeats>),
}

/// An object of the selection whose joined rows repeat.
#[derive(Debug, Clone)]
struct Repeats {
    frame: FrameId,
    ty: TypeId,
    /// The join whose row identifies the entries.
    join: SlotId,
    /// The other slots of the object's row that are read.
    reads: SmallVec<[SlotId; MAX_READS]>,
    /// The bytes that were written, by joined row.
    written: Vec<Option<WrittenObject>>,
}

#[derive(Debug, Clone, Copy)]
struct WrittenObject {
    /// The row of the object that was written.
    row: u32,
    start: usize,
    end: usize,
    epoch: u32,
    /// The number of values in the object.
    values: u32,
}

impl<'a> Memo<'a> {
    pub(super) fn new(plan: &'a Plan, arena: &'a Arena) -> Self {
        Self { plan, arena, objects: vec![State::New; plan.output.objects.len()], epoch: 0, end: 0 }
    }

    /// A memo that never copies.
    pub(super) fn none(plan: &'a Plan, arena: &'a Arena) -> Self {
        Self { plan, arena, objects: Vec::new(), epoch: 0, end: 0 }
    }

    /// The range of the bytes of an equal object, and the number of its values.
    #[inline]
    pub(super) fn find(&mut self, id: OutId, at: At) -> Option<(Range<usize>, u32)> {
        match self.objects.get(id.index())? {
            State::Plain => None,
            State::Repeats(repeats) => repeats.find(self.arena, at, self.epoch),
            State::New => {
                let repeats = Repeats::of(self.plan, self.arena, id, at);
                self.objects[id.index()] = repeats.map_or(State::Plain, |repeats| State::Repeats(Box::new(repeats)));
                None
            }
        }
    }

    /// Keeps the range of an object's bytes. No error may have occurred in the object.
    #[inline]
    pub(super) fn keep(&mut self, id: OutId, at: At, bytes: Range<usize>, values: u64) {
        let Some(State::Repeats(repeats)) = self.objects.get_mut(id.index()) else { return };
        let Slot::Row(joined) = self.arena.get(at.frame, at.row, repeats.join) else { return };
        if (repeats.frame, repeats.ty) == (at.frame, at.ty)
            && let Some(entry) = repeats.written.get_mut(joined as usize)
        {
            let Range { start, end } = bytes;
            let values = u32::try_from(values).unwrap_or(u32::MAX);
            *entry = Some(WrittenObject { row: at.row, start, end, epoch: self.epoch, values });
            self.end = end;
        }
    }

    /// Notes that the answer was cut to this length.
    pub(super) fn cut(&mut self, len: usize) {
        if self.end > len {
            (self.epoch, self.end) = (self.epoch + 1, 0);
        }
    }
}

impl Repeats {
    fn find(&self, arena: &Arena, at: At, epoch: u32) -> Option<(Range<usize>, u32)> {
        if (self.frame, self.ty) != (at.frame, at.ty) {
            return None;
        }
        let Slot::Row(joined) = arena.get(at.frame, at.row, self.join) else { return None };
        let written = (*self.written.get(joined as usize)?).filter(|written| written.epoch == epoch)?;
        let is_equal =
            |&slot: &SlotId| match (arena.get(at.frame, written.row, slot), arena.get(at.frame, at.row, slot)) {
                (
                    Slot::Text { body, start, len },
                    Slot::Text { body: other_body, start: other_start, len: other_len },
                ) => arena.text(body, start, len) == arena.text(other_body, other_start, other_len),
                (one, other) => one == other,
            };
        self.reads.iter().all(is_equal).then_some((written.start..written.end, written.values))
    }

    /// The slots on which an object's bytes depend. `None` if its joined rows cannot repeat, or if copies are not worth
    /// the effort.
    fn of(plan: &Plan, arena: &Arena, id: OutId, at: At) -> Option<Self> {
        let mut reads = Reads { plan, joins: SmallVec::new(), tags: SmallVec::new(), leaves: SmallVec::new() };
        reads.object(id, at.ty)?;
        let &join = reads.joins.first()?;
        // If the joined frame has fewer rows than this one, some of them repeat.
        let joined = arena.rows(join.frame);
        if joined >= arena.rows(at.frame) {
            return None;
        }
        // A leaf of the object's own row usually differs from row to row, unless the joined row was found by it.
        let feeds = plan.steps.iter().flat_map(|step| &step.feeds);
        let is_key = |slot: &SlotId| {
            let mut feeds = feeds.clone().filter(|feed| feed.frame == at.frame && reads.has_join(feed.join));
            feeds.any(|feed| {
                let own = feed.inputs.iter().filter(|access| access.joins.is_empty());
                own.filter_map(|access| slot_of(&access.leaf)).any(|input| input == *slot)
            })
        };
        if !reads.leaves.iter().all(is_key) {
            return None;
        }
        let joins = reads.joins.iter().skip(1).map(|join| join.slot);
        let reads = joins.chain(reads.tags.iter().copied()).chain(reads.leaves.iter().copied()).collect();
        let written = vec![None; joined as usize];
        Some(Self { frame: at.frame, ty: at.ty, join: join.slot, reads, written })
    }
}

/// The slots of an object's own row that its selection reads.
struct Reads<'p> {
    plan: &'p Plan,
    joins: SmallVec<[Join; MAX_READS]>,
    tags: SmallVec<[SlotId; MAX_READS]>,
    leaves: SmallVec<[SlotId; MAX_READS]>,
}

impl Reads<'_> {
    fn has_join(&self, slot: SlotId) -> bool {
        self.joins.iter().any(|join| join.slot == slot)
    }

    fn object(&mut self, id: OutId, ty: TypeId) -> Option<()> {
        let plan = self.plan;
        let variants = &plan.output.objects[id.index()].variants;
        let fields = variants.iter().find(|variant| variant.ty == ty).map_or(&[][..], |variant| &variant.fields);
        for field in fields {
            if let OutKindPlan::Value { path, ty: goal, .. } = &field.kind {
                self.path(path, ty, goal)?;
            }
        }
        Some(())
    }

    fn path(&mut self, path: &[HopPlan], ty: TypeId, goal: &OutType) -> Option<()> {
        let plan = self.plan;
        let Some((hop, rest)) = path.split_first() else {
            return match goal {
                OutType::Object { id, .. } => self.object(*id, ty),
                _ => Some(()),
            };
        };
        let Some(&(_, node)) = hop.nodes.iter().find(|(of, _)| *of == ty) else { return Some(()) };
        let found = &plan.output.nodes[node.index()];
        if let Some(&join) = found.joins.first() {
            if !self.has_join(join.slot) {
                self.joins.push(join);
            }
            return self.check();
        }
        match &found.value {
            FoundValue::Nothing => Some(()),
            FoundValue::Leaf(read) | FoundValue::Leaves { read, .. } => self.leaf(read),
            FoundValue::Object { tag, variants } => {
                self.tags.extend(*tag);
                self.check()?;
                variants.iter().try_for_each(|&ty| self.path(rest, ty, goal))
            }
            // No two rows have the same list.
            FoundValue::List { .. } => None,
        }
    }

    fn leaf(&mut self, read: &LeafRead) -> Option<()> {
        if let Some(slot) = slot_of(read)
            && !self.leaves.contains(&slot)
        {
            self.leaves.push(slot);
        }
        self.check()?;
        read.or.as_ref().map_or(Some(()), |or| self.leaf(or))
    }

    fn check(&self) -> Option<()> {
        (self.joins.len() + self.tags.len() + self.leaves.len() <= MAX_READS).then_some(())
    }
}

/// The slot that a leaf is read from, if there is one.
pub(super) fn slot_of(read: &LeafRead) -> Option<SlotId> {
    match read.source {
        LeafSource::Slot(slot) => Some(slot),
        // These are the same in the whole answer.
        LeafSource::Constant(_) | LeafSource::Input(..) => None,
    }
}
