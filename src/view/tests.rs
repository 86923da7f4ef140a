//! What a client schema may say about a graph, and the findings for what it may not say.

use super::testing::Project;
use crate::compose::Bounds;
use crate::contract::{NumberBound, NumberBounds};
use insta::assert_snapshot;

const GRAPH: &str = r#"
type Query {
  user(id: ID!): User
  products(category: Category, sort: Sort! = NEWEST, first: Int! = 20): [Product!]!
  hits: [Hit!]!
  hit: Hit
  node: Node
  find(filter: Filter!): [Product!]!
}
type User { id: ID!  name: String!  orders(first: Int! = 10): [Order!]! }
type Order { id: ID!  total: Float!  count: Int! }
"A thing to buy."
type Product implements Node {
  id: ID!
  "What it is called."
  name: String!
  price: Money!
  images: [Image!]
  old: String @deprecated(reason: "gone")
}
type Money { amount: Int! currency: String! }
type Image { url: String! }
interface Node { id: ID! }
type Shop implements Node { id: ID! }
union Hit = Product | Shop
"What kind."
enum Category { BOOKS "Played." GAMES OLD @deprecated }
enum Sort { NEWEST POPULAR }
input Filter { text: String!  limit: Int! = 10 }
scalar Date
"#;

fn findings(client: &str) -> String {
    let mut project = Project::new(GRAPH);
    let (view, findings) = project.load(client);
    assert_eq!(view.is_some(), findings.is_empty(), "a view iff no finding");
    project.print(&findings)
}

#[test]
fn an_identity_view_has_no_findings() {
    assert_eq!(findings(GRAPH), "");
}

