//! The SDL of one service, as typed declarations with spans.

use super::mapping::Mapping;
use super::source::SourceDeclaration;
use crate::diagnostic::{FileId, Span};
use apollo_compiler::ast;

/// A value with its place in the file.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// The place of the value.
    pub span: Span,
}

/// The origin of a service's SDL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Origin {
    /// A file in `schema/services`.
    Service,
    /// The federation SDL of a subgraph in this process.
    InProcess,
}

/// The SDL of one service after it was read.
#[derive(Debug)]
pub struct SdlFile {
    /// The name of the service, which is the file's name without its extension.
    pub name: String,
    /// The file with the SDL.
    pub file: FileId,
    /// The origin of the SDL.
    pub origin: Origin,
    /// Whether the file links the URL of our directives (`@connect`). If not, it is a federation subgraph that speaks
    /// GraphQL.
    pub is_bound: bool,
    /// The `@source`s of the file.
    pub sources: Vec<SourceDeclaration>,
    /// The types and type extensions, in the order of the file.
    pub types: Vec<TypeDeclaration>,
    /// The names of those root types that are not named `Query`, `Mutation` or `Subscription`.
    pub roots: Vec<(ast::OperationType, String)>,
}

impl SdlFile {
    /// Gives the name in the graph of a type from this file. In the graph, the root types are named `Query`, `Mutation`
    /// and `Subscription`.
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

/// A type definition or a type extension.
#[derive(Debug)]
pub struct TypeDeclaration {
    /// The name of the type.
    pub name: Spanned<String>,
    /// The description of the type.
    pub description: Option<String>,
    /// The kind of the type, with its fields, members or values.
    pub body: TypeBody,
    /// The `@key`s of the type.
    pub keys: Vec<KeyDeclaration>,
    /// The `@connect`s of the type, which are its lookups by key.
    pub connects: Vec<Connect>,
    /// The `@cache` of the type.
    pub cache: Option<CacheDeclaration>,
    /// Whether the type has `@shareable`, which applies to all of its fields.
    pub is_shareable: bool,
    /// Whether the type has `@inaccessible`, so that it is hidden from clients.
    pub is_inaccessible: bool,
    /// Whether the type has `@authenticated`, which applies to all of its fields.
    pub is_authenticated: bool,
    /// Whether the type is an input object with `@oneOf`, so that exactly one field must be given.
    pub is_one_of: bool,
}

/// The kind of a type, with its fields, members or values.
#[derive(Debug)]
pub enum TypeBody {
    /// A `type` with its fields.
    Object(Fielded),
    /// An `interface` with its fields.
    Interface(Fielded),
    /// A `union` with the names of its members.
    Union(Vec<Spanned<String>>),
    /// An `enum` with its values.
    Enum(Vec<ValueDeclaration>),
    /// An `input` with its fields.
    Input(Vec<ArgumentDeclaration>),
    /// A `scalar` with the URL of its `@specifiedBy`.
    Scalar(Option<String>),
}

impl TypeBody {
    /// The keyword that begins the definition.
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

/// The fields and interfaces of an object type or an interface.
#[derive(Debug)]
pub struct Fielded {
    /// The names of the interfaces that it implements.
    pub implements: Vec<Spanned<String>>,
    /// The fields that are defined here.
    pub fields: Vec<FieldDeclaration>,
}

/// A value of an enum.
#[derive(Debug)]
pub struct ValueDeclaration {
    /// The name of the value.
    pub name: Spanned<String>,
    /// The description of the value.
    pub description: Option<String>,
    /// The reason of its `@deprecated`.
    pub deprecated: Option<String>,
    /// Whether it has `@inaccessible`.
    pub is_inaccessible: bool,
}

/// An argument, or a field of an input type.
#[derive(Debug)]
pub struct ArgumentDeclaration {
    /// The name of the argument or field.
    pub name: Spanned<String>,
    /// The type of its values.
    pub ty: ast::Type,
    /// The default, as it is written.
    pub default: Option<ast::Value>,
    /// The description of the argument or field.
    pub description: Option<String>,
    /// The reason of its `@deprecated`.
    pub deprecated: Option<String>,
    /// Whether it has `@inaccessible`.
    pub is_inaccessible: bool,
}

/// A `@listSize`, which says how long a field's list is.
#[derive(Debug, Clone)]
pub struct ListSizeDeclaration {
    /// The number of items that is assumed (`assumedSize:`).
    pub assumed: Option<u64>,
    /// The greatest number of items (`maxSize:`).
    pub max: Option<u64>,
    /// The arguments that say how many items are asked for (`slicingArguments:`).
    pub slicing: Vec<Spanned<String>>,
    /// The place of the directive.
    pub span: Span,
}

/// A field of an object type or an interface.
#[derive(Debug)]
pub struct FieldDeclaration {
    /// The name of the field.
    pub name: Spanned<String>,
    /// The type of the field.
    pub ty: ast::Type,
    /// The arguments of the field.
    pub arguments: Vec<ArgumentDeclaration>,
    /// The description of the field.
    pub description: Option<String>,
    /// The reason of its `@deprecated`.
    pub deprecated: Option<String>,
    /// The `@connect`s that could be read.
    pub connects: Vec<Connect>,
    /// Whether the field has a `@connect`, including one that could not be read.
    pub is_bound: bool,
    /// The `@cache` of the field.
    pub cache: Option<CacheDeclaration>,
    /// The tags of its `@invalidates(tags:)`.
    pub invalidates: Vec<Spanned<String>>,
    /// The interval of its `@poll(every:)`.
    pub poll: Option<Spanned<String>>,
    /// The `@listSize` of the field.
    pub list_size: Option<ListSizeDeclaration>,
    /// The `@requires` of the field.
    pub requires: Option<FieldSet>,
    /// The `@provides` of the field.
    pub provides: Option<FieldSet>,
    /// Whether the field has `@external`.
    pub is_external: bool,
    /// Whether the field has `@shareable`.
    pub is_shareable: bool,
    /// Whether the field has `@inaccessible`.
    pub is_inaccessible: bool,
    /// Whether the field has `@authenticated`.
    pub is_authenticated: bool,
    /// The subgraph of its `@override(from:)`.
    pub overrides: Option<Spanned<String>>,
}

/// A `@key` of a type.
#[derive(Debug)]
pub struct KeyDeclaration {
    /// The fields that make up the key (`fields:`).
    pub fields: FieldSet,
    /// Whether an entity can be fetched by this key (`resolvable:`).
    pub is_resolvable: bool,
}

/// The value of `fields:` in a federation directive.
#[derive(Debug, Clone)]
pub struct FieldSet {
    /// The selected fields and fragments.
    pub selections: Vec<FieldSelection>,
    /// The place of the text, without its quotes.
    pub span: Span,
}

/// A part of a [`FieldSet`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum FieldSelection {
    /// A field: `a` or `a { b }`.
    Field {
        /// The name of the field.
        name: String,
        /// What is selected of the field.
        selections: Vec<FieldSelection>,
    },
    /// An inline fragment: `... on T { a }`.
    On {
        /// The type condition.
        ty: String,
        /// What is selected of the type.
        selections: Vec<FieldSelection>,
    },
}

/// A `@connect`, which binds a field or a type to an endpoint.
#[derive(Debug)]
pub struct Connect {
    /// The name of the source (`source:`).
    pub source: Option<Spanned<String>>,
    /// The endpoint that is called.
    pub target: Target,
    /// The parameters of the call (`params:`).
    pub params: Option<Mapping>,
    /// The body of the call (`body:`).
    pub body: Option<Mapping>,
    /// What is taken of the answer (`selection:`).
    pub selection: Option<Mapping>,
    /// How several keys share a call (`batch:`).
    pub batch: Option<BatchDeclaration>,
    /// The parameter that takes a sparse fieldset (`fields:`).
    pub fields: Option<Spanned<String>>,
    /// The meanings of statuses (`on:`).
    pub outcomes: Vec<OutcomeDeclaration>,
    /// Whether a batched answer has all items, even if parameters page it (`complete: true`).
    pub is_complete: bool,
    /// The place of the directive.
    pub span: Span,
}

/// The endpoint that a `@connect` calls.
#[derive(Debug)]
pub enum Target {
    /// An operation of the contract, by its `operationId` (`op:`).
    Operation(Spanned<String>),
    /// A method and a path (`http:`).
    Http(Box<HttpTarget>),
}

/// An endpoint without a contract: `http: { GET: "/x/{$args.id}" }`.
#[derive(Debug)]
pub struct HttpTarget {
    /// The HTTP method.
    pub method: http::Method,
    /// The texts and holes of the path.
    pub path: Vec<TemplatePart>,
    /// The parameters of the query (`queryParams:`).
    pub query: Option<Mapping>,
    /// The headers of the call (`headers:`).
    pub headers: Option<Mapping>,
    /// The place of the path template.
    pub span: Span,
}

/// A part of a path template.
#[derive(Debug)]
pub enum TemplatePart {
    /// A text that is always the same.
    Text(String),
    /// A value that is inserted, such as `{$args.id}`.
    Hole(Mapping),
}

/// A `batch:`, which says how several keys share a call.
#[derive(Debug)]
pub struct BatchDeclaration {
    /// The path of the property that pairs an item of the answer with its key (`key:`), by its parts between dots.
    pub key: Spanned<Vec<String>>,
    /// The most keys of one call (`maxSize:`).
    pub max_size: Option<Spanned<u32>>,
    /// The most items of each key (`perKey:`).
    pub per_key: Option<Mapping>,
}

/// One member of `on:`.
#[derive(Debug)]
pub struct OutcomeDeclaration {
    /// The status to which it applies (`status:`).
    pub status: Spanned<crate::contract::StatusPattern>,
    /// The meaning of the status.
    pub effect: EffectDeclaration,
    /// What is taken of the answer (`selection:`).
    pub selection: Option<Mapping>,
}

/// The meaning of a status, as it is declared.
#[derive(Debug)]
pub enum EffectDeclaration {
    /// The value is null (`null: true`).
    Null,
    /// The answer is an object of this type (`as:`).
    As(Spanned<String>),
    /// The answer is an error with this code (`code:`).
    Code(String),
}

/// A `@cache`, which says how long answers may be kept.
#[derive(Debug)]
pub struct CacheDeclaration {
    /// The freshness lifetime, in seconds (`maxAge:`).
    pub max_age: u64,
    /// How long a stale answer may be used while it is revalidated, in seconds (`swr:`).
    pub swr: u64,
    /// Whether `scope:` is `PRIVATE`; `None` if it is not written.
    pub is_private: Option<bool>,
    /// The tags of the answers (`tags:`).
    pub tags: Vec<Spanned<String>>,
    /// The place of the directive.
    pub span: Span,
}
