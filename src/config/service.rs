//! `services.<name>`: where a service is, and the limits of calling it.

use super::guard::{BreakerConfig, RetryConfig};
use super::security::{IdentityConfig, TlsConfig, TokenConfig};
use crate::defaults;
use crate::diagnostic::without_credentials;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::num::{NonZeroU8, NonZeroU32, NonZeroUsize};
use std::time::Duration;

/// Where one service is and how it may be called: `services.<name>` in the configuration file.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ServiceConfig {
    /// Base URL, `http` or `https`, such as `http://catalog:8080/v1`. Default: none; a service that is called over HTTP
    /// needs one, here or in its `@source`.
    pub url: Option<String>,
    /// Base URLs of several instances, instead of `url`. Calls are balanced between them, and an instance that fails is not
    /// called for a while. At most 64. Default: none.
    pub urls: Vec<String>,
    /// Longest time for one call, from the first byte sent to the last byte received. The deadline of the request applies
    /// as well. Default: 2s.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub timeout: Duration,
    /// Longest time to establish a connection; it is part of `timeout`. Default: 500ms.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub connect_timeout: Duration,
    /// Largest response body, in bytes after decompression. A call with a larger one fails. Default: 8388608 (8 MiB).
    pub max_response_bytes: NonZeroUsize,
    /// Most headers of a response. A call with more of them fails. Default: 100.
    pub max_response_headers: NonZeroUsize,
    /// Largest head of a response, in bytes: the names and values of all headers together. A call with a larger one fails.
    /// Default: 65536 (64 KiB).
    pub max_response_header_bytes: NonZeroUsize,
    /// Deepest nesting of objects and lists in a response, from 1 to 128. A call with a deeper one fails. Default: 128.
    pub max_json_depth: NonZeroU8,
    /// Most list items that one response may add to an answer, including items of inner lists. The list that exceeds it is
    /// an error, and so is a list that exceeds the bound that its binding declares. Default: 100000.
    pub max_list_items: NonZeroU32,
    /// Most calls in flight at once. Further ones wait until their deadline. Calls for subscriptions may take half of the
    /// places. Default: 256.
    pub max_in_flight: NonZeroU32,
    /// Whether its answers are cached, by its own headers or by `@cache`. Default: true.
    pub cache: bool,
    /// Most calls that wait for a place in `max_in_flight`. Further ones fail at once. `0` lets none wait. Default: 256.
    pub max_waiting: u32,
    /// The header in which each call says for how many milliseconds its caller will wait; `null` sends none. Default:
    /// x-request-timeout-ms.
    pub timeout_header: Option<String>,
    /// How failed reads are retried.
    pub retry: RetryConfig,
    /// When the circuit breaker of an endpoint opens.
    pub breaker: BreakerConfig,
    /// Whether the service is called by HTTP/2, where all calls share one connection. Only for `https`; a service that does
    /// not support HTTP/2 is then unreachable. Default: false, which means HTTP/1.1.
    pub http2: bool,
    /// Certificate authorities and client certificates, if the operating system's authorities are not enough.
    pub tls: TlsConfig,
    /// A token that each call carries to authenticate this process. Default: none.
    pub token: Option<TokenConfig>,
    /// A JWT that this process signs and each call carries, so that the service knows who calls. Default: none.
    pub identity: Option<IdentityConfig>,
    /// Values for `$config` in this service's mappings, such as a service token: `config: { token: "${TOKEN}" }`.
    /// Never logged. Default: none.
    pub config: Map<String, Value>,
}

impl Default for ServiceConfig {
    fn default() -> Self {
        Self {
            url: None,
            urls: Vec::new(),
            timeout: defaults::SERVICE_TIMEOUT,
            connect_timeout: defaults::CONNECT_TIMEOUT,
            max_response_bytes: defaults::RESPONSE_BYTES,
            max_response_headers: defaults::RESPONSE_HEADERS,
            max_response_header_bytes: defaults::RESPONSE_HEADER_BYTES,
            max_json_depth: NonZeroU8::MIN.saturating_add(127),
            max_list_items: NonZeroU32::MIN.saturating_add(99_999),
            max_in_flight: defaults::SERVICE_IN_FLIGHT,
            cache: true,
            max_waiting: defaults::SERVICE_WAITING,
            timeout_header: Some(defaults::TIMEOUT_HEADER.to_owned()),
            retry: RetryConfig::default(),
            breaker: BreakerConfig::default(),
            http2: false,
            tls: TlsConfig::default(),
            token: None,
            identity: None,
            config: Map::new(),
        }
    }
}

impl ServiceConfig {
    /// Whether the configuration says where the service is, so that the URLs of `@source` and of the contract do not count.
    pub(super) fn has_urls(&self) -> bool {
        self.url.is_some() || !self.urls.is_empty()
    }

    /// Whether the `tls` options, if there are any, apply to one of the service's URLs. `declared` is the URL of a service
    /// that has none in the configuration.
    pub(super) fn is_tls_used(&self, declared: Option<&str>) -> bool {
        let mut urls = self.url.as_deref().into_iter().chain(self.urls.iter().map(String::as_str)).chain(declared);
        self.tls == TlsConfig::default() || urls.any(is_https)
    }

    /// Whether HTTP/2, if it is switched on, can be used with each of the service's URLs. `declared` is as above.
    pub(super) fn is_http2_possible(&self, declared: Option<&str>) -> bool {
        let mut urls = self.url.as_deref().into_iter().chain(self.urls.iter().map(String::as_str)).chain(declared);
        !self.http2 || urls.all(is_https)
    }

    /// The headers that carry credentials of this process, each after the option that names it.
    pub(super) fn own_headers(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let token = self.token.iter().map(|token| ("token", token.header.as_str()));
        token.chain(self.identity.iter().map(|identity| ("identity", identity.header.as_str())))
    }
}

/// Whether the HTTP client reads this as an `https` URL (URL Standard): surrounding spaces and the case of the scheme do
/// not count.
fn is_https(url: &str) -> bool {
    url.trim().split_once(':').is_some_and(|(scheme, _)| scheme.eq_ignore_ascii_case("https"))
}

impl std::fmt::Debug for ServiceConfig {
    /// Leaves out the values of `config`, which can be secrets, and credentials in URLs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServiceConfig")
            .field("url", &self.url.as_deref().map(without_credentials))
            .field("urls", &self.urls.iter().map(|url| without_credentials(url)).collect::<Vec<_>>())
            .field("timeout", &self.timeout)
            .field("connect_timeout", &self.connect_timeout)
            .field("max_response_bytes", &self.max_response_bytes)
            .field("max_response_headers", &self.max_response_headers)
            .field("max_response_header_bytes", &self.max_response_header_bytes)
            .field("max_json_depth", &self.max_json_depth)
            .field("max_list_items", &self.max_list_items)
            .field("max_in_flight", &self.max_in_flight)
            .field("cache", &self.cache)
            .field("max_waiting", &self.max_waiting)
            .field("timeout_header", &self.timeout_header)
            .field("retry", &self.retry)
            .field("breaker", &self.breaker)
            .field("http2", &self.http2)
            .field("tls", &self.tls)
            .field("token", &self.token)
            .field("identity", &self.identity)
            .field("config", &self.config.keys().collect::<Vec<_>>())
            .finish()
    }
}
