//! Tests of the reference itself, with answers that are known from the demo's facts.

use crate::reference::{Expected, Reference};
use demo::{Shop, ShopOptions};
use serde_json::json;

#[tokio::test]
async fn one_request_is_made_for_each_field() {
    let shop = Shop::start(ShopOptions::default());
    let query = "{ products(first: 3) { name stock { warehouse { code } available } } }";
    let Expected { data, error_paths } = Reference::web(&shop, None).execute(query, json!({})).await;
    assert_eq!(data["products"].as_array().unwrap().len(), 3);
    assert!(data["products"][2]["stock"][0]["warehouse"]["code"].is_string());
    assert!(error_paths.is_empty());
    insta::assert_snapshot!(shop.call_summary(), @r"
    catalog.getProduct 3
    catalog.listProducts 1
    inventory.getStock 3
    ");
}

#[tokio::test]
async fn fragments_variables_and_conditions_are_followed() {
    let shop = Shop::start(ShopOptions::default());
    let query = r#"query($id: ID!, $no: Boolean!, $first: Int = 2) {
        one: user(id: $id) { ...Who tier @skip(if: $no) phone @include(if: $no) }
        none: user(id: "nobody") { name }
        order(id: "20000") { payment { method { __typename ... on CardPayment { brand } } } }
        product(id: "1") { media { __typename ... on Photo { alt } } category { name parent { name } } }
    }
    fragment Who on User { id again: id orders(first: $first) { id lines { quantity product { id } } } }"#;
    let variables = json!({ "id": "123", "no": false });
    let Expected { data, error_paths } = Reference::web(&shop, None).execute(query, variables).await;
    assert_eq!((&data["one"]["id"], &data["one"]["again"]), (&json!("123"), &json!("123")));
    assert_eq!(data["one"]["orders"].as_array().unwrap().len(), 2);
    assert!(data["one"]["tier"].is_string() && data["one"].get("phone").is_none());
    assert!(data["none"].is_null() && data["order"]["payment"].is_null());
    assert_eq!(data["product"]["media"][0]["__typename"], "Photo");
    assert!(data["product"]["category"]["parent"]["name"].is_string());
    assert!(error_paths.is_empty());
}

#[tokio::test]
async fn a_failure_bubbles_to_the_next_nullable_place() {
    let shop = Shop::start(ShopOptions::default());
    shop.probe("inventory").fail_next(10, reqwest::StatusCode::INTERNAL_SERVER_ERROR);
    let query = r#"{ product(id: "1") { name stock { available } } product2: product(id: "2") { inStock name } }"#;
    let Expected { data, error_paths } = Reference::web(&shop, None).execute(query, json!({})).await;
    assert!(data["product"].is_null() && data["product2"]["inStock"].is_null() && data["product2"]["name"].is_string());
    assert_eq!(error_paths, [json!(["product", "stock"]), json!(["product2", "inStock"])]);
}

#[tokio::test]
async fn every_field_of_both_clients_has_a_value_somewhere() {
    let shop = Shop::start(ShopOptions::default());
    let web = r#"{
        me { id name email phone createdAt avatarUrl tier address { street city zip country } manager { id }
             loyalty { points level } orders(first: 2) { id status placedAt total currency user { name } shipping {
             carrier trackingCode steps { at label done } } payment { id status amount currency method { __typename
             ... on CardPayment { last4 brand } ... on InvoicePayment { dueDate iban } } }
             lines { quantity unitPrice product { name } } } }
        product(id: "7") { id sku name description price { amount currency } priceLabel category { id slug }
             images { small { url width height } medium { url } large { url } } rating createdAt discontinued
             media { ... on Photo { url alt } ... on Video { url seconds } } inStock reviewCount averageStars
             stock { warehouse { code city } available incoming }
             reviews(first: 1) { id stars text author { name } createdAt } }
        products(category: "3", sort: PRICE_ASC, first: 2, page: 2) { id }
        categories { id } category(id: "5") { name } order(id: "1") { id } warehouses { code city }
        orderPage(userId: "123", first: 2) { items { id } next }
        orderConnection(userId: "123", first: 2) { edges { cursor node { id } }
             pageInfo { startCursor endCursor hasNextPage hasPreviousPage } } cart { id updatedAt note lines { quantity product { id } } }
        latestReviews(first: 1) { id }
    }"#;
    let mobile = r#"{
        home { popular(first: 2) { ...Card } fresh { id } categories { id label } }
        card(id: "7") { ...Card } cards(category: "3", first: 2) { id }
        tracker(orderId: "20000") { id state placedAt carrier code steps { label done } things }
        me { id name recent { id state } } basket { id lines { quantity title cents } }
    }
    fragment Card on ProductCard { id title cents currency thumb category inStock teaser
        hero { __typename ... on Picture { url } ... on Clip { url seconds } } }"#;
    for (reference, query) in
        [(Reference::web(&shop, Some("123")), web), (Reference::mobile(&shop, Some("123")), mobile)]
    {
        let Expected { data, error_paths } = reference.execute(query, json!({})).await;
        assert!(error_paths.is_empty(), "{error_paths:?}");
        for (field, value) in data.as_object().unwrap() {
            assert!(!value.is_null(), "{field}");
        }
    }
}
