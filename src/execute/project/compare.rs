//! A comparison of the scanner with its oracle: both read one body by one capture, and must leave the same rows and
//! slots.
//!
//! In: bytes that choose a capture, and a body. Out: how the two results differ.

use super::pairs::{KeyIndex, Pairs};
use super::{BrokenBody, Read, Target, project_by, scan, seed};
use crate::execute::arena::Arena;
use crate::plan::{AbstractCapture, Capture, FrameId, ObjectCapture, PairingPlan, SlotId, Tag};
use bytes::Bytes;

/// Property names. There are few, so that bodies often have the wanted ones. One must be escaped in JSON, another may
/// be.
pub(super) const NAMES: [&str; 8] = ["id", "kind", "name", "a", "b", "\u{e9}", "x\"y", ""];

/// The frame of the answer's rows; the operation's root is the frame before it.
const ROOT: FrameId = FrameId(1);

/// The keys of a batched answer.
const KEYS: [&str; 4] = ["1", "2", "3", "a"];

/// Compares both readers. The part of the input before the first line break chooses the capture; the rest is the body.
///
/// # Panics
/// The two results differ.
#[cfg(feature = "fuzz")]
pub(crate) fn compare_projections(input: &[u8]) {
    let end = input.iter().position(|&byte| byte == b'\n').unwrap_or(input.len());
    let (script, body) = (&input[..end], input.get(end + 1..).unwrap_or_default());
    if let Err(difference) = Case::new(script).compare(body) {
        panic!("{difference}");
    }
}

/// Choices that are made by bytes. They are zeros when the bytes run out.
pub(super) struct Draw<'d>(pub(super) std::slice::Iter<'d, u8>);

impl Draw<'_> {
    pub(super) fn below(&mut self, bound: u8) -> u8 {
        self.0.next().map_or(0, |byte| byte % bound)
    }
}

/// A capture, and how the answer is paired with keys.
#[derive(Debug)]
pub(super) struct Case {
    pub(super) capture: Capture,
    pub(super) pairing: Option<PairingPlan>,
    pub(super) widths: Vec<u32>,
    pub(super) max_items: u32,
}

impl Case {
    pub(super) fn new(script: &[u8]) -> Self {
        let mut draw = Draw(script.iter());
        let mut widths = vec![1, 0];
        let choice = draw.below(4);
        if choice == 0 {
            let capture = capture(&mut draw, &mut widths, ROOT, 4);
            return Self { capture, pairing: None, widths, max_items: max_items(&mut draw) };
        }
        let key = slot(&mut widths, ROOT);
        let mut item = object(&mut draw, &mut widths, ROOT, 3);
        item.properties.retain(|(name, _)| **name != *NAMES[0]);
        item.properties.push((NAMES[0].into(), Capture::Leaf(key)));
        let items = Capture::Items { frame: ROOT, item: Box::new(Capture::Object(Box::new(item))) };
        let capture = match draw.below(2) {
            0 => items,
            _ => Capture::Object(Box::new(ObjectCapture {
                tags: Vec::new(),
                properties: vec![(NAMES[3].into(), items)],
            })),
        };
        let pairing = match choice {
            1 => PairingPlan::Position,
            2 => PairingPlan::Index { key },
            _ => PairingPlan::Group { items: ROOT, key, list: key, bound: Some(draw.below(3).into()) },
        };
        Self { capture, pairing: Some(pairing), widths, max_items: max_items(&mut draw) }
    }

    /// Reads a body with both readers.
    pub(super) fn compare(&self, body: &[u8]) -> Result<(), String> {
        let body = Bytes::copy_from_slice(body);
        let (scanned, expected) = (self.read(true, &body), self.read(false, &body));
        if scanned == expected {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&body);
        Err(format!("body: {text}\nof {self:?}\nscanned: {scanned:#?}\nexpected: {expected:#?}"))
    }

    /// Whether the scanner accepts a body.
    #[cfg(test)]
    pub(super) fn is_read(&self, body: &[u8]) -> bool {
        self.read(true, &Bytes::copy_from_slice(body)).0.is_ok()
    }

