//! Projection under any body and any capture: what a fuzz target checks.

use super::arena::{Arena, Slot};
use super::project::{Broken, KeyIndex, Pairs, Target, project};
use crate::plan::{AbstractCapture, Capture, FrameId, ObjectCapture, PairingPlan, SlotId};
use bytes::Bytes;
use serde::de::IgnoredAny;

/// Deepest capture.
const MAX_DEPTH: u32 = 5;
/// Most captures in one.
const MAX_CAPTURES: u32 = 40;
const NAMES: [&str; 6] = ["id", "a", "b", "items", "type", "\u{e9}\n"];
const KEYS: [&str; 4] = ["1", "2", "\"3\"", "\"x\""];

/// The first byte says how many bytes the capture is made of; the body comes after them.
pub(crate) fn projection(data: &[u8]) {
    let Some((&length, rest)) = data.split_first() else { return };
    let (recipe, body) = rest.split_at(usize::from(length).min(rest.len()));
    let mut maker = Maker { recipe: recipe.iter(), widths: vec![0], frames: Vec::new(), captures: 0 };
    let root = maker.frame();
    let kind = maker.byte() % 4;
    let (capture, pairing) = match kind {
        0 => (maker.capture(root, 0), PairingPlan::Single),
        1 => (maker.items(root, None), PairingPlan::Position),
        _ => {
            let key = maker.slot(root);
            (maker.items(root, Some(key)), PairingPlan::Index { key })
        }
    };
    let mut arena = Arena::new(&maker.widths);
    let is_single = pairing == PairingPlan::Single;
    if is_single {
        arena.push_row(root);
    }
    let before: Vec<u32> = maker.frames.iter().map(|&frame| arena.rows(frame)).collect();
    let keys: KeyIndex = (0..).zip(KEYS).map(|(at, key)| (key.into(), at)).collect();
    let (mut found, mut counts) = (Vec::new(), vec![0; KEYS.len()]);
    let asked = (0, KEYS.len() as u32);
    let (keys, frames) = (&keys, maker.frames.as_slice());
    let pairs = Pairs { pairing, keys, frames, asked, found: &mut found, counts: &mut counts };
    let bytes = Bytes::copy_from_slice(body);
    let target = Target { frame: root, row: 0 };
    let result = project(&capture, &mut arena, &bytes, target, (!is_single).then_some(pairs), frames);

    let is_json = serde_json::from_slice::<IgnoredAny>(body).is_ok() && std::str::from_utf8(body).is_ok();
    assert_eq!(result != Err(Broken::NotJson), is_json, "{result:?} of {}", body.escape_ascii());
    if result.is_err() {
        let after: Vec<u32> = frames.iter().map(|&frame| arena.rows(frame)).collect();
        assert_eq!(before, after, "rows of a body that is of no use");
        return;
    }
    check_rows(&arena, &maker.widths, body);
    for (key, row) in found {
        assert!((key as usize) < KEYS.len() && row.is_none_or(|row| row < arena.rows(root)), "{key} has {row:?}");
    }
}

/// Every slot is JSON by itself, or names what is there.
fn check_rows(arena: &Arena, widths: &[u32], body: &[u8]) {
    let most = (0..widths.len()).map(|frame| arena.rows(frame as FrameId)).max().unwrap_or(0);
    for (frame, &width) in (0..).zip(widths) {
        for row in 0..arena.rows(frame) {
            for slot in 0..width {
                match arena.get(frame, row, slot) {
                    Slot::Text { body: 0, start, len } => {
                        assert!(start as usize + len as usize <= body.len(), "a text outside the body");
                        let text = arena.text(0, start, len);
                        let value = serde_json::from_slice::<IgnoredAny>(text);
                        assert!(value.is_ok(), "{} is not JSON", text.escape_ascii());
                        assert_eq!(text, text.trim_ascii(), "white space around a value");
                    }
                    Slot::Rows { start, len } => assert!(start + len <= most, "rows that are not there"),
                    Slot::Failed(failure) => assert!((failure as usize) < arena.failures.len(), "no such failure"),
                    Slot::Unset | Slot::Null | Slot::Object(_) => {}
                    other => panic!("projection makes no {other:?}"),
                }
            }
        }
    }
}

