//! Every finding about a binding: its code, its position in the SDL, its position in the contract, and its help.

use super::shown;
use crate::compose::{Origin, ServiceFile, Services, compose};
use crate::contract;
use crate::diagnostic::Sources;
use std::collections::HashMap;

const CONTRACT: &str = r##"openapi: 3.1.0
info: { title: Shop, version: "1" }
paths:
  /items:
    get:
      operationId: listItems
      parameters:
        - { name: sort, in: query, schema: { type: string, enum: [NEW, OLD] } }
        - { name: limit, in: query, schema: { type: integer, format: int32, minimum: 1, maximum: 50 } }
      responses:
        "200": { description: Some., content: { application/json: { schema: { $ref: "#/components/schemas/Page" } } } }
    post:
      operationId: addItem
      requestBody:
        required: true
        content:
          application/json:
            schema:
              type: object
              required: [name, count]
              properties: { name: { type: string }, count: { type: integer, maximum: 9 }, ref: { type: integer } }
      responses:
        "201": { description: Made., content: { application/json: { schema: { $ref: "#/components/schemas/Item" } } } }
        "409": { description: Taken. }
  /items/{id}:
    get:
      operationId: getItem
      parameters: [{ name: id, in: path, required: true, schema: { type: string } }]
      responses:
        "200": { description: One., content: { application/json: { schema: { $ref: "#/components/schemas/Item" } } } }
        "404": { description: None. }
  /items/{id}/old:
    get:
      operationId: getOldItem
      deprecated: true
      parameters: [{ name: id, in: path, required: true, schema: { type: string } }]
      responses:
        "200": { description: One., content: { application/json: { schema: { $ref: "#/components/schemas/Item" } } } }
  /items/by-ids:
    get:
      operationId: getItems
      parameters:
        - { name: ids, in: query, required: true, schema: { type: array, maxItems: 20, items: { type: integer } } }
      responses:
        "200":
          description: Some.
          content: { application/json: { schema: { type: array, items: { $ref: "#/components/schemas/Item" } } } }
  /items/page:
    get:
      operationId: getItemsPaged
      parameters:
        - { name: ids, in: query, required: true, schema: { type: array, items: { type: string } } }
        - { name: pageSize, in: query, schema: { type: integer, maximum: 100 } }
      responses:
        "200":
          description: Some.
          content: { application/json: { schema: { type: array, items: { $ref: "#/components/schemas/Item" } } } }
  /items/{id}/move:
    post:
      operationId: moveItem
      parameters: [{ name: id, in: path, required: true, schema: { type: string } }]
      responses:
        "201": { description: Made., content: { application/json: { schema: { $ref: "#/components/schemas/Item" } } } }
        "303": { description: See the item. }
  /items/{id}/submit:
    post:
      operationId: submitItem
      parameters: [{ name: id, in: path, required: true, schema: { type: string } }]
      responses:
        "3XX": { description: See the item. }
components:
  schemas:
    Page:
      type: object
      required: [items]
      properties: { items: { type: array, items: { $ref: "#/components/schemas/Item" } } }
    Item:
      type: object
      required: [id, name, size, kind, tags, maker]
      properties:
        id: { type: string }
        name: { type: string }
        note: { type: string }
        size: { type: integer, format: int64 }
        kind: { type: string, enum: [big, small] }
        tags: { type: array, items: { type: string } }
        parts: { type: array, maxItems: 7, items: { type: object, required: [sku], properties: { sku: { type: string } } } }
        maker: { type: object, required: [id], properties: { id: { type: string }, city: { type: string } } }
"##;

/// The findings of one SDL body with the contract.
fn findings(sdl: &str) -> String {
    findings_over(CONTRACT, sdl)
}

