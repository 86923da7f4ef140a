//! What a mapping says, before it is checked against anything.

use crate::diagnostic::Span;
use crate::json::Value;
use crate::sdl::Spanned;

/// The value of `params:`, `body:` or `selection:`.
#[derive(Debug, Clone)]
pub struct Mapping {
    /// What it says.
    pub body: MappingBody,
    /// The whole text, quotes aside.
    pub span: Span,
}

/// The two forms of a mapping.
#[derive(Debug, Clone)]
pub enum MappingBody {
    /// `a  b: c.d`: an object, field by field.
    Entries(Fields),
    /// `$.items { id }`: one value.
    Value(Expression),
}

/// One field of an object that is being made.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its name in what is made.
    pub name: Spanned<String>,
    /// Where the value comes from; `a` alone is the path `a`.
    pub value: Expression,
    /// Was the name written, `a: b` rather than `b`?
    pub is_aliased: bool,
}

/// A value.
#[derive(Debug, Clone)]
pub struct Expression {
    /// Where it starts.
    pub start: Start,
    /// What is done from there, in order.
    pub steps: Vec<Step>,
    /// `{ … }` behind a path: what is taken of the object there.
    pub selection: Option<Fields>,
    /// `?? …`.
    pub or: Option<Box<Expression>>,
    /// The expression's text.
    pub span: Span,
}

/// A `{ … }`.
#[derive(Debug, Clone)]
pub struct Fields {
    /// Its entries.
    pub entries: Vec<Entry>,
    /// From brace to brace.
    pub span: Span,
}

/// Where an expression starts.
#[derive(Debug, Clone)]
pub enum Start {
    /// A path relative to the value at hand: `a.b`; also `$`, which is that value.
    Here {
        /// Was `$` written?
        is_dollar: bool,
    },
    /// `$args` and its like.
    Variable(Variable),
    /// `$(…)`, and plain literals in `params:` and `body:`.
    Literal(Value),
    /// `{ a b }` behind a name: an object made of the value at hand.
    Object(Fields),
    /// `[a, b]`, in `params:` and `body:`.
    List(Vec<Expression>),
}

/// The names behind `$`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Variable {
    /// `$args`: arguments of the field.
    Args,
    /// `$this`: the parent object.
    This,
    /// `$batch`: all parent objects.
    Batch,
    /// `$claims`: the caller's verified token.
    Claims,
    /// `$config`: configuration of the service.
    Config,
}

impl Variable {
    /// As it is written.
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
    /// `.name`.
    Property(Spanned<String>),
    /// `[0]`.
    Index(Spanned<u32>),
    /// `?`: null is expected here. Null anywhere on a path gives null, with or without it.
    Optional,
    /// `->name(…)`.
    Method(Method, Span),
}

/// The methods of the subset.
#[derive(Debug, Clone)]
pub enum Method {
    /// First item or character.
    First,
    /// Last item or character.
    Last,
    /// Number of items, characters or properties.
    Size,
    /// Negates a boolean.
    Not,
    /// Is it equal to the literal?
    Eq(Value),
    /// Literal by literal.
    Match(Vec<(Value, Value)>),
    /// A path of every item: `->map(a.b)`.
    Map(Vec<Spanned<String>>),
}
