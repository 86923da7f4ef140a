//! Variables as they come with a request, and as they are kept. Both are JSON text, so that neither takes more memory
//! than the body of the request.

use crate::json;
use crate::json::Value as Json;
use bytes::Bytes;
use serde_json::Map;

/// The variables of a request as the client sent them: the text of a JSON object that was not read yet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GivenVariables(Bytes);

impl GivenVariables {
    /// Takes the text of a JSON object, or an empty text if there are no variables. [`super::Prepared::coerce`] refuses
    /// any other text. The text may be a part of the request's body, which it keeps in memory.
    #[must_use]
    pub fn new(text: Bytes) -> Self {
        Self(text)
    }

    /// The text; empty if there are no variables.
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

/// A value as JSON text, with the graph's names.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct JsonText(Box<str>);

impl JsonText {
    /// Takes a text that is known to be JSON.
    pub(super) fn new(text: String) -> Self {
        Self(text.into())
    }

    /// The JSON text. Numbers have the digits that were sent.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the value is `null`.
    #[must_use]
    pub fn is_null(&self) -> bool {
        &*self.0 == "null"
    }

    /// Whether the value is `true`.
    #[must_use]
    pub fn is_true(&self) -> bool {
        &*self.0 == "true"
    }

    /// The text of the value at a path of member names; `None` if there is no such value.
    #[must_use]
    pub fn member(&self, path: &[String]) -> Option<&str> {
        json::member(&self.0, path)
    }

    /// Reads the text into a value.
    #[must_use]
    pub fn to_json(&self) -> Json {
        // The text was made from JSON whose depth was checked when it was read.
        Json::read(self.0.as_bytes()).unwrap_or_default()
    }
}

impl From<&Json> for JsonText {
    fn from(value: &Json) -> Self {
        Self(value.to_string().into())
    }
}
