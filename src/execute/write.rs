//! Completion: writes the bytes of the answer, in the order of the selection, by the client's types (GraphQL §6.4.3).
//!
//! The answer is written in one pass. A value that cannot be completed is an `Err` up to the nearest nullable position,
//! which truncates the buffer to the start of its value and writes `null` (§6.4.4). Errors have the client's path.
//!
//! The pass is divided into slices ([`Writer::go_on`]): after some work, every level of the recursion saves its
//! position and returns, and the next slice descends to the same position. The bounds of the answer are checked on the
//! way ([`meter`]).

mod meter;
mod parts;
mod slices;

pub(super) use parts::{Left, PathStep, Piece, PieceWritten};

use meter::Meter;
use slices::Level;
#[cfg(test)]
pub(super) use slices::check_slices;

use super::arena::{Arena, Failure, Slot};
use super::bounds::Bounds;
use super::cause::{Causes, Expectation, Place};
use super::leaf;
use super::memo::{At, Memo, slot_of};
use super::project::Items;
use super::read::{RowLookUp, Token, follow, plain, token};
use crate::compose::{Input, TypeId};
use crate::operation::{Leaf, Locations, Others, OutId, OutType, Site};
use crate::plan::{
    Found, FoundValue, FrameId, HopPlan, Join, LeafRead, LeafSource, OutFieldPlan, OutKindPlan, Plan, SlotId, StepId,
};
use serde_json::Value;
use std::borrow::Cow;
use std::collections::HashMap;

/// The greatest number of errors that one answer reports.
const MAX_ERRORS: u32 = 1_000;
/// The greatest size of the errors that one answer reports, in bytes. It is needed because response names, and so
/// paths, are as long as clients like.
const MAX_ERROR_BYTES: usize = 1 << 20;

/// The greatest length of a leaf's text, in bytes, for which the answer's length is not checked.
const SHORT: usize = 256;

/// The reason why a value was not written to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    /// The value cannot be completed: the nearest nullable position becomes null.
    Nulled,
    /// A bound of the answer is reached: the field of the root becomes null.
    Over,
    /// The slice is over: the next one continues with this value.
    Paused,
}

/// The result of completing a value.
#[derive(Debug, PartialEq, Eq)]
enum Done {
    Written,
    /// Nothing was written, because the list drops this item.
    Omitted,
}

type FieldResult = Result<Done, Stop>;

#[derive(Debug, Clone, Copy)]
enum PathPart<'a> {
    Name(&'a str),
    Index(usize),
}

/// The type and the field by which a value is completed.
#[derive(Clone, Copy)]
struct Goal<'a> {
    ty: &'a OutType,
    /// The field to which the value belongs.
    field: &'a OutFieldPlan,
    /// The levels at which the graph allows no null: see `non_null` of the plan's output.
    non_null: u32,
    /// Whether the value is an item of a list, to which the field's default does not apply.
    is_item: bool,
}

impl<'a> Goal<'a> {
    /// The goal of the items of a list.
    fn of_items(self, ty: &'a OutType) -> Self {
        Self { ty, field: self.field, non_null: self.non_null >> 1, is_item: true }
    }

    /// The text that replaces a value that cannot be completed: the default (rule 3 of views), or else null if it is
    /// allowed.
    fn instead(&self) -> Option<&'a str> {
        let default = match &self.field.kind {
            OutKindPlan::Value { default, .. } if !self.is_item => default.as_deref(),
            _ => None,
        };
        default.or_else(|| is_nullable(self.ty).then_some("null"))
    }

    fn coordinate(&self) -> &'a str {
        &self.field.coordinate
    }
}

/// Returns an input of a step, as JSON text.
pub(super) type Inputs<'a> = dyn Fn(StepId, &Input) -> Option<String> + Sync + 'a;

