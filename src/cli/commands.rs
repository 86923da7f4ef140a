//! Commands that read a project and print.

use super::args::{CheckArgs, ClientArgs, GraphArgs, PlanArgs};
use crate::compose::print_graph;
use crate::config::{Budget, Mode, place_of};
use crate::diagnostic::{Code, DrawStyle, Finding, draw, one_line, pointer};
use crate::engine::{Client, EngineError};
use crate::operation::{Limits, Outcomes, RequestError, prepare};
use crate::plan::{describe, describe_values, plan as make_plan};
use crate::project::{Assembly, Files, assemble, client_names, config_path, limits, name_clients};
use anyhow::{Context, anyhow, bail};
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::io::{IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Checks a project.
pub(super) fn check(args: &CheckArgs) -> anyhow::Result<ExitCode> {
    let files = Files::read(&args.project.project)?;
    let clients = match &args.client {
        Some(client) => vec![client_of(&files, client)?],
        None => clients_of(&files)?,
    };
    let mut seen = BTreeSet::new();
    let mut has_errors = false;
    let mut all: Vec<Finding> = Vec::new();
    let mut sources = None;
    let mut bindings = Vec::new();
    for client in &clients {
        let mut assembled = assemble(&files, client, &[], &environment);
        let found = unusable_files(&files, client, &assembled, &args.project.project);
        assembled.findings.extend(found);
        has_errors |= assembled.has_errors();
        for finding in &assembled.findings {
            if seen.insert(one_line(finding, &assembled.sources)) {
                all.push(finding.clone());
            }
        }
        bindings.push((client.clone(), assembled.bindings));
        // Every client of a project has the same files in the same order.
        sources = Some(assembled.sources);
    }
    let sources = sources.unwrap_or_default();
    name_clients(&mut all, &bindings);
    let text = if args.short {
        all.iter().map(|finding| one_line(finding, &sources) + "\n").collect()
    } else if all.is_empty() {
        format!("no findings: {} for {}\n", args.project.project.display(), clients.join(", "))
    } else {
        draw(&all, &sources, style()) + &pointer(&all)
    };
    print(&text)?;
    Ok(if has_errors { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Findings about the files that a client's configuration names, if `serve` could not use them.
///
/// A missing file is only a warning, because secrets are often mounted only where the process runs.
fn unusable_files(files: &Files, client: &str, assembled: &Assembly, folder: &Path) -> Vec<Finding> {
    let (Some(graph), Some(config)) = (&assembled.graph, &assembled.config) else { return Vec::new() };
    let path = config_path(files, client);
    let Some(file) = path.as_deref().and_then(|path| assembled.sources.find(path)) else { return Vec::new() };
    let base = base_of(folder, path.as_deref());
    let finding = |error: EngineError| {
        let (code, option) = match &error {
            EngineError::File { option, is_missing: true, .. } => (Code::W304, option.clone()),
            EngineError::File { option, .. } => (Code::E327, option.clone()),
            EngineError::BadUrl { name, .. } | EngineError::Client { name, .. } => {
                (Code::E327, format!("services.{name}"))
            }
            _ => (Code::E327, String::new()),
        };
        let finding = Finding::new(code, error.to_string(), place_of(&assembled.sources, file, &option), "named here");
        if code == Code::W304 { finding.help("`serve` does not start without it") } else { finding }
    };
    Client::check_files(graph, config, &base).into_iter().map(finding).collect()
}

/// The folder in which relative paths of a configuration begin: its own, or the project's if there is none.
pub(super) fn base_of(folder: &Path, config: Option<&str>) -> PathBuf {
    let config = config.map(|path| folder.join(path));
    config.as_deref().and_then(Path::parent).unwrap_or(folder).to_owned()
}

/// Plans an operation.
pub(super) fn plan(args: &PlanArgs) -> anyhow::Result<ExitCode> {
    let files = Files::read(&args.client.project.project)?;
    let client = client_of(&files, &args.client.client)?;
    let assembled = assemble(&files, &client, &[], &environment);
    let Some((graph, view, text)) = parts(&assembled, &args.operation)? else { return Ok(ExitCode::FAILURE) };
    // A plan needs no URL and no key. If the configuration cannot be read here, only its limits are unknown.
    let limits = assembled.config.as_ref().map_or_else(Limits::default, |config| limits(&config.limits));
    let budget = assembled.config.as_ref().map(|config| config.budget).unwrap_or_default();
    let Budget { calls, values } = budget.of_mode(Mode::Production);
    let variables: Map<String, Value> =
        serde_json::from_str(&args.variables).context("--variables is not a JSON object")?;
    let refused = |errors: Vec<RequestError>| {
        let errors: Vec<_> = errors.into_iter().map(RequestError::suggesting).collect();
        let lines = errors.iter().map(|error| match error.locations.first() {
            Some((line, column)) => format!("{line}:{column}: {} ({})", error.message, error.code),
            None => format!("{} ({})", error.message, error.code),
        });
        anyhow!("{}", lines.collect::<Vec<_>>().join("\n"))
    };
    let prepared = prepare(view, &limits, &text, args.operation_name.as_deref()).map_err(refused)?;
    // Variables that are not given only matter where a condition names them.
    let outcomes = if prepared.conditions().is_empty() {
        Outcomes::default()
    } else {
        prepared.outcomes(&prepared.coerce(&(&variables).into()).map_err(refused)?)
    };
    let lowered = prepared.lower(&outcomes).map_err(refused)?;
    let plan = make_plan(graph, &lowered)?;
    print(&describe(&plan, graph, prepared.name().unwrap_or("operation")))?;
    print(&describe_values(&plan, graph))?;
    let file = config_path(&files, &client);
    for (option, found, most, is_written) in
        [("calls", plan.calls, calls, budget.calls.is_some()), ("values", plan.values, values, budget.values.is_some())]
    {
        let Some((_, most)) = found.zip(most).filter(|(found, most)| found > most) else { continue };
        match file.as_ref().filter(|_| is_written) {
            Some(file) => bail!("over budget: `budget.{option}` in {file} is {most}"),
            None => bail!("over budget: `budget.{option}` is {most} in production"),
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints a client's schema.
pub(super) fn schema(args: &ClientArgs) -> anyhow::Result<ExitCode> {
    let assembled = load(args)?;
    match &assembled.view {
        Some(view) => print(&view.sdl())?,
        None => return draw_findings(&assembled),
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints the graph.
pub(super) fn graph(args: &GraphArgs) -> anyhow::Result<ExitCode> {
    let files = Files::read(&args.project.project)?;
    let client = match &args.client {
        Some(client) => client_of(&files, client)?,
        // A project has a graph even before it has a client.
        None => client_names(&files).into_iter().next().unwrap_or_default(),
    };
    let assembled = assemble(&files, &client, &[], &environment);
    match &assembled.graph {
        Some(graph) => print(&print_graph(graph))?,
        None => return draw_findings(&assembled),
    }
    Ok(ExitCode::SUCCESS)
}

/// Reads and assembles a client's project.
fn load(args: &ClientArgs) -> anyhow::Result<Assembly> {
    let files = Files::read(&args.project.project)?;
    let client = client_of(&files, &args.client)?;
    Ok(assemble(&files, &client, &[], &environment))
}

/// The name of a client that the project has.
pub(super) fn client_of(files: &Files, client: &str) -> anyhow::Result<String> {
    let clients = clients_of(files)?;
    if clients.iter().any(|name| name == client) {
        return Ok(client.to_owned());
    }
    bail!("there is no client `{client}` (no `schema/{client}.graphql`); the project has: {}", clients.join(", "))
}

/// The names of the project's clients, of which there is at least one.
fn clients_of(files: &Files) -> anyhow::Result<Vec<String>> {
    let clients = client_names(files);
    if clients.is_empty() {
        bail!("the project has no client schema: write `schema/<client>.graphql`, or name its folder with --project");
    }
    Ok(clients)
}

type Parts<'a> = (&'a crate::compose::Graph, &'a crate::view::View, String);

fn parts<'a>(assembled: &'a Assembly, operation: &str) -> anyhow::Result<Option<Parts<'a>>> {
    let (Some(graph), Some(view)) = (&assembled.graph, &assembled.view) else {
        draw_findings(assembled)?;
        return Ok(None);
    };
    Ok(Some((graph, view, operation_text(operation)?)))
}

fn operation_text(operation: &str) -> anyhow::Result<String> {
    if operation == "-" {
        let mut text = String::new();
        std::io::stdin().take(1 << 20).read_to_string(&mut text).context("standard input")?;
        return Ok(text);
    }
    if operation.contains('{') {
        return Ok(operation.to_owned());
    }
    std::fs::read_to_string(operation).with_context(|| format!("cannot read the operation `{operation}`"))
}

/// Draws findings to standard error.
pub(super) fn draw_findings(assembled: &Assembly) -> anyhow::Result<ExitCode> {
    let is_terminal = std::io::stderr().is_terminal();
    let style = if is_terminal { DrawStyle::Color } else { DrawStyle::Plain };
    eprint!("{}{}", draw(&assembled.findings, &assembled.sources, style), pointer(&assembled.findings));
    Ok(ExitCode::FAILURE)
}

fn style() -> DrawStyle {
    if std::io::stdout().is_terminal() { DrawStyle::Color } else { DrawStyle::Plain }
}

/// The process's environment.
pub(super) fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

pub(super) fn print(text: &str) -> anyhow::Result<()> {
    match std::io::stdout().write_all(text.as_bytes()) {
        // The reader does not want more, as `head` does.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => other.context("standard output"),
    }
}
