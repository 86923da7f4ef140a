//! End to end: Bespoke beside other servers that give the same answer to the same query, on one machine.
//!
//! One program in several roles, each of which is a process of its own; `compare` starts them all:
//!
//! | role | is |
//! |---|---|
//! | `upstream` | the services, counting their calls |
//! | `constant` | an axum server of constant bytes: what HTTP alone costs |
//! | `calls-alone` | makes the calls with reqwest and answers constant bytes: what I/O alone costs |
//! | `by-hand` | async-graphql with data loaders, as one writes it by hand |
//! | `unshared` | Bespoke's engine with sharing of equal operations and calls switched off |
//! | `compare BESPOKE` | starts all of these and `BESPOKE serve`, loads them in turn, prints a report |
//! | `stalled BESPOKE` | times `BESPOKE serve` beside a stalled service and without one, prints a report |
//! | `load ADDRESS QUERY CONNECTIONS SECONDS` | loads one server, for a profiler |
//!
//! Always true:
//! - before a server is measured, its answer is compared with that of the others, byte by byte, and so is every answer of
//!   the measurement;
//! - rounds are interleaved: whatever else the machine does falls on all servers alike.

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
