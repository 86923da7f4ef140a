//! HTTP/2 to services, over TLS, with the pooled client of a library. All calls share one connection.
//!
//! In: a request. Out: the response, which is not decompressed.
//! Elsewhere: HTTP/1.1 ([`super::direct`]); which certificates are trusted ([`super::tls`]).
//!
//! Always true:
//! - a service that does not agree to HTTP/2 is not called over another version instead;
//! - an answer whose head is over its caps is an error. A head that is a little over is found here; for a head that is
//!   far over, the library resets the stream.
//!
//! Two rules of HTTP/1.1 do not hold here. The library reads interim answers (1xx) without a bound in
//! bytes, so only the call's timeout ends a flood of them. And a read whose connection ends is sent
//! again only within the retry budget.

use super::client::{ClientError, ClientOptions, USER_AGENT};
use super::tls::Tls;
use arc_swap::ArcSwap;
use reqwest::redirect;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The protocol that a service must agree to (RFC 9113 §3.2).
const ALPN: &[u8] = b"h2";

/// How often a connection with calls in flight is checked by a ping, and how long the answer to the ping may take.
const KEEP_ALIVE: Duration = Duration::from_secs(5);

/// The connections to the instances of one service. Clones share them.
#[derive(Debug, Clone)]
pub(super) struct Http2 {
    pools: Arc<Pools>,
}

/// The current pool, which is replaced from time to time. The library has no age limit for connections, so a pool is
/// replaced as a whole. The calls in flight end in the old one.
#[derive(Debug)]
struct Pools {
    current: ArcSwap<Pool>,
    /// Whether the next pool is being made.
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

    /// The current pool. If it is older than `max_age`, the next one takes its place.
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

/// The limit that the library enforces: twice our own caps, by the protocol's count, which adds 32 bytes for each field
/// (RFC 9113 §6.5.2). The library answers a larger head with a reset that looks like any other, so heads that are a
/// little too large must be found here instead.
fn max_header_list(options: &ClientOptions) -> u32 {
    u32::try_from(2 * (options.max_header_bytes + 32 * options.max_headers)).unwrap_or(u32::MAX)
}

/// Makes a new pool.
fn make(tls: &Arc<Tls>, options: &ClientOptions) -> Result<reqwest::Client, ClientError> {
    let mut config = (*tls.config()).clone();
    config.alpn_protocols = vec![ALPN.to_vec()];
    let builder = reqwest::Client::builder()
        .tls_backend_preconfigured(config)
        .http2_prior_knowledge()
        .http2_max_header_list_size(max_header_list(options))
        // All calls share a connection, so a connection that the network has lost must not
        // cost all of them their timeouts.
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
mod tests;
