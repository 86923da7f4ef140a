//! Mocking: any schema answers without services, with made-up data that stays the same.
//!
//! In: a schema ([`crate::view::plain`]) and [`MockOptions`]. Out: [`MockEngine`], an engine like any other.
//! Elsewhere: validation and execution ([`crate::operation`]); HTTP around it ([`crate::http`]).
//!
//! The way of a value: `object` resolves one field, by who the object is (`identity`), what it was asked with (`given`)
//! and where in a list it stands (`page`); `answering` makes it by its type, `leaf` and `words` scalars by their names,
//! `chance` the numbers behind them.
//!
//! Always true:
//! - the same seed, schema and request give the same answer; no clock, no state;
//! - an object with an id is the same wherever it occurs, whatever way led to it; arguments that are named like its
//!   fields are the exception, since they are echoed;
//! - an answer holds a bounded number of values, a list a bounded number of items.

mod answering;
mod chance;
mod engine;
mod given;
mod identity;
mod leaf;
mod object;
mod page;
#[cfg(test)]
mod tests;
mod words;

pub use engine::{MockEngine, MockOptions};
