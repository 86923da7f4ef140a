//! How many values an answer may have, which plans know before they run.

use super::kit::Project;

const SHOP: &str = r#"
type Query {
  user(id: ID!): User @connect(http: { GET: "/users/{$args.id}" }, selection: "id name friends { id name }")
  users: [Plain!]! @connect(http: { GET: "/users" }, selection: "id name")
  some: [User!]! @connect(http: { GET: "/users" }, selection: "id name") @listSize(maxSize: 3)
  few: [User] @connect(http: { GET: "/users" }, selection: "id name") @listSize(assumedSize: 1)
  must: User! @connect(http: { GET: "/users/1" }, selection: "id name")
  tags: [String] @connect(http: { GET: "/tags" }, selection: "$") @listSize(maxSize: 3)
  words: [String] @connect(http: { GET: "/tags" }, selection: "$")
  grid: [[Int]] @connect(http: { GET: "/grid" }, selection: "$")
}
type Plain { id: ID! name: String }
type User @key(fields: "id")
  @connect(http: { GET: "/details", queryParams: "id: $batch.id" }, batch: { key: "id", maxSize: 10 },
    selection: "id name friends { id name } email") {
  id: ID!
  name: String
  friends: [User!] @listSize(maxSize: 2)
  email: String
}
"#;

#[test]
fn plans_know_how_many_values_an_answer_may_hold() {
    let project = Project::rest(&[("shop", SHOP)], None);
    for (query, expected) in [
        ("{ user(id: 1) { id name } }", "≤ 2"),
        ("{ user(id: 1) { id friends { id name } } }", "≤ 7"),
        ("{ some { id email } }", "≤ 9"),
        ("{ some { id } few { id } user(id: 1) { __typename } }", "≤ 9"),
        ("{ user(id: 1) { friends { id email } } some { email } }", "≤ 12"),
        ("{ tags }", "≤ 4"),
        ("{ words }", "unbounded: nothing bounds the list `Query.words`"),
        ("{ user(id: 1) { id } users { id } }", "unbounded: nothing bounds the list `Query.users`"),
    ] {
        assert_eq!(project.values(query), format!("  values {expected}\n"), "{query}");
    }
}

const ORDERS: &str = r#"
type Query { user: User orders(first: Int): [Order!]! @listSize(slicingArguments: ["first"], assumedSize: 20) node: Node }
type User @key(fields: "id") {
  id: ID!
  orders(first: Int): [Order!]! @listSize(slicingArguments: ["first"], maxSize: 60)
  free: [Order!]
}
type Order { id: ID! user: User! }
union Node = User | Order"#;

#[test]
fn towers_are_known_before_they_run() {
    let project = Project::graphql(&[("a", ORDERS)], None);
    let tower = |levels: usize, first: &str| {
        let open = format!("user {{ orders(first: {first}) {{ ").repeat(levels);
        let head = if first == "$n" { "query($n: Int)" } else { "" };
        format!("{head} {{ {open} id {} }}", "} }".repeat(levels))
    };
    let most = |query: &str| project.values(query);
    assert_eq!(most(&tower(1, "50")), "  values ≤ 100\n");
    assert_eq!(most(&tower(2, "50")), "  values ≤ 5050\n");
    assert_eq!(most(&tower(5, "50")), "  values ≤ 631377550\n");
    // The variable may have any value up to the declared size.
    assert_eq!(most(&tower(1, "$n")), "  values ≤ 120\n");
    assert_eq!(most("{ orders { id } }"), "  values ≤ 40\n");
    assert_eq!(most("{ orders(first: 3) { id } }"), "  values ≤ 6\n");
    assert_eq!(most("{ user { free { id } } }"), "  values unbounded: nothing bounds the list `User.free`\n");
    // Of the types that the node can have, the one with the most values counts.
    let query = "{ node { ... on Order { id } ... on User { id orders(first: 2) { id } } } }";
    assert_eq!(most(query), "  values ≤ 5\n");
    // A number that is too large for 64 bits counts as the largest 64-bit number.
    assert_eq!(most(&tower(14, "50")), format!("  values ≤ {}\n", u64::MAX));
}
