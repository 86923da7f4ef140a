//! The tokens of a mapping, with spans in the SDL file.

use crate::diagnostic::{FileId, Span};
use crate::json::Number;

/// The text of a mapping, with the place of each of its bytes in the file.
#[derive(Debug)]
pub(crate) struct MappingText {
    text: String,
    /// The offset in the file of each byte of `text`, and of its end.
    offsets: Vec<u32>,
    file: FileId,
}

impl MappingText {
    /// Decodes a GraphQL string literal with its quotes, which starts at the byte `start` of the file.
    ///
    /// The indentation of a block string is kept, because white space has no meaning in a mapping.
    pub(crate) fn of_literal(file: FileId, literal: &str, start: usize) -> Self {
        let (inner, skipped, is_block) = match literal.strip_prefix("\"\"\"") {
            Some(rest) => (rest.strip_suffix("\"\"\"").unwrap_or(rest), 3, true),
            None => {
                let rest = literal.strip_prefix('"').unwrap_or(literal);
                (rest.strip_suffix('"').unwrap_or(rest), literal.len() - rest.len(), false)
            }
        };
        let mut decoded =
            Self { text: String::with_capacity(inner.len()), offsets: Vec::with_capacity(inner.len() + 1), file };
        let mut at = 0;
        while let Some(c) = inner[at..].chars().next() {
            let rest = &inner[at..];
            let (made, taken) = match (c, is_block) {
                ('\\', true) if rest.starts_with("\\\"\"\"") => ("\"\"\"".to_owned(), 4),
                ('\\', false) => unescape(rest),
                _ => (c.to_string(), c.len_utf8()),
            };
            for _ in 0..made.len() {
                decoded.offsets.push(u32::try_from(start + skipped + at).unwrap_or(u32::MAX));
            }
            decoded.text.push_str(&made);
            at += taken;
        }
        decoded.offsets.push(u32::try_from(start + skipped + inner.len()).unwrap_or(u32::MAX));
        decoded
    }

    /// Gives a part of the text as a text of its own.
    pub(crate) fn part(&self, start: usize, end: usize) -> Self {
        Self { text: self.text[start..end].to_owned(), offsets: self.offsets[start..=end].to_vec(), file: self.file }
    }

    /// The decoded text.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Gives the span in the file of a range of the decoded text.
    pub(crate) fn span(&self, start: usize, end: usize) -> Span {
        let at = |index: usize| self.offsets.get(index).or(self.offsets.last()).map_or(0, |&offset| offset as usize);
        Span::new(self.file, at(start)..at(end.max(start)))
    }
}

/// Decodes an escape sequence of a plain string. Gives the text and the number of bytes of the sequence.
fn unescape(rest: &str) -> (String, usize) {
    let hex = |from: usize, to: usize| {
        let digits = rest.get(from..to)?;
        char::from_u32(u32::from_str_radix(digits, 16).ok()?).map(String::from)
    };
    let simple = |c: &str| (c.to_owned(), 2);
    match rest.as_bytes().get(1) {
        Some(b'n') => simple("\n"),
        Some(b't') => simple("\t"),
        Some(b'r') => simple("\r"),
        Some(b'b') => simple("\u{8}"),
        Some(b'f') => simple("\u{c}"),
        Some(b'u') if rest.as_bytes().get(2) == Some(&b'{') => match rest.find('}') {
            Some(close) => (hex(3, close).unwrap_or_default(), close + 1),
            None => (String::new(), rest.len()),
        },
        Some(b'u') => (hex(2, 6).unwrap_or_default(), rest.char_indices().nth(6).map_or(rest.len(), |(at, _)| at)),
        Some(_) => {
            let c = rest[1..].chars().next().unwrap_or('\\');
            (c.to_string(), 1 + c.len_utf8())
        }
        None => ("\\".to_owned(), 1),
    }
}

/// The kinds of tokens.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Token {
    /// A name, such as `abc` or `a-b`.
    Name(String),
    /// A string in double or single quotes.
    Text(String),
    /// A number, such as `12` or `-3.5`.
    Number(Number),
    /// A `$`, alone or before a name.
    Dollar,
    /// An arrow (`->`).
    Arrow,
    /// The operator `??`.
    OrElse,
    /// Three dots (`...`).
    Spread,
    /// Any other character, such as `?`, `:`, `.`, `@`, `*` or a bracket.
    Sign(char),
    /// The end of the text.
    End,
}

