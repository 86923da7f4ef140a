//! `@authenticated`: a caller who is not signed in gets nothing of it, however it is reached.

use super::kit::Kit;
use crate::execute::Wording;
use serde_json::json;

const A: &str = r#"
type Query {
  secret: String @authenticated
  account: Account  any: Any  user: User  users: [User!] @listSize(assumedSize: 3)
}
scalar Token @authenticated
enum Level @authenticated { CANARY PLAIN }
interface Account @authenticated { name: String }
interface Node { id: ID! note: String @authenticated }
type Member implements Account { name: String }
type Doc implements Node { id: ID! note: String }
type Card @authenticated { number: String }
type Plain { text: String }
union Any = Card | Plain
type User @key(fields: "id") {
  id: ID! name: String email: String @authenticated
  token: Token tokens: [Token!] level: Level card: Card cards: [Card] any: Any anys: [Any]
  node: Node nodes: [Node] doc: Doc member: Member account: Account
}"#;
const B: &str =
    r#"type User @key(fields: "id") { id: ID! email: String @external label: String @requires(fields: "email") }"#;
const C: &str =
    r#"type User @key(fields: "id") { id: ID! label: String @external long: String @requires(fields: "label") }"#;

fn kit() -> Kit {
    Kit::graphql(&[("a", A), ("b", B), ("c", C)])
}

fn script() -> String {
    let card = json!({ "__typename": "Card", "number": "canary" });
    let doc = json!({ "__typename": "Doc", "id": "1", "note": "canary" });
    let member = json!({ "__typename": "Member", "name": "canary" });
    let user = json!({
        "__typename": "User", "id": "1", "name": "known", "email": "canary", "token": "canary", "tokens": ["canary"],
        "level": "CANARY", "card": card, "cards": [card], "any": card, "anys": [{ "__typename": "Plain", "text": "plain" }, card],
        "node": doc, "nodes": [doc], "doc": doc, "member": member, "account": member,
    });
    let data = json!({ "data": { "secret": "canary", "account": member, "any": card, "user": user, "users": [user] } });
    format!(
        "a * => 200 {data}\nb * => 200 {}\nc * => 200 {}",
        json!({ "data": { "_entities": [{ "label": "canary" }] } }),
        json!({ "data": { "_entities": [{ "long": "canary" }] } }),
    )
}

/// The answer as the caller sees it, without the requests to services.
fn told(answer: &str) -> String {
    answer.lines().filter(|line| !line.starts_with('>')).collect()
}

/// All ways to ask for something that only signed-in callers get.
const QUERIES: &[&str] = &[
    "{ secret }",
    "{ x: secret }",
    "{ user { email } }",
    "{ user { x: email } }",
    "{ user { ... { email } } }",
    "{ user { ...F } } fragment F on User { email }",
    "{ users { email } }",
    "{ user { token } }",
    "{ user { tokens } }",
    "{ user { level } }",
    "{ user { card { number } } }",
    "{ user { card { __typename } } }",
    "{ user { cards { number } } }",
    "{ any { ... on Card { number } } }",
    "{ any { __typename } }",
    "{ user { any { ... on Card { number } } } }",
    "{ user { anys { __typename ... on Card { number } } } }",
    "{ account { name } }",
    "{ account { __typename } }",
    "{ account { ... on Member { name } } }",
    "{ user { account { name } } }",
    "{ user { member { name } } }",
    "{ user { node { note } } }",
    "{ user { node { ... on Doc { note } } } }",
    "{ user { nodes { note } } }",
    "{ user { doc { note } } }",
    "{ user { label } }",
    "{ users { label } }",
    "{ user { long } }",
];

#[test]
fn no_way_leads_to_what_needs_a_caller_who_is_signed_in() {
    for query in QUERIES {
        let answer = kit().run(query, &script());
        let told = told(&answer);
        assert!(!told.to_lowercase().contains("canary") && !told.contains("\"Card\""), "{query}\n{answer}");
        assert!(!told.contains("\"Member\""), "{query}\n{answer}");
        assert!(told.contains("UNAUTHENTICATED"), "{query}\n{answer}");
        let answer = kit().caller(json!({ "sub": 1 })).run(query, &script());
        assert!(!answer.contains("UNAUTHENTICATED"), "{query}\n{answer}");
        let told = self::told(&answer);
        let is_there = ["canary", "CANARY", "\"Card\"", "\"Member\""].iter().any(|text| told.contains(text));
        assert!(is_there, "{query}\n{answer}");
    }
}

#[test]
fn services_are_asked_for_nothing_of_it() {
    let guarded = ["secret", "account", "email", "token", "level", "card", "member", "note", "number", "label", "long"];
    for query in QUERIES {
        let answer = kit().run(query, &script());
        for request in answer.lines().filter(|line| line.starts_with('>')) {
            let words: Vec<&str> = request.split(|c: char| !c.is_ascii_alphanumeric()).collect();
            assert!(!guarded.iter().any(|word| words.contains(word)), "{query}\n{answer}");
            assert!(
                !request.contains("canary") && !request.starts_with("> b") && !request.starts_with("> c"),
                "{answer}"
            );
        }
        let answer = kit().caller(json!({ "sub": 1 })).run(query, &script());
        assert!(answer.lines().any(|line| line.starts_with('>')), "{query}\n{answer}");
    }
}

