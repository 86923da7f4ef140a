//! The one HTTP client that all services share.

use arc_swap::ArcSwap;
use reqwest::{Certificate, Identity, redirect};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

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
    /// found. With TLS, all connections of that age or younger are replaced at once. Default: 60 s.
    pub max_age: Duration,
    /// Headers of a response. Default: 100. At the limit the connection is dropped.
    pub max_headers: usize,
    /// Names and values of a response's headers, in bytes. Default: 65536 (64 KiB). At the limit the connection is
    /// dropped.
    pub max_header_bytes: usize,
    /// Do services without TLS get connections of their own, which their calls drive themselves? Default: yes; no is
    /// for comparing the two paths. Whatever a service does, the answer is the same by either.
    pub direct: bool,
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
            direct: true,
            tls: TlsOptions::default(),
        }
    }
}

/// What hyper takes without being told: room for them is on the stack. More of them, or fewer, cost an allocation for
/// each response.
pub(super) const HYPER_MAX_HEADERS: usize = 100;

/// What calls say that they come from.
pub(super) const USER_AGENT: &str = concat!("bespoke/", env!("CARGO_PKG_VERSION"));

/// The client could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// By what it was given for TLS, or for reasons of the system.
    #[error("the HTTP client cannot be set up")]
    Setup(#[from] reqwest::Error),
    /// The PEM of the certificate authorities holds none.
    #[error("there is no certificate authority in the PEM")]
    NoAuthority,
}

/// A pool of HTTP/1.1 connections. Clones share the pool: make one per process. Services without TLS have pools of
/// their own ([`ClientOptions::direct`]).
///
/// It follows no redirects, uses no proxy, retries nothing, keeps no cookies, and asks for gzip only.
#[derive(Debug, Clone)]
pub struct HttpClient {
    pools: Arc<Pools>,
    pub(super) options: Arc<ClientOptions>,
}

/// The pool, one after the other: reqwest knows no age of connections, so that a pool is given up as a whole. What is in
/// flight ends in the old one.
#[derive(Debug)]
struct Pools {
    current: ArcSwap<Pool>,
    /// Is the next one being made?
    is_renewing: AtomicBool,
}

#[derive(Debug)]
struct Pool {
    client: reqwest::Client,
    born: Instant,
}

impl HttpClient {
    /// Sets up TLS (rustls with `ring`, roots of the operating system) and an empty pool.
    ///
    /// On a machine without any root certificate, such as an image made from scratch, plain HTTP works, and every
    /// call over TLS fails as unreachable.
    ///
    /// # Errors
    /// When TLS cannot be set up, for example because what is given for it is no PEM.
    pub fn new(options: &ClientOptions) -> Result<Self, ClientError> {
        // Fails when somebody has installed a provider already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let current = ArcSwap::from_pointee(Pool { client: make(options)?, born: Instant::now() });
        let pools = Pools { current, is_renewing: AtomicBool::new(false) };
        Ok(Self { pools: Arc::new(pools), options: Arc::new(options.clone()) })
    }

    /// The pool of the moment. When it has come of age the next one is made, on a thread for what blocks: the system's
    /// roots are read again.
    pub(super) fn current(&self) -> reqwest::Client {
        let pool = self.pools.current.load();
        if pool.born.elapsed() >= self.options.max_age && !self.pools.is_renewing.swap(true, Ordering::AcqRel) {
            let (Self { pools, options }, old) = (self.clone(), pool.client.clone());
            tokio::task::spawn_blocking(move || {
                let client = make(&options).unwrap_or_else(|error| {
                    tracing::warn!(target: "bespoke::upstream", %error, "connections are kept for longer");
                    old
                });
                pools.current.store(Arc::new(Pool { client, born: Instant::now() }));
                pools.is_renewing.store(false, Ordering::Release);
            });
        }
        pool.client.clone()
    }
}

/// A new pool.
fn make(options: &ClientOptions) -> Result<reqwest::Client, ClientError> {
    // The verifier refuses to start with no roots at all; an empty list of our own it takes.
    let mut builder = builder(options);
    if let Some(identity) = &options.tls.identity {
        builder = builder.identity(Identity::from_pem(identity)?);
    }
    Ok(match &options.tls.authorities {
        Some(pem) => {
            let authorities = Certificate::from_pem_bundle(pem)?;
            if authorities.is_empty() {
                return Err(ClientError::NoAuthority);
            }
            builder.tls_certs_only(authorities).build()?
        }
        None => match builder.build() {
            Ok(client) => client,
            Err(error) if options.tls.identity.is_some() => return Err(error.into()),
            Err(_) => self::builder(options).tls_certs_only([]).build()?,
        },
    })
}

fn builder(options: &ClientOptions) -> reqwest::ClientBuilder {
    let builder = reqwest::Client::builder();
    let builder = match options.max_headers {
        HYPER_MAX_HEADERS => builder,
        other => builder.http1_max_headers(other),
    };
    builder
        .http1_only()
        .no_proxy()
        .redirect(redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        // Codings are undone in one place, for this path and the direct one.
        .gzip(false)
        .tcp_nodelay(true)
        .connect_timeout(options.connect_timeout)
        .pool_idle_timeout(options.idle_timeout)
        .pool_max_idle_per_host(options.max_idle_per_host)
        .user_agent(USER_AGENT)
}

#[cfg(test)]
#[path = "security_tests.rs"]
mod tests;
