//! Weighing: what an answer means for the cache.

use super::look::answer_of;
use super::tags::{input_values, slots};
use super::{StepKept, WayRule};
use crate::cache::{Bypass, CacheKind, CacheStatus, Entry, EntryKey, Exchange, Freshness, Miss, assess, merged};
use crate::execute::arena::Slot;
use crate::execute::remote::has_errors;
use crate::execute::run::{Finished, State, now};
use crate::execute::step::{Answered, Keys, Told, is_outcome};
use crate::plan::PairingPlan;
use crate::upstream::{Answer, CallError, CallErrorKind};
use bytes::Bytes;
use http::header::VARY;
use http::{HeaderMap, StatusCode};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// What an answer will be kept with, once it was read.
#[derive(Debug, Clone)]
pub(in crate::execute) struct Keep {
    freshness: Freshness,
    /// If it can be asked for by its validator.
    headers: Option<Box<HeaderMap>>,
}

/// What a call's outcome means for the cache.
pub(in crate::execute) struct Weighed {
    pub(in crate::execute) cache: CacheStatus,
    pub(in crate::execute) keep: Option<Keep>,
    /// Answers for keys whose call has failed.
    pub(in crate::execute) old: Vec<Answered>,
}

impl From<CacheStatus> for Weighed {
    fn from(cache: CacheStatus) -> Self {
        Self { cache, keep: None, old: Vec::new() }
    }
}

/// Headers that go out with a call and are no part of any key.
const CORRELATION: [&str; 3] = ["x-request-id", "traceparent", "tracestate"];

impl WayRule {
    /// How long an answer holds.
    pub(super) fn assess(&self, exchange: &Exchange<'_>) -> Result<Freshness, Bypass> {
        if !self.says_whose() {
            return Err(Bypass::Private);
        }
        let mut varies = exchange.headers.get_all(VARY).iter().flat_map(|value| value.as_bytes().split(|&b| b == b','));
        let is_sent =
            |name: &[u8]| CORRELATION.iter().any(|sent| name.trim_ascii().eq_ignore_ascii_case(sent.as_bytes()));
        // All other headers are part of the key, or always the same (RFC 9111 §4.1).
        if varies.any(is_sent) {
            return Err(Bypass::Vary);
        }
        let kind = if self.depends_on_caller { CacheKind::Private } else { CacheKind::Shared { authorized: false } };
        assess(exchange, kind, self.guess.as_ref())
    }

