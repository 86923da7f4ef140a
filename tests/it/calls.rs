//! Tests of the number of calls to the services, which the services count themselves. Each answer is checked too.
//!
//! Each operation runs against a fresh BFF. The calls that the BFF reports (`extensions.bespoke.calls`) must agree with
//! the counts of the services.

use crate::harness::{Of, assert_same};
use demo::{Shop, ShopOptions};
use serde_json::{Value, json};

/// Runs an operation against a fresh BFF, checks that the answer equals that of the reference, and returns the counts
/// of the services.
async fn calls(of: Of, sub: Option<&str>, query: &str, variables: Value) -> String {
    let shop = Shop::start(ShopOptions::default());
    let bff = of.bff(&shop).await;
    let bearer = sub.map(|sub| shop.bearer(sub));
    let reply = bff.send(query, variables.clone(), bearer.as_deref()).await;
    let summary = shop.call_summary();
    assert_eq!(reply.status, 200, "{}", reply.text);
    let remote = reply.calls().iter().filter(|call| call["inProcess"] != true);
    assert_eq!(remote.count() as u64, shop.total_calls(), "what the BFF tells of its calls: {:#?}", reply.calls());
    let expected = of.reference(&shop, sub).execute(query, variables).await;
    assert_same(&reply, &expected, query);
    assert!(expected.error_paths.is_empty(), "an operation that fails shows nothing: {:?}", expected.error_paths);
    assert!(!is_hollow(&expected.data), "an answer without values shows nothing: {}", expected.data);
    summary
}

/// Whether a value has nothing but nulls and empty lists.
fn is_hollow(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.iter().all(is_hollow),
        Value::Object(fields) => fields.values().all(is_hollow),
        _ => false,
    }
}

async fn web(query: &str) -> String {
    calls(Of::Web, None, query, json!({})).await
}

#[tokio::test]
async fn a_user_and_the_totals_of_their_orders() {
    let query = r#"query { user(id: "123") { name orders { total } } }"#;
    insta::assert_snapshot!(web(query).await, @r"
    users.getUser 1
    orders.searchOrders 1
    ");
}

#[tokio::test]
async fn stock_of_any_number_of_products_takes_two_calls() {
    let query = "query($first: Int!) { products(first: $first) { name stock { warehouse { code } available } } }";
    for first in [1, 20, 100] {
        let summary = calls(Of::Web, None, query, json!({ "first": first })).await;
        assert_eq!(summary, "catalog.listProducts 1\ninventory.queryStock 1", "first: {first}");
    }
}

#[tokio::test]
async fn two_aliases_of_one_field_share_its_call() {
    let query = r#"{
        one: product(id: "7") { name first: stock { available } second: stock { warehouse { city } } }
        again: product(id: "7") { sku price { amount } }
    }"#;
    insta::assert_snapshot!(web(query).await, @r"
    catalog.getProduct 1
    inventory.queryStock 1
    ");
}

#[tokio::test]
async fn two_sets_of_arguments_are_two_calls() {
    let query = r#"{ user(id: "123") { two: orders(first: 2) { id } five: orders(first: 5) { id status } } }"#;
    insta::assert_snapshot!(web(query).await, @r"
    users.getUser 1
    orders.searchOrders 2
    ");
}

#[tokio::test]
async fn one_entity_on_several_paths_is_asked_for_once() {
    let query = r#"{
        user(id: "123") { orders(first: 5) { user { name tier } lines { product { description } } } }
        order(id: "20000") { user { name } lines { product { description } } }
    }"#;
    insta::assert_snapshot!(web(query).await, @r"
    users.getUser 1
    users.getUsers 1
    catalog.getProductsByIds 1
    orders.getOrder 1
    orders.searchOrders 1
    ");
}

#[tokio::test]
async fn lists_in_lists_take_a_call_per_service_and_round() {
    let query = r#"{ user(id: "123") { name orders(first: 10) {
        id lines { quantity product { name } } payment { status }
    } } }"#;
    insta::assert_snapshot!(web(query).await, @r"
    users.getUser 1
    catalog.getProductsByIds 1
    orders.searchOrders 1
    payments.findPayments 1
    ");
}

