//! The files that a configuration names, to find out whether they have changed since they were read.
//!
//! In: a configuration. Out: whether a key, a certificate or a token has changed.
//!
//! Always true: of what the files hold, only a hash is kept, with a key of this process.

use crate::config::Config;
use crate::file::read_file;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::path::{Path, PathBuf};

/// Files that a configuration names, as they were at some moment.
#[derive(Debug, Clone)]
pub(super) struct NamedFiles {
    hasher: RandomState,
    /// The hash of each file; `None` for a file that cannot be read.
    files: Vec<(PathBuf, Option<u64>)>,
}

impl NamedFiles {
    /// Reads the files of a configuration, whose relative paths begin at `base`.
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

    /// Whether the files still hold what they held when they were read.
    pub(super) fn are_unchanged(&self) -> bool {
        self.files.iter().all(|(path, before)| hash(&self.hasher, path) == *before)
    }
}

fn hash(hasher: &RandomState, path: &Path) -> Option<u64> {
    read_file(path).ok().map(|bytes| hasher.hash_one(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::JwtConfig;
    use std::time::Duration;

    #[test]
    fn a_key_that_is_replaced_or_gone_is_a_change() {
        let folder = std::env::temp_dir().join(format!("bespoke-named-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let write = |text: &str| std::fs::write(folder.join("key.pem"), text).expect("a file");
        let mut config = Config::default();
        let (issuer, audience) = ("i".to_owned(), "a".to_owned());
        config.auth.jwt =
            Some(JwtConfig { public_key_file: "key.pem".into(), issuer, audience, leeway: Duration::ZERO });
        write("one");
        let named = NamedFiles::read(&config, &folder);
        assert!(named.are_unchanged());
        write("two");
        assert!(!named.are_unchanged());
        write("one");
        assert!(named.are_unchanged(), "written again, and the same");
        std::fs::remove_dir_all(&folder).expect("the folder");
        assert!(!named.are_unchanged(), "gone");
        assert!(NamedFiles::read(&Config::default(), &folder).are_unchanged(), "none is named");
    }
}
