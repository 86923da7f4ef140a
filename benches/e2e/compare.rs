//! All servers, loaded in turn, round after round; then medians and their ratios.
//!
//! Rounds are interleaved, so that whatever else the machine does falls on all servers alike; ratios of medians are
//! what the report is about, absolute numbers only orient.

use crate::Failed;
use crate::load::{Load, send};
use crate::process::Process;
use std::path::Path;
use std::time::Duration;
use testkit::posts::{POSTS, QUERY, answer};

/// Rounds, after one that is not counted.
const ROUNDS: u32 = 7;
/// How long one server is loaded in one round.
const LASTS: Duration = Duration::from_millis(1_500);
/// Connections.
const CONNECTIONS: u32 = 64;
/// How long the one connection lasts that latency is measured with.
const ALONE: Duration = Duration::from_millis(700);

struct Server {
    name: &'static str,
    process: Process,
    own_ids: bool,
    rounds: Vec<Round>,
}

struct Round {
    per_second: f64,
    /// Processor time of the server per request, in µs.
    cpu: f64,
    calls: f64,
    /// With one connection, in µs.
    latency: f64,
}

pub(crate) async fn compare(bespoke: &Path) -> Result<(), Failed> {
    let upstream = Process::role("upstream", "")?;
    let url = format!("http://{}", upstream.address);
    let server = |name, process: Result<Process, Failed>, own_ids| {
        Ok::<_, Failed>(Server { name, process: process?, own_ids, rounds: Vec::new() })
    };
    let mut servers = [
        server("constant bytes (axum)", Process::role("constant", &url), false)?,
        server("the two calls alone (reqwest)", Process::role("calls-only", &url), false)?,
        server("bespoke serve", Process::bespoke(bespoke, &url), false)?,
        server("bespoke serve, own request ids", Process::bespoke(bespoke, &url), true)?,
        server("bespoke, calls not shared", Process::role("unshared", &url), false)?,
        server("async-graphql by hand", Process::role("resolvers", &url), false)?,
    ];
    for number in 0..=ROUNDS {
        for server in &mut servers {
            let round = round(server, &upstream).await.map_err(|error| format!("{}: {error}", server.name))?;
            if number > 0 {
                server.rounds.push(round);
            }
        }
    }
    report(&servers)
}

async fn round(server: &Server, upstream: &Process) -> Result<Round, Failed> {
    let load = Load {
        address: server.process.address.clone(),
        query: QUERY,
        answer: answer(POSTS).into(),
        connections: CONNECTIONS,
        lasts: LASTS,
        own_ids: server.own_ids,
    };
    let (calls, cpu) = (calls(upstream).await?, server.process.cpu()?);
    let loaded = send(&load).await?;
    let (cpu, calls) = (server.process.cpu()? - cpu, self::calls(upstream).await? - calls);
    let alone = send(&Load { connections: 1, lasts: ALONE, ..load }).await?;
    Ok(Round {
        per_second: loaded.per_second,
        cpu: cpu.as_secs_f64() * 1e6 / loaded.requests as f64,
        calls: calls / loaded.requests as f64,
        latency: alone.median.as_secs_f64() * 1e6,
    })
}

/// Calls that the upstream has answered so far.
async fn calls(upstream: &Process) -> Result<f64, Failed> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().build()?;
    Ok(client.get(format!("http://{}/calls", upstream.address)).send().await?.text().await?.parse()?)
}

fn report(servers: &[Server]) -> Result<(), Failed> {
    let median = |server: &Server, of: fn(&Round) -> f64| {
        let mut all: Vec<f64> = server.rounds.iter().map(of).collect();
        all.sort_by(f64::total_cmp);
        all[all.len() / 2]
    };
    let rate = |server: &Server| median(server, |round| round.per_second);
    let (constant, alone) = (rate(&servers[0]), rate(&servers[1]));
    println!(
        "| server | requests/s | of constant | of calls alone | calls/query | CPU/request | p50, 1 connection | peak RSS |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|---:|");
    for server in servers {
        let rate = rate(server);
        println!(
            "| {} | {rate:.0} | {:.2} | {:.2} | {:.3} | {:.0} µs | {:.0} µs | {:.1} MiB |",
            server.name,
            rate / constant,
            rate / alone,
            median(server, |round| round.calls),
            median(server, |round| round.cpu),
            median(server, |round| round.latency),
            server.process.peak_mib()?,
        );
    }
    println!(
        "\nMedians of {ROUNDS} interleaved rounds of {LASTS:?}, {CONNECTIONS} connections, after one that is not counted."
    );
    Ok(())
}
