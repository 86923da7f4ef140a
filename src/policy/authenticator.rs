//! Authentication: which of the configured methods identifies the caller, and which requests are refused.
//!
//! In: what a request carries ([`RequestCredentials`]). Out: the claims of the caller, `None` for an anonymous caller, or a
//! [`Rejection`].
//! Elsewhere: the methods themselves (such as [`super::jwt`]); the status and the headers of a refusal ([`crate::http`]).
//!
//! Always true, whichever methods are configured:
//! - a request without a credential of any method is anonymous;
//! - a request with a credential of one method is authenticated by that method, or refused. A bad credential never counts as
//!   no credential, and no other method is tried;
//! - a request with credentials of several methods is refused, because any choice between them would be a guess. So the
//!   order of the methods only decides the order of their challenges.
//!
//! # Source
//! RFC 9110 §11.6 (challenges); RFC 6750 §2 (no more than one method in a request).

use crate::json::Map;
use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderValue};
use std::borrow::Cow;
use std::fmt;
use std::time::SystemTime;

/// The parts of a request that may identify its sender. Each method looks for its own credential in them.
#[derive(Debug, Clone, Copy)]
pub struct RequestCredentials<'r> {
    /// The headers of the request. For a WebSocket, the headers of its upgrade, with the `authorization` of its first
    /// message.
    pub headers: &'r HeaderMap,
}

/// A configured method of authentication.
pub trait Authenticator: Send + Sync + fmt::Debug {
    /// The challenge that names this method (RFC 9110 §11.3), such as `Bearer`.
    fn challenge(&self) -> HeaderValue;

    /// Whether the request carries a credential of this method, good or bad. This is asked for each request, so it must be
    /// cheap.
    fn is_presented(&self, credentials: RequestCredentials<'_>) -> bool;

    /// Verifies the credential of a request that carries one, and returns the claims about its caller.
    ///
    /// The caller of this function sets the deadline: the future may be dropped.
    ///
    /// # Errors
    /// [`Rejection`] if the credential is not good.
    fn authenticate<'a>(
        &'a self,
        credentials: RequestCredentials<'a>,
        now: SystemTime,
    ) -> BoxFuture<'a, Result<Map, Rejection>>;
}

/// Why a credential is refused. The message says nothing that the caller does not know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    message: Cow<'static, str>,
    challenges: Vec<HeaderValue>,
}

impl Rejection {
    /// Makes a rejection with its message, and the challenge of the method that rejects.
    pub fn new(message: impl Into<Cow<'static, str>>, challenge: HeaderValue) -> Self {
        Self { message: message.into(), challenges: vec![challenge] }
    }

    /// One challenge or more; each becomes a header `www-authenticate`.
    #[must_use]
    pub fn challenges(&self) -> &[HeaderValue] {
        &self.challenges
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// All configured methods. Without any, every caller is anonymous.
#[derive(Debug, Default)]
pub struct Authenticators {
    methods: Vec<Box<dyn Authenticator>>,
}

impl Authenticators {
    /// Adds a method.
    #[must_use]
    pub fn with(mut self, method: impl Authenticator + 'static) -> Self {
        self.methods.push(Box::new(method));
        self
    }

    /// Authenticates a request, and returns the claims of its caller; `None` if the caller is anonymous.
    ///
    /// The future may be dropped.
    ///
    /// # Errors
    /// [`Rejection`] by the rules of this module.
    pub async fn authenticate(
        &self,
        credentials: RequestCredentials<'_>,
        now: SystemTime,
    ) -> Result<Option<Map>, Rejection> {
        let mut presented = self.methods.iter().filter(|method| method.is_presented(credentials));
        let Some(method) = presented.next() else { return Ok(None) };
        let others: Vec<_> = presented.collect();
        if others.is_empty() {
            return method.authenticate(credentials, now).await.map(Some);
        }
        let message = "the request carries credentials of more than one kind; send one of them".into();
        let challenges = [method].into_iter().chain(others).map(|method| method.challenge()).collect();
        Err(Rejection { message, challenges })
    }
}

#[cfg(test)]
mod tests;
