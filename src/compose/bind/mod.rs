//! Binding: the fields and types that each service's SDL offers become ways of the graph.
//!
//! In: a draft with all types and keys, and the contracts. Out: the draft with its sources, shapes and ways, and
//! findings.
//! Each kind of source has a module of its own here.

mod graphql;
mod rest;

use super::draft::Draft;
use crate::contract::Contract;
use std::collections::HashMap;

/// Makes the ways of every service.
pub(super) fn bind<'a>(draft: &mut Draft<'a>, contracts: &'a HashMap<String, Contract>) {
    for (index, file) in draft.files.iter().enumerate() {
        if file.is_bound {
            rest::bind(draft, index, contracts);
        } else {
            graphql::bind(draft, index);
        }
    }
}
