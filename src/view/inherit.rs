//! Inheritance: descriptions, deprecations, defaults and `@specifiedBy` that the client's schema does not give are
//! taken from the graph, whatever the client calls each part (rule 13 of lowering).
//!
//! In: the client's schema without our directives, and the counterpart of each of its parts in the graph. Out: the same
//! schema with what it inherits.
//! Elsewhere: finding the counterpart of each part ([`super::resolve`]).

use super::markup::Markup;
use super::path;
use super::table::{InputType, Inputs};
use crate::compose::{Graph, TypeId};
use apollo_compiler::ast::{DirectiveList, InputValueDefinition, Type, Value};
use apollo_compiler::schema::{ExtendedType, FieldDefinition};
use apollo_compiler::{Name, Node, Schema};
use std::collections::HashMap;

/// A field in the graph, by its type and name.
#[derive(Debug, Clone)]
pub(super) struct FieldOrigin {
    pub(super) ty: TypeId,
    pub(super) name: String,
}

/// An argument in the graph.
#[derive(Debug, Clone)]
pub(super) struct ArgumentOrigin {
    pub(super) field: FieldOrigin,
    pub(super) name: String,
}

/// The counterparts of a client schema's parts in the graph.
pub(super) struct Origins<'a> {
    pub(super) graph: &'a Graph,
    pub(super) markup: &'a Markup,
    /// The graph type of each client type.
    pub(super) of: &'a HashMap<String, TypeId>,
    /// The graph fields on the path of each client field.
    pub(super) paths: &'a HashMap<String, Vec<FieldOrigin>>,
    /// The graph arguments that each client argument (`Type.field(argument:)`) fills as a whole.
    pub(super) arguments: &'a HashMap<String, Vec<ArgumentOrigin>>,
    /// The client's enums and input objects with their names in the graph.
    pub(super) inputs: &'a Inputs,
}

/// Adds what the client's schema does not give.
pub(super) fn inherit(schema: &mut Schema, origins: &Origins<'_>) {
    let graph = origins.graph;
    for (name, ty) in schema.types.iter_mut().filter(|(_, ty)| !ty.is_built_in()) {
        let origin = origins.of.get(name.as_str()).and_then(|&id| graph.schema.types.get(graph.ty(id).name.as_str()));
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
                node.fields.values_mut().for_each(|field| origins.field(name, field.make_mut()));
            }
            ExtendedType::Interface(node) => {
                let node = node.make_mut();
                say(&mut node.description, description);
                node.fields.values_mut().for_each(|field| origins.interface_field(name, origin, field.make_mut()));
            }
            ExtendedType::Enum(node) => {
                let node = node.make_mut();
                say(&mut node.description, description);
                let Some(origin) = origin.as_enum() else { continue };
                for value in node.values.values_mut() {
                    let Some(same) = origins.value(name, &value.value).and_then(|same| origin.values.get(same)) else {
                        continue;
                    };
                    let value = value.make_mut();
                    say(&mut value.description, same.description.as_ref());
                    deprecate(&mut value.directives, &same.directives);
                }
            }
            ExtendedType::InputObject(node) => {
                let node = node.make_mut();
                say(&mut node.description, description);
                let Some(origin) = origin.as_input_object() else { continue };
                // The fields of a `@oneOf` input object have no defaults (GraphQL §3.10.1).
                let is_one_of = node.directives.has("oneOf") || origin.directives.has("oneOf");
                for field in node.fields.values_mut() {
                    let same = origins.input_field(name, &field.name).and_then(|same| origin.fields.get(same));
                    if let Some(same) = same {
                        origins.input_value(field.make_mut(), same, !is_one_of);
                    }
                }
            }
        }
    }
}

