//! E106: a field that nobody gives. E119: a value type that is not whole at a place.

use crate::compose::composer::Composer;
use crate::compose::graph::{FieldId, Graph, ShapeId, SourceKind, TypeKind};
use crate::diagnostic::Finding;
use std::collections::BTreeSet;

pub(super) fn check(composer: &mut Composer<'_>) {
    check_values(composer);
    check_fields(composer);
}

/// Fields that some answer holds.
fn given_fields(graph: &Graph) -> BTreeSet<FieldId> {
    let variants = graph.shapes.iter().flat_map(|shape| &shape.variants);
    variants.flat_map(|variant| variant.fields.keys().copied()).collect()
}

/// Every field is in some shape, or has a binding.
fn check_fields(composer: &mut Composer<'_>) {
    let graph = &composer.graph;
    let given = given_fields(graph);
    let mut findings = Vec::new();
    for (index, field) in graph.fields.iter().enumerate() {
        let id = FieldId(index as u32);
        let is_object = graph.ty(field.parent).kind == TypeKind::Object;
        if !is_object || given.contains(&id) || !field.bindings.is_empty() {
            continue;
        }
        let parent = graph.ty(field.parent);
        let message = format!("`{}` has no source", graph.coordinate(id));
        let help = if matches!(parent.name.as_str(), "Query" | "Mutation" | "Subscription") {
            "add a `@connect`".to_owned()
        } else {
            format!(
                "no answer holds `{}` for a `{}`: select it in a binding, or give the field its own `@connect`",
                field.name, parent.name
            )
        };
        findings.push(Finding::new("E106", message, field.span, "nobody gives it").help(help));
    }
    composer.findings.extend(findings);
}

/// Where a type without key occurs in an answer, all its fields must be there: they cannot be had elsewhere.
fn check_values(composer: &mut Composer<'_>) {
    let graph = &composer.graph;
    let mut findings = Vec::new();
    let given = given_fields(&composer.graph);
    for (index, shape) in graph.shapes.iter().enumerate() {
        let Some(span) = composer.shape_spans.get(&ShapeId(index as u32)) else { continue };
        for variant in &shape.variants {
            let ty = graph.ty(variant.ty);
            if !ty.lookups.is_empty() {
                continue;
            }
            // What no answer gives is E106, once, rather than a finding at every place.
            let missing = ty
                .fields
                .iter()
                .filter(|(_, field)| !variant.fields.contains_key(*field) && graph.field(**field).bindings.is_empty());
            let missing: Vec<&String> =
                missing.filter(|(_, field)| given.contains(*field)).map(|(name, _)| name).collect();
            let Some(first) = missing.first() else { continue };
            let names: Vec<String> = missing.iter().map(|name| format!("`{name}`")).collect();
            let message = format!("`{}` is not whole here: {} missing", ty.name, names.join(", "));
            let mut finding = Finding::new("E119", message, *span, "in this answer").help(format!(
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
    composer.findings.extend(findings);
}

/// Is the source one whose answers are bounded by contract?
pub(super) fn is_rest(composer: &Composer<'_>, source: crate::compose::SourceId) -> bool {
    matches!(composer.graph.source(source).kind, SourceKind::Rest { .. })
}
