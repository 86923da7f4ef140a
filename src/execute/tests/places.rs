//! Places of values: nested lists, picked items, gathered roots, chains of lookups, and abstract types.

use super::kit::Kit;
use insta::assert_snapshot;

#[test]
fn a_step_fed_from_several_places_waits_for_all_of_them() {
    let orders = r#"
type Query { orders: [Order!]! @connect(http: { GET: "/orders" }) @listSize(assumedSize: 10) }
type Order { id: ID! product: Product! customer: Customer }
type Customer @key(fields: "id") { id: ID! }
type Product @key(fields: "id") { id: ID! }"#;
    let rest = r#"
type Customer @key(fields: "id")
  @connect(http: { GET: "/customers", queryParams: "id: $batch.id" }, batch: { key: "id", maxSize: 10 }) {
  id: ID! favourite: Product name: String }
type Product @key(fields: "id")
  @connect(http: { GET: "/products", queryParams: "id: $batch.id" }, batch: { key: "id", maxSize: 100 }) {
  id: ID! title: String }"#;
    let kit = Kit::rest(&[("orders", orders), ("rest", rest)]);
    let query = "{ orders { product { title } customer { name favourite { title } } } }";
    let script = r#"
        orders GET /orders => 200 [{"id":1,"product":{"id":10},"customer":{"id":20}},{"id":2,"product":{"id":11},"customer":null}]
        rest GET /customers?id=20 => 200 [{"id":20,"name":"C","favourite":{"id":11}}]
        rest GET /products?id=10&id=11 => 200 [{"id":10,"title":"ten"},{"id":11,"title":"eleven"}]"#;
    assert_snapshot!(kit.check(query, script));
}

