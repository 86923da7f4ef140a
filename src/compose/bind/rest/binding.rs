//! The state that the checks of one `@connect` share.

use super::source::RestSource;
use crate::compose::draft::Draft;
use crate::compose::ids::{FieldId, TypeId};
use crate::compose::types::{TypeKind, TypeRef};
use crate::compose::way::Entry;
use crate::contract::Endpoint;
use crate::diagnostic::{Finding, Span};
use crate::sdl::{CacheDeclaration, Connect, FieldDeclaration, Target};
use std::collections::BTreeSet;

/// The place of a `@connect`.
pub(super) struct Site<'a> {
    pub(super) entry: Entry,
    pub(super) ty: TypeRef,
    pub(super) cache: Option<&'a CacheDeclaration>,
    pub(super) field: Option<&'a FieldDeclaration>,
}

/// A `@connect` that is being checked.
pub(super) struct Binding<'c, 'a> {
    pub(super) draft: &'c mut Draft<'a>,
    pub(super) file: usize,
    pub(super) source: &'c RestSource<'a>,
    pub(super) connect: &'a Connect,
    pub(super) endpoint: Option<&'a Endpoint>,
    /// For `http:` with a contract: the names of the path parameters that the placeholders `{…}` fill, in order.
    pub(super) holes: Vec<&'a str>,
    pub(super) entry: Entry,
    /// The type to which `$this` and `$batch` refer.
    pub(super) parent: TypeId,
    /// The type of the value that the binding gets.
    pub(super) ty: TypeRef,
    /// The coordinate of the field, or the name of the type.
    pub(super) name: String,
    pub(super) is_mutation: bool,
    /// The arguments that are sent or read somewhere.
    pub(super) used_arguments: BTreeSet<String>,
    pub(super) claims: BTreeSet<Vec<String>>,
    /// All members of the abstract type whose members are being read.
    pub(super) abstract_siblings: Vec<TypeId>,
    /// How deeply the shape that is being made is nested.
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

    /// The field to whose arguments `$args` refers.
    pub(super) fn field(&self) -> Option<FieldId> {
        match self.entry {
            Entry::Root(field) | Entry::Field(field) => Some(field),
            Entry::Lookup(_) => None,
        }
    }

    /// The position of the declaration of the binding's field.
    pub(super) fn declaration(&self) -> Option<Span> {
        self.field().map(|field| self.draft.graph.field(field).span)
    }

    /// The position of the declaration of an argument.
    pub(super) fn argument_span(&self, name: &str) -> Option<Span> {
        let field = self.draft.graph.field(self.field()?);
        field.arguments.get(name).map(|argument| argument.span)
    }

    /// The position of findings about the endpoint: the operation's name, or the path.
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
