//! GraphQL sources: documents, representations, and errors with paths.

use super::kit::Kit;
use insta::assert_snapshot;

const A: &str = r#"
type Query {
  user(id: ID!): User
  must: User!
  nodes(first: Int!): [Node] @listSize(assumedSize: 4)
  pet: Pet
}
interface Node { id: ID! }
type User implements Node @key(fields: "id") { id: ID! name(short: Boolean, max: Int! = 9): String friends: [User!] @listSize(assumedSize: 3) must: Int! }
type Shop implements Node { id: ID! name(short: Boolean): String! open: Boolean }
union Pet = Cat | Dog
type Cat @key(fields: "id") { id: ID! name: String! lives: Int }
type Dog @key(fields: "id") { id: ID! name: String bark: Int }
"#;
const B: &str = r#"
type User @key(fields: "id") { id: ID! score: Int weight: Int @external shipping: Int @requires(fields: "weight") }
type Cat @key(fields: "id") { id: ID! price: Int! }
type Dog @key(fields: "id") { id: ID! price: Int }
"#;
const C: &str = r#"
type User @key(fields: "id") { id: ID! size: Int @external weight: Int @requires(fields: "size") }
"#;
const D: &str = r#"
type User @key(fields: "id") { id: ID! size: Int }
"#;

fn kit() -> Kit {
    Kit::graphql(&[("a", A), ("b", B), ("c", C), ("d", D)])
}

#[test]
fn arguments_become_variables_and_aliases_keep_them_apart() {
    let query = "query($s: Boolean) { user(id: 1) { x: name(short: $s) y: name(short: true, max: 3) z: name(short: true, max: 3) } }";
    let script = r#"a * => 200 {"data":{"user":{"name":"X","name_1":"Y"}}}"#;
    assert_snapshot!(kit().check(query, script));
}

#[test]
fn root_fields_of_one_source_are_one_request() {
    let query = "{ a: user(id: 1) { id } b: user(id: 2) { id } must { score } }";
    let script = r#"
        a * => 200 {"data":{"user":{"id":1},"user_1":null,"must":{"id":3}}}
        b * => 200 {"data":{"_entities":[{"score":30}]}}"#;
    assert_snapshot!(kit().check(query, script));
}

#[test]
fn entities_are_asked_for_once_and_found_by_position() {
    let query = "{ user(id: 1) { score friends { id score } } }";
    let script = r#"
        a * => 200 {"data":{"user":{"id":1,"friends":[{"id":2},{"id":"1"},{"id":3}]}}}
        b * => 200 {"data":{"_entities":[{"score":20},null,{"score":30}]}}"#;
    assert_snapshot!(kit().check(query, script));
}

#[test]
fn required_fields_are_had_first_along_a_chain() {
    let query = "{ user(id: 1) { shipping score size } }";
    let script = r#"
        a * => 200 {"data":{"user":{"id":1}}}
        d * => 200 {"data":{"_entities":[{"size":4}]}}
        c * => 200 {"data":{"_entities":[{"weight":40}]}}
        b * => 200 {"data":{"_entities":[{"shipping":400,"score":1}]}}"#;
    assert_snapshot!(kit().check(query, script));
}

