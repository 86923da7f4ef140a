//! The scanner: one pass over a body's text, guided by the capture. It allocates nothing per field.
//!
//! Items of a list mostly have the same names in the same order. So the scanner expects the names of the previous item
//! and compares them byte by byte; only a name that differs is read and looked up.

use super::{Reading, Target, property};
use crate::execute::arena::Slot;
use crate::json::{Json, Malformed};
use crate::plan::{AbstractCapture, Capture, FrameId, ObjectCapture, SlotId};
use smallvec::SmallVec;
use std::ops::Range;

/// Reads a whole body.
pub(super) fn read(
    reading: &mut Reading<'_, '_>,
    body: &[u8],
    capture: &Capture,
    target: Target,
) -> Result<(), Malformed> {
    let mut scan = Scan { json: Json::new(body)?, reading };
    scan.value(capture, target.frame, target.row)?;
    if scan.json.peek().is_some() { Err(Malformed) } else { Ok(()) }
}

/// How many names of an object are expected in the next one, at most.
const MAX_NAMES: usize = 256;

/// The names of the previous object in a list: the range of each, from the end of the value before it to its colon, and
/// the index of its property.
type Names = SmallVec<[(Range<usize>, Option<usize>); 16]>;

struct Scan<'t, 'r, 'a, 'k> {
    json: Json<'t>,
    reading: &'r mut Reading<'a, 'k>,
}

