//! Answers in parts: the fields of a deferred fragment are left out, and written later as pieces of their own.
//!
//! Always true: when a position becomes null, the pieces that were left out below it are dropped.

use super::slices::Level;
use super::{At, Done, FieldResult, OutFieldPlan, PathPart, Source, Stop, WriteCost, Writer, is_leaf};
use crate::execute::arena::index;
use crate::operation::{OutId, UsageId};
use std::borrow::Cow;
use std::sync::Arc;

/// The greatest number of pieces, and of fragments, that one answer leaves out.
const MAX_LEFT: usize = 1_000;

/// The pieces that an answer leaves out, so far.
#[derive(Debug)]
pub(in crate::execute) struct Left {
    /// The deferred fragments that began, each at one object.
    pub(in crate::execute) fragments: Vec<Fragment>,
    /// The pieces that were left out, each of one object.
    pub(in crate::execute) pieces: Vec<Piece>,
    /// For each usage of `@defer`, the fragment that it began last on the way to the current object.
    current: Arc<[usize]>,
    /// How many of the errors that belong to no value have been reported.
    pub(super) told: usize,
    /// Whether nothing is left out, so that deferred fields are written at their places.
    pub(in crate::execute) is_inline: bool,
}

/// A deferred fragment at one object.
#[derive(Debug)]
pub(in crate::execute) struct Fragment {
    /// The index into [`crate::plan::DeferPlan::usages`].
    pub(in crate::execute) usage: UsageId,
    /// The index of the fragment around this one, if there is one.
    pub(in crate::execute) parent: Option<usize>,
    pub(in crate::execute) path: Vec<PathStep>,
}

/// Fields of one object that belong to the same fragments.
#[derive(Debug, Clone)]
pub(in crate::execute) struct Piece {
    /// The indices into [`Left::fragments`] of the fragments to which the fields belong.
    pub(in crate::execute) fragments: Vec<usize>,
    pub(in crate::execute) path: Vec<PathStep>,
    /// The value of [`Left::current`] at the piece's object.
    current: Arc<[usize]>,
    object: OutId,
    group: usize,
    at: At,
}

/// A step of a response path.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(untagged)]
pub(in crate::execute) enum PathStep {
    Name(Box<str>),
    Index(usize),
}

/// A written piece.
pub(in crate::execute) struct PieceWritten {
    /// The object with its fields. `None` if a null propagated beyond all of them.
    pub(in crate::execute) data: Option<Vec<u8>>,
    /// The JSON texts of the errors, separated by commas.
    pub(in crate::execute) errors: Vec<u8>,
    pub(in crate::execute) error_count: u32,
    pub(in crate::execute) codes: Vec<Cow<'static, str>>,
    /// The size of all parts, up to this one.
    pub(in crate::execute) spent: WriteCost,
}

/// How much was left out at some moment. The bound of each count is far below `u32::MAX`.
#[derive(Debug, Clone, Copy)]
pub(in crate::execute) struct Mark {
    fragments: u32,
    pieces: u32,
    told: u32,
}

impl Left {
    /// Nothing is left out yet. `usages`: the number of usages of `@defer` in the plan.
    pub(in crate::execute) fn new(usages: usize) -> Self {
        Self {
            fragments: Vec::new(),
            pieces: Vec::new(),
            current: vec![usize::MAX; usages].into(),
            told: 0,
            is_inline: false,
        }
    }

    /// Whether more is left out than one answer may leave out.
    pub(in crate::execute) fn is_too_much(&self) -> bool {
        self.pieces.len() > MAX_LEFT || self.fragments.len() > MAX_LEFT
    }

    pub(in crate::execute) fn mark(&self) -> Mark {
        Mark { fragments: index(self.fragments.len()), pieces: index(self.pieces.len()), told: index(self.told) }
    }

    pub(in crate::execute) fn back_to(&mut self, mark: Mark) {
        self.fragments.truncate(mark.fragments as usize);
        self.pieces.truncate(mark.pieces as usize);
        self.told = mark.told as usize;
    }
}

impl<'a> Writer<'a> {
    /// A writer of the answer that leaves deferred fragments out.
    pub(in crate::execute) fn leaving(source: &Source<'a>, left: &'a mut Left) -> Self {
        // Nothing is copied, because the paths of pieces that are left out would be missing.
        let mut writer = Self::new(source).without_copies();
        writer.left = Some(left);
        writer
    }

    /// A writer of a piece that was left out; fragments that are deferred within it are left out again.
    pub(in crate::execute) fn of_piece(source: &Source<'a>, piece: &'a Piece, left: &'a mut Left) -> Self {
        left.current = Arc::clone(&piece.current);
        let mut writer = Self::leaving(source, left);
        writer.path = piece.path.iter().map(PathStep::as_part).collect();
        writer.piece = Some(piece);
        writer
    }

