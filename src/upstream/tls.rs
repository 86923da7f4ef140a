//! TLS to one service: which authorities its calls trust, and which certificate they show.
//!
//! In: PEM ([`TlsOptions`]), or the operating system's root certificates. Out: the configuration of new connections.
//! Elsewhere: reading the files that the configuration names ([`crate::engine`]); connections ([`super::direct`]).
//!
//! The system's roots are read when a service with an `https` URL is set up. When a connection is made and the roots
//! are older than a connection may be, they are read again. While the roots stay the same, the TLS configuration stays
//! the same object, because it holds the sessions that can be resumed (RFC 8446 §2.2).
//!
//! Always true:
//! - there is no configuration without a root certificate;
//! - if the roots cannot be read again, or only in part, the earlier roots stay in use, and the log says so.

use super::client::{ClientError, ClientIdentity, PemError, TlsOptions};
use arc_swap::ArcSwap;
use rustls::client::ResolvesClientCert;
use rustls::crypto::CryptoProvider;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SigningKey, SingleCertAndKey};
use rustls::{ClientConfig, InconsistentKeys, RootCertStore};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// The TLS settings of a service, parsed.
#[derive(Debug, Clone)]
pub(super) struct Material {
    /// The authorities to trust; `None` if the system's roots are trusted.
    authorities: Option<Arc<RootCertStore>>,
    identity: Option<Arc<SingleCertAndKey>>,
}

/// The system's root certificates, as one reading found them.
#[derive(Debug, Default)]
pub(super) struct SystemRoots {
    pub(super) certificates: Vec<CertificateDer<'static>>,
    /// The first error of the reading, if something could not be read.
    pub(super) problem: Option<String>,
}

/// Reads the system's root certificates.
type ReadRoots = dyn Fn() -> SystemRoots + Send + Sync;

/// The current configuration of rustls for new connections.
pub(super) struct Tls {
    current: ArcSwap<ClientConfig>,
    /// How the configuration is renewed; `None` if it never changes.
    renewal: Option<Renewal>,
}

/// What is needed to keep a configuration with the system's roots up to date.
struct Renewal {
    material: Material,
    read: Box<ReadRoots>,
    every: Duration,
    state: Mutex<RenewalState>,
}

struct RenewalState {
    roots: Arc<RootCertStore>,
    read_at: Instant,
    is_reading: bool,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("is_renewed", &self.renewal.is_some()).finish_non_exhaustive()
    }
}

impl Material {
    /// Parses the PEM of the options.
    ///
    /// # Errors
    /// [`ClientError::Authorities`], [`ClientError::Certificate`] and [`ClientError::Key`], if a text is not PEM, holds
    /// no certificate or key, or holds the key of another certificate.
    pub(super) fn parse(options: &TlsOptions) -> Result<Self, ClientError> {
        let authorities = options.authorities.as_deref().map(parse_authorities).transpose();
        Ok(Self {
            authorities: authorities.map_err(ClientError::Authorities)?.map(Arc::new),
            identity: options.identity.as_ref().map(parse_identity).transpose()?.map(Arc::new),
        })
    }

