//! Probes: every field of a client, at every place it can be reached, must be one that can be planned (DESIGN §6).
//!
//! Places are told apart by the client's type and the graph's shape there, so recursion ends.

use crate::compose::{Graph, ShapeId, WayId};
use crate::diagnostic::{FileId, Finding, Span};
use crate::operation::{Limits, Outcomes, RequestError, prepare};
use crate::plan::{self, Probed};
use crate::view::View;
use apollo_compiler::schema::{Component, ExtendedType, FieldDefinition};
use apollo_compiler::{Name, Schema};
use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};
use std::fmt::Write;

/// Most places that are probed; beyond it the rest is found when operations are planned.
const MAX_PLACES: usize = 5_000;
/// Deepest place that is probed.
const MAX_DEPTH: usize = 12;

/// A place: the way to it as text, and the client's object type there.
struct Place {
    root: &'static str,
    path: Vec<Segment>,
    ty: Name,
}

#[derive(Clone)]
struct Segment {
    /// `field(arg: $v1)`.
    call: String,
    /// Variables that it needs: name and type.
    variables: Vec<(String, String)>,
    /// The concrete type to go on in, when the field's type is abstract.
    condition: Option<Name>,
}

/// Probes a view; what cannot be planned is a finding at the client's field, once. Gives the ways that were taken, too.
pub(super) fn probe(graph: &Graph, view: &View, file: FileId) -> (Vec<Finding>, BTreeSet<WayId>) {
    let schema = &view.schema;
    let mut open = VecDeque::new();
    let roots = &schema.schema_definition;
    for (root, ty) in [("query", &roots.query), ("mutation", &roots.mutation), ("subscription", &roots.subscription)] {
        if let Some(ty) = ty {
            open.push_back(Place { root, path: Vec::new(), ty: ty.name.clone() });
        }
    }
    let mut seen: HashSet<(Name, Option<ShapeId>)> = HashSet::new();
    let mut found: BTreeMap<String, Finding> = BTreeMap::new();
    let mut taken = BTreeSet::new();
    let mut places = 0;
    while let Some(place) = open.pop_front() {
        places += 1;
        if places > MAX_PLACES {
            break;
        }
        let Some(fields) = fields_of(schema, &place.ty) else { continue };
        for (name, field) in fields {
            let mut path = place.path.clone();
            let segment = segment(name, field, &path);
            path.push(segment);
            match plan_at(graph, view, place.root, &path, is_composite(schema, field)) {
                Ok(Probed { shape, ways }) => {
                    taken.extend(ways);
                    if path.len() < MAX_DEPTH {
                        for ty in members(schema, field.ty.inner_named_type()) {
                            if seen.insert((ty.clone(), shape)) {
                                let mut path = path.clone();
                                if let Some(last) = path.last_mut() {
                                    last.condition = Some(ty.clone());
                                }
                                open.push_back(Place { root: place.root, path, ty });
                            }
                        }
                    }
                }
                Err(message) => {
                    let coordinate = format!("{}.{name}", place.ty);
                    let at = field.location().map_or(0..0, |at| at.offset()..at.end_offset());
                    let span = Span::new(file, at);
                    found.entry(coordinate.clone()).or_insert_with(|| {
                        let finding = Finding::new("E106", format!("`{coordinate}` cannot be had everywhere"), span, message);
                        finding.help("bind the field with `@connect`, give its type a batched lookup by key, or drop it from this client's schema")
                    });
                }
            }
        }
    }
    (found.into_values().collect(), taken)
}

fn fields_of<'s>(
    schema: &'s Schema,
    ty: &Name,
) -> Option<&'s apollo_compiler::collections::IndexMap<Name, Component<FieldDefinition>>> {
    match schema.types.get(ty)? {
        ExtendedType::Object(object) => Some(&object.fields),
        _ => None,
    }
}

/// The object types that a type can be.
fn members(schema: &Schema, ty: &Name) -> Vec<Name> {
    match schema.types.get(ty) {
        Some(ExtendedType::Object(_)) => vec![ty.clone()],
        Some(ExtendedType::Union(union)) => union.members.iter().map(|member| member.name.clone()).collect(),
        Some(ExtendedType::Interface(_)) => {
            let objects = schema.types.iter().filter_map(|(name, of)| match of {
                ExtendedType::Object(object) => {
                    object.implements_interfaces.iter().any(|i| i.name == *ty).then_some(name)
                }
                _ => None,
            });
            objects.cloned().collect()
        }
        _ => Vec::new(),
    }
}

fn is_composite(schema: &Schema, field: &FieldDefinition) -> bool {
    !members(schema, field.ty.inner_named_type()).is_empty()
}

fn segment(name: &Name, field: &FieldDefinition, path: &[Segment]) -> Segment {
    let taken = path.iter().map(|segment| segment.variables.len()).sum::<usize>();
    let mut variables = Vec::new();
    let mut arguments = String::new();
    for (number, argument) in field.arguments.iter().filter(|argument| argument.is_required()).enumerate() {
        let variable = format!("v{}", taken + number);
        let _ = write!(arguments, "{}{}: ${variable}", if arguments.is_empty() { "" } else { ", " }, argument.name);
        variables.push((variable, argument.ty.to_string()));
    }
    let call = if arguments.is_empty() { name.to_string() } else { format!("{name}({arguments})") };
    Segment { call, variables, condition: None }
}

/// Plans the operation that asks for just this place.
fn plan_at(graph: &Graph, view: &View, root: &str, path: &[Segment], is_composite: bool) -> Result<Probed, String> {
    let variables = path.iter().flat_map(|segment| &segment.variables);
    let variables: Vec<String> = variables.map(|(name, ty)| format!("${name}: {ty}")).collect();
    let mut text = root.to_owned();
    if !variables.is_empty() {
        let _ = write!(text, "({})", variables.join(", "));
    }
    let mut braces = 0;
    for (at, segment) in path.iter().enumerate() {
        let _ = write!(text, " {{ {}", segment.call);
        braces += 1;
        if let (Some(condition), true) = (&segment.condition, at + 1 < path.len()) {
            let _ = write!(text, " {{ ... on {condition}");
            braces += 1;
        }
    }
    if is_composite {
        text.push_str(" { __typename }");
    }
    text.push_str(&" }".repeat(braces));
    let limits = Limits { max_depth: 200, ..Limits::default() };
    let first = |errors: Vec<RequestError>| errors.into_iter().next().map_or_else(String::new, |error| error.message);
    let prepared = prepare(view, &limits, &text, None).map_err(first)?;
    let lowered = prepared.lower(&Outcomes::default()).map_err(first)?;
    plan::probe(graph, &lowered).map_err(|error| error.to_string())
}
