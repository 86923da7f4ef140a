//! The documents that are sent to GraphQL services.

use super::kit::Project;
use insta::assert_snapshot;

#[test]
fn a_field_asked_for_with_many_arguments_gets_as_many_names() {
    let project = Project::graphql(&[("a", "type Query { a(n: Int): Item } type Item { b(n: Int): Int }")], None);
    let aliases: String = (0..900).map(|at| format!(" b{at}: b(n: {at})")).collect();
    let plan = project.plan(&format!("{{ a {{{aliases} }} }}"));
    let text = &plan.steps[0].document.as_ref().expect("a document").text;
    assert!(text.contains("{b(n:$a0) b_1:b(n:$a1) ") && text.ends_with(" b_899:b(n:$a899)}}"), "{text}");
}

#[test]
fn types_of_one_place_share_names_only_for_what_is_alike() {
    let project = Project::graphql(
        &[(
            "a",
            "type Query { all: [Any] } union Any = A | B | C
             type A { x: Int y: A } type B { x: String y: B } type C { x: Int }",
        )],
        None,
    );
    let query = "{ all { ... on A { x y { x } } ... on B { w: x v: y { x } } ... on C { x } } }";
    let plan = project.plan(query);
    assert_snapshot!(
        plan.steps[0].document.as_ref().expect("a document").text,
        @"query{all{__typename ...on A{x y{x}} ...on B{x_1:x y_1:y{x}} ...on C{x}}}"
    );
}

#[test]
fn writes_below_the_root_are_never_sent() {
    let a = "type Query { a: A } type A { mutation: Mutation } type Mutation { one: Int }";
    let b = "type Query { b: Int } type Mutation { two: Int }";
    let project = Project::graphql(&[("a", a), ("b", b)], None);
    assert_snapshot!(
        project.refused("{ a { mutation { two } } }"),
        @"`Mutation.two` cannot be had at `a.mutation` (tried: b two: only the root of a mutation writes)"
    );
}