pub(super) struct Writer<'a> {
    plan: &'a Plan,
    arena: &'a Arena,
    is_anonymous: bool,
    /// Are there types that this caller must not see?
    has_guarded: bool,
    inputs: &'a Inputs<'a>,
    introspection: Option<&'a HashMap<String, String>>,
    root: TypeId,
    out: Vec<u8>,
    meter: Meter,
    /// The positions at which the levels of a paused writer stopped, the outermost last.
    saved: Vec<Level>,
    errors: Vec<u8>,
    error_count: u32,
    codes: Vec<Cow<'static, str>>,
    path: Vec<PathPart<'a>>,
    /// The position of the current field in the client's document.
    site: Option<Site>,
    locations: &'a Locations,
    /// The place in the arena where the current value is looked for, for causes.
    place: Option<Place>,
    causes: &'a Causes<'a>,
    memo: Memo<'a>,
    /// The deferred pieces that are left out, if the answer is delivered in parts.
    left: Option<&'a mut Left>,
    /// The piece that is written. `None` if the whole answer is.
    piece: Option<&'a Piece>,
}

/// A written answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct WrittenAnswer {
    /// `{"data":…` and `errors`, without the closing brace.
    pub(super) body: Vec<u8>,
    pub(super) errors: u32,
    /// The code of each error.
    pub(super) codes: Vec<Cow<'static, str>>,
}

/// Everything from which an answer is written.
pub(super) struct Source<'a> {
    pub(super) plan: &'a Plan,
    pub(super) arena: &'a Arena,
    /// The graph's root type.
    pub(super) root: TypeId,
    /// Whether the caller is not signed in. Then `@authenticated` fields are errors.
    pub(super) is_anonymous: bool,
    pub(super) inputs: &'a Inputs<'a>,
    pub(super) introspection: Option<&'a HashMap<String, String>>,
    /// The position of each field of the operation in its document, by site.
    pub(super) locations: &'a Locations,
    pub(super) causes: &'a Causes<'a>,
    /// The bounds of all parts of the answer together.
    pub(super) bounds: Bounds,
    /// The size of the parts before this one.
    pub(super) spent: WriteCost,
}

/// How much of an answer was written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct WriteCost {
    pub(super) bytes: usize,
    pub(super) values: u64,
}

/// The fields of the answer's root.
pub(super) fn root_fields(plan: &Plan, root: TypeId) -> &[OutFieldPlan] {
    let variants = &plan.output.objects[plan.output.root.index()].variants;
    variants.iter().find(|variant| variant.ty == root).map_or(&[], |variant| &variant.fields)
}

/// The initial capacity for an answer without data of services, in bytes.
const SMALL: usize = 256;
/// The initial capacity for an answer with data of services, in bytes.
const USUAL: usize = 4_096;

impl<'a> Writer<'a> {
    /// A writer of the whole answer.
    pub(super) fn new(source: &Source<'a>) -> Self {
        let Source { plan, arena, root, is_anonymous, inputs, introspection, locations, causes, bounds, spent } =
            *source;
        Self {
            plan,
            arena,
            is_anonymous,
            has_guarded: is_anonymous && !plan.output.guarded.is_empty(),
            inputs,
            introspection,
            root,
            out: Vec::with_capacity(if plan.steps.is_empty() { SMALL } else { USUAL }),
            meter: Meter::new(&bounds, spent),
            saved: Vec::new(),
            errors: Vec::new(),
            error_count: 0,
            codes: Vec::new(),
            path: Vec::new(),
            site: None,
            locations,
            place: None,
            causes,
            left: None,
            memo: Memo::new(plan, arena),
            piece: None,
        }
    }

    /// Makes the writer write every object anew, without copies.
    fn without_copies(mut self) -> Self {
        self.memo = Memo::none(self.plan, self.arena);
        self
    }

    /// Whether a field of the root makes the whole answer null. `None` if the slice is over, and the question must be
    /// repeated.
    pub(super) fn makes_void(&mut self, field: &'a OutFieldPlan) -> Option<bool> {
        self.meter.begin_slice();
        let root = At { frame: crate::plan::ROOT_FRAME, row: 0, ty: self.root };
        match self.field(field, root) {
            Err(Stop::Paused) => None,
            done => Some(done.is_err()),
        }
    }

