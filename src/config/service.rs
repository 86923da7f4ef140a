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
    /// Base URL, `http` or `https`, such as `http://catalog:8080/v1`. Default: none; a service that is called over
    /// HTTP must have one.
    pub url: Option<String>,
    /// Base URLs of several instances, instead of `url`: calls are balanced between them, and one that fails is left
    /// alone for a while. At most 64. Default: none.
    pub urls: Vec<String>,
    /// Longest wait for one call, from the first byte sent to the last received; the request's own deadline holds
    /// too. Default: 2s.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub timeout: Duration,
    /// Longest wait for a connection; part of `timeout`. Default: 500ms.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub connect_timeout: Duration,
    /// Largest response body, in bytes after decompression; above it the call is an error. Default: 8388608 (8 MiB).
    pub max_response_bytes: NonZeroUsize,
    /// Headers of a response; with more of them the call is an error. Default: 100.
    pub max_response_headers: NonZeroUsize,
    /// Size of a response's head, names and values of all headers together, in bytes; above it the call is an error.
    /// Default: 65536 (64 KiB).
    pub max_response_header_bytes: NonZeroUsize,
    /// Deepest nesting of objects and lists in a response, from 1 to 128; deeper ones are an error. Default: 128.
    pub max_json_depth: NonZeroU8,
    /// Items of lists that one response may give to an answer, items of inner lists included; the list that exceeds
    /// it is an error, as is a list that exceeds the bound that its binding declares. Default: 100000.
    pub max_list_items: NonZeroU32,
    /// Calls in flight at once; further ones wait, up to their deadline. Those for subscriptions are at most half of them.
    /// Default: 256.
    pub max_in_flight: NonZeroU32,
    /// Are its answers kept, as `@cache` or its own headers say? Default: true.
    pub cache: bool,
    /// Calls that wait for one of those; further ones are errors at once. 0: none waits. Default: 256.
    pub max_waiting: u32,
    /// Header by which each call says how many milliseconds its answer is waited for; `null`: none does. Default:
    /// x-request-timeout-ms.
    pub timeout_header: Option<String>,
    /// Which failed reads are sent once more.
    pub retry: RetryConfig,
    /// When an endpoint is left alone.
    pub breaker: BreakerConfig,
    /// Is it called by HTTP/2, whose calls share one connection? For `https` only; a service that does not agree to it is
    /// unreachable. Default: false, HTTP/1.1.
    pub http2: bool,
    /// TLS, where the operating system's certificate authorities are not enough.
    pub tls: TlsConfig,
    /// A token of ours that each call carries. Default: none.
    pub token: Option<TokenConfig>,
    /// A JWT of ours that each call carries, so that the service can tell who calls. Default: none.
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
    /// Is it said here where the service is? What `@source` and the contract say does not count then.
    pub(super) fn has_urls(&self) -> bool {
        self.url.is_some() || !self.urls.is_empty()
    }

    /// Does what is said of TLS, if anything, hold for one of the service's URLs? `declared`: where the service is, if
    /// it is not said here.
    pub(super) fn is_tls_used(&self, declared: Option<&str>) -> bool {
        let mut urls = self.url.as_deref().into_iter().chain(self.urls.iter().map(String::as_str)).chain(declared);
        self.tls == TlsConfig::default() || urls.any(is_https)
    }

    /// Is each of the service's URLs one that HTTP/2 is spoken to, if it is to be spoken? `declared`: as above.
    pub(super) fn is_http2_possible(&self, declared: Option<&str>) -> bool {
        let mut urls = self.url.as_deref().into_iter().chain(self.urls.iter().map(String::as_str)).chain(declared);
        !self.http2 || urls.all(is_https)
    }

    /// The headers that carry something of ours, each with the option that says so.
    pub(super) fn own_headers(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let token = self.token.iter().map(|token| ("token", token.header.as_str()));
        token.chain(self.identity.iter().map(|identity| ("identity", identity.header.as_str())))
    }
}

/// As the client reads it (URL Standard): spaces around it and the case of its scheme do not count.
fn is_https(url: &str) -> bool {
    url.trim().split_once(':').is_some_and(|(scheme, _)| scheme.eq_ignore_ascii_case("https"))
}

impl std::fmt::Debug for ServiceConfig {
    /// Holds back `config`, whose values can be secrets, and what URLs should not hold.
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
