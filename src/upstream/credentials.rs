//! Our own credentials in calls, by which services know who calls: a token from a file, and a JWT that we sign.
//!
//! In: the file of a token, a key, the clock. Out: headers.
//! Elsewhere: reading the token's file ([`super::token_file`]); what calls carry of the caller ([`crate::execute`]);
//! TLS certificates ([`super::client`]).
//!
//! Always true:
//! - no credential of our own depends on the caller. So none is part of a credential scope, and none is a reason to
//!   keep answers apart: RFC 9111 §3.5 is about the caller's `Authorization`;
//! - a header of our own replaces every other header of the same name;
//! - tokens and keys are in no log, error or debug output.

use super::token_file::TokenFile;
use arc_swap::ArcSwap;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use jsonwebtoken::jwk::{Jwk, ThumbprintHash};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde::Serialize;
use std::fmt::Write;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::Instant;

/// The longest token, in bytes.
pub(super) const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// Our own headers for the calls to one service. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Credentials {
    token: Option<Arc<TokenFile>>,
    identity: Option<Arc<Identity>>,
}

impl Credentials {
    /// The credentials of a service; both are optional, and the default is none.
    #[must_use]
    pub fn new(token: Option<TokenFile>, identity: Option<Identity>) -> Self {
        Self { token: token.map(Arc::new), identity: identity.map(Arc::new) }
    }

    /// Waits until the token is recent enough to be sent, at most 500 ms and at most until `deadline`.
    pub(super) async fn refresh(&self, deadline: Instant) {
        if let Some(token) = &self.token {
            token.refresh(deadline).await;
        }
    }

    /// Adds the credentials to a request's headers.
    pub(super) fn write(&self, headers: &mut HeaderMap) {
        if let Some(token) = &self.token {
            headers.insert(token.header().clone(), token.value());
        }
        if let Some(identity) = &self.identity
            && let Some(value) = identity.value(SystemTime::now())
        {
            headers.insert(identity.options.header.clone(), value);
        }
    }
}

/// Why a token or an identity cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// The file cannot be read.
    #[error("it cannot be read: {0}")]
    Unreadable(#[from] std::io::Error),
    /// The file holds no token.
    #[error("it holds no token: 1 to {MAX_TOKEN_BYTES} visible characters of ASCII are wanted")]
    NoToken,
    /// The text holds no private key of a supported type.
    #[error("it is no PEM private key (PKCS #8) of type Ed25519, EC P-256 or RSA")]
    NoKey,
    /// The scheme is not a token in the sense of RFC 9110 §5.6.2, so no header can carry it.
    #[error("`{0}` cannot be sent in a header")]
    NotSendable(String),
}

/// The claims of an identity's JWT, and the header that carries it.
#[derive(Debug, Clone)]
pub struct IdentityOptions {
    /// The claims `iss` and `sub`.
    pub issuer: String,
    /// The claim `aud`.
    pub audience: String,
    /// How long a JWT is valid; the claim `exp` follows from it.
    pub lifetime: Duration,
    /// The header that carries the JWT.
    pub header: HeaderName,
    /// The text before the JWT, such as `Bearer`, which is followed by a space; empty if there is none.
    pub scheme: String,
    /// The header parameter `kid`, by which a service chooses the key; `None` for the key's
    /// thumbprint (RFC 7638, SHA-256).
    pub key_id: Option<String>,
}

/// Makes JWTs that say who we are (RFC 7519). One JWT is used for all calls until half of its lifetime is over.
pub struct Identity {
    key: EncodingKey,
    /// The JOSE header, with `alg` and `kid`.
    header: Header,
    options: IdentityOptions,
    minted: ArcSwap<Option<MintedToken>>,
}

struct MintedToken {
    value: HeaderValue,
    until: SystemTime,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    iat: u64,
    exp: u64,
    jti: String,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").field("options", &self.options).finish_non_exhaustive()
    }
}

impl Identity {
    /// Makes an identity that signs with a private key, given as PEM (PKCS #8).
    ///
    /// # Errors
    /// - [`CredentialsError::NoKey`] if the text holds no private key of a supported type, or the key cannot sign;
    /// - [`CredentialsError::NotSendable`] if the scheme is not a token (RFC 9110 §5.6.2).
    pub fn new(pem: &[u8], options: IdentityOptions) -> Result<Self, CredentialsError> {
        let of = |key: Result<EncodingKey, _>, algorithm| key.ok().map(|key: EncodingKey| (key, algorithm));
        let (key, algorithm) = of(EncodingKey::from_ed_pem(pem), Algorithm::EdDSA)
            .or_else(|| of(EncodingKey::from_ec_pem(pem), Algorithm::ES256))
            .or_else(|| of(EncodingKey::from_rsa_pem(pem), Algorithm::RS256))
            .ok_or(CredentialsError::NoKey)?;
        if !options.scheme.is_empty() && Method::from_bytes(options.scheme.as_bytes()).is_err() {
            return Err(CredentialsError::NotSendable(options.scheme));
        }
        let mut header = Header::new(algorithm);
        header.kid = Some(match &options.key_id {
            Some(id) => id.clone(),
            None => thumbprint(&key, algorithm).ok_or(CredentialsError::NoKey)?,
        });
        let identity = Self { key, header, options, minted: ArcSwap::from_pointee(None) };
        // Signing once shows now, and not in the first call, whether the key can sign.
        identity.mint(SystemTime::now()).map(|_| identity).ok_or(CredentialsError::NoKey)
    }

