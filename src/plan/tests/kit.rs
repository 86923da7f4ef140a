//! Projects for tests. Services become a graph, the schema of a client becomes a view, and operations become plans.

use crate::compose::{Graph, Origin, ServiceFile, Services, compose};
use crate::contract;
use crate::diagnostic::{Finding, Sources};
use crate::operation::{Limits, Operation, Outcomes, prepare};
use crate::plan::{Plan, PlanError, counted, describe, describe_values, plan};
use crate::view::{View, load};
use std::collections::HashMap;

const CONNECT: &str = r#"extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key", "@shareable", "@authenticated", "@listSize", "@inaccessible"])
  @link(url: "https://bespoke.example/connect/v1", import: ["@source", "@connect", "@poll", "@cache", "@invalidates"])"#;
const FEDERATION: &str = r#"extend schema @link(url: "https://specs.apollo.dev/federation/v2.9",
  import: ["@key", "@requires", "@provides", "@external", "@shareable", "@authenticated", "@listSize", "@inaccessible"])"#;

/// A graph, and a client's view of it.
pub(crate) struct Project {
    pub(crate) graph: Graph,
    pub(crate) view: View,
}

impl Project {
    /// Composes REST services, given as `(name, SDL)`. Without a client schema, the client sees all of their types.
    pub(crate) fn rest(services: &[(&str, &str)], client: Option<&str>) -> Self {
        let bound =
            |(name, sdl): &(&str, &str)| ((*name).to_owned(), format!("{CONNECT} @source(name: \"{name}\")\n{sdl}"));
        Self::new(services.iter().map(bound).collect(), None, Origin::Service, client)
    }

    /// Composes GraphQL services, given as `(name, SDL)`. Without a client schema, the client sees all of their types.
    pub(crate) fn graphql(services: &[(&str, &str)], client: Option<&str>) -> Self {
        let federated = |(name, sdl): &(&str, &str)| ((*name).to_owned(), format!("{FEDERATION}\n{sdl}"));
        Self::new(services.iter().map(federated).collect(), None, Origin::Service, client)
    }

    /// Composes one REST service with its contract.
    pub(crate) fn contract(contract: &str, sdl: &str) -> Self {
        let sdl = format!("{CONNECT} @source(name: \"shop\", openapi: \"shop.yaml\")\n{sdl}");
        Self::new(vec![("shop".to_owned(), sdl)], Some(contract), Origin::Service, None)
    }

    /// Composes one GraphQL subgraph in this process that makes this many calls.
    pub(crate) fn in_process(max_calls: u32, sdl: &str) -> Self {
        let sdl = format!("{FEDERATION}\n{CONNECT} @source(name: \"code\", maxCalls: {max_calls})\n{sdl}");
        Self::new(vec![("code".to_owned(), sdl)], None, Origin::InProcess, None)
    }

    fn new(services: Vec<(String, String)>, contract: Option<&str>, origin: Origin, client: Option<&str>) -> Self {
        let mut sources = Sources::default();
        let files = services.into_iter().map(|(name, text)| {
            let file = sources.add(format!("{name}.graphql"), text);
            ServiceFile { name, file, origin }
        });
        let files: Vec<ServiceFile> = files.collect();
        let services = Services::read(&sources, &files);
        let contracts = services.contract_paths().into_iter().map(|path| {
            let file = sources.add(path.value.as_str(), contract.expect("a contract"));
            let (contract, findings) = contract::read_whole(&sources, file);
            expect_sound(&findings);
            (path.value.clone(), contract.expect("a contract"))
        });
        let contracts: HashMap<_, _> = contracts.collect();
        let (graph, findings) = compose(&services, &contracts);
        expect_sound(&findings);
        let graph = graph.expect("a graph");
        let text = client.map_or_else(|| graph.schema.serialize().to_string(), str::to_owned);
        let client = sources.add("client.graphql", text);
        let (view, findings) = load(&sources, client, &graph);
        expect_sound(&findings);
        Self { graph, view: view.expect("a view") }
    }

    /// Lowers an operation for the default outcomes.
    fn lowered(&self, query: &str) -> Operation {
        // What planning costs is measured beyond what clients may ask for by default.
        let limits = Limits { max_tokens: 10_000, max_fields: 5_000, ..Limits::default() };
        let prepared = prepare(&self.view, &limits, query, None).unwrap_or_else(|errors| panic!("{errors:#?}"));
        prepared.lower(&Outcomes::default()).unwrap_or_else(|errors| panic!("{errors:#?}"))
    }

    /// Plans an operation. Gives the plan and the work that planning took.
    pub(super) fn counted(&self, query: &str) -> (Result<Plan, PlanError>, u64) {
        counted(&self.graph, &self.lowered(query))
    }

    /// Plans an operation that must be possible. Gives the number of its steps and the work.
    pub(super) fn cost(&self, query: &str) -> (usize, u64) {
        let (plan, work) = self.counted(query);
        (plan.unwrap_or_else(|error| panic!("{error}")).steps.len(), work)
    }

    /// Plans an operation that must be possible.
    pub(super) fn plan(&self, query: &str) -> Plan {
        plan(&self.graph, &self.lowered(query)).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Describes the plan of an operation for people.
    pub(super) fn described(&self, query: &str) -> String {
        describe(&self.plan(query), &self.graph, "plan")
    }

    /// Describes for people how many values the answer of an operation may have.
    pub(super) fn values(&self, query: &str) -> String {
        describe_values(&self.plan(query), &self.graph)
    }

    /// Gives the reason why an operation cannot be planned.
    pub(super) fn refused(&self, query: &str) -> String {
        plan(&self.graph, &self.lowered(query)).expect_err("no plan").to_string()
    }
}

fn expect_sound(findings: &[Finding]) {
    let errors: Vec<_> = findings.iter().filter(|finding| finding.is_error()).collect();
    assert!(errors.is_empty(), "{errors:#?}");
}
