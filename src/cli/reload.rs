//! Reloading a client while it is served: at SIGHUP, and when a watched file changes.
//!
//! Always true:
//! - schemas, configuration, keys and limits are replaced as one, between two requests;
//! - a reload that fails, or takes longer than [`LONGEST`], changes nothing: the log and the metrics say so, and the old
//!   version goes on running;
//! - in production, a reload without a change replaces nothing, so that no stream ends without a reason;
//! - options that take effect only at the next start are named in the log.

use super::load::{LoadError, LoadedClient, Origin};
use super::named::NamedFiles;
use super::serve::ServeOptions;
use super::signals::reload_signal;
use super::watch::Changes;
use crate::config::LogFormat;
use crate::config::Mode;
use crate::engine::{Client, Writes};
use crate::http::Site;
use crate::observe::ReloadOutcome;
use crate::project::Files;
use anyhow::anyhow;
use notify::RecursiveMode;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::Signal;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

/// Longest time to read the files and to make a server of them. A file may be on a mount that does not answer.
const LONGEST: Duration = Duration::from_secs(60);

/// Reloads a client from now on.
pub(super) struct Reloader {
    /// What runs.
    client: Arc<Client>,
    /// The files that its configuration names, as they were when it was loaded.
    named: Arc<NamedFiles>,
    /// What was refused since.
    refused: Option<Arc<Files>>,
    options: Arc<ServeOptions>,
    writes: Writes,
    hangup: Signal,
    changes: Option<Changes>,
}

/// The outcome of reading everything again.
enum Outcome {
    /// The same as what runs.
    Unchanged,
    /// The same as what was refused before, and nobody has asked again.
    RefusedBefore,
    LoadedClient(Client, Box<LoadedClient>),
    /// With the files, if they could be read.
    Refused(Option<Files>, LoadError),
}

impl Reloader {
    /// Waits for SIGHUP and, if the options say so, for changes of a project's files. `client` and `named` are what runs;
    /// `writes` counts the unfinished writes of all engines.
    pub(super) fn begin(
        client: Client,
        options: Arc<ServeOptions>,
        named: NamedFiles,
        writes: Writes,
    ) -> anyhow::Result<Self> {
        let changes = match &options.origin {
            Origin::Project(folder) if options.watch => Some(watch(folder, client.name())?),
            _ => None,
        };
        let (client, named) = (Arc::new(client), Arc::new(named));
        Ok(Self { client, named, refused: None, options, writes, hangup: reload_signal()?, changes })
    }

    /// Replaces the server of `site` again and again.
    pub(super) async fn run(mut self, site: &Site) {
        loop {
            let is_asked = tokio::select! {
                Some(()) = self.hangup.recv() => true,
                () = changed(&mut self.changes) => false,
            };
            match self.again(is_asked, site.now().config().mode).await {
                Outcome::Unchanged => {
                    if self.refused.take().is_some() || is_asked {
                        site.now().metrics().count_reload(ReloadOutcome::Unchanged);
                        tracing::info!(
                            client = self.client.name(),
                            "nothing has changed: the running version stays in use"
                        );
                    }
                }
                Outcome::RefusedBefore => {}
                Outcome::LoadedClient(client, loaded) => {
                    (self.client, self.named) = (Arc::new(client), Arc::new(loaded.named.clone()));
                    self.refused = None;
                    replace(site, self.client.name(), *loaded);
                }
                Outcome::Refused(files, error) => {
                    self.refused = files.map(Arc::new).or(self.refused);
                    refuse(site, self.client.name(), &error);
                }
            }
        }
    }

