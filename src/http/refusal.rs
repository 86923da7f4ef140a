//! The reasons why a request gets no answer from the engine.

use crate::policy::Rejection;
use http::{HeaderMap, HeaderValue, StatusCode, header};

/// Why a request was refused before it reached the engine, or given up afterwards.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    #[error("this method is not allowed here; use POST, or GET for queries")]
    Method,
    #[error("pages of this origin may not open event streams or WebSockets here")]
    Origin,
    #[error("WebSockets are of version 13 here")]
    SocketVersion,
    #[error("the answer is `application/graphql-response+json` or `application/json`; `accept` allows neither")]
    NotAcceptable,
    #[error("the body must be `application/json` in UTF-8, without a content coding")]
    MediaType,
    #[error("the body is longer than {limit} bytes")]
    TooLarge { limit: usize },
    #[error("{0}")]
    Malformed(String),
    #[error("batched requests are not supported; send one operation per request")]
    Batched,
    /// This is the message that clients of persisted queries look for.
    #[error("PersistedQueryNotSupported")]
    PersistedQuery,
    #[error("{0}")]
    Unauthenticated(Rejection),
    #[error("too many requests at once; try again")]
    Overloaded,
    #[error("the body came too slowly")]
    SlowBody,
    #[error("the request took too long")]
    DeadlinePassed,
    #[error("internal error")]
    Internal,
}

impl Refusal {
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Origin => StatusCode::FORBIDDEN,
            Self::SocketVersion => StatusCode::UPGRADE_REQUIRED,
            Self::NotAcceptable => StatusCode::NOT_ACCEPTABLE,
            Self::MediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Malformed(_) | Self::Batched | Self::PersistedQuery => StatusCode::BAD_REQUEST,
            Self::Unauthenticated(_) => StatusCode::UNAUTHORIZED,
            Self::Overloaded => StatusCode::SERVICE_UNAVAILABLE,
            Self::SlowBody => StatusCode::REQUEST_TIMEOUT,
            Self::DeadlinePassed => StatusCode::GATEWAY_TIMEOUT,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The stable code of the error, as in `extensions.code`.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Method => "METHOD_NOT_ALLOWED",
            Self::Origin => "ORIGIN_NOT_ALLOWED",
            Self::SocketVersion => "SOCKET_VERSION_NOT_SUPPORTED",
            Self::NotAcceptable => "NOT_ACCEPTABLE",
            Self::MediaType => "UNSUPPORTED_MEDIA_TYPE",
            Self::TooLarge { .. } => "BODY_TOO_LARGE",
            Self::Malformed(_) => "BAD_REQUEST",
            Self::Batched => "BATCHING_NOT_SUPPORTED",
            Self::PersistedQuery => "PERSISTED_QUERY_NOT_SUPPORTED",
            Self::Unauthenticated(_) => "UNAUTHENTICATED",
            Self::Overloaded => "OVERLOADED",
            Self::SlowBody => "BODY_TIMEOUT",
            Self::DeadlinePassed => "DEADLINE_PASSED",
            Self::Internal => "INTERNAL",
        }
    }

    /// Adds the headers that tell the client what to do instead.
    pub(super) fn add_headers(&self, headers: &mut HeaderMap) {
        let (name, value) = match self {
            Self::Method => (header::ALLOW, "GET, POST"),
            Self::SocketVersion => (header::SEC_WEBSOCKET_VERSION, "13"),
            Self::MediaType => (header::ACCEPT, "application/json"),
            Self::Unauthenticated(rejection) => {
                let challenges = rejection.challenges().iter().cloned();
                challenges.for_each(|challenge| _ = headers.append(header::WWW_AUTHENTICATE, challenge));
                return;
            }
            Self::Overloaded => (header::RETRY_AFTER, "1"),
            // The rest of the body is not read, so the connection cannot be used again.
            Self::TooLarge { .. } | Self::SlowBody => (header::CONNECTION, "close"),
            _ => return,
        };
        headers.insert(name, HeaderValue::from_static(value));
    }
}
