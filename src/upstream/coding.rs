//! Content codings of answers (RFC 9110 §8.4). Bodies are decoded in this process, for
//! HTTP/1.1 and HTTP/2 in the same way.

use http::HeaderMap;
use http::header::CONTENT_ENCODING;

/// The most gzip codings that may be applied to one body.
const MAX_CODINGS: u8 = 4;

/// How a body is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    /// It is encoded with gzip this many times; 0 if it is not encoded.
    Gzip(u8),
    /// It has a coding that was not asked for, or too many codings.
    Unknown,
}

impl Coding {
    /// Reads the header of a response. Names are compared without regard to case (§8.4.1), and `x-gzip` is `gzip`
    /// (§8.4.1.3). A list, in one header or several (§5.3), names codings in the order in which they were applied.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let mut times = 0;
        for value in headers.get_all(CONTENT_ENCODING) {
            let Ok(text) = value.to_str() else { return Self::Unknown };
            for name in text.split(',').map(str::trim) {
                match name.to_ascii_lowercase().as_str() {
                    // A recipient accepts empty members of a list (§5.6.1.2), and `identity` is not a coding (§12.5.3).
                    "" | "identity" => {}
                    "gzip" | "x-gzip" if times < MAX_CODINGS => times += 1,
                    _ => return Self::Unknown,
                }
            }
        }
        Self::Gzip(times)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn codings_are_told_by_all_headers_in_any_case() {
        for (values, expected) in [
            (&[][..], Coding::Gzip(0)),
            (&["identity"], Coding::Gzip(0)),
            (&["Identity, ,"], Coding::Gzip(0)),
            (&[""], Coding::Gzip(0)),
            (&["gzip"], Coding::Gzip(1)),
            (&["GZip"], Coding::Gzip(1)),
            (&["x-gzip"], Coding::Gzip(1)),
            (&[" X-GZIP , identity"], Coding::Gzip(1)),
            (&["gzip, gzip"], Coding::Gzip(2)),
            (&["gzip", "x-gzip"], Coding::Gzip(2)),
            (&["gzip, gzip, gzip, gzip, gzip"], Coding::Unknown),
            (&["br"], Coding::Unknown),
            (&["gzip, br"], Coding::Unknown),
            (&["gzip;q=1"], Coding::Unknown),
            (&["deflate"], Coding::Unknown),
        ] {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(CONTENT_ENCODING, HeaderValue::from_static(value));
            }
            assert_eq!(Coding::of(&headers), expected, "{values:?}");
        }
    }
}
