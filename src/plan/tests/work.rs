//! How much work planning takes, in steps, and when it is refused.

use super::kit::Project;
use crate::plan::PlanError;
use crate::plan::work::MAX_WORK;
use std::fmt::Write;

/// Composes GraphQL services, which are named by their numbers. The client sees all of their types.
fn composed(services: &[String]) -> Project {
    let names: Vec<String> = (0..services.len()).map(|at| format!("s{at}")).collect();
    let services: Vec<(&str, &str)> = names.iter().zip(services).map(|(name, sdl)| (&**name, &**sdl)).collect();
    Project::graphql(&services, None)
}

/// Composes `count` services, each of which gives another field of one entity with two keys.
fn one_entity(count: usize) -> Project {
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
    // There are five times as many fields, and each is searched in five times as many services.
    assert!(many.1 < few.1 * 30, "{few:?} {many:?}");
}

#[test]
fn an_operation_at_the_limits_is_planned() {
    // Fifty places have a hundred fields each, and each of these fields comes from a different service.
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
    // Each service takes both parts of one key and gives both parts of the next key.
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
    let (plan, work) = services.counted(&format!("{{ item {{{next} }} }}"));
    assert!(matches!(plan, Err(PlanError::TooComplex { limit: MAX_WORK })), "{plan:?}");
    assert!(work < MAX_WORK + 10_000);
    assert_eq!(services.cost("{ item { own } }").0, 2);
}
