//! JSON text, read from front to back without building anything (RFC 8259).
//!
//! As strict as `serde_json`, with the same odd corner: in strings that are skipped or kept as text, a `\u` escape needs
//! four digits but no partner; where a string is *decoded* ([`Text::decode`]), surrogates must come in pairs.

use super::Malformed;
use smallvec::SmallVec;
use std::borrow::Cow;
use std::ops::Range;
use wide::u8x16;

const QUOTES: u8x16 = u8x16::new([b'"'; 16]);
const BACKSLASHES: u8x16 = u8x16::new([b'\\'; 16]);
const CONTROLS: u8x16 = u8x16::new([b' ' - 1; 16]);

/// A body under a finger.
pub(super) struct Json<'t> {
    text: &'t [u8],
    pub(super) at: usize,
}

/// A string's place, without its quotes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Text<'t> {
    pub(super) inner: &'t [u8],
    pub(super) has_escapes: bool,
}

impl<'t> Text<'t> {
    /// The string's value. Fails when an escape is half of a surrogate pair.
    #[inline]
    pub(super) fn decode(self) -> Result<Cow<'t, [u8]>, Malformed> {
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
    pub(super) fn new(text: &'t [u8]) -> Result<Self, Malformed> {
        // Most bodies are ASCII, and to see that takes less than to check that they are UTF-8.
        if !text.is_ascii() && std::str::from_utf8(text).is_err() {
            return Err(Malformed);
        }
        Ok(Self { text, at: 0 })
    }

    pub(super) fn text(&self, span: Range<usize>) -> &'t [u8] {
        &self.text[span]
    }

    /// The next byte that is not white space (§2).
    #[inline]
    pub(super) fn peek(&mut self) -> Option<u8> {
        loop {
            match self.text.get(self.at) {
                Some(b' ' | b'\n' | b'\r' | b'\t') => self.at += 1,
                byte => return byte.copied(),
            }
        }
    }

    /// Goes behind this byte, which must be the next one.
    #[inline]
    pub(super) fn expect(&mut self, byte: u8) -> Result<(), Malformed> {
        if self.peek() != Some(byte) {
            return Err(Malformed);
        }
        self.at += 1;
        Ok(())
    }

    /// Goes to the next item of an array, behind the comma, or behind its end: `false`.
    #[inline]
    pub(super) fn next_item(&mut self, is_first: bool) -> Result<bool, Malformed> {
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
    pub(super) fn next_member(&mut self, is_first: bool) -> Result<bool, Malformed> {
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
    pub(super) fn name(&mut self) -> Result<Text<'t>, Malformed> {
        let name = self.string()?;
        self.expect(b':')?;
        Ok(name)
    }

    /// Goes behind a piece of text that stood at an earlier place, if it stands here too.
    #[inline]
    pub(super) fn repeats(&mut self, earlier: &Range<usize>) -> bool {
        let is_equal = self.text[self.at..].starts_with(&self.text[earlier.clone()]);
        if is_equal {
            self.at += earlier.len();
        }
        is_equal
    }

    /// Goes behind a value, whatever it is. Returns its place, without white space around it.
    #[inline]
    pub(super) fn skip(&mut self) -> Result<Range<usize>, Malformed> {
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
                    inside = kind;
                    is_first = true;
                    self.at += 1;
                }
                first => self.skip_scalar(first)?,
            }
        }
    }

    pub(super) fn literal(&mut self, literal: &[u8]) -> Result<(), Malformed> {
        if !self.text[self.at..].starts_with(literal) {
            return Err(Malformed);
        }
        self.at += literal.len();
        Ok(())
    }

    /// Goes behind a number (§6).
    pub(super) fn number(&mut self) -> Result<(), Malformed> {
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
    pub(super) fn string(&mut self) -> Result<Text<'t>, Malformed> {
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
