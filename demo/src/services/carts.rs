//! The service `carts` (port 4104): the carts of users. Contract: `schema/services/carts.openapi.yaml`.
//!
//! Always true: a cart is read and changed only with a token whose `sub` is the user of the cart.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::{delete, get, post};
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use serde::{Deserialize, Serialize};

use super::caller;
use crate::clock::{NOW, timestamp};
use crate::db::Db;
use crate::facts::{self, PRODUCTS, USERS};
use crate::http::{Api, Problem, json, json_body, known_id};
use crate::keys::TokenVerifier;
use crate::probe::Probe;

const SCHEMA: &str = "
CREATE TABLE carts (user INTEGER PRIMARY KEY, updated_at INTEGER NOT NULL, note TEXT) STRICT;
CREATE TABLE lines (
    user INTEGER NOT NULL, product INTEGER NOT NULL, quantity INTEGER NOT NULL, PRIMARY KEY (user, product)
) STRICT, WITHOUT ROWID;";

/// The most pieces of one product in a cart.
const MAX_QUANTITY: u32 = 99;
/// The most lines of a cart.
const MAX_LINES: u32 = 50;

#[derive(Debug)]
struct Carts {
    db: Db,
    verifier: TokenVerifier,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Cart {
    id: String,
    user_id: String,
    updated_at: String,
    lines: Vec<Line>,
    note: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    product_id: String,
    quantity: u32,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewItem {
    product_id: String,
    quantity: u32,
}

pub(crate) fn router(probe: Probe, verifier: TokenVerifier) -> rusqlite::Result<Router> {
    let api = Api::new(probe)
        .operation("getCart", "/carts/{userId}", get(get_cart))
        .operation("addCartItem", "/carts/{userId}/items", post(add_cart_item))
        .operation("removeCartItem", "/carts/{userId}/items/{productId}", delete(remove_cart_item));
    Ok(api.finish(Arc::new(Carts { db: seed()?, verifier })))
}

fn seed() -> rusqlite::Result<Db> {
    Db::seeded(SCHEMA, |transaction| {
        let mut insert_cart = transaction.prepare("INSERT INTO carts VALUES (?,?,?)")?;
        let mut insert_line = transaction.prepare("INSERT INTO lines VALUES (?,?,?)")?;
        for user in 1..=USERS {
            let Some(cart) = facts::cart(user) else { continue };
            insert_cart.execute(params![user, cart.updated_at, cart.note])?;
            for line in cart.lines {
                insert_line.execute(params![user, line.product, line.quantity])?;
            }
        }
        Ok(())
    })
}

impl Carts {
    /// Returns the user whose cart the path names, if the caller is that user.
    fn owner(&self, headers: &HeaderMap, user: &str) -> Result<u32, Problem> {
        if caller(headers, &self.verifier)? != user {
            return Err(Problem::forbidden("this cart belongs to somebody else"));
        }
        known_id(user)
            .filter(|id| (1..=USERS).contains(id))
            .ok_or_else(|| Problem::not_found(format!("there is no user `{user}`")))
    }
}

async fn get_cart(
    State(carts): State<Arc<Carts>>,
    headers: HeaderMap,
    Path(user): Path<String>,
) -> Result<Response, Problem> {
    let user = carts.owner(&headers, &user)?;
    let cart = carts.db.read(|rows| cart(rows, user))?;
    Ok(json(&cart.ok_or_else(|| no_cart(user))?))
}

async fn add_cart_item(
    State(carts): State<Arc<Carts>>,
    headers: HeaderMap,
    Path(user): Path<String>,
    body: Bytes,
) -> Result<Response, Problem> {
    let user = carts.owner(&headers, &user)?;
    let item: NewItem = json_body(&headers, &body)?;
    if !(1..=MAX_QUANTITY).contains(&item.quantity) {
        return Err(Problem::bad_request(format!("`quantity` must be 1 to {MAX_QUANTITY}")));
    }
    if item.product_id.is_empty() {
        return Err(Problem::bad_request("`productId` must not be empty"));
    }
    let product = known_id(&item.product_id)
        .filter(|id| (1..=PRODUCTS).contains(id))
        .ok_or_else(|| Problem::not_found(format!("there is no product `{}`", item.product_id)))?;
    let cart = carts.db.write(|rows| {
        touch(rows, user)?;
        let present: u32 = rows
            .query_row("SELECT quantity FROM lines WHERE user = ? AND product = ?", [user, product], |row| row.get(0))
            .optional()?
            .unwrap_or(0);
        let lines: u32 = rows.query_row("SELECT count(*) FROM lines WHERE user = ?", [user], |row| row.get(0))?;
        if present + item.quantity > MAX_QUANTITY || (present == 0 && lines >= MAX_LINES) {
            let detail = format!("a cart holds at most {MAX_LINES} products and {MAX_QUANTITY} pieces of each");
            return Ok(Err(Problem::conflict(detail)));
        }
        rows.execute("INSERT OR REPLACE INTO lines VALUES (?,?,?)", [user, product, present + item.quantity])?;
        Ok(cart(rows, user)?.ok_or_else(|| no_cart(user)))
    })?;
    Ok(json(&cart))
}

async fn remove_cart_item(
    State(carts): State<Arc<Carts>>,
    headers: HeaderMap,
    Path((user, product)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let user = carts.owner(&headers, &user)?;
    let cart = carts.db.write(|rows| {
        let removed =
            rows.execute("DELETE FROM lines WHERE user = ? AND product = ?", params![user, known_id(&product)])?;
        if removed == 0 {
            return Ok(Err(Problem::not_found(format!("product `{product}` is not in the cart"))));
        }
        touch(rows, user)?;
        Ok(cart(rows, user)?.ok_or_else(|| no_cart(user)))
    })?;
    Ok(json(&cart))
}

fn no_cart(user: u32) -> Problem {
    Problem::not_found(format!("user {user} has no cart"))
}

/// Makes the cart if the user has none, and sets its time of change to one second after the newest change of any cart.
fn touch(rows: &Transaction<'_>, user: u32) -> rusqlite::Result<()> {
    rows.execute(
        "INSERT INTO carts SELECT ?1, max(?2, max(updated_at) + 1), NULL FROM carts WHERE true
         ON CONFLICT (user) DO UPDATE SET updated_at = excluded.updated_at",
        params![user, NOW],
    )?;
    Ok(())
}

fn cart(rows: &Connection, user: u32) -> rusqlite::Result<Option<Cart>> {
    let mut select = rows.prepare_cached("SELECT product, quantity FROM lines WHERE user = ? ORDER BY product")?;
    let lines = select
        .query_map([user], |row| Ok(Line { product_id: row.get::<_, u32>(0)?.to_string(), quantity: row.get(1)? }))?;
    let lines = lines.collect::<Result<Vec<_>, _>>()?;
    rows.prepare_cached("SELECT updated_at, note FROM carts WHERE user = ?")?
        .query_row([user], |row| {
            Ok(Cart {
                id: format!("cart-{user}"),
                user_id: user.to_string(),
                updated_at: timestamp(row.get(0)?),
                lines,
                note: row.get(1)?,
            })
        })
        .optional()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_123_and_456_have_carts_and_some_users_have_none() {
        let db = seed().unwrap();
        for user in [123, 456] {
            let cart = db.read(|rows| cart(rows, user)).unwrap().expect("a cart");
            assert!(!cart.lines.is_empty());
        }
        assert!(db.read(|rows| cart(rows, 7)).unwrap().is_none());
        let notes = "SELECT count(*) FROM carts WHERE note IS NOT NULL";
        assert!(db.read(|rows| rows.query_row(notes, [], |row| row.get::<_, u32>(0))).unwrap() > 100);
    }

    #[test]
    fn each_change_is_a_second_later_than_the_last() {
        let db = seed().unwrap();
        let change = |user| {
            db.write(|rows| touch(rows, user).map(Ok)).unwrap();
            db.read(|rows| cart(rows, user)).unwrap().unwrap().updated_at
        };
        assert_eq!(change(123), "2026-01-01T00:00:00Z");
        assert_eq!(change(7), "2026-01-01T00:00:01Z");
        assert_eq!(change(123), "2026-01-01T00:00:02Z");
    }
}