    /// Writes the root object, or continues with it. Returns `false` if the slice is over.
    fn whole(&mut self) -> bool {
        let level = self.resume().unwrap_or_else(|| {
            self.out.extend_from_slice(b"{\"data\":");
            self.level(0)
        });
        let root = At { frame: crate::plan::ROOT_FRAME, row: 0, ty: self.root };
        let is_begun = !self.saved.is_empty();
        match self.object(self.plan.output.root, root, is_begun) {
            Ok(_) => {}
            Err(Stop::Paused) => return self.pause(level),
            Err(Stop::Nulled | Stop::Over) => {
                self.back_to(level.left);
                self.out.truncate(level.mark);
                self.out.extend_from_slice(b"null");
            }
        }
        self.unplaced();
        if !self.errors.is_empty() {
            self.out.extend_from_slice(b",\"errors\":[");
            self.out.append(&mut self.errors);
            self.out.push(b']');
        }
        true
    }

    /// Writes an object, or goes on with one that is begun.
    fn object(&mut self, id: OutId, at: At, is_begun: bool) -> FieldResult {
        let object = &self.plan.output.objects[id.index()];
        let variant = match object.variants.as_slice() {
            [variant] if variant.ty == at.ty => variant,
            variants => match variants.iter().find(|variant| variant.ty == at.ty) {
                Some(variant) => variant,
                None if object.others == Others::Omit => return Ok(Done::Omitted),
                None => return Err(Stop::Nulled),
            },
        };
        if self.left.is_some() {
            return self.object_in_parts(id, at, &variant.fields);
        }
        if !is_begun {
            self.count_leaves(variant.leaves)?;
            self.out.push(b'{');
        }
        self.entries(&variant.fields, at)?;
        self.out.push(b'}');
        Ok(Done::Written)
    }

    fn entries(&mut self, fields: &'a [OutFieldPlan], at: At) -> Result<(), Stop> {
        if self.path.is_empty() { self.root_fields(fields, at) } else { self.fields(fields, at) }
    }

    fn fields(&mut self, fields: &'a [OutFieldPlan], at: At) -> Result<(), Stop> {
        let mut next = 0;
        if let Some(level) = self.resume() {
            next = level.next + 1;
            self.field_at(level.next, fields, at)?;
        }
        for number in next..fields.len() {
            let field = &fields[number];
            if number > 0 {
                self.out.push(b',');
            }
            self.out.extend_from_slice(field.key.as_bytes());
            if !self.plain_leaf(field, at) {
                self.field_at(number, fields, at)?;
            }
        }
        Ok(())
    }

    /// Writes the value of one of an object's entries, or continues with it.
    #[inline]
    fn field_at(&mut self, number: usize, fields: &'a [OutFieldPlan], at: At) -> Result<(), Stop> {
        let done = self.field(&fields[number], at);
        done.map_err(|stop| self.stopped(stop, || Level { next: number, ..Level::default() }))
    }

    /// Writes the fields of the root. A field that reaches a bound of the answer becomes null, and the others stay.
    fn root_fields(&mut self, fields: &'a [OutFieldPlan], at: At) -> Result<(), Stop> {
        let mut resumed = self.resume();
        let first = resumed.map_or(0, |level| level.next);
        for (number, field) in fields.iter().enumerate().skip(first) {
            let level = resumed.take().unwrap_or_else(|| {
                if number > 0 {
                    self.out.push(b',');
                }
                self.out.extend_from_slice(field.key.as_bytes());
                self.level(number)
            });
            let done = match self.meter.is_late() && self.saved.is_empty() {
                true => self.below(field, |this| this.over(0)),
                false => self.field(field, at),
            };
            // The lengths of short texts in the field were not checked before.
            let done = done.and_then(|()| self.below(field, |this| this.check_room(0)));
            match done {
                Err(Stop::Over) => self.absorb(Err(Stop::Nulled), level, instead_of(field)).map(drop)?,
                done => done.map_err(|stop| self.stopped(stop, || level))?,
            }
        }
        Ok(())
    }

