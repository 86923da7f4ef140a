//! The effects of directives on the composed graph: each enforced directive, at each of its locations.

use crate::compose::{Entry, Graph, Origin, ServiceFile, Services, compose};
use crate::diagnostic::Sources;
use std::collections::HashMap;

const LINK: &str = r#"extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key", "@requires", "@provides", "@external", "@shareable", "@inaccessible", "@override", "@authenticated"])"#;

/// The graph of files that link federation 2, and its findings with their codes.
fn composed(files: &[&str]) -> (Option<Graph>, Vec<String>) {
    let mut sources = Sources::default();
    let services: Vec<ServiceFile> = files
        .iter()
        .zip(["a", "b", "c"])
        .map(|(text, name)| {
            let file = sources.add(format!("{name}.graphql"), format!("{LINK}\n{text}"));
            ServiceFile { name: name.to_owned(), file, origin: Origin::Service }
        })
        .collect();
    let (graph, findings) = compose(&Services::read(&sources, &services), &HashMap::new());
    (graph, findings.iter().map(|finding| format!("{} {}", finding.code, finding.message)).collect())
}

fn schema(files: &[&str]) -> String {
    let (graph, findings) = composed(files);
    assert!(findings.is_empty(), "{findings:#?}");
    graph.expect("a graph").schema.serialize().to_string()
}

const PLAIN: &str = r#"
type Query { user(first: Int, last: Int): User kind: Kind any: Any node: Node when: Date add(filter: Filter): Int }
type User implements Node { id: ID! name: String }
type Shop { title: String }
interface Node { id: ID! name: String }
union Any = User | Shop
enum Kind { A B }
scalar Date
input Filter { size: Int from: Int }
"#;

/// `@deprecated`, `@specifiedBy` and `@oneOf` are in the graph's schema, from which client schemas inherit.
#[test]
fn what_graphql_says_of_a_type_is_in_the_graph() {
    for (plain, marked) in [
        ("  name: String }\ntype Shop", ""),
        ("kind: Kind", "kind: Kind @deprecated(reason: \"old\")"),
        ("last: Int", "last: Int @deprecated(reason: \"old\")"),
        ("A B }", "A @deprecated(reason: \"old\") B }"),
        ("size: Int", "size: Int @deprecated(reason: \"old\")"),
        ("interface Node { id: ID! name: String", "interface Node { id: ID! name: String @deprecated(reason: \"old\")"),
        ("scalar Date", "scalar Date @specifiedBy(url: \"old\")"),
        ("input Filter {", "input Filter @oneOf {"),
    ] {
        let marks = |text: &str| text.matches("\"old\")").count() + text.matches("@oneOf {").count();
        let text = schema(&[&PLAIN.replacen(plain, marked, usize::from(!marked.is_empty()))]);
        assert_eq!(marks(&text), usize::from(!marked.is_empty()), "{marked}\n{text}");
    }
}

/// `@inaccessible` hides what it is on, in whichever of two files it is.
#[test]
fn what_is_inaccessible_is_in_no_schema() {
    let other = "type Query { other: Int }\nenum Kind { A B }\ninput Filter { size: Int from: Int }\ninterface Node { id: ID! name: String }";
    for (plain, marked, gone) in [
        ("kind: Kind", "kind: Kind @inaccessible", "kind: Kind"),
        ("last: Int", "last: Int @inaccessible", "last: Int"),
        ("A B }", "A @inaccessible B }", "\n  A\n"),
        ("from: Int", "from: Int @inaccessible", "from: Int"),
        ("type Shop", "type Shop @inaccessible", "Shop"),
        ("interface Node {", "interface Node @inaccessible {", "interface Node"),
        ("union Any", "union Any @inaccessible", "union Any"),
        ("enum Kind", "enum Kind @inaccessible", "enum Kind"),
        ("scalar Date", "scalar Date @inaccessible", "scalar Date"),
        ("input Filter", "input Filter @inaccessible", "input Filter"),
    ] {
        // Everything that names a hidden type is hidden too.
        let hide = |text: String| match gone.split_once(' ') {
            Some(("interface", _)) => text.replace("node: Node", "").replace("implements Node", ""),
            Some(("union", _)) => text.replace("any: Any", ""),
            Some(("enum", _)) => text.replace("kind: Kind", ""),
            Some(("scalar", _)) => text.replace("when: Date", ""),
            Some(("input", _)) => text.replace("add(filter: Filter)", "add"),
            _ => text,
        };
        let marked_text = hide(PLAIN.replacen(plain, marked, 1));
        assert_ne!(marked_text, PLAIN, "{plain}");
        for files in [[marked_text.as_str(), other], [other, marked_text.as_str()]] {
            let text = schema(&files);
            assert!(!text.contains(gone), "{marked}\n{text}");
        }
    }
}

