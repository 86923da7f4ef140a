//! Tests of the rules as tables. Each row names the section of the RFC that it is from.

mod directives;
mod freshness;
mod portable;
mod store;
mod stored;

use super::status::Bypass;
use super::{CacheKind, Exchange, Freshness, Guess, assess};
use http::{HeaderMap, HeaderName, HeaderValue};
use std::time::{Duration, Instant, SystemTime};

/// 1994-11-06 08:49:37 UTC, which is the example of the RFCs.
const NOW: Duration = Duration::from_secs(784_111_777);

pub(super) const SHARED: CacheKind = CacheKind::Shared { authorized: false };
pub(super) const AUTHORIZED: CacheKind = CacheKind::Shared { authorized: true };

pub(super) fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// Headers, given as lines of `name: value`.
pub(super) fn headers(text: &str) -> HeaderMap {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let pairs = lines.map(|line| {
        let (name, value) = line.split_once(':').expect("`name: value`");
        (HeaderName::try_from(name.trim()).unwrap(), HeaderValue::try_from(value.trim()).unwrap())
    });
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(name, value);
    }
    headers
}

/// Assesses an answer that was received at [`NOW`] and took no time.
pub(super) fn kept(text: &str, status: u16, kind: CacheKind, guess: Option<Guess>) -> Result<Freshness, Bypass> {
    let headers = headers(text);
    let now = Instant::now();
    let date = SystemTime::UNIX_EPOCH + NOW;
    let exchange = Exchange { status, headers: &headers, sent: now, received: now, date };
    assess(&exchange, kind, guess.as_ref())
}

/// The rule of `@cache(maxAge: 60, swr: 30)`.
pub(super) fn guess() -> Guess {
    Guess { lifetime: seconds(60), stale_while_revalidate: seconds(30), negative: seconds(5) }
}
