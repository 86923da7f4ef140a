//! The service `orders` (port 4105): it reads and places orders. Contract: `schema/services/orders.openapi.yaml`.
//!
//! In this demo, everybody may read orders. To place an order, a caller needs a token and an idempotency key.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rusqlite::{Connection, Params as SqlParams, Row, params};
use serde::Serialize;
use serde_json::value::RawValue;

use super::id_list;
use crate::clock::timestamp;
use crate::db::Db;
use crate::facts::CURRENCY;
use crate::http::{Api, Params, Problem, json, known_id};
use crate::keys::TokenVerifier;
use crate::probe::Probe;

mod create;
mod seed;

/// The most ids in one `getOrders` request.
const MAX_IDS: usize = 50;
/// The most users in one `searchOrders` request.
const MAX_USERS: usize = 25;
/// The most orders of one user in one answer.
const MAX_LIMIT: u32 = 50;

const SELECT: &str = "SELECT id, user_id, status, created_at, total, items, shipping FROM orders";

#[derive(Debug)]
struct Orders {
    db: Db,
    verifier: TokenVerifier,
}

#[derive(Debug, Serialize)]
struct Order {
    id: String,
    #[serde(rename = "userId")]
    user_id: String,
    status: String,
    // This field is in snake case, unlike the fields beside it, because real services mix styles too.
    created_at: String,
    total: u32,
    currency: &'static str,
    items: Box<RawValue>,
    shipping: Box<RawValue>,
}

impl Order {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        let raw = |column: usize| {
            let text: Option<String> = row.get(column)?;
            RawValue::from_string(text.unwrap_or_else(|| "null".to_owned())).map_err(|error| {
                rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, error.into())
            })
        };
        Ok(Self {
            id: row.get::<_, u32>(0)?.to_string(),
            user_id: row.get::<_, u32>(1)?.to_string(),
            status: row.get(2)?,
            created_at: timestamp(row.get(3)?),
            total: row.get(4)?,
            currency: CURRENCY,
            items: raw(5)?,
            shipping: raw(6)?,
        })
    }
}

pub(crate) fn router(probe: Probe, verifier: TokenVerifier) -> rusqlite::Result<Router> {
    let api = Api::new(probe)
        .operation("pageOrders", "/orders", get(page_orders))
        .operation("createOrder", "/orders", axum::routing::post(create::create_order))
        .operation("advanceOrder", "/orders/{id}/advance", axum::routing::post(advance_order))
        .operation("searchOrders", "/orders/search", get(search_orders))
        .operation("getOrders", "/orders/by-ids", get(get_orders))
        .operation("getOrder", "/orders/{id}", get(get_order))
        .operation("listUserOrders", "/users/{userId}/orders", get(list_user_orders));
    Ok(api.finish(Arc::new(Orders { db: seed::seed()?, verifier })))
}

async fn get_order(State(orders): State<Arc<Orders>>, Path(id): Path<String>) -> Result<Response, Problem> {
    let found = orders.db.read(|rows| select(rows, "WHERE id = ?", [known_id(&id)]))?;
    let order = found.first().ok_or_else(|| Problem::not_found(format!("there is no order `{id}`")))?;
    Ok(json(order))
}

/// The statuses that an order can advance from, each with the statement that sets the next status.
const ADVANCE: [(&str, &str); 2] = [
    (
        "SHIPPED",
        "UPDATE orders SET status = 'DELIVERED', shipping = json_set(shipping, '$.steps[3].done', json('true')) WHERE id = ?",
    ),
    (
        "PAID",
        "UPDATE orders SET status = 'SHIPPED', shipping = json_set(shipping,
           '$.trackingCode', upper(shipping ->> 'carrier') || printf('%08d', id),
           '$.steps[1].done', json('true'), '$.steps[2].done', json('true')) WHERE id = ?",
    ),
];

async fn advance_order(State(orders): State<Arc<Orders>>, Path(id): Path<String>) -> Result<Response, Problem> {
    let known = known_id(&id);
    let order = orders.db.write(|rows| {
        let Some(order) = select(rows, "WHERE id = ?", [known])?.pop() else {
            return Ok(Err(Problem::not_found(format!("there is no order `{id}`"))));
        };
        let Some((_, change)) = ADVANCE.iter().find(|(status, _)| *status == order.status) else {
            return Ok(Err(Problem::conflict(format!("an order that is {} moves no further", order.status))));
        };
        rows.execute(change, [known])?;
        Ok(select(rows, "WHERE id = ?", [known])?.pop().ok_or_else(|| Problem::not_found("the order is gone")))
    })?;
    Ok(json(&order))
}

