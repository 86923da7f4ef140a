//! How long an answer holds: storing (RFC 9111 §3), freshness (§4.2), and what may be served stale (§4.2.4, RFC 5861).
//!
//! No crate for this is used. `http-cache-semantics` 3.0 knows directives only in lower case, takes `Age` for the whole
//! age, keeps two maps of headers and a map of directives per answer, lacks RFC 5861, and panics on an `Age` near 2⁶⁴.
//! So the rules are written here.
//!
//! Heuristic freshness (§4.2.2) is not used, because nobody can guess how long a price holds.

use super::directives::{Directives, MOST_SECONDS, seconds};
use super::status::Bypass;
use http::header::{
    AGE, CACHE_CONTROL, DATE, ETAG, EXPIRES, HeaderName, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED, PRAGMA,
    SET_COOKIE, VARY,
};
use http::{HeaderMap, HeaderValue};
use std::time::{Duration, Instant, SystemTime};

/// For whom an answer is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheKind {
    /// For everybody, as in a shared cache.
    Shared {
        /// Whether the request carried the caller's `Authorization`. A token of our own does not count.
        authorized: bool,
    },
    /// For one caller. The entry's key holds the caller's credentials, so this is a private cache (§1).
    Private,
}

/// The parts of an exchange with a service that decide about keeping its answer.
#[derive(Debug, Clone, Copy)]
pub struct Exchange<'a> {
    /// The HTTP status of the answer.
    pub status: u16,
    /// The headers of the answer.
    pub headers: &'a HeaderMap,
    /// The time at which the request was sent.
    pub sent: Instant,
    /// The time at which the answer was received.
    pub received: Instant,
    /// The same time by the system's clock.
    pub date: SystemTime,
}

/// How long an answer holds if its service does not say: the rule of `@cache`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guess {
    /// How long the answer is fresh.
    pub lifetime: Duration,
    /// How long after that it may be served while the service is asked again.
    pub stale_while_revalidate: Duration,
    /// The longest lifetime of 404 and 410, because what does not exist now may exist soon.
    pub negative: Duration,
}

/// How long an answer holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Freshness {
    /// The time at which the answer was received.
    pub received: Instant,
    /// The age that it had at that time.
    pub initial_age: Duration,
    /// The age up to which it is fresh.
    pub lifetime: Duration,
    /// How long after that it may be served while the service is asked again.
    pub stale_while_revalidate: Duration,
    /// How long after its lifetime it may be served if the service fails; `None` if the service does not say.
    pub stale_if_error: Option<Duration>,
    /// Whether a stale answer may be served only after the service was asked.
    pub must_revalidate: bool,
}

/// How an answer may be used at a given time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It is the answer.
    Fresh,
    /// It is the answer, and the service is to be asked again.
    Revalidate,
    /// The service is to be asked first.
    Stale,
}

impl Freshness {
    /// The age of the answer (§4.2.3, `current_age`).
    #[must_use]
    pub fn age(&self, now: Instant) -> Duration {
        self.initial_age.saturating_add(now.saturating_duration_since(self.received))
    }

    /// How the answer may be used at this time.
    #[must_use]
    pub fn state(&self, now: Instant) -> State {
        let age = self.age(now);
        if age < self.lifetime {
            return State::Fresh;
        }
        let window = self.lifetime.saturating_add(self.stale_while_revalidate);
        if !self.must_revalidate && age < window { State::Revalidate } else { State::Stale }
    }

    /// How much longer the answer is fresh.
    #[must_use]
    pub fn remaining(&self, now: Instant) -> Duration {
        self.lifetime.saturating_sub(self.age(now))
    }

    /// Whether the answer may be served because the service has failed (RFC 5861 §4). `unsaid` is how long after its
    /// lifetime it may be served if the service does not say.
    #[must_use]
    pub fn holds_on_error(&self, now: Instant, unsaid: Duration) -> bool {
        let window = self.lifetime.saturating_add(self.stale_if_error.unwrap_or(unsaid));
        !self.must_revalidate && self.age(now) < window
    }
}

/// Statuses that may be kept by the rule of the graph, because they are outcomes and not failures (RFC 9110 §15.1).
const LASTING: [u16; 5] = [200, 203, 204, 404, 410];

