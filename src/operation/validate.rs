//! Validation beyond the compiler's: input fields are given once, variables inside lists fit, and `@oneOf` holds. It
//! also finds the variables that must not be null although their type allows it.

use super::error::{RequestError, VALIDATION_FAILED};
use super::lowered::VariableId;
use super::prepare::variable_id;
use crate::view::{View, Wanted};
use apollo_compiler::ast::{Argument, DirectiveList, InputValueDefinition, Type};
use apollo_compiler::executable::{Operation, Selection, SelectionSet};
use apollo_compiler::{ExecutableDocument, Name, Node};
use std::collections::HashSet;

/// What the validation of a valid operation finds.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Nullable variables in arguments of directives whose places do not allow null. GraphQL §5.8.5 permits such a
    /// variable if there is a default. If its value is null, the request fails.
    pub(super) not_null: Vec<VariableId>,
    /// The same kind of variables in arguments of fields. If the value of one is null, the field fails (§6.4.1).
    pub(super) fallible: Vec<VariableId>,
}

/// Checks all operations of a document, if there are several. If there is only one, [`operation`] checks it.
pub(super) fn document(document: &ExecutableDocument, view: &View) -> Result<(), Vec<RequestError>> {
    if document.operations.len() > 1 {
        for one in document.operations.iter() {
            operation(document, one, view)?;
        }
    }
    Ok(())
}

/// Checks the literals of one operation. Each fragment is visited once.
pub(super) fn operation(
    document: &ExecutableDocument,
    operation: &Operation,
    view: &View,
) -> Result<Found, Vec<RequestError>> {
    let mut checker =
        Checker { document, operation, view, seen: HashSet::new(), found: Found::default(), errors: Vec::new() };
    for variable in &operation.variables {
        let default = variable.default_value.as_ref();
        if let Some(Err(error)) = default.map(|default| view.tables.inputs.constant(&variable.ty, default)) {
            let error_at =
                RequestError::new(VALIDATION_FAILED, format!("default of `${}`: {}", variable.name, error.message));
            checker.errors.push(error_at.at(error.location, &document.sources));
        }
    }
    checker.directives(&operation.directives);
    checker.selection_set(&operation.selection_set);
    if checker.errors.is_empty() { Ok(checker.found) } else { Err(checker.errors) }
}

struct Checker<'a> {
    document: &'a ExecutableDocument,
    operation: &'a Operation,
    view: &'a View,
    seen: HashSet<&'a Name>,
    found: Found,
    errors: Vec<RequestError>,
}

impl<'a> Checker<'a> {
    fn selection_set(&mut self, set: &'a SelectionSet) {
        for selection in &set.selections {
            self.directives(selection.directives());
            match selection {
                Selection::Field(field) => {
                    self.arguments(&field.name, &field.arguments, &field.definition.arguments, |found| {
                        &mut found.fallible
                    });
                    self.selection_set(&field.selection_set);
                }
                Selection::InlineFragment(fragment) => self.selection_set(&fragment.selection_set),
                Selection::FragmentSpread(spread) => {
                    let fragment = self.document.fragments.get(&spread.fragment_name);
                    if let Some(fragment) = fragment.filter(|fragment| self.seen.insert(&fragment.name)) {
                        self.directives(&fragment.directives);
                        self.selection_set(&fragment.selection_set);
                    }
                }
            }
        }
    }

    fn directives(&mut self, directives: &DirectiveList) {
        let view = self.view;
        for directive in directives {
            if let Some(definition) = view.schema.directive_definitions.get(&directive.name) {
                self.arguments(&directive.name, &directive.arguments, &definition.arguments, |found| {
                    &mut found.not_null
                });
            }
        }
    }

    /// Checks the arguments of `of`, which is a field or a directive. `nullable` gives the list of those variables that
    /// are nullable although their places do not allow null.
    fn arguments(
        &mut self,
        of: &Name,
        given: &[Node<Argument>],
        defined: &[Node<InputValueDefinition>],
        nullable: fn(&mut Found) -> &mut Vec<VariableId>,
    ) {
        for argument in given {
            let Some(definition) = defined.iter().find(|definition| definition.name == argument.name) else { continue };
            let (operation, found) = (self.operation, nullable(&mut self.found));
            let fill = &mut |name: &Name, wanted: &Wanted<'_>| variable(operation, found, name, wanted);
            let default = definition.default_value.as_ref().map(|_| &crate::json::Value::Null);
            let inputs = &self.view.tables.inputs;
            if let Err(error) = inputs.literal(&definition.ty, &argument.value, default, fill) {
                let message = format!("argument `{}` of `{of}`: {}", argument.name, error.message);
                let error_at = RequestError::new(VALIDATION_FAILED, message);
                self.errors.push(error_at.at(error.location, &self.document.sources));
            }
        }
    }
}

/// Checks that a variable is allowed at its place (§5.8.5). It is called for places inside lists and input objects too.
fn variable(
    operation: &Operation,
    not_null: &mut Vec<VariableId>,
    name: &Name,
    wanted: &Wanted<'_>,
) -> Result<(), String> {
    let Some(id) = variable_id(operation, name) else { return Err(format!("`${name}` is not defined")) };
    let definition = &operation.variables[id.index()];
    let is_anything = wanted.ty.inner_named_type() == name && !wanted.ty.is_non_null();
    if is_anything || definition.ty.is_assignable_to(wanted.ty) {
        return Ok(());
    }
    let has_default = wanted.has_default || definition.default_value.as_ref().is_some_and(|value| !value.is_null());
    let nullable: Type = wanted.ty.clone().nullable();
    if has_default && definition.ty.is_assignable_to(&nullable) {
        if !not_null.contains(&id) {
            not_null.push(id);
        }
        return Ok(());
    }
    Err(format!("`${name}: {}` cannot stand where `{}` is expected", definition.ty, wanted.ty))
}
