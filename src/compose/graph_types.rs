//! How merged types become the types and fields of the graph.
//!
//! In: merged types. Out: the graph's [`GraphType`]s and [`GraphField`]s, without any way to get them yet.
//! Elsewhere: the same types as plain GraphQL schemas ([`super::schema`]).

use super::draft::Draft;
use super::ids::{FieldId, TypeId};
use super::merged::{MergedType, MergedTypes};
use super::types::{Argument, Bounds, GraphField, GraphType, TypeKind};
use crate::json::{Number, Value as Json};
use apollo_compiler::Name;
use apollo_compiler::ast;
use indexmap::IndexMap;
use std::collections::HashMap;

/// Adds all merged types, and then their fields, because the types of fields must exist before.
pub(super) fn add<'a>(draft: &mut Draft<'a>, types: MergedTypes<'a>) {
    add_types(draft, &types);
    add_fields(draft, types);
}

fn add_types(draft: &mut Draft<'_>, types: &MergedTypes<'_>) {
    let graph = &mut draft.graph;
    let mut add = |name: &str, kind: TypeKind, merged: Option<&MergedType<'_>>| {
        let id = TypeId::at(graph.types.len());
        graph.type_ids.insert(name.to_owned(), id);
        graph.types.push(GraphType {
            name: name.to_owned(),
            kind,
            fields: IndexMap::new(),
            possible: Vec::new(),
            lookups: Vec::new(),
            authenticated: merged.is_some_and(|merged| merged.is_authenticated),
            is_hidden: merged.is_some_and(|merged| merged.is_hidden),
            span: merged.map(|merged| merged.span),
        });
    };
    for ty in types.values() {
        add(&ty.name, ty.kind, Some(ty));
    }
    for name in ["Int", "Float", "String", "Boolean", "ID"] {
        if !types.contains_key(name) {
            add(name, TypeKind::Scalar, None);
        }
    }
    for (index, ty) in types.values().enumerate() {
        let possible = match ty.kind {
            TypeKind::Object => vec![TypeId::at(index)],
            TypeKind::Union => ty.members.keys().filter_map(|name| graph.type_id(name)).collect(),
            TypeKind::Interface => types
                .values()
                .filter(|other| other.kind == TypeKind::Object && other.implements.contains_key(ty.name.as_str()))
                .filter_map(|other| graph.type_id(&other.name))
                .collect(),
            _ => Vec::new(),
        };
        graph.types[index].possible = possible;
    }
    draft.keys = graph.types.iter().map(|_| Vec::new()).collect();
}

fn add_fields<'a>(draft: &mut Draft<'a>, types: MergedTypes<'a>) {
    let inputs: HashMap<String, IndexMap<String, ast::Type>> = types
        .values()
        .filter(|ty| ty.kind == TypeKind::Input)
        .map(|ty| (ty.name.clone(), ty.inputs.iter().map(|(name, of)| ((*name).to_owned(), of.ty.clone())).collect()))
        .collect();
    for (index, ty) in types.into_values().enumerate() {
        let parent = TypeId::at(index);
        for (name, field) in ty.fields {
            let is_hidden = field.is_hidden();
            // The validation of the schema has reported a type that does not exist.
            let Some(field_type) = draft.graph.type_ref(&field.ty) else { continue };
            let arguments = field.arguments.iter().filter_map(|(name, argument)| {
                let argument = Argument {
                    ty: draft.graph.type_ref(&argument.ty)?,
                    default: argument.default.map(|default| json(&argument.ty, default, &inputs)),
                    bounds: Bounds::default(),
                    is_hidden: argument.is_hidden,
                    span: argument.declaration.name.span,
                };
                Some(((*name).to_owned(), argument))
            });
            let arguments = arguments.collect();
            let is_authenticated = field.declared.iter().any(|declared| declared.field.is_authenticated);
            let owner = field.declared.iter().find(|declared| declared.is_offered).or(field.declared.first());
            let Some(span) = owner.map(|declared| declared.field.name.span) else { continue };
            let id = FieldId::at(draft.graph.fields.len());
            draft.graph.fields.push(GraphField {
                parent,
                name: name.to_owned(),
                ty: field_type,
                arguments,
                bindings: Vec::new(),
                authenticated: is_authenticated,
                is_hidden,
                span,
            });
            draft.graph.types[index].fields.insert(name.to_owned(), id);
            draft.declared.push(field.declared);
        }
    }
}

/// A GraphQL literal of a type as JSON. A single value of a list type is a list of one (GraphQL §3.11), and an `ID` is
/// a string (§3.5.5).
fn json(ty: &ast::Type, value: &ast::Value, inputs: &HashMap<String, IndexMap<String, ast::Type>>) -> Json {
    let number = |text: &str| Number::parse(text).map_or(Json::Null, Json::Number);
    match value {
        ast::Value::Null | ast::Value::Variable(_) => Json::Null,
        ast::Value::List(members) if ty.is_list() => {
            members.iter().map(|member| json(ty.item_type(), member, inputs)).collect()
        }
        _ if ty.is_list() => Json::Array(vec![json(ty.item_type(), value, inputs)]),
        ast::Value::Int(number) if ty.inner_named_type() == "ID" => Json::from(number.as_str()),
        ast::Value::Enum(name) => Json::String(name.to_string()),
        ast::Value::String(text) => Json::String(text.clone()),
        ast::Value::Float(digits) => number(digits.as_str()),
        ast::Value::Int(digits) => number(digits.as_str()),
        ast::Value::Boolean(value) => Json::Bool(*value),
        // This is a list in a custom scalar.
        ast::Value::List(members) => members.iter().map(|member| json(ty, member, inputs)).collect(),
        ast::Value::Object(members) => {
            let fields = inputs.get(ty.inner_named_type().as_str());
            let member = |name: &Name, value: &ast::Value| {
                let of = fields.and_then(|fields| fields.get(name.as_str())).unwrap_or(ty);
                (name.to_string(), json(of, value, inputs))
            };
            Json::Object(members.iter().map(|(name, value)| member(name, value)).collect())
        }
    }
}
