//! Reads files that may hang, because opening a file on a mount that does not respond never returns.
//!
//! In: a path. Out: the bytes of the file, or an error in time.
//! Elsewhere: the keys, certificates and tokens that are read in this way ([`crate::upstream`], [`crate::engine`]).
//!
//! Always true:
//! - a file is read on a thread of its own that is never joined, so neither the caller nor the end of the process waits
//!   for it;
//! - at most [`MAX_THREADS`] such threads exist at once;
//! - the size of a file has a bound.

use std::fs::File;
use std::io::{Error, ErrorKind, Read, Result};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

/// The longest wait for a file that a configuration names.
const DEADLINE: Duration = Duration::from_secs(5);

/// The largest size of a file that a configuration names, in bytes. The certificate authorities of a whole operating
/// system take a quarter of a megabyte.
const MAX_BYTES: usize = 4 << 20;

/// The most files that are read at once, including those that hang.
const MAX_THREADS: usize = 64;

/// How many files are being read.
static THREADS: AtomicUsize = AtomicUsize::new(0);

/// Reads a file that a configuration names: up to 4 MiB, for 5 s at most.
///
/// # Errors
/// The error of the operating system; [`ErrorKind::TimedOut`] after 5 s; [`ErrorKind::FileTooLarge`] above 4 MiB;
/// [`ErrorKind::ResourceBusy`] if 64 files are being read already.
pub fn read_file(path: &Path) -> Result<Vec<u8>> {
    read_in_time(path, MAX_BYTES, DEADLINE)
}

/// Reads a file of at most `max_bytes`, for at most `time`.
///
/// # Errors
/// Those of [`read_file`], with the given bounds.
pub(crate) fn read_in_time(path: &Path, max_bytes: usize, time: Duration) -> Result<Vec<u8>> {
    let (sender, receiver) = sync_channel(1);
    read_beside(path.to_owned(), max_bytes, move |bytes| _ = sender.send(bytes))?;
    receiver.recv_timeout(time).unwrap_or_else(|_| Err(too_slow(time)))
}

/// Begins to read a file of at most `max_bytes` on a thread of its own, which calls `then` with the result.
///
/// # Errors
/// [`ErrorKind::ResourceBusy`] if 64 files are being read already, or the error of starting the thread.
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

/// One of the threads that read files. It is counted until this is dropped.
struct Thread(&'static AtomicUsize);

impl Thread {
    fn begin(count: &'static AtomicUsize) -> Result<Self> {
        // The thread is counted first and checked then. If it is refused, dropping the guard subtracts it again.
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
        // Opening a pipe that nobody writes to hangs, like opening a file on a mount that does not respond.
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
