//! How a process of the shop notices that the process which started it is gone.

use std::io::Read as _;

/// Ends this process when its standard input ends.
///
/// The parent holds the other end of that pipe and never writes to it. The pipe closes when the parent ends, even by
/// SIGKILL, which no process can catch. A separate thread waits for this, because a runtime would not end before the
/// read does.
pub(crate) fn end_with_parent() {
    std::thread::spawn(|| {
        let mut ignored = [0; 64];
        let mut stdin = std::io::stdin().lock();
        while stdin.read(&mut ignored).is_ok_and(|count| count > 0) {}
        std::process::exit(0);
    });
}
