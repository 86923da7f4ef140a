//! Header rules: what every call to a source is sent.

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
