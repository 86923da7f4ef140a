//! What the command line takes.

use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;
use std::time::Duration;

/// One GraphQL API per client, over the REST and GraphQL services you already run.
#[derive(Debug, Parser)]
#[command(
    name = "bespoke",
    version,
    arg_required_else_help = true,
    after_help = "\
A project is a folder:
  schema/services/<name>.graphql        a service's types, keys and bindings
  schema/services/<name>.openapi.yaml   the contract that bindings are checked against
  schema/<client>.graphql               what one client sees
  bff-<client>/bff.yaml                 how that client's BFF runs (else bespoke.yaml)

Start here:
  bespoke check                         all findings of the project, with their lines
  bespoke explain E104                  what a code of a finding means, and what to do
  bespoke plan '{ products { name stock { available } } }' --client web
  bespoke serve --client web --port 4000 --watch
  bespoke mock schema/web.graphql       the client's API with made-up data, before there is any service"
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Checks contracts, bindings and client schemas, and draws every finding.
    ///
    /// Exits with 1 if there is an error, 0 with warnings alone.
    Check(CheckArgs),
    /// Explains a code of findings, such as E104; lists all codes without one.
    ///
    /// What the code means, what to do, and an example with its correction. Exits with 2 if there is no such code.
    Explain(ExplainArgs),
    /// Shows what an operation would call, before it runs.
    ///
    /// Calls and their bounds, rounds, what waits for what, and whose credentials go along. Exits with 1 if the
    /// client's configuration would refuse it.
    Plan(PlanArgs),
    /// Prints a client's schema as plain SDL, for code generators.
    Schema(ClientArgs),
    /// Prints the composed graph with every way to get each field.
    Graph(GraphArgs),
    /// Serves a project's client; no Rust needed.
    ///
    /// Fields that are Rust code of a BFF need that BFF's own program.
    Serve(ServeArgs),
    /// Answers any schema with made-up data; no service needed.
    ///
    /// GraphQL at /graphql, GraphiQL at /. Documents and variables are validated for real. The same request always has
    /// the same answer, an id the same object everywhere; data suits the names and types of fields.
    Mock(MockArgs),
}

/// Where the project is.
#[derive(Debug, Clone, Args)]
pub struct ProjectArgs {
    /// The project's folder.
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub project: PathBuf,
}

/// What to check.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Where the project is.
    #[command(flatten)]
    pub project: ProjectArgs,
    /// Only this client; all of them without it.
    #[arg(long, value_name = "NAME")]
    pub client: Option<String>,
    /// One line per finding, for editors and CI.
    #[arg(long)]
    pub short: bool,
}

/// What to explain.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// The code of a finding, such as E104.
    pub code: Option<String>,
    /// Prints JSON: an object for a code, a list of all without one.
    #[arg(long)]
    pub json: bool,
    /// Prints all codes as one page of Markdown.
    #[arg(long, conflicts_with_all = ["code", "json"])]
    pub markdown: bool,
}

/// Which client.
#[derive(Debug, Clone, Args)]
pub struct ClientArgs {
    /// Where the project is.
    #[command(flatten)]
    pub project: ProjectArgs,
    /// The client: `web` for `schema/web.graphql`.
    #[arg(long, value_name = "NAME")]
    pub client: String,
}

/// Which graph.
#[derive(Debug, Args)]
pub struct GraphArgs {
    /// Where the project is.
    #[command(flatten)]
    pub project: ProjectArgs,
    /// The client whose Rust fields take part; without it, the first one by name.
    #[arg(long, value_name = "NAME")]
    pub client: Option<String>,
}

/// What to plan.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// The operation: GraphQL text, a file, or `-` for standard input.
    pub operation: String,
    /// Which client.
    #[command(flatten)]
    pub client: ClientArgs,
    /// Which operation of a document with several.
    #[arg(long, value_name = "NAME")]
    pub operation_name: Option<String>,
    /// Variables as JSON; only those in `@skip` and `@include` change a plan.
    #[arg(long, value_name = "JSON", default_value = "{}")]
    pub variables: String,
}

