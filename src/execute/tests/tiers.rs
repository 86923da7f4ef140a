//! A second tier behind the memory: how its entries are used, and what happens when it fails.
//!
//! Each kit stands for a process of its own. All kits of one test share the tier behind their memories.

use super::cached::{NONE, SHOP};
use super::kit::Kit;
use crate::cache::{CacheOptions, Domain, Entries, Entry, EntryKey, Fetch, Mark, Moment, Tag, Tier, portable_key};
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant, SystemTime};

/// The way in which a tier answers.
#[derive(Debug, Default, Clone, Copy)]
enum Manner {
    /// The tier answers after 3 ms, in time.
    #[default]
    Soon,
    /// The tier answers at once.
    AtOnce,
    /// The tier answers after 30 ms, too late.
    Late,
    /// The tier never answers.
    Never,
    /// The tier fails: it answers at once, without any entries.
    Failing,
}

/// The tier that several processes share. Its keys and entries are bytes, as they would be on another machine.
#[derive(Debug, Default)]
struct Shared {
    manner: Manner,
    held: Mutex<HoldLimits>,
}

#[derive(Debug, Default)]
struct HoldLimits {
    entries: HashMap<Vec<u8>, Vec<u8>>,
    invalidated: HashMap<u64, Mark>,
    /// The number of keys of each request to the tier.
    asked: Vec<usize>,
}

/// The current moment, with a wall clock that runs as fast as the test's own clock.
fn moment() -> Moment {
    static BEGAN: LazyLock<(Instant, SystemTime)> = LazyLock::new(|| (Instant::now(), SystemTime::now()));
    let now = tokio::time::Instant::now().into_std();
    Moment { now, date: BEGAN.1 + now.saturating_duration_since(BEGAN.0) }
}

impl Shared {
    fn new(manner: Manner) -> Arc<Self> {
        Arc::new(Self { manner, ..Self::default() })
    }

    fn find(&self, keys: &[Vec<u8>]) -> Entries {
        let held = self.held.lock().unwrap();
        let is_alive = |entry: &Entry| {
            let last = entry.tags.iter().filter_map(|tag| held.invalidated.get(&tag.to_number())).max();
            last.is_none_or(|last| *last <= entry.since)
        };
        let find = |key: &Vec<u8>| Entry::of_portable(held.entries.get(key)?, moment()).filter(is_alive).map(Arc::new);
        keys.iter().map(find).collect()
    }

    /// The number of keys of each request since the last call of this function.
    fn asked(&self) -> Vec<usize> {
        std::mem::take(&mut self.held.lock().unwrap().asked)
    }

    fn len(&self) -> usize {
        self.held.lock().unwrap().entries.len()
    }
}

