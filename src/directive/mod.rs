//! Directives: one table of all that exist, with the places where each is allowed and what happens with it there.
//!
//! In: the directives of a parsed SDL file, and its `@link`s. Out: the known [`Directive`] that each of them is, and a
//! finding for each that is unknown, not imported, not supported, given twice, given wrong arguments, or at a place that
//! its specification does not allow.
//! Elsewhere: what a directive means ([`crate::sdl`] and [`crate::view`] read it, [`crate::compose`] enforces it).
//!
//! Always true:
//! - every directive at every location is enforced, promises nothing, or is refused: [`Directive::support`] has no default
//!   case, so that the compiler asks for an answer when a directive is added;
//! - a reader gets only directives that are enforced at their places.

mod check;
mod import;
mod names;
mod place;
mod support;
mod table;
#[cfg(test)]
mod tests;
mod url;

pub(crate) use check::DirectiveUse;
pub(crate) use names::Names;
pub(crate) use place::{FileKind, Location, Page};
pub(crate) use table::Directive;
