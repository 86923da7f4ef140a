//! JSON (RFC 8259): values that keep the text of their numbers, and a cursor over text.
//!
//! In: JSON text. Out: a [`Value`], or the places of values in the text (`Json`).
//! Elsewhere: what of an upstream body is kept ([`crate::execute`]).
//!
//! Why not `serde_json::Value`: a number of it is a double where it is no 64-bit integer, so that a decimal of a custom
//! scalar would reach its service as another number. Its feature `arbitrary_precision` keeps digits, but changes how every
//! other crate of a program reads numbers.
//!
//! Always true:
//! - a number is sent with the digits that it came with;
//! - two numbers are the same value if they are equal exactly, beyond the range of doubles too;
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

/// Deepest nesting of objects and lists in a text: 128 levels.
pub const MAX_DEPTH: u32 = 128;

/// The text is not JSON, or nested deeper than [`MAX_DEPTH`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed;
