//! Rows that share a call, and how they find their answers.

use super::kit::Kit;
use insta::assert_snapshot;

const SHOP: &str = r#"
type Query {
  user(id: ID!): User @connect(http: { GET: "/users/{$args.id}" }, selection: "id boss { id }")
  users: [User!] @connect(http: { GET: "/users" }, selection: "id") @listSize(maxSize: 5)
}
type User @key(fields: "id")
  @connect(http: { GET: "/users", queryParams: "id: $batch.id" }, batch: { key: "id", maxSize: 2 },
    selection: "id email team { id }") {
  id: ID!
  boss: User
  email: String
  team: [User!] @listSize(maxSize: 3)
  orders(first: Int! = 10): [Order!]! @connect(
    http: { GET: "/orders", queryParams: "user: $batch.id first: $args.first" }
    batch: { key: "user", maxSize: 25, perKey: "$args.first" }
    selection: "id total") @listSize(maxSize: 2)
}
type Order @key(fields: "id") { id: ID! total: Int }
"#;

fn shop() -> Kit {
    Kit::rest(&[("shop", SHOP)])
}

#[test]
fn aliases_with_different_arguments_are_two_domains() {
    let query = "{ user(id: 1) { a: orders(first: 1) { id } b: orders(first: 2) { id } } }";
    let script = r#"
        shop GET /users/1 => 200 {"id":1}
        shop GET /orders?user=1&first=1 => 200 [{"user":1,"id":"a"}]
        shop GET /orders?user=1&first=2 => 200 [{"user":1,"id":"a"},{"user":1,"id":"b"}]"#;
    assert_snapshot!(shop().check(query, script));
}

#[test]
fn aliases_with_equal_arguments_are_one_call() {
    let query = "{ user(id: 1) { a: orders { id } b: orders(first: 10) { total } } }";
    let script = r#"
        shop GET /users/1 => 200 {"id":1}
        shop GET /orders?user=1&first=10 => 200 [{"user":"1","id":7,"total":1}]"#;
    assert_snapshot!(shop().check(query, script));
}

#[test]
fn one_entity_on_two_paths_is_asked_for_once() {
    let query = "{ user(id: 1) { email boss { email } } users { email } }";
    let script = r#"
        shop GET /users/1 => 200 {"id":1,"boss":{"id":"2"}}
        shop GET /users => 200 [{"id":2},{"id":"1"},{"id":2}]
        shop GET /users?id=2&id=1 => 200 [{"id":1,"email":"one"},{"id":2,"email":"two"}]"#;
    assert_snapshot!(shop().check(query, script));
}

#[test]
fn keys_are_sent_in_chunks_and_a_failed_chunk_fails_its_own_keys() {
    let query = "{ users { id email } }";
    let script = r#"
        shop GET /users => 200 [{"id":0},{"id":1},{"id":2},{"id":3},{"id":4}]
        shop GET /users?id=0&id=1 => 200 [{"id":1,"email":"one"},{"id":0,"email":"zero"},{"id":4,"email":"stray"}]
        shop GET /users?id=2&id=3 => 500 {"email":"canary"}
        shop GET /users?id=4 => 200 [{"id":4,"email":"four"}]"#;
    assert_snapshot!(shop().check(query, script));
}

#[test]
fn missing_duplicate_and_unasked_items() {
    let query = "{ users { id email team { id email } } }";
    let script = r#"
        shop GET /users => 200 [{"id":7},{"id":"8"}]
        shop GET /users?id=7&id=8 => 200 [{"id":"7","email":"a","team":[{"id":9}]},{"id":7,"email":"b","team":[{"id":10}]},{"id":3,"email":"c","team":[{"id":11}]},null]
        shop GET /users?id=9 => 200 [{"id":"9","email":"nine"}]"#;
    assert_snapshot!(shop().check(query, script));
}

#[test]
fn a_group_longer_than_its_bound_is_an_error_at_its_key() {
    let query = "{ users { id orders { id } } }";
    let script = r#"
        shop GET /users => 200 [{"id":1},{"id":2},{"id":3}]
        shop GET /orders?user=1&user=2&user=3&first=10 => 200 [{"user":1,"id":1},{"user":2,"id":2},{"user":1,"id":3},{"user":1,"id":4}]"#;
    assert_snapshot!(shop().check(query, script));
}

