//! One process of the shop: how it is started, and how it ended.

use std::ffi::OsString;
use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::Context as _;
use tokio::process::{Child, Command};

use super::family::Family;
use super::layout::{BffName, Layout, ProcessName};
use super::project::Project;

/// The environment variable that hands GraphiQL's token to a BFF. It is not an argument, because every user of the
/// machine can read the arguments of a process.
pub(super) const TOKEN_VARIABLE: &str = "DEMO_PLAYGROUND_TOKEN";

/// The settings with which all processes are started.
#[derive(Debug)]
pub(super) struct Launch<'a> {
    pub(super) layout: &'a Layout,
    pub(super) project: Option<&'a Project>,
    /// The PEM file of the public key.
    pub(super) key_file: &'a Path,
    /// The token that GraphiQL sends to the BFF `web`.
    pub(super) token: &'a str,
    pub(super) delay: Duration,
    pub(super) verbose: bool,
}

impl Launch<'_> {
    /// Starts every process of the layout; returns before they answer.
    ///
    /// # Errors
    /// When a process cannot be started. The processes that were started before it are in the family then.
    pub(super) fn start(&self, family: &mut Family) -> anyhow::Result<()> {
        let program = std::env::current_exe().context("this program's own file cannot be found")?;
        for &(name, port) in self.layout.processes() {
            let child = self.spawn(&program, name, port).with_context(|| format!("`{name}` cannot be started"))?;
            family.add(name, child);
        }
        Ok(())
    }

    fn spawn(&self, program: &PathBuf, name: ProcessName, port: u16) -> std::io::Result<Child> {
        let mut command = Command::new(program);
        command.args(self.arguments(name, port));
        match name {
            ProcessName::Service(_) => {}
            ProcessName::Bff(bff) => {
                if bff == BffName::Web {
                    command.env(TOKEN_VARIABLE, self.token);
                }
                if !self.verbose && std::env::var_os("RUST_LOG").is_none() {
                    command.env("RUST_LOG", "warn");
                }
            }
        }
        // A process learns from the end of its standard input that this one is gone. It has a process group of its own,
        // so that it does not get SIGINT from the terminal, and this process alone decides when it stops.
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).process_group(0).kill_on_drop(true);
        command.spawn()
    }

    fn arguments(&self, name: ProcessName, port: u16) -> Vec<OsString> {
        let kind = match name {
            ProcessName::Service(_) => "service",
            ProcessName::Bff(_) => "bff",
        };
        let mut arguments: Vec<OsString> =
            [kind, name.as_str(), "--end-with-parent", "--port", &port.to_string()].map(OsString::from).into();
        arguments.extend(["--jwt-public-key".into(), self.key_file.into()]);
        match name {
            ProcessName::Service(_) => {
                arguments.extend(["--delay".into(), format!("{}ms", self.delay.as_millis()).into()]);
            }
            ProcessName::Bff(_) => {
                arguments.extend(["--services-base".into(), self.layout.services_base().to_string().into()]);
                if let Some(project) = self.project {
                    arguments.extend(["--project".into(), project.root().into()]);
                }
            }
        }
        arguments
    }
}

/// The end of a process: its name, its status and its last lines.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) name: ProcessName,
    pub(super) status: std::io::Result<ExitStatus>,
    pub(super) last_lines: Vec<String>,
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name;
        match &self.status {
            // `ExitStatus` writes `exit status: 1` or `signal: 9 (SIGKILL)`.
            Ok(status) => write!(f, "`{name}` has ended ({status})")?,
            Err(error) if error.kind() == ErrorKind::TimedOut => write!(f, "`{name}` does not end")?,
            Err(error) => write!(f, "`{name}` has ended, and nobody knows how: {error}")?,
        }
        match self.last_lines.as_slice() {
            [] => f.write_str("; it said nothing"),
            lines => {
                f.write_str("; its last lines:")?;
                lines.iter().try_for_each(|line| write!(f, "\n  {line}"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use demo::ServiceName;
    use std::os::unix::process::ExitStatusExt as _;

    #[test]
    fn an_end_is_told_with_name_status_and_last_lines() {
        let told = |raw, lines: &[&str]| {
            let last_lines = lines.iter().map(ToString::to_string).collect();
            let status = Ok(ExitStatus::from_raw(raw));
            Ended { name: ProcessName::Service(ServiceName::Orders), status, last_lines }.to_string()
        };
        assert_eq!(told(9, &[]), "`orders` has ended (signal: 9 (SIGKILL)); it said nothing");
        assert_eq!(
            told(256, &["error: a", "cause: b"]),
            "`orders` has ended (exit status: 1); its last lines:\n  error: a\n  cause: b"
        );
    }

    #[test]
    fn the_token_is_in_no_argument() {
        let layout = Layout::new(4_000, true);
        let launch = Launch {
            layout: &layout,
            project: None,
            key_file: Path::new("/keys/jwt.pub.pem"),
            token: "secret",
            delay: Duration::from_millis(5),
            verbose: false,
        };
        let written = |name, port| {
            let arguments = launch.arguments(name, port);
            arguments.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(
            written(ProcessName::Bff(BffName::Web), 4_000),
            "bff web --end-with-parent --port 4000 --jwt-public-key /keys/jwt.pub.pem --services-base 4100"
        );
        assert_eq!(
            written(ProcessName::Service(ServiceName::Users), 4_101),
            "service users --end-with-parent --port 4101 --jwt-public-key /keys/jwt.pub.pem --delay 5ms"
        );
    }
}
