//! `@authenticated`: which fields an anonymous caller must not get.
//!
//! In: types and fields with the directives on each of them. Out: the same, with the fields that need a caller as a
//! consequence.
//! Elsewhere: objects whose need is known only by their concrete type, which the writer refuses ([`crate::execute`]).
//!
//! A field needs a caller who is signed in if the directive is
//! - on the field, or on the field of an interface that its type implements;
//! - on its type, or on an interface that its type implements;
//! - on the type of its value: an object, an interface, a scalar or an enum;
//! - on a field that it is made of: by `@requires`, or by `$this` and `$batch` in the binding of a field. Keys do not
//!   count, because they only say to which object a field belongs.
//!
//! These are the rules of Apollo Federation 2.5 for `@authenticated`, and its later rule that a field made of guarded
//! data is guarded itself.

use super::graph::Graph;
use super::ids::{FieldId, TypeId};
use super::way::{Entry, KeyPath};
use apollo_compiler::schema::ExtendedType;

/// Marks every type and field that needs a caller who is signed in.
pub(super) fn spread(graph: &mut Graph) {
    let is_guarded = |graph: &Graph| {
        graph.types.iter().any(|ty| ty.authenticated) || graph.fields.iter().any(|field| field.authenticated)
    };
    if !is_guarded(graph) {
        return;
    }
    let interfaces: Vec<Vec<TypeId>> = (0..graph.types.len()).map(|index| interfaces(graph, index)).collect();
    for (index, interfaces) in interfaces.iter().enumerate() {
        graph.types[index].authenticated |= interfaces.iter().any(|interface| graph.ty(*interface).authenticated);
    }
    // The fields of interfaces count as they were declared: what one implementer is made of does not concern another.
    let own: Vec<bool> = graph.fields.iter().map(|field| field.authenticated).collect();
    for index in 0..graph.fields.len() {
        let field = &graph.fields[index];
        let of_interfaces = interfaces[field.parent.index()].iter();
        let inherited = of_interfaces
            .filter_map(|interface| graph.field_id(*interface, &field.name))
            .any(|field| own[field.index()]);
        let of_types = graph.ty(field.parent).authenticated || graph.ty(field.ty.named()).authenticated;
        graph.fields[index].authenticated |= inherited || of_types;
    }
    // Other fields may be made of those that were just marked, so the search is repeated.
    loop {
        let made = made_of_guarded(graph);
        if made.is_empty() {
            break;
        }
        made.into_iter().for_each(|field| graph.fields[field.index()].authenticated = true);
    }
}

/// The interfaces that a type implements. By GraphQL §3.6, a type also lists the interfaces of its interfaces.
fn interfaces(graph: &Graph, index: usize) -> Vec<TypeId> {
    let names = match graph.full.types.get(graph.types[index].name.as_str()) {
        Some(ExtendedType::Object(object)) => &object.implements_interfaces,
        Some(ExtendedType::Interface(interface)) => &interface.implements_interfaces,
        _ => return Vec::new(),
    };
    names.iter().filter_map(|name| graph.type_id(name)).collect()
}

/// The fields that are not marked yet, but are made of marked ones.
fn made_of_guarded(graph: &Graph) -> Vec<FieldId> {
    let is_guarded = |path: &KeyPath| path.0.iter().any(|field| graph.field(*field).authenticated);
    let made = graph.ways.iter().flat_map(|way| {
        let required = way.requires.iter().map(|(field, paths)| (*field, paths));
        let read = match way.entry {
            Entry::Field(field) => Some((field, &way.inputs)),
            Entry::Root(_) | Entry::Lookup(_) => None,
        };
        required.chain(read)
    });
    let made = made.filter(|(field, paths)| !graph.field(*field).authenticated && paths.iter().any(is_guarded));
    made.map(|(field, _)| field).collect()
}
