//! Texts of a project: contracts, service SDL, client schemas.

use super::{findings, web};
use crate::compose::{Origin, ServiceFile, Services, compose};
use crate::contract;
use crate::diagnostic::{Severity, Sources};
use crate::sdl as service;
use crate::view;
use std::collections::HashMap;
use std::sync::OnceLock;

/// A contract that most bindings of the seeds can be checked against.
const USERS: &str = include_str!("../../schema/services/users.openapi.yaml");

/// An OpenAPI text: read, or found wrong where it is; and all the same when it is read again.
pub fn openapi(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut sources = Sources::default();
    let file = sources.add("contract.openapi.yaml", text);
    let (contract, found) = contract::read(&sources, file);
    findings::check(&found, &sources);
    assert!(contract.is_some() || !found.is_empty(), "neither a contract nor a finding");
    let (again, found_again) = contract::read(&sources, file);
    assert_eq!(found, found_again);
    assert_eq!(format!("{contract:?}"), format!("{again:?}"));
}

/// SDL: as a service's, composed with a contract; as a client's, over the demo's graph; and as nobody's.
pub fn sdl(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut sources = Sources::default();
    let file = sources.add("fuzzed.graphql", text);

    let (_, found) = service::read(&sources, "fuzzed", file, Origin::Service);
    findings::check(&found, &sources);
    let services = [ServiceFile { name: "fuzzed".to_owned(), file, origin: Origin::Service }];
    let contracts = HashMap::from([("users.openapi.yaml".to_owned(), users().clone())]);
    let (graph, found) = compose(Services { sources: &sources, services: &services, contracts: &contracts });
    // Findings may point into the contract, whose text is another `Sources`' and empty here.
    let of_file: Vec<_> =
        found.iter().filter(|finding| finding.labels.iter().all(|label| label.span.file == file)).cloned().collect();
    findings::check(&of_file, &sources);
    let has_errors = found.iter().any(|finding| finding.severity() == Severity::Error);
    assert!(graph.is_some() || has_errors, "neither a graph nor an error");

    if let Some(graph) = &web().graph {
        let (view, found) = view::load(&sources, file, graph);
        let of_file: Vec<_> = found
            .iter()
            .filter(|finding| finding.labels.iter().all(|label| label.span.file == file))
            .cloned()
            .collect();
        findings::check(&of_file, &sources);
        assert!(view.is_some() || !found.is_empty(), "neither a view nor a finding");
        // What a client sees is a schema by itself.
        if let Some(view) = view {
            let printed = sources.add("printed.graphql", view.sdl());
            let (plain, found) = view::plain(&sources, printed);
            assert!(plain.is_some(), "{found:#?}\n{}", view.sdl());
        }
    }
    let (plain, found) = view::plain(&sources, file);
    findings::check(&found, &sources);
    assert_eq!(plain.is_some(), found.is_empty());
}

fn users() -> &'static contract::Contract {
    static CONTRACT: OnceLock<contract::Contract> = OnceLock::new();
    CONTRACT.get_or_init(|| {
        let mut sources = Sources::default();
        let file = sources.add("users.openapi.yaml", USERS);
        contract::read(&sources, file).0.expect("the demo's contract")
    })
}