/// A token with its range of bytes in the decoded text.
#[derive(Debug, Clone)]
pub(crate) struct Lexed {
    pub(crate) token: Token,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// Splits a mapping into tokens, the last of which is [`Token::End`]. The error is the range of a string or a number
/// that is not valid.
pub(crate) fn lex(text: &str) -> Result<Vec<Lexed>, (usize, usize)> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let start = at;
        let rest = &text[at..];
        let token = match c {
            ',' => {
                at += 1;
                continue;
            }
            c if c.is_whitespace() => {
                at += c.len_utf8();
                continue;
            }
            '#' => {
                at += rest.find('\n').unwrap_or(rest.len());
                continue;
            }
            '"' | '\'' => {
                let (value, taken) = quoted(rest, c).ok_or((start, text.len()))?;
                at += taken;
                Token::Text(value)
            }
            c if c.is_ascii_alphabetic() || c == '_' => {
                let length = name_length(rest);
                at += length;
                Token::Name(rest[..length].to_owned())
            }
            c if c.is_ascii_digit() || (c == '-' && rest[1..].starts_with(|d: char| d.is_ascii_digit())) => {
                let length = number_length(rest);
                at += length;
                Token::Number(Number::parse(&rest[..length]).ok_or((start, start + length))?)
            }
            _ => {
                let (token, length) = sign(rest, c);
                at += length;
                token
            }
        };
        tokens.push(Lexed { token, start, end: at });
    }
    tokens.push(Lexed { token: Token::End, start: text.len(), end: text.len() });
    Ok(tokens)
}

fn sign(rest: &str, c: char) -> (Token, usize) {
    if rest.starts_with("->") {
        (Token::Arrow, 2)
    } else if rest.starts_with("??") {
        (Token::OrElse, 2)
    } else if rest.starts_with("...") {
        (Token::Spread, 3)
    } else if c == '$' {
        (Token::Dollar, 1)
    } else {
        (Token::Sign(c), c.len_utf8())
    }
}

/// Gives the length of all characters that may belong to a JSON number. Whether it is a number is checked when it is
/// read.
fn number_length(rest: &str) -> usize {
    let bytes = rest.as_bytes();
    let belongs = |at: &usize| match bytes[*at] {
        b'+' | b'-' => matches!(bytes[at - 1], b'e' | b'E'),
        b => b.is_ascii_alphanumeric() || b == b'.',
    };
    1 + (1..bytes.len()).take_while(belongs).count()
}

/// Gives the length of a name: letters, digits and `_`, and `-` if a letter, a digit or `_` follows it.
fn name_length(rest: &str) -> usize {
    let bytes = rest.as_bytes();
    let is_word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    let mut length = 0;
    while let Some(&b) = bytes.get(length) {
        let is_inner_dash = b == b'-' && bytes.get(length + 1).is_some_and(|&next| is_word(next));
        if !is_word(b) && !is_inner_dash {
            break;
        }
        length += 1;
    }
    length
}

/// Decodes a string. Gives its text and its length in bytes, or `None` if it does not end or has an escape that JSON
/// does not define.
fn quoted(rest: &str, quote: char) -> Option<(String, usize)> {
    let mut value = String::new();
    let mut chars = rest.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            c if c == quote => return Some((value, at + c.len_utf8())),
            '\\' => value.push(match chars.next()?.1 {
                'n' => '\n',
                't' => '\t',
                'r' => '\r',
                'b' => '\u{8}',
                'f' => '\u{c}',
                'u' => {
                    let digits: String = chars.by_ref().take(4).map(|(_, digit)| digit).collect();
                    let is_hex = digits.len() == 4 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
                    char::from_u32(u32::from_str_radix(&digits, 16).ok().filter(|_| is_hex)?)?
                }
                same @ ('"' | '\'' | '\\' | '/') => same,
                _ => return None,
            }),
            c => value.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Sources;

    #[test]
    fn spans_of_escaped_and_block_strings_point_into_the_file() {
        let literal = r#""a: $(\"x\")""#;
        let mut sources = Sources::default();
        let file = sources.add("a.graphql", literal);
        let text = MappingText::of_literal(file, literal, 0);
        assert_eq!(text.text(), r#"a: $("x")"#);
        let span = text.span(5, 8);
        assert_eq!(&literal[span.start as usize..span.end as usize], r#"\"x\""#);

        let block = "\"\"\"\n    a\n      b\n\"\"\"";
        let text = MappingText::of_literal(file, block, 100);
        let at = text.text().find('b').unwrap();
        assert_eq!(text.span(at, at + 1).start as usize, 100 + block.find('b').unwrap());
    }
}
