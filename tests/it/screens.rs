//! Measures what a BFF saves a client: one screen of each client, with plain REST by a careful frontend engineer and
//! with the BFF.
//!
//! Both are measured over real HTTP and show the same screen. The table of the results is in the README;
//! `UPDATE_README=1` writes it.

use crate::harness::{Bff, Setup};
use demo::{Shop, ShopOptions};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

const WEB: &str = include_str!("../../bff-web/operations/product-page.graphql");
const MOBILE: &str = include_str!("../../bff-mobile/operations/home.graphql");

/// The cost of one way to load a screen.
#[derive(Debug, Clone, Copy)]
struct Cost {
    rounds: usize,
    requests: usize,
    calls: u64,
    bytes: usize,
}

/// A client that calls the services itself, with as few rounds as the nesting of the data allows, and with batches
/// where the services have them.
struct Rest<'a> {
    shop: &'a Shop,
    http: reqwest::Client,
    rounds: usize,
    requests: usize,
    bytes: usize,
}

/// A request of this client: the service, the path, and the body if it is a POST.
type Asked = (&'static str, String, Option<Value>);

fn get(service: &'static str, path: impl Into<String>) -> Asked {
    (service, path.into(), None)
}

impl<'a> Rest<'a> {
    fn new(shop: &'a Shop) -> Self {
        let http = reqwest::Client::builder().timeout(Duration::from_secs(20)).build().unwrap();
        shop.reset_calls();
        Self { shop, http, rounds: 0, requests: 0, bytes: 0 }
    }

    /// Sends requests that do not depend on each other.
    async fn round<const N: usize>(&mut self, asked: [Asked; N]) -> [Value; N] {
        self.rounds += 1;
        self.requests += N;
        let answers = asked.map(async |(service, path, body)| {
            let url = self.shop.url(service) + &path;
            let request = match body {
                Some(body) => self.http.post(url).header("content-type", "application/json").body(body.to_string()),
                None => self.http.get(url),
            };
            let answer = request.send().await.unwrap().error_for_status().unwrap();
            answer.bytes().await.unwrap()
        });
        let answers = futures_util::future::join_all(answers).await;
        self.bytes += answers.iter().map(|bytes| bytes.len()).sum::<usize>();
        let values: Vec<Value> = answers.iter().map(|bytes| serde_json::from_slice(bytes).unwrap()).collect();
        values.try_into().expect("an answer for each")
    }

    fn cost(&self) -> Cost {
        Cost { rounds: self.rounds, requests: self.requests, calls: self.shop.total_calls(), bytes: self.bytes }
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_else(|| panic!("a list: {value}"))
}

/// The item in which `property` equals `id`. The number 7 and the text "7" are the same id.
fn with<'v>(items: &'v Value, property: &str, id: &Value) -> &'v Value {
    list(items).iter().find(|item| same(&item[property], id)).unwrap_or_else(|| panic!("{property} {id} in {items}"))
}

fn same(a: &Value, b: &Value) -> bool {
    text(a) == text(b)
}

fn text(id: &Value) -> String {
    id.as_str().map_or_else(|| id.to_string(), str::to_owned)
}

fn numbers<'v>(products: impl IntoIterator<Item = &'v Value>) -> Vec<u64> {
    products.into_iter().map(|product| text(&product["id"]).parse().unwrap()).collect()
}

/// Loads the product page of the web shop.
async fn product_page(rest: &mut Rest<'_>) -> Value {
    // All categories are loaded with one more call in the first round, which saves two rounds of calls by id.
    let [page, categories] = rest.round([get("catalog", "/products?limit=12"), get("catalog", "/categories")]).await;
    let products = &page["items"];
    let ids = numbers(list(products));
    let representations: Vec<Value> =
        ids.iter().map(|id| json!({ "__typename": "Product", "id": id.to_string() })).collect();
    let reviews = json!({
        "query": "query($of: [_Any!]!) { _entities(representations: $of) { ... on Product {
            id reviews(first: 1) { stars text author { id } } } } }",
        "variables": { "of": representations },
    });
    let [stock, reviews] = rest
        .round([
            ("inventory", "/v1/stock/query".to_owned(), Some(json!({ "productIds": ids }))),
            ("reviews", "/graphql".to_owned(), Some(reviews)),
        ])
        .await;
    let reviews = &reviews["data"]["_entities"];
    let mut authors: Vec<String> = Vec::new();
    for review in list(reviews).iter().flat_map(|product| list(&product["reviews"])) {
        let id = text(&review["author"]["id"]);
        if !authors.contains(&id) {
            authors.push(id);
        }
    }
    let query: Vec<String> = authors.iter().map(|id| format!("id={id}")).collect();
    let [users] = rest.round([get("users", format!("/users?{}", query.join("&")))]).await;

    let products = list(products).iter().map(|product| {
        let category = with(&categories, "id", &product["category"]["id"]);
        let parent = &category["parent"];
        let parent = if parent.is_null() { &Value::Null } else { with(&categories, "id", &parent["id"]) };
        let parent = if parent.is_null() { Value::Null } else { json!({ "name": parent["name"] }) };
        let rows = list(&stock).iter().filter(|row| same(&row["productId"], &product["id"]));
        let rows =
            rows.map(|row| json!({ "warehouse": { "city": row["warehouse"]["city"] }, "available": row["available"] }));
        let reviews = list(&with(reviews, "id", &product["id"])["reviews"]).iter().map(|review| {
            let author = with(&users, "id", &review["author"]["id"]);
            json!({ "stars": review["stars"], "text": review["text"], "author": { "name": author["name"] } })
        });
        let amount = product["price"]["amount"].as_i64().unwrap();
        assert_eq!(product["price"]["currency"], "EUR");
        json!({
            "name": product["name"],
            "priceLabel": format!("{},{:02} €", amount / 100, amount % 100),
            "category": { "name": category["name"], "parent": parent },
            "stock": rows.collect::<Value>(),
            "reviews": reviews.collect::<Value>(),
        })
    });
    json!({ "products": products.collect::<Value>() })
}

