//! A token in a file that is replaced now and then: the token of now, read again by time.
//!
//! In: a file. Out: a header's value.
//! Elsewhere: when a call needs it ([`super::credentials`]).
//!
//! Calls ask for the token, and the age of what was read says what they do: younger than 10 s, it is taken as it is; a bit
//! older, it is taken and the file is read again beside; older than that, as after a quiet night, the call waits for the
//! file. So the first wave of a morning carries the token of the morning. Why no task that reads the file every 10 s: a
//! service that nobody calls would cost reads for ever, and each reload would have to end such a task; the price is that
//! the first call after a silence waits for a file to be read, which takes microseconds.
//!
//! A file can hang, on a mount that is dead. So it is read on a thread of its own, which nobody waits for longer than
//! 500 ms: neither calls nor, as for the threads of a runtime, the end of the process. While such a read hangs, no other
//! is begun, and calls carry the token of before without waiting.
//!
//! Always true:
//! - a token that is sent was read at most 10.5 s before, or the last attempt to read it has failed, and the log says so;
//! - one file has one read under way at most;
//! - tokens are in no log, error or debug output.

use super::credentials::{CredentialsError, MAX_TOKEN_BYTES};
use arc_swap::ArcSwap;
use http::{HeaderName, HeaderValue};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// How old a token may be before its file is read again.
const PERIOD: Duration = Duration::from_secs(10);
/// Longest wait of a call for a file.
const READ_DEADLINE: Duration = Duration::from_millis(500);
/// Longest wait for a file when it is read for the first time.
const OPEN_DEADLINE: Duration = Duration::from_secs(5);

/// A token that is read from a file, again and again.
pub struct TokenFile {
    path: PathBuf,
    header: HeaderName,
    scheme: String,
    held: ArcSwap<Held>,
    /// Held for a few comparisons, never over an await.
    reading: Mutex<Option<Reading>>,
    /// Reads that have ended.
    ended: watch::Sender<u64>,
    period: Duration,
}

struct Held {
    value: HeaderValue,
    /// When the last attempt to read it began.
    read_at: Instant,
}

/// A read that is under way.
#[derive(Debug, Clone, Copy)]
struct Reading {
    since: Instant,
    /// Whether the log has been told that it takes long.
    is_told: bool,
}

impl std::fmt::Debug for TokenFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenFile").field("path", &self.path).field("header", &self.header).finish_non_exhaustive()
    }
}

impl TokenFile {
    /// Reads the file for the first time, for 5 s at most.
    ///
    /// # Errors
    /// [`CredentialsError::Unreadable`], [`CredentialsError::NoToken`].
    pub fn open(path: PathBuf, header: HeaderName, scheme: impl Into<String>) -> Result<Self, CredentialsError> {
        let (scheme, read_at) = (scheme.into(), Instant::now());
        let (sender, receiver) = std::sync::mpsc::sync_channel(1);
        let of_thread = path.clone();
        on_a_thread(move || _ = sender.send(read(&of_thread)))?;
        let bytes = receiver.recv_timeout(OPEN_DEADLINE).map_err(|_| too_slow(OPEN_DEADLINE))??;
        let held = ArcSwap::from_pointee(Held { value: parse(&bytes, &scheme)?, read_at });
        let (reading, ended) = (Mutex::default(), watch::Sender::new(0));
        Ok(Self { path, header, scheme, held, reading, ended, period: PERIOD })
    }

    /// The header that carries it.
    pub(super) fn header(&self) -> &HeaderName {
        &self.header
    }

    /// The token that was read last.
    pub(super) fn value(&self) -> HeaderValue {
        self.held.load().value.clone()
    }

    /// Has the file read again if it was read too long ago, and waits for that if it was read much too long ago, until
    /// `deadline` at most.
    pub(super) async fn refresh(self: &Arc<Self>, deadline: tokio::time::Instant) {
        let age = self.held.load().read_at.elapsed();
        if age < self.period {
            return;
        }
        let mut ended = self.ended.subscribe();
        let Some(since) = self.read_again() else { return };
        if age < self.period + READ_DEADLINE {
            return;
        }
        let left = READ_DEADLINE.saturating_sub(since.elapsed());
        let until = deadline.min(tokio::time::Instant::now() + left);
        if tokio::time::timeout_at(until, ended.changed()).await.is_err() && since.elapsed() >= READ_DEADLINE {
            self.tell_slow();
        }
    }

