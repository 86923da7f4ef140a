//! The options of the role `stalled`.

use crate::Failed;
use std::path::PathBuf;

/// The most calls that a service has in flight by default. Further ones would wait in Bespoke instead of at the
/// service.
const MOST_STALLED: usize = 256;

#[derive(Debug)]
pub(crate) struct Options {
    /// The path of the program `bespoke`.
    pub(crate) bespoke: PathBuf,
    /// The number of rounds, after one that is not counted.
    pub(crate) rounds: usize,
    /// The least number of measured queries per process, figure and round.
    pub(crate) queries: usize,
    /// The number of queries that wait for the stalled service.
    pub(crate) stalled: usize,
}

impl Options {
    pub(crate) fn parse(bespoke: &str, mut rest: &[&str]) -> Result<Self, Failed> {
        let mut options = Self { bespoke: bespoke.into(), rounds: 31, queries: 5_000, stalled: 64 };
        loop {
            rest = match rest {
                [] => return Ok(options),
                ["--rounds", rounds, rest @ ..] => {
                    options.rounds = rounds.parse::<usize>()?.clamp(1, 1_000);
                    rest
                }
                ["--queries", queries, rest @ ..] => {
                    options.queries = queries.parse::<usize>()?.clamp(1, 1_000_000);
                    rest
                }
                ["--stalled", stalled, rest @ ..] => {
                    options.stalled = stalled.parse()?;
                    if options.stalled > MOST_STALLED {
                        return Err(format!("`--stalled` is at most {MOST_STALLED}").into());
                    }
                    rest
                }
                [unknown, ..] => return Err(format!("`{unknown}` is no option, or lacks its value").into()),
            };
        }
    }
}
