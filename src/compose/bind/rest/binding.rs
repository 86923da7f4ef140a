//! One `@connect` in the making: what the parts that check it share.

use super::source::RestSource;
use crate::compose::draft::Draft;
use crate::compose::ids::{FieldId, TypeId};
use crate::compose::types::{TypeKind, TypeRef};
use crate::compose::way::Entry;
use crate::contract::Endpoint;
use crate::diagnostic::{Finding, Span};
use crate::sdl::{CacheDeclaration, Connect, FieldDeclaration, Target};
use std::collections::BTreeSet;

/// Where a `@connect` stands.
pub(super) struct Site<'a> {
    pub(super) entry: Entry,
    pub(super) ty: TypeRef,
    pub(super) cache: Option<&'a CacheDeclaration>,
    pub(super) field: Option<&'a FieldDeclaration>,
}

/// One `@connect` in the making.
pub(super) struct Binding<'c, 'a> {
    pub(super) draft: &'c mut Draft<'a>,
    pub(super) file: usize,
    pub(super) source: &'c RestSource<'a>,
    pub(super) connect: &'a Connect,
    pub(super) endpoint: Option<&'a Endpoint>,
    /// `http:` with a contract: the path parameter that each `{…}` fills.
    pub(super) holes: Vec<&'a str>,
    pub(super) entry: Entry,
    /// The type that `$this` and `$batch` mean.
    pub(super) parent: TypeId,
    /// What the binding gets.
    pub(super) ty: TypeRef,
    /// The field's coordinate or the type's name.
    pub(super) name: String,
    pub(super) is_mutation: bool,
    /// Arguments that are sent or read somewhere.
    pub(super) used_arguments: BTreeSet<String>,
    pub(super) claims: BTreeSet<Vec<String>>,
    /// While the members of an abstract type are read: all of them.
    pub(super) abstract_siblings: Vec<TypeId>,
    /// How deep the shape being made is nested.
    pub(super) depth: usize,
}

impl Binding<'_, '_> {
    pub(super) fn has_errors_since(&self, count: usize) -> bool {
        self.draft.findings[count..].iter().any(Finding::is_error)
    }

    pub(super) fn forwarded(&self) -> Vec<String> {
        let headers: BTreeSet<String> = self.source.forwarded.iter().cloned().collect();
        headers.into_iter().collect()
    }

    /// The field whose arguments `$args` means.
    pub(super) fn field(&self) -> Option<FieldId> {
        match self.entry {
            Entry::Root(field) | Entry::Field(field) => Some(field),
            Entry::Lookup(_) => None,
        }
    }

    /// Where the field is declared that the binding is of.
    pub(super) fn declaration(&self) -> Option<Span> {
        self.field().map(|field| self.draft.graph.field(field).span)
    }

    /// Where an argument is declared.
    pub(super) fn argument_span(&self, name: &str) -> Option<Span> {
        let field = self.draft.graph.field(self.field()?);
        field.arguments.get(name).map(|argument| argument.span)
    }

    /// Where a finding about the endpoint points: the operation's name, or the path.
    pub(super) fn target_span(&self) -> Span {
        match &self.connect.target {
            Target::Operation(operation) => operation.span,
            Target::Http(http) => http.span,
        }
    }

    pub(super) fn parent_fields(&self) -> Vec<String> {
        self.draft.graph.ty(self.parent).fields.keys().cloned().collect()
    }

    pub(super) fn item_fields(&self) -> Vec<String> {
        let ty = self.draft.graph.ty(self.ty.named());
        let possible = if ty.kind == TypeKind::Union { ty.possible.as_slice() } else { &[self.ty.named()] };
        possible.iter().flat_map(|ty| self.draft.graph.ty(*ty).fields.keys().cloned()).collect()
    }

    pub(super) fn argument_names(&self) -> Vec<String> {
        let field = self.field().map(|field| self.draft.graph.field(field));
        field.map(|field| field.arguments.keys().cloned().collect()).unwrap_or_default()
    }
}
