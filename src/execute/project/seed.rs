//! The oracle: it does the same as [`super::scan`], but reads with `serde_json`. It is compiled only for tests and for
//! fuzzing.
//!
//! The nesting of the whole text is measured first. `serde_json` has its own limit, one level lower, which counts only
//! what it visits; therefore each object and list is visited as a text of its own. `serde_json` also refuses two things
//! that the grammar allows: numbers that no double can hold, and names with half of a surrogate pair. So numbers and
//! strings that are not kept are recognized by their first character, and names are read as bytes.

use super::{Reading, Target, property};
use crate::execute::arena::Slot;
use crate::json::{MAX_DEPTH, Malformed, is_deeper_than};
use crate::plan::{AbstractCapture, Capture, FrameId, ObjectCapture, SlotId, Tag};
use serde::Deserializer as _;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;

/// Reads a whole body.
pub(super) fn read(
    reading: &mut Reading<'_, '_>,
    body: &[u8],
    capture: &Capture,
    target: Target,
) -> Result<(), Malformed> {
    if is_deeper_than(body, MAX_DEPTH) {
        return Err(Malformed);
    }
    let text = std::str::from_utf8(body).map_err(|_| Malformed)?;
    let mut ctx = Ctx { reading, base: text.as_ptr() as usize };
    let mut parser = serde_json::Deserializer::from_str(text);
    let value = Value { capture, ctx: &mut ctx, frame: target.frame, row: target.row };
    value.deserialize(&mut parser).and_then(|()| parser.end()).map_err(|_| Malformed)
}

struct Ctx<'r, 'a, 'k> {
    reading: &'r mut Reading<'a, 'k>,
    base: usize,
}

impl Ctx<'_, '_, '_> {
    fn slot(&self, raw: &str) -> Slot {
        if raw == "null" {
            return Slot::Null;
        }
        let start = raw.as_ptr() as usize - self.base;
        self.reading.slot(start..start + raw.len())
    }
}

/// A JSON value, and what is kept of it.
struct Value<'p, 'c, 'r, 'a, 'k> {
    capture: &'p Capture,
    ctx: &'c mut Ctx<'r, 'a, 'k>,
    frame: FrameId,
    row: u32,
}

impl<'de> DeserializeSeed<'de> for Value<'_, '_, '_, '_, '_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, parser: D) -> Result<(), D::Error> {
        match self.capture {
            Capture::Leaf(slot) => {
                let raw: &'de RawValue = serde::Deserialize::deserialize(parser)?;
                let value = self.ctx.slot(raw.get());
                self.ctx.reading.arena.set(self.frame, self.row, *slot, value);
                Ok(())
            }
            Capture::Object(object) => {
                let raw: &'de RawValue = serde::Deserialize::deserialize(parser)?;
                let visitor = Object { object, ctx: self.ctx, frame: self.frame, row: self.row };
                match scalar(raw) {
                    Some(what) => visitor.refuse(what),
                    None => visit(raw, visitor)?,
                }
                Ok(())
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
            Capture::List { .. } | Capture::Items { .. } | Capture::Index { .. } => {
                let raw: &'de RawValue = serde::Deserialize::deserialize(parser)?;
                match scalar(raw) {
                    Some(what) => List(self).refuse(what),
                    None => visit(raw, List(self))?,
                }
                Ok(())
            }
        }
    }
}

/// The kind of a text, if it is one that `serde_json` might refuse.
fn scalar(raw: &RawValue) -> Option<&'static str> {
    match raw.get().as_bytes() {
        [b'"', ..] => Some("a string"),
        [b'-' | b'0'..=b'9', ..] => Some("a number"),
        _ => None,
    }
}

/// Visits a value as a text of its own.
fn visit<'de, E: serde::de::Error>(raw: &'de RawValue, visitor: impl Visitor<'de, Value = ()>) -> Result<(), E> {
    let mut parser = serde_json::Deserializer::from_str(raw.get());
    parser.deserialize_any(visitor).map_err(E::custom)
}

