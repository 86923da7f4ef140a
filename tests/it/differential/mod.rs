//! Compares the engine over HTTP with graphql-js over the same data, operation by operation.
//!
//! In: random operations for both client schemas, with fixed seeds; the environment variable `DIFFERENTIAL_CASES`
//! multiplies their number. graphql-js has the client's schema, and resolvers of its own over the data of the services
//! (`tests/differential`). The data, the order of its members, and the places of errors must be equal. Elsewhere:
//! documents that are not valid ([`invalid`]).

mod arguments;
mod corrupt;
mod generate;
mod invalid;
mod mutate;
mod oracle;
mod reached;
mod rules;
mod tree;

use crate::harness::{Bff, Reply, Setup};
use apollo_compiler::Schema;
use apollo_compiler::ast::{Definition, Document, Selection, Type};
use apollo_compiler::validation::Valid;
use bespoke::internals::engine::Client;
use demo::{Shop, ShopOptions};
use futures_util::{StreamExt as _, stream};
use generate::{Generated, operation};
use oracle::{Opinion, Oracle, SUB};
use reached::Reached;
use serde_json::Value;
use std::collections::HashSet;
use testkit::proxy::Proxy;
use tree::Tree;

/// The number of valid queries of each client.
const CASES: u64 = 1_000;
/// The number of mutations of each client.
const CHANGES: u64 = 100;
/// The number of seeds of corruption, and the number of operations of each client for each seed.
const CORRUPTIONS: u64 = 10;
const CASES_PER_CORRUPTION: u64 = 40;
/// The number of operations that run at the same time.
const AT_ONCE: usize = 4;

/// The fields that are not compared if answers are damaged. `User.loyalty` is code of the web client's own program, and
/// one damaged order makes it fail for a whole batch.
///
/// `ProductCard.inStock` has a default that takes the place of a damaged value beside the error, which a resolver of
/// graphql-js cannot do.
const NOT_CORRUPTED: [&str; 2] = ["User.loyalty", "ProductCard.inStock"];

/// The client's schema for graphql-js: the directives of views are declared, but have no effect.
pub(crate) fn schema_text(client: &str) -> String {
    let path = format!("{}/schema/{client}.graphql", env!("CARGO_MANIFEST_DIR"));
    let written = std::fs::read_to_string(path).expect("the client's schema");
    format!(
        "{written}
        directive @link(url: String!, import: [String!]) repeatable on SCHEMA
        directive @view(of: String!, others: String) on OBJECT | INTERFACE | UNION | ENUM | INPUT_OBJECT
        directive @from(path: String!, default: String) on FIELD_DEFINITION | ARGUMENT_DEFINITION | ENUM_VALUE"
    )
}

fn schema(client: &str) -> Valid<Schema> {
    Schema::parse_and_validate(schema_text(client), client).unwrap_or_else(|error| panic!("{}", error.errors))
}

/// The beginning of the message for a null that the graph's type forbids and the client's type allows.
const BEHIND: &str = "a value that must not be null is null behind";

/// The factor by which the number of cases is multiplied.
fn times() -> u64 {
    std::env::var("DIFFERENTIAL_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(1)
}

fn bff_client(client: &str) -> Client {
    if client == "web" { bff_web::client() } else { bff_mobile::client() }
}

/// The parts of an answer that are compared: the data, and the sorted paths of its errors with the place of the first
/// field. For fields with the same response name, Bespoke names only the place of the first, and graphql-js the places
/// of all.
#[derive(Debug, PartialEq)]
struct Outcome {
    data: Tree,
    errors: Vec<String>,
}

impl Outcome {
    fn of(answer: &Tree) -> Self {
        let errors = answer.get("errors").map(Tree::items).unwrap_or_default();
        let path = |error: &Tree| {
            let path = error.get("path").map(Tree::items).unwrap_or_default();
            let place = error.get("locations").and_then(|all| all.items().first());
            let place = place.map(|place| [place.get("line").cloned(), place.get("column").cloned()]);
            format!("{} at {place:?}", path.iter().map(ToString::to_string).collect::<Vec<_>>().join("."))
        };
        // The oracle knows only the client's types. If these are nullable, a null that the graph's type forbids is an
        // error of Bespoke alone.
        let is_of_graph =
            |error: &Tree| matches!(error.get("message"), Some(Tree::Text(text)) if text.starts_with(BEHIND));
        let mut errors: Vec<_> = errors.iter().filter(|&error| !is_of_graph(error)).map(path).collect();
        errors.sort();
        Self { data: answer.get("data").cloned().unwrap_or(Tree::Null), errors }
    }
}

/// A text for people about a comparison that failed; `None` if both answers are equal.
fn difference(case: &Generated, reply: &Reply, expected: &Outcome) -> Option<String> {
    let found: Tree = serde_json::from_str(&reply.text).expect("JSON");
    let found = Outcome::of(&found);
    (found != *expected).then(|| {
        let (ours, theirs) = (found.data.to_string(), expected.data.to_string());
        let lines = ours.lines().zip(theirs.lines()).enumerate().find(|(_, (a, b))| a != b);
        format!(
            "{}\nvariables {}\nfirst difference (engine, graphql-js): {lines:?}\nengine's errors {}\nat {:?}\ngraphql-js's at {:?}\n",
            case.query,
            Value::from(case.variables.clone()),
            reply.body["errors"],
            found.errors,
            expected.errors,
        )
    })
}

struct Sides<'a> {
    client: &'static str,
    bff: &'a Bff,
    oracle: &'a Oracle,
    bearer: &'a str,
    corruption: Option<u64>,
    at_once: usize,
    /// Turns the operation into the one that the engine gets. Usually both are the same.
    asked: fn(&str) -> String,
}