fn findings_over(contract: &str, sdl: &str) -> String {
    let head = r#"extend schema @link(url: "https://bespoke.example/connect/v1", import: ["@source", "@connect", "@cache", "@poll"]) @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key", "@listSize"]) @source(name: "shop", openapi: "shop.yaml", http: { headers: [{ name: "Authorization", from: "authorization" }] })"#;
    let mut sources = Sources::default();
    let file = sources.add("shop.graphql", format!("{head}\n{}\n", sdl.trim()));
    let contract_file = sources.add("shop.yaml", contract);
    let (contract, found) = contract::read_whole(&sources, contract_file);
    assert!(found.is_empty(), "{found:#?}");
    let contracts = HashMap::from([("shop.yaml".to_owned(), contract.expect("a contract"))]);
    let services = [ServiceFile { name: "shop".to_owned(), file, origin: Origin::Service }];
    let (graph, findings) = compose(&Services::read(&sources, &services), &contracts);
    let is_sound = findings.iter().all(|finding| !finding.is_error());
    assert_eq!(graph.is_some(), is_sound);
    shown(&findings, &sources)
}

#[test]
fn nullability_of_a_list_is_not_that_of_its_items() {
    let sdl = |ty: &str, path: &str| {
        format!(
            "type Query {{ item(id: ID!): Item @connect(op: \"getItem\", selection: \"id skus: {path}\") }} type Item {{ id: ID! skus: {ty} }}"
        )
    };
    assert_eq!(findings(&sdl("[String!]", "parts.sku")), "");
    assert_eq!(findings(&sdl("[String!]!", "parts.sku ?? $([])")), "");
    assert_eq!(findings(&sdl("[String!]", "parts->map(@.sku)")), "");
    assert_eq!(findings(&sdl("String", "parts->first.sku")), "");
    assert!(findings(&sdl("[String!]!", "parts.sku")).starts_with("E105"));
    assert!(findings(&sdl("String!", "parts[0].sku")).starts_with("E105"));
    assert!(findings(&sdl("[Int]", "parts.sku")).starts_with("E104"));
    assert!(findings(&sdl("String", "parts.sku")).starts_with("E104"));
}

#[test]
fn behind_what_begins_no_token_places_are_at_whole_characters() {
    for wide in ["é", "૚", "😀", "é😀"] {
        let sdl = format!("type S{{s:[}}{wide}e:o");
        let mut sources = Sources::default();
        let file = sources.add("shop.graphql", &*sdl);
        let services = [ServiceFile { name: "shop".to_owned(), file, origin: Origin::Service }];
        let (_, found) = compose(&Services::read(&sources, &services), &HashMap::new());
        let labels = found.iter().flat_map(|finding| &finding.labels);
        let places: Vec<_> = labels.map(|label| label.span.start as usize..label.span.end as usize).collect();
        assert!(!places.is_empty() && places.iter().all(|place| sdl.get(place.clone()).is_some()), "{found:#?}");
    }
}

#[test]
fn a_written_path_is_held_to_the_contract() {
    let found = |connect: &str| {
        findings(&format!(
            "type Query {{ item(id: ID!): Item @connect({connect}) }}\ntype Item {{ id: ID! name: String! }}"
        ))
    };
    assert_eq!(found("http: { GET: \"/items/{$args.id}\" }"), "");
    assert_eq!(found("http: { GET: \"/items/{$args.id}\", headers: \"Accept: 'a/b'\" }"), "");
    insta::assert_snapshot!(
        [
            "http: { GET: \"/itmes/{$args.id}\" }",
            "http: { DELETE: \"/items/{$args.id}\" }",
            "http: { GET: \"/items/{$args.id}\", queryParams: \"sort: 'NEW'\" }",
            "http: { GET: \"/items/{$args.id}\", headers: \"X-Tenant: 'a'\" }",
            "http: { GET: \"/items/{$args.id}\" }, selection: \"id name: titel\"",
            "http: { GET: \"/items/{$args.id}\" }, params: \"id: $args.id\"",
            "http: { GET: \"/items/{$args.id}\", body: \"a: 1\" }",
            "http: { GET: \"/items/{$args.id ?? true}\" }",
            "http: { GET: \"/items/{id: $args.id}\" }",
            "http: { GET: \"/items/{$args.id}}\" }",
            "http: { GET: \"/items/{$args.id}\", GET: \"/items\" }",
        ]
        .map(found)
        .join("\n")
    );
}

