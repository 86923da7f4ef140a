//! Variables as they come with a request, and as they are kept: JSON text in both cases, so that neither takes more room
//! than the request's own body.

use crate::json;
use crate::json::Value as Json;
use bytes::Bytes;
use serde_json::Map;

/// The variables of a request as the client has sent them: the text of a JSON object that nobody has read yet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GivenVariables(Bytes);

impl GivenVariables {
    /// Takes the text of a JSON object; what is none is refused by [`super::Prepared::coerce`]. An empty text: no
    /// variables. The text may be a part of the request's body, which it then keeps alive.
    #[must_use]
    pub fn new(text: Bytes) -> Self {
        Self(text)
    }

    /// The text; empty: no variables.
    #[must_use]
    pub fn text(&self) -> &[u8] {
        &self.0
    }
}

impl From<&Map<String, serde_json::Value>> for GivenVariables {
    fn from(members: &Map<String, serde_json::Value>) -> Self {
        Self(serde_json::to_vec(members).unwrap_or_default().into())
    }
}

/// A value as JSON text, in graph vocabulary.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct JsonText(Box<str>);

impl JsonText {
    /// Takes a text that is JSON.
    pub(super) fn new(text: String) -> Self {
        Self(text.into())
    }

    /// The value as JSON text, with the digits of numbers as they were sent.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Is it null?
    #[must_use]
    pub fn is_null(&self) -> bool {
        &*self.0 == "null"
    }

    /// Is it true?
    #[must_use]
    pub fn is_true(&self) -> bool {
        &*self.0 == "true"
    }

    /// The text of the value behind a path of member names; `None`: there is none.
    #[must_use]
    pub fn member(&self, path: &[String]) -> Option<&str> {
        json::member(&self.0, path)
    }

    /// The value, built.
    #[must_use]
    pub fn to_json(&self) -> Json {
        // What is written here was JSON of bounded depth when it was read.
        Json::read(self.0.as_bytes()).unwrap_or_default()
    }
}

impl From<&Json> for JsonText {
    fn from(value: &Json) -> Self {
        Self(value.to_string().into())
    }
}
