//! The table, walked: every directive at every location in every kind of service file is read, harmless, or refused.

use super::{Directive, FileKind, Location};
use crate::diagnostic::{Code, Finding, Sources};
use crate::directive::support::Support;
use crate::directive::table::ArgumentType;
use crate::sdl::{Origin, SdlFile, read};

/// A directive with arguments that fit it: those of this list, else one for each that it requires.
fn sample(directive: Directive) -> String {
    use Directive as D;
    let chosen = match directive {
        D::Deprecated => "reason: \"old\"",
        D::SpecifiedBy => "url: \"https://a.example\"",
        D::Link => "url: \"https://a.example/b/v1\"",
        D::Override => "from: \"b\"",
        D::ComposeDirective => "name: \"@a\"",
        D::RequiresScopes => "scopes: [[\"a\"]]",
        D::Policy => "policies: [[\"a\"]]",
        D::FromContext => "field: \"$a { id }\"",
        D::Cost => "weight: 5",
        D::ListSize => "assumedSize: 5",
        D::Source => "name: \"b\"",
        D::Connect => "http: { GET: \"/b\" }",
        D::Poll => "every: \"2s\"",
        D::View => "of: \"User\"",
        D::From => "path: \"id\"",
        _ => "",
    };
    let definition = directive.definition();
    let required = definition.arguments.iter().filter(|argument| argument.is_required).map(|argument| {
        let value = match argument.ty {
            ArgumentType::Text => "\"a\"",
            ArgumentType::FieldSet => "\"id\"",
            ArgumentType::Texts => "[\"a\"]",
            ArgumentType::Flag => "true",
            ArgumentType::Whole => "5",
            ArgumentType::Structured => panic!("choose arguments for `@{}`", definition.name),
        };
        format!("{}: {value}", argument.name)
    });
    let arguments = match chosen.is_empty() {
        true => required.collect::<Vec<_>>().join(", "),
        false => chosen.to_owned(),
    };
    match arguments.is_empty() {
        true => format!("@{}", definition.name),
        false => format!("@{}({arguments})", definition.name),
    }
}

/// A schema in which `here` stands at a location.
fn schema(file: FileKind, at: Location, here: &str) -> String {
    let on = |place: Location| if place == at { here } else { "" };
    let federation: Vec<String> = Directive::ALL
        .iter()
        .map(|directive| directive.definition())
        .filter(|definition| definition.vocabulary == super::table::Vocabulary::Federation)
        .map(|definition| format!("\"@{}\"", definition.name))
        .collect();
    let connect = match file {
        FileKind::Rest => {
            "@link(url: \"https://bespoke.example/connect/v1\", import: [\"@source\", \"@connect\", \"@cache\", \"@invalidates\", \"@poll\"]) @source(name: \"a\")"
        }
        FileKind::InProcess => {
            "@link(url: \"https://bespoke.example/connect/v1\", import: [\"@source\", \"@connect\", \"@cache\", \"@invalidates\", \"@poll\"])"
        }
        FileKind::GraphQl | FileKind::Client => "",
    };
    // Whatever says how a binding behaves stands beside one.
    let bound = if file == FileKind::Rest { "@connect(http: { GET: \"/a\" })" } else { "" };
    format!(
        r#"extend schema @link(url: "https://specs.apollo.dev/federation/v2.12", import: [{}]) {connect} {}
        scalar Date {}
        type User {bound} {} {{ id: ID! name(arg: Int {}): String {bound} {} }}
        interface Node {} {{ id: ID! {} }}
        union Any {} = User
        enum Kind {} {{ A {} B }}
        input Filter {} {{ size: Int {} }}
        type Query {{ user: User }}"#,
        federation.join(", "),
        on(Location::Schema),
        on(Location::Scalar),
        on(Location::Object),
        on(Location::Argument),
        on(Location::ObjectField),
        on(Location::Interface),
        on(Location::InterfaceField),
        on(Location::Union),
        on(Location::Enum),
        on(Location::EnumValue),
        on(Location::Input),
        on(Location::InputField),
    )
}

fn read_text(file: FileKind, text: &str) -> (SdlFile, Vec<Finding>) {
    let mut sources = Sources::default();
    let id = sources.add("a.graphql", text);
    let origin = if file == FileKind::InProcess { Origin::InProcess } else { Origin::Service };
    read(&sources, "a", id, origin)
}

