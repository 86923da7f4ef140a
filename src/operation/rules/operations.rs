//! Rules for the definitions of a document, and for the names and root types of its operations (GraphQL §5.1, §5.2).

use super::{Checker, at, of};
use apollo_compiler::Node;
use apollo_compiler::ast::{Definition, OperationDefinition};

impl<'a> Checker<'a> {
    /// Reports definitions that are neither operations nor fragments (§5.1.1).
    pub(super) fn executable_definitions(&mut self) {
        for definition in &self.document.definitions {
            if !definition.is_executable_definition() {
                let message = format!("an executable document must not contain {}", described(definition));
                self.report(message, [of(definition.location())]);
            }
        }
    }

    /// Reports an operation whose root type the schema does not have (§5.2.1.1).
    pub(super) fn root_type(&mut self, operation: &'a Node<OperationDefinition>) {
        let kind = operation.operation_type;
        if self.schema.root_operation(kind).is_none() {
            self.report(format!("`{kind}` root operation type is not defined"), [of(operation.location())]);
        }
    }

    /// Reports a name that is already taken, and an operation without a name that is not alone (§5.2.2.1, §5.2.3.1).
    pub(super) fn operation_name(&mut self, operation: &'a Node<OperationDefinition>) {
        match &operation.name {
            Some(name) => match self.names.operations.get(name.as_str()).copied() {
                Some(first) => {
                    let message = format!("the operation `{name}` is defined multiple times in the document");
                    self.report(message, [first, at(name)]);
                }
                None => _ = self.names.operations.insert(name, at(name)),
            },
            None if self.operations().nth(1).is_some() => {
                let message = "an operation without a name must be the only one of its document";
                self.report(message, [of(operation.location())]);
            }
            None => {}
        }
    }
}

fn described(definition: &Definition) -> &'static str {
    match definition {
        Definition::OperationDefinition(_) => "an operation definition",
        Definition::FragmentDefinition(_) => "a fragment definition",
        Definition::DirectiveDefinition(_) => "a directive definition",
        Definition::SchemaDefinition(_) => "a schema definition",
        Definition::ScalarTypeDefinition(_) => "a scalar type definition",
        Definition::ObjectTypeDefinition(_) => "an object type definition",
        Definition::InterfaceTypeDefinition(_) => "an interface type definition",
        Definition::UnionTypeDefinition(_) => "a union type definition",
        Definition::EnumTypeDefinition(_) => "an enum type definition",
        Definition::InputObjectTypeDefinition(_) => "an input object type definition",
        _ => "an extension of a schema",
    }
}
