//! The fields that the BFFs compute themselves, computed a second time for the reference.

use super::services::{Services, property, text};
use super::{Failure, Resolved};
use serde_json::{Value, json};

/// Computes `Product.priceLabel`.
pub(super) fn price_label(price: &Value, locale: &str) -> Result<Resolved, Failure> {
    let cents = property(price, "amount")?.as_i64().unwrap_or_default();
    let (whole, rest) = (cents / 100, cents % 100);
    assert_eq!(text(price, "currency")?, "EUR", "the shop's only currency");
    let label = match locale.split('-').next() {
        Some("de" | "fr" | "es" | "it") => format!("{whole},{rest:02} €"),
        _ => format!("€{whole}.{rest:02}"),
    };
    Ok(Resolved::Json(label.into()))
}

/// Computes `User.loyalty`: a point for each whole euro of each order that was not cancelled.
pub(super) fn loyalty(services: &Services, user: &str) -> Result<Resolved, Failure> {
    let limit = [("limit", Some("50".to_owned()))];
    let orders = services.get("orders", &["users", user, "orders"], &limit)?;
    let mut points = 0;
    for order in orders.as_array().into_iter().flatten() {
        if text(order, "status")? != "CANCELLED" {
            points += property(order, "total")?.as_i64().unwrap_or_default() / 100;
        }
    }
    let level = if points < 1_000 {
        "starter"
    } else if points < 10_000 {
        "regular"
    } else {
        "star"
    };
    Ok(Resolved::Json(json!({ "points": points, "level": level })))
}

/// Computes `ProductCard.teaser`: at most 24 characters of the name, and the rating.
pub(super) fn teaser(product: &Value) -> Result<Resolved, Failure> {
    let name = text(product, "name")?;
    let mut teaser: String = name.chars().take(24).collect();
    if teaser.len() < name.len() {
        teaser.push('…');
    }
    if let Some(rating) = property(product, "rating")?.as_f64() {
        teaser.push_str(&format!(" · {rating:.1} ★"));
    }
    Ok(Resolved::Json(teaser.into()))
}
