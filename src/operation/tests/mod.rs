//! Tests that lower a document over a client schema and compare the lowered operation as text.

mod grammar;
mod inputs;
mod lifting;
mod limits;
mod merging;
mod rules;

use crate::operation::{Limits, RequestError, prepare};
use crate::view::View;
use crate::view::testing::Project;
use serde_json::{Value as Json, json};

const GRAPH: &str = r#"
type Query {
  user(id: ID!): User
  product(id: ID!): Product
  products(category: Category, sort: Sort! = NEWEST, first: Int! = 20): [Product!]!
  search(text: String!): [Hit!]!
  hit(text: String!): Hit
  find(filter: Filter): [Product!]!
  any(json: JSON): JSON
}
type Mutation { pay(order: ID!): Order!  ship(order: ID!): Order! }
type User { id: ID!  name: String!  orders(first: Int! = 10): [Order!]!  kind: Kind!  boss: User }
type Order { id: ID! total: Float! lines: [Line!]!  user: User! }
type Line { qty: Int! product: Product }
type Product { id: ID!  name: String!  price: Money!  images: [Image!]  owner: Node }
type Money { amount: Int! currency: String! }
type Image { url: String! width: Int! }
interface Node { id: ID! }
type Shop implements Node { id: ID! title: String! }
type Team implements Node { id: ID! title: String! members: [User!]! }
union Hit = Product | Shop | Team
enum Category { BOOKS GAMES FOOD }
enum Sort { NEWEST POPULAR }
enum Kind { ADMIN CUSTOMER }
input Filter { category: Category  price: Range  limit: Int! = 50  text: String }
input Range { least: Int! = 0  most: Int! }
scalar JSON
"#;

/// Lowers a document and gives the operation, or the errors, as text.
fn lowered_with(client: &str, document: &str, variables: Json) -> String {
    let mut project = Project::new(GRAPH);
    let view = project.view(client);
    lowered_by(&project, &view, document, &variables)
}

fn lowered(client: &str, document: &str) -> String {
    lowered_with(client, document, json!({}))
}

fn lowered_by(project: &Project, view: &View, document: &str, variables: &Json) -> String {
    let run = || {
        // A configuration may allow more than the defaults do.
        let limits = Limits { max_tokens: 10_000, max_fields: 5_000, ..Limits::default() };
        let prepared = prepare(view, &limits, document, None)?;
        let variables = prepared.coerce(&variables.as_object().unwrap().into())?;
        let operation = prepared.lower(&prepared.outcomes(&variables))?;
        prepared.check_bounds(&operation, &variables)?;
        Ok(operation.to_text(&project.graph))
    };
    run().unwrap_or_else(shown)
}

fn shown(errors: Vec<RequestError>) -> String {
    let one = |error: &RequestError| {
        let places: Vec<_> = error.locations.iter().map(|(line, column)| format!("{line}:{column} ")).collect();
        format!("{} {}{}\n", error.code, places.concat(), error.message)
    };
    errors.iter().map(one).collect()
}

const SHOP: &str = r#"
type Query {
  home: Home!  @from(path: ".")
  user(id: ID!): Me
  cards(kind: Topic @from(path: "category"), first: Int! = 5): [ProductCard!]!  @from(path: "products(sort: POPULAR)")
  latest(first: Int!): [ProductCard!]!  @from(path: "products(first: $first, category: BOOKS)")
}
type Home @view(of: "Query") {
  popular: [ProductCard!]!  @from(path: "products(sort: POPULAR, first: 3)")
  me(id: ID!): Me  @from(path: "user(id: $id)")
}
type Me @view(of: "User") {
  name: String!
  recent: [OrderCard!]!  @from(path: "orders(first: 3)")
  totals: [Float!]!  @from(path: "orders.total")
  quantities: [[Int!]!]!  @from(path: "orders.lines.qty")
  last: Float  @from(path: "orders(first: 1)[0].total")
  bossName: String!  @from(path: "boss.name", default: "nobody")
}
type OrderCard @view(of: "Order") { number: ID! @from(path: "id")  total: Float! }
type ProductCard @view(of: "Product") {
  id: ID!
  title: String!  @from(path: "name")
  cents: Int!  @from(path: "price.amount")
  currency: String!  @from(path: "price.currency")
  thumb: String  @from(path: "images[0].url")
}
enum Topic @view(of: "Category") { READING @from(path: "BOOKS")  PLAYING @from(path: "GAMES") }
"#;
