//! The arguments of the command line, with the texts of `--help`.

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
  bespoke check                         draws all findings of the project
  bespoke explain E104                  what a code of a finding means, and what to do
  bespoke plan '{ products { name stock { available } } }' --client web
  bespoke serve --client web --port 4000 --watch
  bespoke mock schema/web.graphql       serves the client's API with made-up data, without any service"
)]
pub struct Cli {
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands of `bespoke`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Checks contracts, bindings and client schemas, and draws every finding.
    ///
    /// Exits with 1 if there is an error, and with 0 if there are only warnings.
    Check(CheckArgs),
    /// Explains a code of findings, such as E104; lists all codes without one.
    ///
    /// What the code means, what to do, and an example with its correction. Exits with 2 if there is no such code.
    Explain(ExplainArgs),
    /// Shows which calls an operation would make, without making them.
    ///
    /// Prints the calls with their bounds and credentials, the rounds, and which call waits for which. Exits with 1 if
    /// the client's configuration would refuse the operation.
    Plan(PlanArgs),
    /// Prints a client's schema as plain SDL, for code generators.
    Schema(ClientArgs),
    /// Prints the composed graph, with every binding and lookup that gives each field.
    Graph(GraphArgs),
    /// Serves a client of the project, without any Rust code.
    ///
    /// If some of the client's fields are Rust code, run the client's own program instead.
    Serve(ServeArgs),
    /// Serves any schema with made-up data, without any service.
    ///
    /// GraphQL is at /graphql, GraphiQL at /. Documents and variables are validated as in production. The same request
    /// always has the same answer, and an id stands for the same object everywhere. The data suits the names and types
    /// of the fields.
    Mock(MockArgs),
}

/// The folder of the project.
#[derive(Debug, Clone, Args)]
pub struct ProjectArgs {
    /// The folder of the project.
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub project: PathBuf,
}

/// The arguments of `bespoke check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The folder of the project.
    #[command(flatten)]
    pub project: ProjectArgs,
    /// Checks only this client; without it, all clients.
    #[arg(long, value_name = "NAME")]
    pub client: Option<String>,
    /// Prints one line for each finding, for editors and CI.
    #[arg(long)]
    pub short: bool,
}

/// The arguments of `bespoke explain`.
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

/// The client that a command is about.
#[derive(Debug, Clone, Args)]
pub struct ClientArgs {
    /// The folder of the project.
    #[command(flatten)]
    pub project: ProjectArgs,
    /// The name of the client: `web` for `schema/web.graphql`.
    #[arg(long, value_name = "NAME")]
    pub client: String,
}

/// The arguments of `bespoke graph`.
#[derive(Debug, Args)]
pub struct GraphArgs {
    /// The folder of the project.
    #[command(flatten)]
    pub project: ProjectArgs,
    /// The client whose Rust fields are part of the graph; without it, the first client by name.
    #[arg(long, value_name = "NAME")]
    pub client: Option<String>,
}

/// The arguments of `bespoke plan`.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// The operation: GraphQL text, the path of a file, or `-` for standard input.
    pub operation: String,
    /// The client.
    #[command(flatten)]
    pub client: ClientArgs,
    /// The name of the operation, if the document has several.
    #[arg(long, value_name = "NAME")]
    pub operation_name: Option<String>,
    /// Variables as JSON. Only those in `@skip` and `@include` change a plan.
    #[arg(long, value_name = "JSON", default_value = "{}")]
    pub variables: String,
}

/// The arguments of a client's own program.
#[derive(Debug, Parser)]
#[command(
    version,
    about = "One client's BFF: its GraphQL API over the company's services",
    after_help = "The configuration is built in. Its values read the environment, as in ${USERS_URL:-http://…}."
)]
pub struct ClientCli {
    /// The configuration file, instead of the configuration that is built in.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The TCP port, instead of the configuration's; 0 takes any free one.
    #[arg(long, value_name = "N")]
    pub port: Option<u16>,
    /// Runs in development mode: shows GraphiQL, introspection and calls, whatever the configuration says.
    #[arg(long)]
    pub dev: bool,
    /// Prints the client's schema as SDL and exits.
    #[arg(long)]
    pub print_schema: bool,
}

/// The arguments of `bespoke serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// The client.
    #[command(flatten)]
    pub client: ClientArgs,
    /// The TCP port, instead of the configuration's; 0 takes any free one.
    #[arg(long, value_name = "N")]
    pub port: Option<u16>,
    /// Runs in development mode: shows GraphiQL, introspection and calls, whatever the configuration says.
    #[arg(long)]
    pub dev: bool,
    /// Reloads schemas and configuration when a file changes, as SIGHUP does. If the new version has errors, they are
    /// drawn, and the old one stays in use. Changes of addresses and of the log take effect at the next start.
    #[arg(long)]
    pub watch: bool,
}

/// The arguments of `bespoke mock`.
#[derive(Debug, Args)]
#[command(after_help = "\
Arguments of fields that have a meaning:
  id: \"7\", ids: [...]          select the object with this id, which is the same everywhere
  first, last, limit, ...       set the number of items; after, before, offset and page select others
  any other                     is returned by the field with the same name

Example:
  bespoke mock schema/web.graphql --port 4000 --list 5 --nulls 10 --delay 50ms --watch
  curl -s http://127.0.0.1:4000/graphql -H 'content-type: application/json' \\
    -d '{\"query\":\"{ product(id: \\\"7\\\") { id name price { amount currency } } }\"}'")]
pub struct MockArgs {
    /// The schema: any SDL, for instance a client's schema. Directives that it does not define are ignored.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The TCP port; 0 takes any free one.
    #[arg(long, value_name = "N", default_value_t = 4000)]
    pub port: u16,
    /// A number that the data is made from; each number gives other data.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// The number of items in a list, if its arguments do not name one.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u64).range(..=1000))]
    pub list: u64,
    /// The percentage of null among the values that may be null.
    #[arg(long, value_name = "PERCENT", default_value_t = 0, value_parser = clap::value_parser!(u8).range(..=100))]
    pub nulls: u8,
    /// The percentage of errors among root fields and the fields that may be null.
    #[arg(long, value_name = "PERCENT", default_value_t = 0, value_parser = clap::value_parser!(u8).range(..=100))]
    pub errors: u8,
    /// The shortest time that an answer takes: `20ms`, `1s`.
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = delay)]
    pub delay: Duration,
    /// The value of a custom scalar: `--scalar 'Money="9.99 EUR"'`. Repeat it for further scalars.
    #[arg(long, value_name = "NAME=JSON", value_parser = scalar)]
    pub scalar: Vec<(String, serde_json::Value)>,
    /// Reloads the schema when the file changes. If the new one has errors, they are drawn, and the old one stays in
    /// use.
    #[arg(long)]
    pub watch: bool,
}

/// Longest delay that is accepted.
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
