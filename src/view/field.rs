//! Fields: the path of every client field is followed through the graph and type-checked.
//!
//! In: a client object, the graph type that it is a view of, and the path of each field.
//! Out: hops with the graph field for each concrete type, and with resolved arguments.
//! Elsewhere: arguments ([`super::argument`]).

use super::inherit::FieldOrigin;
use super::markup::FromMark;
use super::path::PathHop;
use super::resolve::Resolver;
use super::table::{FieldView, HopNode, HopView, InputType, Place};
use crate::compose::{FieldId, TypeId, TypeKind};
use crate::diagnostic::{Code, Finding, Span};
use crate::json::Value as Json;
use apollo_compiler::ast::Type;
use apollo_compiler::schema::{ExtendedType, FieldDefinition, ObjectType};

/// A client field while it is being resolved.
pub(super) struct Field<'a> {
    pub(super) coordinate: String,
    pub(super) definition: &'a FieldDefinition,
    pub(super) mark: Option<&'a FromMark>,
    /// The place of the client field's name.
    pub(super) span: Span,
    pub(super) arguments: Vec<super::table::ArgumentView>,
    /// Whether each client argument is used, by its index.
    pub(super) used: Vec<bool>,
}

impl Field<'_> {
    /// The place of a hop in the path, or of the field's name if there is no path.
    pub(super) fn hop_span(&self, hop: &PathHop) -> Span {
        self.part(hop.span.clone())
    }

    /// The place of a part of the path.
    pub(super) fn part(&self, range: std::ops::Range<usize>) -> Span {
        self.mark.and_then(|mark| mark.path.as_ref()).map_or(self.span, |path| path.part(range))
    }
}

/// The point that following a path has reached.
struct Walk {
    place: Place,
    /// The type of the value so far, including lists and nullability. Its innermost name is the graph's.
    ty: Type,
    hops: Vec<HopView>,
    /// The graph type and the field of each hop, as declared.
    declared: Vec<FieldOrigin>,
    last: Option<FieldId>,
}

