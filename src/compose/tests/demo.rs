//! The services of the demo, as they are in `schema/services`.

use super::shown;
use crate::compose::{Graph, Origin, ServiceFile, Services, compose, print_graph};
use crate::contract;
use crate::diagnostic::{Finding, Sources};
use std::collections::HashMap;
use std::path::Path;

/// Composes all of `schema/services`.
pub(super) fn demo() -> (Option<Graph>, Vec<Finding>, Sources) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/services");
    let mut sources = Sources::default();
    let mut services = Vec::new();
    for name in ["users", "catalog", "inventory", "carts", "orders", "payments", "reviews"] {
        let file = format!("{name}.graphql");
        let text = std::fs::read_to_string(folder.join(&file)).expect("a service's SDL");
        services.push(ServiceFile { name: name.to_owned(), file: sources.add(file, text), origin: Origin::Service });
    }
    let services = Services::read(&sources, &services);
    let mut contracts = HashMap::new();
    for path in services.contract_paths() {
        let text = std::fs::read_to_string(folder.join(&path.value)).expect("a contract");
        let file = sources.add(path.value.as_str(), text);
        let (contract, findings) = contract::read_whole(&sources, file);
        assert!(findings.is_empty(), "{findings:#?}");
        contracts.insert(path.value.clone(), contract.expect("a contract without findings"));
    }
    let (graph, findings) = compose(&services, &contracts);
    (graph, findings, sources)
}

#[test]
fn the_demo_composes_without_findings() {
    let (graph, findings, sources) = demo();
    assert_eq!(shown(&findings, &sources), "");
    insta::assert_snapshot!(print_graph(&graph.expect("a graph without findings")));
}
