//! What a stalled service costs the queries that do not need it: the tail of their times beside it, and without it.
//!
//! In: the program `bespoke`, two processes of which serve `benches/stalled`. Out: a report; an error if the p95 beside a
//! stalled service is higher by more than the bound.
//!
//! The services are `testkit`'s faulty upstream in this process: `steady` answers at once, `stalled` takes requests and
//! says nothing. At one process, queries that need `stalled` wait throughout; at the other there are none. Both are asked,
//! in turns, for what `steady` has.
//!
//! Always true:
//! - all queries that wait are sent before, their calls are at the service, and after each round they still wait: the
//!   time-outs are an hour, so none is renewed and no breaker learns of anything;
//! - each measured query makes its call: the calls are counted;
//! - every answer is compared.

mod load;
mod options;
mod report;

use crate::Failed;
use crate::process::{Process, in_repository};
use crate::report::Machine;
use load::{Connection, Waiting};
pub(crate) use options::Options;
use report::{Percentiles, Report};
use std::time::Duration;
use testkit::faulty::{Faulty, Reply};
use tokio::task::block_in_place;
use tokio::time::timeout;

const QUERY: &str = "{ calm { value } }";
const ANSWER: &str = r#"{"data":{"calm":{"value":1}}}"#;
const STALLED_QUERY: &str = "{ stuck { value } }";

/// Connections of the second figure.
const CONNECTIONS: usize = 8;

/// Queries in one turn of one process: some 5 ms. Which processors a turn's threads get makes a query take 55 or 95 µs, so
/// a round has many turns. The first query of a turn, with cold caches, is less than the 5 % above the p95.
const TURN: usize = 40;

/// Longest wait for calls to arrive at a service.
const PATIENCE: Duration = Duration::from_secs(20);

/// Without a stalled service, and beside it.
type Sides<T> = [T; 2];
/// Over one connection, and over several.
type Figures<T> = [T; 2];

pub(crate) async fn measure(options: &Options) -> Result<(), Failed> {
    let machine = Machine::this()?;
    let steady = Faulty::always(Reply::json(r#"{"value":1}"#)).await?;
    let stalled = Faulty::always(Reply::stalled_head()).await?;
    let urls = [("STEADY_URL", steady.base_url()), ("STALLED_URL", stalled.base_url())];
    let project = in_repository("benches/stalled");
    let serve = || Process::serve(&options.bespoke, &project, urls.clone());
    let (without, beside) = (serve()?, serve()?);

    let waiting = Waiting::begin(&beside.address, STALLED_QUERY, options.stalled)?;
    let arrived = timeout(PATIENCE, stalled.until_requests(options.stalled)).await;
    arrived.map_err(|_| "not all of the stalled queries have called")?;
    let open = |process: &Process| {
        let connections = (0..CONNECTIONS).map(|_| Connection::open(&process.address, QUERY, ANSWER));
        connections.collect::<Result<Vec<_>, Failed>>()
    };
    let mut asking = Asking { sides: [open(&without)?, open(&beside)?], pace: Duration::ZERO, turns: 0 };

    // As fast as possible: the first round also tells how fast that is.
    let turns = options.queries.div_ceil(TURN);
    let [one, _] = block_in_place(|| asking.round(turns))?;
    asking.pace = one[0].mean;
    let mut rounds = Vec::new();
    for number in 1..=options.rounds {
        let round = block_in_place(|| asking.round(turns))?;
        waiting.check()?;
        let [one, several] = round.map(report::ratio);
        eprintln!("round {number} of {}: p95 beside / without {one:.2}, and {several:.2}", options.rounds);
        rounds.push(round);
    }
    // Two processes and two figures, in each turn.
    let asked = asking.turns * TURN * 4;
    let called = timeout(PATIENCE, steady.until_requests(asked)).await;
    called.map_err(|_| format!("{asked} queries have made fewer calls"))?;
    Report { machine, stalled: options.stalled, queries: turns * TURN, pace: asking.pace, rounds }.print()
}

/// Both processes, and how they are asked.
struct Asking {
    sides: Sides<Vec<Connection>>,
    /// Between two queries over several connections.
    pace: Duration,
    /// Turns that both have had.
    turns: usize,
}

impl Asking {
    /// A round of so many turns.
    fn round(&mut self, turns: usize) -> Result<Figures<Sides<Percentiles>>, Failed> {
        let mut took: Figures<Sides<Vec<Duration>>> = Default::default();
        for _ in 0..turns {
            // Who comes first in one turn comes second in the next.
            let order = if self.turns.is_multiple_of(2) { [0, 1] } else { [1, 0] };
            self.turns += 1;
            for (figure, connections, pace) in [(0, 1, Duration::ZERO), (1, CONNECTIONS, self.pace)] {
                for side in order {
                    let connections = &mut self.sides[side][..connections];
                    took[figure][side].append(&mut load::ask(connections, TURN, pace)?);
                }
            }
        }
        Ok(took.map(|sides| sides.map(Percentiles::of)))
    }
}
