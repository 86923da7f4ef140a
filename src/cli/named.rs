//! The files that a configuration names: have they changed since they were read?
//!
//! In: a configuration. Out: whether a key, a certificate or a token differs from what it was.
//!
//! Always true: nothing of what the files hold is kept, but a hash by a key of this process.

use crate::config::Config;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::path::{Path, PathBuf};

/// Files that a configuration names, as they were at some moment.
#[derive(Debug, Clone)]
pub(super) struct NamedFiles {
    hasher: RandomState,
    /// With their hashes; `None`: a file that cannot be read.
    files: Vec<(PathBuf, Option<u64>)>,
}

impl NamedFiles {
    /// Reads those of a configuration, whose relative paths begin at `base`.
    pub(super) fn read(config: &Config, base: &Path) -> Self {
        let hasher = RandomState::new();
        let paths = config.files().into_iter().map(|path| base.join(path));
        let read = |path: PathBuf| {
            let hash = hash(&hasher, &path);
            (path, hash)
        };
        let files = paths.map(read).collect();
        Self { hasher, files }
    }

    /// Do they hold what they held then?
    pub(super) fn are_unchanged(&self) -> bool {
        self.files.iter().all(|(path, before)| hash(&self.hasher, path) == *before)
    }
}

fn hash(hasher: &RandomState, path: &Path) -> Option<u64> {
    std::fs::read(path).ok().map(|bytes| hasher.hash_one(bytes))
}
