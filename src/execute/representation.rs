//! Representations: what is sent to `_entities` of a GraphQL source for each entity.
//!
//! In: the members of a representation, and keys with one token for each member. Out: `{"__typename": …, …}` with the
//! fields of the key and of `@requires`, each written as its type requires.
//! Elsewhere: whether the values fit their types ([`super::required`]).
//!
//! Always true:
//! - an `ID` is sent as a string, whatever it was read from (GraphQL §3.5.5); a custom scalar keeps its text;
//! - a nullable value that is null is sent as null at the level of the null: `"price": null` differs from `"price":
//!   {"amount": null}`.
//!
//! # Source
//! Apollo Federation subgraph specification, `_Any` and `Query._entities`.

use super::input::Key;
use super::leaf;
use crate::operation::OutType;
use crate::plan::Member;
use serde_json::value::RawValue;

/// A member that is to be written, and its token.
type Part<'a> = (&'a Member, Option<&'a str>);

/// The representations of some keys, as a JSON array.
pub(super) fn of_keys(ty: &str, members: &[Member], keys: &[Key]) -> String {
    let mut out = vec![b'['];
    for (at, key) in keys.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        let parts: Vec<Part<'_>> = members.iter().zip(key.iter().map(Option::as_deref)).collect();
        out.extend_from_slice(b"{\"__typename\":");
        quote(ty, &mut out);
        write_fields(&parts, 0, true, &mut out);
        out.push(b'}');
    }
    out.push(b']');
    String::from_utf8(out).expect("keys are UTF-8, and what is written of them is")
}

/// Writes the fields of an object, `depth` levels below the entity. `is_begun`: whether another field precedes them.
fn write_fields(parts: &[Part<'_>], depth: usize, mut is_begun: bool, out: &mut Vec<u8>) {
    let mut written: Vec<&str> = Vec::new();
    for (member, _) in parts {
        let Some(name) = member.path.get(depth).map(String::as_str).filter(|name| !written.contains(name)) else {
            continue;
        };
        written.push(name);
        if std::mem::replace(&mut is_begun, true) {
            out.push(b',');
        }
        quote(name, out);
        out.push(b':');
        let below: Vec<Part<'_>> =
            parts.iter().copied().filter(|(member, _)| member.path.get(depth).is_some_and(|n| n == name)).collect();
        match below.iter().find(|(member, _)| member.path.len() == depth + 1) {
            Some((_, None)) => out.extend_from_slice(b"null"),
            Some((Member { ty: ty @ (OutType::Leaf { .. } | OutType::List { .. }), .. }, Some(token))) => {
                write_leaf(ty, token, out);
            }
            _ => {
                out.push(b'{');
                write_fields(&below, depth + 1, false, out);
                out.push(b'}');
            }
        }
    }
}

/// Writes a leaf as its type requires. A value that does not fit was refused before.
fn write_leaf(ty: &OutType, token: &str, out: &mut Vec<u8>) {
    match ty {
        OutType::Leaf { leaf, .. } if leaf::write(leaf, token.as_bytes(), out) => {}
        OutType::List { of, .. } => match serde_json::from_str::<Vec<&RawValue>>(token) {
            Ok(items) => {
                out.push(b'[');
                for (at, item) in items.iter().enumerate() {
                    if at > 0 {
                        out.push(b',');
                    }
                    write_leaf(of, item.get(), out);
                }
                out.push(b']');
            }
            Err(_) => out.extend_from_slice(token.as_bytes()),
        },
        // This is a null in a list.
        _ => out.extend_from_slice(token.as_bytes()),
    }
}

/// Writes a name of a schema as a JSON string.
fn quote(name: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    out.extend_from_slice(name.as_bytes());
    out.push(b'"');
}
