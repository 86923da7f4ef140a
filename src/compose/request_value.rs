//! A value of a request: where it comes from, and how it is made of others.

/// A value of a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// Fixed.
    Literal(crate::json::Value),
    /// `$args.a.b`.
    Argument(Vec<String>),
    /// `$this.x`, or `$batch.x`: index into [`super::way::Way::inputs`]. Batched: the list of all
    /// parents' values; else the one parent's.
    Parent(usize),
    /// `$batch->size`.
    BatchSize,
    /// `$claims.a.b`; a missing claim is null.
    Claim(Vec<String>),
    /// `$config.a.b`, of the service's configuration.
    Config(Vec<String>),
    /// An object; members that are not given are left out.
    Object(Vec<(String, Input)>),
    /// A list.
    List(Vec<Input>),
    /// `a ?? b`.
    OrElse(Box<Input>, Box<Input>),
    /// A parameter of an integer or number type that gets a GraphQL `ID`: `"7"` is sent as `7` in JSON bodies.
    Number(Box<Input>),
    /// A parameter of type string that gets a number: `7` is sent as `"7"` in JSON bodies.
    Text(Box<Input>),
}