impl Tier for Shared {
    fn get<'a>(&'a self, domain: &'a Domain, keys: &'a [&'a str]) -> Fetch<'a> {
        self.held.lock().unwrap().asked.push(keys.len());
        let keys: Vec<_> = keys.iter().map(|key| portable_key(domain, key)).collect();
        let delay = match self.manner {
            Manner::AtOnce => return Fetch::Ready(self.find(&keys)),
            Manner::Never => return Fetch::Pending(Box::pin(std::future::pending())),
            Manner::Failing => return Fetch::Pending(Box::pin(std::future::ready(Entries::new()))),
            Manner::Soon => Duration::from_millis(3),
            Manner::Late => Duration::from_millis(30),
        };
        Fetch::Pending(Box::pin(async move {
            tokio::time::sleep(delay).await;
            self.find(&keys)
        }))
    }

    fn put(&self, key: EntryKey, entry: Arc<Entry>) {
        let key = portable_key(&key.domain, &key.key);
        self.held.lock().unwrap().entries.insert(key, entry.to_portable(moment()));
    }

    fn remove(&self, domain: &Domain, key: &str) {
        self.held.lock().unwrap().entries.remove(&portable_key(domain, key));
    }

    fn invalidate(&self, tags: &[Tag], at: Mark) {
        self.held.lock().unwrap().invalidated.extend(tags.iter().map(|tag| (tag.to_number(), at)));
    }
}

/// A process whose memory is empty.
fn process(shared: &Arc<Shared>) -> Kit {
    Kit::rest(&[("shop", SHOP)]).cached_behind(CacheOptions::default(), Arc::clone(shared) as Arc<dyn Tier>)
}

const USER: &str = "{ user(id: 7) { name } }";
const ANN: &str = r#"shop GET /users/7 => 200 {"id":7,"name":"Ann"}"#;
const BOB: &str = r#"shop GET /users/7 => 200 {"id":7,"name":"Bob"}"#;

#[test]
fn what_the_memory_lacks_is_taken_from_the_tier_behind_it() {
    for manner in [Manner::Soon, Manner::AtOnce] {
        let shared = Shared::new(manner);
        let first = process(&shared).see(0, USER, ANN);
        assert_eq!((first.0.len(), shared.asked()), (1, vec![1]), "nobody had it");
        let mut other = process(&shared);
        assert_eq!(other.see(0, USER, ""), (vec![], first.1.clone()));
        assert_eq!(shared.asked(), [1]);
        assert_eq!(other.see(0, USER, ""), (vec![], first.1));
        assert_eq!(shared.asked(), [0; 0], "by now the memory has it");
    }
}

#[test]
fn the_tier_is_asked_only_for_what_is_missing_and_the_service_for_the_rest() {
    let shared = Shared::new(Manner::Soon);
    let query = |of: u32| format!("{{ users(of: {of}) {{ name }} }}");
    let script = r#"
        shop GET /users?of=1 => 200 [{"id":1},{"id":2}]
        shop GET /users?of=2 => 200 [{"id":2},{"id":3}]
        shop GET /users?of=3 => 200 [{"id":1},{"id":2},{"id":3},{"id":4}]
        shop GET /users?id=1&id=2&fields=id,name => 200 [{"id":1,"name":"one"},{"id":2,"name":"two"}]
        shop GET /users?id=3&fields=id,name => 200 [{"id":3,"name":"three"}]
        shop GET /users?id=4&fields=id,name => 200 [{"id":4,"name":"four"}]"#;
    process(&shared).asked(0, &query(1), script);
    let mut other = process(&shared);
    assert_eq!(other.asked(0, &query(2), script), ["GET /users?of=2", "GET /users?id=3&fields=id,name"]);
    shared.asked();
    let (asked, answer) = other.see(0, &query(3), script);
    assert_eq!(asked, ["GET /users?of=3", "GET /users?id=4&fields=id,name"]);
    assert_eq!(answer, r#"{"users":[{"name":"one"},{"name":"two"},{"name":"three"},{"name":"four"}]}"#);
    assert_eq!(shared.asked(), [2], "one and four; two and three are in memory");
}

#[test]
fn what_comes_from_the_tier_holds_no_longer_than_where_it_was_kept_first() {
    let shared = Shared::new(Manner::Soon);
    process(&shared).asked(0, USER, ANN);
    let mut other = process(&shared);
    other.later = Duration::from_secs(40);
    assert_eq!(other.held(USER, ""), Some((20, 40, true)));
    assert_eq!(other.asked(59, USER, ""), NONE);
    assert_eq!(other.asked(61, USER, BOB), ["GET /users/7"]);
    assert!(process(&shared).see(100, USER, "").1.contains("Bob"), "the newer one has taken its place");
}

#[test]
fn what_is_stale_there_serves_as_what_is_stale_here_does() {
    let shared = Shared::new(Manner::Soon);
    process(&shared).asked(0, "{ news }", r#"shop GET /news => 200 <etag: "1"> {"text":"old"}"#);
    let still = r#"shop GET /news if-none-match:"1" => 304 <etag: "1">"#;
    let (asked, answer) = process(&shared).see(100, "{ news }", still);
    assert_eq!((asked.len(), answer.as_str()), (1, r#"{"news":"old"}"#), "it still holds");
    let new = r#"shop GET /news if-none-match:"1" => 200 {"text":"new"}"#;
    let (asked, answer) = process(&shared).see(170, "{ news }", new);
    assert_eq!(asked, [r#"GET /news if-none-match:"1"  [behind]"#]);
    assert_eq!(answer, r#"{"news":"old"}"#, "it is asked for again behind the caller's back");
    assert_eq!(process(&shared).see(171, "{ news }", ""), (vec![], r#"{"news":"new"}"#.to_owned()));
}

#[test]
fn what_a_process_writes_is_taken_by_no_other_from_before_the_write() {
    let shared = Shared::new(Manner::Soon);
    process(&shared).asked(0, USER, ANN);
    let mut writer = process(&shared);
    assert_eq!(writer.asked(0, USER, ""), NONE);
    let script = format!("{BOB}\nshop POST /users/7* => 200 {{\"id\":7,\"name\":\"Bob\"}}");
    writer.asked(0, r#"mutation { rename(id: 7, name: "Bob") { name } }"#, &script);
    assert!(process(&shared).see(0, USER, BOB).1.contains("Bob"), "the tier knows of the write");
    assert!(writer.see(0, USER, BOB).1.contains("Bob"), "its tags came with the entry");
}

#[test]
fn what_is_one_callers_own_stays_in_the_process() {
    let shared = Shared::new(Manner::Soon);
    let (me, script) = ("{ me { name } }", r#"shop GET /me?id=u1 => 200 {"id":1,"name":"Ann"}"#);
    let caller = || process(&shared).caller(serde_json::json!({ "sub": "u1" }));
    let mut kit = caller();
    assert_eq!(kit.asked(0, me, script), ["GET /me?id=u1  [private]"]);
    assert_eq!(kit.asked(0, me, ""), NONE, "in memory it is");
    assert_eq!(caller().asked(0, me, script).len(), 1);
    assert_eq!((shared.len(), shared.asked()), (0, vec![]));
}

#[test]
fn a_tier_that_fails_or_is_too_slow_has_nothing() {
    for manner in [Manner::Late, Manner::Never, Manner::Failing] {
        let shared = Shared::new(manner);
        process(&shared).asked(0, USER, ANN);
        // The services of this process are slower than any caller waits, unless they answer at once. So the time of the
        // tier does not count as theirs.
        let mut other = process(&shared).slow();
        let answer = other.see(0, USER, &format!("now {ANN}"));
        assert_eq!(answer, (vec!["GET /users/7".to_owned()], r#"{"user":{"name":"Ann"}}"#.to_owned()), "{manner:?}");
        assert_eq!(other.asked(0, USER, ""), NONE, "{manner:?}: the memory is as good as ever");
    }
}

#[test]
fn a_tier_is_waited_for_as_long_as_the_options_say_and_no_longer_than_the_request() {
    let options = |timeout| CacheOptions { tier_timeout: timeout, ..CacheOptions::default() };
    let shared = Shared::new(Manner::Late);
    process(&shared).asked(0, USER, ANN);
    let kit =
        |timeout| Kit::rest(&[("shop", SHOP)]).cached_behind(options(timeout), Arc::clone(&shared) as Arc<dyn Tier>);
    assert_eq!(kit(Duration::from_millis(31)).asked(0, USER, ""), NONE, "it has said so in time");
    assert_eq!(kit(Duration::from_millis(29)).asked(0, USER, ANN), ["GET /users/7"]);
    let shared = Shared::new(Manner::Never);
    let mut kit = Kit::rest(&[("shop", SHOP)]).cached_behind(options(Duration::MAX / 4), shared as Arc<dyn Tier>);
    assert!(kit.see(0, USER, ANN).1.contains("user"), "it has ended, though the tier never answers");
}
