//! The caller of a request. Only this module authenticates callers for HTTP.
//!
//! In: the headers of a request. Out: a [`Caller`], or the refusal.
//! Elsewhere: the methods of authentication, and the rules for several of them ([`crate::policy`]).
//!
//! Always true: authentication ends with the deadline of the request.

use super::correlation::Correlation;
use super::graphql::within;
use super::refusal::Refusal;
use super::server::Server;
use crate::json::Map;
use crate::policy::{Caller, RequestCredentials};
use http::HeaderMap;
use std::time::{Instant, SystemTime};

/// Authenticates a request. Its headers become those of the caller.
///
/// # Errors
/// Those of [`claims`].
pub(super) async fn caller(
    server: &Server,
    headers: HeaderMap,
    correlation: &Correlation,
    deadline: Instant,
) -> Result<Caller, Refusal> {
    let claims = claims(server, &headers, deadline).await?;
    let Correlation { request_id, traceparent, tracestate, .. } = correlation.clone();
    Ok(Caller { claims, headers, request_id, traceparent, tracestate })
}

/// Authenticates by headers alone, and returns the claims; `None` if the caller is anonymous.
///
/// # Errors
/// [`Refusal::Unauthenticated`] if a credential is not accepted, and [`Refusal::DeadlinePassed`] at `deadline`.
pub(super) async fn claims(server: &Server, headers: &HeaderMap, deadline: Instant) -> Result<Option<Map>, Refusal> {
    let credentials = RequestCredentials { headers };
    let authentication = server.authenticators.authenticate(credentials, SystemTime::now());
    let claims = within(deadline, authentication).await.ok_or(Refusal::DeadlinePassed)?;
    claims.map_err(Refusal::Unauthenticated)
}
