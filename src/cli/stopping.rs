//! Stopping: one time budget from the first signal to the end of the process, whatever holds the process up.
//!
//! In: SIGINT and SIGTERM. Out: a [`Timetable`] of what ends when, and finally the end of the process.
//! Elsewhere: ending what is under way ([`super::serve`], [`crate::http`]).
//!
//! Always true:
//! - a separate thread waits for the signals and for the end of the grace period, so that nothing on other threads
//!   keeps the process alive: a name lookup that blocks, a file that cannot be read, a worker that is busy;
//! - the second signal ends the process at once.

use super::signals::{StopReason, StopSignals};
use crate::config::ServerConfig;
use crate::http::Site;
use anyhow::{Context, anyhow};
use std::process::ExitCode;
use std::time::Duration;
use tokio::sync::{oneshot, watch};
use tokio::time::Instant;

/// The exit status after a second signal.
const HURRIED: u8 = 1;

/// The exit status if something was cut off at the end of the grace period.
const CUT_OFF: u8 = 3;

/// Longest part of the grace period that is reserved for cutting off what has not ended.
const FAREWELL: Duration = Duration::from_millis(500);

/// How long the last line has to reach the log before the process ends.
const LAST_WORDS: Duration = Duration::from_millis(20);

/// The moments at which things end after the first signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Timetable {
    /// From now on nothing new is accepted, and streams begin to end.
    pub(super) refusal: Instant,
    /// The time after that over which streams end.
    pub(super) stream_drain: Duration,
    /// Now, whatever has not ended is cut off.
    pub(super) cut_off: Instant,
    /// The process ends.
    end: Instant,
}

impl Timetable {
    /// Divides the grace period of a configuration.
    fn new(reason: StopReason, config: &ServerConfig, now: Instant) -> Self {
        let grace = config.shutdown_grace;
        let cut_off = now + grace - FAREWELL.min(grace / 10);
        let (delay, drain) = match reason {
            StopReason::Person => (Duration::ZERO, Duration::ZERO),
            StopReason::Supervisor => (config.shutdown_delay(), config.stream_drain()),
        };
        let refusal = (now + delay).min(cut_off);
        let stream_drain = drain.min(cut_off.saturating_duration_since(refusal) / 2);
        Self { refusal, stream_drain, cut_off, end: now + grace - LAST_WORDS.min(grace / 20) }
    }
}

/// How a stop has ended.
pub(super) fn status(is_cut_off: bool) -> ExitCode {
    if is_cut_off { ExitCode::from(CUT_OFF) } else { ExitCode::SUCCESS }
}

/// Reports that the process is to stop. Clones report the same.
#[derive(Debug, Clone)]
pub(super) struct StopNotice(watch::Receiver<Option<Timetable>>);

impl StopNotice {
    /// Starts to wait for the signals, and tells `site` about the first one, so that it reports that it is not ready.
    ///
    /// # Errors
    /// When no thread can be started, or signals cannot be received.
    pub(super) async fn watch(site: Site) -> anyhow::Result<Self> {
        let (tell, told) = watch::channel(None);
        let (listening, listens) = oneshot::channel();
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start the runtime")?;
        let run = move || {
            runtime.block_on(async {
                let signals = StopSignals::listen();
                let (signals, result) = match signals {
                    Ok(signals) => (Some(signals), Ok(())),
                    Err(error) => (None, Err(error)),
                };
                let _ = listening.send(result);
                if let Some(signals) = signals {
                    end(signals, &site, &tell).await;
                }
            });
        };
        std::thread::Builder::new().name("signals".to_owned()).spawn(run).context("cannot start a thread")?;
        listens.await.map_err(|_| anyhow!("the thread that waits for signals has ended"))??;
        Ok(Self(told))
    }

    /// Waits for the first signal.
    pub(super) async fn wait(&mut self) -> Timetable {
        match self.0.wait_for(Option::is_some).await.map(|told| *told) {
            Ok(Some(timetable)) => timetable,
            // The thread ends together with the process.
            Ok(None) | Err(_) => std::future::pending().await,
        }
    }
}

/// Waits for the first signal, reports it, and ends the process at the end of the grace period.
async fn end(mut signals: StopSignals, site: &Site, tell: &watch::Sender<Option<Timetable>>) {
    let reason = signals.next().await;
    let timetable = Timetable::new(reason, site.now().config(), Instant::now());
    site.leave();
    let delay = timetable.refusal.saturating_duration_since(Instant::now());
    tracing::info!(delay_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX), "stopping");
    tell.send_replace(Some(timetable));
    let status = tokio::select! {
        _ = signals.next() => {
            tracing::warn!("second signal: ending at once");
            HURRIED
        }
        () = tokio::time::sleep_until(timetable.end) => {
            tracing::error!("the grace period is over and something is still held up: ending at once");
            CUT_OFF
        }
    };
    tokio::time::sleep(LAST_WORDS).await;
    std::process::exit(i32::from(status));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Mode;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn all_that_a_stop_takes_fits_into_one_grace() {
        let config = |delay, grace, drain| ServerConfig {
            shutdown_delay: delay,
            shutdown_grace: grace,
            stream_drain: drain,
            ..ServerConfig::default()
        };
        let now = Instant::now();
        let (person, supervisor) = (StopReason::Person, StopReason::Supervisor);
        for (reason, config, refusal, drain, cut_off) in [
            (supervisor, ServerConfig::default(), s(5), Duration::from_millis(9_750), Duration::from_millis(24_500)),
            (person, ServerConfig::default(), s(0), s(0), Duration::from_millis(24_500)),
            (supervisor, config(Some(s(2)), s(60), Some(s(30))), s(2), Duration::from_millis(28_750), s(59)),
            (supervisor, config(Some(s(2)), s(60), Some(s(3))), s(2), s(3), s(59)),
            // Code may set what a file could not.
            (supervisor, config(Some(s(9)), s(1), None), Duration::from_millis(900), s(0), Duration::from_millis(900)),
            (
                supervisor,
                ServerConfig { mode: Mode::Development, ..ServerConfig::default() },
                s(0),
                s(0),
                Duration::from_millis(24_500),
            ),
        ] {
            let timetable = Timetable::new(reason, &config, now);
            assert_eq!(timetable.refusal, now + refusal, "{config:?}");
            assert_eq!(timetable.stream_drain, drain, "{config:?}");
            assert!(timetable.cut_off >= now + cut_off && timetable.cut_off < timetable.end, "{timetable:?}");
            assert!(timetable.end < now + config.shutdown_grace, "{timetable:?}");
        }
    }
}