/// Makes a capture of bytes: any bytes make one.
struct Maker<'a> {
    recipe: std::slice::Iter<'a, u8>,
    widths: Vec<u32>,
    /// Every frame but the operation's root.
    frames: Vec<FrameId>,
    captures: u32,
}

impl Maker<'_> {
    fn byte(&mut self) -> u8 {
        self.recipe.next().copied().unwrap_or(0)
    }

    fn frame(&mut self) -> FrameId {
        let frame = self.widths.len() as FrameId;
        self.widths.push(0);
        self.frames.push(frame);
        frame
    }

    fn slot(&mut self, frame: FrameId) -> SlotId {
        let width = &mut self.widths[frame as usize];
        *width += 1;
        *width - 1
    }

    /// A batched answer: a list, perhaps inside an object, whose items fill the step's root frame.
    fn items(&mut self, root: FrameId, key: Option<SlotId>) -> Capture {
        let item = match key {
            Some(slot) => {
                let mut object = self.object(root, 1);
                object.properties.retain(|(name, _)| &**name != "id");
                object.properties.push(("id".into(), Capture::Leaf(slot)));
                Capture::Object(Box::new(object))
            }
            None => self.capture(root, 1),
        };
        let items = Capture::Items { frame: root, item: Box::new(item) };
        if self.byte().is_multiple_of(2) {
            return items;
        }
        Capture::Object(Box::new(ObjectCapture { tags: Vec::new(), properties: vec![("items".into(), items)] }))
    }

    fn capture(&mut self, frame: FrameId, depth: u32) -> Capture {
        self.captures += 1;
        if depth >= MAX_DEPTH || self.captures > MAX_CAPTURES {
            return Capture::Leaf(self.slot(frame));
        }
        match self.byte() % 8 {
            0 | 1 => Capture::Leaf(self.slot(frame)),
            2 | 3 => Capture::Object(Box::new(self.object(frame, depth + 1))),
            4 => {
                let (slot, items) = (self.slot(frame), self.frame());
                let bound = Some(u64::from(self.byte() % 4)).filter(|&bound| bound > 0);
                Capture::List { slot, frame: items, item: Box::new(self.capture(items, depth + 1)), bound }
            }
            5 => {
                let index = u32::from(self.byte() % 3);
                Capture::Index { index, item: Box::new(self.capture(frame, depth + 1)) }
            }
            6 => {
                let tag = self.slot(frame);
                let discriminator = if self.byte().is_multiple_of(2) { vec!["type"] } else { vec!["a", "type"] };
                let variants = vec![self.variant(frame, depth, tag, 0), self.variant(frame, depth, tag, 1)];
                Capture::Abstract(Box::new(AbstractCapture {
                    tag,
                    discriminator: discriminator.into_iter().map(str::to_owned).collect(),
                    then: Vec::new(),
                    cases: vec![("x".to_owned(), 0), ("y".to_owned(), 1)],
                    variants,
                }))
            }
            _ => Capture::Many(vec![self.capture(frame, depth + 1), self.capture(frame, depth + 1)]),
        }
    }

    fn variant(&mut self, frame: FrameId, depth: u32, tag: SlotId, number: u32) -> ObjectCapture {
        let mut object = self.object(frame, depth + 1);
        object.tags = vec![(tag, number)];
        object
    }

    fn object(&mut self, frame: FrameId, depth: u32) -> ObjectCapture {
        let tags = vec![(self.slot(frame), 0)];
        let mut properties: Vec<(Box<str>, Capture)> = Vec::new();
        for _ in 0..self.byte() % 5 {
            let name = NAMES[usize::from(self.byte()) % NAMES.len()];
            let capture = self.capture(frame, depth);
            if properties.iter().all(|(other, _)| &**other != name) {
                properties.push((name.into(), capture));
            }
        }
        ObjectCapture { tags, properties }
    }
}
