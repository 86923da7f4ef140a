//! The entity cache: answers of services are kept, and a key that has one is not asked for again.
//!
//! In: a step's keys, and later the answers to its calls. Out: answers for some of the keys, other requests' calls that
//! will answer more of them, and entries for [`crate::cache`].
//! Elsewhere: how long an answer holds, and the tiers that hold it ([`crate::cache`]).
//!
//! A run ([`super::run::State`]) uses the cache in four places:
//! - `look_up`, before a step makes calls: finds the keys that have an answer, in this process or in a tier behind it;
//! - `admit`, after each call: decides whether its answer may be kept, and which old answer replaces a failure;
//! - `keep`, after the step's answers were read: makes an entry of each key's part;
//! - `write_over`, when a request no longer waits for its write: invalidates the write's tags.
//!
//! Only a lookup waits. Entries and invalidations are passed to the tiers, which process them later.
//!
//! The answer to a call without a batch is kept whole, with its status. Of a batched answer, each key has an entry: its
//! item, or the items of its list. Entries are projected again when they are used.
//!
//! Always true:
//! - data of a caller is kept only under the inputs of that same caller;
//! - an answer is kept only if it could be read, and only by the request that made the call;
//! - after a write, its request uses no older answer of the source that was written to.

mod admit;
mod hold;
mod keep;
mod look_up;
mod refresh;
mod tags;
mod tiers;
mod under_way;
mod write_over;

pub(super) use admit::{CacheVerdict, Keep};
pub(super) use look_up::{LookUpResult, StepLookUp};
pub(super) use under_way::{Announcement, JoinedKeys};

use crate::cache::{Cache, Guess, stable_hash};
use crate::compose::{Graph, SourceId, Way, WayId, print_graph};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tags::Template;
use under_way::UnderWay;

/// A graph's rules of caching, and the cache to which they apply.
#[derive(Debug)]
pub struct CacheRules {
    cache: Arc<Cache>,
    ways: Box<[WayRule]>,
    sources: Box<[bool]>,
    /// Whether reads in flight are shared.
    shares: bool,
    under_way: Arc<UnderWay>,
    /// A hash of the graph, for the keys of entries that leave the process. Without a second tier it is 0.
    schema: u64,
}

/// The rules of caching of a way.
#[derive(Debug)]
struct WayRule {
    /// The lifetimes of `@cache`, for answers that do not say how long they hold.
    guess: Option<Guess>,
    /// Whether the way has `scope: PRIVATE`: its answers are kept for one caller only.
    is_private: bool,
    /// Whether its calls send any data by which callers differ.
    depends_on_caller: bool,
    tags: Vec<Template>,
    invalidates: Vec<Template>,
    /// Whether an answer was ever kept.
    is_in_use: AtomicBool,
}

impl CacheRules {
    /// The rules of a graph. `is_on` says which sources are cached; writes to any source invalidate entries. `shares`:
    /// whether reads in flight may be shared.
    #[must_use]
    pub fn new(graph: &Graph, cache: Arc<Cache>, is_on: impl Fn(&str) -> bool, shares: bool) -> Self {
        let negative = cache.options().negative;
        let ways = graph.ways.iter().map(|way| WayRule::of(graph, way, negative)).collect();
        let sources = graph.sources.iter().map(|source| {
            // Code of this process sees the whole caller, and calls its services by itself.
            !source.kind.is_in_process() && is_on(&source.name)
        });
        // Keys name ways by numbers, whose meaning depends on the graph.
        let schema = if cache.has_second() { stable_hash(&print_graph(graph)) } else { 0 };
        Self { ways, sources: sources.collect(), shares, cache, under_way: Arc::default(), schema }
    }

    /// The cache to which the rules apply.
    #[must_use]
    pub fn cache(&self) -> &Arc<Cache> {
        &self.cache
    }

    fn is_on(&self, source: SourceId) -> bool {
        self.sources.get(source.index()).copied().unwrap_or(false)
    }

    fn rule(&self, way: WayId) -> &WayRule {
        &self.ways[way.index()]
    }
}

impl WayRule {
    fn of(graph: &Graph, way: &Way, negative: Duration) -> Self {
        let rule = way.cache.as_ref();
        let templates = |texts: &[String]| texts.iter().map(|text| Template::parse(graph, way, text)).collect();
        Self {
            // An answer that depends on the caller is kept only if `@cache` makes it private, or if the service itself
            // allows it.
            guess: rule.filter(|rule| rule.is_private || !way.caller.is_private()).map(|rule| Guess {
                lifetime: Duration::from_secs(rule.max_age),
                stale_while_revalidate: Duration::from_secs(rule.swr),
                negative,
            }),
            is_private: rule.is_some_and(|rule| rule.is_private),
            depends_on_caller: way.caller.is_private(),
            tags: templates(rule.map_or(&[], |rule| &rule.tags)),
            invalidates: templates(&way.invalidates),
            is_in_use: AtomicBool::new(false),
        }
    }

    /// Whether a lookup is worth while. Ways that are never cached cost nothing.
    fn is_expected(&self) -> bool {
        self.guess.is_some() || self.is_in_use()
    }

    /// Whether the owner of an answer is known. A private answer has one, but if no input of the caller is sent,
    /// nothing says who it is.
    fn says_whose(&self) -> bool {
        !self.is_private || self.depends_on_caller
    }

    fn is_in_use(&self) -> bool {
        self.is_in_use.load(Ordering::Acquire)
    }

    fn begin_use(&self) {
        if !self.is_in_use() {
            self.is_in_use.store(true, Ordering::Release);
        }
    }
}
