//! Writes: what they invalidate, and when.
//!
//! In: a write for which its request waits no longer, because it has ended or because time is over. Out: the write's
//! tags are invalidated, and nobody joins a call from before the write.
//! Elsewhere: which tags a write has ([`super::tags`]); sending and finishing a write ([`crate::upstream`]).
//!
//! Always true:
//! - a write that was never sent invalidates nothing;
//! - a write that continues without its request keeps its tags open: nothing with these tags is kept until the write is
//!   over, and then they are invalidated once more.

use super::tags::{Write, input_values, invalidated};
use crate::cache::{Cache, Tag};
use crate::compose::{Graph, SourceId, Way};
use crate::execute::cause::{Aside, CauseReport};
use crate::execute::run::{SourceAccess, State, now};
use crate::execute::step::is_declared;
use crate::plan::Step;
use crate::policy::RequestId;
use crate::report::{CallRecord, FailedCall};
use std::sync::Arc;
use std::time::{Instant, SystemTime};

/// A write that continues without its request. The value is dropped when the write is over.
struct WriteGuard {
    graph: Arc<Graph>,
    step: Step,
    sources: Vec<SourceAccess>,
    /// The cache. `None` if nothing is kept.
    cache: Option<Arc<Cache>>,
    open: Vec<Tag>,
    since: Instant,
    causes: Arc<CauseReport>,
    request_id: RequestId,
}

impl WriteGuard {
    /// Logs failures. The request has ended without them, so only the log can report them.
    fn tell(&self, failed: Vec<FailedCall>) {
        let service = &self.sources[self.step.source.index()].name;
        let way = self.graph.way(self.step.way);
        let is_expected = |failed: &FailedCall| {
            let status = failed.cause.status.filter(|_| failed.code == "UPSTREAM_STATUS" && failed.service == *service);
            status.is_some_and(|status| is_declared(&self.step, way, status))
        };
        let (report, own) = (&*self.causes, Some((self.step.way, &**service)));
        let aside = Aside { report, sources: &self.sources, own, request_id: self.request_id.as_str() };
        let failed = failed.into_iter().filter(|failed| !is_expected(failed));
        aside.tell("a write that nobody waits for any more has failed", failed);
    }
}

impl Drop for WriteGuard {
    fn drop(&mut self) {
        self.sources.iter().for_each(|source| source.subgraph.note_write());
        if let Some(cache) = &self.cache {
            // Tags are invalidated before they are closed, so that no answer that was read meanwhile becomes valid in
            // between.
            cache.invalidate(&self.open, SystemTime::now());
            cache.tags().close(&self.open);
        }
        let late_ms = u64::try_from(now().duration_since(self.since).as_millis()).unwrap_or(u64::MAX);
        let (service, endpoint) = (&*self.sources[self.step.source.index()].name, &*self.step.endpoint);
        tracing::info!(target: "bespoke::write", service, endpoint, late_ms, "a write ended after its request");
    }
}

impl State<'_> {
    /// Notes the writes among the calls that code of this process has made for a write, whether it succeeded or failed.
    /// The services of these calls count as written to, whatever tags the code declares.
    pub(in crate::execute) fn code_has_written(&mut self, way: &Way, calls: &[CallRecord]) {
        let Some(caching) = self.run.caching.filter(|_| !way.is_safe) else { return };
        for call in calls.iter().filter(|call| !call.is_safe) {
            let known = (0..).zip(&self.run.graph.sources).find(|(_, source)| *source.name == *call.service);
            if let Some((source, _)) = known {
                self.written.push((SourceId(source), caching.cache.tags().advance(SystemTime::now())));
            }
        }
    }

    /// Ends a write for its request, whatever its result is: if it was sent, it may have been applied. Returns `false`
    /// if it was not sent, or if the step is no write.
    pub(in crate::execute) fn write_over(&mut self, number: usize) -> bool {
        if self.step(number).1.is_safe {
            return false;
        }
        let Some(pending) = &mut self.pending[number] else { return false };
        let write = pending.write.take();
        if !pending.is_made || write.as_ref().is_some_and(|write| !write.is_sent()) {
            return false;
        }
        let left = write.filter(|write| !write.is_over()).map(|write| (write, self.unattended(number)));
        self.name_what_was_written(number);
        if let Some((write, unattended)) = left {
            write.leave(move |failed| unattended.tell(failed));
        }
        true
    }

    fn unattended(&self, number: usize) -> WriteGuard {
        let (step, ..) = self.step(number);
        let open = self.written_tags(number, |_| Write::Unknown);
        let cache = self.run.caching.map(|caching| Arc::clone(&caching.cache));
        if let Some(cache) = &cache {
            cache.tags().open(&open);
        }
        WriteGuard {
            // All sources are kept, because it is not known which of them the tags belong to, and which services the
            // code calls.
            sources: self.run.sources.to_vec(),
            graph: Arc::clone(self.run.graph),
            step: step.clone(),
            cache,
            open,
            since: now(),
            causes: Arc::clone(self.run.causes),
            request_id: self.run.caller.request_id.clone(),
        }
    }

    fn name_what_was_written(&mut self, number: usize) {
        let (step, way, _) = self.step(number);
        // It is not known which sources the tags belong to. So no call that began before is joined, whatever it reads.
        if !way.invalidates.is_empty() {
            self.run.sources.iter().for_each(|source| source.subgraph.note_write());
        }
        let Some(caching) = self.run.caching else { return };
        let tags = self.written_tags(number, |at| {
            let answers = self.pending[number].as_ref().map_or(&[][..], |pending| &pending.answers);
            let answered = answers.iter().find(|answered| answered.keys.contains(&at));
            match answered.and_then(|answered| answered.result.as_ref().ok()) {
                Some(answer) if (200..300).contains(&answer.status) => Write::Answered(&answer.body),
                Some(answer) if (400..500).contains(&answer.status) => Write::Refused,
                _ => Write::Unknown,
            }
        });
        if !tags.is_empty() {
            caching.cache.invalidate(&tags, SystemTime::now());
        }
        self.written.push((step.source, caching.cache.tags().advance(SystemTime::now())));
    }

    /// The tags that a write invalidates, by the result for each of its keys.
    fn written_tags<'w>(&self, number: usize, outcome: impl Fn(usize) -> Write<'w>) -> Vec<Tag> {
        let (Some(caching), Some(pending)) = (self.run.caching, &self.pending[number]) else { return Vec::new() };
        let (step, ..) = self.step(number);
        let (rule, inputs) = (caching.rule(step.way), self.inputs(number));
        let mut tags = Vec::new();
        for (at, key) in pending.keys.keys.iter().enumerate().filter(|_| !rule.invalidates.is_empty()) {
            let values = input_values(&rule.invalidates, &inputs, Some(key));
            tags.extend(invalidated(&rule.invalidates, values, outcome(at)));
        }
        tags.sort_unstable();
        tags.dedup();
        tags
    }
}
