//! The catalog's tables and rows.

use rusqlite::params;
use serde_json::json;

use super::{CATEGORIES, Db, PRODUCTS, facts};
use crate::facts::Media;

const SCHEMA: &str = "
CREATE TABLE categories (id INTEGER PRIMARY KEY, name TEXT NOT NULL, slug TEXT NOT NULL, parent INTEGER) STRICT;
CREATE INDEX categories_by_parent ON categories (parent);
CREATE TABLE products (
    id INTEGER PRIMARY KEY, sku TEXT NOT NULL, name TEXT NOT NULL, price INTEGER NOT NULL,
    category INTEGER NOT NULL, rating INTEGER, created_at INTEGER NOT NULL, discontinued INTEGER NOT NULL,
    popularity INTEGER NOT NULL, description TEXT NOT NULL, media TEXT NOT NULL
) STRICT;";

/// The indexes are made after the rows, which is faster than updating them with each row.
const INDEXES: &str = "
CREATE INDEX products_by_category ON products (category);
CREATE INDEX products_by_popularity ON products (popularity DESC, id);
CREATE INDEX products_by_price ON products (price, id);
CREATE INDEX products_by_age ON products (created_at DESC, id);";

pub(super) fn seed() -> rusqlite::Result<Db> {
    Db::seeded(SCHEMA, |transaction| {
        let mut insert = transaction.prepare("INSERT INTO categories VALUES (?,?,?,?)")?;
        for id in 1..=CATEGORIES {
            let category = facts::category(id);
            insert.execute(params![id, category.name, category.slug, category.parent])?;
        }
        let mut insert = transaction.prepare("INSERT INTO products VALUES (?,?,?,?,?,?,?,?,?,?,?)")?;
        for id in 1..=PRODUCTS {
            let product = facts::product(id);
            let media: Vec<_> = product
                .media
                .iter()
                .map(|media| match media {
                    Media::Photo { url, alt } => json!({ "kind": "photo", "url": url, "alt": alt }),
                    Media::Video { url, seconds } => json!({ "kind": "video", "url": url, "seconds": seconds }),
                })
                .collect();
            insert.execute(params![
                id,
                product.sku,
                product.name,
                facts::price_cents(id),
                product.category,
                product.rating,
                product.created_at,
                product.discontinued,
                facts::popularity(id),
                product.description,
                serde_json::Value::from(media).to_string(),
            ])?;
        }
        transaction.execute_batch(INDEXES)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn categories_are_four_levels_deep() {
        let depth = |mut id: u32| {
            let mut depth = 1;
            while let Some(parent) = facts::category(id).parent {
                (id, depth) = (parent, depth + 1);
            }
            depth
        };
        assert_eq!((1..=CATEGORIES).map(depth).max(), Some(4));
        assert!((1..=CATEGORIES).all(|id| facts::category(id).parent.is_none_or(|parent| parent < id)));
    }

    #[test]
    fn products_have_each_kind_of_media_and_missing_ratings() {
        let count = |filter: &str| {
            let query = format!("SELECT count(*) FROM products WHERE {filter}");
            seed().unwrap().read(|rows| rows.query_row(&query, [], |row| row.get::<_, u32>(0))).unwrap()
        };
        assert_eq!(count("TRUE"), 2_000);
        assert!(count("media LIKE '%\"video\"%'") > 400);
        assert!(count("media LIKE '%\"photo\"%'") > 400);
        assert!((100..400).contains(&count("rating IS NULL")));
        assert!((50..200).contains(&count("discontinued")));
        assert_eq!(count("category IN (SELECT parent FROM categories)"), 0, "only leaves hold products");
        assert_eq!(count("length(description) < 300"), 0);
    }
}
