//! Merging of fields, abstract types, and the effects of `@skip` and `@include`.

use super::{GRAPH, lowered, shown};
use crate::operation::{Limits, prepare};
use crate::view::testing::Project;
use insta::assert_snapshot;
use serde_json::{Value as Json, json};

#[test]
fn equal_response_names_merge_and_keep_the_order_of_first_appearance() {
    let document = r#"
      query {
        user(id: "1") { ...A id ... on User { name orders { lines { qty } } } }
        user(id: "1") { id orders { total id } name }
      }
      fragment A on User { name ...B }
      fragment B on User { orders { id } }
    "#;
    assert_snapshot!(lowered(GRAPH, document), @r#"
      query
        #0 user(id: "1")
          #1 name
          #2 orders(first: 10)
            #3 id
            #4 lines
              #5 qty
            #6 total
          #7 id
      answer
        Query
          user: Object = #0
            User
              name: String! = #1
              orders: [Object!]! = #2
                Order
                  id: ID! = #3
                  lines: [Object!]! = #4
                    Line
                      qty: Int! = #5
                  total: Float! = #6
              id: ID! = #7
      "#);
}

#[test]
fn fields_of_interfaces_and_unions_are_lowered_per_concrete_type() {
    let document = r#"{
      search(text: "x") { __typename ... on Node { id } ... on Team { title members { name } } ... on Product { owner { id ... on Shop { title } } } }
    }"#;
    assert_snapshot!(lowered(GRAPH, document), @r#"
    query
      #0 search(text: "x")
        on Product
          #1 owner
            on Shop
              #2 id
              #3 title
            on Team
              #4 id
        on Shop
          #5 id
        on Team
          #6 id
          #7 title
          #8 members
            #9 name
    answer
      Query
        search: [Object!]! = #0
          Product
            __typename: __typename
            owner: Object = #1
              Shop
                id: ID! = #2
                title: String! = #3
              Team
                id: ID! = #4
          Shop
            __typename: __typename
            id: ID! = #5
          Team
            __typename: __typename
            id: ID! = #6
            title: String! = #7
            members: [Object!]! = #8
              User
                name: String! = #9
    "#);
}

#[test]
fn skip_and_include_are_decided_by_outcomes() {
    let mut project = Project::new(GRAPH);
    let view = project.view(GRAPH);
    let document = r#"
      query($a: Boolean!, $b: Boolean = true, $id: ID!) {
        user(id: $id) { id @skip(if: $a) ...F @include(if: $b) name @include(if: true) kind @skip(if: true) }
      }
      fragment F on User { orders { total @skip(if: $a) id } }
    "#;
    let prepared = prepare(&view, &Limits::default(), document, None).unwrap();
    let names: Vec<_> = prepared.conditions().iter().map(|id| id.0).collect();
    assert_eq!(names, [0, 1]);
    let outcomes =
        |variables: Json| prepared.outcomes(&prepared.coerce(&variables.as_object().unwrap().into()).unwrap());
    let first = outcomes(json!({"a": true, "id": "1"}));
    assert_eq!(first, outcomes(json!({"a": true, "b": true, "id": "2"})));
    let second = outcomes(json!({"a": false, "b": false, "id": "1"}));
    assert_ne!(first, second);
    assert_snapshot!(prepared.lower(&first).unwrap().to_text(&project.graph), @r"
    query
      #0 user(id: $2)
        #1 orders(first: 10)
          #2 id
        #3 name
    answer
      Query
        user: Object = #0
          User
            orders: [Object!]! = #1
              Order
                id: ID! = #2
            name: String! = #3
    ");
    assert_snapshot!(prepared.lower(&second).unwrap().to_text(&project.graph), @r"
    query
      #0 user(id: $2)
        #1 id
        #2 name
    answer
      Query
        user: Object = #0
          User
            id: ID! = #1
            name: String! = #2
    ");
    let null = prepared.coerce(&json!({"a": true, "b": null, "id": "1"}).as_object().unwrap().into()).unwrap_err();
    assert_eq!(shown(null), "BAD_USER_INPUT 2:27 variable `$b`: expected `Boolean!`, found null\n");
}
