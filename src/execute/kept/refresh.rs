//! Asking again behind somebody's back (RFC 5861 §3): a stale entry was the answer, the next one gets a fresh one.
//!
//! Without a plan: the answer is cut into items by the paths of its way.

use super::Caching;
use super::look::list_of;
use super::tags::slots;
use crate::cache::{Bypass, Entry, EntryKey, Mark, Refreshing};
use crate::compose::{JsonPath, Pairing, Segment, Way, WayId};
use crate::execute::leaf;
use crate::execute::project::values;
use crate::execute::remote::has_errors;
use crate::execute::run::now;
use crate::json;
use crate::upstream::{Answer, CallError};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::StatusCode;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

/// Most items of an answer.
const MAX_ITEMS: usize = 100_000;

/// A call that is made for entries.
pub(super) struct Asked<'a> {
    pub(super) id: WayId,
    pub(super) way: &'a Way,
    /// The sparse fieldset; empty: none.
    pub(super) fields: Vec<String>,
    pub(super) since: Mark,
    pub(super) entries: Vec<Again>,
}

/// An entry that is asked for again.
pub(super) struct Again {
    /// Nobody else does.
    pub(super) right: Refreshing,
    pub(super) old: Arc<Entry>,
    /// Of its tags.
    pub(super) inputs: Vec<Option<String>>,
}

/// How an answer is cut.
enum Cut {
    Whole,
    ByKey {
        items: Vec<Segment>,
        key: Vec<Segment>,
        is_index: bool,
    },
    /// `_entities`: item by item as was asked.
    ByPosition,
}

/// What a GraphQL service answers for representations.
#[derive(Deserialize)]
struct Entities<'b> {
    #[serde(borrow)]
    data: EntitiesData<'b>,
}

#[derive(Deserialize)]
struct EntitiesData<'b> {
    #[serde(borrow, rename = "_entities")]
    entities: Vec<&'b RawValue>,
}

/// Makes the call in a task of its own, and keeps what comes of it. If nothing does, the entries stay as they are.
pub(super) fn refresh(caching: &Arc<Caching>, asked: Asked<'_>, call: BoxFuture<'static, Result<Answer, CallError>>) {
    let Asked { id, way, fields, since, entries } = asked;
    let cut = match way.batch.as_ref().map(|batch| &batch.pairing) {
        None => Cut::Whole,
        Some(Pairing::Position) => Cut::ByPosition,
        Some(Pairing::Index(JsonPath(key))) => by_key(way, key, true),
        Some(Pairing::Group(JsonPath(key))) => by_key(way, key, false),
    };
    let fields: Option<Arc<[String]>> = (!fields.is_empty()).then(|| fields.into());
    let task = Task { caching: Arc::clone(caching), way: id, cut, fields, since };
    tokio::spawn(async move {
        let sent = now();
        if let Ok(answer) = call.await {
            task.keep(&answer, entries, (sent, now()));
        }
    });
}

fn by_key(way: &Way, key: &[Segment], is_index: bool) -> Cut {
    Cut::ByKey { items: way.answer.items.0.clone(), key: key.to_vec(), is_index }
}

/// What a call's answer is kept by.
struct Task {
    caching: Arc<Caching>,
    way: WayId,
    cut: Cut,
    fields: Option<Arc<[String]>>,
    since: Mark,
}

impl Task {
    fn keep(&self, answer: &Answer, entries: Vec<Again>, times: (Instant, Instant)) {
        let rule = self.caching.rule(self.way);
        let still = answer.status == StatusCode::NOT_MODIFIED;
        // Who has joined a call cannot tell when it was sent; failures change nothing.
        if answer.is_shared || answer.status >= 500 || has_errors(&answer.body) {
            return;
        }
        let is_batched = !matches!(self.cut, Cut::Whole);
        let keep = match (still, entries.first()) {
            (true, Some(first)) => rule.still(&first.old, &answer.headers, times).unwrap_or(Err(Bypass::Failed)),
            // Other statuses mean what only a plan can tell.
            _ if !(200..300).contains(&answer.status) => Err(Bypass::Failed),
            _ => rule.keep(answer, is_batched, times),
        };
        let items = if still { None } else { self.items(&answer.body, &entries) };
        let Some(keep) = keep.ok().filter(|_| still || items.is_some()) else {
            entries
                .iter()
                .for_each(|entry| self.caching.cache.forget(&entry.right.key().domain, &entry.right.key().key));
            return;
        };
        for Again { right, old, inputs } in entries {
            let EntryKey { key, .. } = right.key();
            let (item, is_known) = match (&self.cut, &items) {
                (_, None) => (old.body.clone(), true),
                (Cut::Whole, _) => (Bytes::copy_from_slice(&answer.body), true),
                (Cut::ByPosition, Some(items)) => {
                    let Some([item]) = items.get(&**key).map(Vec::as_slice) else { continue };
                    (Bytes::copy_from_slice(item), *item != b"null")
                }
                (Cut::ByKey { is_index, .. }, Some(items)) => match items.get(&**key).map(Vec::as_slice) {
                    // Two items for one key are an error, which nobody waits for here.
                    Some([_, _, ..]) if *is_index => continue,
                    Some(own) => (own.join(&b","[..]).into(), true),
                    None => (Bytes::new(), !is_index),
                },
            };
            let status = if still { old.status } else { answer.status };
            let listed = list_of([&item].into_iter().filter(|item| !item.is_empty()));
            let tags = slots(&rule.tags, self.caching.cache.tags(), inputs, &listed);
            let entry = keep.entry(item, status, is_known, self.caching.cache.options().negative);
            self.caching.cache.keep(right.key().clone(), entry.with(self.fields.clone(), tags, self.since));
        }
    }

    /// The items of an answer, by key; `None`: it is of no use.
    fn items<'b>(&self, body: &'b [u8], asked: &[Again]) -> Option<HashMap<String, Vec<&'b [u8]>>> {
        json::check(body).ok()?;
        let mut by_key = HashMap::<String, Vec<&[u8]>>::new();
        match &self.cut {
            Cut::Whole => {}
            Cut::ByKey { items, key, .. } => {
                for item in values(body, items, MAX_ITEMS)? {
                    let found = values(item, key, 1)?;
                    let text = leaf::canonical(std::str::from_utf8(found.first()?).ok()?)?;
                    by_key.entry(text.into_owned()).or_default().push(item);
                }
            }
            Cut::ByPosition => {
                let entities = serde_json::from_slice::<Entities<'_>>(body).ok()?.data.entities;
                if entities.len() != asked.len() {
                    return None;
                }
                for (Again { right, .. }, item) in asked.iter().zip(entities) {
                    by_key.entry(right.key().key.to_string()).or_default().push(item.get().as_bytes());
                }
            }
        }
        Some(by_key)
    }
}
