//! Fuzz targets for the texts of a project: a contract, the SDL of a service, and the schema of a client.
//!
//! The project around them is small (`fuzz/shop`), so that a run is short.

use super::findings;
use crate::compose::{Graph, Origin, ServiceFile, Services, compose};
use crate::contract::{self, Contract};
use crate::diagnostic::{FileId, Finding, Sources};
use crate::sdl;
use crate::view;
use std::collections::HashMap;
use std::sync::OnceLock;

/// Checks that an OpenAPI text gives a contract or findings, and that a second reading gives the same.
pub fn openapi(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut sources = Sources::default();
    let file = sources.add("contract.openapi.yaml", text);
    let (contract, found) = contract::read_whole(&sources, file);
    findings::check(&found, &sources);
    assert!(contract.is_some() || !found.is_empty(), "neither a contract nor a finding");
    let (again, found_again) = contract::read_whole(&sources, file);
    assert_eq!(found, found_again);
    assert_eq!(format!("{contract:?}"), format!("{again:?}"));
}

/// Checks that the SDL of a service, composed with a contract, gives a graph or an error.
pub fn service_sdl(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let shop = shop();
    let mut sources = shop.sources.clone();
    let file = sources.add("fuzzed.graphql", text);
    let (_, found) = sdl::read(&sources, "fuzzed", file, Origin::Service);
    findings::check(&found, &sources);
    let (graph, found) = composed(&sources, file, &shop.contracts);
    findings::check(&found, &sources);
    let has_errors = found.iter().any(Finding::is_error);
    assert!(graph.is_some() || has_errors, "neither a graph nor an error");
}

/// Checks that the schema of a client gives a view or findings when it is read over a graph, and a schema or findings
/// when it is read alone.
pub fn client_sdl(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let shop = shop();
    // Findings also point into the files of the graph, so the sources include them.
    let mut sources = shop.sources.clone();
    let file = sources.add("fuzzed.graphql", text);
    let (view, found) = view::load(&sources, file, &shop.graph);
    findings::check(&found, &sources);
    assert!(view.is_some() || !found.is_empty(), "neither a view nor a finding");
    // The schema that a client sees is valid by itself.
    if let Some(view) = view {
        let printed = sources.add("printed.graphql", view.sdl());
        let (plain, found) = view::plain(&sources, printed);
        assert!(plain.is_some(), "{found:#?}\n{}", view.sdl());
    }
    let (plain, found) = view::plain(&sources, file);
    findings::check(&found, &sources);
    assert_eq!(plain.is_some(), found.is_empty());
}

/// A service with its contract, and the graph that is composed of them.
struct Shop {
    sources: Sources,
    contracts: HashMap<String, Contract>,
    graph: Graph,
}

fn shop() -> &'static Shop {
    static SHOP: OnceLock<Shop> = OnceLock::new();
    SHOP.get_or_init(|| {
        let mut sources = Sources::default();
        let contract = sources.add("shop.openapi.yaml", include_str!("../../fuzz/shop/shop.openapi.yaml"));
        let service = sources.add("shop.graphql", include_str!("../../fuzz/shop/shop.graphql"));
        let contract = contract::read_whole(&sources, contract).0.expect("a contract");
        let contracts = HashMap::from([("shop.openapi.yaml".to_owned(), contract)]);
        let (graph, found) = composed(&sources, service, &contracts);
        let graph = graph.unwrap_or_else(|| panic!("{found:#?}"));
        Shop { sources, contracts, graph }
    })
}

fn composed(sources: &Sources, file: FileId, contracts: &HashMap<String, Contract>) -> (Option<Graph>, Vec<Finding>) {
    let services = [ServiceFile { name: "shop".to_owned(), file, origin: Origin::Service }];
    compose(&Services::read(sources, &services), contracts)
}
