//! Keys of entries: a domain, which many entries share, and the key of an entity in it.

use crate::prefixed;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, LazyLock};

/// Everything in a request that can change its answer, except the key of the entity: source, way, arguments, credential
/// scope and document. It holds the inputs themselves, so equal domains mean equal inputs. It is hashed once, and not
/// once for each of its keys.
#[derive(Clone)]
pub struct Domain {
    hash: u64,
    bytes: Arc<[u8]>,
    is_public: bool,
}

impl std::fmt::Debug for Domain {
    /// Leaves out the bytes, because they contain the caller's credentials.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Domain").field("hash", &self.hash).finish_non_exhaustive()
    }
}

/// The hasher has a random seed, so nobody outside can search for domains that collide.
static HASHER: LazyLock<ahash::RandomState> = LazyLock::new(ahash::RandomState::new);

impl Domain {
    /// A domain made of these parts. Each part has its length before it, so that no two lists of parts give the same
    /// bytes. `is_public` says whether its entries are for all callers, so that they may leave the process.
    #[must_use]
    pub fn of(parts: &[&[u8]], is_public: bool) -> Self {
        let mut bytes = Vec::with_capacity(parts.iter().map(|part| part.len() + 8).sum());
        prefixed::push(&mut bytes, parts);
        Self { hash: HASHER.hash_one(&bytes), bytes: bytes.into(), is_public }
    }

    /// Whether its entries are for everybody.
    #[must_use]
    pub fn is_public(&self) -> bool {
        self.is_public
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
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

/// The key of an entry.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EntryKey {
    /// The domain, which the entry shares with others.
    pub domain: Domain,
    /// The key of the entity in that domain, as canonical text.
    pub key: Box<str>,
}

/// A borrowed key for a look-up, so that the key is not copied.
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
