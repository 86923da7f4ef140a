//! A response that has begun, by HTTP/1.1 or HTTP/2.

use super::direct::{DirectError, Open};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};

/// Head read, body to come. Dropping it before the end of its body closes the connection.
#[derive(Debug)]
pub(super) enum Response {
    /// By HTTP/1.1, as it came.
    Direct(Open),
    /// By HTTP/2, as it came.
    Http2(reqwest::Response),
}

/// An exchange that broke.
#[derive(Debug)]
pub(super) enum Broken {
    Direct(DirectError),
    Http2(reqwest::Error),
    /// Its head is over its cap.
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

    pub(super) async fn chunk(&mut self) -> Result<Option<Bytes>, Broken> {
        match self {
            Self::Http2(response) => response.chunk().await.map_err(Broken::Http2),
            Self::Direct(open) => open.chunk().await.map_err(Broken::Direct),
        }
    }
}