#[test]
fn circular_requirements_ask_one_source_twice() {
    let one = r#"
type Query { item: Item }
type Item @key(fields: "id") { id: ID! a: Int b: Int @external c: Int @requires(fields: "b") }"#;
    let two = r#"
type Item @key(fields: "id") { id: ID! a: Int @external b: Int @requires(fields: "a") }"#;
    let kit = Kit::graphql(&[("one", one), ("two", two)]);
    let script = r#"
        one {item* => 200 {"data":{"item":{"id":1,"a":10}}}
        one query{item* => 200 {"data":{"item":{"id":1,"a":10}}}
        two * => 200 {"data":{"_entities":[{"b":20}]}}
        one * => 200 {"data":{"_entities":[{"c":30}]}}"#;
    assert_snapshot!(kit.check("{ item { c } }", script));
    // From a place that has nothing but the key, `a` comes from the source that `c` comes from.
    let zero = r#"
type Query { start: Item }
type Item @key(fields: "id", resolvable: false) { id: ID! }"#;
    let kit = Kit::graphql(&[("one", one), ("two", two), ("zero", zero)]);
    let script = r#"
        zero * => 200 {"data":{"start":{"id":1}}}
        one query($representations:[_Any!]!){_entities(representations:$representations){...on Item{a}}}* => 200 {"data":{"_entities":[{"a":10}]}}
        two * => 200 {"data":{"_entities":[{"b":20}]}}
        one query($representations:[_Any!]!){_entities(representations:$representations){...on Item{c}}}* => 200 {"data":{"_entities":[{"c":30}]}}"#;
    assert_snapshot!(kit.check("{ start { c } }", script));
}

#[test]
fn provided_fields_need_no_further_call() {
    let reviews = r#"
type Query { reviews: [Review!] @listSize(assumedSize: 9) best: Review }
type Review { author: User @provides(fields: "name") rival: User }
type User @key(fields: "id") { id: ID! name: String @external }"#;
    let users = r#"type User @key(fields: "id") { id: ID! name: String }"#;
    let kit = Kit::graphql(&[("reviews", reviews), ("users", users)]);
    let script = r#"
        reviews * => 200 {"data":{"best":{"author":{"name":"A"},"rival":{"id":2}}}}
        users * => 200 {"data":{"_entities":[{"name":"B"}]}}"#;
    assert_snapshot!(kit.check("{ best { author { name } rival { name } } }", script));
}

#[test]
fn members_whose_fields_differ_in_type_do_not_conflict() {
    let query =
        "{ pet { __typename ... on Cat { catName: name catPrice: price lives } ... on Dog { name bark price } } }";
    let script = r#"
        a * => 200 {"data":{"pet":{"__typename":"Dog","id":5,"name":"wrong","name_0":"wrong","name_1":"Rex","bark":1}}}
        b * => 200 {"data":{"_entities":[{"price":7}]}}"#;
    assert_snapshot!(kit().check(query, script));
}

#[test]
fn interface_fields_come_from_the_sources_of_each_type() {
    let query = "{ nodes(first: 2) { __typename id ... on User { n: name score } ... on Shop { title: name(short: true) open } } }";
    let script = r#"
        a * => 200 {"data":{"nodes":[{"__typename":"User","id":1,"name":"U"},null,{"__typename":"Shop","id":2,"name":"wrong","name_1":"S","open":true}]}}
        b * => 200 {"data":{"_entities":[{"score":1}]}}"#;
    assert_snapshot!(kit().check(query, script));
}

#[test]
fn errors_of_a_source_stand_at_their_client_path() {
    let query = "{ u: user(id: 1) { n: name friends { f: name } must } }";
    let mut text = String::new();
    for answer in [
        r#"{"data":{"user":{"name":null,"friends":[{"name":"A"},{"name":null}],"must":1}},"errors":[{"message":"canary","path":["user","name"]},{"message":"canary","path":["user","friends",1,"name"]}]}"#,
        r#"{"data":{"user":null},"errors":[{"message":"canary","path":["user","must"],"extensions":{"canary":1}}]}"#,
        r#"{"data":{"user":{"name":"N","friends":null,"must":1}},"errors":[{"message":"canary","path":["user","friends",0,"name"]}]}"#,
        r#"{"data":null,"errors":[{"message":"canary"}]}"#,
        r#"{"data":{"user":{"name":"N","friends":[],"must":1}},"errors":[{"message":"canary"}]}"#,
        r#"{"errors":[{"message":"canary","path":["user"]}]}"#,
        r#"{"data":{"user":{"name":"N","friends":[],"must":1}},"errors":[{"message":"canary","path":["elsewhere"]}]}"#,
        r#"{"data":{"user":{"name":"no \"errors\" here","friends":[],"must":1}},"errors":[]}"#,
        r#"{"data":{"user":{"name":"N","friends":[],"must":1}},"errors":null}"#,
        r#"{"data":{"user":{"name":"N","friends":[],"must":1}},"errors":"canary"}"#,
        r#"{}"#,
        r#"[]"#,
    ] {
        text += &kit().run(query, &format!("a * => 200 {answer}")).lines().skip(1).collect::<Vec<_>>().join("\n");
        text.push('\n');
    }
    assert!(!text.contains("canary"), "{text}");
    assert_snapshot!(text);
}

#[test]
fn errors_of_a_source_rise_to_its_nullable_parent() {
    let query = "{ must { name must } }";
    let script = r#"a * => 200 {"data":null,"errors":[{"message":"canary","path":["must","must"]}]}"#;
    assert_snapshot!(kit().run(query, script));
}

#[test]
fn errors_of_entities_fail_their_own_representation() {
    let query = "{ user(id: 1) { friends { id score } } }";
    let first = r#"a * => 200 {"data":{"user":{"friends":[{"id":1},{"id":2},{"id":3}]}}}"#;
    let mut text = String::new();
    for answer in [
        r#"{"data":{"_entities":[{"score":1},{"score":null},{"score":3}]},"errors":[{"message":"canary","path":["_entities",1,"score"]}]}"#,
        r#"{"data":{"_entities":[{"score":1},null,{"score":3}]},"errors":[{"message":"canary","path":["_entities",1]}]}"#,
        r#"{"data":{"_entities":[{"score":1},null,{"score":3}]},"errors":[{"message":"canary","path":["_entities",1,"score"]}]}"#,
        r#"{"data":{"_entities":null},"errors":[{"message":"canary","path":["_entities"]}]}"#,
        r#"{"data":null,"errors":[{"message":"canary","path":["_entities",1]}]}"#,
        r#"{"data":{"_entities":[{"score":1}]}}"#,
    ] {
        text +=
            &kit().run(query, &format!("{first}\nb * => 200 {answer}")).lines().skip(2).collect::<Vec<_>>().join("\n");
        text.push('\n');
    }
    assert!(!text.contains("canary"), "{text}");
    assert_snapshot!(text);
}

#[test]
fn a_requirement_that_breaks_its_type_fails_its_own_row() {
    let shop = r#"
type Query { items: [Item!] @listSize(assumedSize: 9) }
type Item @key(fields: "id") { id: ID! price: Price size: Int! }
type Price @shareable { amount: Int! note: String }"#;
    let extras = r#"
type Item @key(fields: "id") { id: ID! price: Price @external size: Int @external label: String @requires(fields: "price { amount note } size") }
type Price @shareable { amount: Int! note: String }"#;
    let kit = Kit::graphql(&[("shop", shop), ("extras", extras)]);
    let script = r#"
        shop * => 200 {"data":{"items":[{"id":1,"price":{"amount":1,"note":"a"},"size":1},{"id":2,"price":{"amount":"x"},"size":1},{"id":3,"price":{"amount":null,"note":"b"},"size":1},{"id":4,"price":null,"size":null},{"id":5,"price":{"amount":5,"note":null},"size":5}]}}
        extras * => 200 {"data":{"_entities":[{"label":"one"},{"label":"three"},{"label":"five"}]}}"#;
    assert_snapshot!(kit.check("{ items { id label } }", script));
}

#[test]
fn reads_below_a_mutation_are_sent_as_queries() {
    let orders = "
type Query { version: Int }
type Mutation { submit: Submitted }
type Submitted { ok: Boolean query: Query }";
    let stock = "
type Query { reset: Int left(of: Int): Int }
type Mutation { reset: Int }";
    let kit = Kit::graphql(&[("orders", orders), ("stock", stock)]);
    let script = r#"
        orders mutation* => 200 {"data":{"submit":{"ok":true,"query":{"__typename":"Query"}}}}
        stock query* => 200 {"data":{"reset":0,"left":1,"left_1":2}}
        stock mutation* => 200 {"data":{"reset":1}}"#;
    let query = "mutation { submit { ok query { reset a: left(of: 1) b: left(of: 2) } } reset }";
    assert_snapshot!(kit.check(query, script));
}

#[test]
fn one_field_below_two_places_is_asked_for_with_both_arguments() {
    let names = r#"
type Query { user(id: ID!): User }
type User @key(fields: "id") { id: ID! }"#;
    let orders = r#"
type User @key(fields: "id") { id: ID! orders: [Order!] @listSize(assumedSize: 2) last: Paid }
type Order { lines(first: Int): Int }
union Paid = Card | Bill
type Card { text(short: Boolean): String }
type Bill { text(short: Boolean): String }"#;
    let kit = Kit::graphql(&[("names", names), ("orders", orders)]);
    let script = r#"
        names * => 200 {"data":{"user":{"id":1},"user_1":{"id":2}}}
        orders * => 200 {"data":{"_entities":[{"orders":[{"lines":1,"lines_1":2}],"last":{"__typename":"Card","text":"s","text_1":"long"}},{"orders":[{"lines":3,"lines_1":4}],"last":null}]}}"#;
    let query = "{
        a: user(id: 1) { orders { lines(first: 1) } last { ... on Card { text(short: true) } } }
        b: user(id: 2) { orders { lines(first: 2) } last { ... on Card { text } } }
        c: user(id: 1) { last { ... on Card { text } } } }";
    assert_snapshot!(kit.check(query, script));
}

#[test]
fn what_goes_into_a_representation_is_of_its_type() {
    let shop = r#"
type Query { items: [Item!] @listSize(assumedSize: 9) }
type Item @key(fields: "id kind big") { id: ID! kind: Kind! big: Long! ids: [ID] name: String }
enum Kind { A B }
scalar Long"#;
    let extras = r#"
type Item @key(fields: "id kind big") {
  id: ID! kind: Kind! big: Long! ids: [ID] @external name: String @external
  label: String @requires(fields: "ids name")
}
enum Kind { A B }
scalar Long"#;
    let kit = Kit::graphql(&[("shop", shop), ("extras", extras)]);
    let script = r#"
        shop * => 200 {"data":{"items":[{"id":7,"kind":"A","big":12345678901234567890.10,"ids":[1,null,"x"],"name":8},{"id":"q\"\u00e9","kind":"B","big":{"n":1e400},"ids":null,"name":"n"},{"id":true,"kind":"A","big":1},{"id":9,"kind":"C","big":1},{"id":9,"kind":"A","big":null}]}}
        extras * => 200 {"data":{"_entities":[{"label":"one"},{"label":"two"}]}}"#;
    assert_snapshot!(kit.run("{ items { label } }", script));
}

#[test]
fn a_null_that_is_required_is_sent_where_it_is() {
    let shop = r#"
type Query { items: [Item!] @listSize(assumedSize: 9) }
type Item @key(fields: "id") { id: ID! price: Price size: Int owner: Owner! }
type Price @shareable { amount: Int note: String tax: Tax }
type Tax @shareable { rate: Int! }
type Owner @shareable { name: String }"#;
    let extras = r#"
type Item @key(fields: "id") {
  id: ID! price: Price @external size: Int @external owner: Owner! @external
  label: String @requires(fields: "price { amount tax { rate } } size owner { name }")
}
type Price @shareable { amount: Int note: String tax: Tax }
type Tax @shareable { rate: Int! }
type Owner @shareable { name: String }"#;
    let kit = Kit::graphql(&[("shop", shop), ("extras", extras)]);
    let script = r#"
        shop * => 200 {"data":{"items":[{"id":1,"price":null,"size":null,"owner":{"name":null}},{"id":2,"price":{"amount":null,"tax":null},"size":0,"owner":{"name":"o"}},{"id":3,"price":{"amount":1,"tax":{"rate":2}},"size":1,"owner":{"name":"o"}},{"id":4,"price":{"amount":1,"tax":{"rate":"x"}},"size":1,"owner":{"name":"o"}},{"id":5,"price":{"amount":1,"tax":{"rate":null}},"size":1,"owner":{"name":"o"}}]}}
        extras * => 200 {"data":{"_entities":[{"label":"1"},{"label":"2"},{"label":"3"},{"label":"5"}]}}"#;
    assert_snapshot!(kit.run("{ items { id label } }", script));
}

#[test]
fn each_source_is_sent_what_it_declares() {
    let a = r#"
type Query { find(x: Int, filter: Filter, old: Int): Found @shareable a(filter: Filter, first: Int = 5): Int }
type Found @shareable { p: Int }
input Filter { x: Int y: Int = 7 }"#;
    let b = r#"
type Query { find(x: Int!, filter: Filter): Found @shareable b(filter: Filter): Int }
type Found { p: Int @shareable q: Int }
input Filter { x: Int! }"#;
    let kit = Kit::graphql(&[("a", a), ("b", b)]);
    let script = r#"
        a * => 200 {"data":{"a":1,"find":{"p":3}}}
        b * => 200 {"data":{"find":{"q":2},"b":3}}"#;
    let query = "query($x: Int!, $f: Filter) { find(x: $x, filter: $f) { q } b(filter: { x: 1 }) a(filter: { x: 2 }) }";
    let variables = serde_json::json!({ "x": 1, "f": { "x": 3 } });
    assert_snapshot!(kit.run_with(query, &variables, script));
    assert_snapshot!(kit.run("{ find(x: 1) { p } a }", script));
}

#[test]
fn a_field_that_is_provided_with_other_arguments_is_asked_for_elsewhere() {
    let a = r#"
type Query { user: User @provides(fields: "name size text") }
type User @key(fields: "id") { id: ID! name: String @external size(unit: Int): Int @external text(max: Int = 3): String @external }"#;
    let b = r#"type User @key(fields: "id") { id: ID! name(short: Boolean): String size(unit: Int): Int text(max: Int = 4): String }"#;
    let kit = Kit::graphql(&[("a", a), ("b", b)]);
    let script = r#"
        a * => 200 {"data":{"user":{"id":1,"size":2}}}
        b * => 200 {"data":{"_entities":[{"name":"n","text":"t"}]}}"#;
    assert_snapshot!(kit.run("{ user { name(short: true) size(unit: 1) text } }", script));
}

#[test]
fn what_is_inaccessible_is_used_and_never_shown() {
    let items = r#"
type Query { item: Item all(first: Int! = 3 @inaccessible): [Any!] }
type Item @key(fields: "code") { code: ID! @inaccessible name: String kind: Kind weight: Int @inaccessible }
type Secret @inaccessible { name: String }
union Any = Item | Secret
enum Kind { A B @inaccessible }"#;
    let stock = r#"
type Item @key(fields: "code") {
  code: ID! weight: Int @external kind: Kind @external
  left: Int cost: Int @requires(fields: "weight kind")
}
enum Kind { A B }"#;
    let kit = Kit::graphql(&[("items", items), ("stock", stock)]);
    let script = r#"
        items query{item* => 200 {"data":{"item":{"code":"c1","name":"n","kind":"B","weight":3}}}
        items query($a0:Int!){all* => 200 {"data":{"all":[{"__typename":"Item","name":"n"},{"__typename":"Secret","name":"s"}]}}
        stock * => 200 {"data":{"_entities":[{"left":2,"cost":6}]}}"#;
    assert_snapshot!(kit.run("{ item { name left cost kind } }", script));
    assert_snapshot!(kit.run("{ all { __typename ... on Item { name } } }", script));
    for query in [
        "{ item { code } }",
        "{ item { weight } }",
        "{ all(first: 1) { __typename } }",
        "{ all { ... on Secret { name } } }",
    ] {
        assert!(kit.is_invalid(query), "{query}");
    }
}

#[test]
fn what_is_inaccessible_is_used_by_bindings() {
    let orders = r#"
type Query {
  order(id: ID!, shop: String = "main" @inaccessible, in: In): Order
    @connect(http: { GET: "/orders/{$args.id}", queryParams: "shop: $args.shop  how: $args.in.how" }, selection: "id ownerId state: s->match([['o', 'OPEN'], ['x', 'HIDDEN']])")
}
input In { a: Int how: String = "fast" @inaccessible }
enum State { OPEN HIDDEN @inaccessible }
type Order {
  id: ID!
  ownerId: ID @inaccessible
  state: State
  owner: Owner @connect(http: { GET: "/owners/{$this.ownerId}" }, selection: "name")
}
type Owner { name: String }"#;
    let kit = Kit::rest(&[("orders", orders)]);
    let script = r#"
        orders GET /orders/* => 200 {"id":1,"ownerId":9,"s":"x"}
        orders GET /owners/9 => 200 {"name":"o"}"#;
    assert_snapshot!(kit.run("{ order(id: 1, in: { a: 1 }) { id state owner { name } } }", script));
    assert!(kit.is_invalid("{ order(id: 1) { ownerId } }"));
}

#[test]
fn an_error_that_names_no_place_leaves_the_data_beside_it() {
    let query = "{ user(id: 1) { name } pet { __typename } nodes(first: 2) { __typename } }";
    let mut text = String::new();
    for data in [
        r#"{"user":{"name":"N"},"pet":null,"nodes":[]}"#,
        r#"{"user":{"name":"N"},"pet":{"__typename":"Cat"},"nodes":null}"#,
        r#"{"user":{"name":null},"pet":{"__typename":"Cat"},"nodes":[]}"#,
    ] {
        let script = format!(r#"a * => 200 {{"data":{data},"errors":[{{"message":"canary"}},{{"message":"x"}}]}}"#);
        text += &kit().run(query, &script).lines().skip(1).collect::<Vec<_>>().join("\n");
        text.push('\n');
    }
    let friends = r#"a * => 200 {"data":{"user":{"friends":[{"id":1},{"id":2},{"id":3}]}}}"#;
    for entities in [r#"[{"score":1},null,{"score":3}]"#, r#"[{"score":1},{"score":2},{"score":null}]"#] {
        let script = format!(
            "{friends}\n{}",
            format_args!(
                r#"b * => 200 {{"data":{{"_entities":{entities}}},"errors":[{{"message":"canary","path":["x"]}}]}}"#
            )
        );
        text += &kit()
            .run("{ user(id: 1) { friends { id score } } }", &script)
            .lines()
            .skip(2)
            .collect::<Vec<_>>()
            .join("\n");
        text.push('\n');
    }
    assert!(!text.contains("canary"), "{text}");
    assert_snapshot!(text);
}
