//! `auth`: how callers are authenticated.

use schemars::JsonSchema;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Who callers are: `auth`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AuthConfig {
    /// Bearer tokens are JWTs of this issuer. Default: none; everybody is anonymous, and `Authorization` is read only
    /// by bindings that forward it.
    pub jwt: Option<JwtConfig>,
}

/// How a bearer token is verified: `auth.jwt`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JwtConfig {
    /// PEM file of the issuer's public key, relative to the configuration file. The key's type decides the algorithm:
    /// Ed25519 EdDSA, P-256 ES256, RSA (from 2048 bits) RS256. Required.
    pub public_key_file: PathBuf,
    /// The `iss` that a token must have; others are answered 401. Required.
    pub issuer: String,
    /// The `aud` that a token must name; others are answered 401. Required.
    pub audience: String,
    /// How far clocks may be apart, for `exp` and `nbf`. Default: 30s.
    #[serde(with = "humantime_serde", default = "default_leeway")]
    #[schemars(with = "String")]
    pub leeway: Duration,
}

impl AuthConfig {
    /// The files that it names, as they are written.
    pub(super) fn files(&self) -> impl Iterator<Item = &Path> {
        self.jwt.iter().map(|jwt| jwt.public_key_file.as_path())
    }
}

fn default_leeway() -> Duration {
    Duration::from_secs(30)
}