/// A client's own program.
#[derive(Debug, Parser)]
#[command(
    version,
    about = "One client's BFF: its GraphQL API over the company's services",
    after_help = "The configuration is built in; its values read the environment, as in ${USERS_URL:-http://…}."
)]
pub struct ClientCli {
    /// A configuration file, instead of the one that is built in.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The TCP port; 0 takes any free one. Without it, the configuration's.
    #[arg(long, value_name = "N")]
    pub port: Option<u16>,
    /// Shows GraphiQL, introspection and calls, whatever the configuration says.
    #[arg(long)]
    pub dev: bool,
    /// Prints the client's schema as SDL and stops.
    #[arg(long)]
    pub print_schema: bool,
}

/// What to serve.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Which client.
    #[command(flatten)]
    pub client: ClientArgs,
    /// The TCP port; 0 takes any free one. Without it, the configuration's.
    #[arg(long, value_name = "N")]
    pub port: Option<u16>,
    /// Shows GraphiQL, introspection and calls, whatever the configuration says.
    #[arg(long)]
    pub dev: bool,
    /// Reloads when a file changes, as SIGHUP does: schemas and configuration at once. What cannot be loaded is drawn,
    /// and what ran goes on. Address and log take effect at the next start.
    #[arg(long)]
    pub watch: bool,
}

/// What to mock.
#[derive(Debug, Args)]
#[command(after_help = "\
What arguments do:
  id: \"7\", ids: [...]          the object with that id; it is the same wherever it occurs
  first, last, limit, ...       that many items; after, before, offset and page give others
  any other                     is echoed in the field of the same name

Example:
  bespoke mock schema/web.graphql --port 4000 --list 5 --nulls 10 --delay 50ms --watch
  curl -s http://127.0.0.1:4000/graphql -H 'content-type: application/json' \\
    -d '{\"query\":\"{ product(id: \\\"7\\\") { id name price { amount currency } } }\"}'")]
pub struct MockArgs {
    /// The schema: any SDL, a client schema of ours too. Directives that it does not define mean nothing here.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The TCP port; 0 takes any free one.
    #[arg(long, value_name = "N", default_value_t = 4000)]
    pub port: u16,
    /// Other data for every number.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// Items of a list whose arguments name no number.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u64).range(..=1000))]
    pub list: u64,
    /// How many percent of the values that may be null are null.
    #[arg(long, value_name = "PERCENT", default_value_t = 0, value_parser = clap::value_parser!(u8).range(..=100))]
    pub nulls: u8,
    /// How many percent of the fields that may be null, and of root fields, are errors.
    #[arg(long, value_name = "PERCENT", default_value_t = 0, value_parser = clap::value_parser!(u8).range(..=100))]
    pub errors: u8,
    /// How long every answer takes at least: `20ms`, `1s`.
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = delay)]
    pub delay: Duration,
    /// What a custom scalar always is: `--scalar 'Money="9.99 EUR"'`. May be given for each.
    #[arg(long, value_name = "NAME=JSON", value_parser = scalar)]
    pub scalar: Vec<(String, serde_json::Value)>,
    /// Reloads when the file changes; what cannot be loaded is drawn, and what ran goes on.
    #[arg(long)]
    pub watch: bool,
}

/// Longest delay that can be asked for.
const MAX_DELAY: Duration = Duration::from_secs(60);

fn delay(text: &str) -> Result<Duration, String> {
    let delay = humantime_serde::re::humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if delay > MAX_DELAY { Err("at most 60s".to_owned()) } else { Ok(delay) }
}

fn scalar(text: &str) -> Result<(String, serde_json::Value), String> {
    let (name, json) = text.split_once('=').ok_or("expected NAME=JSON")?;
    let value = serde_json::from_str(json).map_err(|error| format!("`{json}` is not JSON: {error}"))?;
    Ok((name.to_owned(), value))
}
