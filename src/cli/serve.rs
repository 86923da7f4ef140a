//! Serving a client: listeners, signals and the end of the process.
//!
//! The workers serve the public port. The admin port is served by the thread that accepts connections and waits for
//! signals: health and metrics are answered while all workers are busy, and up to the end of the process.
//!
//! Elsewhere: what is served ([`super::load`]); replacing it ([`super::reload`]).
//!
//! A stop ([`super::stopping`] has its times) begins with `/readyz`: it answers 503 while all other requests are still
//! answered, for as long as load balancers need to notice. Then no new connections are accepted, streams end so that
//! their clients reconnect elsewhere, and requests in flight and unattended writes are finished. Whatever has not ended
//! at the end of the grace period is cut off.

use super::args::{ClientCli, ServeArgs};
use super::commands::{base_of, client_of, draw_findings, environment};
use super::load::{LoadError, LoadedClient, Origin};
use super::reload::Reloader;
use super::stopping::{self, StopNotice};
use crate::config::{Config, Mode, ServerConfig};
use crate::engine::{Client, Writes};
use crate::http::{ServeLimits, Site, Workers, admin_router, router, serve, serve_by};
use crate::observe::{self, Metrics};
use crate::project::{Files, config_path};
use anyhow::{Context, anyhow};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::time::{Instant, timeout_at};

/// Most open connections on the admin port, which a few probes and readers of metrics use.
const ADMIN_CONNECTIONS: u32 = 64;

/// A change of a configuration after it was read.
pub type Configure = dyn Fn(&mut Config) + Send + Sync;

/// Options for serving a client.
pub struct ServeOptions {
    /// The folder that paths of the configuration are relative to.
    pub base: PathBuf,
    /// The program's changes of the configuration.
    pub configure: Box<Configure>,
    /// The place that the client's files are read from at SIGHUP.
    pub origin: Origin,
    /// Whether the files are also read again when one of them changes.
    pub watch: bool,
}

impl std::fmt::Debug for ServeOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServeOptions").field("base", &self.base).field("origin", &self.origin).finish_non_exhaustive()
    }
}

/// Runs `bespoke serve`.
pub(super) fn serve_project(args: &ServeArgs) -> anyhow::Result<ExitCode> {
    let folder = &args.client.project.project;
    let files = Files::read(folder)?;
    let name = client_of(&files, &args.client.client)?;
    let options = ServeOptions {
        base: base_of(folder, config_path(&files, &name).as_deref()),
        configure: overrides(args.port, args.dev),
        origin: Origin::Project(folder.clone()),
        watch: args.watch,
    };
    serve_client(Client::new(name, files), options)
}

/// Runs a client's own program.
pub(super) fn run_client(client: Client, args: ClientCli) -> anyhow::Result<ExitCode> {
    let mut base = std::env::current_dir().context("cannot read the current folder")?;
    // In the project's folder the built-in configuration is a file, and its paths are relative to it.
    let own = base.join(format!("bff-{}", client.name()));
    if args.config.is_none() && own.join("bff.yaml").is_file() {
        base = own;
    }
    let origin = match args.config {
        Some(file) => {
            if let Some(folder) = file.parent() {
                base = base.join(folder);
            }
            Origin::Configuration(file)
        }
        None => Origin::Program,
    };
    let files = origin.read(&client)?;
    let client = client.with_files(files);
    if args.print_schema {
        let assembled = client.assemble(&environment);
        let Some(view) = &assembled.view else { return draw_findings(&assembled) };
        return super::commands::print(&view.sdl()).map(|()| ExitCode::SUCCESS);
    }
    let options = ServeOptions { base, configure: overrides(args.port, args.dev), origin, watch: false };
    serve_client(client, options)
}

/// The changes that the command line makes to a configuration.
fn overrides(port: Option<u16>, dev: bool) -> Box<Configure> {
    Box::new(move |config| {
        if let Some(port) = port {
            config.server.port = port;
        }
        if dev {
            config.server.mode = Mode::Development;
        }
    })
}

/// Serves a client until SIGINT or SIGTERM, and prints its address to standard output once it listens.
///
/// # Errors
/// When the files hold errors (they are drawn), or the port is taken, or a file of the configuration cannot be read.
pub fn serve_client(client: Client, options: ServeOptions) -> anyhow::Result<ExitCode> {
    let writes = Writes::default();
    let loaded = match LoadedClient::new(&client, &options, &writes) {
        Ok(loaded) => loaded,
        Err(LoadError::Findings(assembled)) => return draw_findings(&assembled),
        Err(LoadError::Other(error)) => return Err(error),
    };
    // A second initialisation in one process is no harm: the first one stands. What was logged is written at the end.
    let _log = observe::init(loaded.config.server.log);
    let workers = Workers::for_each_processor().context("cannot start the workers")?;
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start the runtime")?;
    let ended = runtime.block_on(run(client, loaded, options, writes, &workers));
    // Reading a file for a reload may never end.
    runtime.shutdown_background();
    ended
}

