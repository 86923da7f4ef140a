//! `tracestate`: the entries of the tracing systems on the way of a request. They are sent on beside `traceparent`.
//!
//! In: a request's header lines. Out: one value of at most [`MAX_BYTES`], or none.
//! Elsewhere: whether the request has a valid `traceparent` ([`super::correlation`]).
//!
//! This process adds no entry of its own, so the entries keep their order.
//!
//! # Source
//! W3C Trace Context (Recommendation), §3.3.

use http::{HeaderMap, HeaderName, HeaderValue};

const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// The most entries (§3.3.1, "list": at most 32 list-members).
const MAX_MEMBERS: usize = 32;

/// The longest value that is passed on, in bytes (§3.3.1, "Limits": at least 512 characters should be passed on).
const MAX_BYTES: usize = 512;

/// Entries above this length, in bytes, are removed first if a value is too long (§3.3.1, "Limits").
const LONG_MEMBER_BYTES: usize = 128;

/// Reads the `tracestate` of a request whose `traceparent` is valid.
///
/// Several header lines form one list (RFC 9110 §5.3), and empty entries are allowed (§3.3.1, "list"). The result is
/// `None` if there is no entry. It is also `None` if there are more than 32 entries or if one of them breaks the
/// grammar, because the whole value is then discarded (§3.3).
pub(super) fn read(headers: &HeaderMap) -> Option<HeaderValue> {
    let members = shortened(members(headers)?);
    if members.is_empty() { None } else { HeaderValue::from_str(&members.join(",")).ok() }
}

fn members(headers: &HeaderMap) -> Option<Vec<&str>> {
    let mut members = Vec::new();
    for line in headers.get_all(TRACESTATE) {
        // Optional white space consists of spaces and tabs (RFC 9110 §5.6.3).
        for member in line.to_str().ok()?.split(',').map(|member| member.trim_matches([' ', '\t'])) {
            if member.is_empty() {
                continue;
            }
            if members.len() == MAX_MEMBERS || !is_member(member) {
                return None;
            }
            members.push(member);
        }
    }
    Some(members)
}

/// Removes entries until the rest fits: first all long ones, then those at the end. Only whole entries are removed
/// (§3.3.1, "Limits").
fn shortened(mut members: Vec<&str>) -> Vec<&str> {
    let length = |members: &[&str]| members.iter().map(|member| member.len() + 1).sum::<usize>().saturating_sub(1);
    if length(&members) > MAX_BYTES {
        members.retain(|member| member.len() <= LONG_MEMBER_BYTES);
    }
    while length(&members) > MAX_BYTES {
        members.pop();
    }
    members
}

/// Whether an entry has the form `key=value` (§3.3.1, "list-members").
fn is_member(member: &str) -> bool {
    member.split_once('=').is_some_and(|(key, value)| is_key(key) && is_value(value))
}

/// Whether a text is a simple key, or the key of a tenant in a multi-tenant system (§3.3.1, "Key").
fn is_key(key: &str) -> bool {
    let is_rest =
        |text: &str| text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'*' | b'/'));
    let begins = |text: &str, with: fn(u8) -> bool| text.bytes().next().is_some_and(with);
    let is_letter = |byte: u8| byte.is_ascii_lowercase();
    match key.split_once('@') {
        None => key.len() <= 256 && begins(key, is_letter) && is_rest(key),
        Some((tenant, system)) => {
            tenant.len() <= 241
                && begins(tenant, |byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
                && is_rest(tenant)
                && system.len() <= 14
                && begins(system, is_letter)
                && is_rest(system)
        }
    }
}

/// Whether a text has 1 to 256 printable ASCII characters without `,` and `=` (§3.3.1, "Value"). Spaces at its end have
/// been trimmed already.
fn is_value(value: &str) -> bool {
    let is_allowed = |byte: u8| matches!(byte, b' '..=b'~') && !matches!(byte, b',' | b'=');
    (1..=256).contains(&value.len()) && value.bytes().all(is_allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(lines: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(TRACESTATE, HeaderValue::from_str(line).unwrap());
        }
        read(&headers).map(|value| value.to_str().unwrap().to_owned())
    }

    #[test]
    fn entries_follow_the_grammar_or_none_is_sent_on() {
        let (key, tenant, system) = ("k".repeat(256), "1".repeat(241), "s".repeat(14));
        let value = "v".repeat(256);
        for (entry, is_right) in [
            ("foo=1", true),
            ("f_-*/o=1", true),
            ("foo=a b:;<>~!", true),
            ("foo= 1", true), // A value may begin with a space.
            (&format!("{key}=1"), true),
            (&format!("{key}k=1"), false),
            (&format!("{tenant}@{system}=1"), true),
            (&format!("{tenant}1@{system}=1"), false),
            (&format!("t@{system}s=1"), false),
            (&format!("foo={value}"), true),
            (&format!("foo={value}v"), false),
            ("1a=1", false),
            ("1a@b=1", true),
            ("a@1b=1", false),
            ("@foo=1", false),
            ("foo@=1", false),
            ("foo@@bar=1", false),
            ("foo@bar@baz=1", false),
            ("foo =1", false),
            ("FOO=1", false),
            ("foo.bar=1", false),
            ("foo=bar=baz", false),
            ("foo", false),
            ("foo=", false),
            ("=1", false),
        ] {
            assert_eq!(of(&[entry]).is_some(), is_right, "{entry}");
            let among = format!("a=1,{entry}");
            assert_eq!(of(&[&among]).is_some(), is_right, "{among}");
        }
        assert_eq!(of(&["foo=\u{e9}"]), None);
    }

    #[test]
    fn lines_are_one_list_and_empty_entries_are_nothing() {
        for (lines, sent) in [
            (vec!["foo=1,bar=2"], Some("foo=1,bar=2")),
            (vec!["foo=1", "bar=2"], Some("foo=1,bar=2")),
            (vec!["foo=1 \t , \t bar=2, \t baz=3"], Some("foo=1,bar=2,baz=3")),
            (vec!["foo=1,", ",", "", "bar=2"], Some("foo=1,bar=2")),
            (vec![""], None),
            (vec![","], None),
            (vec![], None),
            // Two entries have the same key. The next system that knows the key decides which of them counts.
            (vec!["foo=1,foo=2"], Some("foo=1,foo=2")),
            (vec!["foo=1", "bar"], None),
        ] {
            assert_eq!(of(&lines).as_deref(), sent, "{lines:?}");
        }
    }

    #[test]
    fn a_list_has_32_entries_and_512_bytes_at_most() {
        let list = |count: usize| (0..count).map(|at| format!("k{at}=1")).collect::<Vec<_>>().join(",");
        assert_eq!(of(&[&list(32)]), Some(list(32)));
        assert_eq!(of(&[&list(33)]), None);
        let entry = |key: char, length: usize| format!("{key}={}", "v".repeat(length - 2));
        let fits = [entry('a', 128), entry('b', 128), entry('c', 128), entry('d', 125)].join(",");
        assert_eq!((fits.len(), of(&[&fits])), (512, Some(fits.clone())));
        // The long entries are removed first, then those at the end; no entry is shortened.
        assert_eq!(of(&[&format!("{},{fits}", entry('l', 129))]), Some(fits.clone()));
        assert_eq!(of(&[&format!("{fits},e=1")]), Some(fits));
    }
}
