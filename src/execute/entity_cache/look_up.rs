//! Looking up which of a step's keys have an answer already.

use super::refresh::{RefreshCall, RefreshEntry, refresh};
use super::under_way::{Announcement, JoinedKeys, Terms};
use super::{CacheRules, WayRule, tiers};
use crate::cache::{CacheStatus, Domain, Entry, EntryKey, LookUpTerms, Lookup, Mark, Miss, condition};
use crate::compose::Way;
use crate::execute::input::Inputs;
use crate::execute::request::{domain, render};
use crate::execute::run::{State, now};
use crate::execute::step::{CallResult, Form, Keys};
use crate::operation::OperationKind;
use crate::plan::{PairingPlan, Step};
use crate::report::CallRecord;
use crate::upstream::{Answer, BatchDomain, Condition, Context, CredentialScope};
use bytes::Bytes;
use std::collections::{BTreeSet, VecDeque};
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// The entries that were found for a step's keys, and the data with which its calls' answers will be kept.
pub(in crate::execute) struct StepLookUp {
    /// How many of the step's keys are answered. They are the first ones.
    pub(in crate::execute) answered: usize,
    /// The mark before the step's calls are sent.
    pub(super) since: Mark,
    /// The properties to ask for, if they are not just the step's own. They include those of kept items that lack some.
    pub(in crate::execute) fields: Option<Vec<String>>,
    /// Why the first key that the step asks for itself has no answer.
    pub(super) miss: Miss,
    /// The old entries for those keys, by number, and why they are no answers.
    pub(super) old: Vec<(usize, Miss, Arc<Entry>)>,
}

/// The sources of the answers for a step's keys.
#[derive(Default)]
pub(in crate::execute) struct LookUpResult {
    /// The entries that were found. `None` if the step does not use the cache.
    pub(in crate::execute) kept: Option<StepLookUp>,
    /// The answers for the first keys.
    pub(in crate::execute) answers: Vec<CallResult>,
    /// The calls of other requests that will answer the next keys, each with the range of its keys.
    pub(in crate::execute) joined: Vec<(Range<usize>, JoinedKeys)>,
    /// The step's own calls for the remaining keys, in order, as far as others may wait for them.
    pub(in crate::execute) announced: VecDeque<Announcement>,
}

impl LookUpResult {
    /// The number of the first key that the step asks for itself.
    pub(in crate::execute) fn first_own(&self) -> usize {
        let answered = self.kept.as_ref().map_or(0, |kept| kept.answered);
        self.joined.last().map_or(answered, |(keys, _)| keys.end)
    }
}

impl StepLookUp {
    /// The condition of a call for one key, because the kept answer may still be current.
    pub(in crate::execute) fn condition(&self, way: &Way, key: usize) -> Option<Condition> {
        let (_, why, entry) = self.old.iter().find(|(number, ..)| *number == key)?;
        let may = way.call.may_be_conditional() && way.batch.is_none() && *why != Miss::Fields;
        let headers = entry.headers.as_ref().filter(|_| may)?;
        condition(headers).map(Into::into)
    }
}

/// The keys that have an answer, by number.
type Hits = Vec<(usize, Arc<Entry>)>;

/// The keys that have no answer, by number, with the reason and the old entry.
type Misses = Vec<(usize, Miss, Option<Arc<Entry>>)>;

/// The rank of keys that the step asks for itself.
const OWN: u8 = u8::MAX;

impl<'a> State<'a> {
    /// The cache and the rule of a step, if its calls use the cache.
    pub(super) fn caching(&self, number: usize) -> Option<(&'a Arc<CacheRules>, &'a WayRule)> {
        let caching = self.run.caching?;
        let (step, way, _) = self.step(number);
        // A polled root is called each time.
        let is_polled = self.run.plan.kind == OperationKind::Subscription && step.after.is_empty();
        let is_for_it = way.is_safe && !is_polled && caching.is_on(step.source);
        is_for_it.then(|| (caching, caching.rule(step.way)))
    }

