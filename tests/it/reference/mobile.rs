//! The value of each field of `schema/mobile.graphql`, which has names of its own for the data of the services.

use super::services::{property, text};
use super::web::{by_kind, list_of};
use super::{Failure, Node, Resolved, Wanted};
use reqwest::Method;
use serde_json::{Value, json};

/// Resolves one field.
pub(super) fn resolve(wanted: &Wanted<'_>) -> Result<Resolved, Failure> {
    let (services, node, field) = (wanted.services, wanted.node, wanted.field);
    match (node.type_name.as_str(), field) {
        ("Query", "home") => Ok(Resolved::Node(Node::root("Home"))),
        ("Query", "card") => existing(wanted, Node::entity("ProductCard", &wanted.required("id"))),
        ("Query", "cards") => {
            let category = ("category", wanted.argument("category"));
            cards(wanted, [("sort", Some("POPULAR".to_owned())), category])
        }
        ("Query", "tracker") => existing(wanted, Node::entity("OrderTracker", &wanted.required("orderId"))),
        ("Query", "me") => existing(wanted, Node::entity("Me", services.sub()?)),
        ("Query", "basket") => existing(wanted, Node::entity("Basket", services.sub()?)),
        ("Mutation", "addOne") => {
            let item = json!({ "productId": wanted.required("productId"), "quantity": 1 });
            let reply =
                services.change("carts", Method::POST, &["carts", services.sub()?, "items"], None, Some(item))?;
            match reply.status {
                200 => Ok(Resolved::Node(Node::value("Basket", reply.body))),
                status => Err(Failure(format!("carts: {status}"))),
            }
        }

        ("Home", "popular") => cards(wanted, [("sort", Some("POPULAR".to_owned())), ("category", None)]),
        ("Home", "fresh") => cards(wanted, [("sort", Some("NEWEST".to_owned())), ("category", None)]),
        ("Home", "categories") => list_of("Tag", &services.get("catalog", &["categories"], &[])?),

        ("ProductCard" | "Tag" | "OrderTracker" | "Me", "id") => Ok(Resolved::Json(node.id().into())),
        ("ProductCard", "title") => Ok(Resolved::Json(services.property(node, "name")?)),
        ("ProductCard", "cents") => at(&services.property(node, "price")?, &["amount"]),
        ("ProductCard", "currency") => at(&services.property(node, "price")?, &["currency"]),
        ("ProductCard", "thumb") => at(&services.property(node, "images")?, &["small", "url"]),
        ("ProductCard", "category") => {
            let category = text(&services.property(node, "category")?, "id")?;
            Ok(Resolved::Json(services.property(&Node::entity("Category", &category), "name")?))
        }
        ("ProductCard", "inStock") => {
            let availability = services.get("inventory", &["v1", "availability", node.id()], &[])?;
            Ok(Resolved::Json(availability.get("inStock").cloned().unwrap_or(Value::Bool(false))))
        }
        ("ProductCard", "teaser") => super::computed::teaser(&services.entity(node)?),
        ("ProductCard", "hero") => match services.property(node, "media")?.get(0) {
            None => Ok(Resolved::NULL),
            Some(first) => Ok(Resolved::Node(by_kind(first.clone(), [("photo", "Picture"), ("video", "Clip")]))),
        },

        ("Tag", "label") => Ok(Resolved::Json(services.property(node, "name")?)),

        ("OrderTracker", "state") => {
            let status = text(&services.entity(node)?, "status")?;
            let state = match status.as_str() {
                "PENDING" => "WAITING",
                "SHIPPED" => "ON_THE_WAY",
                same => same,
            };
            Ok(Resolved::Json(state.into()))
        }
        ("OrderTracker", "placedAt") => Ok(Resolved::Json(services.property(node, "created_at")?)),
        ("OrderTracker", "carrier") => shipping(wanted, "carrier"),
        ("OrderTracker", "code") => shipping(wanted, "trackingCode"),
        ("OrderTracker", "steps") => shipping(wanted, "steps"),
        ("OrderTracker", "things") => {
            let lines = services.property(node, "items")?;
            let name = |line: &Value| {
                let product = Node::entity("Product", &text(line, "productId")?);
                Ok(Resolved::Json(services.property(&product, "name")?))
            };
            let names = lines.as_array().into_iter().flatten().map(name);
            Ok(Resolved::List(names.collect::<Result<_, Failure>>()?))
        }

        ("Me", "recent") => {
            let limit = [("limit", Some("3".to_owned()))];
            list_of("OrderTracker", &services.get("orders", &["users", node.id(), "orders"], &limit)?)
        }

        ("BasketLine", "title") => line_product(wanted, &["name"]),
        ("BasketLine", "cents") => line_product(wanted, &["price", "amount"]),

        ("Me" | "Basket", _) => Ok(Resolved::Json(services.property(node, field)?)),
        ("ProductCard" | "OrderTracker" | "Tag" | "Query" | "Home", _) => {
            panic!("the reference knows no `{}.{field}`", node.type_name)
        }
        _ => Ok(Resolved::Json(property(node.json(), field)?.clone())),
    }
}

fn existing(wanted: &Wanted<'_>, node: Node) -> Result<Resolved, Failure> {
    let is_known = !wanted.services.entity(&node)?.is_null();
    Ok(if is_known { Resolved::Node(node) } else { Resolved::NULL })
}

fn cards(wanted: &Wanted<'_>, query: [(&str, Option<String>); 2]) -> Result<Resolved, Failure> {
    let [sort, category] = query;
    let query = [sort, category, ("limit", wanted.argument("first"))];
    list_of("ProductCard", &wanted.services.get("catalog", &["products"], &query)?["items"])
}

/// The value at a path of properties; null if any value on the path is null.
fn at(json: &Value, path: &[&str]) -> Result<Resolved, Failure> {
    let mut found = json;
    for name in path {
        if found.is_null() {
            break;
        }
        found = property(found, name)?;
    }
    Ok(Resolved::Json(found.clone()))
}

fn shipping(wanted: &Wanted<'_>, name: &str) -> Result<Resolved, Failure> {
    at(&wanted.services.property(wanted.node, "shipping")?, &[name])
}

fn line_product(wanted: &Wanted<'_>, path: &[&str]) -> Result<Resolved, Failure> {
    let product = Node::entity("Product", &text(wanted.node.json(), "productId")?);
    at(&wanted.services.entity(&product)?, path)
}
