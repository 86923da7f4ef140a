//! Errors of requests, in words that the caller may read.

use super::place::Places;
use apollo_compiler::diagnostic::{Diagnostic, ToCliReport};
use apollo_compiler::parser::{SourceMap, SourceSpan};
use apollo_compiler::validation::DiagnosticData;

/// The document is not GraphQL.
pub const PARSE_FAILED: &str = "GRAPHQL_PARSE_FAILED";
/// The document is not valid against the client schema.
pub const VALIDATION_FAILED: &str = "GRAPHQL_VALIDATION_FAILED";
/// The document has no operation of the wanted name, or has several and none was named.
pub const OPERATION_NOT_FOUND: &str = "OPERATION_NOT_FOUND";
/// The value of a variable does not fit its type.
pub const BAD_USER_INPUT: &str = "BAD_USER_INPUT";
/// The document is too large, too deep or asks for too much.
pub const LIMIT_EXCEEDED: &str = "LIMIT_EXCEEDED";
/// The value of an argument is outside the range that its service accepts.
pub const ARGUMENT_OUT_OF_RANGE: &str = "ARGUMENT_OUT_OF_RANGE";

/// The most errors in one answer.
pub(super) const MAX_ERRORS: usize = 20;

/// The reason why a request is not executed: a request error, for which the answer has no `data` (GraphQL §7.1.2).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct RequestError {
    /// The message. It contains nothing but the caller's own input and names of the client's schema.
    pub message: String,
    /// Lines and columns in the document, both counted from 1.
    pub locations: Vec<(u32, u32)>,
    /// The error's `extensions.code`.
    pub code: &'static str,
    /// What was probably meant, such as "did you mean `name`?". Only callers who may see the schema get it.
    pub suggestion: Option<String>,
}

impl RequestError {
    /// Makes an error without a place in the document.
    #[must_use]
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { message: message.into(), locations: Vec::new(), code, suggestion: None }
    }

    /// Appends the suggestion to the message.
    #[must_use]
    pub fn suggesting(mut self) -> Self {
        if let Some(suggestion) = self.suggestion.take() {
            self.message = format!("{}; {suggestion}", self.message);
        }
        self
    }

    /// Adds the place in the document.
    pub(super) fn at(mut self, location: Option<SourceSpan>, sources: &SourceMap) -> Self {
        let source = location.and_then(|location| Some((location, sources.get(&location.file_id())?)));
        self.locations.extend(source.map(|(location, text)| Places::of(text.source_text()).at(location.offset())));
        self
    }
}

impl RequestError {
    /// Adds a line and a column of the document.
    pub(super) fn located(mut self, location: Option<(u32, u32)>) -> Self {
        self.locations.extend(location);
        self
    }

    /// The memory that it holds, itself included, in bytes.
    #[must_use]
    pub fn weight(&self) -> usize {
        size_of::<Self>() + self.message.capacity() + self.locations.capacity() * size_of::<(u32, u32)>()
    }
}

/// Turns the compiler's findings into errors, at most [`MAX_ERRORS`].
pub(super) fn diagnosed<'a>(
    code: &'static str,
    errors: impl Iterator<Item = Diagnostic<'a, DiagnosticData>>,
    sources: &SourceMap,
) -> Vec<RequestError> {
    let one = |diagnostic: Diagnostic<'_, DiagnosticData>| {
        let data = diagnostic.error;
        RequestError::new(code, data.to_string()).at(data.location(), sources)
    };
    errors.take(MAX_ERRORS).map(one).collect()
}
