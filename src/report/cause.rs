//! Causes: what an operator needs to know of a call that came to nothing, and clients must not.
//!
//! Always true: a cause holds nothing of an answer's body, no header but a media type, and no value of a URL's query.

use http::{Method, Uri};
use reqwest::Url;
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// Longest text that is taken from elsewhere, such as a path or a media type, in characters.
const MAX_CHARACTERS: usize = 300;

/// Why a call has no usable answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cause {
    /// What happened, as a sentence without its full stop.
    pub what: Cow<'static, str>,
    /// The status, if a head came.
    pub status: Option<u16>,
    /// The answer's media type, if it matters and one was sent.
    pub media_type: Option<Box<str>>,
    /// What the service itself says of it, on one line: for developers only.
    pub said: Option<Box<str>>,
    /// What was called, if anything was sent or about to be.
    pub called: Option<Arc<Called>>,
}

impl From<&'static str> for Cause {
    fn from(what: &'static str) -> Self {
        Self { what: what.into(), ..Self::default() }
    }
}

impl From<String> for Cause {
    fn from(what: String) -> Self {
        Self { what: what.into(), ..Self::default() }
    }
}

/// The method and URL of one call.
///
/// Written without the values of the query, which can be secrets: `GET https://host/path?name=…`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Called {
    method: Method,
    url: CalledUrl,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum CalledUrl {
    /// A URL in two parts: scheme and authority, then path and query.
    Direct(Uri, Uri),
    Whole(Box<Url>),
}

impl Called {
    /// A call by HTTP/1.1; `origin` is scheme and authority.
    pub(crate) fn direct(method: &Method, origin: &Uri, target: &Uri) -> Self {
        Self { method: method.clone(), url: CalledUrl::Direct(origin.clone(), target.clone()) }
    }

    /// A call by HTTP/2.
    pub(crate) fn whole(method: &Method, url: &Url) -> Self {
        Self { method: method.clone(), url: CalledUrl::Whole(Box::new(url.clone())) }
    }
}

impl fmt::Display for Called {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (path, query) = match &self.url {
            CalledUrl::Direct(origin, target) => {
                write!(f, "{} {}://", self.method, origin.scheme_str().unwrap_or_default())?;
                let authority = origin.authority().map_or("", |authority| authority.as_str());
                // Not with the credentials before the host (RFC 3986 §3.2.1).
                f.write_str(authority.rsplit('@').next().unwrap_or_default())?;
                (target.path(), target.query())
            }
            CalledUrl::Whole(url) => {
                write!(f, "{} {}://{}", self.method, url.scheme(), url.host_str().unwrap_or_default())?;
                if let Some(port) = url.port() {
                    write!(f, ":{port}")?;
                }
                (url.path(), url.query())
            }
        };
        f.write_str(&shortened(path))?;
        if let Some(query) = query {
            let names = query.split('&').map(|parameter| parameter.split('=').next().unwrap_or_default());
            let names: Vec<String> = names.map(|name| format!("{name}=…")).collect();
            write!(f, "?{}", shortened(&names.join("&")))?;
        }
        Ok(())
    }
}

/// A text from elsewhere, on one line and no longer than allowed.
pub(crate) fn shortened(text: &str) -> String {
    let mut characters = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut short: String = characters.by_ref().take(MAX_CHARACTERS).collect();
    if characters.next().is_some() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_called_is_told_without_values_of_its_query() {
        let origin: Uri = "http://shop.test:8080/".parse().expect("a URI");
        for (target, expected) in [
            ("/x", "GET http://shop.test:8080/x"),
            ("/x?key=secret&limit=3", "GET http://shop.test:8080/x?key=…&limit=…"),
            ("/x?secret", "GET http://shop.test:8080/x?secret=…"),
        ] {
            let called = Called::direct(&Method::GET, &origin, &target.parse().expect("a target"));
            assert_eq!(called.to_string(), expected);
        }
        let origin: Uri = "http://user:secret@shop.test:8080/".parse().expect("a URI");
        let called = Called::direct(&Method::GET, &origin, &"/x".parse().expect("a target"));
        assert_eq!(called.to_string(), "GET http://shop.test:8080/x");
        let url = Url::parse("https://user:secret@shop.test:8443/a/b?key=secret").expect("a URL");
        let called = Called::whole(&Method::POST, &url).to_string();
        assert_eq!(called, "POST https://shop.test:8443/a/b?key=…");
    }

    #[test]
    fn texts_from_elsewhere_are_one_short_line() {
        assert_eq!(shortened("a\r\nb"), "a  b");
        assert_eq!(shortened(&"é".repeat(400)).chars().count(), MAX_CHARACTERS + 1);
    }
}
