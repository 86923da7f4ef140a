//! What clients show of the graph: the path of each client field is followed through the schemas of the services.
//!
//! The code does not use that of `check`. It compares names and `!` only, which is enough to say where a change of the
//! graph affects a client.

use super::demo::{Demo, FieldDef, Sdl, TypeKind};
use super::mutant::Place;
use apollo_compiler::ast::Type;
use std::ops::Range;

/// One field of a client's schema.
pub(super) struct Shown<'d> {
    pub(super) sdl: &'d Sdl,
    pub(super) field: &'d FieldDef,
    /// The graph's type that the object with this field is a view of.
    pub(super) of: String,
    /// The path of the field; empty for `.`.
    pub(super) hops: Vec<Hop>,
    pub(super) has_default: bool,
}

/// One field of a path.
#[derive(Debug, Clone)]
pub(super) struct Hop {
    pub(super) name: String,
    /// The place in the file. If there is no path, it is the place of the field's name.
    pub(super) span: Range<usize>,
    pub(super) has_index: bool,
}

impl Shown<'_> {
    pub(super) fn place(&self) -> Place {
        self.sdl.place(self.field.span.clone())
    }

    /// The fields of the graph on the path, each as its parent type and its name.
    pub(super) fn coordinates(&self, demo: &Demo) -> Vec<(String, String)> {
        let mut at = self.of.clone();
        let mut found = Vec::new();
        for hop in &self.hops {
            found.push((at.clone(), hop.name.clone()));
            let Some(field) = demo.graph_field(&at, &hop.name) else { break };
            at = field.named().to_owned();
        }
        found
    }

    /// The type at the end of the path, if one field of the graph had another type; `None` if the path leads nowhere.
    pub(super) fn graph_type(&self, demo: &Demo, changed: Option<(&FieldDef, &Type)>) -> Option<Type> {
        path_type(demo, &self.of, &self.hops, changed)
    }
}

pub(super) fn path_type(demo: &Demo, of: &str, hops: &[Hop], changed: Option<(&FieldDef, &Type)>) -> Option<Type> {
    let mut ty = Type::NonNullNamed(apollo_compiler::Name::new(of).ok()?);
    for hop in hops {
        let field = demo.graph_field(ty.inner_named_type(), &hop.name)?;
        let is_changed = |other: &&(&FieldDef, &Type)| other.0.coordinate() == field.coordinate();
        let mut next = changed.as_ref().filter(is_changed).map_or(&field.ty, |(_, ty)| ty).clone();
        if hop.has_index {
            if !next.is_list() {
                return None;
            }
            next = next.item_type().clone().nullable();
        }
        ty = followed(&ty, next);
    }
    Some(ty)
}

/// The type of a field of a value of type `outer`: it is nullable if the value is, and a list if the value is a list.
fn followed(outer: &Type, field: Type) -> Type {
    match outer {
        Type::Named(_) => field.nullable(),
        Type::NonNullNamed(_) => field,
        Type::List(of) => Type::List(Box::new(followed(of, field))),
        Type::NonNullList(of) => Type::NonNullList(Box::new(followed(of, field))),
    }
}

/// Whether a value of the graph's type is a value of the client's type, with regard to lists and nulls.
pub(super) fn fits(client: &Type, graph: &Type) -> bool {
    (graph.is_non_null() || !client.is_non_null())
        && client.is_list() == graph.is_list()
        && (!client.is_list() || fits(client.item_type(), graph.item_type()))
}

/// All fields of all clients.
pub(super) fn shown(demo: &Demo) -> Vec<Shown<'_>> {
    let mut all = Vec::new();
    for sdl in demo.clients() {
        for ty in sdl.types.iter().filter(|ty| ty.kind == TypeKind::Object) {
            let of = view_of(sdl, &ty.name);
            for field in &ty.fields {
                let from = field.directive("from");
                let hops = match from.and_then(|from| from.text("path")) {
                    Some((_, span)) => hops(&sdl.text, span),
                    None => vec![Hop { name: field.name.clone(), span: field.name_span.clone(), has_index: false }],
                };
                let has_default = from.is_some_and(|from| from.argument("default").is_some());
                all.push(Shown { sdl, field, of: of.clone(), hops, has_default });
            }
        }
    }
    all
}

/// The name of the graph's type that a client's type shows.
pub(super) fn view_of(sdl: &Sdl, ty: &str) -> String {
    let found = sdl.types.iter().find(|of| of.name == ty).and_then(|ty| ty.directive("view"));
    found.and_then(|view| view.text("of")).map_or(ty, |(of, _)| of).to_owned()
}

/// The fields of a path. Text in parentheses is left out.
fn hops(text: &str, within: Range<usize>) -> Vec<Hop> {
    let mut hops: Vec<Hop> = Vec::new();
    for word in super::mutant::words(text, within).into_iter().filter(|word| word.depth == 0) {
        let has_index = text[word.span.end..].starts_with('[');
        hops.push(Hop { name: word.text.to_owned(), span: word.span, has_index });
    }
    hops
}
