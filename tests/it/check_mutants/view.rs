//! Mutants of client schemas: of `@view`, of `@from`, and of the types that a client promises.
//!
//! A finding must be on the changed line, or at a place that a rule here adds.

use super::demo::{Demo, EnumValue, FieldDef, Sdl, TypeDef, TypeKind};
use super::mutant::{Kind, Mutant, Place, misspelt, words};
use super::shown::{Hop, Shown, fits, path_type, shown, view_of};
use super::types::{other_scalar, with_list, with_name};
use bespoke::internals::diagnostic::Code;

const CODES: &[Code] = &[Code::E100, Code::E116];

/// Makes all mutants of a client's schema.
pub(super) fn mutants(demo: &Demo, sdl: &Sdl) -> Vec<Mutant> {
    let mut all = Vec::new();
    for shown in shown(demo).iter().filter(|shown| shown.sdl.path == sdl.path) {
        let field = ClientField { demo, shown };
        all.extend(field.types());
        all.extend(field.nullability());
        all.extend(field.arguments());
        all.extend(field.paths());
        all.extend(field.from());
    }
    for ty in &sdl.types {
        all.extend(views(demo, sdl, ty));
        all.extend(enum_values(sdl, ty));
        all.extend(members(demo, sdl, ty));
        if ty.kind == TypeKind::Input {
            ty.fields.iter().for_each(|field| all.extend(input(sdl, ty, field)));
        }
    }
    all
}

struct ClientField<'a> {
    demo: &'a Demo,
    shown: &'a Shown<'a>,
}

