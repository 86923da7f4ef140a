//! Sources: the programs that answer, and the headers that each of them is sent.

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

/// What a source speaks.
#[derive(Debug)]
pub enum SourceKind {
    /// REST over HTTP.
    Rest {
        /// `@source(http: { baseURL })`, else the contract's `servers[0]`; configuration overrides it.
        base_url: Option<String>,
        /// Headers of every call.
        headers: Vec<HeaderRule>,
    },
    /// A federation subgraph over HTTP; its URL comes from configuration.
    GraphQl,
    /// A federation subgraph in this process.
    InProcess {
        /// Most calls that it makes to other services for one request (`@source(maxCalls:)`).
        max_calls: u32,
        /// Do its answers depend on nothing but what it is asked (`@source(pure:)`)? Then they are shared.
        is_pure: bool,
    },
}

impl SourceKind {
    /// Calls of services that one request to the source may make: code of this process is no service, and what counts
    /// is what it calls.
    #[must_use]
    pub fn calls_per_request(&self) -> u64 {
        match self {
            Self::Rest { .. } | Self::GraphQl => 1,
            Self::InProcess { max_calls, .. } => u64::from(*max_calls),
        }
    }
}

/// A header of every call to a source.
#[derive(Debug, Clone)]
pub struct HeaderRule {
    /// The header sent, in lower case.
    pub name: String,
    /// What it holds.
    pub value: HeaderValue,
}

/// What a configured header holds.
#[derive(Debug, Clone)]
pub enum HeaderValue {
    /// The caller's header of this name (lower case), forwarded.
    Forwarded(String),
    /// Fixed text.
    Literal(String),
    /// A value of the service's configuration, by path.
    Config(Vec<String>),
}
