//! The draft of a graph, which the parts of composition share and fill.
//!
//! In: the services' SDL, and the graph so far. Out: the same graph with one more source, shape or way.
//! Elsewhere: the order in which the parts fill it ([`super::composer`]).

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
    /// The index of the file that declares the key.
    pub(super) file: usize,
    /// The paths to the leaves of the key.
    pub(super) paths: Vec<KeyPath>,
    /// Whether the file's source can be asked by the key.
    pub(super) is_resolvable: bool,
}

/// The properties from which a shape is made. Equal properties give the same shape.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct ShapeKey {
    pub(super) source: SourceId,
    pub(super) ty: TypeId,
    /// The contract's type at the place, if there is a contract.
    pub(super) schema: Option<SchemaId>,
    /// The selection that lists the fields, if there is one.
    pub(super) listed: Option<Span>,
    /// Without a contract: whether this is the object that a binding gets, and not one nested in it.
    pub(super) is_top: bool,
}

/// A graph that is being made, and what its parts need to know of the services' files.
#[derive(Debug)]
pub(super) struct Draft<'a> {
    pub(super) files: &'a [SdlFile],
    pub(super) graph: Graph,
    /// The declarations of each field, by [`FieldId`].
    pub(super) declared: Vec<Vec<Declared<'a>>>,
    /// The keys of each type, by [`TypeId`].
    pub(super) keys: Vec<Vec<Key>>,
    /// The fields that are part of a key, nested ones included.
    pub(super) key_fields: BTreeSet<FieldId>,
    /// The shapes that were made, by their keys, so that recursion ends.
    pub(super) made_shapes: HashMap<ShapeKey, ShapeId>,
    /// The selection or operation that each REST shape comes from.
    pub(super) shape_spans: HashMap<ShapeId, Span>,
    pub(super) findings: Vec<Finding>,
}

impl<'a> Draft<'a> {
    /// A draft with schemas, but without any type, source or way.
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

    /// Whether a field has a `@connect` of its own, in any file that answers it.
    pub(super) fn has_binding(&self, field: FieldId) -> bool {
        self.declared[field.index()].iter().any(|declared| declared.field.is_bound && declared.is_offered)
    }

    /// Reserves the id of a shape that is filled later, so that shapes may refer to themselves.
    pub(super) fn reserve_shape(&mut self, ty: TypeId) -> ShapeId {
        let id = ShapeId::at(self.graph.shapes.len());
        self.graph.shapes.push(Shape { ty, choice: TypeChoice::Only, variants: Vec::new() });
        id
    }

    /// Whether an entry is a write. A field of `Mutation` is one, whatever its method and its source are; nothing else
    /// is, because only the top-level fields of a mutation may have side effects (GraphQL §6.2.2).
    pub(super) fn is_write(&self, entry: Entry) -> bool {
        match entry {
            Entry::Root(field) => self.graph.ty(self.graph.field(field).parent).name == "Mutation",
            Entry::Field(_) | Entry::Lookup(_) => false,
        }
    }

    /// Adds a way, and lists it at the field or the type that it leads to.
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

    /// The text of a type, such as `[Order!]!`.
    pub(super) fn type_text(&self, ty: &TypeRef) -> String {
        let bang = |nullable: bool| if nullable { "" } else { "!" };
        match ty {
            TypeRef::Named { ty, nullable } => format!("{}{}", self.graph.ty(*ty).name, bang(*nullable)),
            TypeRef::List { of, nullable } => format!("[{}]{}", self.type_text(of), bang(*nullable)),
        }
    }

    /// Whether the type has fields.
    pub(super) fn is_composite(&self, ty: TypeId) -> bool {
        self.graph.is_composite(ty)
    }
}
