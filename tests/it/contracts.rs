//! Tests the running services against the contracts in `schema/services`: every declared answer is provoked, and every
//! answer is as its contract declares.

use std::collections::BTreeSet;

use demo::{Shop, ShopOptions};
use serde_json::Value;

mod contract;
mod exercises;

use contract::Contract;
use exercises::{Exercise, SERVICES, exercises};

/// An answer as the service sent it.
struct Answer {
    status: u16,
    headers: reqwest::header::HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a JSON body")
    }
}

fn client() -> reqwest::Client {
    // The call fails if another test has installed a provider already, which is fine.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().timeout(std::time::Duration::from_secs(10)).build().unwrap()
}

async fn send(client: &reqwest::Client, shop: &Shop, exercise: &Exercise) -> Answer {
    let url = format!("{}{}", shop.url(exercise.service), exercise.target);
    let mut request = client.request(exercise.method.parse().unwrap(), url);
    if let Some(user) = exercise.user {
        request = request.header("authorization", shop.bearer(user));
    }
    for (name, value) in &exercise.headers {
        request = request.header(*name, value);
    }
    if let Some(body) = &exercise.body {
        request = request.header("content-type", "application/json").body(body.clone());
    }
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Answer { status, headers, body: response.bytes().await.unwrap().to_vec() }
}

#[tokio::test]
async fn every_declared_answer_is_given_and_fits_its_contract() {
    let (shop, client) = (Shop::start(ShopOptions::default()), client());
    for service in SERVICES {
        let contract = Contract::read(service);
        let mut missing = contract.declared();
        for exercise in exercises(service) {
            let name = format!("{} {} {}", exercise.operation, exercise.method, exercise.target);
            shop.reset_calls();
            let answer = send(&client, &shop, &exercise).await;
            let text = String::from_utf8_lossy(&answer.body);
            assert_eq!(answer.status, exercise.status, "{name}: {text}");
            assert_eq!(shop.calls(service).get(exercise.operation), Some(&1), "{name}: counted as its operation");
            contract.check_request(&exercise);
            contract.check_answer(&exercise, &answer);
            missing.remove(&(exercise.operation.to_owned(), exercise.status));
        }
        assert_eq!(missing, BTreeSet::new(), "answers of `{service}` that are declared but were not provoked");
    }
}

#[tokio::test]
async fn many_good_answers_fit_their_contract() {
    // Many answers are checked, because one example may lack nulls, a kind of media or of payment, or a status.
    let (shop, client) = (Shop::start(ShopOptions::default()), client());
    let ids = |range: std::ops::Range<u32>| range.map(|id| id.to_string()).collect::<Vec<_>>();
    let mut walks = Vec::new();
    for page in 1..=10 {
        walks.push(Exercise::get("users", "searchUsers", 200, format!("/users/search?page={page}&limit=100")));
        walks.push(Exercise::get("catalog", "listProducts", 200, format!("/products?page={page}&limit=100")));
        let from = page * 100;
        let products = ids(from..from + 100).join(",");
        walks.push(Exercise::get("catalog", "getProductsByIds", 200, format!("/products/by-ids?ids={products}")));
        let users = ids(from..from + 25).join("&userId=");
        let target = format!("/orders/search?userId={users}&perUser=50");
        walks.push(Exercise::get("orders", "searchOrders", 200, target));
        let orders = ids(19_000 + from..19_100 + from).join(",");
        walks.push(Exercise::get("payments", "findPayments", 200, format!("/payments?orderIds={orders}")));
    }
    let mut items = 0;
    for walk in walks {
        let answer = send(&client, &shop, &walk).await;
        Contract::read(walk.service).check_answer(&walk, &answer);
        let body = answer.json();
        let list = body.get("items").or_else(|| body.get("content")).unwrap_or(&body);
        items += list.as_array().expect("a list").len();
    }
    assert!(items > 7_000, "only {items} items were checked");
}

