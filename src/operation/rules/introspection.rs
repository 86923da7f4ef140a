//! The bound on introspection: lists of types must not be nested too deeply.
//!
//! `fields`, `interfaces`, `possibleTypes` and `inputFields` each lead from one type to many types. So a short document
//! that nests them could ask for an answer of unbounded size. No tool nests three of them.

use apollo_compiler::Node;
use apollo_compiler::ast::{Document, Field, FragmentDefinition, Selection};
use std::collections::HashMap;

/// Root fields that nest this many lists, or more, are refused.
const MAX_LISTS: usize = 3;
/// The message of the error.
pub(in crate::operation) const TOO_DEEP: &str = "introspection asks for too many lists of types inside of one another";
/// The greatest depth that is searched. A query that is deeper is reported as too deep.
const MAX_DEPTH: usize = 100;
/// The fields of `__Type` that lead to many types.
const LISTS: [&str; 4] = ["fields", "interfaces", "possibleTypes", "inputFields"];

/// Gives the root fields of introspection that nest too many lists.
pub(in crate::operation) fn too_deep(document: &Document) -> Vec<&Node<Field>> {
    let mut search = Search { fragments: HashMap::new(), seen: HashMap::new(), found: Vec::new() };
    for definition in &document.definitions {
        if let Some(fragment) = definition.as_fragment_definition() {
            search.fragments.insert(&fragment.name, fragment);
        }
    }
    for definition in &document.definitions {
        if let Some(operation) = definition.as_operation_definition() {
            search.roots(&operation.selection_set);
        } else if let Some(fragment) = definition.as_fragment_definition() {
            search.roots(&fragment.selection_set);
        }
    }
    search.found
}

struct Search<'a> {
    fragments: HashMap<&'a str, &'a Node<FragmentDefinition>>,
    /// For each fragment that was visited, the greatest number of lists around it.
    seen: HashMap<&'a str, usize>,
    found: Vec<&'a Node<Field>>,
}

impl<'a> Search<'a> {
    fn roots(&mut self, selections: &'a [Selection]) {
        for selection in selections {
            if let Selection::Field(field) = selection
                && matches!(field.name.as_str(), "__schema" | "__type")
            {
                self.seen.clear();
                if self.is_deep(&field.selection_set, 0, 0) {
                    self.found.push(field);
                }
            } else {
                self.roots(super::inside(selection));
            }
        }
    }

    fn is_deep(&mut self, selections: &'a [Selection], lists: usize, depth: usize) -> bool {
        if depth > MAX_DEPTH {
            return true;
        }
        selections.iter().any(|selection| match selection {
            Selection::Field(field) => {
                let lists = lists + usize::from(LISTS.contains(&field.name.as_str()));
                lists >= MAX_LISTS || self.is_deep(&field.selection_set, lists, depth + 1)
            }
            Selection::InlineFragment(fragment) => self.is_deep(&fragment.selection_set, lists, depth + 1),
            Selection::FragmentSpread(spread) => {
                let name = spread.fragment_name.as_str();
                let is_new = self.seen.get(name).is_none_or(|&seen| seen < lists);
                let Some(fragment) = self.fragments.get(name).copied().filter(|_| is_new) else { return false };
                self.seen.insert(name, lists);
                self.is_deep(&fragment.selection_set, lists, depth + 1)
            }
        })
    }
}
