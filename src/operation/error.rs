//! What is wrong with a request, in words that the caller may read.

use super::place::Places;
use apollo_compiler::diagnostic::{Diagnostic, ToCliReport};
use apollo_compiler::parser::{SourceMap, SourceSpan};
use apollo_compiler::validation::DiagnosticData;

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
pub(super) const MAX_ERRORS: usize = 20;

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
    /// What was probably meant, such as "did you mean `name`?": for those who may see the schema.
    pub suggestion: Option<String>,
}

impl RequestError {
    /// An error that has no place in the document.
    #[must_use]
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { message: message.into(), locations: Vec::new(), code, suggestion: None }
    }

    /// The same with its suggestion as a part of the message.
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

    /// Bytes of memory that it holds, itself included.
    #[must_use]
    pub fn weight(&self) -> usize {
        size_of::<Self>() + self.message.capacity() + self.locations.capacity() * size_of::<(u32, u32)>()
    }
}

/// The compiler's findings as errors, the first few.
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
