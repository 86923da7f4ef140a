//! Whether values of GraphQL types fit the schemas of contracts, and the reverse.

use crate::compose::graph::Graph;
use crate::compose::ids::TypeId;
use crate::compose::types::{TypeKind, TypeRef};
use crate::compose::{Bounds, Input};
use crate::contract::{Contract, IntegerFormat, SchemaId, SchemaKind};
use crate::json::{Number, Value as Json};
use crate::sdl::mapping::Method;
use std::collections::BTreeSet;

/// The reason why two types do not fit: what the contract has, and what to do.
#[derive(Debug)]
pub(super) struct Misfit {
    pub(super) has: String,
    pub(super) help: String,
}

fn misfit<T>(has: impl Into<String>, help: impl Into<String>) -> Result<T, Misfit> {
    Err(Misfit { has: has.into(), help: help.into() })
}

/// The description of a schema in messages.
pub(super) fn schema_text(contract: &Contract, id: SchemaId) -> String {
    let schema = contract.schema(id);
    let text = match &schema.kind {
        SchemaKind::Any => "any value",
        SchemaKind::Boolean => "boolean",
        SchemaKind::Integer { format: IntegerFormat::Int64, .. } => "integer (int64)",
        SchemaKind::Integer { .. } => "integer",
        SchemaKind::Number { .. } => "number",
        SchemaKind::String { values, .. } if !values.is_empty() => "string (enum)",
        SchemaKind::String { .. } => "string",
        SchemaKind::Array { .. } => "array",
        SchemaKind::Object { .. } => "object",
        SchemaKind::OneOf { .. } => "oneOf",
    };
    match &schema.name {
        Some(name) => format!("{text} `{name}`"),
        None => text.to_owned(),
    }
}

/// Checks that a leaf of this schema in an answer can be completed as this scalar or enum.
pub(super) fn answer_fits(graph: &Graph, ty: TypeId, contract: &Contract, id: SchemaId) -> Result<(), Misfit> {
    let graph_type = graph.ty(ty);
    let kind = &contract.schema(id).kind;
    if let SchemaKind::OneOf { variants, .. } = kind {
        return variants.iter().try_for_each(|variant| answer_fits(graph, ty, contract, *variant));
    }
    if graph_type.kind == TypeKind::Enum {
        return enum_answer_fits(graph, &graph_type.name, kind, schema_text(contract, id));
    }
    let has = schema_text(contract, id);
    match (graph_type.name.as_str(), kind) {
        (_, SchemaKind::Any) => Ok(()),
        ("Int", SchemaKind::Integer { format, minimum, maximum, .. }) => int_fits(*format, *minimum, *maximum),
        ("Float", SchemaKind::Number { .. } | SchemaKind::Integer { .. }) => Ok(()),
        ("String", SchemaKind::String { .. }) | ("Boolean", SchemaKind::Boolean) => Ok(()),
        ("ID", SchemaKind::String { .. } | SchemaKind::Integer { .. }) => Ok(()),
        ("Int", SchemaKind::Number { .. }) => misfit(has, "declare the field as `Float`"),
        ("Int" | "Float" | "String" | "Boolean" | "ID", SchemaKind::Array { .. }) => {
            misfit(has, "declare the field as a list, or take one item: `->first`")
        }
        ("Int" | "Float" | "String" | "Boolean" | "ID", SchemaKind::Object { .. }) => {
            misfit(has, "declare an object type, or select a property of it")
        }
        ("Int" | "Float" | "String" | "Boolean" | "ID", other) => {
            misfit(has, format!("declare the field as `{}`", natural(other)))
        }
        // Custom scalars accept any JSON.
        _ => Ok(()),
    }
}

fn natural(kind: &SchemaKind) -> &'static str {
    match kind {
        SchemaKind::Boolean => "Boolean",
        SchemaKind::Integer { format: IntegerFormat::Int64, .. } => "Float` or a scalar of your own, such as `Long",
        SchemaKind::Integer { .. } => "Int",
        SchemaKind::Number { .. } => "Float",
        _ => "String",
    }
}

/// Checks that an integer fits `Int`, which has 32 bits (GraphQL §3.5.1).
fn int_fits(format: IntegerFormat, minimum: Option<i64>, maximum: Option<i64>) -> Result<(), Misfit> {
    let is_within = |bound: Option<i64>| bound.is_some_and(|bound| i32::try_from(bound).is_ok());
    if format == IntegerFormat::Int64 && !(is_within(minimum) && is_within(maximum)) {
        let help = "declare the field as `Float`, `ID` or a scalar of your own; `Int` has 32 bits";
        return misfit("integer (int64)", help);
    }
    let is_beyond = |bound: Option<i64>| bound.is_some_and(|bound| i32::try_from(bound).is_err());
    if is_beyond(minimum) || is_beyond(maximum) {
        return misfit("integer beyond 32 bits", "declare the field as `Float`; `Int` has 32 bits");
    }
    Ok(())
}

