//! The process of `bespoke serve` over the source, and its memory and processor time.

use crate::Failed;
use crate::options::Options;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// The clock ticks per second in `/proc/<pid>/stat`, which are 100 on all usual Linux systems (`getconf CLK_TCK`).
const TICKS_PER_SECOND: f64 = 100.0;

const SERVICE: &str = r#"extend schema
  @link(url: "https://specs.apollo.dev/federation/v2.5", import: ["@key"])
  @link(url: "https://bespoke.example/connect/v1", import: ["@source", "@connect", "@poll"])
  @source(name: "values")
type Query { value(id: ID!): Value @connect(http: { GET: "/values/{$args.id}" }, selection: "id value unit { id }") }
type Subscription {
  value(id: ID!): Value
    @connect(http: { GET: "/values/{$args.id}" }, selection: "id value unit { id }")
    @poll(every: "EVERY")
}
type Value { id: ID! value: Int! unit: Unit }
type Unit @key(fields: "id") @connect(http: { GET: "/units", queryParams: "id: $batch.id" }, batch: { key: "id", maxSize: 50 }) {
  id: ID!
  name: String!
}
"#;

const CLIENT: &str = "type Query { value(id: ID!): Value }
type Subscription { value(id: ID!): Value }
type Value { id: ID! value: Int! unit: Unit }
type Unit { id: ID! name: String! }
";

pub(crate) struct Bff {
    child: Child,
    /// The address of the process, as `host:port`.
    pub(crate) address: String,
    project: PathBuf,
}

/// The memory that the process has at one moment, and the processor time that it has used until then.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Usage {
    /// The resident memory, in bytes.
    pub(crate) memory: f64,
    /// The processor time, in user mode and in the kernel.
    pub(crate) cpu: Duration,
}

impl Bff {
    pub(crate) async fn start(options: &Options, source: &str) -> Result<Self, Failed> {
        let project = std::env::temp_dir().join(format!("bespoke-streams-{}", std::process::id()));
        std::fs::create_dir_all(project.join("schema/services"))?;
        let every = format!("{}ms", options.every.as_millis());
        std::fs::write(project.join("schema/services/values.graphql"), SERVICE.replace("EVERY", &every))?;
        std::fs::write(project.join("schema/web.graphql"), CLIENT)?;
        let most = options.subscribers + 64;
        // A busy machine must not count as a fault of Bespoke, so no request is shed for lateness, and timeouts are
        // long.
        let configuration = format!(
            "server: {{ max_connections: {most}, max_subscriptions: {most}, max_lateness: null, shutdown_delay: 0s, \
             request_timeout: 30s }}\nservices: {{ values: {{ url: \"{source}\", timeout: 15s }} }}\n"
        );
        std::fs::write(project.join("bespoke.yaml"), configuration)?;
        let mut command = Command::new(&options.bespoke);
        command.args(["serve", "--client", "web", "--port", "0", "--project"]).arg(&project);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let mut child = command.spawn()?;
        let mut lines = BufReader::new(child.stdout.take().ok_or("no standard output")?).lines();
        let line = lines.next_line().await?.unwrap_or_default();
        // The rest of the output is read and discarded, so that a full pipe cannot block the process.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let address = line.split_once("http://").and_then(|(_, rest)| rest.split(['/', ',', ' ']).next());
        let address = address.ok_or("it did not say where it listens")?.to_owned();
        Ok(Self { child, address, project })
    }

    pub(crate) fn usage(&self) -> Result<Usage, Failed> {
        let process = PathBuf::from(format!("/proc/{}", self.child.id().ok_or("it has ended")?));
        let status = std::fs::read_to_string(process.join("status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
        let kilobytes: f64 = line.trim().trim_end_matches(" kB").parse()?;
        let stat = std::fs::read_to_string(process.join("stat"))?;
        // The name in parentheses may contain any character, so the fields after the last parenthesis are read. `utime`
        // and `stime` are the 12th and 13th of them.
        let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace();
        let ticks: f64 = fields.skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum();
        Ok(Usage { memory: kilobytes * 1024.0, cpu: Duration::from_secs_f64(ticks / TICKS_PER_SECOND) })
    }
}

impl Drop for Bff {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.project);
    }
}
