//! Types, fields and arguments, merged from the declarations of all files.
//!
//! Elsewhere: how they are merged ([`super::merge`] and, for inputs, [`super::inputs`]); what is made of them
//! ([`super::schema`] and [`super::graph_types`]).

use super::types::TypeKind;
use crate::diagnostic::Span;
use crate::sdl::{ArgumentDeclaration, FieldDeclaration, TypeBody, ValueDeclaration};
use apollo_compiler::ast;
use indexmap::IndexMap;
use std::collections::BTreeSet;

/// The merged types, by their names in the graph.
pub(super) type MergedTypes<'a> = IndexMap<String, MergedType<'a>>;

/// A type, merged from all files.
#[derive(Debug)]
pub(super) struct MergedType<'a> {
    pub(super) name: String,
    pub(super) kind: TypeKind,
    pub(super) description: Option<&'a str>,
    pub(super) span: Span,
    pub(super) implements: IndexMap<&'a str, Span>,
    pub(super) fields: IndexMap<&'a str, MergedField<'a>>,
    pub(super) members: IndexMap<&'a str, Span>,
    pub(super) values: IndexMap<&'a str, &'a ValueDeclaration>,
    pub(super) inputs: IndexMap<&'a str, MergedArgument<'a>>,
    pub(super) specified_by: Option<&'a str>,
    pub(super) is_authenticated: bool,
    pub(super) is_one_of: bool,
    /// Whether some file marks it `@inaccessible`: then it is used inside the graph, and clients never see it.
    pub(super) is_hidden: bool,
    /// The values of an enum that clients never see.
    pub(super) hidden_values: BTreeSet<&'a str>,
}

/// A field, merged from all files.
#[derive(Debug)]
pub(super) struct MergedField<'a> {
    pub(super) ty: ast::Type,
    pub(super) arguments: IndexMap<&'a str, MergedArgument<'a>>,
    pub(super) declared: Vec<Declared<'a>>,
}

/// One file's declaration of a field.
#[derive(Debug, Clone, Copy)]
pub(super) struct Declared<'a> {
    /// The index of the file.
    pub(super) file: usize,
    /// The declaration of the field in the file.
    pub(super) field: &'a FieldDeclaration,
    /// Whether this file's source answers the field. Otherwise the file only mentions it.
    pub(super) is_offered: bool,
}

/// An argument or a field of an input type, merged from all files.
#[derive(Debug)]
pub(super) struct MergedArgument<'a> {
    pub(super) ty: ast::Type,
    /// The first declaration.
    pub(super) declaration: &'a ArgumentDeclaration,
    /// The default, if all files have the same one.
    pub(super) default: Option<&'a ast::Value>,
    /// Whether some file marks it `@inaccessible`: then clients do not see it.
    pub(super) is_hidden: bool,
}

impl MergedField<'_> {
    /// Whether some file marks it `@inaccessible`: then it is used inside the graph, and clients never see it.
    pub(super) fn is_hidden(&self) -> bool {
        self.declared.iter().any(|declared| declared.field.is_inaccessible)
    }
}

impl MergedType<'_> {
    pub(super) fn new(name: String, kind: TypeKind, span: Span) -> Self {
        Self {
            name,
            kind,
            description: None,
            span,
            implements: IndexMap::new(),
            fields: IndexMap::new(),
            members: IndexMap::new(),
            values: IndexMap::new(),
            inputs: IndexMap::new(),
            specified_by: None,
            is_authenticated: false,
            is_one_of: false,
            is_hidden: false,
            hidden_values: BTreeSet::new(),
        }
    }
}

/// The kind of type that a declaration declares.
pub(super) fn kind_of(body: &TypeBody) -> TypeKind {
    match body {
        TypeBody::Object(_) => TypeKind::Object,
        TypeBody::Interface(_) => TypeKind::Interface,
        TypeBody::Union(_) => TypeKind::Union,
        TypeBody::Enum(_) => TypeKind::Enum,
        TypeBody::Input(_) => TypeKind::Input,
        TypeBody::Scalar(_) => TypeKind::Scalar,
    }
}

/// The type that serves both: for answers it is nullable if one of them is, for inputs it is non-null if one of them
/// is.
pub(super) fn merge_types(a: &ast::Type, b: &ast::Type, is_input: bool) -> Option<ast::Type> {
    let is_non_null = if is_input { a.is_non_null() || b.is_non_null() } else { a.is_non_null() && b.is_non_null() };
    let merged = match (a.is_list(), b.is_list()) {
        (true, true) => merge_types(a.item_type(), b.item_type(), is_input)?.list(),
        (false, false) if a.inner_named_type() == b.inner_named_type() => {
            ast::Type::Named(a.inner_named_type().clone())
        }
        _ => return None,
    };
    Some(if is_non_null { merged.non_null() } else { merged })
}
