//! What many rows join to is written once, and its bytes are copied.
//!
//! In: an object at hand, and where its bytes are once they are written. Out: where the bytes of an equal one are.
//!
//! An object's bytes follow from the slots of its own row that its selection reads. A join names a row of another frame,
//! and whatever lies behind it is the same for everybody who joins that row. So two objects of one selection and type are
//! written alike if those slots are equal: joins and tags as they are, leaves by their texts.
//!
//! Always true:
//! - nothing is copied of an object in which an error was met: errors carry paths;
//! - nothing is copied from bytes that null propagation took back;
//! - an object of which no row repeats is looked at once per answer; there is at most one entry per joined row.

use super::arena::{Arena, Slot};
use crate::compose::TypeId;
use crate::operation::OutType;
use crate::plan::{FoundValue, FrameId, HopPlan, Join, LeafRead, LeafSource, OutKindPlan, Plan, SlotId};
use smallvec::SmallVec;
use std::ops::Range;

/// Most slots of its own row that an object may read.
const MAX_READS: usize = 8;

/// An object at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct At {
    pub(super) frame: FrameId,
    pub(super) row: u32,
    pub(super) ty: TypeId,
}

/// Objects of one answer that were written.
#[derive(Debug)]
pub(super) struct Memo<'a> {
    plan: &'a Plan,
    arena: &'a Arena,
    /// By [`crate::operation::OutId`].
    objects: Vec<State>,
    /// Goes up whenever bytes were taken back.
    epoch: u32,
    /// Where the last bytes of this epoch end.
    end: usize,
}

#[derive(Debug, Clone)]
enum State {
    New,
    /// Nothing would be gained, or not enough is known.
    Plain,
    Repeats(Box<Repeats>),
}

/// Objects of which rows repeat.
#[derive(Debug, Clone)]
struct Repeats {
    frame: FrameId,
    ty: TypeId,
    /// The join that entries are told apart by.
    join: SlotId,
    /// The other slots that are read of the object's row.
    reads: SmallVec<[SlotId; MAX_READS]>,
    /// By the joined row.
    written: Vec<Option<Written>>,
}

#[derive(Debug, Clone, Copy)]
struct Written {
    /// Of the object that was written.
    row: u32,
    start: usize,
    end: usize,
    epoch: u32,
    /// Values in it.
    values: u32,
}

impl<'a> Memo<'a> {
    pub(super) fn new(plan: &'a Plan, arena: &'a Arena) -> Self {
        Self { plan, arena, objects: vec![State::New; plan.output.objects.len()], epoch: 0, end: 0 }
    }

    /// Copies nothing.
    pub(super) fn none(plan: &'a Plan, arena: &'a Arena) -> Self {
        Self { plan, arena, objects: Vec::new(), epoch: 0, end: 0 }
    }

    /// Where the bytes of an equal object are, and how many values they hold.
    #[inline]
    pub(super) fn find(&mut self, id: u32, at: At) -> Option<(Range<usize>, u32)> {
        match self.objects.get(id as usize)? {
            State::Plain => None,
            State::Repeats(repeats) => repeats.find(self.arena, at, self.epoch),
            State::New => {
                let repeats = Repeats::of(self.plan, self.arena, id, at);
                self.objects[id as usize] = repeats.map_or(State::Plain, |repeats| State::Repeats(Box::new(repeats)));
                None
            }
        }
    }

    /// Keeps in mind where an object's bytes are. No error may have been met in it.
    #[inline]
    pub(super) fn keep(&mut self, id: u32, at: At, bytes: Range<usize>, values: u64) {
        let Some(State::Repeats(repeats)) = self.objects.get_mut(id as usize) else { return };
        let Slot::Row(joined) = self.arena.get(at.frame, at.row, repeats.join) else { return };
        if (repeats.frame, repeats.ty) == (at.frame, at.ty)
            && let Some(entry) = repeats.written.get_mut(joined as usize)
        {
            let Range { start, end } = bytes;
            let values = u32::try_from(values).unwrap_or(u32::MAX);
            *entry = Some(Written { row: at.row, start, end, epoch: self.epoch, values });
            self.end = end;
        }
    }

    /// The answer was cut to this length.
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

    /// What an object's bytes follow from. `None`: they cannot repeat, or are not worth it.
    fn of(plan: &Plan, arena: &Arena, id: u32, at: At) -> Option<Self> {
        let mut reads = Reads { plan, joins: SmallVec::new(), tags: SmallVec::new(), leaves: SmallVec::new() };
        reads.object(id, at.ty)?;
        let &join = reads.joins.first()?;
        // Fewer rows there than here: some repeat.
        let joined = arena.rows(join.frame);
        if joined >= arena.rows(at.frame) {
            return None;
        }
        // A leaf of the own row mostly differs from row to row, unless it is what the joined row was found by.
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

    fn object(&mut self, id: u32, ty: TypeId) -> Option<()> {
        let plan = self.plan;
        let variants = &plan.output.objects[id as usize].variants;
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
                OutType::Object { id, .. } => self.object(id.0, ty),
                _ => Some(()),
            };
        };
        let Some(&(_, node)) = hop.nodes.iter().find(|(of, _)| *of == ty) else { return Some(()) };
        let found = &plan.output.nodes[node as usize];
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

/// The slot that a leaf is read from, if it is read from one.
pub(super) fn slot_of(read: &LeafRead) -> Option<SlotId> {
    match read.source {
        LeafSource::Slot(slot) => Some(slot),
        // The same for the whole answer.
        LeafSource::Constant(_) | LeafSource::Input(..) => None,
    }
}
