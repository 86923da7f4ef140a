//! Single values of a JSON text, by path: for what is not captured.

use crate::compose::Segment;
use crate::json::{Json, Malformed};

/// The texts at a path. Lists on the way, and at its end, stand for their items; null and what is missing give nothing.
/// `None`: the text is not JSON, or there are more than `most`.
pub(in crate::execute) fn values<'t>(text: &'t [u8], path: &[Segment], most: usize) -> Option<Vec<&'t [u8]>> {
    let mut found = Vec::new();
    walk(&mut Json::new(text).ok()?, path, most, &mut found).ok()?;
    Some(found)
}

/// Goes behind a value and takes what is wanted of it.
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
        // Paths are as deep as their mappings, lists as deep as a body may nest them: `skip` has seen to that.
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
    // Nesting without end would overflow the stack: what is nested deeper than any path is skipped.
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
