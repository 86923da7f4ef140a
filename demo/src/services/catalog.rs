//! The service `catalog` (port 4102): products and categories. Contract: `schema/services/catalog.openapi.yaml`.
//!
//! All answers are public and the same for every caller, so each of them may be cached.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use axum::routing::get;
use rusqlite::{Connection, Params as SqlParams, Row, params};
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::{MAX_PAGE, Page, Reference, id_list};
use crate::clock::timestamp;
use crate::db::Db;
use crate::facts::{self, CATEGORIES, CURRENCY, PRODUCTS};
use crate::http::{Api, Params, Problem, cacheable, known_id};
use crate::probe::Probe;

mod seed;

/// The most ids in one batch request.
const MAX_IDS: usize = 100;

/// The names of a product's properties that the parameter `fields` accepts.
const FIELDS: [&str; 11] =
    ["id", "sku", "name", "description", "price", "category", "images", "rating", "media", "createdAt", "discontinued"];

const SELECT_PRODUCTS: &str = "SELECT id, sku, name, price, category, rating, created_at, discontinued,
    description, media FROM products";
const SELECT_SUMMARIES: &str = "SELECT id, sku, name, price, category, rating, created_at, discontinued FROM products";
const SELECT_CATEGORIES: &str = "SELECT id, name, slug, parent FROM categories";

#[derive(Debug, Serialize)]
struct Product {
    #[serde(flatten)]
    summary: Summary,
    description: String,
    media: Box<RawValue>,
}

/// A product without the properties that only the page of one product shows.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    id: String,
    sku: String,
    name: String,
    price: Money,
    category: Reference,
    images: Images,
    rating: Option<f64>,
    created_at: String,
    discontinued: bool,
}

#[derive(Debug, Serialize)]
struct Money {
    amount: u32,
    currency: &'static str,
}

#[derive(Debug, Serialize)]
struct Images {
    small: Image,
    medium: Image,
    large: Image,
}

#[derive(Debug, Serialize)]
struct Image {
    url: String,
    width: u32,
    height: u32,
}

impl Images {
    fn of(product: u32) -> Self {
        let image = |width, height| Image {
            url: format!("https://media.shop.example/p/{product}/{width}x{height}.jpg"),
            width,
            height,
        };
        Self { small: image(160, 120), medium: image(640, 480), large: image(1600, 1200) }
    }
}

impl Summary {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        let id: u32 = row.get(0)?;
        Ok(Self {
            id: id.to_string(),
            sku: row.get(1)?,
            name: row.get(2)?,
            price: Money { amount: row.get(3)?, currency: CURRENCY },
            category: Reference::to(row.get(4)?),
            images: Images::of(id),
            rating: row.get::<_, Option<u32>>(5)?.map(|tenths| f64::from(tenths) / 10.0),
            created_at: timestamp(row.get(6)?),
            discontinued: row.get(7)?,
        })
    }
}

impl Product {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        let media = RawValue::from_string(row.get(9)?)
            .map_err(|error| rusqlite::Error::FromSqlConversionFailure(9, rusqlite::types::Type::Text, error.into()))?;
        Ok(Self { summary: Summary::from_row(row)?, description: row.get(8)?, media })
    }
}

#[derive(Debug, Serialize)]
struct Category {
    id: String,
    name: String,
    slug: String,
    parent: Option<Reference>,
}

impl Category {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get::<_, u32>(0)?.to_string(),
            name: row.get(1)?,
            slug: row.get(2)?,
            parent: row.get::<_, Option<u32>>(3)?.map(Reference::to),
        })
    }
}

pub(crate) fn router(probe: Probe) -> rusqlite::Result<Router> {
    let api = Api::new(probe)
        .operation("listProducts", "/products", get(list_products))
        .operation("getProductsByIds", "/products/by-ids", get(get_products_by_ids))
        .operation("getProduct", "/products/{id}", get(get_product))
        .operation("getProductSummary", "/products/{id}/summary", get(get_product_summary))
        .operation("listCategories", "/categories", get(list_categories))
        .operation("getCategories", "/categories/by-ids", get(get_categories))
        .operation("getCategory", "/categories/{id}", get(get_category));
    Ok(api.finish(Arc::new(seed::seed()?)))
}

