//! The shapes of one subgraph's answers.

use super::binder::{Binder, SubgraphShape};
use crate::compose::draft::Draft;
use crate::compose::ids::{FieldId, ShapeId, TypeId};
use crate::compose::list_size::declared_size;
use crate::compose::read::{JsonPath, Read, Segment};
use crate::compose::shape::{ShapeField, ShapeVariant, TypeChoice};
use crate::compose::types::TypeKind;
use crate::sdl::{FieldDeclaration, FieldSelection};
use indexmap::IndexMap;

impl Binder<'_, '_> {
    /// The shape of a type: the fields that the subgraph owns, and those that are provided at this place.
    ///
    /// Fields with `@requires` are only in the answer of `_entities` itself, because elsewhere the subgraph does not
    /// have the values that they require.
    pub(super) fn shape(&mut self, ty: TypeId, provides: &[FieldSelection], is_entity: bool) -> ShapeId {
        let key = SubgraphShape { ty, provides: provides.to_vec(), is_entity };
        if let Some(known) = self.made.get(&key) {
            return *known;
        }
        let id = self.draft.reserve_shape(ty);
        self.made.insert(key.clone(), id);
        self.open.push((id, key));
        id
    }

    /// Fills all reserved shapes, and those to which they lead.
    pub(super) fn fill_shapes(&mut self) {
        while let Some((id, key)) = self.open.pop() {
            self.fill(id, key);
        }
    }

    fn fill(&mut self, id: ShapeId, key: SubgraphShape) {
        let SubgraphShape { ty, provides, is_entity } = key;
        let members = self.members(ty);
        let typename = Read::path(JsonPath(vec![Segment::Property("__typename".to_owned())]));
        let choice = match self.draft.graph.ty(ty).kind {
            TypeKind::Object => TypeChoice::Only,
            _ => {
                let name = |(index, member): (usize, &TypeId)| (self.draft.graph.ty(*member).name.clone(), index);
                TypeChoice::By { read: typename, cases: members.iter().enumerate().map(name).collect() }
            }
        };
        let mut variants = Vec::new();
        for member in members {
            let provided = provided_to(&self.draft.graph.ty(member).name, &provides);
            let fields = self.fields(member, &provided, is_entity);
            variants.push(ShapeVariant { ty: member, fields });
        }
        let shape = &mut self.draft.graph.shapes[id.index()];
        (shape.choice, shape.variants) = (choice, variants);
    }

    fn fields(&mut self, ty: TypeId, provides: &[FieldSelection], is_entity: bool) -> IndexMap<FieldId, ShapeField> {
        let fields: Vec<(String, FieldId)> =
            self.draft.graph.ty(ty).fields.iter().map(|(name, field)| (name.clone(), *field)).collect();
        let mut found = IndexMap::new();
        for (name, field) in fields {
            let Some(declared) = self.draft.declared_in(field, self.file) else { continue };
            let provided: Vec<&FieldSelection> = provides
                .iter()
                .filter(
                    |selection| matches!(selection, FieldSelection::Field { name: provided, .. } if *provided == name),
                )
                .collect();
            let is_key = declared.field.is_external && self.own_keys.contains(&field);
            let is_told = declared.field.requires.is_none() || is_entity;
            if declared.field.is_external && !takes_the_same(self.draft, field, declared.field) {
                continue;
            }
            if provided.is_empty() && !is_key && !(declared.is_offered && is_told) {
                continue;
            }
            let inner: Vec<FieldSelection> = provided
                .iter()
                .flat_map(|selection| match selection {
                    FieldSelection::Field { selections, .. } | FieldSelection::On { selections, .. } => {
                        selections.clone()
                    }
                })
                .chain(declared.field.provides.iter().flat_map(|provides| provides.selections.clone()))
                .collect();
            let named = self.draft.graph.field(field).ty.named();
            let shape = self.draft.is_composite(named).then(|| self.shape(named, &inner, false));
            let bound = declared_size(&declared.field.list_size);
            let read = Read::path(JsonPath(vec![Segment::Property(name)]));
            found.insert(field, ShapeField { read, shape, bound });
        }
        found
    }
}

/// Whether a field that a source only provides takes the same arguments as where it is owned. If not, it means
/// something else there (Apollo Federation's composition: `EXTERNAL_ARGUMENT_MISSING`,
/// `EXTERNAL_ARGUMENT_DEFAULT_MISMATCH`).
fn takes_the_same(draft: &Draft<'_>, field: FieldId, external: &FieldDeclaration) -> bool {
    let owners = || draft.declared[field.index()].iter().map(|declared| declared.field).filter(|of| !of.is_external);
    external.arguments.iter().all(|own| {
        let others = owners().flat_map(|owner| &owner.arguments).filter(|other| other.name.value == own.name.value);
        others.clone().count() > 0 && others.into_iter().all(|other| other.default == own.default)
            || !own.ty.is_non_null() && own.default.is_none()
    }) && draft
        .graph
        .field(field)
        .arguments
        .keys()
        .all(|name| external.arguments.iter().any(|own| own.name.value == *name))
}

/// The part of a field set that applies to one concrete type.
fn provided_to(ty: &str, provides: &[FieldSelection]) -> Vec<FieldSelection> {
    let mut fields = Vec::new();
    for selection in provides {
        match selection {
            FieldSelection::Field { .. } => fields.push(selection.clone()),
            FieldSelection::On { ty: condition, selections } if condition == ty || condition.is_empty() => {
                fields.extend(provided_to(ty, selections));
            }
            FieldSelection::On { .. } => {}
        }
    }
    fields
}
