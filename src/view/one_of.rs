//! `@oneOf`, which GraphQL has defined since September 2025 (§3.13.5) and the compiler does not define yet.

use crate::compose::{Graph, TypeId};
use apollo_compiler::ast::{
    Definition, Directive, DirectiveDefinition, DirectiveLocation, Document, FieldDefinition, Type,
};
use apollo_compiler::schema::{Component, ExtendedType};
use apollo_compiler::{Name, Node, Schema, name};
use std::collections::HashMap;

const ONE_OF: Name = name!("oneOf");
/// The field of `__Type` that says whether a type is a `@oneOf` input object.
pub(crate) const IS_ONE_OF: Name = name!("isOneOf");

/// Defines the directive in a schema that uses it without defining it.
pub(super) fn define(document: &mut Document) {
    let is_used = document.definitions.iter().any(|definition| definition.directives().has(&ONE_OF));
    let is_defined = |definition: &Definition| matches!(definition, Definition::DirectiveDefinition(directive) if directive.name == ONE_OF);
    if is_used && !document.definitions.iter().any(is_defined) {
        document.definitions.push(Definition::DirectiveDefinition(definition()));
    }
}

/// Adds `@oneOf` to the client's input objects that have it in the graph.
pub(super) fn inherit(schema: &mut Schema, graph: &Graph, of: &HashMap<String, TypeId>) {
    let mut is_used = false;
    for (name, ty) in &mut schema.types {
        let ExtendedType::InputObject(client) = ty else { continue };
        let origin = of.get(name.as_str()).and_then(|&ty| graph.schema.get_input_object(&graph.ty(ty).name));
        let is_one_of = origin.is_some_and(|origin| origin.directives.has(&ONE_OF));
        if is_one_of && !client.directives.has(&ONE_OF) {
            client.make_mut().directives.push(Directive::new(ONE_OF));
            is_used = true;
        }
    }
    if is_used {
        schema.directive_definitions.entry(ONE_OF).or_insert_with(definition);
    }
}

/// Lets documents ask for `__Type.isOneOf` (GraphQL §4.2.2); [`crate::operation`] answers it.
pub(super) fn introspect(schema: &mut Schema) {
    let Some(ExtendedType::Object(object)) = schema.types.get_mut("__Type") else { return };
    let field = FieldDefinition {
        description: Some("True for an input object of which exactly one field must be given.".into()),
        name: IS_ONE_OF,
        arguments: Vec::new(),
        ty: Type::Named(name!("Boolean")),
        directives: Default::default(),
    };
    object.make_mut().fields.entry(IS_ONE_OF).or_insert_with(|| Component::new(field));
}

/// Whether the type is a `@oneOf` input object; `None` if it is not an input object.
pub(crate) fn is_one_of(schema: &Schema, type_name: &str) -> Option<bool> {
    schema.get_input_object(type_name).map(|object| object.directives.has(&ONE_OF))
}

fn definition() -> Node<DirectiveDefinition> {
    let description = "Indicates that exactly one field must be supplied, and that it must not be null.";
    Node::new(DirectiveDefinition {
        description: Some(description.into()),
        name: ONE_OF,
        arguments: Vec::new(),
        repeatable: false,
        locations: vec![DirectiveLocation::InputObject],
    })
}
