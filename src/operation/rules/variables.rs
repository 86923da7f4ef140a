//! Rules for variables: they are unique, have input types, are defined and used, and are allowed at their places
//! (GraphQL §5.8).

use super::values::{argument, input_field};
use super::{Checker, Place, at, did_you_mean, of};
use crate::view::one_of::is_one_of;
use apollo_compiler::ast::{
    Argument, DirectiveList, FragmentDefinition, InputValueDefinition, OperationDefinition, Selection, Type, Value,
    VariableDefinition,
};
use apollo_compiler::schema::ExtendedType;
use apollo_compiler::{Name, Node};

/// A use of a variable.
#[derive(Debug, Clone, Copy)]
pub(super) struct Usage<'a> {
    name: &'a Name,
    place: Place,
    /// What the place expects; `None` if it is not known.
    expected: Option<Expected<'a>>,
}

/// What a place expects of a variable.
#[derive(Debug, Clone, Copy)]
struct Expected<'a> {
    ty: &'a Type,
    has_default: bool,
    /// The `@oneOf` input object of which the place is a field, if it is one.
    one_of: Option<&'a Name>,
}

impl<'a> Checker<'a> {
    /// Reports a variable that does not have an input type (§5.8.2).
    pub(super) fn input_type(&mut self, variable: &'a Node<VariableDefinition>) {
        let name = variable.ty.inner_named_type();
        if self.type_of(name).is_some() && !self.schema.is_input_type(&variable.ty) {
            let message = format!("`${}` variable must be of an input type", variable.name);
            self.report(message, [of(variable.ty.location())]);
        }
    }

    /// Reports variables that are defined more than once (§5.8.1).
    pub(super) fn unique_variables(&mut self, operation: &'a Node<OperationDefinition>) {
        let all = &operation.variables;
        for (number, variable) in all.iter().enumerate() {
            let is_same = |other: &&Node<VariableDefinition>| other.name == variable.name;
            if all[..number].iter().any(|other| is_same(&other)) || !self.spend(1) {
                continue;
            }
            let places: Vec<Place> = all.iter().filter(is_same).map(|variable| at(&variable.name)).collect();
            if places.len() > 1 {
                self.report(format!("the variable `${}` is declared multiple times", variable.name), places);
            }
        }
    }

    /// Reports variables that are used but not defined (§5.8.3).
    pub(super) fn undefined_variables(&mut self, operation: &'a Node<OperationDefinition>) {
        for usage in self.usages(operation) {
            if operation.variables.iter().all(|variable| variable.name != *usage.name) {
                let known = operation.variables.iter().map(|variable| variable.name.as_str());
                let suggestion = did_you_mean(usage.name, known).map(|text| text.replacen('`', "`$", 1));
                let places = [usage.place, of(operation.location())];
                self.suggest(format!("variable `${}` is not defined", usage.name), places, suggestion);
            }
        }
    }

    /// Reports variables that are defined but not used (§5.8.4).
    pub(super) fn unused_variables(&mut self, operation: &'a Node<OperationDefinition>) {
        let usages = self.usages(operation);
        for variable in &operation.variables {
            if usages.iter().all(|usage| *usage.name != variable.name) {
                self.report(format!("unused variable: `${}`", variable.name), [of(variable.location())]);
            }
        }
    }

    /// Reports variables that are not allowed at their places (§5.8.5).
    pub(super) fn variable_positions(&mut self, operation: &'a Node<OperationDefinition>) {
        for usage in self.usages(operation) {
            // If several variables have the same name, the last one counts.
            let definition = operation.variables.iter().rev().find(|variable| variable.name == *usage.name);
            let Some((expected, definition)) = usage.expected.zip(definition) else { continue };
            if self.type_of(definition.ty.inner_named_type()).is_none() {
                continue;
            }
            let places = [of(definition.location()), usage.place];
            let name = usage.name;
            if !is_allowed(definition, expected) {
                let message = format!(
                    "variable `${name}` of type `{}` cannot be used where `{}` is expected",
                    definition.ty, expected.ty
                );
                self.report(message, places);
            }
            if let Some(object) = expected.one_of.filter(|_| !definition.ty.is_non_null()) {
                let message = format!(
                    "variable `${name}` of type `{}` may be null, which no field of the @oneOf object `{object}` takes",
                    definition.ty
                );
                self.report(message, places);
            }
        }
    }