#[test]
fn each_directive_at_each_location_is_read_or_harmless_or_refused() {
    for &directive in Directive::ALL {
        for at in Location::ALL {
            for file in [FileKind::Rest, FileKind::GraphQl, FileKind::InProcess] {
                let text = &*sample(directive);
                let place = format!("{directive:?} on {at:?} in {file:?}");
                let (with, findings) = read_text(file, &schema(file, at, text));
                let (without, clean) = read_text(file, &schema(file, at, &" ".repeat(text.len())));
                assert!(clean.is_empty(), "{clean:#?}");
                let codes: Vec<&str> = findings.iter().map(|finding| finding.code.as_str()).collect();
                // A binding that could not be read is known to be there.
                let read = |file: &SdlFile| format!("{file:?}").replace("is_bound: true", "is_bound: false");
                let is_read = read(&with) != read(&without);
                if !directive.definition().on.contains(&at) {
                    assert!(codes.iter().any(|code| matches!(*code, "C008" | "C011")), "{place}: {findings:#?}");
                    assert!(!is_read, "{place} is read");
                    continue;
                }
                match directive.support(at, file) {
                    // Links are read into names, which the other directives here stand for.
                    Support::Enforced if directive == Directive::Link => assert!(findings.is_empty(), "{place}"),
                    Support::Enforced => {
                        assert!(findings.is_empty(), "{place}: {findings:#?}");
                        assert!(is_read, "{place} is not read");
                    }
                    Support::Harmless => assert!(findings.is_empty() && !is_read, "{place}: {findings:#?}"),
                    Support::Refused(help) => {
                        assert!(!help.is_empty(), "{place}");
                        // What cannot be linked in such a file is not imported.
                        let is_said = findings.iter().any(|finding| {
                            finding.code == Code::C011
                                || (finding.code == Code::C008 && finding.message.contains("not imported"))
                        });
                        assert!(is_said, "{place}: {findings:#?}");
                    }
                }
            }
        }
    }
}

/// The findings of one use of a directive on a field, below a head.
fn found(head: &str, field: &str) -> String {
    let text = format!("{head}\ntype Query {{ a: Int {field} }}");
    let (_, findings) = read_text(FileKind::GraphQl, &text);
    let lines = findings.iter().map(|finding| {
        format!("{} {}; {}", finding.code, finding.message, finding.help.as_deref().unwrap_or_default())
    });
    lines.collect::<Vec<_>>().join("\n")
}

const FEDERATION: &str = "https://specs.apollo.dev/federation/v2.9";
const CONNECT: &str = "https://bespoke.example/connect/v1";

fn link(url: &str, rest: &str) -> String {
    format!("extend schema @link(url: \"{url}\"{rest})")
}

#[test]
fn names_mean_what_is_imported() {
    let imported =
        link(FEDERATION, ", import: [\"@shareable\", { name: \"@authenticated\", as: \"@login\" }, \"FieldSet\"]");
    for field in ["@shareable", "@login", "@federation__override(from: \"b\")", "@deprecated", "@federation__shareable"]
    {
        assert_eq!(found(&imported, field), "", "{field}");
    }
    for field in ["@authenticated", "@override(from: \"b\")", "@tag(name: \"x\")"] {
        assert!(found(&imported, field).contains("is not imported; add `\"@"), "{field}: {}", found(&imported, field));
    }
    assert!(found(&imported, "@federation__nope").contains("`@federation__nope` is not known here"));
    assert!(found(&imported, "@other__shareable").contains("`@other__shareable` is not known here"));
    let named = link(FEDERATION, ", as: \"fed\"");
    assert_eq!(found(&named, "@fed__shareable"), "");
    assert!(found(&named, "@federation__shareable").starts_with("C008"));
    // A specification's directive of its own name.
    assert_eq!(found(&link("https://specs.apollo.dev/authenticated/v0.1", ""), "@authenticated"), "");
    assert_eq!(found(&link("https://specs.apollo.dev/tag/v0.3", ", as: \"mark\""), "@mark(name: \"x\")"), "");
    assert_eq!(
        found(
            &format!("{} @source(name: \"a\")", link(CONNECT, ", import: [\"@source\"]")),
            "@connect(http: { GET: \"/a\" })"
        ),
        ""
    );
    let renamed =
        link(CONNECT, ", import: [\"@source\", { name: \"@connect\", as: \"@rest\" }]") + " @source(name: \"a\")";
    assert_eq!(found(&renamed, "@rest(http: { GET: \"/a\" })"), "");
    assert!(found(&renamed, "@connect(http: { GET: \"/a\" })").contains("`@connect` is not imported"));
}

#[test]
fn files_without_a_link_are_those_of_federation_1() {
    assert_eq!(found("", "@external"), "");
    assert_eq!(found("directive @external on FIELD_DEFINITION", "@external"), "");
    for (field, help) in [
        ("@shareable", FEDERATION.split("/v2").next().unwrap()),
        ("@authenticated", "https://specs.apollo.dev/federation/"),
        ("@connect(http: { GET: \"/a\" })", CONNECT),
    ] {
        assert!(found("", field).contains(help), "{}", found("", field));
    }
    // A definition is no import.
    assert!(found("directive @authenticated on FIELD_DEFINITION", "@authenticated").contains("is not imported"));
    // What a service defines for itself is its own, names as common as `@cache` too.
    assert_eq!(found("directive @upper on FIELD_DEFINITION", "@upper"), "");
    assert_eq!(found("directive @cache(ttl: Int) on FIELD_DEFINITION", "@cache(ttl: 5)"), "");
    assert_eq!(found(&link("https://other.example/upper/v1.0", ", import: [\"@upper\"]"), "@upper"), "");
    assert!(found("", "@upper").starts_with("C008 `@upper` is not known here"));
}

