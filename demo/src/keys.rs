//! Tokens of the demo: an Ed25519 key pair made at run time, and JSON Web Tokens signed with it.
//!
//! In: a user's id and a lifetime. Out: a token that the services accept. This module never stores a key. A caller that
//! needs the keys in another process writes their PEM texts to a file.
//!
//! # Source
//! RFC 8032 (Ed25519), RFC 8410 §7 and §10 (PKCS #8 and SPKI), RFC 8037 (`EdDSA`, `OKP`), RFC 7519.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ed25519_dalek::SigningKey;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

/// The `iss` claim of every token.
pub const ISSUER: &str = "bespoke-demo";
/// The `aud` claim of every token.
pub const AUDIENCE: &str = "shop";
/// The `kid` header of every token.
pub const KEY_ID: &str = "demo-1";

/// DER of a PKCS #8 `OneAsymmetricKey` up to the 32 bytes of the key (RFC 8410 §10.3).
const PRIVATE_PREFIX: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];
/// DER of a `SubjectPublicKeyInfo` up to the 32 bytes of the key (RFC 8410 §10.1).
const PUBLIC_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// The reason why a key or a token cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The operating system gave no randomness.
    #[error("no randomness for a key: {0}")]
    NoRandomness(getrandom::Error),
    /// The text is not the PEM of an Ed25519 public key.
    #[error("not a PEM text of an Ed25519 public key")]
    NotAPublicKey,
    /// The token could not be signed.
    #[error("the token could not be signed")]
    NotSigned(#[source] jsonwebtoken::errors::Error),
}

/// The claims of a token (RFC 7519 §4.1), with the user's name.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Claims {
    /// The id of the user.
    pub sub: String,
    /// The issuer of the token; the services accept only [`ISSUER`].
    pub iss: String,
    /// The audience of the token; the services accept only [`AUDIENCE`].
    pub aud: String,
    /// The instant at which the token expires, in seconds since 1970-01-01T00:00:00Z.
    pub exp: u64,
    /// The instant from which on the token is valid, in seconds since 1970-01-01T00:00:00Z.
    pub nbf: u64,
    /// The instant at which the token was made, in seconds since 1970-01-01T00:00:00Z.
    pub iat: u64,
    /// The user's display name.
    pub name: String,
}

impl Claims {
    /// Claims of user `sub`, valid from now on for `lifetime`.
    pub fn new(sub: &str, lifetime: Duration) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        Self {
            sub: sub.to_owned(),
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            exp: now.saturating_add(lifetime.as_secs()),
            nbf: now,
            iat: now,
            name: format!("User {sub}"),
        }
    }
}

/// A private and a public key for tokens.
#[derive(Clone)]
pub struct KeyPair {
    key: SigningKey,
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyPair(secret)")
    }
}

impl KeyPair {
    /// Makes a new pair from the operating system's randomness.
    ///
    /// # Errors
    /// [`KeyError::NoRandomness`].
    pub fn generate() -> Result<Self, KeyError> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(KeyError::NoRandomness)?;
        Ok(Self { key: SigningKey::from_bytes(&seed) })
    }

    /// The private key as PKCS #8 in PEM, which must be kept secret.
    pub fn private_pem(&self) -> String {
        pem("PRIVATE KEY", &[&PRIVATE_PREFIX[..], &self.key.to_bytes()].concat())
    }

    /// The public key as `SubjectPublicKeyInfo` in PEM.
    pub fn public_pem(&self) -> String {
        pem("PUBLIC KEY", &[&PUBLIC_PREFIX[..], &self.key.verifying_key().to_bytes()].concat())
    }

    /// The public key as a JSON Web Key Set, as an identity provider would publish it.
    pub fn public_jwks(&self) -> serde_json::Value {
        let x = URL_SAFE_NO_PAD.encode(self.key.verifying_key().to_bytes());
        serde_json::json!({
            "keys": [{ "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": KEY_ID, "x": x }]
        })
    }

    /// Signs a token of user `sub` that is valid from now on for `lifetime`.
    ///
    /// # Errors
    /// [`KeyError::NotSigned`], which no input is known to cause.
    pub fn mint(&self, sub: &str, lifetime: Duration) -> Result<String, KeyError> {
        self.sign(&Claims::new(sub, lifetime))
    }

    /// Signs any claims, including claims that the services refuse.
    ///
    /// # Errors
    /// As [`Self::mint`].
    pub fn sign(&self, claims: &Claims) -> Result<String, KeyError> {
        let header = Header { kid: Some(KEY_ID.to_owned()), ..Header::new(Algorithm::EdDSA) };
        let der = [&PRIVATE_PREFIX[..], &self.key.to_bytes()].concat();
        jsonwebtoken::encode(&header, claims, &EncodingKey::from_ed_der(&der)).map_err(KeyError::NotSigned)
    }

    /// The verifier with which services check the tokens of this pair.
    pub fn verifier(&self) -> TokenVerifier {
        TokenVerifier::new(self.key.verifying_key().as_bytes())
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    // Both keys fit the 64 columns of one line (RFC 7468 §2).
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
}

