//! Corruption of the services' answers, which a seed decides for each entity and property. The rules are those of
//! `tests/differential/corrupt.mjs`, so that both sides see the same damage.

use demo::Shop;
use serde_json::{Map, Value, json};
use testkit::proxy::{Changed, Passing, Proxy};

/// The properties that are never damaged. They identify an entity, and without them nobody could say which entity is
/// damaged.
const KEPT: [&str; 5] = ["id", "productId", "orderId", "userId", "cursor"];
const GONE: u32 = 3;
const NULLED: u32 = 3;
const WRONG: u32 = 3;
const DROPPED: u32 = 4;

/// The services whose answers are damaged. Their answers say which entity they are about.
pub(crate) const SERVICES: [&str; 6] = ["users", "catalog", "inventory", "carts", "orders", "payments"];

/// Starts a proxy in front of a service of the shop that damages its answers.
pub(crate) async fn proxy(shop: &Shop, service: &'static str, seed: u64) -> Proxy {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let change = move |request: &Passing, answer: Value| Corruption { service, seed }.answer(&request.target, answer);
    Proxy::start_changing(shop.url(service), change).await.expect("a free port")
}

struct Corruption {
    service: &'static str,
    seed: u64,
}

impl Corruption {
    fn answer(&self, target: &str, answer: Value) -> Option<Changed> {
        let body = match answer {
            Value::Array(items) => Value::Array(self.entities(target, items)),
            // Problem details are not damaged.
            Value::Object(members) if members.contains_key("title") && members.contains_key("status") => return None,
            Value::Object(mut members) if !members.contains_key("id") => {
                let name = ["items", "content"].into_iter().find(|name| members.contains_key(*name));
                match name {
                    Some(name) => {
                        let Some(Value::Array(items)) = members.get_mut(name).map(Value::take) else { return None };
                        members.insert(name.to_owned(), self.entities(target, items).into());
                        Value::Object(members)
                    }
                    None => return Some(self.single(target, members)),
                }
            }
            Value::Object(members) => return Some(self.single(target, members)),
            other => other,
        };
        Some(Changed { status: None, body })
    }

    fn entities(&self, target: &str, items: Vec<Value>) -> Vec<Value> {
        let objects =
            items.into_iter().filter_map(|item| if let Value::Object(entity) = item { Some(entity) } else { None });
        objects.filter_map(|entity| self.entity(target, entity)).collect()
    }

    fn single(&self, target: &str, entity: Map<String, Value>) -> Changed {
        match self.entity(target, entity) {
            Some(body) => Changed { status: None, body },
            None => Changed {
                status: Some(404),
                body: json!({ "type": "about:blank", "title": "Not found", "status": 404 }),
            },
        }
    }

    fn entity(&self, target: &str, entity: Map<String, Value>) -> Option<Value> {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let product = || text(&entity["productId"]);
        let (kind, id) = match self.service {
            "users" => ("User", text(&entity["id"])),
            "catalog" if target.starts_with("/categories") => ("Category", text(&entity["id"])),
            "catalog" => ("Product", text(&entity["id"])),
            "inventory" if target.starts_with("/v1/stock") => {
                ("Stock", format!("{}/{}", product(), text(&entity["warehouse"]["code"])))
            }
            "inventory" if target.starts_with("/v1/availability") => ("Availability", product()),
            "inventory" => ("Warehouse", text(&entity["code"])),
            "orders" => ("Order", text(&entity["id"])),
            "payments" => ("Payment", text(&entity["orderId"])),
            _ => ("Cart", text(&entity["userId"])),
        };
        let at = format!("{}|{kind}|{id}", self.seed);
        (percent(&at) >= GONE).then(|| members(&at, entity, &KEPT))
    }
}

/// FNV-1a over UTF-8, followed by the finaliser of MurmurHash3, modulo 100.
fn percent(text: &str) -> u32 {
    let mut hash = text.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35);
    (hash ^ (hash >> 16)) % 100
}

fn members(at: &str, object: Map<String, Value>, kept: &[&str]) -> Value {
    let one = |(name, value): (String, Value)| {
        let value = if kept.contains(&name.as_str()) { value } else { spoiled(&format!("{at}.{name}"), value) };
        (name, value)
    };
    Value::Object(object.into_iter().map(one).collect())
}

fn spoiled(at: &str, value: Value) -> Value {
    let chance = percent(at);
    match value {
        Value::Null => Value::Null,
        _ if chance < NULLED => Value::Null,
        value if chance < NULLED + WRONG => wrong(&value, chance.is_multiple_of(2)),
        Value::Array(items) => {
            let places = items.into_iter().enumerate().map(|(index, item)| (format!("{at}.{index}"), item));
            let kept = places.filter(|(place, _)| percent(&format!("{place}?")) >= DROPPED);
            kept.map(|(place, item)| spoiled(&place, item)).collect()
        }
        Value::Object(object) => members(at, object, &[]),
        leaf => leaf,
    }
}

/// A value that does not fit the type of the original value.
fn wrong(value: &Value, is_even: bool) -> Value {
    match value {
        Value::String(_) if is_even => json!({ "wrong": true }),
        Value::String(_) => json!(["wrong"]),
        Value::Number(_) if is_even => json!("wrong"),
        Value::Number(_) => json!({ "wrong": 1 }),
        Value::Array(_) => json!({ "wrong": true }),
        _ => json!("wrong"),
    }
}
