//! Certificates and servers over TLS, made anew for each test.
//!
//! In: names, years, whom to ask for a certificate. Out: PEM for configurations, and what a server is set up with.

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use std::sync::{Arc, LazyLock};

/// A certificate authority.
#[derive(Debug)]
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// A certificate and its private key, as PEM.
#[derive(Debug, Clone)]
pub struct Certified {
    /// The certificate.
    pub certificate: String,
    /// The key.
    pub key: String,
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

impl Authority {
    /// A new one; none is like another.
    ///
    /// # Panics
    /// When the system has no random numbers.
    #[must_use]
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let pem = params.self_signed(&key).expect("a certificate").pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// Its own certificate, as PEM.
    #[must_use]
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// A certificate for this machine that is valid now.
    #[must_use]
    pub fn certificate(&self) -> Certified {
        self.certificate_for("127.0.0.1", (2000, 2300))
    }

    /// A certificate for a name, valid from the beginning of the first year to that of the second.
    ///
    /// # Panics
    /// When the name is none.
    #[must_use]
    pub fn certificate_for(&self, name: &str, years: (i32, i32)) -> Certified {
        let (params, key) = params(name, years);
        Certified {
            certificate: params.signed_by(&key, &self.issuer).expect("a certificate").pem(),
            key: key.serialize_pem(),
        }
    }
}

impl Certified {
    /// A certificate for this machine that nobody but itself has signed; `is_authority`: it may sign others, as those that
    /// OpenSSL makes by default.
    ///
    /// # Panics
    /// When the system has no random numbers.
    #[must_use]
    pub fn self_signed(is_authority: bool) -> Self {
        let (mut params, key) = params("127.0.0.1", (2000, 2300));
        if is_authority {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        }
        Self { certificate: params.self_signed(&key).expect("a certificate").pem(), key: key.serialize_pem() }
    }

    /// Certificate and key in one PEM.
    #[must_use]
    pub fn pem(&self) -> String {
        format!("{}\n{}", self.certificate, self.key)
    }
}

fn params(name: &str, (first, last): (i32, i32)) -> (CertificateParams, KeyPair) {
    let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
    params.not_before = date_time_ymd(first, 1, 1);
    params.not_after = date_time_ymd(last, 1, 1);
    (params, KeyPair::generate().expect("a key"))
}

/// The authority that tests of one process share unless they are about authorities.
pub fn authority() -> &'static Authority {
    static AUTHORITY: LazyLock<Authority> = LazyLock::new(Authority::new);
    &AUTHORITY
}

/// A server on this machine with a certificate by [`authority`].
pub fn local() -> Arc<ServerConfig> {
    static SERVER: LazyLock<Arc<ServerConfig>> = LazyLock::new(|| Arc::new(server(&authority().certificate(), None)));
    Arc::clone(&SERVER)
}

/// A server with this certificate; `clients`: it wants certificates of that authority. It speaks HTTP/1.1 only.
///
/// # Panics
/// When the certificate is none.
#[must_use]
pub fn server(certified: &Certified, clients: Option<&Authority>) -> ServerConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions();
    let builder = builder.expect("ring has cipher suites for both versions of TLS");
    let certificate = CertificateDer::from_pem_slice(certified.certificate.as_bytes()).expect("PEM");
    let key = PrivateKeyDer::from_pem_slice(certified.key.as_bytes()).expect("PEM");
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots.add(CertificateDer::from_pem_slice(authority.pem.as_bytes()).expect("PEM")).expect("a root");
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(verifier.expect("a verifier"))
        }
    };
    let mut config = builder.with_single_cert(vec![certificate], key).expect("a key for the certificate");
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config
}
