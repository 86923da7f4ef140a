//! Policy: who the caller is, and what the caller may do.
//!
//! In: the credentials of a request. Out: a [`Caller`], or why there is none.
//! Elsewhere: answering a request that is refused ([`crate::http`]); making the configured methods, with their files
//! ([`crate::engine`]); sending credentials to services ([`crate::execute`]).
//!
//! `authenticator` has the rules for all methods together. Each method has a folder of its own.

pub(crate) mod authenticator;
mod caller;
mod jwt;
mod request_id;

pub use authenticator::{Authenticators, Rejection, RequestCredentials};
pub use caller::Caller;
pub use jwt::JwtVerifier;
pub use request_id::RequestId;