    /// Writes the value of an entry whose key was written.
    fn field(&mut self, field: &'a OutFieldPlan, at: At) -> Result<(), Stop> {
        self.check_effort()?;
        match &field.kind {
            OutKindPlan::Typename(name) => self.out.extend_from_slice(name.as_bytes()),
            OutKindPlan::Introspection => {
                let text = self.introspection.and_then(|answers| answers.get(&*field.response_name));
                let text = text.map_or("null", String::as_str);
                self.below(field, |this| this.check_room(text.len()))?;
                self.out.extend_from_slice(text.as_bytes());
            }
            OutKindPlan::Refused { argument, nullable } => {
                self.below(field, |this| {
                    this.error(&Failure::new(
                        "BAD_USER_INPUT",
                        format!("null stands where the argument `{argument}` takes none"),
                    ));
                });
                if !nullable {
                    return Err(Stop::Nulled);
                }
                self.out.extend_from_slice(b"null");
            }
            OutKindPlan::Value { path, ty, .. } => {
                let goal = Goal { ty, field, non_null: 0, is_item: false };
                if self.below(field, |this| this.value(path, at, goal))? == Done::Omitted {
                    self.out.extend_from_slice(b"null");
                }
            }
        }
        Ok(())
    }

    /// Runs a function at a field's own path and site.
    fn below<T>(&mut self, field: &'a OutFieldPlan, act: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(PathPart::Name(&field.response_name));
        let outer = std::mem::replace(&mut self.site, field.site);
        let done = act(self);
        self.site = outer;
        self.path.pop();
        done
    }

    /// Writes the most common value, a short captured leaf that fits its type, without the work that only other values
    /// need. Returns `false` and writes nothing for any other value.
    #[inline]
    fn plain_leaf(&mut self, field: &OutFieldPlan, at: At) -> bool {
        let OutKindPlan::Value { path, ty, .. } = &field.kind else { return false };
        let ([HopPlan { nodes, index: None }], OutType::Leaf { leaf: kind, .. }) = (path.as_slice(), ty) else {
            return false;
        };
        let Some(&(_, node)) = nodes.iter().find(|(ty, _)| *ty == at.ty) else { return false };
        if self.is_anonymous && self.plan.output.authenticated[node.index()] {
            return false;
        }
        let Found { joins, value: FoundValue::Leaf(read) } = &self.plan.output.nodes[node.index()] else {
            return false;
        };
        let Some(span) = plain(self.arena, joins, read, (at.frame, at.row)) else { return false };
        let text = span.text(self.arena);
        text.len() <= SHORT && leaf::write(kind, text, &mut self.out)
    }

    /// Follows a path from an object and completes the value there.
    fn value(&mut self, path: &'a [HopPlan], at: At, mut goal: Goal<'a>) -> FieldResult {
        let Some((hop, rest)) = path.split_first() else { return self.complete_object(at, goal) };
        let node = match hop.nodes.as_slice() {
            [(ty, node)] if *ty == at.ty => *node,
            nodes => match nodes.iter().find(|(ty, _)| *ty == at.ty) {
                Some((_, node)) => *node,
                None => {
                    self.place = None;
                    return self.null(Goal { non_null: 0, ..goal });
                }
            },
        };
        goal.non_null = self.plan.output.non_null[node.index()];
        if self.is_anonymous && self.plan.output.authenticated[node.index()] {
            return self.unauthenticated(goal);
        }
        let found = &self.plan.output.nodes[node.index()];
        match follow(self.arena, &found.joins, at.frame, at.row) {
            RowLookUp::Row(frame, row) => self.found(&found.value, (frame, row), hop.index, rest, goal),
            RowLookUp::Null => {
                self.place = broken_join(self.arena, &found.joins, at);
                self.null(goal)
            }
            RowLookUp::Failed(error) => {
                self.place = None;
                self.failed(error, goal)
            }
        }
    }

