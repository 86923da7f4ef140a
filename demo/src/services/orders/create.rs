//! The operation that places an order: its checks run in a fixed order, and each idempotency key places at most one
//! order.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use rusqlite::{OptionalExtension, Transaction, params};
use serde::Deserialize;

use super::{Order, Orders, seed, select};
use crate::clock::NOW;
use crate::facts::{self, CARRIERS, Line, ORDERS, OUT_OF_STOCK_EVERY, PRODUCTS, Status};
use crate::http::{Problem, json, json_body, known_id};
use crate::services::caller;

/// The most lines of one order.
const MAX_LINES: usize = 50;
/// The most pieces of one product in an order.
const MAX_QUANTITY: u32 = 99;
/// The payment of an order with this many pieces or more is declined.
const DECLINED_FROM: u32 = 50;
/// How many orders that were placed at run time are kept, each with its idempotency key. The oldest are deleted first.
const MAX_KEPT: u32 = 10_000;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewOrder {
    cart_id: String,
    lines: Vec<NewLine>,
    payment_method: PaymentMethod,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewLine {
    product_id: String,
    quantity: u32,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum PaymentMethod {
    Card,
    Invoice,
}

pub(super) async fn create_order(
    State(orders): State<Arc<Orders>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let user = caller(&headers, &orders.verifier)?;
    let user = known_id(&user).ok_or_else(|| Problem::unauthorized("the token names no user"))?;
    let key = headers.get("idempotency-key").and_then(|value| value.to_str().ok());
    let key = key
        .filter(|key| (1..=64).contains(&key.len()))
        .ok_or_else(|| Problem::bad_request("header `Idempotency-Key` must have 1 to 64 characters"))?;
    let new: NewOrder = json_body(&headers, &body)?;
    check_shape(&new)?;
    let text = String::from_utf8_lossy(&body);
    let order = orders.db.write(|rows| match earlier(rows, user, key, &text)? {
        Earlier::Same(order) => Ok(Ok(order)),
        Earlier::Other => Ok(Err(Problem::key_reused("this idempotency key came with another body before"))),
        Earlier::None => match check_business(&new) {
            Ok(lines) => place(rows, &Placing { user, key, text: &text, lines, method: new.payment_method }).map(Ok),
            Err(problem) => Ok(Err(problem)),
        },
    })?;
    Ok((StatusCode::CREATED, json(&order)).into_response())
}

/// Checks the rules of the contract about the body.
fn check_shape(new: &NewOrder) -> Result<(), Problem> {
    if new.cart_id.is_empty() {
        return Err(Problem::bad_request("`cartId` must not be empty"));
    }
    if !(1..=MAX_LINES).contains(&new.lines.len()) {
        return Err(Problem::bad_request(format!("`lines` takes 1 to {MAX_LINES} lines")));
    }
    if new.lines.iter().any(|line| line.product_id.is_empty()) {
        return Err(Problem::bad_request("`productId` must not be empty"));
    }
    if new.lines.iter().any(|line| !(1..=MAX_QUANTITY).contains(&line.quantity)) {
        return Err(Problem::bad_request(format!("`quantity` must be 1 to {MAX_QUANTITY}")));
    }
    Ok(())
}

/// Checks the rules of the shop: all products exist and are in stock, and the payment is accepted.
fn check_business(new: &NewOrder) -> Result<Vec<Line>, Problem> {
    let mut lines = Vec::with_capacity(new.lines.len());
    for line in &new.lines {
        let product = known_id(&line.product_id).filter(|id| (1..=PRODUCTS).contains(id));
        let product =
            product.ok_or_else(|| Problem::not_found(format!("there is no product `{}`", line.product_id)))?;
        lines.push(Line { product, quantity: line.quantity });
    }
    let missing = lines.iter().map(|line| line.product).filter(|product| product.is_multiple_of(OUT_OF_STOCK_EVERY));
    let skus: Vec<_> = missing.map(|product| facts::product(product).sku).collect();
    if !skus.is_empty() {
        return Err(Problem::out_of_stock(skus));
    }
    let pieces: u32 = lines.iter().map(|line| line.quantity).sum();
    if pieces >= DECLINED_FROM {
        return Err(Problem::payment_declined(format!("the bank declined a payment for {pieces} pieces")));
    }
    Ok(lines)
}

enum Earlier {
    None,
    Same(Order),
    Other,
}

fn earlier(rows: &Transaction<'_>, user: u32, key: &str, text: &str) -> rusqlite::Result<Earlier> {
    let found: Option<(String, u32)> = rows
        .prepare_cached("SELECT body, order_id FROM idempotency WHERE user_id = ? AND key = ?")?
        .query_row(params![user, key], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((body, order)) = found else { return Ok(Earlier::None) };
    if body != text {
        return Ok(Earlier::Other);
    }
    Ok(select(rows, "WHERE id = ?", [order])?.pop().map_or(Earlier::None, Earlier::Same))
}

struct Placing<'r> {
    user: u32,
    key: &'r str,
    text: &'r str,
    lines: Vec<Line>,
    method: PaymentMethod,
}

fn place(rows: &Transaction<'_>, placing: &Placing<'_>) -> rusqlite::Result<Order> {
    let id = rows.query_row("SELECT max(id) + 1 FROM orders", [], |row| row.get::<_, u32>(0))?;
    let order = facts::Order {
        user: placing.user,
        created_at: NOW + i64::from(id - ORDERS),
        status: match placing.method {
            PaymentMethod::Card => Status::Paid,
            PaymentMethod::Invoice => Status::Pending,
        },
        lines: placing.lines.clone(),
        carrier: CARRIERS[id as usize % CARRIERS.len()],
    };
    seed::insert(rows, id, &order)?;
    rows.execute(
        "INSERT INTO idempotency (user_id, key, body, order_id) VALUES (?,?,?,?)",
        params![placing.user, placing.key, placing.text, id],
    )?;
    let oldest_kept = id.saturating_sub(MAX_KEPT);
    rows.execute("DELETE FROM orders WHERE id > ? AND id <= ?", params![ORDERS, oldest_kept])?;
    rows.execute("DELETE FROM idempotency WHERE order_id <= ?", [oldest_kept])?;
    select(rows, "WHERE id = ?", [id])?.pop().ok_or(rusqlite::Error::QueryReturnedNoRows)
}
