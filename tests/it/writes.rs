//! Compares mutations with the reference. Each side has a shop of its own, because both change it.

use crate::harness::{Of, assert_same};
use demo::{Shop, ShopOptions};
use serde_json::{Value, json};

/// Runs an operation for user 123 against a fresh BFF and shop, compares its answer with that of the reference on
/// another fresh shop, and returns the data of the answer and the counts of the services.
async fn written(of: Of, query: &str, variables: Value) -> (Value, String) {
    let shop = Shop::start(ShopOptions::default());
    let bearer = shop.bearer("123");
    let reply = of.bff(&shop).await.send(query, variables.clone(), Some(&bearer)).await;
    let other = Shop::start(ShopOptions::default());
    let expected = of.reference(&other, Some("123")).execute(query, variables).await;
    assert_same(&reply, &expected, query);
    (reply.data().clone(), shop.call_summary())
}

const PLACE: &str = "mutation($key: String!, $lines: [OrderLineInput!]!, $payBy: PaymentKind!) {
    placeOrder(key: $key, lines: $lines, payBy: $payBy) {
        __typename
        ... on Order { id status total lines { quantity product { name } } user { name } }
        ... on PaymentDeclined { reason }
        ... on OutOfStock { skus }
        ... on UnknownProduct { reason }
    }
}";

#[tokio::test]
async fn each_outcome_of_an_order_is_its_own_type() {
    for (product, quantity, outcome) in
        [("1", 2, "Order"), ("1", 60, "PaymentDeclined"), ("97", 1, "OutOfStock"), ("99999", 1, "UnknownProduct")]
    {
        let lines = json!([{ "productId": product, "quantity": quantity }]);
        let (data, calls) = written(Of::Web, PLACE, json!({ "key": "k1", "lines": lines, "payBy": "CARD" })).await;
        assert_eq!(data["placeOrder"]["__typename"], outcome);
        assert!(calls.contains("orders.createOrder 1"), "{calls}");
        assert_eq!(calls.lines().count() > 1, outcome == "Order", "only an order leads to further calls: {calls}");
    }
}

#[tokio::test]
async fn mutations_run_one_after_the_other() {
    let query = r#"mutation {
        first: addToCart(productId: "11", quantity: 2) { updatedAt lines { quantity product { name } } }
        then: addToCart(productId: "11") { updatedAt lines { quantity product { id } } }
        gone: removeFromCart(productId: "11") { updatedAt lines { product { id } } }
    }"#;
    let (data, calls) = written(Of::Web, query, json!({})).await;
    let quantity = |field: &str| {
        let lines = data[field]["lines"].as_array().unwrap();
        lines.iter().find(|line| line["product"]["id"] == "11").map(|line| line["quantity"].clone())
    };
    assert_eq!(quantity("then"), Some(json!(3)));
    assert_eq!(quantity("gone"), None);
    let times = ["first", "then", "gone"].map(|field| data[field]["updatedAt"].as_str().unwrap());
    assert!(times.is_sorted() && times[0] != times[2], "{times:?}");
    insta::assert_snapshot!(calls, @r"
    catalog.getProductsByIds 1
    carts.addCartItem 2
    carts.removeCartItem 1
    ");
}

#[tokio::test]
async fn the_phone_adds_one_piece() {
    let query = r#"mutation { addOne(productId: "42") { id lines { quantity title cents } } }"#;
    let (_, calls) = written(Of::Mobile, query, json!({})).await;
    insta::assert_snapshot!(calls, @r"
    catalog.getProductsByIds 1
    carts.addCartItem 1
    ");
}

#[tokio::test]
async fn a_cart_of_nobody_is_refused_before_any_call() {
    let shop = Shop::start(ShopOptions::default());
    let bff = Of::Web.bff(&shop).await;
    let reply = bff.ask(r#"mutation { addToCart(productId: "1") { id } }"#).await;
    assert_eq!(reply.errors()[0]["extensions"]["code"], "UNAUTHENTICATED", "{}", reply.text);
    assert_eq!(shop.total_calls(), 0);
    let reply = bff.send("{ me { name } }", json!({}), Some("Bearer nonsense")).await;
    assert_eq!((reply.status, shop.total_calls()), (401, 0));
}