#[test]
fn one_slow_call_delays_only_its_dependants() {
    let shop = r#"
type Query {
  slow: Order @connect(http: { GET: "/slow" })
  fast: User @connect(http: { GET: "/fast" })
}
type Order { id: ID! product: Product }
type Product @key(fields: "id")
  @connect(http: { GET: "/products", queryParams: "id: $batch.id" }, batch: { key: "id", maxSize: 9 }) { id: ID! title: String }
type User { id: ID! friend: Friend }
type Friend @key(fields: "id")
  @connect(http: { GET: "/friends", queryParams: "id: $batch.id" }, batch: { key: "id", maxSize: 9 }) { id: ID! city: City }
type City @key(fields: "id")
  @connect(http: { GET: "/cities", queryParams: "id: $batch.id" }, batch: { key: "id", maxSize: 9 }) { id: ID! label: String }"#;
    let kit = Kit::rest(&[("shop", shop)]).delayed();
    // `slow` takes a second, all others no time. With a barrier after each round, no friend would be asked for before
    // `slow` had answered, and its product would come before the city.
    let script = r#"
        shop GET /slow => 200 {"id":1,"product":{"id":5}}
        now shop GET /fast => 200 {"id":2,"friend":{"id":7}}
        now shop GET /friends?id=7 => 200 [{"id":7,"city":{"id":8}}]
        now shop GET /cities?id=8 => 200 [{"id":8,"label":"Here"}]
        now shop GET /products?id=5 => 200 [{"id":5,"title":"Late"}]"#;
    assert_snapshot!(kit.run("{ slow { product { title } } fast { friend { city { label } } } }", script), @r#"
    > shop GET /slow
    > shop GET /fast
    > shop GET /friends?id=7
    > shop GET /cities?id=8
    > shop GET /products?id=5
    {"slow":{"product":{"title":"Late"}},"fast":{"friend":{"city":{"label":"Here"}}}}
    "#);
}

#[test]
fn lists_in_lists_paths_through_lists_and_picked_items() {
    let shop = r#"
type Query { grid: Grid @connect(http: { GET: "/grid" }, selection: "rows first: rows[0] { word { text } } tags numbers") }
type Grid { rows: [[Label!]] first: [Cell] @listSize(assumedSize: 4) tags: [[String]] numbers: [Int] }
type Cell { word: Word! }
type Label { text: String! }
type Word @key(fields: "text") { text: String! }"#;
    let words = r#"
type Word @key(fields: "text")
  @connect(http: { POST: "/words", body: "words: $batch.text" }, batch: { key: "text", maxSize: 9 }) { text: String! length: Int }"#;
    let client = r#"
type Query {
  rows: [[Label!]] @from(path: "grid.rows")
  words: [Int] @from(path: "grid.first.word.length")
  one: Int @from(path: "grid.first[1].word.length")
  two: Int @from(path: "grid.numbers[1]")
  none: Int @from(path: "grid.numbers[7]", default: "-1")
  again: Query! @from(path: ".")
  tags: [[String]] @from(path: "grid.tags")
}
type Label { text: String! }"#;
    let kit = Kit::rest_with_client(&[("shop", shop), ("words", words)], client);
    let query = "{ rows { text } words again { one again { two } } none tags }";
    let script = r#"
        shop GET /grid => 200 {"rows":[[{"text":"a","word":{"text":"a"}},{"text":"b","word":{"text":"bb"}}],[{"text":"c"}],null],"numbers":[1,2],"tags":[["x",null],null]}
        words POST /words {"words":["a","bb"]} => 200 [{"text":"bb","length":2},{"text":"a","length":1}]"#;
    assert_snapshot!(kit.check(query, script));
}

#[test]
fn a_key_is_had_through_another_lookup() {
    let orders = r#"
type Query { line: Line @connect(http: { GET: "/line" }) }
type Line { product: Product }
type Product @key(fields: "sku") { sku: ID! }"#;
    let catalog = r#"
type Product @key(fields: "sku") @key(fields: "id")
  @connect(http: { GET: "/products", queryParams: "sku: $batch.sku" }, batch: { key: "sku", maxSize: 10 }, selection: "sku id") {
  sku: ID! id: ID! }"#;
    let stock = r#"
type Product @key(fields: "id") {
  id: ID!
  stock: Int @connect(http: { GET: "/stock", queryParams: "id: $batch.id" }, batch: { key: "id", maxSize: 10 }, selection: "left") }"#;
    let kit = Kit::rest(&[("orders", orders), ("catalog", catalog), ("stock", stock)]);
    let script = r#"
        orders GET /line => 200 {"product":{"sku":"s1"}}
        catalog GET /products?sku=s1 => 200 [{"sku":"s1","id":77}]
        stock GET /stock?id=77 => 200 [{"id":"77","left":3}]"#;
    assert_snapshot!(kit.check("{ line { product { stock } } }", script));
    let script = r#"
        orders GET /line => 200 {"product":{"sku":"s1"}}
        catalog GET /products?sku=s1 => 503 "#;
    assert_snapshot!(kit.run("{ line { product { stock } } }", script));
}

#[test]
fn members_are_told_apart_by_a_discriminator_and_fetched_by_key() {
    let shop = r#"
type Query {
  feed: [Item!] @connect(http: { GET: "/feed" },
    selection: "__typename: kind->match([['card', 'Card'], ['bill', 'Bill']])  id title due: due.at") @listSize(assumedSize: 20)
}
interface Item { id: ID! }
type Card implements Item @key(fields: "id") { id: ID! title: String! }
type Bill implements Item @key(fields: "id") { id: ID! due: String }"#;
    let prices = r#"
type Card @key(fields: "id") { id: ID!
  price: Int @connect(http: { GET: "/cards", queryParams: "id: $batch.id" }, batch: { key: "id", maxSize: 10 }, selection: "price") }
type Bill @key(fields: "id") { id: ID!
  price: Int @connect(http: { GET: "/bills", queryParams: "id: $batch.id" }, batch: { key: "id", maxSize: 10 }, selection: "price") }"#;
    let kit = Kit::rest(&[("shop", shop), ("prices", prices)]);
    let query = "{ feed { __typename id ... on Card { title price } ... on Bill { due price } } }";
    let script = r#"
        shop GET /feed => 200 [{"id":1,"kind":"card","title":"one"},{"kind":"bill","id":1,"due":{"at":"now"}},{"id":3,"kind":"card","title":"three"}]
        prices GET /cards?id=1&id=3 => 200 [{"id":1,"price":11},{"id":3,"price":33}]
        prices GET /bills?id=1 => 200 [{"id":1,"price":111}]"#;
    assert_snapshot!(kit.check(query, script));
    let script = r#"shop GET /feed => 200 [{"id":1,"kind":"coupon"}]"#;
    assert_snapshot!(kit.run(query, script));
}

#[test]
fn methods_see_what_is_missing_as_null() {
    let shop = r#"
type Query { page: Page @connect(http: { GET: "/page" }, selection: """
  ids: items->map(@.id)  pageInfo: { endCursor: next hasNextPage: $(next->eq(null)->not) }
  state: state->match([["o", "OPEN"], [null, "NEW"]])  name: nick ?? name ?? $("nobody")  count: items->size  head: items->first { id } """) }
type Page { ids: [ID] pageInfo: PageInfo! state: State name: String! count: Int head: Item }
type Item { id: ID }
type PageInfo { endCursor: String hasNextPage: Boolean! }
enum State { OPEN NEW }"#;
    let kit = Kit::rest(&[("shop", shop)]);
    let query = "{ page { ids pageInfo { endCursor hasNextPage } state name count head { id } } }";
    assert_snapshot!(
        kit.run(query, r#"shop GET /page => 200 {"items":[{"id":1},{"id":2}],"next":"c2","state":"o","name":"N"}"#)
    );
    assert_snapshot!(kit.run(query, r#"shop GET /page => 200 {"items":[],"next":null,"nick":null}"#));
}