impl<'t> Scan<'t, '_, '_, '_> {
    fn value(&mut self, capture: &Capture, frame: FrameId, row: u32) -> Result<(), Malformed> {
        match capture {
            Capture::Leaf(slot) => self.leaf(frame, row, *slot),
            Capture::Object(object) => self.object(object, frame, row, &mut Names::new()),
            Capture::Many(all) => {
                let span = self.json.skip()?;
                all.iter().try_for_each(|capture| self.again(&span, |this| this.value(capture, frame, row)))
            }
            Capture::Abstract(of) => self.of_abstract_type(of, frame, row),
            Capture::List { .. } | Capture::Items { .. } | Capture::Index { .. } => self.list(capture, frame, row),
        }
    }

    #[inline]
    fn leaf(&mut self, frame: FrameId, row: u32, slot: SlotId) -> Result<(), Malformed> {
        let is_null = self.json.peek() == Some(b'n');
        let span = self.json.skip()?;
        let value = if is_null { Slot::Null } else { self.reading.slot(span) };
        self.reading.arena.set(frame, row, slot, value);
        Ok(())
    }

    /// Reads a value once more, and then continues after it.
    fn again<T>(
        &mut self,
        span: &Range<usize>,
        read: impl FnOnce(&mut Self) -> Result<T, Malformed>,
    ) -> Result<T, Malformed> {
        self.json.at = span.start;
        let result = read(self)?;
        self.json.at = span.end;
        Ok(result)
    }

    fn object(&mut self, object: &ObjectCapture, frame: FrameId, row: u32, names: &mut Names) -> Result<(), Malformed> {
        match self.json.peek() {
            Some(b'{') => {}
            Some(b'n') => {
                self.json.literal(b"null")?;
                self.reading.tag(object, frame, row, |_| Slot::Null);
                return Ok(());
            }
            _ => {
                let found = self.other()?;
                self.reading.not_an_object(object, frame, row, found);
                return Ok(());
            }
        }
        self.json.enter()?;
        self.reading.tag(object, frame, row, Slot::Object);
        let properties = &object.properties;
        let (mut number, mut behind) = (0, 0);
        loop {
            let found = match names.get(number) {
                Some((name, found)) if self.json.repeats(name) => *found,
                _ => {
                    let start = self.json.at;
                    if !self.json.next_member(number == 0)? {
                        break;
                    }
                    let name = self.json.name()?;
                    let found = property(properties, behind, &name.decode());
                    if number < MAX_NAMES {
                        names.truncate(number);
                        names.push((start..self.json.at, found));
                    }
                    found
                }
            };
            number += 1;
            let Some(at) = found else {
                self.json.skip()?;
                continue;
            };
            behind = at + 1;
            match &properties[at].1 {
                Capture::Leaf(slot) => self.leaf(frame, row, *slot)?,
                capture => self.value(capture, frame, row)?,
            }
        }
        self.json.leave();
        Ok(())
    }

    /// Skips a value of a type that is not wanted. Returns what it is.
    fn other(&mut self) -> Result<&'static str, Malformed> {
        match self.json.peek() {
            Some(b'"') => self.json.skip().map(|_| "a string"),
            Some(b'-' | b'0'..=b'9') => self.json.skip().map(|_| "a number"),
            Some(b'[') => {
                self.json.enter()?;
                self.skip_items(true)?;
                self.json.leave();
                Ok("a list")
            }
            Some(b'{') => {
                self.json.enter()?;
                let mut is_first = true;
                while self.json.next_member(is_first)? {
                    is_first = false;
                    self.json.name()?;
                    self.json.skip()?;
                }
                self.json.leave();
                Ok("an object")
            }
            _ => self.json.skip().map(|_| "a boolean"),
        }
    }

    fn of_abstract_type(&mut self, of: &AbstractCapture, frame: FrameId, row: u32) -> Result<(), Malformed> {
        let span = self.json.skip()?;
        if !self.reading.is_object(of, self.json.text(span.clone()), (frame, row)) {
            return Ok(());
        }
        let mut found = None;
        self.again(&span, |this| this.discriminator(&of.discriminator, &mut found))?;
        // This cannot fail, because the whole text is UTF-8.
        let found = found.and_then(|span| std::str::from_utf8(self.json.text(span)).ok());
        match self.reading.variant(of, found, (frame, row)) {
            Some(object) => self.again(&span, |this| this.object(object, frame, row, &mut Names::new())),
            None => Ok(()),
        }
    }

    /// Finds the value at a path of properties. Of members with the same name, the last one counts.
    fn discriminator(&mut self, path: &[String], found: &mut Option<Range<usize>>) -> Result<(), Malformed> {
        let Some((first, rest)) = path.split_first() else {
            *found = Some(self.json.skip()?);
            return Ok(());
        };
        if self.json.peek() != Some(b'{') {
            self.json.skip()?;
            return Ok(());
        }
        self.json.enter()?;
        let mut is_first = true;
        while self.json.next_member(is_first)? {
            is_first = false;
            if *self.json.name()?.decode() == *first.as_bytes() {
                self.discriminator(rest, found)?;
            } else {
                self.json.skip()?;
            }
        }
        self.json.leave();
        Ok(())
    }

    fn list(&mut self, capture: &Capture, frame: FrameId, row: u32) -> Result<(), Malformed> {
        match self.json.peek() {
            Some(b'[') => {}
            Some(b'n') => {
                self.json.literal(b"null")?;
                if let Capture::List { slot, .. } = capture {
                    self.reading.arena.set(frame, row, *slot, Slot::Null);
                }
                return Ok(());
            }
            _ => {
                let found = self.other()?;
                self.reading.not_a_list(capture, frame, row, found);
                return Ok(());
            }
        }
        self.json.enter()?;
        match capture {
            Capture::List { slot, frame: items, item, bound } => {
                let value = self.rows(*items, item, *bound)?;
                self.reading.arena.set(frame, row, *slot, value);
            }
            Capture::Items { frame: items, item } => self.items(*items, item)?,
            Capture::Index { index, item } => self.item_at(*index, item, frame, row)?,
            _ => {}
        }
        self.json.leave();
        Ok(())
    }

    /// Skips the rest of a list. Returns whether there was any item.
    fn skip_items(&mut self, is_first: bool) -> Result<bool, Malformed> {
        let mut is_longer = false;
        while self.json.next_item(is_first && !is_longer)? {
            self.json.skip()?;
            is_longer = true;
        }
        Ok(is_longer)
    }

    /// Reads a list whose items become rows.
    fn rows(&mut self, items: FrameId, item: &Capture, bound: Option<u64>) -> Result<Slot, Malformed> {
        let list = self.reading.begin_list(items, bound);
        let start = list.start;
        let mut names = Names::new();
        loop {
            let len = self.reading.len(&list);
            if self.reading.is_full(&list) {
                let is_longer = self.skip_items(len == 0)?;
                return Ok(match is_longer {
                    true => self.reading.too_long(&list, item),
                    false => Slot::Rows { start, len },
                });
            }
            if !self.json.next_item(len == 0)? {
                return Ok(Slot::Rows { start, len });
            }
            let row = self.reading.push_item(items);
            self.item(item, items, row, &mut names)?;
        }
    }

    fn item(&mut self, item: &Capture, frame: FrameId, row: u32, names: &mut Names) -> Result<(), Malformed> {
        match item {
            Capture::Object(object) => self.object(object, frame, row, names),
            _ => self.value(item, frame, row),
        }
    }

    /// Reads the list of a batched answer.
    fn items(&mut self, items: FrameId, item: &Capture) -> Result<(), Malformed> {
        let (mut position, mut names) = (0, Names::new());
        while self.json.next_item(position == 0)? {
            let before = self.reading.before_item();
            let row = self.reading.push_item(items);
            let is_null = self.json.peek() == Some(b'n');
            let start = self.json.at;
            if is_null {
                self.json.literal(b"null")?;
                self.reading.fail(item, items, row, Slot::Null);
            } else {
                self.item(item, items, row, &mut names)?;
            }
            self.reading.keep_item((items, row), position, is_null, before, start..self.json.at);
            position += 1;
        }
        self.reading.items = Some(position);
        Ok(())
    }

    /// Reads one item of a list and skips the others.
    fn item_at(&mut self, index: u32, item: &Capture, frame: FrameId, row: u32) -> Result<(), Malformed> {
        for at in 0..index {
            if !self.json.next_item(at == 0)? {
                return Ok(());
            }
            self.json.skip()?;
        }
        if self.json.next_item(index == 0)? {
            self.value(item, frame, row)?;
            self.skip_items(false)?;
        }
        Ok(())
    }
}
