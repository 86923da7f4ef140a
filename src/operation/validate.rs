//! What the compiler's validation leaves out: unique input fields, variables inside lists, `@oneOf`; and which
//! variables must not be null although their type allows it.

use super::error::{RequestError, VALIDATION_FAILED};
use super::lowered::VariableId;
use super::prepare::variable_id;
use crate::view::Wanted;
use crate::view::table::Tables;
use apollo_compiler::ast::Type;
use apollo_compiler::executable::{Field, Operation, Selection, SelectionSet};
use apollo_compiler::{ExecutableDocument, Name};
use std::collections::HashSet;

/// What was found beside errors.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Nullable variables where null must not stand (GraphQL §5.8.5 allows them beside a default).
    pub(super) not_null: Vec<VariableId>,
}

/// Checks the literals of one operation, each fragment once.
pub(super) fn operation(
    document: &ExecutableDocument,
    operation: &Operation,
    tables: &Tables,
) -> Result<Found, Vec<RequestError>> {
    let mut checker =
        Checker { document, operation, tables, seen: HashSet::new(), found: Found::default(), errors: Vec::new() };
    for variable in &operation.variables {
        let default = variable.default_value.as_ref();
        if let Some(Err(error)) = default.map(|default| tables.inputs.constant(&variable.ty, default)) {
            let error_at =
                RequestError::new(VALIDATION_FAILED, format!("default of `${}`: {}", variable.name, error.message));
            checker.errors.push(error_at.at(error.location, &document.sources));
        }
    }
    checker.selection_set(&operation.selection_set);
    if checker.errors.is_empty() { Ok(checker.found) } else { Err(checker.errors) }
}

struct Checker<'a> {
    document: &'a ExecutableDocument,
    operation: &'a Operation,
    tables: &'a Tables,
    seen: HashSet<&'a Name>,
    found: Found,
    errors: Vec<RequestError>,
}

impl<'a> Checker<'a> {
    fn selection_set(&mut self, set: &'a SelectionSet) {
        for selection in &set.selections {
            match selection {
                Selection::Field(field) => {
                    self.field(field);
                    self.selection_set(&field.selection_set);
                }
                Selection::InlineFragment(fragment) => self.selection_set(&fragment.selection_set),
                Selection::FragmentSpread(spread) => {
                    let fragment = self.document.fragments.get(&spread.fragment_name);
                    if let Some(fragment) = fragment.filter(|fragment| self.seen.insert(&fragment.name)) {
                        self.selection_set(&fragment.selection_set);
                    }
                }
            }
        }
    }

    fn field(&mut self, field: &Field) {
        for argument in &field.arguments {
            let Some(definition) = field.definition.argument_by_name(&argument.name) else { continue };
            let (operation, found) = (self.operation, &mut self.found);
            let fill = &mut |name: &Name, wanted: &Wanted<'_>| variable(operation, found, name, wanted);
            let default = definition.default_value.as_ref().map(|_| &serde_json::Value::Null);
            if let Err(error) = self.tables.inputs.literal(&definition.ty, &argument.value, default, fill) {
                let message = format!("argument `{}` of `{}`: {}", argument.name, field.name, error.message);
                let error_at = RequestError::new(VALIDATION_FAILED, message);
                self.errors.push(error_at.at(error.location, &self.document.sources));
            }
        }
    }
}

/// §5.8.5, for every place that a variable can stand in.
fn variable(operation: &Operation, found: &mut Found, name: &Name, wanted: &Wanted<'_>) -> Result<(), String> {
    let Some(id) = variable_id(operation, name) else { return Err(format!("`${name}` is not defined")) };
    let definition = &operation.variables[id.index()];
    let is_anything = wanted.ty.inner_named_type() == name && !wanted.ty.is_non_null();
    if is_anything || definition.ty.is_assignable_to(wanted.ty) {
        return Ok(());
    }
    let has_default = wanted.has_default || definition.default_value.as_ref().is_some_and(|value| !value.is_null());
    let nullable: Type = wanted.ty.clone().nullable();
    if has_default && definition.ty.is_assignable_to(&nullable) {
        if !found.not_null.contains(&id) {
            found.not_null.push(id);
        }
        return Ok(());
    }
    Err(format!("`${name}: {}` cannot stand where `{}` is expected", definition.ty, wanted.ty))
}
