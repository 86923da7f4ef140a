//! The calls of one request that are in flight.

use super::run::StepEnd;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;

/// A call in flight.
type Call = BoxFuture<'static, StepEnd>;

/// Calls in flight. Dropping the value cancels them.
///
/// The queue is created for the first call, because an answer without data of services needs none.
#[derive(Default)]
pub(super) struct InFlight(Option<FuturesUnordered<Call>>);

impl InFlight {
    pub(super) fn push(&mut self, call: Call) {
        self.0.get_or_insert_default().push(call);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.as_ref().is_none_or(FuturesUnordered::is_empty)
    }

    /// Waits for the next call to end. `None` if there is none.
    pub(super) async fn next(&mut self) -> Option<StepEnd> {
        match &mut self.0 {
            Some(calls) => calls.next().await,
            None => None,
        }
    }

    /// Cancels all calls.
    pub(super) fn clear(&mut self) {
        self.0 = None;
    }
}
