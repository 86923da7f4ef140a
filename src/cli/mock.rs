//! `bespoke mock`: serving a schema with made-up data.

use super::args::MockArgs;
use super::serve::{announce, listen};
use super::stopping::{self, StopNotice};
use super::watch::Changes;
use crate::config::LogFormat;
use crate::config::{Mode, PlaygroundConfig, ServerConfig};
use crate::diagnostic::{DrawStyle, Sources, draw, pointer};
use crate::http::{Playground, ServeLimits, Server, Site, router, serve as serve_http};
use crate::mock::{MockEngine, MockOptions};
use crate::observe::{self, Metrics};
use crate::view;
use anyhow::{Context, bail};
use notify::RecursiveMode;
use std::io::{IsTerminal, Read};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

/// Longest time for one request, not counting the delay.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// Largest schema that is read, in bytes.
const MAX_FILE_BYTES: u64 = 8 * 1024 * 1024;

/// Serves a schema with made-up data until SIGINT or SIGTERM.
pub(super) fn mock(args: &MockArgs) -> anyhow::Result<ExitCode> {
    let text = read(&args.file)?;
    let engine = match load(args, text.clone())? {
        Ok(engine) => engine,
        Err(drawn) => {
            eprint!("{drawn}");
            return Ok(ExitCode::FAILURE);
        }
    };
    // A second initialisation in one process is no harm: the first one stands.
    let _log = observe::init(LogFormat::Text);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start the runtime")?;
    runtime.block_on(run(args, engine, text))
}

async fn run(args: &MockArgs, engine: MockEngine, text: String) -> anyhow::Result<ExitCode> {
    let config = ServerConfig {
        port: args.port,
        mode: Mode::Development,
        log: LogFormat::Text,
        request_timeout: REQUEST_TIMEOUT + args.delay,
        // Somebody works with it on a machine that does much else.
        max_lateness: None,
        ..ServerConfig::default()
    };
    let name = name(&args.file);
    let folder = folder(&args.file);
    let limits = ServeLimits::from(&config);
    let served = |engine: MockEngine| {
        let playground = Playground::load(&PlaygroundConfig::default(), folder, &name)?;
        let metrics = Arc::new(Metrics::new());
        anyhow::Ok(Server::new(config.clone(), Arc::new(engine), metrics).with_playground(playground))
    };
    let site = Site::new(Arc::new(served(engine)?));
    // Before anybody can know that this process runs: a signal that nobody waits for would kill it.
    let mut stopping = StopNotice::watch(site.clone()).await?;
    let listener = listen(&config).await?;
    let changes = if args.watch { Some(Changes::of([(folder, RecursiveMode::NonRecursive)])?) } else { None };
    announce(&format!("a mock of {name}"), &listener, None, &config)?;
    let shutdown = async {
        let timetable = stopping.wait().await;
        site.now().end_streams(timetable.stream_drain, timetable.cut_off);
        timetable.cut_off
    };
    let serving = serve_http(listener, router(site.clone()), shutdown, limits);
    let cut_off = match changes {
        None => serving.await,
        Some(changes) => tokio::select! {
            cut_off = serving => cut_off,
            () = reload(args, changes, text, |engine| {
                site.replace(served(engine)?);
                Ok(())
            }) => 0,
        },
    };
    Ok(stopping::status(cut_off > 0))
}

/// Replaces the engine whenever the file has changed since `before`.
async fn reload(
    args: &MockArgs,
    mut changes: Changes,
    mut before: String,
    serve: impl Fn(MockEngine) -> anyhow::Result<()>,
) {
    while changes.next().await {
        match read(&args.file) {
            Ok(text) if text != before => {
                before.clone_from(&text);
                match load(args, text) {
                    Ok(Ok(engine)) => match serve(engine) {
                        Ok(()) => eprintln!("reloaded {}", args.file.display()),
                        Err(error) => eprintln!("not reloaded: {error:#}; the running schema stays in use"),
                    },
                    Ok(Err(drawn)) => eprintln!("{drawn}not reloaded: the running schema stays in use"),
                    Err(error) => eprintln!("not reloaded: {error:#}; the running schema stays in use"),
                }
            }
            Ok(_) => {}
            Err(error) => eprintln!("not reloaded: {error:#}; the running schema stays in use"),
        }
    }
}

/// An engine, or the drawn findings about the schema.
fn load(args: &MockArgs, text: String) -> anyhow::Result<Result<MockEngine, String>> {
    let mut sources = Sources::default();
    let file = sources.add(args.file.display().to_string(), text);
    let (view, findings) = view::plain(&sources, file);
    let Some(view) = view else {
        let style = if std::io::stderr().is_terminal() { DrawStyle::Color } else { DrawStyle::Plain };
        return Ok(Err(draw(&findings, &sources, style) + &pointer(&findings)));
    };
    let scalars = args.scalar.iter().map(|(name, value)| (name.clone(), value.clone().into()));
    let options = MockOptions {
        seed: args.seed,
        list: args.list,
        nulls: args.nulls,
        errors: args.errors,
        delay: args.delay,
        scalars: scalars.collect(),
    };
    Ok(Ok(MockEngine::new(view, options).context("--scalar")?))
}

fn read(path: &Path) -> anyhow::Result<String> {
    let file = std::fs::File::open(path).with_context(|| format!("cannot read `{}`", path.display()))?;
    let mut text = String::new();
    file.take(MAX_FILE_BYTES + 1)
        .read_to_string(&mut text)
        .with_context(|| format!("cannot read `{}`", path.display()))?;
    if text.len() as u64 > MAX_FILE_BYTES {
        bail!("`{}` is larger than {MAX_FILE_BYTES} bytes", path.display());
    }
    Ok(text)
}

/// The name of the file without its extension, as a title.
fn name(file: &Path) -> String {
    file.file_stem().map_or_else(|| "schema".to_owned(), |name| name.to_string_lossy().into_owned())
}

/// The folder that holds the file: a watch on the file itself would end when an editor replaces it.
fn folder(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