    /// Begins to read the file, unless that is under way. When it began; `None`: it has ended already.
    fn read_again(self: &Arc<Self>) -> Option<Instant> {
        let mut reading = self.reading();
        if let Some(Reading { since, .. }) = *reading {
            return Some(since);
        }
        let since = Instant::now();
        // Another call's read may have ended since this one has looked.
        if since.saturating_duration_since(self.held.load().read_at) < self.period {
            return None;
        }
        *reading = Some(Reading { since, is_told: false });
        drop(reading);
        let file = Arc::clone(self);
        if let Err(error) = on_a_thread(move || file.end(since, read(&file.path))) {
            self.end(since, Err(error.into()));
        }
        Some(since)
    }

    /// Takes in what a read has given.
    fn end(&self, since: Instant, bytes: Result<Vec<u8>, CredentialsError>) {
        let value = match bytes.and_then(|bytes| parse(&bytes, &self.scheme)) {
            Ok(value) => value,
            Err(error) => {
                tracing::warn!(file = %self.path.display(), %error, "the token of before stays in use");
                self.value()
            }
        };
        self.held.store(Arc::new(Held { value, read_at: since }));
        *self.reading() = None;
        self.ended.send_modify(|count| *count += 1);
    }

    /// Tells the log, once for each read that takes too long.
    fn tell_slow(&self) {
        let mut reading = self.reading();
        let Some(reading) = reading.as_mut().filter(|reading| !reading.is_told) else { return };
        reading.is_told = true;
        let error = too_slow(READ_DEADLINE);
        tracing::warn!(file = %self.path.display(), %error, "the token of before stays in use");
    }

