//! Calls of the demo's services as their contracts say, for one thing at a time.

use super::{At, Failure, Node};
use demo::Shop;
use reqwest::{Client, Method, RequestBuilder, Url};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::time::Duration;
use tokio::runtime::Handle;

/// The status and the body of an answer.
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) body: Value,
}

/// The addresses of the services, and the caller on whose behalf they are called.
pub(super) struct Services {
    urls: HashMap<&'static str, String>,
    caller: Option<(String, String)>,
    client: Client,
    runtime: Handle,
}

const ALL: [&str; 7] = ["users", "catalog", "inventory", "carts", "orders", "payments", "reviews"];

impl Services {
    /// Makes the client of the services. It must be made inside a runtime, and used on a thread that may block.
    pub(super) fn of(shop: &Shop, sub: Option<&str>) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().timeout(Duration::from_secs(10)).build().unwrap();
        Self {
            urls: ALL.into_iter().map(|name| (name, shop.url(name))).collect(),
            caller: sub.map(|sub| (sub.to_owned(), shop.bearer(sub))),
            client,
            runtime: Handle::current(),
        }
    }

    /// The user id of the caller, or a failure if nobody is signed in.
    pub(super) fn sub(&self) -> Result<&str, Failure> {
        let caller = self.caller.as_ref();
        caller.map(|(sub, _)| sub.as_str()).ok_or_else(|| Failure("nobody is signed in".to_owned()))
    }

    /// Sends a GET. Returns the body of a 200, null for a 404, and a failure for any other status.
    pub(super) fn get(&self, service: &str, path: &[&str], query: &[(&str, Option<String>)]) -> Result<Value, Failure> {
        let mut url = self.url(service, path);
        let query = query.iter().filter_map(|(name, value)| Some((name, value.as_ref()?)));
        let query: Vec<_> = query.collect();
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let reply = self.send(service, self.client.request(Method::GET, url))?;
        match reply.status {
            200 => Ok(reply.body),
            404 => Ok(Value::Null),
            status => Err(Failure(format!("{service}: {status}"))),
        }
    }

    /// Sends a write on behalf of the caller.
    pub(super) fn change(
        &self,
        service: &str,
        method: Method,
        path: &[&str],
        key: Option<&str>,
        body: Option<Value>,
    ) -> Result<Reply, Failure> {
        let mut request = self.client.request(method, self.url(service, path));
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        self.send(service, request)
    }

    /// The entity of a node, such as `Product` 7; null if it does not exist. An entity that a write returned is not
    /// fetched again.
    pub(super) fn entity(&self, node: &Node) -> Result<Value, Failure> {
        let id = match &node.at {
            At::Json(json) => return Ok(json.clone()),
            _ => node.id(),
        };
        match node.type_name.as_str() {
            "User" | "Me" => self.get("users", &["users", id], &[]),
            "Product" | "ProductCard" => self.get("catalog", &["products", id], &[]),
            "Category" | "Tag" => self.get("catalog", &["categories", id], &[]),
            "Order" | "OrderTracker" => self.get("orders", &["orders", id], &[]),
            "Payment" => self.get("payments", &["payments", id], &[]),
            "Cart" | "Basket" => self.get("carts", &["carts", id], &[]),
            other => panic!("the reference knows no entity `{other}`"),
        }
    }

    /// Returns one property of an entity.
    pub(super) fn property(&self, node: &Node, name: &str) -> Result<Value, Failure> {
        let entity = self.entity(node)?;
        property(&entity, name).cloned()
    }

    /// Returns one field of a product from the service `reviews`.
    pub(super) fn reviews_of_product(&self, id: &str, selection: &str) -> Result<Value, Failure> {
        let query = format!(
            "query($id: ID!) {{ _entities(representations: [{{ __typename: \"Product\", id: $id }}]) \
             {{ ... on Product {{ value: {selection} }} }} }}"
        );
        Ok(self.graphql(&query, json!({ "id": id }))?["_entities"][0]["value"].take())
    }

    /// The `data` of an operation on the service `reviews`.
    pub(super) fn graphql(&self, query: &str, variables: Value) -> Result<Value, Failure> {
        let body = json!({ "query": query, "variables": variables }).to_string();
        let request = self.client.post(self.url("reviews", &["graphql"]));
        let mut reply = self.send("reviews", request.header("content-type", "application/json").body(body))?;
        match reply.body.get("errors") {
            None => Ok(reply.body["data"].take()),
            Some(errors) => Err(Failure(format!("reviews: {errors}"))),
        }
    }

    fn url(&self, service: &str, path: &[&str]) -> Url {
        let mut url: Url = self.urls[service].parse().unwrap();
        url.path_segments_mut().unwrap().clear().extend(path);
        url
    }

    fn send(&self, service: &str, mut request: RequestBuilder) -> Result<Reply, Failure> {
        if let Some((_, bearer)) = &self.caller {
            request = request.header("authorization", bearer);
        }
        let reply = async {
            let response = request.send().await?;
            Ok::<_, reqwest::Error>((response.status().as_u16(), response.bytes().await?))
        };
        let (status, body) = self.runtime.block_on(reply).map_err(|error| Failure(format!("{service}: {error}")))?;
        let body = serde_json::from_slice(&body).map_err(|error| Failure(format!("{service}: {error}")))?;
        Ok(Reply { status, body })
    }
}

/// Returns one property of a JSON object. A missing property is a failure, so that a misspelt name does not become
/// null.
pub(super) fn property<'j>(json: &'j Value, name: &str) -> Result<&'j Value, Failure> {
    json.get(name).ok_or_else(|| Failure(format!("no `{name}` in {json}")))
}

/// Returns the text of a property, which must be there.
pub(super) fn text(json: &Value, name: &str) -> Result<String, Failure> {
    match property(json, name)? {
        Value::String(text) => Ok(text.clone()),
        other => Err(Failure(format!("`{name}` is {other}"))),
    }
}
