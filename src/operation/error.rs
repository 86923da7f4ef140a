//! What is wrong with a request, in words that the caller may read.

use apollo_compiler::diagnostic::ToCliReport;
use apollo_compiler::parser::{SourceMap, SourceSpan};
use apollo_compiler::validation::DiagnosticList;

/// The document is not GraphQL.
pub const PARSE_FAILED: &str = "GRAPHQL_PARSE_FAILED";
/// The document is not valid against the client schema.
pub const VALIDATION_FAILED: &str = "GRAPHQL_VALIDATION_FAILED";
/// The document has no such operation.
pub const OPERATION_NOT_FOUND: &str = "OPERATION_NOT_FOUND";
/// A variable does not fit.
pub const BAD_USER_INPUT: &str = "BAD_USER_INPUT";
/// The document is too large, too deep or asks for too much.
pub const LIMIT_EXCEEDED: &str = "LIMIT_EXCEEDED";
/// An argument is outside what its service accepts.
pub const ARGUMENT_OUT_OF_RANGE: &str = "ARGUMENT_OUT_OF_RANGE";

/// Most errors in one answer.
const MAX_ERRORS: usize = 20;

/// Why a request is not executed: an error without `data` (GraphQL §7.1.2).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct RequestError {
    /// What is wrong, made of the caller's own input and the client schema only.
    pub message: String,
    /// Lines and columns of the document, both from 1.
    pub locations: Vec<(u32, u32)>,
    /// `extensions.code`.
    pub code: &'static str,
}

impl RequestError {
    /// An error that has no place in the document.
    #[must_use]
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { message: message.into(), locations: Vec::new(), code }
    }

    /// Adds the place in the document.
    pub(super) fn at(mut self, location: Option<SourceSpan>, sources: &SourceMap) -> Self {
        let source = location.and_then(|location| Some((location, sources.get(&location.file_id())?)));
        if let Some((location, source)) = source {
            self.locations.push(place(source.source_text(), location.offset()));
        }
        self
    }
}

/// Line and column, in characters, of a byte of a document. The compiler's own columns count bytes, and its lines end
/// at characters that end none in GraphQL.
///
/// # Source
/// GraphQL §2.1.3 (`LineTerminator`).
fn place(text: &str, offset: usize) -> (u32, u32) {
    let (mut line, mut column) = (1_u32, 1_u32);
    let mut previous = ' ';
    for c in text.char_indices().take_while(|(at, _)| *at < offset).map(|(_, c)| c) {
        match c {
            '\n' if previous == '\r' => {}
            '\n' | '\r' => (line, column) = (line.saturating_add(1), 1),
            _ => column = column.saturating_add(1),
        }
        previous = c;
    }
    (line, column)
}

/// The compiler's findings as errors, the first few.
pub(super) fn diagnosed(code: &'static str, errors: &DiagnosticList, sources: &SourceMap) -> Vec<RequestError> {
    let one = |diagnostic: apollo_compiler::diagnostic::Diagnostic<'_, _>| {
        let data: &apollo_compiler::validation::DiagnosticData = diagnostic.error;
        RequestError::new(code, data.to_string()).at(data.location(), sources)
    };
    errors.iter().take(MAX_ERRORS).map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::place;

    #[test]
    fn columns_count_characters_and_lines_end_as_the_specification_has_them() {
        for (before, expected) in [
            ("", (1, 1)),
            ("{ a(x: \"\u{e9}\u{1f600}\") ", (1, 14)),
            ("a\nb\rc\r\nd", (4, 2)),
            ("a\u{2028}b\u{b}c\u{85}", (1, 7)),
            ("{\n", (2, 1)),
        ] {
            assert_eq!(place(&format!("{before}nope }}"), before.len()), expected, "{before:?}");
        }
    }
}