    fn config(&self, roots: Arc<RootCertStore>) -> ClientConfig {
        let builder = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
        let builder = builder.expect("ring has cipher suites for both versions of TLS").with_root_certificates(roots);
        let mut config = match &self.identity {
            Some(identity) => builder.with_client_cert_resolver(Arc::clone(identity) as Arc<dyn ResolvesClientCert>),
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        config
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(default_provider())
}

fn parse_authorities(pem: &[u8]) -> Result<RootCertStore, PemError> {
    let mut roots = RootCertStore::empty();
    for certificate in parse_certificates(pem)? {
        roots.add(certificate)?;
    }
    Ok(roots)
}

fn parse_identity(identity: &ClientIdentity) -> Result<SingleCertAndKey, ClientError> {
    let chain = parse_certificates(&identity.certificate).map_err(ClientError::Certificate)?;
    let key = parse_key(&identity.key).map_err(ClientError::Key)?;
    let certified = CertifiedKey::new(chain, key);
    match certified.keys_match() {
        // For some kinds of keys, it cannot be checked whether the certificate belongs to them.
        Ok(()) | Err(rustls::Error::InconsistentKeys(InconsistentKeys::Unknown)) => Ok(certified.into()),
        Err(rustls::Error::InconsistentKeys(_)) => Err(ClientError::Key(PemError::OtherKey)),
        Err(error) => Err(ClientError::Certificate(error.into())),
    }
}

fn parse_key(pem: &[u8]) -> Result<Arc<dyn SigningKey>, PemError> {
    let key = PrivateKeyDer::from_pem_slice(pem).map_err(|error| match error {
        pem::Error::NoItemsFound => PemError::NoKey,
        error => syntax(&error),
    })?;
    Ok(provider().key_provider.load_private_key(key)?)
}

fn parse_certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, PemError> {
    let certificates = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
    let certificates = certificates.map_err(|error| syntax(&error))?;
    if certificates.is_empty() { Err(PemError::NoCertificate) } else { Ok(certificates) }
}

fn syntax(error: &pem::Error) -> PemError {
    PemError::Syntax(match error {
        pem::Error::MissingSectionEnd { .. } => "a section has no end",
        pem::Error::IllegalSectionStart { .. } => "a section has no proper beginning",
        pem::Error::Base64Decode(_) => "a section is not base64",
        _ => "it cannot be read",
    })
}

/// Reads the operating system's roots. `SSL_CERT_FILE` and `SSL_CERT_DIR` say where they are, if
/// they are not in the usual places.
pub(super) fn read_system_roots() -> SystemRoots {
    let read = rustls_native_certs::load_native_certs();
    SystemRoots { certificates: read.certs, problem: read.errors.first().map(ToString::to_string) }
}

/// The roots among these certificates. Many machines have certificates that no verifier can use; those are left out.
fn store(certificates: &[CertificateDer<'static>]) -> Arc<RootCertStore> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(certificates.iter().cloned());
    Arc::new(roots)
}

impl Tls {
    /// Makes the configuration. If the system's roots are trusted, `read` reads them now, and again
    /// when they are older than `every`.
    ///
    /// # Errors
    /// [`ClientError::NoRoots`] if the system has no root certificate.
    pub(super) fn new(material: Material, every: Duration, read: Box<ReadRoots>) -> Result<Self, ClientError> {
        if let Some(authorities) = &material.authorities {
            let config = material.config(Arc::clone(authorities));
            return Ok(Self { current: ArcSwap::from_pointee(config), renewal: None });
        }
        let SystemRoots { certificates, problem } = read();
        let roots = store(&certificates);
        if roots.is_empty() {
            return Err(ClientError::NoRoots { problem });
        }
        if let Some(problem) = problem {
            tracing::warn!(target: "bespoke::upstream", problem, "some of the system's root certificates cannot be read");
        }
        let current = ArcSwap::from_pointee(material.config(Arc::clone(&roots)));
        let state = RenewalState { roots, read_at: Instant::now(), is_reading: false };
        Ok(Self { current, renewal: Some(Renewal { material, read, every, state: Mutex::new(state) }) })
    }

    /// The configuration for a new connection. If the roots are older than their limit, a thread for blocking work
    /// reads them again, and the caller does not wait for it.
    pub(super) fn config(self: &Arc<Self>) -> Arc<ClientConfig> {
        if self.renewal.as_ref().is_some_and(Renewal::begin) {
            let tls = Arc::clone(self);
            tokio::task::spawn_blocking(move || tls.renew());
        }
        self.current.load_full()
    }

    /// Reads the roots again and replaces the configuration if they have changed.
    fn renew(&self) {
        let Some(renewal) = &self.renewal else { return };
        let SystemRoots { certificates, problem } = (renewal.read)();
        let roots = store(&certificates);
        let mut state = renewal.state();
        // A file that is being written at this moment is read in part. That is no reason to trust fewer authorities.
        if problem.is_some() || roots.is_empty() {
            let problem = problem.unwrap_or_else(|| "there are none".to_owned());
            let message = "the system's root certificates cannot be read again: those of before stay trusted";
            tracing::warn!(target: "bespoke::upstream", problem, "{message}");
        } else if roots.roots != state.roots.roots {
            self.current.store(Arc::new(renewal.material.config(Arc::clone(&roots))));
            state.roots = roots;
        }
        state.read_at = Instant::now();
        state.is_reading = false;
    }
}

impl Renewal {
    /// Whether a reading is due and none is in progress. If so, it counts as begun.
    fn begin(&self) -> bool {
        let mut state = self.state();
        let is_due = !state.is_reading && state.read_at.elapsed() >= self.every;
        state.is_reading |= is_due;
        is_due
    }

    /// The lock is held for a comparison, never across an await.
    fn state(&self) -> std::sync::MutexGuard<'_, RenewalState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
