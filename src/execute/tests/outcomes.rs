//! The meaning of statuses, the part of an upstream body that a client may read, and writes in series.

use super::kit::Kit;
use insta::assert_snapshot;

const CONTRACT: &str = r##"
openapi: 3.1.0
info: { title: shop, version: "1" }
paths:
  /carts/{id}:
    get:
      operationId: getCart
      parameters: [{ name: id, in: path, required: true, schema: { type: string } }]
      responses:
        "200": { description: ok, content: { application/json: { schema: { $ref: "#/components/schemas/Cart" } } } }
        "404": { description: none }
        "409": { description: no, content: { application/problem+json: { schema: { type: object } } } }
        "422": { description: no, content: { application/json: { schema: { type: object } } } }
        "5XX": { description: no, content: { application/problem+json; charset=utf-8: { schema: { type: object } } } }
    delete:
      operationId: deleteCart
      parameters: [{ name: id, in: path, required: true, schema: { type: string } }]
      responses: { "204": { description: gone }, "404": { description: none } }
  /carts/{id}/checkout:
    post:
      operationId: checkout
      parameters: [{ name: id, in: path, required: true, schema: { type: string } }]
      responses:
        "201": { description: ok, content: { application/json: { schema: { $ref: "#/components/schemas/Order" } } } }
        "402": { description: no, content: { application/problem+json: { schema: { $ref: "#/components/schemas/Problem" } } } }
        "409": { description: no, content: { application/json: { schema: { $ref: "#/components/schemas/Stock" } } } }
        "503": { description: no }
components:
  schemas:
    Cart: { type: object, required: [id], properties: { id: { type: string }, total: { type: integer, format: int32 } } }
    Order: { type: object, required: [id], properties: { id: { type: string }, cart: { $ref: "#/components/schemas/Ref" } } }
    Ref: { type: object, required: [id], properties: { id: { type: string } } }
    Problem: { type: object, properties: { detail: { type: string } } }
    Stock: { type: object, properties: { errors: { type: array, items: { type: object, properties: { sku: { type: string } } } } } }
"##;

const SDL: &str = r#"
type Query {
  cart(id: ID!): Cart @connect(op: "getCart")
  sure(id: ID!): Cart! @connect(op: "getCart")
}
type Mutation {
  checkout(id: ID!): CheckoutResult @connect(op: "checkout", on: [
    { status: "201", as: "Order" }
    { status: "402", as: "PaymentDeclined", selection: "reason: detail" }
    { status: "409", as: "OutOfStock", selection: "skus: errors.sku" }
    { status: "503", code: "TRY_LATER" }])
  remove(id: ID!): Boolean! @connect(op: "deleteCart", selection: "$(true)")
  drop(id: ID!): Dropped @connect(op: "deleteCart", on: [{ status: "204", as: "Dropped", selection: "id: $args.id" }, { status: "404", null: true }])
}
union CheckoutResult = Order | PaymentDeclined | OutOfStock
type Cart @key(fields: "id") @connect(op: "getCart", params: "id: $this.id") { id: ID! total: Int }
type Order { id: ID! cart: Cart }
type PaymentDeclined { reason: String }
type OutOfStock { skus: [String] }
type Dropped { id: ID! }
"#;

fn shop() -> Kit {
    Kit::contract(CONTRACT, SDL)
}

#[test]
fn statuses_choose_the_member_of_a_union() {
    let query = "mutation { checkout(id: 1) { __typename ... on Order { id cart { total } } ... on PaymentDeclined { reason } ... on OutOfStock { skus } } }";
    let mut text = shop().plan(query);
    for answer in [
        r#"201 {"id":"o1","cart":{"id":1}}"#,
        r#"402 {"detail":"card expired","canary":1}"#,
        r#"409 {"errors":[{"sku":"a"},{"sku":"b"}]}"#,
        r#"503 {"detail":"canary"}"#,
        r#"418 {"detail":"canary"}"#,
        "201 ",
        "-",
    ] {
        let script = format!(
            r#"shop POST /carts/1/checkout => {answer}
            shop GET /carts/1 => 200 {{"id":1,"total":5}}"#
        );
        text += &format!("{answer}\n{}", shop().run(query, &script));
    }
    assert_snapshot!(text);
}

