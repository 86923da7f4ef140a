//! The mapping language: the values of `params:`, `body:` and `selection:` (BINDINGS, "Mapping subset").
//!
//! In: a string of an SDL file. Out: a [`Mapping`], or findings that name what is outside the subset.
//! Elsewhere: checking it against contract and graph ([`crate::compose`]).
//!
//! Always true:
//! - every span lies in the SDL file, inside the string;
//! - nesting is bounded, so that no text can exhaust the stack;
//! - printing and parsing again gives the same mapping.

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
