//! One rule of made-up data each, through the engine.

use super::{MockEngine, MockOptions};
use crate::diagnostic::Sources;
use crate::engine::{GraphQlEngine, Request, ResponseKind};
use crate::policy::Caller;
use crate::view;
use futures_util::FutureExt;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};

const LIBRARY: &str = include_str!("../../tests/fixtures/library.graphql");

fn engine(sdl: &str, options: MockOptions) -> MockEngine {
    let mut sources = Sources::default();
    let file = sources.add("schema.graphql", sdl);
    let (view, findings) = view::plain(&sources, file);
    MockEngine::new(view.unwrap_or_else(|| panic!("{findings:#?}")), options).unwrap()
}

fn options() -> MockOptions {
    MockOptions { list: 3, ..MockOptions::default() }
}

fn caller() -> Arc<Caller> {
    Arc::new(Caller::default())
}

/// Asks the library; without a delay nothing ever waits.
fn reply(options: MockOptions, query: &str, variables: Map<String, Value>) -> (ResponseKind, Value) {
    let request = Request { query: query.to_owned(), variables: (&variables).into(), ..Request::default() };
    let engine = engine(LIBRARY, options);
    let answer = engine.execute(request, caller(), Instant::now() + Duration::from_secs(60)).now_or_never();
    let answer = answer.expect("an answer at once");
    (answer.kind, serde_json::from_slice(&answer.body).unwrap())
}

/// `data` of an answer without errors.
#[track_caller]
fn ask(query: &str) -> Value {
    let (kind, mut body) = reply(options(), query, Map::new());
    assert!(kind == ResponseKind::Executed && body.get("errors").is_none(), "{query}: {body}");
    body["data"].take()
}

#[test]
fn introspection_tells_of_one_of() {
    let sdl = "type Query { find(by: By, in: In): Int } input By @oneOf { id: ID name: String } input In { id: ID }";
    let query = r#"{
        by: __type(name: "By") { ...More } in: __type(name: "In") { isOneOf name } query: __type(name: "Query") { isOneOf }
        __schema { types { name isOneOf } } find
    } fragment More on __Type { is: isOneOf name inputFields { type { isOneOf name } } }"#;
    let request = Request { query: query.to_owned(), ..Request::default() };
    let engine = engine(sdl, options());
    let answer = engine.execute(request, caller(), Instant::now() + Duration::from_secs(60)).now_or_never();
    let body: Value = serde_json::from_slice(&answer.expect("an answer at once").body).unwrap();
    assert!(body.get("errors").is_none(), "{body}");
    let data = &body["data"];
    assert_eq!((&data["by"]["is"], &data["by"]["name"]), (&json!(true), &json!("By")));
    assert_eq!(data["by"]["inputFields"][0]["type"], json!({ "isOneOf": null, "name": "ID" }));
    assert_eq!(data["in"], json!({ "isOneOf": false, "name": "In" }));
    assert_eq!(data["query"], json!({ "isOneOf": null }));
    assert!(data["find"].is_number());
    let types = data["__schema"]["types"].as_array().unwrap();
    let one_of: Vec<_> = types.iter().filter(|ty| ty["isOneOf"] == true).map(|ty| ty["name"].clone()).collect();
    assert_eq!(one_of, ["By"]);
}

