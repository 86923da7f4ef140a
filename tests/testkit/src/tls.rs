//! Certificates and TLS configurations of servers, which are made when a test runs.
//!
//! In: names, years, and the authority that signs. Out: PEM texts for configurations, and the TLS configuration of a
//! server.

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use std::sync::{Arc, LazyLock};

/// A certificate authority with its own key.
#[derive(Debug)]
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// A certificate and its private key, as PEM.
#[derive(Debug, Clone)]
pub struct Certified {
    /// The certificate, as PEM.
    pub certificate: String,
    /// The private key, as PEM.
    pub key: String,
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

impl Authority {
    /// Makes a new authority, which has a new key.
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

    /// The certificate of the authority itself, as PEM.
    #[must_use]
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Makes a certificate for 127.0.0.1 that is valid now.
    #[must_use]
    pub fn certificate(&self) -> Certified {
        self.certificate_for("127.0.0.1", (2000, 2300))
    }

    /// Makes a certificate for a name. It is valid from the beginning of the first year to the beginning of the second.
    ///
    /// # Panics
    /// When `name` is not a valid name.
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
    /// Makes a certificate for 127.0.0.1 that is signed with its own key. If `is_authority` is true, it may sign other
    /// certificates, like those that OpenSSL makes by default.
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

    /// The certificate and the key in one PEM text.
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

/// The authority that all tests of a process share unless they test authorities.
pub fn authority() -> &'static Authority {
    static AUTHORITY: LazyLock<Authority> = LazyLock::new(Authority::new);
    &AUTHORITY
}

/// The TLS configuration of a server at 127.0.0.1 with a certificate of [`authority`].
pub fn local() -> Arc<ServerConfig> {
    static SERVER: LazyLock<Arc<ServerConfig>> = LazyLock::new(|| Arc::new(server(&authority().certificate(), None)));
    Arc::clone(&SERVER)
}

/// The TLS configuration of a server with this certificate, which speaks HTTP/1.1 only. If `clients` is an authority,
/// every client must present a certificate of that authority.
///
/// # Panics
/// When `certified` is not a valid certificate and key.
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
