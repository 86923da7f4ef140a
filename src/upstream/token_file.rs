//! A token in a file that is replaced from time to time. The file is read again at intervals.
//!
//! In: a file. Out: the value of a header.
//! Elsewhere: when a call needs the token ([`super::credentials`]).
//!
//! Calls ask for the token, and its age decides what they do. A token that was read less than 10 s ago is used as
//! it is. If it is at most 0.5 s older than that, it is used and the file is read again in the background. If it is
//! older still, as after a quiet night, the call waits for the file, so the first calls of a morning carry a
//! current token. No task reads the file every 10 s: a service that nobody calls would cost reads for ever, and
//! each reload would have to end such a task. The price is that the first call after a pause waits until the file
//! is read, which takes microseconds.
//!
//! Reading a file can hang, on a mount that does not respond ([`crate::file`]). So no call waits for it longer than
//! 500 ms. While such a read hangs, no other read is begun, and calls carry the earlier token without waiting.
//!
//! Always true:
//! - a token that is sent was read at most 10.5 s before, unless the last attempt to read it failed or hangs, in which
//!   case the log says so;
//! - at most one read of a file is in progress;
//! - tokens are in no log, error or debug output.

use super::credentials::{CredentialsError, MAX_TOKEN_BYTES};
use crate::file::{read_beside, read_in_time, too_slow};
use arc_swap::ArcSwap;
use http::{HeaderName, HeaderValue};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// The largest file, in bytes. White space around a token does not count; a larger file holds no token.
const MAX_FILE_BYTES: usize = 2 * MAX_TOKEN_BYTES;
/// How old a token may be before its file is read again.
const PERIOD: Duration = Duration::from_secs(10);
/// The longest time that a call waits for a file.
const READ_DEADLINE: Duration = Duration::from_millis(500);
/// The longest wait for a file when it is read for the first time.
const OPEN_DEADLINE: Duration = Duration::from_secs(5);

/// A token that is read from a file, and read again at intervals.
pub struct TokenFile {
    path: PathBuf,
    header: HeaderName,
    scheme: String,
    held: ArcSwap<HeldToken>,
    /// The read that is in progress. The lock is held for a few comparisons, never across an await.
    reading: Mutex<Option<Reading>>,
    /// The number of reads that have ended.
    ended: watch::Sender<u64>,
    period: Duration,
}

struct HeldToken {
    value: HeaderValue,
    /// The time at which the last attempt to read the token began.
    read_at: Instant,
}

/// A read that is in progress.
#[derive(Debug, Clone, Copy)]
struct Reading {
    since: Instant,
    /// Whether the log already says that this read takes long.
    is_told: bool,
}

impl std::fmt::Debug for TokenFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenFile").field("path", &self.path).field("header", &self.header).finish_non_exhaustive()
    }
}

impl TokenFile {
    /// Reads the file for the first time, and waits at most 5 s for it.
    ///
    /// # Errors
    /// - [`CredentialsError::Unreadable`] if the file cannot be read in that time;
    /// - [`CredentialsError::NoToken`] if it holds no token.
    pub fn open(path: PathBuf, header: HeaderName, scheme: impl Into<String>) -> Result<Self, CredentialsError> {
        let (scheme, read_at) = (scheme.into(), Instant::now());
        let bytes = read_in_time(&path, MAX_FILE_BYTES, OPEN_DEADLINE)?;
        let held = ArcSwap::from_pointee(HeldToken { value: parse(&bytes, &scheme)?, read_at });
        let (reading, ended) = (Mutex::default(), watch::Sender::new(0));
        Ok(Self { path, header, scheme, held, reading, ended, period: PERIOD })
    }

    /// The name of the header that carries the token.
    pub(super) fn header(&self) -> &HeaderName {
        &self.header
    }

    /// The value of the header, with the token that was read last.
    pub(super) fn value(&self) -> HeaderValue {
        self.held.load().value.clone()
    }

    /// Reads the file again if the token is older than 10 s. If it is older by more than 0.5 s, this waits for the
    /// read, until `deadline` and at most 500 ms.
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

