//! JSON (RFC 8259): values that keep the text of their numbers, and a cursor over text.
//!
//! In: JSON text. Out: a [`Value`], or the places of values in the text (`Json`).
//! Elsewhere: which parts of a service's answer are kept ([`crate::execute`]).
//!
//! `serde_json::Value` is not used, because its numbers are doubles unless they are 64-bit integers: a decimal of a
//! custom scalar would reach its service as another number. The feature `arbitrary_precision` keeps the digits, but
//! changes how every other crate of a program reads numbers.
//!
//! Always true:
//! - a number is sent with the digits that it came with;
//! - two numbers are the same value only if they are exactly equal, even beyond the range of doubles;
//! - no value is nested deeper than [`MAX_DEPTH`], whether it is read, kept as text or skipped (RFC 8259 §9 allows an
//!   implementation to limit it).

mod cursor;
mod number;
mod places;
mod read;
#[cfg(test)]
mod tests;
mod value;

pub(crate) use cursor::Json;
pub use number::Number;
pub(crate) use number::{is_number, to_integer};
pub(crate) use places::{check, is_deeper_than, member};
pub use read::ReadError;
pub(crate) use value::write_text;
pub use value::{Map, Value};

/// How deeply objects and lists may be nested in a text: 128 levels.
pub const MAX_DEPTH: u32 = 128;

/// The error for a text that is not JSON, or is nested deeper than [`MAX_DEPTH`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed;