/// Reads a text a second time.
fn again<E: serde::de::Error>(raw: &RawValue, value: Value<'_, '_, '_, '_, '_>) -> Result<(), E> {
    let mut parser = serde_json::Deserializer::from_str(raw.get());
    value.deserialize(&mut parser).map_err(E::custom)
}

impl Ctx<'_, '_, '_> {
    fn read_abstract<E: serde::de::Error>(
        &mut self,
        of: &AbstractCapture,
        raw: &RawValue,
        frame: FrameId,
        row: u32,
    ) -> Result<(), E> {
        if !self.reading.is_object(of, raw.get().as_bytes(), (frame, row)) {
            return Ok(());
        }
        let mut found = None;
        let mut parser = serde_json::Deserializer::from_str(raw.get());
        Discriminator { path: &of.discriminator, found: &mut found }.deserialize(&mut parser).map_err(E::custom)?;
        let found = found.map(|raw: &RawValue| raw.get());
        let Some(object) = self.reading.variant(of, found, (frame, row)) else { return Ok(()) };
        visit(raw, Object { object, ctx: self, frame, row })
    }
}

/// Finds the value at a path of properties.
struct Discriminator<'p, 'f, 'de> {
    path: &'p [String],
    found: &'f mut Option<&'de RawValue>,
}

impl<'de> DeserializeSeed<'de> for Discriminator<'_, '_, 'de> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, parser: D) -> Result<(), D::Error> {
        let raw: &'de RawValue = serde::Deserialize::deserialize(parser)?;
        if self.path.is_empty() {
            *self.found = Some(raw);
        } else if raw.get().starts_with('{') {
            visit(raw, self)?;
        }
        Ok(())
    }
}

impl<'de> Visitor<'de> for Discriminator<'_, '_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Some((first, rest)) = self.path.split_first() else { return Ok(()) };
        while let Some(is_it) = map.next_key_seed(Name(|name: &[u8]| name == first.as_bytes()))? {
            if is_it {
                map.next_value_seed(Discriminator { path: rest, found: &mut *self.found })?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

/// Defines the visitor's answers for scalars, which no visitor wants.
macro_rules! refuse_scalars {
    ($wanted:literal) => {
        refuse_scalars! { $wanted;
            visit_bool(bool) "a boolean"
        }
    };
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

/// An object, and what is kept of it.
struct Object<'p, 'c, 'r, 'a, 'k> {
    object: &'p ObjectCapture,
    ctx: &'c mut Ctx<'r, 'a, 'k>,
    frame: FrameId,
    row: u32,
}

impl Object<'_, '_, '_, '_, '_> {
    fn refuse(self, found: &'static str) {
        self.ctx.reading.not_an_object(self.object, self.frame, self.row, found);
    }
}

impl<'de> Visitor<'de> for Object<'_, '_, '_, '_, '_> {
    type Value = ();

    refuse_scalars!("an object");

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        self.ctx.reading.tag(self.object, self.frame, self.row, |_| Slot::Null);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        self.refuse("a list");
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        for &Tag { slot: tag, variant } in &self.object.tags {
            self.ctx.reading.arena.set(self.frame, self.row, tag, Slot::Object(variant));
        }
        let properties = &self.object.properties;
        let mut expected = 0;
        while let Some(found) = map.next_key_seed(Name(|name: &[u8]| property(properties, expected, name)))? {
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

/// The name of a member, and a function of it.
struct Name<F>(F);

impl<'de, T, F: FnOnce(&[u8]) -> T> DeserializeSeed<'de> for Name<F> {
    type Value = T;

    fn deserialize<D: serde::Deserializer<'de>>(self, parser: D) -> Result<T, D::Error> {
        parser.deserialize_bytes(self)
    }
}

impl<T, F: FnOnce(&[u8]) -> T> Visitor<'_> for Name<F> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a property name")
    }

    fn visit_bytes<E: serde::de::Error>(self, name: &[u8]) -> Result<T, E> {
        Ok(self.0(name))
    }
}

