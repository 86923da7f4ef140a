//! Keeping: a step's answers are divided into entries, one for each key.
//!
//! In: answers that were read, with the items of each key. Out: entries with their tags, in all tiers.
//! Elsewhere: whether an answer may be kept at all ([`super::admit`]).

use super::look_up::list_of;
use super::tags::{input_values, tags};
use super::{StepLookUp, WayRule};
use crate::cache::{EntryKey, Tag};
use crate::execute::arena::Slot;
use crate::execute::run::State;
use crate::execute::step::{KeepableAnswer, Keys, StepResult};
use crate::plan::PairingPlan;
use bytes::Bytes;
use std::sync::Arc;

impl State<'_> {
    /// Keeps what may be kept of a step's answers, and drops the entries of keys that cannot be read.
    pub(in crate::execute) fn keep(
        &mut self,
        number: usize,
        keys: &Keys,
        kept: Option<&StepLookUp>,
        settled: &StepResult,
    ) {
        let answered = kept.map_or(0, |kept| kept.answered);
        let told = settled.told.iter().map(|told| told.keys.len()).sum::<usize>();
        if answered + told < keys.keys.len() || !settled.broken.is_empty() {
            self.held = None;
        }
        let (Some(kept), Some((caching, rule))) = (kept, self.caching(number)) else { return };
        if told == 0 && settled.broken.is_empty() {
            return;
        }
        let (step, ..) = self.step(number);
        let (domain, texts, inputs) = (self.entry_domain(number), keys.texts(), self.inputs(number));
        settled.broken.iter().for_each(|&key| caching.cache.forget(&domain, texts[key as usize]));
        let fields = kept.fields.as_deref().unwrap_or(&step.fieldset);
        let fields: Option<Arc<[String]>> = (!fields.is_empty()).then(|| fields.into());
        let negative = caching.cache.options().negative;
        rule.begin_use();
        for told in &settled.told {
            for (key, item) in items(step.pairing, told, settled) {
                let Some(item) = item else {
                    self.held = None;
                    continue;
                };
                let values = input_values(&rule.tags, &inputs, Some(&keys.keys[key]));
                let tags = item.tags(rule, values);
                let entry = told.keep.entry(item, negative).with(fields.clone(), tags, kept.since);
                self.hold(number, &entry.freshness, &entry.tags);
                caching.cache.keep(EntryKey { domain: domain.clone(), key: texts[key].into() }, entry);
            }
        }
    }
}

/// The part of an answer that is kept for one key.
pub(super) struct Item {
    /// The whole answer, or the key's part of a batched one.
    pub(super) body: Bytes,
    pub(super) status: u16,
    /// Whether the value exists.
    pub(super) is_known: bool,
}

impl Item {
    /// The item's tags, from the values of their inputs.
    pub(super) fn tags(&self, rule: &WayRule, inputs: Vec<Option<String>>) -> Box<[Tag]> {
        let listed = list_of([&self.body].into_iter().filter(|body| !body.is_empty()));
        tags(&rule.tags, inputs, &listed)
    }
}

/// The item that is kept for each key of an answer, by number. `None` if nothing is kept, because the value is an error
/// or cannot be read.
pub(super) fn items<'s>(
    pairing: PairingPlan,
    told: &'s KeepableAnswer,
    settled: &'s StepResult,
) -> impl Iterator<Item = (usize, Option<Item>)> + 's {
    // The spans are sorted by key, and those of one key are in the answer's order.
    let mut spans: Vec<_> = told.spans.iter().collect();
    spans.sort_by_key(|(key, _)| *key);
    let (body, status) = (&told.body, told.status);
    told.keys.clone().map(move |key| {
        let start = spans.partition_point(|(of, _)| (*of as usize) < key);
        let own = &spans[start..spans.partition_point(|(of, _)| *of as usize <= key)];
        let is_broken = u32::try_from(key).is_ok_and(|key| settled.broken.binary_search(&key).is_ok());
        if is_broken || matches!(settled.values[key], Slot::Failed(_)) {
            return (key, None);
        }
        let (body, is_known) = match pairing {
            PairingPlan::Single => (Bytes::copy_from_slice(body), !matches!(status, 404 | 410)),
            PairingPlan::Group { .. } => (cut(body, own), true),
            PairingPlan::Index { .. } => (cut(body, own), !own.is_empty()),
            PairingPlan::Position => (cut(body, own), own.first().is_some_and(|(_, at)| &body[at.clone()] != b"null")),
        };
        (key, Some(Item { body, status, is_known }))
    })
}

/// A copy of the items in some ranges, with commas between them.
fn cut(body: &Bytes, at: &[&(u32, std::ops::Range<usize>)]) -> Bytes {
    let mut items = Vec::with_capacity(at.iter().map(|(_, at)| at.len() + 1).sum());
    for (number, (_, at)) in at.iter().enumerate() {
        if number > 0 {
            items.push(b',');
        }
        items.extend_from_slice(&body[at.clone()]);
    }
    items.into()
}
