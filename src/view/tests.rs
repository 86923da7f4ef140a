use super::testing::Project;

const GRAPH: &str = r#"
"The shop."
type Query { user(id: ID!): User  products(category: Category, sort: Sort! = NEWEST, first: Int! = 20): [Product!]! }
type User { id: ID!  name: String!  orders(first: Int! = 10): [Order!]! }
type Order { id: ID! total: Float! }
type Product { id: ID!  "What it is called." name: String!  price: Money!  images: Images  old: String @deprecated(reason: "gone") }
type Money { amount: Int! currency: String! }
type Images { small: Image }
type Image { url: String! }
enum Category { BOOKS GAMES }
enum Sort { NEWEST POPULAR }
"#;

#[test]
fn an_identity_view_has_no_findings() {
    Project::new(GRAPH).view(GRAPH);
}
