//! JSON text, read from front to back without building anything (RFC 8259).
//!
//! The grammar is followed exactly. It allows an escape that is half of a surrogate pair (§8.2) and numbers that no
//! double can hold (§6), so neither makes a text malformed.
//!
//! Always true: no value is nested deeper than [`MAX_DEPTH`], whether it is read, kept as text or skipped (RFC 8259 §9
//! allows an implementation to limit it).

use super::{MAX_DEPTH, Malformed};
use smallvec::SmallVec;
use std::borrow::Cow;
use std::ops::Range;
use wide::u8x16;

const QUOTES: u8x16 = u8x16::new([b'"'; 16]);
const BACKSLASHES: u8x16 = u8x16::new([b'\\'; 16]);
const CONTROLS: u8x16 = u8x16::new([b' ' - 1; 16]);

/// A position in a text, which moves forward.
#[derive(Debug)]
pub(crate) struct Json<'t> {
    text: &'t [u8],
    pub(crate) at: usize,
    /// How many objects and lists are open at the position.
    depth: u32,
}

/// A string's place, without its quotes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Text<'t> {
    pub(crate) inner: &'t [u8],
    pub(crate) has_escapes: bool,
}

impl<'t> Text<'t> {
    /// The string's value. It is UTF-8, except where an escape is half of a surrogate pair (§8.2). Such an escape
    /// becomes the three bytes that UTF-8 would give it if it were a character, so that the value equals no text.
    #[inline]
    pub(crate) fn decode(self) -> Cow<'t, [u8]> {
        if self.has_escapes { Cow::Owned(decode(self.inner)) } else { Cow::Borrowed(self.inner) }
    }
}

/// Decodes a string that has escapes, which were checked before. Such strings are rare, so this need not be fast.
#[cold]
fn decode(inner: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(inner.len());
    let mut at = 0;
    while let Some(&byte) = inner.get(at) {
        if byte != b'\\' {
            text.push(byte);
            at += 1;
            continue;
        }
        let (code, len) = escape(&inner[at..]);
        // A pair of halves is one character (§7).
        let low = if (0xd800..0xdc00).contains(&code) { inner.get(at + len..).map(escape) } else { None };
        at += len;
        match low {
            Some((low, len)) if (0xdc00..0xe000).contains(&low) => {
                at += len;
                push(0x1_0000 + ((code - 0xd800) << 10) + (low - 0xdc00), &mut text);
            }
            _ => push(code, &mut text),
        }
    }
    text
}

/// The escape at the front of a string: its code and its length in bytes. A character that is no escape has code 0 and
/// length 1.
fn escape(text: &[u8]) -> (u32, usize) {
    match text {
        [b'\\', b'u', digits @ ..] => {
            let digits = digits.iter().take(4).filter_map(|&digit| char::from(digit).to_digit(16));
            (digits.fold(0, |code, digit| code * 16 + digit), 6)
        }
        [b'\\', b'b', ..] => (0x8, 2),
        [b'\\', b'f', ..] => (0xc, 2),
        [b'\\', b'n', ..] => (0xa, 2),
        [b'\\', b'r', ..] => (0xd, 2),
        [b'\\', b't', ..] => (0x9, 2),
        [b'\\', other, ..] => (u32::from(*other), 2),
        _ => (0, 1),
    }
}

/// Appends a code point in UTF-8, halves of surrogate pairs too.
fn push(code: u32, text: &mut Vec<u8>) {
    match char::from_u32(code) {
        Some(c) => text.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        // U+D800 to U+DFFF take three bytes, whose first is 0xED.
        None => text.extend_from_slice(&[0xed, 0x80 | (code >> 6 & 0x3f) as u8, 0x80 | (code & 0x3f) as u8]),
    }
}

impl<'t> Json<'t> {
    /// Starts at the front of a text. Fails if the text is not UTF-8 (RFC 8259 §8.1).
    pub(crate) fn new(text: &'t [u8]) -> Result<Self, Malformed> {
        // Most bodies are ASCII, and to see that takes less than to check that they are UTF-8.
        if !text.is_ascii() && std::str::from_utf8(text).is_err() {
            return Err(Malformed);
        }
        Ok(Self { text, at: 0, depth: 0 })
    }

    /// Starts at a byte of a text that was read before, outside of any object or list.
    pub(crate) fn known(text: &'t [u8], at: usize) -> Self {
        Self { text, at, depth: 0 }
    }

    /// Notes that an object or list begins, whose opening bracket is just before the position.
    #[inline]
    pub(crate) fn enter(&mut self) -> Result<(), Malformed> {
        self.depth += 1;
        self.at += 1;
        if self.depth > MAX_DEPTH { Err(Malformed) } else { Ok(()) }
    }

    /// Notes that an object or list ended, whose closing bracket is just before the position.
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

    /// Moves past this byte, which must be the next one.
    #[inline]
    pub(crate) fn expect(&mut self, byte: u8) -> Result<(), Malformed> {
        if self.peek() != Some(byte) {
            return Err(Malformed);
        }
        self.at += 1;
        Ok(())
    }

    /// Moves to the next item of an array, past the comma. Returns `false` at the end, past the closing bracket.
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

    /// Moves to the opening quote of an object's next member name. Returns `false` at the end, past the closing
    /// bracket.
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

    /// Moves past a member's name and its colon.
    #[inline]
    pub(crate) fn name(&mut self) -> Result<Text<'t>, Malformed> {
        let name = self.string()?;
        self.expect(b':')?;
        Ok(name)
    }

    /// Moves past a piece of text that stood at an earlier place, if it stands here too.
    #[inline]
    pub(crate) fn repeats(&mut self, earlier: &Range<usize>) -> bool {
        let is_equal = self.text[self.at..].starts_with(&self.text[earlier.clone()]);
        if is_equal {
            self.at += earlier.len();
        }
        is_equal
    }

    /// Moves past a value of any kind. Returns its place, without the white space around it.
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

    /// Moves past an object or list. The open ones are noted in a list instead of on the stack, so that deep nesting
    /// cannot overflow it.
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

    /// Moves past a number (§6).
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

    /// Moves past a string, from its opening quote (§7).
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

    /// The place just after an escape.
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

    /// Finds the next quote, backslash or control character of a string, sixteen bytes at a time.
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
