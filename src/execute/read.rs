//! Reading the arena: joins are followed, and leaves are read as JSON text.

use super::arena::{Arena, Slot};
use super::input::Inputs;
use super::leaf;
use crate::compose::Input;
use crate::plan::{FrameId, Join, LeafRead, LeafSource, StepId};
use std::borrow::Cow;

/// A row, or the reason why there is none.
#[derive(Debug, Clone, Copy)]
pub(super) enum RowLookUp {
    Row(FrameId, u32),
    Null,
    Failed(u32),
}

/// A leaf's text, or the reason why there is none.
#[derive(Debug)]
pub(super) enum Token<'a> {
    Text(Cow<'a, [u8]>),
    Null,
    Failed(u32),
}

/// Follows joins from a row.
#[inline]
pub(super) fn follow(arena: &Arena, joins: &[Join], frame: FrameId, row: u32) -> RowLookUp {
    let (mut frame, mut row) = (frame, row);
    for join in joins {
        match arena.get(frame, row, join.slot) {
            Slot::Row(next) => (frame, row) = (join.frame, next),
            Slot::Failed(error) => return RowLookUp::Failed(error),
            _ => return RowLookUp::Null,
        }
    }
    RowLookUp::Row(frame, row)
}

/// A text in the arena.
#[derive(Debug, Clone, Copy)]
pub(super) struct TextSpan {
    body: u32,
    start: u32,
    len: u32,
}

impl TextSpan {
    #[inline]
    pub(super) fn text(self, arena: &Arena) -> &[u8] {
        arena.text(self.body, self.start, self.len)
    }
}

/// The text of a leaf that was captured, is not null, and needs no method. `None` for all others, for which [`follow`]
/// and [`token`] say what they are.
#[inline]
pub(super) fn plain(arena: &Arena, joins: &[Join], read: &LeafRead, (frame, row): (FrameId, u32)) -> Option<TextSpan> {
    let LeafRead { source: LeafSource::Slot(slot), then, or: None } = read else { return None };
    let (true, RowLookUp::Row(frame, row)) = (then.is_empty(), follow(arena, joins, frame, row)) else { return None };
    match arena.get(frame, row, *slot) {
        Slot::Text { body, start, len } => Some(TextSpan { body, start, len }),
        _ => None,
    }
}

/// Reads a leaf of a row. `inputs` gives the inputs of a step, for mappings that use them.
#[inline]
pub(super) fn token<'a>(
    arena: &'a Arena,
    read: &'a LeafRead,
    (frame, row): (FrameId, u32),
    inputs: &dyn Fn(StepId, &Input) -> Option<String>,
) -> Token<'a> {
    let start = match &read.source {
        LeafSource::Slot(slot) => match arena.get(frame, row, *slot) {
            Slot::Text { body, start, len } => Token::Text(Cow::Borrowed(arena.text(body, start, len))),
            Slot::Failed(error) => return Token::Failed(error),
            // For an object, only its presence matters.
            Slot::Object(_) => Token::Text(Cow::Borrowed(b"{}")),
            _ => Token::Null,
        },
        LeafSource::Constant(text) if text == "null" => Token::Null,
        LeafSource::Constant(text) => Token::Text(Cow::Borrowed(text.as_bytes())),
        LeafSource::Input(step, input) => {
            inputs(*step, input).map_or(Token::Null, |text| Token::Text(Cow::Owned(text.into_bytes())))
        }
    };
    if read.then.is_empty() && read.or.is_none() {
        return start;
    }
    let value = match start {
        Token::Text(text) => {
            let text = String::from_utf8_lossy(&text).into_owned();
            leaf::apply(text.into(), &read.then).map(|text| text.into_owned().into_bytes())
        }
        // Methods take null as a value: `next->eq(null)`.
        _ if read.then.is_empty() => None,
        _ => leaf::apply("null".into(), &read.then).map(|text| text.into_owned().into_bytes()),
    };
    match (value, &read.or) {
        (Some(text), _) => Token::Text(Cow::Owned(text)),
        (None, Some(or)) => token(arena, or, (frame, row), inputs),
        (None, None) => Token::Null,
    }
}

/// An input of a step as JSON text. `None` if it is null.
pub(super) fn input_text<'a>(inputs: &Inputs<'a>, input: &'a Input) -> Option<String> {
    let value = inputs.json(input).filter(|value| !value.is_null());
    value.map(|value| value.to_string())
}
