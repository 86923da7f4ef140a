//! The composed graph: all types, fields, sources, shapes and ways, and how each is found.

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

/// All services' types and fields, composed, with the ways to get each of them.
#[derive(Debug)]
pub struct Graph {
    /// What clients may see of the graph, as a plain GraphQL schema: no directives of ours or of federation, and nothing
    /// that is `@inaccessible`.
    pub schema: Valid<Schema>,
    /// The whole graph, as a plain GraphQL schema.
    pub full: Valid<Schema>,
    /// The arguments that one GraphQL source declares of a field, and their types there, such as `[ID!]!`: the source is
    /// sent no others, and its own types may be laxer than the graph's.
    pub own_arguments: HashMap<(SourceId, FieldId), IndexMap<String, String>>,
    /// Indexed by [`TypeId`].
    pub types: Vec<GraphType>,
    /// Type name to id.
    pub type_ids: HashMap<String, TypeId>,
    /// Indexed by [`FieldId`].
    pub fields: Vec<GraphField>,
    /// Indexed by [`SourceId`].
    pub sources: Vec<Source>,
    /// Indexed by [`ShapeId`].
    pub shapes: Vec<Shape>,
    /// Indexed by [`WayId`].
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

    /// A type.
    #[must_use]
    pub fn ty(&self, id: TypeId) -> &GraphType {
        &self.types[id.index()]
    }

    /// A field.
    #[must_use]
    pub fn field(&self, id: FieldId) -> &GraphField {
        &self.fields[id.index()]
    }

    /// A way.
    #[must_use]
    pub fn way(&self, id: WayId) -> &Way {
        &self.ways[id.index()]
    }

    /// A shape.
    #[must_use]
    pub fn shape(&self, id: ShapeId) -> &Shape {
        &self.shapes[id.index()]
    }

    /// A source.
    #[must_use]
    pub fn source(&self, id: SourceId) -> &Source {
        &self.sources[id.index()]
    }

    /// A type by name.
    #[must_use]
    pub fn type_id(&self, name: &str) -> Option<TypeId> {
        self.type_ids.get(name).copied()
    }

    /// A type of the AST as a type of the graph; `None`: the graph has no type of the name.
    pub(super) fn type_ref(&self, ty: &ast::Type) -> Option<TypeRef> {
        let nullable = !ty.is_non_null();
        Some(if ty.is_list() {
            TypeRef::List { of: Box::new(self.type_ref(ty.item_type())?), nullable }
        } else {
            TypeRef::Named { ty: self.type_id(ty.inner_named_type())?, nullable }
        })
    }

    /// A field by type and name.
    #[must_use]
    pub fn field_id(&self, ty: TypeId, name: &str) -> Option<FieldId> {
        self.ty(ty).fields.get(name).copied()
    }

    /// A type by name, if clients may see it.
    #[must_use]
    pub fn visible_type(&self, name: &str) -> Option<TypeId> {
        self.type_id(name).filter(|id| !self.ty(*id).is_hidden)
    }

    /// The names of the types that clients may see.
    pub fn visible_types(&self) -> impl Iterator<Item = &str> {
        self.types.iter().filter(|ty| !ty.is_hidden).map(|ty| ty.name.as_str())
    }

    /// A field by type and name, if clients may see it.
    #[must_use]
    pub fn visible_field(&self, ty: TypeId, name: &str) -> Option<FieldId> {
        self.field_id(ty, name).filter(|id| !self.field(*id).is_hidden)
    }

    /// The concrete types of a type that clients may see.
    pub fn visible_members(&self, ty: TypeId) -> impl Iterator<Item = TypeId> + '_ {
        self.ty(ty).possible.iter().copied().filter(|id| !self.ty(*id).is_hidden)
    }

    /// Does the type hold fields?
    #[must_use]
    pub fn is_composite(&self, id: TypeId) -> bool {
        matches!(self.ty(id).kind, TypeKind::Object | TypeKind::Interface | TypeKind::Union)
    }

    /// Is it a field of `Mutation`, which writes?
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