fn enum_answer_fits(graph: &Graph, name: &str, kind: &SchemaKind, has: String) -> Result<(), Misfit> {
    let members = enum_values(graph, name);
    match kind {
        SchemaKind::Any => Ok(()),
        SchemaKind::String { values, .. } => {
            let unknown: Vec<String> =
                values.iter().filter(|value| !members.contains(*value)).map(|value| format!("`{value}`")).collect();
            if unknown.is_empty() {
                return Ok(());
            }
            let help = format!("add {} to `{name}`, or map values: `->match([[\"a\", \"A\"]])`", unknown.join(", "));
            misfit(format!("{has} with {}", unknown.join(", ")), help)
        }
        _ => misfit(has, "an enum is read from a string"),
    }
}

/// The values of an enum.
pub(super) fn enum_values(graph: &Graph, name: &str) -> BTreeSet<String> {
    let ty = graph.full.get_enum(name);
    ty.map(|ty| ty.values.keys().map(ToString::to_string).collect()).unwrap_or_default()
}

/// Checks that the result of a method fits a type.
pub(super) fn method_fits(graph: &Graph, ty: TypeId, method: &Method) -> Result<(), Misfit> {
    let name = graph.ty(ty).name.as_str();
    match (method, name) {
        (Method::Size, "Int" | "Float") | (Method::Eq(_) | Method::Not, "Boolean") => Ok(()),
        (Method::Size, "String" | "Boolean" | "ID") => misfit("a number, by `->size`", "declare the field as `Int`"),
        (Method::Eq(_) | Method::Not, "Int" | "Float" | "String" | "ID") => {
            misfit("a boolean", "declare the field as `Boolean`")
        }
        (Method::Match(pairs), _) => pairs.iter().try_for_each(|(_, then)| literal_fits(graph, ty, then)),
        _ => Ok(()),
    }
}

/// Checks that a literal is a value of this scalar or enum.
pub(super) fn literal_fits(graph: &Graph, ty: TypeId, value: &Json) -> Result<(), Misfit> {
    let graph_type = graph.ty(ty);
    let fits = match (graph_type.kind, graph_type.name.as_str(), value) {
        (_, _, Json::Null) => true,
        (TypeKind::Enum, name, Json::String(text)) => enum_values(graph, name).contains(text),
        (TypeKind::Enum, ..) => false,
        (_, "Int", value) => value.as_i64().is_some_and(|number| i32::try_from(number).is_ok()),
        (_, "Float", value) => value.is_number(),
        (_, "String", value) => value.is_string(),
        (_, "ID", value) => value.is_string() || value.as_number().is_some_and(Number::is_plain_integer),
        (_, "Boolean", value) => value.is_boolean(),
        _ => true,
    };
    if fits {
        Ok(())
    } else {
        misfit(format!("the literal `{value}`"), format!("write a value of `{}`", graph_type.name))
    }
}

/// Checks that an input of this type fits a parameter or property of the body. Returns how it is wrapped in a JSON
/// body.
pub(super) fn input_fits(graph: &Graph, ty: &TypeRef, contract: &Contract, id: SchemaId) -> Result<Wrap, Misfit> {
    let kind = &contract.schema(id).kind;
    let has = || schema_text(contract, id);
    match (ty, kind) {
        (_, SchemaKind::Any) => Ok(Wrap::None),
        (_, SchemaKind::OneOf { variants, .. }) => {
            let mut fitting = variants.iter().filter_map(|variant| input_fits(graph, ty, contract, *variant).ok());
            fitting.next().map_or_else(|| misfit(has(), "no alternative takes it"), Ok)
        }
        (TypeRef::List { of, .. }, SchemaKind::Array { items, .. }) => input_fits(graph, of, contract, *items),
        (TypeRef::List { .. }, _) => misfit(has(), "it takes one value, not a list"),
        (TypeRef::Named { .. }, SchemaKind::Array { .. }) => {
            misfit(has(), "it takes a list: `[$args.x]`, or a list type")
        }
        (TypeRef::Named { ty, .. }, kind) => named_input_fits(graph, *ty, kind, has(), contract),
    }
}

/// How an input is wrapped where JSON distinguishes strings from numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wrap {
    None,
    Number,
    Text,
}

impl Wrap {
    /// Wraps an input.
    pub(super) fn wrap(self, input: Input) -> Input {
        match self {
            Self::None => input,
            Self::Number => Input::Number(Box::new(input)),
            Self::Text => Input::Text(Box::new(input)),
        }
    }
}

/// How a value without a declared type, such as a claim, is wrapped: it is sent as a string where the contract wants a
/// string, and as a number where it wants a number.
pub(super) fn untyped_wrap(schema: Option<(&Contract, SchemaId)>) -> Wrap {
    let Some((contract, id)) = schema else { return Wrap::None };
    let id = match contract.schema(id).kind {
        SchemaKind::Array { items, .. } => items,
        _ => id,
    };
    match contract.schema(id).kind {
        SchemaKind::String { .. } => Wrap::Text,
        SchemaKind::Integer { .. } | SchemaKind::Number { .. } => Wrap::Number,
        _ => Wrap::None,
    }
}