    fn found(
        &mut self,
        value: &'a FoundValue,
        (frame, row): (FrameId, u32),
        pick: Option<u32>,
        rest: &'a [HopPlan],
        goal: Goal<'a>,
    ) -> FieldResult {
        let place = |slot: SlotId| Some(Place { frame, row, slot });
        match value {
            FoundValue::Leaf(read) => self.leaf_value((read, None), (frame, row), pick, goal),
            FoundValue::Leaves { read, most, .. } => self.leaf_value((read, *most), (frame, row), pick, goal),
            FoundValue::Object { tag: None, variants } => {
                self.below_object(rest, At { frame, row, ty: variants[0] }, goal)
            }
            FoundValue::Object { tag: Some(tag), variants } => match self.arena.get(frame, row, *tag) {
                Slot::Object(variant) => {
                    self.below_object(rest, At { frame, row, ty: variants[variant as usize] }, goal)
                }
                slot => {
                    self.place = place(*tag);
                    self.missing(slot, goal)
                }
            },
            FoundValue::List { slot, frame: items, item } => {
                self.place = place(*slot);
                match self.arena.get(frame, row, *slot) {
                    Slot::Rows { start, len } => self.list(|at| start + at, len, (*items, item), pick, rest, goal),
                    Slot::Indexed { start, len } => {
                        let arena = self.arena;
                        let rows = &arena.indices[start as usize..(start + len) as usize];
                        self.list(|at| rows[at as usize], len, (*items, item), pick, rest, goal)
                    }
                    slot => self.missing(slot, goal),
                }
            }
            FoundValue::Nothing => {
                self.place = None;
                self.null(goal)
            }
        }
    }

    /// Goes on from an object on a path, mostly its last one.
    #[inline]
    fn below_object(&mut self, rest: &'a [HopPlan], at: At, goal: Goal<'a>) -> FieldResult {
        if rest.is_empty() { self.complete_object(at, goal) } else { self.value(rest, at, goal) }
    }

    /// Completes a missing object or list.
    fn missing(&mut self, slot: Slot, goal: Goal<'a>) -> FieldResult {
        match slot {
            Slot::Failed(error) => self.failed(error, goal),
            _ => self.null(goal),
        }
    }

