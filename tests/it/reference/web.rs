//! The value of each field of `schema/web.graphql`.

use super::services::{property, text};
use super::{Failure, Node, Resolved, Wanted};
use reqwest::Method;
use serde_json::{Value, json};

/// Resolves one field.
pub(super) fn resolve(wanted: &Wanted<'_>) -> Result<Resolved, Failure> {
    let (services, node, field) = (wanted.services, wanted.node, wanted.field);
    match (node.type_name.as_str(), field) {
        ("Query", _) => query(wanted),
        ("Mutation", _) => mutation(wanted),

        ("User" | "Product" | "Category" | "Order" | "Review", "id") => Ok(Resolved::Json(node.id().into())),
        ("User", "manager") => reference(wanted, "User"),
        ("User", "orders") => {
            let limit = [("limit", wanted.argument("first"))];
            let orders = services.get("orders", &["users", node.id(), "orders"], &limit)?;
            list_of("Order", &orders)
        }
        ("User", "loyalty") => super::computed::loyalty(services, node.id()),

        ("Product", "category") => reference(wanted, "Category"),
        ("Product", "media") => {
            let media = services.property(node, "media")?;
            let media = media.as_array().cloned().unwrap_or_default();
            Ok(Resolved::nodes(media.into_iter().map(|item| by_kind(item, [("photo", "Photo"), ("video", "Video")]))))
        }
        ("Product", "priceLabel") => {
            let price = services.property(node, "price")?;
            super::computed::price_label(&price, &wanted.required("locale"))
        }
        ("Product", "stock") => Ok(Resolved::Json(services.get("inventory", &["v1", "stock", node.id()], &[])?)),
        ("Product", "inStock") => {
            let availability = services.get("inventory", &["v1", "availability", node.id()], &[])?;
            Ok(Resolved::Json(availability.get("inStock").cloned().unwrap_or_default()))
        }
        ("Product", "reviews") => {
            let selection = format!("reviews(first: {}) {{ id }}", wanted.required("first"));
            list_of("Review", &services.reviews_of_product(node.id(), &selection)?)
        }
        ("Product", "reviewCount" | "averageStars") => {
            Ok(Resolved::Json(services.reviews_of_product(node.id(), field)?))
        }

        ("Category", "parent") => reference(wanted, "Category"),

        ("Review", "author") => {
            let review = review(wanted, "author { id }")?;
            Ok(Resolved::Node(Node::entity("User", &text(&review["author"], "id")?)))
        }
        ("Review", _) => Ok(Resolved::Json(property(&review(wanted, field)?, field)?.clone())),

        ("Order", "placedAt") => Ok(Resolved::Json(services.property(node, "created_at")?)),
        ("Order", "lines") => Ok(Resolved::Json(services.property(node, "items")?)),
        ("Order", "user") => {
            let user = services.property(node, "userId")?;
            Ok(Resolved::Node(Node::entity("User", user.as_str().unwrap_or_default())))
        }
        // A payment is found by the id of its order.
        ("Order", "payment") => existing(wanted, Node::entity("Payment", node.id())),
        ("OrderLine", "quantity") => Ok(Resolved::Json(property(node.json(), "qty")?.clone())),
        ("OrderLine" | "CartLine", "product") => {
            Ok(Resolved::Node(Node::entity("Product", &text(node.json(), "productId")?)))
        }
        ("OrderConnection", "edges") => Ok(Resolved::Json(property(node.json(), "items")?.clone())),
        ("OrderConnection", "pageInfo") => {
            let cursor_of = |item: Option<&Value>| item.map_or(Value::Null, |item| item["cursor"].clone());
            let items = property(node.json(), "items")?.as_array().cloned().unwrap_or_default();
            Ok(Resolved::Json(json!({
                "startCursor": cursor_of(items.first()),
                "endCursor": cursor_of(items.last()),
                "hasNextPage": !property(node.json(), "next")?.is_null(),
                "hasPreviousPage": false,
            })))
        }
        ("OrderEdge", "node") => Ok(Resolved::Node(Node::entity("Order", &text(node.json(), "id")?))),
        ("OrderPage", "items") => list_of("Order", property(node.json(), "items")?),

        ("Payment", "method") => {
            let method = services.property(node, "method")?;
            Ok(Resolved::Node(by_kind(method, [("card", "CardPayment"), ("invoice", "InvoicePayment")])))
        }

        ("User" | "Product" | "Category" | "Order" | "Payment" | "Cart", _) => {
            Ok(Resolved::Json(services.property(node, field)?))
        }
        _ => Ok(Resolved::Json(property(node.json(), field)?.clone())),
    }
}

