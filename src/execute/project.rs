//! Projection: an upstream body is read once, straight into the arena; what no plan needs is skipped.
//!
//! In: a body and the step's [`Capture`]. Out: rows and slots in the [`Arena`].
//!
//! Always true:
//! - a body that is not JSON leaves no row behind;
//! - a value of the wrong type fails its own slots only;
//! - nesting is bounded by the parser's limit (128).

use super::arena::{Arena, Failure, Slot, index};
use super::leaf;
use crate::plan::{AbstractCapture, Capture, FrameId, ObjectCapture, PairingPlan, SlotId};
use bytes::Bytes;
use serde::Deserializer as _;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::collections::HashMap;
use std::fmt;

/// Keys of one step in canonical text, and their numbers.
pub(super) type KeyIndex = HashMap<Box<str>, u32, ahash::RandomState>;

/// How the items of a batched answer are paired with keys.
pub(super) struct Pairs<'a> {
    pub(super) pairing: PairingPlan,
    pub(super) keys: &'a KeyIndex,
    /// The frames to roll back when an item is nobody's.
    pub(super) frames: &'a [FrameId],
    /// By position: the first key of this call, and how many it asked for.
    pub(super) asked: (u32, u32),
    /// Key and row, in the answer's order; `None`: the item was null.
    pub(super) found: &'a mut Vec<(u32, Option<u32>)>,
}

/// Where a body goes.
pub(super) struct Target {
    pub(super) frame: FrameId,
    pub(super) row: u32,
}

/// Why a body leaves nothing behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Broken {
    /// It is not JSON.
    NotJson,
    /// Its items cannot be told apart, or there are none to be read: what it is instead.
    Items(&'static str),
}

/// Reads a body; the frames are as they were if it is of no use.
///
/// A batched answer is only of use as a whole: an item without a key could be anybody's, and a missing list would look
/// like entities that do not exist.
pub(super) fn project(
    capture: &Capture,
    arena: &mut Arena,
    body: &Bytes,
    target: Target,
    pairs: Option<Pairs<'_>>,
    frames: &[FrameId],
) -> Result<(), Broken> {
    let Ok(text) = std::str::from_utf8(body) else { return Err(Broken::NotJson) };
    let before: Vec<u32> = frames.iter().map(|&frame| arena.rows(frame)).collect();
    let number = arena.add_body(body.clone());
    let mut ctx = Ctx { arena, body: number, base: text.as_ptr() as usize, pairs, items: None, has_keyless: false };
    let mut parser = serde_json::Deserializer::from_str(text);
    let value = Value { capture, ctx: &mut ctx, frame: target.frame, row: target.row };
    let result = match value.deserialize(&mut parser).and_then(|()| parser.end()) {
        Ok(()) => ctx.check_items(),
        Err(_) => Err(Broken::NotJson),
    };
    if result.is_err() {
        for (&frame, rows) in frames.iter().zip(before) {
            arena.truncate(frame, rows);
        }
    }
    result
}

struct Ctx<'a, 'k> {
    arena: &'a mut Arena,
    body: u32,
    base: usize,
    pairs: Option<Pairs<'k>>,
    /// How many items the batched answer had; `None`: no list was met.
    items: Option<u32>,
    /// Was there an item without a key?
    has_keyless: bool,
}

impl Ctx<'_, '_> {
    fn check_items(&self) -> Result<(), Broken> {
        let Some(pairs) = &self.pairs else { return Ok(()) };
        match (self.items, pairs.pairing) {
            (_, PairingPlan::Single) => Ok(()),
            (None, _) => Err(Broken::Items("something else where a list was expected")),
            (Some(count), PairingPlan::Position) if count != pairs.asked.1 => {
                Err(Broken::Items("another number of items than was asked for"))
            }
            (Some(_), _) if self.has_keyless => Err(Broken::Items("an item that lacks its key")),
            (Some(_), _) => Ok(()),
        }
    }

    fn slot(&self, raw: &str) -> Slot {
        if raw == "null" {
            return Slot::Null;
        }
        Slot::Text { body: self.body, start: index(raw.as_ptr() as usize - self.base), len: index(raw.len()) }
    }

    /// Fails every slot of this row that a capture would have filled.
    fn fail(&mut self, capture: &Capture, frame: FrameId, row: u32, with: Slot) {
        match capture {
            Capture::Leaf(slot) | Capture::List { slot, .. } => self.arena.set(frame, row, *slot, with),
            Capture::Object(object) => self.fail_object(object, frame, row, with),
            Capture::Index { item, .. } => self.fail(item, frame, row, with),
            Capture::Abstract(of) => {
                self.arena.set(frame, row, of.tag, with);
            }
            Capture::Many(all) => all.iter().for_each(|capture| self.fail(capture, frame, row, with)),
            Capture::Items { .. } => {}
        }
    }