    /// How long an old entry holds that the service says still holds; `None`: it speaks of another one.
    pub(super) fn still(
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

    /// What an answer will be kept with.
    pub(super) fn keep(&self, answer: &Answer, is_batched: bool, times: (Instant, Instant)) -> Result<Keep, Bypass> {
        let (Answer { status, headers, .. }, (sent, received)) = (answer, times);
        let exchange = Exchange { status: *status, headers, sent, received, date: SystemTime::now() };
        let freshness = self.assess(&exchange)?;
        // A batch's validator is that of the batch.
        let may_ask = !is_batched && crate::cache::condition(headers).is_some();
        Ok(Keep { freshness, headers: may_ask.then(|| Box::new(headers.clone())) })
    }
}

impl Keep {
    /// An entry of it.
    pub(super) fn entry(&self, body: Bytes, status: u16, is_known: bool, negative: Duration) -> EntryParts {
        let freshness = match is_known {
            true => self.freshness,
            // What does not exist may exist soon, and is then wanted at once.
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

/// An entry without its place in the order of invalidations.
pub(super) struct EntryParts {
    body: Bytes,
    status: u16,
    freshness: Freshness,
    headers: Option<Box<HeaderMap>>,
}

impl EntryParts {
    pub(super) fn with(
        self,
        fields: Option<Arc<[String]>>,
        tags: Box<[crate::cache::Slot]>,
        since: crate::cache::Mark,
    ) -> Entry {
        let Self { body, status, freshness, headers } = self;
        Entry { body, status, fields, freshness, headers, tags, since }
    }
}

impl State<'_> {
    /// Weighs a call's outcome. What was kept takes its place where it says so, or may stand in for it.
    pub(in crate::execute) fn weigh(&self, finished: &mut Finished) -> Weighed {
        let number = finished.step as usize;
        let pending = self.pending[number].as_ref();
        let Some((kept, (_, rule))) = pending.and_then(|pending| pending.kept.as_ref()).zip(self.caching(number))
        else {
            return CacheStatus::Bypass(Bypass::Off).into();
        };
        let times = (finished.started, finished.ended);
        let is_failure = match &finished.result {
            Err(error) => error.kind != CallErrorKind::NotConfigured,
            // RFC 5861 §4.
            Ok(answer) => matches!(answer.status, 500 | 502 | 503 | 504),
        };
        if is_failure {
            return self.stand_in(number, kept, finished);
        }
        let Ok(answer) = &finished.result else { return CacheStatus::Bypass(Bypass::Failed).into() };
        let (step, way, source) = self.step(number);
        if answer.status == StatusCode::NOT_MODIFIED {
            let old = kept.old.iter().find(|(key, ..)| *key == finished.keys.start).map(|(.., entry)| entry);
            let still = old.and_then(|old| Some((old, rule.still(old, &answer.headers, times)?)));
            let Some((old, keep)) = still else {
                let cause = "the service says that something else still holds";
                finished.result = Err(CallError::new(&source.name, CallErrorKind::Malformed, cause));
                return CacheStatus::Bypass(Bypass::Failed).into();
            };
            let is_shared = answer.is_shared;
            finished.result = Ok(Answer { is_shared, ..Answer::new(old.status, old.body.clone()) });
            let keep = keep.ok().filter(|_| !is_shared);
            return Weighed { cache: CacheStatus::Revalidated, keep, old: Vec::new() };
        }
        // Who has joined a call cannot tell when it was sent.
        if answer.is_shared {
            return CacheStatus::Bypass(Bypass::Shared).into();
        }
        let is_graphql_error = step.document.is_some() && has_errors(&answer.body);
        if !is_outcome(step, answer.status) || is_graphql_error {
            return CacheStatus::Bypass(Bypass::Failed).into();
        }
        match rule.keep(answer, way.batch.is_some(), times) {
            Ok(keep) => Weighed { cache: CacheStatus::Miss(kept.miss), keep: Some(keep), old: Vec::new() },
            Err(why) => {
                self.forget(number, kept);
                CacheStatus::Bypass(why).into()
            }
        }
    }

    /// The service has failed: what is stale stands in where it may (RFC 5861 §4).
    fn stand_in(&self, number: usize, kept: &StepKept, finished: &mut Finished) -> Weighed {
        let (step, way, _) = self.step(number);
        let unsaid = self.run.caching.map_or(Duration::ZERO, |caching| caching.cache.options().stale_if_error);
        let now = now();
        let old = kept.old.iter().filter(|(key, why, entry)| {
            // What is known to have changed stands in for nothing.
            *why == Miss::Expired && finished.keys.contains(key) && entry.freshness.holds_on_error(now, unsaid)
        });
        let old: Vec<Answered> = old.map(|(key, _, entry)| answer_of(step, *key, entry)).collect();
        let cache = match (old.is_empty(), way.batch.is_some()) {
            (true, _) => CacheStatus::Bypass(Bypass::Failed),
            (false, _) => CacheStatus::StaleIfError,
        };
        Weighed { cache, keep: None, old }
    }

    /// The service does not want its answers kept any more.
    fn forget(&self, number: usize, kept: &StepKept) {
        let (Some((caching, _)), false) = (self.caching(number), kept.old.is_empty()) else { return };
        let domain = self.entry_domain(number);
        let Some(pending) = &self.pending[number] else { return };
        let texts = pending.keys.texts();
        kept.old.iter().for_each(|(key, ..)| caching.cache.forget(&domain, texts[*key]));
    }

    /// Keeps what was told of a step's answers.
    pub(in crate::execute) fn keep(
        &mut self,
        number: usize,
        keys: &Keys,
        kept: Option<&StepKept>,
        values: &[Slot],
        told: Vec<Told>,
    ) {
        let answered = kept.map_or(0, |kept| kept.answered);
        if answered + told.iter().map(|told| told.keys.len()).sum::<usize>() < keys.keys.len() {
            self.held = None;
        }
        let (Some(kept), Some((caching, rule)), false) = (kept, self.caching(number), told.is_empty()) else { return };
        let (step, ..) = self.step(number);
        let (domain, texts, inputs) = (self.entry_domain(number), keys.texts(), self.inputs(number));
        let fields = kept.fields.as_deref().unwrap_or(&step.fieldset);
        let fields: Option<Arc<[String]>> = (!fields.is_empty()).then(|| fields.into());
        let negative = caching.cache.options().negative;
        rule.begin_use();
        for Told { keep, keys: asked, body, status, mut spans } in told {
            // By key, and for each in the answer's order.
            spans.sort_by_key(|&(key, _)| key);
            let mut rest = spans.as_slice();
            for key in asked {
                let (own, behind) = rest.split_at(rest.iter().take_while(|(of, _)| *of as usize == key).count());
                rest = behind;
                if matches!(values[key], Slot::Failed(_)) {
                    self.held = None;
                    continue;
                }
                let (item, is_known) = match step.pairing {
                    PairingPlan::Single => (Bytes::copy_from_slice(&body), !matches!(status, 404 | 410)),
                    PairingPlan::Group { .. } => (cut(&body, own), true),
                    PairingPlan::Index { .. } => (cut(&body, own), !own.is_empty()),
                    PairingPlan::Position => {
                        (cut(&body, own), own.first().is_some_and(|(_, at)| &body[at.clone()] != b"null"))
                    }
                };
                let values = input_values(&rule.tags, &inputs, Some(&keys.keys[key]));
                let listed = super::look::list_of([&item].into_iter().filter(|item| !item.is_empty()));
                let tags = slots(&rule.tags, caching.cache.tags(), values, &listed);
                let entry = keep.entry(item, status, is_known, negative).with(fields.clone(), tags, kept.since);
                self.hold(number, &entry.freshness, &entry.tags);
                caching.cache.keep(EntryKey { domain: domain.clone(), key: texts[key].into() }, entry);
            }
        }
    }
}

/// The items at some places, with commas between them, in bytes of their own.
fn cut(body: &Bytes, at: &[(u32, std::ops::Range<usize>)]) -> Bytes {
    let mut items = Vec::with_capacity(at.iter().map(|(_, at)| at.len() + 1).sum());
    for (number, (_, at)) in at.iter().enumerate() {
        if number > 0 {
            items.push(b',');
        }
        items.extend_from_slice(&body[at.clone()]);
    }
    items.into()
}
