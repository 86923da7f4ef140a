//! Findings about text: what is wrong, where, and what to do.
//!
//! In: the files of a project, as text. Out: [`Finding`]s with spans into those files.
//! Elsewhere: drawing (`draw`, behind the feature `cli`); run-time errors ([`crate::execute`]).
//!
//! Always true:
//! - a span's offsets are bytes of the file it names, start ≤ end ≤ the file's length;
//! - a code, once given, keeps its meaning.

mod finding;
mod source;

pub use finding::{Finding, Label, Severity};
pub use source::{FileId, Position, Sources, Span};
