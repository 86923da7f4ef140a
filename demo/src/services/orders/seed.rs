//! The orders' tables and rows.

use rusqlite::{ToSql, Transaction, params};
use serde::Serialize;

use super::Db;
use crate::clock::{DAY, timestamp};
use crate::facts::{self, ORDERS, Status};

const SCHEMA: &str = "
CREATE TABLE orders (
    id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL, status TEXT NOT NULL, created_at INTEGER NOT NULL,
    total INTEGER NOT NULL, items TEXT NOT NULL, shipping TEXT
) STRICT;
CREATE TABLE idempotency (
    sequence INTEGER PRIMARY KEY, user_id INTEGER NOT NULL, key TEXT NOT NULL, body TEXT NOT NULL,
    order_id INTEGER NOT NULL, UNIQUE (user_id, key)
) STRICT;";

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    qty: u32,
    unit_price: u32,
    product_id: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Shipping {
    carrier: &'static str,
    tracking_code: Option<String>,
    steps: [Step; 4],
}

#[derive(Debug, Serialize)]
struct Step {
    at: String,
    label: &'static str,
    done: bool,
}

pub(super) fn seed() -> rusqlite::Result<Db> {
    Db::seeded(SCHEMA, |transaction| {
        for id in 1..=ORDERS {
            insert(transaction, id, &facts::order(id))?;
        }
        transaction.execute_batch("CREATE INDEX orders_by_user ON orders (user_id, id);")
    })
}

/// Stores `order` under `id`.
pub(super) fn insert(transaction: &Transaction<'_>, id: u32, order: &facts::Order) -> rusqlite::Result<()> {
    let items: Vec<_> = order
        .lines
        .iter()
        .map(|line| Item {
            qty: line.quantity,
            unit_price: facts::price_cents(line.product),
            product_id: line.product.to_string(),
        })
        .collect();
    let shipping = shipping(id, order);
    let shipping = shipping.as_ref().map(text).transpose()?;
    transaction.prepare_cached("INSERT INTO orders VALUES (?,?,?,?,?,?,?)")?.execute(params![
        id,
        order.user,
        order.status.as_str(),
        order.created_at,
        order.total_cents(),
        text(&items)?,
        shipping.as_ref().map(|text| text as &dyn ToSql),
    ])?;
    Ok(())
}

fn text(value: &impl Serialize) -> rusqlite::Result<String> {
    serde_json::to_string(value).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
}

fn shipping(id: u32, order: &facts::Order) -> Option<Shipping> {
    let reached = match order.status {
        Status::Pending | Status::Cancelled => return None,
        Status::Paid => 1,
        Status::Shipped => 3,
        Status::Delivered => 4,
    };
    let step = |position: usize, label| Step {
        at: timestamp(order.created_at + position as i64 * DAY),
        label,
        done: position < reached,
    };
    Some(Shipping {
        carrier: order.carrier,
        tracking_code: (reached > 2).then(|| format!("{}{id:08}", order.carrier.to_uppercase())),
        steps: [step(0, "Ordered"), step(1, "Packed"), step(2, "Handed over"), step(3, "Delivered")],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_of_the_named_users_and_every_status_exist() {
        let db = seed().unwrap();
        let count = |filter: &str| {
            let query = format!("SELECT count(*) FROM orders WHERE {filter}");
            db.read(|rows| rows.query_row(&query, [], |row| row.get::<_, u32>(0))).unwrap()
        };
        assert_eq!(count("TRUE"), 20_000);
        for filter in ["user_id = 123", "user_id = 456"] {
            assert!(count(filter) > 10, "{filter}");
        }
        for status in ["PENDING", "PAID", "SHIPPED", "DELIVERED", "CANCELLED"] {
            assert!(count(&format!("status = '{status}'")) > 10, "{status}");
        }
        assert_eq!(count("user_id % 50 = 0"), 0);
        assert!(count("shipping IS NULL") > 0 && count("shipping LIKE '%\"trackingCode\":null%'") > 0);
        assert!(count("json_array_length(items) = 1") > 0 && count("json_array_length(items) = 8") > 0);
    }

    #[test]
    fn larger_ids_are_newer_and_totals_add_up() {
        let mut before = 0;
        for id in 1..=ORDERS {
            let order = facts::order(id);
            assert!(order.created_at > before, "order {id}");
            before = order.created_at;
        }
        let db = seed().unwrap();
        let wrong = "SELECT count(*) FROM orders WHERE total <>
            (SELECT sum(value ->> 'qty' * (value ->> 'unitPrice')) FROM json_each(items))";
        assert_eq!(db.read(|rows| rows.query_row(wrong, [], |row| row.get::<_, u32>(0))).unwrap(), 0);
    }
}
