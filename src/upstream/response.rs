//! A response that has begun, by either path.

use super::direct::{DirectError, Open};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};

/// Head read, body to come. Dropping it before the end of its body closes the connection.
#[derive(Debug)]
pub(super) enum Response {
    /// From the pooled client, as it came.
    Pooled(reqwest::Response),
    /// From the direct path, as it came.
    Direct(Open),
}

/// An exchange that broke.
#[derive(Debug)]
pub(super) enum Broken {
    Pooled(reqwest::Error),
    Direct(DirectError),
    /// Its head is over its cap.
    LongHead,
}

impl Response {
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Pooled(response) => response.status(),
            Self::Direct(open) => open.status(),
        }
    }

    pub(super) fn headers(&self) -> &HeaderMap {
        match self {
            Self::Pooled(response) => response.headers(),
            Self::Direct(open) => open.headers(),
        }
    }

    pub(super) fn content_length(&self) -> Option<u64> {
        match self {
            Self::Pooled(response) => response.content_length(),
            Self::Direct(open) => open.content_length(),
        }
    }

    pub(super) async fn chunk(&mut self) -> Result<Option<Bytes>, Broken> {
        match self {
            Self::Pooled(response) => response.chunk().await.map_err(Broken::Pooled),
            Self::Direct(open) => open.chunk().await.map_err(Broken::Direct),
        }
    }
}
