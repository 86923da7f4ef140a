//! The form in which entries and keys leave the process.
//!
//! In: an entry, and the moment by both clocks. Out: bytes, of which another process makes the same entry; and the other
//! way round.
//!
//! A number is little-endian; a text or a list has its length before it, in four bytes. Times are microseconds: a moment
//! since the Unix epoch, a duration by itself. What cannot be read, or is of another version, is no entry.

use super::entry::Entry;
use super::freshness::Freshness;
use super::key::Domain;
use super::tags::{CLOCK_SKEW, Mark, Tag};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// The version of the form, which is an entry's first byte.
const VERSION: u8 = 1;

/// One moment, by the clock of this process and by the wall clock.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// By the clock that entries are aged by.
    pub now: Instant,
    /// By the clock that processes share.
    pub date: SystemTime,
}

/// A key's bytes: those of its domain, with their length before them, and its own text.
#[must_use]
pub fn portable_key(domain: &Domain, key: &str) -> Vec<u8> {
    let mut to = Vec::with_capacity(4 + domain.len() + key.len());
    push_text(&mut to, domain.bytes());
    to.extend_from_slice(key.as_bytes());
    to
}

impl Entry {
    /// The entry's bytes. It counts as older by `CLOCK_SKEW` there.
    #[must_use]
    pub fn to_portable(&self, at: Moment) -> Vec<u8> {
        let Freshness { received, initial_age, lifetime, stale_while_revalidate, stale_if_error, must_revalidate } =
            self.freshness;
        let mut to = Vec::with_capacity(128 + self.body.len() + self.tags.len() * 8);
        to.push(VERSION);
        to.extend_from_slice(&self.status.to_le_bytes());
        let ago = at.now.saturating_duration_since(received);
        let received = at.date.checked_sub(ago).and_then(|date| date.duration_since(SystemTime::UNIX_EPOCH).ok());
        for time in [received.unwrap_or_default(), initial_age, lifetime, stale_while_revalidate] {
            push_time(&mut to, time);
        }
        push_option(&mut to, stale_if_error, push_time);
        to.push(must_revalidate.into());
        to.extend_from_slice(&self.since.earlier(CLOCK_SKEW).to_number().to_le_bytes());
        push_length(&mut to, self.tags.len());
        self.tags.iter().for_each(|tag| to.extend_from_slice(&tag.to_number().to_le_bytes()));
        push_option(&mut to, self.fields.as_deref(), |to, fields| {
            push_length(to, fields.len());
            fields.iter().for_each(|field| push_text(to, field.as_bytes()));
        });
        push_option(&mut to, self.headers.as_deref(), |to, headers| {
            push_length(to, headers.len());
            for (name, value) in headers {
                push_text(to, name.as_str().as_bytes());
                push_text(to, value.as_bytes());
            }
        });
        push_text(&mut to, &self.body);
        to
    }

    /// The entry of some bytes; `None`: they are none of this version.
    #[must_use]
    pub fn of_portable(bytes: &[u8], at: Moment) -> Option<Self> {
        let mut from = Reader(bytes);
        if from.byte()? != VERSION {
            return None;
        }
        let status = u16::from_le_bytes(*from.array()?);
        let (received, initial_age) = (SystemTime::UNIX_EPOCH.checked_add(from.time()?)?, from.time()?);
        // By a clock that is ahead of ours, the answer came in our future: then it has just come.
        let ago = at.date.duration_since(received).unwrap_or_default();
        let (received, initial_age) = match at.now.checked_sub(ago) {
            Some(received) => (received, initial_age),
            None => (at.now, initial_age.saturating_add(ago)),
        };
        let freshness = Freshness {
            received,
            initial_age,
            lifetime: from.time()?,
            stale_while_revalidate: from.time()?,
            stale_if_error: from.option(Reader::time)?,
            must_revalidate: from.flag()?,
        };
        let since = Mark::of_number(from.number()?);
        let tags = from.list(|from| from.number().map(Tag::of_number))?;
        let fields = from.option(|from| from.list(|from| String::from_utf8(from.text()?.to_vec()).ok()))?;
        let headers = from.option(|from| {
            let headers = from.list(|from| {
                let name = HeaderName::from_bytes(from.text()?).ok()?;
                Some((name, HeaderValue::from_bytes(from.text()?).ok()?))
            })?;
            let mut map = HeaderMap::new();
            headers.into_iter().try_for_each(|(name, value)| map.try_append(name, value).map(drop)).ok()?;
            Some(Box::new(map))
        })?;
        let body = Bytes::copy_from_slice(from.text()?);
        let entry = Self { body, status, fields: fields.map(Arc::from), freshness, headers, tags: tags.into(), since };
        from.0.is_empty().then_some(entry)
    }
}

fn push_time(to: &mut Vec<u8>, time: Duration) {
    to.extend_from_slice(&u64::try_from(time.as_micros()).unwrap_or(u64::MAX).to_le_bytes());
}

/// Bodies and lists are bounded far below 2³².
fn push_length(to: &mut Vec<u8>, length: usize) {
    to.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
}

fn push_text(to: &mut Vec<u8>, text: &[u8]) {
    push_length(to, text.len());
    to.extend_from_slice(text);
}

fn push_option<T>(to: &mut Vec<u8>, value: Option<T>, push: impl FnOnce(&mut Vec<u8>, T)) {
    to.push(value.is_some().into());
    if let Some(value) = value {
        push(to, value);
    }
}

/// What is left to read.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn array<const N: usize>(&mut self) -> Option<&'a [u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(array)
    }

    fn byte(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| *byte)
    }

    fn number(&mut self) -> Option<u64> {
        self.array().map(|bytes| u64::from_le_bytes(*bytes))
    }

    fn time(&mut self) -> Option<Duration> {
        self.number().map(Duration::from_micros)
    }

    fn flag(&mut self) -> Option<bool> {
        match self.byte()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    fn length(&mut self) -> Option<usize> {
        usize::try_from(u32::from_le_bytes(*self.array()?)).ok()
    }

    fn text(&mut self) -> Option<&'a [u8]> {
        let length = self.length()?;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(text)
    }

    fn option<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<Option<T>> {
        if self.flag()? { read(self).map(Some) } else { Some(None) }
    }

    /// Grows as items are read: a length is believed no further than the bytes go.
    fn list<T>(&mut self, mut read: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let length = self.length()?;
        let mut items = Vec::new();
        for _ in 0..length {
            items.push(read(self)?);
        }
        Some(items)
    }
}