    /// Everything that a reader leaves: the arena, the rows found, and the counts.
    fn read(&self, is_scanner: bool, body: &Bytes) -> (Result<Read, BrokenBody>, String) {
        let mut arena = Arena::new(&self.widths);
        let keys: KeyIndex = KEYS.iter().zip(0..).map(|(&key, number)| (key.as_bytes().into(), number)).collect();
        let frames: Vec<FrameId> = (ROOT.index()..self.widths.len()).map(FrameId::at).collect();
        let (mut found, mut counts, mut broken) = (Vec::new(), vec![0; KEYS.len()], Vec::new());
        let row = if self.pairing.is_none() { arena.push_row(ROOT) } else { 0 };
        let pairs = self.pairing.map(|pairing| Pairs {
            leaves: &[],
            pairing,
            keys: &keys,
            frames: &frames,
            asked: (1, 3),
            found: &mut found,
            counts: &mut counts,
            broken: &mut broken,
            spans: None,
        });
        let target = Target { frame: ROOT, row, max_items: self.max_items };
        let read = if is_scanner { scan::read } else { seed::read };
        let result = project_by(read, &self.capture, &mut arena, body, target, pairs, &frames);
        if result == Err(BrokenBody::NotJson) {
            // How far a reader came before it found the error does not matter: nobody reads that row.
            let rows: Vec<_> = frames.iter().map(|&frame| arena.rows(frame)).collect();
            return (result, format!("{rows:?}"));
        }
        (result, format!("{arena:?} {found:?} {counts:?} {broken:?}"))
    }
}

/// A small bound in one case of three, otherwise no bound.
fn max_items(draw: &mut Draw<'_>) -> u32 {
    match draw.below(3) {
        1 => u32::from(draw.below(9)) + 1,
        _ => u32::MAX,
    }
}

fn slot(widths: &mut [u32], frame: FrameId) -> SlotId {
    widths[frame.index()] += 1;
    SlotId(widths[frame.index()] - 1)
}

fn capture(draw: &mut Draw<'_>, widths: &mut Vec<u32>, frame: FrameId, depth: u8) -> Capture {
    match if depth == 0 { 0 } else { draw.below(10) } {
        0..=2 => Capture::Leaf(slot(widths, frame)),
        3..=5 => Capture::Object(Box::new(object(draw, widths, frame, depth))),
        6 | 7 => {
            let slot = slot(widths, frame);
            widths.push(0);
            let items = FrameId::at(widths.len() - 1);
            let bound = Some(u64::from(draw.below(5))).filter(|&bound| bound < 4);
            let item = Box::new(capture(draw, widths, items, depth - 1));
            Capture::List { slot, frame: items, item, bound }
        }
        8 => match draw.below(2) {
            0 => {
                Capture::Index { index: draw.below(3).into(), item: Box::new(capture(draw, widths, frame, depth - 1)) }
            }
            _ => Capture::Many((0..draw.below(3)).map(|_| capture(draw, widths, frame, depth - 1)).collect()),
        },
        _ => Capture::Abstract(Box::new(AbstractCapture {
            tag: slot(widths, frame),
            discriminator: (0..draw.below(3)).map(|_| name(draw).to_owned()).collect(),
            then: Vec::new(),
            cases: vec![("a".into(), 0), ("1".into(), 1), ("b".into(), 2)],
            variants: (0..2).map(|_| object(draw, widths, frame, depth - 1)).collect(),
        })),
    }
}

fn object(draw: &mut Draw<'_>, widths: &mut Vec<u32>, frame: FrameId, depth: u8) -> ObjectCapture {
    let mut object = ObjectCapture::default();
    if draw.below(3) > 0 {
        object.tags.push(Tag { slot: slot(widths, frame), variant: draw.below(2).into() });
    }
    for _ in 0..draw.below(5) {
        let name = name(draw);
        if object.properties.iter().all(|(other, _)| **other != *name) {
            object.properties.push((name.into(), capture(draw, widths, frame, depth.saturating_sub(1))));
        }
    }
    object
}

pub(super) fn name(draw: &mut Draw<'_>) -> &'static str {
    NAMES[draw.below(8) as usize]
}
