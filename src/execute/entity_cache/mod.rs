//! What is kept of earlier answers: keys that have one are not asked for.
//!
//! In: a step's keys, and later its calls' answers. Out: answers for some of the keys, calls of others that will answer
//! more of them; entries for [`crate::cache`].
//! Elsewhere: how long an answer holds, and the store itself ([`crate::cache`]).
//!
//! A call of its own is kept whole, with its status. Of a batched answer each key has an entry: its item, or the items of
//! its list. Entries are projected again by whoever takes them.
//!
//! Always true:
//! - nothing of a caller is kept but under that caller's own inputs;
//! - only an answer that could be read is kept, and only by who has made the call;
//! - after a write, its request takes nothing of the written source that is older.

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

/// A graph's rules of caching, and the cache that they are for.
#[derive(Debug)]
pub struct Caching {
    cache: Arc<Cache>,
    ways: Box<[WayRule]>,
    sources: Box<[bool]>,
    /// Are reads in flight shared?
    shares: bool,
    under_way: Arc<UnderWay>,
}

/// What a way says of caching.
#[derive(Debug)]
struct WayRule {
    /// `@cache`: for answers that say nothing of how long they hold.
    guess: Option<Guess>,
    /// `scope: PRIVATE`: what is kept of it is for one caller only.
    is_private: bool,
    /// Does it send anything that tells callers apart?
    depends_on_caller: bool,
    tags: Vec<Template>,
    invalidates: Vec<Template>,
    /// Was an answer ever kept?
    is_in_use: AtomicBool,
}

impl Caching {
    /// The rules of a graph. `is_on` says which sources are cached; what they invalidate counts for all. `shares`: may
    /// reads in flight be shared?
    #[must_use]
    pub fn new(graph: &Graph, cache: Arc<Cache>, is_on: impl Fn(&str) -> bool, shares: bool) -> Self {
        let negative = cache.options().negative;
        let ways = graph.ways.iter().map(|way| WayRule::of(graph, way, negative)).collect();
        let sources = graph.sources.iter().map(|source| {
            // Code of this process sees the whole caller, and asks its services by itself.
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
            // What depends on the caller is kept if it is said to be that caller's, or by the service's own word.
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

    /// Is it worth while to look? Ways that nobody caches cost nothing.
    fn is_expected(&self) -> bool {
        self.guess.is_some() || self.is_in_use()
    }

    /// What is said to be somebody's is so, and nothing tells whose, if no input of the caller is sent.
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
