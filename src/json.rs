//! JSON text, read from front to back without building anything (RFC 8259).
//!
//! As strict as `serde_json`, with the same odd corner: in strings that are skipped or kept as text, a `\u` escape needs
//! four digits but no partner; where a string is *decoded* ([`Text::decode`]), surrogates must come in pairs.
//!
//! Always true: no value is nested deeper than [`MAX_DEPTH`], whether it is read, kept as text or skipped (RFC 8259 §9
//! allows an implementation to limit it).

use smallvec::SmallVec;
use std::borrow::Cow;
use std::ops::Range;
use wide::u8x16;

const QUOTES: u8x16 = u8x16::new([b'"'; 16]);
const BACKSLASHES: u8x16 = u8x16::new([b'\\'; 16]);
const CONTROLS: u8x16 = u8x16::new([b' ' - 1; 16]);

/// Deepest nesting of objects and lists in a text.
pub(crate) const MAX_DEPTH: u32 = 128;

/// The text is not JSON, or nested deeper than [`MAX_DEPTH`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed;

/// A text under a finger.
pub(crate) struct Json<'t> {
    text: &'t [u8],
    pub(crate) at: usize,
    /// Objects and lists around the finger.
    depth: u32,
}

/// A string's place, without its quotes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Text<'t> {
    pub(crate) inner: &'t [u8],
    pub(crate) has_escapes: bool,
}

impl<'t> Text<'t> {
    /// The string's value. Fails when an escape is half of a surrogate pair.
    #[inline]
    pub(crate) fn decode(self) -> Result<Cow<'t, [u8]>, Malformed> {
        if self.has_escapes { decode(self.inner) } else { Ok(Cow::Borrowed(self.inner)) }
    }
}

/// Escapes in names are rare: nothing here need be fast.
#[cold]
fn decode(inner: &[u8]) -> Result<Cow<'static, [u8]>, Malformed> {
    let quoted = [&b"\""[..], inner, b"\""].concat();
    let text: String = serde_json::from_slice(&quoted).map_err(|_| Malformed)?;
    Ok(Cow::Owned(text.into_bytes()))
}

impl<'t> Json<'t> {
    /// Starts at the front. Fails when the text is not UTF-8 (RFC 8259 §8.1).
    pub(crate) fn new(text: &'t [u8]) -> Result<Self, Malformed> {
        // Most bodies are ASCII, and to see that takes less than to check that they are UTF-8.
        if !text.is_ascii() && std::str::from_utf8(text).is_err() {
            return Err(Malformed);
        }
        Ok(Self { text, at: 0, depth: 0 })
    }

    /// Goes into an object or list, behind its opening bracket.
    #[inline]
    pub(crate) fn enter(&mut self) -> Result<(), Malformed> {
        self.depth += 1;
        self.at += 1;
        if self.depth > MAX_DEPTH { Err(Malformed) } else { Ok(()) }
    }

    /// Notes that the object or list was left, behind whose closing bracket the finger is.
    #[inline]
    pub(crate) fn leave(&mut self) {
        self.depth -= 1;
    }

