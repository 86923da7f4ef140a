//! The table of directives: those of GraphQL, of federation (version 1, and 2.0 to 2.15), and of this project.

use super::place::Location;
use Location::{
    Argument as OnArgument, Enum, EnumValue, Input, InputField, Interface, InterfaceField, Object, ObjectField,
    Operation, Scalar, Schema, Union,
};

/// The specification that defines a directive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Vocabulary {
    /// GraphQL itself (§3.13), and `@defer`: names that nobody has to import.
    GraphQl,
    /// `https://specs.apollo.dev/link`: imports.
    Link,
    /// `https://specs.apollo.dev/federation`.
    Federation,
    /// This project's, for services: `https://bespoke.example/connect`.
    Connect,
    /// This project's, for client schemas: `https://bespoke.example/view`.
    View,
}

impl Vocabulary {
    /// The prefix of names that a `@link` without `as:` does not import.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::GraphQl => "graphql",
            Self::Link => "link",
            Self::Federation => "federation",
            Self::Connect => "connect",
            Self::View => "view",
        }
    }

    /// The `@link` URL to write.
    pub(crate) fn url(self) -> &'static str {
        match self {
            Self::GraphQl => "https://spec.graphql.org",
            Self::Link => "https://specs.apollo.dev/link/v1.0",
            Self::Federation => "https://specs.apollo.dev/federation/v2.12",
            Self::Connect => "https://bespoke.example/connect/v1",
            Self::View => "https://bespoke.example/view/v1",
        }
    }
}

/// The type of an argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ArgumentType {
    /// A string.
    Text,
    /// A string, or (federation 1) a list of them.
    FieldSet,
    /// A list of strings.
    Texts,
    /// `true` or `false`.
    Flag,
    /// A whole number.
    Whole,
    /// A value that its reader checks.
    Structured,
}

/// An argument of a directive.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Argument {
    pub(crate) name: &'static str,
    pub(crate) ty: ArgumentType,
    pub(crate) is_required: bool,
}

macro_rules! required {
    ($name:literal, $ty:ident) => {
        Argument { name: $name, ty: ArgumentType::$ty, is_required: true }
    };
}

macro_rules! optional {
    ($name:literal, $ty:ident) => {
        Argument { name: $name, ty: ArgumentType::$ty, is_required: false }
    };
}

/// The definition of a directive, as its specification has it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Definition {
    /// The directive's name, without `@`.
    pub(crate) name: &'static str,
    pub(crate) vocabulary: Vocabulary,
    pub(crate) arguments: &'static [Argument],
    pub(crate) is_repeatable: bool,
    /// The locations where it is allowed.
    pub(crate) on: &'static [Location],
}

macro_rules! directives {
    ($($directive:ident),* $(,)?) => {
        /// A known directive, whether it is enforced or not.
        #[expect(clippy::enum_variant_names, reason = "one is called `@composeDirective`")]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub(crate) enum Directive { $($directive),* }

        impl Directive {
            /// All known directives.
            pub(crate) const ALL: &[Self] = &[$(Self::$directive),*];
        }
    };
}

directives![
    Deprecated,
    SpecifiedBy,
    OneOf,
    Skip,
    Include,
    Defer,
    Link,
    Key,
    Requires,
    Provides,
    External,
    Extends,
    Tag,
    Shareable,
    Override,
    Inaccessible,
    ComposeDirective,
    InterfaceObject,
    Authenticated,
    RequiresScopes,
    Policy,
    Context,
    FromContext,
    Cost,
    ListSize,
    CacheTag,
    Source,
    Connect,
    Cache,
    Invalidates,
    Poll,
    View,
    From,
];

/// Every location except the schema itself, for `@tag` and `@inaccessible`.
const ELEMENTS: &[Location] =
    &[Scalar, Object, ObjectField, Interface, InterfaceField, OnArgument, Union, Enum, EnumValue, Input, InputField];
const FIELDS: &[Location] = &[ObjectField, InterfaceField];
const GUARDED: &[Location] = &[Scalar, Object, ObjectField, Interface, InterfaceField, Enum];

