//! What a contract says, once read.

use super::numbers::NumberBounds;
use crate::diagnostic::{FileId, Span};
use indexmap::IndexMap;

/// One service's contract.
#[derive(Debug, Clone)]
pub struct Contract {
    /// The document.
    pub file: FileId,
    /// `info.title`.
    pub title: String,
    /// `servers[].url`, in order.
    pub servers: Vec<String>,
    /// By `operationId`; an operation without one is named `METHOD /path`.
    pub endpoints: IndexMap<String, Endpoint>,
    /// All schemas; [`SchemaId`] is an index into it.
    pub schemas: Vec<Schema>,
}

impl Contract {
    /// The schema behind an id of this contract.
    #[must_use]
    pub fn schema(&self, id: SchemaId) -> &Schema {
        &self.schemas[id.0 as usize]
    }
}

/// One operation: a method and a path template.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// `operationId`.
    pub id: String,
    /// The method.
    pub method: http::Method,
    /// Path template with `{name}` placeholders, such as `/users/{id}`.
    pub path: String,
    /// Path-level and operation-level parameters together.
    pub parameters: Vec<Parameter>,
    /// The request body, if one is declared.
    pub body: Option<RequestBody>,
    /// Declared answers, in the order of the document.
    pub responses: Vec<Response>,
    /// `deprecated: true`.
    pub deprecated: bool,
    /// The `operationId`'s value, else the operation's key.
    pub span: Span,
}

/// Where a parameter goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Location {
    /// A `{name}` of the path.
    Path,
    /// The query string.
    Query,
    /// A request header.
    Header,
    /// A cookie: read, never sent.
    Cookie,
}

/// How a list or object parameter is written (OpenAPI 3.1 §4.8.12.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// `a,b` in paths and headers.
    Simple,
    /// Query: `x=a&x=b` (explode) or `x=a,b`.
    Form,
    /// Query: `x=a%20b`.
    SpaceDelimited,
    /// Query: `x=a|b`.
    PipeDelimited,
    /// Query: `x[k]=v`.
    DeepObject,
    /// Path: `.a.b`.
    Label,
    /// Path: `;x=a`.
    Matrix,
}

/// One parameter.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// Its name; may hold `-` and `.`.
    pub name: String,
    /// Where it goes.
    pub location: Location,
    /// Must it be sent?
    pub required: bool,
    /// How lists are written.
    pub style: Style,
    /// One `name=value` per member.
    pub explode: bool,
    /// Its type.
    pub schema: SchemaId,
    /// Its name in the document.
    pub span: Span,
}

/// A request body; JSON media types only.
#[derive(Debug, Clone)]
pub struct RequestBody {
    /// Must it be sent?
    pub required: bool,
    /// Such as `application/json`.
    pub content_type: String,
    /// Its type.
    pub schema: SchemaId,
    /// The `requestBody` key.
    pub span: Span,
}

/// Which statuses a response is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StatusPattern {
    /// `404`.
    Exact(u16),
    /// `4XX`, as 4.
    Class(u8),
    /// `default`.
    Default,
}

/// One declared answer.
#[derive(Debug, Clone)]
pub struct Response {
    /// For which statuses.
    pub status: StatusPattern,
    /// The JSON media type of the body, if there is one (`application/problem+json` counts).
    pub content_type: Option<String>,
    /// The body's type, if declared.
    pub schema: Option<SchemaId>,
    /// The header `Deprecation`, if declared (RFC 9745). Of other headers nothing is known.
    pub deprecation: Option<Announcement>,
    /// The header `Sunset`, if declared (RFC 8594).
    pub sunset: Option<Announcement>,
    /// The status key.
    pub span: Span,
}

/// A header by which an answer says that its endpoint is to go.
#[derive(Debug, Clone)]
pub struct Announcement {
    /// When, as RFC 3339 writes it, if the contract says.
    pub date: Option<String>,
    /// The header's name in the document.
    pub span: Span,
}

/// Names one schema of a [`Contract`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SchemaId(pub u32);

/// A JSON type.
#[derive(Debug, Clone)]
pub struct Schema {
    /// The component's name (`#/components/schemas/User`), if it has one.
    pub name: Option<String>,
    /// May the value be `null`?
    pub nullable: bool,
    /// What it is.
    pub kind: SchemaKind,
    /// `description`.
    pub description: Option<String>,
    /// `deprecated: true`.
    pub deprecated: bool,
    /// Where it is written.
    pub span: Span,
}

/// Width of an integer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IntegerFormat {
    /// `int32`.
    Int32,
    /// `int64`.
    Int64,
    /// None declared.
    Unspecified,
}

/// The kinds of schema that matter here.
#[derive(Debug, Clone)]
pub enum SchemaKind {
    /// Anything: no `type`, or several that are not one type and null.
    Any,
    /// `boolean`.
    Boolean,
    /// `integer`.
    Integer {
        /// Width.
        format: IntegerFormat,
        /// Least integer that is allowed, within 64 bits.
        minimum: Option<i64>,
        /// Greatest integer that is allowed, within 64 bits.
        maximum: Option<i64>,
        /// The bounds as they are written.
        bounds: NumberBounds,
    },
    /// `number`.
    Number {
        /// The bounds as they are written.
        bounds: NumberBounds,
    },
    /// `string`.
    String {
        /// Such as `date-time`, `uri`.
        format: Option<String>,
        /// Allowed values; empty: all. A `const` is one value.
        values: Vec<String>,
        /// ECMA-262 pattern.
        pattern: Option<String>,
        /// In characters.
        min_length: Option<u64>,
        /// In characters.
        max_length: Option<u64>,
    },
    /// `array`.
    Array {
        /// Type of the items.
        items: SchemaId,
        /// Least number.
        min_items: Option<u64>,
        /// Greatest number.
        max_items: Option<u64>,
    },
    /// `object`.
    Object {
        /// In the order of the document.
        properties: IndexMap<String, Property>,
    },
    /// `oneOf` or `anyOf` (an `anyOf`/`oneOf` of one type and null is that type, nullable).
    OneOf {
        /// The alternatives.
        variants: Vec<SchemaId>,
        /// What tells them apart, if declared.
        discriminator: Option<Discriminator>,
    },
}

/// `discriminator` of a `oneOf`.
#[derive(Debug, Clone)]
pub struct Discriminator {
    /// The property that tells.
    pub property: String,
    /// Its values and what each means; implicit ones (component names, `const`s of the property) are filled in.
    pub mapping: IndexMap<String, SchemaId>,
}

/// One property of an object.
#[derive(Debug, Clone)]
pub struct Property {
    /// Its type.
    pub schema: SchemaId,
    /// Always there?
    pub required: bool,
    /// Its key in the document.
    pub span: Span,
}
