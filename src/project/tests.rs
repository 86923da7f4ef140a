//! What a project's own operations are checked for.

use super::{Files, assemble, name_clients};
use crate::diagnostic::{Code, one_line};
use crate::operation::{self, Limits, Outcomes};
use crate::plan;
use std::path::Path;

/// The findings of the demo's phone client, with one more operation and a budget.
fn findings_with(operation: &str, budget: u32) -> Vec<String> {
    let mut files = Files::read(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap();
    let config = files.get("bff-mobile/bff.yaml").unwrap().to_string();
    files.insert("bff-mobile/bff.yaml", config.replace("calls: 24", &format!("calls: {budget}")));
    files.insert("bff-mobile/operations/tried.graphql", operation);
    let assembled = assemble(&files, "mobile", &[], &|_| None);
    let tried = assembled.findings.iter().map(|finding| one_line(finding, &assembled.sources));
    tried.filter(|line| line.contains("tried.graphql")).collect()
}

/// Of these conditions neither all nor none ask for anything.
const MANY_CONDITIONS: &str = r#"query Many($a: Boolean!, $b: Boolean!, $c: Boolean!, $d: Boolean!, $e: Boolean!, $f: Boolean!, $g: Boolean!) {
  card(id: "1") @include(if: $a) @skip(if: $b) {
    title inStock @include(if: $c) @skip(if: $d)
    id @include(if: $e) @skip(if: $f)
    ... @include(if: $g) { title }
  }
  __typename
}
"#;

#[test]
fn operations_are_checked_by_the_limits_and_the_budget_of_the_client() {
    let sdl = r#"extend schema @link(url: "https://specs.apollo.dev/federation/v2.5", import: ["@listSize"])
type Query { user: User }
type User { id: ID! orders: [Order!] @listSize(maxSize: 900) free: [Order!] }
type Order { id: ID! user: User }
"#;
    let findings = |config: &str, operation: &str| {
        let files = Files::embedded([
            ("schema/services/shop.graphql", sdl),
            (
                "schema/web.graphql",
                "type Query { user: User } type User { id: ID! orders: [Order!] free: [Order!] } type Order { id: ID! user: User }",
            ),
            ("bff-web/bff.yaml", config),
            ("bff-web/operations/tried.graphql", operation),
        ]);
        let assembled = assemble(&files, "web", &[], &|_| None);
        assembled.findings.iter().map(|finding| one_line(finding, &assembled.sources)).collect::<Vec<_>>()
    };
    let tower = "query Tower { user { orders { user { orders { id } } } } }";
    let at = "bff-web/operations/tried.graphql:1:7:";
    for (config, operation, expected) in [
        ("{}", tower, format!("{at} E115 `Tower` needs up to 1620900 values; the client's budget is 500000")),
        ("budget: { values: 2000000 }", tower, String::new()),
        (
            "budget: { values: 3 }",
            "query Q { user { id orders { id } } }",
            format!("{at} E115 `Q` needs up to 1801 values; the client's budget is 3"),
        ),
        (
            "{}",
            "query Q { user { free { id } } }",
            format!("{at} W115 `Q` may need any number of values: nothing bounds the list `User.free`"),
        ),
        (
            "limits: { depth: 2 }",
            "query Q { user { orders { id } } }",
            "E117 the document has 3 nested fields".to_owned(),
        ),
        ("limits: { fields: 6000 }", "query Q { user { id orders { id } } }", String::new()),
    ] {
        let found = findings(config, operation);
        let is_so =
            if expected.is_empty() { found.is_empty() } else { found.len() == 1 && found[0].contains(&expected) };
        assert!(is_so, "{config} {operation}: {found:#?}, not {expected}");
    }
}

