//! The draft of a graph: what the parts of composition share while they make it.
//!
//! In: the services' SDL, and the graph so far. Out: the same graph with one more source, shape or way.
//! Elsewhere: the order in which the parts work on it ([`super::composer`]).

use super::graph::Graph;
use super::ids::{FieldId, ShapeId, SourceId, TypeId, WayId};
use super::merged::Declared;
use super::schema::Schemas;
use super::shape::{Shape, TypeChoice};
use super::source::Source;
use super::types::TypeRef;
use super::way::{Entry, KeyPath, Way};
use crate::contract::SchemaId;
use crate::diagnostic::{Finding, Span};
use crate::sdl::SdlFile;
use std::collections::{BTreeSet, HashMap};

/// One `@key` of a type.
#[derive(Debug)]
pub(super) struct Key {
    /// The file that declares it.
    pub(super) file: usize,
    /// Its leaves.
    pub(super) paths: Vec<KeyPath>,
    /// Can the file's source be asked by it?
    pub(super) is_resolvable: bool,
}

/// What a shape is made of.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct ShapeKey {
    pub(super) source: SourceId,
    pub(super) ty: TypeId,
    /// The contract's type at the place.
    pub(super) schema: Option<SchemaId>,
    /// The selection that lists the fields.
    pub(super) listed: Option<Span>,
    /// Without a contract: the object that a binding gets, rather than one nested in it.
    pub(super) is_top: bool,
}

/// A graph in the making, with what its parts need to know of the services' files.
#[derive(Debug)]
pub(super) struct Draft<'a> {
    pub(super) files: &'a [SdlFile],
    pub(super) graph: Graph,
    /// By [`FieldId`].
    pub(super) declared: Vec<Vec<Declared<'a>>>,
    /// By [`TypeId`].
    pub(super) keys: Vec<Vec<Key>>,
    /// The fields that are part of a key, nested ones included.
    pub(super) key_fields: BTreeSet<FieldId>,
    /// Shapes by what they were made of, so that recursion ends.
    pub(super) made_shapes: HashMap<ShapeKey, ShapeId>,
    /// Of REST shapes: the selection or operation that they come from.
    pub(super) shape_spans: HashMap<ShapeId, Span>,
    pub(super) findings: Vec<Finding>,
}

impl<'a> Draft<'a> {
    /// A draft with schemas and without any type, source or way.
    pub(super) fn new(files: &'a [SdlFile], schemas: Schemas, findings: Vec<Finding>) -> Self {
        Self {
            files,
            graph: Graph::new(schemas.clients, schemas.full),
            declared: Vec::new(),
            keys: Vec::new(),
            key_fields: BTreeSet::new(),
            made_shapes: HashMap::new(),
            shape_spans: HashMap::new(),
            findings,
        }
    }

    pub(super) fn find(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// The declaration of a field in one file.
    pub(super) fn declared_in(&self, field: FieldId, file: usize) -> Option<Declared<'a>> {
        self.declared[field.index()].iter().find(|declared| declared.file == file).copied()
    }

    /// Has a field a `@connect` of its own, in any file that answers it?
    pub(super) fn has_binding(&self, field: FieldId) -> bool {
        self.declared[field.index()].iter().any(|declared| declared.field.is_bound && declared.is_offered)
    }

    /// The id of a shape that is filled later, so that shapes may refer to themselves.
    pub(super) fn reserve_shape(&mut self, ty: TypeId) -> ShapeId {
        let id = ShapeId::at(self.graph.shapes.len());
        self.graph.shapes.push(Shape { ty, choice: TypeChoice::Only, variants: Vec::new() });
        id
    }

    /// Whether what stands here is a write: a field of `Mutation` is one, whatever its method and its source, and nothing
    /// else is (GraphQL §6.2.2: only the top-level fields of a mutation may have side effects).
    pub(super) fn is_write(&self, entry: Entry) -> bool {
        match entry {
            Entry::Root(field) => self.graph.ty(self.graph.field(field).parent).name == "Mutation",
            Entry::Field(_) | Entry::Lookup(_) => false,
        }
    }

    /// Adds a way, and lists it where it leads to.
    pub(super) fn add_way(&mut self, mut way: Way) {
        let id = WayId::at(self.graph.ways.len());
        way.is_safe = !self.is_write(way.entry);
        match way.entry {
            Entry::Root(field) | Entry::Field(field) => self.graph.fields[field.index()].bindings.push(id),
            Entry::Lookup(ty) => self.graph.types[ty.index()].lookups.push(id),
        }
        self.graph.ways.push(way);
    }

    /// Adds a source.
    pub(super) fn add_source(&mut self, source: Source) -> SourceId {
        let id = SourceId::at(self.graph.sources.len());
        self.graph.sources.push(source);
        id
    }

    /// A type as people write it, such as `[Order!]!`.
    pub(super) fn type_text(&self, ty: &TypeRef) -> String {
        let bang = |nullable: bool| if nullable { "" } else { "!" };
        match ty {
            TypeRef::Named { ty, nullable } => format!("{}{}", self.graph.ty(*ty).name, bang(*nullable)),
            TypeRef::List { of, nullable } => format!("[{}]{}", self.type_text(of), bang(*nullable)),
        }
    }

    /// Does the type hold fields?
    pub(super) fn is_composite(&self, ty: TypeId) -> bool {
        self.graph.is_composite(ty)
    }
}