#[test]
fn a_group_is_complete_by_what_is_declared_alone() {
    let found = |field: &str, more: &str| {
        findings(&format!(
            "type Query {{ item(id: ID!): Item @connect(op: \"getItem\") }}\n\
             type Item @key(fields: \"id\") {{ id: ID! {field} @connect(op: \"getItemsPaged\", params: \"ids: $batch.id{more} }}\n\
             type Twin {{ kind: String! }}"
        ))
    };
    let batch = "\", batch: { key: \"id\" }";
    let (size, sized) = (format!(" pageSize: $batch->size{batch})"), "twins: [Twin!] @listSize(assumedSize: 3)");
    // With one item for each key, as many items as keys are all items.
    assert_eq!(found("twin: Twin", &size), "");
    assert!(found(sized, &size).contains("write `perKey:"), "{}", found(sized, &size));
    assert!(!found(sized, &size).contains("$batch->size`"), "{}", found(sized, &size));
    assert_eq!(found(sized, &format!("{batch}, complete: true)")), "");
    assert_eq!(
        found("twins(pageSize: Int! = 3): [Twin!]", "\", batch: { key: \"id\", perKey: \"$args.pageSize\" })"),
        ""
    );
    // If there were more keys than the parameter allows, the answer would be cut.
    let many = found("twin: Twin", " pageSize: $batch->size\", batch: { key: \"id\", maxSize: 101 })");
    assert!(many.starts_with("E107 `maxSize: 101` is more than the 100 that the contract allows"), "{many}");
}

#[test]
fn tags_and_keys_of_batches_are_whole() {
    let found = |tag: &str| {
        findings(&format!(
            "type Query {{ item(id: ID!): Item @connect(op: \"getItem\") @cache(maxAge: 5, tags: [\"{tag}\"]) }}\n\
             type Item {{ id: ID! name: String! }}"
        ))
    };
    assert_eq!(found("item:{id}:{$args.id}"), "");
    for tag in ["item:{id", "item:id}", "item:{id{name}}"] {
        assert!(found(tag).starts_with("E123"), "{tag}: {}", found(tag));
    }
    for key in ["", "id.", "a b", "$.id"] {
        let found = findings(&format!(
            "type Query {{ item(id: ID!): Item @connect(op: \"getItem\") }}\n\
             type Item @key(fields: \"id\") @connect(op: \"getItems\", params: \"ids: $batch.id\", batch: {{ key: \"{key}\" }}) {{ id: ID! name: String! }}"
        ));
        assert!(found.starts_with("C008 expected a property"), "{key}: {found}");
    }
}

const ITEM: &str = "type Item { id: ID! name: String! }";

