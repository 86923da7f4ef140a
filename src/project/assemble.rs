//! Assembling a client: from the files of a project to its graph, view and configuration.

use super::Files;
use super::limits::limits;
use super::operations::{self, Terms};
use super::probe::probe;
use super::settings;
use crate::compose::{self, Graph, Origin, ServiceFile, Services, Transport};
use crate::config::{self, Config, KnownSource, Mode};
use crate::contract::{self, Contract};
use crate::diagnostic::{Code, FileId, Finding, Sources, Span, one_line};
use crate::view::{self, View};
use std::collections::HashMap;

/// A client's graph, view and configuration. Each is `None` if an error prevents it.
#[derive(Debug)]
pub struct Assembly {
    /// The texts of all files, for drawing findings.
    pub sources: Sources,
    /// The composed graph.
    pub graph: Option<Graph>,
    /// The client's view of it.
    pub view: Option<View>,
    /// The client's configuration, or the default one if there is no file.
    pub config: Option<Config>,
    /// All findings, in the order they were made.
    pub findings: Vec<Finding>,
    /// The bindings that the client's schema uses, as far as it was probed.
    pub bindings: Vec<Span>,
}

impl Assembly {
    /// Whether there is an error among the findings.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.findings.iter().any(Finding::is_error)
    }

    /// All findings, each on a line of its own.
    #[must_use]
    pub fn findings_text(&self) -> String {
        let lines: Vec<String> = self.findings.iter().map(|finding| one_line(finding, &self.sources)).collect();
        lines.join("\n")
    }
}

/// The clients of a project: names of `schema/<name>.graphql`, sorted.
#[must_use]
pub fn client_names(files: &Files) -> Vec<String> {
    let names = files.iter().filter_map(|(path, _)| {
        let name = path.strip_prefix("schema/")?.strip_suffix(".graphql")?;
        (!name.contains('/')).then(|| name.to_owned())
    });
    names.collect()
}

/// The path of a client's configuration, if there is one.
#[must_use]
pub fn config_path(files: &Files, client: &str) -> Option<String> {
    let own = format!("bff-{client}/bff.yaml");
    [own, "bespoke.yaml".to_owned()].into_iter().find(|path| files.get(path).is_some())
}

/// Assembles a client. `code` has the names and SDL of in-process subgraphs; if it is empty, the SDL files in
/// `bff-<client>/` are taken instead. `environment` gives the value of `${NAME}` in the configuration.
pub fn assemble(
    files: &Files,
    client: &str,
    code: &[(&str, &str)],
    environment: &dyn Fn(&str) -> Option<String>,
) -> Assembly {
    let mut sources = Sources::default();
    let ids: HashMap<String, FileId> =
        files.iter().map(|(path, text)| (path.to_owned(), sources.add(path, text.clone()))).collect();
    let mut findings = Vec::new();
    let mut services = service_files(files, &ids);
    let own = format!("bff-{client}/");
    if code.is_empty() {
        for (path, &file) in sorted(&ids) {
            if let Some(name) = path.strip_prefix(&own).and_then(|name| name.strip_suffix(".graphql"))
                && !name.contains('/')
            {
                services.push(ServiceFile { name: name.to_owned(), file, origin: Origin::InProcess });
            }
        }
    }
    for (name, sdl) in code {
        let file = sources.add(format!("{own}{name}.graphql"), *sdl);
        services.push(ServiceFile { name: (*name).to_owned(), file, origin: Origin::InProcess });
    }
    let mut contracts = HashMap::new();
    let services = Services::read(&sources, &services);
    for path in services.contract_paths() {
        let written = &path.value;
        let Some(&file) = ids.get(&format!("schema/services/{written}")) else {
            let finding =
                Finding::new(Code::E100, format!("there is no contract `{written}`"), path.span, "named here");
            findings.push(finding.help("paths of contracts are relative to `schema/services`"));
            continue;
        };
        let (contract, found) = contract::read(&sources, file);
        findings.extend(found);
        contracts.extend(contract.map(|contract| (written.clone(), contract)));
    }
    let (graph, found) = compose::compose(&services, &contracts);
    // A contract is interpreted as far as bindings reach; what is wrong elsewhere in it is no error.
    let read = services.contract_paths().into_iter().filter_map(|path| contracts.get(&path.value));
    findings.extend(read.flat_map(Contract::findings));
    // What is wrong with a contract that is missing here has been said above.
    findings.extend(found.into_iter().filter(|finding| finding.code != Code::E100));
    let mut bindings = Vec::new();
    let view = graph.as_ref().and_then(|graph| {
        let file = ids.get(&format!("schema/{client}.graphql"))?;
        let (view, found) = view::load(&sources, *file, graph);
        findings.extend(found);
        if let Some(view) = &view {
            let (found, ways) = probe(graph, view, *file);
            findings.extend(found);
            bindings.extend(ways.into_iter().map(|way| graph.way(way).span));
        }
        view
    });
    let config = match config_path(files, client).and_then(|path| ids.get(&path)) {
        Some(&file) => {
            let (config, found) = config::load(&sources, file, environment);
            findings.extend(found);
            if let (Some(graph), Some(config)) = (&graph, &config) {
                findings.extend(config::check_services(&sources, file, config, &known_sources(graph)));
                findings.extend(settings::check(graph, config, &bindings));
            }
            config
        }
        None => Some(Config::default()),
    };
    if let (Some(graph), Some(config)) = (&graph, &config) {
        findings.extend(config::check_declared_urls(config, &known_sources(graph)));
    }
    if let (Some(graph), Some(view)) = (&graph, &view) {
        // A configuration that cannot be read here is one of defaults.
        let default = Config::default();
        let config = config.as_ref().unwrap_or(&default);
        let budget = config.budget.of_mode(Mode::Production);
        let terms = Terms { graph, view, limits: limits(&config.limits), budget };
        let folder = format!("{own}operations/");
        for (_, &file) in sorted(&ids).into_iter().filter(|(path, _)| path.starts_with(&folder)) {
            findings.extend(operations::check(&terms, &sources, file));
        }
    }
    Assembly { sources, graph, view, config, findings, bindings }
}

