//! Descriptions, deprecations and specifications of scalars: what the client schema does not say itself is taken from the graph (rule 13).

use crate::compose::{Graph, TypeId};
use apollo_compiler::ast::{DirectiveList, InputValueDefinition};
use apollo_compiler::schema::{ExtendedType, FieldDefinition};
use apollo_compiler::{Node, Schema};
use std::collections::HashMap;

/// Fills in descriptions and deprecations.
pub(super) fn inherit(
    schema: &mut Schema,
    graph: &Graph,
    of: &HashMap<String, TypeId>,
    paths: &HashMap<String, Vec<(TypeId, String)>>,
) {
    let fields = Fields { graph, paths };
    for (name, ty) in schema.types.iter_mut().filter(|(_, ty)| !ty.is_built_in()) {
        let origin = of.get(name.as_str()).and_then(|&id| graph.schema.types.get(graph.ty(id).name.as_str()));
        let Some(origin) = origin else { continue };
        let description = origin.description();
        match ty {
            ExtendedType::Scalar(node) => {
                let node = node.make_mut();
                say(&mut node.description, description);
                let url = origin.as_scalar().and_then(|origin| origin.directives.get("specifiedBy"));
                if let (None, Some(url)) = (node.directives.get("specifiedBy"), url) {
                    node.directives.push(url.clone());
                }
            }
            ExtendedType::Union(node) => say(&mut node.make_mut().description, description),
            ExtendedType::Object(node) => {
                let node = node.make_mut();
                say(&mut node.description, description);
                node.fields.values_mut().for_each(|field| fields.field(name, field.make_mut()));
            }
            ExtendedType::Interface(node) => {
                let node = node.make_mut();
                say(&mut node.description, description);
                node.fields.values_mut().for_each(|field| fields.interface_field(origin, field.make_mut()));
            }
            ExtendedType::Enum(node) => {
                let node = node.make_mut();
                say(&mut node.description, description);
                let Some(origin) = origin.as_enum() else { continue };
                for value in node.values.values_mut() {
                    let Some(same) = origin.values.get(&value.value) else { continue };
                    let value = value.make_mut();
                    say(&mut value.description, same.description.as_ref());
                    deprecate(&mut value.directives, &same.directives);
                }
            }
            ExtendedType::InputObject(node) => {
                let node = node.make_mut();
                say(&mut node.description, description);
                let Some(origin) = origin.as_input_object() else { continue };
                for field in node.fields.values_mut() {
                    if let Some(same) = origin.fields.get(&field.name) {
                        input_value(field.make_mut(), same);
                    }
                }
            }
        }
    }
}

struct Fields<'a> {
    graph: &'a Graph,
    paths: &'a HashMap<String, Vec<(TypeId, String)>>,
}

impl Fields<'_> {
    /// Described as the last field of the path; deprecated as the first deprecated one.
    fn field(&self, ty: &str, field: &mut FieldDefinition) {
        let Some(path) = self.paths.get(&format!("{ty}.{}", field.name)) else { return };
        let origins: Vec<_> = path
            .iter()
            .filter_map(|(ty, name)| self.graph.schema.type_field(&self.graph.ty(*ty).name, name).ok())
            .collect();
        if let Some(last) = origins.last() {
            say(&mut field.description, last.description.as_ref());
            arguments(field, last);
        }
        if let Some(origin) = origins.iter().find(|origin| origin.directives.has("deprecated")) {
            deprecate(&mut field.directives, &origin.directives);
        }
    }

    fn interface_field(&self, origin: &ExtendedType, field: &mut FieldDefinition) {
        let Ok(same) = self.graph.schema.type_field(origin.name(), &field.name) else { return };
        let same = same.clone();
        say(&mut field.description, same.description.as_ref());
        deprecate(&mut field.directives, &same.directives);
        arguments(field, &same);
    }
}

fn arguments(field: &mut FieldDefinition, origin: &FieldDefinition) {
    for argument in &mut field.arguments {
        if let Some(same) = origin.argument_by_name(&argument.name) {
            let same = same.clone();
            input_value(argument.make_mut(), &same);
        }
    }
}

fn input_value(value: &mut InputValueDefinition, origin: &InputValueDefinition) {
    say(&mut value.description, origin.description.as_ref());
    // A required one must not be deprecated (GraphQL §3.13.3), and the client may have made it so.
    if !value.is_required() {
        deprecate(&mut value.directives, &origin.directives);
    }
}

fn say(description: &mut Option<Node<str>>, origin: Option<&Node<str>>) {
    if description.is_none() {
        *description = origin.cloned();
    }
}

fn deprecate(directives: &mut DirectiveList, origin: &DirectiveList) {
    if let (None, Some(deprecated)) = (directives.get("deprecated"), origin.get("deprecated")) {
        directives.0.push(deprecated.clone());
    }
}
