//! Sources: the programs that answer calls.

use super::kind::SourceKind;
use crate::diagnostic::Span;

/// A program that answers calls.
#[derive(Debug)]
pub struct Source {
    /// The name of the source, such as `users`, by which configuration and findings call it.
    pub name: String,
    /// The protocol of the source.
    pub kind: SourceKind,
    /// The position of its declaration.
    pub span: Span,
}
