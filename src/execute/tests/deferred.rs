//! `@defer`: which part comes when, and that all parts together are the answer.

use super::kit::Kit;
use crate::execute::Wording;
use serde_json::{Value, json};

const SHOP: &str = r#"
type Query {
  user(id: ID!): User @connect(http: { GET: "/users/{$args.id}" }, selection: "id name boss { id }")
  users: [User!]! @connect(http: { GET: "/users" }, selection: "id name") @listSize(assumedSize: 5)
  version: String! @connect(http: { GET: "/version" }, selection: "text")
}
type Mutation {
  rename(id: ID!): User @connect(http: { POST: "/users/{$args.id}" }, selection: "id name boss { id }")
}
type User @key(fields: "id")
  @connect(http: { GET: "/details", queryParams: "id: $batch.id" }, batch: { key: "id", maxSize: 1200 },
    selection: "id email age { years }") {
  id: ID!
  name: String
  boss: User
  email: String!
  age: Age
  score: Int @connect(http: { GET: "/scores", queryParams: "id: $batch.id" }, batch: { key: "id", maxSize: 1200 }, selection: "score")
}
type Age { years: Int! }
"#;

const SCRIPT: &str = r#"
    now shop GET /users/1 => 200 {"id":1,"name":"Ada","boss":{"id":2}}
    now shop POST /users/1 => 200 {"id":1,"name":"Ada","boss":{"id":2}}
    now shop GET /users => 200 [{"id":1,"name":"Ada"},{"id":2,"name":"Bo"}]
    shop GET /version => 200 {"text":"v1"}
    shop GET /details?id=1 => 200 [{"id":1,"email":"a@x","age":{"years":36}}]
    shop GET /details?id=2 => 200 [{"id":2,"email":"b@x"}]
    shop GET /details?id=1&id=2 => 200 [{"id":1,"email":"a@x"},{"id":2,"email":"b@x"}]
    now shop GET /scores?id=1 => 200 [{"id":1,"score":10}]
    now shop GET /scores?id=2 => 200 [{"id":2,"score":20}]
    now shop GET /scores?id=2&id=1 => 200 [{"id":1,"score":10},{"id":2,"score":20}]
    now shop GET /scores?id=1&id=2 => 200 [{"id":1,"score":10},{"id":2,"score":20}]"#;

fn shop() -> Kit {
    Kit::rest(&[("shop", SHOP)]).delayed()
}

#[track_caller]
fn check(query: &str, expected: &[(u64, Value)]) {
    check_with(SCRIPT, query, &json!({}), expected);
}

#[track_caller]
fn check_with(script: &str, query: &str, variables: &Value, expected: &[(u64, Value)]) {
    let got = shop().parts(query, variables, Wording::Current, script);
    let show = |parts: &[(u64, Value)]| parts.iter().map(|(at, part)| format!("{at} s: {part}\n")).collect::<String>();
    assert_eq!(show(&got), show(expected), "{query}");
}

#[test]
fn a_slow_fragment_comes_after_the_rest() {
    check(
        r#"{ user(id: 1) { name ... @defer(label: "slow") { email } score } }"#,
        &[
            (
                0,
                json!({
                    "data": { "user": { "name": "Ada", "score": 10 } },
                    "pending": [{ "id": "0", "path": ["user"], "label": "slow" }],
                    "hasNext": true,
                }),
            ),
            (
                1,
                json!({
                    "incremental": [{ "id": "0", "data": { "email": "a@x" } }],
                    "completed": [{ "id": "0" }],
                    "hasNext": false,
                }),
            ),
        ],
    );
}

#[test]
fn a_switched_off_fragment_is_not_deferred() {
    let whole = [(1, json!({ "data": { "user": { "email": "a@x" } } }))];
    check("{ user(id: 1) { ... @defer(if: false) { email } } }", &whole);
    let query =
        "query($later: Boolean!) { user(id: 1) { ...More @defer(if: $later) } } fragment More on User { email }";
    check_with(SCRIPT, query, &json!({ "later": false }), &whole);
    let first = json!({ "data": { "user": {} }, "pending": [{ "id": "0", "path": ["user"] }], "hasNext": true });
    let second = json!({
        "incremental": [{ "id": "0", "data": { "email": "a@x" } }], "completed": [{ "id": "0" }], "hasNext": false,
    });
    check_with(SCRIPT, query, &json!({ "later": true }), &[(0, first), (1, second)]);
}

