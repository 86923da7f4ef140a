//! How the calls to one service are made: the options, and what the connections of all its instances share.

use super::tls::{Material, Tls, read_system_roots};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How connections are made: `client` in the configuration file.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// Longest wait for a connection, name resolution and TLS included. Default: 500 ms. At the limit the call fails
    /// as unreachable.
    pub connect_timeout: Duration,
    /// How long an unused connection is kept. Default: 30 s.
    pub idle_timeout: Duration,
    /// Unused connections kept per host; further ones are closed. Default: 256 connections.
    pub max_idle_per_host: usize,
    /// How long a connection is used; the next one looks the service's name up again, so that its new addresses are
    /// found. The system's root certificates are read again when they are older than that. Default: 60 s.
    pub max_age: Duration,
    /// Headers of a response. Default: 100. At the limit the connection is dropped.
    pub max_headers: usize,
    /// Names and values of a response's headers, in bytes. Default: 65536 (64 KiB). At the limit the connection is
    /// dropped.
    pub max_header_bytes: usize,
    /// Are services called by HTTP/2 over TLS? A service that does not agree to it is unreachable. Default: no.
    pub http2: bool,
    /// TLS, where the operating system's roots are not enough.
    pub tls: TlsOptions,
}

/// Whom a client trusts, and what it shows, over TLS.
#[derive(Clone, Default)]
pub struct TlsOptions {
    /// PEM of the certificate authorities that are trusted, and no others. Default: those of the operating system.
    pub authorities: Option<Vec<u8>>,
    /// PEM of the certificate that it shows, its chain, and its private key. Default: none.
    pub identity: Option<Vec<u8>>,
}

impl std::fmt::Debug for TlsOptions {
    /// Holds back the private key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let has_authorities = self.authorities.is_some();
        f.debug_struct("TlsOptions").field("authorities", &has_authorities).finish_non_exhaustive()
    }
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_millis(500),
            idle_timeout: Duration::from_secs(30),
            max_idle_per_host: 256,
            max_age: Duration::from_secs(60),
            max_headers: HYPER_MAX_HEADERS,
            max_header_bytes: 64 << 10,
            http2: false,
            tls: TlsOptions::default(),
        }
    }
}

/// What hyper takes without being told: room for them is on the stack. More of them, or fewer, cost an allocation for
/// each response.
pub(super) const HYPER_MAX_HEADERS: usize = 100;

/// What calls say that they come from.
pub(super) const USER_AGENT: &str = concat!("bespoke/", env!("CARGO_PKG_VERSION"));

/// Why calls to a service cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// [`TlsOptions::authorities`] cannot be used.
    #[error("its certificate authorities cannot be used: {0}")]
    Authorities(#[source] PemError),
    /// [`TlsOptions::identity`] cannot be used.
    #[error("the client certificate for it cannot be used: {0}")]
    Identity(#[source] PemError),
    /// The operating system has no root certificate, so that nobody could be trusted over TLS.
    #[error(
        "the operating system has no root certificate{}: install them (the package `ca-certificates`), say where they \
         are (`SSL_CERT_FILE` or `SSL_CERT_DIR`), or name the service's own (`tls.ca_file`)",
        .problem.as_ref().map(|problem| format!(" ({problem})")).unwrap_or_default()
    )]
    NoRoots {
        /// What could not be read, if that is why.
        problem: Option<String>,
    },
    /// The host of the URL is no name that a certificate can be for (RFC 6125, RFC 1035 §2.3.1).
    #[error("`{0}` is no host name that a certificate can be for")]
    HostName(String),
    /// The HTTP library refused, for reasons of the system.
    #[error("the HTTP client cannot be set up")]
    Setup(#[from] reqwest::Error),
}

/// Why PEM (RFC 7468) cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PemError {
    /// There is no certificate in it.
    #[error("there is no certificate in it")]
    NoCertificate,
    /// There is no private key in it.
    #[error("there is no private key in it")]
    NoKey,
    /// It is not well formed; nothing of it is told, for it may be a key.
    #[error("it is not well-formed PEM: {0}")]
    Syntax(&'static str),
    /// A certificate or a key is not one that TLS takes, or they do not belong together.
    #[error(transparent)]
    Unusable(#[from] rustls::Error),
}

/// How the calls to one service are made. Clones share what its instances have in common.
///
/// It follows no redirects, uses no proxy, retries nothing, keeps no cookies, and asks for gzip only.
#[derive(Debug, Clone)]
pub struct HttpClient {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    options: ClientOptions,
    material: Material,
    /// Set up for the first URL with `https`.
    tls: Mutex<Option<Arc<Tls>>>,
}

impl HttpClient {
    /// Takes the options in. The system's root certificates are read when a service with an `https` URL asks for them.
    ///
    /// # Errors
    /// When what is given for TLS cannot be used.
    pub fn new(options: &ClientOptions) -> Result<Self, ClientError> {
        let material = Material::parse(&options.tls)?;
        Ok(Self { inner: Arc::new(Inner { options: options.clone(), material, tls: Mutex::default() }) })
    }

    pub(super) fn options(&self) -> &ClientOptions {
        &self.inner.options
    }

    /// What connections over TLS are set up with.
    ///
    /// # Errors
    /// When the system has no root certificates, and they are needed.
    pub(super) fn tls(&self) -> Result<Arc<Tls>, ClientError> {
        let mut tls = self.inner.tls.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tls) = &*tls {
            return Ok(Arc::clone(tls));
        }
        let made = Tls::new(self.inner.material.clone(), self.options().max_age, Box::new(read_system_roots))?;
        Ok(Arc::clone(tls.insert(Arc::new(made))))
    }
}

#[cfg(test)]
#[path = "security_tests.rs"]
mod tests;