    pub(crate) fn text(&self, span: Range<usize>) -> &'t [u8] {
        &self.text[span]
    }

    /// The next byte that is not white space (§2).
    #[inline]
    pub(crate) fn peek(&mut self) -> Option<u8> {
        loop {
            match self.text.get(self.at) {
                Some(b' ' | b'\n' | b'\r' | b'\t') => self.at += 1,
                byte => return byte.copied(),
            }
        }
    }

    /// Goes behind this byte, which must be the next one.
    #[inline]
    pub(crate) fn expect(&mut self, byte: u8) -> Result<(), Malformed> {
        if self.peek() != Some(byte) {
            return Err(Malformed);
        }
        self.at += 1;
        Ok(())
    }

    /// Goes to the next item of an array, behind the comma, or behind its end: `false`.
    #[inline]
    pub(crate) fn next_item(&mut self, is_first: bool) -> Result<bool, Malformed> {
        match self.peek() {
            Some(b']') => {
                self.at += 1;
                return Ok(false);
            }
            Some(_) if is_first => {}
            Some(b',') => self.at += 1,
            _ => return Err(Malformed),
        }
        Ok(true)
    }

    /// Goes to the name of an object's next member, at its opening quote, or behind the object's end: `false`.
    #[inline]
    pub(crate) fn next_member(&mut self, is_first: bool) -> Result<bool, Malformed> {
        match self.peek() {
            Some(b'}') => {
                self.at += 1;
                return Ok(false);
            }
            Some(_) if is_first => {}
            Some(b',') => self.at += 1,
            _ => return Err(Malformed),
        }
        if self.peek() == Some(b'"') { Ok(true) } else { Err(Malformed) }
    }

    /// Goes behind a member's name and its colon.
    #[inline]
    pub(crate) fn name(&mut self) -> Result<Text<'t>, Malformed> {
        let name = self.string()?;
        self.expect(b':')?;
        Ok(name)
    }

    /// Goes behind a piece of text that stood at an earlier place, if it stands here too.
    #[inline]
    pub(crate) fn repeats(&mut self, earlier: &Range<usize>) -> bool {
        let is_equal = self.text[self.at..].starts_with(&self.text[earlier.clone()]);
        if is_equal {
            self.at += earlier.len();
        }
        is_equal
    }

    /// Goes behind a value, whatever it is. Returns its place, without white space around it.
    #[inline]
    pub(crate) fn skip(&mut self) -> Result<Range<usize>, Malformed> {
        let first = self.peek();
        let start = self.at;
        match first {
            Some(b'{' | b'[') => self.skip_nested()?,
            _ => self.skip_scalar(first)?,
        }
        Ok(start..self.at)
    }

    #[inline(always)]
    fn skip_scalar(&mut self, first: Option<u8>) -> Result<(), Malformed> {
        match first {
            Some(b'"') => self.string().map(drop),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b'n') => self.literal(b"null"),
            Some(b't') => self.literal(b"true"),
            Some(b'f') => self.literal(b"false"),
            _ => Err(Malformed),
        }
    }

    /// Goes behind an object or list. What is open is in a list, not on the stack: nobody's stack is that deep.
    fn skip_nested(&mut self) -> Result<(), Malformed> {
        let mut outer: SmallVec<[u8; 64]> = SmallVec::new();
        // How many brackets may be open at once.
        let levels = (MAX_DEPTH - self.depth) as usize;
        if levels == 0 {
            return Err(Malformed);
        }
        let mut inside = self.text[self.at];
        let mut is_first = true;
        self.at += 1;
        loop {
            let next = match inside {
                b'{' => self.next_member(is_first)?,
                _ => self.next_item(is_first)?,
            };
            is_first = false;
            if !next {
                match outer.pop() {
                    Some(kind) => inside = kind,
                    None => return Ok(()),
                }
                continue;
            }
            if inside == b'{' {
                self.name()?;
            }
            match self.peek() {
                Some(kind @ (b'{' | b'[')) => {
                    outer.push(inside);
                    if outer.len() >= levels {
                        return Err(Malformed);
                    }
                    inside = kind;
                    is_first = true;
                    self.at += 1;
                }
                first => self.skip_scalar(first)?,
            }
        }
    }

    pub(crate) fn literal(&mut self, literal: &[u8]) -> Result<(), Malformed> {
        if !self.text[self.at..].starts_with(literal) {
            return Err(Malformed);
        }
        self.at += literal.len();
        Ok(())
    }

    /// Goes behind a number (§6).
    pub(crate) fn number(&mut self) -> Result<(), Malformed> {
        if self.byte() == Some(b'-') {
            self.at += 1;
        }
        match self.byte() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits()?,
            _ => return Err(Malformed),
        }
        // Only a leading zero can have a digit behind it.
        if self.byte().is_some_and(|byte| byte.is_ascii_digit()) {
            return Err(Malformed);
        }
        if self.byte() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.byte() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.byte() {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    /// One digit or more.
    #[inline]
    fn digits(&mut self) -> Result<(), Malformed> {
        let start = self.at;
        while self.byte().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at > start { Ok(()) } else { Err(Malformed) }
    }

    #[inline]
    fn byte(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    /// Goes behind a string, from its opening quote (§7).
    #[inline]
    pub(crate) fn string(&mut self) -> Result<Text<'t>, Malformed> {
        let start = self.at + 1;
        let mut end = self.special(start)?;
        let mut has_escapes = false;
        loop {
            match self.text.get(end) {
                Some(b'"') => {
                    self.at = end + 1;
                    return Ok(Text { inner: &self.text[start..end], has_escapes });
                }
                Some(b'\\') => {
                    has_escapes = true;
                    end = self.special(self.behind_escape(end)?)?;
                }
                _ => return Err(Malformed),
            }
        }
    }

    /// The place behind an escape.
    fn behind_escape(&self, at: usize) -> Result<usize, Malformed> {
        match self.text.get(at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(at + 2),
            Some(b'u') => {
                let digits = self.text.get(at + 2..at + 6).ok_or(Malformed)?;
                if digits.iter().all(u8::is_ascii_hexdigit) { Ok(at + 6) } else { Err(Malformed) }
            }
            _ => Err(Malformed),
        }
    }

    /// The next quote, backslash or control character of a string: sixteen bytes are looked at in one go.
    #[inline]
    fn special(&self, mut at: usize) -> Result<usize, Malformed> {
        let (words, rest) = self.text.get(at..).ok_or(Malformed)?.as_chunks();
        for word in words {
            let bytes = u8x16::new(*word);
            let found = bytes.simd_eq(QUOTES) | bytes.simd_eq(BACKSLASHES) | bytes.simd_le(CONTROLS);
            let found = found.to_bitmask();
            if found != 0 {
                return Ok(at + found.trailing_zeros() as usize);
            }
            at += 16;
        }
        let found = rest.iter().position(|&byte| matches!(byte, b'"' | b'\\' | ..b' '));
        found.map(|found| at + found).ok_or(Malformed)
    }
}

