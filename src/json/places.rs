//! Questions about a JSON text, answered without building values.

use super::{Json, Malformed};

/// Checks that a whole text is JSON and is not nested too deeply.
pub(crate) fn check(text: &[u8]) -> Result<(), Malformed> {
    let mut json = Json::new(text)?;
    json.skip()?;
    if json.peek().is_some() { Err(Malformed) } else { Ok(()) }
}

/// Finds the text of the value at a path of member names, in a text that is known to be JSON. If a name occurs twice,
/// the last one counts. `None` if there is no such value.
pub(crate) fn member<'t>(text: &'t str, path: &[String]) -> Option<&'t str> {
    let Some((name, rest)) = path.split_first() else { return Some(text) };
    let mut json = Json::new(text.as_bytes()).ok()?;
    if json.peek() != Some(b'{') {
        return None;
    }
    json.enter().ok()?;
    let (mut is_first, mut found) = (true, None);
    while json.next_member(is_first).ok()? {
        is_first = false;
        let is_it = *json.name().ok()?.decode() == *name.as_bytes();
        let span = json.skip().ok()?;
        if is_it {
            found = text.get(span);
        }
    }
    member(found?, rest)
}

/// Whether objects and lists are nested deeper than `limit`. For a text that is not JSON the result has no meaning.
pub(crate) fn is_deeper_than(text: &[u8], limit: u32) -> bool {
    // So many brackets take so many bytes.
    if text.len() <= limit as usize {
        return false;
    }
    let mut depth = 0u32;
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'{' | b'[' => {
                depth += 1;
                if depth > limit {
                    return true;
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => {
                while let Some(byte) = bytes.next() {
                    match byte {
                        b'"' => break,
                        b'\\' => _ = bytes.next(),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    false
}
