//! End to end: Bespoke beside other servers that give the same answer to the same query, on one machine.
//!
//! One program in several roles, each of which is a process of its own; `compare` starts them all:
//!
//! | role | is |
//! |---|---|
//! | `upstream` | the two services, counting their calls |
//! | `constant` | an axum server of constant bytes: what HTTP alone costs |
//! | `calls-only` | makes the two calls with reqwest and answers constant bytes: what I/O alone costs |
//! | `resolvers` | async-graphql with a data loader, as one writes it by hand |
//! | `unshared` | Bespoke's engine with sharing of equal calls switched off |
//! | `compare BESPOKE` | starts all of these and `BESPOKE serve`, loads them in turn, prints a table |
//!
//! Always true: every answer of every server is compared with [`testkit::posts::answer`], byte by byte.

#![expect(clippy::print_stdout, reason = "addresses and the report are what it is for")]

mod compare;
mod load;
mod process;
mod servers;

use std::path::Path;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

pub(crate) type Failed = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failed> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["upstream"] => servers::upstream().await,
        ["constant"] => servers::constant().await,
        ["calls-only"] => servers::calls_only::serve().await,
        ["resolvers"] => servers::resolvers::serve().await,
        ["unshared"] => servers::unshared::serve().await,
        ["load", address, connections, seconds, rest @ ..] => {
            let load = load::Load {
                address: (*address).to_owned(),
                query: testkit::posts::QUERY,
                answer: testkit::posts::answer(testkit::posts::POSTS).into(),
                connections: connections.parse()?,
                lasts: std::time::Duration::from_secs_f64(seconds.parse()?),
                own_ids: rest.contains(&"own"),
            };
            let loaded = load::send(&load).await?;
            println!("{} requests {:.0}/s p50 {:?}", loaded.requests, loaded.per_second, loaded.median);
            Ok(())
        }
        ["compare", bespoke] => compare::compare(Path::new(bespoke)).await,
        _ => Err("e2e takes a role: upstream, constant, calls-only, resolvers, unshared, or compare BESPOKE".into()),
    }
}