#[test]
fn who_owns_a_field_is_what_the_directives_say() {
    let a = "type Query { user: User } type User @key(fields: \"id\") { id: ID! name: String }";
    let b = |of_type: &str, of_field: &str| {
        format!("type User @key(fields: \"id\") {of_type} {{ id: ID! name: String {of_field} }}")
    };
    assert!(composed(&[a, &b("", "")]).1[0].starts_with("E201"));
    for marks in
        [("@shareable", ""), ("", "@shareable"), ("@external", ""), ("", "@external"), ("", "@override(from: \"a\")")]
    {
        let (graph, findings) = composed(&[a, &b(marks.0, marks.1)]);
        assert!(findings.is_empty(), "{marks:?}: {findings:#?}");
        let graph = graph.expect("a graph");
        let name = graph.field_id(graph.type_id("User").unwrap(), "name").unwrap();
        let mut owners: Vec<&str> = graph
            .ways
            .iter()
            .filter(|way| matches!(way.entry, Entry::Lookup(_)))
            .filter(|way| {
                way.answer.shape.is_some_and(|shape| graph.shape(shape).variants[0].fields.contains_key(&name))
            })
            .map(|way| graph.source(way.source).name.as_str())
            .collect();
        owners.sort_unstable();
        let expected: &[&str] = match marks {
            ("@shareable", _) | (_, "@shareable") => &["a", "b"],
            ("@external", _) | (_, "@external") => &["a"],
            _ => &["b"],
        };
        assert_eq!(owners, expected, "{marks:?}");
    }
    let (_, findings) = composed(&[a, &b("", "@override(from: \"aa\") @shareable")]);
    assert_eq!(findings, ["W207 there is no service `aa` to override"]);
    let (_, findings) = composed(&[a, &b("", "@override(from: \"b\") @shareable")]);
    assert!(findings[0].starts_with("E207"), "{findings:?}");
}

#[test]
fn a_binding_that_was_overridden_is_not_called() {
    let bound = r#"
        extend schema @link(url: "https://bespoke.example/connect/v1", import: ["@source", "@connect"]) @source(name: "shop")
        type Query { user: User @connect(http: { GET: "/user" }) }
        type User @key(fields: "id") { id: ID! name: String @connect(http: { GET: "/name/{$this.id}" }) }"#;
    let new = "type User @key(fields: \"id\") { id: ID! name: String @override(from: \"a\") }";
    let (graph, findings) = composed(&[bound, new]);
    assert!(findings.is_empty(), "{findings:#?}");
    let endpoints: Vec<String> = graph.expect("a graph").ways.iter().map(|way| way.endpoint.clone()).collect();
    assert_eq!(endpoints, ["GET /user", "_entities"]);
}

#[test]
fn sets_of_fields_name_what_is_there() {
    let with = |directive: &str| {
        format!(
            "type Query {{ user: User {directive} }} type User @key(fields: \"id\") {{ id: ID! home: Home name: String @external }} type Home {{ city: String }}"
        )
    };
    assert!(composed(&[&with("@provides(fields: \"nme\")")]).1[0].starts_with("E202 `User` has no field `nme`"));
    assert!(composed(&[&with("@provides(fields: \"home\")")]).1[0].starts_with("E202 `User.home` is an object"));
    assert!(
        composed(&[&with("@provides(fields: \"... on Usr { name }\")")]).1[0]
            .starts_with("E202 there is no type `Usr`")
    );
    assert!(composed(&[&with("@provides(fields: \"id { x }\")")]).1[0].starts_with("E202"));
}

#[test]
fn a_root_field_requires_nothing() {
    let (_, findings) = composed(&["type Query { a: Int b: Int @requires(fields: \"a\") }"]);
    assert!(findings[0].starts_with("C011 `@requires` of a root field"), "{findings:?}");
}

#[test]
fn what_is_made_of_guarded_fields_is_guarded() {
    let a = "type Query { user: User } type User @key(fields: \"id\") { id: ID! a: Int @authenticated b: Int }";
    let b = "type User @key(fields: \"id\") { id: ID! a: Int @external c: Int @requires(fields: \"a\") }";
    let c = "type User @key(fields: \"id\") { id: ID! c: Int @external d: Int @requires(fields: \"c\") }";
    let (graph, findings) = composed(&[a, b, c]);
    assert!(findings.is_empty(), "{findings:#?}");
    let graph = graph.expect("a graph");
    let guarded: Vec<&str> =
        graph.fields.iter().filter(|field| field.authenticated).map(|field| field.name.as_str()).collect();
    assert_eq!(guarded, ["a", "c", "d"]);
}
