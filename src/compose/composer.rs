//! Composition from start to end, and what its parts share.

use super::graph::{FieldId, Graph, ShapeId, SourceId, TypeId, WayId};
use super::shape::Shape;
use super::types::TypeRef;
use super::way::{Entry, KeyPath, Way};
use super::{check, graphql, guard, merge, rest};
use crate::contract::{Contract, SchemaId};
use crate::diagnostic::{Code, FileId, Finding, Sources, Span};
use crate::sdl::{self, FieldDeclaration, Origin, SdlFile};
use std::collections::{BTreeSet, HashMap};

/// One service's SDL file.
#[derive(Debug, Clone)]
pub struct ServiceFile {
    /// The service's name: the file's stem, such as `users`.
    pub name: String,
    /// Its text.
    pub file: FileId,
    /// Where it comes from.
    pub origin: Origin,
}

/// Everything that composition reads.
#[derive(Debug, Clone, Copy)]
pub struct Services<'a> {
    /// The texts.
    pub sources: &'a Sources,
    /// The services, in a stable order.
    pub services: &'a [ServiceFile],
    /// Contracts by the path that `@source(openapi:)` gives.
    pub contracts: &'a HashMap<String, Contract>,
}

/// Composes services into one graph.
///
/// The graph is there iff no finding is an error.
#[must_use]
pub fn compose(services: Services<'_>) -> (Option<Graph>, Vec<Finding>) {
    let mut findings = Vec::new();
    let mut files = Vec::new();
    for service in services.services {
        let (file, found) = sdl::read(services.sources, &service.name, service.file, service.origin);
        files.push(file);
        findings.extend(found);
    }
    let mut composer = merge::merge(&files, findings);
    // Without a sound schema nothing can be checked against it.
    let is_sound = composer.findings.iter().all(|finding| finding.code != Code::E204);
    for file in (0..files.len()).filter(|_| is_sound) {
        if files[file].is_bound {
            rest::bind(&mut composer, file, services.contracts);
        } else {
            graphql::bind(&mut composer, file);
        }
    }
    guard::spread(&mut composer.graph);
    check::check(&mut composer);
    let Composer { graph, mut findings, .. } = composer;
    let mut seen = BTreeSet::new();
    findings.retain(|finding| seen.insert((finding.code, finding.message.clone(), finding.span())));
    let is_sound = !findings.iter().any(Finding::is_error);
    (is_sound.then_some(graph), findings)
}

/// The contracts that services name: what `@source(openapi:)` gives, and where.
#[must_use]
pub fn contract_paths(sources: &Sources, services: &[ServiceFile]) -> Vec<(String, Span)> {
    let mut paths: Vec<(String, Span)> = Vec::new();
    for service in services {
        let (file, _) = sdl::read(sources, &service.name, service.file, service.origin);
        for path in file.sources.iter().filter_map(|source| source.openapi.as_ref()) {
            if paths.iter().all(|(known, _)| *known != path.value) {
                paths.push((path.value.clone(), path.span));
            }
        }
    }
    paths
}

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

/// One file's declaration of a field.
#[derive(Debug, Clone, Copy)]
pub(super) struct Declared<'a> {
    /// Index of the file.
    pub(super) file: usize,
    /// The declaration.
    pub(super) field: &'a FieldDeclaration,
    /// Does this file answer it, rather than only mention it?
    pub(super) is_offered: bool,
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

/// What the parts of composition share.
#[derive(Debug)]
pub(super) struct Composer<'a> {
    pub(super) files: &'a [SdlFile],
    pub(super) graph: Graph,
    /// By [`FieldId`].
    pub(super) declared: Vec<Vec<Declared<'a>>>,
    /// By [`TypeId`].
    pub(super) keys: Vec<Vec<Key>>,
    /// By [`TypeId`]: fields that are part of a key, nested ones included.
    pub(super) key_fields: BTreeSet<FieldId>,
    /// Shapes by what they were made of, so that recursion ends.
    pub(super) made_shapes: HashMap<ShapeKey, ShapeId>,
    /// Of REST shapes: the selection or operation that they come from.
    pub(super) shape_spans: HashMap<ShapeId, Span>,
    pub(super) findings: Vec<Finding>,
}

impl<'a> Composer<'a> {
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
        let id = ShapeId(self.graph.shapes.len() as u32);
        self.graph.shapes.push(Shape { ty, choice: super::TypeChoice::Only, variants: Vec::new() });
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
        let id = WayId(self.graph.ways.len() as u32);
        way.is_safe = !self.is_write(way.entry);
        match way.entry {
            Entry::Root(field) | Entry::Field(field) => self.graph.fields[field.index()].bindings.push(id),
            Entry::Lookup(ty) => self.graph.types[ty.index()].lookups.push(id),
        }
        self.graph.ways.push(way);
    }

    /// Adds a source.
    pub(super) fn add_source(&mut self, source: super::Source) -> SourceId {
        let id = SourceId(self.graph.sources.len() as u32);
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
