//! Content codings of answers (RFC 9110 §8.4): what an answer's header names is undone here, by HTTP/1.1 and HTTP/2 alike.

use http::HeaderMap;
use http::header::CONTENT_ENCODING;

/// Most codings, one upon the other.
const MAX_CODINGS: u8 = 4;

/// How a body is coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    /// So many times by gzip; 0: not at all.
    Gzip(u8),
    /// By something that was not asked for.
    Unknown,
}

impl Coding {
    /// What a response's header says. Names are compared in any case (§8.4.1), `x-gzip` is `gzip` (§8.4.1.3), and a list
    /// names codings in the order in which they were applied, over one header or several (§5.3).
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let mut times = 0;
        for value in headers.get_all(CONTENT_ENCODING) {
            let Ok(text) = value.to_str() else { return Self::Unknown };
            for name in text.split(',').map(str::trim) {
                match name.to_ascii_lowercase().as_str() {
                    // §5.6.1.2: a recipient takes empty members; §12.5.3: `identity` is no coding.
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
