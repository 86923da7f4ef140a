//! Bearer tokens: a verified JWT becomes the caller's claims.
//!
//! Follows RFC 8725 (JWT best current practices): the key decides the algorithm, `iss` and `aud` are always checked.
//! Elsewhere: what the claims must be ([`super::claims`]).

use super::claims::{Claims, Expected};
use crate::config::JwtConfig;
use crate::json::Map;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use std::time::{Duration, SystemTime};

/// Longest token that is looked at, in bytes.
const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// Length of a P-256 public key: an uncompressed point (SEC 1 §2.3.3).
const P256_POINT_BYTES: usize = 65;

/// Shortest DER of an RSA public key with a modulus of 2048 bits.
const RSA_2048_DER_BYTES: usize = 256 + 10;

/// Why a token is not accepted. Says nothing that the caller does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum JwtRejected {
    /// More than one `Authorization` header, another scheme, or no token in it.
    #[error("`authorization` must be one bearer token")]
    NotBearer,
    /// Not a JWT, another algorithm than the key's, or signed by another key.
    #[error("the token is not valid")]
    Invalid,
    /// `exp` is missing or no number.
    #[error("the token has no expiry")]
    WithoutExpiry,
    /// `exp` has passed.
    #[error("the token has expired")]
    Expired,
    /// `nbf` has not come yet, or is no number.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// `iss` or `aud` is missing, another's, or of a type that it cannot have.
    #[error("the token is meant for somebody else")]
    NotForUs,
    /// `sub` or `jti` is no string, or `iat` no number.
    #[error("a claim of the token has the wrong type")]
    WrongType,
}

/// A key file that cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JwtKeyError {
    /// Not the PEM of a public key that is supported.
    #[error("not a PEM public key of type Ed25519, EC P-256 or RSA")]
    Unsupported,
    /// Too short to be safe, or on another curve.
    #[error("an RSA key must have 2048 bits or more, an EC key must be on P-256")]
    Weak,
}

/// Verifies bearer tokens of one issuer.
pub struct JwtVerifier {
    key: DecodingKey,
    validation: Validation,
    issuer: String,
    audience: String,
    leeway: Duration,
}

impl std::fmt::Debug for JwtVerifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JwtVerifier").field("algorithms", &self.validation.algorithms).finish_non_exhaustive()
    }
}

impl JwtVerifier {
    /// Makes a verifier from the configuration and the text of its key file.
    ///
    /// # Errors
    /// [`JwtKeyError`] if the key cannot be used.
    pub fn new(config: &JwtConfig, pem: &[u8]) -> Result<Self, JwtKeyError> {
        let (key, algorithm) = read_key(pem)?;
        let mut validation = Validation::new(algorithm);
        // All claims are checked here, against the `now` that is handed in.
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation.validate_aud = false;
        let (issuer, audience) = (config.issuer.clone(), config.audience.clone());
        Ok(Self { key, validation, issuer, audience, leeway: config.leeway })
    }

    /// Verifies a request's `Authorization`; without one the caller is anonymous (`None`).
    ///
    /// # Errors
    /// [`JwtRejected`] for whatever is not exactly one valid token: a bad credential is never taken for none.
    pub fn authenticate(&self, headers: &HeaderMap, now: SystemTime) -> Result<Option<Map>, JwtRejected> {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let first = values.next();
        if values.next().is_some() { Err(JwtRejected::NotBearer) } else { self.verify(first, now) }
    }

    /// Verifies one header's value, as [`authenticate`](Self::authenticate) does.
    ///
    /// # Errors
    /// As there.
    pub fn verify(&self, authorization: Option<&HeaderValue>, now: SystemTime) -> Result<Option<Map>, JwtRejected> {
        let Some(authorization) = authorization else { return Ok(None) };
        let token = bearer(authorization).ok_or(JwtRejected::NotBearer)?;
        if token.len() > MAX_TOKEN_BYTES {
            return Err(JwtRejected::Invalid);
        }
        let decoded = decode::<Claims>(token, &self.key, &self.validation).map_err(|_| JwtRejected::Invalid)?;
        // RFC 7515 §4.1.11: an extension that is marked critical and not understood makes the token invalid.
        if decoded.header.crit.is_some() {
            return Err(JwtRejected::Invalid);
        }
        let expected = Expected { issuer: &self.issuer, audience: &self.audience, leeway: self.leeway };
        decoded.claims.accept(&expected, now).map(Some)
    }
}

/// The token of `Bearer <token>` (RFC 6750 §2.1); the scheme is case-insensitive (RFC 9110 §11.1).
fn bearer(authorization: &HeaderValue) -> Option<&str> {
    let (scheme, token) = authorization.to_str().ok()?.split_once(' ')?;
    let token = token.trim_matches(' ');
    let is_token = !token.is_empty() && !token.contains([' ', ',']);
    (scheme.eq_ignore_ascii_case("bearer") && is_token).then_some(token)
}

/// Reads a public key; its type decides the one algorithm that tokens may name.
fn read_key(pem: &[u8]) -> Result<(DecodingKey, Algorithm), JwtKeyError> {
    let length = |key: &DecodingKey| key.try_get_as_bytes().map_or(0, <[u8]>::len);
    if let Ok(key) = DecodingKey::from_ed_pem(pem) {
        return Ok((key, Algorithm::EdDSA));
    }
    if let Ok(key) = DecodingKey::from_ec_pem(pem) {
        return if length(&key) == P256_POINT_BYTES { Ok((key, Algorithm::ES256)) } else { Err(JwtKeyError::Weak) };
    }
    // `from_rsa_pem` takes private keys too: one of them does not belong on a server that only verifies.
    if !pem.windows(7).any(|window| window == b"PRIVATE")
        && let Ok(key) = DecodingKey::from_rsa_pem(pem)
    {
        return if length(&key) >= RSA_2048_DER_BYTES { Ok((key, Algorithm::RS256)) } else { Err(JwtKeyError::Weak) };
    }
    Err(JwtKeyError::Unsupported)
}

#[cfg(test)]
mod tests;
