//! Messages of the sub-protocol `graphql-transport-ws`.
//!
//! # Source
//! "GraphQL over WebSocket Protocol" of `graphql-ws`, "Message types".

use super::request::Parameters;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// Longest id of an operation, in bytes.
const MAX_ID_BYTES: usize = 128;

/// Why a connection is closed: a code and the reason that clients know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Close(pub(super) u16, pub(super) &'static str);

/// What a client sends.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Client {
    ConnectionInit {
        #[serde(default)]
        payload: Option<Map<String, Value>>,
    },
    Ping {
        #[serde(default)]
        payload: Option<Map<String, Value>>,
    },
    Pong {
        #[serde(default, rename = "payload")]
        _payload: Option<Map<String, Value>>,
    },
    Subscribe {
        id: String,
        payload: Parameters,
    },
    Complete {
        id: String,
    },
}

impl Client {
    /// `None`: it is none of the protocol's.
    pub(super) fn read(text: &[u8]) -> Option<Self> {
        let message: Self = serde_json::from_slice(text).ok()?;
        match &message {
            Self::Subscribe { id, .. } | Self::Complete { id } if id.is_empty() || id.len() > MAX_ID_BYTES => None,
            _ => Some(message),
        }
    }
}

/// What a client is sent.
pub(super) enum Message<'a> {
    ConnectionAck,
    Pong {
        payload: Option<Map<String, Value>>,
    },
    /// `payload`: a response, as JSON text.
    Next {
        id: &'a str,
        payload: &'a str,
    },
    Error {
        id: &'a str,
        errors: Value,
    },
    Complete {
        id: &'a str,
    },
}

impl<'a> Message<'a> {
    /// The errors of a response without `data`.
    pub(super) fn error(id: &'a str, response: &str) -> Self {
        let mut response: Value = serde_json::from_str(response).unwrap_or_default();
        let errors = response.get_mut("errors").map(Value::take).unwrap_or_else(|| json!([]));
        Self::Error { id, errors }
    }

    /// An error that the engine knows nothing of.
    pub(super) fn refused(id: &'a str, code: &str, message: &str) -> Self {
        Self::Error { id, errors: json!([{ "message": message, "extensions": { "code": code } }]) }
    }

    pub(super) fn text(&self) -> String {
        match self {
            Self::ConnectionAck => r#"{"type":"connection_ack"}"#.to_owned(),
            Self::Pong { payload: None } => r#"{"type":"pong"}"#.to_owned(),
            Self::Pong { payload: Some(payload) } => json!({ "type": "pong", "payload": payload }).to_string(),
            // The answer goes in as it is.
            Self::Next { id, payload } => format!(r#"{{"id":{},"type":"next","payload":{payload}}}"#, json!(id)),
            Self::Error { id, errors } => json!({ "id": id, "type": "error", "payload": errors }).to_string(),
            Self::Complete { id } => json!({ "id": id, "type": "complete" }).to_string(),
        }
    }
}