fn query(wanted: &Wanted<'_>) -> Result<Resolved, Failure> {
    let services = wanted.services;
    match wanted.field {
        "user" => existing(wanted, Node::entity("User", &wanted.required("id"))),
        "me" => existing(wanted, Node::entity("User", services.sub()?)),
        "product" => existing(wanted, Node::entity("Product", &wanted.required("id"))),
        "category" => existing(wanted, Node::entity("Category", &wanted.required("id"))),
        "order" => existing(wanted, Node::entity("Order", &wanted.required("id"))),
        "cart" => existing(wanted, Node::entity("Cart", services.sub()?)),
        "products" => {
            let names = [("category", "category"), ("sort", "sort"), ("limit", "first"), ("page", "page")];
            let query = names.map(|(parameter, argument)| (parameter, wanted.argument(argument)));
            list_of("Product", &services.get("catalog", &["products"], &query)?["items"])
        }
        "categories" => list_of("Category", &services.get("catalog", &["categories"], &[])?),
        "orderPage" | "orderConnection" => {
            let names = [("userId", "userId"), ("limit", "first"), ("cursor", "after")];
            let query = names.map(|(parameter, argument)| (parameter, wanted.argument(argument)));
            Ok(Resolved::Json(services.get("orders", &["orders"], &query)?))
        }
        "warehouses" => Ok(Resolved::Json(services.get("inventory", &["v1", "warehouses"], &[])?)),
        "latestReviews" => {
            let first: i64 = wanted.required("first").parse().unwrap_or_default();
            let query = "query($first: Int!) { latestReviews(first: $first) { id } }";
            list_of("Review", &services.graphql(query, json!({ "first": first }))?["latestReviews"])
        }
        other => panic!("the reference knows no `Query.{other}`"),
    }
}

fn mutation(wanted: &Wanted<'_>) -> Result<Resolved, Failure> {
    let services = wanted.services;
    let cart = |reply: super::services::Reply| match reply.status {
        200 => Ok(Resolved::Node(Node::value("Cart", reply.body))),
        status => Err(Failure(format!("carts: {status}"))),
    };
    match wanted.field {
        "addToCart" => {
            let item = json!({ "productId": wanted.required("productId"), "quantity": wanted.arguments["quantity"] });
            cart(services.change("carts", Method::POST, &["carts", services.sub()?, "items"], None, Some(item))?)
        }
        "removeFromCart" => {
            let path = ["carts", services.sub()?, "items", &wanted.required("productId")];
            cart(services.change("carts", Method::DELETE, &path, None, None)?)
        }
        "placeOrder" => {
            let body = json!({
                "cartId": format!("cart-{}", services.sub()?),
                "lines": wanted.arguments["lines"],
                "paymentMethod": wanted.required("payBy").to_lowercase(),
            });
            let key = wanted.required("key");
            let reply = services.change("orders", Method::POST, &["orders"], Some(&key), Some(body))?;
            let reason = |type_name, json: &Value| {
                Ok(Resolved::Node(Node::value(type_name, json!({ "reason": json["detail"] }))))
            };
            match reply.status {
                201 => Ok(Resolved::Node(Node::entity("Order", &text(&reply.body, "id")?))),
                402 => reason("PaymentDeclined", &reply.body),
                404 => reason("UnknownProduct", &reply.body),
                409 => Ok(Resolved::Node(Node::value("OutOfStock", reply.body))),
                status => Err(Failure(format!("orders: {status}"))),
            }
        }
        other => panic!("the reference knows no `Mutation.{other}`"),
    }
}

/// The node if its service knows it, otherwise null.
fn existing(wanted: &Wanted<'_>, node: Node) -> Result<Resolved, Failure> {
    let is_known = !wanted.services.entity(&node)?.is_null();
    Ok(if is_known { Resolved::Node(node) } else { Resolved::NULL })
}

/// The entity that a property `{ "id": … }` names, or null.
fn reference(wanted: &Wanted<'_>, type_name: &str) -> Result<Resolved, Failure> {
    match wanted.services.property(wanted.node, wanted.field)? {
        Value::Null => Ok(Resolved::NULL),
        reference => Ok(Resolved::Node(Node::entity(type_name, &text(&reference, "id")?))),
    }
}

/// The entities that the `id` of each item names. Other properties of the items are ignored.
pub(super) fn list_of(type_name: &str, items: &Value) -> Result<Resolved, Failure> {
    let items = items.as_array().ok_or_else(|| Failure(format!("{items} is no list")))?;
    let nodes = items.iter().map(|item| Ok(Node::entity(type_name, &text(item, "id")?)));
    Ok(Resolved::nodes(nodes.collect::<Result<Vec<_>, Failure>>()?))
}

/// A member of an abstract type, which the property `kind` names.
pub(super) fn by_kind(json: Value, kinds: [(&str, &str); 2]) -> Node {
    let kind = json["kind"].as_str().unwrap_or_default();
    let found = kinds.iter().find(|(name, _)| *name == kind);
    let (_, type_name) = found.unwrap_or_else(|| panic!("the reference knows no kind `{kind}`"));
    Node::value(type_name, json)
}

fn review(wanted: &Wanted<'_>, selection: &str) -> Result<Value, Failure> {
    let query = format!("query($id: ID!) {{ review(id: $id) {{ {selection} }} }}");
    Ok(wanted.services.graphql(&query, json!({ "id": wanted.node.id() }))?["review"].take())
}
