//! The kinds of sources, and the questions that the rest of the engine asks about a source or a call by its kind.
//!
//! Every such question is a method here whose `match` names all kinds. So whoever adds a kind answers all questions in
//! this file. Other modules call the methods, and do not match on the kind.

pub(super) mod rest;

use super::header::HeaderRule;
use super::ids::{FieldId, TypeId};
use super::request_value::Input;
use rest::{Fieldset, RestCall};

/// The protocol of a source.
#[derive(Debug)]
pub enum SourceKind {
    /// REST over HTTP.
    Rest {
        /// The URL of `@source(http: { baseURL })`, or else the contract's `servers[0]`. Configuration overrides it.
        base_url: Option<String>,
        /// The headers of every call.
        headers: Vec<HeaderRule>,
    },
    /// A federation subgraph over HTTP. Its URL comes from configuration.
    GraphQl,
    /// A federation subgraph in this process.
    InProcess {
        /// The greatest number of calls that it makes to other services for one request (`@source(maxCalls:)`).
        max_calls: u32,
        /// Whether its answers depend only on what it is asked (`@source(pure:)`). If so, they are shared.
        is_pure: bool,
    },
}

/// The transport by which a source is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport<'a> {
    /// The source is reached over HTTP.
    Http {
        /// The URL that the service's SDL or contract declares. Configuration overrides it.
        base_url: Option<&'a str>,
    },
    /// The source is a function in this process.
    InProcess,
}

impl SourceKind {
    /// The transport by which the source is reached.
    #[must_use]
    pub fn transport(&self) -> Transport<'_> {
        match self {
            Self::Rest { base_url, .. } => Transport::Http { base_url: base_url.as_deref() },
            Self::GraphQl => Transport::Http { base_url: None },
            Self::InProcess { .. } => Transport::InProcess,
        }
    }

    /// Whether the source is code of this process.
    #[must_use]
    pub fn is_in_process(&self) -> bool {
        self.transport() == Transport::InProcess
    }

    /// The headers that its `@source` declares for every call.
    #[must_use]
    pub fn headers(&self) -> &[HeaderRule] {
        match self {
            Self::Rest { headers, .. } => headers,
            Self::GraphQl | Self::InProcess { .. } => &[],
        }
    }

    /// How many calls to services one request to the source may make. For code of this process, the calls that it makes
    /// count, and not the request itself.
    #[must_use]
    pub fn calls_per_request(&self) -> u64 {
        match self {
            Self::Rest { .. } | Self::GraphQl => 1,
            Self::InProcess { max_calls, .. } => u64::from(*max_calls),
        }
    }

    /// Whether an answer may depend on any data of the caller, whichever of it the call sends.
    #[must_use]
    pub fn sees_caller(&self) -> bool {
        match self {
            Self::Rest { .. } | Self::GraphQl => false,
            Self::InProcess { is_pure, .. } => !is_pure,
        }
    }

    /// Whether one request may ask for several root fields that only read.
    #[must_use]
    pub fn joins_roots(&self) -> bool {
        match self {
            Self::GraphQl => true,
            Self::Rest { .. } | Self::InProcess { .. } => false,
        }
    }

    /// Whether its lists must have a bound where each item would cause a call.
    #[must_use]
    pub fn must_bound_lists(&self) -> bool {
        match self {
            Self::Rest { .. } => true,
            Self::GraphQl | Self::InProcess { .. } => false,
        }
    }
}

/// The request of a way to its source.
#[derive(Debug)]
pub enum Call {
    /// An HTTP endpoint.
    Rest(RestCall),
    /// A GraphQL document.
    GraphQl(GraphQlCall),
}

/// The kind of request that a document makes to a GraphQL source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GraphQlCall {
    /// A root field.
    Root(FieldId),
    /// Entities of a type by key, with `_entities`.
    Entities(TypeId),
}

impl Call {
    /// The HTTP request with holes, if the call is one.
    #[must_use]
    pub fn rest(&self) -> Option<&RestCall> {
        match self {
            Self::Rest(call) => Some(call),
            Self::GraphQl(_) => None,
        }
    }

    /// The request of the call's document, if it has one. Then the answer consists of the selected fields.
    #[must_use]
    pub fn graphql(&self) -> Option<GraphQlCall> {
        match self {
            Self::Rest(_) => None,
            Self::GraphQl(call) => Some(*call),
        }
    }

    /// The inputs that are rendered into the request itself.
    pub fn inputs(&self) -> impl Iterator<Item = &Input> {
        let call = match self {
            Self::Rest(call) => Some(call),
            // Arguments are variables of the document, and keys are its representations.
            Self::GraphQl(_) => None,
        };
        call.into_iter().flat_map(RestCall::inputs)
    }

    /// Names of the headers that the call sends beside those of its source.
    pub fn header_names(&self) -> impl Iterator<Item = &str> {
        let headers = match self {
            Self::Rest(call) => call.headers.as_slice(),
            Self::GraphQl(_) => &[],
        };
        headers.iter().map(|header| header.name.as_str())
    }

    /// The parameter for the names of the wanted fields, if the request has one.
    #[must_use]
    pub fn fieldset(&self) -> Option<&Fieldset> {
        match self {
            Self::Rest(call) => call.fieldset.as_ref(),
            Self::GraphQl(_) => None,
        }
    }

    /// The names of the properties around the answer, from the outside in.
    #[must_use]
    pub fn envelope(&self) -> &'static [&'static str] {
        match self {
            Self::Rest(_) => &[],
            Self::GraphQl(_) => &["data"],
        }
    }

    /// Whether the call may be made conditional (RFC 9110 §13.1).
    #[must_use]
    pub fn may_be_conditional(&self) -> bool {
        match self {
            Self::Rest(call) => call.method == http::Method::GET,
            Self::GraphQl(_) => false,
        }
    }

    /// Whether a status of 200 to 299 that no contract declares means success: for a read, that the whole answer is
    /// there (RFC 9110 §15.3); for a write, that it was accepted.
    #[must_use]
    pub fn is_undeclared_success(&self, status: u16, is_safe: bool) -> bool {
        match self {
            // 206 is a part of the answer, although no part was asked for (RFC 9110 §15.3.7).
            Self::GraphQl(_) => status != 206,
            Self::Rest(_) => match status {
                200 | 201 | 203 => true,
                202 | 204 | 205 => !is_safe,
                _ => false,
            },
        }
    }
}
