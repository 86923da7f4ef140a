//! Where a request goes: a target under a base URL, and nowhere else.

use reqwest::Url;

/// A base URL that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an http or https base URL without user, query and fragment")]
pub struct InvalidBaseUrl(String);

/// A base URL, parsed once.
#[derive(Debug)]
pub(super) struct Base {
    url: Url,
    /// Its path without the slash at its end: empty for the root.
    prefix: String,
}

impl Base {
    pub(super) fn parse(text: &str) -> Result<Self, InvalidBaseUrl> {
        let invalid = || InvalidBaseUrl(text.to_owned());
        let url = Url::parse(text).map_err(|_| invalid())?;
        let is_plain = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() || !is_plain {
            return Err(invalid());
        }
        let prefix = url.path().trim_end_matches('/').to_owned();
        Ok(Self { url, prefix })
    }

    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    /// The base with `target` (path and query, percent-encoded) appended to its path.
    ///
    /// Refused: what a URL parser would read as something else than it looks. A segment `..`, also as `%2e%2e`, climbs
    /// out of the path that the binding names, and cannot be encoded in a way that parsers leave alone.
    pub(super) fn join(&self, target: &str) -> Result<Url, &'static str> {
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

/// `.`, `..`, and both with `%2e` for a dot (URL Standard, *double-dot URL path segment*).
fn is_dot_segment(segment: &str) -> bool {
    let mut rest = segment.as_bytes();
    // At most two dots of three bytes each.
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
        }
    }

    #[test]
    fn base_urls_are_http_and_plain() {
        for base in
            ["", "a/b", "/x", "ftp://a", "data:text/plain,x", "http://a?x", "http://a#x", "http://", "http://u:p@a"]
        {
            assert!(Base::parse(base).is_err(), "{base} was let through");
        }
    }
}
