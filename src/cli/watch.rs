//! Watching folders for changes.

use anyhow::Context;
use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use std::path::Path;
use std::time::Duration;
use tokio::sync::mpsc::{Receiver, channel};

/// How long after a change the project is read again: editors and version control write several files at once.
const QUIET: Duration = Duration::from_millis(150);

/// A watch on some folders.
pub(super) struct Changes {
    changes: Receiver<()>,
    _watcher: RecommendedWatcher,
}

impl Changes {
    /// Watches folders; those that do not exist are left out. It reports a change at once, in case something changed
    /// between the first reading and the watch.
    pub(super) fn of<'p>(folders: impl IntoIterator<Item = (&'p Path, RecursiveMode)>) -> anyhow::Result<Self> {
        let (changed, changes) = channel(1);
        let _ = changed.try_send(());
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            if event.is_ok_and(|event| !event.kind.is_access()) {
                // A full queue already says that something has changed.
                let _ = changed.try_send(());
            }
        })
        .context("cannot watch files")?;
        for (folder, mode) in folders.into_iter().filter(|(folder, _)| folder.exists()) {
            watcher.watch(folder, mode).with_context(|| format!("cannot watch `{}`", folder.display()))?;
        }
        Ok(Self { changes, _watcher: watcher })
    }

    /// Waits until something has changed and it is quiet again; false when nothing can change any more.
    pub(super) async fn next(&mut self) -> bool {
        if self.changes.recv().await.is_none() {
            return false;
        }
        tokio::time::sleep(QUIET).await;
        // Changes until now are covered by the reading that follows; later ones stay in the queue.
        let _ = self.changes.try_recv();
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::timeout;

    #[tokio::test(start_paused = true)]
    async fn the_first_change_comes_by_itself_and_no_other() {
        let mut changes = Changes::of([]).expect("a watcher");
        assert!(changes.next().await);
        assert!(timeout(Duration::from_secs(3600), changes.next()).await.is_err());
    }
}
