//! Directives: the one table of all that exist, what each of them may stand on, and what we do with it there.
//!
//! In: the directives of a parsed SDL file, and its `@link`s. Out: which known [`Directive`] each of them is, and a finding
//! for each that does not hold: unknown, not imported, at a place that its specification does not allow, given wrong
//! arguments, given twice, or not supported.
//! Elsewhere: what a directive means ([`crate::sdl`] and [`crate::view`] read it, [`crate::compose`] enforces it).
//!
//! Always true:
//! - every directive at every location is enforced, promises nothing, or is refused: [`Directive::support`] has no default
//!   case, so that the compiler asks for an answer when a directive is added;
//! - a reader is only handed directives that are enforced where they stand.

mod check;
mod import;
mod names;
mod place;
mod support;
mod table;
#[cfg(test)]
mod tests;
mod url;

pub(crate) use check::Used;
pub(crate) use names::Names;
pub(crate) use place::{FileKind, Location, Page};
pub(crate) use table::Directive;