    /// Looks up a step's keys. Keys that have an answer become the first ones; keys that other requests ask for come
    /// next.
    /// It waits only for a tier behind the memory.
    pub(in crate::execute) async fn look_up(&mut self, number: usize, keys: &mut Keys) -> LookUpResult {
        let Some((caching, rule)) = self.caching(number) else { return LookUpResult::default() };
        let (step, way, _) = self.step(number);
        let since = caching.cache.mark(SystemTime::now);
        let mut kept = StepLookUp { answered: 0, since, fields: None, miss: Miss::Absent, old: Vec::new() };
        if keys.keys.is_empty() || !rule.is_expected() {
            return LookUpResult { kept: Some(kept), ..LookUpResult::default() };
        }
        let domain = self.entry_domain(number);
        let not_before = self.written.iter().rev().find(|(source, _)| *source == step.source).map(|&(_, mark)| mark);
        let wanted = LookUpTerms { now: now(), fields: &step.fieldset, not_before };
        let (mut hits, mut again, mut misses) = (Hits::new(), Vec::new(), Misses::new());
        let texts = keys.texts();
        if caching.cache.has_second() {
            self.pace.end();
        }
        let found = tiers::look_up(&caching.cache, &domain, &texts, &wanted, self.run.deadline).await;
        for (at, (&text, found)) in texts.iter().zip(found).enumerate() {
            match found {
                Lookup::Fresh(entry) => {
                    self.hold(number, &entry.freshness, &entry.tags);
                    hits.push((at, entry));
                }
                Lookup::Revalidate(entry) => {
                    again.push((at, EntryKey { domain: domain.clone(), key: text.into() }, Arc::clone(&entry)));
                    hits.push((at, entry));
                }
                Lookup::Miss(why, old) => misses.push((at, why, old)),
            }
        }
        // The order is: answered keys, the keys of each call that is waited for, and the others.
        let mut ranks = vec![0; texts.len()];
        misses.iter().for_each(|&(at, ..)| ranks[at] = OWN);
        let (mut calls, mut announced) = (Vec::new(), VecDeque::new());
        match may_join(caching, rule, step, way).filter(|_| !misses.is_empty()) {
            Some(size) => {
                let wanted: Vec<&str> = misses.iter().map(|&(at, ..)| texts[at]).collect();
                let terms = Terms { domain: &domain, fields: &step.fieldset, since };
                let fields = |by: &[Option<u8>]| {
                    let own = misses.iter().zip(by).filter(|(_, by)| by.is_none()).map(|(miss, _)| miss);
                    kept.fields = union(&step.fieldset, own);
                    kept.fields.as_ref().unwrap_or(&step.fieldset).clone()
                };
                let (by, joined, told) = caching.under_way.join(&terms, &wanted, size, fields);
                misses.iter().zip(&by).for_each(|(&(at, ..), by)| ranks[at] = by.map_or(OWN, |call| call + 1));
                (calls, announced) = (joined, told.into());
            }
            None => kept.fields = union(&step.fieldset, misses.iter()),
        }
        let stale = again.len();
        if stale > 0 {
            self.held = None;
        }
        self.refresh(number, keys, since, again);
        let numbers = keys.put_in_order(&ranks);
        hits.iter_mut().for_each(|(at, _)| *at = numbers[*at] as usize);
        kept.answered = hits.len();
        let (mut next, mut joined) = (hits.len(), Vec::new());
        for (call, of) in (1..).zip(calls) {
            let first = next;
            next += ranks.iter().filter(|&&rank| rank == call).count();
            joined.push((first..next, of));
        }
        let own = misses.iter().find(|(at, ..)| ranks[*at] == OWN);
        kept.miss = own.map_or(Miss::Absent, |&(_, why, _)| why);
        let old = misses.into_iter().filter_map(|(at, why, old)| Some((numbers[at] as usize, why, old?)));
        kept.old = old.collect();
        self.count_hits(number, hits.len() - stale, CacheStatus::Hit);
        self.count_hits(number, stale, CacheStatus::StaleWhileRevalidate);
        LookUpResult { kept: Some(kept), answers: answers(step, &hits), joined, announced }
    }

