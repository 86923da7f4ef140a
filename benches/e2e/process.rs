//! A server in a process of its own, which is watched through `/proc` and killed when the value is dropped.

use crate::Failed;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// The clock ticks per second in `/proc/<pid>/stat`, which are 100 on all usual Linux systems (`getconf CLK_TCK`).
const TICKS_PER_SECOND: f64 = 100.0;

/// The settings of a server, which are handed over as environment variables.
#[derive(Debug, Clone)]
pub(crate) struct Setup {
    /// The base URL of the services.
    pub(crate) upstream: String,
    /// The folder of the project that Bespoke serves.
    pub(crate) project: PathBuf,
    /// A file with the answer, for servers that only send it on.
    pub(crate) answer: PathBuf,
    /// The targets of the calls that the answer needs, with spaces between them.
    pub(crate) calls: String,
    /// The memory for whole answers, in bytes; `None` for Bespoke's default.
    pub(crate) max_answer_bytes: Option<u64>,
}

/// The path of a file or folder of the repository.
pub(crate) fn in_repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

pub(crate) struct Process {
    child: Child,
    /// The address of the server, as `host:port`.
    pub(crate) address: String,
}

impl Process {
    /// Starts this program in the role `upstream`: the services, which answer after `delay` and with this
    /// `Cache-Control`. If `cache_control` is empty, they do not send the header.
    pub(crate) fn upstream(delay: Duration, cache_control: &str) -> Result<Self, Failed> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("upstream").env("DELAY_MS", delay.as_millis().to_string()).env("CACHE_CONTROL", cache_control);
        Self::start(&mut command)
    }

    /// Starts this program in the role `role`.
    pub(crate) fn role(role: &str, setup: &Setup) -> Result<Self, Failed> {
        let mut command = Command::new(std::env::current_exe()?);
        Self::start(setup.tell(command.arg(role)))
    }

    /// Starts `bespoke serve`.
    pub(crate) fn bespoke(program: &Path, setup: &Setup) -> Result<Self, Failed> {
        Self::start(setup.tell(&mut serve(program, &setup.project)))
    }

    /// Starts `bespoke serve` with these environment variables.
    pub(crate) fn serve(program: &Path, project: &Path, variables: [(&str, String); 2]) -> Result<Self, Failed> {
        Self::start(serve(program, project).envs(variables))
    }

    /// Starts the process and waits for the line that says where it listens.
    fn start(command: &mut Command) -> Result<Self, Failed> {
        // Bespoke logs a line per request, as it does in production, but nobody reads the lines.
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let mut out = BufReader::new(child.stdout.take().ok_or("no standard output")?);
        let mut line = String::new();
        out.read_line(&mut line)?;
        let address = line.split_once("http://").map(|(_, rest)| rest);
        let address = address.and_then(|rest| rest.split(['/', '\n', ',']).next()).unwrap_or_default().to_owned();
        // The rest of the output is read and discarded, so that a full pipe cannot block the process.
        std::thread::spawn(move || std::io::copy(&mut out.by_ref().take(u64::MAX), &mut std::io::sink()));
        let process = Self { child, address };
        if process.address.is_empty() {
            return Err(format!("{command:?} did not say where it listens").into());
        }
        Ok(process)
    }

    /// The processor time that the process has used.
    pub(crate) fn cpu(&self) -> Result<Duration, Failed> {
        cpu(self.child.id())
    }

    /// The peak of the process's resident memory (`VmHWM`), in MiB.
    pub(crate) fn peak_mib(&self) -> Result<f64, Failed> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib: f64 = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse().ok()).ok_or("no VmHWM")?;
        Ok(kib / 1024.0)
    }
}

impl Setup {
    fn tell<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        command
            .envs(["POSTS_URL", "USERS_URL"].map(|name| (name, &self.upstream)))
            .env("PROJECT", &self.project)
            .env("ANSWER", &self.answer)
            .env("CALLS", &self.calls)
            .envs(self.max_answer_bytes.map(|bytes| ("MAX_ANSWER_BYTES", bytes.to_string())))
    }
}

fn serve(program: &Path, project: &Path) -> Command {
    let mut command = Command::new(program);
    command.args(["serve", "--client", "web", "--port", "0", "--project"]).arg(project);
    command
}

/// The processor time that a process has used, in user mode and in the kernel.
pub(crate) fn cpu(id: u32) -> Result<Duration, Failed> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat"))?;
    // The name in parentheses may contain any character, so the fields after the last parenthesis are read. `utime` and
    // `stime` are the 12th and 13th of them.
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace();
    let ticks: Vec<f64> = fields.skip(11).take(2).filter_map(|field| field.parse().ok()).collect();
    Ok(Duration::from_secs_f64(ticks.iter().sum::<f64>() / TICKS_PER_SECOND))
}

impl Drop for Process {
    fn drop(&mut self) {
        // The process may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
