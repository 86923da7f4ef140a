//! The service `inventory` (port 4103): the stock of each warehouse. Contract:
//! `schema/services/inventory.openapi.yaml`.
//!
//! Product ids are JSON integers in this service, unlike in the catalog.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::{get, post};
use rusqlite::{Connection, Row, params};
use serde::{Deserialize, Serialize};

use super::id_list;
use crate::db::Db;
use crate::facts;
use crate::http::{Api, Problem, integer_id, json, json_body};
use crate::probe::Probe;

const SCHEMA: &str = "
CREATE TABLE warehouses (id INTEGER PRIMARY KEY, code TEXT NOT NULL, city TEXT NOT NULL) STRICT;
CREATE TABLE stock (
    product INTEGER NOT NULL, warehouse INTEGER NOT NULL, available INTEGER NOT NULL, incoming INTEGER,
    PRIMARY KEY (product, warehouse)
) STRICT, WITHOUT ROWID;";

/// The most ids in one request body.
const MAX_IDS: usize = 200;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Stock {
    product_id: u32,
    warehouse: Warehouse,
    available: u32,
    incoming: Option<u32>,
}

#[derive(Debug, Serialize)]
struct Warehouse {
    code: String,
    city: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Availability {
    product_id: u32,
    total: u32,
    in_stock: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wanted {
    product_ids: Vec<i32>,
}

pub(crate) fn router(probe: Probe) -> rusqlite::Result<Router> {
    let api = Api::new(probe)
        .operation("queryStock", "/v1/stock/query", post(query_stock))
        .operation("getStock", "/v1/stock/{productId}", get(get_stock))
        .operation("listWarehouses", "/v1/warehouses", get(list_warehouses))
        .operation("queryAvailability", "/v1/availability", post(query_availability))
        .operation("getAvailability", "/v1/availability/{productId}", get(get_availability));
    Ok(api.finish(Arc::new(seed()?)))
}

fn seed() -> rusqlite::Result<Db> {
    Db::seeded(SCHEMA, |transaction| {
        let mut insert = transaction.prepare("INSERT INTO warehouses VALUES (?,?,?)")?;
        for (index, (code, city)) in facts::warehouses().iter().enumerate() {
            insert.execute(params![index, code, city])?;
        }
        let mut insert = transaction.prepare("INSERT INTO stock VALUES (?,?,?,?)")?;
        for product in 1..=facts::PRODUCTS {
            for stock in facts::stock(product) {
                insert.execute(params![product, stock.warehouse, stock.available, stock.incoming])?;
            }
        }
        Ok(())
    })
}

/// Reads the body of both batch operations. An id that no product can have is not an error but only unknown.
fn wanted(headers: &HeaderMap, body: &[u8]) -> Result<Vec<u32>, Problem> {
    let Wanted { product_ids } = json_body(headers, body)?;
    if !(1..=MAX_IDS).contains(&product_ids.len()) {
        return Err(Problem::bad_request(format!("`productIds` takes 1 to {MAX_IDS} ids")));
    }
    Ok(product_ids.into_iter().filter_map(|id| u32::try_from(id).ok()).collect())
}

async fn query_stock(State(db): State<Arc<Db>>, headers: HeaderMap, body: Bytes) -> Result<Response, Problem> {
    let products = wanted(&headers, &body)?;
    Ok(json(&db.read(|rows| stock(rows, &products))?))
}

async fn get_stock(State(db): State<Arc<Db>>, Path(product): Path<String>) -> Result<Response, Problem> {
    let product = integer_id("productId", &product)?;
    Ok(json(&db.read(|rows| stock(rows, &[product]))?))
}

async fn list_warehouses(State(db): State<Arc<Db>>) -> Result<Response, Problem> {
    let warehouses = db.read(|rows| {
        let mut select = rows.prepare_cached("SELECT code, city FROM warehouses ORDER BY code")?;
        let warehouses = select.query_map([], |row| warehouse(row, 0))?;
        warehouses.collect::<Result<Vec<_>, _>>()
    })?;
    Ok(json(&warehouses))
}

async fn query_availability(State(db): State<Arc<Db>>, headers: HeaderMap, body: Bytes) -> Result<Response, Problem> {
    let products = wanted(&headers, &body)?;
    Ok(json(&db.read(|rows| availability(rows, &products))?))
}

async fn get_availability(State(db): State<Arc<Db>>, Path(product): Path<String>) -> Result<Response, Problem> {
    let product = integer_id("productId", &product)?;
    let found = db.read(|rows| availability(rows, &[product]))?;
    let found = found.first().ok_or_else(|| Problem::not_found(format!("there is no product {product}")))?;
    Ok(json(found))
}

/// Reads the stock rows of `products`, sorted by warehouse, so that the rows of one product are not next to each other.
fn stock(rows: &Connection, products: &[u32]) -> rusqlite::Result<Vec<Stock>> {
    let mut select = rows.prepare_cached(
        "SELECT product, code, city, available, incoming FROM stock JOIN warehouses ON warehouse = id
         WHERE product IN (SELECT value FROM json_each(?)) ORDER BY code, product",
    )?;
    let stock = select.query_map([id_list(products)], |row| {
        Ok(Stock {
            product_id: row.get(0)?,
            warehouse: warehouse(row, 1)?,
            available: row.get(3)?,
            incoming: row.get(4)?,
        })
    })?;
    stock.collect()
}

fn warehouse(row: &Row<'_>, from: usize) -> rusqlite::Result<Warehouse> {
    Ok(Warehouse { code: row.get(from)?, city: row.get(from + 1)? })
}

/// Reads one item for each known product, sorted by id.
fn availability(rows: &Connection, products: &[u32]) -> rusqlite::Result<Vec<Availability>> {
    let mut select = rows.prepare_cached(
        "SELECT product, sum(available) FROM stock WHERE product IN (SELECT value FROM json_each(?))
         GROUP BY product ORDER BY product",
    )?;
    let items = select.query_map([id_list(products)], |row| {
        let total = row.get(1)?;
        Ok(Availability { product_id: row.get(0)?, total, in_stock: total > 0 })
    })?;
    items.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_every_97th_product_is_out_of_stock() {
        let db = seed().unwrap();
        let products: Vec<_> = (1..=facts::PRODUCTS + 10).collect();
        let items = db.read(|rows| availability(rows, &products)).unwrap();
        assert_eq!(items.len(), 2_000);
        for item in items {
            assert_eq!(item.in_stock, !item.product_id.is_multiple_of(97), "{item:?}");
        }
    }

    #[test]
    fn a_product_lies_in_three_or_four_warehouses() {
        let db = seed().unwrap();
        let counts = (1..=200).map(|product| db.read(|rows| stock(rows, &[product])).unwrap().len());
        let (low, high) = counts.fold((9, 0), |(low, high), n| (low.min(n), high.max(n)));
        assert_eq!((low, high), (3, 4));
    }
}