#[test]
fn operations_are_checked_against_schema_and_budget() {
    let card = "query Card($more: Boolean!) {\n  card(id: \"1\") { title inStock @include(if: $more) }\n}\n";
    for (operation, budget, expected) in [
        (card, 20, None),
        (
            card,
            1,
            Some("bff-mobile/operations/tried.graphql:1:7: E115 `Card` needs up to 2 calls; the client's budget is 1"),
        ),
        (
            MANY_CONDITIONS,
            1,
            Some("bff-mobile/operations/tried.graphql:1:7: E115 `Many` needs up to 2 calls; the client's budget is 1"),
        ),
        ("{\n  card(id: \"1\") { email }\n}\n", 20, Some("bff-mobile/operations/tried.graphql:2:19: E117 ")),
        ("{ card(id: \"1\"", 20, Some("bff-mobile/operations/tried.graphql:1:")),
    ] {
        let found = findings_with(operation, budget);
        match expected {
            None => assert_eq!(found, Vec::<String>::new()),
            Some(start) => assert!(found.iter().any(|line| line.starts_with(start)), "{start}: {found:#?}"),
        }
    }
}

#[test]
fn endpoints_that_are_to_go_name_the_clients_that_use_them() {
    let files = Files::embedded([
        (
            "schema/services/shop.openapi.yaml",
            "openapi: 3.1.0
paths:
  /item:
    get: { operationId: item, deprecated: true, responses: { 200: { content: { application/json: { schema: { type: object, required: [id], properties: { id: { type: string } } } } } } } }
  /name:
    get:
      operationId: name
      parameters: [{ name: id, in: query, required: true, schema: { type: string } }]
      responses: { 200: { headers: { Sunset: {} }, content: { application/json: { schema: { type: object, required: [name], properties: { name: { type: string } } } } } } }
",
        ),
        (
            "schema/services/shop.graphql",
            "extend schema @link(url: \"https://bespoke.example/connect/v1\", import: [\"@source\", \"@connect\"]) @source(name: \"shop\", openapi: \"shop.openapi.yaml\")
type Query { item: Item @connect(op: \"item\") }
type Item @key(fields: \"id\") @connect(op: \"name\", params: \"id: $this.id\") { id: ID! name: String }
",
        ),
        ("schema/bare.graphql", "type Query { item: Item } type Item { id: ID! }"),
        ("schema/full.graphql", "type Query { item: Item } type Item { id: ID! name: String }"),
    ]);
    let told = |clients: &[&str]| {
        let mut assembled: Vec<_> = clients.iter().map(|client| assemble(&files, client, &[], &|_| None)).collect();
        let bindings = clients.iter().zip(&assembled);
        let bindings: Vec<_> = bindings.map(|(name, of)| ((*name).to_owned(), of.bindings.clone())).collect();
        name_clients(&mut assembled[0].findings, &bindings);
        assembled[0].findings.iter().map(|finding| finding.message.clone()).collect::<Vec<_>>()
    };
    let (item, name) = ("operation `item` is deprecated", "operation `name` is to be switched off");
    assert_eq!(told(&["bare"]), [format!("{item}; used by bare"), name.to_owned()]);
    assert_eq!(told(&["bare", "full"]), [format!("{item}; used by bare, full"), format!("{name}; used by full")]);
}

#[test]
fn schemas_that_are_too_large_to_probe_are_named() {
    let chain: String = (0..14).map(|at| format!("type T{at} {{ next: T{} }} ", at + 1)).collect();
    let sdl = format!("type Query {{ first: T0 }} {chain} type T14 {{ id: ID }}");
    let files = Files::embedded([("schema/services/deep.graphql", sdl.as_str()), ("schema/web.graphql", &sdl)]);
    let assembled = assemble(&files, "web", &[], &|_| None);
    let found: Vec<_> =
        assembled.findings.iter().map(|finding| (finding.code.as_str(), finding.message.as_str())).collect();
    let [("W130", message)] = found.as_slice() else { panic!("{found:#?}") };
    assert!(message.contains("12 levels deep"), "{message}");
}

#[test]
fn fields_that_take_too_much_work_to_plan_are_found() {
    let keys: String = (0..800).map(|at| format!(" @key(fields: \"k{at}\")")).collect();
    let names: String = (0..800).map(|at| format!(" k{at}: ID!")).collect();
    let federation = "extend schema @link(url: \"https://specs.apollo.dev/federation/v2.5\", import: [\"@key\"])";
    let many = format!("{federation} type Item{keys} {{{names} own: Int }}");
    let one = format!("{federation} type Query {{ item: Item }} type Item @key(fields: \"code\") {{ code: ID! }}");
    let files = Files::embedded([
        ("schema/services/keys.graphql", many.as_str()),
        ("schema/services/items.graphql", &one),
        ("schema/web.graphql", "type Query { item: Item } type Item { code: ID! own: Int }"),
    ]);
    let assembled = assemble(&files, "web", &[], &|_| None);
    let found: Vec<_> = assembled.findings.iter().map(|finding| one_line(finding, &assembled.sources)).collect();
    assert!(found.iter().any(|line| line.contains("E130 `Item.own` takes too much work")), "{found:#?}");
}

#[test]
fn settings_that_a_used_binding_names_must_be_configured() {
    let sdl = r#"extend schema
  @link(url: "https://bespoke.example/connect/v1", import: ["@source", "@connect"])
  @source(name: "shop", http: { headers: [{ name: "X-Api", value: "{$config.api.version}" }] })
type Query {
  item: Item @connect(http: { GET: "/item", queryParams: "key: $config.key mode: $config.mode ?? $(\"x\")" })
  other: Item @connect(http: { GET: "/other/{$config.elsewhere}" })
}
type Item { id: ID! }
"#;
    let found = |config: &str| {
        let files = Files::embedded([
            ("schema/services/shop.graphql", sdl),
            ("schema/web.graphql", "type Query { item: Item } type Item { id: ID! }"),
            ("bff-web/bff.yaml", config),
        ]);
        let assembled = assemble(&files, "web", &[], &|_| None);
        let settings = assembled.findings.iter().filter(|finding| finding.code == Code::E125);
        settings.map(|finding| finding.message.clone()).collect::<Vec<_>>()
    };
    let missing = |name: &str, known: &str| format!("`$config.{name}` of the service `shop` is not configured{known}");
    for (config, expected) in [
        ("services: { shop: { url: http://a, config: { key: k, api: { version: 2 } } } }", vec![]),
        // Only what this client calls.
        ("services: { shop: { url: http://a } }", vec![missing("api.version", ""), missing("key", "")]),
        (
            "services: { shop: { url: http://a, config: { kye: k, api: { version: 2 } } } }",
            vec![missing("key", "; what is configured is `api`, `kye`")],
        ),
        (
            "services: { shop: { url: http://a, config: { key: null, api: 2 } } }",
            vec![
                missing("api.version", "; what is configured is `api`, `key`"),
                missing("key", "; what is configured is `api`, `key`"),
            ],
        ),
    ] {
        let mut found = found(config);
        found.sort();
        let sort = |text: &String| text.replace("`kye`, `api`", "`api`, `kye`").replace("`key`, `api`", "`api`, `key`");
        assert_eq!(found.iter().map(sort).collect::<Vec<_>>(), expected, "{config}");
    }
}

/// The demo's web client: proven calls of an operation, those of its shape, and what tells the shape from others.
fn calls_of(document: &str) -> (Option<u64>, Option<u64>, String) {
    let files = Files::read(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap();
    let assembled = assemble(&files, "web", &[], &|_| Some(String::new()));
    let (Some(graph), Some(view)) = (&assembled.graph, &assembled.view) else { panic!("{:#?}", assembled.findings) };
    let prepare = || operation::prepare(view, &Limits::default(), document, None).unwrap();
    let calls = |lowered: operation::Operation| plan::plan(graph, &lowered).unwrap().calls;
    let whole = calls(prepare().lower(&Outcomes::default()).unwrap());
    let lifted = prepare().lift();
    (whole, calls(lifted.shape.lower_of(&lifted.own, &Outcomes::default()).unwrap()), lifted.key)
}

#[test]
fn literals_that_bounds_follow_from_are_a_part_of_the_shape() {
    let mut keys = Vec::new();
    for document in [
        "{ products(first: 2) { id reviews(first: 1) { author { name } } } }",
        "{ products(first: 20) { id reviews(first: 1) { author { name } } } }",
        "{ products(first: 20, category: \"1\") { id reviews(first: 1) { author { name } } } }",
        "{ products(first: 20, category: \"2\") { id reviews(first: 1) { author { name } } } }",
    ] {
        let (whole, of_shape, key) = calls_of(document);
        assert!(whole.is_some() && whole == of_shape, "{document}: {whole:?} and {of_shape:?}");
        keys.push(key);
    }
    assert!(keys[0] != keys[1] && keys[1] != keys[2] && keys[2] == keys[3], "{keys:#?}");
}