#[test]
fn the_same_id_is_the_same_object_wherever_it_occurs() {
    let all = ask(r#"{
        a: node(id: "8") { __typename id ... on Member { name email friend { id name } } }
        b: nodes(ids: ["4", "8"]) { id ... on Member { name email friend { id name } } }
        again: node(id: "8") { ... on Member { email } }
    }"#);
    assert_eq!(all["a"]["id"], "8");
    assert_eq!(all["b"][0]["id"], "4");
    assert_eq!(all["b"][1]["id"], "8");
    assert_eq!(all["a"]["__typename"], "Author", "8 is even, and authors come first");
    let odd = ask(r#"{
        a: node(id: "7") { ... on Member { id name email friend { id name } } }
        b: nodes(ids: ["7"]) { ... on Member { id name email friend { id name } } }
    }"#);
    assert_eq!(odd["a"], odd["b"][0]);
    let friend = odd["a"]["friend"]["id"].as_str().unwrap();
    let found = ask(&format!(r#"{{ find(by: {{ id: "{friend}" }}) {{ id name }} }}"#));
    assert_eq!(found["find"], odd["a"]["friend"]);
}

#[test]
fn ids_have_the_type_that_the_schema_says() {
    let all = ask("{ shelf(id: 12) { id books(limit: 1) { id title } } }");
    assert_eq!(all["shelf"]["id"], 12);
    let book = &all["shelf"]["books"][0];
    let id = book["id"].as_str().unwrap();
    assert_eq!(id.len(), 36, "a UUID: {id}");
    let again = ask(&format!("{{ book(id: \"{id}\") {{ id title }} }}"));
    assert_eq!(again["book"], *book);
}

#[test]
fn an_id_beside_a_field_is_that_fields() {
    let all = ask("{ viewer { friendId friend { id } loans { bookId book { id } } } }");
    assert_eq!(all["viewer"]["friendId"], all["viewer"]["friend"]["id"]);
    for loan in all["viewer"]["loans"].as_array().unwrap() {
        assert_eq!(loan["bookId"], loan["book"]["id"]);
    }
}

#[test]
fn items_of_a_list_differ() {
    let all = ask("{ search(text: \"x\", limit: 9) { __typename } }");
    let kinds: std::collections::BTreeSet<_> =
        all["search"].as_array().unwrap().iter().map(|item| item["__typename"].as_str().unwrap().to_owned()).collect();
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), ["Author", "Book", "Shelf"]);
    let all = ask("{ members(limit: 50) { items { id } } }");
    let ids: std::collections::HashSet<_> =
        all["members"]["items"].as_array().unwrap().iter().map(|item| item["id"].to_string()).collect();
    assert_eq!(ids.len(), 50);
}

#[test]
fn arguments_say_how_many_items() {
    for (field, expected) in [
        ("search(text: \"x\")", 4),
        ("search(text: \"x\", limit: 0)", 0),
        ("search(text: \"x\", limit: -2)", 0),
        ("search(text: \"x\", limit: 11)", 11),
        ("search(text: \"x\", limit: 2000000000)", 60),
        ("search(text: \"x\", limit: null)", 3),
    ] {
        let all = ask(&format!("{{ found: {field} {{ __typename }} }}"));
        let found = all["found"].as_array().unwrap().len();
        // The last but one ends where the list does, which is a little after twenty pages.
        assert!(found == expected || (expected == 60 && (60..64).contains(&found)), "{field}: {found}");
    }
    assert_eq!(ask("{ matrix }")["matrix"].as_array().unwrap().len(), 3);
}

#[test]
fn connections_agree_with_themselves() {
    let query = "{ books(first: 4) {
        totalCount edges { cursor node { id title } } nodes { id title }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    } }";
    let first = ask(query)["books"].clone();
    let edges = first["edges"].as_array().unwrap();
    assert_eq!(edges.len(), 4);
    let nodes: Vec<_> = edges.iter().map(|edge| edge["node"].clone()).collect();
    assert_eq!(first["nodes"], Value::from(nodes));
    assert_eq!(first["pageInfo"]["startCursor"], edges[0]["cursor"]);
    assert_eq!(first["pageInfo"]["endCursor"], edges[3]["cursor"]);
    assert_eq!(first["pageInfo"]["hasPreviousPage"], false);

    // Page after page, every item once, to the end.
    let (mut seen, mut after) = (Vec::new(), String::new());
    for _ in 0..100 {
        let page = ask(&format!(
            "{{ books(first: 7 {after}) {{ totalCount nodes {{ id }} pageInfo {{ hasNextPage endCursor }} }} }}"
        ));
        let page = &page["books"];
        assert_eq!(page["totalCount"], first["totalCount"]);
        seen.extend(page["nodes"].as_array().unwrap().iter().map(|node| node["id"].to_string()));
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
        after = format!(", after: {}", page["pageInfo"]["endCursor"]);
    }
    assert_eq!(seen.len() as u64, first["totalCount"].as_u64().unwrap());
    assert_eq!(seen.iter().collect::<std::collections::HashSet<_>>().len(), seen.len());

    // Backwards: those before the cursor.
    let back = ask(&format!("{{ books(last: 2, before: {}) {{ nodes {{ id title }} }} }}", edges[3]["cursor"]));
    assert_eq!(back["books"]["nodes"], json!([edges[1]["node"], edges[2]["node"]]));
}

