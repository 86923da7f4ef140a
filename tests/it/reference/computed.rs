//! What the BFFs compute themselves, computed once more.

use super::services::{Services, property, text};
use super::{Failure, Resolved};
use serde_json::{Value, json};

/// `Product.priceLabel`.
pub(super) fn price_label(price: &Value, locale: &str) -> Result<Resolved, Failure> {
    let cents = property(price, "amount")?.as_i64().unwrap_or_default();
    let (whole, rest) = (cents / 100, cents % 100);
    let currency = match text(price, "currency")?.as_str() {
        "EUR" => "€".to_owned(),
        other => other.to_owned(),
    };
    let label = match locale.split('-').next() {
        Some("de") => format!("{whole},{rest:02} {currency}"),
        _ => format!("{currency}{whole}.{rest:02}"),
    };
    Ok(Resolved::Json(label.into()))
}

/// `User.loyalty`.
pub(super) fn loyalty(services: &Services, user: &str) -> Result<Resolved, Failure> {
    let limit = [("limit", Some("50".to_owned()))];
    let orders = services.get("orders", &["users", user, "orders"], &limit)?;
    let totals = orders.as_array().into_iter().flatten().filter_map(|order| order["total"].as_i64());
    let points = totals.sum::<i64>() / 100;
    let level = if points >= 5_000 { "GOLD" } else { "BASIC" };
    Ok(Resolved::Json(json!({ "points": points, "level": level })))
}

/// `ProductCard.teaser`.
pub(super) fn teaser(product: &Value) -> Result<Resolved, Failure> {
    Ok(Resolved::Json(text(product, "name")?.into()))
}