    fn fail_object(&mut self, object: &ObjectCapture, frame: FrameId, row: u32, with: Slot) {
        for &(tag, _) in &object.tags {
            self.arena.set(frame, row, tag, with);
        }
        for (_, capture) in &object.properties {
            self.fail(capture, frame, row, with);
        }
    }

    fn wrong_type(&mut self, wanted: &'static str, found: &'static str) -> Slot {
        let message = format!("the service answered with {found} where {wanted} was expected");
        self.arena.fail(Failure::new("UPSTREAM_SHAPE", message))
    }
}

/// A JSON value and what to keep of it.
struct Value<'p, 'c, 'a, 'k> {
    capture: &'p Capture,
    ctx: &'c mut Ctx<'a, 'k>,
    frame: FrameId,
    row: u32,
}

impl<'de> DeserializeSeed<'de> for Value<'_, '_, '_, '_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, parser: D) -> Result<(), D::Error> {
        match self.capture {
            Capture::Leaf(slot) => {
                let raw: &'de RawValue = serde::Deserialize::deserialize(parser)?;
                let value = self.ctx.slot(raw.get());
                self.ctx.arena.set(self.frame, self.row, *slot, value);
                Ok(())
            }
            Capture::Object(object) => {
                let visitor = Object { object, ctx: self.ctx, frame: self.frame, row: self.row };
                parser.deserialize_any(visitor)
            }
            Capture::Many(all) => {
                let raw: &'de RawValue = serde::Deserialize::deserialize(parser)?;
                for capture in all {
                    let value = Value { capture, ctx: &mut *self.ctx, frame: self.frame, row: self.row };
                    again(raw, value)?;
                }
                Ok(())
            }
            Capture::Abstract(of) => {
                let raw: &'de RawValue = serde::Deserialize::deserialize(parser)?;
                self.ctx.read_abstract(of, raw, self.frame, self.row)
            }
            Capture::List { .. } | Capture::Items { .. } | Capture::Index { .. } => parser.deserialize_any(List(self)),
        }
    }
}

/// Reads a text a second time.
fn again<E: serde::de::Error>(raw: &RawValue, value: Value<'_, '_, '_, '_>) -> Result<(), E> {
    let mut parser = serde_json::Deserializer::from_str(raw.get());
    value.deserialize(&mut parser).map_err(E::custom)
}

impl<'k> Ctx<'_, 'k> {
    fn read_abstract<E: serde::de::Error>(
        &mut self,
        of: &AbstractCapture,
        raw: &RawValue,
        frame: FrameId,
        row: u32,
    ) -> Result<(), E> {
        match raw.get().as_bytes().first() {
            Some(b'n') => {
                self.arena.set(frame, row, of.tag, Slot::Null);
                return Ok(());
            }
            Some(b'{') => {}
            _ => {
                let failed = self.wrong_type("an object", "something else");
                self.arena.set(frame, row, of.tag, failed);
                return Ok(());
            }
        }
        let mut found = None;
        let mut parser = serde_json::Deserializer::from_str(raw.get());
        Discriminator { path: &of.discriminator, found: &mut found }.deserialize(&mut parser).map_err(E::custom)?;
        let text = found
            .and_then(|raw: &RawValue| leaf::apply(raw.get().into(), &of.then))
            .and_then(|token| leaf::canonical(&token).map(std::borrow::Cow::into_owned));
        let case = text.and_then(|text| of.cases.iter().find(|(case, _)| *case == text).map(|&(_, variant)| variant));
        let Some(object) = case.and_then(|case| of.variants.get(case as usize)) else {
            let failure = Failure::new("UPSTREAM_SHAPE", "the service answered with an object of unknown type");
            let failed = self.arena.fail(failure);
            self.arena.set(frame, row, of.tag, failed);
            return Ok(());
        };
        let mut parser = serde_json::Deserializer::from_str(raw.get());
        (&mut parser).deserialize_any(Object { object, ctx: self, frame, row }).map_err(E::custom)
    }
}

/// Finds one value behind a path of properties.
struct Discriminator<'p, 'f, 'de> {
    path: &'p [String],
    found: &'f mut Option<&'de RawValue>,
}

