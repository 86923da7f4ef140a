//! Keys of entries: a domain, which many entries share, and what tells them apart in it.

use std::hash::{Hash, Hasher};
use std::sync::{Arc, LazyLock};

/// Everything of a request that can change its answer but the key of the entity: source, way, arguments, credential
/// scope, document. Holds the inputs themselves: equal means equal. Hashed once, not once for each of its keys.
#[derive(Clone)]
pub struct Domain {
    hash: u64,
    bytes: Arc<[u8]>,
}

impl std::fmt::Debug for Domain {
    /// Holds back the bytes, which are the caller's credentials among others.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Domain").field("hash", &self.hash).finish_non_exhaustive()
    }
}

/// Seeded at random: nobody outside can look for domains that collide.
static HASHER: LazyLock<ahash::RandomState> = LazyLock::new(ahash::RandomState::new);

impl Domain {
    /// A domain of these parts. Lengths go before them, so that no two lists look alike.
    #[must_use]
    pub fn of(parts: &[&[u8]]) -> Self {
        let mut bytes = Vec::with_capacity(parts.iter().map(|part| part.len() + 8).sum());
        for part in parts {
            bytes.extend_from_slice(&(part.len() as u64).to_le_bytes());
            bytes.extend_from_slice(part);
        }
        Self { hash: HASHER.hash_one(&bytes), bytes: bytes.into() }
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }
}

impl PartialEq for Domain {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash && (Arc::ptr_eq(&self.bytes, &other.bytes) || self.bytes == other.bytes)
    }
}

impl Eq for Domain {}

impl Hash for Domain {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

/// An entry's key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EntryKey {
    /// What it shares with others.
    pub domain: Domain,
    /// What tells it from them: the entity's key, in canonical text.
    pub key: Box<str>,
}

/// A key that is looked up, without a copy of it.
#[derive(Debug, Hash)]
pub(super) struct KeyRef<'a> {
    pub(super) domain: &'a Domain,
    pub(super) key: &'a str,
}

impl moka::Equivalent<EntryKey> for KeyRef<'_> {
    fn equivalent(&self, other: &EntryKey) -> bool {
        *self.domain == other.domain && *self.key == *other.key
    }
}