impl Directive {
    /// The definition of the directive.
    #[rustfmt::skip]
    pub(crate) const fn definition(self) -> Definition {
        use Vocabulary as V;
        const ONCE: bool = false;
        const REPEATABLE: bool = true;
        const fn of(
            vocabulary: V, name: &'static str, arguments: &'static [Argument], is_repeatable: bool, on: &'static [Location],
        ) -> Definition {
            Definition { name, vocabulary, arguments, is_repeatable, on }
        }
        match self {
            // GraphQL §3.13.
            Self::Deprecated => of(V::GraphQl, "deprecated", &[optional!("reason", Text)], ONCE,
                &[ObjectField, InterfaceField, OnArgument, InputField, EnumValue]),
            Self::SpecifiedBy => of(V::GraphQl, "specifiedBy", &[required!("url", Text)], ONCE, &[Scalar]),
            Self::OneOf => of(V::GraphQl, "oneOf", &[], ONCE, &[Input]),
            Self::Skip => of(V::GraphQl, "skip", &[required!("if", Flag)], ONCE, &[Operation]),
            Self::Include => of(V::GraphQl, "include", &[required!("if", Flag)], ONCE, &[Operation]),
            Self::Defer => of(V::GraphQl, "defer", &[optional!("if", Flag), optional!("label", Text)], ONCE, &[Operation]),
            // https://specs.apollo.dev/link/v1.0
            Self::Link => of(V::Link, "link",
                &[required!("url", Text), optional!("as", Text), optional!("for", Structured), optional!("import", Structured)],
                REPEATABLE, &[Schema]),
            // Federation 1.
            Self::Key => of(V::Federation, "key", &[required!("fields", FieldSet), optional!("resolvable", Flag)], REPEATABLE,
                &[Object, Interface]),
            Self::Requires => of(V::Federation, "requires", &[required!("fields", FieldSet)], ONCE, FIELDS),
            Self::Provides => of(V::Federation, "provides", &[required!("fields", FieldSet)], ONCE, FIELDS),
            Self::External => of(V::Federation, "external", &[optional!("reason", Text)], ONCE,
                &[Object, ObjectField, InterfaceField]),
            Self::Extends => of(V::Federation, "extends", &[], ONCE, &[Object, Interface]),
            Self::Tag => of(V::Federation, "tag", &[required!("name", Text)], REPEATABLE,
                &[Schema, Scalar, Object, ObjectField, Interface, InterfaceField, OnArgument, Union, Enum, EnumValue, Input, InputField]),
            // Federation 2.0.
            Self::Shareable => of(V::Federation, "shareable", &[], REPEATABLE, &[Object, ObjectField, InterfaceField]),
            Self::Override => of(V::Federation, "override", &[required!("from", Text), optional!("label", Text)], ONCE, FIELDS),
            Self::Inaccessible => of(V::Federation, "inaccessible", &[], ONCE, ELEMENTS),
            // 2.1, 2.3.
            Self::ComposeDirective => of(V::Federation, "composeDirective", &[required!("name", Text)], REPEATABLE, &[Schema]),
            Self::InterfaceObject => of(V::Federation, "interfaceObject", &[], ONCE, &[Object]),
            // 2.5, 2.6.
            Self::Authenticated => of(V::Federation, "authenticated", &[], ONCE, GUARDED),
            Self::RequiresScopes => of(V::Federation, "requiresScopes", &[required!("scopes", Structured)], ONCE, GUARDED),
            Self::Policy => of(V::Federation, "policy", &[required!("policies", Structured)], ONCE, GUARDED),
            // 2.8.
            Self::Context => of(V::Federation, "context", &[required!("name", Text)], REPEATABLE, &[Object, Interface, Union]),
            Self::FromContext => of(V::Federation, "fromContext", &[optional!("field", Text)], ONCE, &[OnArgument]),
            // 2.9, with `maxSize` of ours.
            Self::Cost => of(V::Federation, "cost", &[required!("weight", Structured)], ONCE,
                &[OnArgument, Enum, ObjectField, InterfaceField, InputField, Object, Scalar]),
            Self::ListSize => of(V::Federation, "listSize",
                &[optional!("assumedSize", Whole), optional!("maxSize", Whole), optional!("slicingArguments", Texts),
                  optional!("sizedFields", Texts), optional!("requireOneSlicingArgument", Flag)],
                ONCE, FIELDS),
            // 2.12.
            Self::CacheTag => of(V::Federation, "cacheTag", &[required!("format", Text)], REPEATABLE, &[Object, ObjectField]),
            // Ours, of services.
            Self::Source => of(V::Connect, "source",
                &[required!("name", Text), optional!("openapi", Text), optional!("http", Structured), optional!("maxCalls", Whole),
                  optional!("pure", Flag)],
                REPEATABLE, &[Schema]),
            Self::Connect => of(V::Connect, "connect",
                &[optional!("source", Text), optional!("op", Text), optional!("http", Structured), optional!("params", Text),
                  optional!("body", Text), optional!("selection", Text), optional!("batch", Structured), optional!("fields", Text),
                  optional!("on", Structured), optional!("complete", Flag)],
                REPEATABLE, &[Object, ObjectField]),
            Self::Cache => of(V::Connect, "cache",
                &[required!("maxAge", Whole), optional!("swr", Whole), optional!("scope", Structured), optional!("tags", Texts),
                  optional!("vary", Structured)],
                ONCE, &[Object, ObjectField]),
            Self::Invalidates => of(V::Connect, "invalidates", &[required!("tags", Texts)], ONCE, &[ObjectField]),
            Self::Poll => of(V::Connect, "poll", &[required!("every", Text)], ONCE, &[ObjectField]),
            // Ours, of clients.
            Self::View => of(V::View, "view", &[required!("of", Text), optional!("others", Structured)], ONCE,
                &[Object, Interface, Union, Enum, Input]),
            Self::From => of(V::View, "from", &[required!("path", Text), optional!("default", Text)], ONCE,
                &[ObjectField, InterfaceField, OnArgument, InputField, EnumValue]),
        }
    }

    /// The name of the directive, without `@`.
    pub(crate) fn name(self) -> &'static str {
        self.definition().name
    }

    /// The directive of a vocabulary with this name.
    pub(crate) fn named(vocabulary: Vocabulary, name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|directive| {
            let definition = directive.definition();
            definition.vocabulary == vocabulary && definition.name == name
        })
    }

    /// The directive with this name, in any vocabulary.
    pub(crate) fn any_named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|directive| directive.name() == name)
    }

    /// Whether the directive is older than `@link`, so that files without a link to federation may use it.
    pub(crate) fn is_federation_1(self) -> bool {
        matches!(self, Self::Key | Self::Requires | Self::Provides | Self::External | Self::Extends | Self::Tag)
    }

    /// The argument with this name.
    pub(crate) fn argument(self, name: &str) -> Option<&'static Argument> {
        self.definition().arguments.iter().find(|argument| argument.name == name)
    }
}
