//! Serving a client: engine, listener, reload, signals.

use super::args::{ClientCli, ServeArgs};
use super::commands::{client_of, draw_findings, environment};
use crate::config::{Config, Mode};
use crate::diagnostic::{DrawStyle, draw};
use crate::engine::{Client, Engine, EngineError, EngineOptions};
use crate::http::{Playground, ServeLimits, Server, router, serve as serve_http};
use crate::observe::{self, Metrics};
use crate::policy::JwtVerifier;
use crate::project::{Files, config_path};
use anyhow::{Context, bail};
use notify::{RecursiveMode, Watcher};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// How long a watched folder must be quiet before it is read again.
const QUIET: Duration = Duration::from_millis(150);

/// Changes a configuration after it was read.
pub type Configure = dyn Fn(&mut Config) + Send + Sync;

/// How a client is served.
pub struct ServeOptions {
    /// The folder that paths of the configuration are relative to.
    pub base: PathBuf,
    /// What the program changes of the configuration.
    pub configure: Box<Configure>,
    /// A project's folder to watch.
    pub watch: Option<PathBuf>,
}

impl std::fmt::Debug for ServeOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServeOptions").field("base", &self.base).field("watch", &self.watch).finish_non_exhaustive()
    }
}

/// `bespoke serve`.
pub(super) fn serve(args: &ServeArgs) -> anyhow::Result<ExitCode> {
    let folder = &args.client.project.project;
    let files = Files::read(folder)?;
    let name = client_of(&files, &args.client.client)?;
    let config = config_path(&files, &name).map(|path| folder.join(path));
    let options = ServeOptions {
        base: config.as_deref().and_then(Path::parent).unwrap_or(folder).to_owned(),
        configure: overrides(args.port, args.dev),
        watch: args.watch.then(|| folder.clone()),
    };
    serve_client(Client::new(name, files), options)
}

/// A client's own program.
pub(super) fn run_client(mut client: Client, args: ClientCli) -> anyhow::Result<ExitCode> {
    let mut base = std::env::current_dir().context("the current folder cannot be read")?;
    if let Some(file) = &args.config {
        let text = std::fs::read_to_string(file).with_context(|| format!("cannot read `{}`", file.display()))?;
        let name = format!("bff-{}/bff.yaml", client.name());
        client.files_mut().insert(name, text);
        if let Some(folder) = file.parent() {
            base = base.join(folder);
        }
    }
    if args.print_schema {
        let assembled = client.assemble(&environment);
        let Some(view) = &assembled.view else { return draw_findings(&assembled) };
        return super::commands::print(&view.sdl()).map(|()| ExitCode::SUCCESS);
    }
    let options = ServeOptions { base, configure: overrides(args.port, args.dev), watch: None };
    serve_client(client, options)
}

/// What the command line changes of a configuration.
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

/// Serves a client until SIGINT or SIGTERM. Says on standard output where, once it listens.
///
/// # Errors
/// When the files hold errors (they are drawn), or the port is taken, or a file of the configuration cannot be read.
pub fn serve_client(client: Client, options: ServeOptions) -> anyhow::Result<ExitCode> {
    let mut assembled = client.assemble(&environment);
    if let Some(config) = &mut assembled.config {
        (options.configure)(config);
    }
    let Some(config) = assembled.config.clone() else { return draw_findings(&assembled) };
    let engine = match client.engine(assembled, &EngineOptions::default()) {
        Ok(engine) => engine,
        Err(EngineError::Findings(assembled)) => return draw_findings(&assembled),
        Err(error) => return Err(error.into()),
    };
    // A second initialisation in one process is no harm: the first one stands.
    let _ = observe::init(config.server.log);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start the runtime")?;
    runtime.block_on(run(client, engine, config, options))
}

async fn run(client: Client, engine: Engine, config: Config, options: ServeOptions) -> anyhow::Result<ExitCode> {
    let address = SocketAddr::new(config.server.host, config.server.port);
    let listener = match TcpListener::bind(address).await {
        Ok(listener) => listener,
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
            bail!("port {} is taken; choose another with --port", address.port())
        }
        Err(error) => return Err(error).with_context(|| format!("cannot listen on {address}")),
    };
    let mut server = Server::new(config.server.clone(), Arc::new(engine), Arc::new(Metrics::new()));
    if let Some(jwt) = &config.auth.jwt {
        let file = options.base.join(&jwt.public_key_file);
        let pem = std::fs::read(&file).with_context(|| format!("cannot read the key `{}`", file.display()))?;
        server = server.verify_callers(JwtVerifier::new(jwt, &pem)?);
    }
    if config.server.mode.is_development() {
        server = server.with_playground(Playground::load(&config.playground, &options.base, client.name())?);
    }
    let server = Arc::new(server);
    announce(&client, &listener, &config)?;
    let limits = ServeLimits::from(&config.server);
    let shutdown = stop_signal()?;
    let routes = router(Arc::clone(&server));
    match &options.watch {
        None => serve_http(listener, routes, shutdown, limits).await,
        Some(folder) => {
            let reload = reload_on_change(folder, client.name(), &server, &options.configure);
            tokio::select! {
                () = serve_http(listener, routes, shutdown, limits) => {}
                result = reload => result?,
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn announce(client: &Client, listener: &TcpListener, config: &Config) -> anyhow::Result<()> {
    use std::io::Write;
    let address = listener.local_addr().context("the listener has no address")?;
    let graphiql =
        if config.server.mode.is_development() { format!(", GraphiQL at http://{address}/") } else { String::new() };
    let line = format!("{} listens at http://{address}/graphql{graphiql}\n", client.name());
    let mut out = std::io::stdout();
    let _ = out.write_all(line.as_bytes()).and_then(|()| out.flush());
    Ok(())
}

fn stop_signal() -> anyhow::Result<impl Future<Output = ()> + Send> {
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot wait for SIGINT")?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot wait for SIGTERM")?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Reloads the engine when the project's files change. What cannot be loaded is drawn, and what ran goes on.
async fn reload_on_change(folder: &Path, name: &str, server: &Server, configure: &Configure) -> anyhow::Result<()> {
    let (changed, mut changes) = tokio::sync::mpsc::channel(1);
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        if event.is_ok_and(|event| !event.kind.is_access()) {
            // A full queue already says that something has changed.
            let _ = changed.try_send(());
        }
    })
    .context("cannot watch files")?;
    for part in ["schema", "bespoke.yaml", &format!("bff-{name}")] {
        let path = folder.join(part);
        if path.exists() {
            watcher
                .watch(&path, RecursiveMode::Recursive)
                .with_context(|| format!("cannot watch `{}`", path.display()))?;
        }
    }
    let mut before = Files::read(folder).ok();
    while changes.recv().await.is_some() {
        tokio::time::sleep(QUIET).await;
        let _ = changes.try_recv();
        let files = match Files::read(folder) {
            Ok(files) => files,
            Err(error) => {
                eprintln!("not reloaded: {error}");
                continue;
            }
        };
        if before.as_ref() == Some(&files) {
            continue;
        }
        before = Some(files.clone());
        reload(name, files, server, configure);
    }
    Ok(())
}

fn reload(name: &str, files: Files, server: &Server, configure: &Configure) {
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
        Err(error) => eprintln!("not reloaded: {error}; what ran goes on"),
    }
}
