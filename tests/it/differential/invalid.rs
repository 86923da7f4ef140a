//! Compares which documents graphql-js and Bespoke refuse, by their parsers and validation.
//!
//! Besides the demo's clients there is a schema (`tests/differential/rules.graphql`) with what the demo's schemas lack:
//! interfaces, nested inputs, `@oneOf`, lists of lists, and members whose fields differ in type.

use super::generate::operation;
use super::mutate::{KINDS, Mutation, tokens};
use super::oracle::Oracle;
use super::times;
use crate::random::Random;
use apollo_compiler::Schema;
use apollo_compiler::ast::Document;
use apollo_compiler::validation::Valid;
use bespoke::internals::engine::Client;
use bespoke::internals::operation::{LIMIT_EXCEEDED, Limits, OPERATION_NOT_FOUND, prepare};
use bespoke::internals::project::Files;
use bespoke::internals::view::View;
use std::collections::BTreeMap;

/// The number of valid documents of each schema, and the number of changes to each document.
const DOCUMENTS: u64 = 80;
const CHANGES: u64 = 12;

pub(super) const DEFER: &str =
    "directive @defer(if: Boolean! = true, label: String) on FRAGMENT_SPREAD | INLINE_FRAGMENT";
const RULES: &str = include_str!("../../differential/rules.graphql");

type IsIt = fn(Option<&str>, &str) -> bool;

/// The cases in which Bespoke differs on purpose: the reason, and a function that recognises the case by Bespoke's
/// message and the document.
const DELIBERATE: [(&str, IsIt); 2] = [
    ("graphql-js 17 takes empty selection sets, for which the grammar has no rule (§2.4)", |ours, _| {
        ours.is_some_and(|ours| ours.contains("expected at least one Selection"))
    }),
    ("graphql-js gives `__typename` no type when it compares response shapes (§5.3.2)", |ours, text| {
        let name = ours.and_then(|ours| ours.split("different types using the same name `").nth(1)?.split('`').next());
        name.is_some_and(|name| {
            text.contains(&format!("{name}: __typename")) || text.contains(&format!("{name} : __typename"))
        })
    }),
];

/// The client `rules`, over a service with the same types.
fn rules() -> Client {
    let link = r#"extend schema @link(url: "https://specs.apollo.dev/federation/v2.5", import: ["@key", "@listSize"])
        directive @oneOf on INPUT_OBJECT"#;
    let mut files = Files::default();
    files.insert("schema/services/rules.graphql", format!("{link}\n{RULES}"));
    files.insert("schema/rules.graphql", RULES.replace(" @oneOf", ""));
    Client::new("rules", files)
}

fn view(client: &Client) -> View {
    let assembled = client.assemble(&|_| None);
    assert!(!assembled.has_errors(), "{:#?}", assembled.findings);
    assembled.view.expect("a view")
}

/// The places of each error, as lines and columns.
type Places = Vec<Vec<(u64, u64)>>;

/// The message with which Bespoke refuses a document, and the places of the errors; `None` if it accepts the document.
/// A limit is an `Err`, because graphql-js has no limits.
fn refused(view: &View, text: &str) -> Result<Option<(String, Places)>, String> {
    match prepare(view, &Limits::default(), text, None) {
        Ok(_) => Ok(None),
        // A document with several operations is valid. Only a request that does not name one of them is refused.
        Err(errors) if errors[0].code == OPERATION_NOT_FOUND => Ok(None),
        Err(errors) if errors[0].code == LIMIT_EXCEEDED => Err(errors[0].message.clone()),
        Err(errors) => {
            let places = errors
                .iter()
                .map(|error| error.locations.iter().map(|&(line, column)| (line.into(), column.into())).collect());
            Ok(Some((errors[0].message.clone(), places.collect())))
        }
    }
}

/// Whether Bespoke refuses a document because of its grammar. Then it does not validate the document.
fn is_syntax(ours: Option<&str>) -> bool {
    ours.is_some_and(|ours| ours.starts_with("syntax error") || ours.starts_with("expected `:`"))
}

#[derive(Default)]
struct Counts {
    accepted: u32,
    refused: u32,
    /// Documents that exceed a limit of Bespoke.
    limited: u32,
}

