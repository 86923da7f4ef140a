//! One service's SDL, as typed declarations with spans.

use super::mapping::Mapping;
use crate::diagnostic::{FileId, Span};
use apollo_compiler::ast;

/// A value and where it is written.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Where.
    pub span: Span,
}

/// Where a service's SDL comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Origin {
    /// A file of `schema/services`.
    Service,
    /// Federation SDL of a subgraph in this process.
    InProcess,
}

/// One service's SDL, read.
#[derive(Debug)]
pub struct SdlFile {
    /// The service's name: the file's stem.
    pub name: String,
    /// The file.
    pub file: FileId,
    /// Where it comes from.
    pub origin: Origin,
    /// Does it link our connect URL? Else it is a federation subgraph that speaks GraphQL.
    pub is_bound: bool,
    /// Every `@source`.
    pub sources: Vec<SourceDeclaration>,
    /// Types and type extensions, in order.
    pub types: Vec<TypeDeclaration>,
    /// Names of this file's root types, where they are not `Query`, `Mutation` and `Subscription`.
    pub roots: Vec<(ast::OperationType, String)>,
}

impl SdlFile {
    /// The name in the graph of a type of this file: there, the root types are `Query`, `Mutation` and `Subscription`.
    #[must_use]
    pub fn name_in_graph<'a>(&self, name: &'a str) -> &'a str {
        let root = self.roots.iter().find(|(_, root)| root == name).map(|(operation, _)| operation);
        match root {
            Some(ast::OperationType::Query) => "Query",
            Some(ast::OperationType::Mutation) => "Mutation",
            Some(ast::OperationType::Subscription) => "Subscription",
            None => name,
        }
    }
}

/// `@source`.
#[derive(Debug)]
pub struct SourceDeclaration {
    /// `name:`.
    pub name: Spanned<String>,
    /// `openapi:`.
    pub openapi: Option<Spanned<String>>,
    /// `http.baseURL`.
    pub base_url: Option<Spanned<String>>,
    /// `http.headers`.
    pub headers: Vec<HeaderDeclaration>,
    /// `maxCalls:`, of sources in this process only.
    pub max_calls: Option<Spanned<u32>>,
    /// `pure:`, of sources in this process only.
    pub is_pure: Option<Spanned<bool>>,
}

/// `{ name: "X", from: "y" }` or `{ name: "X", value: "…" }`.
#[derive(Debug)]
pub struct HeaderDeclaration {
    /// The header that is sent.
    pub name: Spanned<String>,
    /// The caller's header that it comes from.
    pub from: Option<Spanned<String>>,
    /// What it holds: text, or `{$config.x}`.
    pub value: Option<Spanned<String>>,
}

/// A type or type extension.
#[derive(Debug)]
pub struct TypeDeclaration {
    /// Its name.
    pub name: Spanned<String>,
    /// Its description.
    pub description: Option<String>,
    /// Its kind, and what belongs to it.
    pub body: TypeBody,
    /// `@key`s.
    pub keys: Vec<KeyDeclaration>,
    /// `@connect`s: lookups.
    pub connects: Vec<Connect>,
    /// `@cache`.
    pub cache: Option<CacheDeclaration>,
    /// `@shareable`: goes for every field.
    pub is_shareable: bool,
    /// `@inaccessible`: is not in the graph.
    pub is_inaccessible: bool,
    /// `@authenticated`: goes for every field of this type.
    pub is_authenticated: bool,
    /// `@oneOf`: an input of which exactly one field is given.
    pub is_one_of: bool,
}

/// What belongs to a kind of type.
#[derive(Debug)]
pub enum TypeBody {
    /// `type`.
    Object(Fielded),
    /// `interface`.
    Interface(Fielded),
    /// `union`.
    Union(Vec<Spanned<String>>),
    /// `enum`.
    Enum(Vec<ValueDeclaration>),
    /// `input`.
    Input(Vec<ArgumentDeclaration>),
    /// `scalar`; the text of `@specifiedBy`.
    Scalar(Option<String>),
}

impl TypeBody {
    /// The keyword.
    #[must_use]
    pub fn keyword(&self) -> &'static str {
        match self {
            Self::Object(_) => "type",
            Self::Interface(_) => "interface",
            Self::Union(_) => "union",
            Self::Enum(_) => "enum",
            Self::Input(_) => "input",
            Self::Scalar(_) => "scalar",
        }
    }
}

/// Fields and interfaces of an object or interface type.
#[derive(Debug)]
pub struct Fielded {
    /// `implements`.
    pub implements: Vec<Spanned<String>>,
    /// Its fields.
    pub fields: Vec<FieldDeclaration>,
}

/// A value of an enum.
#[derive(Debug)]
pub struct ValueDeclaration {
    /// Its name.
    pub name: Spanned<String>,
    /// Its description.
    pub description: Option<String>,
    /// `@deprecated`'s reason.
    pub deprecated: Option<String>,
    /// `@inaccessible`.
    pub is_inaccessible: bool,
}

/// An argument, or a field of an input type.
#[derive(Debug)]
pub struct ArgumentDeclaration {
    /// Its name.
    pub name: Spanned<String>,
    /// Its type.
    pub ty: ast::Type,
    /// Its default, as written.
    pub default: Option<ast::Value>,
    /// Its description.
    pub description: Option<String>,
    /// `@deprecated`'s reason.
    pub deprecated: Option<String>,
    /// `@inaccessible`.
    pub is_inaccessible: bool,
}

