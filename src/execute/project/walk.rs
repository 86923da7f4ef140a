//! Single values of a JSON text, found by path, for values that are not captured.

use crate::compose::Segment;
use crate::json::{Json, Malformed};

/// The texts of the values at a path. A list on the way or at the end stands for its items; null and missing values are
/// left out. `None` if the text is not JSON, or if there are more than `most` values.
pub(in crate::execute) fn values<'t>(text: &'t [u8], path: &[Segment], most: usize) -> Option<Vec<&'t [u8]>> {
    let mut found = Vec::new();
    walk(&mut Json::new(text).ok()?, path, most, &mut found).ok()?;
    Some(found)
}

/// Moves past a value and collects what is wanted of it.
fn walk<'t>(json: &mut Json<'t>, path: &[Segment], most: usize, found: &mut Vec<&'t [u8]>) -> Result<(), Malformed> {
    match (json.peek(), path.split_first()) {
        (Some(b'['), Some((Segment::Index(index), rest))) => {
            let mut at = 0;
            json.at += 1;
            while json.next_item(at == 0)? {
                if at == *index {
                    walk(json, rest, most, found)?
                } else {
                    json.skip().map(drop)?
                }
                at += 1;
            }
        }
        // The recursion is no deeper than the path, because `items` skips a list that is directly in a list.
        (Some(b'['), Some((Segment::Each, rest))) => items(json, rest, most, found)?,
        (Some(b'['), _) => items(json, path, most, found)?,
        (Some(b'{'), Some((Segment::Property(name), rest))) => {
            let mut is_first = true;
            json.at += 1;
            while json.next_member(is_first)? {
                is_first = false;
                let is_it = *json.name()?.decode() == *name.as_bytes();
                if is_it { walk(json, rest, most, found)? } else { json.skip().map(drop)? }
            }
        }
        (Some(first), None) => {
            let span = json.skip()?;
            if first != b'n' {
                found.push(json.text(span));
            }
        }
        _ => {
            json.skip()?;
        }
    }
    if found.len() > most { Err(Malformed) } else { Ok(()) }
}

fn items<'t>(json: &mut Json<'t>, path: &[Segment], most: usize, found: &mut Vec<&'t [u8]>) -> Result<(), Malformed> {
    // A list directly in a list is skipped, because endless nesting would overflow the stack.
    let mut is_first = true;
    json.at += 1;
    while json.next_item(is_first)? {
        is_first = false;
        match json.peek() {
            Some(b'[') => {
                json.skip()?;
            }
            _ => walk(json, path, most, found)?,
        }
    }
    Ok(())
}
