//! Serving a client: engine, listener, signals.
//!
//! Elsewhere: reloading when files change (`watch`).

use super::args::{ClientCli, ServeArgs};
use super::commands::{client_of, draw_findings, environment};
use super::watch::Watched;
use crate::config::{Config, Mode, ServerConfig};
use crate::engine::{Client, Engine, EngineError, EngineOptions};
use crate::http::{Playground, ServeLimits, Server, Workers, router, serve_by};
use crate::observe::{self, Metrics};
use crate::policy::JwtVerifier;
use crate::project::{Files, config_path};
use anyhow::{Context, anyhow, bail};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

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
    // In the project's folder the built-in configuration is a file, and its paths are relative to it.
    let own = base.join(format!("bff-{}", client.name()));
    if args.config.is_none() && own.join("bff.yaml").is_file() {
        base = own;
    }
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
    let engine =
        match client.engine(assembled, &EngineOptions { base: options.base.clone(), ..EngineOptions::default() }) {
            Ok(engine) => engine,
            Err(EngineError::Findings(assembled)) => return draw_findings(&assembled),
            Err(error) => return Err(explained(error, client.name())),
        };
    // A second initialisation in one process is no harm: the first one stands. What was logged is written at the end.
    let _log = observe::init(config.server.log);
    let workers = Workers::for_each_processor().context("cannot start the workers")?;
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start the runtime")?;
    runtime.block_on(run(client, engine, config, options, &workers))
}

/// An engine's error, with what to do about it.
pub(super) fn explained(error: EngineError, client: &str) -> anyhow::Error {
    match error {
        EngineError::NoCode(source) => anyhow!(
            "`{client}` has fields that are Rust code (`bff-{client}/{source}.graphql`), and this program serves \
             projects without any: run the client's own program, `cargo run -p bff-{client}`"
        ),
        other => other.into(),
    }
}

async fn run(
    client: Client,
    engine: Engine,
    config: Config,
    options: ServeOptions,
    workers: &Workers,
) -> anyhow::Result<ExitCode> {
    // Before anybody can know that this process runs: a signal that nobody waits for would kill it.
    let shutdown = stop_signal()?;
    let listener = listen(&config.server).await?;
    let mut server = Server::new(config.server.clone(), Arc::new(engine), Arc::new(Metrics::new()));
    if let Some(jwt) = &config.auth.jwt {
        let file = options.base.join(&jwt.public_key_file);
        let pem = std::fs::read(&file)
            .with_context(|| format!("cannot read the key `{}` (`auth.jwt.public_key_file`)", file.display()))?;
        server = server.verify_callers(JwtVerifier::new(jwt, &pem)?);
    }
    if config.server.mode.is_development() {
        server = server.with_playground(Playground::load(&config.playground, &options.base, client.name())?);
    }
    let server = Arc::new(server);
    let watched = options.watch.map(|folder| Watched::new(folder, client.name())).transpose()?;
    announce(client.name(), &listener, &config.server)?;
    let limits = ServeLimits::from(&config.server);
    let stop = async {
        shutdown.await;
        server.end_streams();
    };
    let served = serve_by(workers, listener, router(Arc::clone(&server)), stop, limits);
    match watched {
        None => served.await,
        Some(watched) => tokio::select! {
            () = served => {}
            () = watched.reload(&client, &server, &options.configure) => {}
        },
    }
    let _ = tokio::time::timeout(limits.grace, server.sockets_closed()).await;
    Ok(ExitCode::SUCCESS)
}

/// Listens where the configuration says.
pub(super) async fn listen(config: &ServerConfig) -> anyhow::Result<TcpListener> {
    let address = SocketAddr::new(config.host, config.port);
    match TcpListener::bind(address).await {
        Ok(listener) => Ok(listener),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
            bail!("port {} is taken; choose another with --port", address.port())
        }
        Err(error) => Err(error).with_context(|| format!("cannot listen on {address}")),
    }
}

/// Says where `name` listens.
pub(super) fn announce(name: &str, listener: &TcpListener, config: &ServerConfig) -> anyhow::Result<()> {
    use std::io::Write;
    let address = listener.local_addr().context("the listener has no address")?;
    let graphiql =
        if config.mode.is_development() { format!(", GraphiQL at http://{address}/") } else { String::new() };
    let line = format!("{name} listens at http://{address}/graphql{graphiql}\n");
    let mut out = std::io::stdout();
    let _ = out.write_all(line.as_bytes()).and_then(|()| out.flush());
    Ok(())
}

/// Ready at SIGINT and SIGTERM, which do nothing else from now on.
pub(super) fn stop_signal() -> anyhow::Result<impl Future<Output = ()> + Send> {
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot wait for SIGINT")?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot wait for SIGTERM")?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}
