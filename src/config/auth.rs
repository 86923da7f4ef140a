//! `auth`: how callers are authenticated.

use schemars::JsonSchema;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How callers are authenticated: `auth`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AuthConfig {
    /// The issuer whose JWTs are accepted as bearer tokens. Default: none; every caller is anonymous, and only bindings
    /// that forward `Authorization` read it.
    pub jwt: Option<JwtConfig>,
}

/// How a bearer token is verified: `auth.jwt`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JwtConfig {
    /// PEM file of the issuer's public key, relative to the configuration file. The type of the key decides the
    /// algorithm: EdDSA for Ed25519, ES256 for P-256, RS256 for RSA (at least 2048 bits). Required.
    pub public_key_file: PathBuf,
    /// The issuer that a token must have as its `iss`. A request with another token is answered with 401. Required.
    pub issuer: String,
    /// The audience that a token must name in its `aud`. A request with another token is answered with 401. Required.
    pub audience: String,
    /// The difference between clocks that is tolerated when `exp` and `nbf` are checked. Default: 30s.
    #[serde(with = "humantime_serde", default = "default_leeway")]
    #[schemars(with = "String")]
    pub leeway: Duration,
}

impl AuthConfig {
    /// The paths of the files that these options name, as they are written.
    pub(super) fn files(&self) -> impl Iterator<Item = &Path> {
        self.jwt.iter().map(|jwt| jwt.public_key_file.as_path())
    }
}

fn default_leeway() -> Duration {
    Duration::from_secs(30)
}
