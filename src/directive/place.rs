//! The place of a directive: the kind of its file, the location in the schema, and the bytes.

use crate::diagnostic::{FileId, Span};
use apollo_compiler::ast::Definition;
use apollo_compiler::parser::SourceSpan;

/// The kind of a file. The same directive may be enforced in one kind and refused in another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileKind {
    /// A service that is bound by `@connect`.
    Rest,
    /// A GraphQL service: its federation SDL.
    GraphQl,
    /// A GraphQL subgraph in this process.
    InProcess,
    /// A client's schema.
    Client,
}

/// The location of a directive: GraphQL's type system locations (§3.13), with fields of objects and fields of interfaces
/// as two of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Location {
    Schema,
    Scalar,
    Object,
    ObjectField,
    Interface,
    InterfaceField,
    Argument,
    Union,
    Enum,
    EnumValue,
    Input,
    InputField,
    /// Any location in an operation, as opposed to a schema.
    Operation,
}

impl Location {
    /// Every location of a schema.
    #[cfg(test)]
    pub(crate) const ALL: [Self; 12] = [
        Self::Schema,
        Self::Scalar,
        Self::Object,
        Self::ObjectField,
        Self::Interface,
        Self::InterfaceField,
        Self::Argument,
        Self::Union,
        Self::Enum,
        Self::EnumValue,
        Self::Input,
        Self::InputField,
    ];

    /// The location of a definition's or an extension's own directives; `None` for what belongs to no schema.
    pub(crate) fn of(definition: &Definition) -> Option<Self> {
        Some(match definition {
            Definition::SchemaDefinition(_) | Definition::SchemaExtension(_) => Self::Schema,
            Definition::ScalarTypeDefinition(_) | Definition::ScalarTypeExtension(_) => Self::Scalar,
            Definition::ObjectTypeDefinition(_) | Definition::ObjectTypeExtension(_) => Self::Object,
            Definition::InterfaceTypeDefinition(_) | Definition::InterfaceTypeExtension(_) => Self::Interface,
            Definition::UnionTypeDefinition(_) | Definition::UnionTypeExtension(_) => Self::Union,
            Definition::EnumTypeDefinition(_) | Definition::EnumTypeExtension(_) => Self::Enum,
            Definition::InputObjectTypeDefinition(_) | Definition::InputObjectTypeExtension(_) => Self::Input,
            Definition::OperationDefinition(_)
            | Definition::FragmentDefinition(_)
            | Definition::DirectiveDefinition(_) => return None,
        })
    }

    /// The name of the location in messages: `a field of an object type`.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Schema => "the schema",
            Self::Scalar => "a scalar",
            Self::Object => "an object type",
            Self::ObjectField => "a field of an object type",
            Self::Interface => "an interface",
            Self::InterfaceField => "a field of an interface",
            Self::Argument => "an argument",
            Self::Union => "a union",
            Self::Enum => "an enum",
            Self::EnumValue => "a value of an enum",
            Self::Input => "an input type",
            Self::InputField => "a field of an input type",
            Self::Operation => "an operation",
        }
    }
}

/// A file and its text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Page<'a> {
    /// The file that the spans of findings point into.
    pub(crate) file: FileId,
    /// The text of that file.
    pub(crate) text: &'a str,
}

impl Page<'_> {
    /// The span of a parsed node, without the blanks that the parser leaves at its end.
    ///
    /// After a character that begins no token, the parser's offsets are too small, so that they may lie inside a character.
    pub(crate) fn span(&self, location: Option<SourceSpan>) -> Span {
        let Some(location) = location else { return Span::new(self.file, 0..0) };
        let [start, end] =
            [location.offset(), location.end_offset()].map(|offset| self.text.floor_char_boundary(offset));
        let text = self.text.get(start..end).unwrap_or_default();
        let blank = |c: char| c.is_whitespace() || c == ',' || c == '\u{feff}';
        let leading = text.len() - text.trim_start_matches(blank).len();
        let trimmed = text.trim_end_matches(blank);
        Span::new(self.file, start + leading.min(trimmed.len())..start + trimmed.len())
    }
}