    /// The domain that all entries of a step's calls share.
    pub(super) fn entry_domain(&self, number: usize) -> Domain {
        let (step, way, _) = self.step(number);
        let source = self.run.graph.source(step.source);
        let BatchDomain { way, inputs, scope } = domain(step, way, source, &self.inputs(number), true);
        let caching = self.run.caching;
        let schema = caching.map_or(0, |caching| caching.schema);
        let ignores_scope = caching.is_some_and(|caching| caching.cache.options().ignores_scope());
        let (is_public, scope): (bool, &[u8]) = match &scope {
            CredentialScope::Caller(inputs) if !ignores_scope => (false, inputs),
            _ => (true, b""),
        };
        let kind: &[u8] = if is_public { b"public" } else { b"caller" };
        let document = step.document.as_ref().map_or(&[][..], |document| document.text.as_bytes());
        Domain::of(&[&schema.to_le_bytes(), &way.0.to_le_bytes(), &inputs, kind, scope, document], is_public)
    }

    /// Records that entries were the answer for some keys.
    fn count_hits(&mut self, number: usize, keys: usize, cache: CacheStatus) {
        if keys == 0 {
            return;
        }
        let (step, _, source) = self.step(number);
        self.calls.push(CallRecord {
            service: Arc::clone(&source.name),
            operation_id: Arc::clone(&step.endpoint),
            keys: u32::try_from(keys).unwrap_or(u32::MAX),
            elapsed: Duration::ZERO,
            status: Ok(200),
            attempts: 0,
            is_shared: false,
            is_in_process: false,
            is_safe: true,
            cache,
            cause: None,
        });
    }

    /// Refreshes stale entries in the background. `keys` are numbered as in `again`.
    fn refresh(&self, number: usize, keys: &Keys, since: Mark, again: Vec<(usize, EntryKey, Arc<Entry>)>) {
        let Some((caching, _)) = self.caching(number) else { return };
        let again: Vec<_> = again
            .into_iter()
            .filter_map(|(at, key, entry)| Some((at, caching.cache.begin_refresh(key)?, entry)))
            .collect();
        let (step, way, source) = self.step(number);
        let size = way.batch.as_ref().map_or(1, |batch| batch.max_size.max(1) as usize);
        let mut again = again.into_iter().peekable();
        while again.peek().is_some() {
            let part: Vec<_> = again.by_ref().take(size).collect();
            let asked: Vec<_> = part.iter().map(|&(at, ..)| keys.keys[at].clone()).collect();
            let inputs = Inputs { keys: &asked, ..self.inputs(number) };
            let graph_source = self.run.graph.source(step.source);
            // All properties of the old entries are asked for, so that the new ones serve no less than before.
            let held = part.iter().filter_map(|(.., entry)| entry.fields.as_deref()).flatten();
            let fields: BTreeSet<&String> = held.chain(&step.fieldset).collect();
            let fields: Vec<String> =
                if step.fieldset.is_empty() { Vec::new() } else { fields.into_iter().cloned().collect() };
            let Ok(request) = render(step, way, graph_source, &inputs, &fields) else { continue };
            let rule = caching.rule(step.way);
            let ctx = Context {
                domain: domain(step, way, graph_source, &inputs, inputs.is_batched),
                caller: Arc::clone(self.run.caller),
                deadline: (tokio::time::Instant::now() + REFRESH).into_std(),
                is_safe: true,
                not_before: None,
                endpoint: Arc::clone(&step.endpoint),
                condition: match (&*part, way.batch.is_none()) {
                    ([(.., entry)], true) => {
                        entry.headers.as_ref().and_then(|headers| condition(headers)).map(Into::into)
                    }
                    _ => None,
                },
                takes_redirects: false,
                write: None,
            };
            let entries = part.into_iter().zip(&asked).map(|((_, right, old), key)| RefreshEntry {
                inputs: super::tags::input_values(&rule.tags, &inputs, Some(key)),
                right,
                old,
                key: key.clone(),
            });
            let asked = RefreshCall {
                graph: Arc::clone(self.run.graph),
                step: step.clone(),
                frames: self.run.plan.frames.clone(),
                source: source.clone(),
                causes: Arc::clone(self.run.causes),
                request_id: self.run.caller.request_id.clone(),
                fields,
                since,
                entries: entries.collect(),
            };
            refresh(caching, asked, source.subgraph.call(request, ctx));
        }
    }
}

