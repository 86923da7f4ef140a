//! Answers that are asked for again, and answers that are kept.
//!
//! Each run returns its requests and its answer; the cache lasts from run to run.

use super::kit::Kit;
use crate::cache::CacheOptions;
use serde_json::json;
use std::time::Duration;

pub(super) const SHOP: &str = r#"
type Query {
  user(id: ID!): User @connect(http: { GET: "/users/{$args.id}" }, on: [{ status: "404", null: true }])
    @cache(maxAge: 60, tags: ["user:{id}"])
  users(of: Int): [User!] @connect(http: { GET: "/users", queryParams: "of: $args.of" }, selection: "id")
    @listSize(assumedSize: 5)
  me: User @connect(http: { GET: "/me", queryParams: "id: $claims.sub" }, selection: "id name")
    @cache(maxAge: 60, scope: PRIVATE, tags: ["user:{$claims.sub}"])
  said: User @connect(http: { GET: "/said" })
  mine: User @connect(http: { GET: "/mine", queryParams: "id: $claims.sub" }, selection: "id name")
  news: String @connect(http: { GET: "/news" }, selection: "$.text")
    @cache(maxAge: 60, swr: 30)
}
type Mutation {
  rename(id: ID!, name: String!): User
    @connect(http: { POST: "/users/{$args.id}" }, body: "name: $args.name", selection: "id name")
    @invalidates(tags: ["user:{$args.id}"])
  hire: User @connect(http: { POST: "/hire" }, selection: "id") @invalidates(tags: ["user:{id}"])
  ring: User @connect(http: { POST: "/ring" }, selection: "id")
  cancel(id: ID!): User @connect(http: { GET: "/users/{$args.id}/cancel" }, selection: "id name")
    @invalidates(tags: ["user:{$args.id}"])
}
type User @key(fields: "id")
  @connect(http: { GET: "/users", queryParams: "id: $batch.id" }, batch: { key: "id", maxSize: 20 },
    fields: "fields", selection: "id name email")
  @cache(maxAge: 60, swr: 30, tags: ["user:{id}"]) {
  id: ID!
  name: String
  email: String
  orders: [Order!]! @connect(
    http: { GET: "/orders", queryParams: "user: $batch.id" }
    batch: { key: "user" }
    selection: "total") @listSize(assumedSize: 2) @cache(maxAge: 60, tags: ["orders:{$this.id}"])
}
type Order { total: Int }
"#;

fn shop() -> Kit {
    Kit::rest(&[("shop", SHOP)]).cached(CacheOptions::default())
}

impl Kit {
    /// The requests of a run, without the service's name.
    pub(super) fn asked(&mut self, later: u64, query: &str, script: &str) -> Vec<String> {
        self.see(later, query, script).0
    }

    /// The requests of a run, and the answer with its errors.
    pub(super) fn see(&mut self, later: u64, query: &str, script: &str) -> (Vec<String>, String) {
        self.later = Duration::from_secs(later);
        let text = self.run(query, script);
        let requests = text.lines().filter_map(|line| line.strip_prefix("> shop ")).map(str::to_owned);
        let answer = text.lines().filter(|line| !line.starts_with('>')).collect::<Vec<_>>();
        (requests.collect(), answer.join("\n"))
    }
}

pub(super) const NONE: [&str; 0] = [];

