//! Reloading a client while it is served: at SIGHUP, and when a watched file changes.
//!
//! Always true:
//! - schemas, configuration, keys and limits are replaced as one, between two requests;
//! - what cannot be loaded changes nothing: the log and the metrics say so, and what ran goes on;
//! - what only a start can change is named.

use super::load::{LoadError, Loaded, Origin};
use super::serve::ServeOptions;
use super::signals::reload_signal;
use super::watch::Changes;
use crate::engine::{Client, Writes};
use crate::http::Site;
use crate::observe::LogFormat;
use notify::RecursiveMode;
use std::path::Path;
use std::sync::Arc;
use tokio::signal::unix::Signal;

/// Reloads a client from now on.
pub(super) struct Reloading {
    client: Arc<Client>,
    options: Arc<ServeOptions>,
    writes: Writes,
    hangup: Signal,
    changes: Option<Changes>,
}

impl Reloading {
    /// Waits for SIGHUP and, if the options say so, for changes of a project's files. `writes` counts the unfinished writes of
    /// all engines.
    pub(super) fn begin(client: Client, options: Arc<ServeOptions>, writes: Writes) -> anyhow::Result<Self> {
        let changes = match &options.origin {
            Origin::Project(folder) if options.watch => Some(watch(folder, client.name())?),
            _ => None,
        };
        Ok(Self { client: Arc::new(client), options, writes, hangup: reload_signal()?, changes })
    }

    /// Replaces the server of `site` again and again.
    pub(super) async fn run(mut self, site: &Site) {
        loop {
            let is_asked = tokio::select! {
                Some(()) = self.hangup.recv() => true,
                () = changed(&mut self.changes) => false,
            };
            match self.options.origin.read(&self.client) {
                Ok(files) if is_asked || files != *self.client.files() => {
                    self.client = Arc::new(self.client.with_files(files));
                    self.load(site).await;
                }
                Ok(_) => {}
                Err(error) => refuse(site, self.client.name(), &LoadError::Other(error)),
            }
        }
    }

    /// Loads the client and puts its server into `site`.
    async fn load(&self, site: &Site) {
        let (client, options, writes) = (Arc::clone(&self.client), Arc::clone(&self.options), self.writes.clone());
        // Planning a large schema takes a while, in which connections are to be accepted.
        let loaded = tokio::task::spawn_blocking(move || Loaded::new(&client, &options, &writes)).await;
        let name = self.client.name();
        match loaded.unwrap_or_else(|panic| Err(panic.into())) {
            Ok(loaded) => {
                let before = site.now();
                let at_start = loaded.config.server.fixed_at_start(before.config());
                site.replace(loaded.server(Arc::clone(before.metrics())));
                before.metrics().count_reload(true);
                tracing::info!(client = name, "reloaded {name}");
                if !at_start.is_empty() {
                    tracing::warn!(options = at_start.join(", "), "takes effect at the next start only");
                }
            }
            Err(error) => refuse(site, name, &error),
        }
    }
}

/// Says that nothing was changed, and why.
fn refuse(site: &Site, client: &str, error: &LoadError) {
    let server = site.now();
    server.metrics().count_reload(false);
    if server.config().log == LogFormat::Text {
        eprint!("{}", error.drawn());
        tracing::error!(client, "not reloaded: what ran goes on");
    } else {
        tracing::error!(client, findings = error.lines(), "not reloaded: what ran goes on");
    }
}

/// Watches what a client of a project is made of.
fn watch(folder: &Path, client: &str) -> anyhow::Result<Changes> {
    let (schema, own) = (folder.join("schema"), folder.join(format!("bff-{client}")));
    Changes::of([
        (schema.as_path(), RecursiveMode::Recursive),
        (own.as_path(), RecursiveMode::NonRecursive),
        // For `bespoke.yaml`: a watch on the file itself would end when an editor replaces the file.
        (folder, RecursiveMode::NonRecursive),
    ])
}

/// Waits for a change; for ever, if nothing is watched or can change any more.
async fn changed(changes: &mut Option<Changes>) {
    if let Some(watched) = changes {
        if watched.next().await {
            return;
        }
        *changes = None;
    }
    std::future::pending().await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::{Exposition, Metrics};
    use crate::project::Files;
    use futures_util::FutureExt as _;

    #[tokio::test]
    async fn without_a_watch_nothing_is_read_unless_asked() {
        let project = Path::new("tests/fixtures/posts");
        let client = Client::new("web", Files::read(project).expect("a project"));
        // Who edits a file in place leaves half of it for a moment. That is not looked at, or it would be refused here.
        let origin = Origin::Project(project.join("nowhere"));
        let options = ServeOptions { base: project.to_owned(), configure: Box::new(|_| {}), origin, watch: false };
        let metrics = Arc::new(Metrics::new());
        let writes = Writes::default();
        let loaded = Loaded::new(&client, &options, &writes).map_err(|error| error.lines()).expect("it loads");
        let site = Site::new(Arc::new(loaded.server(Arc::clone(&metrics))));
        let reloading = Reloading::begin(client, Arc::new(options), writes).expect("signals");
        assert!(reloading.run(&site).now_or_never().is_none(), "it waits");
        let page = metrics.encode(&[], 0, Exposition::OpenMetrics);
        assert!(!page.contains("bespoke_reloads_total{"), "{page}");
    }
}
