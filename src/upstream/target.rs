//! Targets of requests: each is appended to its service's base URL, and cannot lead to another place.

use super::client::ClientError;
use bytes::Bytes;
use http::HeaderValue;
use http::uri::{PathAndQuery, Uri};
use reqwest::Url;
use rustls::pki_types::ServerName;

/// The error for a base URL that cannot be used. Its message quotes nothing of the URL, because
/// the URL may contain a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("its URL is not an http or https base URL without user, query and fragment")]
pub struct InvalidBaseUrl;

/// A base URL, parsed once.
#[derive(Debug)]
pub(super) struct Base {
    url: Url,
    /// The path of the URL without the slash at its end; empty for the root.
    prefix: String,
    origin: Origin,
}

/// The origin of a base URL.
#[derive(Debug)]
pub(super) struct Origin {
    /// The scheme and authority, with the path `/`.
    pub(super) uri: Uri,
    /// The value of the header `host`.
    pub(super) host: HeaderValue,
}

impl Base {
    pub(super) fn parse(text: &str) -> Result<Self, InvalidBaseUrl> {
        let invalid = || InvalidBaseUrl;
        let url = Url::parse(text).map_err(|_| invalid())?;
        let has_user = !url.username().is_empty() || url.password().is_some();
        let is_plain = url.query().is_none() && url.fragment().is_none() && !has_user;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() || !is_plain {
            return Err(invalid());
        }
        let prefix = url.path().trim_end_matches('/').to_owned();
        let origin = Origin::of(&url).ok_or_else(invalid)?;
        Ok(Self { url, prefix, origin })
    }

    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    pub(super) fn is_https(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// The origin of the base URL.
    pub(super) fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The name that the service's certificate must have.
    pub(super) fn server_name(&self) -> Result<ServerName<'static>, ClientError> {
        let host = self.url.host_str().unwrap_or_default();
        // An IPv6 address has brackets only in URLs (RFC 3986 §3.2.2).
        let name = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
        ServerName::try_from(name.to_owned()).map_err(|_| ClientError::HostName(host.to_owned()))
    }

    /// The base URL itself, in origin form (RFC 9112 §3.2.1).
    pub(super) fn in_origin_form(&self) -> Result<Uri, &'static str> {
        origin_form(self.url.path().to_owned())
    }

    /// Appends `target` as [`Base::join`] does, and returns the result in origin form.
    pub(super) fn join_in_origin_form(&self, target: &str) -> Result<Uri, &'static str> {
        // URL parsers escape these characters in a path or a query.
        if target.bytes().any(|byte| matches!(byte, b'"' | b'\'' | b'<' | b'>' | b'^' | b'`' | b'{' | b'|' | b'}')) {
            let url = self.join(target)?;
            let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
            return origin_form(format!("{}{query}", url.path()));
        }
        check(target)?;
        origin_form([&*self.prefix, target].concat())
    }

    /// The base with `target` (path and query, percent-encoded) appended to its path.
    ///
    /// Targets that a URL parser would read differently than they look are refused. A segment `..`, which may be
    /// written `%2e%2e`, leaves the path that the binding names, and cannot be encoded so that parsers leave it alone.
    pub(super) fn join(&self, target: &str) -> Result<Url, &'static str> {
        let (path, query) = check(target)?;
        let mut url = self.url.clone();
        if self.prefix.is_empty() {
            url.set_path(path);
        } else {
            let mut whole = String::with_capacity(self.prefix.len() + path.len());
            whole.push_str(&self.prefix);
            whole.push_str(path);
            url.set_path(&whole);
        }
        url.set_query(query);
        Ok(url)
    }
}

impl Origin {
    /// The origin of a URL; `None` if the URL has no host that a header can hold.
    fn of(url: &Url) -> Option<Self> {
        // The port is left out if it is the default port of the scheme.
        let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
        let authority = format!("{}{port}", url.host_str()?);
        let host = HeaderValue::from_str(&authority).ok()?;
        let uri = Uri::builder().scheme(url.scheme()).authority(authority).path_and_query("/").build().ok()?;
        Some(Self { uri, host })
    }
}

fn origin_form(text: String) -> Result<Uri, &'static str> {
    let target = PathAndQuery::from_maybe_shared(Bytes::from(text)).map_err(|_| "a target is a path and a query")?;
    Ok(Uri::from(target))
}

