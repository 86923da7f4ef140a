//! The report of `compare`: medians, and their ratios.

use crate::Failed;
use crate::options::Options;
use crate::workloads::{Server, Workload};
use std::fmt::Write;
use std::time::Duration;

/// The machine and the commit of a measurement.
#[derive(Debug)]
pub(crate) struct Machine {
    pub(crate) model: String,
    pub(crate) cores: usize,
    /// The load average before the measurement.
    pub(crate) load: String,
    pub(crate) commit: String,
}

impl Machine {
    /// Reads the data of this machine now.
    pub(crate) fn this() -> Result<Self, Failed> {
        let file = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let model = file("/proc/cpuinfo")
            .lines()
            .find_map(|line| line.strip_prefix("model name")?.split_once(": ").map(|(_, name)| name.to_owned()));
        Ok(Self {
            model: model.unwrap_or_else(|| "unknown processor".to_owned()),
            cores: std::thread::available_parallelism()?.get(),
            load: file("/proc/loadavg").split(' ').next().unwrap_or_default().to_owned(),
            commit: std::env::var("COMMIT").unwrap_or_else(|_| "unknown".to_owned()),
        })
    }
}

impl std::fmt::Display for Machine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { model, cores, load, commit } = self;
        write!(
            f,
            "{model}, {cores} cores, shared by the load program, the server and the services; load average before: \
             {load}. Commit {commit}."
        )
    }
}

/// The size of the program `bespoke`, and its start.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) bytes: u64,
    pub(crate) time_to_ready: Duration,
}

/// The results of one workload: a row for each server.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) workload: Workload,
    pub(crate) rows: Vec<Row>,
}

/// The results of one server under one workload.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) server: Server,
    pub(crate) rounds: Vec<Round>,
    pub(crate) peak_mib: f64,
}

/// The results of one server in one round.
#[derive(Debug)]
pub(crate) struct Round {
    pub(crate) per_second: f64,
    /// The processor time of the server per request, in µs.
    pub(crate) cpu: f64,
    /// The processor time of the load program per request, in µs.
    pub(crate) load_cpu: f64,
    /// The number of calls that the services got, per request.
    pub(crate) calls: f64,
    /// The median time from a request to its answer, in µs.
    pub(crate) median: f64,
}

impl Row {
    fn median(&self, of: fn(&Round) -> f64) -> f64 {
        let mut all: Vec<f64> = self.rounds.iter().map(of).collect();
        all.sort_by(f64::total_cmp);
        all.get(all.len() / 2).copied().unwrap_or(f64::NAN)
    }
}

/// Writes the whole report as Markdown.
pub(crate) fn write(options: &Options, machine: &Machine, program: &Program, all: &[Measured]) -> String {
    let mut text = format!(
        "{machine}\n\
         Medians of {} interleaved rounds of {:?}, after one that is not counted; every answer was compared.\n\
         `bespoke`: {:.1} MB, ready after {} ms (median).\n",
        options.rounds,
        options.lasts,
        program.bytes as f64 / 1e6,
        program.time_to_ready.as_millis(),
    );
    for measured in all {
        // Writing to a string cannot fail.
        let _ = table(&mut text, measured);
    }
    text
}

fn table(text: &mut String, Measured { workload, rows }: &Measured) -> std::fmt::Result {
    let Workload { id, what, connections, .. } = workload;
    let rate = |server: Server| {
        let row = rows.iter().find(|row| row.server == server)?;
        Some(row.median(|round| round.per_second))
    };
    let (constant, alone) = (rate(Server::Constant), rate(Server::CallsAlone));
    writeln!(
        text,
        "\n### {id}: {what}\n\n{connections} connections; {} calls per query where nothing is shared.\n",
        workload.calls.len()
    )?;
    writeln!(
        text,
        "| server | requests/s | of constant | of calls alone | calls/query | CPU/request | load's CPU/request | p50 | peak RSS |"
    )?;
    writeln!(text, "|---|---:|---:|---:|---:|---:|---:|---:|---:|")?;
    for row in rows {
        let per_second = row.median(|round| round.per_second);
        let of = |other: Option<f64>| other.map_or("–".to_owned(), |other| format!("{:.2}", per_second / other));
        writeln!(
            text,
            "| {} | {per_second:.0} | {} | {} | {:.3} | {:.0} µs | {:.0} µs | {:.0} µs | {:.1} MiB |",
            row.server.name(),
            of(constant),
            of(alone),
            row.median(|round| round.calls),
            row.median(|round| round.cpu),
            row.median(|round| round.load_cpu),
            row.median(|round| round.median),
            row.peak_mib,
        )?;
    }
    Ok(())
}
