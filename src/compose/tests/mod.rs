//! Composition, from texts to a graph and findings.

mod demo;
mod directives;
mod federation;
mod findings;

use super::{Origin, ServiceFile, Services, compose, print_graph};
use crate::contract::Contract;
use crate::diagnostic::{Finding, Sources};
use std::collections::HashMap;

const LINK: &str = r#"extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key", "@listSize"]) @link(url: "https://bespoke.example/connect/v1", import: ["@source", "@connect"])"#;

/// Composes files of `(name, SDL)`. Returns the graph as text, or the findings as text.
fn composed(files: &[(&str, String)], contracts: &HashMap<String, Contract>, sources: &mut Sources) -> String {
    let services: Vec<ServiceFile> = files
        .iter()
        .map(|(name, text)| ServiceFile {
            name: (*name).to_owned(),
            file: sources.add(format!("{name}.graphql"), text.as_str()),
            origin: Origin::Service,
        })
        .collect();
    let (graph, findings) = compose(&Services::read(sources, &services), contracts);
    match graph {
        Some(graph) if findings.is_empty() => print_graph(&graph),
        Some(graph) => format!("{}{}", shown(&findings, sources), print_graph(&graph)),
        None => shown(&findings, sources),
    }
}

/// Composes files without contracts.
pub(super) fn composed_services(files: &[(&str, String)]) -> String {
    composed(files, &HashMap::new(), &mut Sources::default())
}

/// The schema of GraphQL services that clients see.
pub(super) fn client_schema(files: &[String]) -> String {
    let mut sources = Sources::default();
    let services: Vec<ServiceFile> = files
        .iter()
        .zip(["a", "b"])
        .map(|(text, name)| ServiceFile {
            name: name.to_owned(),
            file: sources.add(format!("{name}.graphql"), text.as_str()),
            origin: Origin::Service,
        })
        .collect();
    let (graph, findings) = compose(&Services::read(&sources, &services), &HashMap::new());
    graph.map_or_else(|| shown(&findings, &sources), |graph| graph.schema.serialize().to_string())
}

pub(super) fn shown(findings: &[Finding], sources: &Sources) -> String {
    let mut text = String::new();
    for finding in findings {
        text.push_str(&format!("{} {}\n", finding.code, finding.message));
        for label in &finding.labels {
            let at = sources.position(label.span);
            let source = sources.text(label.span.file);
            let what = &source[label.span.start as usize..label.span.end as usize];
            let what: String = what.lines().next().unwrap_or_default().chars().take(60).collect();
            text.push_str(&format!(
                "  {}:{}:{} `{what}` {}\n",
                sources.path(label.span.file),
                at.line,
                at.column,
                label.text
            ));
        }
        if let Some(help) = &finding.help {
            text.push_str(&format!("  help: {help}\n"));
        }
    }
    text
}

#[test]
fn services_without_contracts_compose() {
    let users = format!(
        r#"{LINK} @source(name: "users", http: {{ baseURL: "http://u", headers: [{{ name: "Authorization", from: "Authorization" }}] }})
type Query {{ user(id: ID!): User @connect(http: {{ GET: "/users/{{$args.id}}" }}) }}
type User @key(fields: "id")
  @connect(http: {{ GET: "/users", queryParams: "id: $batch.id" }}, batch: {{ key: "id", maxSize: 50 }}) {{
  id: ID!
  name: String!
  manager: User
}}"#
    );
    let orders = format!(
        r#"{LINK} @source(name: "orders")
type User @key(fields: "id") {{
  id: ID!
  orders(first: Int! = 10): [Order!]!
    @connect(http: {{ GET: "/orders", queryParams: "userId: $batch.id  perUser: $args.first" }},
      batch: {{ key: "userId", maxSize: 25, perKey: "$args.first" }},
      selection: "$.content {{ id total placedAt: created_at status: state->match([['o', 'OPEN'], ['c', 'CLOSED']]) }}")
}}
type Order @key(fields: "id") {{ id: ID! total: Int! placedAt: String status: OrderStatus }}
enum OrderStatus {{ OPEN CLOSED }}"#
    );
    let mut sources = Sources::default();
    let text = composed(&[("users", users), ("orders", orders)], &HashMap::new(), &mut sources);
    insta::assert_snapshot!(text);
}

#[test]
fn members_outcomes_and_connections_without_a_contract() {
    let text = format!(
        r#"{LINK} @source(name: "shop")
type Query {{
  pay(id: ID!): Payment @connect(
    http: {{ GET: "/pay/{{$args.id}}", queryParams: "shop: $config.shop  lang: 'en'", headers: "X-Tenant: $claims.org.id" }}
    selection: "__typename: kind->match([['card', 'Card'], ['bill', 'Bill']])  last4  due: due.at"
    on: [{{ status: "404", null: true }}, {{ status: "4XX", code: "PAYMENT_UNKNOWN" }}]
  )
  items(first: Int!, after: String): Page! @connect(
    http: {{ GET: "/items", queryParams: "limit: $args.first  cursor: $args.after" }}
    selection: """
    # A connection made of a plain page.
    edges: items {{ cursor: id node: {{ id }} }}
    pageInfo: {{ endCursor: next hasNextPage: $(next->eq(null)->not) }}
    total: $(0) words: list->map(@.name) asked: $args.first
    """
  )
}}
union Payment = Card | Bill
type Card {{ last4: String! }}
type Bill {{ due: String }}
type Page {{ edges: [Edge!]! @listSize(assumedSize: 50) pageInfo: PageInfo! total: Int! words: [String] asked: Int! }}
type Edge {{ cursor: String! node: Item! }}
type Item {{ id: ID! }}
type PageInfo {{ endCursor: String hasNextPage: Boolean! }}"#
    );
    insta::assert_snapshot!(composed_services(&[("shop", text)]));
}
