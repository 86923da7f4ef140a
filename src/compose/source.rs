//! Sources: the programs that answer.

use super::kind::SourceKind;
use crate::diagnostic::Span;

/// A program that answers.
#[derive(Debug)]
pub struct Source {
    /// Its name, such as `users`: what configuration and findings call it.
    pub name: String,
    /// What it speaks.
    pub kind: SourceKind,
    /// Where it is declared.
    pub span: Span,
}
