//! Completion: the answer's bytes, in selection order, by the client's types (GraphQL §6.4.3).
//!
//! One pass. A value that cannot be completed is an `Err` up to the nearest nullable position, which truncates
//! the buffer to its mark and writes `null` (§6.4.4). Errors carry the client's path.

mod parts;

pub(super) use parts::{Left, PathStep, write_leaving, write_piece};

use super::arena::{Arena, Failure, Slot};
use super::cause::{Causes, Expected, Place};
use super::leaf;
use super::memo::{At, Memo};
use super::read::{Reached, Token, follow, plain, token};
use crate::compose::{Input, TypeId};
use crate::operation::{Leaf, Locations, Others, OutType, Site};
use crate::plan::{
    Found, FoundValue, FrameId, HopPlan, Join, LeafRead, LeafSource, OutFieldPlan, OutKindPlan, Plan, StepId,
};
use serde_json::Value;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

/// Most errors that one answer reports.
const MAX_ERRORS: u32 = 1_000;

/// The nearest nullable position becomes null.
#[derive(Debug)]
struct Nulled;

/// What was written.
#[derive(Debug, PartialEq, Eq)]
enum Done {
    Written,
    /// A member that its list drops.
    Omitted,
}

type Completed = Result<Done, Nulled>;

#[derive(Debug, Clone, Copy)]
enum PathPart<'a> {
    Name(&'a str),
    Index(usize),
}

/// What a value is completed by.
#[derive(Clone, Copy)]
struct Goal<'a> {
    ty: &'a OutType,
    default: Option<&'a str>,
    coordinate: &'a str,
}

pub(super) struct Writer<'a> {
    plan: &'a Plan,
    arena: &'a Arena,
    is_anonymous: bool,
    inputs: &'a dyn Fn(StepId, &Input) -> Option<String>,
    introspection: Option<&'a HashMap<String, String>>,
    out: Vec<u8>,
    errors: Vec<u8>,
    error_count: u32,
    codes: Vec<Cow<'static, str>>,
    path: Vec<PathPart<'a>>,
    /// Where the field at hand stands in the client's document.
    site: Option<Site>,
    locations: &'a Locations,
    /// Where the value at hand is looked for in the arena, for causes.
    place: Option<Place>,
    causes: &'a Causes<'a>,
    memo: Memo<'a>,
    /// Answers in parts: what is left out.
    left: Option<&'a mut Left>,
}

/// A written answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Written {
    /// `{"data":…` and `errors`, without the closing brace.
    pub(super) body: Vec<u8>,
    pub(super) errors: u32,
    /// The code of each error.
    pub(super) codes: Vec<Cow<'static, str>>,
}

/// What an answer is written from.
pub(super) struct Source<'a> {
    pub(super) plan: &'a Plan,
    pub(super) arena: &'a Arena,
    /// The graph's root type.
    pub(super) root: TypeId,
    /// Does nobody vouch for the caller? Then `@authenticated` fields are errors.
    pub(super) is_anonymous: bool,
    pub(super) inputs: &'a dyn Fn(StepId, &Input) -> Option<String>,
    pub(super) introspection: Option<&'a HashMap<String, String>>,
    /// By site.
    pub(super) locations: &'a Locations,
    pub(super) causes: &'a Causes<'a>,
}

/// Writes the answer.
pub(super) fn write(source: &Source<'_>) -> Written {
    let written = Writer::new(source).whole(source.root);
    #[cfg(test)]
    assert_eq!(written, Writer::new(source).without_copies().whole(source.root), "copies change the answer");
    written
}

/// The fields of the answer's root.
pub(super) fn root_fields(plan: &Plan, root: TypeId) -> &[OutFieldPlan] {
    let variants = &plan.output.objects[plan.output.root as usize].variants;
    variants.iter().find(|(ty, _)| *ty == root).map_or(&[], |(_, fields)| fields)
}

/// Whether one of some fields of the root makes the whole answer null.
pub(super) fn is_void<'a>(source: &Source<'a>, fields: Range<usize>, left: &'a mut Left) -> bool {
    let fields = root_fields(source.plan, source.root).get(fields).unwrap_or_default();
    if fields.iter().all(is_field_nullable) {
        return false;
    }
    let mut writer = Writer::new(source).without_copies();
    if source.plan.deferred.is_some() {
        writer.left = Some(left);
    }
    let root = At { frame: crate::plan::ROOT_FRAME, row: 0, ty: source.root };
    fields.iter().filter(|field| !is_field_nullable(field)).any(|field| writer.field(field, root).is_err())
}

