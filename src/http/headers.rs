//! Copies of headers, for values that live longer than their request.

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue};

/// Copies headers into a buffer of their own. The headers of a request are slices of the buffer that the request was
/// read into, and keep that whole buffer in memory.
pub(super) fn compact(headers: &HeaderMap) -> HeaderMap {
    let mut text = BytesMut::with_capacity(headers.values().map(HeaderValue::len).sum());
    headers.values().for_each(|value| text.extend_from_slice(value.as_bytes()));
    let mut text: Bytes = text.freeze();
    let mut copy = HeaderMap::with_capacity(headers.keys_len());
    for (name, value) in headers {
        let mut copied = HeaderValue::from_maybe_shared(text.split_to(value.len())).unwrap_or_else(|_| value.clone());
        copied.set_sensitive(value.is_sensitive());
        copy.append(name, copied);
    }
    copy
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_has_the_same_headers_and_nothing_of_their_buffer() {
        let buffer = Bytes::from(vec![b'x'; 8 * 1024]);
        let mut headers = HeaderMap::new();
        let mut secret = HeaderValue::from_maybe_shared(buffer.slice(..9)).unwrap();
        secret.set_sensitive(true);
        headers.insert("authorization", secret);
        headers.append("accept", HeaderValue::from_maybe_shared(buffer.slice(9..11)).unwrap());
        headers.append("accept", HeaderValue::from_static(""));
        let copy = compact(&headers);
        assert!(copy == headers && copy["authorization"].is_sensitive());
        drop(headers);
        assert!(buffer.is_unique(), "nothing keeps it");
    }
}