async fn list_products(State(db): State<Arc<Db>>, headers: HeaderMap, params: Params) -> Result<Response, Problem> {
    let order = match params.text("sort")?.unwrap_or("POPULAR") {
        "POPULAR" => "popularity DESC",
        "PRICE_ASC" => "price",
        "PRICE_DESC" => "price DESC",
        "NEWEST" => "created_at DESC",
        _ => return Err(Problem::bad_request("`sort` must be POPULAR, PRICE_ASC, PRICE_DESC or NEWEST")),
    };
    let page = params.integer("page", 1..=MAX_PAGE, 1)?;
    let limit = params.integer("limit", 1..=100, 20)?;
    // An unknown category is answered like a category without products.
    let category = params.text("category")?.map(|id| known_id(id).unwrap_or(0));
    let filter = match category {
        Some(_) => "WHERE category IN (WITH RECURSIVE inside(id) AS
            (VALUES (?1) UNION SELECT c.id FROM categories c JOIN inside ON c.parent = inside.id) SELECT id FROM inside)",
        None => "WHERE ?1 IS NULL",
    };
    let (items, total) = db.read(|rows| {
        let mut select =
            rows.prepare_cached(&format!("{SELECT_SUMMARIES} {filter} ORDER BY {order}, id LIMIT ?2 OFFSET ?3"))?;
        let items = select.query_map(params![category, limit, (page - 1) * limit], Summary::from_row)?;
        let items = items.collect::<Result<Vec<_>, _>>()?;
        let mut count = rows.prepare_cached(&format!("SELECT count(*) FROM products {filter}"))?;
        Ok((items, count.query_row([category], |row| row.get(0))?))
    })?;
    cacheable(&headers, &Page::new(items, page, limit, total))
}

async fn get_products_by_ids(
    State(db): State<Arc<Db>>,
    headers: HeaderMap,
    params: Params,
) -> Result<Response, Problem> {
    let ids: Vec<_> = params.comma_separated("ids", MAX_IDS)?.into_iter().filter_map(known_id).collect();
    let fields = match params.text("fields")? {
        Some(_) => Some(params.comma_separated("fields", FIELDS.len())?),
        None => None,
    };
    if let Some(unknown) = fields.iter().flatten().find(|field| !FIELDS.contains(field)) {
        return Err(Problem::bad_request(format!("products have no field `{unknown}`")));
    }
    let products = db.read(|rows| products(rows, &ids))?;
    match fields {
        None => cacheable(&headers, &products),
        Some(fields) => {
            let sparse: Vec<_> = products.iter().map(|product| sparse(product, &fields)).collect::<Result<_, _>>()?;
            cacheable(&headers, &sparse)
        }
    }
}

/// Keeps exactly the named properties. Even the id is left out unless it is named.
fn sparse(product: &Product, fields: &[&str]) -> Result<Map<String, Value>, Problem> {
    match serde_json::to_value(product) {
        Ok(Value::Object(mut object)) => {
            object.retain(|name, _| fields.contains(&name.as_str()));
            Ok(object)
        }
        Ok(_) => Err(Problem::internal(&"a product is an object")),
        Err(error) => Err(Problem::internal(&error)),
    }
}

async fn get_product(
    State(db): State<Arc<Db>>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let found = db.read(|rows| products(rows, known_id(&id).as_slice()))?;
    let product = found.first().ok_or_else(|| Problem::not_found(format!("there is no product `{id}`")))?;
    cacheable(&headers, product)
}

async fn get_product_summary(
    State(db): State<Arc<Db>>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let mut found = db.read(|rows| products(rows, known_id(&id).as_slice()))?;
    let product = found.pop().ok_or_else(|| Problem::not_found(format!("there is no product `{id}`")))?;
    let mut response = cacheable(&headers, &product.summary)?;
    // `Deprecation` (RFC 9745), here since 2025-01-01, and `Sunset` (RFC 8594).
    response.headers_mut().insert("deprecation", HeaderValue::from_static("@1735689600"));
    response.headers_mut().insert("sunset", HeaderValue::from_static("Thu, 31 Dec 2026 23:59:59 GMT"));
    Ok(response)
}

async fn list_categories(State(db): State<Arc<Db>>, headers: HeaderMap) -> Result<Response, Problem> {
    cacheable(&headers, &db.read(|rows| categories(rows, "", []))?)
}

async fn get_categories(State(db): State<Arc<Db>>, headers: HeaderMap, params: Params) -> Result<Response, Problem> {
    let ids: Vec<_> = params.comma_separated("ids", MAX_IDS)?.into_iter().filter_map(known_id).collect();
    let filter = "WHERE id IN (SELECT value FROM json_each(?))";
    cacheable(&headers, &db.read(|rows| categories(rows, filter, [id_list(&ids)]))?)
}

async fn get_category(
    State(db): State<Arc<Db>>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let found = db.read(|rows| categories(rows, "WHERE id = ?", [known_id(&id)]))?;
    let category = found.first().ok_or_else(|| Problem::not_found(format!("there is no category `{id}`")))?;
    cacheable(&headers, category)
}

/// Reads those of `ids` that exist, sorted by id, which need not be the order of the request.
fn products(rows: &Connection, ids: &[u32]) -> rusqlite::Result<Vec<Product>> {
    let filter = "WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id";
    let mut select = rows.prepare_cached(&format!("{SELECT_PRODUCTS} {filter}"))?;
    select.query_map([id_list(ids)], Product::from_row)?.collect()
}

fn categories(rows: &Connection, filter: &str, values: impl SqlParams) -> rusqlite::Result<Vec<Category>> {
    let mut select = rows.prepare_cached(&format!("{SELECT_CATEGORIES} {filter} ORDER BY id"))?;
    select.query_map(values, Category::from_row)?.collect()
}