    /// Gives the uses of variables in an operation and in the fragments that it uses.
    fn usages(&mut self, operation: &'a Node<OperationDefinition>) -> Vec<Usage<'a>> {
        let mut found = Vec::new();
        self.in_directives(&operation.directives, &mut found);
        let root = self.schema.root_operation(operation.operation_type).and_then(|root| self.composite(root));
        self.in_selections(&operation.selection_set, root, &mut found);
        for fragment in self.referenced([operation]) {
            let of_fragment = self.of_fragment(fragment);
            if !self.spend(of_fragment.len()) {
                break;
            }
            found.extend(of_fragment);
        }
        found
    }

    fn of_fragment(&mut self, fragment: &'a Node<FragmentDefinition>) -> Vec<Usage<'a>> {
        if let Some(known) = self.usages.get(fragment.name.as_str()) {
            return known.clone();
        }
        let mut found = Vec::new();
        self.in_directives(&fragment.directives, &mut found);
        self.in_selections(&fragment.selection_set, self.composite(&fragment.type_condition), &mut found);
        self.usages.insert(&fragment.name, found.clone());
        found
    }

    fn in_selections(&mut self, selections: &'a [Selection], parent: Option<&'a Name>, found: &mut Vec<Usage<'a>>) {
        for selection in selections {
            if !self.spend(1) {
                return;
            }
            match selection {
                Selection::Field(field) => {
                    let definition = self.field_definition(parent, &field.name);
                    let defined = definition.map(|definition| definition.arguments.as_slice());
                    self.in_arguments(&field.arguments, defined, found);
                    self.in_directives(&field.directives, found);
                    let inner = definition.and_then(|of| self.composite(of.ty.inner_named_type()));
                    self.in_selections(&field.selection_set, inner, found);
                }
                Selection::FragmentSpread(spread) => self.in_directives(&spread.directives, found),
                Selection::InlineFragment(fragment) => {
                    self.in_directives(&fragment.directives, found);
                    let condition = fragment.type_condition.as_ref();
                    let inner = condition.map_or(parent, |condition| self.composite(condition));
                    self.in_selections(&fragment.selection_set, inner, found);
                }
            }
        }
    }

    fn in_directives(&mut self, directives: &'a DirectiveList, found: &mut Vec<Usage<'a>>) {
        for directive in directives {
            let definition = self.schema.directive_definitions.get(&directive.name);
            let defined = definition.map(|definition| definition.arguments.as_slice());
            self.in_arguments(&directive.arguments, defined, found);
        }
    }

    fn in_arguments(
        &mut self,
        given: &'a [Node<Argument>],
        defined: Option<&'a [Node<InputValueDefinition>]>,
        found: &mut Vec<Usage<'a>>,
    ) {
        for given in given {
            let known = defined.and_then(|defined| argument(defined, &given.name));
            let expected = known.map(|(ty, has_default)| Expected { ty, has_default, one_of: None });
            self.in_value(&given.value, expected, found);
        }
    }

    fn in_value(&mut self, value: &'a Node<Value>, expected: Option<Expected<'a>>, found: &mut Vec<Usage<'a>>) {
        match &**value {
            Value::Variable(name) => found.push(Usage { name, place: of(value.location()), expected }),
            Value::List(items) => {
                let item = expected.and_then(|expected| match expected.ty {
                    Type::List(item) | Type::NonNullList(item) => Some(&**item),
                    _ => None,
                });
                let expected = item.map(|ty| Expected { ty, has_default: false, one_of: None });
                items.iter().for_each(|item| self.in_value(item, expected, found));
            }
            Value::Object(fields) => {
                let object = expected.and_then(|expected| self.type_of(expected.ty.inner_named_type()));
                for (name, field) in fields {
                    let expected = object.and_then(|object| match object {
                        ExtendedType::InputObject(object) => {
                            let (ty, has_default) = input_field(object, name)?;
                            let is_one_of = is_one_of(self.schema, &object.name) == Some(true);
                            Some(Expected { ty, has_default, one_of: is_one_of.then_some(&object.name) })
                        }
                        _ => None,
                    });
                    self.in_value(field, expected, found);
                }
            }
            _ => {}
        }
    }
}

/// Whether a variable is allowed at a place (`IsVariableUsageAllowed`, §5.8.5).
fn is_allowed(variable: &VariableDefinition, expected: Expected<'_>) -> bool {
    if expected.ty.is_non_null() && !variable.ty.is_non_null() {
        let has_default = variable.default_value.as_ref().is_some_and(|value| !value.is_null());
        let nullable = expected.ty.clone().nullable();
        return (has_default || expected.has_default) && variable.ty.is_assignable_to(&nullable);
    }
    variable.ty.is_assignable_to(expected.ty)
}