    /// Begins to read the file, unless a read is in progress. Returns when the read began; `None` if another call's
    /// read has just ended.
    fn read_again(self: &Arc<Self>) -> Option<Instant> {
        let mut reading = self.reading();
        if let Some(Reading { since, .. }) = *reading {
            return Some(since);
        }
        let since = Instant::now();
        // The read of another call may have ended since this call looked at the token's age.
        if since.saturating_duration_since(self.held.load().read_at) < self.period {
            return None;
        }
        *reading = Some(Reading { since, is_told: false });
        drop(reading);
        let file = Arc::clone(self);
        let read = read_beside(self.path.clone(), MAX_FILE_BYTES, move |bytes| file.end(since, bytes));
        if let Err(error) = read {
            self.end(since, Err(error));
        }
        Some(since)
    }

    /// Takes in the result of a read. If it failed, the earlier token stays in use.
    fn end(&self, since: Instant, bytes: std::io::Result<Vec<u8>>) {
        let value = match bytes.map_err(Into::into).and_then(|bytes| parse(&bytes, &self.scheme)) {
            Ok(value) => value,
            Err(error) => {
                tracing::warn!(file = %self.path.display(), %error, "the token of before stays in use");
                self.value()
            }
        };
        self.held.store(Arc::new(HeldToken { value, read_at: since }));
        *self.reading() = None;
        self.ended.send_modify(|count| *count += 1);
    }

    /// Logs that the read takes too long, once for each read.
    fn tell_slow(&self) {
        let mut reading = self.reading();
        let Some(reading) = reading.as_mut().filter(|reading| !reading.is_told) else { return };
        reading.is_told = true;
        let error = CredentialsError::from(too_slow(READ_DEADLINE));
        tracing::warn!(file = %self.path.display(), %error, "the token of before stays in use");
    }

    fn reading(&self) -> MutexGuard<'_, Option<Reading>> {
        self.reading.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The file's token as the value of a header. White space around the token does not count.
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

    /// A folder with a token, and its token file, which is read again after `period`.
    fn token_file(period: Duration) -> (Folder, PathBuf, Arc<TokenFile>) {
        let number = ahash::RandomState::new().hash_one(0);
        let folder = Folder(std::env::temp_dir().join(format!("token-{}-{number:x}", std::process::id())));
        std::fs::create_dir(&folder.0).expect("a folder");
        let path = folder.0.join("token");
        std::fs::write(&path, "first\n").expect("a file");
        let file = TokenFile::open(path.clone(), NAME, "Bearer").expect("a token");
        (folder, path, Arc::new(TokenFile { period, ..file }))
    }

    /// Makes the token this old.
    fn age(file: &TokenFile, age: Duration) {
        let read_at = Instant::now().checked_sub(age).expect("a clock that runs for long");
        file.held.store(Arc::new(HeldToken { value: file.value(), read_at }));
    }

    #[tokio::test]
    async fn the_first_call_after_a_silence_carries_the_token_of_now() {
        let (_folder, path, file) = token_file(PERIOD);
        assert_eq!(file.value(), "Bearer first");
        for (text, expected) in [("  second\n", "Bearer second"), ("third", "Bearer third")] {
            std::fs::write(&path, text).expect("a file");
            age(&file, PERIOD + READ_DEADLINE);
            assert_ne!(file.value(), expected, "nobody has asked");
            // A wave of calls, which all wait for the same read.
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
        // Opening a pipe that nobody writes to hangs, as a mount that does not respond does.
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
        // A call with less time left than that waits no longer than its deadline.
        file.reading().as_mut().expect("it hangs").since = Instant::now();
        let began = Instant::now();
        file.refresh(tokio::time::Instant::now()).await;
        assert!(began.elapsed() < READ_DEADLINE);
        // The mount responds again.
        let mut ended = file.ended.subscribe();
        let pipe = path.clone();
        std::thread::spawn(move || std::fs::write(pipe, "second")).join().expect("no panic").expect("a reader");
        ended.changed().await.expect("an end");
        assert_eq!(file.value(), "Bearer second");
    }
}