impl<'a> Sides<'a> {
    /// Two sides that get the same operations, several at a time.
    fn new(client: &'static str, bff: &'a Bff, oracle: &'a Oracle, bearer: &'a str) -> Self {
        Self { client, bff, oracle, bearer, corruption: None, at_once: AT_ONCE, asked: str::to_owned }
    }

    async fn compare(&self, case: &Generated) -> Compared {
        let variables = Value::from(case.variables.clone());
        let expected = match self.oracle.execute(self.client, &case.query, &variables, self.corruption).await {
            Opinion::Result(answer) => Outcome::of(&answer),
            Opinion::Refused(why) => panic!("the generator made\n{}\nwhich is refused: {why:?}", case.query),
        };
        let reply = self.bff.send(&(self.asked)(&case.query), variables, Some(self.bearer)).await;
        let has_errors = !expected.errors.is_empty();
        Compared { difference: difference(case, &reply, &expected), has_errors }
    }
}

struct Compared {
    difference: Option<String>,
    has_errors: bool,
}

/// Compares many operations, and returns the counts and the differences.
async fn compare_all(sides: &Sides<'_>, cases: impl Iterator<Item = Generated>, reached: &mut Reached) -> Totals {
    let mut totals = Totals::default();
    let mut compared =
        stream::iter(cases).map(|case| async move { (sides.compare(&case).await, case) }).buffered(sides.at_once);
    while let Some((result, case)) = compared.next().await {
        reached.add(&case.reached);
        totals.cases += 1;
        totals.with_errors += u64::from(result.has_errors);
        totals.differences.extend(result.difference);
    }
    totals
}

#[derive(Debug, Default)]
struct Totals {
    cases: u64,
    with_errors: u64,
    differences: Vec<String>,
}

impl Totals {
    fn add(&mut self, other: Self) {
        self.cases += other.cases;
        self.with_errors += other.with_errors;
        self.differences.extend(other.differences);
    }

    #[track_caller]
    fn assert_equal(&self, what: &str) {
        let few: Vec<_> = self.differences.iter().take(5).map(String::as_str).collect();
        assert!(
            few.is_empty(),
            "{what}: {} of {} differ\n{}",
            self.differences.len(),
            self.cases,
            few.join("\n----\n")
        );
    }
}

/// A BFF over services whose answers are damaged.
struct Corrupted {
    bff: Bff,
    seed: u64,
    _proxies: Vec<Proxy>,
}

impl Corrupted {
    async fn start(shop: &Shop, client: Client, seed: u64) -> Self {
        let mut setup = Setup::of(shop);
        let mut proxies = Vec::new();
        for service in corrupt::SERVICES {
            let proxy = corrupt::proxy(shop, service, seed).await;
            setup = setup.url(service, proxy.base_url());
            proxies.push(proxy);
        }
        Self { bff: Bff::start(client, setup).await, seed, _proxies: proxies }
    }