    /// Writes the piece, or continues with it. Returns `false` if the slice is over.
    pub(super) fn write_piece(&mut self, piece: &'a Piece) -> bool {
        let deferred = self.plan.deferred.as_ref().expect("a piece comes from a plan with deferred parts");
        let (_, fields) = &deferred.objects[&(piece.object, piece.at.ty)].groups[piece.group];
        let level = self.resume().unwrap_or_else(|| {
            self.count_fields(fields);
            let level = self.level(0);
            self.out.push(b'{');
            level
        });
        match self.fields(fields, piece.at).and_then(|()| self.check_room(1)) {
            Ok(()) => self.out.push(b'}'),
            Err(Stop::Paused) => return self.pause(level),
            Err(Stop::Nulled | Stop::Over) => {
                self.back_to(level.left);
                self.out.clear();
            }
        }
        self.unplaced();
        true
    }

    /// The piece, after the last slice.
    pub(in crate::execute) fn written_piece(self) -> PieceWritten {
        let spent = self.spent();
        let Self { out, errors, error_count, codes, .. } = self;
        PieceWritten { data: (!out.is_empty()).then_some(out), errors, error_count, codes, spent }
    }

    fn count_fields(&mut self, fields: &[OutFieldPlan]) {
        self.meter.values += fields.iter().filter(|field| is_leaf(field)).count() as u64;
    }

    /// Writes an object of which some entries may be left out.
    pub(super) fn object_in_parts(&mut self, id: OutId, at: At, fields: &'a [OutFieldPlan]) -> FieldResult {
        let groups = match &self.plan.deferred {
            Some(deferred) => deferred.objects.get(&(id, at.ty)).map_or(&[][..], |object| object.groups.as_slice()),
            None => &[],
        };
        // If nothing may be left out, the deferred fields precede the rest.
        let inline = if self.left.as_ref().is_some_and(|left| left.is_inline) { groups } else { &[] };
        let resumed = self.resume();
        let (first, mut is_begun) = (resumed.map_or(0, |level| level.next), resumed.is_some());
        if !is_begun {
            self.out.push(b'{');
            if inline.is_empty() {
                self.leave_out(id, at);
            }
        }
        let all = inline.iter().map(|(_, fields)| fields.as_slice()).chain([fields]);
        for (number, fields) in all.enumerate().skip(first) {
            if !std::mem::take(&mut is_begun) {
                if number > 0 && !fields.is_empty() {
                    self.out.push(b',');
                }
                self.count_fields(fields);
                self.check_room(0)?;
            }
            if let Err(stop) = self.entries(fields, at) {
                return Err(self.stopped(stop, || Level { next: number, ..Level::default() }));
            }
        }
        self.out.push(b'}');
        Ok(Done::Written)
    }
}

impl PathStep {
    fn as_part(&self) -> PathPart<'_> {
        match self {
            Self::Name(name) => PathPart::Name(name),
            Self::Index(index) => PathPart::Index(*index),
        }
    }
}

impl<'a> Writer<'a> {
    pub(super) fn mark(&self) -> Option<Mark> {
        self.left.as_ref().map(|left| left.mark())
    }

    pub(super) fn back_to(&mut self, mark: Option<Mark>) {
        if let (Some(left), Some(mark)) = (&mut self.left, mark) {
            left.back_to(mark);
        }
    }

    /// Notes the deferred fragments of an object that is about to be written.
    fn leave_out(&mut self, object: OutId, at: At) {
        let Some(deferred) = &self.plan.deferred else { return };
        let (Some(here), Some(left)) = (deferred.objects.get(&(object, at.ty)), &mut self.left) else { return };
        if left.is_too_much() {
            return;
        }
        let path = || self.path.iter().map(|part| part.to_step()).collect::<Vec<_>>();
        let mut current = left.current.to_vec();
        for &usage in &here.starts {
            let parent = deferred.usages[usage.index()].parent.map(|parent| current[parent.index()]);
            current[usage.index()] = left.fragments.len();
            left.fragments.push(Fragment { usage, parent, path: path() });
        }
        left.current = current.into();
        for (group, (usages, _)) in here.groups.iter().enumerate() {
            let fragments = usages.iter().map(|&usage| left.current[usage.index()]).collect();
            let current = Arc::clone(&left.current);
            left.pieces.push(Piece { fragments, path: path(), current, object, group, at });
        }
    }
}

impl PathPart<'_> {
    fn to_step(self) -> PathStep {
        match self {
            PathPart::Name(name) => PathStep::Name(name.into()),
            PathPart::Index(index) => PathStep::Index(index),
        }
    }
}
