//! How calls to one service are made: the options, and what the connections of all its instances share.

use super::tls::{Material, Tls, read_system_roots};
use crate::defaults;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How connections are made: the table `client` in the configuration file.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// The longest wait for a connection, including name resolution and TLS. Default: 500 ms. When it passes, the call
    /// fails as unreachable.
    pub connect_timeout: Duration,
    /// How long an unused connection is kept. Default: 30 s.
    pub idle_timeout: Duration,
    /// How many unused connections are kept per host; further ones are closed. Default: 256 connections.
    pub max_idle_per_host: usize,
    /// How long a connection is used. The next connection resolves the service's name again, so its new addresses are
    /// found. The system's root certificates are read again when they are older than this. Default: 60 s.
    pub max_age: Duration,
    /// The most headers of a response. Default: 100. If there are more, the connection is dropped.
    pub max_headers: usize,
    /// The most bytes that the names and values of a response's headers may have together. Default: 65536 (64 KiB). If
    /// there are more, the connection is dropped.
    pub max_header_bytes: usize,
    /// Whether services are called by HTTP/2 over TLS. A service that does not agree to
    /// HTTP/2 is unreachable. Default: no.
    pub http2: bool,
    /// The settings of TLS, if the operating system's root certificates are not enough.
    pub tls: TlsOptions,
}

/// Which authorities a client trusts over TLS, and which certificate it shows.
#[derive(Clone, Default)]
pub struct TlsOptions {
    /// PEM of the certificate authorities to trust; no others are trusted then. Default: those of the operating system.
    pub authorities: Option<Vec<u8>>,
    /// The certificate that the client shows. Default: none.
    pub identity: Option<ClientIdentity>,
}

/// The certificate that a client shows (mTLS).
#[derive(Clone)]
pub struct ClientIdentity {
    /// PEM of the certificate, followed by its chain.
    pub certificate: Vec<u8>,
    /// PEM of the certificate's private key.
    pub key: Vec<u8>,
}

impl std::fmt::Debug for ClientIdentity {
    /// Leaves out the private key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientIdentity").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for TlsOptions {
    /// Leaves out the private key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let has_authorities = self.authorities.is_some();
        f.debug_struct("TlsOptions").field("authorities", &has_authorities).finish_non_exhaustive()
    }
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            connect_timeout: defaults::CONNECT_TIMEOUT,
            idle_timeout: Duration::from_secs(30),
            max_idle_per_host: 256,
            max_age: Duration::from_secs(60),
            max_headers: defaults::RESPONSE_HEADERS.get(),
            max_header_bytes: defaults::RESPONSE_HEADER_BYTES.get(),
            http2: false,
            tls: TlsOptions::default(),
        }
    }
}

/// How many headers hyper reads by default. It keeps room for that many on the stack; any other number costs an
/// allocation for each response.
pub(super) const HYPER_MAX_HEADERS: usize = 100;

/// The `User-Agent` that calls send.
pub(super) const USER_AGENT: &str = concat!("bespoke/", env!("CARGO_PKG_VERSION"));

/// Why calls to a service cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// [`TlsOptions::authorities`] cannot be used.
    #[error("its certificate authorities cannot be used: {0}")]
    Authorities(#[source] PemError),
    /// [`ClientIdentity::certificate`] cannot be used.
    #[error("the client certificate for it cannot be used: {0}")]
    Certificate(#[source] PemError),
    /// [`ClientIdentity::key`] cannot be used.
    #[error("the private key of the client certificate for it cannot be used: {0}")]
    Key(#[source] PemError),
    /// The operating system has no root certificate, so no service could be trusted over TLS.
    #[error(
        "the operating system has no root certificate{}: install them (the package `ca-certificates`), say where they \
         are (`SSL_CERT_FILE` or `SSL_CERT_DIR`), or name the service's own (`tls.ca_file`)",
        .problem.as_ref().map(|problem| format!(" ({problem})")).unwrap_or_default()
    )]
    NoRoots {
        /// What could not be read, if that is the reason.
        problem: Option<String>,
    },
    /// The host of the URL is not a name that a certificate can be for (RFC 6125, RFC 1035 §2.3.1).
    #[error("`{0}` is no host name that a certificate can be for")]
    HostName(String),
    /// The HTTP library could not be set up, for reasons of the system.
    #[error("the HTTP client cannot be set up")]
    Setup(#[from] reqwest::Error),
}

/// Why certificates or a key, given as PEM (RFC 7468), cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PemError {
    /// The text holds no certificate.
    #[error("there is no certificate in it")]
    NoCertificate,
    /// The text holds no private key.
    #[error("there is no private key in it")]
    NoKey,
    /// The text is not well formed. The message quotes nothing of it, because it may be a key.
    #[error("it is not well-formed PEM: {0}")]
    Syntax(&'static str),
    /// The private key is that of another certificate.
    #[error("it is not the key of the certificate")]
    OtherKey,
    /// TLS does not accept a certificate or a key.
    #[error(transparent)]
    Unusable(#[from] rustls::Error),
}

/// How calls to one service are made. Clones share what the service's instances have in common.
///
/// The client follows no redirects, uses no proxy, retries nothing, keeps no cookies, and asks for gzip only.
#[derive(Debug, Clone)]
pub struct HttpClient {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    options: ClientOptions,
    material: Material,
    /// Set up when the first URL with `https` needs it.
    tls: Mutex<Option<Arc<Tls>>>,
}

impl HttpClient {
    /// Makes a client from its options. The system's root certificates are read only when a service
    /// with an `https` URL needs them.
    ///
    /// # Errors
    /// If the certificates or the key that were given for TLS cannot be used.
    pub fn new(options: &ClientOptions) -> Result<Self, ClientError> {
        let material = Material::parse(&options.tls)?;
        Ok(Self { inner: Arc::new(Inner { options: options.clone(), material, tls: Mutex::default() }) })
    }

    pub(super) fn options(&self) -> &ClientOptions {
        &self.inner.options
    }

    /// The TLS setup for connections. It is made at the first call.
    ///
    /// # Errors
    /// If the system has no root certificates and they are needed.
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
mod tests;