    /// Reads everything again, on a thread of its own: planning a large schema takes a while, in which connections are to
    /// be accepted.
    async fn again(&self, is_asked: bool, mode: Mode) -> Outcome {
        let (client, options, writes) = (Arc::clone(&self.client), Arc::clone(&self.options), self.writes.clone());
        let (named, refused) = (Arc::clone(&self.named), self.refused.clone());
        let work = spawn_blocking(move || {
            let files = match options.origin.read(&client) {
                Ok(files) => files,
                Err(error) => return Outcome::Refused(None, LoadError::Other(error)),
            };
            // GraphiQL's files, which are shown in development, are not compared.
            let is_forced = is_asked && mode.is_development();
            if !is_forced && files == *client.files() && named.are_unchanged() {
                return Outcome::Unchanged;
            }
            if !is_asked && refused.is_some_and(|refused| *refused == files) {
                return Outcome::RefusedBefore;
            }
            let client = client.with_files(files);
            match LoadedClient::new(&client, &options, &writes) {
                Ok(loaded) => Outcome::LoadedClient(client, Box::new(loaded)),
                Err(error) => Outcome::Refused(Some(client.files().clone()), error),
            }
        });
        match timeout(LONGEST, work).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(panic)) => Outcome::Refused(None, panic.into()),
            Err(_) => Outcome::Refused(None, anyhow!("the files were not read within {LONGEST:?}").into()),
        }
    }
}

/// Replaces what runs by what was loaded.
fn replace(site: &Site, client: &str, loaded: LoadedClient) {
    let before = site.now();
    let at_start = loaded.config.server.fixed_at_start(before.config());
    site.replace(loaded.server(Arc::clone(before.metrics())));
    before.metrics().count_reload(ReloadOutcome::Done);
    tracing::info!(client, "reloaded {client}");
    if !at_start.is_empty() {
        tracing::warn!(options = at_start.join(", "), "takes effect at the next start only");
    }
}

/// Reports that nothing was changed, and why.
fn refuse(site: &Site, client: &str, error: &LoadError) {
    let server = site.now();
    server.metrics().count_reload(ReloadOutcome::Refused);
    if server.config().log == LogFormat::Text {
        eprint!("{}", error.drawn());
        tracing::error!(client, "not reloaded: the running version stays in use");
    } else {
        tracing::error!(client, findings = error.lines(), "not reloaded: the running version stays in use");
    }
}

/// Watches the folders that hold a project's files.
fn watch(folder: &Path, client: &str) -> anyhow::Result<Changes> {
    let (schema, own) = (folder.join("schema"), folder.join(format!("bff-{client}")));
    Changes::of([
        (schema.as_path(), RecursiveMode::Recursive),
        (own.as_path(), RecursiveMode::NonRecursive),
        // For `bespoke.yaml`: a watch on the file itself would end when an editor replaces the file.
        (folder, RecursiveMode::NonRecursive),
    ])
}

/// Waits for a change. It waits for ever if nothing is watched, or if nothing can change any more.
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
    use crate::report::WriteReport;
    use futures_util::FutureExt as _;

    #[tokio::test]
    async fn without_a_watch_nothing_is_read_unless_asked() {
        let project = Path::new("tests/fixtures/posts");
        let client = Client::new("web", Files::read(project).expect("a project"));
        // An editor that writes a file in place leaves half of it for a moment, which would be refused.
        let origin = Origin::Project(project.join("nowhere"));
        let options = ServeOptions { base: project.to_owned(), configure: Box::new(|_| {}), origin, watch: false };
        let metrics = Arc::new(Metrics::new());
        let writes = Writes::default();
        let loaded = LoadedClient::new(&client, &options, &writes).map_err(|error| error.lines()).expect("it loads");
        let named = loaded.named.clone();
        let site = Site::new(Arc::new(loaded.server(Arc::clone(&metrics))));
        let reloading = Reloader::begin(client, Arc::new(options), named, writes).expect("signals");
        assert!(reloading.run(&site).now_or_never().is_none(), "it waits");
        let page = metrics.encode(&[], WriteReport::default(), 0, Exposition::OpenMetrics);
        assert!(!page.contains("bespoke_reloads_total{"), "{page}");
    }
}