/// Checks that a whole text is JSON, and nested no deeper than it may be.
pub(crate) fn check(text: &[u8]) -> Result<(), Malformed> {
    let mut json = Json::new(text)?;
    json.skip()?;
    if json.peek().is_some() { Err(Malformed) } else { Ok(()) }
}

/// The text of the value behind a path of member names, in a text that is known to be JSON; of equal names, the last.
/// `None`: there is none.
pub(crate) fn member<'t>(text: &'t str, path: &[String]) -> Option<&'t str> {
    let Some((name, rest)) = path.split_first() else { return Some(text) };
    let mut json = Json::new(text.as_bytes()).ok()?;
    if json.peek() != Some(b'{') {
        return None;
    }
    json.enter().ok()?;
    let (mut is_first, mut found) = (true, None);
    while json.next_member(is_first).ok()? {
        is_first = false;
        let is_it = *json.name().ok()?.decode().ok()? == *name.as_bytes();
        let span = json.skip().ok()?;
        if is_it {
            found = text.get(span);
        }
    }
    member(found?, rest)
}

/// Are objects and lists nested deeper than `limit`? Of a text that is not JSON it says nothing useful, and does not
/// fail.
pub(crate) fn is_deeper_than(text: &[u8], limit: u32) -> bool {
    // So many brackets take so many bytes.
    if text.len() <= limit as usize {
        return false;
    }
    let mut depth = 0u32;
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'{' | b'[' => {
                depth += 1;
                if depth > limit {
                    return true;
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => {
                while let Some(byte) = bytes.next() {
                    match byte {
                        b'"' => break,
                        b'\\' => _ = bytes.next(),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_counts_nesting_outside_of_strings() {
        for (body, depth) in [
            ("1", 0),
            ("[]", 1),
            (r#"[[],{"a":[]},[]]"#, 3),
            (r#"{"a":"[[[[\"[["}"#, 1),
            (r#"["\\",[1]]"#, 2),
            (r#"]]][["#, 2),
            (r#"["unended [["#, 1),
        ] {
            assert!(!is_deeper_than(body.as_bytes(), depth), "{body} within {depth}");
            assert!(depth == 0 || is_deeper_than(body.as_bytes(), depth - 1), "{body} over {depth}");
        }
    }

    #[test]
    fn what_is_skipped_is_nested_no_deeper_than_what_is_read() {
        let nest =
            |open: &str, close: &str, depth: usize| [open.repeat(depth), "1".into(), close.repeat(depth)].concat();
        for (open, close) in [("[", "]"), ("{\"a\":", "}"), ("[1,{\"a\":[],\"b\":", "}]")] {
            let levels = open.matches(['[', '{']).count() - open.matches(']').count();
            for depth in [1, 60, 1_000_000] {
                let is_allowed = depth * levels <= MAX_DEPTH as usize;
                assert_eq!(check(nest(open, close, depth).as_bytes()).is_ok(), is_allowed, "{open} {depth} times");
            }
        }
        assert!(check(nest("[", "]", 128).as_bytes()).is_ok());
        assert!(check(nest("[", "]", 129).as_bytes()).is_err());
        // Whether a level was entered or skipped makes no difference.
        let text = nest("[", "]", 129);
        let mut json = Json::new(text.as_bytes()).unwrap();
        (0..100).for_each(|_| json.enter().unwrap());
        assert!(json.skip().is_err());
    }

    #[test]
    fn a_member_is_found_by_its_path() {
        let path = |path: &str| path.split('.').map(str::to_owned).collect::<Vec<_>>();
        let text = r#"{"a": {"b": [1, 2]}, "\u0063": 3, "d": 1, "d": {"b": null}}"#;
        for (at, expected) in [
            ("a", Some(r#"{"b": [1, 2]}"#)),
            ("a.b", Some("[1, 2]")),
            ("c", Some("3")),
            ("d.b", Some("null")),
            ("a.c", None),
            ("c.a", None),
        ] {
            assert_eq!(member(text, &path(at)), expected, "{at}");
        }
        assert_eq!(member("[1]", &[]), Some("[1]"));
    }
}
