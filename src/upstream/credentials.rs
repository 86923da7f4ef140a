//! What calls carry of ours, so that services know who calls: a token from a file, and a JWT that we sign.
//!
//! In: a token's file, a key, the clock. Out: headers.
//! Elsewhere: what calls carry of the caller's ([`crate::execute`]); TLS certificates ([`super::client`]).
//!
//! Always true:
//! - nothing of it depends on the caller, so it is no part of a credential scope, and no reason to keep answers apart:
//!   RFC 9111 §3.5 is about the caller's `Authorization`;
//! - such a header stands in the place of any other of its name;
//! - tokens and keys are in no log, error or debug output.

use arc_swap::ArcSwap;
use http::{HeaderMap, HeaderName, HeaderValue};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde::Serialize;
use std::fmt::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::Instant;

/// How often a token's file is read.
const REREAD: Duration = Duration::from_secs(10);
/// Longest token, in bytes.
const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// Headers of ours, for one service; clones share them.
#[derive(Debug, Clone, Default)]
pub struct Credentials {
    token: Option<Arc<TokenFile>>,
    identity: Option<Arc<Identity>>,
}

impl Credentials {
    /// Those of a service; none by default.
    #[must_use]
    pub fn new(token: Option<TokenFile>, identity: Option<Identity>) -> Self {
        Self { token: token.map(Arc::new), identity: identity.map(Arc::new) }
    }

    /// Puts them into a request's headers. Must run in a Tokio runtime.
    pub(super) fn write(&self, headers: &mut HeaderMap) {
        if let Some(token) = &self.token {
            headers.insert(token.header.clone(), token.value());
        }
        if let Some(identity) = &self.identity
            && let Some(value) = identity.value(SystemTime::now())
        {
            headers.insert(identity.header.clone(), value);
        }
    }
}

/// Why there is no token or identity.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// The file cannot be read.
    #[error("the file cannot be read: {0}")]
    Unreadable(#[from] std::io::Error),
    /// It holds no token.
    #[error("the file holds no token: 1 to {MAX_TOKEN_BYTES} visible characters of ASCII are wanted")]
    NoToken,
    /// It holds no private key that is supported.
    #[error("the file is no PEM private key (PKCS #8) of type Ed25519, EC P-256 or RSA")]
    NoKey,
}

/// A token that is read from a file, again and again.
pub struct TokenFile {
    path: PathBuf,
    header: HeaderName,
    scheme: String,
    held: ArcSwap<Held>,
    is_being_read: AtomicBool,
}

struct Held {
    value: HeaderValue,
    read_at: Instant,
}

impl std::fmt::Debug for TokenFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenFile").field("path", &self.path).field("header", &self.header).finish_non_exhaustive()
    }
}

impl TokenFile {
    /// Reads the file for the first time.
    ///
    /// # Errors
    /// [`CredentialsError::Unreadable`], [`CredentialsError::NoToken`].
    pub fn open(path: PathBuf, header: HeaderName, scheme: impl Into<String>) -> Result<Self, CredentialsError> {
        let scheme = scheme.into();
        let value = token(&std::fs::read(&path)?, &scheme)?;
        let held = ArcSwap::from_pointee(Held { value, read_at: Instant::now() });
        Ok(Self { path, header, scheme, held, is_being_read: AtomicBool::new(false) })
    }

    /// The token of now; if it was read too long ago, the file is read again meanwhile.
    fn value(self: &Arc<Self>) -> HeaderValue {
        let held = self.held.load();
        if held.read_at.elapsed() >= REREAD && !self.is_being_read.swap(true, Ordering::AcqRel) {
            let file = Arc::clone(self);
            tokio::spawn(async move {
                file.read_again().await;
                file.is_being_read.store(false, Ordering::Release);
            });
        }
        held.value.clone()
    }

    async fn read_again(&self) {
        let bytes = tokio::fs::read(&self.path).await.map_err(CredentialsError::from);
        let value = match bytes.and_then(|bytes| token(&bytes, &self.scheme)) {
            Ok(value) => value,
            Err(error) => {
                tracing::warn!(file = %self.path.display(), %error, "the token of before stays in use");
                self.held.load().value.clone()
            }
        };
        self.held.store(Arc::new(Held { value, read_at: Instant::now() }));
    }
}

/// A file's token as a header's value; white space around it does not count.
fn token(bytes: &[u8], scheme: &str) -> Result<HeaderValue, CredentialsError> {
    let text = std::str::from_utf8(bytes).map_err(|_| CredentialsError::NoToken)?.trim();
    let is_token = (1..=MAX_TOKEN_BYTES).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_token {
        return Err(CredentialsError::NoToken);
    }
    let value = if scheme.is_empty() { text.to_owned() } else { format!("{scheme} {text}") };
    let mut value = HeaderValue::from_str(&value).map_err(|_| CredentialsError::NoToken)?;
    value.set_sensitive(true);
    Ok(value)
}

