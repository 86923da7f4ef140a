//! The walk through a document: definitions in the order of the document, each from the outside in.

use super::{Checker, did_you_mean};
use apollo_compiler::ast::{
    Definition, DirectiveLocation, Field, FragmentDefinition, OperationDefinition, OperationType, Selection,
    VariableDefinition,
};
use apollo_compiler::{Name, Node};

impl<'a> Checker<'a> {
    pub(super) fn document(&mut self) {
        self.executable_definitions();
        for definition in &self.document.definitions {
            if !self.may_go_on() {
                return;
            }
            match definition {
                Definition::OperationDefinition(operation) => self.operation(operation),
                Definition::FragmentDefinition(fragment) => self.fragment_definition(fragment),
                _ => {}
            }
        }
        self.unused_fragments();
    }

    fn operation(&mut self, operation: &'a Node<OperationDefinition>) {
        self.root_type(operation);
        self.operation_name(operation);
        self.single_root_field(operation);
        self.unique_variables(operation);
        self.undefined_variables(operation);
        self.unused_variables(operation);
        self.unique_directives(&operation.directives);
        self.deferred_roots(operation);
        self.deferred_in_subscription(operation);
        for variable in &operation.variables {
            self.variable_definition(variable);
        }
        let (location, root) = match operation.operation_type {
            OperationType::Query => (DirectiveLocation::Query, OperationType::Query),
            OperationType::Mutation => (DirectiveLocation::Mutation, OperationType::Mutation),
            OperationType::Subscription => (DirectiveLocation::Subscription, OperationType::Subscription),
        };
        self.directives(&operation.directives, location);
        let root = self.schema.root_operation(root).and_then(|root| self.composite(root));
        self.selections(&operation.selection_set, root);
        self.variable_positions(operation);
    }

    fn variable_definition(&mut self, variable: &'a Node<VariableDefinition>) {
        self.input_type(variable);
        self.unique_directives(&variable.directives);
        self.known_type(variable.ty.inner_named_type());
        if let Some(default) = &variable.default_value {
            let ty = Some(&*variable.ty).filter(|ty| self.schema.is_input_type(ty));
            self.value(default, ty);
        }
        self.directives(&variable.directives, DirectiveLocation::VariableDefinition);
    }

    fn fragment_definition(&mut self, fragment: &'a Node<FragmentDefinition>) {
        self.fragment_type(Some(&fragment.name), &fragment.type_condition);
        self.fragment_name(fragment);
        self.fragment_cycle(fragment);
        self.unique_directives(&fragment.directives);
        self.known_type(&fragment.type_condition);
        self.directives(&fragment.directives, DirectiveLocation::FragmentDefinition);
        self.selections(&fragment.selection_set, self.composite(&fragment.type_condition));
    }

    /// Checks the selections of an operation, a field or a fragment.
    fn selections(&mut self, selections: &'a [Selection], parent: Option<&'a Name>) {
        self.mergeable(selections, parent);
        self.each(selections, parent);
    }

    /// Checks each selection by itself. `parent` is the type whose fields are selected, or `None` if the type is not
    /// known or has no fields.
    fn each(&mut self, selections: &'a [Selection], parent: Option<&'a Name>) {
        for selection in selections {
            if !self.spend(1) {
                return;
            }
            match selection {
                Selection::Field(field) => self.field(field, parent),
                Selection::FragmentSpread(spread) => {
                    self.known_fragment(spread);
                    self.possible_spread(spread, parent);
                    self.unique_directives(&spread.directives);
                    self.directives(&spread.directives, DirectiveLocation::FragmentSpread);
                }
                Selection::InlineFragment(fragment) => {
                    let mut inner = parent;
                    if let Some(condition) = &fragment.type_condition {
                        self.fragment_type(None, condition);
                        inner = self.composite(condition);
                        self.possible_inline(fragment, inner, parent);
                    }
                    self.unique_directives(&fragment.directives);
                    if let Some(condition) = &fragment.type_condition {
                        self.known_type(condition);
                    }
                    self.directives(&fragment.directives, DirectiveLocation::InlineFragment);
                    self.each(&fragment.selection_set, inner);
                }
            }
        }
    }

    fn field(&mut self, field: &'a Node<Field>, parent: Option<&'a Name>) {
        let definition = self.field_definition(parent, &field.name);
        match (definition, parent) {
            (Some(definition), _) => self.leaf_or_not(field, definition),
            (None, Some(parent)) => self.unknown_field(field, parent),
            (None, None) => {}
        }
        self.unique_directives(&field.directives);
        self.unique_arguments(&field.arguments);
        if self.too_deep.iter().any(|deep| std::ptr::eq(*deep, field)) {
            self.report(super::TOO_DEEP, [super::of(field.location())]);
        }
        self.arguments(&field.arguments, definition.zip(parent));
        self.directives(&field.directives, DirectiveLocation::Field);
        let inner = definition.and_then(|definition| self.composite(definition.ty.inner_named_type()));
        if !field.selection_set.is_empty() {
            self.selections(&field.selection_set, inner);
        }
        if let Some((definition, parent)) = definition.zip(parent) {
            let coordinate = format!("{parent}.{}", definition.name);
            self.required_arguments(&coordinate, &field.arguments, &definition.arguments, super::of(field.location()));
        }
    }

    /// Reports a type that does not exist, in a type condition or a variable definition (§5.5.1.2).
    fn known_type(&mut self, name: &Name) {
        if self.type_of(name).is_none() {
            let suggestion = did_you_mean(name, self.type_names());
            self.suggest(format!("cannot find type `{name}` in this document"), [super::at(name)], suggestion);
        }
    }
}
