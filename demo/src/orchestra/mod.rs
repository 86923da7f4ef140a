//! The start of the whole shop: one process per service and BFF, watched until a signal stops them.
//!
//! In: [`UpOptions`]. Out: a running shop, a summary of it on standard output, the output of its processes on standard
//! error, and an exit code.
//! Elsewhere: the services themselves (the library `demo`); the BFFs (`bff-web`, `bff-mobile`).
//!
//! Modules, in the order of a start: [`layout`] gives each process its port, [`project`] finds the project's folder,
//! [`playground`] installs GraphiQL's files, [`key_folder`] holds the public key, [`family`] runs the processes
//! ([`process`] starts one of them, [`output`] passes on its output), [`ready`] waits until they answer, and
//! [`summary`] prints their addresses. [`bff`] is the code of a BFF's process, and [`parent`] lets every process notice
//! that this one is gone.
//!
//! Always true:
//! - the private key never leaves this process: the other processes get the public key, and tokens;
//! - nothing is started unless every port is free;
//! - however this process ends, the other processes end as well.

mod bff;
mod family;
mod key_folder;
mod layout;
mod output;
mod parent;
mod playground;
mod process;
mod project;
mod ready;
mod summary;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::bail;
use clap::Args;
use demo::keys::KeyPair;
use tokio::signal::unix::{Signal, SignalKind, signal};

pub(crate) use bff::{BffArguments, serve as serve_bff};
pub(crate) use parent::end_with_parent;

use family::Family;
use key_folder::KeyFolder;
use layout::Layout;
use output::say;
use process::{Ended, Launch};
use project::Project;
use summary::Summary;

/// The lifetime of the printed tokens.
const TOKEN_LIFETIME: Duration = Duration::from_secs(8 * 3_600);
/// The time after a signal during which further signals are taken as copies of it.
const ECHO_TIME: Duration = Duration::from_millis(500);
/// The user whose token GraphiQL sends to the BFF `web`.
const USER: &str = "123";
const OTHER_USER: &str = "456";

/// What `demo up` starts.
#[derive(Debug, Clone, Args)]
pub(crate) struct UpOptions {
    /// Port of the BFF `web`; `mobile` gets the next port, and the services get those from 101 above it on.
    #[arg(long, value_name = "PORT", default_value_t = layout::DEFAULT_BASE, value_parser = layout::port_base)]
    port_base: u16,
    /// How long each service waits before it answers, as if over a network: `5ms`, `1s`.
    #[arg(long, default_value = "0ms", value_parser = crate::duration)]
    delay: Duration,
    /// Start the services only.
    #[arg(long)]
    no_bff: bool,
    /// Never run npm; without its packages, the BFFs serve a plain form instead of GraphiQL.
    #[arg(long)]
    no_npm: bool,
    /// Show the BFFs' log: one line per request.
    #[arg(long, short)]
    verbose: bool,
    /// How long the processes may take until all of them answer.
    #[arg(long, value_name = "DURATION", default_value = "20s", value_parser = crate::duration)]
    start_timeout: Duration,
}

/// Starts the shop and serves until SIGINT, SIGTERM or SIGHUP.
///
/// # Errors
/// When the shop cannot start, or when its last process has ended by itself.
pub(crate) fn up(options: &UpOptions) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let done = runtime.block_on(async {
        let mut signals = Signals::new()?;
        run(options, &mut signals).await
    });
    // A read of a child's output that lasts longer than the child must not delay the end of this process.
    runtime.shutdown_background();
    done
}

async fn run(options: &UpOptions, signals: &mut Signals) -> anyhow::Result<ExitCode> {
    let layout = Layout::new(options.port_base, !options.no_bff);
    layout.check_free()?;
    let project = Project::find();
    if !options.no_bff {
        let mut is_stopped = false;
        let stop = async {
            signals.any().await;
            is_stopped = true;
        };
        playground::prepare(project.as_ref(), options.no_npm, stop).await;
        if is_stopped {
            return Ok(ExitCode::SUCCESS);
        }
    }
    let keys = KeyPair::generate()?;
    let key_folder = KeyFolder::create(&keys.public_pem())?;
    let token = keys.mint(USER, TOKEN_LIFETIME)?;
    let other_token = keys.mint(OTHER_USER, TOKEN_LIFETIME)?;
    let launch = Launch {
        layout: &layout,
        project: project.as_ref(),
        key_file: key_folder.file(),
        token: &token,
        delay: options.delay,
        verbose: options.verbose,
    };
    say(&format!("starting {} processes", layout.processes().len()));
    let mut family = Family::default();
    let served = match launch.start(&mut family) {
        Ok(()) => {
            let summary = Summary { layout: &layout, tokens: [(USER, &token), (OTHER_USER, &other_token)] };
            serve(&mut family, &summary, signals, options.start_timeout).await
        }
        Err(error) => Err(error),
    };
    tokio::select! {
        biased;
        () = family.stop() => {}
        () = signals.again() => {
            say("a second signal: ending what is left at once");
            family.kill().await;
        }
    }
    served
}

/// Waits until every process answers, prints the summary, and watches the processes until a signal comes.
async fn serve(
    family: &mut Family,
    summary: &Summary<'_>,
    signals: &mut Signals,
    start_timeout: Duration,
) -> anyhow::Result<ExitCode> {
    tokio::select! {
        biased;
        () = signals.any() => return Ok(ExitCode::SUCCESS),
        Some(ended) = family.next_ended() => bail!("the shop cannot start: {ended}"),
        ready = ready::wait_for_all(summary.layout, start_timeout) => ready?,
    }
    summary.print();
    loop {
        tokio::select! {
            biased;
            () = signals.any() => {
                say("stopping");
                return Ok(ExitCode::SUCCESS);
            }
            ended = family.next_ended() => match ended {
                Some(ended) => report(&ended, family.len()),
                None => bail!("every process of the shop has ended"),
            }
        }
    }
}

fn report(ended: &Ended, left: usize) {
    say(&ended.to_string());
    if left > 0 {
        say(&format!("the other {left} go on; Ctrl-C stops them"));
    }
}

/// The signals that stop the shop.
struct Signals([Signal; 3]);

impl Signals {
    fn new() -> std::io::Result<Self> {
        // SIGHUP means that the terminal was closed.
        Ok(Self([signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?, signal(SignalKind::hangup())?]))
    }

    /// Waits for a second signal. A signal within [`ECHO_TIME`] after the first one is ignored as an echo of it,
    /// because a program that runs others often passes on a signal that the terminal has already sent to them.
    async fn again(&mut self) {
        let echoes_end = tokio::time::Instant::now() + ECHO_TIME;
        loop {
            self.any().await;
            if tokio::time::Instant::now() >= echoes_end {
                return;
            }
        }
    }

    async fn any(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.0;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}
