//! The path language of `@from`: `a.b(arg: LITERAL, other: $clientArgument)[0].c`, or `.` for the enclosing object.
//!
//! In: the text of a path. Out: its hops or its first error, both with byte ranges in the text.
//! Elsewhere: whether the graph has these fields ([`super::field`]).

use apollo_compiler::ast::{FloatValue, IntValue, Value};
use apollo_compiler::{Name, Node};
use std::ops::Range;

/// The most hops of a path.
const MAX_HOPS: usize = 16;
/// The greatest depth of a literal.
const MAX_DEPTH: usize = 16;
/// The greatest length of a path's text, in bytes.
const MAX_BYTES: usize = 4096;

/// One field of a path.
#[derive(Debug, PartialEq)]
pub(super) struct PathHop {
    pub(super) name: String,
    pub(super) span: Range<usize>,
    pub(super) arguments: Vec<PathArgument>,
    pub(super) index: Option<u32>,
}

/// A pinned argument. Its value may contain client arguments, which are written as variables.
#[derive(Debug, PartialEq)]
pub(super) struct PathArgument {
    pub(super) name: Name,
    pub(super) span: Range<usize>,
    pub(super) value: Node<Value>,
    pub(super) value_span: Range<usize>,
}

/// An error in a path.
#[derive(Debug, PartialEq)]
pub(super) struct PathError {
    pub(super) message: String,
    pub(super) span: Range<usize>,
}

/// Reads a path. The path `.` has no hops.
pub(super) fn parse(text: &str) -> Result<Vec<PathHop>, PathError> {
    if text.len() > MAX_BYTES {
        return Err(PathError { message: format!("a path has at most {MAX_BYTES} bytes"), span: 0..text.len() });
    }
    if text.trim() == "." {
        return Ok(Vec::new());
    }
    let mut cursor = Cursor { text, at: 0 };
    let mut hops = vec![cursor.hop()?];
    while cursor.take('.') {
        if hops.len() == MAX_HOPS {
            return Err(cursor.error(format!("a path has at most {MAX_HOPS} fields")));
        }
        hops.push(cursor.hop()?);
    }
    match cursor.peek() {
        None => Ok(hops),
        Some(found) => {
            Err(cursor.error(format!("`.`, `(`, `[` or the end of the path should stand here, not `{found}`")))
        }
    }
}

struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl Cursor<'_> {
    fn hop(&mut self) -> Result<PathHop, PathError> {
        let (name, span) = self.name("the name of a field")?;
        let arguments = if self.take('(') { self.arguments()? } else { Vec::new() };
        let index = if self.take('[') { Some(self.index()?) } else { None };
        if index.is_some() && self.peek() == Some('[') {
            return Err(self.error("a field of a path takes one `[n]`"));
        }
        Ok(PathHop { name: name.to_string(), span, arguments, index })
    }

    fn arguments(&mut self) -> Result<Vec<PathArgument>, PathError> {
        let mut arguments: Vec<PathArgument> = Vec::new();
        while !self.take(')') {
            let (name, span) = self.name("the name of an argument, or `)`,")?;
            if arguments.iter().any(|argument| argument.name == name) {
                return Err(PathError { message: format!("argument `{name}` is given twice"), span });
            }
            self.expect(':')?;
            let value_start = self.start();
            let value = self.value(0)?;
            arguments.push(PathArgument { name, span, value, value_span: value_start..self.at });
        }
        if arguments.is_empty() {
            return Err(self.error("`()` holds no argument"));
        }
        Ok(arguments)
    }

    fn index(&mut self) -> Result<u32, PathError> {
        let start = self.start();
        let digits = self.while_matches(|c| c.is_ascii_digit()).to_owned();
        let message = "`[ ]` takes the position of an item, from 0";
        if digits.is_empty() {
            return Err(self.error(message));
        }
        let index = digits.parse().map_err(|_| PathError { message: message.to_owned(), span: start..self.at })?;
        self.expect(']')?;
        Ok(index)
    }

    fn value(&mut self, depth: usize) -> Result<Node<Value>, PathError> {
        if depth > MAX_DEPTH {
            return Err(self.error(format!("a literal nests at most {MAX_DEPTH} deep")));
        }
        let value = match self.peek() {
            Some('$') => {
                self.take('$');
                Value::Variable(self.name("the name of an argument")?.0)
            }
            Some('"') => Value::String(self.string()?),
            Some('[') => self.list(depth)?,
            Some('{') => self.object(depth)?,
            Some(c) if c == '-' || c.is_ascii_digit() => self.number()?,
            _ => match self.name("a value")?.0 {
                name if name == "true" => Value::Boolean(true),
                name if name == "false" => Value::Boolean(false),
                name if name == "null" => Value::Null,
                name => Value::Enum(name),
            },
        };
        Ok(Node::new(value))
    }

    fn list(&mut self, depth: usize) -> Result<Value, PathError> {
        self.expect('[')?;
        let mut items = Vec::new();
        while !self.take(']') {
            items.push(self.value(depth + 1)?);
        }
        Ok(Value::List(items))
    }

    fn object(&mut self, depth: usize) -> Result<Value, PathError> {
        self.expect('{')?;
        let mut members: Vec<(Name, Node<Value>)> = Vec::new();
        while !self.take('}') {
            let (name, span) = self.name("the name of an input field, or `}`,")?;
            if members.iter().any(|(other, _)| *other == name) {
                return Err(PathError { message: format!("input field `{name}` is given twice"), span });
            }
            self.expect(':')?;
            members.push((name, self.value(depth + 1)?));
        }
        Ok(Value::Object(members))
    }

    fn number(&mut self) -> Result<Value, PathError> {
        let start = self.start();
        let text = self.while_matches(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | '.')).to_owned();
        // Numbers are written in JSON as in GraphQL (§2.9.1, §2.9.2).
        let is_number = crate::json::is_number(&text);
        if !is_number {
            return Err(PathError { message: format!("`{text}` is not a number"), span: start..self.at });
        }
        if text.contains(['.', 'e', 'E']) {
            Ok(Value::Float(FloatValue::new_parsed(&text)))
        } else {
            Ok(Value::Int(IntValue::new_parsed(&text)))
        }
    }

    /// Reads a string in double quotes. It may contain JSON's escapes, which are GraphQL's without `\u{…}`.
    fn string(&mut self) -> Result<String, PathError> {
        let start = self.start();
        let mut is_escaped = false;
        let end = self.text[start..].char_indices().skip(1).find_map(|(offset, c)| {
            let closes = c == '"' && !is_escaped;
            is_escaped = c == '\\' && !is_escaped;
            closes.then_some(start + offset + 1)
        });
        let Some(end) = end else {
            return Err(PathError { message: "the string is not closed".into(), span: start..self.text.len() });
        };
        self.at = end;
        serde_json::from_str(&self.text[start..end])
            .map_err(|_| PathError { message: "the string has an unknown escape".into(), span: start..end })
    }

    fn name(&mut self, what: &str) -> Result<(Name, Range<usize>), PathError> {
        let start = self.start();
        let text = self.while_matches(|c| c.is_ascii_alphanumeric() || c == '_');
        match Name::new(text) {
            Ok(name) => Ok((name, start..self.at)),
            Err(_) => {
                self.at = start;
                let found = self.peek().map_or("the end".to_owned(), |c| format!("`{c}`"));
                Err(self.error(format!("{what} should stand here, not {found}")))
            }
        }
    }

    fn while_matches(&mut self, matches: impl Fn(char) -> bool) -> &str {
        let start = self.start();
        self.at = self.text[start..].find(|c| !matches(c)).map_or(self.text.len(), |end| start + end);
        &self.text[start..self.at]
    }

    /// Skips characters that GraphQL ignores and gives the position after them.
    fn start(&mut self) -> usize {
        let rest = &self.text[self.at..];
        let ignored = |c: char| matches!(c, ' ' | '\t' | '\n' | '\r' | ',');
        self.at += rest.len() - rest.trim_start_matches(ignored).len();
        self.at
    }

    fn peek(&mut self) -> Option<char> {
        let start = self.start();
        self.text[start..].chars().next()
    }

    fn take(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        if found {
            self.at += wanted.len_utf8();
        }
        found
    }

    fn expect(&mut self, wanted: char) -> Result<(), PathError> {
        if self.take(wanted) {
            return Ok(());
        }
        let found = self.peek().map_or("the end".to_owned(), |c| format!("`{c}`"));
        Err(self.error(format!("`{wanted}` should stand here, not {found}")))
    }

    fn error(&mut self, message: impl Into<String>) -> PathError {
        let start = self.start();
        let end = self.text[start..].chars().next().map_or(start, |c| start + c.len_utf8());
        PathError { message: message.into(), span: start..end }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        match parse(text) {
            Ok(hops) => hops
                .iter()
                .map(|hop| {
                    assert_eq!(&text[hop.span.clone()], hop.name, "{text}");
                    let arguments: Vec<_> =
                        hop.arguments.iter().map(|a| format!("{}={}", a.name, &text[a.value_span.clone()])).collect();
                    format!(
                        "{}<{}>{}",
                        hop.name,
                        arguments.join(";"),
                        hop.index.map_or(String::new(), |n| n.to_string())
                    )
                })
                .collect::<Vec<_>>()
                .join(" "),
            Err(error) => format!("{}..{} {}", error.span.start, error.span.end, error.message),
        }
    }

    #[test]
    fn paths_are_read_with_their_positions() {
        for (text, expected) in [
            (".", ""),
            (" . ", ""),
            ("name", "name<>"),
            ("a.b.c", "a<> b<> c<>"),
            ("a . b", "a<> b<>"),
            ("a[0].b", "a<>0 b<>"),
            ("orders(first: 3)[12].lines", "orders<first=3>12 lines<>"),
            (
                r#"p(s: POPULAR, q: "a\")b", l: [1 2.5], o: {k: $x, n: null})"#,
                r#"p<s=POPULAR;q="a\")b";l=[1 2.5];o={k: $x, n: null}>"#,
            ),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn wrong_paths_say_where_they_are_wrong() {
        for (text, expected) in [
            ("", "0..0 the name of a field should stand here, not the end"),
            ("a..b", "2..3 the name of a field should stand here, not `.`"),
            ("a.", "2..2 the name of a field should stand here, not the end"),
            ("a b", "2..3 `.`, `(`, `[` or the end of the path should stand here, not `b`"),
            ("a[x]", "2..3 `[ ]` takes the position of an item, from 0"),
            ("a[ü", "2..4 `[ ]` takes the position of an item, from 0"),
            ("a[0][1]", "4..5 a field of a path takes one `[n]`"),
            ("a[99999999999]", "2..13 `[ ]` takes the position of an item, from 0"),
            ("a()", "3..3 `()` holds no argument"),
            ("a(x 1)", "4..5 `:` should stand here, not `1`"),
            ("a(x: 1, x: 2)", "8..9 argument `x` is given twice"),
            ("a(x: 01)", "5..7 `01` is not a number"),
            ("a(x: \"b", "5..7 the string is not closed"),
            ("a(x: 1", "6..6 the name of an argument, or `)`, should stand here, not the end"),
            ("a(x: ü)", "5..7 a value should stand here, not `ü`"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn hostile_paths_are_refused() {
        assert!(shown(&"a.".repeat(100)).contains("at most 16 fields"));
        assert!(shown(&format!("a(x: {}", "[".repeat(1000))).contains("at most 16 deep"));
        assert!(shown(&"a".repeat(5000)).contains("at most 4096 bytes"));
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "[a-c.()\\[\\]{}:$\"\\\\ 0-9ü,-]{0,40}") {
            if let Err(error) = parse(&text) {
                proptest::prop_assert!(text.get(error.span).is_some());
            }
        }
    }
}