impl<'de> DeserializeSeed<'de> for Discriminator<'_, '_, 'de> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, parser: D) -> Result<(), D::Error> {
        if self.path.is_empty() {
            *self.found = Some(serde::Deserialize::deserialize(parser)?);
            return Ok(());
        }
        parser.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Discriminator<'_, '_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Some((first, rest)) = self.path.split_first() else { return Ok(()) };
        while let Some(key) = map.next_key::<std::borrow::Cow<'de, str>>()? {
            if *key == **first {
                map.next_value_seed(Discriminator { path: rest, found: &mut *self.found })?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

/// Answers for the JSON kinds that a visitor does not want.
macro_rules! refuse {
    ($wanted:literal; $($method:ident($ty:ty) $what:literal)*) => {
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str($wanted)
        }
        $(fn $method<E: serde::de::Error>(self, _: $ty) -> Result<(), E> {
            self.refuse($what);
            Ok(())
        })*
    };
}

/// An object and what to keep of it.
struct Object<'p, 'c, 'a, 'k> {
    object: &'p ObjectCapture,
    ctx: &'c mut Ctx<'a, 'k>,
    frame: FrameId,
    row: u32,
}

impl Object<'_, '_, '_, '_> {
    fn refuse(self, found: &'static str) {
        let failed = self.ctx.wrong_type("an object", found);
        self.ctx.fail_object(self.object, self.frame, self.row, failed);
    }
}

impl<'de> Visitor<'de> for Object<'_, '_, '_, '_> {
    type Value = ();

    refuse! { "an object";
        visit_bool(bool) "a boolean"
        visit_i64(i64) "a number"
        visit_u64(u64) "a number"
        visit_f64(f64) "a number"
        visit_str(&str) "a string"
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        for &(tag, _) in &self.object.tags {
            self.ctx.arena.set(self.frame, self.row, tag, Slot::Null);
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        self.refuse("a list");
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        for &(tag, variant) in &self.object.tags {
            self.ctx.arena.set(self.frame, self.row, tag, Slot::Object(variant));
        }
        let properties = &self.object.properties;
        let mut expected = 0;
        while let Some(found) = map.next_key_seed(Property { properties, expected })? {
            match found {
                Some(at) => {
                    expected = at + 1;
                    let capture = &properties[at].1;
                    map.next_value_seed(Value { capture, ctx: &mut *self.ctx, frame: self.frame, row: self.row })?;
                }
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

/// A key of an object: which of the wanted properties it is. Services mostly keep an order, so the
/// search starts behind the last hit.
struct Property<'p> {
    properties: &'p [(Box<str>, Capture)],
    expected: usize,
}

impl<'de> DeserializeSeed<'de> for Property<'_> {
    type Value = Option<usize>;

    fn deserialize<D: serde::Deserializer<'de>>(self, parser: D) -> Result<Option<usize>, D::Error> {
        parser.deserialize_str(self)
    }
}

impl Visitor<'_> for Property<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a property name")
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Option<usize>, E> {
        let count = self.properties.len();
        for step in 0..count {
            let at = (self.expected + step) % count;
            if *self.properties[at].0 == *name {
                return Ok(Some(at));
            }
        }
        Ok(None)
    }
}

/// An item of a batched answer. Its value: is it null?
struct Item<'p, 'c, 'a, 'k>(Value<'p, 'c, 'a, 'k>);

impl<'de> DeserializeSeed<'de> for Item<'_, '_, '_, '_> {
    type Value = bool;

    fn deserialize<D: serde::Deserializer<'de>>(self, parser: D) -> Result<bool, D::Error> {
        parser.deserialize_option(self)
    }
}

impl<'de> Visitor<'de> for Item<'_, '_, '_, '_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an item")
    }

    fn visit_none<E: serde::de::Error>(self) -> Result<bool, E> {
        let Value { capture, ctx, frame, row } = self.0;
        ctx.fail(capture, frame, row, Slot::Null);
        Ok(true)
    }

    fn visit_some<D: serde::Deserializer<'de>>(self, parser: D) -> Result<bool, D::Error> {
        self.0.deserialize(parser).map(|()| false)
    }
}

/// An array.
struct List<'p, 'c, 'a, 'k>(Value<'p, 'c, 'a, 'k>);

impl List<'_, '_, '_, '_> {
    fn refuse(self, found: &'static str) {
        let Value { capture, ctx, frame, row } = self.0;
        let failed = ctx.wrong_type("a list", found);
        ctx.fail(capture, frame, row, failed);
    }
}

impl<'de> Visitor<'de> for List<'_, '_, '_, '_> {
    type Value = ();

