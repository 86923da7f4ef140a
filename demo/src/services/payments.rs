//! The service `payments` (port 4106): how orders were paid. Contract: `schema/services/payments.openapi.yaml`.
//!
//! Order ids are JSON integers in this service, unlike in the service `orders`.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::get;
use rusqlite::{Connection, Row, params};
use serde::Serialize;

use super::id_list;
use crate::clock::date;
use crate::db::Db;
use crate::facts::{self, CURRENCY, ORDERS};
use crate::http::{Api, Params, Problem, integer_id, json};
use crate::probe::Probe;

const SCHEMA: &str = "CREATE TABLE payments (
    order_id INTEGER PRIMARY KEY, status TEXT NOT NULL, amount INTEGER NOT NULL,
    last4 TEXT, brand TEXT, due INTEGER, iban TEXT, CHECK ((brand IS NULL) = (iban IS NOT NULL))
) STRICT;";

/// The most ids in one `findPayments` request.
const MAX_IDS: usize = 100;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Payment {
    id: String,
    order_id: u32,
    status: String,
    amount: u32,
    currency: &'static str,
    method: Method,
}

#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase", rename_all_fields = "camelCase")]
enum Method {
    Card { last4: String, brand: String },
    Invoice { due_date: String, iban: String },
}

impl Payment {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        let order_id: u32 = row.get(0)?;
        let method = match row.get::<_, Option<String>>(4)? {
            Some(brand) => Method::Card { last4: row.get(3)?, brand },
            None => Method::Invoice { due_date: date(row.get(5)?), iban: row.get(6)? },
        };
        Ok(Self {
            id: format!("pay-{order_id}"),
            order_id,
            status: row.get(1)?,
            amount: row.get(2)?,
            currency: CURRENCY,
            method,
        })
    }
}

pub(crate) fn router(probe: Probe) -> rusqlite::Result<Router> {
    let api = Api::new(probe).operation("findPayments", "/payments", get(find_payments)).operation(
        "getPayment",
        "/payments/{orderId}",
        get(get_payment),
    );
    Ok(api.finish(Arc::new(seed()?)))
}

fn seed() -> rusqlite::Result<Db> {
    Db::seeded(SCHEMA, |transaction| {
        let mut insert = transaction.prepare("INSERT INTO payments VALUES (?,?,?,?,?,?,?)")?;
        for order in 1..=ORDERS {
            let Some(payment) = facts::payment(order) else { continue };
            let (last4, brand, due, iban) = match payment.method {
                facts::Method::Card { last4, brand } => (Some(last4), Some(brand), None, None),
                facts::Method::Invoice { due, iban } => (None, None, Some(due), Some(iban)),
            };
            insert.execute(params![order, payment.status, payment.amount, last4, brand, due, iban])?;
        }
        Ok(())
    })
}

async fn find_payments(State(db): State<Arc<Db>>, params: Params) -> Result<Response, Problem> {
    let ids = params.comma_separated("orderIds", MAX_IDS)?;
    let ids = ids.into_iter().map(|id| integer_id("orderIds", id)).collect::<Result<Vec<_>, _>>()?;
    Ok(json(&db.read(|rows| select(rows, &ids))?))
}

async fn get_payment(State(db): State<Arc<Db>>, Path(order): Path<String>) -> Result<Response, Problem> {
    let order = integer_id("orderId", &order)?;
    let found = db.read(|rows| select(rows, &[order]))?;
    let payment = found.first().ok_or_else(|| Problem::not_found(format!("order {order} has no payment")))?;
    Ok(json(payment))
}

/// Reads the payments of those of `orders` that have one, sorted by order.
fn select(rows: &Connection, orders: &[u32]) -> rusqlite::Result<Vec<Payment>> {
    let mut select = rows.prepare_cached(
        "SELECT order_id, status, amount, last4, brand, due, iban FROM payments
         WHERE order_id IN (SELECT value FROM json_each(?)) ORDER BY order_id",
    )?;
    select.query_map([id_list(orders)], Payment::from_row)?.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nine_orders_in_ten_are_paid_what_they_cost_by_either_method() {
        let db = seed().unwrap();
        let orders: Vec<_> = (1..=ORDERS).collect();
        let payments = db.read(|rows| select(rows, &orders)).unwrap();
        assert_eq!(payments.len(), 18_000);
        assert!(payments.iter().all(|payment| !payment.order_id.is_multiple_of(10)));
        assert!(payments.iter().any(|payment| matches!(payment.method, Method::Card { .. })));
        assert!(payments.iter().any(|payment| matches!(payment.method, Method::Invoice { .. })));
        for payment in payments.iter().step_by(501) {
            assert_eq!(payment.amount, facts::order(payment.order_id).total_cents());
        }
        for status in ["AUTHORIZED", "CAPTURED", "DECLINED", "REFUNDED"] {
            assert!(payments.iter().any(|payment| payment.status == status), "{status}");
        }
    }
}
