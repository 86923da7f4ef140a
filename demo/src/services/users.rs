//! The service `users` (port 4101): the customers of the shop. Contract: `schema/services/users.openapi.yaml`.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::get;
use rusqlite::{Connection, Row, params};
use serde::Serialize;

use super::{MAX_PAGE, Page, Reference, id_list};
use crate::clock::timestamp;
use crate::db::Db;
use crate::facts;
use crate::http::{Api, Params, Problem, json, known_id};
use crate::probe::Probe;

const SCHEMA: &str = "CREATE TABLE users (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL, phone TEXT, created_at INTEGER NOT NULL,
    tier TEXT NOT NULL, manager INTEGER, street TEXT NOT NULL, city TEXT NOT NULL, zip TEXT NOT NULL,
    country TEXT NOT NULL
) STRICT;";

const SELECT: &str = "SELECT id, name, email, phone, created_at, tier, manager, street, city, zip, country FROM users";

/// The most ids in one `getUsers` request.
const MAX_IDS: usize = 50;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct User {
    id: String,
    name: String,
    email: String,
    phone: Option<String>,
    created_at: String,
    avatar_url: String,
    tier: String,
    manager: Option<Reference>,
    address: Address,
}

#[derive(Debug, Serialize)]
struct Address {
    street: String,
    city: String,
    zip: String,
    country: String,
}

impl User {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        let id: u32 = row.get(0)?;
        Ok(Self {
            id: id.to_string(),
            name: row.get(1)?,
            email: row.get(2)?,
            phone: row.get(3)?,
            created_at: timestamp(row.get(4)?),
            avatar_url: format!("https://media.shop.example/avatars/{id}.png"),
            tier: row.get(5)?,
            manager: row.get::<_, Option<u32>>(6)?.map(Reference::to),
            address: Address { street: row.get(7)?, city: row.get(8)?, zip: row.get(9)?, country: row.get(10)? },
        })
    }
}

pub(crate) fn router(probe: Probe) -> rusqlite::Result<Router> {
    let api = Api::new(probe)
        .operation("getUsers", "/users", get(get_users))
        .operation("searchUsers", "/users/search", get(search_users))
        .operation("getUser", "/users/{id}", get(get_user));
    Ok(api.finish(Arc::new(seed()?)))
}

fn seed() -> rusqlite::Result<Db> {
    Db::seeded(SCHEMA, |transaction| {
        let mut insert = transaction.prepare("INSERT INTO users VALUES (?,?,?,?,?,?,?,?,?,?,?)")?;
        for id in 1..=facts::USERS {
            let user = facts::user(id);
            insert.execute(params![
                id,
                user.name,
                user.email,
                user.phone,
                user.created_at,
                user.tier,
                user.manager,
                user.street,
                user.city,
                user.zip,
                user.country
            ])?;
        }
        Ok(())
    })
}

async fn get_user(State(db): State<Arc<Db>>, Path(id): Path<String>) -> Result<Response, Problem> {
    let found = match known_id(&id) {
        Some(id) => db.read(|rows| select(rows, &[id]))?,
        None => Vec::new(),
    };
    let user = found.first().ok_or_else(|| Problem::not_found(format!("there is no user `{id}`")))?;
    Ok(json(user))
}

async fn get_users(State(db): State<Arc<Db>>, params: Params) -> Result<Response, Problem> {
    let ids: Vec<_> = params.repeated("id", MAX_IDS)?.into_iter().filter_map(known_id).collect();
    Ok(json(&db.read(|rows| select(rows, &ids))?))
}

async fn search_users(State(db): State<Arc<Db>>, params: Params) -> Result<Response, Problem> {
    let page = params.integer("page", 1..=MAX_PAGE, 1)?;
    let limit = params.integer("limit", 1..=100, 20)?;
    let (items, total) = db.read(|rows| {
        let mut select = rows.prepare_cached(&format!("{SELECT} ORDER BY id LIMIT ? OFFSET ?"))?;
        let users = select.query_map(params![limit, (page - 1) * limit], User::from_row)?;
        let total = rows.query_row("SELECT count(*) FROM users", [], |row| row.get(0))?;
        Ok((users.collect::<Result<Vec<_>, _>>()?, total))
    })?;
    Ok(json(&Page::new(items, page, limit, total)))
}

/// Reads those of `ids` that exist, sorted by id, which need not be the order of the request.
fn select(rows: &Connection, ids: &[u32]) -> rusqlite::Result<Vec<User>> {
    let mut select =
        rows.prepare_cached(&format!("{SELECT} WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id"))?;
    select.query_map([id_list(ids)], User::from_row)?.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_123_and_456_have_chains_of_managers() {
        let db = seed().unwrap();
        for start in [123, 456] {
            let mut chain = vec![start.to_string()];
            while let Some(manager) =
                db.read(|rows| select(rows, &[chain.last().unwrap().parse().unwrap()])).unwrap().remove(0).manager
            {
                chain.push(manager.id);
            }
            assert!(chain.len() > 3, "{chain:?}");
            assert_eq!(chain.last().map(String::as_str), Some("1"));
        }
    }

    #[test]
    fn some_users_have_no_phone_and_every_tier_occurs() {
        let db = seed().unwrap();
        let ids: Vec<_> = (1..=facts::USERS).collect();
        let users = db.read(|rows| select(rows, &ids)).unwrap();
        assert_eq!(users.len(), 1_000);
        assert!(users.iter().any(|user| user.phone.is_none()) && users.iter().any(|user| user.phone.is_some()));
        for tier in ["BRONZE", "SILVER", "GOLD"] {
            assert!(users.iter().any(|user| user.tier == tier), "{tier}");
        }
    }
}
