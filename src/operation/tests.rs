use super::{Limits, prepare};
use crate::view::testing::Project;
use insta::assert_snapshot;

const GRAPH: &str = r#"
type Query { user(id: ID!): User  products(category: Category, sort: Sort! = NEWEST, first: Int! = 20): [Product!]! }
type User { id: ID!  name: String!  orders(first: Int! = 10): [Order!]! }
type Order { id: ID! total: Float! }
type Product { id: ID!  name: String!  price: Money!  images: Images }
type Money { amount: Int! currency: String! }
type Images { small: Image }
type Image { url: String! }
enum Category { BOOKS GAMES }
enum Sort { NEWEST POPULAR }
"#;

/// The lowered operation, or the errors, as text.
fn lowered(graph: &str, client: &str, document: &str, variables: serde_json::Value) -> String {
    let mut project = Project::new(graph);
    let view = project.view(client);
    lowered_by(&project, &view, document, variables)
}

fn lowered_by(project: &Project, view: &crate::view::View, document: &str, variables: serde_json::Value) -> String {
    let run = || {
        let prepared = prepare(view, &Limits::default(), document, None)?;
        let variables = prepared.coerce(variables.as_object().unwrap())?;
        let operation = prepared.lower(&prepared.outcomes(&variables))?;
        prepared.check_bounds(&operation, &variables)?;
        Ok(operation.to_text(&project.graph))
    };
    run().unwrap_or_else(|errors: Vec<super::RequestError>| {
        errors.iter().map(|error| format!("{} {:?} {}\n", error.code, error.locations, error.message)).collect()
    })
}

#[test]
fn an_identity_view_lowers_to_the_same_fields() {
    assert_snapshot!(lowered(GRAPH, GRAPH, r#"query { user(id: "123") { name orders { total } } }"#, serde_json::json!({})), @"");
}
