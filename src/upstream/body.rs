//! Bodies of answers: reading them up to a cap, and telling from the content type whether they are JSON.

use super::failure::{describe, kind_of};
use super::model::{CallError, CallErrorKind};
use super::response::{BrokenExchange, Response};
use bytes::{Bytes, BytesMut};
use flate2::write::MultiGzDecoder;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};
use std::io::{self, Write};
use std::sync::Arc;

/// Why a body could not be read.
#[derive(Debug)]
pub(super) enum BodyError {
    TooLarge,
    NotGzip,
    Broken(BrokenExchange),
}

impl BodyError {
    pub(super) fn at(&self, service: &Arc<str>) -> CallError {
        match self {
            Self::TooLarge => CallError::new(service, CallErrorKind::TooLarge, "the body is over its cap"),
            Self::NotGzip => CallError::new(service, CallErrorKind::Malformed, "the body is not the gzip that it says"),
            Self::Broken(broken) => CallError::new(service, kind_of(broken), describe(broken)),
        }
    }
}

/// Reads a body of up to `limit` bytes. If it is longer, the rest is not read and the connection is dropped.
pub(super) async fn read_capped(mut response: Response, limit: usize) -> Result<Bytes, BodyError> {
    let announced = response.content_length().unwrap_or(0);
    if announced > limit as u64 {
        return Err(BodyError::TooLarge);
    }
    let Some(first) = response.chunk().await.map_err(BodyError::Broken)? else { return Ok(Bytes::new()) };
    if first.len() > limit {
        return Err(BodyError::TooLarge);
    }
    let Some(second) = response.chunk().await.map_err(BodyError::Broken)? else { return Ok(first) };
    // The announced length is within the cap, so it can be reserved at once.
    let mut body = BytesMut::with_capacity((announced as usize).max(first.len() + second.len()));
    body.extend_from_slice(&first);
    let mut next = Some(second);
    while let Some(chunk) = next {
        if body.len() + chunk.len() > limit {
            return Err(BodyError::TooLarge);
        }
        body.extend_from_slice(&chunk);
        next = response.chunk().await.map_err(BodyError::Broken)?;
    }
    Ok(body.freeze())
}

/// Reads a body that was compressed `times` times with gzip and decompresses it. Each
/// decompression may give up to `limit` bytes.
pub(super) async fn read_gzip_capped(response: Response, limit: usize, times: u8) -> Result<Bytes, BodyError> {
    let mut body = read_gzip(response, limit).await?;
    for _ in 1..times {
        let mut decoder = MultiGzDecoder::new(CappedWriter { bytes: Vec::new(), limit, is_over: false });
        if decoder.write_all(&body).and_then(|()| decoder.try_finish()).is_err() {
            return Err(if decoder.get_ref().is_over { BodyError::TooLarge } else { BodyError::NotGzip });
        }
        body = std::mem::take(&mut decoder.get_mut().bytes).into();
    }
    Ok(body)
}

/// A body without its byte order mark, if it begins with one. A sender must not add the mark, but a reader may ignore
/// it (RFC 8259 §8.1).
pub(super) fn without_mark(body: Bytes) -> Bytes {
    const MARK: &[u8] = "\u{feff}".as_bytes();
    if body.starts_with(MARK) { body.slice(MARK.len()..) } else { body }
}

/// Reads a body that was compressed once with gzip and decompresses it to up to `limit` bytes.
async fn read_gzip(mut response: Response, limit: usize) -> Result<Bytes, BodyError> {
    let mut decoder = MultiGzDecoder::new(CappedWriter { bytes: Vec::new(), limit, is_over: false });
    let mut is_empty = true;
    while let Some(chunk) = response.chunk().await.map_err(BodyError::Broken)? {
        is_empty &= chunk.is_empty();
        if decoder.write_all(&chunk).is_err() {
            return Err(if decoder.get_ref().is_over { BodyError::TooLarge } else { BodyError::NotGzip });
        }
    }
    if is_empty {
        return Ok(Bytes::new());
    }
    if decoder.try_finish().is_err() {
        return Err(if decoder.get_ref().is_over { BodyError::TooLarge } else { BodyError::NotGzip });
    }
    Ok(std::mem::take(&mut decoder.get_mut().bytes).into())
}

/// A writer that accepts bytes up to a limit.
struct CappedWriter {
    bytes: Vec<u8>,
    limit: usize,
    is_over: bool,
}

impl Write for CappedWriter {
    fn write(&mut self, more: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + more.len() > self.limit {
            self.is_over = true;
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(more);
        Ok(more.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whether the content type is `application/json`, the `text/json` of old services, or a type with the suffix `+json`
/// (RFC 6839 §3.1). These are the types that a contract may declare as JSON. Parameters do not count.
pub(super) fn is_json(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(names_json)
}

/// Whether a media type is one of those that [`is_json`] accepts.
pub(super) fn names_json(value: &HeaderValue) -> bool {
    let Ok(value) = value.to_str() else { return false };
    let essence = value.split(';').next().unwrap_or_default().trim();
    let Some((kind, subtype)) = essence.split_once('/') else { return false };
    let ends_in_json = || {
        let suffix = subtype.len().checked_sub(5).and_then(|start| subtype.get(start..));
        suffix.is_some_and(|suffix| suffix.eq_ignore_ascii_case("+json"))
    };
    let is_plain = ["application", "text"].iter().any(|known| kind.eq_ignore_ascii_case(known));
    (is_plain && subtype.eq_ignore_ascii_case("json")) || ends_in_json()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_told_by_its_content_type() {
        for (value, expected) in [
            ("application/json", true),
            ("Application/JSON ; charset=utf-8", true),
            ("application/problem+json", true),
            ("application/vnd.a.v2+JSON;q=1", true),
            ("application/jsonp", false),
            ("text/json", true),
            ("Text/JSON;charset=utf-8", true),
            ("image/json", false),
            ("text/html", false),
            ("json", false),
            ("é/+json", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, HeaderValue::from_bytes(value.as_bytes()).expect("a header"));
            assert_eq!(is_json(&headers), expected, "{value}");
        }
        assert!(!is_json(&HeaderMap::new()));
    }
}
