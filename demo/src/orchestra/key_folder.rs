//! A private folder for the public key, which exists for as long as the shop runs.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};

/// A new folder below the system's folder for temporary files. Dropping the value removes the folder.
#[derive(Debug)]
pub(super) struct KeyFolder {
    folder: PathBuf,
    file: PathBuf,
}

impl KeyFolder {
    /// Writes `public_pem` into a new folder that only this user can enter.
    ///
    /// # Errors
    /// When the folder or the file cannot be made.
    pub(super) fn create(public_pem: &str) -> anyhow::Result<Self> {
        let mut suffix = [0; 8];
        getrandom::fill(&mut suffix).map_err(|error| anyhow!("no randomness for a folder's name: {error}"))?;
        let folder = std::env::temp_dir().join(format!("bespoke-demo-{:016x}", u64::from_ne_bytes(suffix)));
        // Unlike `create_dir_all`, this call fails if somebody else has made the folder.
        let made = DirBuilder::new().mode(0o700).create(&folder);
        made.with_context(|| format!("cannot make the folder {}", folder.display()))?;
        // From here on, `Drop` removes the folder, even if the file cannot be written.
        let this = Self { file: folder.join("jwt.pub.pem"), folder };
        fs::write(&this.file, public_pem).with_context(|| format!("cannot write {}", this.file.display()))?;
        Ok(this)
    }

    /// The PEM file of the public key.
    pub(super) fn file(&self) -> &Path {
        &self.file
    }
}

impl Drop for KeyFolder {
    fn drop(&mut self) {
        // The key is public, so a folder that cannot be removed needs no error message at the end.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn only_this_user_can_enter_and_nothing_is_left() {
        let folder = KeyFolder::create("text").unwrap();
        assert_eq!(fs::read_to_string(folder.file()).unwrap(), "text");
        let path = folder.file().parent().unwrap().to_owned();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        drop(folder);
        assert!(!path.exists());
    }
}
