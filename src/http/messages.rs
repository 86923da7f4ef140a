//! Messages of the subprotocol `graphql-transport-ws`.
//!
//! # Source
//! "GraphQL over WebSocket Protocol" of `graphql-ws`, "Message types".

use super::request::from_json;
use crate::engine::Request;
use crate::json::{MAX_DEPTH, is_deeper_than};
use bytes::Bytes;
use serde::Deserialize;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::borrow::Cow;
use std::fmt;

/// The longest id of an operation, in bytes.
const MAX_ID_BYTES: usize = 128;

/// The longest reason of a close frame, in bytes (RFC 6455 §5.5: a control frame holds 125 bytes, and two of them are
/// the status code).
const MAX_REASON_BYTES: usize = 123;

/// Why a WebSocket is closed: a status code, and the reason in the words that clients of the protocol know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Close(pub(super) u16, pub(super) Cow<'static, str>);

impl Close {
    pub(super) const fn new(code: u16, reason: &'static str) -> Self {
        Self(code, Cow::Borrowed(reason))
    }

    /// The close for a `subscribe` whose id is that of an operation that has not ended. An id that is too long for the
    /// reason is cut off.
    pub(super) fn subscriber_exists(id: &str) -> Self {
        let reason = |id: &str| format!("Subscriber for {id} already exists");
        let room = MAX_REASON_BYTES - reason("").len();
        Self(4409, reason(&id[..id.floor_char_boundary(room)]).into())
    }
}

/// A message that a client sends.
pub(super) enum Client {
    /// `authorization` is the member of `payload` with that name, in upper or lower case; `None` if it is absent or
    /// null.
    ConnectionInit {
        authorization: Option<Authorization>,
    },
    /// `payload` is the text of a JSON object.
    Ping {
        payload: Option<Bytes>,
    },
    Pong,
    Subscribe {
        id: String,
        request: Request,
    },
    Complete {
        id: String,
    },
}

/// The member `authorization` of the payload of `connection_init`.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Authorization {
    Text(String),
    /// A value that is no string.
    Other,
}

/// The members of a message. The payload stays text.
#[derive(Deserialize)]
struct Envelope<'t> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'t, str>,
    #[serde(default)]
    id: Option<String>,
    #[serde(default, borrow)]
    payload: Option<&'t RawValue>,
}

impl Client {
    /// Reads a message; `None` if the text is no message that a client may send.
    pub(super) fn read(text: &Bytes) -> Option<Self> {
        // serde would read the struct from an array as well.
        let is_object = text.trim_ascii_start().first() == Some(&b'{');
        if !is_object || is_deeper_than(text, MAX_DEPTH) {
            return None;
        }
        let Envelope { kind, id, payload } = serde_json::from_slice(text).ok()?;
        let id = || id.filter(|id| !id.is_empty() && id.len() <= MAX_ID_BYTES);
        let is_object = payload.is_none_or(|payload| payload.get().starts_with('{'));
        match &*kind {
            "connection_init" if is_object => {
                let payload = payload.map_or("{}", RawValue::get);
                let AuthorizationMember(authorization) = serde_json::from_str(payload).ok()?;
                Some(Self::ConnectionInit { authorization })
            }
            "ping" if is_object => {
                Some(Self::Ping { payload: payload.map(|payload| text.slice_ref(payload.get().as_bytes())) })
            }
            "pong" if is_object => Some(Self::Pong),
            "subscribe" => {
                let request = from_json(&text.slice_ref(payload?.get().as_bytes())).ok()?;
                Some(Self::Subscribe { id: id()?, request })
            }
            "complete" => Some(Self::Complete { id: id()? }),
            _ => None,
        }
    }
}

/// The member `authorization` of an object. Other members are skipped.
struct AuthorizationMember(Option<Authorization>);

impl<'de> Deserialize<'de> for AuthorizationMember {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members)
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = AuthorizationMember;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<AuthorizationMember, A::Error> {
        let mut found = None;
        while let Some(name) = map.next_key::<Cow<'de, str>>()? {
            if found.is_some() || !name.eq_ignore_ascii_case("authorization") {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            let raw: &'de RawValue = map.next_value()?;
            found = match (raw.get(), serde_json::from_str(raw.get())) {
                ("null", _) => None,
                (_, Ok(text)) => Some(Authorization::Text(text)),
                (_, Err(_)) => Some(Authorization::Other),
            };
        }
        Ok(AuthorizationMember(found))
    }
}

