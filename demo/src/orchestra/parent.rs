//! How a process of the shop notices that the one which started it is gone.

use std::io::Read as _;

/// Ends this process when its standard input ends.
///
/// The parent holds the other end of that pipe and never writes to it, so it closes when the parent ends, also by
/// SIGKILL, which nobody can catch. A thread of its own waits, because a runtime would wait for the read at its end.
pub(crate) fn end_with_parent() {
    std::thread::spawn(|| {
        let mut ignored = [0; 64];
        let mut stdin = std::io::stdin().lock();
        while stdin.read(&mut ignored).is_ok_and(|count| count > 0) {}
        std::process::exit(0);
    });
}
