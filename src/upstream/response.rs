//! A response over HTTP/1.1 or HTTP/2 whose head has been read.

use super::direct::{DirectError, Open};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};

/// A response whose head was read and whose body is still to come. Dropping it before the end of its body closes an
/// HTTP/1.1 connection.
#[derive(Debug)]
pub(super) enum Response {
    /// A response over HTTP/1.1, which is not decompressed yet.
    Direct(Open),
    /// A response over HTTP/2, which is not decompressed yet.
    Http2(reqwest::Response),
}

/// An exchange that broke.
#[derive(Debug)]
pub(super) enum BrokenExchange {
    Direct(DirectError),
    Http2(reqwest::Error),
    /// The head of the answer is over its cap.
    LongHead,
}

impl Response {
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Http2(response) => response.status(),
            Self::Direct(open) => open.status(),
        }
    }

    pub(super) fn headers(&self) -> &HeaderMap {
        match self {
            Self::Http2(response) => response.headers(),
            Self::Direct(open) => open.headers(),
        }
    }

    pub(super) fn content_length(&self) -> Option<u64> {
        match self {
            Self::Http2(response) => response.content_length(),
            Self::Direct(open) => open.content_length(),
        }
    }

    pub(super) async fn chunk(&mut self) -> Result<Option<Bytes>, BrokenExchange> {
        match self {
            Self::Http2(response) => response.chunk().await.map_err(BrokenExchange::Http2),
            Self::Direct(open) => open.chunk().await.map_err(BrokenExchange::Direct),
        }
    }
}