#[test]
fn a_list_longer_than_its_bound_is_an_error_at_that_list() {
    let query = "{ users { id team { id email } } }";
    let script = r#"
        shop GET /users => 200 [{"id":1}]
        shop GET /users?id=1 => 200 [{"id":1,"team":[{"id":2},{"id":3},{"id":4},{"id":5}]}]
        "#;
    assert_snapshot!(shop().check(query, script));
}

#[test]
fn keys_that_hold_the_delimiter_are_never_sent() {
    let contract = r##"
openapi: 3.1.0
info: { title: shop, version: "1" }
paths:
  /list: { get: { operationId: list, responses: { "200": { description: ok, content: { application/json: { schema: { type: array, maxItems: 9, items: { $ref: "#/components/schemas/Ref" } } } } } } } }
  /items:
    get:
      operationId: items
      parameters:
        - { name: ids, in: query, required: true, explode: false, schema: { type: array, items: { type: string } } }
      responses: { "200": { description: ok, content: { application/json: { schema: { type: array, items: { $ref: "#/components/schemas/Item" } } } } } }
components:
  schemas:
    Ref: { type: object, required: [id], properties: { id: { type: string } } }
    Item: { type: object, required: [id], properties: { id: { type: string }, name: { type: string } } }
"##;
    let sdl = r#"
type Query { list: [Item!] @connect(op: "list") }
type Item @key(fields: "id") @connect(op: "items", params: "ids: $batch.id", batch: { key: "id" }) { id: ID! name: String }
"#;
    let script = r#"
        shop GET /list => 200 [{"id":"a"},{"id":"b,c"},{"id":""},{"id":"d e"}]
        shop GET /items?ids=a,d%20e => 200 [{"id":"a","name":"A"},{"id":"d e","name":"D"}]"#;
    assert_snapshot!(Kit::contract(contract, sdl).check("{ list { id name } }", script));
}

#[test]
fn unbatched_bindings_call_once_per_distinct_parent() {
    let sdl = r#"
type Query { user(id: ID!): User @connect(http: { GET: "/users/{$args.id}" }) }
type User { id: ID badge: String @connect(http: { GET: "/badges/{$this.id}" }, selection: "$.label") }"#;
    let query = "{ a: user(id: 1) { badge } b: user(id: 2) { badge } c: user(id: 3) { badge } d: user(id: 4) { badge } e: user(id: 5) { badge } }";
    let script = r#"
        shop GET /users/1 => 200 {"id":1}
        shop GET /users/2 => 200 {"id":"1"}
        shop GET /users/3 => 200 {"id":".."}
        shop GET /users/4 => 200 {"id":"a/b?c"}
        shop GET /users/5 => 200 {}
        shop GET /badges/1 => 200 {"label":"gold"}
        shop GET /badges/a%2Fb%3Fc => 200 {"label":"slash"}"#;
    assert_snapshot!(Kit::rest(&[("shop", sdl)]).check(query, script));
}

#[test]
fn a_broken_body_feeds_no_further_step() {
    let query = "{ user(id: 1) { email boss { email } } }";
    let script = r#"shop GET /users/1 => 200 {"id":1,"boss":{"id":2},"#;
    assert_snapshot!(shop().check(query, script));
}