impl ClientField<'_> {
    fn mutant(&self, kind: Kind, range: std::ops::Range<usize>, new: &str) -> Mutant {
        let shown = self.shown;
        shown.sdl.mutant(kind, shown.field.coordinate(), (range, new), CODES).or([shown.place()])
    }

    /// Mutants with another type: another scalar instead of a scalar, and instead of an object, another object of the
    /// client that shows another type of the graph.
    fn types(&self) -> Vec<Mutant> {
        let field = self.shown.field;
        let sdl = self.shown.sdl;
        let own = view_of(sdl, field.named());
        let kind = sdl.types.iter().find(|ty| ty.name == field.named()).map(|ty| ty.kind);
        let other = match kind {
            Some(TypeKind::Object | TypeKind::Union) => {
                let is_other = |ty: &&TypeDef| {
                    let of = view_of(sdl, &ty.name);
                    ty.kind == TypeKind::Object && !ty.is_root() && of != own && !self.is_member(&own, &of)
                };
                sdl.types.iter().find(is_other).map(|ty| ty.name.as_str())
            }
            Some(TypeKind::Enum) => Some("Int"),
            _ => Some(other_scalar(field.named())),
        };
        let span = field.ty_span.clone();
        let named = other.map(|other| self.mutant(Kind::Type, span.clone(), &with_name(field, other)));
        named.into_iter().chain([self.mutant(Kind::Type, span.clone(), &with_list(field))]).collect()
    }

    /// Whether a type is a member of a union. A view of one member may stand for the whole union: values of the other
    /// members are null.
    fn is_member(&self, union: &str, member: &str) -> bool {
        let mut types = self.demo.services().flat_map(|sdl| &sdl.types).filter(|ty| ty.name == union);
        types.any(|ty| ty.members.iter().any(|(name, _)| name == member))
    }

    /// Mutants with `!` where the graph's value can be null, or without a default that stood for null.
    fn nullability(&self) -> Vec<Mutant> {
        let field = self.shown.field;
        let Some(graph) = self.shown.graph_type(self.demo, None) else { return Vec::new() };
        let mut all = Vec::new();
        let promised = field.ty.clone().non_null();
        if !field.ty.is_non_null() && !self.shown.has_default && !fits(&promised, &graph) {
            all.push(self.mutant(Kind::Nullability, field.ty_span.clone(), &promised.to_string()));
        }
        let default =
            field.directive("from").and_then(|from| from.arguments.iter().find(|(name, ..)| name == "default"));
        if let (Some((_, span, _)), false) = (default, fits(&field.ty, &graph)) {
            all.push(self.mutant(Kind::Nullability, span.clone(), ""));
        }
        all
    }

    /// Mutants of the client's arguments: renamed, removed, of another type, or nullable where the graph's argument is
    /// not. A removed argument is equivalent if the graph's argument is optional and no path reads it.
    fn arguments(&self) -> Vec<Mutant> {
        let mut all = Vec::new();
        let field = self.shown.field;
        let path = field.directive("from").and_then(|from| from.text("path")).map(|(_, span)| span);
        let read = path.map(|span| words(&self.shown.sdl.text, span)).unwrap_or_default();
        for argument in &field.arguments {
            let variable = format!("${}", argument.name);
            let is_read = read.iter().any(|word| word.text == variable);
            let graph = self.graph_argument(argument, &read, &variable);
            all.push(self.mutant(Kind::Parameter, argument.name_span.clone(), &misspelt(&argument.name)));
            all.push(self.mutant(Kind::Type, argument.ty_span.clone(), &with_name(argument, "Boolean")));
            all.push(self.mutant(Kind::Type, argument.ty_span.clone(), &with_list(argument)));
            let Some(graph) = graph else { continue };
            let is_required = graph.ty.is_non_null() && !graph.has_default;
            if is_read || is_required {
                let range = match field.arguments.as_slice() {
                    [_] => field.name_span.end..field.ty_span.start,
                    _ => argument.whole.clone(),
                };
                let new = if field.arguments.len() == 1 { ": " } else { "" };
                all.push(self.mutant(Kind::Parameter, range, new));
            }
            if argument.ty.is_non_null() && graph.ty.is_non_null() {
                let nullable = argument.ty.clone().nullable().to_string();
                all.push(self.mutant(Kind::Nullability, argument.ty_span.clone(), &nullable));
            }
        }
        // Mutants of the arguments in the path: they have other names, or read something that does not exist.
        for word in read.iter().filter(|word| word.depth > 0 && (word.is_entry || word.text.starts_with('$'))) {
            all.push(self.mutant(Kind::Parameter, word.span.clone(), &misspelt(word.text)));
        }
        all
    }

    /// The graph's argument that a client's argument fills.
    fn graph_argument(
        &self,
        argument: &FieldDef,
        read: &[super::mutant::Word<'_>],
        variable: &str,
    ) -> Option<&FieldDef> {
        let at = read.iter().position(|word| word.text == variable);
        let name = at.and_then(|at| read.get(at.checked_sub(1)?)).map_or(argument.name.as_str(), |word| word.text);
        let coordinates = self.shown.coordinates(self.demo);
        let mut fields = coordinates.iter().filter_map(|(ty, field)| self.demo.graph_field(ty, field));
        fields.find_map(|field| field.arguments.iter().find(|other| other.name == name))
    }

    /// Mutants of the path: each field is misspelt (without a path, the field's own name), each level is dropped, and
    /// each `[n]` is dropped.
    fn paths(&self) -> Vec<Mutant> {
        let mut all = Vec::new();
        for (index, hop) in self.shown.hops.iter().enumerate() {
            all.push(self.mutant(Kind::Path, hop.span.clone(), &misspelt(&hop.name)));
            let text = &self.shown.sdl.text;
            if hop.has_index {
                let close = text[hop.span.end..].find(']').map_or(0, |at| at + 1);
                all.push(self.mutant(Kind::Path, hop.span.end..hop.span.end + close, ""));
            }
            if self.shown.hops.len() > 1 && !self.leads_to_the_same(index) {
                let range = match self.shown.hops.get(index + 1) {
                    Some(next) => hop.span.start..next.span.start,
                    None => self.shown.hops[index - 1].span.end..self.end_of_path(),
                };
                all.push(self.mutant(Kind::Path, range, ""));
            }
        }
        all
    }

    fn end_of_path(&self) -> usize {
        let from = self.shown.field.directive("from").and_then(|from| from.text("path"));
        from.map_or(self.shown.field.span.end, |(_, span)| span.end)
    }

    /// Whether the path without one level still leads to a value of the right type. Such a mutant is equivalent,
    /// because no check can tell.
    fn leads_to_the_same(&self, without: usize) -> bool {
        let mut hops: Vec<Hop> = self.shown.hops.clone();
        hops.remove(without);
        let found = path_type(self.demo, &self.shown.of, &hops, None);
        found.is_some_and(|found| {
            found.inner_named_type() == self.shown.field.ty.inner_named_type() && fits(&self.shown.field.ty, &found)
        })
    }

    /// The mutant without `@from`, in which the field's own name leads somewhere else or nowhere.
    fn from(&self) -> Option<Mutant> {
        let field = self.shown.field;
        let from = field.directive("from")?;
        let own = Hop { name: field.name.clone(), span: 0..0, has_index: false };
        let found = path_type(self.demo, &self.shown.of, &[own], None);
        let is_alike = found
            .is_some_and(|found| found.inner_named_type() == field.ty.inner_named_type() && fits(&field.ty, &found));
        (!is_alike).then(|| self.mutant(Kind::Source, from.span.clone(), ""))
    }
}