/// Makes documents by changing valid ones. Returns the kind of change and the text of each.
fn documents(schema: &Valid<Schema>) -> Vec<(&'static str, String)> {
    let mut all = Vec::new();
    for seed in 0..DOCUMENTS * times() {
        let mut random = Random::new(seed ^ 0xD1FF);
        let root = if random.one_in(8) { "Mutation" } else { "Query" };
        let valid = operation(schema, root, 2_000_000 + seed, &["Mutation.placeOrder"]).query;
        let document =
            Document::parse(valid.clone(), "valid.graphql").unwrap_or_else(|error| panic!("{}", error.errors));
        all.push(("not changed", valid.clone()));
        for _ in 0..CHANGES {
            if random.one_in(4) {
                all.push(("a token", tokens(&valid, &mut random)));
                continue;
            }
            let (kind, change) = random.choose(&KINDS);
            let mut mutation = Mutation { document: document.clone(), schema, random: random.clone() };
            if change(&mut mutation) {
                all.push((kind, mutation.document.to_string()));
            }
            random = mutation.random;
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents_are_accepted_and_refused_as_by_graphql_js() {
    let clients = [("web", bff_web::client()), ("mobile", bff_mobile::client()), ("rules", rules())];
    let texts =
        [("web", super::schema_text("web")), ("mobile", super::schema_text("mobile")), ("rules", RULES.to_owned())];
    // Bespoke's clients have `@defer`. For graphql-js, it must be declared.
    let texts = texts.map(|(name, text)| (name, format!("{text}\n{DEFER}")));
    let oracle = Oracle::judge(&texts.each_ref().map(|(name, text)| (*name, text.as_str()))).await;
    let mut counts: BTreeMap<&str, Counts> = BTreeMap::new();
    let mut deliberate: BTreeMap<&str, u32> = BTreeMap::new();
    let mut differences = Vec::new();
    let (mut placed, mut misplaced) = (0, Vec::new());
    for ((name, client), (_, text)) in clients.iter().zip(&texts) {
        let text = format!("{text}\ndirective @oneOf on INPUT_OBJECT");
        let schema =
            Schema::parse_and_validate(text, "client.graphql").unwrap_or_else(|error| panic!("{}", error.errors));
        let view = view(client);
        for chunk in documents(&schema).chunks(200) {
            let sent: Vec<String> = chunk.iter().map(|(_, text)| text.clone()).collect();
            for ((kind, text), theirs) in chunk.iter().zip(oracle.validate(name, &sent).await) {
                let counts = counts.entry(kind).or_default();
                let Ok(ours) = refused(&view, text) else {
                    counts.limited += 1;
                    continue;
                };
                let (ours, our_places) = ours.map_or((None, Places::new()), |(ours, places)| (Some(ours), places));
                *(if theirs.is_none() { &mut counts.accepted } else { &mut counts.refused }) += 1;
                if ours.is_none() != theirs.is_none() {
                    if let Some((why, _)) = DELIBERATE.iter().find(|(_, is_it)| is_it(ours.as_deref(), text)) {
                        *deliberate.entry(*why).or_default() += 1;
                        continue;
                    }
                    differences.push(format!("{name}, {kind}: we say {ours:?}, graphql-js says {theirs:?}\n{text}"));
                } else if let Some(theirs) = theirs.filter(|theirs| !theirs.is_syntax && !is_syntax(ours.as_deref())) {
                    placed += 1;
                    // Bespoke may report fewer errors than graphql-js, so only the first ones are compared.
                    let first = theirs.places.iter().take(our_places.len().max(1));
                    if !first.eq(&our_places) {
                        misplaced.push(format!(
                            "{name}, {kind}: we say {ours:?} at {our_places:?}, graphql-js {theirs:?}\n{text}"
                        ));
                    }
                }
            }
        }
    }
    let mut total = Counts::default();
    for (kind, Counts { accepted, refused, limited }) in &counts {
        println!("{accepted:>6} accepted {refused:>6} refused {limited:>4} beyond limits  {kind}");
        total = Counts {
            accepted: total.accepted + accepted,
            refused: total.refused + refused,
            limited: total.limited + limited,
        };
    }
    deliberate.iter().for_each(|(why, count)| println!("{count:>6} deliberate: {why}"));
    println!("{} accepted, {} refused, {} beyond limits", total.accepted, total.refused, total.limited);
    // The shortest differences are the easiest to read.
    differences.sort_by_key(String::len);
    let few: Vec<_> = differences.iter().take(8).map(String::as_str).collect();
    assert!(few.is_empty(), "{} differ\n{}", differences.len(), few.join("\n----\n"));
    misplaced.sort_by_key(String::len);
    println!("{} of {placed} refused documents have other places", misplaced.len());
    let few: Vec<_> = misplaced.iter().take(8).map(String::as_str).collect();
    assert!(misplaced.len() * 100 < placed, "{} of {placed}\n{}", misplaced.len(), few.join("\n----\n"));
    let unmade: Vec<_> = KINDS.iter().filter(|(kind, _)| !counts.contains_key(kind)).map(|(kind, _)| kind).collect();
    assert!(unmade.is_empty(), "never made: {unmade:?}");
    assert!(total.refused >= 2_000, "too few are not valid");
}
