//! The options of the role `compare`.

use crate::Failed;
use crate::workloads::{Workload, all};
use std::path::PathBuf;
use std::time::Duration;

#[derive(Debug)]
pub(crate) struct Options {
    /// The path of the program `bespoke`.
    pub(crate) bespoke: PathBuf,
    pub(crate) workloads: Vec<Workload>,
    /// How long one server is loaded in one round.
    pub(crate) lasts: Duration,
    /// The number of rounds, after one that is not counted.
    pub(crate) rounds: u32,
    /// A file that the report is written to, besides standard output.
    pub(crate) write: Option<PathBuf>,
}

impl Options {
    pub(crate) fn parse(bespoke: &str, mut rest: &[&str]) -> Result<Self, Failed> {
        let mut options =
            Self { bespoke: bespoke.into(), workloads: all(), lasts: Duration::from_secs(1), rounds: 5, write: None };
        loop {
            rest = match rest {
                [] => return Ok(options),
                ["--only", names, rest @ ..] => {
                    let names: Vec<&str> = names.split(',').collect();
                    if let Some(unknown) = names.iter().find(|name| !options.workloads.iter().any(|of| of.id == **name))
                    {
                        return Err(format!("there is no workload `{unknown}`").into());
                    }
                    options.workloads.retain(|workload| names.contains(&workload.id));
                    rest
                }
                ["--seconds", seconds, rest @ ..] => {
                    options.lasts = Duration::try_from_secs_f64(seconds.parse()?)?;
                    rest
                }
                ["--rounds", rounds, rest @ ..] => {
                    options.rounds = rounds.parse::<u32>()?.max(1);
                    rest
                }
                ["--write", file, rest @ ..] => {
                    options.write = Some(file.into());
                    rest
                }
                [unknown, ..] => return Err(format!("`{unknown}` is no option, or lacks its value").into()),
            };
        }
    }
}