/// The longest time of a refresh in the background: 30 s. The service's own timeout is shorter.
const REFRESH: Duration = Duration::from_secs(30);

/// The size of a step's batches, if its calls may be joined and it may join those of others.
fn may_join(caching: &CacheRules, rule: &WayRule, step: &Step, way: &Way) -> Option<usize> {
    // With these pairings, an item is found by its key in any list.
    let is_by_key = matches!(step.pairing, PairingPlan::Index { .. } | PairingPlan::Group { .. });
    let may = is_by_key && caching.shares && rule.says_whose();
    way.batch.as_ref().filter(|_| may).map(|batch| batch.max_size.max(1) as usize)
}

/// The properties to ask for when kept items lack some: they include those of the kept items, so that the new entry
/// serves both. `None` if no kept item lacks any.
fn union<'m>(
    own: &[String],
    misses: impl Iterator<Item = &'m (usize, Miss, Option<Arc<Entry>>)>,
) -> Option<Vec<String>> {
    let held = misses.filter(|(_, why, _)| *why == Miss::Fields);
    let mut held = held.filter_map(|(.., old)| old.as_ref()?.fields.as_deref()).peekable();
    // Without a fieldset of its own, the step asks for everything anyway.
    if own.is_empty() || held.peek().is_none() {
        return None;
    }
    let all: BTreeSet<&String> = held.flatten().chain(own).collect();
    Some(all.into_iter().cloned().collect())
}

/// Makes answers of entries. For pairings by key they are joined into one answer, so that they are read at once.
fn answers(step: &Step, hits: &Hits) -> Vec<CallResult> {
    match step.pairing {
        PairingPlan::Index { .. } | PairingPlan::Group { .. } if !hits.is_empty() => {
            let bodies = hits.iter().map(|(_, entry)| &entry.body).filter(|body| !body.is_empty());
            let result = Ok(Answer::new(200, list_of(bodies)));
            vec![CallResult { keys: 0..hits.len(), result, form: Form::Items, keep: None }]
        }
        _ => hits.iter().map(|(key, entry)| answer_of(step, *key, entry)).collect(),
    }
}

/// Joins items into a list. An item may be several, without brackets around them.
pub(super) fn list_of<'b>(items: impl IntoIterator<Item = &'b Bytes>) -> Bytes {
    let mut list = vec![b'['];
    for item in items {
        if list.len() > 1 {
            list.push(b',');
        }
        list.extend_from_slice(item);
    }
    list.push(b']');
    list.into()
}

/// The answer that an old entry gives.
pub(super) fn answer_of(step: &Step, key: usize, entry: &Entry) -> CallResult {
    let (body, form) = match step.pairing {
        PairingPlan::Single => (entry.body.clone(), Form::Whole),
        _ => (list_of([&entry.body].into_iter().filter(|body| !body.is_empty())), Form::Items),
    };
    CallResult { keys: key..key + 1, result: Ok(Answer::new(entry.status, body)), form, keep: None }
}