#[test]
fn what_is_also_wanted_outside_is_in_the_initial_answer() {
    check(
        "{ user(id: 1) { ... @defer { name boss { id email } } name boss { id } } }",
        &[
            (
                0,
                json!({
                    "data": { "user": { "name": "Ada", "boss": { "id": "2" } } },
                    "pending": [{ "id": "0", "path": ["user"] }],
                    "hasNext": true,
                }),
            ),
            (
                1,
                json!({
                    "incremental": [{ "id": "0", "subPath": ["boss"], "data": { "email": "b@x" } }],
                    "completed": [{ "id": "0" }],
                    "hasNext": false,
                }),
            ),
        ],
    );
    check("{ user(id: 1) { ... @defer { name } name } }", &[(0, json!({ "data": { "user": { "name": "Ada" } } }))]);
}

#[test]
fn a_fragment_inside_of_another_is_announced_with_it() {
    check(
        r#"{ user(id: 1) { ... @defer(label: "outer") { email ... @defer(label: "inner") { score boss { score } } } } }"#,
        &[
            (
                0,
                json!({
                    "data": { "user": {} },
                    "pending": [{ "id": "0", "path": ["user"], "label": "outer" }],
                    "hasNext": true,
                }),
            ),
            (
                1,
                json!({
                    "pending": [{ "id": "1", "path": ["user"], "label": "inner" }],
                    "incremental": [{ "id": "0", "data": { "email": "a@x" } }],
                    "completed": [{ "id": "0" }],
                    "hasNext": true,
                }),
            ),
            (
                1,
                json!({
                    "incremental": [{ "id": "1", "data": { "score": 10, "boss": { "score": 20 } } }],
                    "completed": [{ "id": "1" }],
                    "hasNext": false,
                }),
            ),
        ],
    );
}

#[test]
fn a_fragment_with_nothing_of_its_own_leaves_its_place_to_those_inside() {
    check(
        r#"{ user(id: 1) { name ... @defer(label: "empty") { name ... @defer(label: "full") { email } } } }"#,
        &[
            (
                0,
                json!({
                    "data": { "user": { "name": "Ada" } },
                    "pending": [{ "id": "0", "path": ["user"], "label": "full" }],
                    "hasNext": true,
                }),
            ),
            (
                1,
                json!({
                    "incremental": [{ "id": "0", "data": { "email": "a@x" } }],
                    "completed": [{ "id": "0" }],
                    "hasNext": false,
                }),
            ),
        ],
    );
}

#[test]
fn each_item_of_a_list_has_its_own_fragment() {
    check(
        "{ users { id ... @defer { email } } }",
        &[
            (
                0,
                json!({
                    "data": { "users": [{ "id": "1" }, { "id": "2" }] },
                    "pending": [{ "id": "0", "path": ["users", 0] }, { "id": "1", "path": ["users", 1] }],
                    "hasNext": true,
                }),
            ),
            (
                1,
                json!({
                    "incremental": [
                        { "id": "0", "data": { "email": "a@x" } },
                        { "id": "1", "data": { "email": "b@x" } },
                    ],
                    "completed": [{ "id": "0" }, { "id": "1" }],
                    "hasNext": false,
                }),
            ),
        ],
    );
}

