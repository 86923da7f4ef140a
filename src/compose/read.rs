//! Where a value is in the JSON of an answer. A checked `selection` becomes this.

use super::request_value::Input;
use crate::json::Value;

/// A path in JSON. The empty path means the value itself. A null or missing value on the path gives null.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct JsonPath(pub Vec<Segment>);

/// One step of a [`JsonPath`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Segment {
    /// A property of an object.
    Property(String),
    /// An item of an array; null if the array is too short.
    Index(u32),
    /// Every item of an array: the rest of the path is relative to each item, and the value is the list of the results.
    /// `Each` is used only where the path continues after a list; it is not written for the items of the value itself.
    Each,
}

/// How a value is read.
#[derive(Debug, Clone, PartialEq)]
pub struct Read {
    /// The start of the read.
    pub from: From,
    /// The methods that are applied to the value, in order.
    pub then: Vec<Method>,
    /// The operand after `??`, which is read if the value is null or missing.
    pub or: Option<Box<Read>>,
}

impl Read {
    /// A plain path.
    #[must_use]
    pub fn path(path: JsonPath) -> Self {
        Self { from: From::Json(path), then: Vec::new(), or: None }
    }

    /// The path, if the read is a path and nothing else.
    #[must_use]
    pub fn as_path(&self) -> Option<&JsonPath> {
        match &self.from {
            From::Json(path) if self.then.is_empty() && self.or.is_none() => Some(path),
            _ => None,
        }
    }
}

/// The start of a read.
#[derive(Debug, Clone, PartialEq)]
pub enum From {
    /// A path in the answer, relative to the current object.
    Json(JsonPath),
    /// A literal, `$(…)`.
    Literal(Value),
    /// An input, `$args.x`, `$claims.x` or `$config.x`. It is the same for the whole call.
    Input(Input),
}

/// A method of a mapping, such as `->first`. All methods except `First` and `Last` give leaves, and never objects.
#[derive(Debug, Clone, PartialEq)]
pub enum Method {
    /// The first item of an array, or the first character of a string.
    First,
    /// The last item of an array, or the last character of a string.
    Last,
    /// The number of items of an array, of characters of a string, or of properties of an object.
    Size,
    /// Whether the value equals the literal.
    Eq(Value),
    /// Negates a boolean.
    Not,
    /// The second value of the first pair whose first value equals the input; null if there is none.
    Match(Vec<(Value, Value)>),
}
