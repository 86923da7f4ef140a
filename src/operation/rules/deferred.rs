//! Rules for `@defer`: its labels are static and unique; it does not stand at the root of a mutation or subscription;
//! anywhere else in a subscription, it can be switched off.
//!
//! # Source
//! GraphQL, RFC "incremental delivery" (September 2025), "Validation".

use super::{Checker, Place, directives_of, inside, of};
use apollo_compiler::Node;
use apollo_compiler::ast::{Directive, OperationDefinition, OperationType, Selection, Value};
use std::collections::HashSet;

impl<'a> Checker<'a> {
    pub(super) fn label(&mut self, directive: &'a Node<Directive>) {
        let label = (directive.name == "defer").then(|| directive.specified_argument_by_name("label")).flatten();
        let place = of(directive.location());
        match label.map(|label| &**label) {
            None | Some(Value::Null) => {}
            Some(Value::String(label)) => match self.labels.get(label.as_str()).copied() {
                Some(first) => {
                    self.report(format!("`@defer` label `{label}` is not unique within the document"), [first, place]);
                }
                None => _ = self.labels.insert(label, place),
            },
            Some(_) => self.report("`@defer` label argument must be a static String, not a variable", [place]),
        }
    }

    /// Reports `@defer` around root fields of mutations and subscriptions.
    pub(super) fn deferred_roots(&mut self, operation: &'a Node<OperationDefinition>) {
        if operation.operation_type != OperationType::Query
            && self.schema.root_operation(operation.operation_type).is_some()
        {
            self.no_defer(&operation.selection_set, operation.operation_type, &mut HashSet::new());
        }
    }

    fn no_defer(&mut self, selections: &'a [Selection], kind: OperationType, seen: &mut HashSet<&'a str>) {
        for selection in selections {
            if !self.spend(1) {
                return;
            }
            let (name, mut inner) = match selection {
                Selection::Field(_) => continue,
                Selection::InlineFragment(fragment) => (None, fragment.selection_set.as_slice()),
                Selection::FragmentSpread(spread) => (Some(spread.fragment_name.as_str()), &[][..]),
            };
            if let Some(name) = name {
                let Some(fragment) = self.fragment(name).filter(|_| seen.insert(name)) else { continue };
                inner = &fragment.selection_set;
            }
            if let Some(defer) = directives_of(selection).get("defer") {
                let message = format!("`@defer` is not allowed on root selections of {kind} operations");
                self.report(message, [of(defer.location())]);
            }
            self.no_defer(inner, kind, seen);
        }
    }

    /// Reports `@defer` in subscriptions if it cannot be switched off.
    pub(super) fn deferred_in_subscription(&mut self, operation: &'a Node<OperationDefinition>) {
        if operation.operation_type == OperationType::Subscription {
            self.only_conditional(&operation.selection_set, &mut Vec::new(), &mut HashSet::new());
        }
    }

    /// Checks selections. `through` has the places of the spreads that lead to them.
    fn only_conditional(&mut self, selections: &'a [Selection], through: &mut Vec<Place>, seen: &mut HashSet<&'a str>) {
        for selection in selections {
            if !self.spend(1) {
                return;
            }
            let directives = directives_of(selection);
            if directives.get("skip").is_some_and(|skip| !is_constant(skip, false))
                || directives
                    .get("include")
                    .is_some_and(|include| !is_constant(include, true) && has_condition(include))
            {
                continue;
            }
            for defer in directives.iter().filter(|directive| directive.name == "defer") {
                if !has_condition(defer) || is_constant(defer, true) {
                    let places = std::iter::once(of(defer.location())).chain(through.iter().rev().copied());
                    let places: Vec<Place> = places.collect();
                    self.report("`@defer` in a subscription operation must be disabled with an `if` argument", places);
                }
            }
            match selection {
                Selection::FragmentSpread(spread) => {
                    let name = spread.fragment_name.as_str();
                    let Some(fragment) = self.fragment(name).filter(|_| seen.insert(name)) else { continue };
                    through.push(of(spread.location()));
                    self.only_conditional(&fragment.selection_set, through, seen);
                    through.pop();
                }
                _ => self.only_conditional(inside(selection), through, seen),
            }
        }
    }
}

/// Whether the directive's condition is a literal of this value.
fn is_constant(directive: &Directive, value: bool) -> bool {
    directive.specified_argument_by_name("if").and_then(|condition| condition.to_bool()) == Some(value)
}

fn has_condition(directive: &Directive) -> bool {
    let condition = directive.specified_argument_by_name("if");
    condition.is_some_and(|condition| matches!(**condition, Value::Boolean(_) | Value::Variable(_)))
}