    fn sides<'a>(&'a self, client: &'static str, oracle: &'a Oracle, bearer: &'a str) -> Sides<'a> {
        Sides { corruption: Some(self.seed), ..Sides::new(client, &self.bff, oracle, bearer) }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_are_those_of_graphql_js() {
    let shop = Shop::start(ShopOptions::default());
    let oracle = Oracle::start(&shop).await;
    let bearer = shop.bearer(SUB);
    for client in ["web", "mobile"] {
        let schema = schema(client);
        let mut reached = Reached::default();
        let bff = Bff::start(bff_client(client), Setup::of(&shop)).await;
        let sides = Sides::new(client, &bff, &oracle, &bearer);
        let cases = (0..CASES * times()).map(|seed| operation(&schema, "Query", seed, &[]));
        let mut totals = compare_all(&sides, cases, &mut reached).await;
        // Mutations run one at a time, because each changes what the next one reads.
        let sides = Sides { at_once: 1, ..sides };
        let cases = (0..CHANGES * times()).map(|seed| operation(&schema, "Mutation", 3_000_000 + seed, &[]));
        totals.add(compare_all(&sides, cases, &mut reached).await);
        println!("{client}: {} operations\n{reached}", totals.cases);
        totals.assert_equal(client);
        assert_eq!(reached.missing(&schema), Vec::<String>::new(), "{client}: not reached");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nulls_and_errors_stand_where_graphql_js_has_them() {
    let shop = Shop::start(ShopOptions::default());
    let oracle = Oracle::start(&shop).await;
    let bearer = shop.bearer(SUB);
    for client in ["web", "mobile"] {
        let schema = schema(client);
        let mut reached = Reached::default();
        let mut totals = Totals::default();
        for corruption in 0..CORRUPTIONS * times() {
            let corrupted = Corrupted::start(&shop, bff_client(client), corruption).await;
            let sides = corrupted.sides(client, &oracle, &bearer);
            let seeds = (0..CASES_PER_CORRUPTION).map(|case| 1_000_000 + corruption * 1_000 + case);
            let cases = seeds.map(|seed| operation(&schema, "Query", seed, &NOT_CORRUPTED));
            totals.add(compare_all(&sides, cases, &mut reached).await);
        }
        println!("{client}: {} operations, {} with errors\n{reached}", totals.cases, totals.with_errors);
        totals.assert_equal(client);
        assert!(totals.with_errors * 2 > totals.cases, "few errors: {} of {}", totals.with_errors, totals.cases);
    }
}

/// An operation in which each selection set keeps only the first of the fields with the same response name, to simulate
/// an engine that does not merge fields.
fn unmerged(query: &str) -> String {
    fn first_only(set: &mut Vec<Selection>) {
        let mut seen = HashSet::new();
        set.retain(|selection| selection.as_field().is_none_or(|field| seen.insert(field.response_name().clone())));
        for selection in set {
            match selection {
                Selection::Field(field) => first_only(&mut field.make_mut().selection_set),
                Selection::InlineFragment(fragment) => first_only(&mut fragment.make_mut().selection_set),
                Selection::FragmentSpread(_) => {}
            }
        }
    }
    let mut document = Document::parse(query, "operation").unwrap_or_else(|error| panic!("{}", error.errors));
    for definition in &mut document.definitions {
        match definition {
            Definition::OperationDefinition(operation) => first_only(&mut operation.make_mut().selection_set),
            Definition::FragmentDefinition(fragment) => first_only(&mut fragment.make_mut().selection_set),
            _ => {}
        }
    }
    document.to_string()
}

/// The web client with nullable types in all answers, to simulate an engine that does not propagate nulls.
fn nullable_client() -> Client {
    fn loosened(ty: &Type) -> Type {
        match ty {
            Type::Named(name) | Type::NonNullNamed(name) => Type::Named(name.clone()),
            Type::List(of) | Type::NonNullList(of) => loosened(of).list(),
        }
    }
    let mut client = bff_web::client();
    let path = "schema/web.graphql";
    let text = client.files_mut().get(path).expect("the web client's schema").to_string();
    let mut document = Document::parse(text, path).unwrap_or_else(|error| panic!("{}", error.errors));
    for definition in &mut document.definitions {
        if let Definition::ObjectTypeDefinition(object) = definition {
            for field in &mut object.make_mut().fields {
                let field = field.make_mut();
                field.ty = loosened(&field.ty);
            }
        }
    }
    client.files_mut().insert(path, document.to_string());
    client
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_comparison_sees_fields_that_are_not_merged() {
    let shop = Shop::start(ShopOptions::default());
    let oracle = Oracle::start(&shop).await;
    let bff = Bff::web(&shop).await;
    let bearer = shop.bearer(SUB);
    let sides = Sides { asked: unmerged, ..Sides::new("web", &bff, &oracle, &bearer) };
    let schema = schema("web");
    // Each document selects one object twice, in the second case with another field.
    let by_hand = [
        ("{ product(id: 1) { price { amount } price { amount } } }", 0),
        ("{ product(id: 1) { price { amount } price { currency } } }", 1),
    ];
    for (query, differences) in by_hand {
        let case =
            Generated { query: query.to_owned(), variables: serde_json::Map::new(), reached: Reached::default() };
        let totals = compare_all(&sides, std::iter::once(case), &mut Reached::default()).await;
        assert_eq!(totals.differences.len(), differences, "{query}");
    }
    let cases = (0..30).map(|seed| operation(&schema, "Query", seed, &[]));
    let totals = compare_all(&sides, cases, &mut Reached::default()).await;
    assert!(totals.differences.len() >= 5, "{} of {} differ", totals.differences.len(), totals.cases);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_comparison_sees_nulls_that_do_not_rise() {
    let shop = Shop::start(ShopOptions::default());
    let oracle = Oracle::start(&shop).await;
    let bearer = shop.bearer(SUB);
    let corrupted = Corrupted::start(&shop, nullable_client(), 0).await;
    let sides = corrupted.sides("web", &oracle, &bearer);
    let schema = schema("web");
    let cases = (0..CASES_PER_CORRUPTION).map(|case| operation(&schema, "Query", 1_000_000 + case, &NOT_CORRUPTED));
    let totals = compare_all(&sides, cases, &mut Reached::default()).await;
    assert!(totals.differences.len() >= 10, "{} of {} differ", totals.differences.len(), totals.cases);
}
