//! Writes log lines to standard error without making any request wait.
//!
//! In: whole lines, from any thread. Out: the same lines in the same order, written by a thread of its own.
//! If each line were written where it is made, every request would pay for a system call, and requests would
//! stop while nobody reads the log.
//!
//! Always true:
//! - adding a line never waits for the reader of the log;
//! - the bytes that wait have a bound ([`MAX_WAITING_BYTES`]); further lines are dropped and counted, and the log says
//!   how many there were;
//! - the log ends when the guard is dropped: lines that were added before are written, if that
//!   is possible within [`FAREWELL`].

use prometheus_client::metrics::counter::Counter;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tracing_subscriber::fmt::MakeWriter;

/// How many bytes of lines may wait to be written.
const MAX_WAITING_BYTES: usize = 4 << 20;
/// How long lines are gathered before they are written with one system call.
const GATHER: Duration = Duration::from_millis(5);
/// How long the guard waits at the end for the lines that are not written yet.
const FAREWELL: Duration = Duration::from_secs(1);

/// Takes lines for the log. Clones belong to the same log.
#[derive(Debug, Clone)]
pub(super) struct Drain {
    shared: Arc<Shared>,
}

/// Ends the log when it is dropped.
#[derive(Debug)]
pub struct LogGuard {
    drain: Drain,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// Notified when a line was added, or when the log is to end.
    added: Condvar,
    /// Notified when everything was written and nothing more will be.
    ended: Condvar,
    dropped: Counter,
    max_waiting: usize,
}

#[derive(Debug, Default)]
struct State {
    waiting: Vec<u8>,
    /// The number of dropped lines that the log does not mention yet.
    dropped: u64,
    is_closing: bool,
    has_ended: bool,
}

impl Drain {
    /// Starts a thread that writes to `out`. `dropped` counts the lines that are never written.
    pub(super) fn start(out: impl Write + Send + 'static, dropped: Counter) -> io::Result<(Self, LogGuard)> {
        Self::bounded(out, dropped, MAX_WAITING_BYTES)
    }

    fn bounded(out: impl Write + Send + 'static, dropped: Counter, max: usize) -> io::Result<(Self, LogGuard)> {
        let shared =
            Shared { state: Mutex::default(), added: Condvar::new(), ended: Condvar::new(), dropped, max_waiting: max };
        let drain = Self { shared: Arc::new(shared) };
        let shared = Arc::clone(&drain.shared);
        std::thread::Builder::new().name("log".to_owned()).spawn(move || shared.run(out))?;
        Ok((drain.clone(), LogGuard { drain }))
    }

    fn add(&self, line: &[u8]) {
        let mut state = self.shared.state();
        if state.waiting.len() + line.len() > self.shared.max_waiting {
            state.dropped += 1;
            self.shared.dropped.inc();
            return;
        }
        let was_empty = state.waiting.is_empty();
        state.waiting.extend_from_slice(line);
        drop(state);
        if was_empty {
            self.shared.added.notify_one();
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self, mut out: impl Write) {
        let mut lines = Vec::new();
        loop {
            let mut state = self.state();
            while state.waiting.is_empty() && !state.is_closing {
                state = self.added.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            if !state.is_closing {
                let gathered = self.added.wait_timeout_while(state, GATHER, |state| !state.is_closing);
                state = gathered.unwrap_or_else(PoisonError::into_inner).0;
            }
            if state.waiting.is_empty() {
                state.has_ended = true;
                drop(state);
                self.ended.notify_all();
                return;
            }
            std::mem::swap(&mut lines, &mut state.waiting);
            let dropped = std::mem::take(&mut state.dropped);
            drop(state);
            // A failure to write is ignored, because standard error is the only place to report it.
            let _ = out.write_all(&lines).and_then(|()| out.flush());
            lines.clear();
            if dropped > 0 {
                tracing::warn!(dropped, "log lines were dropped: nobody read them in time");
            }
        }
    }
}

impl Drop for LogGuard {
    fn drop(&mut self) {
        let shared = &self.drain.shared;
        let mut state = shared.state();
        state.is_closing = true;
        shared.added.notify_one();
        let ended = shared.ended.wait_timeout_while(state, FAREWELL, |state| !state.has_ended);
        drop(ended);
    }
}

/// Each call writes the line of one event.
impl Write for Drain {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.add(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'w> MakeWriter<'w> for Drain {
    type Writer = Self;

    fn make_writer(&'w self) -> Self {
        self.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

    /// A writer that does one write for each message that it gets, and passes on what was written.
    struct Slow(Receiver<()>, SyncSender<Vec<u8>>);

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.recv().map_err(|_| io::ErrorKind::BrokenPipe)?;
            self.1.send(bytes.to_vec()).map_err(|_| io::ErrorKind::BrokenPipe)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_are_written_in_order_before_the_guard_is_gone() {
        let ((go, going), (written, lines)) = (sync_channel(1_000), sync_channel(1_000));
        let (drain, guard) = Drain::start(Slow(going, written), Counter::default()).expect("a thread");
        let text: Vec<String> = (0..1_000).map(|number| format!("line {number}\n")).collect();
        (0..1_000).for_each(|_| go.send(()).expect("a writer"));
        text.iter().for_each(|line| drain.add(line.as_bytes()));
        drop(guard);
        assert_eq!(lines.try_iter().collect::<Vec<_>>().concat(), text.concat().into_bytes());
    }

    #[test]
    fn lines_over_the_bound_are_dropped_and_counted_and_nobody_waits() {
        let ((go, going), (written, lines)) = (sync_channel(1_000), sync_channel(1_000));
        let dropped = Counter::default();
        let (drain, guard) = Drain::bounded(Slow(going, written), dropped.clone(), 10).expect("a thread");
        // Nothing is read, so at most ten bytes are being written and ten wait.
        (0..100).for_each(|_| drain.add(b"1234\n"));
        assert!((96..=98).contains(&dropped.get()), "{} dropped", dropped.get());
        (0..100).for_each(|_| go.send(()).expect("a writer"));
        drop(guard);
        let written = lines.try_iter().flatten().count() as u64;
        assert_eq!(written, (100 - dropped.get()) * 5);
    }
}
