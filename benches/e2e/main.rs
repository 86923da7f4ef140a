//! End-to-end benchmark: Bespoke and other servers that give the same answer to the same query, on one machine.
//!
//! The program has several roles, each in a process of its own. `compare` starts the processes of the first five:
//!
//! | role | what it is or does |
//! |---|---|
//! | `upstream` | the services, which count their calls |
//! | `constant` | an axum server that sends constant bytes: the cost of HTTP alone |
//! | `calls-alone` | a server that makes the calls with reqwest and sends constant bytes: the cost of I/O alone |
//! | `by-hand` | a server with async-graphql and data loaders, written by hand |
//! | `unshared` | Bespoke's engine without sharing of equal operations and calls |
//! | `compare BESPOKE` | starts these and `BESPOKE serve`, loads them in turn, and prints a report |
//! | `stalled BESPOKE` | times `BESPOKE serve` beside a stalled service and without one, and prints a report |
//! | `load ADDRESS QUERY CONNECTIONS SECONDS` | loads one server, for a profiler |
//!
//! Always true:
//! - before a server is measured, its answer is compared with that of Bespoke, byte by byte, and so is every answer of
//!   the measurement;
//! - the rounds of the servers are interleaved, so that other work of the machine disturbs all servers alike.

#![expect(clippy::print_stdout, reason = "addresses and the report are what it is for")]

mod compare;
mod load;
mod options;
mod process;
mod report;
mod servers;
mod stalled;
mod workloads;

use std::time::Duration;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

pub(crate) type Failed = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failed> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["upstream"] => servers::upstream::serve().await,
        ["constant"] => servers::constant::serve().await,
        ["calls-alone"] => servers::calls_alone::serve().await,
        ["by-hand"] => servers::by_hand::serve().await,
        ["unshared"] => servers::unshared::serve().await,
        ["compare", bespoke, options @ ..] => compare::compare(&options::Options::parse(bespoke, options)?).await,
        ["stalled", bespoke, options @ ..] => stalled::measure(&stalled::Options::parse(bespoke, options)?).await,
        ["load", address, query, connections, seconds] => {
            let lasts = Duration::try_from_secs_f64(seconds.parse()?)?;
            let answer = load::ask(address, query).await?;
            let load = load::Load {
                address: (*address).to_owned(),
                query: (*query).to_owned(),
                answer: answer.into(),
                connections: connections.parse()?,
                lasts,
                own_ids: false,
            };
            let loaded = load::send(&load).await?;
            println!("{} requests, {:.0}/s, median {:?}", loaded.requests, loaded.per_second, loaded.median);
            Ok(())
        }
        _ => Err("e2e takes a role: see the top of benches/e2e/main.rs".into()),
    }
}
