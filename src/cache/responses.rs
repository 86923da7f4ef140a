//! Whole responses by their target, with variants: an HTTP cache for proxies, as in RFC 9111.
//!
//! In: requests and responses. Out: a stored response, or what to ask the origin for.
//! Elsewhere: sending requests (`examples/cache_proxy.rs`); how long a response holds ([`super::freshness`]).
//!
//! Always true: a stored response is used only for requests with the same values in all
//! headers that it varies by (§4.1).

use super::directives::Directives;
use super::freshness::{CacheKind, Exchange, Freshness, State, assess, condition, merged};
use bytes::Bytes;
use http::header::{
    AGE, AUTHORIZATION, CACHE_CONTROL, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_LOCATION, CONTENT_RANGE,
    ETAG, HeaderName, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED, LOCATION, PRAGMA, RANGE, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE, VARY,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// The most variants of one target; the oldest is removed first.
const MAX_VARIANTS: usize = 16;

/// The parts of a request that decide which response it gets.
#[derive(Debug, Clone, Copy)]
pub struct CacheRequest<'a> {
    /// The HTTP method.
    pub method: &'a Method,
    /// The target, with its path and query. A cache belongs to one origin.
    pub target: &'a Uri,
    /// The headers of the request.
    pub headers: &'a HeaderMap,
}

/// A response to store or to send.
#[derive(Debug, Clone)]
pub struct Response {
    /// The HTTP status.
    pub status: StatusCode,
    /// The headers, without those that concern the connection.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

/// A stored response.
#[derive(Debug)]
pub struct StoredResponse {
    response: Response,
    freshness: Freshness,
    /// The headers that the response varies by, with the values that were sent.
    varies: Vec<(HeaderName, String)>,
}

/// The result of looking a request up.
#[derive(Debug)]
pub enum LookUp {
    /// The stored response answers the request.
    Answer(Response),
    /// The stored response answers the request, and the origin is to be asked again.
    AnswerAndAsk(Response, Arc<StoredResponse>),
    /// The origin is to be asked whether the stored response still holds.
    Ask(Arc<StoredResponse>),
    /// Nothing is stored, so the origin is to be asked.
    Nothing,
    /// The client forbids asking the origin, and no stored response may answer (§5.2.1.7).
    Unsatisfiable,
}

/// The stored responses of one origin.
pub struct HttpCache {
    targets: moka::sync::Cache<Arc<str>, Arc<Vec<Arc<StoredResponse>>>, ahash::RandomState>,
}

impl std::fmt::Debug for HttpCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpCache").field("targets", &self.targets.entry_count()).finish()
    }
}

impl HttpCache {
    /// An empty cache with a bound in bytes.
    #[must_use]
    pub fn new(max_bytes: u64) -> Self {
        let targets = moka::sync::Cache::builder()
            .max_capacity(max_bytes)
            .weigher(|target: &Arc<str>, variants: &Arc<Vec<Arc<StoredResponse>>>| {
                let each =
                    variants.iter().map(|stored| 512 + stored.response.body.len() + stored.response.headers.len() * 96);
                u32::try_from(target.len() + each.sum::<usize>()).unwrap_or(u32::MAX)
            })
            .build_with_hasher(ahash::RandomState::new());
        Self { targets }
    }

