//! The checks of a request's head that HTTP/1 demands and the HTTP library does not make.
//!
//! In: a head that the library has read, or the library's error. Out: the answer that refuses the head, if it is to be
//! refused, or the status of the library's own answer. Such answers are plain text or empty, because no GraphQL request
//! was understood.
//!
//! The library itself answers 431 if a head is too long. It answers 400 if a head is not HTTP, if the last transfer
//! coding is not `chunked` (RFC 9112 §6.3 rule 4), if there is a transfer coding in HTTP/1.0, and if there are several
//! lengths that differ. If there are both a transfer coding and a length, it ignores the length and closes the
//! connection afterwards.

use axum::body::Body;
use http::header::{CONNECTION, CONTENT_TYPE, HOST, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Version};

/// The reason why a head is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum Flaw {
    #[error("the request has no `host` header")]
    NoHost,
    #[error("the request has more than one `host` header")]
    SeveralHosts,
    #[error("`host` must be a host, perhaps with a port")]
    InvalidHost,
    #[error("`chunked` must be the last transfer coding, and stand once")]
    Chunked,
    #[error("the body has a transfer coding that is not supported; send it plain or `chunked`")]
    UnknownCoding,
}

impl Flaw {
    fn status(self) -> StatusCode {
        match self {
            Self::UnknownCoding => StatusCode::NOT_IMPLEMENTED,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

/// The answer to a request whose head is refused; it ends the connection. `None` if the head is correct.
pub(super) fn refusal<B>(request: &Request<B>) -> Option<Response<Body>> {
    let flaw = check(request.version(), request.headers()).err()?;
    tracing::debug!(%flaw, "refused by its head");
    let mut answer = Response::new(Body::from(format!("{flaw}\n")));
    *answer.status_mut() = flaw.status();
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    Some(answer)
}

/// The status with which the library has refused the head of a request; `None` if the error is another one, or if the
/// library has sent no answer.
pub(super) fn refused_by_library(error: &hyper::Error) -> Option<StatusCode> {
    match error {
        error if error.is_parse_version_h2() => None,
        error if error.is_parse_too_large() => Some(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE),
        error if error.is_parse() => Some(StatusCode::BAD_REQUEST),
        _ => None,
    }
}

fn check(version: Version, headers: &HeaderMap) -> Result<(), Flaw> {
    check_host(version, headers)?;
    if headers.contains_key(TRANSFER_ENCODING) { check_codings(headers) } else { Ok(()) }
}

/// RFC 9112 §3.2: a request of HTTP/1.1 has exactly one `Host`. More than one, or an invalid one, is wrong in any
/// version.
fn check_host(version: Version, headers: &HeaderMap) -> Result<(), Flaw> {
    let mut hosts = headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) if version == Version::HTTP_11 => Err(Flaw::NoHost),
        (None, _) => Ok(()),
        (Some(_), Some(_)) => Err(Flaw::SeveralHosts),
        (Some(host), None) if is_host(host.as_bytes()) => Ok(()),
        (Some(_), None) => Err(Flaw::InvalidHost),
    }
}

/// Whether a value has the form `uri-host [ ":" port ]` (RFC 9110 §7.2). It may be empty, for a target without an
/// authority.
fn is_host(value: &[u8]) -> bool {
    let (is_right, rest) = match value {
        [b'[', inside @ ..] => match inside.iter().position(|&byte| byte == b']') {
            Some(end) => (is_ip_literal(&inside[..end]), &inside[end + 1..]),
            None => return false,
        },
        _ => {
            let end = value.iter().position(|&byte| byte == b':').unwrap_or(value.len());
            (is_reg_name(&value[..end]), &value[end..])
        }
    };
    let is_port = match rest {
        [] => true,
        [b':', digits @ ..] => digits.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    is_right && is_port
}

/// Whether a text may stand between brackets (RFC 3986 §3.2.2): an IPv6 address, or an address of a later version.
fn is_ip_literal(text: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(text) else { return false };
    let is_future = || {
        let rest = text.strip_prefix(['v', 'V']).and_then(|rest| rest.split_once('.'));
        rest.is_some_and(|(version, address)| {
            let is_hex = !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_hexdigit());
            is_hex && !address.is_empty() && address.bytes().all(|byte| is_name_byte(byte) || byte == b':')
        })
    };
    text.parse::<std::net::Ipv6Addr>().is_ok() || is_future()
}

/// Whether a text is a registered name or an IPv4 address (RFC 3986 §3.2.2). It may be empty.
fn is_reg_name(name: &[u8]) -> bool {
    let mut rest = name;
    while let [first, after @ ..] = rest {
        rest = match (first, after) {
            (b'%', [high, low, after @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => after,
            (byte, after) if is_name_byte(*byte) => after,
            _ => return false,
        };
    }
    true
}

/// Whether a byte is one of `unreserved` or `sub-delims` (RFC 3986 §2.2 and §2.3).
fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=".contains(&byte)
}

/// RFC 9112 §6.1 and §7: `chunked` stands once and last. Other codings are not supported.
fn check_codings(headers: &HeaderMap) -> Result<(), Flaw> {
    let lines = headers.get_all(TRANSFER_ENCODING).iter();
    let codings = lines.flat_map(|line| line.as_bytes().split(|&byte| byte == b',')).map(<[u8]>::trim_ascii);
    let mut chunked = 0;
    for coding in codings.filter(|coding| !coding.is_empty()) {
        if !coding.eq_ignore_ascii_case(b"chunked") {
            return Err(Flaw::UnknownCoding);
        }
        chunked += 1;
    }
    if chunked == 1 { Ok(()) } else { Err(Flaw::Chunked) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(version: Version, lines: &[(&'static str, &str)]) -> Result<(), Flaw> {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        check(version, &headers)
    }

    #[test]
    fn a_request_has_one_host() {
        for (version, hosts, expected) in [
            (Version::HTTP_11, vec!["shop.example"], Ok(())),
            (Version::HTTP_11, vec![], Err(Flaw::NoHost)),
            (Version::HTTP_10, vec![], Ok(())),
            (Version::HTTP_10, vec!["a"], Ok(())),
            (Version::HTTP_11, vec!["a", "a"], Err(Flaw::SeveralHosts)),
            (Version::HTTP_10, vec!["a", "b"], Err(Flaw::SeveralHosts)),
        ] {
            let lines: Vec<_> = hosts.iter().map(|host| ("host", *host)).collect();
            assert_eq!(checked(version, &lines), expected, "{version:?} {hosts:?}");
        }
    }

    #[test]
    fn a_host_is_a_host_perhaps_with_a_port() {
        for (host, is_right) in [
            ("", true),
            ("shop.example:443", true),
            ("shop.example:", true),
            ("127.0.0.1:80", true),
            ("[::1]", true),
            ("[::1]:8080", true),
            ("[v1.a:b]", true),
            ("a%20b", true),
            ("a_b", true),
            ("[::1", false),
            ("[::1]x", false),
            ("[x]", false),
            ("::1", false),
            ("a:b", false),
            ("a:1:2", false),
            ("a b", false),
            ("a, b", false),
            ("user@a", false),
            ("a/b", false),
            ("http://a", false),
            ("a%2", false),
            ("a%zz", false),
            ("\u{e9}", false),
        ] {
            let expected = if is_right { Ok(()) } else { Err(Flaw::InvalidHost) };
            assert_eq!(checked(Version::HTTP_11, &[("host", host)]), expected, "{host}");
        }
    }

    #[test]
    fn chunked_is_the_only_transfer_coding() {
        for (codings, expected) in [
            (vec!["chunked"], Ok(())),
            (vec!["Chunked"], Ok(())),
            (vec![" , chunked,"], Ok(())),
            (vec!["gzip, chunked"], Err(Flaw::UnknownCoding)),
            (vec!["gzip", "chunked"], Err(Flaw::UnknownCoding)),
            (vec!["identity, chunked"], Err(Flaw::UnknownCoding)),
            (vec!["chunked;a=b"], Err(Flaw::UnknownCoding)),
            (vec!["xchunked"], Err(Flaw::UnknownCoding)),
            (vec!["chunked, chunked"], Err(Flaw::Chunked)),
            (vec!["chunked", "chunked"], Err(Flaw::Chunked)),
            (vec![""], Err(Flaw::Chunked)),
        ] {
            let lines = codings.iter().map(|coding| ("transfer-encoding", *coding));
            let lines: Vec<_> = [("host", "a")].into_iter().chain(lines).collect();
            assert_eq!(checked(Version::HTTP_11, &lines), expected, "{codings:?}");
        }
    }
}
