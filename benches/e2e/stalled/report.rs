//! The report of `stalled` as Markdown, and whether the bound is kept.

use super::{CONNECTIONS, Figures, Sides, TURN};
use crate::Failed;
use crate::report::Machine;
use std::time::Duration;

/// The highest allowed p95 beside a stalled service, as a multiple of the p95 without one.
const BOUND: f64 = 1.10;

/// The times of one process in one round.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Percentiles {
    pub(crate) mean: Duration,
    p50: Duration,
    p95: Duration,
}

impl Percentiles {
    /// Computes the percentiles of `took`, which must have at least one time.
    pub(crate) fn of(mut took: Vec<Duration>) -> Self {
        took.sort_unstable();
        let part = |of_a_hundred| took[took.len() * of_a_hundred / 100];
        let mean = took.iter().sum::<Duration>().div_f64(took.len() as f64);
        Self { mean, p50: part(50), p95: part(95) }
    }
}

/// The ratio of the p95 beside a stalled service to the p95 without one.
pub(crate) fn ratio([without, beside]: Sides<Percentiles>) -> f64 {
    beside.p95.as_secs_f64() / without.p95.as_secs_f64()
}

pub(crate) struct Report {
    pub(crate) machine: Machine,
    /// The number of queries that wait for the stalled service.
    pub(crate) stalled: usize,
    /// The number of measured queries per process, figure and round.
    pub(crate) queries: usize,
    /// The time between two queries over several connections.
    pub(crate) pace: Duration,
    pub(crate) rounds: Vec<Figures<Sides<Percentiles>>>,
}

impl Report {
    /// Prints the report. An error if a median ratio is above the bound.
    pub(crate) fn print(&self) -> Result<(), Failed> {
        let Self { machine, stalled, queries, pace, rounds } = self;
        println!("{machine}");
        println!(
            "Two processes, at one of which {stalled} queries wait for a stalled service; {queries} queries per process and \
             round that do not need it, in turns of {TURN}; {} rounds, after one that is not counted.\n",
            rounds.len()
        );
        let one = table("One connection, each query after the answer to the last", rounds.iter().map(|[one, _]| *one));
        let rate = 1.0 / pace.as_secs_f64();
        let title = format!("{CONNECTIONS} connections, together {rate:.0} queries a second");
        let several = table(&title, rounds.iter().map(|[_, several]| *several));
        let is_kept = one <= BOUND && several <= BOUND;
        println!(
            "The median p95 beside a stalled service is {one:.3} of that without over one connection, {several:.3} over \
             {CONNECTIONS}: {} {BOUND:.2}.",
            if is_kept { "not above" } else { "above" }
        );
        if is_kept { Ok(()) } else { Err("a stalled service is felt by queries that do not need it".into()) }
    }
}

/// Prints the table of one figure and returns its median ratio.
fn table(title: &str, rounds: impl Iterator<Item = Sides<Percentiles>>) -> f64 {
    println!("### {title}\n");
    println!("| round | p50 without | p50 beside | p95 without | p95 beside | beside / without, p95 |");
    println!("|---:|---:|---:|---:|---:|---:|");
    let mut ratios = Vec::new();
    for (number, round) in rounds.enumerate() {
        let ratio = ratio(round);
        let micros = |of: fn(&Percentiles) -> Duration| round.map(|side| of(&side).as_secs_f64() * 1e6);
        let ([p50, p50_beside], [p95, p95_beside]) = (micros(|side| side.p50), micros(|side| side.p95));
        println!(
            "| {} | {p50:.0} µs | {p50_beside:.0} µs | {p95:.0} µs | {p95_beside:.0} µs | {ratio:.3} |",
            number + 1
        );
        ratios.push(ratio);
    }
    ratios.sort_by(f64::total_cmp);
    let [smallest, median, largest] = [0, ratios.len() / 2, ratios.len() - 1].map(|at| ratios[at]);
    println!("\nRatio of the p95: median {median:.3}, smallest {smallest:.3}, largest {largest:.3}.\n");
    median
}
