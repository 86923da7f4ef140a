//! `demo`: serves the shop on fixed ports.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};
use demo::keys::{KeyPair, TokenVerifier};
use demo::{Service, ServiceName};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// The demo shop: six REST services and one GraphQL service.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve one service.
    Service {
        /// users, catalog, inventory, carts, orders, payments or reviews.
        name: ServiceName,
        /// Port on 127.0.0.1.
        #[arg(long)]
        port: u16,
        #[command(flatten)]
        options: Options,
    },
    /// Serve all seven services in this process, on seven ports in a row.
    Services {
        /// The port before the first service's.
        #[arg(long, default_value_t = 4100)]
        port_base: u16,
        #[command(flatten)]
        options: Options,
    },
}

#[derive(Debug, Args)]
struct Options {
    /// How long each answer waits before it is made: `5ms`, `1s`.
    #[arg(long, default_value = "0ms", value_parser = duration)]
    delay: Duration,
    /// PEM file of the Ed25519 public key whose tokens are trusted. Without it a pair is made, and a
    /// token of user 123 is printed to standard error.
    #[arg(long)]
    jwt_public_key: Option<PathBuf>,
}

fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = text[..digits].parse().map_err(|_| "a duration starts with digits".to_owned())?;
    match &text[digits..] {
        "ms" => Ok(Duration::from_millis(number)),
        "s" => Ok(Duration::from_secs(number)),
        _ => Err("a duration ends with `ms` or `s`".to_owned()),
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    match Arguments::parse().command {
        Command::Service { name, port, options } => serve(vec![(name, port)], &options).await,
        Command::Services { port_base, options } => {
            let port = |name: ServiceName| port_base.checked_add(name.port_offset()).map(|port| (name, port));
            let ports: Option<Vec<_>> = ServiceName::ALL.into_iter().map(port).collect();
            serve(ports.context("the port base is too high")?, &options).await
        }
    }
}

async fn serve(ports: Vec<(ServiceName, u16)>, options: &Options) -> anyhow::Result<()> {
    let verifier = verifier(options)?;
    let (stop, stopped) = watch::channel(());
    let mut tasks = JoinSet::new();
    for (name, port) in ports {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await;
        let listener = listener.with_context(|| format!("`{name}` cannot listen on port {port}"))?;
        let service = Service::new(name, options.delay, &verifier)?;
        let mut stopped = stopped.clone();
        tasks.spawn(service.serve(listener, async move {
            // An error means that the sender is gone, which is a reason to stop as well.
            let _ = stopped.changed().await;
        }));
        eprintln!("{name}: http://127.0.0.1:{port}");
    }
    tokio::select! {
        signal = stop_signal() => signal?,
        Some(ended) = tasks.join_next() => ended??,
    }
    drop(stop);
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(())
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
