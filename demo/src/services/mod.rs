//! The seven services of the shop. Each has a module with its tables, its seed, its JSON types and its operations.

pub(crate) mod carts;
pub(crate) mod catalog;
pub(crate) mod inventory;
pub(crate) mod orders;
pub(crate) mod payments;
pub(crate) mod reviews;
pub(crate) mod users;

use axum::http::{HeaderMap, header};
use serde::Serialize;

use crate::http::Problem;
use crate::keys::TokenVerifier;

/// A reference to an entity by its id.
#[derive(Debug, Serialize)]
struct Reference {
    id: String,
}

impl Reference {
    fn to(id: u32) -> Self {
        Self { id: id.to_string() }
    }
}

/// One page of a list whose pages have numbers.
#[derive(Debug, Serialize)]
struct Page<T> {
    items: Vec<T>,
    page: u32,
    pages: u32,
    total: u32,
}

impl<T> Page<T> {
    fn new(items: Vec<T>, page: u32, limit: u32, total: u32) -> Self {
        Self { items, page, pages: total.div_ceil(limit.max(1)), total }
    }
}

/// The largest page number of any list.
const MAX_PAGE: u32 = 100_000;

/// Writes ids as the JSON array that SQLite's `json_each` reads.
fn id_list(ids: &[u32]) -> String {
    format!("{ids:?}")
}

/// Returns the user's id from the bearer token of the request.
///
/// # Errors
/// A 401 problem if there is no valid bearer token.
fn caller(headers: &HeaderMap, verifier: &TokenVerifier) -> Result<String, Problem> {
    let token = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "))
        .ok_or_else(|| Problem::unauthorized("this operation needs a bearer token"))?;
    verifier.subject(token).ok_or_else(|| Problem::unauthorized("the token is invalid or has expired"))
}