/// Decides how long an answer may be kept.
///
/// # Errors
/// The reason why it may not be kept.
pub fn assess(exchange: &Exchange<'_>, kind: CacheKind, guess: Option<&Guess>) -> Result<Freshness, Bypass> {
    let Exchange { status, headers, .. } = *exchange;
    if headers.is_empty() && guess.is_none() {
        return Err(Bypass::NoFreshness);
    }
    let said = Directives::of(headers);
    is_storable(exchange, kind, &said)?;
    let is_shared = matches!(kind, CacheKind::Shared { .. });
    let explicit = explicit_lifetime(exchange, is_shared, &said);
    let (lifetime, window) = match explicit {
        Some(lifetime) => (lifetime, Duration::ZERO),
        None => {
            let guess = guess.filter(|_| LASTING.contains(&status)).ok_or(Bypass::NoFreshness)?;
            let most = if matches!(status, 404 | 410) { guess.negative } else { guess.lifetime };
            (guess.lifetime.min(most), guess.stale_while_revalidate)
        }
    };
    let freshness = Freshness {
        received: exchange.received,
        initial_age: initial_age(exchange, explicit.is_some()),
        lifetime,
        stale_while_revalidate: said.stale_while_revalidate.unwrap_or(window),
        stale_if_error: said.stale_if_error,
        // §5.2.2.10: `s-maxage` implies `proxy-revalidate`.
        must_revalidate: said.must_revalidate
            || said.no_cache
            || is_shared && (said.proxy_revalidate || said.s_maxage.is_some()),
    };
    // §3: an answer that is stale from the start is useful if it has a validator, or if it may be served stale.
    let has_validator = headers.contains_key(ETAG) || headers.contains_key(LAST_MODIFIED);
    let is_of_use = has_validator
        || freshness.state(exchange.received) != State::Stale
        || freshness.holds_on_error(exchange.received, Duration::ZERO);
    is_of_use.then_some(freshness).ok_or(Bypass::NoFreshness)
}

/// §3: whether the answer may be stored at all; the error is the reason why not.
fn is_storable(exchange: &Exchange<'_>, kind: CacheKind, said: &Directives) -> Result<(), Bypass> {
    let Exchange { status, headers, .. } = *exchange;
    // 206 is a part of an answer, and 304 only confirms another one.
    if !(200..600).contains(&status) || matches!(status, 206 | 304) {
        return Err(Bypass::Failed);
    }
    // §5.2.2.3: a cache that understands the status may ignore `no-store`.
    if said.must_understand && !LASTING.contains(&status) && !matches!(status, 300 | 301 | 308 | 405 | 414 | 501) {
        return Err(Bypass::NoStore);
    }
    if said.no_store && !said.must_understand {
        return Err(Bypass::NoStore);
    }
    // §4.1: an answer that varies by everything matches no request.
    if headers.get_all(VARY).iter().any(|value| value.as_bytes().contains(&b'*')) {
        return Err(Bypass::Vary);
    }
    let CacheKind::Shared { authorized } = kind else { return Ok(()) };
    let may_be_shared = said.public || said.s_maxage.is_some();
    // §7.3 leaves cookies to the service. A service that sets one and does not say that the answer may be shared is
    // assumed not to have thought of a shared cache.
    if said.private || headers.contains_key(SET_COOKIE) && !may_be_shared {
        return Err(Bypass::Private);
    }
    if authorized && !may_be_shared && !said.must_revalidate {
        return Err(Bypass::Authorization);
    }
    Ok(())
}

/// The lifetime that the service gives (§4.2.1, without heuristics); `None` if it gives none.
fn explicit_lifetime(exchange: &Exchange<'_>, is_shared: bool, said: &Directives) -> Option<Duration> {
    if said.no_cache {
        return Some(Duration::ZERO);
    }
    if let Some(lifetime) = said.s_maxage.filter(|_| is_shared).or(said.max_age) {
        return Some(lifetime);
    }
    let mut expires = exchange.headers.get_all(EXPIRES).iter();
    if let Some(first) = expires.next() {
        // §5.3: a value that is not a date, such as `0`, counts as a date in the past, and so do two different dates.
        let is_clear = expires.all(|other| other == first);
        let date = parse_date(first).filter(|_| is_clear);
        let from = served_at(exchange);
        let lifetime = date.and_then(|date| date.duration_since(from).ok()).unwrap_or_default();
        return Some(lifetime.min(Duration::from_secs(MOST_SECONDS)));
    }
    // §5.4: `Pragma` is out of use, and its meaning in answers was never defined; a service
    // that sends it wants no caching.
    let is_pragma =
        exchange.headers.get(PRAGMA).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"no-cache"));
    (is_pragma && !exchange.headers.contains_key(CACHE_CONTROL)).then_some(Duration::ZERO)
}