#[test]
fn a_field_of_two_fragments_is_sent_once() {
    check(
        r#"{ user(id: 1) {
          ... @defer(label: "a") { boss { score } }
          ... @defer(label: "b") { boss { score email } }
        } }"#,
        &[
            (
                0,
                json!({
                    "data": { "user": {} },
                    "pending": [
                        { "id": "0", "path": ["user"], "label": "a" },
                        { "id": "1", "path": ["user"], "label": "b" },
                    ],
                    "hasNext": true,
                }),
            ),
            (
                0,
                json!({
                    "incremental": [{ "id": "0", "data": { "boss": { "score": 20 } } }],
                    "completed": [{ "id": "0" }],
                    "hasNext": true,
                }),
            ),
            (
                1,
                json!({
                    "incremental": [{ "id": "1", "subPath": ["boss"], "data": { "email": "b@x" } }],
                    "completed": [{ "id": "1" }],
                    "hasNext": false,
                }),
            ),
        ],
    );
}

#[test]
fn a_null_goes_no_further_than_its_fragment() {
    let script = r#"
        now shop GET /users/1 => 200 {"id":1,"name":"Ada"}
        shop GET /details?id=1 => 200 [{"id":1,"email":null,"age":{"years":"x"}}]
        now shop GET /scores?id=1 => -"#;
    let error = |(line, column): (u32, u32), path: Value, code: &str, message: &str| {
        let extensions = json!({ "code": code });
        let locations = json!([{ "line": line, "column": column }]);
        json!({ "message": message, "locations": locations, "path": path, "extensions": extensions })
    };
    let not_null = error(
        (3, 42),
        json!(["user", "email"]),
        "NULL_IN_NON_NULL",
        "cannot return null for the non-null field `User.email`",
    );
    let unreachable = error((3, 77), json!(["user", "score"]), "UPSTREAM_UNREACHABLE", "the service cannot be reached");
    let shape = error((5, 49), json!(["user", "age", "years"]), "UPSTREAM_SHAPE", "`Age.years` is not of its type");
    check_with(
        script,
        r#"{ user(id: 1) {
          name
          ... @defer(label: "null") { id email ... @defer(label: "never") { score } }
          ... @defer(label: "failed") { score }
          ... @defer(label: "nullable") { age { years } }
        } }"#,
        &json!({}),
        &[
            (
                0,
                json!({
                    "data": { "user": { "name": "Ada" } },
                    "pending": [
                        { "id": "0", "path": ["user"], "label": "null" },
                        { "id": "1", "path": ["user"], "label": "failed" },
                        { "id": "2", "path": ["user"], "label": "nullable" },
                    ],
                    "hasNext": true,
                }),
            ),
            (
                0,
                json!({
                    "incremental": [{ "id": "1", "data": { "score": null }, "errors": [unreachable] }],
                    "completed": [{ "id": "1" }],
                    "hasNext": true,
                }),
            ),
            (
                1,
                json!({
                    "incremental": [{ "id": "2", "data": { "age": null }, "errors": [shape] }],
                    "completed": [{ "id": "0", "errors": [not_null] }, { "id": "2" }],
                    "hasNext": false,
                }),
            ),
        ],
    );
}

#[test]
fn what_was_deferred_below_a_null_is_never_announced() {
    let script = r#"
        now shop GET /users => 200 [{"id":1,"name":"Ada"}]
        now shop GET /details?id=1 => 200 [{"id":1}]
        shop GET /scores?id=1 => 200 [{"id":1,"score":10}]"#;
    let parts = shop().parts("{ users { ... @defer { score } email } }", &json!({}), Wording::Current, script);
    assert_eq!(parts.len(), 1, "{parts:?}");
    assert_eq!((parts[0].0, &parts[0].1["data"], parts[0].1.get("pending")), (0, &Value::Null, None));
}

#[test]
fn below_a_mutation_reads_are_deferred_and_later_writes_do_not_wait_for_them() {
    check(
        "mutation { a: rename(id: 1) { name ... @defer { email } } b: rename(id: 1) { id } }",
        &[
            (
                0,
                json!({
                    "data": { "a": { "name": "Ada" }, "b": { "id": "1" } },
                    "pending": [{ "id": "0", "path": ["a"] }],
                    "hasNext": true,
                }),
            ),
            (
                1,
                json!({
                    "incremental": [{ "id": "0", "data": { "email": "a@x" } }],
                    "completed": [{ "id": "0" }],
                    "hasNext": false,
                }),
            ),
        ],
    );
}