#[test]
fn what_stands_beside_it_is_answered() {
    let answer = kit().run("{ user { name node { id } anys { __typename ... on Plain { text } } } }", &script());
    assert!(
        answer.contains(r#""name":"known","node":{"id":"1"},"anys":[{"__typename":"Plain","text":"plain"},null]"#),
        "{answer}"
    );
}

#[test]
fn deferred_parts_hold_nothing_of_it() {
    for query in [
        "{ user { name ... @defer { email card { number } } } }",
        "{ user { name ... @defer { any { ... on Card { number } } label } } }",
        "{ ... @defer { account { name } users { email } } }",
    ] {
        let parts = kit().parts(query, &json!({}), Wording::Current, &script());
        let text = format!("{parts:?}");
        assert!(!text.contains("canary") && text.contains("UNAUTHENTICATED"), "{query}\n{text}");
    }
}

#[test]
fn paths_of_a_client_lead_to_nothing_of_it() {
    let client = r#"
type Query {
  mail: String @from(path: "user.email")
  mails: [String] @from(path: "users.email")
  first: String @from(path: "users[0].email")
  number: String @from(path: "user.card.number")
  note: String @from(path: "user.node.note")
  token: String @from(path: "user.label")
  home: Home @from(path: ".")
}
type Home @view(of: "Query") { owner: String @from(path: "account.name") one: Person @from(path: "user") }
type Person @view(of: "User") { mail: String @from(path: "email") }"#;
    let kit = |claims| {
        let kit = Kit::graphql_with_client(&[("a", A), ("b", B), ("c", C)], client);
        if claims { kit.caller(json!({ "sub": 1 })) } else { kit }
    };
    for query in [
        "{ mail }",
        "{ mails }",
        "{ first }",
        "{ number }",
        "{ note }",
        "{ token }",
        "{ home { owner } }",
        "{ home { one { mail } } }",
    ] {
        let answer = told(&kit(false).run(query, &script()));
        assert!(!answer.contains("canary") && answer.contains("UNAUTHENTICATED"), "{query}\n{answer}");
        let answer = told(&kit(true).run(query, &script()));
        assert!(answer.contains("canary") && !answer.contains("UNAUTHENTICATED"), "{query}\n{answer}");
    }
}

#[test]
fn what_a_binding_reads_of_its_parent_guards_what_it_gives() {
    let sdl = r#"
type Query { user: User @connect(http: { GET: "/user" }) card: Card @connect(http: { GET: "/card" }) }
type User @key(fields: "id") { id: ID! ownerId: ID @authenticated owner: Owner @connect(http: { GET: "/owners/{$this.ownerId}" }) }
type Owner { name: String }
type Card @authenticated { number: String }"#;
    let script = r#"
        shop GET /user => 200 {"id":1,"ownerId":7}
        shop GET /owners/7 => 200 {"name":"canary"}
        shop GET /card => 200 {"number":"canary"}"#;
    let query = "{ user { id owner { name } } card { number } }";
    let answer = Kit::rest(&[("shop", sdl)]).run(query, script);
    assert!(!answer.contains("canary") && answer.matches("UNAUTHENTICATED").count() == 2, "{answer}");
    // Calls that are not allowed are not made.
    assert!(!answer.contains("> shop GET /card") && !answer.contains("> shop GET /owners"), "{answer}");
    let answer = Kit::rest(&[("shop", sdl)]).caller(json!({ "sub": 1 })).run(query, script);
    assert_eq!(answer.matches("canary").count(), 2, "{answer}");
}

#[test]
fn an_answer_that_asks_who_calls_is_kept_for_nobody_else() {
    // Only the concrete type of the value shows that the answer depends on its caller.
    let sdl = "type Query { any: Any @connect(http: { GET: \"/any\" }, selection: \"__typename: kind->match([['card', 'Card'], ['plain', 'Plain']]) number\") @cache(maxAge: 60) }
union Any = Card | Plain  type Card @authenticated { number: String }  type Plain { number: String }";
    let script = r#"shop GET /any => 200 {"kind":"card","number":"canary"}"#;
    let mut kit = Kit::rest(&[("shop", sdl)]).caller(json!({ "sub": 1 })).cached(Default::default());
    assert!(kit.run("{ any { ... on Card { number } } }", script).contains("canary"));
    assert_eq!(kit.held("{ any { ... on Card { number } } }", script).map(|(_, _, is_public)| is_public), Some(false));
    kit.claims = None;
    assert!(!kit.run("{ any { ... on Card { number } } }", script).contains("canary"));
}