/// The age of the answer when it was received (§4.2.3, `corrected_initial_age`). If the graph's rule gives the
/// lifetime, the service's clock is not used.
fn initial_age(exchange: &Exchange<'_>, is_explicit: bool) -> Duration {
    let delay = exchange.received.saturating_duration_since(exchange.sent);
    let age = exchange.headers.get(AGE).and_then(|value| {
        // §5.1: if there are several values, the first one counts.
        let first = value.as_bytes().split(|&byte| byte == b',').next()?;
        seconds(first.trim_ascii())
    });
    let corrected = age.unwrap_or_default().saturating_add(delay);
    if !is_explicit {
        return corrected;
    }
    let apparent = exchange.date.duration_since(served_at(exchange)).unwrap_or_default();
    corrected.max(apparent)
}

/// The value of `Date`, or the time at which the answer was received if there is none (RFC 9110 §6.6.1).
fn served_at(exchange: &Exchange<'_>) -> SystemTime {
    exchange.headers.get(DATE).and_then(parse_date).unwrap_or(exchange.date)
}

/// A date in any of its three forms (RFC 9110 §5.6.7).
fn parse_date(value: &HeaderValue) -> Option<SystemTime> {
    httpdate::parse_http_date(value.to_str().ok()?).ok()
}

/// The headers of an answer that decide about keeping it.
const DECIDING: [HeaderName; 9] = [CACHE_CONTROL, EXPIRES, DATE, AGE, ETAG, LAST_MODIFIED, VARY, PRAGMA, SET_COOKIE];

/// The headers that [`assess`] and [`merged`] read; empty if the service says nothing about caching.
#[must_use]
pub fn kept_headers(from: &HeaderMap) -> HeaderMap {
    let mut to = HeaderMap::new();
    let speaks = DECIDING.iter().any(|name| *name != DATE && from.contains_key(name));
    for name in DECIDING.iter().filter(|_| speaks) {
        for value in from.get_all(name) {
            // Only whether there was a cookie is needed, so its value is dropped.
            let value = if name == SET_COOKIE { HeaderValue::from_static("") } else { value.clone() };
            to.append(name, value);
        }
    }
    to
}

/// The headers that ask whether an answer with these headers still holds (§4.3.1); `None` if it has no validator.
#[must_use]
pub fn condition(kept: &HeaderMap) -> Option<Vec<(HeaderName, HeaderValue)>> {
    let names = [(ETAG, IF_NONE_MATCH), (LAST_MODIFIED, IF_MODIFIED_SINCE)];
    let sent = names.into_iter().filter_map(|(from, to)| Some((to, kept.get(from)?.clone())));
    let sent: Vec<_> = sent.collect();
    (!sent.is_empty()).then_some(sent)
}

/// The headers of a kept answer after the service has said that it still holds (§3.2, §4.3.4); `None` if the service
/// refers to another answer.
#[must_use]
pub fn merged(kept: &HeaderMap, told: &HeaderMap) -> Option<HeaderMap> {
    if !is_same_validator(kept, told) {
        return None;
    }
    let mut headers = kept.clone();
    // The `Age` of the old answer says nothing about the new one.
    headers.remove(AGE);
    for name in told.keys() {
        headers.remove(name);
        for value in told.get_all(name) {
            headers.append(name, value.clone());
        }
    }
    if !told.contains_key(DATE) {
        headers.remove(DATE);
    }
    Some(headers)
}

/// Whether a 304 with these headers refers to the answer that was kept (§4.3.4), which it does
/// unless it names another `ETag`.
#[must_use]
pub fn is_same_validator(kept: &HeaderMap, told: &HeaderMap) -> bool {
    let tags = kept.get(ETAG).zip(told.get(ETAG));
    tags.is_none_or(|(old, new)| weak(old) == weak(new))
}

/// The tag for weak comparison (RFC 9110 §8.8.3.2).
fn weak(tag: &HeaderValue) -> &[u8] {
    let tag = tag.as_bytes();
    tag.strip_prefix(b"W/").unwrap_or(tag)
}