#[test]
fn a_deferred_root_waits_for_nobody() {
    check(
        "{ ... @defer { version } user(id: 1) { name } }",
        &[
            (
                0,
                json!({ "data": { "user": { "name": "Ada" } }, "pending": [{ "id": "0", "path": [] }], "hasNext": true }),
            ),
            (
                1,
                json!({
                    "incremental": [{ "id": "0", "data": { "version": "v1" } }],
                    "completed": [{ "id": "0" }],
                    "hasNext": false,
                }),
            ),
        ],
    );
}

#[test]
fn a_shared_lookup_does_not_hold_up_the_initial_answer() {
    // Both `email`s come from one endpoint, but only one of them waits for the list of the slow score.
    let script = r#"
        now shop GET /users/1 => 200 {"id":1,"name":"Ada","boss":{"id":2}}
        now shop GET /details?id=1 => 200 [{"id":1,"email":"a@x"}]
        shop GET /users => 200 [{"id":2,"name":"Bo"}]
        now shop GET /details?id=2 => 200 [{"id":2,"email":"b@x"}]"#;
    let parts =
        shop().parts("{ user(id: 1) { email } ... @defer { users { email } } }", &json!({}), Wording::Current, script);
    assert_eq!(parts.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [0, 1], "{parts:?}");
    assert_eq!(parts[0].1["data"], json!({ "user": { "email": "a@x" } }));
}

#[test]
fn the_deadline_ends_what_is_open() {
    let kit = Kit::rest(&[("shop", SHOP)]).slow();
    let script = r#"
        now shop GET /users/1 => 200 {"id":1,"name":"Ada"}
        shop GET /details?id=1 => 200 []"#;
    let parts = kit.parts("{ user(id: 1) { name ... @defer { email } } }", &json!({}), Wording::Current, script);
    assert_eq!(parts.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [0, 1]);
    assert_eq!(parts[1].1["completed"][0]["errors"][0]["extensions"]["code"], "UPSTREAM_TIMEOUT", "{parts:?}");
}

#[test]
fn an_answer_that_leaves_too_much_out_comes_whole() {
    let users: Vec<Value> = (0..1_001).map(|id| json!({ "id": id })).collect();
    let details: Vec<Value> = (0..1_001).map(|id| json!({ "id": id, "email": "x" })).collect();
    let script = format!("now shop GET /users => 200 {}\nshop GET /details* => 200 {}", json!(users), json!(details));
    for (query, parts) in
        [("{ users { ... @defer { email } id } }", 1), ("{ ... @defer { users { ... @defer { email } id } } }", 2)]
    {
        let kit = Kit::rest(&[("shop", &SHOP.replace("assumedSize: 5", "assumedSize: 2000"))]).delayed();
        let got = kit.parts(query, &json!({}), Wording::Current, &script);
        assert_eq!(got.len(), parts);
        let last = &got[parts - 1].1;
        let users = if parts == 1 { &last["data"]["users"] } else { &last["incremental"][0]["data"]["users"] };
        assert_eq!(users.as_array().map(Vec::len), Some(1_001));
        assert_eq!(users[1_000], json!({ "email": "x", "id": "1000" }));
    }
}

#[test]
fn the_legacy_wording_names_paths() {
    let parts = shop().parts(
        r#"{ users { id ... @defer(label: "x") { email age { years } } } }"#,
        &json!({}),
        Wording::Legacy,
        SCRIPT,
    );
    let parts: Vec<String> = parts.into_iter().map(|(_, part)| part.to_string()).collect();
    assert_eq!(
        parts,
        [
            json!({ "data": { "users": [{ "id": "1" }, { "id": "2" }] }, "hasNext": true }).to_string(),
            json!({
                "incremental": [
                    { "data": { "email": "a@x", "age": null }, "path": ["users", 0], "label": "x" },
                    { "data": { "email": "b@x", "age": null }, "path": ["users", 1], "label": "x" },
                ],
                "hasNext": false,
            })
            .to_string(),
        ]
    );
}