#[test]
fn an_answer_with_more_items_than_may_be_is_an_error_where_they_become_too_many() {
    // By their own bounds, both lists may have more items.
    let shop = shop().max_list_items(3);
    for (users, expected) in [
        (r#"[{"id":1},{"id":2},{"id":3}]"#, r#"{"users":[{"id":"1"},{"id":"2"},{"id":"3"}]}"#),
        (r#"[{"id":1},{"id":2},{"id":3},{"id":4}]"#, r#"{"users":null}"#),
    ] {
        let answer = shop.run("{ users { id } }", &format!("shop GET /users => 200 {users}"));
        assert!(answer.contains(expected), "{answer}");
        let is_over = answer.contains("! users UPSTREAM_LIST_TOO_LONG: the service answered with more than 3 items");
        assert_eq!(is_over, expected.contains("null"), "{answer}");
    }
    let team = "{ user(id: 1) { team { id } } }";
    let answer = |ids: &str| {
        let user = r#"shop GET /users/1 => 200 {"id":1}"#;
        shop.run(
            team,
            &format!(
                r#"{user}
            shop GET /users?id=1 => 200 [{{"id":1,"team":[{ids}]}}]"#
            ),
        )
    };
    // The user is itself an item of a list.
    let two = answer(r#"{"id":7},{"id":8}"#);
    assert!(two.contains(r#"{"user":{"team":[{"id":"7"},{"id":"8"}]}}"#), "{two}");
    let three = answer(r#"{"id":7},{"id":8},{"id":9}"#);
    assert!(three.contains("! user.team UPSTREAM_LIST_TOO_LONG"), "{three}");
}

#[test]
fn a_batch_with_more_items_than_may_be_fails_as_a_whole() {
    let sdl = SHOP.replace(r#" perKey: "$args.first" }"#, " }").replace(" @listSize(maxSize: 2)", "");
    let shop = Kit::rest(&[("shop", &sdl)]).max_list_items(2);
    let query = "{ user(id: 1) { orders(first: 9) { id } } }";
    let answer = |orders: &str| {
        let user = r#"shop GET /users/1 => 200 {"id":1}"#;
        shop.run(query, &format!("{user}\nshop GET /orders?user=1&first=9 => 200 {orders}"))
    };
    // Items that belong to no key do not count.
    let two = answer(r#"[{"user":1,"id":"a"},{"user":8,"id":"x"},{"user":9,"id":"y"},{"user":1,"id":"b"}]"#);
    assert!(two.contains(r#"{"user":{"orders":[{"id":"a"},{"id":"b"}]}}"#), "{two}");
    let three = answer(r#"[{"user":1,"id":"a"},{"user":1,"id":"b"},{"user":1,"id":"c"}]"#);
    assert!(
        three.contains("! user.orders UPSTREAM_LIST_TOO_LONG: the service answered with more than 2 items"),
        "{three}"
    );
}

#[test]
fn an_item_whose_key_cannot_be_told_costs_the_keys_that_it_may_be_of() {
    // With entities, the keys that have no item fail.
    let query = "{ users { email } }";
    let (one, error) = (r#"{"email":"one"}"#, "UPSTREAM_SHAPE: the service answered with an item that lacks its key");
    for (items, expected, failed) in [
        (r#"{"email":"nobody"},{"id":1,"email":"one"}"#, [one, r#"{"email":null}"#], vec![1]),
        (r#"{"id":1,"email":"one"},5"#, [one, r#"{"email":null}"#], vec![1]),
        (r#"{"id":1,"email":"one"},{"id":1.5}"#, [one, r#"{"email":null}"#], vec![1]),
        (r#"{"id":{},"email":"one"},[]"#, [r#"{"email":null}"#; 2], vec![0, 1]),
        (r#"{"id":1,"email":"one"},{"id":"2","email":"two"},{}"#, [one, r#"{"email":"two"}"#], vec![]),
        // Null means that there is no entity, and half of a surrogate pair is no key.
        (r#"null,{"id":1,"email":"one"}"#, [one, r#"{"email":null}"#], vec![]),
        (r#"{"id":"\ud800"},{"id":1,"email":"one"}"#, [one, r#"{"email":null}"#], vec![]),
    ] {
        let script = format!(
            r#"shop GET /users => 200 [{{"id":1}},{{"id":2}}]
            shop GET /users?id=1&id=2 => 200 [{items}]"#
        );
        let answer = shop().run(query, &script);
        assert!(answer.contains(&format!(r#"{{"users":[{}]}}"#, expected.join(","))), "{items}: {answer}");
        assert_eq!(answer.matches("! ").count(), failed.len(), "{items}: {answer}");
        for at in failed {
            assert!(answer.contains(&format!("! users.{at}.email {error}")), "{items}: {answer}");
        }
    }
    // With groups, all keys of the call fail, because the list of each may lack the item; null is an item as well.
    for items in ["null", "5", r#"{"id":"a"}"#] {
        let script = format!(
            r#"shop GET /users => 200 [{{"id":1}},{{"id":2}}]
            shop GET /orders?user=1&user=2&first=10 => 200 [{{"user":1,"id":"a"}},{items}]"#
        );
        let answer = shop().run("{ users { orders { id } } }", &script);
        assert!(answer.contains(&format!("! users.0.orders {error}")), "{items}: {answer}");
    }
}
