//! Policy: who the caller is, and what they may do.
//!
//! In: credentials of a request. Out: a [`Caller`].
//! Elsewhere: reading them off HTTP ([`crate::http`]); sending them on ([`crate::execute`]).

mod caller;
mod claims;
mod jwt;
mod request_id;

pub use caller::Caller;
pub use jwt::{JwtRejected, JwtVerifier};
pub use request_id::RequestId;