/// An item of a batched answer. It deserializes to whether it is null.
struct Item<'p, 'c, 'r, 'a, 'k>(Value<'p, 'c, 'r, 'a, 'k>);

impl<'de> DeserializeSeed<'de> for Item<'_, '_, '_, '_, '_> {
    type Value = bool;

    fn deserialize<D: serde::Deserializer<'de>>(self, parser: D) -> Result<bool, D::Error> {
        parser.deserialize_option(self)
    }
}

impl<'de> Visitor<'de> for Item<'_, '_, '_, '_, '_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an item")
    }

    fn visit_none<E: serde::de::Error>(self) -> Result<bool, E> {
        let Value { capture, ctx, frame, row } = self.0;
        ctx.reading.fail(capture, frame, row, Slot::Null);
        Ok(true)
    }

    fn visit_some<D: serde::Deserializer<'de>>(self, parser: D) -> Result<bool, D::Error> {
        self.0.deserialize(parser).map(|()| false)
    }
}

/// An array, and what is kept of it.
struct List<'p, 'c, 'r, 'a, 'k>(Value<'p, 'c, 'r, 'a, 'k>);

impl List<'_, '_, '_, '_, '_> {
    fn refuse(self, found: &'static str) {
        let Value { capture, ctx, frame, row } = self.0;
        ctx.reading.not_a_list(capture, frame, row, found);
    }
}

impl<'de> Visitor<'de> for List<'_, '_, '_, '_, '_> {
    type Value = ();

    refuse_scalars!("a list");

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        if let Capture::List { slot, .. } = self.0.capture {
            self.0.ctx.reading.arena.set(self.0.frame, self.0.row, *slot, Slot::Null);
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while map.next_key_seed(Name(|_: &[u8]| ()))?.is_some() {
            map.next_value::<IgnoredAny>()?;
        }
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

/// Skips the rest of an array. Returns whether there was any item.
fn skip_rest<'de, A: SeqAccess<'de>>(mut seq: A) -> Result<bool, A::Error> {
    let mut is_longer = false;
    while seq.next_element::<IgnoredAny>()?.is_some() {
        is_longer = true;
    }
    Ok(is_longer)
}

impl Ctx<'_, '_, '_> {
    fn read_list<'de, A: SeqAccess<'de>>(
        &mut self,
        mut seq: A,
        (frame, row, slot): (FrameId, u32, SlotId),
        items: FrameId,
        item: &Capture,
        bound: Option<u64>,
    ) -> Result<(), A::Error> {
        let list = self.reading.begin_list(items, bound);
        let start = list.start;
        loop {
            let len = self.reading.len(&list);
            if self.reading.is_full(&list) {
                let is_longer = skip_rest(seq)?;
                let value = if is_longer { self.reading.too_long(&list, item) } else { Slot::Rows { start, len } };
                self.reading.arena.set(frame, row, slot, value);
                return Ok(());
            }
            let left = self.reading.items_left;
            let at = self.reading.push_item(items);
            let value = Value { capture: item, ctx: &mut *self, frame: items, row: at };
            if seq.next_element_seed(value)?.is_none() {
                self.reading.arena.truncate(items, at);
                self.reading.items_left = left;
                self.reading.arena.set(frame, row, slot, Slot::Rows { start, len });
                return Ok(());
            }
        }
    }

    fn read_items<'de, A: SeqAccess<'de>>(
        &mut self,
        mut seq: A,
        items: FrameId,
        item: &Capture,
    ) -> Result<(), A::Error> {
        let mut position = 0;
        loop {
            let mark = self.reading.arena.rows(items);
            let before = self.reading.before_item();
            let at = self.reading.push_item(items);
            let value = Value { capture: item, ctx: &mut *self, frame: items, row: at };
            let Some(is_null) = seq.next_element_seed(Item(value))? else {
                self.reading.arena.truncate(items, mark);
                self.reading.items_left = before.items_left;
                self.reading.items = Some(position);
                return Ok(());
            };
            self.reading.keep_item((items, at), position, is_null, before, 0..0);
            position += 1;
        }
    }
}
