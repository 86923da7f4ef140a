//! The service `reviews` (port 4107): reviews of products, as a GraphQL subgraph. Schema:
//! `schema/services/reviews.graphql`.
//!
//! # Source
//! Apollo Federation subgraph specification, version 2: `_service` and `_entities`.

use std::sync::Arc;

use async_graphql::{
    ComplexObject, Context, EmptyMutation, EmptySubscription, ID, Object, Result, SDLExportOptions, Schema,
    SimpleObject,
};
use async_graphql_axum::GraphQL;
use axum::Router;
use axum::routing::post_service;
use rusqlite::{Params as SqlParams, Row, params};

use crate::clock::timestamp;
use crate::db::Db;
use crate::facts::{self, REVIEWS};
use crate::http::{Api, known_id};
use crate::probe::Probe;

const SCHEMA: &str = "CREATE TABLE reviews (
    id INTEGER PRIMARY KEY, product INTEGER NOT NULL, author INTEGER NOT NULL, stars INTEGER NOT NULL,
    text TEXT NOT NULL, created_at INTEGER NOT NULL
) STRICT;";

/// The deepest nesting of selection sets. It also limits the cost of one request.
const MAX_DEPTH: usize = 12;
/// The most fields of one request, each counted once.
const MAX_COMPLEXITY: usize = 500;

/// A product, of which this service knows only the reviews.
#[derive(Debug, SimpleObject)]
#[graphql(complex)]
struct Product {
    id: ID,
}

#[ComplexObject]
impl Product {
    /// The newest reviews; at most 50.
    async fn reviews(
        &self,
        ctx: &Context<'_>,
        #[graphql(default = 3, validator(minimum = 0, maximum = 50))] first: i32,
    ) -> Result<Vec<Review>> {
        reviews(ctx, "WHERE product = ? ORDER BY id DESC LIMIT ?", params![known_id(&self.id), first])
    }

    /// How many reviews there are.
    async fn review_count(&self, ctx: &Context<'_>) -> Result<i32> {
        one(ctx, "SELECT count(*) FROM reviews WHERE product = ?", known_id(&self.id))
    }

    /// The mean of all stars; null without reviews.
    async fn average_stars(&self, ctx: &Context<'_>) -> Result<Option<f64>> {
        one(ctx, "SELECT round(avg(stars), 2) FROM reviews WHERE product = ?", known_id(&self.id))
    }
}

/// A user, of whom this service knows only the id.
#[derive(Debug, SimpleObject)]
#[graphql(unresolvable)]
struct User {
    id: ID,
}

/// What a customer says about a product.
#[derive(Debug, SimpleObject)]
struct Review {
    id: ID,
    /// One to five.
    stars: i32,
    text: String,
    author: User,
    /// When it was written: RFC 3339, in UTC.
    created_at: String,
}

impl Review {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get::<_, u32>(0)?.into(),
            author: User { id: row.get::<_, u32>(1)?.into() },
            stars: row.get(2)?,
            text: row.get(3)?,
            created_at: timestamp(row.get(4)?),
        })
    }
}

#[derive(Debug)]
struct Query;

#[Object]
impl Query {
    /// The newest reviews of all products; at most 50.
    async fn latest_reviews(
        &self,
        ctx: &Context<'_>,
        #[graphql(default = 10, validator(minimum = 0, maximum = 50))] first: i32,
    ) -> Result<Vec<Review>> {
        reviews(ctx, "ORDER BY id DESC LIMIT ?", [first])
    }

    /// One review; null when there is none with this id.
    async fn review(&self, ctx: &Context<'_>, id: ID) -> Result<Option<Review>> {
        Ok(reviews(ctx, "WHERE id = ?", [known_id(&id)])?.pop())
    }

    #[graphql(entity)]
    async fn find_product_by_id(&self, id: ID) -> Product {
        Product { id }
    }

    #[graphql(entity)]
    async fn find_review_by_id(&self, ctx: &Context<'_>, id: ID) -> Result<Option<Review>> {
        Ok(reviews(ctx, "WHERE id = ?", [known_id(&id)])?.pop())
    }
}

