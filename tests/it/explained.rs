//! Every code of a finding is explained, its example brings exactly this code, and the mended example none.

use crate::program::{bespoke, run};
use bespoke::internals::contract::read_whole;
use bespoke::internals::diagnostic::{Code, Finding, Sources, one_line, page};
use bespoke::internals::project::{Files, assemble};
use std::collections::{BTreeMap, BTreeSet};

/// Codes without an example that can be run from a few lines of text, and the test that shows each.
const SHOWN_ELSEWHERE: &[(Code, &str, &str)] = &[
    (Code::C005, "src/compose/tests/federation.rs", "fn long_chains_of_types_do_not_exhaust_the_stack()"),
    (Code::E002, "src/contract/tests/bounds.rs", "fn large_files_are_refused()"),
    (Code::E003, "src/contract/tests/bounds.rs", "fn deep_nesting_is_a_finding()"),
    (Code::E021, "src/contract/tests/bounds.rs", "fn too_many_schemas_are_a_finding()"),
    (Code::E130, "src/project/tests.rs", "fn fields_that_take_too_much_work_to_plan_are_found()"),
    (Code::E327, "tests/it/command_line.rs", "fn check_finds_what_serve_would_refuse()"),
    (Code::W130, "src/project/tests.rs", "fn schemas_that_are_too_large_to_probe_are_named()"),
    (Code::W304, "tests/it/command_line.rs", "fn check_finds_what_serve_would_refuse()"),
];

const CONTRACT: &str = "schema/services/shop.openapi.yaml";
const SHOP: &str = "schema/services/shop.graphql";
const CLIENT: &str = "schema/web.graphql";

/// The files that an example does not show, and the heads that it leaves out.
struct Defaults {
    files: BTreeMap<String, String>,
    /// The head of `shop.graphql`.
    head: String,
}

impl Defaults {
    fn new() -> Self {
        let page = page();
        let introduction = page.split("\n## Mappings").next().unwrap();
        let mut files = files_of(introduction);
        let head = files[SHOP].clone();
        files.insert(
            SHOP.to_owned(),
            format!("{head}type Query {{ item(id: ID!): Item @connect(op: \"getItem\") }}\ntype Item {{ id: ID! }}\n"),
        );
        Self { files, head }
    }

    /// A project of what is shown.
    fn project(&self, shown: &BTreeMap<String, String>) -> Files {
        let mut files = self.files.clone();
        if shown.contains_key(CONTRACT) {
            // Bindings to the contract that is not there any more would be found, too.
            files.insert(SHOP.to_owned(), self.head.clone());
        }
        files.extend(shown.iter().map(|(path, text)| (path.clone(), self.whole(path, text))));
        Files::embedded(files.iter().map(|(path, text)| (path.as_str(), text.as_str())))
    }

    /// A file with the lines that examples leave out.
    fn whole(&self, path: &str, text: &str) -> String {
        const FEDERATION: &str = r#"extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key", "@shareable", "@override", "@inaccessible", "@listSize"])"#;
        const VIEW: &str = r#"extend schema @link(url: "https://bespoke.example/view/v1", import: ["@view", "@from"])"#;
        let is_schema = path.ends_with(".graphql") && path.starts_with("schema/") && !text.contains("extend schema");
        match path {
            SHOP if is_schema => format!("{}{text}", self.head),
            CLIENT if is_schema => format!("{VIEW}\n{text}"),
            _ if is_schema => format!("{FEDERATION}\n{text}"),
            _ if text.starts_with("paths:") => {
                format!("openapi: 3.1.0\ninfo: {{ title: Shop, version: \"1\" }}\n{text}")
            }
            _ => text.to_owned(),
        }
    }
}

/// The files in fences; the first line of each says its path.
fn files_of(markdown: &str) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    for fenced in markdown.split("```").skip(1).step_by(2) {
        let (_language, rest) = fenced.split_once('\n').unwrap();
        let (path, text) = rest.split_once('\n').unwrap();
        files.insert(path.strip_prefix("# ").unwrap().to_owned(), text.to_owned());
    }
    files
}

/// The codes of findings, and the findings themselves as text.
fn told(findings: &[Finding], sources: &Sources) -> (BTreeSet<Code>, String) {
    let lines: Vec<String> = findings.iter().map(|finding| one_line(finding, sources)).collect();
    (findings.iter().map(|finding| finding.code).collect(), lines.join("\n"))
}