    /// Looks up the response to a request (§4).
    #[must_use]
    pub fn look_up(&self, asked: &CacheRequest<'_>, now: Instant) -> LookUp {
        let wanted = Directives::of(asked.headers);
        let nothing = if wanted.only_if_cached { LookUp::Unsatisfiable } else { LookUp::Nothing };
        // Requests for a range are left to the origin.
        if !is_cacheable(asked.method) || asked.headers.contains_key(RANGE) {
            return LookUp::Nothing;
        }
        let Some(stored) = self.variant(asked) else { return nothing };
        let age = stored.freshness.age(now);
        // §5.4: old clients send `Pragma: no-cache` instead of `Cache-Control`.
        let is_pragma = !asked.headers.contains_key(CACHE_CONTROL)
            && asked.headers.get(PRAGMA).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"no-cache"));
        let remaining = stored.freshness.remaining(now);
        let is_wanted = !wanted.no_cache
            && !is_pragma
            && wanted.max_age.is_none_or(|most| age <= most)
            && wanted.min_fresh.is_none_or(|least| remaining >= least);
        let stale_for = age.saturating_sub(stored.freshness.lifetime);
        let is_stale_wanted =
            !stored.freshness.must_revalidate && wanted.max_stale.is_some_and(|most| stale_for <= most);
        match stored.freshness.state(now) {
            State::Fresh if is_wanted => LookUp::Answer(stored.answer(asked, now)),
            _ if is_wanted && is_stale_wanted => LookUp::Answer(stored.answer(asked, now)),
            State::Revalidate if is_wanted && !wanted.only_if_cached => {
                LookUp::AnswerAndAsk(stored.answer(asked, now), stored)
            }
            _ if wanted.only_if_cached => LookUp::Unsatisfiable,
            _ => LookUp::Ask(stored),
        }
    }

    fn variant(&self, asked: &CacheRequest<'_>) -> Option<Arc<StoredResponse>> {
        let variants = self.targets.get(&*asked.target.to_string())?;
        // §4.1: if several variants match, the newest is used.
        variants.iter().rev().find(|stored| stored.matches(asked.headers)).cloned()
    }

    /// Stores a response if it may be stored (§3), and removes what a write has changed (§4.4).
    pub fn receive(&self, asked: &CacheRequest<'_>, response: &Response, times: (Instant, Instant), date: SystemTime) {
        let status = response.status;
        if !asked.method.is_safe() {
            if status.is_success() || status.is_redirection() {
                self.invalidate(asked.target, &response.headers);
            }
            return;
        }
        let is_whole = *asked.method == Method::GET && !asked.headers.contains_key(RANGE);
        if !is_whole || Directives::of(asked.headers).no_store {
            return;
        }
        let kind = CacheKind::Shared { authorized: asked.headers.contains_key(AUTHORIZATION) };
        let headers = &response.headers;
        let exchange = Exchange { status: status.as_u16(), headers, sent: times.0, received: times.1, date };
        let Ok(freshness) = assess(&exchange, kind, None) else { return };
        let varies = varies(headers).map(|name| (combined(asked.headers, &name), name));
        let varies = varies.map(|(sent, name)| (name, sent)).collect();
        self.store(asked, StoredResponse { response: response.clone(), freshness, varies });
    }

    /// Updates a stored response after the origin has said that it still holds (§4.3.4), and returns the response to
    /// send. `None` if the origin refers to another response.
    #[must_use]
    pub fn still(
        &self,
        asked: &CacheRequest<'_>,
        stored: &StoredResponse,
        told: &HeaderMap,
        times: (Instant, Instant),
        date: SystemTime,
    ) -> Option<Response> {
        let mut told = told.clone();
        for of_the_body in [CONTENT_LENGTH, CONTENT_ENCODING, CONTENT_RANGE] {
            told.remove(of_the_body);
        }
        let headers = merged(&stored.response.headers, &told)?;
        let response = Response { headers, ..stored.response.clone() };
        let as_get = CacheRequest { method: &Method::GET, ..*asked };
        self.receive(&as_get, &response, times, date);
        let kept = self.variant(asked);
        let served = kept.map_or_else(|| response.clone(), |kept| kept.answer(asked, times.1));
        Some(served)
    }

    fn store(&self, asked: &CacheRequest<'_>, stored: StoredResponse) {
        let target = asked.target.to_string();
        let mut variants: Vec<_> = self.targets.get(&*target).map_or_else(Vec::new, |variants| variants.to_vec());
        variants.retain(|other| !other.matches(asked.headers));
        if variants.len() >= MAX_VARIANTS {
            variants.remove(0);
        }
        variants.push(Arc::new(stored));
        self.targets.insert(target.into(), Arc::new(variants));
    }

    /// §4.4: removes the target, and the URLs of the same origin that the response says were made or changed.
    fn invalidate(&self, target: &Uri, headers: &HeaderMap) {
        self.targets.invalidate(&*target.to_string());
        for name in [LOCATION, CONTENT_LOCATION] {
            let named = headers.get(name).and_then(|value| value.to_str().ok()?.parse::<Uri>().ok());
            if let Some(path) = named.as_ref().and_then(Uri::path_and_query) {
                // The URL may be of another origin. Then a path of our origin is asked
                // for once more, which does no harm.
                self.targets.invalidate(path.as_str());
            }
        }
    }
}

