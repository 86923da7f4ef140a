//! Policy: who the caller is, and what the caller may do.
//!
//! In: the credentials of a request. Out: a [`Caller`].
//! Elsewhere: taking credentials from HTTP ([`crate::http`]); sending them to services ([`crate::execute`]).

mod caller;
mod claims;
mod jwt;
mod request_id;

pub use caller::Caller;
pub use jwt::{JwtRejected, JwtVerifier};
pub use request_id::RequestId;