#[test]
fn declared_404_is_null_and_other_statuses_are_errors() {
    let mut text = String::new();
    for field in ["cart", "sure"] {
        for status in ["404", "401", "403", "410", "302"] {
            let query = format!("{{ {field}(id: 1) {{ total }} }}");
            let answer = shop().run(&query, &format!(r#"shop GET /carts/1 => {status} {{"detail":"canary"}}"#));
            text += &format!("{field} {status}\n{answer}");
        }
    }
    assert!(!text.contains("canary"), "{text}");
    assert_snapshot!(text);
}

#[test]
fn an_answer_without_a_body_can_be_made_of_literals_and_inputs() {
    let query = r#"mutation { remove(id: "x") drop(id: "y") { id } }"#;
    let script = r#"
        shop DELETE /carts/x => 204
        shop DELETE /carts/y => 204 "#;
    assert_snapshot!(shop().run(query, &script.replace("x => 204", "x => 204 ")));
    assert_snapshot!(shop().run(query, "shop DELETE * => 404 "));
}

#[test]
fn writes_run_in_series_each_with_its_reads() {
    let query = r#"mutation { a: checkout(id: 1) { ... on Order { cart { total } } } b: remove(id: 1) c: checkout(id: 1) { ... on Order { id cart { total } } } }"#;
    let script = r#"
        shop POST /carts/1/checkout => 201 {"id":"o1","cart":{"id":1}}
        shop DELETE /carts/1 => 204 
        shop GET /carts/1 => 200 {"id":1,"total":5}"#;
    assert_snapshot!(shop().check(query, script));
}

const FORM: &str = r##"
openapi: 3.1.0
info: { title: forms, version: "1" }
paths:
  /forms/{id}:
    post:
      operationId: submit
      parameters: [{ name: id, in: path, required: true, schema: { type: string } }]
      responses: { "303": { description: see the receipt }, "3XX": { description: elsewhere } }
    get:
      operationId: cancel
      parameters: [{ name: id, in: path, required: true, schema: { type: string } }]
      responses: { "200": { description: ok, content: { application/json: { schema: { type: object, properties: { id: { type: string } } } } } }, "302": { description: to the login } }
"##;

const JOBS: &str = r##"
openapi: 3.1.0
info: { title: jobs, version: "1" }
paths:
  /jobs:
    post:
      operationId: begin
      responses:
        "201": { description: begun, content: { application/json: { schema: { $ref: "#/components/schemas/Job" } } } }
        "202": { description: it waits, content: { application/json: { schema: { $ref: "#/components/schemas/Job" } } } }
        "303": { description: it is there already, content: { application/json: { schema: { $ref: "#/components/schemas/Job" } } } }
        "409": { description: no, content: { application/json: { schema: { type: object, properties: { why: { type: string } } } } } }
  /jobs/{id}:
    get:
      operationId: job
      parameters: [{ name: id, in: path, required: true, schema: { type: string } }]
      responses: { "200": { description: ok, content: { application/json: { schema: { $ref: "#/components/schemas/Job" } } } } }
components:
  schemas:
    Job: { type: object, required: [id], properties: { id: { type: string }, tasks: { type: array, items: { type: object, properties: { n: { type: integer, format: int32 } } } } } }
"##;

#[test]
fn statuses_whose_answers_are_read_alike_mean_one_type() {
    let sdl = r#"
type Query { job(id: ID!): Job @connect(op: "job") }
type Mutation {
  begin: Job @connect(op: "begin", on: [{ status: "303", as: "Job" }, { status: "409", code: "TAKEN" }])
  try: Tried @connect(op: "begin", on: [
    { status: "201", as: "Job" }, { status: "303", as: "Job" }, { status: "202", as: "Job" }
    { status: "409", as: "Refused", selection: "why" }])
}
union Tried = Job | Refused
type Job { id: ID! tasks: [Task] }
type Task { n: Int }
type Refused { why: String }"#;
    let kit = Kit::contract(JOBS, sdl);
    let job = r#"{"id":"j","tasks":[{"n":1},{"n":2}]}"#;
    for status in [201, 202, 303] {
        let script = format!("shop POST /jobs => {status} {job}");
        let answer = kit.run("mutation { begin { id tasks { n } } }", &script);
        assert!(answer.contains(&format!(r#"{{"begin":{job}}}"#)), "{status}: {answer}");
        let answer = kit.run("mutation { try { __typename ... on Job { tasks { n } id } } }", &script);
        let expected = r#"{"try":{"__typename":"Job","tasks":[{"n":1},{"n":2}],"id":"j"}}"#;
        assert!(answer.contains(expected), "{status}: {answer}");
    }
    let script = r#"shop POST /jobs => 409 {"why":"taken"}"#;
    let answer = kit.run("mutation { try { ... on Refused { why } } begin { id } }", script);
    assert!(answer.contains(r#"{"try":{"why":"taken"},"begin":null}"#) && answer.contains("! begin TAKEN"), "{answer}");
}

#[test]
fn a_redirect_that_is_mapped_is_an_outcome_of_a_write() {
    let kit = Kit::contract(
        FORM,
        r#"
type Query { form(id: ID!): Form @connect(op: "cancel", on: [{ status: "302", code: "SIGN_IN" }]) }
type Mutation {
  submit(id: ID!): Receipt @connect(op: "submit", on: [
    { status: "303", as: "Receipt", selection: "id: $args.id" }, { status: "307", code: "MOVED" }])
}
type Form { id: ID }
type Receipt { id: ID! }"#,
    );
    let mut text = String::new();
    for (status, body) in [(303, ""), (303, r#"{"canary":1}"#), (307, ""), (302, "")] {
        let query = "mutation { submit(id: 7) { id } }";
        text += &format!("{status} {body}\n{}", kit.run(query, &format!("shop POST /forms/7 => {status} {body}")));
    }
    text += &kit.run("{ form(id: 7) { id } }", "shop GET /forms/7 => 302 ");
    assert_snapshot!(text);
}

#[test]
fn a_field_that_is_not_null_and_fails_ends_the_series() {
    let service = r#"
type Query { none: Int @connect(http: { GET: "/none" }, selection: "$") }
type Mutation {
  maybe(id: ID!): Item @connect(http: { POST: "/maybe/{$args.id}" }, selection: "id")
  sure(id: ID!): Item! @connect(http: { POST: "/sure/{$args.id}" }, selection: "id")
}
type Item @key(fields: "id") @connect(http: { GET: "/items/{$this.id}" }) { id: ID! name: String! }"#;
    let client = "type Query { none: Int }
type Mutation { maybe(id: ID!): Item sure(id: ID!): Item! }
type Item { id: ID! name: String! }";
    let kit = Kit::rest_with_client(&[("shop", service)], client);
    let script = |first: &str| {
        format!(
            r#"
        shop POST /maybe/1 => {first}
        shop POST /sure/1 => {first}
        shop POST /maybe/2 => 200 {{"id":2}}
        shop POST /sure/3 => 200 {{"id":3}}
        shop GET /items/1 => 200 {{"id":1,"name":null}}"#
        )
    };
    let mut text = String::new();
    for (query, first) in [
        // A nullable field fails alone, and the next ones are sent (GraphQL §6.4.4).
        ("mutation { a: maybe(id: 1) { id } b: maybe(id: 2) { id } c: sure(id: 3) { id } }", "500"),
        // A non-null field makes `data` null, so nobody would see the next ones.
        ("mutation { a: sure(id: 1) { id } b: maybe(id: 2) { id } c: sure(id: 3) { id } }", "500"),
        ("mutation { a: sure(id: 1) { id } b: maybe(id: 2) { id } c: sure(id: 3) { id } }", r#"200 {"id":null}"#),
        // So does a field further below that another call gives.
        ("mutation { a: sure(id: 1) { name } b: maybe(id: 2) { id } }", r#"200 {"id":1}"#),
        ("mutation { a: maybe(id: 1) { name } b: maybe(id: 2) { id } }", r#"200 {"id":1}"#),
    ] {
        text += &format!("{query}\n{}", kit.run(query, &script(first)));
    }
    assert_snapshot!(text);
}

#[test]
fn problem_details_are_the_message_where_the_contract_declares_them() {
    let long = "é".repeat(400);
    let mut text = String::new();
    for (status, body) in [
        (
            409,
            r#"{"type":"canary","title":"Conflict","detail":"the cart is checked out","canary":"canary"}"#.to_owned(),
        ),
        (409, r#"{"title":"Conflict","instance":"canary"}"#.to_owned()),
        (409, r#"{"title":"Conflict","detail":{"x":"canary"}}"#.to_owned()),
        (409, r#"{"canary":"canary"}"#.to_owned()),
        (409, r#"["canary"]"#.to_owned()),
        (409, r#"canary"#.to_owned()),
        (409, format!(r#"{{"detail":"{long}canary"}}"#)),
        (409, r#"{"detail":"line one\nline\u0000 two\u001b[31m"}"#.to_owned()),
        (409, r#"{"detail":"  "}"#.to_owned()),
        (422, r#"{"title":"canary","detail":"canary"}"#.to_owned()),
        (418, r#"{"title":"canary","detail":"canary"}"#.to_owned()),
        (500, r#"{"title":"broken","detail":"try again"}"#.to_owned()),
        (401, r#"{"detail":"canary"}"#.to_owned()),
    ] {
        let answer = shop().run("{ cart(id: 1) { total } }", &format!("shop GET /carts/1 => {status} {body}"));
        text += &answer.lines().skip(2).fold(String::new(), |text, line| text + line + "\n");
    }
    assert!(!text.contains("canary"), "{text}");
    assert_snapshot!(text.replace(&"é".repeat(299), "(299 × é)"));
}

#[test]
fn a_success_that_nobody_declared_is_an_error() {
    let plain = r#"
type Query { cart(id: ID!): Cart @connect(http: { GET: "/carts/{$args.id}" }, selection: "id total") }
type Mutation {
  open: Cart @connect(http: { POST: "/carts" }, selection: "id total")
  remove(id: ID!): Boolean @connect(http: { DELETE: "/carts/{$args.id}" }, selection: "$(true)")
}
type Cart { id: ID! total: Int }"#;
    let plain = || Kit::rest(&[("shop", plain)]);
    let (read, remove) = ("{ cart(id: 1) { id } }", "mutation { remove(id: 1) }");
    let checkout = "mutation { checkout(id: 1) { ... on Order { id } } }";
    let (cart, no_cart) = (r#"{"cart":{"id":"1"}}"#, r#"{"cart":null}"#);
    for (why, kit, query, status, expected, code) in [
        ("declared", shop(), read, 200, cart, ""),
        ("undeclared", shop(), read, 204, no_cart, "UPSTREAM_STATUS"),
        ("undeclared", shop(), read, 206, no_cart, "UPSTREAM_STATUS"),
        ("undeclared", shop(), read, 299, no_cart, "UPSTREAM_STATUS"),
        ("declared", shop(), remove, 204, r#"{"remove":true}"#, ""),
        ("undeclared", shop(), remove, 200, "null", "UPSTREAM_STATUS"),
        ("undeclared", shop(), remove, 299, "null", "UPSTREAM_STATUS"),
        ("declared and mapped", shop(), checkout, 201, r#"{"checkout":{"id":"1"}}"#, ""),
        ("undeclared", shop(), checkout, 200, r#"{"checkout":null}"#, "UPSTREAM_STATUS"),
        ("undeclared", shop(), checkout, 204, r#"{"checkout":null}"#, "UPSTREAM_STATUS"),
        ("all of it", plain(), read, 200, cart, ""),
        ("all of it, changed on the way", plain(), read, 203, cart, ""),
        ("a part of it", plain(), read, 206, no_cart, "UPSTREAM_STATUS"),
        ("nothing of it", plain(), read, 204, no_cart, "UPSTREAM_STATUS"),
        ("unknown", plain(), read, 299, no_cart, "UPSTREAM_STATUS"),
        ("made", plain(), "mutation { open { id } }", 201, r#"{"open":{"id":"1"}}"#, ""),
        ("unknown", plain(), "mutation { open { id } }", 299, r#"{"open":null}"#, "UPSTREAM_STATUS"),
        ("done, with nothing to say", plain(), remove, 204, r#"{"remove":true}"#, ""),
        ("a part of it", plain(), remove, 206, r#"{"remove":null}"#, "UPSTREAM_STATUS"),
    ] {
        for body in ["", r#"{"id":"1"}"#] {
            // A success other than 204 is tested with a body, everything else without one.
            if body.is_empty() == (code.is_empty() && status != 204) || (status == 204 && !body.is_empty()) {
                continue;
            }
            let answer = kit.run(query, &format!("shop * => {status} {body}"));
            assert!(answer.contains(&format!("\n{expected}\n")), "{why} {status} {body:?} {query}: {answer}");
            let codes = answer.lines().filter(|line| line.starts_with('!')).map(|line| line.split(' ').nth(2));
            let codes: Vec<_> = codes.flatten().map(|code| code.trim_end_matches(':')).collect();
            assert_eq!(codes, code.split_whitespace().collect::<Vec<_>>(), "{why} {status} {body:?} {query}: {answer}");
        }
    }
}

#[test]
fn an_empty_answer_is_one_only_where_it_is_declared_so() {
    let contract = CONTRACT.replace(
        r#""404": { description: none }
        "409""#,
        r#""404": { description: none }
        "203": { description: empty }
        "409""#,
    );
    let kit = Kit::contract(&contract, SDL);
    let answer = |status: u16| kit.run("{ cart(id: 1) { total } }", &format!("shop GET /carts/1 => {status} "));
    assert!(answer(200).contains("UPSTREAM_MALFORMED: the service's answer is empty"), "{}", answer(200));
    assert!(answer(203).ends_with("{\"cart\":null}\n"), "{}", answer(203));
}