#[tokio::test]
async fn lists_in_lists_in_lists() {
    let query = r#"{ user(id: "123") { manager { orders(first: 3) { lines { product {
        name stock { available } inStock reviews(first: 2) { stars author { name } }
    } } } } } }"#;
    insta::assert_snapshot!(web(query).await, @r"
    users.getUser 1
    users.getUsers 1
    catalog.getProductsByIds 1
    inventory.queryAvailability 1
    inventory.queryStock 1
    orders.searchOrders 1
    reviews.graphql 1
    ");
}

#[tokio::test]
async fn parents_that_are_nested_as_ids_are_fetched_level_by_level() {
    let query = r#"{ products(first: 10) { name category { name parent { name parent { name } } } } }"#;
    insta::assert_snapshot!(web(query).await, @r"
    catalog.getCategories 3
    catalog.listProducts 1
    ");
    let query = r#"{ category(id: "40") { name parent { name parent { name } } } }"#;
    insta::assert_snapshot!(web(query).await, @r"
    catalog.getCategories 1
    catalog.getCategory 1
    ");
}

#[tokio::test]
async fn ids_that_are_nested_are_not_fetched() {
    let query = r#"{
        user(id: "123") { manager { id } }
        products(first: 10) { category { id } }
        order(id: "20000") { user { id } lines { product { id } } }
    }"#;
    insta::assert_snapshot!(web(query).await, @r"
    users.getUser 1
    catalog.listProducts 1
    orders.getOrder 1
    ");
}

#[tokio::test]
async fn a_manager_is_more_than_the_nested_id() {
    insta::assert_snapshot!(web(r#"{ user(id: "123") { manager { name } } }"#).await, @r"
    users.getUser 1
    users.getUsers 1
    ");
    let query = r#"{ user(id: "123") { name manager { name manager { name manager { name } } } } }"#;
    insta::assert_snapshot!(web(query).await, @r"
    users.getUser 1
    users.getUsers 3
    ");
}

#[tokio::test]
async fn labels_are_computed_from_what_the_list_holds() {
    insta::assert_snapshot!(web("{ products { name priceLabel } }").await, @"catalog.listProducts 1");
    let query = r#"{ products(first: 3) { en: priceLabel de: priceLabel(locale: "de") price { amount } } }"#;
    insta::assert_snapshot!(web(query).await, @"catalog.listProducts 1");
}

#[tokio::test]
async fn payments_of_both_kinds() {
    let query = r#"{ user(id: "456") { orders(first: 20) { id payment {
        id amount currency status method { __typename ... on CardPayment { brand last4 } ... on InvoicePayment { iban dueDate } }
    } } } }"#;
    insta::assert_snapshot!(web(query).await, @r"
    users.getUser 1
    orders.searchOrders 1
    payments.findPayments 1
    ");
}

#[tokio::test]
async fn reviews_take_one_call_per_step() {
    let query = r#"{
        products(first: 8) { name reviewCount averageStars reviews(first: 2) { stars text author { name } } }
        latestReviews(first: 5) { id author { name tier } createdAt }
    }"#;
    insta::assert_snapshot!(web(query).await, @r"
    users.getUsers 1
    catalog.listProducts 1
    reviews.graphql 2
    ");
}

#[tokio::test]
async fn a_product_page() {
    let query = r#"query($id: ID!) { product(id: $id) {
        ...Head description images { small { url } large { url width height } } media { ...View }
        category { ...Crumb parent { ...Crumb } } stock { warehouse { city } available incoming } inStock
        reviews { stars text author { name avatarUrl } } reviewCount averageStars priceLabel(locale: "de-AT")
    } }
    fragment Head on Product { id sku name price { amount currency } rating discontinued createdAt }
    fragment View on Media { __typename ... on Photo { url alt } ... on Video { url seconds } }
    fragment Crumb on Category { id name slug }"#;
    insta::assert_snapshot!(calls(Of::Web, None, query, json!({ "id": "7" })).await, @r"
    users.getUsers 1
    catalog.getCategories 2
    catalog.getProduct 1
    inventory.queryAvailability 1
    inventory.queryStock 1
    reviews.graphql 1
    ");
}

#[tokio::test]
async fn details_of_listed_products_take_one_more_call() {
    let query = "{ products(first: 30, sort: PRICE_DESC, page: 2) { name description media { __typename } } }";
    insta::assert_snapshot!(web(query).await, @r"
    catalog.getProductsByIds 1
    catalog.listProducts 1
    ");
}

#[tokio::test]
async fn skipped_fields_are_not_fetched() {
    let query = "query($stock: Boolean!, $reviews: Boolean!) { products(first: 5) {
        name stock @include(if: $stock) { available } ... @skip(if: $reviews) { reviewCount }
    } }";
    insta::assert_snapshot!(calls(Of::Web, None, query, json!({ "stock": false, "reviews": true })).await, @"catalog.listProducts 1");
    insta::assert_snapshot!(calls(Of::Web, None, query, json!({ "stock": true, "reviews": false })).await, @r"
    catalog.listProducts 1
    inventory.queryStock 1
    reviews.graphql 1
    ");
}

#[tokio::test]
async fn the_callers_own_page() {
    let query = r#"{
        me { name email address { city } loyalty { points level } orders(first: 3) { id total } }
        cart { id updatedAt note lines { quantity product { name price { amount } } } }
    }"#;
    insta::assert_snapshot!(calls(Of::Web, Some("123"), query, json!({})).await, @r"
    users.getUser 1
    catalog.getProductsByIds 1
    carts.getCart 1
    orders.searchOrders 2
    ");
}

#[tokio::test]
async fn loyalty_of_several_users_takes_one_search() {
    let query = r#"{ latestReviews(first: 10) { author { loyalty { points level } } } }"#;
    insta::assert_snapshot!(web(query).await, @r"
    orders.searchOrders 1
    reviews.graphql 1
    ");
}

#[tokio::test]
async fn pages_by_cursor() {
    let query = r#"{ orderPage(userId: "123", first: 4) { next items { id placedAt shipping { carrier steps { label done } } } } }"#;
    insta::assert_snapshot!(web(query).await, @"orders.pageOrders 1");
}

#[tokio::test]
async fn roots_side_by_side() {
    let query = r#"{ warehouses { code city } categories { id name parent { id } }
        popular: products(first: 2) { name } cheap: products(first: 2, sort: PRICE_ASC) { name } }"#;
    insta::assert_snapshot!(web(query).await, @r"
    catalog.listCategories 1
    catalog.listProducts 2
    inventory.listWarehouses 1
    ");
}

#[tokio::test]
async fn what_does_not_exist_is_null() {
    let query =
        r#"{ user(id: "nobody") { name } product(id: "99999") { name stock { available } } order(id: "1") { id } }"#;
    insta::assert_snapshot!(web(query).await, @r"
    users.getUser 1
    catalog.getProduct 1
    orders.getOrder 1
    ");
}

#[tokio::test]
async fn the_phones_home_screen() {
    let query = "{ home {
        popular { ...Card } fresh { ...Card } categories { id label }
    } } fragment Card on ProductCard { id title cents currency thumb category inStock teaser }";
    insta::assert_snapshot!(calls(Of::Mobile, None, query, json!({})).await, @r"
    catalog.getCategories 1
    catalog.listCategories 1
    catalog.listProducts 2
    inventory.queryAvailability 1
    ");
}

#[tokio::test]
async fn the_phones_card_shows_the_first_of_the_media() {
    let query =
        r#"{ cards(first: 20) { title hero { __typename ... on Picture { url } ... on Clip { url seconds } } } }"#;
    insta::assert_snapshot!(calls(Of::Mobile, None, query, json!({})).await, @r"
    catalog.getProductsByIds 1
    catalog.listProducts 1
    ");
}

#[tokio::test]
async fn the_phones_order_tracker() {
    let query = r#"{ tracker(orderId: "19990") { id state placedAt carrier code steps { label done } things } }"#;
    insta::assert_snapshot!(calls(Of::Mobile, None, query, json!({})).await, @r"
    catalog.getProductsByIds 1
    orders.getOrder 1
    ");
}

#[tokio::test]
async fn the_phones_caller_and_basket() {
    let query = "{ me { id name recent { id state things } } basket { id lines { quantity title cents } } }";
    insta::assert_snapshot!(calls(Of::Mobile, Some("456"), query, json!({})).await, @r"
    users.getUser 1
    catalog.getProductsByIds 1
    carts.getCart 1
    orders.searchOrders 1
    ");
}