    refuse! { "a list";
        visit_bool(bool) "a boolean"
        visit_i64(i64) "a number"
        visit_u64(u64) "a number"
        visit_f64(f64) "a number"
        visit_str(&str) "a string"
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        if let Capture::List { slot, .. } = self.0.capture {
            self.0.ctx.arena.set(self.0.frame, self.0.row, *slot, Slot::Null);
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        self.refuse("an object");
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<(), A::Error> {
        let Value { capture, ctx, frame, row } = self.0;
        match capture {
            Capture::List { slot, frame: items, item, bound } => {
                ctx.read_list(seq, (frame, row, *slot), *items, item, *bound)
            }
            Capture::Items { frame: items, item } => ctx.read_items(seq, *items, item),
            Capture::Index { index, item } => {
                let mut seq = seq;
                for _ in 0..*index {
                    if seq.next_element::<IgnoredAny>()?.is_none() {
                        return Ok(());
                    }
                }
                if seq.next_element_seed(Value { capture: item, ctx, frame, row })?.is_some() {
                    while seq.next_element::<IgnoredAny>()?.is_some() {}
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

impl Ctx<'_, '_> {
    fn read_list<'de, A: SeqAccess<'de>>(
        &mut self,
        mut seq: A,
        (frame, row, slot): (FrameId, u32, SlotId),
        items: FrameId,
        item: &Capture,
        bound: Option<u64>,
    ) -> Result<(), A::Error> {
        let start = self.arena.rows(items);
        let most = bound.unwrap_or(u64::MAX);
        loop {
            let len = self.arena.rows(items) - start;
            if u64::from(len) >= most {
                return self.end_of_list(seq, (frame, row, slot), start, len, most);
            }
            let at = self.arena.push_row(items);
            let value = Value { capture: item, ctx: &mut *self, frame: items, row: at };
            if seq.next_element_seed(value)?.is_none() {
                self.arena.truncate(items, at);
                self.arena.set(frame, row, slot, Slot::Rows { start, len });
                return Ok(());
            }
        }
    }

    /// The list is as long as was proven: anything more is an error.
    fn end_of_list<'de, A: SeqAccess<'de>>(
        &mut self,
        mut seq: A,
        (frame, row, slot): (FrameId, u32, SlotId),
        start: u32,
        len: u32,
        most: u64,
    ) -> Result<(), A::Error> {
        let mut is_longer = false;
        while seq.next_element::<IgnoredAny>()?.is_some() {
            is_longer = true;
        }
        let value = if is_longer {
            let message = format!("the service answered with more than {most} items");
            self.arena.fail(Failure::new("UPSTREAM_LIST_TOO_LONG", message))
        } else {
            Slot::Rows { start, len }
        };
        self.arena.set(frame, row, slot, value);
        Ok(())
    }

    fn read_items<'de, A: SeqAccess<'de>>(
        &mut self,
        mut seq: A,
        items: FrameId,
        item: &Capture,
    ) -> Result<(), A::Error> {
        let mut position = 0;
        loop {
            let mark = self.arena.rows(items);
            let rows: smallvec::SmallVec<[u32; 8]> = match &self.pairs {
                Some(pairs) => pairs.frames.iter().map(|&frame| self.arena.rows(frame)).collect(),
                None => smallvec::SmallVec::new(),
            };
            let at = self.arena.push_row(items);
            let value = Value { capture: item, ctx: &mut *self, frame: items, row: at };
            let Some(is_null) = seq.next_element_seed(Item(value))? else {
                self.arena.truncate(items, mark);
                self.items = Some(position);
                return Ok(());
            };
            if !self.pair(items, at, position, is_null) {
                let frames = self.pairs.as_ref().map_or(&[][..], |pairs| pairs.frames);
                for (&frame, rows) in frames.iter().zip(rows) {
                    self.arena.truncate(frame, rows);
                }
            }
            position += 1;
        }
    }

    /// Pairs an item with its key. `false`: nobody asked for it.
    fn pair(&mut self, items: FrameId, row: u32, position: u32, is_null: bool) -> bool {
        let Some(pairs) = &mut self.pairs else { return true };
        let slot = match pairs.pairing {
            PairingPlan::Single => return true,
            PairingPlan::Position => {
                let (first, count) = pairs.asked;
                if position < count {
                    pairs.found.push((first + position, Some(row)));
                }
                return position < count;
            }
            PairingPlan::Index { key } | PairingPlan::Group { key, .. } => key,
        };
        let canonical = match self.arena.get(items, row, slot) {
            Slot::Text { body, start, len } => {
                let text = self.arena.text(body, start, len);
                leaf::canonical(std::str::from_utf8(text).unwrap_or_default())
            }
            _ => None,
        };
        let Some(canonical) = canonical else {
            self.has_keyless |= !is_null;
            return false;
        };
        match pairs.keys.get(&*canonical).copied() {
            Some(key) => {
                pairs.found.push((key, Some(row)));
                true
            }
            None => false,
        }
    }
}
