//! Reloading a project when its files change.
//!
//! Always true: what cannot be loaded is drawn, and what ran goes on.

use super::commands::environment;
use super::serve::{Configure, explained};
use crate::diagnostic::{DrawStyle, draw};
use crate::engine::{Client, EngineError, EngineOptions};
use crate::http::Server;
use crate::project::Files;
use anyhow::Context;
use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::{Receiver, channel};

/// How long after a change the project is read again: editors and version control write several files at once.
const QUIET: Duration = Duration::from_millis(150);

/// Folders that are watched from now on.
pub(super) struct Changes {
    changes: Receiver<()>,
    _watcher: RecommendedWatcher,
}

impl Changes {
    /// Watches folders; those that do not exist are left out.
    pub(super) fn of<'p>(folders: impl IntoIterator<Item = (&'p Path, RecursiveMode)>) -> anyhow::Result<Self> {
        let (changed, changes) = channel(1);
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
        // What came meanwhile is read now; what comes during the reading stays in the queue.
        let _ = self.changes.try_recv();
        true
    }
}

/// A project's folder, watched from now on.
pub(super) struct Watched {
    folder: PathBuf,
    changes: Changes,
}

impl Watched {
    /// Watches what a client of the project is made of.
    pub(super) fn new(folder: PathBuf, client: &str) -> anyhow::Result<Self> {
        let (schema, own) = (folder.join("schema"), folder.join(format!("bff-{client}")));
        let changes = Changes::of([
            (schema.as_path(), RecursiveMode::Recursive),
            (own.as_path(), RecursiveMode::NonRecursive),
            // For `bespoke.yaml`: a watch on the file itself would end when an editor replaces the file.
            (folder.as_path(), RecursiveMode::NonRecursive),
        ])?;
        Ok(Self { folder, changes })
    }

    /// Puts a new engine into `server` whenever the files differ from the last ones that were read; first, from those
    /// of `client`.
    pub(super) async fn reload(mut self, client: &Client, server: &Server, configure: &Configure) {
        let mut before = client.files().clone();
        loop {
            match Files::read(&self.folder) {
                Ok(files) if files != before => {
                    load(client.name(), files.clone(), server, configure);
                    before = files;
                }
                Ok(_) => {}
                Err(error) => eprintln!("not reloaded: {error}"),
            }
            if !self.changes.next().await {
                return;
            }
        }
    }
}

/// Loads a client again.
fn load(name: &str, files: Files, server: &Server, configure: &Configure) {
    let client = Client::new(name, files);
    let mut assembled = client.assemble(&environment);
    if let Some(config) = &mut assembled.config {
        configure(config);
    }
    match client.engine(assembled, &EngineOptions::default()) {
        Ok(engine) => {
            server.swap_engine(Arc::new(engine));
            eprintln!("reloaded {name}");
        }
        Err(EngineError::Findings(assembled)) => {
            eprint!("{}", draw(&assembled.findings, &assembled.sources, DrawStyle::Plain));
            eprintln!("not reloaded: what ran goes on");
        }
        Err(error) => eprintln!("not reloaded: {:#}; what ran goes on", explained(error, name)),
    }
}