/// Checks tokens against one public key.
#[derive(Clone)]
pub struct TokenVerifier {
    key: DecodingKey,
    validation: Validation,
}

impl fmt::Debug for TokenVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenVerifier").finish_non_exhaustive()
    }
}

impl TokenVerifier {
    /// Reads the PEM text of an Ed25519 public key.
    ///
    /// # Errors
    /// [`KeyError::NotAPublicKey`].
    pub fn from_public_pem(text: &str) -> Result<Self, KeyError> {
        let body: String = text
            .trim()
            .strip_prefix("-----BEGIN PUBLIC KEY-----")
            .and_then(|rest| rest.strip_suffix("-----END PUBLIC KEY-----"))
            .ok_or(KeyError::NotAPublicKey)?
            .split_whitespace()
            .collect();
        let der = STANDARD.decode(body).map_err(|_| KeyError::NotAPublicKey)?;
        let key = der.strip_prefix(&PUBLIC_PREFIX).and_then(|key| key.try_into().ok());
        key.map(Self::new).ok_or(KeyError::NotAPublicKey)
    }

    fn new(public_key: &[u8; 32]) -> Self {
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.validate_nbf = true;
        validation.leeway = 0;
        // For Ed25519, the crate `jsonwebtoken` expects the 32 bytes of the key where it says "DER".
        Self { key: DecodingKey::from_ed_der(public_key), validation }
    }

    /// Returns the user whom a token names, or `None` if the token is not valid.
    pub fn subject(&self, token: &str) -> Option<String> {
        let data = jsonwebtoken::decode::<Claims>(token, &self.key, &self.validation).ok()?;
        Some(data.claims.sub)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tokens_of_our_issuer_audience_key_and_time_hold() {
        let pair = KeyPair::generate().unwrap();
        let verifier = TokenVerifier::from_public_pem(&pair.public_pem()).unwrap();
        let minute = Duration::from_secs(60);
        assert_eq!(verifier.subject(&pair.mint("123", minute).unwrap()).as_deref(), Some("123"));

        let good = Claims::new("123", minute);
        for (refused, why) in [
            (Claims { iss: "other".to_owned(), ..good.clone() }, "issuer"),
            (Claims { aud: "other".to_owned(), ..good.clone() }, "audience"),
            (Claims { exp: good.iat - 1, ..good.clone() }, "expired"),
            (Claims { nbf: good.iat + 600, ..good.clone() }, "not yet"),
        ] {
            assert_eq!(verifier.subject(&pair.sign(&refused).unwrap()), None, "{why}");
        }
        let other = KeyPair::generate().unwrap();
        assert_eq!(verifier.subject(&other.mint("123", minute).unwrap()), None, "another key");
        let token = pair.mint("123", minute).unwrap();
        assert_eq!(verifier.subject(&format!("{}.", &token[..token.rfind('.').unwrap()])), None, "no signature");
    }

    #[test]
    fn pem_texts_are_read_by_the_token_library_too() {
        let pair = KeyPair::generate().unwrap();
        assert!(EncodingKey::from_ed_pem(pair.private_pem().as_bytes()).is_ok());
        assert!(DecodingKey::from_ed_pem(pair.public_pem().as_bytes()).is_ok());
        assert!(TokenVerifier::from_public_pem(&pair.private_pem()).is_err());
        assert!(TokenVerifier::from_public_pem("").is_err());
    }
}
