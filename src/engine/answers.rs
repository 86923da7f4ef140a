//! Whole answers: the bytes of queries whose every part is public and fresh.
//!
//! In: a plan and its variables. Out: the bytes of before, as long as each of their parts would be taken for the answer.
//! Elsewhere: the parts ([`crate::execute`]), how long they hold ([`crate::cache`]), what clients may keep
//! ([`crate::http`]).
//!
//! Always true:
//! - an answer is kept under its plan and its coerced variables, and depends on nothing else: what asks for anything of
//!   its caller is not kept here;
//! - it dies with any tag of its parts that is invalidated after that part was asked for, and is stale when the first of
//!   them is;
//! - answers with errors, or cut short, are not kept; the store is bounded by bytes.

use super::model::{Audience, ClientCaching};
use super::sharing::Job;
use crate::cache::{Cache, Held};
use crate::execute::{OperationScope, Ran};
use crate::operation::Variables;
use bytes::Bytes;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Instant;

/// What an answer costs beside its bytes: its place in the table and queues of the cache, its tag and its counters.
const FRAME: usize = 512;

/// The answers of one engine that are kept.
#[derive(Debug)]
pub(super) struct Answers {
    /// Whose tags kill them.
    cache: Arc<Cache>,
    kept: moka::sync::Cache<AnswerKey, Arc<Kept>, ahash::RandomState>,
}

/// What tells kept answers apart.
#[derive(Debug, Clone)]
pub(super) struct AnswerKey {
    /// Its number, so that no answer keeps a plan alive.
    plan: u64,
    variables: Arc<Variables>,
}

/// An answer that is kept.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) body: Bytes,
    tag: Arc<str>,
    held: Held,
}

impl Answers {
    /// None yet; all together may cost what the cache's options say.
    pub(super) fn new(cache: &Arc<Cache>) -> Self {
        let kept = moka::sync::Cache::builder()
            .max_capacity(cache.options().max_answer_bytes)
            .weigher(|key: &AnswerKey, kept: &Arc<Kept>| weight(key, kept))
            .build_with_hasher(ahash::RandomState::new());
        Self { cache: Arc::clone(cache), kept }
    }

    /// The answer, if it is kept and still good.
    pub(super) fn find(&self, key: &AnswerKey, now: Instant) -> Option<Arc<Kept>> {
        self.kept.get(key).filter(|kept| kept.held.holds(self.cache.tags(), now))
    }

    /// Keeps what came of a run, if it is one that may be kept.
    pub(super) fn keep(&self, key: AnswerKey, ran: &Ran, now: Instant) -> Option<Arc<Kept>> {
        let held = ran.held.as_ref().filter(|held| held.is_public && ran.errors == 0 && !ran.is_cut)?;
        if !held.holds(self.cache.tags(), now) {
            return None;
        }
        // Bytes of their own: the answer's room may be much larger than what it holds.
        let body = Bytes::copy_from_slice(&ran.body);
        let kept = Arc::new(Kept { tag: tag(&body), body, held: held.clone() });
        self.kept.insert(key, Arc::clone(&kept));
        Some(kept)
    }

    /// What all of them cost, in bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.kept.weighted_size()
    }
}

impl AnswerKey {
    /// That of a job; `None`: its answer depends on who asks.
    pub(super) fn of(job: &Job) -> Option<Self> {
        let is_public = job.planned.scope.as_ref().is_some_and(OperationScope::is_public);
        is_public.then(|| Self { plan: job.planned.id, variables: Arc::clone(&job.variables) })
    }
}

impl PartialEq for AnswerKey {
    fn eq(&self, other: &Self) -> bool {
        self.plan == other.plan && self.variables == other.variables
    }
}

impl Eq for AnswerKey {}

impl Hash for AnswerKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.plan.hash(state);
        self.variables.hash(state);
    }
}

impl Kept {
    /// How its clients may keep it.
    pub(super) fn caching(&self, now: Instant) -> ClientCaching {
        ClientCaching {
            lifetime: self.held.age(now).saturating_add(self.held.remaining(now)),
            age: self.held.age(now),
            audience: Audience::Everybody,
            tag: Some(Arc::clone(&self.tag)),
        }
    }
}

/// What tells these bytes from others: 128 bits, the same for every process of this program.
fn tag(body: &[u8]) -> Arc<str> {
    let half = |seed| ahash::RandomState::with_seeds(seed, 2, 3, 4).hash_one(body);
    format!("{:016x}{:016x}", half(0), half(1)).into()
}

fn weight(key: &AnswerKey, kept: &Kept) -> u32 {
    u32::try_from(FRAME + kept.body.len() + kept.held.weight() + key.variables.weight()).unwrap_or(u32::MAX)
}