#[test]
fn a_redirect_of_a_write_that_is_mapped_is_no_finding() {
    let submit = |on: &str| {
        format!(
            "type Query {{ item(id: ID!): Item @connect(op: \"getItem\") }}
            type Mutation {{ submit(id: ID!): Receipt @connect(op: \"submitItem\", on: [{on}]) }}
            {ITEM} type Receipt {{ id: ID! }}"
        )
    };
    assert_eq!(findings(&submit(r#"{ status: "303", as: "Receipt", selection: "id: $args.id" }"#)), "");
    assert_eq!(findings(&submit(r#"{ status: "3XX", as: "Receipt", selection: "id: $args.id" }"#)), "");
    assert!(findings(&submit(r#"{ status: "410", null: true }"#)).starts_with("E1"), "nothing says that it is done");
}

/// Each case is `(name, code, SDL)`. The code must be among the findings, and be the only one.
#[test]
fn each_finding_has_its_code_place_and_help() {
    let item = |query: &str| format!("type Query {{ {query} }}\n{ITEM}");
    let keyed = |rest: &str| format!("type Query {{ item(id: ID!): Item @connect(op: \"getItem\") }}\n{rest}");
    let cases: Vec<(&str, String)> = vec![
        ("E101", item(r#"item(id: ID!): Item @connect(op: "getItme")"#)),
        ("E101", item(r#"item(id: ID!): Item @connect(source: "shpo", op: "getItem")"#)),
        ("E102", item(r#"item: Item @connect(op: "getItem")"#)),
        ("E102", item(r#"item(id: ID!): Item @connect(op: "getItem", params: "ident: $args.id")"#)),
        ("E102", item(r#"item(id: ID): Item @connect(op: "getItem")"#)),
        ("E102", item(r#"item(id: Boolean!): Item @connect(op: "getItem")"#)),
        ("E102", item(r#"item(id: ID!, colour: String): Item @connect(op: "getItem")"#)),
        ("E102", item(r#"items(first: Int! = 5, sort: Sort): [Item!]! @connect(op: "listItems", params: "limit: $args.first", selection: "$.items")"#) + "\nenum Sort { NEW OLD WORST }"),
        ("E102", item(r#"items(first: Int! = 5): [Item!]! @connect(op: "listItems", params: "limit: 99", selection: "$.items")"#)),
        ("E102", format!("type Mutation {{ add(item: NewItem!): Item @connect(op: \"addItem\", body: \"$args.item\", on: [{{ status: \"409\", code: \"TAKEN\" }}]) }}\n{}\ninput NewItem {{ name: String! count: Int }}", item(r#"item(id: ID!): Item @connect(op: "getItem")"#))),
        ("E103", item(r#"items(limit: Int!): [Item!]! @connect(op: "listItems", selection: "$.itmes")"#)),
        ("E103", item(r#"item(id: ID!): Item @connect(op: "getItem", selection: "id name: titel")"#)),
        ("E104", "type Query { item(id: ID!): Item @connect(op: \"getItem\") }\ntype Item { id: ID! size: Int! }".to_owned()),
        ("E104", "type Query { item(id: ID!): Item @connect(op: \"getItem\") }\ntype Item { id: ID! kind: Kind! }\nenum Kind { big }".to_owned()),
        ("E104", "type Query { item(id: ID!): Item @connect(op: \"getItem\") }\ntype Item { id: ID! tags: String }".to_owned()),
        ("E104", item(r#"item(limit: Int!): Item @connect(op: "listItems", selection: "$.items")"#)),
        ("E104", "type Query { item(id: ID!): Maker @connect(op: \"getItem\") }\ntype Maker { city: String }".to_owned()),
        ("E104", "type Query { item(id: ID!): Item @connect(op: \"getItem\", selection: \"id weight: name\") }\ntype Item { id: ID! weight: Float! }".to_owned()),
        ("E105", "type Query { item(id: ID!): Item @connect(op: \"getItem\") }\ntype Item { id: ID! note: String! }".to_owned()),
        ("E106", "type Query { item(id: ID!): Item @connect(op: \"getItem\") }\ntype Item { id: ID! colour: String }".to_owned()),
        ("E107", keyed("type Item @key(fields: \"id\") @connect(op: \"getItem\", params: \"id: $batch.id\", batch: { key: \"id\" }) { id: ID! name: String! }")),
        ("E107", keyed("type Item @key(fields: \"id\") @connect(op: \"getItems\", params: \"ids: $batch.id\", batch: { key: \"id\", maxSize: 21 }) { id: ID! name: String! }")),
        ("E107", keyed("type Item @key(fields: \"id\") @connect(op: \"getItems\", params: \"ids: $this.id\", batch: { key: \"id\" }) { id: ID! name: String! }")),
        ("E107", keyed("type Item @key(fields: \"id\") @connect(op: \"getItems\", params: \"ids: $batch.name\", batch: { key: \"id\" }) { id: ID! name: ID! }")),
        ("E108", keyed("type Item @key(fields: \"id\") @connect(op: \"getItems\", params: \"ids: $batch.id\", batch: { key: \"itemId\" }) { id: ID! name: String! }")),
        ("E109", format!("type Query {{ items(limit: Int!): [Item!]! @connect(op: \"listItems\", selection: \"$.items\") }}\n{}", "type Item { id: ID! name: String! twin: Twin @connect(op: \"getItem\") }\ntype Twin { kind: String! }")),
        ("E110", "type Query { items: [Item!]! @connect(op: \"listItems\", selection: \"$.items\") }\ntype Item @key(fields: \"id\") @connect(op: \"getItems\", params: \"ids: $batch.id\", batch: { key: \"id\" }) { id: ID! twin: Twin @connect(op: \"getItems\", params: \"ids: $batch.id\", batch: { key: \"id\" }) }\ntype Twin { kind: String! }".to_owned()),
        ("E111", item(r#"item(id: ID!): Item @connect(op: "getItem") @cache(maxAge: 5, scope: PUBLIC)"#)),
        ("E112", item(r#"item(name: String!, count: Int!): Item @connect(op: "addItem")"#)),
        ("E113", item(r#"item(id: ID!): Item @connect(op: "getItem", on: [{ status: "410", null: true }])"#)),
        ("E113", keyed(&format!("type Mutation {{ move(id: ID!): Item @connect(op: \"moveItem\", on: [{{ status: \"303\", as: \"Item\", selection: \"id: $args.id name: $('')\" }}]) }}\n{ITEM}"))),
        ("W113", format!("type Mutation {{ add(name: String!, count: Int!): Item @connect(op: \"addItem\") }}\ntype Query {{ item(id: ID!): Item @connect(op: \"getItem\") }}\n{ITEM}")),
        ("W113", keyed(&format!("type Mutation {{ move(id: ID!): Item @connect(op: \"moveItem\") }}\n{ITEM}"))),
        ("E103", keyed(&format!("type Mutation {{ submit(id: ID!): Item @connect(op: \"submitItem\", on: [{{ status: \"3XX\", code: \"MOVED\" }}]) }}\n{ITEM}"))),
        ("W114", item(r#"item(id: ID!): Item @connect(op: "getOldItem")"#)),
        ("E119", "type Query { item(id: ID!): Item @connect(op: \"getItem\") slim(id: ID!): Item @connect(op: \"getItem\", selection: \"id\") }\ntype Item { id: ID! name: String }".to_owned()),
        ("E121", keyed("type Item @key(fields: \"id\") @connect(op: \"getItemsPaged\", params: \"ids: $batch.id\", batch: { key: \"id\" }) { id: ID! name: String! }")),
        ("E121", keyed("type Item @key(fields: \"id\") @connect(op: \"getItems\", params: \"ids: $batch.id\", batch: { key: \"id\" }) { id: ID! twins(first: Int! = 3): [Twin!]! @connect(op: \"getItemsPaged\", params: \"ids: $batch.id\", batch: { key: \"id\", perKey: \"$args.first\" }) }\ntype Twin { kind: String! }")),
        ("E122", "type Query { item(id: ID!): Item @connect(op: \"getItem\") }\ntype Item { id: ID! name(upper: Boolean): String! }".to_owned()),
        ("E123", item(r#"item(id: ID!): Item @connect(op: "getItem") @cache(maxAge: 5, tags: ["item:{ident}"])"#)),
        ("E124", item(r#"item(id: ID!): Item @connect(op: "getItem") @poll(every: "2s")"#)),
        ("E124", "type Query { a(id: ID!): Item @connect(op: \"getItem\") }\ntype Subscription { b(id: ID!): Item @connect(op: \"getItem\") }\ntype Item { id: ID! name: String! }".to_owned()),
        ("E124", "type Query { a(id: ID!): Item @connect(op: \"getItem\") }\ntype Subscription { b(id: ID!): Item @connect(op: \"getItem\") @poll(every: \"5ms\") }\ntype Item { id: ID! name: String! }".to_owned()),
        ("E202", keyed("type Item @key(fields: \"ident\") { id: ID! name: String! }")),
        ("E204", item(r#"item(id: Ident!): Item @connect(op: "getItem")"#)),
        ("C002", item(r#"item(id: ID!): Item @connect(op: "getItem", params: "id: $env.ID")"#)),
        ("C003", item(r#"item(id: ID!): Item @connect(op: "getItem", selection: "id ...rest")"#)),
        ("C004", item(r#"item(id: ID!): Item @connect(op: "getItem", selection: "id name->upper")"#)),
        ("C008", item(r#"item(id: ID!): Item @connect(op: "getItem", retries: 3)"#)),
    ];
    let mut all = String::new();
    for (code, sdl) in cases {
        let found = findings(&sdl);
        assert!(found.lines().any(|line| line.starts_with(code)), "{code} in\n{sdl}\n{found}");
        all.push_str(&format!("{sdl}\n{found}\n"));
    }
    insta::assert_snapshot!(all);
}

#[test]
fn types_that_no_field_leads_to_need_no_source() {
    let item = "type Query { item(id: ID!): Item @connect(op: \"getItem\") }\ntype Item { id: ID! name: String! }\n";
    assert_eq!(findings(&format!("{item}type Colour {{ hue: Int! }}")), "");
}

#[test]
fn a_list_without_bound_has_one_finding() {
    let item = |more: &str| {
        format!(
            "type Query {{ items: [Item!]! @connect(op: \"listItems\", selection: \"$.items\") }}\n\
             type Item @key(fields: \"id\") {{ id: ID! {more} }}\ntype Twin {{ kind: String! }}"
        )
    };
    let twin = |name: &str| {
        format!("{name}: Twin @connect(op: \"getItems\", params: \"ids: $batch.id\", batch: {{ key: \"id\" }})")
    };
    let found = findings(&item(&format!("{} {}", twin("first"), twin("second"))));
    assert_eq!(found.matches("E110").count(), 1, "{found}");
}

#[test]
fn an_endpoint_whose_answers_say_that_it_is_to_go_is_found() {
    let sdl = format!("type Query {{ item(id: ID!): Item @connect(op: \"getOldItem\") }}\n{ITEM}");
    let found = |is_deprecated: bool, headers: &str| {
        let contract = CONTRACT
            .replace("deprecated: true", &format!("deprecated: {is_deprecated}"))
            .replace("description: One.,", &format!("description: One., headers: {{ {headers} }},"))
            .replace("description: None.", "description: None., headers: { Sunset: {} }")
            + "  headers: { Gone: { example: \"Thu, 31 Dec 2026 23:59:59 GMT\" } }\n";
        findings_over(&contract, &sdl)
    };
    assert_eq!(found(false, "ETag: {}"), "");
    insta::assert_snapshot!(found(false, "deprecation: {}"), @r#"
    W114 operation `getOldItem` is deprecated
      shop.graphql:2:47 `"getOldItem"` used here
      shop.yaml:38:48 `deprecation` its answers say so by this header
      help: bind to its successor before it is gone
    "#);
    insta::assert_snapshot!(found(false, r##"Sunset: { $ref: "#/components/headers/Gone" }"##), @r#"
    W114 operation `getOldItem` is switched off on 2026-12-31T23:59:59Z
      shop.graphql:2:47 `"getOldItem"` used here
      shop.yaml:38:48 `Sunset` its answers say so by this header
      help: bind to its successor before it is gone
    "#);
    insta::assert_snapshot!(found(true, r#"Deprecation: { schema: { const: "@1688169599" } }, Sunset: {}"#), @r#"
    W114 operation `getOldItem` is deprecated as of 2023-06-30T23:59:59Z and is to be switched off
      shop.graphql:2:47 `"getOldItem"` used here
      shop.yaml:34:20 `getOldItem` deprecated here
      shop.yaml:38:48 `Deprecation` its answers say so by this header
      shop.yaml:38:99 `Sunset` its answers say so by this header
      help: bind to its successor before it is gone
    "#);
    // A header of an answer that is no success does not concern the endpoint.
    let other = sdl.replace("getOldItem", "getItem");
    let contract = CONTRACT.replace("description: None.", "description: None., headers: { Sunset: {} }");
    assert_eq!(findings_over(&contract, &other), "");
}