/// Loads the home screen of the phone app.
async fn home(rest: &mut Rest<'_>) -> Value {
    let [popular, fresh, categories] = rest
        .round([
            get("catalog", "/products?sort=POPULAR&limit=6"),
            get("catalog", "/products?sort=NEWEST&limit=4"),
            get("catalog", "/categories"),
        ])
        .await;
    let ids = numbers(list(&popular["items"]).iter().chain(list(&fresh["items"])));
    let [availability] =
        rest.round([("inventory", "/v1/availability".to_owned(), Some(json!({ "productIds": ids })))]).await;
    let cards = |page: &Value| -> Value {
        let cards = list(&page["items"]).iter().map(|product| {
            json!({
                "id": text(&product["id"]),
                "title": product["name"],
                "cents": product["price"]["amount"],
                "thumb": product["images"]["small"]["url"],
                "inStock": with(&availability, "productId", &product["id"])["inStock"],
                "teaser": teaser(product),
            })
        });
        cards.collect()
    };
    let labels: Value = list(&categories).iter().map(|category| json!({ "label": category["name"] })).collect();
    json!({ "home": { "popular": cards(&popular), "fresh": cards(&fresh), "categories": labels } })
}

/// Computes the teaser of a product, which the app itself would have to do without a BFF.
fn teaser(product: &Value) -> String {
    let name = product["name"].as_str().unwrap();
    let mut short: String = name.chars().take(24).collect();
    if short.len() < name.len() {
        short.push('…');
    }
    product["rating"].as_f64().map_or(short.clone(), |rating| format!("{short} · {rating:.1} ★"))
}

/// Loads a screen from a BFF in production mode.
async fn with_bff(client: bespoke::internals::engine::Client, shop: &Shop, operation: &str) -> (Value, Cost) {
    let bff = Bff::start(client, Setup::of(shop).production()).await;
    shop.reset_calls();
    let reply = bff.ask(operation).await;
    assert!(reply.errors().is_empty(), "{}", reply.text);
    (reply.data().clone(), Cost { rounds: 1, requests: 1, calls: shop.total_calls(), bytes: reply.text.len() })
}

fn table(rows: &[(&str, &str, Cost)]) -> String {
    let mut text = "\
| Screen | Asked with | Round trips | Requests | Upstream calls | Bytes to the client |
|---|---|--:|--:|--:|--:|
"
    .to_owned();
    for (screen, with, Cost { rounds, requests, calls, bytes }) in rows {
        let bytes = thousands(*bytes);
        let _ = writeln!(text, "| {screen} | {with} | {rounds} | {requests} | {calls} | {bytes} |");
    }
    text
}

fn thousands(number: usize) -> String {
    if number < 1000 { number.to_string() } else { format!("{},{:03}", thousands(number / 1000), number % 1000) }
}

/// Asserts that the table in the README equals `expected`, or writes it.
fn check_readme(expected: &str) {
    const START: &str = "<!-- screens -->\n";
    const END: &str = "<!-- /screens -->";
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = std::fs::read_to_string(&file).unwrap();
    let start = readme.find(START).expect("the marker where the table starts") + START.len();
    let end = start + readme[start..].find(END).expect("the marker where the table ends");
    if std::env::var_os("UPDATE_README").is_some() {
        std::fs::write(&file, format!("{}{expected}{}", &readme[..start], &readme[end..])).unwrap();
        return;
    }
    assert_eq!(readme[start..end], *expected, "README.md has another table: UPDATE_README=1 writes this one");
}

#[tokio::test]
async fn the_readme_says_what_each_screen_costs() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let shop = Shop::start(ShopOptions::default());

    let mut rest = Rest::new(&shop);
    let web_by_rest = product_page(&mut rest).await;
    let web_rest = rest.cost();
    let (web, web_bff) = with_bff(bff_web::client(), &shop, WEB).await;
    assert_eq!(web, web_by_rest, "the product page");

    let mut rest = Rest::new(&shop);
    let mobile_by_rest = home(&mut rest).await;
    let mobile_rest = rest.cost();
    let (mobile, mobile_bff) = with_bff(bff_mobile::client(), &shop, MOBILE).await;
    assert_eq!(mobile, mobile_by_rest, "the home screen");

    for (rest, bff) in [(web_rest, web_bff), (mobile_rest, mobile_bff)] {
        assert_eq!(rest.calls, rest.requests as u64, "every request of the plain client reaches a service");
        assert!(bff.rounds < rest.rounds && bff.bytes < rest.bytes, "{rest:?} {bff:?}");
    }
    check_readme(&table(&[
        ("web: 12 products with stock and reviews", "plain REST", web_rest),
        ("", "`bff-web`", web_bff),
        ("mobile: the home screen", "plain REST", mobile_rest),
        ("", "`bff-mobile`", mobile_bff),
    ]));
}
