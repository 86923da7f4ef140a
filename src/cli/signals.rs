//! Signals: what they ask of a process that serves.

use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// SIGINT and SIGTERM, which do nothing else from now on.
pub(super) struct StopSignals {
    interrupt: Signal,
    terminate: Signal,
}

/// Who asks a process to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StopReason {
    /// SIGINT: a person at a terminal, who waits for the prompt.
    Person,
    /// SIGTERM: a supervisor, whose load balancer may not know yet.
    Supervisor,
}

impl StopSignals {
    /// Ready at both.
    pub(super) fn listen() -> anyhow::Result<Self> {
        let interrupt = signal(SignalKind::interrupt()).context("cannot wait for SIGINT")?;
        let terminate = signal(SignalKind::terminate()).context("cannot wait for SIGTERM")?;
        Ok(Self { interrupt, terminate })
    }

    /// Waits for the next one.
    pub(super) async fn next(&mut self) -> StopReason {
        tokio::select! {
            _ = self.interrupt.recv() => StopReason::Person,
            _ = self.terminate.recv() => StopReason::Supervisor,
        }
    }
}

/// SIGHUP, which asks to read everything again and does nothing else from now on.
pub(super) fn reload_signal() -> anyhow::Result<Signal> {
    signal(SignalKind::hangup()).context("cannot wait for SIGHUP")
}
