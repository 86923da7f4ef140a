//! Tests of two clients of one graph: each has its own names, and sees nothing else of the graph.

use crate::harness::{Bff, Setup};
use demo::{Shop, ShopOptions};
use serde_json::{Value, json};

/// All requests to the services in a stable order, without correlation headers.
fn seen(shop: &Shop) -> Vec<String> {
    let services = ["users", "catalog", "inventory", "carts", "orders", "payments", "reviews"];
    let requests = services.iter().flat_map(|service| {
        shop.requests(service).into_iter().map(move |request| {
            let is_correlation = |name: &str| matches!(name, "traceparent" | "tracestate" | "x-request-id");
            let headers: Vec<_> = request.headers.iter().filter(|(name, _)| !is_correlation(name)).collect();
            format!("{service} {request} {headers:?}")
        })
    });
    let mut requests: Vec<_> = requests.collect();
    requests.sort();
    requests
}

async fn ask(bff: &Bff, shop: &Shop, query: &str) -> (Value, Vec<String>) {
    shop.reset_calls();
    let bearer = shop.bearer("123");
    let reply = bff.send(query, json!({}), Some(&bearer)).await;
    assert!(reply.errors().is_empty(), "{query}: {}", reply.text);
    (reply.data().clone(), seen(shop))
}

#[tokio::test]
async fn the_same_need_has_two_shapes() {
    let shop = Shop::start(ShopOptions::default());
    let (web, mobile) = (Bff::web(&shop).await, Bff::mobile(&shop).await);
    let web = web.ask("{ products(first: 2) { id name price { amount currency } images { small { url } } } }").await;
    let mobile = mobile.ask("{ cards(first: 2) { id title cents currency thumb } }").await;
    let web = web.data()["products"].as_array().unwrap();
    let mobile = mobile.data()["cards"].as_array().unwrap();
    assert_eq!((web.len(), mobile.len()), (2, 2));
    for (product, card) in web.iter().zip(mobile) {
        let flat = json!({
            "id": product["id"],
            "title": product["name"],
            "cents": product["price"]["amount"],
            "currency": product["price"]["currency"],
            "thumb": product["images"]["small"]["url"],
        });
        assert_eq!(*card, flat);
        assert!(card["title"].is_string() && card["cents"].is_number());
    }
}

#[tokio::test]
async fn renamed_flattened_and_pinned_fields_send_the_same_bytes() {
    let shop = Shop::start(ShopOptions::default());
    let (web, mobile) = (Bff::web(&shop).await, Bff::mobile(&shop).await);
    for (renamed, plain) in [
        // Renamed and flattened fields in a list.
        (
            "{ cards(first: 5) { id title cents thumb } }",
            "{ products(first: 5) { id name price { amount } images { small { url } } } }",
        ),
        // A join by key with a sparse fieldset, an index into a list, and a batch by POST.
        (
            "{ cards(first: 5) { hero { ... on Picture { url } } category inStock } }",
            "{ products(first: 5) { media { __typename ... on Photo { url } } category { name } inStock } }",
        ),
        // A path through a list, an argument under another name, and renamed enum values.
        (
            r#"{ tracker(orderId: "19990") { state carrier things } }"#,
            r#"{ order(id: "19990") { status shipping { carrier } lines { product { name } } } }"#,
        ),
        // A pinned argument, and the caller's credentials.
        (
            "{ me { name recent { state } } basket { lines { quantity title } } }",
            "{ me { name orders(first: 3) { status } } cart { lines { quantity product { name } } } }",
        ),
        // One field of the client's root for several fields of the graph's root.
        (
            "{ home { popular(first: 2) { title } fresh(first: 2) { cents } categories { label } } }",
            "{ popular: products(sort: POPULAR, first: 2) { name } fresh: products(sort: NEWEST, first: 2) { price { amount } }
               categories { name } }",
        ),
    ] {
        let (_, of_renamed) = ask(&mobile, &shop, renamed).await;
        let (_, of_plain) = ask(&web, &shop, plain).await;
        assert!(!of_plain.is_empty());
        assert_eq!(of_renamed, of_plain, "{renamed} and {plain}");
    }
}

#[tokio::test]
async fn one_field_gathers_several_roots() {
    let shop = Shop::start(ShopOptions::default());
    let mobile = Bff::mobile(&shop).await;
    let (data, seen) = ask(&mobile, &shop, "{ home { popular { title } fresh { title } categories { label } } }").await;
    let lengths = ["popular", "fresh", "categories"].map(|name| data["home"][name].as_array().unwrap().len());
    assert_eq!(lengths, [6, 4, 40], "the phone's own defaults");
    let operations: Vec<_> = seen.iter().map(|line| line.split('[').next().unwrap().trim()).collect();
    insta::assert_snapshot!(operations.join("\n"), @r"
    catalog GET /categories
    catalog GET /products?sort=NEWEST&page=1&limit=4
    catalog GET /products?sort=POPULAR&page=1&limit=6
    ");
}

/// A query for everything that introspection shows.
const INTROSPECTION: &str = "{ __schema {
    queryType { name } mutationType { name } directives { name description args { name } }
    types { kind name description possibleTypes { name } interfaces { name } inputFields { name description type { name } }
        enumValues(includeDeprecated: true) { name description }
        fields(includeDeprecated: true) { name description type { name ofType { name ofType { name } } }
            args { name description defaultValue type { name ofType { name } } } } } } }";