fn named_input_fits(
    graph: &Graph,
    ty: TypeId,
    kind: &SchemaKind,
    has: String,
    contract: &Contract,
) -> Result<Wrap, Misfit> {
    let graph_type = graph.ty(ty);
    match (graph_type.kind, graph_type.name.as_str(), kind) {
        (TypeKind::Enum, name, SchemaKind::String { values, .. }) => {
            let members = enum_values(graph, name);
            let unknown: Vec<String> = members
                .iter()
                .filter(|value| !values.is_empty() && !values.contains(value))
                .map(|value| format!("`{value}`"))
                .collect();
            if unknown.is_empty() {
                return Ok(Wrap::None);
            }
            misfit(format!("{has} without {}", unknown.join(", ")), format!("remove them from `{name}`"))
        }
        (TypeKind::Enum, ..) => misfit(has, "an enum is sent as a string"),
        (TypeKind::Input, name, SchemaKind::Object { properties }) => {
            let Some(input) = graph.full.get_input_object(name) else { return Ok(Wrap::None) };
            for field in input.fields.values() {
                let Some(property) = properties.get(field.name.as_str()) else {
                    return misfit(format!("{has} without a property `{}`", field.name), "rename the input's field");
                };
                let Some(inner) = graph.type_ref(&field.ty) else { continue };
                if property.required && inner.is_nullable() && field.default_value.is_none() {
                    let help = format!("make it non-null (`{}: {}!`), or give it a default", field.name, field.ty);
                    return misfit(format!("{has} that requires `{}`, which `{name}` may leave out", field.name), help);
                }
                input_fits(graph, &inner, contract, property.schema)?;
            }
            match properties
                .iter()
                .find(|(name, property)| property.required && !input.fields.contains_key(name.as_str()))
            {
                Some((missing, _)) => {
                    misfit(format!("{has} that requires `{missing}`"), format!("add `{missing}` to `{name}`"))
                }
                None => Ok(Wrap::None),
            }
        }
        (TypeKind::Input, ..) => misfit(has, "an input object is sent to a parameter of type object"),
        (_, "ID", SchemaKind::String { .. }) => Ok(Wrap::Text),
        (_, "ID", SchemaKind::Integer { .. } | SchemaKind::Number { .. }) => Ok(Wrap::Number),
        (_, "String", SchemaKind::String { .. }) => Ok(Wrap::None),
        (_, "Int", SchemaKind::Integer { .. } | SchemaKind::Number { .. }) => Ok(Wrap::None),
        (_, "Int", SchemaKind::String { .. }) => Ok(Wrap::Text),
        (_, "Float", SchemaKind::Number { .. }) => Ok(Wrap::None),
        (_, "Boolean", SchemaKind::Boolean) => Ok(Wrap::None),
        (_, "ID" | "Int" | "Float" | "String" | "Boolean", other) => {
            misfit(has, format!("declare it as `{}`", natural(other)))
        }
        _ => Ok(Wrap::None),
    }
}

/// The bounds that a schema sets for an argument that is bound to it.
pub(super) fn bounds(contract: &Contract, id: SchemaId) -> Bounds {
    match &contract.schema(id).kind {
        SchemaKind::Integer { bounds, .. } | SchemaKind::Number { bounds } => {
            Bounds { numbers: bounds.clone(), ..Bounds::default() }
        }
        SchemaKind::String { pattern, min_length, max_length, .. } => Bounds {
            min_length: *min_length,
            max_length: *max_length,
            pattern: pattern.clone().filter(|pattern| regex::Regex::new(pattern).is_ok()),
            ..Bounds::default()
        },
        SchemaKind::Array { items, max_items, .. } => Bounds { max_items: *max_items, ..bounds(contract, *items) },
        _ => Bounds::default(),
    }
}

/// Combines two bounds, so that a value must be within both.
pub(super) fn tighten(bounds: &mut Bounds, other: Bounds) {
    fn pick<T: PartialOrd + Copy>(a: Option<T>, b: Option<T>, keep: fn(&T, &T) -> bool) -> Option<T> {
        match (a, b) {
            (Some(a), Some(b)) => Some(if keep(&a, &b) { a } else { b }),
            (a, b) => a.or(b),
        }
    }
    bounds.numbers.tighten(other.numbers);
    bounds.min_length = pick(bounds.min_length, other.min_length, |a, b| a >= b);
    bounds.max_length = pick(bounds.max_length, other.max_length, |a, b| a <= b);
    bounds.max_items = pick(bounds.max_items, other.max_items, |a, b| a <= b);
    bounds.pattern = bounds.pattern.take().or(other.pattern);
}
