//! Announcements: the response headers by which an endpoint says that it is deprecated or will be switched off.
//!
//! In: a response object. Out: its `Deprecation` and `Sunset` headers, with their dates if the contract gives them.
//! Other headers are not read.
//! Elsewhere: the meaning of the values ([`crate::retirement`]).
//!
//! # Source
//! OpenAPI 3.1.1 §4.8.17 (*Responses Object*, `headers`), §4.8.21 (*Header Object*).

use super::document::{Entry, Mapping, NodeId};
use super::model::Announcement;
use super::reader::Reader;
use crate::retirement::{deprecation_date, sunset_date};

/// The most headers of a response that are read. There is a bound because one response may be shared by many
/// operations.
const MAX_HEADERS: usize = 256;

/// What the headers of one response announce.
#[derive(Debug, Default)]
pub(super) struct Announcements {
    pub(super) deprecation: Option<Announcement>,
    pub(super) sunset: Option<Announcement>,
}

/// Reads the headers of a response. Upper and lower case in their names are equal, as in HTTP.
pub(super) fn read<'a>(reader: &mut Reader<'a>, response: &'a Mapping) -> Announcements {
    let Some(headers) = reader.mapping_at(response, "headers") else { return Announcements::default() };
    let find = |wanted: &str| headers.iter().take(MAX_HEADERS).find(|(name, _)| name.eq_ignore_ascii_case(wanted));
    Announcements {
        deprecation: find("deprecation").map(|(_, entry)| announcement(reader, entry, deprecation_date)),
        sunset: find("sunset").map(|(_, entry)| announcement(reader, entry, sunset_date)),
    }
}

fn announcement(reader: &mut Reader<'_>, entry: &Entry, date: fn(&str) -> Option<String>) -> Announcement {
    let header = reader.resolve(entry.value).and_then(|node| reader.mapping(node, "the header"));
    let values = header.map(|header| values(reader, header)).unwrap_or_default();
    let date = values.into_iter().find_map(|value| date(reader.document.text(value)?));
    Announcement { date, span: entry.key }
}

/// Gives the values that the contract names for a header, the most certain first: `const`, a single `enum` value,
/// `default` and examples.
fn values(reader: &mut Reader<'_>, header: &Mapping) -> Vec<NodeId> {
    let mut values = Vec::new();
    if let Some(schema) = header.get("schema").and_then(|entry| reader.resolve(entry.value)) {
        let document = reader.document;
        let only = document.get(schema, "enum").and_then(|node| match document.sequence(node)? {
            [only] => Some(*only),
            _ => None,
        });
        values.extend([document.get(schema, "const"), only, document.get(schema, "default")].into_iter().flatten());
        values.extend(document.get(schema, "example"));
    }
    values.extend(header.get("example").map(|entry| entry.value));
    values
}
