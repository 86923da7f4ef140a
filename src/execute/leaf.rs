//! Leaves as JSON text: the canonical form of keys, the methods of mappings, and result coercion.

use crate::compose::Method;
use crate::json::{Json, Malformed, Value, to_integer, write_text};
use crate::operation::Leaf;
use std::borrow::Cow;
use std::ops::Range;

/// The text by which keys are compared, as GraphQL IDs are: `7` equals `"7"`. `None` for a value that cannot be a key.
#[inline]
pub(super) fn canonical(token: &str) -> Option<Cow<'_, str>> {
    match canonical_bytes(token.as_bytes())? {
        // The whole token, or what stands between its quotes.
        Cow::Borrowed(text) => {
            let start = usize::from(text.len() < token.len());
            token.get(start..start + text.len()).map(Cow::Borrowed)
        }
        Cow::Owned(text) => String::from_utf8(text).ok().map(Cow::Owned),
    }
}

/// The same for bytes that need not be UTF-8.
#[inline]
pub(super) fn canonical_bytes(token: &[u8]) -> Option<Cow<'_, [u8]>> {
    match token {
        [b'"', inner @ .., b'"'] if !inner.contains(&b'\\') => Some(inner.into()),
        [b'"', ..] => serde_json::from_slice::<String>(token).ok().map(|text| text.into_bytes().into()),
        [b'-' | b'0'..=b'9', rest @ ..] if rest.iter().all(u8::is_ascii_digit) => Some(token.into()),
        _ => None,
    }
}

/// Applies the methods of a mapping to a JSON text. `None` stands for null.
///
/// A part of a value keeps its text, so numbers keep their digits. A text that is not JSON gives null.
pub(super) fn apply<'t>(token: Cow<'t, str>, then: &[Method]) -> Option<Cow<'t, str>> {
    let value = then.iter().try_fold(token, |token, method| apply_one(token, method).ok())?;
    if value == "null" { None } else { Some(value) }
}

fn apply_one<'t>(token: Cow<'t, str>, method: &Method) -> Result<Cow<'t, str>, Malformed> {
    const NULL: Cow<'static, str> = Cow::Borrowed("null");
    let mut cursor = Json::new(token.as_bytes())?;
    Ok(match (method, cursor.peek()) {
        (Method::First | Method::Last, Some(b'[')) => {
            let item = items(&mut cursor, *method == Method::First)?.1;
            item.map_or(NULL, |item| token[item].to_owned().into())
        }
        (Method::First | Method::Last, Some(b'"')) => {
            let text = cursor.string()?.decode();
            let text = String::from_utf8_lossy(&text);
            let c = if *method == Method::First { text.chars().next() } else { text.chars().next_back() };
            c.map_or(NULL, |c| quote(c.encode_utf8(&mut [0; 4])).into())
        }
        (Method::Size, Some(b'[')) => items(&mut cursor, false)?.0.to_string().into(),
        (Method::Size, Some(b'{')) => members(&mut cursor)?.to_string().into(),
        (Method::Size, Some(b'"')) => {
            // The number of code points is that of all bytes that do not continue one.
            let text = cursor.string()?.decode();
            text.iter().filter(|&&byte| byte & 0xc0 != 0x80).count().to_string().into()
        }
        (Method::First | Method::Last | Method::Size, _) => NULL,
        (Method::Not, Some(b't')) => "false".into(),
        (Method::Not, Some(b'f')) => "true".into(),
        (Method::Not, _) => NULL,
        (Method::Eq(other), _) => equals(&token, other).to_string().into(),
        (Method::Match(pairs), _) => {
            let found = pairs.iter().find(|(from, _)| equals(&token, from));
            found.map_or(NULL, |(_, to)| to.to_string().into())
        }
    })
}

/// Whether a JSON text has this value. Numbers are compared by value (RFC 8259 §6). A text that cannot be read equals
/// nothing.
fn equals(token: &str, value: &Value) -> bool {
    Value::read(token.as_bytes()).is_ok_and(|read| read.is_equal(value))
}

/// The number of items of a list, and the range of its first or last one.
fn items(cursor: &mut Json<'_>, is_first: bool) -> Result<(usize, Option<Range<usize>>), Malformed> {
    let (mut count, mut item) = (0, None);
    cursor.enter()?;
    while cursor.next_item(count == 0)? {
        let span = cursor.skip()?;
        if count == 0 || !is_first {
            item = Some(span);
        }
        count += 1;
    }
    Ok((count, item))
}

/// The number of members of an object.
fn members(cursor: &mut Json<'_>) -> Result<usize, Malformed> {
    let mut count = 0;
    cursor.enter()?;
    while cursor.next_member(count == 0)? {
        cursor.name()?;
        cursor.skip()?;
        count += 1;
    }
    Ok(count)
}

fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    write_text(text, &mut quoted);
    quoted
}

/// Writes a leaf's value as its type requires (GraphQL §3.5, §3.9). Returns `false` and writes nothing if the value
/// does not fit the type.
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

/// Whether a double can hold a number (GraphQL §3.5.2). JSON also has greater ones.
fn is_finite(token: &[u8]) -> bool {
    // Numbers below 1e300 need no further check.
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

/// Writes a signed integer of 32 bits. `1.0` and `1e3` are integers too.
fn write_int(token: &[u8], out: &mut Vec<u8>) -> bool {
    let Ok(text) = std::str::from_utf8(token) else { return false };
    if is_integer(token) && token != b"-0" {
        // Numbers of up to nine digits fit without a further check.
        if token.len() > 9 && text.parse::<i32>().is_err() {
            return false;
        }
        out.extend_from_slice(token);
        return true;
    }
    match to_integer(text).and_then(|number| i32::try_from(number).ok()) {
        Some(number) => {
            out.extend_from_slice(number.to_string().as_bytes());
            true
        }
        None => false,
    }
}
