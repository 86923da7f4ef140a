//! Compares random operations, which are made from a client's schema and fixed seeds, with the reference.
//!
//! Aliases, repeated fields, fragments, conditions, unknown ids and every root field occur. Lists are short, because
//! the reference makes a call for each field of each item.

use crate::harness::{Of, assert_same};
use crate::incremental::{merge, multipart};
use crate::random::Random;
use crate::reference::error_paths;
use apollo_compiler::schema::ExtendedType;
use apollo_compiler::validation::Valid;
use apollo_compiler::{Name, Schema};
use demo::{Shop, ShopOptions};
use serde_json::json;
use std::fmt::Write as _;

/// The deepest nesting of selection sets.
const MAX_DEPTH: u32 = 6;

struct Writer<'s> {
    schema: &'s Valid<Schema>,
    random: Random,
    aliases: u32,
    /// On average, one field in this number is in a deferred fragment; `None` if no field is.
    deferred: Option<u64>,
    text: String,
}

impl Writer<'_> {
    /// Writes the arguments of a field that has some.
    fn arguments(&mut self, type_name: &str, field: &str) -> String {
        let id = |random: &mut Random, most: u64| match random.below(9) {
            0 => "99999".to_owned(),
            _ => (random.below(most) + 1).to_string(),
        };
        let random = &mut self.random;
        let few = random.below(3) + 1;
        match (type_name, field) {
            ("Query", "user") => format!("(id: \"{}\")", id(random, 1_000)),
            ("Query", "product" | "card") => format!("(id: \"{}\")", id(random, 2_000)),
            ("Query", "category") => format!("(id: \"{}\")", id(random, 40)),
            ("Query", "order") => format!("(id: \"{}\")", id(random, 20_000)),
            ("Query", "tracker") => format!("(orderId: \"{}\")", id(random, 20_000)),
            ("Query", "orderPage" | "orderConnection") => format!("(userId: \"{}\", first: {few})", id(random, 1_000)),
            ("Query", "products") => {
                let sort = random.pick(&["POPULAR", "PRICE_ASC", "PRICE_DESC", "NEWEST"]);
                let category = random.pick(&["", ", category: \"3\"", ", category: null", ", category: \"nope\""]);
                format!("(first: {few}, sort: {sort}, page: {}{category})", random.below(3) + 1)
            }
            ("Product", "priceLabel") => random.pick(&["", "(locale: \"de\")", "(locale: \"en-GB\")"]).to_owned(),
            ("Query", "cards" | "latestReviews") | ("Home", "popular" | "fresh") | (_, "orders" | "reviews") => {
                format!("(first: {few})")
            }
            _ => String::new(),
        }
    }

    fn object(&mut self, type_name: &Name, depth: u32) {
        let schema = self.schema;
        let object = schema.get_object(type_name).expect("an object type");
        let fields: Vec<_> = object.fields.values().collect();
        self.text.push_str("{ ");
        for _ in 0..=self.random.below(6) {
            let field = fields[self.random.below(fields.len() as u64) as usize];
            let inner = field.ty.inner_named_type();
            let is_leaf = matches!(schema.types[inner], ExtendedType::Scalar(_) | ExtendedType::Enum(_));
            // Forty categories are enough work even without fields below them.
            if !is_leaf && (depth == 0 || field.name == "categories" && self.random.below(4) > 0) {
                continue;
            }
            let arguments = self.arguments(type_name, &field.name);
            let is_deferred = self.deferred.is_some_and(|one_in| self.random.one_in(one_in));
            if is_deferred {
                let condition = self.random.pick(&["", "", "", "(if: $yes)", "(if: $no)"]);
                let _ = write!(self.text, "... @defer{condition} {{ ");
            }
            if !arguments.is_empty() || !field.arguments.is_empty() || self.random.one_in(4) {
                self.aliases += 1;
                let _ = write!(self.text, "a{}: ", self.aliases);
            }
            let condition =
                self.random.pick(&["", "", "", "", "", "@include(if: $yes)", "@skip(if: $yes)", "@skip(if: $no)"]);
            let _ = write!(self.text, "{}{arguments} {condition} ", field.name);
            if !is_leaf {
                let below = if field.name == "categories" { 0 } else { depth - 1 };
                self.composite(inner, below);
            }
            if is_deferred {
                self.text.push_str("} ");
            }
        }
        self.text.push_str("__typename } ");
    }

    fn composite(&mut self, type_name: &Name, depth: u32) {
        let schema = self.schema;
        let members: Vec<Name> = match &schema.types[type_name] {
            ExtendedType::Union(union) => union.members.iter().map(|member| member.name.clone()).collect(),
            _ if self.random.one_in(6) => vec![type_name.clone(), type_name.clone()],
            _ => return self.object(type_name, depth),
        };
        self.text.push_str("{ __typename ");
        for member in members {
            if !self.random.one_in(4) {
                let _ = write!(self.text, "... on {member} ");
                self.object(&member, depth);
            }
        }
        self.text.push_str("} ");
    }
}

