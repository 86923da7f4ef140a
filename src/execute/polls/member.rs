//! Tables of tasks, each of which runs as long as somebody takes part in it.
//!
//! In: a key, and a function that begins the task for it. Out: a [`Member`], which all who bring an equal key share.
//!
//! Always true: the task is aborted, and its entry removed, when its last member is dropped.

use std::collections::HashMap;
use std::hash::Hash;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use tokio::task::AbortHandle;

type Entries<K, V> = HashMap<Arc<K>, Weak<Member<K, V>>, ahash::RandomState>;

/// The tasks that run, by key. There are never more entries than members.
#[derive(Debug)]
pub(crate) struct Table<K: Eq + Hash, V> {
    /// Held for a few map operations at a time, never over an await.
    entries: Mutex<Entries<K, V>>,
}

/// A share in a task.
#[derive(Debug)]
pub(crate) struct Member<K: Eq + Hash, V> {
    table: Arc<Table<K, V>>,
    /// The key of the table's entry. `None` if nobody else can take part.
    key: Option<Arc<K>>,
    value: V,
    work: AbortHandle,
}

impl<K: Eq + Hash, V> Table<K, V> {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { entries: Mutex::default() })
    }

    fn entries(&self) -> MutexGuard<'_, Entries<K, V>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many tasks others can join.
    pub(crate) fn count(&self) -> usize {
        self.entries().len()
    }

    /// Joins the task of an equal key, or begins one. `begin` must neither wait nor use this table.
    pub(crate) fn join(self: &Arc<Self>, key: K, begin: impl FnOnce(&K) -> (V, AbortHandle)) -> Arc<Member<K, V>> {
        let mut entries = self.entries();
        if let Some(member) = entries.get(&key).and_then(Weak::upgrade) {
            return member;
        }
        let key = Arc::new(key);
        let (value, work) = begin(&key);
        let member = Arc::new(Member { table: Arc::clone(self), key: Some(Arc::clone(&key)), value, work });
        entries.insert(key, Arc::downgrade(&member));
        member
    }

    /// Takes part in a task that nobody else can join.
    pub(crate) fn alone(self: &Arc<Self>, (value, work): (V, AbortHandle)) -> Arc<Member<K, V>> {
        Arc::new(Member { table: Arc::clone(self), key: None, value, work })
    }
}

impl<K: Eq + Hash, V> Deref for Member<K, V> {
    type Target = V;

    fn deref(&self) -> &V {
        &self.value
    }
}

impl<K: Eq + Hash, V> Drop for Member<K, V> {
    fn drop(&mut self) {
        self.work.abort();
        let Some(key) = &self.key else { return };
        let mut entries = self.table.entries();
        // A later member may have taken the entry; that one can still be joined.
        if entries.get(key).is_some_and(|entry| entry.strong_count() == 0) {
            entries.remove(key);
        }
    }
}
