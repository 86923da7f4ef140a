//! Admission: whether the outcome of a call may be kept, and what it means for the entry that is kept already.
//!
//! In: an answer or a failure, and the old entry for its key. Out: a [`Verdict`], which is the same for a call that
//! somebody waits for and for a refresh in the background.
//! Elsewhere: which part of an admitted answer is kept for which key ([`super::keep`]).

use super::keep::Item;
use super::look_up::answer_of;
use super::{StepLookUp, WayRule};
use crate::cache::{Bypass, CacheKind, CacheStatus, Entry, Exchange, Freshness, Mark, Miss, Tag, assess, merged};
use crate::compose::Way;
use crate::execute::remote::has_errors;
use crate::execute::run::{State, StepEnd, now};
use crate::execute::step::{CallResult, is_outcome};
use crate::plan::Step;
use crate::upstream::{Answer, CallError, CallErrorKind};
use bytes::Bytes;
use http::header::VARY;
use http::{HeaderMap, StatusCode};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// The data with which an answer will be kept, once it was read.
#[derive(Debug, Clone)]
pub(in crate::execute) struct Keep {
    freshness: Freshness,
    /// The headers, if the answer has a validator for a conditional request.
    headers: Option<Box<HeaderMap>>,
}

/// What an answer means for the kept entry, whether somebody waits for it or it is a refresh.
pub(super) enum Verdict {
    /// A 304: the kept entry still holds, if the service still wants it kept.
    Still(Result<Keep, Bypass>),
    /// A 304 for another answer than the kept one.
    Lost,
    /// The answer may be kept, as far as it can be read.
    Keep(Keep),
    /// The service does not want the answer kept.
    Unwanted(Bypass),
    /// The answer is a failure, so it gives no value.
    Failed,
}

/// What the outcome of a call means for the cache.
pub(in crate::execute) struct CacheVerdict {
    pub(in crate::execute) cache: CacheStatus,
    pub(in crate::execute) keep: Option<Keep>,
    /// The old answers for keys whose call has failed.
    pub(in crate::execute) old: Vec<CallResult>,
}

impl From<CacheStatus> for CacheVerdict {
    fn from(cache: CacheStatus) -> Self {
        Self { cache, keep: None, old: Vec::new() }
    }
}

/// The headers that are sent with a call and are not part of any key.
const CORRELATION: [&str; 3] = ["x-request-id", "traceparent", "tracestate"];

impl WayRule {
    /// How long an answer holds, or why it may not be kept.
    pub(super) fn assess(&self, exchange: &Exchange<'_>) -> Result<Freshness, Bypass> {
        if !self.says_whose() {
            return Err(Bypass::Private);
        }
        let mut varies = exchange.headers.get_all(VARY).iter().flat_map(|value| value.as_bytes().split(|&b| b == b','));
        let is_sent =
            |name: &[u8]| CORRELATION.iter().any(|sent| name.trim_ascii().eq_ignore_ascii_case(sent.as_bytes()));
        // All other headers are part of the key, or are always the same (RFC 9111 §4.1).
        if varies.any(is_sent) {
            return Err(Bypass::Vary);
        }
        let kind = if self.depends_on_caller { CacheKind::Private } else { CacheKind::Shared { authorized: false } };
        assess(exchange, kind, self.guess.as_ref())
    }

    /// How long an old entry holds after a 304. `None` if the 304 is for another answer.
    fn still(
        &self,
        old: &Entry,
        told: &HeaderMap,
        (sent, received): (Instant, Instant),
    ) -> Option<Result<Keep, Bypass>> {
        let headers = merged(old.headers.as_deref()?, told)?;
        let exchange = Exchange { status: old.status, headers: &headers, sent, received, date: SystemTime::now() };
        let freshness = self.assess(&exchange);
        Some(freshness.map(|freshness| Keep { freshness, headers: Some(Box::new(headers)) }))
    }

    /// Decides what an answer means for the kept entry. `old`: the entry of its key.
    pub(super) fn judge(
        &self,
        (step, way): (&Step, &Way),
        answer: &Answer,
        old: Option<&Entry>,
        times: (Instant, Instant),
    ) -> Verdict {
        if answer.status == StatusCode::NOT_MODIFIED {
            let still = old.and_then(|old| self.still(old, &answer.headers, times));
            return still.map_or(Verdict::Lost, Verdict::Still);
        }
        // In a REST answer, a member called `errors` is data.
        let has_errors = step.document.is_some() && has_errors(&answer.body);
        if has_errors || !is_outcome(step, way, answer.status) {
            return Verdict::Failed;
        }
        match self.keep(answer, way.batch.is_some(), times) {
            Ok(keep) => Verdict::Keep(keep),
            Err(why) => Verdict::Unwanted(why),
        }
    }

    /// The data with which an answer will be kept.
    fn keep(&self, answer: &Answer, is_batched: bool, times: (Instant, Instant)) -> Result<Keep, Bypass> {
        let (Answer { status, headers, .. }, (sent, received)) = (answer, times);
        let exchange = Exchange { status: *status, headers, sent, received, date: SystemTime::now() };
        let freshness = self.assess(&exchange)?;
        // The validator of a batched answer is that of the whole batch, not of one item.
        let may_ask = !is_batched && crate::cache::condition(headers).is_some();
        Ok(Keep { freshness, headers: may_ask.then(|| Box::new(headers.clone())) })
    }
}

