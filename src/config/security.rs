//! `services.<name>.tls`, `.token`, `.identity`: how a service knows us, and we it.

use schemars::JsonSchema;
use serde::Deserialize;
use std::path::PathBuf;
use std::time::Duration;

/// TLS of one service, where the operating system's roots are not enough: `services.<name>.tls`. For `https` only.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TlsConfig {
    /// PEM file of the certificate authorities that are trusted for this service, and no others; relative to the
    /// configuration file. Default: none; those of the operating system.
    pub ca_file: Option<PathBuf>,
    /// PEM file of the certificate that we show (mTLS), its chain behind it; relative to the configuration file.
    /// Needs `client_key_file`. Default: none.
    pub client_cert_file: Option<PathBuf>,
    /// PEM file of that certificate's private key, relative to the configuration file. Default: none.
    pub client_key_file: Option<PathBuf>,
}

/// A token that each call carries: `services.<name>.token`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenConfig {
    /// File that holds the token, relative to the configuration file. A call carries a token that was read at most 10.5 s
    /// before, so that it can be rotated; what cannot be read then, or not within 500 ms, leaves the token of before in
    /// use, with a line in the log. Required.
    pub file: PathBuf,
    /// The header that carries it. Default: `authorization`.
    #[serde(default = "authorization")]
    pub header: String,
    /// What stands before it, with a space between; may be empty. Default: `Bearer`.
    #[serde(default = "bearer")]
    pub scheme: String,
}

fn authorization() -> String {
    "authorization".to_owned()
}

fn bearer() -> String {
    "Bearer".to_owned()
}

/// A short-lived JWT that each call carries, signed by us, so that the service can tell who calls:
/// `services.<name>.identity`.
///
/// Its header has `alg` and `kid`; its claims are `iss` and `sub` (both `issuer`), `aud`, `iat`, `exp` and `jti`. It says
/// nothing of the caller, for whom bindings send what they declare.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IdentityConfig {
    /// PEM file (PKCS #8) of the private key, relative to the configuration file. The key's type decides the
    /// algorithm: Ed25519 EdDSA, P-256 ES256, RSA RS256. Required.
    pub key_file: PathBuf,
    /// Who we are: `iss` and `sub`. Required.
    pub issuer: String,
    /// For whom it is: `aud`. Default: the service's name.
    #[serde(default)]
    pub audience: Option<String>,
    /// How long it is valid, from 10s to 1h; it is minted anew after half of that. Default: 60s.
    #[serde(with = "humantime_serde", default = "minute")]
    #[schemars(with = "String")]
    pub lifetime: Duration,
    /// The header that carries it. Default: `x-bespoke-identity`.
    #[serde(default = "identity_header")]
    pub header: String,
    /// What stands before it, with a space between; may be empty. Default: `Bearer` where the header is `authorization`
    /// (RFC 6750 §2.1), else nothing.
    #[serde(default)]
    pub scheme: Option<String>,
    /// `kid`: by which key it is signed, for services that know several. Default: the key's thumbprint (RFC 7638, with
    /// SHA-256).
    #[serde(default)]
    pub key_id: Option<String>,
}

impl IdentityConfig {
    /// What stands before the JWT.
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
