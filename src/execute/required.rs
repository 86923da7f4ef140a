//! Keys and the values of `@requires` are checked against the graph's types before they are sent.
//!
//! A service may answer with null where the contract does not allow it, or with a value of another type. For one such
//! value, a GraphQL source refuses the whole list of representations. So the row that has the value fails alone and is
//! never sent. Answers that are cached are checked against the same types ([`super::project`]).

use super::arena::Failure;
use super::input::Key;
use super::leaf;
use crate::operation::OutType;
use crate::plan::{Member, Step};
use serde_json::value::RawValue;

/// Completes a key for a GraphQL source. From index `required` on, a null propagates to the nearest nullable field of
/// its path (GraphQL §6.4.4); before that index there are no nulls. Returns the reason if the row cannot be asked for.
pub(super) fn complete(step: &Step, key: &mut Key, required: usize) -> Option<Failure> {
    let (_, members) = step.document.as_ref()?.representation.as_ref()?;
    for at in 0..key.len() {
        let member = members.get(at)?;
        match (key[at].as_deref(), member.nullable) {
            (Some(token), _) if fits(&member.ty, token.as_bytes()) => {}
            (Some(_), _) if at < required => return Some(Failure::new("BAD_KEY", "a key is not of its type")),
            (Some(_), _) => return Some(Failure::new("UPSTREAM_SHAPE", "a value that this needs is not of its type")),
            (None, Some(depth)) => make_null(members, key, required, &member.path[..depth]),
            (None, None) => return Some(Failure::new("NULL_IN_NON_NULL", "a value that this needs is null")),
        }
    }
    None
}

fn make_null(members: &[Member], key: &mut Key, required: usize, path: &[String]) {
    for (member, part) in members.iter().zip(key).skip(required) {
        if member.path.starts_with(path) {
            *part = None;
        }
    }
}

/// Whether a JSON text that is not null fits a type.
pub(super) fn fits(ty: &OutType, token: &[u8]) -> bool {
    match ty {
        OutType::Leaf { leaf, .. } => leaf::write(leaf, token, &mut Vec::new()),
        OutType::List { of, .. } => serde_json::from_slice::<Vec<&RawValue>>(token).is_ok_and(|items| {
            items.iter().all(|item| match item.get() {
                "null" => is_nullable(of),
                text => fits(of, text.as_bytes()),
            })
        }),
        OutType::Object { .. } => true,
    }
}

fn is_nullable(ty: &OutType) -> bool {
    match ty {
        OutType::List { nullable, .. } | OutType::Object { nullable, .. } | OutType::Leaf { nullable, .. } => *nullable,
    }
}
