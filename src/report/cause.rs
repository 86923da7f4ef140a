//! Causes: why a call failed, in words for operators. Clients in production never see them.
//!
//! Always true: a cause holds nothing of an answer's body, no header except a media type, and no values of a URL's
//! query.

use http::{Method, Uri};
use reqwest::Url;
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// The longest text that is taken from a service or a URL, such as a path or a media type, in characters.
const MAX_CHARACTERS: usize = 300;

/// Why a call has no usable answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cause {
    /// What happened, as a sentence without a full stop.
    pub what: Cow<'static, str>,
    /// The HTTP status, if the head of an answer came.
    pub status: Option<u16>,
    /// The media type of the answer, where it matters.
    pub media_type: Option<Box<str>>,
    /// What the service itself says about it, on one line; for developers only.
    pub said: Option<Box<str>>,
    /// The method and URL, if the call was sent or about to be sent.
    pub called: Option<Arc<CallTarget>>,
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
/// Its text leaves out the values of the query, which can be secrets: `GET https://host/path?name=…`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallTarget {
    method: Method,
    url: TargetUrl,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum TargetUrl {
    /// A URL in two parts: scheme and authority, and path and query.
    Direct(Uri, Uri),
    Whole(Box<Url>),
}

impl CallTarget {
    /// The target of a call over HTTP/1.1; `origin` has the scheme and the authority.
    pub(crate) fn direct(method: &Method, origin: &Uri, target: &Uri) -> Self {
        Self { method: method.clone(), url: TargetUrl::Direct(origin.clone(), target.clone()) }
    }

    /// The target of a call over HTTP/2.
    pub(crate) fn whole(method: &Method, url: &Url) -> Self {
        Self { method: method.clone(), url: TargetUrl::Whole(Box::new(url.clone())) }
    }
}

impl fmt::Display for CallTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (path, query) = match &self.url {
            TargetUrl::Direct(origin, target) => {
                write!(f, "{} {}://", self.method, origin.scheme_str().unwrap_or_default())?;
                let authority = origin.authority().map_or("", |authority| authority.as_str());
                // Not with the credentials before the host (RFC 3986 §3.2.1).
                f.write_str(authority.rsplit('@').next().unwrap_or_default())?;
                (target.path(), target.query())
            }
            TargetUrl::Whole(url) => {
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

/// Puts a text on one line and cuts it to 300 characters.
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
            let called = CallTarget::direct(&Method::GET, &origin, &target.parse().expect("a target"));
            assert_eq!(called.to_string(), expected);
        }
        let origin: Uri = "http://user:secret@shop.test:8080/".parse().expect("a URI");
        let called = CallTarget::direct(&Method::GET, &origin, &"/x".parse().expect("a target"));
        assert_eq!(called.to_string(), "GET http://shop.test:8080/x");
        let url = Url::parse("https://user:secret@shop.test:8443/a/b?key=secret").expect("a URL");
        let called = CallTarget::whole(&Method::POST, &url).to_string();
        assert_eq!(called, "POST https://shop.test:8443/a/b?key=…");
    }

    #[test]
    fn texts_from_elsewhere_are_one_short_line() {
        assert_eq!(shortened("a\r\nb"), "a  b");
        assert_eq!(shortened(&"é".repeat(400)).chars().count(), MAX_CHARACTERS + 1);
    }
}
