//! Looking up: which of a step's keys have an answer already.

use super::refresh::{Again, Asked, refresh};
use super::{Caching, WayRule};
use crate::cache::{CacheStatus, Domain, Entry, EntryKey, Lookup, Mark, Miss, Wanted, condition};
use crate::compose::{Call, Way};
use crate::engine::CallRecord;
use crate::execute::input::Inputs;
use crate::execute::request::{domain, render};
use crate::execute::run::{State, now};
use crate::execute::step::{Answered, Form, Keys};
use crate::operation::OperationKind;
use crate::plan::{PairingPlan, Step};
use crate::upstream::{Answer, BatchDomain, Condition, Context, CredentialScope};
use bytes::Bytes;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// What was found for a step's keys, and what its calls' answers will be kept under.
pub(in crate::execute) struct StepKept {
    /// So many of its keys, the first ones, are answered.
    pub(in crate::execute) answered: usize,
    /// The moment before its calls are sent.
    pub(super) since: Mark,
    /// The properties to ask for, if they are others than the step's own: those of kept items that lack some, too.
    pub(in crate::execute) fields: Option<Vec<String>>,
    /// Why the first of the other keys has no answer.
    pub(super) miss: Miss,
    /// What there is for those keys, by number, and why it is no answer.
    pub(super) old: Vec<(usize, Miss, Arc<Entry>)>,
}

impl StepKept {
    /// What makes a call for one key conditional: what is kept may still be what the service has.
    pub(in crate::execute) fn condition(&self, way: &Way, key: usize) -> Option<Condition> {
        let is_get = matches!(&way.call, Call::Rest(call) if call.method == http::Method::GET);
        let (_, why, entry) = self.old.iter().find(|(number, ..)| *number == key)?;
        let may = is_get && way.batch.is_none() && *why != Miss::Fields;
        let headers = entry.headers.as_ref().filter(|_| may)?;
        condition(headers).map(Into::into)
    }
}

/// Keys that have an answer, by number.
type Hits = Vec<(usize, Arc<Entry>)>;

impl<'a> State<'a> {
    /// The cache, if it is one for this step's calls.
    pub(super) fn caching(&self, number: usize) -> Option<(&'a Arc<Caching>, &'a WayRule)> {
        let caching = self.run.caching?;
        let (step, way, _) = self.step(number);
        // What is polled is asked each time.
        let is_polled = self.run.plan.kind == OperationKind::Subscription && step.after.is_empty();
        let is_for_it = way.is_safe && !is_polled && caching.is_on(step.source);
        is_for_it.then(|| (caching, caching.rule(step.way)))
    }

    /// Looks a step's keys up. Those that have an answer become the first ones. `None`: the cache is not for it.
    pub(in crate::execute) fn look_up(&mut self, number: usize, keys: &mut Keys) -> Option<(StepKept, Vec<Answered>)> {
        let (caching, rule) = self.caching(number)?;
        let (step, ..) = self.step(number);
        let since = caching.cache.tags().mark();
        let mut kept = StepKept { answered: 0, since, fields: None, miss: Miss::Absent, old: Vec::new() };
        if keys.keys.is_empty() || !rule.is_in_use() {
            return Some((kept, Vec::new()));
        }
        let domain = self.entry_domain(number);
        let not_before = self.written.iter().rev().find(|(source, _)| *source == step.source).map(|&(_, mark)| mark);
        let wanted = Wanted { now: now(), fields: &step.fieldset, not_before };
        let mut is_hit = vec![false; keys.keys.len()];
        let (mut hits, mut again, mut misses) = (Hits::new(), Vec::new(), Vec::new());
        for (at, text) in keys.texts().into_iter().enumerate() {
            match caching.cache.look_up(&domain, text, &wanted) {
                Lookup::Fresh(entry) => {
                    self.hold(number, &entry.freshness, &entry.tags);
                    hits.push((at, entry));
                }
                // Its list has no keys that it could be cut by without a plan.
                Lookup::Revalidate(entry) if step.pairing == PairingPlan::Position => {
                    misses.push((at, Miss::Expired, Some(entry)));
                }
                Lookup::Revalidate(entry) => {
                    again.push((at, EntryKey { domain: domain.clone(), key: text.into() }, Arc::clone(&entry)));
                    hits.push((at, entry));
                }
                Lookup::Miss(why, old) => misses.push((at, why, old)),
            }
        }
        hits.iter().for_each(|&(at, _)| is_hit[at] = true);
        let stale = again.len();
        if stale > 0 {
            self.held = None;
        }
        self.refresh(number, keys, since, again);
        let numbers = keys.put_first(&is_hit);
        hits.iter_mut().for_each(|(at, _)| *at = numbers[*at] as usize);
        kept.answered = hits.len();
        kept.miss = misses.first().map_or(Miss::Absent, |&(_, why, _)| why);
        kept.fields = union(&step.fieldset, &misses);
        let old = misses.into_iter().filter_map(|(at, why, old)| Some((numbers[at] as usize, why, old?)));
        kept.old = old.collect();
        self.count_hits(number, hits.len() - stale, CacheStatus::Hit);
        self.count_hits(number, stale, CacheStatus::StaleWhileRevalidate);
        Some((kept, answers(step, &hits)))
    }

