//! The options of the command line.

use crate::Failed;
use std::path::PathBuf;
use std::time::Duration;

#[derive(Debug)]
pub(crate) struct Options {
    /// The path of the program `bespoke`.
    pub(crate) bespoke: PathBuf,
    pub(crate) lasts: Duration,
    /// The time between two samples.
    pub(crate) every: Duration,
    /// The rate of the load, as a share of the highest rate.
    pub(crate) share: f64,
    /// The most requests in flight.
    pub(crate) at_once: u32,
}

impl Options {
    pub(crate) fn parse(arguments: &[&str]) -> Result<Self, Failed> {
        let (bespoke, mut rest) = arguments.split_first().ok_or("soak takes the program `bespoke`")?;
        let mut options = Self {
            bespoke: bespoke.into(),
            lasts: Duration::from_secs(600),
            every: Duration::from_secs(10),
            share: 0.8,
            at_once: 512,
        };
        loop {
            rest = match rest {
                [] => return Ok(options),
                ["--minutes", minutes, rest @ ..] => {
                    options.lasts = Duration::try_from_secs_f64(minutes.parse::<f64>()? * 60.0)?;
                    rest
                }
                ["--every", seconds, rest @ ..] => {
                    options.every = Duration::try_from_secs_f64(seconds.parse::<f64>()?.max(0.1))?;
                    rest
                }
                ["--share", share, rest @ ..] => {
                    options.share = share.parse::<f64>()?.clamp(0.01, 1.0);
                    rest
                }
                ["--at-once", at_once, rest @ ..] => {
                    options.at_once = at_once.parse::<u32>()?.max(1);
                    rest
                }
                [unknown, ..] => return Err(format!("`{unknown}` is no option, or lacks its value").into()),
            };
        }
    }
}