    fn reading(&self) -> MutexGuard<'_, Option<Reading>> {
        self.reading.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn too_slow(after: Duration) -> CredentialsError {
    std::io::Error::new(std::io::ErrorKind::TimedOut, format!("it could not be read within {after:?}")).into()
}

/// Does what may hang on a thread that nobody joins.
fn on_a_thread(work: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    std::thread::Builder::new().name("token-file".to_owned()).spawn(work).map(drop)
}

/// A file's bytes, as far as a token can be long.
fn read(path: &Path) -> Result<Vec<u8>, CredentialsError> {
    let mut bytes = Vec::new();
    // White space around a token does not count; a file of more of it than that is none.
    std::fs::File::open(path)?.take(2 * MAX_TOKEN_BYTES as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// A file's token as a header's value; white space around it does not count.
fn parse(bytes: &[u8], scheme: &str) -> Result<HeaderValue, CredentialsError> {
    let text = std::str::from_utf8(bytes).map_err(|_| CredentialsError::NoToken)?.trim();
    let is_token = (1..=MAX_TOKEN_BYTES).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_token {
        return Err(CredentialsError::NoToken);
    }
    let value = if scheme.is_empty() { text.to_owned() } else { format!("{scheme} {text}") };
    let mut value = HeaderValue::from_str(&value).map_err(|_| CredentialsError::NoToken)?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    const NAME: HeaderName = HeaderName::from_static("x-id");

    fn soon() -> tokio::time::Instant {
        tokio::time::Instant::now() + Duration::from_secs(60)
    }

    /// A folder that is removed when dropped.
    struct Folder(PathBuf);

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    /// A folder with a token, and the token's file as it is read again by `period`.
    fn token_file(period: Duration) -> (Folder, PathBuf, Arc<TokenFile>) {
        let number = ahash::RandomState::new().hash_one(0);
        let folder = Folder(std::env::temp_dir().join(format!("token-{}-{number:x}", std::process::id())));
        std::fs::create_dir(&folder.0).expect("a folder");
        let path = folder.0.join("token");
        std::fs::write(&path, "first\n").expect("a file");
        let file = TokenFile::open(path.clone(), NAME, "Bearer").expect("a token");
        (folder, path, Arc::new(TokenFile { period, ..file }))
    }

    /// Makes the token as old as that.
    fn age(file: &TokenFile, age: Duration) {
        let read_at = Instant::now().checked_sub(age).expect("a clock that runs for long");
        file.held.store(Arc::new(Held { value: file.value(), read_at }));
    }

    #[tokio::test]
    async fn the_first_call_after_a_silence_carries_the_token_of_now() {
        let (_folder, path, file) = token_file(PERIOD);
        assert_eq!(file.value(), "Bearer first");
        for (text, expected) in [("  second\n", "Bearer second"), ("third", "Bearer third")] {
            std::fs::write(&path, text).expect("a file");
            age(&file, PERIOD + READ_DEADLINE);
            assert_ne!(file.value(), expected, "nobody has asked");
            // A wave of calls, of which all wait for one read.
            let wave = (0..20).map(|_| async {
                file.refresh(soon()).await;
                file.value()
            });
            let values = futures_util::future::join_all(wave).await;
            assert!(values.iter().all(|value| value == expected), "{text:?}");
        }
        assert_eq!(*file.ended.borrow(), 2);
    }

    #[tokio::test]
    async fn while_calls_come_nobody_waits_and_the_file_is_read_beside() {
        let (_folder, path, file) = token_file(PERIOD);
        std::fs::write(&path, "second").expect("a file");
        file.refresh(soon()).await;
        assert_eq!((file.value(), *file.ended.borrow()), ("Bearer first".parse().expect("a value"), 0), "it is young");
        age(&file, PERIOD);
        let mut ended = file.ended.subscribe();
        file.refresh(soon()).await;
        ended.changed().await.expect("an end");
        assert_eq!(file.value(), "Bearer second");
    }

    #[tokio::test]
    async fn what_cannot_be_read_leaves_the_token_of_before() {
        let (_folder, path, file) = token_file(Duration::ZERO);
        let mut ended = file.ended.subscribe();
        for bytes in [&b"two words"[..], b"", b"\xff", &[b' '; 3 * MAX_TOKEN_BYTES]] {
            std::fs::write(&path, bytes).expect("a file");
            file.refresh(soon()).await;
            ended.changed().await.expect("an end");
            assert_eq!(file.value(), "Bearer first");
        }
        std::fs::remove_file(&path).expect("the file");
        file.refresh(soon()).await;
        ended.changed().await.expect("an end");
        assert_eq!(file.value(), "Bearer first");
        assert!(matches!(TokenFile::open(path, NAME, ""), Err(CredentialsError::Unreadable(_))));
        assert_eq!(parse(b"bare", "").expect("a token"), "bare");
    }

    #[tokio::test]
    async fn a_file_that_hangs_holds_up_no_call_for_long_and_no_second_one() {
        let (_folder, path, file) = token_file(Duration::ZERO);
        std::fs::remove_file(&path).expect("the file");
        // Whoever opens a pipe that nobody writes to hangs, as on a dead mount.
        let made = Command::new("mkfifo").arg(&path).status().expect("mkfifo");
        assert!(made.success());
        age(&file, PERIOD);
        let began = Instant::now();
        file.refresh(soon()).await;
        assert!(began.elapsed() >= READ_DEADLINE);
        let since = file.reading().expect("it hangs");
        assert!(since.is_told);
        for _ in 0..1_000 {
            file.refresh(soon()).await;
        }
        assert_eq!(file.reading().map(|reading| reading.since), Some(since.since), "no other read was begun");
        assert!(began.elapsed() < 20 * READ_DEADLINE, "a thousand calls did not wait");
        assert_eq!(file.value(), "Bearer first");
        // A call with less time left waits no longer than it has.
        file.reading().as_mut().expect("it hangs").since = Instant::now();
        let began = Instant::now();
        file.refresh(tokio::time::Instant::now()).await;
        assert!(began.elapsed() < READ_DEADLINE);
        // The mount is back.
        let mut ended = file.ended.subscribe();
        let pipe = path.clone();
        std::thread::spawn(move || std::fs::write(pipe, "second")).join().expect("no panic").expect("a reader");
        ended.changed().await.expect("an end");
        assert_eq!(file.value(), "Bearer second");
    }
}