#[test]
fn the_clean_schema_inherits_descriptions_and_deprecations() {
    let mut project = Project::new(GRAPH);
    let view = project.view(
        r#"
        extend schema @link(url: "https://bespoke.example/view/v1", import: ["@view", "@from"])
        type Query { cards(first: Int!, of: Kind @from(path: "category")): [Card!]! @from(path: "products") }
        type Card @view(of: "Product") {
          id: ID!
          title: String! @from(path: "name")
          "Of this client."
          cents: Int! @from(path: "price.amount")
          old: String
        }
        enum Kind @view(of: "Category") { PLAY @from(path: "GAMES") BOOKS OLD }
        "#,
    );
    assert_snapshot!(view.sdl(), @r#"
    """
    Lets the fragment come after the rest of the answer, to clients that take answers in parts.
    """
    directive @defer(if: Boolean! = true, label: String) on FRAGMENT_SPREAD | INLINE_FRAGMENT

    type Query {
      cards(first: Int! = 20, of: Kind): [Card!]!
    }

    """A thing to buy."""
    type Card {
      id: ID!
      """What it is called."""
      title: String!
      """Of this client."""
      cents: Int!
      old: String @deprecated(reason: "gone")
    }

    """What kind."""
    enum Kind {
      """Played."""
      PLAY
      BOOKS
      OLD @deprecated
    }
    "#);
}

#[test]
fn renames_inherit_descriptions_deprecations_and_defaults() {
    let mut project = Project::new(
        r#"
        type Query {
          search("How many." count: Int! = 20, "Which." kind: Kind! = GAMES, filter: Filter = { size: 3, kinds: [OLD] }, "Gone." old: Int @deprecated(reason: "gone")): [Node!]!
        }
        interface Node {
          "What it is called."
          name("In which language." lang: Lang = EN): String! @deprecated(reason: "see title")
        }
        type Thing implements Node { "A thing's name." name(lang: Lang = EN): String! }
        enum Kind { "Played." GAMES "Read." OLD @deprecated(reason: "dusty") }
        enum Lang { EN DE }
        input Filter { "How big." size: Int = 1, "Of which kinds." kinds: [Kind!] = [GAMES], "Before." before: Int @deprecated(reason: "use size") }
        "#,
    );
    let view = project.view(
        r#"
        type Query {
          find(first: Int! @from(path: "count"), sort: Sort! @from(path: "kind"), by: By @from(path: "filter"), past: Int @from(path: "old")): [Item!]! @from(path: "search")
          some(n: Int!): [Item!]! @from(path: "search(count: $n, kind: OLD)")
          both(n: Int!): [Item!]! @from(path: "search(count: $n, old: $n, kind: OLD)")
        }
        interface Item @view(of: "Node") { title(in: Tongue @from(path: "lang")): String! @from(path: "name") }
        type Object implements Item @view(of: "Thing") { title(in: Tongue @from(path: "lang")): String! @from(path: "name") }
        enum Sort @view(of: "Kind") { PLAY @from(path: "GAMES") DUSTY @from(path: "OLD") }
        enum Tongue @view(of: "Lang") { ENGLISH @from(path: "EN") }
        input By @view(of: "Filter") { bytes: Int @from(path: "size"), sorts: [Sort!] @from(path: "kinds"), until: Int @from(path: "before") }
        "#,
    );
    assert_snapshot!(view.sdl());
}

#[test]
fn types_without_counterpart_or_declaration_are_found() {
    assert_snapshot!(findings(r#"
type Query { user(id: ID!): Usr  products: [Prodct!]!  when: Date  x: Money }
type Prodct { id: ID! }
type Card @view(of: "Prodct") { id: ID! }
type Kind @view(of: "Category") { id: ID! }
scalar Time
"#), @r#"
    E116 type `Usr` is used but not declared
      client.graphql:2:29 `Usr` not declared here
      help: did you mean `User`?
    E116 `Query` has no field `when`
      client.graphql:2:56 `when` not in the graph
      graph.graphql:2:6 `Query` `Query` is declared here
    E116 type `Date` is used but not declared
      client.graphql:2:62 `Date` not declared here
      graph.graphql:30:8 `Date` declared in the graph
      help: declare `Date` with the parts that this client needs
    E116 `Query` has no field `x`
      client.graphql:2:68 `x` not in the graph
      graph.graphql:2:6 `Query` `Query` is declared here
    E116 type `Money` is used but not declared
      client.graphql:2:71 `Money` not declared here
      graph.graphql:21:6 `Money` declared in the graph
      help: declare `Money` with the parts that this client needs
    E116 the graph has no type `Prodct`
      client.graphql:3:6 `Prodct` no counterpart
      help: did you mean `Product`?
    E116 the graph has no type `Prodct`
      client.graphql:4:21 `"Prodct"` no counterpart
      help: did you mean `Product`?
    E116 `Kind` cannot be a view of `Category`, which is an enum in the graph
      client.graphql:5:21 `"Category"` of another kind
      graph.graphql:27:6 `Category` `Category` is declared here
    E116 the graph has no type `Time`
      client.graphql:6:8 `Time` no counterpart
      help: say what it is a view of: `@view(of: "…")`
    "#);
}

#[test]
fn fields_that_the_graph_does_not_have_are_found() {
    assert_snapshot!(findings(r#"
type Query { user(id: ID!): User  products: [Card!]! }
type User { nam: String  full: String @from(path: "name.first")  worth: Float @from(path: "orders[0].totl")  one: String @from(path: "name[0]") }
type Card @view(of: "Product") {
  a: String @from(path: "price.")
  b: String @from(path: "price.amount", defalt: "x")
  c: Int @from
}
"#), @r#"
    E116 `User` has no field `nam`
      client.graphql:3:13 `nam` not in the graph
      graph.graphql:10:6 `User` `User` is declared here
      help: did you mean `name`?
    E116 `String` has no fields, so `first` cannot follow it
      client.graphql:3:57 `first` not in the graph
    E116 `Order` has no field `totl`
      client.graphql:3:102 `totl` not in the graph
      graph.graphql:11:6 `Order` `Order` is declared here
      help: did you mean `total`?
    E116 `User.name` is not a list
      client.graphql:3:135 `name` `[n]` takes an item of a list
      graph.graphql:10:22 `name` `String!` here
    E116 the name of a field should stand here, not the end
      client.graphql:5:32 `` here
    E116 `Card.b: String` cannot show `Int!`: the graph's type is `Int`
      client.graphql:6:6 `String` this type
      graph.graphql:21:14 `amount` `Money.amount` is declared here
    E116 `@from` has no argument `defalt`
      client.graphql:6:41 `defalt` not known
      help: known are `path`, `default`
    E116 `Product` has no field `c`
      client.graphql:7:3 `c` not in the graph
      graph.graphql:13:6 `Product` `Product` is declared here
    E116 `@from` needs `path:`
      client.graphql:7:10 `@from` here
    "#);
}

#[test]
fn rule_2_to_4_types_are_the_same_or_looser() {
    assert_snapshot!(findings(r#"
type Query { user(id: ID!): User!  products: [Card]  one: Card @from(path: "products") }
type User {
  name: Int
  totals: [Float!] @from(path: "orders.total")
  flat: Float @from(path: "orders.total")
  last: Float! @from(path: "orders[0].total")
  count: [Float!]! @from(path: "orders.count")
  many: [[Int]] @from(path: "orders.count")
}
type Card @view(of: "Product") {
  urls: [String!]! @from(path: "images.url")
  urlsOrNone: [String!]! @from(path: "images.url", default: "[]")
  cents: Int! @from(path: "price.amount", default: "many")
  old: String! @from(path: "old", default: "none")
  price: String
}
"#), @r#"
    E116 `Query.user: User!` cannot show `User`: the graph's value can be null
      client.graphql:2:29 `User` this type
      graph.graphql:3:3 `user` `Query.user` is declared here
      help: make it nullable (`User`), or say what stands for null: `@from(…, default: "…")`
    E116 `Query.one: Card` cannot show `[Product!]!`: the path leads to a list
      client.graphql:2:59 `Card` this type
      graph.graphql:4:3 `products` `Query.products` is declared here
      help: take an item with `[n]`, or show a list
    E116 `User.name: Int` cannot show `String!`: the graph's type is `String`
      client.graphql:4:9 `Int` this type
      graph.graphql:10:22 `name` `User.name` is declared here
    E116 `User.flat: Float` cannot show `[Float!]!`: the path leads to a list
      client.graphql:6:9 `Float` this type
      graph.graphql:11:23 `total` `Order.total` is declared here
      help: take an item with `[n]`, or show a list
    E116 `User.last: Float!` cannot show `Float`: the graph's value can be null
      client.graphql:7:9 `Float` this type
      graph.graphql:11:23 `total` `Order.total` is declared here
      help: make it nullable (`Float`), or say what stands for null: `@from(…, default: "…")`
    E116 `User.many: [[Int]]` cannot show `[Int!]!`: the path does not lead to a list
      client.graphql:9:11 `Int` this type
      graph.graphql:11:38 `count` `Order.count` is declared here
    E116 `Card.urls: [String!]!` cannot show `[String!]`: the graph's value can be null
      client.graphql:12:10 `String` this type
      graph.graphql:22:14 `url` `Image.url` is declared here
      help: make it nullable (`[String!]`), or say what stands for null: `@from(…, default: "…")`
    E116 the default of `Card.cents` is not a `Int!`
      client.graphql:14:52 `"many"` this default
    E116 `Card.price: String` cannot show `Money!`: the graph's type is `Money`
      client.graphql:16:10 `String` this type
      graph.graphql:17:3 `price` `Product.price` is declared here
    "#);
}

#[test]
fn rule_6_arguments_are_pinned_or_offered_and_lead_somewhere() {
    assert_snapshot!(findings(r#"
type Query {
  user: User
  who(key: ID!): User @from(path: "user(id: $kye)")
  me: User @from(path: "user(id: {a: 1}, nme: 2)")
  products(first: Int = 5, sorted: Sort, category: String): [Product!]!
  few(first: Int!): [Product!]! @from(path: "products(first: 3)")
  names(id: ID!, limit: Int!): [Float!] @from(path: "user(id: $id).orders(first: $limit).total")
  texts(text: String): [Product!]! @from(path: "find(filter: {text: $text})")
  home(x: Int): Home @from(path: ".")
  bad(first: Int! = "x"): [Product!]! @from(path: "products")
}
type Home @view(of: "Query") { hit: Hit }
type User { id: ID! }
type Product { id: ID! }
type Shop { id: ID! }
union Hit = Product | Shop
enum Sort { NEWEST }
"#), @r#"
    E116 `Query.user(id:)` is required
      client.graphql:3:3 `user` neither pinned nor offered
      graph.graphql:3:3 `user` `Query.user` is declared here
      help: pin it in the path (`user(id: …)`), or offer it: `id: ID!`
    E116 `Query.who(key:)` goes nowhere: `Query.user` has no argument `key`
      client.graphql:4:7 `key` unused
      graph.graphql:3:3 `user` `Query.user` is declared here
    E116 `Query.user(id: ID!)`: `Query.who` has no argument `kye`; did you mean `$key`?
      client.graphql:4:45 `$kye` this value
      graph.graphql:3:3 `user` `Query.user` is declared here
    E116 `Query.user(id: ID!)`: expected `ID`, found `{a: 1}`
      client.graphql:5:34 `{a: 1}` this value
      graph.graphql:3:3 `user` `Query.user` is declared here
    E116 `Query.user` has no argument `nme`
      client.graphql:5:42 `nme` not an argument
      graph.graphql:3:3 `user` `Query.user` is declared here
    E116 `Query.products(first:)` of type `Int` does not fit `Query.products(first:)`: it may be null, the graph's `Int!` may not
      client.graphql:6:12 `first` this argument
      graph.graphql:4:3 `products` `Query.products` is declared here
      help: make it `first: Int! = 5`
    E116 `Query.products(sorted:)` goes nowhere: `Query.products` has no argument `sorted`
      client.graphql:6:28 `sorted` unused
      graph.graphql:4:3 `products` `Query.products` is declared here
      help: did you mean `sort`?
    E116 `Query.products(category:)` of type `String` does not fit `Query.products(category:)`: the graph's type is `Category`
      client.graphql:6:42 `category` this argument
      graph.graphql:4:3 `products` `Query.products` is declared here
      help: make it `category: Category`
    E116 `Query.few(first:)` goes nowhere: the path gives `Query.products(first:)` another value
      client.graphql:7:7 `first` unused
      graph.graphql:4:3 `products` `Query.products` is declared here
    E116 `Query.find(filter: Filter!)`: `$text: String` does not fit: it may be null, the graph's `String!` may not
      client.graphql:9:62 `{text: $text}` this value
      graph.graphql:8:3 `find` `Query.find` is declared here
    E116 `Query.home(x:)` goes nowhere: the path is `.`
      client.graphql:10:8 `x` unused
    E116 the default of `Query.bad(first:)` does not fit: expected `Int`, found `"x"`
      client.graphql:11:21 `"x"` this default
    "#);
}

#[test]
fn rule_6_pinned_values_and_defaults_are_within_bounds() {
    let numbers = NumberBounds { maximum: Some(NumberBound::inclusive(10)), ..NumberBounds::default() };
    let bounds = Bounds { numbers, ..Bounds::default() };
    let mut project = Project::new(GRAPH).bounded("Query", "products", "first", bounds);
    let client = r#"
type Query { a: [Product!]! @from(path: "products(first: 11)")  b(first: Int! = 12): [Product!]! @from(path: "products") }
type Product { id: ID! }
"#;
    let (view, findings) = project.load(client);
    assert!(view.is_none());
    assert_snapshot!(project.print(&findings), @r"
    E116 `Query.a` gives `Query.products(first:)` a value out of range: 11 is above the maximum 10
      client.graphql:2:14 `a` here
      graph.graphql:4:3 `products` `Query.products` is declared here
    E116 `Query.b` gives `Query.products(first:)` a value out of range: 12 is above the maximum 10
      client.graphql:2:65 `b` here
      graph.graphql:4:3 `products` `Query.products` is declared here
    ");
}

#[test]
fn rule_7_enums_and_inputs_have_counterparts() {
    assert_snapshot!(findings(r#"
type Query { find(filter: Search!): [Product!]!  products(category: Kind): [Product!]! }
type Product { id: ID! }
input Search @view(of: "Filter") { txt: String  limit: String }
enum Kind @view(of: "Category") { READ @from(path: "BOOKS")  READ2 @from(path: "BOOKS")  PLAY  GAME @from(path: "GAME") }
"#), @r#"
    E116 `Filter.text` is required, but `Search` does not offer it
      client.graphql:4:7 `Search` add a field for it
      graph.graphql:29:7 `Filter` `Filter` is declared here
    E116 input `Filter` has no field `txt`
      client.graphql:4:36 `txt` not in the graph
      graph.graphql:29:7 `Filter` `Filter` is declared here
      help: did you mean `text`?
    E116 `Search.limit: String` does not fit `Filter.limit`: it may be null, the graph's `Int!` may not
      client.graphql:4:56 `String` this type
      graph.graphql:29:7 `Filter` `Filter` is declared here
    E116 `READ` and `READ2` both show `Category.BOOKS`
      client.graphql:5:80 `"BOOKS"` an answer could be either
    E116 enum `Category` has no value `PLAY`
      client.graphql:5:90 `PLAY` not in the graph
      graph.graphql:27:6 `Category` `Category` is declared here
    E116 enum `Category` has no value `GAME`
      client.graphql:5:113 `"GAME"` not in the graph
      graph.graphql:27:6 `Category` `Category` is declared here
      help: did you mean `GAMES`?
    "#);
}

#[test]
fn rule_9_each_graph_type_has_one_view_inside_an_abstract_type() {
    assert_snapshot!(findings(r#"
type Query { hit: Hit  node: Node }
union Hit = Product | Card | Money
type Product implements Node { id: ID! }
type Card @view(of: "Product") { id: ID! }
type Money { amount: Int! }
interface Node { id: ID! }
"#), @r"
    E116 inside `Hit`, both `Product` and `Card` are views of `Product`
      client.graphql:5:6 `Card` the second view
      graph.graphql:13:6 `Product` `Product` is declared here
    E116 `Money` is in `Hit`, but in the graph `Money` is not in `Hit`
      client.graphql:6:6 `Money` not a member
      graph.graphql:25:7 `Hit` `Hit` is declared here
    ");
}

#[test]
fn rule_10_unlisted_members_need_null_or_omit() {
    assert_snapshot!(findings(r#"
type Query { hits: [Hit!]!  kept: [Kept!]! @from(path: "hits")  hit: Hit  loose: [Hit]! @from(path: "hits") }
union Hit = Product
union Kept @view(of: "Hit", others: OMIT) = Product
type Product { id: ID! }
"#), @r"
    E116 `Query.hits: [Hit!]!` cannot show `[Hit!]!`: `Hit` has no view of `Shop`, which can stand there
      client.graphql:2:21 `Hit` this type
      graph.graphql:5:3 `hits` `Query.hits` is declared here
      help: make the list's items nullable, or drop such items: `@view(…, others: OMIT)`
    ");
}

#[test]
fn rule_12_keys_are_refused_until_a_client_serves_as_a_subgraph() {
    let linked = "extend schema @link(url: \"https://specs.apollo.dev/federation/v2.5\", import: [\"@key\"])";
    let sdl = "type Query { user(id: ID!): User }\ntype User @key(fields: \"id\") { id: ID! }";
    assert_snapshot!(findings(&format!("{sdl}\n{linked}")), @r#"
    E116 `@key` is not supported on an object type, as `User` is
      client.graphql:2:11 `@key(fields: "id")` nothing enforces it
      help: a client's schema is not served as a subgraph yet; remove it
    "#);
    assert!(findings(sdl).starts_with("E116 `@key` is not supported in this file"), "{}", findings(sdl));
}

#[test]
fn names_of_a_client_schema_mean_what_it_imports() {
    let sdl = |link: &str, view: &str, from: &str| {
        format!(
            "{link}\ntype Query {{ products: [Card!]! }} type Card @{view}(of: \"Product\") {{ title: String! @{from}(path: \"name\") }}"
        )
    };
    let link = |imports: &str| format!("extend schema @link(url: \"https://bespoke.example/view/v1\"{imports})");
    let renamed = link(", import: [{ name: \"@view\", as: \"@shows\" }, { name: \"@from\", as: \"@takes\" }]");
    assert_eq!(findings(&sdl(&renamed, "shows", "takes")), "");
    assert_eq!(findings(&sdl(&link(", as: \"v\""), "v", "v__from")), "");
    assert_eq!(findings(&sdl("", "view", "from")), "");
    assert!(findings(&sdl(&renamed, "shows", "from")).contains("`@from` is not imported"));
    assert!(findings(&sdl(&link(""), "view", "from")).contains("`@from` is not imported"));
    let bound = "extend schema @link(url: \"https://bespoke.example/connect/v1\", import: [\"@connect\"])";
    assert!(findings(&sdl(bound, "view", "from")).contains("do not belong in this kind of file"));
}

#[test]
fn others_of_an_object_are_dropped_where_there_are_any() {
    let hits = |others: &str| {
        format!("type Query {{ hits: [Item!]! }} type Item @view(of: \"Product\"{others}) {{ id: ID! }}")
    };
    assert!(findings(&hits("")).contains("no view of `Shop`"));
    assert_eq!(findings(&hits(", others: OMIT")), "");
    let idle = "type Query { products: [Item!]! } type Item @view(of: \"Product\", others: OMIT) { id: ID! }";
    assert!(findings(idle).contains("`others:` of `Item` has no effect"), "{}", findings(idle));
}

#[test]
fn what_would_have_no_effect_is_refused() {
    for (sdl, message) in [
        (
            "type Query { products(first: Int @from(path: \"first\", default: \"3\")): [Product!]! } type Product { id: ID! }",
            "`@from(default:)` is not supported",
        ),
        (
            "type Query { products: [Product!]! } type Product { id: ID! } enum Category @view(of: \"Category\", others: OMIT) { GAMES }",
            "`@view(others:)` is not supported",
        ),
        (
            "type Query { products: [Product!]! } type Product { id: ID! @authenticated }",
            "`@authenticated` is not supported",
        ),
        (
            "type Query { products(first: Int! @deprecated): [Product!]! } type Product { id: ID! }",
            "required, so it cannot be deprecated",
        ),
        (
            "type Query { products: [Product!]! } type Product { id: ID! @from(path: \"id\") @from(path: \"id\") }",
            "stands twice",
        ),
        ("type Query { products: [Product!]! } type Product { id: ID! @from(path: 5) }", "expected a string"),
        (
            "type Query @cache(maxAge: 5) { products: [Product!]! } type Product { id: ID! }",
            "`@cache` is not supported",
        ),
    ] {
        let found = findings(sdl);
        assert!(found.contains(message), "{sdl}\n{found}");
    }
}

#[test]
fn what_is_not_graphql_is_found() {
    assert_snapshot!(findings("type Query {\n  user(id: ID!: User\n}"), @r"
    E100 syntax error: expected R_PAREN, got :
      client.graphql:2:15 `:` here
    ");
    assert_snapshot!(findings("type Query { user(id: ID!): User @nope }\ntype User { id: ID! id: ID! }"), @r"
    E116 `@nope` is not known here
      client.graphql:1:34 `@nope` not known
      help: remove it, or correct its name
    E100 duplicate definitions for the `id` field of object type `User`
      client.graphql:2:21 `id: ID!` here
    ");
}

#[test]
fn paths_point_into_their_strings_even_with_escapes() {
    assert_snapshot!(findings("type Query { a: [P!] @from(path: \"products(category: \\\"x\\\").nam\") b: [P!] @from(path: \"\"\"products.nam\"\"\") }\ntype P @view(of: \"Product\") { id: ID! }"), @r#"
    E116 `Query.products(category: Category)`: expected `Category`, found `"x"`
      client.graphql:1:34 `"products(category: \"x\").nam"` this value
      graph.graphql:4:3 `products` `Query.products` is declared here
    E116 `Product` has no field `nam`
      client.graphql:1:34 `"products(category: \"x\").nam"` not in the graph
      graph.graphql:13:6 `Product` `Product` is declared here
      help: did you mean `name`?
    E116 `Product` has no field `nam`
      client.graphql:1:99 `nam` not in the graph
      graph.graphql:13:6 `Product` `Product` is declared here
      help: did you mean `name`?
    "#);
}

#[test]
fn a_view_of_another_version_is_refused() {
    assert_snapshot!(findings("extend schema @link(url: \"https://bespoke.example/view/v2\")\ntype Query { hit: Hit }\nunion Hit = Product | Shop type Product { id: ID! } type Shop { id: ID! }"), @r#"
    E116 version `v2` of `https://bespoke.example/view` is not known
      client.graphql:1:26 `"https://bespoke.example/view/v2"` linked here
      help: write `https://bespoke.example/view/v1`
    "#);
}

#[test]
fn defaults_that_go_in_circles_end() {
    let graph = "type Query { a(x: A): Int } input A { a: A = {}  n: Int = 3 }";
    let mut project = Project::new(graph);
    let sdl = project.view(graph).sdl();
    assert!(sdl.contains("a: A = {}"), "{sdl}");
}

proptest::proptest! {
    #[test]
    fn no_client_schema_panics(path in "[a-z.()\\[\\]:$\" 0-9]{0,20}", default in "[a-z0-9\\[\\]\"]{0,6}") {
        let quote = |text: &str| serde_json::to_string(text).unwrap();
        let client = format!(
            "type Query {{ user(id: ID!): User @from(path: {}, default: {}) }} type User {{ id: ID! }}",
            quote(&path),
            quote(&default)
        );
        let mut project = Project::new(GRAPH);
        let (view, findings) = project.load(&client);
        proptest::prop_assert_eq!(view.is_none(), !findings.is_empty());
        project.print(&findings);
    }
}

#[test]
fn a_path_may_pass_an_abstract_type_once_but_not_fork_to_objects() {
    let graph = r#"
        type Query { node: Node }
        interface Node { id: ID!  owner: User! }
        type A implements Node { id: ID!  owner: User! }
        type B implements Node { id: ID!  owner: User! }
        type User { name: String! }
    "#;
    let mut project = Project::new(graph);
    project.view(
        r#"type Query { id: ID @from(path: "node.id")  node: Node }  interface Node { owner: User! }
        type A implements Node { owner: User! } type B implements Node { owner: User! } type User { name: String! }"#,
    );
    let (_, findings) = project.load(r#"type Query { name: String @from(path: "node.owner.name") }"#);
    assert_snapshot!(project.print(&findings), @r"
    E116 the path of `Query.name` forks at `owner` of an abstract type
      client.graphql:1:45 `owner` objects of several types lead on from here
      help: split the path: let a client type be a view of the abstract type
    ");
}