fn reviews(ctx: &Context<'_>, filter: &str, values: impl SqlParams) -> Result<Vec<Review>> {
    let query = format!("SELECT id, author, stars, text, created_at FROM reviews {filter}");
    let found =
        ctx.data::<Arc<Db>>()?.read(|rows| rows.prepare_cached(&query)?.query_map(values, Review::from_row)?.collect());
    found.map_err(|_| "reviews cannot be read".into())
}

fn one<T: rusqlite::types::FromSql>(ctx: &Context<'_>, query: &str, product: Option<u32>) -> Result<T> {
    let found = ctx.data::<Arc<Db>>()?.read(|rows| rows.prepare_cached(query)?.query_row([product], |row| row.get(0)));
    found.map_err(|_| "reviews cannot be read".into())
}

type Reviews = Schema<Query, EmptyMutation, EmptySubscription>;

fn schema(db: Option<Db>) -> Reviews {
    let builder = Schema::build(Query, EmptyMutation, EmptySubscription)
        .enable_federation()
        .limit_depth(MAX_DEPTH)
        .limit_complexity(MAX_COMPLEXITY);
    match db {
        Some(db) => builder.data(Arc::new(db)).finish(),
        None => builder.finish(),
    }
}

/// Writes the SDL of the subgraph `reviews`: the answer to `_service { sdl }`, but laid out for people, and with the
/// sizes of its lists, which the builder of the schema cannot express.
pub fn sdl() -> String {
    let options = SDLExportOptions::new().federation().prefer_single_line_descriptions().use_space_ident();
    let sdl = schema(None).sdl_with_options(options);
    let size = r#" @listSize(slicingArguments: ["first"], maxSize: 50)"#;
    let sdl = sdl.replace(r#""@requiresScopes"]"#, r#""@requiresScopes", "@listSize"]"#);
    let lines = sdl.trim().lines().map(|line| match line.ends_with("): [Review!]!") {
        true => format!("{line}{size}\n"),
        false => format!("{line}\n"),
    });
    lines.collect()
}

pub(crate) fn router(probe: Probe) -> rusqlite::Result<Router> {
    let service = post_service(GraphQL::new(schema(Some(seed()?))));
    Ok(Api::new(probe).operation("graphql", "/graphql", service).finish(()))
}

fn seed() -> rusqlite::Result<Db> {
    Db::seeded(SCHEMA, |transaction| {
        let mut insert = transaction.prepare("INSERT INTO reviews VALUES (?,?,?,?,?,?)")?;
        for id in 1..=REVIEWS {
            let review = facts::review(id);
            insert.execute(params![id, review.product, review.author, review.stars, review.text, review.created_at])?;
        }
        transaction.execute_batch("CREATE INDEX reviews_by_product ON reviews (product, id, stars);")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_file_is_what_the_service_offers() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../schema/services/reviews.graphql");
        if std::env::var_os("UPDATE_SCHEMA").is_some() {
            std::fs::write(path, sdl()).unwrap();
        }
        let written = std::fs::read_to_string(path).unwrap_or_default();
        assert_eq!(written, sdl(), "run this test with UPDATE_SCHEMA=1 to write {path}");
    }

    #[tokio::test]
    async fn entities_are_found_by_key() {
        let schema = schema(Some(seed().unwrap()));
        let query = r#"{ _entities(representations: [
            { __typename: "Product", id: "1" }, { __typename: "Review", id: "10000" },
            { __typename: "Review", id: "10001" }, { __typename: "Product", id: "9999" }
        ]) {
            ... on Product { id reviewCount averageStars reviews(first: 1) { stars author { id } } }
            ... on Review { id createdAt }
        } }"#;
        let answer = schema.execute(query).await.into_result().unwrap().data.into_json().unwrap();
        let entities = &answer["_entities"];
        assert!(entities[0]["reviewCount"].as_i64().unwrap() > 0);
        assert_eq!(entities[0]["reviews"].as_array().unwrap().len(), 1);
        assert_eq!(entities[1]["id"], "10000");
        assert!(entities[2].is_null());
        assert_eq!(
            entities[3],
            serde_json::json!({
                "id": "9999", "reviewCount": 0, "averageStars": null, "reviews": []
            })
        );
    }
}
