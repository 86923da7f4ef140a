//! The running processes of the shop. A [`Family`] reports which of them have ended, and stops the others.
//!
//! Always true: each process has a task that waits for it and is the only one to send it signals, so that no signal can
//! reach another process that later got the same number; dropping the family kills all processes that still run.

use std::io::{Error, ErrorKind};
use std::process::ExitStatus;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::Child;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::layout::ProcessName;
use super::output::{pass_on, say};
use super::process::Ended;

/// How long a process may take to end after SIGTERM, before SIGKILL.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest wait for the last output of a process that has ended, and for the end of a process after SIGKILL.
const REST_TIMEOUT: Duration = Duration::from_secs(1);

/// The state that all processes shall be in. It only ever increases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Wanted {
    Running,
    Stopped,
    Killed,
}

/// The running processes of the shop.
#[derive(Debug)]
pub(super) struct Family {
    wanted: watch::Sender<Wanted>,
    tasks: JoinSet<Ended>,
}

impl Default for Family {
    fn default() -> Self {
        Self { wanted: watch::Sender::new(Wanted::Running), tasks: JoinSet::new() }
    }
}

impl Family {
    /// Watches `child` from now on.
    pub(super) fn add(&mut self, name: ProcessName, child: Child) {
        self.tasks.spawn(watch_over(name, child, self.wanted.subscribe()));
    }

    /// The number of processes that run, or whose end [`Self::next_ended`] has not yet returned.
    pub(super) fn len(&self) -> usize {
        self.tasks.len()
    }

    /// Waits for the next process that ends; `None` if no process is left. The future may be dropped, and no end is
    /// lost.
    pub(super) async fn next_ended(&mut self) -> Option<Ended> {
        loop {
            match self.tasks.join_next().await? {
                Ok(ended) => return Some(ended),
                // Only a defect of this program can cause this error. The process is killed with its task.
                Err(error) => say(&format!("a process is not watched any more: {error}")),
            }
        }
    }

    /// Stops all processes: SIGTERM, then SIGKILL for those that take longer than five seconds. The future may be
    /// dropped and followed by [`Self::kill`].
    pub(super) async fn stop(&mut self) {
        self.end(Wanted::Stopped).await;
    }

    /// Ends all processes with SIGKILL.
    pub(super) async fn kill(&mut self) {
        self.end(Wanted::Killed).await;
    }

    async fn end(&mut self, how: Wanted) {
        self.wanted.send_replace(how);
        while let Some(ended) = self.next_ended().await {
            if ended.status.is_err() {
                say(&ended.to_string());
            }
        }
    }
}

/// Waits until one process ends by itself, or ends it when `wanted` says so.
async fn watch_over(name: ProcessName, mut child: Child, mut wanted: watch::Receiver<Wanted>) -> Ended {
    let stderr = child.stderr.take();
    let output = tokio::spawn(async move {
        match stderr {
            Some(stderr) => pass_on(name.as_str(), stderr).await,
            None => Vec::new(),
        }
    });
    // The process ends when this pipe is closed. The pipe is taken from the child, because `wait` would close it.
    let _life_line = child.stdin.take();
    let status = tokio::select! {
        status = child.wait() => status,
        () = until(&mut wanted, Wanted::Stopped) => stop(name, &mut child, &mut wanted).await,
    };
    let last_lines = timeout(REST_TIMEOUT, output).await;
    Ended { name, status, last_lines: last_lines.ok().and_then(Result::ok).unwrap_or_default() }
}

