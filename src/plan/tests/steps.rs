//! The steps of plans, what each of them waits for, and how many calls it makes.

use super::kit::Project;
use insta::assert_snapshot;

const SHOP: &str = r#"
type Query {
  order(id: ID!): Order @connect(http: { GET: "/orders/{$args.id}" }, selection: "id total buyer { id } seller { id }")
  orders: [Order!]! @connect(http: { GET: "/orders" }, selection: "id total buyer { id } seller { id }") @listSize(maxSize: 30)
}
type Mutation {
  pay(id: ID!): Order @connect(http: { POST: "/orders/{$args.id}/pay" }, selection: "id total buyer { id } seller { id }")
}
type Order { id: ID! total: Int buyer: User! seller: User! }
type User @key(fields: "id")
  @connect(http: { GET: "/users", queryParams: "id: $batch.id" }, batch: { key: "id", maxSize: 25 }, selection: "id name friend { id }") {
  id: ID!
  name: String
  friend: User
}
"#;

fn shop() -> Project {
    Project::rest(&[("shop", SHOP)], None)
}

#[test]
fn keys_of_two_fields_share_a_batch() {
    assert_snapshot!(shop().described("{ orders { total buyer { name } seller { name } } }"), @r"
    plan   calls ≤ 4   rounds 2
      round 1
        a  shop  GET /orders  calls ≤ 1           public
      round 2
        b  shop  GET /users   calls ≤ 3  ⌈60/25⌉  public  after a
    ");
}

#[test]
fn nothing_is_fetched_that_an_answer_holds_already() {
    assert_snapshot!(shop().described("{ order(id: 1) { total buyer { id } } }"), @r"
    plan   calls ≤ 1   rounds 1
      round 1
        a  shop  GET /orders/{$args.id}  calls ≤ 1  public
    ");
}

#[test]
fn a_step_waits_only_for_what_feeds_it() {
    assert_snapshot!(shop().described("{ a: order(id: 1) { buyer { friend { name } } } b: order(id: 2) { total } }"), @r"
    plan   calls ≤ 4   rounds 3
      round 1
        a  shop  GET /orders/{$args.id}  calls ≤ 1          public
        b  shop  GET /orders/{$args.id}  calls ≤ 1          public
      round 2
        c  shop  GET /users              calls ≤ 1  ⌈1/25⌉  public  after a
      round 3
        d  shop  GET /users              calls ≤ 1  ⌈1/25⌉  public  after c
    ");
}

#[test]
fn equal_calls_at_two_places_are_one_step() {
    assert_snapshot!(shop().described("{ a: order(id: 1) { total } b: order(id: 1) { id } c: order(id: 2) { id } }"), @r"
    plan   calls ≤ 2   rounds 1
      round 1
        a  shop  GET /orders/{$args.id}  calls ≤ 1  public
        b  shop  GET /orders/{$args.id}  calls ≤ 1  public
    ");
}

#[test]
fn later_writes_wait_for_all_that_is_before_them() {
    assert_snapshot!(shop().described("mutation { a: pay(id: 1) { buyer { name } } b: pay(id: 2) { total } }"), @r"
    plan   calls ≤ 3   rounds 3
      round 1
        a  shop  POST /orders/{$args.id}/pay  calls ≤ 1          public
      round 2
        b  shop  GET /users                   calls ≤ 1  ⌈1/25⌉  public  after a
      round 3
        c  shop  POST /orders/{$args.id}/pay  calls ≤ 1          public  after a, b
    ");
}

#[test]
fn calls_of_code_to_services_count() {
    let sdl = r#"
type Query { all: [User!]! @listSize(assumedSize: 1500) one: User two: Int }
type User @key(fields: "id") { id: ID! }"#;
    assert_snapshot!(Project::in_process(3, sdl).described("{ all { id } one { id } two }"), @r"
    plan   calls ≤ 9   rounds 1
      round 1
        a  code  all  calls ≤ 3  in process  public
        b  code  one  calls ≤ 3  in process  public
        c  code  two  calls ≤ 3  in process  public
    ");
    assert_snapshot!(Project::in_process(0, sdl).described("{ two }"), @r"
    plan   calls ≤ 0   rounds 1
      round 1
        a  code  two  calls ≤ 0  in process  public
    ");
}