impl Resolver<'_> {
    /// Resolves the fields of all objects.
    pub(super) fn fields(&mut self) {
        let schema = self.schema;
        for (name, ty) in schema.types.iter().filter(|(_, ty)| !ty.is_built_in()) {
            let (ExtendedType::Object(object), Some(&of)) = (ty, self.of.get(name.as_str())) else { continue };
            for definition in object.fields.values() {
                let Some(view) = self.field(object, of, definition) else { continue };
                if let Some(composite) = self.tables.composites.get_mut(name.as_str()) {
                    composite.fields.insert(definition.name.to_string(), view);
                }
            }
        }
    }

    fn field(&mut self, object: &ObjectType, of: TypeId, definition: &FieldDefinition) -> Option<FieldView> {
        let markup = self.markup;
        let coordinate = format!("{}.{}", object.name, definition.name);
        // The path of an interface's field also holds for implementers that do not have their own.
        let mark = std::iter::once(object.name.as_str())
            .chain(object.implements_interfaces.iter().map(|name| name.as_str()))
            .find_map(|ty| markup.froms.get(&format!("{ty}.{}", definition.name)));
        let hops = match mark.and_then(|mark| mark.path.as_ref()) {
            Some(path) => self.path(path)?,
            None => vec![PathHop { name: definition.name.to_string(), span: 0..0, arguments: Vec::new(), index: None }],
        };
        let arguments = self.client_arguments(&coordinate, definition);
        let span = self.span(definition.name.location());
        let used = vec![false; arguments.len()];
        let mut field = Field { coordinate, definition, mark, span, arguments, used };
        let walk = self.walk(of, &hops, &mut field)?;
        self.unused_arguments(&field, walk.last);
        self.sizing_arguments(&field, &walk.hops);
        self.check_type(&field, &walk);
        let default = self.default(&field);
        self.paths.insert(field.coordinate.clone(), walk.declared);
        Some(FieldView { coordinate: field.coordinate, hops: walk.hops, default, arguments: field.arguments })
    }

    /// Collects the client arguments that fill an argument of the graph that decides how long a list is.
    fn sizing_arguments(&mut self, field: &Field<'_>, hops: &[HopView]) {
        for argument in hops.iter().flat_map(|hop| &hop.nodes).flat_map(|node| &node.arguments) {
            let Some(template) = argument.value.as_ref().filter(|_| self.sizing.contains(&argument.name)) else {
                continue;
            };
            template.holes(&mut |index| {
                self.tables.sizing.extend(field.arguments.get(*index).map(|argument| argument.name.clone()));
            });
        }
    }

    /// Follows a path from an object of type `of`.
    fn walk(&mut self, of: TypeId, hops: &[PathHop], field: &mut Field<'_>) -> Option<Walk> {
        let graph = self.graph;
        let place = Place { ty: of, possible: graph.visible_members(of).collect() };
        let ty = Type::NonNullNamed(name(&graph.ty(of).name)?);
        let mut walk = Walk { place, ty, hops: Vec::new(), declared: Vec::new(), last: None };
        for (at, hop) in hops.iter().enumerate() {
            let is_last = at + 1 == hops.len();
            self.step(&mut walk, hop, is_last, field)?;
            let forks = at > 0 && walk.hops.last().is_some_and(|hop| hop.nodes.len() > 1);
            if forks && !walk.place.possible.is_empty() {
                let message = format!("the path of `{}` forks at `{}` of an abstract type", field.coordinate, hop.name);
                let finding = Finding::new(
                    Code::E116,
                    message,
                    field.hop_span(hop),
                    "objects of several types lead on from here",
                );
                self.findings.push(finding.help("split the path: let a client type be a view of the abstract type"));
                return None;
            }
        }
        Some(walk)
    }

    fn step(&mut self, walk: &mut Walk, hop: &PathHop, is_last: bool, field: &mut Field<'_>) -> Option<()> {
        let graph = self.graph;
        let parent = graph.ty(walk.place.ty);
        let span = field.hop_span(hop);
        let Some(declared) = graph.visible_field(walk.place.ty, &hop.name) else {
            let message = match parent.kind {
                TypeKind::Object | TypeKind::Interface => format!("`{}` has no field `{}`", parent.name, hop.name),
                _ => format!("`{}` has no fields, so `{}` cannot follow it", parent.name, hop.name),
            };
            let known = parent.fields.iter().filter(|(_, field)| !graph.field(**field).is_hidden);
            self.unknown(message, span, &hop.name, known.map(|(name, _)| name.as_str()), &parent.name);
            return None;
        };
        let hop_type = self.declared_type(declared)?;
        let (hop_type, index) = match hop.index {
            None => (hop_type, None),
            Some(index) if hop_type.is_list() => (hop_type.item_type().clone().nullable(), Some(index)),
            Some(_) => {
                let coordinate = graph.coordinate(declared);
                let finding = Finding::new(
                    Code::E116,
                    format!("`{coordinate}` is not a list"),
                    span,
                    "`[n]` takes an item of a list",
                );
                self.findings.push(finding.and(graph.field(declared).span, format!("`{hop_type}` here")));
                return None;
            }
        };
        let mut nodes = Vec::new();
        for &concrete in &walk.place.possible {
            let Some(id) = graph.visible_field(concrete, &hop.name) else { continue };
            let is_first = nodes.is_empty();
            let arguments = self.hop_arguments(id, hop, is_last, is_first, field);
            nodes.push(HopNode { ty: concrete, field: id, returns: self.place(id), arguments });
        }
        let mut possible: Vec<TypeId> = Vec::new();
        for ty in nodes.iter().filter_map(|node| node.returns.as_ref()).flat_map(|place| &place.possible) {
            if !possible.contains(ty) {
                possible.push(*ty);
            }
        }
        walk.ty = followed_by(&walk.ty, hop_type);
        walk.place = Place { ty: graph.field(declared).ty.named(), possible };
        walk.declared.push(FieldOrigin { ty: graph.field(declared).parent, name: hop.name.clone() });
        walk.last = Some(declared);
        walk.hops.push(HopView { index, nodes });
        Some(())
    }

    /// The type of a graph field as the graph's schema declares it.
    fn declared_type(&self, id: FieldId) -> Option<Type> {
        let field = self.graph.field(id);
        let parent = &self.graph.ty(field.parent).name;
        self.graph.schema.type_field(parent, &field.name).ok().map(|field| field.ty.clone())
    }

    /// The place to which a field leads; `None` unless its type is composite.
    fn place(&self, id: FieldId) -> Option<Place> {
        let ty = self.graph.field(id).ty.named();
        let graph_type = self.graph.ty(ty);
        let is_composite = matches!(graph_type.kind, TypeKind::Object | TypeKind::Interface | TypeKind::Union);
        is_composite.then(|| Place { ty, possible: self.graph.visible_members(ty).collect() })
    }

    /// Checks the client's type against the type that the path reached. The client's type may be nullable where the
    /// graph's is not. Only with a default may it be non-null where the graph's is nullable. Everything else must be
    /// the same.
    fn check_type(&mut self, field: &Field<'_>, walk: &Walk) {
        let client = &field.definition.ty;
        let shown = self.tables.composites.get(client.inner_named_type().as_str());
        let is_shown = |ty: &TypeId| shown.is_some_and(|shown| shown.members.iter().any(|(member, _)| member == ty));
        if shown.is_some() && !walk.place.possible.iter().all(is_shown) {
            self.met_others.insert(client.inner_named_type().to_string());
        }
        let has_default = field.mark.is_some_and(|mark| mark.default.is_some());
        let reached = if has_default { walk.ty.clone().non_null() } else { walk.ty.clone() };
        if let Err((why, help)) = self.output_fits(client, &reached, false, &walk.place) {
            let message = format!("`{}: {client}` cannot show `{}`: {why}", field.coordinate, walk.ty);
            let span = self.span(client.inner_named_type().location());
            let span = if span.end == 0 { field.span } else { span };
            let mut finding = Finding::new(Code::E116, message, span, "this type");
            if let Some(last) = walk.last {
                finding = finding
                    .and(self.graph.field(last).span, format!("`{}` is declared here", self.graph.coordinate(last)));
            }
            finding.help = help;
            self.findings.push(finding);
        }
    }

    fn output_fits(
        &self,
        client: &Type,
        graph: &Type,
        in_list: bool,
        place: &Place,
    ) -> Result<(), (String, Option<String>)> {
        if client.is_non_null() && !graph.is_non_null() {
            let help = format!(
                "make it nullable (`{}`), or say what stands for null: `@from(…, default: \"…\")`",
                client.clone().nullable()
            );
            return Err(("the graph's value can be null".to_owned(), Some(help)));
        }
        match (client.is_list(), graph.is_list()) {
            (true, true) => return self.output_fits(client.item_type(), graph.item_type(), true, place),
            (false, false) => {}
            (false, true) => {
                return Err((
                    "the path leads to a list".to_owned(),
                    Some("take an item with `[n]`, or show a list".to_owned()),
                ));
            }
            (true, false) => return Err(("the path does not lead to a list".to_owned(), None)),
        }
        let (name, target) = (client.inner_named_type(), graph.inner_named_type());
        let another = || Err((format!("`{name}` is not a view of `{target}`"), None));
        match self.schema.types.get(name) {
            Some(ExtendedType::Scalar(_)) if name == target => Ok(()),
            Some(ExtendedType::Scalar(_)) if name == "Float" && target == "Int" => Ok(()),
            Some(ExtendedType::Scalar(_)) => Err((format!("the graph's type is `{target}`"), None)),
            Some(ExtendedType::Enum(_)) if self.graph_name(name) == Some(target.as_str()) => Ok(()),
            Some(ExtendedType::Object(_) | ExtendedType::Interface(_) | ExtendedType::Union(_)) => {
                let Some(composite) = self.tables.composites.get(name.as_str()) else { return Ok(()) };
                if !self.of.contains_key(name.as_str()) {
                    return Ok(()); // Reported with the type.
                }
                let is_member = |ty: &TypeId| composite.members.iter().any(|(member, _)| member == ty);
                if !place.possible.iter().any(is_member) {
                    return another();
                }
                match place.possible.iter().find(|ty| !is_member(ty)) {
                    Some(&unlisted) if client.is_non_null() => {
                        self.unlisted(name, unlisted, in_list && composite.omits_others, in_list)
                    }
                    _ => Ok(()),
                }
            }
            Some(_) if self.of.contains_key(name.as_str()) => another(),
            _ => Ok(()), // Reported as a dangling type, or as one without a counterpart.
        }
    }

    /// Gives the error for a graph type without a view at a place that must not be null, unless such objects are left
    /// out of their list (rule 10 of lowering).
    fn unlisted(
        &self,
        name: &str,
        ty: TypeId,
        is_omitted: bool,
        in_list: bool,
    ) -> Result<(), (String, Option<String>)> {
        if is_omitted {
            return Ok(());
        }
        let shown = &self.graph.ty(ty).name;
        let why = format!("`{name}` has no view of `{shown}`, which can stand there");
        let help = match in_list {
            true => "make the list's items nullable, or drop such items: `@view(…, others: OMIT)`",
            false => "make it nullable",
        };
        Err((why, Some(help.to_owned())))
    }

    /// Reads `default:` and gives it as JSON with the client's names. For strings, IDs and enums, the text itself is
    /// the value; for other types, the text must be JSON.
    fn default(&mut self, field: &Field<'_>) -> Option<String> {
        let text = field.mark?.default.as_ref()?;
        let ty = &field.definition.ty;
        let leaf = self.tables.inputs.0.get(ty.inner_named_type().as_str());
        let is_text = matches!(leaf, Some(InputType::String | InputType::Id | InputType::Enum(_)));
        let json = if is_text && !ty.is_list() {
            Some(Json::from(text.value.as_str()))
        } else {
            serde_json::from_str(&text.value).ok()
        };
        match json.filter(|json| self.is_value(json, ty)) {
            Some(json) => Some(json.to_string()),
            None => {
                let message = format!("the default of `{}` is not a `{ty}`", field.coordinate);
                self.report(message, text.span, "this default");
                None
            }
        }
    }

    fn is_value(&self, json: &Json, ty: &Type) -> bool {
        match (json, ty) {
            (Json::Null, ty) => !ty.is_non_null(),
            (Json::Array(items), Type::List(of) | Type::NonNullList(of)) => {
                items.iter().all(|item| self.is_value(item, of))
            }
            (_, Type::List(_) | Type::NonNullList(_)) => false,
            (json, Type::Named(name) | Type::NonNullNamed(name)) => match self.tables.inputs.0.get(name.as_str()) {
                Some(InputType::Int) => json.as_i64().is_some_and(|number| i32::try_from(number).is_ok()),
                Some(InputType::Float) => json.is_number(),
                Some(InputType::String | InputType::Id) => json.is_string(),
                Some(InputType::Boolean) => json.is_boolean(),
                Some(InputType::Enum(view)) => json.as_str().is_some_and(|value| view.to_graph.contains_key(value)),
                Some(InputType::Custom) => true,
                Some(InputType::Object(_)) | None => false,
            },
        }
    }
}