async fn stop(
    name: ProcessName,
    child: &mut Child,
    wanted: &mut watch::Receiver<Wanted>,
) -> std::io::Result<ExitStatus> {
    // There is no number if the process has ended and has been waited for.
    if let Some(pid) = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw) {
        // The signal fails only if the process has ended, which `wait` reports next.
        let _ = kill_process(pid, Signal::TERM);
    }
    tokio::select! {
        status = child.wait() => return status,
        () = until(wanted, Wanted::Killed) => {}
        () = tokio::time::sleep(STOP_TIMEOUT) => {
            say(&format!("`{name}` has not ended {} s after SIGTERM and is killed", STOP_TIMEOUT.as_secs()));
        }
    }
    child.start_kill()?;
    timeout(REST_TIMEOUT, child.wait()).await.map_err(|_| Error::from(ErrorKind::TimedOut))?
}

/// Waits until at least `level` is wanted, and forever if that never happens.
async fn until(wanted: &mut watch::Receiver<Wanted>, level: Wanted) {
    if wanted.wait_for(|wanted| *wanted >= level).await.is_err() {
        // The family has been dropped, and this task is being dropped with it.
        std::future::pending::<()>().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use demo::ServiceName;
    use std::os::unix::process::ExitStatusExt as _;
    use std::process::Stdio;
    use tokio::io::AsyncReadExt as _;
    use tokio::process::Command;

    const NAME: ProcessName = ProcessName::Service(ServiceName::Users);

    fn shell(script: &str) -> Child {
        let mut command = Command::new("sh");
        command.args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.kill_on_drop(true);
        command.spawn().unwrap()
    }

    #[tokio::test]
    async fn an_end_comes_with_its_status_and_what_was_said() {
        let mut family = Family::default();
        family.add(NAME, shell("echo first >&2; echo last >&2; exit 3"));
        let ended = family.next_ended().await.unwrap();
        assert_eq!(ended.status.unwrap().code(), Some(3));
        assert_eq!(ended.last_lines, ["first", "last"]);
        assert!(family.next_ended().await.is_none());
    }

    #[tokio::test]
    async fn the_life_line_is_open_as_long_as_the_process_is_watched() {
        let mut family = Family::default();
        family.add(NAME, shell("read line; exit 7"));
        assert!(timeout(Duration::from_millis(200), family.next_ended()).await.is_err());
        family.stop().await;
        assert_eq!(family.len(), 0);
    }

    /// Starts a shell and returns once it has written something to standard output.
    async fn shell_that_is_ready(script: &str) -> Child {
        let mut child = shell(script);
        let mut said = [0];
        let read = child.stdout.as_mut().unwrap().read_exact(&mut said);
        timeout(Duration::from_secs(10), read).await.expect("the shell is ready").unwrap();
        child
    }

    #[tokio::test]
    async fn stopping_asks_first() {
        let mut family = Family::default();
        family.add(NAME, shell_that_is_ready("trap 'exit 4' TERM; echo ready; while :; do sleep 0.05; done").await);
        family.wanted.send_replace(Wanted::Stopped);
        let ended = family.next_ended().await.unwrap();
        assert_eq!(ended.status.unwrap().code(), Some(4));
    }

    #[tokio::test]
    async fn what_does_not_listen_is_killed_and_at_once_if_wanted() {
        let mut family = Family::default();
        family.add(NAME, shell_that_is_ready("trap '' TERM; echo ready; while :; do sleep 0.05; done").await);
        assert!(timeout(Duration::from_millis(300), family.stop()).await.is_err(), "SIGTERM is ignored");
        let begun = std::time::Instant::now();
        family.kill().await;
        assert!(begun.elapsed() < STOP_TIMEOUT / 2);
        assert_eq!(family.len(), 0);
    }

    #[tokio::test]
    async fn what_does_not_listen_is_killed_when_its_time_is_over() {
        let child = shell_that_is_ready("trap '' TERM; echo ready; while :; do sleep 0.05; done").await;
        let mut family = Family::default();
        family.add(NAME, child);
        family.wanted.send_replace(Wanted::Stopped);
        let ended = timeout(STOP_TIMEOUT * 2, family.next_ended()).await.expect("in time").unwrap();
        assert_eq!(ended.status.unwrap().signal(), Some(9));
    }
}
