//! `services.<name>.tls`, `.token` and `.identity`: how this process and a service authenticate each other.

use schemars::JsonSchema;
use serde::Deserialize;
use std::path::PathBuf;
use std::time::Duration;

/// TLS options of one service, if the operating system's authorities are not enough: `services.<name>.tls`. Only for
/// `https`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TlsConfig {
    /// PEM file of the certificate authorities that are trusted for this service, instead of those of the operating system;
    /// relative to the configuration file. Default: none.
    pub ca_file: Option<PathBuf>,
    /// PEM file of the client certificate that is shown to the service (mTLS), followed by its chain; relative to the
    /// configuration file. Needs `client_key_file`. Default: none.
    pub client_cert_file: Option<PathBuf>,
    /// PEM file of the private key of the client certificate, relative to the configuration file. Default: none.
    pub client_key_file: Option<PathBuf>,
}

/// A token that each call carries: `services.<name>.token`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenConfig {
    /// File that holds the token, relative to the configuration file. The file is read again, so that the token can be
    /// rotated: a call carries a token that was read at most 10.5 s earlier. If the file cannot be read within 500 ms, the
    /// previous token stays in use, and the log has a warning. Required.
    pub file: PathBuf,
    /// The header that carries the token. Default: `authorization`.
    #[serde(default = "authorization")]
    pub header: String,
    /// The word before the token, separated by a space; may be empty. Default: `Bearer`.
    #[serde(default = "bearer")]
    pub scheme: String,
}

fn authorization() -> String {
    "authorization".to_owned()
}

fn bearer() -> String {
    "Bearer".to_owned()
}

/// A short-lived JWT that this process signs and each call carries, so that the service knows who calls:
/// `services.<name>.identity`.
///
/// Its header has `alg` and `kid`; its claims are `iss` and `sub` (both `issuer`), `aud`, `iat`, `exp` and `jti`. It says
/// nothing about the caller of this process: bindings send what a service needs to know of the caller.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IdentityConfig {
    /// PEM file (PKCS #8) of the private key, relative to the configuration file. The type of the key decides the
    /// algorithm: EdDSA for Ed25519, ES256 for P-256, RS256 for RSA. Required.
    pub key_file: PathBuf,
    /// The name of this process: the claims `iss` and `sub`. Required.
    pub issuer: String,
    /// The recipient: the claim `aud`. Default: the service's name.
    #[serde(default)]
    pub audience: Option<String>,
    /// How long a JWT is valid, from 10s to 1h. A new one is signed after half of that time. Default: 60s.
    #[serde(with = "humantime_serde", default = "minute")]
    #[schemars(with = "String")]
    pub lifetime: Duration,
    /// The header that carries the JWT. Default: `x-bespoke-identity`.
    #[serde(default = "identity_header")]
    pub header: String,
    /// The word before the JWT, separated by a space; may be empty. Default: `Bearer` if the header is `authorization`
    /// (RFC 6750 §2.1), otherwise nothing.
    #[serde(default)]
    pub scheme: Option<String>,
    /// The name of the key, for services that know several: `kid`. Default: the key's thumbprint (RFC 7638, with SHA-256).
    #[serde(default)]
    pub key_id: Option<String>,
}

impl IdentityConfig {
    /// The word before the JWT.
    #[must_use]
    pub fn scheme(&self) -> &str {
        let is_authorization = self.header.eq_ignore_ascii_case("authorization");
        self.scheme.as_deref().unwrap_or(if is_authorization { "Bearer" } else { "" })
    }
}

fn minute() -> Duration {
    Duration::from_secs(60)
}

fn identity_header() -> String {
    "x-bespoke-identity".to_owned()
}