/// Mutants of `@view(of:)`: misspelt, of another type, or removed. If it names another type, the client's type does not
/// fit, or its fields do not, or the fields that show it.
fn views(demo: &Demo, sdl: &Sdl, ty: &TypeDef) -> Vec<Mutant> {
    let Some(view) = ty.directive("view") else { return Vec::new() };
    let Some((of, span)) = view.text("of") else { return Vec::new() };
    let what = format!("{}: @view", ty.name);
    let using: Vec<Place> = sdl
        .types
        .iter()
        .flat_map(|other| &other.fields)
        .filter(|field| field.named() == ty.name)
        .map(|field| sdl.place(field.span.clone()))
        .collect();
    let mut graph = demo.services().flat_map(|sdl| &sdl.types);
    let is_other =
        |other: &&TypeDef| other.kind == ty.kind && other.name != of && !other.is_root() && other.name != "OrderStatus";
    let mut all = vec![
        sdl.mutant(Kind::Source, &what, (span.clone(), &misspelt(of)), CODES),
        sdl.mutant(Kind::Source, &what, (view.span.clone(), ""), CODES),
    ];
    if let Some(other) = graph.find(is_other) {
        let wrong = sdl.mutant(Kind::Source, &what, (span, &other.name), CODES);
        all.push(wrong.or([sdl.place(ty.span.clone())]).or(using));
    }
    all
}

/// Mutants of enum values that the graph does not have. A client need not list all values: one that it does not list
/// completes as null, with an error.
fn enum_values(sdl: &Sdl, ty: &TypeDef) -> Vec<Mutant> {
    let mut all = Vec::new();
    for EnumValue { name: value, name_span: span, directives, .. } in &ty.values {
        let from = directives.iter().find(|dir| dir.name == "from");
        let what = format!("{}.{value}", ty.name);
        match from.and_then(|from| from.text("path").map(|path| (from, path))) {
            Some((from, (path, at))) => {
                all.push(sdl.mutant(Kind::Path, &what, (at, &misspelt(path)), CODES));
                all.push(sdl.mutant(Kind::Source, &what, (from.span.clone(), ""), CODES));
            }
            None => all.push(sdl.mutant(Kind::Type, &what, (span.clone(), &misspelt(value)), CODES)),
        }
    }
    all
}

/// Mutants of a union's members. A dropped member is found where the union must not be null. A member is also replaced
/// by a type that is not a member.
fn members(demo: &Demo, sdl: &Sdl, ty: &TypeDef) -> Vec<Mutant> {
    let mut all = Vec::new();
    let using = sdl.types.iter().flat_map(|other| &other.fields).filter(|field| field.named() == ty.name);
    let strict: Vec<Place> = using
        .filter(|field| field.ty.to_string().contains(&format!("{}!", ty.name)))
        .map(|field| sdl.place(field.span.clone()))
        .collect();
    let of = view_of(sdl, &ty.name);
    for (index, (member, span)) in ty.members.iter().enumerate() {
        let range = match ty.members.get(index + 1) {
            Some((_, next)) => span.start..next.start,
            None => ty.members[index - 1].1.end..span.end,
        };
        if !strict.is_empty() {
            all.push(sdl.mutant(Kind::Type, &ty.name, (range, " "), CODES).or(strict.clone()));
        }
        let is_member = |name: &str| {
            let mut types = demo.services().flat_map(|sdl| &sdl.types).filter(|ty| ty.name == of);
            types.any(|ty| ty.members.iter().any(|(other, _)| other == name))
        };
        let other = sdl
            .types
            .iter()
            .find(|other| other.kind == TypeKind::Object && !other.is_root() && !is_member(&view_of(sdl, &other.name)));
        if let Some(other) = other {
            // The finding is at the type that is not a member.
            let wrong = sdl.mutant(Kind::Type, format!("{}: {member}", ty.name), (span.clone(), &other.name), CODES);
            all.push(wrong.or([sdl.place(other.name_span.clone())]).or(strict.clone()));
        }
    }
    all
}

/// Mutants of a field of an input object: renamed, removed, of another type, or nullable where the graph's field is
/// not. The finding about a missing field is at the type.
fn input(sdl: &Sdl, ty: &TypeDef, field: &FieldDef) -> Vec<Mutant> {
    let at_type = sdl.place(ty.name_span.clone());
    let mutant =
        |kind, range, new: &str| sdl.mutant(kind, field.coordinate(), (range, new), CODES).or([at_type.clone()]);
    let mut all = vec![
        mutant(Kind::Parameter, field.name_span.clone(), &misspelt(&field.name)),
        mutant(Kind::Parameter, field.whole.clone(), ""),
        mutant(Kind::Type, field.ty_span.clone(), &with_name(field, "Boolean")),
        mutant(Kind::Type, field.ty_span.clone(), &with_list(field)),
    ];
    if field.ty.is_non_null() {
        all.push(mutant(Kind::Nullability, field.ty_span.clone(), &field.ty.clone().nullable().to_string()));
    }
    all
}