/// Room for an answer without data of services, in bytes; longer ones grow.
const SMALL: usize = 256;
/// Room for an answer with data of services, in bytes; longer ones grow.
const USUAL: usize = 4_096;

impl<'a> Writer<'a> {
    fn new(source: &Source<'a>) -> Self {
        let Source { plan, arena, root: _, is_anonymous, inputs, introspection, locations, causes } = *source;
        Self {
            plan,
            arena,
            is_anonymous,
            inputs,
            introspection,
            out: Vec::with_capacity(if plan.steps.is_empty() { SMALL } else { USUAL }),
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
        }
    }

    /// Writes every object anew.
    fn without_copies(mut self) -> Self {
        self.memo = Memo::none(self.plan, self.arena);
        self
    }

    fn whole(mut self, root: TypeId) -> Written {
        self.out.extend_from_slice(b"{\"data\":");
        let (mark, left) = (self.out.len(), self.mark());
        let root = At { frame: crate::plan::ROOT_FRAME, row: 0, ty: root };
        if self.object(self.plan.output.root, root).is_err() {
            self.back_to(left);
            self.out.truncate(mark);
            self.out.extend_from_slice(b"null");
        }
        if self.error_count > 0 {
            self.out.extend_from_slice(b",\"errors\":[");
            self.out.append(&mut self.errors);
            self.out.push(b']');
        }
        Written { body: self.out, errors: self.error_count, codes: self.codes }
    }

    fn object(&mut self, id: u32, at: At) -> Completed {
        let object = &self.plan.output.objects[id as usize];
        let fields = match object.variants.as_slice() {
            [(ty, fields)] if *ty == at.ty => fields,
            variants => match variants.iter().find(|(ty, _)| *ty == at.ty) {
                Some((_, fields)) => fields,
                None if object.others == Others::Omit => return Ok(Done::Omitted),
                None => return Err(Nulled),
            },
        };
        self.out.push(b'{');
        if self.left.is_some() {
            self.leave_out(id, at, fields.is_empty())?;
        }
        self.fields(fields, at)?;
        self.out.push(b'}');
        Ok(Done::Written)
    }

    fn fields(&mut self, fields: &'a [OutFieldPlan], at: At) -> Result<(), Nulled> {
        for (number, field) in fields.iter().enumerate() {
            if number > 0 {
                self.out.push(b',');
            }
            self.out.extend_from_slice(field.key.as_bytes());
            self.field(field, at)?;
        }
        Ok(())
    }

    fn field(&mut self, field: &'a OutFieldPlan, at: At) -> Result<(), Nulled> {
        match &field.kind {
            OutKindPlan::Typename(name) => self.out.extend_from_slice(name.as_bytes()),
            OutKindPlan::Introspection => {
                let text = self.introspection.and_then(|answers| answers.get(&*field.response_name));
                self.out.extend_from_slice(text.map_or("null", String::as_str).as_bytes());
            }
            OutKindPlan::Refused { argument, nullable } => {
                self.path.push(PathPart::Name(&field.response_name));
                let outer = std::mem::replace(&mut self.site, field.site);
                self.error(&Failure::new(
                    "BAD_USER_INPUT",
                    format!("null stands where the argument `{argument}` takes none"),
                ));
                self.site = outer;
                self.path.pop();
                if !nullable {
                    return Err(Nulled);
                }
                self.out.extend_from_slice(b"null");
            }
            OutKindPlan::Value { path, ty, default } => {
                if self.plain_leaf(path, ty, at) {
                    return Ok(());
                }
                self.path.push(PathPart::Name(&field.response_name));
                let outer = std::mem::replace(&mut self.site, field.site);
                let goal = Goal { ty, default: default.as_deref(), coordinate: &field.coordinate };
                let done = self.value(path, at, goal);
                self.site = outer;
                self.path.pop();
                if done? == Done::Omitted {
                    self.out.extend_from_slice(b"null");
                }
            }
        }
        Ok(())
    }