#[test]
fn a_call_is_not_made_again_while_its_answer_holds() {
    let mut kit = shop();
    let (query, script) = ("{ user(id: 7) { name } }", r#"shop GET /users/7 => 200 {"id":7,"name":"Ann"}"#);
    let first = kit.see(0, query, script);
    assert_eq!(first.0, ["GET /users/7"]);
    let again = kit.see(59, query, "");
    assert_eq!((again.0.as_slice(), again.1), (&[] as &[String], first.1));
    assert_eq!(kit.asked(59, "{ user(id: 8) { name } }", "shop GET /users/8 => 200 {}"), ["GET /users/8"]);
    assert_eq!(kit.asked(61, query, script), ["GET /users/7"], "it has become stale");
}

#[test]
fn a_partial_hit_asks_only_for_the_rest() {
    let mut kit = shop();
    let query = |of: u32| format!("{{ users(of: {of}) {{ name }} }}");
    let script = r#"
        shop GET /users?of=1 => 200 [{"id":1},{"id":2}]
        shop GET /users?of=2 => 200 [{"id":3},{"id":2},{"id":4},{"id":1}]
        shop GET /users?id=1&id=2&fields=id,name => 200 [{"id":2,"name":"two"},{"id":1,"name":"one"}]
        shop GET /users?id=3&id=4&fields=id,name => 200 [{"id":4,"name":"four"},{"id":3,"name":"three"}]"#;
    kit.asked(0, &query(1), script);
    let (asked, answer) = kit.see(0, &query(2), script);
    assert_eq!(asked, ["GET /users?of=2", "GET /users?id=3&id=4&fields=id,name"]);
    assert_eq!(answer, r#"{"users":[{"name":"three"},{"name":"two"},{"name":"four"},{"name":"one"}]}"#);
    let (asked, all) = kit.see(0, &query(2), script);
    assert_eq!((asked.as_slice(), all), (&["GET /users?of=2".to_owned()][..], answer), "all of them are kept");
}

#[test]
fn lists_by_key_are_kept_as_they_were_put_together() {
    let mut kit = shop();
    let query = |of: u32| format!("{{ users(of: {of}) {{ orders {{ total }} }} }}");
    let script = r#"
        shop GET /users?of=1 => 200 [{"id":1},{"id":2}]
        shop GET /users?of=2 => 200 [{"id":2},{"id":1},{"id":3}]
        shop GET /orders?user=1&user=2 => 200 [{"user":1,"total":5},{"user":3,"total":9},{"user":"1","total":6}]
        shop GET /orders?user=3 => 200 [{"user":3,"total":7}]"#;
    kit.asked(0, &query(1), script);
    let (asked, answer) = kit.see(0, &query(2), script);
    assert_eq!(asked, ["GET /users?of=2", "GET /orders?user=3"]);
    let expected = r#"{"users":[{"orders":[]},{"orders":[{"total":5},{"total":6}]},{"orders":[{"total":7}]}]}"#;
    assert_eq!(answer, expected);
}

#[test]
fn what_lacks_a_property_is_asked_for_with_all_that_is_kept_of_it() {
    let mut kit = shop();
    let query = |of: u32, fields: &str| format!("{{ users(of: {of}) {{ {fields} }} }}");
    let script = r#"
        shop GET /users?of=1 => 200 [{"id":1}]
        shop GET /users?of=2 => 200 [{"id":1},{"id":2}]
        shop GET /users?id=1&fields=id,name => 200 [{"id":1,"name":"one"}]
        shop GET /users?id=1&id=2&fields=email,id,name => 200 [{"id":1,"name":"one","email":"a"},{"id":2,"email":"b"}]"#;
    kit.asked(0, &query(1, "name"), script);
    let (asked, answer) = kit.see(0, &query(2, "email"), script);
    assert_eq!(asked, ["GET /users?of=2", "GET /users?id=1&id=2&fields=email,id,name"]);
    assert_eq!(answer, r#"{"users":[{"email":"a"},{"email":"b"}]}"#);
    assert_eq!(kit.asked(0, &query(1, "email name"), script), ["GET /users?of=1"], "it holds both");
    assert_eq!(kit.asked(0, &query(1, "name"), script), ["GET /users?of=1"], "more serve fewer");
}

#[test]
fn what_does_not_exist_is_believed_for_a_few_seconds() {
    let mut kit = shop();
    let (query, script) = (
        "{ users { name } gone: user(id: 9) { name } }",
        r#"
        shop GET /users => 200 [{"id":1},{"id":2}]
        shop GET /users/9 => 404 {}
        shop GET /users?id=1&id=2&fields=id,name => 200 [{"id":1,"name":"one"}]
        shop GET /users?id=2&fields=id,name => 200 []"#,
    );
    kit.asked(0, query, script);
    let (asked, answer) = kit.see(4, query, script);
    assert_eq!(asked, ["GET /users"]);
    assert_eq!(answer, "{\"users\":[{\"name\":\"one\"},{\"name\":null}],\"gone\":null}");
    assert_eq!(kit.asked(6, query, script), ["GET /users", "GET /users/9", "GET /users?id=2&fields=id,name"]);
}

#[test]
fn a_stale_answer_is_asked_for_by_its_validator() {
    let mut kit = shop();
    let query = "{ said { id name } }";
    let first = r#"shop GET /said => 200 <cache-control: max-age=60; etag: "1"> {"id":1,"name":"one"}"#;
    kit.asked(0, query, first);
    assert_eq!(kit.asked(59, query, ""), NONE);
    let still = r#"shop GET /said if-none-match:"1" => 304 <cache-control: max-age=600; etag: "1">"#;
    let (asked, answer) = kit.see(61, query, still);
    assert_eq!(asked, [r#"GET /said if-none-match:"1""#]);
    assert_eq!(answer, r#"{"said":{"id":"1","name":"one"}}"#);
    assert_eq!(kit.asked(600, query, ""), NONE, "what still holds holds for longer");
    let new = r#"shop GET /said if-none-match:"1" => 200 <cache-control: max-age=60; etag: "2"> {"id":1,"name":"two"}"#;
    assert_eq!(kit.see(700, query, new).1, r#"{"said":{"id":"1","name":"two"}}"#);
    let other = r#"shop GET /said if-none-match:"2" => 304 <etag: "9">"#;
    assert!(kit.see(800, query, other).1.contains("UPSTREAM_MALFORMED"), "it speaks of another answer");
}

#[test]
fn a_stale_answer_is_served_while_it_is_asked_for_again() {
    let mut kit = shop();
    let news = |text: &str| format!(r#"shop GET /news => 200 {{"text":"{text}"}}"#);
    kit.asked(0, "{ news }", &news("old"));
    let (asked, answer) = kit.see(61, "{ news }", &news("new"));
    assert_eq!((asked, answer.as_str()), (vec!["GET /news  [behind]".to_owned()], r#"{"news":"old"}"#));
    assert_eq!(kit.see(62, "{ news }", ""), (vec![], r#"{"news":"new"}"#.to_owned()));
    // It may not be served for longer than that.
    assert_eq!(kit.see(200, "{ news }", &news("newest")).1, r#"{"news":"newest"}"#);
}

#[test]
fn stale_items_are_asked_for_again_together() {
    let mut kit = shop();
    let query = "{ users { name } }";
    let script = |name: &str| {
        format!(
            r#"
        shop GET /users => 200 [{{"id":1}},{{"id":2}}]
        shop GET /users?id=1&id=2&fields=id,name => 200 [{{"id":1,"name":"{name}"}},{{"id":2,"name":"two"}}]"#
        )
    };
    kit.asked(0, query, &script("old"));
    let (asked, answer) = kit.see(61, query, &script("new"));
    assert_eq!(asked, ["GET /users", "GET /users?id=1&id=2&fields=id,name  [behind]"]);
    assert_eq!(answer, r#"{"users":[{"name":"old"},{"name":"two"}]}"#);
    let (asked, answer) = kit.see(62, query, &script("newest"));
    assert_eq!(
        (asked.as_slice(), answer.as_str()),
        (&["GET /users".to_owned()][..], r#"{"users":[{"name":"new"},{"name":"two"}]}"#)
    );
}

#[test]
fn a_stale_answer_stands_in_for_a_service_that_fails() {
    let kept = r#"shop GET /said => 200 <cache-control: max-age=60, stale-if-error=60> {"id":1,"name":"one"}"#;
    let query = "{ said { name } }";
    for failure in ["shop GET /said => 503", "shop GET /said => -", "shop GET /said => 500 {}"] {
        let mut kit = shop();
        kit.asked(0, query, kept);
        assert_eq!(kit.see(61, query, failure).1, r#"{"said":{"name":"one"}}"#, "{failure}");
        assert!(kit.see(121, query, failure).1.contains("! said"), "{failure}: not for ever");
    }
    let mut kit = shop();
    kit.asked(0, query, kept);
    assert!(kit.see(61, query, "shop GET /said => 403 {}").1.contains("! said FORBIDDEN"), "an answer is no failure");
}

#[test]
fn in_a_failed_batch_old_items_stand_in_for_their_own_keys() {
    let options = CacheOptions { stale_if_error: Duration::from_secs(600), ..CacheOptions::default() };
    let mut kit = Kit::rest(&[("shop", SHOP)]).cached(options);
    let script = r#"
        shop GET /users?of=1 => 200 [{"id":2}]
        shop GET /users?of=2 => 200 [{"id":1},{"id":2},{"id":3}]
        shop GET /users?id=2&fields=id,name => 200 [{"id":2,"name":"two"}]
        shop GET /users?id=1&id=2&id=3&fields=id,name => 502"#;
    kit.asked(0, "{ users(of: 1) { name } }", script);
    let (_, answer) = kit.see(100, "{ users(of: 2) { name } }", script);
    let lines: Vec<&str> = answer.lines().collect();
    assert_eq!(lines[0], r#"{"users":[{"name":null},{"name":"two"},{"name":null}]}"#);
    assert_eq!(lines.len(), 3, "two of them have failed: {answer}");
}

#[test]
fn a_write_kills_what_it_names() {
    let mut kit = shop();
    let query = "{ user(id: 7) { name } users { name } }";
    let script = |name: &str| {
        format!(
            r#"
        shop GET /users/7 => 200 {{"id":7,"name":"{name}"}}
        shop GET /users => 200 [{{"id":7}},{{"id":8}}]
        shop GET /users?id=7&id=8&fields=id,name => 200 [{{"id":7,"name":"{name}"}},{{"id":8,"name":"eight"}}]
        shop GET /users?id=7&fields=id,name => 200 [{{"id":7,"name":"{name}"}}]
        shop GET /users?id=8&fields=id,name => 200 [{{"id":8,"name":"eight"}}]
        shop POST /users/7* => 200 {{"id":7,"name":"{name}"}}
        shop POST /hire* => 200 {{"id":8}}
        shop POST /ring* => 200 {{"id":8}}"#
        )
    };
    kit.asked(0, query, &script("old"));
    assert_eq!(kit.asked(1, query, &script("old")), ["GET /users"]);
    kit.asked(1, r#"mutation { rename(id: 7, name: "new") { id } }"#, &script("new"));
    let (asked, answer) = kit.see(1, query, &script("new"));
    assert_eq!(asked, ["GET /users/7", "GET /users", "GET /users?id=7&fields=id,name"]);
    assert!(answer.contains(r#""user":{"name":"new"}"#), "{answer}");
    kit.asked(1, "mutation { hire { id } }", &script("new"));
    assert_eq!(kit.asked(1, query, &script("new")), ["GET /users", "GET /users?id=8&fields=id,name"], "by its answer");
    kit.asked(1, "mutation { ring { id } }", &script("new"));
    assert_eq!(kit.asked(1, query, &script("new")), ["GET /users"], "it names nothing");
}

#[test]
fn a_write_is_one_whatever_its_method() {
    let mut kit = shop();
    let query = "{ user(id: 7) { name } }";
    let script = r#"
        shop GET /users/7 => 200 {"id":7,"name":"Ann"}
        shop GET /users/7/cancel* => 200 <cache-control: max-age=600; etag: "1"> {"id":7,"name":"Ann"}"#;
    for _ in 0..2 {
        assert_eq!(kit.asked(0, query, script), ["GET /users/7"], "what was kept is gone");
        assert_eq!(kit.asked(0, query, script), NONE);
        let asked = kit.asked(0, "mutation { cancel(id: 7) { name } }", script);
        assert_eq!(asked, ["GET /users/7/cancel  [write]"], "neither kept nor asked for by its validator");
    }
}

#[test]
fn a_write_that_failed_may_have_been_applied() {
    let query = "{ user(id: 7) { name } }";
    let user = r#"shop GET /users/7 => 200 {"id":7,"name":"Ann"}"#;
    for (write, outcome, dies) in [
        (r#"rename(id: 7, name: "x") { id }"#, "-", true),
        (r#"rename(id: 7, name: "x") { id }"#, "500", true),
        (r#"rename(id: 7, name: "x") { id }"#, "409 {}", true),
        (r#"rename(id: 8, name: "x") { id }"#, "500", false),
        // Without an answer it is not known whom the write affected, so it may be anybody.
        ("hire { id }", "-", true),
        ("hire { id }", "503", true),
        // The write was refused, which is an answer.
        ("hire { id }", "422 {}", false),
    ] {
        let mut kit = shop();
        kit.asked(0, query, user);
        kit.asked(0, &format!("mutation {{ {write} }}"), &format!("shop POST * => {outcome}"));
        assert_eq!(!kit.asked(0, query, user).is_empty(), dies, "{write} => {outcome}");
    }
}

#[test]
fn after_a_write_its_request_takes_nothing_older_of_that_source() {
    let mut kit = shop();
    let script = r#"
        shop GET /users => 200 [{"id":8}]
        shop GET /users?id=8&fields=id,name => 200 [{"id":8,"name":"eight"}]
        shop POST /ring* => 200 {"id":8}"#;
    kit.asked(0, "{ users { name } }", script);
    let asked = kit.asked(0, "mutation { ring { id name } }", script);
    assert_eq!(asked.len(), 2, "the name is asked for again: {asked:?}");
    assert_eq!(kit.asked(0, "{ users { name } }", script), ["GET /users"], "others may take what it was given");
}

#[test]
fn what_is_a_callers_own_is_kept_for_that_caller() {
    let mut kit = shop();
    let query = "{ me { name } }";
    let script = r#"
        shop GET /me?id=1 => 200 {"id":1,"name":"one"}
        shop GET /me?id=2 => 200 {"id":2,"name":"two"}"#;
    for (sub, asks) in [(1, 1), (2, 1), (1, 0), (2, 0)] {
        kit.claims = Some(json!({ "sub": sub }).into());
        let (asked, answer) = kit.see(0, query, script);
        assert_eq!(asked.len(), asks, "caller {sub}");
        assert!(answer.contains(if sub == 1 { "one" } else { "two" }), "{answer}");
    }
}

#[test]
fn callers_whose_ids_differ_beyond_64_bits_are_two_callers() {
    // As doubles, these three ids would be equal.
    let ids = ["123456789012345678901", "123456789012345678902", "123456789012345678901.0"];
    let mut kit = shop();
    for asks in [1, 0] {
        for id in ids {
            let claims = format!(r#"{{"sub":{id}}}"#);
            kit.claims = Some(crate::json::Value::read(claims.as_bytes()).unwrap());
            let script = format!(r#"shop GET /me?id={id} => 200 {{"id":1,"name":"of {id}"}}"#);
            let (asked, answer) = kit.see(0, "{ me { name } }", &script);
            assert_eq!(asked.len(), asks, "caller {id}: {asked:?}");
            assert!(answer.contains(&format!(r#""of {id}""#)), "{answer}");
        }
    }
}

#[test]
fn what_may_be_kept_is_the_services_word_first() {
    let body = r#"{"id":1,"name":"x"}"#;
    for (why, query, path, headers, is_kept) in [
        ("nobody says", "{ said { name } }", "/said", "", false),
        ("RFC 9111 §5.2.2.5", "{ user(id: 1) { name } }", "/users/1", "cache-control: no-store", false),
        ("RFC 9111 §5.2.2.7", "{ said { name } }", "/said", "cache-control: private, max-age=60", false),
        ("RFC 9111 §4.1", "{ said { name } }", "/said", "cache-control: max-age=60; vary: x-request-id", false),
        ("RFC 9111 §4.1", "{ said { name } }", "/said", "cache-control: max-age=60; vary: accept", true),
        ("nobody says", "{ mine { name } }", "/mine?id=1", "", false),
        ("the service says", "{ mine { name } }", "/mine?id=1", "cache-control: max-age=60", true),
        ("RFC 9111 §5.2.2.7", "{ mine { name } }", "/mine?id=1", "cache-control: private, max-age=60", true),
        ("RFC 9111 §5.2.2.5", "{ me { name } }", "/me?id=1", "cache-control: no-store", false),
    ] {
        let mut kit = shop();
        kit.claims = Some(json!({ "sub": 1 }).into());
        let script = format!("shop GET {path} => 200 <{headers}> {body}");
        kit.asked(0, query, &script);
        assert_eq!(kit.asked(1, query, &script).is_empty(), is_kept, "{why}: {query} {headers}");
    }
}

#[test]
fn what_cannot_be_read_is_not_kept() {
    for body in ["{", r#"{"id":1}}"#, "[1"] {
        let mut kit = shop();
        let query = "{ user(id: 1) { name } }";
        assert!(kit.see(0, query, &format!("shop GET /users/1 => 200 {body}")).1.contains("UPSTREAM_MALFORMED"));
        assert_eq!(kit.asked(0, query, "shop GET /users/1 => 200 {}"), ["GET /users/1"], "{body}");
    }
}

#[test]
fn what_is_of_another_kind_is_neither_kept_nor_held_on_to() {
    for (first, error) in
        [("[1]", "a list where an object"), (r#""x""#, "a string where an object"), ("7", "a number where")]
    {
        let mut kit = shop();
        let query = "{ user(id: 1) { name } }";
        let wrong = format!(r#"shop GET /users/1 => 200 <etag: "1"; cache-control: max-age=60> {first}"#);
        for _ in 0..2 {
            let (asked, answer) = kit.see(0, query, &wrong);
            assert_eq!(asked, ["GET /users/1"], "{first}");
            assert!(answer.contains(error), "{answer}");
        }
    }
    // An old answer does not hold either if another reader cannot read it.
    let sdl = r#"
type Query {
  a: A @connect(http: { GET: "/a" }, selection: "n more { x }") @cache(maxAge: 10)
}
type A { n: Int more: More }
type More { x: Int }"#;
    let mut kit = Kit::rest(&[("shop", sdl)]).cached(CacheOptions::default());
    let wrong = r#"shop GET /a => 200 <etag: "1"; cache-control: max-age=10> {"n":1,"more":[5]}"#;
    assert_eq!(kit.asked(0, "{ a { n } }", wrong), ["GET /a"]);
    let (asked, answer) = kit.see(5, "{ a { more { x } } }", "");
    assert_eq!(asked, NONE);
    assert!(answer.contains("a list where an object was expected"), "{answer}");
    let right = r#"shop GET /a => 200 <etag: "1"; cache-control: max-age=10> {"n":2,"more":{"x":3}}"#;
    let (asked, answer) = kit.see(6, "{ a { n more { x } } }", right);
    assert_eq!(asked, ["GET /a"], "without a condition");
    assert!(answer.contains(r#"{"n":2,"more":{"x":3}}"#), "{answer}");
}

#[test]
fn a_refresh_reads_as_a_first_answer_is_read() {
    let sdl = r#"
type Query {
  thing(id: ID!): Thing @connect(http: { GET: "/things/{$args.id}" }, on: [{ status: "404", null: true }]) @cache(maxAge: 1, swr: 600)
  all: [Item!] @connect(http: { GET: "/all" }, selection: "id") @listSize(assumedSize: 5)
}
type Thing { n: Int }
type Item @key(fields: "id")
  @connect(http: { GET: "/items", queryParams: "id: $batch.id" }, batch: { key: "id" }, selection: "id n") @cache(maxAge: 1, swr: 600) {
  id: ID!
  n: Int
}"#;
    let shop = || Kit::rest(&[("shop", sdl)]).cached(CacheOptions::default());
    let query = "{ thing(id: 1) { n } }";
    for (refreshed, then) in [
        // A refreshed answer replaces the old one (RFC 5861 §3), whatever the names of its properties are.
        (r#"200 {"n":2,"errors":[]}"#, Some(r#"{"thing":{"n":2}}"#)),
        (r#"200 {"n":2,"errors":[{"message":"x"}],"data":null}"#, Some(r#"{"thing":{"n":2}}"#)),
        ("404 ", Some(r#"{"thing":null}"#)),
        // A failure keeps the old answer.
        ("503 ", Some(r#"{"thing":{"n":1}}"#)),
        // An answer that cannot be read is not kept, and the old one is dropped.
        ("200 [1]", None),
        ("200 {", None),
        ("403 ", None),
    ] {
        let mut kit = shop();
        assert_eq!(kit.asked(0, query, r#"shop GET /things/1 => 200 {"n":1,"errors":[]}"#), ["GET /things/1"]);
        let script = format!("shop GET /things/1 => {refreshed}");
        let (asked, answer) = kit.see(2, query, &script);
        assert_eq!((asked.len(), answer.as_str()), (1, r#"{"thing":{"n":1}}"#), "{refreshed}");
        let script = "shop GET /things/1 => 200 {\"n\":9}";
        let (asked, answer) = kit.see(2, query, script);
        let is_behind = asked.iter().all(|asked| asked.ends_with("[behind]"));
        match then {
            Some(then) => assert_eq!((is_behind, answer.as_str()), (true, then), "{refreshed}"),
            None => assert_eq!((is_behind, answer.as_str()), (false, r#"{"thing":{"n":9}}"#), "{refreshed}"),
        }
    }
    // Items find their keys as in the first answer. One without a key stands for the keys that have none, and one of
    // another kind is not kept.
    let mut kit = shop();
    let query = "{ all { id n } }";
    let all = r#"shop GET /all => 200 [{"id":1},{"id":2},{"id":3}]"#;
    let items = |items: &str| format!("{all}\nshop GET /items?id=1&id=2&id=3 => 200 {items}");
    kit.asked(0, query, &items(r#"[{"id":1,"n":1},{"id":2,"n":2},{"id":3,"n":3}]"#));
    let (_, answer) = kit.see(2, query, &items(r#"[{"id":"1","n":10},5,{"id":3,"n":30}]"#));
    assert!(answer.contains(r#"{"id":"2","n":2}"#), "{answer}");
    let script = format!(
        r#"{all}
        shop GET /items?id=2 => 200 [{{"id":2,"n":20}}]"#
    );
    let (asked, answer) = kit.see(2, query, &script);
    assert_eq!(asked, ["GET /all", "GET /items?id=2"]);
    assert_eq!(answer, r#"{"all":[{"id":"1","n":10},{"id":"2","n":20},{"id":"3","n":30}]}"#);
}

#[test]
fn entities_of_a_graphql_service_are_kept_by_its_own_word() {
    let sdl = r#"
type Query { top: [User!] @listSize(assumedSize: 3) }
type User @key(fields: "id") { id: ID! }"#;
    let names = r#"type User @key(fields: "id") { id: ID! name: String }"#;
    let mut kit = Kit::graphql(&[("a", sdl), ("b", names)]).cached(CacheOptions::default());
    let script = |ids: &str, entities: &str| {
        format!(
            r#"
        a * => 200 {{"data":{{"top":[{ids}]}}}}
        b * => 200 <cache-control: max-age=60> {{"data":{{"_entities":[{entities}]}}}}"#
        )
    };
    let first = script(r#"{"__typename":"User","id":1},{"id":2}"#, r#"{"name":"one"},{"name":"two"}"#);
    kit.see(0, "{ top { name } }", &first);
    let second = script(r#"{"id":3},{"id":2}"#, r#"{"name":"three"}"#);
    let text = kit.run("{ top { name } }", &second);
    assert!(text.contains(r#"{"top":[{"name":"three"},{"name":"two"}]}"#), "{text}");
    assert!(text.contains(r#"{"representations":[{"__typename":"User","id":"3"}]}"#), "{text}");
    // Stale answers are served, and asked for again.
    let again = |entities: &str| {
        format!(
            r#"
        a * => 200 {{"data":{{"top":[{{"id":1}},{{"id":2}}]}}}}
        b * => 200 <cache-control: max-age=60, stale-while-revalidate=60> {{"data":{{"_entities":[{entities}]}}}}"#
        )
    };
    let mut see = |later: u64, script: &str| {
        kit.later = Duration::from_secs(later);
        let text = kit.run("{ top { name } }", script);
        let asked = text.lines().filter(|line| line.starts_with("> b ")).count();
        (asked, text.lines().last().unwrap_or_default().to_owned())
    };
    let old = r#"{"top":[{"name":"one"},{"name":"two"}]}"#;
    assert_eq!(see(200, &again(r#"{"name":"one"},{"name":"two"}"#)), (1, old.to_owned()));
    assert_eq!(see(265, &again(r#"null,{"name":"second"}"#)), (1, old.to_owned()));
    assert_eq!(see(266, &again("")), (0, r#"{"top":[{"name":null},{"name":"second"}]}"#.to_owned()));
    kit.later = Duration::ZERO;
    // Nothing of an answer with errors is kept.
    let failed = r#"
        a * => 200 {"data":{"top":[{"id":9}]}}
        b * => 200 <cache-control: max-age=60> {"data":{"_entities":[{"name":null}]},"errors":[{"message":"x","path":["_entities",0,"name"]}]}"#;
    for _ in 0..2 {
        let text = kit.run("{ top { name } }", failed);
        assert!(text.contains("SUBGRAPH_ERROR") && text.contains("> b "), "{text}");
    }
}

#[test]
fn a_leaf_of_a_wrong_type_is_not_kept() {
    let mut kit = shop();
    // This is the case of a single answer.
    let query = "{ user(id: 7) { name } }";
    for name in ["[1]", r#"{"first":"Ann"}"#, r#""Ann""#] {
        let script = format!(r#"shop GET /users/7 => 200 {{"id":7,"name":{name}}}"#);
        assert_eq!(kit.asked(0, query, &script), ["GET /users/7"], "{name}: what was there before was not kept");
    }
    assert_eq!(kit.asked(0, query, ""), NONE);
    // A value that the operation does not select does not matter.
    let query = "{ user(id: 8) { id } }";
    kit.asked(0, query, r#"shop GET /users/8 => 200 {"id":8,"name":[1]}"#);
    assert_eq!(kit.asked(0, query, ""), NONE);
    // In a batch, the answers of other keys are kept; in a group, all items count.
    let query = "{ users { orders { total } } }";
    let script = r#"
        shop GET /users => 200 [{"id":1},{"id":2}]
        shop GET /orders?user=1&user=2 => 200 [{"user":1,"total":5},{"user":2,"total":1},{"user":2,"total":"many"}]
        shop GET /orders?user=2 => 200 [{"user":2,"total":2.0}]"#;
    let (asked, answer) = kit.see(0, query, script);
    assert_eq!(asked, ["GET /users", "GET /orders?user=1&user=2"], "{answer}");
    assert_eq!(kit.asked(0, query, script), ["GET /users", "GET /orders?user=2"]);
    assert_eq!(kit.asked(0, query, script), ["GET /users"]);
    // A refresh keeps the same answers as a first call.
    let query = "{ news }";
    let text = |text: &str| format!(r#"shop GET /news => 200 {{"text":{text}}}"#);
    assert_eq!(kit.asked(0, query, &text(r#""old""#)), ["GET /news"]);
    assert_eq!(kit.asked(70, query, &text("[1]")), ["GET /news  [behind]"], "the stale one is the answer");
    let (asked, answer) = kit.see(71, query, &text(r#""new""#));
    assert_eq!(asked, ["GET /news"], "neither the wrong one nor the old one is kept: {answer}");
    assert!(answer.contains(r#"{"news":"new"}"#), "{answer}");
}

#[test]
fn a_whole_answer_holds_as_long_as_its_parts_do_together() {
    let script = r#"
        shop GET /news => 200 {"text":"x"}
        shop GET /users/1 => 200 <cache-control: max-age=20> {"id":1,"name":"one"}
        shop GET /users/2 => 503
        shop GET /users => 200 []
        shop GET /me?id=1 => 200 {"id":1,"name":"one"}"#;
    for (why, query, at_first, later) in [
        ("its only part", "{ news }", Some((60, 0, true)), Some((50, 10, true))),
        ("the strictest part", "{ news user(id: 1) { name } }", Some((20, 0, true)), Some((10, 10, true))),
        ("a part that is somebody's", "{ news me { name } }", Some((60, 0, false)), Some((50, 10, false))),
        ("a part that is not kept", "{ news users { id } }", None, None),
        ("a part that failed", "{ news user(id: 2) { name } }", None, None),
        ("no part at all", "{ __typename }", None, None),
    ] {
        let mut kit = shop();
        kit.claims = Some(json!({ "sub": 1 }).into());
        assert_eq!(kit.held(query, script), at_first, "{why}: {query}");
        kit.later = Duration::from_secs(10);
        assert_eq!(kit.held(query, script), later, "{why}, later: {query}");
    }
}