    /// A header value with a JWT that stays valid for at least half of its lifetime.
    fn value(&self, now: SystemTime) -> Option<HeaderValue> {
        if let Some(minted) = &**self.minted.load()
            && now < minted.until
        {
            return Some(minted.value.clone());
        }
        let minted = self.mint(now)?;
        let value = minted.value.clone();
        self.minted.store(Arc::new(Some(minted)));
        Some(value)
    }

    fn mint(&self, now: SystemTime) -> Option<MintedToken> {
        let IdentityOptions { issuer, audience, lifetime, scheme, .. } = &self.options;
        let since = now.duration_since(UNIX_EPOCH).ok()?.as_secs();
        let claims = Claims {
            iss: issuer,
            sub: issuer,
            aud: audience,
            iat: since,
            exp: since + lifetime.as_secs(),
            jti: random_id()?,
        };
        let token = encode(&self.header, &claims, &self.key).ok()?;
        let value = if scheme.is_empty() { token } else { format!("{scheme} {token}") };
        let mut value = HeaderValue::from_str(&value).ok()?;
        value.set_sensitive(true);
        Some(MintedToken { value, until: now + *lifetime / 2 })
    }
}

/// The thumbprint of a key's public part (RFC 7638 §3), in base64url.
fn thumbprint(key: &EncodingKey, algorithm: Algorithm) -> Option<String> {
    Jwk::from_encoding_key(key, algorithm).ok()?.thumbprint(ThumbprintHash::SHA256).ok()
}

/// A random id of 128 bits, in hexadecimal, which nobody can guess.
fn random_id() -> Option<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).ok()?;
    let mut id = String::with_capacity(32);
    for byte in bytes {
        let _ = write!(id, "{byte:02x}");
    }
    Some(id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::JwtConfig;
    use crate::policy::JwtVerifier;
    use std::path::PathBuf;

    const NAME: HeaderName = HeaderName::from_static("x-id");

    fn options() -> IdentityOptions {
        let lifetime = Duration::from_secs(60);
        IdentityOptions {
            issuer: "bff-web".to_owned(),
            audience: "users".to_owned(),
            lifetime,
            header: NAME,
            scheme: String::new(),
            key_id: None,
        }
    }

    #[test]
    fn identities_are_verified_by_the_public_key_and_minted_anew_at_half_of_their_life() {
        for (private, public) in [
            (&include_bytes!("../policy/test_keys/ed.pem")[..], &include_bytes!("../policy/test_keys/ed.pub")[..]),
            (include_bytes!("../policy/test_keys/ec.pem"), include_bytes!("../policy/test_keys/ec.pub")),
            (include_bytes!("../policy/test_keys/rsa.pem"), include_bytes!("../policy/test_keys/rsa.pub")),
        ] {
            let config = JwtConfig {
                public_key_file: PathBuf::new(),
                issuer: "bff-web".to_owned(),
                audience: "users".to_owned(),
                leeway: Duration::ZERO,
            };
            let verifier = JwtVerifier::new(&config, public).expect("a public key");
            let identity = Identity::new(private, options()).expect("a private key");
            let now = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
            let value = |after: u64| identity.value(now + Duration::from_secs(after)).expect("a token");
            let first = value(0);
            assert_eq!(first, value(29));
            assert_ne!(first, value(30));
            let bearer = HeaderValue::from_str(&format!("Bearer {}", first.to_str().unwrap())).unwrap();
            let claims = verifier.verify(&bearer, now + Duration::from_secs(59)).expect("valid");
            assert_eq!((&claims["sub"], &claims["iat"]), (&"bff-web".into(), &1_800_000_000_u64.into()));
            assert!(verifier.verify(&bearer, now + Duration::from_secs(60)).is_err());
            assert!(!format!("{identity:?} {first:?}").contains(first.to_str().unwrap()));
        }
        for wrong in [&b""[..], b"no PEM", include_bytes!("../policy/test_keys/ed.pub")] {
            assert!(matches!(Identity::new(wrong, options()), Err(CredentialsError::NoKey)));
        }
    }

    #[test]
    fn an_identity_says_by_which_key_it_is_signed_and_has_a_scheme() {
        let pem = include_bytes!("../policy/test_keys/ed.pem");
        let of = |scheme: &str, key_id: Option<&str>| {
            let options = IdentityOptions { scheme: scheme.to_owned(), key_id: key_id.map(str::to_owned), ..options() };
            let identity = Identity::new(pem, options)?;
            let value = identity.value(SystemTime::now()).expect("a token");
            let text = value.to_str().expect("ASCII").to_owned();
            let token = text.rsplit(' ').next().expect("a token").to_owned();
            let kid = jsonwebtoken::decode_header(&token).expect("a header").kid.expect("a kid");
            Ok::<_, CredentialsError>((text.strip_suffix(&token).expect("its end").to_owned(), kid))
        };
        let (scheme, kid) = of("Bearer", None).expect("an identity");
        // The thumbprint has 32 bytes in base64url, which follow from the public key alone.
        let public = jsonwebtoken::DecodingKey::from_ed_pem(include_bytes!("../policy/test_keys/ed.pub"));
        let public = Jwk::from_decoding_key(&public.expect("a key"), Some(Algorithm::EdDSA)).expect("a key");
        let expected = public.thumbprint(ThumbprintHash::SHA256).expect("a thumbprint");
        assert_eq!((scheme.as_str(), kid.len(), kid), ("Bearer ", 43, expected));
        assert_eq!(of("", Some("2026-07")).expect("an identity"), (String::new(), "2026-07".to_owned()));
        assert!(matches!(of("two words", None), Err(CredentialsError::NotSendable(_))));
    }
}