/// The file and line of the binding of each way, such as `schema/services/shop.graphql:12`, by [`compose::WayId`].
#[must_use]
pub fn binding_places(graph: &Graph, files: &Sources) -> Vec<Box<str>> {
    let spans = graph.ways.iter().map(|way| way.span);
    spans.map(|span| format!("{}:{}", files.path(span.file), files.position(span).line).into()).collect()
}

/// Adds to findings about deprecated endpoints (W114) which clients use them. Each client comes with its
/// [`Assembly::bindings`].
pub fn name_clients(findings: &mut [Finding], clients: &[(String, Vec<Span>)]) {
    for finding in findings.iter_mut().filter(|finding| finding.code == Code::W114) {
        let Some(at) = finding.span() else { continue };
        let is_by = |binding: &Span| binding.file == at.file && binding.start <= at.start && at.end <= binding.end;
        let using = clients.iter().filter(|(_, bindings)| bindings.iter().any(is_by));
        let names: Vec<&str> = using.map(|(name, _)| name.as_str()).collect();
        if !names.is_empty() {
            finding.message.push_str(&format!("; used by {}", names.join(", ")));
        }
    }
}

/// The sources of a graph, as the configuration is checked against them.
fn known_sources(graph: &Graph) -> Vec<KnownSource<'_>> {
    let mut known: Vec<KnownSource<'_>> = Vec::with_capacity(graph.sources.len());
    for source in &graph.sources {
        let base_url = match source.kind.transport() {
            Transport::Http { base_url } => base_url,
            Transport::InProcess => None,
        };
        let headers = source.kind.headers().iter().map(|rule| rule.name.clone()).collect();
        known.push(KnownSource { name: &source.name, span: source.span, base_url, headers });
    }
    for way in &graph.ways {
        if let Some(source) = known.get_mut(way.source.index()) {
            source.headers.extend(way.call.header_names().map(str::to_owned));
        }
    }
    known
}

fn service_files(files: &Files, ids: &HashMap<String, FileId>) -> Vec<ServiceFile> {
    let services = files.iter().filter_map(|(path, _)| {
        let name = path.strip_prefix("schema/services/")?.strip_suffix(".graphql")?;
        Some(ServiceFile { name: name.to_owned(), file: *ids.get(path)?, origin: Origin::Service })
    });
    services.collect()
}

fn sorted(ids: &HashMap<String, FileId>) -> Vec<(&String, &FileId)> {
    let mut all: Vec<_> = ids.iter().collect();
    all.sort();
    all
}
