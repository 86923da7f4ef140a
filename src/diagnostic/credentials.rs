//! Hides credentials in URLs: everything before the `@` of an authority is replaced, wherever a text comes from.

use std::borrow::Cow;

/// Hides the user and password of every URL in a text (RFC 3986 §3.2.1). Each byte of them becomes `*`, so that all offsets
/// stay valid.
#[must_use]
pub fn without_credentials(text: &str) -> Cow<'_, str> {
    let mut masked = String::new();
    let mut rest = text;
    while let Some(start) = authority_start(rest) {
        let (before, authority) = rest.split_at(start);
        // An authority ends at a slash, a query or a fragment; a password that was not escaped may hold those.
        let end = authority.find(|c: char| c.is_whitespace() || "\"'`<>,{}".contains(c)).unwrap_or(authority.len());
        let user = authority[..end].rfind('@').filter(|&at| {
            // In `//host/path@2` the `@` belongs to the path; `//user:pass/word@host` has a colon before the slash.
            let slash = authority[..at].find(['/', '?', '#']).unwrap_or(at);
            slash == at || authority[..slash].contains(':') && !is_host_and_port(&authority[..slash])
        });
        masked.push_str(before);
        masked.extend(std::iter::repeat_n('*', user.unwrap_or_default()));
        rest = &authority[user.unwrap_or_default()..];
    }
    if masked.bytes().any(|byte| byte == b'*') {
        masked.push_str(rest);
        return Cow::Owned(masked);
    }
    Cow::Borrowed(text)
}

/// Where the first authority of a text begins: behind `//`, or behind `http:` or `https:` with any slashes or none, for a
/// parser of URLs takes these for the same (WHATWG URL Standard §4.4, "special authority ignore slashes state").
fn authority_start(text: &str) -> Option<usize> {
    let has_scheme = |before: &[u8]| {
        [&b"http"[..], b"https"].into_iter().any(|scheme| {
            let start = before.len().checked_sub(scheme.len());
            start.is_some_and(|start| before[start..].eq_ignore_ascii_case(scheme))
        })
    };
    let colon = text.match_indices(':').map(|(at, _)| at).find(|&at| has_scheme(&text.as_bytes()[..at]));
    let slashes = text.find("//");
    match colon.filter(|&colon| slashes.is_none_or(|slashes| colon < slashes)) {
        Some(colon) => Some(text.len() - text[colon + 1..].trim_start_matches(['/', '\\']).len()),
        None => slashes.map(|at| at + 2),
    }
}

/// Whether a text ends with a colon and a port.
fn is_host_and_port(text: &str) -> bool {
    text.rsplit_once(':').is_some_and(|(_, port)| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_and_password_are_replaced_and_all_else_stays() {
        for (text, shown) in [
            ("http://a/b", "http://a/b"),
            ("url: 'https://user:secret@host/x' # y", "url: 'https://***********@host/x' # y"),
            ("http://u:p@a, https://é:p@b", "http://***@a, https://****@b"),
            ("http://u:p@ss@a", "http://******@a"),
            ("http://u:p/q@a", "http://*****@a"),
            ("http://a:80/b@c", "http://a:80/b@c"),
            ("http://a/b@c and d@e // f@g", "http://a/b@c and d@e // f@g"),
            ("//", "//"),
            ("url: http:user:secret@host/x", "url: http:***********@host/x"),
            ("HTTPS:/user:secret@host", "HTTPS:/***********@host"),
            ("http:\\\\u:p@a http:u@b", "http:\\\\***@a http:*@b"),
            ("http:///u:p@a", "http:///***@a"),
            ("http: a@b, ftp:a@b, http:a/b@c, http:a:80/b@c", "http: a@b, ftp:a@b, http:a/b@c, http:a:80/b@c"),
            ("http:", "http:"),
        ] {
            let got = without_credentials(text);
            assert_eq!((&*got, got.len()), (shown, text.len()));
        }
    }
}