impl StoredResponse {
    fn matches(&self, headers: &HeaderMap) -> bool {
        self.varies.iter().all(|(name, sent)| combined(headers, name) == *sent)
    }

    /// The headers that ask whether the response still holds; `None` if it has no validator.
    #[must_use]
    pub fn condition(&self) -> Option<Vec<(HeaderName, HeaderValue)>> {
        condition(&self.response.headers)
    }

    /// The response, if it may be sent in place of an error of the origin (RFC 5861 §4).
    #[must_use]
    pub fn on_error(&self, asked: &CacheRequest<'_>, now: Instant) -> Option<Response> {
        self.freshness.holds_on_error(now, Duration::ZERO).then(|| self.answer(asked, now))
    }

    /// The response for this request: with its age (§5.1), or as 304 if the client already has it (§4.3.2).
    fn answer(&self, asked: &CacheRequest<'_>, now: Instant) -> Response {
        let mut response = self.response.clone();
        let age = self.freshness.age(now).as_secs();
        response.headers.insert(AGE, HeaderValue::from(age));
        if self.client_has_it(asked.headers) {
            response.status = StatusCode::NOT_MODIFIED;
            response.headers.remove(CONTENT_LENGTH);
            response.body = Bytes::new();
        }
        if *asked.method == Method::HEAD {
            response.headers.entry(CONTENT_LENGTH).or_insert_with(|| HeaderValue::from(self.response.body.len()));
            response.body = Bytes::new();
        }
        response
    }

    /// Whether the client already has the response, by the conditions of its request
    /// (RFC 9110 §13.1.2, §13.1.3, §13.2.2).
    fn client_has_it(&self, headers: &HeaderMap) -> bool {
        if self.response.status != StatusCode::OK {
            return false;
        }
        if headers.contains_key(IF_NONE_MATCH) {
            let weak = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
            let own = self.response.headers.get(ETAG).and_then(|tag| tag.to_str().ok()).map(weak);
            let listed = combined(headers, &IF_NONE_MATCH);
            return listed.trim() == "*" || own.is_some_and(|own| listed.split(',').any(|tag| weak(tag) == own));
        }
        let date = |headers: &HeaderMap, name| {
            let value: Option<&HeaderValue> = headers.get(name);
            httpdate::parse_http_date(value?.to_str().ok()?).ok()
        };
        let (since, modified) = (date(headers, IF_MODIFIED_SINCE), date(&self.response.headers, LAST_MODIFIED));
        since.zip(modified).is_some_and(|(since, modified)| modified <= since)
    }
}

/// Removes the headers that concern only one connection (RFC 9110 §7.6.1), which must not be passed on.
pub fn strip_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    let known = [CONNECTION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE];
    let old = ["keep-alive", "proxy-connection"].map(HeaderName::from_static);
    for name in named.iter().chain(&known).chain(&old) {
        headers.remove(name);
    }
}

fn is_cacheable(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

fn varies(headers: &HeaderMap) -> impl Iterator<Item = HeaderName> {
    let values = headers.get_all(VARY).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).filter_map(|name| name.trim().parse().ok())
}

/// All values of a header as one list, without white space around its members (§4.1).
fn combined(headers: &HeaderMap, name: &HeaderName) -> String {
    let values = headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let members: Vec<String> = values.collect();
    members.iter().flat_map(|value| value.split(',')).map(str::trim).collect::<Vec<_>>().join(",")
}