fn name(text: &str) -> Option<apollo_compiler::Name> {
    apollo_compiler::Name::new(text).ok()
}

/// The type that results from taking a field of a value. If the value can be null, so can the result; if it is a list,
/// the result is a list (rules 2 and 3 of lowering).
fn followed_by(outer: &Type, hop: Type) -> Type {
    match outer {
        Type::NonNullNamed(_) => hop,
        Type::Named(_) => hop.nullable(),
        Type::NonNullList(of) => Type::NonNullList(Box::new(followed_by(of, hop))),
        Type::List(of) => Type::List(Box::new(followed_by(of, hop))),
    }
}

#[cfg(test)]
mod tests {
    use super::followed_by;
    use apollo_compiler::ty;

    #[test]
    fn a_path_through_lists_and_nulls_has_their_types() {
        for (outer, hop, expected) in [
            (ty!(A!), ty!(B!), "B!"),
            (ty!(A), ty!(B!), "B"),
            (ty!([A!]!), ty!(B!), "[B!]!"),
            (ty!([A]!), ty!(B!), "[B]!"),
            (ty!([A!]), ty!([B!]!), "[[B!]!]"),
            (ty!([A]), ty!([B!]!), "[[B!]]"),
        ] {
            assert_eq!(followed_by(&outer, hop).to_string(), expected);
        }
    }
}
