//! What is told of calls and services: records of calls, their causes, the state of each service.
//!
//! In: nothing; the rooms that call services make these values. Out: metrics, logs and errors read them.
//! Elsewhere: how calls are made ([`crate::upstream`]), where their records are counted ([`crate::observe`]).
//!
//! Always true: nothing here holds a part of an answer's body, of a credential or of a variable.

mod call;
mod cause;
mod polls;
mod services;

pub use call::{CallRecord, FailedCall};
pub(crate) use cause::shortened;
pub use cause::{CallTarget, Cause};
pub use polls::{MissedTick, PollObserver};
pub use services::{BreakerState, InstanceReport, RetryOutcome, ServiceReport, WriteReport};
