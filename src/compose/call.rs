//! An HTTP request whose holes are filled per call.

/// An HTTP request with holes.
#[derive(Debug)]
pub struct RestCall {
    /// The method.
    pub method: http::Method,
    /// The path, relative to the base URL.
    pub path: Vec<PathPart>,
    /// The query, in order.
    pub query: Vec<QueryParameter>,
    /// Headers of this call, beside those of the source.
    pub headers: Vec<HeaderParameter>,
    /// A JSON body.
    pub body: Option<Input>,
    /// Where the sparse fieldset goes.
    pub fieldset: Option<Fieldset>,
}

impl RestCall {
    /// Every input of the request, in the order that they are sent.
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
    /// A value, percent-encoded; lists with commas (style `simple`).
    Value(Input),
}

/// A parameter of the query; null is left out.
#[derive(Debug)]
pub struct QueryParameter {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: Input,
    /// How a list is written.
    pub list: ListForm,
    /// Whether the contract requires it: without a value no call is made.
    pub is_required: bool,
}

/// A parameter that is a header; null is left out.
#[derive(Debug)]
pub struct HeaderParameter {
    /// Its name in lower case.
    pub name: String,
    /// Its value.
    pub value: Input,
    /// Whether the contract requires it: without a value no call is made.
    pub is_required: bool,
}

/// How a list is written in a query.
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
    /// What stands between two members; a key that contains it is never sent.
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
    /// Its name.
    pub name: String,
    /// How the list is written.
    pub list: ListForm,
}

/// A value of a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// Fixed.
    Literal(crate::json::Value),
    /// `$args.a.b`.
    Argument(Vec<String>),
    /// `$this.x`, or `$batch.x`: index into [`super::way::Way::inputs`]. Batched: the list of all
    /// parents' values; else the one parent's.
    Parent(usize),
    /// `$batch->size`.
    BatchSize,
    /// `$claims.a.b`; a missing claim is null.
    Claim(Vec<String>),
    /// `$config.a.b`, of the service's configuration.
    Config(Vec<String>),
    /// An object; members that are not given are left out.
    Object(Vec<(String, Input)>),
    /// A list.
    List(Vec<Input>),
    /// `a ?? b`.
    OrElse(Box<Input>, Box<Input>),
    /// A parameter of an integer or number type that gets a GraphQL `ID`: `"7"` is sent as `7` in JSON bodies.
    Number(Box<Input>),
    /// A parameter of type string that gets a number: `7` is sent as `"7"` in JSON bodies.
    Text(Box<Input>),
}