    /// Completes a list. This is not inlined, because the code that every value passes through would need more
    /// registers.
    #[inline(never)]
    fn list(
        &mut self,
        row: impl Fn(u32) -> u32,
        len: u32,
        (frame, item): (FrameId, &'a FoundValue),
        pick: Option<u32>,
        rest: &'a [HopPlan],
        goal: Goal<'a>,
    ) -> FieldResult {
        if let Some(pick) = pick {
            return match pick < len {
                true => self.found(item, (frame, row(pick)), None, rest, Goal { non_null: goal.non_null >> 1, ..goal }),
                // The list may have fewer items.
                false => self.null(Goal { non_null: 0, ..goal }),
            };
        }
        let OutType::List { of, .. } = goal.ty else { return self.mismatch(goal, None) };
        let inner = goal.of_items(of);
        let resumed = self.resume();
        let Level { next, mut number, mark, item: mut begun, left, .. } = resumed.unwrap_or_else(|| self.level(0));
        let mut is_resumed = resumed.is_some();
        if !is_resumed {
            self.out.push(b'[');
        }
        for at in next as u32..len {
            // The index is that in the client's list, in which dropped items are not counted.
            self.path.push(PathPart::Index(number));
            // The item at which the pause came was counted before the pause. It was begun if the pause came within it.
            let is_resumed = std::mem::take(&mut is_resumed);
            let is_allowed = if is_resumed { Ok(()) } else { self.count_item() };
            let done = is_allowed.and_then(|()| {
                if !is_resumed || self.saved.is_empty() {
                    begun = self.out.len();
                    if number > 0 {
                        self.out.push(b',');
                    }
                }
                self.found(item, (frame, row(at)), None, rest, inner)
            });
            self.path.pop();
            match done {
                Ok(Done::Written) => number += 1,
                Ok(Done::Omitted) => self.cut(begun),
                Err(stop) => {
                    let level = Level { next: at as usize, number, mark, item: begun, left, ..Level::default() };
                    return self.absorb(Err(stop), level, goal.instead());
                }
            }
        }
        self.out.push(b']');
        Ok(Done::Written)
    }

    /// Not inlined, for the same reason.
    #[inline(never)]
    fn complete_object(&mut self, at: At, goal: Goal<'a>) -> FieldResult {
        let OutType::Object { id, nullable } = goal.ty else { return self.mismatch(goal, None) };
        if self.has_guarded && self.plan.output.guarded.contains(&at.ty) {
            return self.unauthenticated(goal);
        }
        // These are kept in variables; a level is made of them only if the object fails or is paused.
        let resumed = self.resume();
        let is_begun = resumed.is_some();
        let (mark, left, errors, values) = match resumed {
            Some(level) => (level.mark, level.left, level.errors, level.values),
            None => {
                if let Some((equal, values)) = self.memo.find(*id, at) {
                    self.meter.values += u64::from(values);
                    self.check_room(equal.len())?;
                    self.out.extend_from_within(equal);
                    return Ok(Done::Written);
                }
                (self.out.len(), self.mark(), self.error_count, self.meter.values)
            }
        };
        let done = self.object(*id, at, is_begun);
        if matches!(done, Ok(Done::Written)) && self.error_count == errors && errors < MAX_ERRORS {
            self.memo.keep(*id, at, mark..self.out.len(), self.meter.values - values);
        }
        match done {
            Ok(done) => Ok(done),
            done => {
                if done == Err(Stop::Nulled) && !nullable && self.error_count == errors {
                    // The object has a type that the client does not know. GraphQL §6.4.4 requires an error where null
                    // is not allowed.
                    let message = format!("cannot return null for the non-null field `{}`", goal.coordinate());
                    self.error(&Failure::new("NULL_IN_NON_NULL", message));
                }
                let level = Level { mark, left, errors, values, ..Level::default() };
                self.absorb(done, level, nullable.then_some("null"))
            }
        }
    }

    fn leaf_value(
        &mut self,
        (read, most): (&'a LeafRead, Option<u64>),
        (frame, row): (FrameId, u32),
        pick: Option<u32>,
        goal: Goal<'a>,
    ) -> FieldResult {
        let arena = self.arena;
        self.place = slot_of(read).map(|slot| Place { frame, row, slot });
        if !read.then.is_empty() || read.or.is_some() || pick.is_some() {
            self.meter.effort += self.effort(read, (frame, row));
        }
        match token(arena, read, (frame, row), self.inputs) {
            Token::Text(text) => match pick {
                None => self.leaf(&text, most, goal),
                Some(pick) => match Items::of(&text, 0).and_then(|mut items| items.nth(pick as usize)) {
                    Some(item) => self.leaf(item, None, Goal { non_null: goal.non_null >> 1, ..goal }),
                    None => self.null(Goal { non_null: 0, ..goal }),
                },
            },
            Token::Null => self.null(goal),
            Token::Failed(error) => self.failed(error, goal),
        }
    }

    /// How many bytes are read anew each time the leaf is written.
    fn effort(&self, read: &LeafRead, (frame, row): (FrameId, u32)) -> usize {
        let own = match read.source {
            LeafSource::Slot(slot) => match self.arena.get(frame, row, slot) {
                Slot::Text { len, .. } => len as usize,
                _ => 0,
            },
            LeafSource::Constant(_) | LeafSource::Input(..) => 0,
        };
        own + read.or.as_ref().map_or(0, |or| self.effort(or, (frame, row)))
    }

    /// Completes a leaf, or a list of at most `most` leaves, from its JSON text.
    fn leaf(&mut self, text: &[u8], most: Option<u64>, goal: Goal<'a>) -> FieldResult {
        if text == b"null" {
            return self.null(goal);
        }
        match goal.ty {
            OutType::Leaf { leaf: kind, .. } => {
                if text.len() > SHORT {
                    self.meter.effort += text.len();
                    self.check_room(text.len())?;
                }
                if leaf::write(kind, text, &mut self.out) {
                    return Ok(Done::Written);
                }
                let message = match kind {
                    Leaf::Enum(_) => format!("`{}` is not one of its values", goal.coordinate()),
                    _ => format!("`{}` is not of its type", goal.coordinate()),
                };
                let expected = Expectation { what: expected(goal.ty).into(), text: Some(text) };
                self.error_because(&Failure::new("UPSTREAM_SHAPE", message), Some(expected));
                self.failing(goal)
            }
            OutType::List { of, .. } => self.leaves(text, most, goal.of_items(of), goal),
            OutType::Object { .. } => self.mismatch(goal, Some(text)),
        }
    }

    /// Completes a list of leaves that was captured as one text.
    fn leaves(&mut self, text: &[u8], most: Option<u64>, inner: Goal<'a>, goal: Goal<'a>) -> FieldResult {
        let resumed = self.resume();
        let mut level = resumed.unwrap_or_else(|| self.level(0));
        let Some(mut items) = Items::of(text, level.next) else { return self.mismatch(goal, Some(text)) };
        // The item at which the writer has paused was counted before the pause.
        let mut is_counted = resumed.is_some();
        let mut is_inside = is_counted && !self.saved.is_empty();
        if !is_counted {
            self.out.push(b'[');
        }
        loop {
            level.next = items.at();
            let Some(item) = items.next() else { break };
            if most.is_some_and(|most| level.number as u64 >= most) {
                let message = format!("the service answered with more than {} items", level.number);
                self.error(&Failure::new("UPSTREAM_LIST_TOO_LONG", message));
                return self.absorb(Err(Stop::Nulled), level, goal.instead());
            }
            self.path.push(PathPart::Index(level.number));
            let is_allowed = if std::mem::take(&mut is_counted) { Ok(()) } else { self.count_item() };
            let done = is_allowed.and_then(|()| {
                if level.number > 0 && !std::mem::take(&mut is_inside) {
                    self.out.push(b',');
                }
                self.leaf(item, None, inner)
            });
            self.path.pop();
            match done {
                Ok(_) => level.number += 1,
                Err(Stop::Paused) => {
                    self.saved.push(level);
                    return Err(Stop::Paused);
                }
                Err(stop) => return self.absorb(Err(stop), level, goal.instead()),
            }
            is_inside = false;
        }
        self.out.push(b']');
        Ok(Done::Written)
    }

    /// Completes a value that has failed: with the default, or with null if it is allowed.
    fn failing(&mut self, goal: Goal<'a>) -> FieldResult {
        let level = self.level(0);
        self.absorb(Err(Stop::Nulled), level, goal.instead())
    }

    /// Replaces a value that could not be completed, for example by null. With `None`, nothing is allowed there. The
    /// level of a paused value is saved.
    #[cold]
    fn absorb(&mut self, done: FieldResult, level: Level, instead: Option<&str>) -> FieldResult {
        match (done, instead) {
            (Err(Stop::Nulled), Some(instead)) => {
                self.back_to(level.left);
                self.cut(level.mark);
                self.out.extend_from_slice(instead.as_bytes());
                Ok(Done::Written)
            }
            (Err(stop), _) => Err(self.stopped(stop, || level)),
            (done, _) => done,
        }
    }

    /// Removes what was written after a mark.
    fn cut(&mut self, mark: usize) {
        self.out.truncate(mark);
        self.memo.cut(mark);
    }

    fn null(&mut self, goal: Goal<'a>) -> FieldResult {
        if goal.non_null & 1 == 1 && goal.instead().is_some() {
            // A null that the graph forbids is reported even if the client's type allows it (rule 4 of views).
            let message = format!("a value that must not be null is null behind `{}`", goal.coordinate());
            let expected = Expectation { what: expected(goal.ty).into(), text: None };
            self.error_because(&Failure::new("NULL_IN_NON_NULL", message), Some(expected));
        }
        if let Some(instead) = goal.instead() {
            self.out.extend_from_slice(instead.as_bytes());
            return Ok(Done::Written);
        }
        let message = format!("cannot return null for the non-null field `{}`", goal.coordinate());
        let expected = Expectation { what: expected(goal.ty).into(), text: None };
        self.error_because(&Failure::new("NULL_IN_NON_NULL", message), Some(expected));
        Err(Stop::Nulled)
    }

    fn failed(&mut self, error: u32, goal: Goal<'a>) -> FieldResult {
        let arena = self.arena;
        self.error(&arena.failures[error as usize]);
        self.failing(goal)
    }

    /// Fails an `@authenticated` value, because the caller is not signed in.
    fn unauthenticated(&mut self, goal: Goal<'a>) -> FieldResult {
        self.error(&Failure::new("UNAUTHENTICATED", "this needs a caller who is signed in"));
        self.failing(goal)
    }

    /// Fails a value that is not of its type. `text`: the value's own text, if it was read as a leaf.
    fn mismatch(&mut self, goal: Goal<'a>, text: Option<&[u8]>) -> FieldResult {
        let message = format!("`{}` is not of its type", goal.coordinate());
        let expected = text.map(|text| Expectation { what: expected(goal.ty).into(), text: Some(text) });
        self.error_because(&Failure::new("UPSTREAM_SHAPE", message), expected);
        self.failing(goal)
    }

    /// Reports the errors that belong to no value, each once and without a path.
    fn unplaced(&mut self) {
        let arena = self.arena;
        let told = self.left.as_mut().map_or(0, |left| std::mem::replace(&mut left.told, arena.unplaced.len()));
        let path = std::mem::take(&mut self.path);
        self.site = None;
        for &error in &arena.unplaced[told..] {
            self.error(&arena.failures[error as usize]);
        }
        self.path = path;
    }

    fn error(&mut self, failure: &Failure) {
        self.error_because(failure, None);
    }

    /// Reports an error and its cause. `expected`: what the current value should have been.
    fn error_because(&mut self, failure: &Failure, expected: Option<Expectation<'_>>) {
        if self.error_count < MAX_ERRORS && self.errors.len() < MAX_ERROR_BYTES {
            self.report(failure, expected);
        }
    }

    fn report(&mut self, failure: &Failure, expected: Option<Expectation<'_>>) {
        self.error_count += 1;
        self.codes.push(failure.code.clone());
        let path = self.path.iter().map(|part| match part {
            PathPart::Name(name) => Value::from(*name),
            PathPart::Index(index) => Value::from(*index),
        });
        let mut extensions = serde_json::json!({ "code": failure.code });
        // In production, clients are not told which services there are.
        if let Some(service) = failure.service.as_ref().filter(|_| self.causes.are_shown()) {
            extensions["service"] = Value::from(&**service);
        }
        if let Some(cause) = self.causes.tell(failure, self.place, expected) {
            extensions["cause"] = cause;
        }
        let mut error = serde_json::json!({ "message": failure.message });
        if let Some((line, column)) = self.site.and_then(|site| self.locations.get(site.index())) {
            error["locations"] = serde_json::json!([{ "line": line, "column": column }]);
        }
        if !self.path.is_empty() {
            error["path"] = path.collect();
        }
        error["extensions"] = extensions;
        if !self.errors.is_empty() {
            self.errors.push(b',');
        }
        self.errors.extend_from_slice(error.to_string().as_bytes());
    }
}

/// The place of the first join, on the way to a row, that leads to no row.
fn broken_join(arena: &Arena, joins: &[Join], at: At) -> Option<Place> {
    let (mut frame, mut row) = (at.frame, at.row);
    for join in joins {
        match arena.get(frame, row, join.slot) {
            Slot::Row(next) => (frame, row) = (join.frame, next),
            _ => return Some(Place { frame, row, slot: join.slot }),
        }
    }
    None
}

/// A description of a type's values, for causes.
fn expected(ty: &OutType) -> &'static str {
    match ty {
        OutType::List { .. } => "a list",
        OutType::Object { .. } => "an object",
        OutType::Leaf { leaf, .. } => match leaf {
            Leaf::Int => "a 32-bit integer",
            Leaf::Float => "a finite number",
            Leaf::Boolean => "a boolean",
            Leaf::String => "a string",
            Leaf::Id => "a string or an integer",
            Leaf::Enum(_) => "a string that is one of the enum's values",
            Leaf::Custom(_) => "a value of the scalar",
        },
    }
}

/// The text that replaces the value of a field that cannot be completed.
fn instead_of(field: &OutFieldPlan) -> Option<&str> {
    match &field.kind {
        OutKindPlan::Value { default: Some(default), .. } => Some(default),
        _ => field.is_nullable().then_some("null"),
    }
}

fn is_nullable(ty: &OutType) -> bool {
    ty.is_nullable()
}

/// Whether an entry is a leaf, or a list of leaves.
fn is_leaf(field: &OutFieldPlan) -> bool {
    field.object().is_none()
}
