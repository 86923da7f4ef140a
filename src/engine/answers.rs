//! Whole answers that are kept: the bytes of queries of which every part is public and fresh.
//!
//! In: a plan and its variables. Out: the bytes of an earlier answer, as long as the cache would still give each of its
//! parts.
//! Elsewhere: the parts ([`crate::execute`]), how long they hold ([`crate::cache`]), what clients may keep
//! ([`crate::http`]).
//!
//! Always true:
//! - an answer is kept under its plan and its coerced variables, and depends on nothing else: an answer that depends on
//!   its caller is not kept here;
//! - an answer ends when a tag of one of its parts is invalidated after that part was asked for, and is stale as soon
//!   as one part is stale;
//! - an answer with errors, or one that was cut short, is not kept; the store is bounded in bytes.

use super::model::{Audience, ClientCaching};
use super::sharing::Job;
use crate::cache::{Cache, HoldLimits};
use crate::execute::{OperationScope, RunOutput};
use crate::operation::Variables;
use bytes::Bytes;
use sha2::{Digest, Sha256};
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Instant;

/// What an answer costs beside its body, in bytes: its place in the table and queues of the cache, its tag and its
/// counters.
const FRAME: usize = 512;

/// The largest answer that is kept whole, in bytes. Copying and hashing it takes a worker a few milliseconds at most.
const MAX_KEPT: usize = 1 << 20;

/// The answers of one engine that are kept.
#[derive(Debug)]
pub(super) struct Answers {
    /// The cache whose tags end them.
    cache: Arc<Cache>,
    kept: moka::sync::Cache<AnswerKey, Arc<KeptAnswer>, ahash::RandomState>,
}

/// The key of an answer.
#[derive(Debug, Clone)]
pub(super) struct AnswerKey {
    /// The plan's number rather than the plan, so that no answer keeps a plan alive.
    plan: u64,
    variables: Arc<Variables>,
}

/// An answer that is kept.
#[derive(Debug)]
pub(super) struct KeptAnswer {
    pub(super) body: Bytes,
    tag: Arc<str>,
    held: HoldLimits,
}

impl Answers {
    /// Makes an empty store. All answers together may cost what the cache's options say.
    pub(super) fn new(cache: &Arc<Cache>) -> Self {
        let kept = moka::sync::Cache::builder()
            .max_capacity(cache.options().max_answer_bytes)
            .weigher(|key: &AnswerKey, kept: &Arc<KeptAnswer>| weight(key, kept))
            .build_with_hasher(ahash::RandomState::new());
        Self { cache: Arc::clone(cache), kept }
    }

    /// Finds an answer that still holds.
    pub(super) fn find(&self, key: &AnswerKey, now: Instant) -> Option<Arc<KeptAnswer>> {
        self.kept.get(key).filter(|kept| kept.held.holds(self.cache.tags(), now))
    }

    /// Keeps the answer of a run, if it may be kept.
    pub(super) fn keep(&self, key: AnswerKey, ran: &RunOutput, now: Instant) -> Option<Arc<KeptAnswer>> {
        let held = ran.held.as_ref().filter(|held| held.is_public && ran.errors == 0 && !ran.is_cut)?;
        if ran.body.len() > MAX_KEPT || !held.holds(self.cache.tags(), now) {
            return None;
        }
        // Bytes of their own: the answer's room may be much larger than what it holds.
        let body = Bytes::copy_from_slice(&ran.body);
        let kept = Arc::new(KeptAnswer { tag: tag(&body), body, held: held.clone() });
        self.kept.insert(key, Arc::clone(&kept));
        Some(kept)
    }

    /// What all answers cost together, in bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.kept.weighted_size()
    }
}

impl AnswerKey {
    /// The key of a job's answer; `None` if the answer depends on who asks.
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

impl KeptAnswer {
    /// How clients may keep it (RFC 9111).
    pub(super) fn caching(&self, now: Instant) -> ClientCaching {
        ClientCaching {
            lifetime: self.held.age(now).saturating_add(self.held.remaining(now)),
            age: self.held.age(now),
            audience: Audience::Everybody,
            tag: Some(Arc::clone(&self.tag)),
        }
    }
}

/// The entity tag of an answer: the first 128 bits of the SHA-256 digest of its bytes, in hexadecimal.
///
/// A strong validator must differ whenever the bytes differ (RFC 9110 §8.8.1), and all processes behind a balancer must
/// give equal bytes the same tag, whatever processor they run on. A hash for tables promises neither.
fn tag(body: &[u8]) -> Arc<str> {
    let digest = Sha256::digest(body);
    let half = digest.iter().take(16).fold(0_u128, |half, &byte| half << 8 | u128::from(byte));
    format!("{half:032x}").into()
}

fn weight(key: &AnswerKey, kept: &KeptAnswer) -> u32 {
    u32::try_from(FRAME + kept.body.len() + kept.held.weight() + key.variables.weight()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::tag;

    #[test]
    fn a_tag_is_half_of_a_sha_256_digest() {
        // The digest of `abc` that FIPS 180-2 gives, B.1.
        assert_eq!(&*tag(b"abc"), "ba7816bf8f01cfea414140de5dae2223");
        assert_ne!(tag(b"abc"), tag(b"abd"));
    }
}
