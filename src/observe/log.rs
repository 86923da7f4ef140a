//! The log: where its lines go, and in which format.

use super::drain::{Drain, LogGuard};
use super::line::JsonLine;
use crate::config::LogFormat;
use prometheus_client::metrics::counter::Counter;
use std::sync::OnceLock;
use tracing_subscriber::EnvFilter;

/// Why the log cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum LogInitError {
    /// The log was set up before.
    #[error("the log is set up already")]
    Already,
    /// The thread that writes the log cannot be started.
    #[error("the log's thread cannot be started")]
    Thread(#[from] std::io::Error),
}

/// Sends the log of this process to its standard error, until the guard is dropped.
///
/// The environment variable `RUST_LOG` chooses what is logged; without it, everything from `info` up is. A
/// thread of its own writes the lines, some milliseconds after they were made. If nobody reads them, up to 4 MiB
/// of lines wait, and further ones are dropped and counted (`bespoke_log_lines_dropped`). A process that is
/// killed loses the lines that wait.
///
/// # Errors
/// [`LogInitError`] if there is a log already (it stays as it is), or if no thread can be started.
pub fn init(format: LogFormat) -> Result<LogGuard, LogInitError> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let (drain, guard) = Drain::start(std::io::stderr(), dropped_lines().clone())?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(drain);
    match format {
        LogFormat::Json => log.event_format(JsonLine).try_init(),
        LogFormat::Text => log.compact().try_init(),
    }
    .map_err(|_| LogInitError::Already)?;
    Ok(guard)
}

/// Counts the log lines of this process that were dropped.
pub(super) fn dropped_lines() -> &'static Counter {
    static DROPPED: OnceLock<Counter> = OnceLock::new();
    DROPPED.get_or_init(Counter::default)
}
