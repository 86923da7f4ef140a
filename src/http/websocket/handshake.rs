//! The upgrade of a connection to a WebSocket.
//!
//! In: the head of a request. Out: the answer that accepts the upgrade, or the reason why it is refused.
//!
//! # Source
//! RFC 6455 §4.2.

use super::PROTOCOL;
use crate::http::refusal::Refusal;
use axum::body::Body;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, header};
use hyper::upgrade::OnUpgrade;
use sha1::{Digest, Sha1};

/// The constant with which the key of a client is hashed (RFC 6455 §1.3).
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The length of a client's key, in bytes.
const KEY_BYTES: usize = 16;

/// Whether a request asks for a WebSocket. HTTP/1.0 has no upgrades (RFC 9110 §7.8).
pub(in crate::http) fn is_upgrade(parts: &Parts) -> bool {
    parts.version >= Version::HTTP_11 && has_token(&parts.headers, &header::UPGRADE, "websocket")
}

/// Whether the list in a header contains a token, without regard to case.
fn has_token(headers: &HeaderMap, name: &HeaderName, wanted: &str) -> bool {
    tokens(headers, name).any(|token| token.eq_ignore_ascii_case(wanted))
}

fn tokens<'h>(headers: &'h HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'h str> {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim)
}

/// An upgrade that can be accepted.
#[derive(Debug)]
pub(super) struct Handshake {
    accept: HeaderValue,
    /// Whether the client offers our subprotocol.
    pub(super) has_protocol: bool,
    /// Yields the connection once the answer has been sent.
    pub(super) upgraded: OnUpgrade,
}

impl Handshake {
    /// Reads the head of a request that asks for a WebSocket.
    ///
    /// # Errors
    /// [`Refusal::Method`], [`Refusal::SocketVersion`], or [`Refusal::Malformed`] with the rule that is broken.
    pub(super) fn read(parts: &mut Parts) -> Result<Self, Refusal> {
        if parts.method != Method::GET {
            return Err(Refusal::Method);
        }
        let malformed = |what: &str| Refusal::Malformed(what.to_owned());
        if !has_token(&parts.headers, &header::CONNECTION, "upgrade") {
            return Err(malformed("`connection` must name `upgrade`"));
        }
        if parts.headers.get(header::SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
            return Err(Refusal::SocketVersion);
        }
        let mut keys = parts.headers.get_all(header::SEC_WEBSOCKET_KEY).iter();
        let (Some(key), None) = (keys.next(), keys.next()) else {
            return Err(malformed("there must be one `sec-websocket-key`"));
        };
        if !BASE64_STANDARD.decode(key).is_ok_and(|key| key.len() == KEY_BYTES) {
            return Err(malformed("`sec-websocket-key` must be 16 bytes in base64"));
        }
        let accept = accept(key.as_bytes());
        let has_protocol = tokens(&parts.headers, &header::SEC_WEBSOCKET_PROTOCOL).any(|token| token == PROTOCOL);
        let upgraded = parts.extensions.remove().ok_or_else(|| malformed("this connection cannot be upgraded"))?;
        Ok(Self { accept, has_protocol, upgraded })
    }

    /// The answer that accepts the upgrade.
    pub(super) fn answer(&self) -> http::Response<Body> {
        let mut answer = http::Response::new(Body::empty());
        *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = answer.headers_mut();
        headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, self.accept.clone());
        if self.has_protocol {
            headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(PROTOCOL));
        }
        answer
    }
}

/// The value of `sec-websocket-accept`, which proves to the client that its key was read.
fn accept(key: &[u8]) -> HeaderValue {
    let digest = Sha1::new().chain_update(key).chain_update(GUID).finalize();
    HeaderValue::from_str(&BASE64_STANDARD.encode(digest)).expect("base64 is visible ASCII")
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    #[test]
    fn the_key_is_answered_as_in_the_rfc() {
        assert_eq!(accept(b"dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn upgrades_that_the_rfc_forbids_are_refused() {
        let good = [
            ("connection", "keep-alive, Upgrade"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ];
        let refusal = |method, name: &str, value: &[&'static str]| {
            let mut request = Request::new(());
            *request.method_mut() = method;
            for (known, value) in good {
                request.headers_mut().insert(known, HeaderValue::from_static(value));
            }
            if let Ok(name) = name.parse::<HeaderName>() {
                request.headers_mut().remove(&name);
                value.iter().for_each(|value| _ = request.headers_mut().append(&name, HeaderValue::from_static(value)));
            }
            let (mut parts, ()) = request.into_parts();
            Handshake::read(&mut parts).expect_err("refused").to_string()
        };
        for (name, value, reason) in [
            // These headers are correct, but the test has no connection.
            ("", &[][..], "this connection cannot be upgraded"),
            ("connection", &["close"][..], "`connection` must name `upgrade`"),
            ("sec-websocket-version", &[], "WebSockets are of version 13 here"),
            ("sec-websocket-version", &["8"], "WebSockets are of version 13 here"),
            ("sec-websocket-key", &[], "there must be one `sec-websocket-key`"),
            ("sec-websocket-key", &[good[2].1, good[2].1], "there must be one `sec-websocket-key`"),
            ("sec-websocket-key", &["c2hvcnQ="], "`sec-websocket-key` must be 16 bytes in base64"),
            ("sec-websocket-key", &["no base64"], "`sec-websocket-key` must be 16 bytes in base64"),
        ] {
            assert_eq!(refusal(Method::GET, name, value), reason, "{name}: {value:?}");
        }
        assert_eq!(refusal(Method::POST, "", &[]), Refusal::Method.to_string());
    }

    #[test]
    fn an_upgrade_names_the_websocket_in_any_case_and_place() {
        let is_upgrade = |version, value: &'static str| {
            let mut request = Request::new(());
            *request.version_mut() = version;
            request.headers_mut().insert(header::UPGRADE, HeaderValue::from_static(value));
            is_upgrade(&request.into_parts().0)
        };
        assert!(is_upgrade(Version::HTTP_11, "websocket") && is_upgrade(Version::HTTP_11, "h2c, WebSocket"));
        assert!(!is_upgrade(Version::HTTP_11, "h2c") && !is_upgrade(Version::HTTP_10, "websocket"));
    }
}
