//! The program `demo`: starts the whole shop (its services and both BFFs), or one part of it.

mod orchestra;

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};
use demo::keys::{KeyPair, TokenVerifier};
use demo::{Service, ServiceName};
use orchestra::{BffArguments, UpOptions};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

const HELP: &str = "\
Without a command, `up` is meant:

  cargo run --release -p demo                        everything, with GraphiQL for web and mobile
  cargo run --release -p demo -- --delay 5ms         the same, over a slower network
  cargo run --release -p demo -- --port-base 14000   the same, on other ports
  cargo run --release -p demo -- --no-bff            services only, for a BFF of your own

Ports: web 4000, mobile 4001; users 4101, catalog 4102, inventory 4103, carts 4104, orders 4105,
payments 4106, reviews 4107. `--port-base N` makes them N, N+1 and N+101 to N+107.

Ctrl-C stops everything; nothing is kept: each start has the same data, and new keys and tokens.
Exit code: 0 after a signal, 1 when the shop cannot start or all of it has died, 2 for wrong arguments.";

/// The demo shop: six REST services, one GraphQL service, and a BFF for web and for mobile.
#[derive(Debug, Parser)]
#[command(version, after_help = HELP, args_conflicts_with_subcommands = true, args_override_self = true)]
struct Arguments {
    #[command(flatten)]
    up: UpOptions,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start the whole shop, with one process per service and BFF, and print the addresses.
    Up(UpOptions),
    /// Serve one service.
    Service {
        /// users, catalog, inventory, carts, orders, payments or reviews.
        name: ServiceName,
        /// Port on 127.0.0.1.
        #[arg(long)]
        port: u16,
        #[command(flatten)]
        options: Options,
        #[command(flatten)]
        parent: Parent,
    },
    /// Serve all seven services in this process, on seven ports in a row.
    Services {
        /// The port before that of the first service.
        #[arg(long, default_value_t = 4100)]
        port_base: u16,
        #[command(flatten)]
        options: Options,
    },
    /// Serve one BFF over services that already run.
    Bff {
        #[command(flatten)]
        arguments: BffArguments,
        #[command(flatten)]
        parent: Parent,
    },
}

#[derive(Debug, Args)]
struct Options {
    /// How long each service waits before it answers: `5ms`, `1s`.
    #[arg(long, default_value = "0ms", value_parser = duration)]
    delay: Duration,
    /// PEM file of the Ed25519 public key whose tokens are trusted. Without it, a key pair is made, and a token of user
    /// 123 is printed to standard error.
    #[arg(long)]
    jwt_public_key: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct Parent {
    /// End when standard input ends, as it does when the process that started this one is gone.
    #[arg(long)]
    end_with_parent: bool,
}

impl Parent {
    fn watch(&self) {
        if self.end_with_parent {
            orchestra::end_with_parent();
        }
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: u32 = text[..digits].parse().map_err(|_| "a duration starts with digits".to_owned())?;
    match &text[digits..] {
        "ms" => Ok(Duration::from_millis(number.into())),
        "s" => Ok(Duration::from_secs(number.into())),
        _ => Err("a duration ends with `ms` or `s`".to_owned()),
    }
}

fn main() -> ExitCode {
    run(Arguments::parse()).unwrap_or_else(|error| {
        // The text is not written with `eprintln!`, which panics if standard error is closed.
        let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("error: {error:#}\n").as_bytes());
        ExitCode::FAILURE
    })
}

fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    match arguments.command.unwrap_or(Command::Up(arguments.up)) {
        Command::Up(options) => orchestra::up(&options),
        Command::Service { name, port, options, parent } => {
            parent.watch();
            serve(vec![(name, port)], &options, !parent.end_with_parent)
        }
        Command::Services { port_base, options } => {
            let port = |name: ServiceName| port_base.checked_add(name.port_offset()).map(|port| (name, port));
            let ports: Option<Vec<_>> = ServiceName::ALL.into_iter().map(port).collect();
            serve(ports.context("the port base is too high")?, &options, true)
        }
        Command::Bff { arguments, parent } => {
            parent.watch();
            orchestra::serve_bff(&arguments)
        }
    }
}

/// Serves until SIGINT or SIGTERM. If `tells` is true, it prints the address of each service, for people who start
/// services by hand.
#[tokio::main]
async fn serve(ports: Vec<(ServiceName, u16)>, options: &Options, tells: bool) -> anyhow::Result<ExitCode> {
    let verifier = verifier(options)?;
    let (stop, stopped) = watch::channel(());
    let mut tasks = JoinSet::new();
    for (name, port) in ports {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await;
        let listener = listener.with_context(|| format!("`{name}` cannot listen on port {port}"))?;
        let service = Service::new(name, options.delay, &verifier)?;
        let mut stopped = stopped.clone();
        tasks.spawn(service.serve(listener, async move {
            // An error means that the sender is gone, which is a reason to stop too.
            let _ = stopped.changed().await;
        }));
        if tells {
            eprintln!("{name}: http://127.0.0.1:{port}");
        }
    }
    tokio::select! {
        signal = stop_signal() => signal?,
        Some(ended) = tasks.join_next() => ended??,
    }
    drop(stop);
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(ExitCode::SUCCESS)
}

fn verifier(options: &Options) -> anyhow::Result<TokenVerifier> {
    if let Some(path) = &options.jwt_public_key {
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        return TokenVerifier::from_public_pem(&text).with_context(|| format!("in {}", path.display()));
    }
    let pair = KeyPair::generate()?;
    eprintln!("token of user 123, for 8 hours: {}", pair.mint("123", Duration::from_secs(8 * 3_600))?);
    Ok(pair.verifier())
}

async fn stop_signal() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}
