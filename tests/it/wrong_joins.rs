//! Tests of batch answers that a proxy changes on purpose. The comparison with the reference must notice each wrong
//! answer, and must accept each answer that a service may give.
//!
//! The engine cannot always tell a wrong answer from a right one, because two swapped ids look like two other items. So
//! this is mainly a test of the comparison. If the engine can notice that an answer is wrong, there must be an error.

use crate::harness::{Bff, Reply, Setup};
use crate::reference::{Expected, Reference};
use demo::{Shop, ShopOptions};
use serde_json::{Value, json};
use testkit::proxy::Proxy;

/// The expected result of a comparison.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Verdict {
    /// The data is the same, and there are no errors.
    Harmless,
    /// The data differs, and there are no errors.
    Differs,
    /// The engine notices the wrong answer itself, and there are errors.
    IsAnError,
}

use Verdict::{Differs, Harmless, IsAnError};

struct Case {
    name: &'static str,
    verdict: Verdict,
    change: fn(&mut Value),
}

const fn case(name: &'static str, verdict: Verdict, change: fn(&mut Value)) -> Case {
    Case { name, verdict, change }
}

/// Runs each case with a fresh BFF. `batch` is the beginning of the targets of the batch endpoint.
async fn check(service: &'static str, batch: &'static str, query: &str, cases: &[Case]) {
    let shop = Shop::start(ShopOptions::default());
    let expected = Reference::web(&shop, None).execute(query, json!({})).await;
    assert!(expected.error_paths.is_empty());
    let path = if service == "reviews" { "/graphql" } else { "" };
    for case in cases {
        let change = case.change;
        let proxy = Proxy::start(shop.url(service), move |request, mut answer| {
            request.target.starts_with(batch).then(|| {
                change(&mut answer);
                answer
            })
        });
        let proxy = proxy.await.unwrap();
        let setup = Setup::of(&shop).url(service, proxy.base_url() + path);
        let reply = Bff::start(bff_web::client(), setup).await.ask(query).await;
        assert_eq!(proxy.changed(), 1, "{service}, {}: the batch was not asked for once: {}", case.name, reply.text);
        assert_eq!(verdict(&reply, &expected), case.verdict, "{service}, {}: {}", case.name, reply.text);
    }
}

fn verdict(reply: &Reply, expected: &Expected) -> Verdict {
    match reply.outcome() {
        outcome if outcome == *expected => Harmless,
        outcome if outcome.error_paths.is_empty() => Differs,
        _ => IsAnError,
    }
}

fn items(answer: &mut Value) -> &mut Vec<Value> {
    answer.as_array_mut().expect("a list")
}

/// Gives each item the key of the next one.
fn rotate(items: &mut [Value], key: &str) {
    let keys: Vec<_> = items.iter().map(|item| item[key].clone()).collect();
    for (index, item) in items.iter_mut().enumerate() {
        item[key] = keys[(index + 1) % keys.len()].clone();
    }
}

#[tokio::test]
async fn users_joined_by_index() {
    let query = "{ latestReviews(first: 6) { id author { id name } } }";
    let cases = [
        case("as it is", Harmless, |_| {}),
        case("keys swapped", Differs, |answer| rotate(&mut items(answer)[..2], "id")),
        case("an item lost", IsAnError, |answer| drop(items(answer).pop())),
        case("cut in half", IsAnError, |answer| {
            let half = items(answer).len() / 2;
            items(answer).truncate(half);
        }),
        case("a key twice", IsAnError, |answer| {
            let mut twin = items(answer)[0].clone();
            twin["name"] = "Twin".into();
            items(answer).push(twin);
        }),
        case("in another order", Harmless, |answer| items(answer).reverse()),
        case("in another order, keys in place", Differs, |answer| rotate(items(answer), "id")),
        case("an item that nobody asked for", Harmless, |answer| {
            let mut stranger = items(answer)[0].clone();
            stranger["id"] = "424242".into();
            items(answer).insert(0, stranger);
        }),
        case("a stranger instead of an item", IsAnError, |answer| items(answer)[0]["id"] = "424242".into()),
        case("keys as numbers", Harmless, |answer| {
            for item in items(answer) {
                item["id"] = item["id"].as_str().unwrap().parse::<u64>().unwrap().into();
            }
        }),
        case("keys in objects", IsAnError, |answer| {
            for item in items(answer) {
                item["id"] = json!({ "value": item["id"] });
            }
        }),
        case("an item without its key", IsAnError, |answer| {
            items(answer)[0].as_object_mut().unwrap().remove("id");
        }),
        case("a null for an item", IsAnError, |answer| items(answer)[0] = Value::Null),
        case("no list", IsAnError, |answer| *answer = json!({ "items": answer.take() })),
    ];
    check("users", "/users?", query, &cases).await;
}