fn type_names(introspection: &Value) -> Vec<&str> {
    let types = introspection["__schema"]["types"].as_array().unwrap();
    let names = types.iter().map(|one| one["name"].as_str().unwrap());
    let mut names: Vec<_> = names.filter(|name| !name.starts_with("__")).collect();
    names.sort_unstable();
    names
}

#[tokio::test]
async fn a_dropped_type_is_neither_shown_nor_known() {
    let shop = Shop::start(ShopOptions::default());
    let (web, mobile) = (Bff::web(&shop).await, Bff::mobile(&shop).await);
    let (of_web, of_mobile) = (web.ask(INTROSPECTION).await, mobile.ask(INTROSPECTION).await);
    let (of_web, of_mobile) = (type_names(of_web.data()), type_names(of_mobile.data()));
    insta::assert_snapshot!(of_mobile.join(" "), @"Basket BasketLine Boolean Clip DateTime Hero Home ID Int Me Mutation OrderTracker Picture ProductCard Progress Query Step String Subscription Tag");
    for dropped in
        ["Review", "StockLevel", "Payment", "PaymentMethod", "Address", "Loyalty", "Money", "Product", "User"]
    {
        assert!(of_web.contains(&dropped), "web shows {dropped}");
        assert!(!of_mobile.contains(&dropped), "mobile hides {dropped}");
        let by_name = mobile.ask(&format!("{{ __type(name: \"{dropped}\") {{ name }} }}")).await;
        assert_eq!(by_name.data(), &json!({ "__type": null }));
    }
    for refused in [
        "{ card(id: \"1\") { ... on Product { name } } }",
        "{ card(id: \"1\") { reviews { stars } } }",
        "{ card(id: \"1\") { ...P } } fragment P on Product { name }",
        "{ product(id: \"1\") { name } }",
        "{ me { loyalty { points } } }",
        "query($lines: [OrderLineInput!]!) { me { name } }",
        "mutation { placeOrder(key: \"k\", lines: [], payBy: CARD) { __typename } }",
    ] {
        shop.reset_calls();
        let reply = mobile.ask(refused).await;
        assert_eq!(reply.status, 400, "{refused}: {}", reply.text);
        assert!(reply.body.get("data").is_none(), "{refused}: {}", reply.text);
        assert_eq!(shop.total_calls(), 0, "{refused}");
    }
}

#[tokio::test]
async fn the_phone_knows_no_address_of_any_kind() {
    let shop = Shop::start(ShopOptions::default());
    let (web, mobile) = (Bff::web(&shop).await, Bff::mobile(&shop).await);
    let (of_web, of_mobile) = (web.ask(INTROSPECTION).await, mobile.ask(INTROSPECTION).await);
    assert!(of_web.text.contains("\"email\""));
    for word in ["mail", "phone\"", "street", "iban", "last4"] {
        assert!(!of_mobile.text.to_lowercase().contains(word), "mobile's schema says `{word}`");
    }
    let bearer = shop.bearer("123");
    shop.reset_calls();
    for field in ["email", "mail: email", "address { city }"] {
        let reply = mobile.send(&format!("{{ me {{ name {field} }} }}"), json!({}), Some(&bearer)).await;
        assert_eq!((reply.status, reply.body.get("data")), (400, None), "{}", reply.text);
    }
    assert_eq!(shop.total_calls(), 0);
    let everything = "{ me { id name recent { id state placedAt carrier code things } } }";
    let reply = mobile.send(everything, json!({}), Some(&bearer)).await;
    assert!(reply.data()["me"]["name"].is_string());
    assert!(!reply.text.contains('@'), "{}", reply.text);
}

#[tokio::test]
async fn production_hides_the_schema_and_the_calls() {
    let shop = Shop::start(ShopOptions::default());
    let bff = Bff::start(bff_web::client(), Setup::of(&shop).production()).await;
    let reply = bff.ask(r#"{ __typename product(id: "1") { name } }"#).await;
    assert_eq!(reply.data()["__typename"], "Query");
    assert!(reply.body.get("extensions").is_none(), "{}", reply.text);
    for query in [INTROSPECTION, r#"{ __type(name: "User") { fields { name } } }"#] {
        let reply = bff.ask(query).await;
        assert!(!reply.errors().is_empty() && !reply.text.contains("avatarUrl"), "{}", reply.text);
    }
    // An error must not suggest a name that the caller did not write.
    let reply = bff.ask(r#"{ product(id: "1") { nam } }"#).await;
    assert_eq!(reply.status, 400);
    assert!(!reply.text.contains("name"), "{}", reply.text);
}
