//! Mocking: answers operations on any schema without services, with made-up data that is always the same.
//!
//! In: a schema ([`crate::view::plain`]) and [`MockOptions`]. Out: [`MockEngine`], an engine like any other.
//! Elsewhere: validation and execution ([`crate::operation`]); HTTP around it ([`crate::http`]).
//!
//! How a value is made: `object` resolves a field from the identity of the object (`identity`), the arguments (`arguments`) and
//! the place in a list (`page`). `answering` makes the value by its type, `leaf` and `words` make scalars by their names,
//! and `chance` makes the numbers behind them.
//!
//! Always true:
//! - the same seed, schema and request give the same answer, without a clock and without state;
//! - an object with an id is the same on every path; the exception are fields that have the name of an argument, because
//!   they return the argument;
//! - the number of values in an answer and the number of items in a list are bounded.

mod answering;
mod arguments;
mod chance;
mod engine;
mod identity;
mod leaf;
mod object;
mod page;
#[cfg(test)]
mod tests;
mod words;

pub use engine::{MockEngine, MockOptions};
