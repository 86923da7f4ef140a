//! What planning costs, in steps of work, and where it ends.

use super::work::MAX_WORK;
use super::{Plan, PlanError, counted};
use crate::compose::{Graph, Origin, ServiceFile, Services, compose};
use crate::diagnostic::Sources;
use crate::operation::{Limits, Outcomes, prepare};
use crate::view::{View, load};
use std::collections::HashMap;
use std::fmt::Write;

const LINK: &str = r#"extend schema @link(url: "https://specs.apollo.dev/federation/v2.5",
  import: ["@key", "@requires", "@external", "@shareable"])"#;

/// GraphQL services, composed, behind a client that sees all of them.
struct Composed {
    graph: Graph,
    view: View,
}

fn composed(services: &[String]) -> Composed {
    let mut sources = Sources::default();
    let mut files = Vec::new();
    for (at, sdl) in services.iter().enumerate() {
        let name = format!("s{at}");
        let file = sources.add(format!("{name}.graphql"), format!("{LINK}\n{sdl}"));
        files.push(ServiceFile { name, file, origin: Origin::Service });
    }
    let (graph, findings) = compose(&Services::read(&sources, &files), &HashMap::new());
    let graph = graph.unwrap_or_else(|| panic!("{findings:#?}"));
    let client = sources.add("client.graphql", graph.schema.serialize().to_string());
    let (view, findings) = load(&sources, client, &graph);
    Composed { view: view.unwrap_or_else(|| panic!("{findings:#?}")), graph }
}

impl Composed {
    /// The plan and the work of an operation.
    fn plan(&self, query: &str) -> (Result<Plan, PlanError>, u64) {
        let prepared =
            prepare(&self.view, &Limits::default(), query, None).unwrap_or_else(|errors| panic!("{errors:#?}"));
        let lowered = prepared.lower(&Outcomes::default()).unwrap_or_else(|errors| panic!("{errors:#?}"));
        counted(&self.graph, &lowered)
    }

    /// The number of steps and the work of an operation that can be planned.
    fn cost(&self, query: &str) -> (usize, u64) {
        let (plan, work) = self.plan(query);
        (plan.unwrap_or_else(|error| panic!("{error}")).steps.len(), work)
    }
}

/// `count` services that each give a field of their own of one entity with two keys.
fn one_entity(count: usize) -> Composed {
    let own =
        |at: usize| format!(r#"type Item @key(fields: "id") @key(fields: "code") {{ id: ID! code: ID! f{at}: Int }}"#);
    let mut services: Vec<String> = (0..count).map(own).collect();
    services.push(r#"type Query { item: Item } type Item @key(fields: "id") { id: ID! }"#.to_owned());
    composed(&services)
}

fn fields(count: usize) -> String {
    (0..count).fold(String::new(), |mut text, at| {
        let _ = write!(text, " f{at}");
        text
    })
}

#[test]
fn work_grows_with_the_services_of_an_entity_and_not_faster() {
    let cost = |count: usize| one_entity(count).cost(&format!("{{ item {{{} }} }}", fields(count)));
    let (few, many) = (cost(20), cost(100));
    assert_eq!((few.0, many.0), (21, 101));
    assert!(many.1 < 60_000, "{many:?}");
    // Five times the fields, each looked for at five times the services.
    assert!(many.1 < few.1 * 30, "{few:?} {many:?}");
}

#[test]
fn an_operation_at_the_limits_is_planned() {
    // Fifty places of a hundred fields, each given by a service of its own.
    let places: String = (0..49).map(|at| format!(" p{at}: item {{{} }}", fields(100))).collect();
    let (steps, work) = one_entity(100).cost(&format!("{{{places} }}"));
    assert_eq!(steps, 101);
    assert!(work < MAX_WORK / 2, "{work}");
}

#[test]
fn one_field_of_many_services_is_found_at_once() {
    for at in [0, 99] {
        let (steps, work) = one_entity(100).cost(&format!("{{ item {{ f{at} }} }}"));
        assert_eq!(steps, 2);
        assert!(work < 5_000, "{work}");
    }
}

#[test]
fn chains_of_keys_with_two_parts_are_walked_once() {
    // Each service takes both parts of one key and gives both parts of the next.
    let link = |at: usize| {
        let next = at + 1;
        format!(
            r#"type Item @key(fields: "a{at} b{at}") {{ a{at}: ID! b{at}: ID! a{next}: ID! @shareable b{next}: ID! @shareable }}"#
        )
    };
    let mut services: Vec<String> = (0..40).map(link).collect();
    services.push(r#"type Query { item: Item } type Item @key(fields: "a0 b0") { a0: ID! b0: ID! }"#.to_owned());
    let (steps, work) = composed(&services).cost("{ item { a40 b40 } }");
    assert_eq!(steps, 41);
    assert!(work < 40_000, "{work}");
}

#[test]
fn a_plan_that_takes_too_much_work_is_refused() {
    let keys: String = (0..300).map(|at| format!(" @key(fields: \"k{at}\")")).collect();
    let names: String = (0..300).map(|at| format!(" k{at}: ID!")).collect();
    let services = [
        format!("type Item{keys} {{{names} own: Int next(n: Int): Item }}"),
        format!("type Query {{ item: Item }} type Item{keys} {{{names} }}"),
    ];
    let services = composed(&services);
    let next: String = (0..400).map(|at| format!(" n{at}: next(n: {at}) {{ own }}")).collect();
    let (plan, work) = services.plan(&format!("{{ item {{{next} }} }}"));
    assert!(matches!(plan, Err(PlanError::TooComplex { limit: MAX_WORK })), "{plan:?}");
    assert!(work < MAX_WORK + 10_000);
    assert_eq!(services.cost("{ item { own } }").0, 2);
}

#[test]
fn a_field_asked_for_with_many_arguments_gets_as_many_names() {
    let services = composed(&["type Query { a(n: Int): Item } type Item { b(n: Int): Int }".to_owned()]);
    let aliases: String = (0..900).map(|at| format!(" b{at}: b(n: {at})")).collect();
    let (plan, _) = services.plan(&format!("{{ a {{{aliases} }} }}"));
    let plan = plan.expect("a plan");
    let text = &plan.steps[0].document.as_ref().expect("a document").text;
    assert!(text.contains("{b(n:$a0) b_1:b(n:$a1) ") && text.ends_with(" b_899:b(n:$a899)}}"), "{text}");
}

#[test]
fn types_of_one_place_share_names_only_for_what_is_alike() {
    let services = composed(&["type Query { all: [Any] } union Any = A | B | C
        type A { x: Int y: A } type B { x: String y: B } type C { x: Int }"
        .to_owned()]);
    let query = "{ all { ... on A { x y { x } } ... on B { w: x v: y { x } } ... on C { x } } }";
    let plan = services.plan(query).0.expect("a plan");
    insta::assert_snapshot!(
        plan.steps[0].document.as_ref().expect("a document").text,
        @"query{all{__typename ...on A{x y{x}} ...on B{x_1:x y_1:y{x}} ...on C{x}}}"
    );
}
