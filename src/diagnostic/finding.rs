//! The parts of a finding: code, message, labelled spans and help.

use super::{Code, Span};

/// Whether a finding prevents a project from running.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The project cannot run as it is.
    Error,
    /// The project runs, but something is probably wrong.
    Warning,
}

/// A span with a text that explains it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// The place in a file.
    pub span: Span,
    /// What is there, in a few words.
    pub text: String,
}

/// A problem in a text, with everything that a person needs to correct it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What kind of finding it is, such as [`Code::E101`].
    pub code: Code,
    /// What is wrong, with the name of the thing and without a full stop.
    pub message: String,
    /// The first label is the place of the problem. Further ones show what it contradicts.
    pub labels: Vec<Label>,
    /// What to do about it.
    pub help: Option<String>,
}

impl Finding {
    /// Makes a finding with one label.
    #[must_use]
    pub fn new(code: Code, message: impl Into<String>, span: Span, label: impl Into<String>) -> Self {
        let labels = vec![Label { span, text: label.into() }];
        Self { code, message: message.into(), labels, help: None }
    }

    /// Adds a label at another place, such as a line of the contract.
    #[must_use]
    pub fn and(mut self, span: Span, label: impl Into<String>) -> Self {
        self.labels.push(Label { span, text: label.into() });
        self
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Whether it is an error or a warning, which follows from its code.
    #[must_use]
    pub fn severity(&self) -> Severity {
        self.code.severity()
    }

    /// Whether the project cannot run because of it.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.severity() == Severity::Error
    }

    /// The place of the problem.
    #[must_use]
    pub fn span(&self) -> Option<Span> {
        self.labels.first().map(|label| label.span)
    }
}
