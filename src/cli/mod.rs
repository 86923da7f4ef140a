//! The command line: check, explain, plan, schema, graph, serve, mock.
//!
//! In: arguments. Out: text for people, and an exit code: 0 for success, 1 for findings or a failure, 2 for wrong
//! usage, 3 if something was cut off when the process had to stop.

mod args;
mod commands;
mod explain;
mod load;
mod mock;
mod named;
mod reload;
mod serve;
mod signals;
mod stopping;
mod watch;

pub use args::{Cli, ClientCli};
pub use load::Origin;
pub use serve::{ServeOptions, serve_client};

use crate::engine::Client;
use args::Command;
use clap::Parser;
use std::process::ExitCode;

/// Runs the program of one client, `bff-web` for instance.
#[must_use]
pub fn run_client(client: Client) -> ExitCode {
    serve::run_client(client, ClientCli::parse()).unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}

/// Runs the program `bespoke` by the arguments of this process.
#[must_use]
pub fn run() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Check(args) => commands::check(&args),
        Command::Explain(args) => explain::explain(&args),
        Command::Plan(args) => commands::plan(&args),
        Command::Schema(args) => commands::schema(&args),
        Command::Graph(args) => commands::graph(&args),
        Command::Serve(args) => serve::serve_project(&args),
        Command::Mock(args) => mock::mock(&args),
    };
    result.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}