/// Checks that a target may be appended, and splits it into its path and its query.
fn check(target: &str) -> Result<(&str, Option<&str>), &'static str> {
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    };
    if !path.starts_with('/') {
        return Err("a target starts with `/`");
    }
    if target.bytes().any(|byte| !byte.is_ascii_graphic() || matches!(byte, b'#' | b'\\')) {
        return Err("a target is percent-encoded ASCII");
    }
    if path.split('/').any(is_dot_segment) {
        return Err("a path has no `.` or `..` segments");
    }
    Ok((path, query))
}

/// Whether a segment is `.` or `..`, where `%2e` counts as a dot (URL Standard, *double-dot URL path segment*).
fn is_dot_segment(segment: &str) -> bool {
    let mut rest = segment.as_bytes();
    // A segment with two dots of three bytes each is the longest.
    if rest.is_empty() || rest.len() > 6 {
        return false;
    }
    let mut dots = 0;
    while !rest.is_empty() {
        rest = match rest {
            [b'.', rest @ ..] | [b'%', b'2', b'e' | b'E', rest @ ..] => rest,
            _ => return false,
        };
        dots += 1;
    }
    dots <= 2
}

#[cfg(test)]
mod tests {
    use super::*;

    fn join(base: &str, target: &str) -> Result<String, &'static str> {
        Base::parse(base).expect("a base URL").join(target).map(String::from)
    }

    #[test]
    fn targets_are_appended_to_the_path_of_the_base() {
        for (base, target, url) in [
            ("http://a", "/x", "http://a/x"),
            ("http://a/", "/x?y=1&y=%2F", "http://a/x?y=1&y=%2F"),
            ("http://a:8080/v1/", "/x/7", "http://a:8080/v1/x/7"),
            ("https://a/v1", "//b/x", "https://a/v1//b/x"),
            ("http://a", "//b/x", "http://a//b/x"),
            ("http://a", "/@b:80/x", "http://a/@b:80/x"),
            ("http://a", "/x%2F..%2Fy?z=..", "http://a/x%2F..%2Fy?z=.."),
            ("http://a", "/...?", "http://a/...?"),
        ] {
            assert_eq!(join(base, target).as_deref(), Ok(url), "{base} + {target}");
        }
    }

    #[test]
    fn origin_form_is_the_end_of_the_joined_url() {
        for base in ["http://a", "https://a:8080/v1/", "http://[::1]:80/v1", "https://a:443/b%20c"] {
            let base = Base::parse(base).expect("a base URL");
            let origin = base.origin().uri.to_string();
            for target in ["/x", "/x?y=1&y=%2F", "//b/x", "/@b:80/x", "/...?", "/?", "/{x}?q=\"'<>^`|{}", "/^`|<\">'"] {
                let url = base.join(target).expect("a target").to_string();
                let form = base.join_in_origin_form(target).expect("a target").to_string();
                assert_eq!(format!("{}{form}", origin.trim_end_matches('/')), url, "{origin} + {target}");
            }
            let whole = format!("{}{}", origin.trim_end_matches('/'), base.in_origin_form().expect("a path"));
            assert_eq!(whole, base.url().to_string());
        }
    }

    #[test]
    fn targets_that_lead_elsewhere_are_refused() {
        for target in [
            "x",
            "",
            "?a=1",
            "/a/../b",
            "/a/%2e%2E/b",
            "/.%2e",
            "/.",
            "/%2e/x",
            "/a\\..\\b",
            "/a#b",
            "/a b",
            "/a\tb",
            "/é",
            "http://b/x",
        ] {
            assert!(join("http://a/v1", target).is_err(), "{target} was let through");
            let base = Base::parse("http://a/v1").expect("a base URL");
            assert!(base.join_in_origin_form(target).is_err(), "{target} was let through");
        }
    }

    #[test]
    fn base_urls_are_http_and_plain() {
        for base in [
            "",
            "a/b",
            "/x",
            "ftp://a",
            "data:text/plain,x",
            "http://a?x",
            "http://a#x",
            "http://",
            "http://u:p@a",
            "http://:p@a",
        ] {
            assert!(Base::parse(base).is_err(), "{base} was let through");
        }
    }
}
