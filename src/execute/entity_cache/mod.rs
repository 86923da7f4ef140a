//! The entity cache: answers of services that are kept, so that keys that have one are not asked for again.
//!
//! In: a step's keys, and later the answers to its calls. Out: answers for some of the keys, other requests' calls that
//! will answer more of them, and entries for [`crate::cache`].
//! Elsewhere: how long an answer holds, and the store itself ([`crate::cache`]).
//!
//! The answer to a call without a batch is kept whole, with its status. Of a batched answer, each key has an entry: its
//! item, or the items of its list. Entries are projected again when they are used.
//!
//! Always true:
//! - data of a caller is kept only under the inputs of that same caller;
//! - an answer is kept only if it could be read, and only by the request that made the call;
//! - after a write, its request uses no older answer of the source that was written to.

mod hold;
mod look;
mod refresh;
mod tags;
mod under_way;
mod weigh;
mod written;

pub(super) use look::{Looked, StepKept};
pub(super) use under_way::{Announced, Joined};
pub(super) use weigh::{Keep, Weighed};

use crate::cache::{Cache, Guess};
use crate::compose::{Graph, SourceId, Way, WayId};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tags::Template;
use under_way::UnderWay;

/// A graph's rules of caching, and the cache to which they apply.
#[derive(Debug)]
pub struct Caching {
    cache: Arc<Cache>,
    ways: Box<[WayRule]>,
    sources: Box<[bool]>,
    /// Whether reads in flight are shared.
    shares: bool,
    under_way: Arc<UnderWay>,
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

impl Caching {
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
        Self { ways, sources: sources.collect(), shares, cache, under_way: Arc::default() }
    }

    /// The cache.
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