async fn run(
    client: Client,
    loaded: LoadedClient,
    options: ServeOptions,
    writes: Writes,
    workers: &Workers,
) -> anyhow::Result<ExitCode> {
    let name = client.name().to_owned();
    let config = loaded.config.server.clone();
    let metrics = Arc::new(Metrics::new());
    metrics.count_tasks_of(workers.runtimes().chain([Handle::current()]));
    let named = loaded.named.clone();
    let site = Site::new(Arc::new(loaded.server(metrics)));
    // This comes before the listeners: a signal that arrived without a handler would kill the process.
    let stopping = StopNotice::watch(site.clone()).await?;
    let reloading = Reloader::begin(client, Arc::new(options), named, writes.clone())?;
    let listener = listen(&config).await?;
    let admin = listen_for_admin(&config).await?;
    announce(&name, &listener, admin.as_ref(), &config)?;
    let limits = ServeLimits::from(&config);
    let served = async {
        let cut_off = serve_by(workers, listener, router(site.clone()), refusal(&site, stopping.clone()), limits).await;
        let is_finished = finished(&site, &writes, stopping).await;
        stopping::status(cut_off > 0 || !is_finished)
    };
    let administered = async {
        match admin {
            Some(admin) => {
                let limits = ServeLimits { max_connections: ADMIN_CONNECTIONS };
                serve(admin, admin_router(site.clone()), std::future::pending(), limits).await;
            }
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        status = served => Ok(status),
        () = administered => Ok(ExitCode::FAILURE),
        () = reloading.run(&site) => Ok(ExitCode::FAILURE),
    }
}

/// Waits until nothing new is to be accepted, and tells the streams to end. Returns when what is under way is cut off.
async fn refusal(site: &Site, mut stopping: StopNotice) -> Instant {
    let timetable = stopping.wait().await;
    tokio::time::sleep_until(timetable.refusal).await;
    site.now().end_streams(timetable.stream_drain, timetable.cut_off);
    timetable.cut_off
}

/// Waits, once no connection is left, for WebSockets and for writes that nobody waits for. False: some were cut off.
async fn finished(site: &Site, writes: &Writes, mut stopping: StopNotice) -> bool {
    let cut_off = stopping.wait().await.cut_off;
    let are_closed = timeout_at(cut_off, site.now().sockets_closed()).await.is_ok();
    let are_over = timeout_at(cut_off, writes.finished()).await.is_ok();
    if !are_over {
        tracing::warn!(writes = writes.unattended(), "unfinished writes at the end of the grace period");
    }
    are_closed && are_over
}

/// Listens on the public address of the configuration.
pub(super) async fn listen(config: &ServerConfig) -> anyhow::Result<TcpListener> {
    listen_at(SocketAddr::new(config.host, config.port), |port| {
        format!("port {port} is taken; choose another with --port")
    })
    .await
}

/// Listens on the admin port, if the configuration has one.
async fn listen_for_admin(config: &ServerConfig) -> anyhow::Result<Option<TcpListener>> {
    let Some(address) = config.admin_address() else { return Ok(None) };
    let taken = |port| {
        format!(
            "port {port}, for health and metrics, is taken; choose another with `server.admin_port`, or `null` for none"
        )
    };
    listen_at(address, taken).await.map(Some)
}

async fn listen_at(address: SocketAddr, taken: impl FnOnce(u16) -> String) -> anyhow::Result<TcpListener> {
    match TcpListener::bind(address).await {
        Ok(listener) => Ok(listener),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => Err(anyhow!(taken(address.port()))),
        Err(error) => Err(error).with_context(|| format!("cannot listen on {address}")),
    }
}

/// The line that says where `name` listens.
pub(super) fn announce(
    name: &str,
    listener: &TcpListener,
    admin: Option<&TcpListener>,
    config: &ServerConfig,
) -> anyhow::Result<()> {
    use std::io::Write;
    let address = listener.local_addr().context("the listener has no address")?;
    let mut line = format!("{name} listens at http://{address}/graphql");
    if config.mode.is_development() {
        line += &format!(", GraphiQL at http://{address}/");
    }
    if let Some(admin) = admin {
        let address = admin.local_addr().context("the admin listener has no address")?;
        line += &format!(", health and metrics at http://{address}/");
    }
    line.push('\n');
    let mut out = std::io::stdout();
    let _ = out.write_all(line.as_bytes()).and_then(|()| out.flush());
    Ok(())
}
