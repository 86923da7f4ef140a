//! Calls that need data of the caller.

use super::kit::Kit;
use crate::json::Value;
use insta::assert_snapshot;
use serde_json::json;

const SHOP: &str = r#"
type Query {
  me: User @connect(http: { GET: "/users/{$claims.sub}" })
  mine: [Order] @connect(http: { GET: "/orders", queryParams: "user: $claims.sub  lang: $claims.lang ?? 'en'" })
  all: Int @connect(http: { GET: "/all" }, selection: "$.n")
}
type User { id: ID! }
type Order { id: ID! }
"#;

#[test]
fn anonymous_callers_get_no_answer_that_needs_a_claim() {
    let kit = Kit::rest(&[("shop", SHOP)]);
    assert_snapshot!(kit.check("{ me { id } mine { id } all }", r#"shop GET /all => 200 {"n":1}"#));
}

#[test]
fn a_claim_that_is_missing_is_never_left_out_of_a_request() {
    let script = r#"
        shop GET /all => 200 {"n":1}
        shop GET /users/7 => 200 {"id":7}
        shop GET /orders?user=7&lang=en => 200 [{"id":1}]"#;
    let query = "{ me { id } mine { id } all }";
    for claims in [json!({ "lang": "de" }), json!({ "sub": null }), json!({ "sub": { "x": 1 } })] {
        let answer = Kit::rest(&[("shop", SHOP)]).caller(claims).run(query, script);
        assert_eq!(answer.lines().filter(|line| line.starts_with('>')).count(), 1, "{answer}");
        assert!(answer.contains(r#"{"me":null,"mine":null,"all":1}"#), "{answer}");
    }
    assert_snapshot!(Kit::rest(&[("shop", SHOP)]).caller(json!({ "sub": 7 })).run(query, script));
}

const CONTRACT: &str = r##"
openapi: 3.1.0
info: { title: shop, version: "1" }
paths:
  /count: { get: { operationId: count, responses: { "200": { $ref: "#/components/responses/Count" } } } }
  /carts/{id}:
    post:
      operationId: add
      parameters:
        - { name: id, in: path, required: true, schema: { type: string } }
        - { name: X-Of, in: header, required: true, schema: { type: integer } }
      requestBody:
        required: true
        content:
          application/json:
            schema:
              type: object
              properties:
                text: { type: string }
                number: { type: number }
                any: {}
                texts: { type: array, items: { type: string } }
      responses: { "200": { $ref: "#/components/responses/Count" } }
components:
  responses:
    Count: { description: ok, content: { application/json: { schema: { type: object, required: [n], properties: { n: { type: integer, format: int32 } } } } } }
"##;

#[test]
fn digits_of_claims_are_sent_as_they_were_given() {
    let sdl = r#"
type Query { count: Int @connect(op: "count", selection: "$.n") }
type Mutation {
  add: Int @connect(
    op: "add", selection: "$.n"
    params: "id: $claims.id X-Of: $claims.id"
    body: "text: $claims.id number: $claims.id any: { it: $claims.id } texts: [$claims.id, $claims.org.id]"
  )
}"#;
    for (digits, claim) in [
        ("7", "7"),
        ("7", r#""7""#),
        ("1.50", "1.50"),
        ("1e400", "1e400"),
        ("12345678901234567890123", "12345678901234567890123"),
        ("12345678901234567890123", r#""12345678901234567890123""#),
    ] {
        let claims = format!(r#"{{"id":{claim},"org":{{"id":{claim}}}}}"#);
        let kit = Kit::contract(CONTRACT, sdl).caller(Value::read(claims.as_bytes()).unwrap());
        let body = format!(
            r#"{{"text":"{digits}","number":{digits},"any":{{"it":{claim}}},"texts":["{digits}","{digits}"]}}"#
        );
        let script = format!(r#"shop POST /carts/{digits} x-of:{digits} {body} => 200 {{"n":1}}"#);
        let answer = kit.run("mutation { add }", &script);
        assert!(answer.contains(r#"{"add":1}"#), "{answer}");
    }
    for claim in [r#"{"a":1}"#, r#""seven""#] {
        let claims = format!(r#"{{"id":{claim},"org":{{"id":1}}}}"#);
        let kit = Kit::contract(CONTRACT, sdl).caller(Value::read(claims.as_bytes()).unwrap());
        let answer = kit.run("mutation { add }", "");
        assert!(answer.contains("! add BAD_INPUT"), "{answer}");
        assert!(!answer.lines().any(|line| line.starts_with('>')), "nothing is sent: {answer}");
    }
}

#[test]
fn what_needs_a_known_caller_is_not_read_from_a_public_answer() {
    let sdl = r#"
type Query { user: User users: [User!] @listSize(assumedSize: 3) secret: Int @authenticated }
type User @key(fields: "id") { id: ID! email: String @authenticated salary: Int! @authenticated card: Card }
type Card @authenticated { number: String }"#;
    let kit = Kit::graphql(&[("a", sdl)]);
    let query = "{ user { id email card { number } } secret }";
    let script = r#"a * => 200 {"data":{"user":{"id":1,"email":"canary","card":{"number":"canary"}},"users":[{"id":1,"salary":1}],"secret":1}}"#;
    let answer = kit.check(query, script);
    assert!(!answer.contains("canary"), "{answer}");
    assert_snapshot!(answer);
    assert_snapshot!(kit.run("{ users { id salary } }", script));
    let known = Kit::graphql(&[("a", sdl)]).caller(json!({ "sub": 1 }));
    assert_snapshot!(known.run("{ user { email card { number } } secret }", script));
}

/// A service with writes. Each field returns something that is, or is not, for anonymous callers.
const VAULT: &str = r#"
type Query { none: Int }
type Mutation {
  open: Open
  itself: Open @authenticated
  hidden: Hidden
  sure: Hidden!
  several: [Hidden!]
  secretive: Secretive
  every: Every
  either: Either
  named: Named
  wrapped: Wrapped
  scalar: Pin
}
type Open { id: ID! pin: String @authenticated sure: String! @authenticated inner: Inner! hidden: Hidden }
type Inner { sure: String! @authenticated }
type Wrapped { open: Open hidden: Hidden! }
type Hidden implements Named @authenticated { id: ID! name: String }
type Other implements Secretive & Named { id: ID! name: String }
type More @authenticated { id: ID! }
interface Secretive @authenticated { id: ID! }
interface Named { name: String }
union Every = Hidden | More
union Either = Open | Hidden
scalar Pin @authenticated
"#;

#[test]
fn what_an_anonymous_caller_may_not_have_is_not_written() {
    let kit = Kit::graphql(&[("a", VAULT)]);
    for field in [
        "itself { id }",
        "hidden { id }",
        "hidden { __typename }",
        "several { id }",
        "secretive { id }",
        "secretive { ... on Other { name } }",
        "every { ... on Hidden { id } ... on More { id } }",
        "every { __typename }",
        "either { ... on Hidden { id } }",
        "named { ... on Hidden { id } ... on Other { id } }",
        "named { name }",
        "scalar",
        // Selections whose refusal makes the whole answer null (GraphQL §6.4.4).
        "open { id sure }",
        "open { inner { sure } }",
        "wrapped { hidden { id } }",
        "x: hidden { id }",
        "...F } fragment F on Mutation { hidden { id }",
    ] {
        let answer = kit.run(&format!("mutation {{ {field} }}"), "");
        assert!(!answer.contains("> "), "{field} was sent: {answer}");
        let errors: Vec<_> = answer.lines().filter(|line| line.starts_with('!')).collect();
        assert!(matches!(errors[..], [error] if error.contains(" UNAUTHENTICATED: ")), "{field}: {answer}");
    }
    // Some of each of these is for everybody, whatever else is refused.
    for field in [
        "open { id pin }",
        "open { hidden { id } }",
        "either { ... on Hidden { id } ... on Open { id } }",
        "either { __typename ... on Hidden { id } }",
        "wrapped { open { id } }",
    ] {
        let answer = kit.run(&format!("mutation {{ {field} }}"), "a * => 500");
        assert!(answer.contains("> a mutation"), "{field} was not sent: {answer}");
    }
    // Other fields are sent, before and after the refused one.
    let mixed = "mutation { a: open { id } b: hidden { id } c: open { id } }";
    let answer = kit.run(mixed, r#"a * => 200 {"data":{"open":{"id":1}}}"#);
    assert_eq!(answer.matches("> a mutation").count(), 2, "{answer}");
    let known = Kit::graphql(&[("a", VAULT)]).caller(json!({ "sub": 1 }));
    assert!(known.run("mutation { hidden { id } }", "a * => 500").contains("> a mutation"));
}

#[test]
fn what_a_view_leads_through_is_part_of_what_is_not_written() {
    let client = r#"type Query { none: Int }
type Mutation { number: ID @from(path: "open.hidden.id") plain: ID @from(path: "open.id") }"#;
    let kit = Kit::graphql_with_client(&[("a", VAULT)], client);
    let answer = kit.run("mutation { number }", "");
    assert!(!answer.contains("> ") && answer.contains("! number UNAUTHENTICATED"), "{answer}");
    assert!(kit.run("mutation { plain }", "a * => 500").contains("> a mutation"));
}
