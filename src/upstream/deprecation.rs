//! Deprecation: endpoints whose answers announce their end.
//!
//! In: the headers of each answer. Out: a count per endpoint for the metrics, and a line in the log once an hour, so
//! that somebody learns of it before the endpoint is gone.
//! Elsewhere: the meaning of the headers' values ([`crate::retirement`]); endpoints whose contract announces their end
//! (W114 of [`crate::compose`]).

use crate::retirement::{deprecation_date, sunset_date};
use http::{HeaderMap, HeaderName};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

static DEPRECATION: HeaderName = HeaderName::from_static("deprecation");
static SUNSET: HeaderName = HeaderName::from_static("sunset");

/// How long an endpoint is not logged again after a line in the log: one hour.
const PAUSE: Duration = Duration::from_secs(3600);

/// The most endpoints of one service that are counted and logged.
const MAX_ENDPOINTS: usize = 512;

/// The announcements in one service's answers.
#[derive(Debug)]
pub(super) struct Notices {
    service: Arc<str>,
    /// The lock is held for one look-up, never across an await.
    by_endpoint: Mutex<HashMap<Arc<str>, Notice, ahash::RandomState>>,
}

#[derive(Debug)]
struct Notice {
    answers: u64,
    told: Instant,
}

impl Notices {
    pub(super) fn new(service: Arc<str>) -> Self {
        Self { service, by_endpoint: Mutex::default() }
    }

    /// Reads the headers of an answer, counts an announcement, and logs it if that is due.
    pub(super) fn read(&self, endpoint: &Arc<str>, headers: &HeaderMap) {
        let (deprecation, sunset) = (headers.get(&DEPRECATION), headers.get(&SUNSET));
        if deprecation.is_none() && sunset.is_none() || !self.is_due(endpoint, Instant::now()) {
            return;
        }
        let since = deprecation.and_then(|value| deprecation_date(value.to_str().ok()?));
        let sunset = sunset.and_then(|value| sunset_date(value.to_str().ok()?));
        let (service, endpoint) = (&*self.service, &**endpoint);
        tracing::warn!(target: "bespoke::deprecation", service, endpoint, since, sunset, "deprecated endpoint");
    }

    /// Counts an answer and returns whether its endpoint is to be logged now.
    fn is_due(&self, endpoint: &Arc<str>, now: Instant) -> bool {
        let mut known = self.by_endpoint.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(notice) = known.get_mut(endpoint) {
            notice.answers += 1;
            let is_due = now.saturating_duration_since(notice.told) >= PAUSE;
            if is_due {
                notice.told = now;
            }
            return is_due;
        }
        if known.len() >= MAX_ENDPOINTS {
            return false;
        }
        known.insert(Arc::clone(endpoint), Notice { answers: 1, told: now });
        true
    }

    /// How many answers of each endpoint announced its end, sorted by the endpoint's name.
    pub(super) fn report(&self) -> Vec<(Arc<str>, u64)> {
        let known = self.by_endpoint.lock().unwrap_or_else(PoisonError::into_inner);
        let mut counts: Vec<_> =
            known.iter().map(|(endpoint, notice)| (Arc::clone(endpoint), notice.answers)).collect();
        counts.sort_unstable();
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn headers(headers: &[(&HeaderName, &'static str)]) -> HeaderMap {
        headers.iter().map(|&(name, value)| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn an_endpoint_is_told_of_once_an_hour_and_counted_always() {
        let notices = Notices::new("shop".into());
        let endpoint: Arc<str> = "GET /x".into();
        notices.read(&endpoint, &headers(&[]));
        assert_eq!(notices.report(), []);
        let said = [
            headers(&[(&DEPRECATION, "@1688169599")]),
            headers(&[(&SUNSET, "Sun, 06 Nov 1994 08:49:37 GMT")]),
            headers(&[(&DEPRECATION, "true"), (&SUNSET, "soon")]),
        ];
        said.iter().for_each(|headers| notices.read(&endpoint, headers));
        assert_eq!(notices.report(), [(Arc::clone(&endpoint), 3)]);
        assert!(!notices.is_due(&endpoint, Instant::now()));
        tokio::time::advance(PAUSE).await;
        assert!(notices.is_due(&endpoint, Instant::now()) && !notices.is_due(&endpoint, Instant::now()));
        for number in 0..MAX_ENDPOINTS * 2 {
            notices.is_due(&number.to_string().into(), Instant::now());
        }
        assert_eq!(notices.report().len(), MAX_ENDPOINTS);
    }
}
