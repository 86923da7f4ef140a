//! Scalars and enum values, by their type and the name of their field.

use super::chance::Chance;
use super::identity::{is_uuid, uuid};
use super::words::{self, Name};
use apollo_compiler::Schema;
use apollo_compiler::response::JsonValue;
use apollo_compiler::response::serde_json_bytes::json;
use apollo_compiler::schema::ExtendedType;

/// The place of a leaf.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    /// The type of the object that holds the leaf.
    pub(super) owner: &'a str,
    /// The identity of that object.
    pub(super) owner_chance: Chance,
    /// The name of the field.
    pub(super) name: &'a str,
    /// The place of the field, or of an item in its list.
    pub(super) here: Chance,
}

/// A value of a leaf type.
pub(super) fn of_type(schema: &Schema, named: &str, place: &Place<'_>) -> JsonValue {
    if let Some(ExtendedType::Enum(values)) = schema.types.get(named) {
        let names: Vec<_> = values.values.keys().collect();
        return place.here.pick(&names).map_or(JsonValue::Null, |name| name.as_str().into());
    }
    let name = Name::new(place.name);
    match named {
        "Int" => integer(&name, place).into(),
        "Float" => float(&name, place).into(),
        "Boolean" => (place.here.below(2) == 0).into(),
        "ID" => place.here.between(1, 9_000).to_string().into(),
        "String" => words::text(&name, place).into(),
        custom => scalar(custom, &name, place),
    }
}

/// A value of a custom scalar, by the scalar's name. The names are those of common scalar libraries.
fn scalar(scalar: &str, name: &Name, place: &Place<'_>) -> JsonValue {
    let here = place.here;
    let lower = scalar.to_ascii_lowercase();
    match lower.as_str() {
        "json" | "jsonobject" | "object" | "map" | "any" | "_any" => json!({ "key": words::word(here) }),
        "date" | "localdate" => words::date(name, place).into(),
        "time" | "localtime" => words::time_of_day(here).into(),
        "duration" | "iso8601duration" => format!("PT{}M", here.between(1, 600)).into(),
        "bigint" | "long" | "int64" | "safeint" | "positiveint" | "nonnegativeint" | "unsignedint" | "uint"
        | "byte" | "short" | "port" => integer(name, place).clamp(1, 30_000).into(),
        "negativeint" | "nonpositiveint" => (-integer(name, place).clamp(1, 30_000)).into(),
        "latitude" | "longitude" => float(&Name::new(scalar), place).into(),
        "double" | "positivefloat" | "nonnegativefloat" | "unsignedfloat" | "number" => {
            float(name, place).max(0.01).into()
        }
        "negativefloat" | "nonpositivefloat" => (-float(name, place).max(0.01)).into(),
        "decimal" | "bigdecimal" | "money" | "price" | "currencyamount" | "amount" => {
            format!("{:.2}", float(name, place).abs()).into()
        }
        "base64" | "bytes" | "blob" => "aGVsbG8=".into(),
        _ if is_uuid(scalar) => uuid(here).into(),
        _ if lower.ends_with("datetime") || lower.contains("timestamp") || lower == "instant" => {
            words::date_time(name, place).into()
        }
        // Scalars such as `URL`, `EmailAddress` and `PhoneNumber` are made as a text field with that name is.
        _ => match words::known(&Name::new(scalar), place) {
            Some(text) => text.into(),
            None => words::text(name, place).into(),
        },
    }
}

/// A whole number that suits a name. It is well within 32 bits.
fn integer(name: &Name, place: &Place<'_>) -> i64 {
    let here = place.here;
    let number = if name.has_any(&["age"]) {
        here.between(18, 80)
    } else if name.has_any(&["year"]) {
        here.between(1990, 2030)
    } else if name.has_any(&["month"]) {
        here.between(1, 12)
    } else if name.has_any(&["day"]) {
        here.between(1, 28)
    } else if name.has_any(&["stars", "rating", "score"]) {
        here.between(1, 5)
    } else if name.has_any(&["percent", "percentage", "discount", "progress"]) {
        here.between(0, 100)
    } else if name.has_any(&["price", "amount", "total", "cost", "cents", "balance", "salary", "subtotal", "fee"]) {
        here.between(199, 99_900)
    } else if name.has_any(&["width"]) {
        640
    } else if name.has_any(&["height"]) {
        480
    } else if name.has_any(&["quantity", "position", "index", "rank", "level", "priority"]) {
        here.between(1, 10)
    } else if name.has_any(&["port"]) {
        here.between(1_024, 9_999)
    } else if name.has_any(&["timestamp"]) || name.is_moment() {
        words::seconds(name, place)
    } else {
        here.between(0, 100)
    };
    i64::try_from(number).unwrap_or(i64::MAX).min(i64::from(i32::MAX))
}

/// A number that suits a name, with at most two decimals.
fn float(name: &Name, place: &Place<'_>) -> f64 {
    let here = place.here;
    let hundredths = |least: u64, most: u64| here.between(least, most) as f64 / 100.0;
    if name.has_any(&["latitude", "lat"]) {
        hundredths(0, 14_000) - 70.0
    } else if name.has_any(&["longitude", "lng", "lon", "long"]) {
        hundredths(0, 36_000) - 180.0
    } else if name.has_any(&["rating", "stars", "score"]) {
        here.between(10, 50) as f64 / 10.0
    } else if name.has_any(&["ratio", "rate", "probability", "share", "opacity"]) {
        hundredths(0, 100)
    } else if name.has_any(&["price", "amount", "total", "cost", "balance", "subtotal", "fee"]) {
        hundredths(199, 49_999)
    } else {
        hundredths(0, 10_000)
    }
}
