//! The signals that a serving process handles.

use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Receives SIGINT and SIGTERM, which no longer end the process by themselves.
pub(super) struct StopSignals {
    interrupt: Signal,
    terminate: Signal,
}

/// The source of a request to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StopReason {
    /// SIGINT: a person at a terminal, who waits for the prompt.
    Person,
    /// SIGTERM: a supervisor, whose load balancer may not know yet.
    Supervisor,
}

impl StopSignals {
    /// Starts to receive both signals.
    pub(super) fn listen() -> anyhow::Result<Self> {
        let interrupt = signal(SignalKind::interrupt()).context("cannot wait for SIGINT")?;
        let terminate = signal(SignalKind::terminate()).context("cannot wait for SIGTERM")?;
        Ok(Self { interrupt, terminate })
    }

    /// Waits for the next signal.
    pub(super) async fn next(&mut self) -> StopReason {
        tokio::select! {
            _ = self.interrupt.recv() => StopReason::Person,
            _ = self.terminate.recv() => StopReason::Supervisor,
        }
    }
}

/// Receives SIGHUP, which asks to read everything again and no longer ends the process.
pub(super) fn reload_signal() -> anyhow::Result<Signal> {
    signal(SignalKind::hangup()).context("cannot wait for SIGHUP")
}
