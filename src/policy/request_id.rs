//! Request ids, by which one request is told from others.

use http::HeaderValue;
use std::fmt;

/// The longest request id that is taken from a caller, in bytes.
const MAX_BYTES: usize = 128;

/// The id of a request, in this process and in the services: the caller's own id, or one that was made here. It is
/// empty if there is no request.
///
/// The id is in the log, in the answer and in each call. Cloning it allocates nothing.
#[derive(Clone)]
pub struct RequestId(Kind);

#[derive(Clone)]
enum Kind {
    /// An id that was made here: hexadecimal digits.
    Made([u8; 32]),
    /// An id of the caller: at most [`MAX_BYTES`] visible ASCII characters.
    Taken(HeaderValue),
}

impl RequestId {
    /// The id that a caller sent; `None` if it is not 1 to 128 visible ASCII characters.
    #[must_use]
    pub fn taken(value: &HeaderValue) -> Option<Self> {
        let is_sane =
            (1..=MAX_BYTES).contains(&value.len()) && value.as_bytes().iter().all(|byte| byte.is_ascii_graphic());
        is_sane.then(|| Self(Kind::Taken(value.clone())))
    }

    /// An id that is written in code.
    ///
    /// # Panics
    /// If the text is not a valid value of a header.
    #[must_use]
    pub const fn from_static(text: &'static str) -> Self {
        Self(Kind::Taken(HeaderValue::from_static(text)))
    }

    /// A new id made of 128 bits.
    #[must_use]
    pub fn made(high: u64, low: u64) -> Self {
        let mut digits = [0; 32];
        for (half, bits) in digits.chunks_exact_mut(16).zip([high, low]) {
            for (at, digit) in half.iter_mut().enumerate() {
                *digit = b"0123456789abcdef"[(bits >> (60 - 4 * at) & 0xf) as usize];
            }
        }
        Self(Kind::Made(digits))
    }

    /// The id of one operation on a connection, made of the connection's id and the operation's number.
    #[must_use]
    pub fn numbered(&self, number: u64) -> Self {
        HeaderValue::from_str(&format!("{self}-{number}")).map_or_else(|_| self.clone(), |id| Self(Kind::Taken(id)))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let bytes = match &self.0 {
            Kind::Made(digits) => digits.as_slice(),
            Kind::Taken(value) => value.as_bytes(),
        };
        // Both kinds are ASCII.
        std::str::from_utf8(bytes).unwrap_or_default()
    }

    /// The id as the value of a header.
    #[must_use]
    pub fn to_header(&self) -> HeaderValue {
        match &self.0 {
            Kind::Made(digits) => HeaderValue::from_bytes(digits).unwrap_or(HeaderValue::from_static("")),
            Kind::Taken(value) => value.clone(),
        }
    }
}

impl Default for RequestId {
    fn default() -> Self {
        Self::from_static("")
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_read_the_same_as_text_and_as_header() {
        let made = RequestId::made(0x0123_4567_89ab_cdef, 0xf);
        let taken = RequestId::taken(&HeaderValue::from_static("abc-1")).expect("a sane id");
        for (id, text) in [
            (&made, "0123456789abcdef000000000000000f"),
            (&taken, "abc-1"),
            (&taken.numbered(7), "abc-1-7"),
            (&made.numbered(12), "0123456789abcdef000000000000000f-12"),
            (&RequestId::default(), ""),
        ] {
            assert_eq!(id.as_str(), text);
            assert_eq!(id.to_header(), text);
        }
    }

    #[test]
    fn only_short_visible_ascii_is_taken() {
        for (text, is_taken) in [
            ("abc-1".to_owned(), true),
            ("x".repeat(128), true),
            ("x".repeat(129), false),
            ("a b".to_owned(), false),
            (String::new(), false),
            ("é".to_owned(), false),
        ] {
            let value = HeaderValue::from_bytes(text.as_bytes()).expect("a header");
            assert_eq!(RequestId::taken(&value).is_some(), is_taken, "{text}");
        }
    }
}