/// `@listSize`: how long a field's list is.
#[derive(Debug, Clone)]
pub struct ListSizeDeclaration {
    /// Items as a rule.
    pub assumed: Option<u64>,
    /// Most items.
    pub max: Option<u64>,
    /// Arguments that say how many items are asked for.
    pub slicing: Vec<Spanned<String>>,
    /// The directive.
    pub span: Span,
}

/// A field.
#[derive(Debug)]
pub struct FieldDeclaration {
    /// Its name.
    pub name: Spanned<String>,
    /// Its type.
    pub ty: ast::Type,
    /// Its arguments.
    pub arguments: Vec<ArgumentDeclaration>,
    /// Its description.
    pub description: Option<String>,
    /// `@deprecated`'s reason.
    pub deprecated: Option<String>,
    /// `@connect`s that could be read.
    pub connects: Vec<Connect>,
    /// Is there any `@connect`, also one that could not be read?
    pub is_bound: bool,
    /// `@cache`.
    pub cache: Option<CacheDeclaration>,
    /// `@invalidates(tags:)`.
    pub invalidates: Vec<Spanned<String>>,
    /// `@poll(every:)`.
    pub poll: Option<Spanned<String>>,
    /// `@listSize`.
    pub list_size: Option<ListSizeDeclaration>,
    /// `@requires`.
    pub requires: Option<FieldSet>,
    /// `@provides`.
    pub provides: Option<FieldSet>,
    /// `@external`.
    pub is_external: bool,
    /// `@shareable`.
    pub is_shareable: bool,
    /// `@inaccessible`.
    pub is_inaccessible: bool,
    /// `@authenticated`.
    pub is_authenticated: bool,
    /// `@override(from:)`.
    pub overrides: Option<Spanned<String>>,
}

/// `@key`.
#[derive(Debug)]
pub struct KeyDeclaration {
    /// `fields:`.
    pub fields: FieldSet,
    /// `resolvable:`.
    pub is_resolvable: bool,
}

/// The value of `fields:` of a federation directive.
#[derive(Debug, Clone)]
pub struct FieldSet {
    /// What is selected.
    pub selections: Vec<FieldSelection>,
    /// The text, quotes aside.
    pub span: Span,
}

/// A part of a [`FieldSet`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum FieldSelection {
    /// `a` or `a { b }`.
    Field {
        /// Its name.
        name: String,
        /// What of it.
        selections: Vec<FieldSelection>,
    },
    /// `... on T { a }`.
    On {
        /// The type condition.
        ty: String,
        /// What of it.
        selections: Vec<FieldSelection>,
    },
}

/// `@connect`.
#[derive(Debug)]
pub struct Connect {
    /// `source:`.
    pub source: Option<Spanned<String>>,
    /// What is called.
    pub target: Target,
    /// `params:`.
    pub params: Option<Mapping>,
    /// `body:`.
    pub body: Option<Mapping>,
    /// `selection:`.
    pub selection: Option<Mapping>,
    /// `batch:`.
    pub batch: Option<BatchDeclaration>,
    /// `fields:`.
    pub fields: Option<Spanned<String>>,
    /// `on:`.
    pub outcomes: Vec<OutcomeDeclaration>,
    /// `complete: true`: a batched answer is all there is, whatever parameters page it.
    pub is_complete: bool,
    /// The directive.
    pub span: Span,
}

/// What a `@connect` calls.
#[derive(Debug)]
pub enum Target {
    /// `op:`.
    Operation(Spanned<String>),
    /// `http:`.
    Http(Box<HttpTarget>),
}

/// `http: { GET: "/x/{$args.id}" }`.
#[derive(Debug)]
pub struct HttpTarget {
    /// The method.
    pub method: http::Method,
    /// The path: text and `{…}`.
    pub path: Vec<TemplatePart>,
    /// `queryParams:`.
    pub query: Option<Mapping>,
    /// `headers:`.
    pub headers: Option<Mapping>,
    /// The template.
    pub span: Span,
}

/// A piece of a path template.
#[derive(Debug)]
pub enum TemplatePart {
    /// Fixed text.
    Text(String),
    /// `{$args.id}`.
    Hole(Mapping),
}

/// `batch:`.
#[derive(Debug)]
pub struct BatchDeclaration {
    /// `key:`, by dots.
    pub key: Spanned<Vec<String>>,
    /// `maxSize:`.
    pub max_size: Option<Spanned<u32>>,
    /// `perKey:`.
    pub per_key: Option<Mapping>,
}

/// One member of `on:`.
#[derive(Debug)]
pub struct OutcomeDeclaration {
    /// `status:`.
    pub status: Spanned<crate::contract::StatusPattern>,
    /// What it means.
    pub effect: EffectDeclaration,
    /// `selection:`.
    pub selection: Option<Mapping>,
}

/// What a status means, as declared.
#[derive(Debug)]
pub enum EffectDeclaration {
    /// `null: true`.
    Null,
    /// `as:`.
    As(Spanned<String>),
    /// `code:`.
    Code(String),
}

/// `@cache`.
#[derive(Debug)]
pub struct CacheDeclaration {
    /// `maxAge:`, in seconds.
    pub max_age: u64,
    /// `swr:`, in seconds.
    pub swr: u64,
    /// `scope:`, if written.
    pub is_private: Option<bool>,
    /// `tags:`.
    pub tags: Vec<Spanned<String>>,
    /// The directive.
    pub span: Span,
}
