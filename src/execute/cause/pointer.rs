//! JSON pointers (RFC 6901) into a body that was read before: of the value at a byte, and of a path as far as it
//! exists.
//!
//! This is slower than projection, which keeps no paths, but only failures use it.

use crate::report::shortened;
use std::fmt::Write as _;

/// One step into a JSON value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Segment {
    Name(String),
    Index(u64),
    /// Any item of a list.
    Any,
}

/// Writes a pointer. An index that is not known is written `*`.
pub(super) fn pointer(segments: &[Segment]) -> String {
    let mut text = String::new();
    for segment in segments {
        text.push('/');
        match segment {
            // The escapes of RFC 6901 §3.
            Segment::Name(name) => text.push_str(&name.replace('~', "~0").replace('/', "~1")),
            Segment::Index(index) => _ = write!(text, "{index}"),
            Segment::Any => text.push('*'),
        }
    }
    shortened(&text)
}

/// The kind of JSON value that a text is, with its article.
pub(super) fn kind_of(text: &[u8]) -> &'static str {
    match text.first() {
        Some(b'"') => "a string",
        Some(b'-' | b'0'..=b'9') => "a number",
        Some(b'{') => "an object",
        Some(b'[') => "a list",
        Some(b't' | b'f') => "a boolean",
        Some(b'n') => "null",
        _ => "nothing",
    }
}

/// The path from the root of a valid JSON text to the value that begins at a byte.
pub(super) fn at(text: &[u8], offset: usize) -> Option<Vec<Segment>> {
    let mut open: Vec<Segment> = Vec::new();
    let mut reader = Reader { text, at: 0 };
    loop {
        reader.skip_space();
        if reader.at == offset {
            return Some(open);
        }
        if reader.at > offset {
            return None;
        }
        match text.get(reader.at)? {
            b'{' => {
                reader.at += 1;
                open.push(Segment::Name(String::new()));
                if !reader.member(&mut open)? {
                    reader.behind(&mut open)?;
                }
            }
            b'[' => {
                reader.at += 1;
                open.push(Segment::Index(0));
                reader.skip_space();
                if text.get(reader.at) == Some(&b']') {
                    reader.behind(&mut open)?;
                }
            }
            b'"' => {
                reader.string()?;
                reader.behind(&mut open)?;
            }
            _ => {
                reader.word();
                reader.behind(&mut open)?;
            }
        }
    }
}

/// Follows a path into a valid JSON text as far as it exists. Returns how many segments exist, and the text of the
/// value there.
pub(super) fn follow<'t>(text: &'t [u8], path: &[Segment]) -> (usize, &'t [u8]) {
    let mut here = text.trim_ascii();
    for (number, segment) in path.iter().enumerate() {
        let next = match segment {
            Segment::Name(name) => member(here, name),
            Segment::Index(index) => item(here, *index),
            Segment::Any => item(here, 0),
        };
        match next {
            Some(next) => here = next,
            None => return (number, here),
        }
    }
    (path.len(), here)
}

fn member<'t>(text: &'t [u8], wanted: &str) -> Option<&'t [u8]> {
    let mut members: Option<&'t [u8]> = None;
    let mut reader = Reader { text, at: 1 };
    if text.first() != Some(&b'{') {
        return None;
    }
    loop {
        reader.skip_space();
        if text.get(reader.at)? == &b'}' {
            return members;
        }
        let name = reader.string()?;
        reader.skip_space();
        reader.at += 1;
        let value = reader.value()?;
        // Of members with the same name, the last one counts.
        if decoded(name) == wanted {
            members = Some(value);
        }
        reader.skip_space();
        if text.get(reader.at) == Some(&b',') {
            reader.at += 1;
        }
    }
}

fn item(text: &[u8], wanted: u64) -> Option<&[u8]> {
    let mut reader = Reader { text, at: 1 };
    if text.first() != Some(&b'[') {
        return None;
    }
    let mut number = 0;
    loop {
        reader.skip_space();
        if text.get(reader.at)? == &b']' {
            return None;
        }
        let value = reader.value()?;
        if number == wanted {
            return Some(value);
        }
        number += 1;
        reader.skip_space();
        if text.get(reader.at) == Some(&b',') {
            reader.at += 1;
        }
    }
}

fn decoded(name: &[u8]) -> String {
    serde_json::from_slice(name).unwrap_or_else(|_| String::from_utf8_lossy(name).into_owned())
}

struct Reader<'t> {
    text: &'t [u8],
    at: usize,
}

impl<'t> Reader<'t> {
    fn skip_space(&mut self) {
        while matches!(self.text.get(self.at), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    /// Moves past a string and returns it with its quotes.
    fn string(&mut self) -> Option<&'t [u8]> {
        let start = self.at;
        self.at += 1;
        loop {
            match self.text.get(self.at)? {
                b'"' => {
                    self.at += 1;
                    return Some(&self.text[start..self.at]);
                }
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
    }

    /// Moves past a number or a literal.
    fn word(&mut self) {
        let is_inside = |byte: &u8| !matches!(byte, b',' | b']' | b'}' | b' ' | b'\n' | b'\r' | b'\t');
        while self.text.get(self.at).is_some_and(is_inside) {
            self.at += 1;
        }
    }

    /// Moves past a value and returns its text. Brackets are only counted, so that deep nesting cannot overflow the
    /// stack.
    fn value(&mut self) -> Option<&'t [u8]> {
        self.skip_space();
        let (start, mut depth) = (self.at, 0usize);
        loop {
            match self.text.get(self.at)? {
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                }
                b'}' | b']' => {
                    depth = depth.checked_sub(1)?;
                    self.at += 1;
                }
                b'"' => _ = self.string()?,
                b',' | b':' | b' ' | b'\n' | b'\r' | b'\t' => self.at += 1,
                _ => self.word(),
            }
            if depth == 0 {
                return Some(&self.text[start..self.at]);
            }
        }
    }

    /// Reads the name of the next member and moves to its value. Returns `false` at the end of the object.
    fn member(&mut self, open: &mut [Segment]) -> Option<bool> {
        self.skip_space();
        if self.text.get(self.at)? == &b'}' {
            return Some(false);
        }
        let name = decoded(self.string()?);
        self.skip_space();
        self.at += 1;
        *open.last_mut()? = Segment::Name(name);
        Some(true)
    }

    /// Moves from the end of a value to the next one.
    fn behind(&mut self, open: &mut Vec<Segment>) -> Option<()> {
        loop {
            self.skip_space();
            match self.text.get(self.at)? {
                b',' => {
                    self.at += 1;
                    match open.last_mut()? {
                        Segment::Index(index) => *index += 1,
                        _ => _ = self.member(open)?,
                    }
                    return Some(());
                }
                b'}' | b']' => {
                    self.at += 1;
                    open.pop()?;
                }
                _ => return None,
            }
        }
    }
}