#[tokio::test]
async fn orders_joined_by_group() {
    let query = r#"{ a: user(id: "123") { orders(first: 3) { id total } } b: user(id: "456") { orders(first: 3) { id total } } }"#;
    let cases = [
        case("as it is", Harmless, |_| {}),
        case("an order of the other user", IsAnError, |answer| {
            let order = &mut items(&mut answer["content"])[0];
            order["userId"] = if order["userId"] == "123" { "456" } else { "123" }.into();
        }),
        case("an order of a third user", Differs, |answer| items(&mut answer["content"])[0]["userId"] = "7".into()),
        case("an order lost", Differs, |answer| drop(items(&mut answer["content"]).pop())),
        case("an order twice", IsAnError, |answer| {
            let twin = items(&mut answer["content"])[0].clone();
            items(&mut answer["content"]).insert(0, twin);
        }),
        case("nothing", Differs, |answer| items(&mut answer["content"]).clear()),
        case("an order of a third user besides", Harmless, |answer| {
            let mut stranger = items(&mut answer["content"])[0].clone();
            stranger["userId"] = "7".into();
            items(&mut answer["content"]).insert(0, stranger);
        }),
        case("user ids as numbers", Harmless, |answer| {
            for order in items(&mut answer["content"]) {
                order["userId"] = order["userId"].as_str().unwrap().parse::<u64>().unwrap().into();
            }
        }),
        case("no list", IsAnError, |answer| answer["content"] = json!("none")),
        case("no content", IsAnError, |answer| {
            answer.as_object_mut().unwrap().remove("content");
        }),
    ];
    check("orders", "/orders/search", query, &cases).await;
}

#[tokio::test]
async fn stock_joined_by_group_from_a_post() {
    let query = "{ products(first: 4) { id stock { available warehouse { code } } } }";
    let cases = [
        case("as it is", Harmless, |_| {}),
        case("products rotated", Differs, |answer| rotate(items(answer), "productId")),
        case("a row lost", Differs, |answer| drop(items(answer).pop())),
        case("ids as text", Harmless, |answer| {
            for row in items(answer) {
                row["productId"] = row["productId"].to_string().into();
            }
        }),
        // A null has no key, so it could belong to any entity.
        case("a null for a row", IsAnError, |answer| items(answer)[0] = Value::Null),
    ];
    check("inventory", "/v1/stock/query", query, &cases).await;
}

#[tokio::test]
async fn payments_joined_by_index_on_another_key() {
    let query = r#"{ user(id: "123") { orders(first: 6) { id payment { amount } } } }"#;
    let cases = [
        case("as it is", Harmless, |_| {}),
        case("orders rotated", Differs, |answer| rotate(items(answer), "orderId")),
        case("a payment lost", Differs, |answer| drop(items(answer).pop())),
        case("a payment without its key", IsAnError, |answer| {
            items(answer)[0].as_object_mut().unwrap().remove("orderId");
        }),
        case("a key that cannot be one", IsAnError, |answer| items(answer)[0]["orderId"] = json!(1.5)),
        case("text for a list", IsAnError, |answer| *answer = json!("none")),
        case("text for an item", IsAnError, |answer| items(answer)[0] = json!("none")),
        case("null for the list", IsAnError, |answer| *answer = Value::Null),
        case("a null besides", Harmless, |answer| items(answer).insert(0, Value::Null)),
        case("a payment twice", IsAnError, |answer| {
            let twin = items(answer)[0].clone();
            items(answer).push(twin);
        }),
        case("reversed", Harmless, |answer| items(answer).reverse()),
    ];
    check("payments", "/payments?", query, &cases).await;
}

#[tokio::test]
async fn reviews_joined_by_position() {
    let query = "{ products(first: 4) { id averageStars } }";
    let cases = [
        case("as it is", Harmless, |_| {}),
        case("in another order", Differs, |answer| items(&mut answer["data"]["_entities"]).rotate_left(1)),
        case("one lost", IsAnError, |answer| drop(items(&mut answer["data"]["_entities"]).pop())),
        // A null means that the source does not know the entity. Its field is nullable.
        case("a null for one", Differs, |answer| items(&mut answer["data"]["_entities"])[1] = Value::Null),
        case("one too many", IsAnError, |answer| items(&mut answer["data"]["_entities"]).push(Value::Null)),
        case("no list", IsAnError, |answer| answer["data"]["_entities"] = json!({})),
        case("no data", IsAnError, |answer| *answer = json!({ "data": null })),
    ];
    check("reviews", "/graphql", query, &cases).await;
}