async fn get_orders(State(orders): State<Arc<Orders>>, params: Params) -> Result<Response, Problem> {
    let ids: Vec<_> = params.comma_separated("ids", MAX_IDS)?.into_iter().filter_map(known_id).collect();
    let filter = "WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id";
    Ok(json(&orders.db.read(|rows| select(rows, filter, [id_list(&ids)]))?))
}

#[derive(Debug, Serialize)]
struct Found {
    content: Vec<Order>,
}

async fn search_orders(State(orders): State<Arc<Orders>>, params: Params) -> Result<Response, Problem> {
    let mut users: Vec<_> = params.repeated("userId", MAX_USERS)?.into_iter().filter_map(known_id).collect();
    let per_user = params.integer("perUser", 1..=MAX_LIMIT, 10)?;
    users.sort_unstable();
    users.dedup();
    let mut content = orders.db.read(|rows| {
        let mut content = Vec::new();
        for &user in &users {
            content.extend(newest_of(rows, user, u32::MAX, per_user)?);
        }
        Ok(content)
    })?;
    // The list is flat and sorted by time, newest first, so the orders of one user are not next to each other.
    content.sort_by(|a, b| b.created_at.cmp(&a.created_at));
    Ok(json(&Found { content }))
}

async fn list_user_orders(
    State(orders): State<Arc<Orders>>,
    Path(user): Path<String>,
    params: Params,
) -> Result<Response, Problem> {
    let limit = params.integer("limit", 1..=MAX_LIMIT, 10)?;
    let user = known_id(&user).unwrap_or(0);
    Ok(json(&orders.db.read(|rows| newest_of(rows, user, u32::MAX, limit))?))
}

#[derive(Debug, Serialize)]
struct OrderPage {
    items: Vec<PagedOrder>,
    last: Option<String>,
    next: Option<String>,
}

#[derive(Debug, Serialize)]
struct PagedOrder {
    #[serde(flatten)]
    order: Order,
    cursor: String,
}

async fn page_orders(State(orders): State<Arc<Orders>>, params: Params) -> Result<Response, Problem> {
    let user = params.text("userId")?.ok_or_else(|| Problem::bad_request("parameter `userId` is required"))?;
    let limit = params.integer("limit", 1..=MAX_LIMIT, 10)?;
    let before = match params.text("cursor")? {
        Some(cursor) => read_cursor(cursor).ok_or_else(|| Problem::bad_request("`cursor` is not one of ours"))?,
        None => u32::MAX,
    };
    let user = known_id(user).unwrap_or(0);
    // One order more than requested is read, to see whether there is a next page.
    let mut found = orders.db.read(|rows| newest_of(rows, user, before, limit + 1))?;
    let has_more = found.len() > limit as usize;
    found.truncate(limit as usize);
    let with_cursor = |order: Order| PagedOrder { cursor: cursor_after(&order.id), order };
    let items: Vec<PagedOrder> = found.into_iter().map(with_cursor).collect();
    let last = items.last().map(|last| last.cursor.clone());
    let next = last.clone().filter(|_| has_more);
    Ok(json(&OrderPage { items, last, next }))
}

fn cursor_after(order: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!("before:{order}"))
}

fn read_cursor(cursor: &str) -> Option<u32> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
    known_id(std::str::from_utf8(&bytes).ok()?.strip_prefix("before:")?)
}

/// Reads a user's newest orders with an id below `before`. Newer orders have larger ids.
fn newest_of(rows: &Connection, user: u32, before: u32, limit: u32) -> rusqlite::Result<Vec<Order>> {
    select(rows, "WHERE user_id = ? AND id < ? ORDER BY id DESC LIMIT ?", params![user, before, limit])
}

fn select(rows: &Connection, filter: &str, values: impl SqlParams) -> rusqlite::Result<Vec<Order>> {
    rows.prepare_cached(&format!("{SELECT} {filter}"))?.query_map(values, Order::from_row)?.collect()
}