fn operation(schema: &Valid<Schema>, seed: u64, deferred: Option<u64>) -> String {
    let text = "query($yes: Boolean!, $no: Boolean = false) ".to_owned();
    let mut writer = Writer { schema, random: Random::new(seed), aliases: 0, deferred, text };
    writer.object(&apollo_compiler::name!("Query"), MAX_DEPTH);
    // Every variable must be used, so two more fields use them.
    let end = writer.text.trim_end().len() - 1;
    writer.text.truncate(end);
    writer.text.push_str("used: __typename @skip(if: $yes) too: __typename @skip(if: $no) }");
    writer.text
}

async fn compare(of: Of, seeds: std::ops::Range<u64>) {
    let shop = Shop::start(ShopOptions::default());
    let bff = of.bff(&shop).await;
    let bearer = shop.bearer("123");
    let variables = json!({ "yes": true });
    let (mut naive, mut planned) = (0, 0);
    for seed in seeds {
        let reference = of.reference(&shop, Some("123"));
        let query = operation(reference.schema(), seed, None);
        shop.reset_calls();
        let reply = bff.send(&query, variables.clone(), Some(&bearer)).await;
        assert_eq!(reply.status, 200, "seed {seed}: {query}: {}", reply.text);
        planned += shop.total_calls();
        shop.reset_calls();
        let expected = reference.execute(&query, variables.clone()).await;
        naive += shop.total_calls();
        assert_same(&reply, &expected, &format!("seed {seed}: {query}"));
    }
    assert!(naive > planned * 3, "the reference made {naive} calls, the engine {planned}");
}

#[tokio::test]
async fn random_operations_of_web_have_the_references_answers() {
    compare(Of::Web, 0..60).await;
}

#[tokio::test]
async fn random_operations_of_mobile_have_the_references_answers() {
    compare(Of::Mobile, 0..60).await;
}

/// Asserts that the merged parts of each answer equal the answer that a client without `@defer` gets.
async fn compare_parts(of: Of, seeds: std::ops::Range<u64>) {
    let shop = Shop::start(ShopOptions::default());
    let bff = of.bff(&shop).await;
    let reference = of.reference(&shop, Some("123"));
    let bearer = shop.bearer("123");
    let mut in_parts = 0;
    for seed in seeds {
        let query = operation(reference.schema(), seed, Some(3));
        let variables = json!({ "yes": true });
        let plain = bff.send(&query, variables.clone(), Some(&bearer)).await;
        for accept in ["multipart/mixed", "multipart/mixed;deferSpec=20220824"] {
            let body = json!({ "query": query, "variables": variables }).to_string();
            let request = reqwest::Client::new().post(bff.url()).header("content-type", "application/json");
            let request = request.header("accept", accept).header("authorization", &bearer).body(body);
            let parts = multipart(&request.send().await.unwrap().text().await.unwrap());
            in_parts += usize::from(parts.len() > 1);
            let merged = merge(&parts);
            let message = format!("seed {seed}, {accept}: {query}\n{parts:#?}");
            assert_eq!(&merged["data"], plain.data(), "{message}");
            assert_eq!(error_paths(&merged), error_paths(&plain.body), "{message}");
        }
    }
    assert!(in_parts > 30, "only {in_parts} answers came in parts");
}

#[tokio::test]
async fn parts_of_random_operations_of_web_add_up() {
    compare_parts(Of::Web, 100..140).await;
}

#[tokio::test]
async fn parts_of_random_operations_of_mobile_add_up() {
    compare_parts(Of::Mobile, 100..140).await;
}