#[tokio::test]
async fn limits_of_each_list_are_those_of_the_contract() {
    let (shop, client) = (Shop::start(ShopOptions::default()), client());
    let list = |most: usize, between: &str| vec!["1"; most].join(between);
    let mut cases = Vec::new();
    for (service, operation, before, between, most) in [
        ("users", "getUsers", "/users?id=", "&id=", 50),
        ("catalog", "getProductsByIds", "/products/by-ids?ids=", ",", 100),
        ("catalog", "getCategories", "/categories/by-ids?ids=", ",", 100),
        ("orders", "searchOrders", "/orders/search?userId=", "&userId=", 25),
        ("orders", "getOrders", "/orders/by-ids?ids=", ",", 50),
        ("payments", "findPayments", "/payments?orderIds=", ",", 100),
    ] {
        let parameter = before[before.find('?').unwrap() + 1..].trim_end_matches('=');
        assert_eq!(Contract::read(service).most_values(operation, parameter), most as u64, "{operation}");
        for (count, status) in [(most, 200), (most + 1, 400)] {
            let target = format!("{before}{}", list(count, between));
            cases.push(Exercise::get(service, operation, status, target));
        }
    }
    for operation in ["queryStock", "queryAvailability"] {
        let path = if operation == "queryStock" { "/v1/stock/query" } else { "/v1/availability" };
        for (count, status) in [(200, 200), (201, 400)] {
            let body = format!(r#"{{"productIds":[{}]}}"#, list(count, ","));
            cases.push(Exercise::post("inventory", operation, status, path).body(body));
        }
    }
    for case in cases {
        let answer = send(&client, &shop, &case).await;
        assert_eq!(answer.status, case.status, "{} {}", case.operation, case.target.len());
    }
}

#[tokio::test]
async fn sparse_products_have_exactly_the_fields_asked_for() {
    let (shop, client) = (Shop::start(ShopOptions::default()), client());
    let get = |target: &str| Exercise::get("catalog", "getProductsByIds", 200, target);
    let whole = send(&client, &shop, &get("/products/by-ids?ids=9,3")).await.json();
    let sparse = send(&client, &shop, &get("/products/by-ids?ids=9,3&fields=name,id")).await.json();
    let expected: Vec<_> = whole
        .as_array()
        .unwrap()
        .iter()
        .map(|product| serde_json::json!({ "id": product["id"], "name": product["name"] }))
        .collect();
    assert_eq!(sparse, Value::from(expected));
    assert_eq!(sparse[0]["id"], "3", "sorted by number, not as asked");
}

#[tokio::test]
async fn one_idempotency_key_places_one_order() {
    let (shop, client) = (Shop::start(ShopOptions::default()), client());
    let body = r#"{"cartId":"cart-123","lines":[{"productId":"1","quantity":2}],"paymentMethod":"card"}"#;
    let order = |key: &str, user| {
        Exercise::post("orders", "createOrder", 201, "/orders").user(user).header("idempotency-key", key).body(body)
    };
    let first = send(&client, &shop, &order("a", "123")).await.json();
    assert_eq!(send(&client, &shop, &order("a", "123")).await.json(), first);
    let second = send(&client, &shop, &order("b", "123")).await.json();
    let of_another = send(&client, &shop, &order("a", "456")).await.json();
    assert_eq!((&first["id"], &second["id"], &of_another["id"]), (&"20001".into(), &"20002".into(), &"20003".into()));
    assert_eq!(of_another["userId"], "456");

    let newest = Exercise::get("orders", "listUserOrders", 200, "/users/123/orders?limit=3");
    let newest = send(&client, &shop, &newest).await.json();
    assert_eq!((&newest[0], &newest[1]), (&second, &first));
    assert_ne!(newest[2]["id"], "20001");
}

#[tokio::test]
async fn pages_by_cursor_give_each_order_once() {
    let (shop, client) = (Shop::start(ShopOptions::default()), client());
    let all = Exercise::get("orders", "listUserOrders", 200, "/users/123/orders?limit=50");
    let all = send(&client, &shop, &all).await.json();
    let mut paged = Vec::new();
    let mut target = "/orders?userId=123&limit=7".to_owned();
    loop {
        let page = send(&client, &shop, &Exercise::get("orders", "pageOrders", 200, target.clone())).await.json();
        let mut items = page["items"].as_array().unwrap().clone();
        let cursors: Vec<Value> = items.iter_mut().map(|item| item["cursor"].take()).collect();
        assert_eq!(cursors.last(), Some(&page["last"]));
        // Without its cursor, an item of a page is an order.
        items.iter_mut().for_each(|item| _ = item.as_object_mut().unwrap().remove("cursor"));
        paged.extend(items);
        match &page["next"] {
            Value::String(next) => target = format!("/orders?userId=123&limit=7&cursor={next}"),
            end => {
                assert_eq!(end, &Value::Null);
                break;
            }
        }
        assert!(paged.len() < 100, "pages without end");
    }
    assert!(paged.len() > 10);
    assert_eq!(Value::from(paged), all);
}

#[tokio::test]
async fn orders_of_several_users_are_limited_for_each() {
    let (shop, client) = (Shop::start(ShopOptions::default()), client());
    // User 50 has no orders, and user 123 is in the request twice.
    let search = "/orders/search?userId=456&userId=123&userId=50&userId=123&perUser=4";
    let found = send(&client, &shop, &Exercise::get("orders", "searchOrders", 200, search)).await.json();
    let found = found["content"].as_array().unwrap().clone();
    let of = |user: &str| found.iter().filter(|order| order["userId"] == user).count();
    assert_eq!((found.len(), of("123"), of("456"), of("50")), (8, 4, 4, 0));
    assert!(found.is_sorted_by_key(|order| std::cmp::Reverse(order["created_at"].as_str().unwrap().to_owned())));
}

#[tokio::test]
async fn probes_count_log_fail_and_slow_down() {
    let (shop, client) = (Shop::start(ShopOptions::default()), client());
    let get = |target: &str| Exercise::get("users", "getUsers", 200, target);
    send(&client, &shop, &get("/users?id=2&id=%31")).await;
    let post = Exercise::post("inventory", "queryStock", 200, "/v1/stock/query").body(r#"{"productIds": [1]}"#);
    send(&client, &shop, &post).await;
    let stray = Exercise::post("inventory", "queryStock", 404, "/nowhere").header("x-request-id", "r1".to_owned());
    assert_eq!(send(&client, &shop, &stray).await.status, 404);
    insta::assert_snapshot!(shop.call_summary(), @r"
    users.getUsers 1
    inventory.queryStock 1
    inventory.unmatched 1
    ");
    let seen: Vec<_> = ["users", "inventory"].iter().flat_map(|name| shop.requests(name)).collect();
    let lines: Vec<_> = seen.iter().map(ToString::to_string).collect();
    assert_eq!(lines, ["GET /users?id=2&id=%31", "POST /v1/stock/query {\"productIds\": [1]}", "POST /nowhere"]);
    assert_eq!(seen[1].header("content-type"), Some("application/json"));
    assert_eq!(seen[2].header("x-request-id"), Some("r1"));

    let over_http = send(&client, &shop, &Exercise::get("users", "", 200, "/__calls")).await.json();
    assert_eq!(over_http, serde_json::json!({ "getUsers": 1 }));
    assert_eq!(send(&client, &shop, &Exercise::get("users", "", 200, "/healthz")).await.body, b"ok");
    let reset = Exercise { method: "DELETE", ..Exercise::get("users", "", 204, "/__calls") };
    assert_eq!(send(&client, &shop, &reset).await.status, 204);
    assert!(shop.calls("users").is_empty() && shop.requests("users").is_empty());

    let probe = shop.probe("users");
    probe.fail_next(2, reqwest::StatusCode::SERVICE_UNAVAILABLE);
    for status in [503, 503, 200] {
        assert_eq!(send(&client, &shop, &get("/users?id=1")).await.status, status);
    }
    probe.set_delay(std::time::Duration::from_millis(30));
    let start = std::time::Instant::now();
    send(&client, &shop, &get("/users?id=1")).await;
    assert!(start.elapsed() >= std::time::Duration::from_millis(30));
}