impl Keep {
    /// The entry of one item.
    pub(super) fn entry(&self, item: Item, negative: Duration) -> EntryParts {
        let Item { body, status, is_known } = item;
        let freshness = match is_known {
            true => self.freshness,
            // A value that does not exist may exist soon, and is then wanted at once.
            false => Freshness {
                lifetime: self.freshness.lifetime.min(negative),
                stale_while_revalidate: Duration::ZERO,
                stale_if_error: Some(Duration::ZERO),
                ..self.freshness
            },
        };
        EntryParts { body, status, freshness, headers: self.headers.clone() }
    }
}

/// An entry without its fields, its tags and its mark.
pub(super) struct EntryParts {
    body: Bytes,
    status: u16,
    freshness: Freshness,
    headers: Option<Box<HeaderMap>>,
}

impl EntryParts {
    pub(super) fn with(self, fields: Option<Arc<[String]>>, tags: Box<[Tag]>, since: Mark) -> Entry {
        let Self { body, status, freshness, headers } = self;
        Entry { body, status, fields, freshness, headers, tags, since }
    }
}

impl State<'_> {
    /// Decides what the outcome of a call means for the cache. After a 304, the kept answer takes its place; after a
    /// failure, an old one may.
    pub(in crate::execute) fn admit(&self, finished: &mut StepEnd) -> CacheVerdict {
        let number = finished.step.index();
        let pending = self.pending[number].as_ref();
        let Some((kept, (_, rule))) = pending.and_then(|pending| pending.kept.as_ref()).zip(self.caching(number))
        else {
            return CacheStatus::Bypass(Bypass::Off).into();
        };
        let times = (finished.started, finished.ended);
        let is_failure = match &finished.result {
            Err(error) => error.kind != CallErrorKind::NotConfigured,
            // These are errors by RFC 5861 §4.
            Ok(answer) => matches!(answer.status, 500 | 502 | 503 | 504),
        };
        if is_failure {
            return self.stand_in(number, kept, finished);
        }
        let Ok(answer) = &finished.result else { return CacheStatus::Bypass(Bypass::Failed).into() };
        let (step, way, source) = self.step(number);
        let is_shared = answer.is_shared;
        let old = kept.old.iter().find(|(key, ..)| *key == finished.keys.start).map(|(.., entry)| entry);
        match (rule.judge((step, way), answer, old.map(Arc::as_ref), times), old) {
            (Verdict::Still(keep), Some(old)) => {
                finished.result = Ok(Answer { is_shared, ..Answer::new(old.status, old.body.clone()) });
                let keep = keep.ok().filter(|_| !is_shared);
                CacheVerdict { cache: CacheStatus::Revalidated, keep, old: Vec::new() }
            }
            (Verdict::Still(_) | Verdict::Lost, _) => {
                let cause = "the service says that something else still holds";
                finished.result = Err(CallError::new(&source.name, CallErrorKind::Malformed, cause));
                CacheStatus::Bypass(Bypass::Failed).into()
            }
            // For a call that was joined, the moment at which it was sent is not known.
            _ if is_shared => CacheStatus::Bypass(Bypass::Shared).into(),
            (Verdict::Failed, _) => CacheStatus::Bypass(Bypass::Failed).into(),
            (Verdict::Keep(keep), _) => {
                CacheVerdict { cache: CacheStatus::Miss(kept.miss), keep: Some(keep), old: Vec::new() }
            }
            (Verdict::Unwanted(why), _) => {
                self.forget(number, kept);
                CacheStatus::Bypass(why).into()
            }
        }
    }

    /// Uses stale entries where they may replace the answer of a service that has failed (RFC 5861 §4).
    fn stand_in(&self, number: usize, kept: &StepLookUp, finished: &mut StepEnd) -> CacheVerdict {
        let (step, way, _) = self.step(number);
        let unsaid = self.run.caching.map_or(Duration::ZERO, |caching| caching.cache.options().stale_if_error);
        let now = now();
        let old = kept.old.iter().filter(|(key, why, entry)| {
            // An entry that is known to have changed may not be used.
            *why == Miss::Expired && finished.keys.contains(key) && entry.freshness.holds_on_error(now, unsaid)
        });
        let old: Vec<CallResult> = old.map(|(key, _, entry)| answer_of(step, *key, entry)).collect();
        let cache = match (old.is_empty(), way.batch.is_some()) {
            (true, _) => CacheStatus::Bypass(Bypass::Failed),
            (false, _) => CacheStatus::StaleIfError,
        };
        CacheVerdict { cache, keep: None, old }
    }

    /// Drops the old entries of a step, because the service does not want its answers kept any more.
    fn forget(&self, number: usize, kept: &StepLookUp) {
        let (Some((caching, _)), false) = (self.caching(number), kept.old.is_empty()) else { return };
        let domain = self.entry_domain(number);
        let Some(pending) = &self.pending[number] else { return };
        let texts = pending.keys.texts();
        kept.old.iter().for_each(|(key, ..)| caching.cache.forget(&domain, texts[*key]));
    }
}
