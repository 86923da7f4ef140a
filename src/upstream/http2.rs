//! HTTP/2 to services, over TLS: the pooled client of a library, whose calls share one connection.
//!
//! In: a request. Out: the response as it came.
//! Elsewhere: HTTP/1.1 ([`super::direct`]); what is trusted ([`super::tls`]).
//!
//! Always true:
//! - a service that does not agree to HTTP/2 is called by nothing else;
//! - a head over its caps is no answer: a little over is found here, far over by the library, which resets the stream.
//!
//! What HTTP/1.1 has and this has not: the library reads interim answers (1xx) without a bound in bytes, so that only the
//! call's timeout ends a flood of them; and a read whose connection dies is not sent again beside the retry budget.

use super::client::{ClientError, ClientOptions, USER_AGENT};
use super::tls::Tls;
use arc_swap::ArcSwap;
use reqwest::redirect;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// What a service must agree to (RFC 9113 §3.2).
const ALPN: &[u8] = b"h2";

/// How often a connection with calls in flight is asked whether it still stands, and how long its answer may take.
const KEEP_ALIVE: Duration = Duration::from_secs(5);

/// Connections to the instances of one service. Clones share them.
#[derive(Debug, Clone)]
pub(super) struct Http2 {
    pools: Arc<Pools>,
}

/// The pool, one after the other: the library knows no age of connections, so that a pool is given up as a whole. What is
/// in flight ends in the old one.
#[derive(Debug)]
struct Pools {
    current: ArcSwap<Pool>,
    /// Is the next one being made?
    is_renewing: AtomicBool,
    tls: Arc<Tls>,
    options: ClientOptions,
}

#[derive(Debug)]
struct Pool {
    client: reqwest::Client,
    born: Instant,
}

impl Http2 {
    pub(super) fn new(tls: Arc<Tls>, options: &ClientOptions) -> Result<Self, ClientError> {
        let current = ArcSwap::from_pointee(Pool { client: make(&tls, options)?, born: Instant::now() });
        let options = options.clone();
        Ok(Self { pools: Arc::new(Pools { current, is_renewing: AtomicBool::new(false), tls, options }) })
    }

    /// The pool of the moment. When it has come of age the next one takes its place.
    pub(super) fn current(&self) -> reqwest::Client {
        let pools = &self.pools;
        let pool = pools.current.load();
        if pool.born.elapsed() < pools.options.max_age || pools.is_renewing.swap(true, Ordering::AcqRel) {
            return pool.client.clone();
        }
        let client = make(&pools.tls, &pools.options).unwrap_or_else(|error| {
            tracing::warn!(target: "bespoke::upstream", %error, "connections are kept for longer");
            pool.client.clone()
        });
        pools.current.store(Arc::new(Pool { client: client.clone(), born: Instant::now() }));
        pools.is_renewing.store(false, Ordering::Release);
        client
    }
}

/// Twice what is taken, by the protocol's count: 32 bytes more for each field (RFC 9113 §6.5.2). The library answers what is
/// over it by a reset that looks like any other, so it must not be what finds heads that are a little too large.
fn max_header_list(options: &ClientOptions) -> u32 {
    u32::try_from(2 * (options.max_header_bytes + 32 * options.max_headers)).unwrap_or(u32::MAX)
}

/// A new pool.
fn make(tls: &Arc<Tls>, options: &ClientOptions) -> Result<reqwest::Client, ClientError> {
    let mut config = (*tls.config()).clone();
    config.alpn_protocols = vec![ALPN.to_vec()];
    let builder = reqwest::Client::builder()
        .tls_backend_preconfigured(config)
        .http2_prior_knowledge()
        .http2_max_header_list_size(max_header_list(options))
        // All calls share a connection: one that the network has lost must not cost all of them their timeouts.
        .http2_keep_alive_interval(KEEP_ALIVE)
        .http2_keep_alive_timeout(KEEP_ALIVE)
        .https_only(true)
        .no_proxy()
        .redirect(redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .tcp_nodelay(true)
        .connect_timeout(options.connect_timeout)
        .pool_idle_timeout(options.idle_timeout)
        .pool_max_idle_per_host(options.max_idle_per_host)
        .user_agent(USER_AGENT);
    Ok(builder.build()?)
}

#[cfg(test)]
#[path = "http2_tests.rs"]
mod tests;
