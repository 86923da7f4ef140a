//! The rule for the root of a subscription: one response name, no introspection and no conditions (GraphQL §5.2.4.1).

use super::{Checker, Place, directives_of, inside, of};
use apollo_compiler::ast::{Field, OperationDefinition, OperationType, Selection};
use apollo_compiler::{Name, Node};
use std::collections::HashSet;

/// What a subscription selects at its root.
#[derive(Default)]
struct Root<'a> {
    /// The root fields by response name, in the order of their first appearance.
    fields: Vec<(&'a Name, Vec<&'a Node<Field>>)>,
    /// The places of `@skip` and `@include`.
    conditions: Vec<Place>,
    fragments: HashSet<&'a str>,
}

impl<'a> Checker<'a> {
    pub(super) fn single_root_field(&mut self, operation: &'a Node<OperationDefinition>) {
        if operation.operation_type != OperationType::Subscription {
            return;
        }
        let Some(root_type) = self.schema.root_operation(OperationType::Subscription) else { return };
        let mut root = Root::default();
        self.collect(&operation.selection_set, root_type, &mut root);
        let subject = match &operation.name {
            Some(name) => format!("subscription `{name}`"),
            None => "anonymous subscription".to_owned(),
        };
        if !root.conditions.is_empty() {
            self.report(format!("{subject} can not specify @skip or @include on root fields"), root.conditions);
            return;
        }
        // If there is no root field, another rule reports why: a fragment does not exist, or it cannot apply.
        if root.fields.len() > 1 {
            let extra = root.fields.iter().skip(1).flat_map(|(_, fields)| fields);
            let places: Vec<Place> = extra.map(|field| of(field.location())).collect();
            self.report(format!("{subject} can only have one root field"), places);
        }
        for (_, fields) in &root.fields {
            if fields.first().is_some_and(|field| field.name.starts_with("__")) {
                let message = format!("{subject} can not have an introspection field as a root field");
                self.report(message, fields.iter().map(|field| of(field.location())));
            }
        }
    }

    /// Collects the root fields, including those of fragments that apply.
    fn collect(&mut self, selections: &'a [Selection], root_type: &Name, root: &mut Root<'a>) {
        for selection in selections {
            if !self.spend(1) {
                return;
            }
            let directives = directives_of(selection);
            if let Some(condition) = directives.get("skip").or_else(|| directives.get("include")) {
                root.conditions.push(of(condition.location()));
                continue;
            }
            let (condition, inner) = match selection {
                Selection::Field(field) => {
                    let name = field.response_name();
                    match root.fields.iter_mut().find(|(known, _)| *known == name) {
                        Some((_, fields)) => fields.push(field),
                        None => root.fields.push((name, vec![field])),
                    }
                    continue;
                }
                Selection::InlineFragment(fragment) => (fragment.type_condition.as_ref(), inside(selection)),
                Selection::FragmentSpread(spread) => {
                    let name = spread.fragment_name.as_str();
                    let Some(fragment) = self.fragment(name).filter(|_| root.fragments.insert(name)) else { continue };
                    (Some(&fragment.type_condition), fragment.selection_set.as_slice())
                }
            };
            if condition.is_none_or(|condition| condition == root_type || self.schema.is_subtype(condition, root_type))
            {
                self.collect(inner, root_type, root);
            }
        }
    }
}
