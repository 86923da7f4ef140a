//! Leaves as JSON text: keys in canonical form, the methods of mappings, and result coercion.

use crate::compose::Method;
use crate::operation::Leaf;
use serde_json::Value;
use std::borrow::Cow;

/// The text that keys are compared by, as GraphQL IDs: `7` equals `"7"`. `None` for what cannot be a key.
pub(super) fn canonical(token: &str) -> Option<Cow<'_, str>> {
    let bytes = token.as_bytes();
    match bytes.first()? {
        b'"' => {
            let inner = token.get(1..token.len().checked_sub(1)?)?;
            if inner.contains('\\') {
                serde_json::from_str::<String>(token).ok().map(Cow::Owned)
            } else {
                Some(inner.into())
            }
        }
        b'-' | b'0'..=b'9' if bytes.iter().skip(1).all(u8::is_ascii_digit) => Some(token.into()),
        _ => None,
    }
}

/// Applies the methods of a mapping to a JSON text. `None`: null.
pub(super) fn apply<'t>(token: Cow<'t, str>, then: &[Method]) -> Option<Cow<'t, str>> {
    if then.is_empty() {
        return Some(token);
    }
    let mut value: Value = serde_json::from_str(&token).ok()?;
    for method in then {
        value = apply_one(value, method);
    }
    if value.is_null() { None } else { Some(value.to_string().into()) }
}

fn apply_one(value: Value, method: &Method) -> Value {
    match method {
        Method::First => match value {
            Value::Array(items) => items.into_iter().next().unwrap_or_default(),
            Value::String(text) => text.chars().next().map_or(Value::Null, |c| c.to_string().into()),
            _ => Value::Null,
        },
        Method::Last => match value {
            Value::Array(items) => items.into_iter().next_back().unwrap_or_default(),
            Value::String(text) => text.chars().next_back().map_or(Value::Null, |c| c.to_string().into()),
            _ => Value::Null,
        },
        Method::Size => match value {
            Value::Array(items) => items.len().into(),
            Value::String(text) => text.chars().count().into(),
            Value::Object(members) => members.len().into(),
            _ => Value::Null,
        },
        Method::Eq(other) => (value == *other).into(),
        Method::Not => value.as_bool().map_or(Value::Null, |b| (!b).into()),
        Method::Match(pairs) => pairs.iter().find(|(from, _)| *from == value).map_or(Value::Null, |(_, to)| to.clone()),
    }
}

/// Writes a leaf's value by its type (GraphQL §3.5, §3.9). `false`: the value does not fit; nothing was written.
pub(super) fn write(leaf: &Leaf, token: &[u8], out: &mut Vec<u8>) -> bool {
    let Some(&first) = token.first() else { return false };
    let is_number = first == b'-' || first.is_ascii_digit();
    match leaf {
        Leaf::String | Leaf::Custom(_) if first == b'"' => out.extend_from_slice(token),
        Leaf::Id if first == b'"' => out.extend_from_slice(token),
        Leaf::Id if is_number && is_integer(token) => quoted(token, out),
        Leaf::String if is_number || matches!(first, b't' | b'f') => quoted(token, out),
        Leaf::Int if is_number => return write_int(token, out),
        Leaf::Float if is_number && is_finite(token) => out.extend_from_slice(token),
        Leaf::Boolean if matches!(first, b't' | b'f') => out.extend_from_slice(token),
        Leaf::Enum(values) if first == b'"' => {
            let Some(text) = std::str::from_utf8(token).ok().and_then(canonical) else { return false };
            let Some((_, name)) = values.iter().find(|(from, _)| **from == *text) else { return false };
            quoted(name.as_bytes(), out);
        }
        Leaf::Custom(_) => out.extend_from_slice(token),
        _ => return false,
    }
    true
}

/// JSON knows numbers that no double holds (GraphQL §3.5.2).
fn is_finite(token: &[u8]) -> bool {
    // Below 1e300 without a look.
    let is_plain = token.len() < 300 && !token.iter().any(|byte| matches!(byte, b'e' | b'E'));
    is_plain || std::str::from_utf8(token).ok().and_then(|text| text.parse::<f64>().ok()).is_some_and(f64::is_finite)
}

fn is_integer(token: &[u8]) -> bool {
    token.iter().skip(1).all(u8::is_ascii_digit)
}

fn quoted(token: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    out.extend_from_slice(token);
    out.push(b'"');
}

/// 32 bits, signed; `1.0` and `1e3` are integers too.
fn write_int(token: &[u8], out: &mut Vec<u8>) -> bool {
    let Ok(text) = std::str::from_utf8(token) else { return false };
    if is_integer(token) && token != b"-0" {
        // Up to nine digits fit without a look.
        if token.len() > 9 && text.parse::<i32>().is_err() {
            return false;
        }
        out.extend_from_slice(token);
        return true;
    }
    match text.parse::<f64>() {
        Ok(number) if number.fract() == 0.0 && (-2_147_483_648.0..=2_147_483_647.0).contains(&number) => {
            // Adding zero makes zero of its negative.
            out.extend_from_slice(format!("{:.0}", number + 0.0).as_bytes());
            true
        }
        _ => false,
    }
}
