//! Introspection that multiplies: lists of types inside of one another.
//!
//! `fields`, `interfaces`, `possibleTypes` and `inputFields` each lead from a type to many, so that a short document
//! could ask for an answer without end. No tool asks for three of them inside of one another.

use apollo_compiler::Node;
use apollo_compiler::ast::{Document, Field, FragmentDefinition, Selection};
use std::collections::HashMap;

/// So many lists inside of one another are refused.
const MAX_LISTS: usize = 3;
/// What is said of it.
pub(in crate::operation) const TOO_DEEP: &str = "introspection asks for too many lists of types inside of one another";
/// Deepest nesting that is looked at; deeper is too deep.
const MAX_DEPTH: usize = 100;
/// The fields of `__Type` that lead to many types.
const LISTS: [&str; 4] = ["fields", "interfaces", "possibleTypes", "inputFields"];

/// The root fields of introspection that ask for too many lists inside of one another.
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
    /// The most lists that each fragment was looked at below.
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
