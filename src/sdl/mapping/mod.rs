//! The mapping language: the values of `params:`, `body:` and `selection:`.
//!
//! In: a string of an SDL file. Out: a [`Mapping`], or findings for what the language does not have.
//! Elsewhere: checking mappings against contracts and the graph ([`crate::compose`]).
//!
//! Always true:
//! - every span lies inside the string in the SDL file;
//! - nesting is bounded, so that no text can exhaust the stack;
//! - printing a mapping and parsing it again gives the same mapping.

mod ast;
mod lex;
mod parse;
mod print;
#[cfg(test)]
mod tests;

pub use ast::{Entry, Expression, Fields, Mapping, MappingBody, Method, Start, Step, Variable};
pub(crate) use lex::MappingText;
pub use parse::Use;
pub(crate) use parse::parse;
