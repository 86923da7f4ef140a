//! The composed graph: all types, fields, sources, shapes and ways, and how they are looked up.

use super::ids::{FieldId, ShapeId, SourceId, TypeId, WayId};
use super::shape::Shape;
use super::source::Source;
use super::types::{GraphField, GraphType, TypeKind, TypeRef};
use super::way::Way;
use apollo_compiler::Schema;
use apollo_compiler::ast;
use apollo_compiler::validation::Valid;
use indexmap::IndexMap;
use std::collections::HashMap;

/// The types and fields of all services, composed, with the ways to get each of them.
#[derive(Debug)]
pub struct Graph {
    /// The part of the graph that clients may see, as a plain GraphQL schema: it has no directives of Bespoke or of
    /// federation, and nothing that is `@inaccessible`.
    pub schema: Valid<Schema>,
    /// The whole graph, as a plain GraphQL schema.
    pub full: Valid<Schema>,
    /// The arguments that one GraphQL source declares for a field, and their types there, such as `[ID!]!`. The source
    /// is sent no other arguments, and its own types may be laxer than the graph's.
    pub own_arguments: HashMap<(SourceId, FieldId), IndexMap<String, String>>,
    /// The types, by [`TypeId`].
    pub types: Vec<GraphType>,
    /// The id of each type, by the name of the type.
    pub type_ids: HashMap<String, TypeId>,
    /// The fields, by [`FieldId`].
    pub fields: Vec<GraphField>,
    /// The sources, by [`SourceId`].
    pub sources: Vec<Source>,
    /// The shapes, by [`ShapeId`].
    pub shapes: Vec<Shape>,
    /// The ways, by [`WayId`].
    pub ways: Vec<Way>,
}

impl Graph {
    /// A graph of which only the schemas are known yet.
    pub(super) fn new(schema: Valid<Schema>, full: Valid<Schema>) -> Self {
        Self {
            schema,
            full,
            own_arguments: HashMap::new(),
            types: Vec::new(),
            type_ids: HashMap::new(),
            fields: Vec::new(),
            sources: Vec::new(),
            shapes: Vec::new(),
            ways: Vec::new(),
        }
    }

    /// The type with this id.
    #[must_use]
    pub fn ty(&self, id: TypeId) -> &GraphType {
        &self.types[id.index()]
    }

    /// The field with this id.
    #[must_use]
    pub fn field(&self, id: FieldId) -> &GraphField {
        &self.fields[id.index()]
    }

    /// The way with this id.
    #[must_use]
    pub fn way(&self, id: WayId) -> &Way {
        &self.ways[id.index()]
    }

    /// The shape with this id.
    #[must_use]
    pub fn shape(&self, id: ShapeId) -> &Shape {
        &self.shapes[id.index()]
    }

    /// The source with this id.
    #[must_use]
    pub fn source(&self, id: SourceId) -> &Source {
        &self.sources[id.index()]
    }

    /// The id of the type with this name, if there is one.
    #[must_use]
    pub fn type_id(&self, name: &str) -> Option<TypeId> {
        self.type_ids.get(name).copied()
    }

    /// Converts a type of the AST to one of the graph. `None` if the graph has no type of that name.
    pub(super) fn type_ref(&self, ty: &ast::Type) -> Option<TypeRef> {
        let nullable = !ty.is_non_null();
        Some(if ty.is_list() {
            TypeRef::List { of: Box::new(self.type_ref(ty.item_type())?), nullable }
        } else {
            TypeRef::Named { ty: self.type_id(ty.inner_named_type())?, nullable }
        })
    }

    /// The id of a type's field, by name.
    #[must_use]
    pub fn field_id(&self, ty: TypeId, name: &str) -> Option<FieldId> {
        self.ty(ty).fields.get(name).copied()
    }

    /// The id of the type with this name, if clients may see it.
    #[must_use]
    pub fn visible_type(&self, name: &str) -> Option<TypeId> {
        self.type_id(name).filter(|id| !self.ty(*id).is_hidden)
    }

    /// The names of the types that clients may see.
    pub fn visible_types(&self) -> impl Iterator<Item = &str> {
        self.types.iter().filter(|ty| !ty.is_hidden).map(|ty| ty.name.as_str())
    }

    /// The id of a type's field, by name, if clients may see it.
    #[must_use]
    pub fn visible_field(&self, ty: TypeId, name: &str) -> Option<FieldId> {
        self.field_id(ty, name).filter(|id| !self.field(*id).is_hidden)
    }

    /// The concrete types of a type, as far as clients may see them.
    pub fn visible_members(&self, ty: TypeId) -> impl Iterator<Item = TypeId> + '_ {
        self.ty(ty).possible.iter().copied().filter(|id| !self.ty(*id).is_hidden)
    }

    /// Whether the type has fields.
    #[must_use]
    pub fn is_composite(&self, id: TypeId) -> bool {
        matches!(self.ty(id).kind, TypeKind::Object | TypeKind::Interface | TypeKind::Union)
    }

    /// Whether the field is one of `Mutation`, so that it writes.
    #[must_use]
    pub fn is_mutation(&self, id: FieldId) -> bool {
        self.ty(self.field(id).parent).name == "Mutation"
    }

    /// A field's schema coordinate, such as `Product.price`.
    #[must_use]
    pub fn coordinate(&self, id: FieldId) -> String {
        let field = self.field(id);
        format!("{}.{}", self.ty(field.parent).name, field.name)
    }
}