    /// Writes the most common value, a captured leaf that fits its type, without what only other values need.
    /// `false`: it is not that; nothing was written.
    fn plain_leaf(&mut self, path: &[HopPlan], ty: &OutType, at: At) -> bool {
        let ([HopPlan { nodes, index: None }], OutType::Leaf { leaf: kind, .. }) = (path, ty) else { return false };
        let Some(&(_, node)) = nodes.iter().find(|(ty, _)| *ty == at.ty) else { return false };
        if self.is_anonymous && self.plan.output.authenticated[node as usize] {
            return false;
        }
        let Found { joins, value: FoundValue::Leaf(read) } = &self.plan.output.nodes[node as usize] else {
            return false;
        };
        let text = plain(self.arena, joins, read, (at.frame, at.row));
        text.is_some_and(|text| leaf::write(kind, text, &mut self.out))
    }

    /// Follows a path from an object and completes what is there.
    fn value(&mut self, path: &'a [HopPlan], at: At, goal: Goal<'a>) -> Completed {
        let Some((hop, rest)) = path.split_first() else { return self.complete_object(at, goal) };
        let node = match hop.nodes.as_slice() {
            [(ty, node)] if *ty == at.ty => *node,
            nodes => match nodes.iter().find(|(ty, _)| *ty == at.ty) {
                Some((_, node)) => *node,
                None => return self.null(goal),
            },
        };
        if self.is_anonymous && self.plan.output.authenticated[node as usize] {
            return self.unauthenticated(goal);
        }
        let found = &self.plan.output.nodes[node as usize];
        match follow(self.arena, &found.joins, at.frame, at.row) {
            Reached::Row(frame, row) => self.found(&found.value, (frame, row), hop.index, rest, goal),
            Reached::Null => {
                self.place = broken_join(self.arena, &found.joins, at);
                self.null(goal)
            }
            Reached::Failed(error) => {
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
    ) -> Completed {
        self.place = match value {
            FoundValue::Leaf(LeafRead { source: LeafSource::Slot(slot), .. })
            | FoundValue::Object { tag: Some(slot), .. }
            | FoundValue::List { slot, .. } => Some(Place { frame, row, slot: *slot }),
            _ => None,
        };
        match value {
            FoundValue::Leaf(read) => self.leaf_value(read, (frame, row), pick, goal),
            FoundValue::Object { tag: None, variants } => self.value(rest, At { frame, row, ty: variants[0] }, goal),
            FoundValue::Object { tag: Some(tag), variants } => match self.arena.get(frame, row, *tag) {
                Slot::Object(variant) => self.value(rest, At { frame, row, ty: variants[variant as usize] }, goal),
                Slot::Failed(error) => self.failed(error, goal),
                _ => self.null(goal),
            },
            FoundValue::List { slot, frame: items, item } => match self.arena.get(frame, row, *slot) {
                Slot::Rows { start, len } => {
                    self.list((0..len).map(|at| start + at), len, (*items, item), pick, rest, goal)
                }
                Slot::Indexed { start, len } => {
                    let arena = self.arena;
                    let rows = &arena.indices[start as usize..(start + len) as usize];
                    self.list(rows.iter().copied(), len, (*items, item), pick, rest, goal)
                }
                Slot::Failed(error) => self.failed(error, goal),
                _ => self.null(goal),
            },
            FoundValue::Nothing => self.null(goal),
        }
    }

    fn list(
        &mut self,
        mut rows: impl Iterator<Item = u32>,
        len: u32,
        (frame, item): (FrameId, &'a FoundValue),
        pick: Option<u32>,
        rest: &'a [HopPlan],
        goal: Goal<'a>,
    ) -> Completed {
        if let Some(pick) = pick {
            return match rows.nth(pick as usize) {
                Some(row) if pick < len => self.found(item, (frame, row), None, rest, goal),
                _ => self.null(goal),
            };
        }
        let OutType::List { of, .. } = goal.ty else { return self.mismatch(goal, None) };
        let inner = Goal { ty: of, default: None, ..goal };
        self.nullable(goal.ty, |this| {
            this.out.push(b'[');
            let start = this.out.len();
            // Of what the client gets: dropped members are not counted.
            let mut number = 0;
            for row in rows {
                let mark = this.out.len();
                if mark > start {
                    this.out.push(b',');
                }
                this.path.push(PathPart::Index(number));
                let done = this.found(item, (frame, row), None, rest, inner);
                this.path.pop();
                match done? {
                    Done::Written => number += 1,
                    Done::Omitted => this.cut(mark),
                }
            }
            this.out.push(b']');
            Ok(Done::Written)
        })
    }

    fn complete_object(&mut self, at: At, goal: Goal<'a>) -> Completed {
        let OutType::Object { id, nullable } = goal.ty else { return self.mismatch(goal, None) };
        if self.is_anonymous && self.plan.output.guarded.contains(&at.ty) {
            return self.unauthenticated(goal);
        }
        if let Some(equal) = self.memo.find(id.0, at) {
            self.out.extend_from_within(equal);
            return Ok(Done::Written);
        }
        let (mark, left, errors) = (self.out.len(), self.mark(), self.error_count);
        let done = self.object(id.0, at);
        if matches!(done, Ok(Done::Written)) && self.error_count == errors && errors < MAX_ERRORS {
            self.memo.keep(id.0, at, mark..self.out.len());
        }
        if done.is_err() && !nullable && self.error_count == errors {
            // Of a type that the client does not know; §6.4.4 wants an error where null cannot stand.
            let message = format!("cannot return null for the non-null field `{}`", goal.coordinate);
            self.error(&Failure::new("NULL_IN_NON_NULL", message));
        }
        self.absorb(done, (mark, left), *nullable)
    }

    fn leaf_value(
        &mut self,
        read: &'a LeafRead,
        (frame, row): (FrameId, u32),
        pick: Option<u32>,
        goal: Goal<'a>,
    ) -> Completed {
        let arena = self.arena;
        match token(arena, read, (frame, row), self.inputs) {
            Token::Text(text) => match pick {
                None => self.leaf(&text, goal),
                Some(pick) => {
                    let items: Vec<&RawValue> = serde_json::from_slice(&text).unwrap_or_default();
                    match items.get(pick as usize) {
                        Some(item) => self.leaf(item.get().as_bytes(), goal),
                        None => self.null(goal),
                    }
                }
            },
            Token::Null => self.null(goal),
            Token::Failed(error) => self.failed(error, goal),
        }
    }

    /// Completes a leaf, or a list of leaves, from its JSON text.
    fn leaf(&mut self, text: &[u8], goal: Goal<'a>) -> Completed {
        if text == b"null" {
            return self.null(goal);
        }
        match goal.ty {
            OutType::Leaf { leaf: kind, .. } => {
                if leaf::write(kind, text, &mut self.out) {
                    return Ok(Done::Written);
                }
                let message = match kind {
                    Leaf::Enum(_) => format!("`{}` is not one of its values", goal.coordinate),
                    _ => format!("`{}` is not of its type", goal.coordinate),
                };
                let expected = Expected { what: expected(goal.ty).into(), text: Some(text) };
                self.error_because(&Failure::new("UPSTREAM_SHAPE", message), Some(expected));
                self.nullable(goal.ty, |_| Err(Nulled))
            }
            OutType::List { of, .. } => {
                let Ok(items) = serde_json::from_slice::<Vec<&RawValue>>(text) else {
                    return self.mismatch(goal, Some(text));
                };
                let inner = Goal { ty: of, default: None, ..goal };
                self.nullable(goal.ty, |this| {
                    this.out.push(b'[');
                    for (number, item) in items.iter().enumerate() {
                        if number > 0 {
                            this.out.push(b',');
                        }
                        this.path.push(PathPart::Index(number));
                        let done = this.leaf(item.get().as_bytes(), inner);
                        this.path.pop();
                        done?;
                    }
                    this.out.push(b']');
                    Ok(Done::Written)
                })
            }
            OutType::Object { .. } => self.mismatch(goal, Some(text)),
        }
    }

    /// Runs a completion whose failure a nullable position absorbs.
    fn nullable(&mut self, ty: &OutType, complete: impl FnOnce(&mut Self) -> Completed) -> Completed {
        let (mark, left) = (self.out.len(), self.mark());
        let done = complete(self);
        self.absorb(done, (mark, left), is_nullable(ty))
    }

    /// At a nullable position, what could not be completed becomes null.
    fn absorb(&mut self, done: Completed, (mark, left): (usize, Option<parts::Mark>), nullable: bool) -> Completed {
        match done {
            Err(Nulled) if nullable => {
                self.back_to(left);
                self.cut(mark);
                self.out.extend_from_slice(b"null");
                Ok(Done::Written)
            }
            done => done,
        }
    }

    /// Takes back what was written behind a mark.
    fn cut(&mut self, mark: usize) {
        self.out.truncate(mark);
        self.memo.cut(mark);
    }

    fn null(&mut self, goal: Goal<'a>) -> Completed {
        if let Some(default) = goal.default {
            self.out.extend_from_slice(default.as_bytes());
            return Ok(Done::Written);
        }
        if is_nullable(goal.ty) {
            self.out.extend_from_slice(b"null");
            return Ok(Done::Written);
        }
        let message = format!("cannot return null for the non-null field `{}`", goal.coordinate);
        let expected = Expected { what: expected(goal.ty).into(), text: None };
        self.error_because(&Failure::new("NULL_IN_NON_NULL", message), Some(expected));
        Err(Nulled)
    }

    fn failed(&mut self, error: u32, goal: Goal<'a>) -> Completed {
        let arena = self.arena;
        self.error(&arena.failures[error as usize]);
        self.nullable(goal.ty, |_| Err(Nulled))
    }

    /// `@authenticated`, and nobody vouches for the caller.
    fn unauthenticated(&mut self, goal: Goal<'a>) -> Completed {
        self.error(&Failure::new("UNAUTHENTICATED", "this needs a caller who is signed in"));
        self.nullable(goal.ty, |_| Err(Nulled))
    }

    /// `text`: the value's own text, if it is one of a leaf.
    fn mismatch(&mut self, goal: Goal<'a>, text: Option<&[u8]>) -> Completed {
        let message = format!("`{}` is not of its type", goal.coordinate);
        let expected = text.map(|text| Expected { what: expected(goal.ty).into(), text: Some(text) });
        self.error_because(&Failure::new("UPSTREAM_SHAPE", message), expected);
        self.nullable(goal.ty, |_| Err(Nulled))
    }

    fn error(&mut self, failure: &Failure) {
        self.error_because(failure, None);
    }

    /// An error whose cause is told; `expected`: what the value at hand is not.
    fn error_because(&mut self, failure: &Failure, expected: Option<Expected<'_>>) {
        self.error_count += 1;
        if self.error_count > MAX_ERRORS {
            self.error_count = MAX_ERRORS;
            return;
        }
        self.codes.push(failure.code.clone());
        let path = self.path.iter().map(|part| match part {
            PathPart::Name(name) => Value::from(*name),
            PathPart::Index(index) => Value::from(*index),
        });
        let mut extensions = serde_json::json!({ "code": failure.code });
        if let Some(service) = &failure.service {
            extensions["service"] = Value::from(&**service);
        }
        if let Some(cause) = self.causes.tell(failure, self.place, expected) {
            extensions["cause"] = cause;
        }
        let mut error = serde_json::json!({ "message": failure.message });
        if let Some((line, column)) = self.site.and_then(|site| self.locations.get(site.index())) {
            error["locations"] = serde_json::json!([{ "line": line, "column": column }]);
        }
        error["path"] = path.collect();
        error["extensions"] = extensions;
        if !self.errors.is_empty() {
            self.errors.push(b',');
        }
        self.errors.extend_from_slice(error.to_string().as_bytes());
    }
}

/// The first join on the way to a row that leads nowhere.
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

/// What values a type has, in words for causes.
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

/// Whether a field absorbs what fails below it.
fn is_field_nullable(field: &OutFieldPlan) -> bool {
    match &field.kind {
        OutKindPlan::Typename(_) | OutKindPlan::Introspection => true,
        OutKindPlan::Refused { nullable, .. } => *nullable,
        OutKindPlan::Value { ty, .. } => is_nullable(ty),
    }
}

fn is_nullable(ty: &OutType) -> bool {
    match ty {
        OutType::List { nullable, .. } | OutType::Object { nullable, .. } | OutType::Leaf { nullable, .. } => *nullable,
    }
}