/// The findings of an example: of the project that its files make, or of a contract that it shows alone.
fn found(defaults: &Defaults, shown: &BTreeMap<String, String>) -> (BTreeSet<Code>, String) {
    if let (Some(contract), 1) = (shown.get(CONTRACT), shown.len()) {
        // No binding leads to any part of it, so every part is read.
        let mut sources = Sources::default();
        let file = sources.add(CONTRACT, defaults.whole(CONTRACT, contract));
        return told(&read_whole(&sources, file).1, &sources);
    }
    let assembled = assemble(&defaults.project(shown), "web", &[], &|_| None);
    told(&assembled.findings, &assembled.sources)
}

/// The explanation of a code, from the file that the table includes.
fn explanation(code: Code) -> String {
    std::fs::read_to_string(format!("{}/src/diagnostic/codes/{code}.md", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

#[test]
fn each_example_brings_its_code_and_the_mended_one_none() {
    let defaults = Defaults::new();
    let (codes, lines) = found(&defaults, &BTreeMap::new());
    assert!(codes.is_empty(), "{lines}");
    let mut wrong = String::new();
    for &code in Code::ALL {
        let explanation = explanation(code);
        let Some((_, example)) = explanation.split_once("\nExample:\n") else {
            assert!(SHOWN_ELSEWHERE.iter().any(|(shown, ..)| *shown == code), "{code} has no example");
            continue;
        };
        let (example, mended) = example.split_once("\nWrite instead:\n").unwrap_or_else(|| panic!("{code}"));
        let mut files = files_of(example);
        let (codes, lines) = found(&defaults, &files);
        if codes != BTreeSet::from([code]) {
            wrong += &format!("{code}: the example brings {codes:?}\n{lines}\n\n");
        }
        files.extend(files_of(mended));
        let (codes, lines) = found(&defaults, &files);
        if !codes.is_empty() {
            wrong += &format!("{code}: the mended example brings {codes:?}\n{lines}\n\n");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn codes_without_an_example_are_shown_by_a_test() {
    for (code, path, name) in SHOWN_ELSEWHERE {
        assert!(!code.explanation().contains("\nExample:\n"), "{code} has an example");
        let text = std::fs::read_to_string(format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap();
        let (_, test) = text.split_once(name).unwrap_or_else(|| panic!("{code}: no `{name}` in {path}"));
        let test = test.split("\n}\n").next().unwrap();
        assert!(test.contains(code.as_str()), "{code}: `{name}` of {path} does not name the code");
    }
}

#[test]
fn the_page_of_all_codes_is_this_table() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/findings.md");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(path, page()).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    assert!(kept == page(), "`{path}` is out of date: run this test with BLESS=1 and review the change");
}

#[tokio::test]
async fn the_command_explains_one_code_or_lists_all() {
    let one = run(bespoke(&["explain", "e101"])).await;
    assert_eq!((one.code, one.stderr.as_str()), (Some(0), ""));
    insta::assert_snapshot!(one.stdout);
    let all = run(bespoke(&["explain"])).await;
    assert_eq!((all.code, all.stdout.lines().count()), (Some(0), Code::ALL.len()));
    assert!(all.stdout.contains("E101  A binding names an operation"), "{}", all.stdout);
    let markdown = run(bespoke(&["explain", "--markdown"])).await;
    assert_eq!((markdown.code, markdown.stdout), (Some(0), page()));
}

#[tokio::test]
async fn the_command_prints_json() {
    let one = run(bespoke(&["explain", "W114", "--json"])).await;
    let one: serde_json::Value = serde_json::from_str(&one.stdout).unwrap();
    assert_eq!((&one["code"], &one["severity"]), (&"W114".into(), &"warning".into()));
    assert_eq!(one["explanation"], Code::W114.explanation());
    let all = run(bespoke(&["explain", "--json"])).await;
    let all: Vec<serde_json::Value> = serde_json::from_str(&all.stdout).unwrap();
    let codes: Vec<&str> = all.iter().map(|code| code["code"].as_str().unwrap()).collect();
    assert_eq!(codes, Code::ALL.iter().map(|code| code.as_str()).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_unknown_code_is_wrong_usage_with_a_suggestion() {
    for (text, said) in [
        ("E1O4", "error: there is no code `E1O4`; did you mean `E104`?\n"),
        ("nonsense", "error: there is no code `nonsense`; `bespoke explain` lists all codes\n"),
    ] {
        let ended = run(bespoke(&["explain", text])).await;
        assert_eq!((ended.code, ended.stdout.as_str(), ended.stderr.as_str()), (Some(2), "", said));
    }
}
