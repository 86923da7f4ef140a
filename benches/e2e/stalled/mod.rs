//! The role `stalled`: how much slower the slowest queries become because of a stalled service that they do not need.
//!
//! In: the program `bespoke`, two processes of which serve `benches/stalled`. Out: a report; an error if the 95th
//! percentile (p95) of the times beside a stalled service exceeds the p95 without one by more than the bound.
//!
//! The services are `testkit`'s faulty upstream in this process: `steady` answers at once, and `stalled` takes requests
//! and never answers. At one process of Bespoke, queries that need `stalled` wait all the time; at the other there are
//! none. Both processes get, in turns, queries that need only `steady`.
//!
//! Always true:
//! - all queries that wait are sent before the measurement, their calls have reached the service, and they still wait
//!   after each round. Timeouts are an hour, so that no call is repeated and no circuit breaker opens;
//! - each measured query makes its own call, because the calls are counted;
//! - every answer is compared with the right one.

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

/// The number of connections of the second figure.
const CONNECTIONS: usize = 8;

/// The queries in one turn of one process, which take some 5 ms. A query takes 55 or 95 µs, depending on the processors
/// that the threads of a turn get, so a round has many turns. The first query of a turn is slow, because the caches of
/// the processor are cold, but it is one of 40, which is less than the 5 % above the p95.
const TURN: usize = 40;

/// The longest wait for calls to arrive at a service.
const PATIENCE: Duration = Duration::from_secs(20);

/// A value for the process without a stalled service, and one for the process beside it.
type Sides<T> = [T; 2];
/// A value for one connection, and one for several connections.
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

    // The first round is sent as fast as possible and not counted. It also measures the pace of the rounds that follow.
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
    // Each turn has two processes and two figures.
    let asked = asking.turns * TURN * 4;
    let called = timeout(PATIENCE, steady.until_requests(asked)).await;
    called.map_err(|_| format!("{asked} queries have made fewer calls"))?;
    Report { machine, stalled: options.stalled, queries: turns * TURN, pace: asking.pace, rounds }.print()
}

/// The connections to both processes, and the pace of queries.
struct Asking {
    sides: Sides<Vec<Connection>>,
    /// The time between two queries over several connections.
    pace: Duration,
    /// The number of turns that both processes have had.
    turns: usize,
}

impl Asking {
    /// Runs a round of `turns` turns.
    fn round(&mut self, turns: usize) -> Result<Figures<Sides<Percentiles>>, Failed> {
        let mut took: Figures<Sides<Vec<Duration>>> = Default::default();
        for _ in 0..turns {
            // The process that comes first in one turn comes second in the next.
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
