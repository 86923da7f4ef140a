//! The syntax of mappings, before they are checked against a contract or the graph.

use crate::diagnostic::Span;
use crate::json::Value;
use crate::sdl::Spanned;

/// The value of `params:`, `body:` or `selection:`.
#[derive(Debug, Clone)]
pub struct Mapping {
    /// The contents of the mapping.
    pub body: MappingBody,
    /// The place of the whole text, without its quotes.
    pub span: Span,
}

/// The two forms of a mapping.
#[derive(Debug, Clone)]
pub enum MappingBody {
    /// An object by its fields, such as `a  b: c.d`.
    Entries(Fields),
    /// A single value, such as `$.items { id }`.
    Value(Expression),
}

/// A field of an object that the mapping makes.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The name of the field in the object.
    pub name: Spanned<String>,
    /// The value of the field. For the entry `a`, this is the path `a`.
    pub value: Expression,
    /// Whether the name is written, as in `a: b`, or follows from the value, as in `b`.
    pub is_aliased: bool,
}

/// An expression, which gives a value.
#[derive(Debug, Clone)]
pub struct Expression {
    /// The value from which it starts.
    pub start: Start,
    /// The steps from there, in order.
    pub steps: Vec<Step>,
    /// The fields that are taken of the object at the end of the path (`{ … }`).
    pub selection: Option<Fields>,
    /// The expression that is used if the value is null (`?? …`).
    pub or: Option<Box<Expression>>,
    /// The place of the expression's text.
    pub span: Span,
}

/// Fields in braces (`{ … }`).
#[derive(Debug, Clone)]
pub struct Fields {
    /// The fields in the order of the text.
    pub entries: Vec<Entry>,
    /// The place from brace to brace.
    pub span: Span,
}

/// The value from which an expression starts.
#[derive(Debug, Clone)]
pub enum Start {
    /// A path that is relative to the current value, such as `a.b`, or the current value itself (`$`).
    Here {
        /// Whether it is written with `$`.
        is_dollar: bool,
    },
    /// A variable such as `$args`.
    Variable(Variable),
    /// A literal in `$(…)`, or without parentheses in `params:` and `body:`.
    Literal(Value),
    /// An object that is made of the current value: `{ a b }` after a name.
    Object(Fields),
    /// A list: `[a, b]` in `params:` and `body:`.
    List(Vec<Expression>),
}

/// The variables of mappings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Variable {
    /// `$args`: the arguments of the field.
    Args,
    /// `$this`: the parent object.
    This,
    /// `$batch`: all parent objects.
    Batch,
    /// `$claims`: the claims of the caller's verified token.
    Claims,
    /// `$config`: the configuration of the service.
    Config,
}

impl Variable {
    /// The variable as it is written.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Args => "$args",
            Self::This => "$this",
            Self::Batch => "$batch",
            Self::Claims => "$claims",
            Self::Config => "$config",
        }
    }
}

/// One step of an expression.
#[derive(Debug, Clone)]
pub enum Step {
    /// A property of an object (`.name`).
    Property(Spanned<String>),
    /// An item of a list (`[0]`).
    Index(Spanned<u32>),
    /// A mark that null is expected here (`?`). Null at any place of a path gives null, with or without the mark.
    Optional,
    /// A method (`->name(…)`), with the place of its name.
    Method(Method, Span),
}

/// The methods that mappings may use.
#[derive(Debug, Clone)]
pub enum Method {
    /// The first item of a list, or the first character of a text.
    First,
    /// The last item of a list, or the last character of a text.
    Last,
    /// The number of items, characters or properties.
    Size,
    /// Negates a boolean.
    Not,
    /// Whether the value is equal to the literal.
    Eq(Value),
    /// Pairs of literals: a value that is equal to the first literal of a pair becomes the second one.
    Match(Vec<(Value, Value)>),
    /// The value at a path in each item of a list, such as `->map(a.b)`.
    Map(Vec<Spanned<String>>),
}