#[test]
fn pages_by_number_follow_one_another() {
    let page = |page: u32| {
        ask(&format!("{{ members(limit: 2, page: {page}) {{ total hasMore items {{ id }} }} }}"))["members"].clone()
    };
    let both = ask("{ members(limit: 4) { items { id } } }")["members"]["items"].clone();
    assert_eq!(json!([page(1)["items"][0], page(1)["items"][1], page(2)["items"][0], page(2)["items"][1]]), both);
    assert_eq!(page(1)["hasMore"], true);
    let beyond = page(10_000);
    assert_eq!(beyond["hasMore"], false);
    assert_eq!(beyond["items"], json!([]));
}

#[test]
fn arguments_are_echoed_where_they_fit() {
    let all = ask(r#"{ books(genre: CRIME) { nodes { genre } } members(status: LEFT) { items { status } } }"#);
    assert!(all["books"]["nodes"].as_array().unwrap().iter().all(|book| book["genre"] == "CRIME"), "{all}");
    assert!(all["members"]["items"].as_array().unwrap().iter().all(|it| it["status"] == "LEFT"), "{all}");
    let all = ask(r#"mutation {
        rename(id: "7", name: "Ada") { id name }
        addBook(input: { title: "Emma", tags: ["a", "b"], pages: 9 }) { book { title tags pages genre } }
    }"#);
    assert_eq!(all["rename"], json!({ "id": "7", "name": "Ada" }));
    assert_eq!(all["addBook"]["book"], json!({ "title": "Emma", "tags": ["a", "b"], "pages": 9, "genre": "NOVEL" }));
}

#[test]
fn data_suits_names_and_scalars() {
    let all = ask("{ viewer { name email joinedAt updatedAt birthDate website balance } now matrix settings }");
    let viewer = &all["viewer"];
    let text = |name: &str| viewer[name].as_str().unwrap_or_else(|| panic!("{name}: {viewer}")).to_owned();
    let last = text("name").split(' ').next_back().unwrap().to_lowercase().replace('\'', "");
    assert!(text("email").ends_with(&format!("{last}@example.com")), "{viewer}");
    assert!(text("joinedAt") < text("updatedAt") && text("joinedAt").ends_with('Z'), "{viewer}");
    assert!(text("birthDate").as_str() < "2006" && text("birthDate").len() == 10, "{viewer}");
    assert!(text("website").starts_with("https://example.com/"), "{viewer}");
    assert!(text("balance").parse::<f64>().is_ok(), "{viewer}");
    assert!(all["settings"].is_object(), "{all}");
}

#[test]
fn another_seed_is_other_data() {
    let of = |seed| reply(MockOptions { seed, ..options() }, "{ viewer { id name email } }", Map::new()).1;
    assert_eq!(of(1), of(1));
    assert_ne!(of(1)["data"]["viewer"]["email"], of(2)["data"]["viewer"]["email"]);
}

#[test]
fn nulls_and_errors_stand_only_where_they_may() {
    let query = "{ members(limit: 40) { items { id name balance website friend { id } } } }";
    let (_, all) = reply(MockOptions { nulls: 100, ..options() }, query, Map::new());
    let items = all["data"]["members"]["items"].as_array().unwrap();
    assert!(items.iter().all(|it| it["id"].is_string() && it["website"].is_null() && it["friend"].is_null()), "{all}");
    let (_, all) = reply(MockOptions { nulls: 30, ..options() }, query, Map::new());
    let nulls = all["data"]["members"]["items"].as_array().unwrap().iter().filter(|it| it["balance"].is_null()).count();
    assert!((4..24).contains(&nulls), "30 % of 40: {nulls}");

    let (_, all) =
        reply(MockOptions { errors: 20, ..options() }, "{ viewer { friend { balance website } } }", Map::new());
    assert!(all["data"].is_null() || all["data"]["viewer"].is_object(), "{all}");
    let (_, all) = reply(MockOptions { errors: 100, ..options() }, "{ shelf(id: 1) { id } now }", Map::new());
    assert_eq!(all["data"], Value::Null, "{all}");
    assert_eq!(all["errors"][0]["extensions"]["code"], "MOCK_ERROR");
    assert_eq!(all["errors"][0]["path"], json!(["shelf"]));
}

#[test]
fn scalars_can_be_said() {
    let scalars = [("Decimal".to_owned(), json!("9.99").into()), ("JSON".to_owned(), json!([1]).into())];
    let given = MockOptions { scalars: scalars.into_iter().collect(), ..options() };
    let (_, all) = reply(given, "{ viewer { balance } settings }", Map::new());
    assert_eq!(all["data"], json!({ "viewer": { "balance": "9.99" }, "settings": [1] }));

    let mut sources = Sources::default();
    let file = sources.add("schema.graphql", "type Query { a: Int } scalar Known");
    let wrong = MockOptions { scalars: [("Int".to_owned(), json!(1).into())].into_iter().collect(), ..options() };
    let error = MockEngine::new(view::plain(&sources, file).0.unwrap(), wrong).unwrap_err();
    assert_eq!(error.to_string(), "the schema has no custom scalar `Int`; it has: Known");
}

#[test]
fn a_type_without_objects_is_null_and_lists_end() {
    let all = ask("{ ghost { name } deep }");
    assert_eq!(all["ghost"], Value::Null);
    assert_eq!(all["deep"][0][0][0][0], json!([]));
}

#[test]
fn an_answer_without_end_is_refused() {
    let query = "{ m: members(limit: 1000) { items { loans(limit: 1000) { book { tags author { books(first: 1000) { id } } } } } } }";
    let (kind, all) = reply(MockOptions { list: 1_000, ..options() }, query, Map::new());
    assert_eq!(kind, ResponseKind::DocumentError);
    assert_eq!(all["errors"][0]["extensions"]["code"], "LIMIT_EXCEEDED", "{all}");
    assert_eq!(all["errors"].as_array().unwrap().len(), 1);
}

#[test]
fn operations_are_validated_for_real() {
    for (query, code) in [
        ("{ viewer { nothing } }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ viewer ", "GRAPHQL_PARSE_FAILED"),
        ("{ find(by: { id: \"1\", name: \"a\" }) { id } }", "GRAPHQL_VALIDATION_FAILED"),
        ("query($id: Int!) { shelf(id: $id) { id } }", "BAD_USER_INPUT"),
        ("subscription { added { id } }", "NOT_SUPPORTED"),
    ] {
        let (_, all) = reply(options(), query, Map::new());
        assert_eq!(all["errors"][0]["extensions"]["code"], code, "{query}: {all}");
        assert!(all.get("data").is_none(), "{query}: {all}");
    }
    let variables = json!({ "id": 4 }).as_object().unwrap().clone();
    let (_, all) = reply(options(), "query($id: Int!) { shelf(id: $id) { id } }", variables);
    assert_eq!(all, json!({ "data": { "shelf": { "id": 4 } } }));
}
