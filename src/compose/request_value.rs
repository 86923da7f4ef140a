//! A value of a request: where it comes from, and how it is made of other values.

/// A value of a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// A fixed value.
    Literal(crate::json::Value),
    /// An argument, `$args.a.b`.
    Argument(Vec<String>),
    /// A value of the parent, `$this.x` or `$batch.x`, as an index into [`super::way::Way::inputs`]. In a batch, it is
    /// the list of all parents' values; otherwise it is that of the one parent.
    Parent(usize),
    /// The number of keys of the call, `$batch->size`.
    BatchSize,
    /// A claim, `$claims.a.b`. A missing claim is null.
    Claim(Vec<String>),
    /// A value of the service's configuration, `$config.a.b`.
    Config(Vec<String>),
    /// An object. Members that are not given are left out.
    Object(Vec<(String, Input)>),
    /// A list.
    List(Vec<Input>),
    /// `a ?? b`: the second value if the first is null or missing.
    OrElse(Box<Input>, Box<Input>),
    /// A value that is written as a number in JSON bodies, because the contract wants a number and the value may be an
    /// `ID`: `"7"` is sent as `7`.
    Number(Box<Input>),
    /// A value that is written as a string in JSON bodies, because the contract wants a string and the value may be a
    /// number: `7` is sent as `"7"`.
    Text(Box<Input>),
}