/// What an identity's JWT says.
#[derive(Debug, Clone)]
pub struct IdentityOptions {
    /// `iss` and `sub`.
    pub issuer: String,
    /// `aud`.
    pub audience: String,
    /// How long it is valid.
    pub lifetime: Duration,
    /// The header that carries it.
    pub header: HeaderName,
}

/// JWTs that say who we are (RFC 7519); one serves all calls until half of its life is over.
pub struct Identity {
    key: EncodingKey,
    algorithm: Algorithm,
    options: IdentityOptions,
    header: HeaderName,
    minted: ArcSwap<Option<Minted>>,
}

struct Minted {
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
    /// Signs with a private key, PEM of PKCS #8.
    ///
    /// # Errors
    /// [`CredentialsError::NoKey`].
    pub fn new(pem: &[u8], options: IdentityOptions) -> Result<Self, CredentialsError> {
        let of = |key: Result<EncodingKey, _>, algorithm| key.ok().map(|key: EncodingKey| (key, algorithm));
        let (key, algorithm) = of(EncodingKey::from_ed_pem(pem), Algorithm::EdDSA)
            .or_else(|| of(EncodingKey::from_ec_pem(pem), Algorithm::ES256))
            .or_else(|| of(EncodingKey::from_rsa_pem(pem), Algorithm::RS256))
            .ok_or(CredentialsError::NoKey)?;
        let header = options.header.clone();
        let identity = Self { key, algorithm, options, header, minted: ArcSwap::from_pointee(None) };
        // A key that cannot sign is found here, not by the first call.
        identity.mint(SystemTime::now()).map(|_| identity).ok_or(CredentialsError::NoKey)
    }

    /// A token that is valid for at least half of its lifetime.
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

    fn mint(&self, now: SystemTime) -> Option<Minted> {
        let IdentityOptions { issuer, audience, lifetime, .. } = &self.options;
        let since = now.duration_since(UNIX_EPOCH).ok()?.as_secs();
        let claims = Claims {
            iss: issuer,
            sub: issuer,
            aud: audience,
            iat: since,
            exp: since + lifetime.as_secs(),
            jti: random_id()?,
        };
        let token = encode(&Header::new(self.algorithm), &claims, &self.key).ok()?;
        let mut value = HeaderValue::from_str(&token).ok()?;
        value.set_sensitive(true);
        Some(Minted { value, until: now + *lifetime / 2 })
    }
}

/// 128 bits that nobody can guess.
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
    use tokio::time::advance;

    const NAME: HeaderName = HeaderName::from_static("x-id");

    fn options() -> IdentityOptions {
        let lifetime = Duration::from_secs(60);
        IdentityOptions { issuer: "bff-web".to_owned(), audience: "users".to_owned(), lifetime, header: NAME }
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
            let claims = verifier.verify(Some(&bearer), now + Duration::from_secs(59)).expect("valid").expect("claims");
            assert_eq!((&claims["sub"], &claims["iat"]), (&"bff-web".into(), &1_800_000_000_u64.into()));
            assert!(verifier.verify(Some(&bearer), now + Duration::from_secs(60)).is_err());
            assert!(!format!("{identity:?} {first:?}").contains(first.to_str().unwrap()));
        }
        for wrong in [&b""[..], b"no PEM", include_bytes!("../policy/test_keys/ed.pub")] {
            assert!(matches!(Identity::new(wrong, options()), Err(CredentialsError::NoKey)));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_tokens_file_is_read_again_and_a_broken_one_leaves_the_token_of_before() {
        let path = std::env::temp_dir().join(format!("token-{}", random_id().unwrap()));
        let write = |text: &str| std::fs::write(&path, text).expect("a file");
        write("  first\n");
        let file = Arc::new(TokenFile::open(path.clone(), NAME, "Bearer").expect("a token"));
        assert_eq!(file.value(), "Bearer first");
        for (text, expected) in [("second\n", "Bearer second"), ("two words", "Bearer second"), ("", "Bearer second")] {
            write(text);
            let before = file.value();
            advance(REREAD).await;
            assert_eq!(file.value(), before, "nobody waits for the file");
            while file.is_being_read.load(Ordering::Acquire) {
                tokio::task::yield_now().await;
            }
            assert_eq!(file.value(), expected, "{text:?}");
        }
        std::fs::remove_file(&path).expect("the file");
        assert!(matches!(TokenFile::open(path, NAME, ""), Err(CredentialsError::Unreadable(_))));
        assert!(matches!(token(&[0xff], ""), Err(CredentialsError::NoToken)));
        assert_eq!(token(b"bare", "").unwrap(), "bare");
    }
}
