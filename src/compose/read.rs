//! Where in an answer's JSON a value is: what a checked `selection` becomes.

use super::request_value::Input;
use crate::json::Value;

/// A path in JSON; empty: the value itself. Null or missing anywhere on it gives null.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct JsonPath(pub Vec<Segment>);

/// One step of a [`JsonPath`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Segment {
    /// A property of an object.
    Property(String),
    /// An item of an array; null when it is not there.
    Index(u32),
    /// Every item of an array: what follows is relative to each, and the value is the list of results.
    /// A list value's own items are not written: `Each` stands only where the path goes on behind a list.
    Each,
}

/// How a value is read.
#[derive(Debug, Clone, PartialEq)]
pub struct Read {
    /// Its start.
    pub from: From,
    /// What is done to it, in order.
    pub then: Vec<Method>,
    /// `??`: taken when the value is null or missing.
    pub or: Option<Box<Read>>,
}

impl Read {
    /// A plain path.
    #[must_use]
    pub fn path(path: JsonPath) -> Self {
        Self { from: From::Json(path), then: Vec::new(), or: None }
    }

    /// The path, if the value is just that.
    #[must_use]
    pub fn as_path(&self) -> Option<&JsonPath> {
        match &self.from {
            From::Json(path) if self.then.is_empty() && self.or.is_none() => Some(path),
            _ => None,
        }
    }
}

/// Where a read starts.
#[derive(Debug, Clone, PartialEq)]
pub enum From {
    /// In the answer, relative to the object at hand.
    Json(JsonPath),
    /// `$(…)`.
    Literal(Value),
    /// `$args.x`, `$claims.x`, `$config.x`: the same for the whole call.
    Input(Input),
}

/// A method of a mapping, such as `->first`. They give leaves, never objects, `First` and `Last` aside.
#[derive(Debug, Clone, PartialEq)]
pub enum Method {
    /// First item of an array, or first character of a string.
    First,
    /// Last item of an array, or last character of a string.
    Last,
    /// Number of items, of characters or of properties.
    Size,
    /// Is it equal to the literal?
    Eq(Value),
    /// Negates a boolean.
    Not,
    /// The second of the first pair whose first equals the value; else null.
    Match(Vec<(Value, Value)>),
}