    /// What entries of a step's calls have in common.
    pub(super) fn entry_domain(&self, number: usize) -> Domain {
        let (step, way, _) = self.step(number);
        let source = self.run.graph.source(step.source);
        let BatchDomain { way, inputs, scope } = domain(step, way, source, &self.inputs(number), true);
        let ignores_scope = self.run.caching.is_some_and(|caching| caching.cache.options().ignore_scope);
        let (kind, scope): (&[u8], &[u8]) = match &scope {
            CredentialScope::Caller(inputs) if !ignores_scope => (b"caller", inputs),
            _ => (b"public", b""),
        };
        let document = step.document.as_ref().map_or(&[][..], |document| document.text.as_bytes());
        Domain::of(&[&way.0.to_le_bytes(), &inputs, kind, scope, document])
    }

    /// Notes that entries were the answer for so many keys.
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
            cache,
        });
    }

    /// Asks for stale entries again, behind the caller's back; `keys` are numbered as in `again`.
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
            // Everything that the entries hold, so that they serve no less than before.
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
            };
            let entries = part.into_iter().zip(&asked).map(|((_, right, old), key)| Again {
                inputs: super::tags::input_values(&rule.tags, &inputs, Some(key)),
                right,
                old,
            });
            let asked = Asked { id: step.way, way, fields, since, entries: entries.collect() };
            refresh(caching, asked, source.subgraph.call(request, ctx));
        }
    }
}

/// Longest time of asking again behind somebody's back; the service's own timeout is shorter.
const REFRESH: Duration = Duration::from_secs(30);

/// The properties to ask for when some kept items lack a few: theirs too, so that what is kept serves both.
fn union(own: &[String], misses: &[(usize, Miss, Option<Arc<Entry>>)]) -> Option<Vec<String>> {
    let held = misses.iter().filter(|(_, why, _)| *why == Miss::Fields);
    let mut held = held.filter_map(|(.., old)| old.as_ref()?.fields.as_deref()).peekable();
    // Without a fieldset of its own, the step asks for everything already.
    if own.is_empty() || held.peek().is_none() {
        return None;
    }
    let all: BTreeSet<&String> = held.flatten().chain(own).collect();
    Some(all.into_iter().cloned().collect())
}

/// Answers made of entries: those that are paired by key in one piece, so that they are read in one go.
fn answers(step: &Step, hits: &Hits) -> Vec<Answered> {
    match step.pairing {
        PairingPlan::Index { .. } | PairingPlan::Group { .. } if !hits.is_empty() => {
            let bodies = hits.iter().map(|(_, entry)| &entry.body).filter(|body| !body.is_empty());
            let result = Ok(Answer::new(200, joined(bodies)));
            vec![Answered { keys: 0..hits.len(), result, form: Form::Items, keep: None }]
        }
        _ => hits.iter().map(|(key, entry)| answer_of(step, *key, entry)).collect(),
    }
}

/// A list of items, which may be lists without their brackets.
pub(super) fn joined<'b>(items: impl IntoIterator<Item = &'b Bytes>) -> Bytes {
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

/// The answer of an old entry.
pub(super) fn answer_of(step: &Step, key: usize, entry: &Entry) -> Answered {
    let (body, form) = match step.pairing {
        PairingPlan::Single => (entry.body.clone(), Form::Whole),
        _ => (joined([&entry.body].into_iter().filter(|body| !body.is_empty())), Form::Items),
    };
    Answered { keys: key..key + 1, result: Ok(Answer::new(entry.status, body)), form, keep: None }
}
