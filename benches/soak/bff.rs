//! The process of `bespoke serve`, and samples of its memory, descriptors and tasks.

use crate::Failed;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

/// The longest wait for requests in flight to end after the load.
const IDLE_AFTER: Duration = Duration::from_secs(30);

/// The wait before a sample at rest. Idle connections of clients are closed by then. Up to 256 idle connections to a
/// service may stay open until the next call of it.
const REST: Duration = Duration::from_secs(35);

/// The configuration of the process. `max_lateness` is null, so that no request is shed for lateness, because the first
/// part of the soak test overloads the process on purpose.
const CONFIGURATION: &str = "server: { request_timeout: 1s, shutdown_delay: 0s, max_lateness: null }
sharing: { calls: false, operations: false }
services:
  posts: { url: \"${SERVICES}\", timeout: 500ms }
  users: { url: \"${SERVICES}\", timeout: 500ms }
";

pub(crate) struct Bff {
    child: Child,
    /// The URL of `/graphql`.
    pub(crate) url: String,
    /// The base URL of the port with the metrics, which is a port of its own in production.
    admin: String,
    pub(crate) client: reqwest::Client,
    project: PathBuf,
}

/// The memory, descriptors and tasks of the process at one moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    /// The resident memory, in bytes.
    pub(crate) memory: f64,
    pub(crate) descriptors: usize,
    pub(crate) tasks: u64,
}

impl Bff {
    pub(crate) async fn start(program: &Path, services: &str) -> Result<Self, Failed> {
        let project = std::env::temp_dir().join(format!("bespoke-soak-{}", std::process::id()));
        let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/posts");
        std::fs::create_dir_all(project.join("schema/services"))?;
        for file in ["schema/web.graphql", "schema/services/posts.graphql", "schema/services/users.graphql"] {
            std::fs::copy(fixture.join(file), project.join(file))?;
        }
        std::fs::write(project.join("bespoke.yaml"), CONFIGURATION)?;
        let mut command = Command::new(program);
        command.args(["serve", "--client", "web", "--port", "0", "--project"]).arg(&project).env("SERVICES", services);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let mut child = command.spawn()?;
        let mut lines = BufReader::new(child.stdout.take().ok_or("no standard output")?).lines();
        let line = lines.next_line().await?.unwrap_or_default();
        let mut urls = line.split([',', ' ']).filter(|word| word.starts_with("http://")).map(str::to_owned);
        let (Some(url), Some(admin)) = (urls.next(), urls.next_back()) else {
            return Err("it did not say where it listens".into());
        };
        let client = reqwest::Client::builder()
            .timeout(Duration::from_secs(20))
            // The client closes its idle connections before the sample at rest, so that none of them is counted.
            .pool_idle_timeout(REST / 2)
            .build()?;
        Ok(Self { child, url, admin, client, project })
    }

    /// Takes a sample now.
    pub(crate) async fn sample(&self) -> Result<Sample, Failed> {
        let process = PathBuf::from(format!("/proc/{}", self.child.id().ok_or("it has ended")?));
        let status = std::fs::read_to_string(process.join("status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
        let kilobytes: f64 = line.trim().trim_end_matches(" kB").parse()?;
        let descriptors = std::fs::read_dir(process.join("fd"))?.count();
        Ok(Sample { memory: kilobytes * 1024.0, descriptors, tasks: self.metric("bespoke_tasks").await? })
    }

    /// Takes a sample once no request has been in flight for [`REST`].
    pub(crate) async fn sample_at_rest(&self) -> Result<Sample, Failed> {
        self.until_idle().await?;
        sleep(REST).await;
        self.sample().await
    }

    async fn until_idle(&self) -> Result<(), Failed> {
        let limit = Instant::now() + IDLE_AFTER;
        loop {
            match self.metric("bespoke_requests_in_flight").await? {
                0 => return Ok(()),
                left if Instant::now() > limit => {
                    return Err(format!("{left} requests are still in flight after {IDLE_AFTER:?}").into());
                }
                _ => sleep(Duration::from_millis(100)).await,
            }
        }
    }

    async fn metric(&self, name: &str) -> Result<u64, Failed> {
        let text = self.client.get(format!("{}metrics", self.admin)).send().await?.text().await?;
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        Ok(value.ok_or_else(|| format!("no metric `{name}`"))?.parse()?)
    }
}

impl Drop for Bff {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.project);
    }
}
