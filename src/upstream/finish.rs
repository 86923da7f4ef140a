//! Finishing: a write that was sent goes on to its end, whoever waits for it.
//!
//! In: the work of a write that is about to be sent. Out: what came of it, or that the waiting is over.
//! Elsewhere: whether it may be sent ([`super::guarded`]); the bound of the work's time (whoever does it).
//!
//! A service goes on with a request when its caller hangs up, and says no more what came of it. So a client that leaves, a
//! `complete` and a deadline end the waiting only: the connection stays, and the end of the write is known
//! ([`super::Write`]).

use super::cause::FailedCall;
use super::model::{Answer, CallError, CallErrorKind, Context};
use super::write::Write;
use std::future::Future;
use std::sync::{Arc, Weak};
use tokio::time::{Instant, timeout_at};

/// Does the work of a write in a task of its own, and waits for it until the deadline of `ctx`. Dropping the future ends the
/// waiting only. Its failure is noted at the write, for whoever it is left to.
///
/// # Errors
/// - as the work;
/// - [`CallErrorKind::Timeout`]: the deadline came first;
/// - [`CallErrorKind::Unreachable`]: the task ended early, by a panic or because its runtime stops.
pub(super) async fn finish(
    service: &Arc<str>,
    ctx: &Context,
    speaks_graphql: bool,
    work: impl Future<Output = Result<Answer, CallError>> + Send + 'static,
) -> Result<Answer, CallError> {
    let error = |kind, cause: &'static str| CallError::new(service, kind, cause);
    let deadline = Instant::from_std(ctx.deadline);
    if deadline <= Instant::now() {
        return Err(error(CallErrorKind::Timeout, "the deadline has passed before sending").unsent());
    }
    if let Some(write) = &ctx.write {
        write.send();
    }
    // Whoever waits holds it.
    let waiting = Arc::new(());
    let noted = Noted {
        write: ctx.write.clone(),
        service: Arc::clone(service),
        endpoint: Arc::clone(&ctx.endpoint),
        waiting: Arc::downgrade(&waiting),
        speaks_graphql,
    };
    let work = async move {
        let result = work.await;
        noted.note(&result);
        result
    };
    match timeout_at(deadline, tokio::spawn(work)).await {
        Ok(Ok(result)) => result,
        Ok(Err(_)) => Err(error(CallErrorKind::Unreachable, "the write's task ended early")),
        Err(_) => Err(error(CallErrorKind::Timeout, "the deadline passed before the write ended")),
    }
}

/// Where the failure of a write is noted.
struct Noted {
    write: Option<Write>,
    service: Arc<str>,
    endpoint: Arc<str>,
    waiting: Weak<()>,
    speaks_graphql: bool,
}

impl Noted {
    fn note(self, result: &Result<Answer, CallError>) {
        let Some(write) = &self.write else { return };
        let answer = match result {
            Ok(answer) => answer,
            Err(error) => return write.note(FailedCall::of_error(&self.service, &self.endpoint, error)),
        };
        // Whoever waits reads the answer itself.
        let looks_for_errors = self.speaks_graphql && self.waiting.strong_count() == 0;
        let failed = FailedCall::of_answer(&self.service, &self.endpoint, answer, looks_for_errors);
        failed.into_iter().chain(answer.calls.iter().filter_map(FailedCall::of_record)).for_each(|it| write.note(it));
    }
}
