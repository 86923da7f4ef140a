//! The log: where lines go and how they look.

use schemars::JsonSchema;
use serde::Deserialize;
use tracing_subscriber::EnvFilter;

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One JSON object per line.
    #[default]
    Json,
    /// For people.
    Text,
}

/// A log had been set up before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the log is set up already")]
pub struct LogInitError;

/// Sends the log of this process to its standard error.
///
/// `RUST_LOG` chooses what is logged; without it, everything from `info` up.
///
/// # Errors
/// [`LogInitError`] if there is a log already; it stays as it is.
pub fn init(format: LogFormat) -> Result<(), LogInitError> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Json => log.json().flatten_event(true).with_current_span(false).with_span_list(false).try_init(),
        LogFormat::Text => log.compact().try_init(),
    }
    .map_err(|_| LogInitError)
}