/// A message that is sent to a client.
pub(super) enum Message<'a> {
    ConnectionAck,
    /// `payload` is the payload of the ping.
    Pong {
        payload: Option<&'a str>,
    },
    /// `payload` is a GraphQL response, as JSON text.
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
    /// An `error` message with the errors of a response that has no `data`.
    pub(super) fn error(id: &'a str, response: &str) -> Self {
        let mut response: Value = serde_json::from_str(response).unwrap_or_default();
        let errors = response.get_mut("errors").map(Value::take).unwrap_or_else(|| json!([]));
        Self::Error { id, errors }
    }

    /// An `error` message for an operation that was refused before it reached the engine.
    pub(super) fn refused(id: &'a str, code: &str, message: &str) -> Self {
        Self::Error { id, errors: json!([{ "message": message, "extensions": { "code": code } }]) }
    }

    pub(super) fn text(&self) -> String {
        match self {
            Self::ConnectionAck => r#"{"type":"connection_ack"}"#.to_owned(),
            Self::Pong { payload: None } => r#"{"type":"pong"}"#.to_owned(),
            Self::Pong { payload: Some(payload) } => format!(r#"{{"type":"pong","payload":{payload}}}"#),
            // The payload is inserted without parsing, because it is JSON already.
            Self::Next { id, payload } => format!(r#"{{"id":{},"type":"next","payload":{payload}}}"#, json!(id)),
            Self::Error { id, errors } => json!({ "id": id, "type": "error", "payload": errors }).to_string(),
            Self::Complete { id } => json!({ "id": id, "type": "complete" }).to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_those_of_the_protocol() {
        let nested = |depth: usize| [&"[".repeat(depth)[..], &"]".repeat(depth)].concat();
        let read = |text: &str| match Client::read(&Bytes::copy_from_slice(text.as_bytes())) {
            None => "none".to_owned(),
            Some(Client::ConnectionInit { authorization }) => format!("init {authorization:?}"),
            Some(Client::Ping { payload }) => format!("ping {payload:?}"),
            Some(Client::Pong) => "pong".to_owned(),
            Some(Client::Subscribe { id, request }) => {
                format!("{id} {} {}", request.query, String::from_utf8_lossy(request.variables.text()))
            }
            Some(Client::Complete { id }) => format!("complete {id}"),
        };
        let deep = format!(r#"{{"type":"ping","payload":{{"a":{}}}}}"#, nested(127));
        for (text, expected) in [
            (r#"{"type":"connection_init"}"#, "init None"),
            (r#"{"type":"connection_init","payload":null}"#, "init None"),
            (
                r#"{"type":"connection_init","payload":{"Authorization":"Bearer a","x":[1]}}"#,
                r#"init Some(Text("Bearer a"))"#,
            ),
            (r#"{"type":"connection_init","payload":{"authorization":null}}"#, "init None"),
            (r#"{"type":"connection_init","payload":{"authorization":1}}"#, "init Some(Other)"),
            (r#"{"type":"connection_init","payload":[]}"#, "none"),
            (r#" {"payload":{"a": 1},"type":"p\u0069ng"}"#, r#"ping Some(b"{\"a\": 1}")"#),
            (r#"{"type":"ping","payload":1}"#, "none"),
            (r#"{"type":"pong","payload":{},"more":1}"#, "pong"),
            (r#"{"type":"subscribe","id":"1","payload":{"query":"{a}","variables":{"v":1}}}"#, r#"1 {a} {"v":1}"#),
            (r#"{"type":"subscribe","id":"","payload":{"query":"{a}"}}"#, "none"),
            (r#"{"type":"subscribe","payload":{"query":"{a}"}}"#, "none"),
            (r#"{"type":"subscribe","id":"1"}"#, "none"),
            (r#"{"type":"subscribe","id":"1","payload":["{a}"]}"#, "none"),
            (r#"{"type":"complete","id":"1"}"#, "complete 1"),
            (r#"{"type":"complete"}"#, "none"),
            (r#"{"type":"next","id":"1"}"#, "none"),
            (r#"["ping"]"#, "none"),
            ("ping", "none"),
            (&deep, "none"),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn the_reason_of_a_close_names_the_id_and_fits_its_frame() {
        assert_eq!(Close::subscriber_exists("first"), Close::new(4409, "Subscriber for first already exists"));
        for id in ["x".repeat(MAX_ID_BYTES), "é".repeat(MAX_ID_BYTES / 2), "€".repeat(MAX_ID_BYTES / 3)] {
            let Close(code, reason) = Close::subscriber_exists(&id);
            assert!(reason.len() <= MAX_REASON_BYTES && reason.len() > MAX_REASON_BYTES - 4, "{reason}");
            assert!(code == 4409 && reason.ends_with(" already exists"), "{reason}");
        }
    }
}
