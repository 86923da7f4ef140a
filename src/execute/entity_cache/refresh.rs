//! Refreshing in the background (RFC 5861 §3): the answer was a stale entry, and the next request gets a fresh one.
//!
//! The step that found the stale entries reads the new answer as one that somebody waits for. So the same code decides
//! what may be kept of it, and which item belongs to which key. Failures are only logged.

use super::CacheRules;
use super::admit::{Keep, Verdict};
use super::keep::{Item, items};
use crate::cache::{Entry, EntryKey, Mark, RefreshPermit};
use crate::compose::Graph;
use crate::execute::arena::Arena;
use crate::execute::cause::{Aside, CauseReport, Evidence};
use crate::execute::input::Key;
use crate::execute::run::{SourceAccess, now};
use crate::execute::step::{CallResult, Keys, StepProjection, is_declared};
use crate::plan::Step;
use crate::policy::RequestId;
use crate::report::FailedCall;
use crate::upstream::{Answer, CallError};
use futures_util::future::BoxFuture;
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

/// A call that refreshes entries.
pub(super) struct RefreshCall {
    pub(super) graph: Arc<Graph>,
    /// The step that found the entries, and the widths of its plan's frames.
    pub(super) step: Step,
    pub(super) frames: Vec<u32>,
    pub(super) source: SourceAccess,
    /// The sparse fieldset. Empty if the call sends none.
    pub(super) fields: Vec<String>,
    pub(super) since: Mark,
    pub(super) entries: Vec<RefreshEntry>,
    pub(super) causes: Arc<CauseReport>,
    /// The id of the request that found the stale entries.
    pub(super) request_id: RequestId,
}

/// An entry that is refreshed.
pub(super) struct RefreshEntry {
    /// The right to refresh the entry, which only one call has at a time.
    pub(super) right: RefreshPermit,
    pub(super) old: Arc<Entry>,
    pub(super) key: Key,
    /// The inputs of the entry's tags.
    pub(super) inputs: Vec<Option<String>>,
}

/// Makes the call in a task of its own, and keeps its answer. If the answer is of no use, the entries stay as they are.
pub(super) fn refresh(
    caching: &Arc<CacheRules>,
    asked: RefreshCall,
    call: BoxFuture<'static, Result<Answer, CallError>>,
) {
    let caching = Arc::clone(caching);
    tokio::spawn(async move {
        let sent = now();
        match call.await {
            Ok(answer) => asked.keep(&caching, answer, (sent, now())),
            Err(error) => asked.tell(FailedCall::of_error(&asked.source.name, &asked.step.endpoint, &error)),
        }
    });
}

impl RefreshCall {
    /// Logs a failure.
    fn tell(&self, failed: FailedCall) {
        let own = Some((self.step.way, &*self.source.name));
        let sources = std::slice::from_ref(&self.source);
        let aside = Aside { report: &self.causes, sources, own, request_id: self.request_id.as_str() };
        aside.tell("a kept answer could not be refreshed", [failed]);
    }

    fn keep(self, caching: &CacheRules, answer: Answer, times: (Instant, Instant)) {
        let (way, rule) = (self.graph.way(self.step.way), caching.rule(self.step.way));
        // For a call that was joined, the moment at which it was sent is not known.
        if answer.is_shared {
            return;
        }
        let old = self.entries.first().map(|entry| Arc::clone(&entry.old));
        let verdict = rule.judge((&self.step, way), &answer, old.as_deref(), times);
        if matches!(verdict, Verdict::Failed) && (answer.status < 400 || !is_declared(&self.step, way, answer.status)) {
            let speaks_graphql = self.step.document.is_some();
            let failed = FailedCall::of_answer(&self.source.name, &self.step.endpoint, &answer, speaks_graphql);
            failed.into_iter().for_each(|failed| self.tell(failed));
        }
        // Failures of the service change no entry.
        if answer.status >= 500 {
            return;
        }
        let keep = match verdict {
            Verdict::Failed if answer.status < 400 => return,
            Verdict::Keep(keep) => keep,
            Verdict::Still(Ok(keep)) => {
                // Only a call for one entry is conditional.
                for (again, old) in self.entries.into_iter().zip(old) {
                    let item = Item { body: old.body.clone(), status: old.status, is_known: true };
                    store(caching, self.step.way, again, Some(item), &keep, (&old.fields, self.since));
                }
                return;
            }
            Verdict::Still(Err(_)) | Verdict::Lost | Verdict::Unwanted(_) | Verdict::Failed => {
                self.entries.iter().for_each(|again| forget(caching, again));
                return;
            }
        };
        let keys = self.entries.iter().map(|again| again.key.clone()).collect();
        let keys = Keys::of(keys, self.entries.iter().map(|again| again.right.key().key.clone()));
        let asked = 0..self.entries.len();
        let answered = CallResult { keep: Some(keep), ..CallResult::by_call(asked, Ok(answer)) };
        let mut arena = Arena::new(&self.frames);
        let mut settling = StepProjection::new((&self.step, way), &keys, &self.source);
        settling.take(&mut arena, answered);
        let settled = settling.end(&mut arena);
        for failure in &arena.failures {
            if let (Some(Evidence::Call(_, cause)), Cow::Borrowed(code)) = (&failure.evidence, &failure.code) {
                let (service, endpoint) = (Arc::clone(&self.source.name), Arc::clone(&self.step.endpoint));
                self.tell(FailedCall { service, endpoint, code, cause: Arc::clone(cause) });
            }
        }
        let fields: Option<Arc<[String]>> = (!self.fields.is_empty()).then(|| self.fields.into());
        let Some(told) = settled.told.first() else {
            self.entries.iter().for_each(|again| forget(caching, again));
            return;
        };
        for (again, (_, item)) in self.entries.into_iter().zip(items(self.step.pairing, told, &settled)) {
            store(caching, self.step.way, again, item, &told.keep, (&fields, self.since));
        }
    }
}

/// Replaces an entry by an item. Without one, the entry is dropped.
fn store(
    caching: &CacheRules,
    way: crate::compose::WayId,
    again: RefreshEntry,
    item: Option<Item>,
    keep: &Keep,
    (fields, since): (&Option<Arc<[String]>>, Mark),
) {
    let Some(item) = item else { return forget(caching, &again) };
    let tags = item.tags(caching.rule(way), again.inputs);
    let entry = keep.entry(item, caching.cache.options().negative);
    caching.cache.keep(again.right.key().clone(), entry.with(fields.clone(), tags, since));
}

fn forget(caching: &CacheRules, again: &RefreshEntry) {
    let EntryKey { domain, key } = again.right.key();
    caching.cache.forget(domain, key);
}
