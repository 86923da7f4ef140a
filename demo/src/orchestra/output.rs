//! The output of processes: each line is passed on with the name of its process, and the last lines are kept.

use std::collections::VecDeque;
use std::io::Write as _;

use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncRead, BufReader};

/// How many lines of each process are kept.
const KEPT_LINES: usize = 10;
/// The longest line, in bytes. The rest of a longer line is dropped.
const MAX_LINE_BYTES: usize = 8 * 1_024;

/// Writes `text` to standard error as output of `demo`.
pub(super) fn say(text: &str) {
    say_as("demo", text);
}

/// Writes `text` to standard error as output of `name`: each line begins with the name.
pub(super) fn say_as(name: &str, text: &str) {
    let mut lines = String::new();
    for line in text.lines() {
        lines.extend([name, ": ", line, "\n"]);
    }
    // A closed standard error is no reason to stop serving, but `eprintln!` would panic.
    let _ = std::io::stderr().write_all(lines.as_bytes());
}

/// Passes on each line of `stream` as `name: line`, until it ends. Returns the last lines.
pub(super) async fn pass_on(name: &str, stream: impl AsyncRead + Unpin) -> Vec<String> {
    let mut last = VecDeque::with_capacity(KEPT_LINES);
    each_line(stream, |line| {
        say_as(name, &line);
        if last.len() == KEPT_LINES {
            last.pop_front();
        }
        last.push_back(line);
    })
    .await;
    last.into()
}

/// Calls `take` with each line of `stream` that is not blank, until the stream ends.
pub(super) async fn each_line(stream: impl AsyncRead + Unpin, mut take: impl FnMut(String)) {
    let mut stream = BufReader::new(stream);
    while let Some(line) = next_line(&mut stream).await {
        if !line.trim().is_empty() {
            take(line);
        }
    }
}

/// The next line without its line break, or `None` if no line is left or it cannot be read.
async fn next_line(stream: &mut (impl AsyncBufRead + Unpin)) -> Option<String> {
    let mut line = Vec::new();
    let mut has_begun = false;
    loop {
        let bytes = stream.fill_buf().await.ok()?;
        if bytes.is_empty() {
            break;
        }
        has_begun = true;
        let end = bytes.iter().position(|&byte| byte == b'\n');
        let part = &bytes[..end.unwrap_or(bytes.len())];
        let room = MAX_LINE_BYTES - line.len();
        line.extend_from_slice(&part[..part.len().min(room)]);
        let used = part.len() + usize::from(end.is_some());
        stream.consume(used);
        if end.is_some() {
            break;
        }
    }
    has_begun.then(|| String::from_utf8_lossy(&line).trim_end_matches('\r').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn lines(text: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        // The buffer is small, so that lines come in parts.
        let mut stream = BufReader::with_capacity(3, text);
        while let Some(line) = next_line(&mut stream).await {
            lines.push(line);
        }
        lines
    }

    #[tokio::test]
    async fn lines_are_cut_out_of_any_bytes() {
        assert_eq!(lines(b"").await, [""; 0]);
        assert_eq!(lines(b"one\r\n\ntwo\nend").await, ["one", "", "two", "end"]);
        assert_eq!(lines(b"\xff\n").await, ["\u{fffd}"]);
        let long = [vec![b'x'; MAX_LINE_BYTES + 100], b"\nnext".to_vec()].concat();
        let got = lines(&long).await;
        assert_eq!(got.iter().map(String::len).collect::<Vec<_>>(), [MAX_LINE_BYTES, 4]);
    }

    #[tokio::test]
    async fn the_last_lines_are_kept() {
        let text: String = (0..100).map(|n| format!("{n}\n\n")).collect();
        let kept = pass_on("test", text.as_bytes()).await;
        assert_eq!(kept, ["90", "91", "92", "93", "94", "95", "96", "97", "98", "99"]);
    }
}
