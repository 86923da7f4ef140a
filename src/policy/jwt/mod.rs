//! Bearer tokens: a verified JWT gives the claims of the caller.
//!
//! The rules follow RFC 8725 (JWT best current practices): the key decides the algorithm, and `iss` and `aud` are
//! always checked. Elsewhere: the rules for the claims ([`claims`]), and for requests with other credentials
//! ([`super::authenticator`]).

mod claims;

use self::claims::{Claims, Expected};
use super::authenticator::{Authenticator, Rejection, RequestCredentials};
use crate::config::JwtConfig;
use crate::json::Map;
use futures_util::future::{BoxFuture, ready};
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use std::time::{Duration, SystemTime};

/// The longest token that is read, in bytes.
const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// The length of a P-256 public key, which is an uncompressed point (SEC 1 §2.3.3), in bytes.
const P256_POINT_BYTES: usize = 65;

/// The shortest DER of an RSA public key with a modulus of 2048 bits, in bytes.
const RSA_2048_DER_BYTES: usize = 256 + 10;

/// Why a token is not accepted. The message says nothing that the caller does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum JwtRejection {
    /// There is more than one `Authorization` header, it has another scheme, or it holds no token.
    #[error("`authorization` must be one bearer token")]
    NotBearer,
    /// The token is not a JWT, names another algorithm than the key's, or was signed with another key.
    #[error("the token is not valid")]
    Invalid,
    /// `exp` is missing or is not a number.
    #[error("the token has no expiry")]
    WithoutExpiry,
    /// `exp` has passed.
    #[error("the token has expired")]
    Expired,
    /// `nbf` is in the future, or is not a number.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// `iss` or `aud` is missing, names somebody else, or has a wrong type.
    #[error("the token is meant for somebody else")]
    NotForUs,
    /// `sub` or `jti` is not a string, or `iat` is not a number.
    #[error("a claim of the token has the wrong type")]
    WrongType,
}

/// Why a key file cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JwtKeyError {
    /// The file is not PEM of a public key of a supported type.
    #[error("not a PEM public key of type Ed25519, EC P-256 or RSA")]
    Unsupported,
    /// The key is too short to be safe, or is on another curve.
    #[error("an RSA key must have 2048 bits or more, an EC key must be on P-256")]
    Weak,
}

/// Verifies the bearer tokens of one issuer.
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
        // All claims are checked by [`claims`], against the `now` that the caller gives.
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation.validate_aud = false;
        let (issuer, audience) = (config.issuer.clone(), config.audience.clone());
        Ok(Self { key, validation, issuer, audience, leeway: config.leeway })
    }

    /// Verifies the one `Authorization` of a request.
    fn verify_headers(&self, headers: &HeaderMap, now: SystemTime) -> Result<Map, JwtRejection> {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        match (values.next(), values.next()) {
            (Some(only), None) => self.verify(only, now),
            _ => Err(JwtRejection::NotBearer),
        }
    }

    /// Verifies the value of an `Authorization`, and returns the claims of its token.
    ///
    /// # Errors
    /// [`JwtRejection`] for anything but one valid token.
    pub fn verify(&self, authorization: &HeaderValue, now: SystemTime) -> Result<Map, JwtRejection> {
        let token = bearer(authorization).ok_or(JwtRejection::NotBearer)?;
        if token.len() > MAX_TOKEN_BYTES {
            return Err(JwtRejection::Invalid);
        }
        let decoded = decode::<Claims>(token, &self.key, &self.validation).map_err(|_| JwtRejection::Invalid)?;
        // RFC 7515 §4.1.11: a token with a critical extension that is not understood is invalid.
        if decoded.header.crit.is_some() {
            return Err(JwtRejection::Invalid);
        }
        let expected = Expected { issuer: &self.issuer, audience: &self.audience, leeway: self.leeway };
        decoded.claims.accept(&expected, now)
    }
}

impl From<JwtRejection> for Rejection {
    /// RFC 6750 §3.1 gives the challenge.
    fn from(rejected: JwtRejection) -> Self {
        Self::new(rejected.to_string(), HeaderValue::from_static(r#"Bearer error="invalid_token""#))
    }
}

impl Authenticator for JwtVerifier {
    fn challenge(&self) -> HeaderValue {
        HeaderValue::from_static("Bearer")
    }

    /// Any `Authorization` is one, whatever its scheme.
    fn is_presented(&self, credentials: RequestCredentials<'_>) -> bool {
        credentials.headers.contains_key(AUTHORIZATION)
    }

    fn authenticate<'a>(
        &'a self,
        credentials: RequestCredentials<'a>,
        now: SystemTime,
    ) -> BoxFuture<'a, Result<Map, Rejection>> {
        Box::pin(ready(self.verify_headers(credentials.headers, now).map_err(Rejection::from)))
    }
}

/// The token in `Bearer <token>` (RFC 6750 §2.1). The scheme is compared without regard to case (RFC 9110 §11.1).
fn bearer(authorization: &HeaderValue) -> Option<&str> {
    let (scheme, token) = authorization.to_str().ok()?.split_once(' ')?;
    let token = token.trim_matches(' ');
    let is_token = !token.is_empty() && !token.contains([' ', ',']);
    (scheme.eq_ignore_ascii_case("bearer") && is_token).then_some(token)
}

/// Reads a public key. The type of the key decides the only algorithm that tokens may name.
fn read_key(pem: &[u8]) -> Result<(DecodingKey, Algorithm), JwtKeyError> {
    let length = |key: &DecodingKey| key.try_get_as_bytes().map_or(0, <[u8]>::len);
    if let Ok(key) = DecodingKey::from_ed_pem(pem) {
        return Ok((key, Algorithm::EdDSA));
    }
    if let Ok(key) = DecodingKey::from_ec_pem(pem) {
        return if length(&key) == P256_POINT_BYTES { Ok((key, Algorithm::ES256)) } else { Err(JwtKeyError::Weak) };
    }
    // `from_rsa_pem` also accepts private keys, but a private key does not belong on a server that only verifies.
    if !pem.windows(7).any(|window| window == b"PRIVATE")
        && let Ok(key) = DecodingKey::from_rsa_pem(pem)
    {
        return if length(&key) >= RSA_2048_DER_BYTES { Ok((key, Algorithm::RS256)) } else { Err(JwtKeyError::Weak) };
    }
    Err(JwtKeyError::Unsupported)
}

#[cfg(test)]
mod tests;
