//! Users: their names, their addresses and their managers.

use super::words::{CITIES, FIRST_NAMES, LAST_NAMES, STREETS};
use super::{Draw, Topic};
use crate::clock::DAY;

/// A user of the shop.
#[derive(Debug)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) phone: Option<String>,
    pub(crate) created_at: i64,
    pub(crate) tier: &'static str,
    pub(crate) manager: Option<u32>,
    pub(crate) street: String,
    pub(crate) city: &'static str,
    pub(crate) zip: &'static str,
    pub(crate) country: &'static str,
}

/// Returns the facts of user `id`.
pub(crate) fn user(id: u32) -> User {
    let mut draw = Draw::new(Topic::User, id);
    let (first, last) = (draw.pick(FIRST_NAMES), draw.pick(LAST_NAMES));
    let (city, zip, country) = draw.pick(CITIES);
    User {
        name: format!("{first} {last}"),
        email: format!("user{id}@shop.example"),
        phone: (!draw.is_one_in(5)).then(|| format!("+49 30 55{:05}", draw.below(100_000))),
        // An instant in the six years from 2018-01-01 on.
        created_at: 1_514_764_800 + i64::from(draw.below(2_190)) * DAY + i64::from(draw.below(86_400)),
        tier: draw.pick(&["BRONZE", "BRONZE", "BRONZE", "SILVER", "SILVER", "GOLD"]),
        // Managers form a ternary tree: the managers above user 456 are 152, 50, 16, 5 and 1.
        manager: (id > 1).then(|| (id / 3).max(1)),
        street: format!("{} {}", draw.pick(STREETS), draw.between(1, 120)),
        city,
        zip,
        country,
    }
}
