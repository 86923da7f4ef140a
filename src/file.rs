//! Reading files that may hang: opening a file on a mount that does not respond never returns.
//!
//! In: a path. Out: the bytes of the file, or an error in time.
//! Elsewhere: keys, certificates and tokens, which are read this way ([`crate::upstream`], [`crate::engine`]).
//!
//! Always true:
//! - a file is read on a thread of its own, which nothing joins; so neither the caller nor the end of the process waits for
//!   it;
//! - at most [`MAX_THREADS`] such threads exist at once;
//! - a file has a largest size.

use std::fs::File;
use std::io::{Error, ErrorKind, Read, Result};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

/// Longest wait for a file that a configuration names.
const DEADLINE: Duration = Duration::from_secs(5);

/// Largest file that a configuration names, in bytes. The authorities of a whole system take a quarter of a megabyte.
const MAX_BYTES: usize = 4 << 20;

/// Most files that are read at once, including those that hang.
const MAX_THREADS: usize = 64;

/// How many files are being read.
static THREADS: AtomicUsize = AtomicUsize::new(0);

/// Reads a file that a configuration names: up to 4 MiB, for 5 s at most.
///
/// # Errors
/// What the system says; [`ErrorKind::TimedOut`] after 5 s; [`ErrorKind::FileTooLarge`]; [`ErrorKind::ResourceBusy`], when
/// 64 files hang already.
pub fn read_file(path: &Path) -> Result<Vec<u8>> {
    read_in_time(path, MAX_BYTES, DEADLINE)
}

/// Reads a file of at most `max_bytes`, for at most `time`.
///
/// # Errors
/// As [`read_file`].
pub(crate) fn read_in_time(path: &Path, max_bytes: usize, time: Duration) -> Result<Vec<u8>> {
    let (sender, receiver) = sync_channel(1);
    read_beside(path.to_owned(), max_bytes, move |bytes| _ = sender.send(bytes))?;
    receiver.recv_timeout(time).unwrap_or_else(|_| Err(too_slow(time)))
}

/// Begins to read a file of at most `max_bytes`. Calls `then` with the result, whenever that is there.
///
/// # Errors
/// When the read could not be begun.
pub(crate) fn read_beside(
    path: PathBuf,
    max_bytes: usize,
    then: impl FnOnce(Result<Vec<u8>>) + Send + 'static,
) -> Result<()> {
    let thread = Thread::begin(&THREADS)?;
    let work = move || {
        let bytes = read(&path, max_bytes);
        drop(thread);
        then(bytes);
    };
    std::thread::Builder::new().name("file".to_owned()).spawn(work).map(drop)
}

/// The error for a file that was not read within `time`.
pub(crate) fn too_slow(time: Duration) -> Error {
    Error::new(ErrorKind::TimedOut, format!("it could not be read within {time:?}"))
}

fn read(path: &Path, max_bytes: usize) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(max_bytes as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > max_bytes {
        return Err(Error::new(ErrorKind::FileTooLarge, format!("it is larger than {max_bytes} bytes")));
    }
    Ok(bytes)
}

/// Counts as one of the threads until it is dropped.
struct Thread(&'static AtomicUsize);

impl Thread {
    fn begin(count: &'static AtomicUsize) -> Result<Self> {
        // Counted first, then checked: the guard takes a refused one off again.
        let thread = Self(count);
        match count.fetch_add(1, Ordering::Relaxed) < MAX_THREADS {
            true => Ok(thread),
            false => Err(Error::new(ErrorKind::ResourceBusy, "too many files cannot be read in time")),
        }
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;
    use std::time::Instant;

    #[test]
    fn a_file_that_hangs_or_is_too_large_is_an_error_in_time() {
        let number = ahash::RandomState::new().hash_one(0);
        let folder = std::env::temp_dir().join(format!("file-{}-{number:x}", std::process::id()));
        std::fs::create_dir(&folder).expect("a folder");
        let (path, pipe) = (folder.join("file"), folder.join("pipe"));
        std::fs::write(&path, "12345").expect("a file");
        assert_eq!(read_in_time(&path, 5, DEADLINE).expect("bytes"), b"12345");
        let kind = |path: &Path, max_bytes| {
            read_in_time(path, max_bytes, Duration::from_millis(50)).expect_err("an error").kind()
        };
        assert_eq!(kind(&path, 4), ErrorKind::FileTooLarge);
        assert_eq!(kind(&folder.join("nowhere"), 4), ErrorKind::NotFound);
        // Whoever opens a pipe that nobody writes to hangs, as on a dead mount.
        assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo").success());
        let began = Instant::now();
        assert_eq!(kind(&pipe, 4), ErrorKind::TimedOut);
        assert!(began.elapsed() < DEADLINE, "{:?}", began.elapsed());
        std::fs::remove_dir_all(&folder).expect("the folder");
    }

    #[test]
    fn so_many_files_hang_and_no_more() {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let mut threads: Vec<_> = (0..MAX_THREADS).map(|_| Thread::begin(&COUNT).expect("room")).collect();
        assert_eq!(Thread::begin(&COUNT).err().map(|error| error.kind()), Some(ErrorKind::ResourceBusy));
        threads.pop();
        assert!(Thread::begin(&COUNT).is_ok(), "one has come back");
    }
}