#[test]
fn links_that_would_be_passed_over_are_refused() {
    for (head, message, help) in [
        (
            link("https://specs.apollo.dev/connect/v0.2", ", import: [\"@source\", \"@connect\"]"),
            "connect specification is not supported",
            CONNECT,
        ),
        (link("https://specs.apollo.dev/source/v0.1", ""), "connect specification is not supported", CONNECT),
        (link("http://bespoke.example/connect/v1", ""), "is not known", CONNECT),
        (link("https://connect.example/connect/v1", ""), "is not known", CONNECT),
        (link("https://bespoke.example/connect", ""), "names no version", CONNECT),
        (link("https://bespoke.example/connect/v2", ""), "version `v2`", CONNECT),
        (link("https://specs.apollo.dev/federation/v3.0", ""), "version `v3.0`", "federation/v2"),
        (link("https://specs.apollo.dev/join/v0.3", ""), "supergraph", "each subgraph"),
        (link("https://bespoke.example/view/v1", ""), "do not belong", "client schemas"),
        (link(FEDERATION, ", import: [\"@shareble\"]"), "no directive `@shareble`", "`@shareable`"),
        (link(FEDERATION, ", import: [\"key\"]"), "`key` is a directive", "@key"),
        (link(FEDERATION, ", import: [{ name: \"@key\", as: \"id\" }]"), "keeps its `@`", ""),
        (link(FEDERATION, ", import: [{ name: \"@key\", to: \"@id\" }]"), "not an import", ""),
        (link(FEDERATION, ", import: [\"@key\", { name: \"@tag\", as: \"@key\" }]"), "two meanings", ""),
        (link("https://other.example/auth/v1.0", ", for: SECURITY"), "`for:`", ""),
        (link(FEDERATION, ", imports: [\"@key\"]"), "has no argument `imports`", "`import`"),
        ("extend schema @link(as: \"x\")".to_owned(), "needs `url:`", ""),
    ] {
        let found = found(&head, "");
        assert!(found.contains(message) && found.contains(help), "{head}: {found}");
    }
}

#[test]
fn wrong_arguments_and_repetitions_are_found() {
    let head = link(FEDERATION, ", import: [\"@shareable\", \"@external\", \"@override\", \"@requires\", \"@tag\"]");
    for (field, message) in [
        ("@external @external", "stands twice"),
        ("@override(from: \"a\", label: \"percent(5)\")", "`@override(label:)` is not supported"),
        ("@override(from: \"a\", since: 5)", "no argument `since`"),
        ("@override(from: 5)", "expected a string"),
        ("@override", "needs `from:`"),
        ("@override(from: null)", "needs `from:`"),
        ("@requires(fields: \"b\", fields: \"c\")", "is given twice"),
        ("@requires(fields: \"b } query { c\")", "not a set of fields"),
        ("@requires(fields: \"x: b\")", "an alias in a set of fields"),
        ("@requires(fields: \"b(c: 1)\")", "an argument of `b`"),
        ("@requires(fields: \"b @skip(if: true)\")", "a directive of `b`"),
        ("@requires(fields: \"...F\")", "the fragment `F`"),
        ("@external(reason: [1])", "expected a string"),
        ("@deprecated(reason: 1)", "expected a string"),
        ("@deprecated(because: \"x\")", "no argument `because`"),
    ] {
        assert!(found(&head, field).contains(message), "{field}: {}", found(&head, field));
    }
    assert_eq!(found(&head, "@shareable @shareable @tag(name: \"a\") @tag(name: \"b\")"), "");
}

#[test]
fn what_is_required_cannot_be_deprecated() {
    for (text, is_found) in [
        ("type Query { a(b: Int! @deprecated): Int }", true),
        ("type Query { a(b: Int! = 1 @deprecated): Int }", false),
        ("type Query { a(b: Int @deprecated): Int }", false),
        ("input I { b: Int! @deprecated }", true),
        ("interface I { a(b: Int! @deprecated): Int }", true),
        ("input I @oneOf { b: Int! }", true),
        ("input I @oneOf { b: Int = 1 }", true),
        ("input I @oneOf { b: Int }", false),
    ] {
        let (_, findings) = read_text(FileKind::GraphQl, text);
        assert_eq!(findings.iter().any(|finding| finding.code == Code::E204), is_found, "{text}: {findings:#?}");
    }
}

#[test]
fn what_says_how_a_binding_behaves_stands_beside_one() {
    let head = link(CONNECT, ", import: [\"@source\", \"@connect\", \"@cache\", \"@invalidates\", \"@poll\"]")
        + " @source(name: \"a\")";
    for field in ["@cache(maxAge: 5)", "@invalidates(tags: [\"x\"])", "@poll(every: \"2s\")"] {
        assert!(found(&head, field).contains("goes with a `@connect`"), "{field}: {}", found(&head, field));
        assert_eq!(found(&head, &format!("{field} @connect(http: {{ GET: \"/a\" }})")), "", "{field}");
    }
    let (_, findings) = read_text(FileKind::GraphQl, &format!("{head} type A @cache(maxAge: 5) {{ id: ID }}"));
    assert!(findings.iter().any(|finding| finding.message.contains("goes with a `@connect`")), "{findings:#?}");
}
