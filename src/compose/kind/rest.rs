//! Calls of REST services: an HTTP request with holes that each call fills.

use crate::compose::request_value::Input;

/// An HTTP request with holes.
#[derive(Debug)]
pub struct RestCall {
    /// The method of the request.
    pub method: http::Method,
    /// The path, relative to the base URL of the source.
    pub path: Vec<PathPart>,
    /// The parameters of the query, in the order in which they are sent.
    pub query: Vec<QueryParameter>,
    /// The headers of this call, beside those of the source.
    pub headers: Vec<HeaderParameter>,
    /// The JSON body, if the request has one.
    pub body: Option<Input>,
    /// The parameter that takes the sparse fieldset, if there is one.
    pub fieldset: Option<Fieldset>,
}

impl RestCall {
    /// All inputs of the request, in the order in which they are sent.
    pub fn inputs(&self) -> impl Iterator<Item = &Input> {
        let path = self.path.iter().filter_map(|part| match part {
            PathPart::Value(input) => Some(input),
            PathPart::Literal(_) => None,
        });
        let query = self.query.iter().map(|parameter| &parameter.value);
        let headers = self.headers.iter().map(|header| &header.value);
        path.chain(query).chain(headers).chain(&self.body)
    }
}

/// A piece of a path.
#[derive(Debug)]
pub enum PathPart {
    /// Fixed text, slashes included.
    Literal(String),
    /// A value, percent-encoded. Lists are separated by commas (style `simple`).
    Value(Input),
}

/// A parameter of the query. It is left out if its value is null.
#[derive(Debug)]
pub struct QueryParameter {
    /// The name of the parameter.
    pub name: String,
    /// The value of the parameter.
    pub value: Input,
    /// The form in which a list is written.
    pub list: ListForm,
    /// Whether the contract requires it. If so, no call is made without a value.
    pub is_required: bool,
}

/// A parameter that is a header. It is left out if its value is null.
#[derive(Debug)]
pub struct HeaderParameter {
    /// The name of the header, in lower case.
    pub name: String,
    /// The value of the header.
    pub value: Input,
    /// Whether the contract requires it. If so, no call is made without a value.
    pub is_required: bool,
}

/// The form in which a list is written in a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListForm {
    /// `id=1&id=2`.
    Repeat,
    /// `ids=1,2`.
    Comma,
    /// `ids=1%202`.
    Space,
    /// `ids=1|2`.
    Pipe,
}

impl ListForm {
    /// The character between two items, if there is one. A key that contains it is never sent.
    #[must_use]
    pub fn delimiter(self) -> Option<char> {
        match self {
            Self::Repeat => None,
            Self::Comma => Some(','),
            Self::Space => Some(' '),
            Self::Pipe => Some('|'),
        }
    }
}

/// The parameter that takes a sparse fieldset (ARCHITECTURE, "Sparse fieldsets").
#[derive(Debug)]
pub struct Fieldset {
    /// The name of the parameter.
    pub name: String,
    /// The form in which the list is written.
    pub list: ListForm,
}
