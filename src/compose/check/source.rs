//! E106: no source gives a field. E119: a value type is not complete at a place.

use crate::compose::draft::Draft;
use crate::compose::graph::Graph;
use crate::compose::ids::{FieldId, ShapeId, TypeId};
use crate::compose::types::TypeKind;
use crate::diagnostic::{Code, Finding};
use std::collections::BTreeSet;

pub(super) fn check(draft: &mut Draft<'_>) {
    check_values(draft);
    check_fields(draft);
}

/// The fields that some answer has.
fn given_fields(graph: &Graph) -> BTreeSet<FieldId> {
    let variants = graph.shapes.iter().flat_map(|shape| &shape.variants);
    variants.flat_map(|variant| variant.fields.keys().copied()).collect()
}

/// The types that some field leads to. A type that nobody can ask for needs no source.
fn named_types(graph: &Graph) -> BTreeSet<TypeId> {
    let is_root = |id: &TypeId| matches!(graph.ty(*id).name.as_str(), "Query" | "Mutation" | "Subscription");
    let roots = (0..graph.types.len()).map(TypeId::at).filter(is_root);
    let mut named: BTreeSet<TypeId> = roots.collect();
    let mut open: Vec<TypeId> = named.iter().copied().collect();
    while let Some(ty) = open.pop() {
        let of = graph.ty(ty);
        let fields = of.fields.values().map(|field| graph.field(*field).ty.named());
        for next in fields.chain(of.possible.iter().copied()) {
            if named.insert(next) {
                open.push(next);
            }
        }
    }
    named
}

/// Checks that every field is in some shape, or has a binding.
fn check_fields(draft: &mut Draft<'_>) {
    let graph = &draft.graph;
    let given = given_fields(graph);
    let named = named_types(graph);
    let mut findings = Vec::new();
    for (index, field) in graph.fields.iter().enumerate() {
        let id = FieldId::at(index);
        let is_object = graph.ty(field.parent).kind == TypeKind::Object;
        let is_given = given.contains(&id) || !field.bindings.is_empty();
        if !is_object || is_given || !named.contains(&field.parent) {
            continue;
        }
        let parent = graph.ty(field.parent);
        let message = format!("`{}` has no source", graph.coordinate(id));
        let declared = draft.declared[index].first();
        let is_asked = declared.is_some_and(|declared| !draft.files[declared.file].is_bound);
        let help = if is_asked {
            format!("give `{}` a `@key` in this file: by it, the service is asked for the field", parent.name)
        } else if matches!(parent.name.as_str(), "Query" | "Mutation" | "Subscription") {
            "add a `@connect`".to_owned()
        } else {
            format!(
                "no answer holds `{}` for a `{}`: select it in a binding, or give the field its own `@connect`",
                field.name, parent.name
            )
        };
        findings.push(Finding::new(Code::E106, message, field.span, "nobody gives it").help(help));
    }
    draft.findings.extend(findings);
}

/// Checks that an answer with a type without a key has all fields of the type, because they cannot be fetched
/// elsewhere.
fn check_values(draft: &mut Draft<'_>) {
    let graph = &draft.graph;
    let mut findings = Vec::new();
    let given = given_fields(&draft.graph);
    for (index, shape) in graph.shapes.iter().enumerate() {
        let Some(span) = draft.shape_spans.get(&ShapeId::at(index)) else { continue };
        for variant in &shape.variants {
            let ty = graph.ty(variant.ty);
            if !ty.lookups.is_empty() {
                continue;
            }
            // A field that no answer gives is reported once, as E106, and not at every place.
            let missing = ty
                .fields
                .iter()
                .filter(|(_, field)| !variant.fields.contains_key(*field) && graph.field(**field).bindings.is_empty());
            let missing: Vec<&String> =
                missing.filter(|(_, field)| given.contains(*field)).map(|(name, _)| name).collect();
            let Some(first) = missing.first() else { continue };
            let names: Vec<String> = missing.iter().map(|name| format!("`{name}`")).collect();
            let message = format!("`{}` is not whole here: {} missing", ty.name, names.join(", "));
            let mut finding = Finding::new(Code::E119, message, *span, "in this answer").help(format!(
                "a type without a lookup by key cannot be completed elsewhere: select `{first}` here too, or give \
                 `{}` a `@key` and a `@connect`",
                ty.name
            ));
            if let Some(field) = ty.fields.get(*first) {
                finding = finding.and(graph.field(*field).span, "this field");
            }
            findings.push(finding);
        }
    }
    draft.findings.extend(findings);
}
