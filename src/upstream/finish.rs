//! Finishing: a write that was sent goes on to its end, whether or not somebody waits for it.
//!
//! In: the work of a write that is about to be sent. Out: its result, or an error when the deadline ends the waiting.
//! Elsewhere: whether the write may be sent ([`super::guarded`]); the time limit of the work, which the work itself
//! keeps.
//!
//! When its caller hangs up, a service goes on with the request, but can no longer say how it ended. So a client that
//! leaves, a `complete` and a deadline only end the waiting: the connection stays, and the end of the write is known
//! ([`super::Write`]).

use super::model::{Answer, CallError, CallErrorKind, Context};
use super::write::Write;
use crate::report::FailedCall;
use std::future::Future;
use std::sync::{Arc, Weak};
use tokio::time::{Instant, timeout_at};

/// Does the work of a write in a task of its own, and waits for it until the deadline of `ctx`. Dropping the future
/// ends only the waiting. If the work fails, the failure is noted in the [`Write`], which passes it on when it is over
/// (see [`Write::leave`]).
///
/// # Errors
/// - the error of the work;
/// - [`CallErrorKind::Timeout`] if the deadline passed first;
/// - [`CallErrorKind::Unreachable`] if the task ended early, by a panic or because its runtime stops.
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
    // This future holds the `Arc` while somebody waits.
    let waiting = Arc::new(());
    let noted = NotedFailure {
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

/// Notes the failure of a write in the [`Write`].
struct NotedFailure {
    write: Option<Write>,
    service: Arc<str>,
    endpoint: Arc<str>,
    waiting: Weak<()>,
    speaks_graphql: bool,
}

impl NotedFailure {
    fn note(self, result: &Result<Answer, CallError>) {
        let Some(write) = &self.write else { return };
        let (failed, calls) = match result {
            Ok(answer) => {
                // If somebody still waits, they read the answer themselves.
                let looks_for_errors = self.speaks_graphql && self.waiting.strong_count() == 0;
                let failed = FailedCall::of_answer(&self.service, &self.endpoint, answer, looks_for_errors);
                (failed, &answer.calls)
            }
            Err(error) => (Some(FailedCall::of_error(&self.service, &self.endpoint, error)), &error.calls),
        };
        failed.into_iter().chain(calls.iter().filter_map(FailedCall::of_record)).for_each(|it| write.note(it));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compose::WayId;
    use crate::policy::Caller;
    use crate::upstream::{BatchDomain, CredentialScope, Writes};
    use std::sync::Mutex;
    use std::time::Duration;

    /// The failures that a write reports when it was left at its deadline, after one second: each code with its cause.
    async fn told(after: Duration, speaks_graphql: bool, result: Result<Answer, CallErrorKind>) -> Vec<String> {
        let (writes, service): (_, Arc<str>) = (Writes::default(), "shop".into());
        let write = writes.begin().expect("room");
        let ctx = Context {
            domain: BatchDomain { way: WayId(0), inputs: Arc::from(*b""), scope: CredentialScope::Public },
            caller: Arc::new(Caller::default()),
            deadline: (Instant::now() + Duration::from_secs(1)).into_std(),
            is_safe: false,
            endpoint: "POST /x".into(),
            not_before: None,
            condition: None,
            takes_redirects: false,
            write: Some(write.clone()),
        };
        let result = result.map_err(|kind| CallError::new(&service, kind, "the connection was reset"));
        let work = async move {
            tokio::time::sleep(after).await;
            result
        };
        let _ = finish(&service, &ctx, speaks_graphql, work).await;
        drop(ctx);
        let failures: Arc<Mutex<Vec<FailedCall>>> = Arc::default();
        let kept = Arc::clone(&failures);
        write.leave(move |failed| *kept.lock().expect("no panic") = failed);
        writes.finished().await;
        let failures = failures.lock().expect("no panic").clone();
        failures.iter().map(|it| format!("{} {} {}: {}", it.service, it.endpoint, it.code, it.cause.what)).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_carries_its_failure_to_whoever_it_is_left_to() {
        let late = Duration::from_secs(3);
        let answer = |status, body: &'static str| Ok(Answer::new(status, body.into()));
        let reset = ["shop POST /x UPSTREAM_UNREACHABLE: the connection was reset"];
        let refused = ["shop POST /x UPSTREAM_STATUS: the service answered with a status that is a failure"];
        let errors = ["shop POST /x SUBGRAPH_ERROR: the service reported errors"];
        assert_eq!(told(late, false, Err(CallErrorKind::Unreachable)).await, reset);
        assert_eq!(told(late, false, answer(409, "{}")).await, refused);
        assert_eq!(told(late, true, answer(200, r#"{"data":null,"errors":[{"message":"no"}]}"#)).await, errors);
        for body in
            [r#"{"data":{}}"#, r#"{"data":{},"errors":[]}"#, r#"{"data":{"errors":[1]},"errors":null}"#, "", "["]
        {
            assert!(told(late, true, answer(200, body)).await.is_empty(), "{body}");
        }
        assert!(told(late, false, answer(200, r#"{"errors":[1]}"#)).await.is_empty(), "data of a REST service");
        let read = told(Duration::ZERO, true, answer(200, r#"{"errors":[1]}"#)).await;
        assert!(read.is_empty(), "whoever waits reads the answer itself");
    }
}