impl Origins<'_> {
    /// Gives a field the description of the last field on its path, and the deprecation of the first deprecated one.
    fn field(&self, ty: &str, field: &mut FieldDefinition) {
        let coordinate = format!("{ty}.{}", field.name);
        let Some(path) = self.paths.get(&coordinate) else { return };
        let origins: Vec<&FieldDefinition> = path.iter().filter_map(|origin| self.graph_field(origin)).collect();
        describe(field, &origins);
        for argument in &mut field.arguments {
            let found = self.arguments.get(&format!("{coordinate}({}:)", argument.name));
            let Some([ArgumentOrigin { field, name }, more @ ..]) = found.map(Vec::as_slice) else { continue };
            let Some(same) = self.graph_field(field).and_then(|field| field.argument_by_name(name)) else {
                continue;
            };
            // If it fills several arguments, it inherits no default, because each of them has its own.
            self.input_value(argument.make_mut(), same, more.is_empty());
        }
    }

    /// Describes an interface's field by the interface's own path. The paths of its implementers may be different.
    fn interface_field(&self, ty: &str, origin: &ExtendedType, field: &mut FieldDefinition) {
        let coordinate = format!("{ty}.{}", field.name);
        let path = self.markup.froms.get(&coordinate).and_then(|mark| mark.path.as_ref());
        let hops = match path.map(|path| path::parse(&path.value)) {
            None => vec![field.name.to_string()],
            Some(Ok(hops)) => hops.into_iter().map(|hop| hop.name).collect(),
            Some(Err(_)) => return,
        };
        let (mut at, mut origins): (Name, Vec<&FieldDefinition>) = (origin.name().clone(), Vec::new());
        for hop in hops {
            let Ok(next) = self.graph.schema.type_field(&at, &hop) else { return };
            at = next.ty.inner_named_type().clone();
            origins.push(next);
        }
        describe(field, &origins);
        let Some(last) = origins.last() else { return };
        for argument in &mut field.arguments {
            let mark = self.markup.froms.get(&format!("{coordinate}({}:)", argument.name));
            let name =
                mark.and_then(|mark| mark.path.as_ref()).map_or(argument.name.as_str(), |path| path.value.trim());
            if let Some(same) = last.argument_by_name(name) {
                let same = same.clone();
                self.input_value(argument.make_mut(), &same, true);
            }
        }
    }

    fn graph_field(&self, FieldOrigin { ty, name }: &FieldOrigin) -> Option<&FieldDefinition> {
        self.graph.schema.type_field(&self.graph.ty(*ty).name, name).ok().map(|field| &***field)
    }

    /// The name of an enum value in the graph.
    fn value(&self, ty: &str, value: &str) -> Option<&str> {
        match self.inputs.0.get(ty) {
            Some(InputType::Enum(view)) => view.to_graph.get(value).map(String::as_str),
            _ => None,
        }
    }

    /// The name of an input field in the graph.
    fn input_field(&self, ty: &str, field: &str) -> Option<&str> {
        match self.inputs.0.get(ty) {
            Some(InputType::Object(view)) => view.fields.get(field).map(|field| field.graph.as_str()),
            _ => None,
        }
    }

    fn input_value(&self, value: &mut InputValueDefinition, origin: &InputValueDefinition, takes_default: bool) {
        say(&mut value.description, origin.description.as_ref());
        if let (None, Some(default), true) = (&value.default_value, &origin.default_value, takes_default) {
            let default = self.literal(default, &value.ty);
            value.default_value =
                default.filter(|default| !(default.is_null() && value.ty.is_non_null())).map(Node::new);
        }
        // A required argument or field must not be deprecated (GraphQL §3.13.3), and the client may have made it
        // required.
        if !value.is_required() {
            deprecate(&mut value.directives, &origin.directives);
        }
    }

    /// Translates a literal of the graph to the client's names; `None` if the client has no name for a part of it.
    fn literal(&self, value: &Value, ty: &Type) -> Option<Value> {
        let name = ty.inner_named_type().as_str();
        Some(match (value, self.inputs.0.get(name)) {
            (Value::List(items), _) => {
                let of = if ty.is_list() { ty.item_type() } else { ty };
                let items = items.iter().map(|item| self.literal(item, of).map(Node::new));
                Value::List(items.collect::<Option<_>>()?)
            }
            (Value::Enum(value), Some(InputType::Enum(view))) => {
                let (_, client) = view.to_client.iter().find(|(graph, _)| *graph == value.as_str())?;
                Value::Enum(Name::new(client).ok()?)
            }
            (Value::Object(members), Some(InputType::Object(view))) => {
                let member = |(graph, value): &(Name, Node<Value>)| {
                    let (client, field) = view.fields.iter().find(|(_, field)| field.graph == graph.as_str())?;
                    Some((Name::new(client).ok()?, Node::new(self.literal(value, &field.ty)?)))
                };
                Value::Object(members.iter().map(member).collect::<Option<_>>()?)
            }
            (other, _) => other.clone(),
        })
    }
}

fn describe(field: &mut FieldDefinition, origins: &[&FieldDefinition]) {
    if let Some(last) = origins.last() {
        say(&mut field.description, last.description.as_ref());
    }
    if let Some(origin) = origins.iter().find(|origin| origin.directives.has("deprecated")) {
        deprecate(&mut field.directives, &origin.directives);
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
