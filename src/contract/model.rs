//! The model of a contract that was read.

use super::numbers::NumberBounds;
use crate::diagnostic::Span;
use indexmap::IndexMap;

/// An operation of the contract: a method and a path template.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// The `operationId`, or `METHOD /path` if there is none.
    pub id: String,
    /// The HTTP method.
    pub method: http::Method,
    /// The path template with `{name}` placeholders, such as `/users/{id}`.
    pub path: String,
    /// The parameters of the path and of the operation.
    pub parameters: Vec<Parameter>,
    /// The request body, if one is declared.
    pub body: Option<RequestBody>,
    /// The declared responses, in the order of the document.
    pub responses: Vec<Response>,
    /// Whether the contract says `deprecated: true`.
    pub deprecated: bool,
    /// The place of the `operationId`'s value, or of the operation's key if there is none.
    pub span: Span,
}

/// The place of a parameter in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Location {
    /// A `{name}` in the path.
    Path,
    /// The query string.
    Query,
    /// A request header.
    Header,
    /// A cookie. Such parameters are read from contracts, but never sent.
    Cookie,
}

/// How the value of a parameter is serialized (OpenAPI 3.1 §4.8.12.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// `a,b` in the path or in a header.
    Simple,
    /// `x=a&x=b` in the query if the parameter explodes, else `x=a,b`.
    Form,
    /// `x=a%20b` in the query.
    SpaceDelimited,
    /// `x=a|b` in the query.
    PipeDelimited,
    /// `x[k]=v` in the query.
    DeepObject,
    /// `.a.b` in the path.
    Label,
    /// `;x=a` in the path.
    Matrix,
}

/// A parameter of an endpoint.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// The name of the parameter. It may contain `-` and `.`.
    pub name: String,
    /// The place of the parameter in a request.
    pub location: Location,
    /// Whether the parameter must be sent.
    pub required: bool,
    /// How the value is serialized.
    pub style: Style,
    /// Whether each item or member is written as a `name=value` of its own.
    pub explode: bool,
    /// The type of the value.
    pub schema: SchemaId,
    /// The place of the name in the document.
    pub span: Span,
}

/// A request body with a JSON media type.
#[derive(Debug, Clone)]
pub struct RequestBody {
    /// Whether the body must be sent.
    pub required: bool,
    /// The media type, such as `application/json`.
    pub content_type: String,
    /// The type of the body.
    pub schema: SchemaId,
    /// The place of the key `requestBody`.
    pub span: Span,
}

/// The statuses to which a response applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StatusPattern {
    /// One status, such as `404`.
    Exact(u16),
    /// A class of statuses by its first digit, such as 4 for `4XX`.
    Class(u8),
    /// All other statuses (`default`).
    Default,
}

/// A response that the contract declares.
#[derive(Debug, Clone)]
pub struct Response {
    /// The statuses to which it applies.
    pub status: StatusPattern,
    /// The media type of the body if it is JSON, which includes `application/problem+json`.
    pub content_type: Option<String>,
    /// The type of the body, if it is declared.
    pub schema: Option<SchemaId>,
    /// The header `Deprecation`, if it is declared (RFC 9745).
    pub deprecation: Option<Announcement>,
    /// The header `Sunset`, if it is declared (RFC 8594). Other headers are not kept.
    pub sunset: Option<Announcement>,
    /// The place of the status in the document.
    pub span: Span,
}

/// A header that announces that an endpoint is deprecated or will be switched off.
#[derive(Debug, Clone)]
pub struct Announcement {
    /// The date in the format of RFC 3339, if the contract gives it.
    pub date: Option<String>,
    /// The place of the header's name in the document.
    pub span: Span,
}

/// The id of a schema in a [`super::Contract`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SchemaId(pub u32);

/// A schema: a JSON type with its constraints.
#[derive(Debug, Clone)]
pub struct Schema {
    /// The name of the component (`#/components/schemas/User`), if it has one.
    pub name: Option<String>,
    /// Whether the value may be `null`.
    pub nullable: bool,
    /// The kind of the schema, with its constraints.
    pub kind: SchemaKind,
    /// The text of `description`.
    pub description: Option<String>,
    /// Whether the contract says `deprecated: true`.
    pub deprecated: bool,
    /// The place of the schema in the document.
    pub span: Span,
}

/// The width of an integer, as its `format` declares it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IntegerFormat {
    /// 32 bits (`int32`).
    Int32,
    /// 64 bits (`int64`).
    Int64,
    /// The contract declares no width.
    Unspecified,
}

/// The kinds of schemas that Bespoke tells apart.
#[derive(Debug, Clone)]
pub enum SchemaKind {
    /// Any value: there is no `type`, or there are several types besides null.
    Any,
    /// A `boolean`.
    Boolean,
    /// An `integer`.
    Integer {
        /// The declared width.
        format: IntegerFormat,
        /// The least integer that is allowed, within 64 bits.
        minimum: Option<i64>,
        /// The greatest integer that is allowed, within 64 bits.
        maximum: Option<i64>,
        /// The bounds with the digits of the contract.
        bounds: NumberBounds,
    },
    /// A `number`.
    Number {
        /// The bounds with the digits of the contract.
        bounds: NumberBounds,
    },
    /// A `string`.
    String {
        /// The declared format, such as `date-time` or `uri`.
        format: Option<String>,
        /// The values that are allowed (`enum` or `const`); empty if all are.
        values: Vec<String>,
        /// A regular expression (ECMA-262) that the text must match.
        pattern: Option<String>,
        /// The least length, in characters.
        min_length: Option<u64>,
        /// The greatest length, in characters.
        max_length: Option<u64>,
    },
    /// An `array`.
    Array {
        /// The type of the items.
        items: SchemaId,
        /// The least number of items.
        min_items: Option<u64>,
        /// The greatest number of items.
        max_items: Option<u64>,
    },
    /// An `object`.
    Object {
        /// The properties by name, in the order of the document.
        properties: IndexMap<String, Property>,
    },
    /// A `oneOf` or `anyOf` of several types. If it has one type and null, the schema is that type and is nullable.
    OneOf {
        /// The alternatives.
        variants: Vec<SchemaId>,
        /// How the alternatives are told apart, if the contract says so.
        discriminator: Option<Discriminator>,
    },
}

/// The `discriminator` of a `oneOf`.
#[derive(Debug, Clone)]
pub struct Discriminator {
    /// The name of the property whose value tells the alternatives apart.
    pub property: String,
    /// The alternative for each value of the property. Values that the contract implies are included: component names,
    /// and a `const` of the property.
    pub mapping: IndexMap<String, SchemaId>,
}

/// A property of an object.
#[derive(Debug, Clone)]
pub struct Property {
    /// The type of the property.
    pub schema: SchemaId,
    /// Whether the property must be there.
    pub required: bool,
    /// The place of its key in the document.
    pub span: Span,
}
