//! Tests of all policies together, on paused time and without sockets, with a source that follows a script.

use super::*;
use crate::compose::WayId;
use crate::policy::Caller;
use crate::report::BreakerState;
use crate::upstream::{BatchDomain, CredentialScope, Write, Writes};
use std::collections::VecDeque;
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

/// What the source does with one call.
#[derive(Debug, Clone, Copy)]
enum Does {
    Answers(u16),
    /// Answers 503 and asks to be called again after this time.
    Busy(Duration),
    Fails(CallErrorKind),
    /// Breaks the connection while the body is read.
    Breaks,
    /// Answers after this time, unless the caller's deadline comes first.
    Takes(Duration),
    /// Answers after this time, whatever the caller's deadline is.
    Works(Duration),
    /// Fails with a timeout of its own after this time.
    TimesOut(Duration),
}

/// Does one thing of the script for each call, and the last one for all further calls.
#[derive(Debug)]
struct Scripted {
    script: Mutex<VecDeque<Does>>,
    /// The instants at which calls came.
    came: Mutex<Vec<Instant>>,
}

impl Subgraph for Scripted {
    fn call(&self, _: Request, ctx: Context) -> BoxFuture<'static, Result<Answer, CallError>> {
        self.came.lock().unwrap().push(Instant::now());
        let mut script = self.script.lock().unwrap();
        let does = if script.len() > 1 { script.pop_front().unwrap() } else { script[0] };
        let service: Arc<str> = "shop".into();
        Box::pin(async move {
            let end = ctx.cut().unwrap_or_else(|| Instant::now() + 1_000 * SECOND);
            let takes = |time| tokio::time::timeout_at(end, sleep(time));
            let timeout = CallError::new(&service, CallErrorKind::Timeout, "");
            match does {
                Does::Answers(status) => Ok(Answer::new(status, "{}".into())),
                Does::Busy(wait) => Ok(Answer { retry_after: Some(wait), ..Answer::new(503, "".into()) }),
                Does::Fails(kind) => Err(CallError::new(&service, kind, "")),
                Does::Breaks => {
                    let error = CallError::new(&service, CallErrorKind::Unreachable, "");
                    Err(CallError { has_begun: true, ..error })
                }
                Does::Takes(time) => takes(time).await.map(|()| Answer::new(200, "{}".into())).map_err(|_| timeout),
                Does::Works(time) => {
                    sleep(time).await;
                    Ok(Answer::new(200, "{}".into()))
                }
                Does::TimesOut(time) => {
                    let _ = takes(time).await;
                    Err(timeout)
                }
            }
        })
    }
}

fn guarded(options: GuardOptions, script: impl IntoIterator<Item = Does>) -> (Arc<Scripted>, GuardedSource<Scripted>) {
    let script = Mutex::new(script.into_iter().collect());
    let source = Arc::new(Scripted { script, came: Mutex::default() });
    (Arc::clone(&source), GuardedSource::new("shop", source, options))
}

/// How many failures in a row cause an input to be refused, at an endpoint about which nothing is known.
const NEWLY: usize = 9;

/// Options without a breaker, for tests of the other policies.
fn unbroken() -> GuardOptions {
    GuardOptions { breaker: BreakerOptions { enabled: false, ..BreakerOptions::default() }, ..GuardOptions::default() }
}

/// Options without retries, for tests of the other policies.
fn once() -> GuardOptions {
    GuardOptions { retry: RetryOptions::none(), ..GuardOptions::default() }
}

impl Scripted {
    fn calls(&self) -> usize {
        self.came.lock().unwrap().len()
    }
}

fn context(wait: Duration) -> Context {
    let domain = BatchDomain { way: WayId(0), inputs: Arc::from([]), scope: CredentialScope::Public };
    let deadline = (Instant::now() + wait).into_std();
    let endpoint = "GET /x".into();
    Context {
        domain,
        endpoint,
        caller: Arc::<Caller>::default(),
        deadline,
        is_safe: true,
        not_before: None,
        condition: None,
        takes_redirects: false,
        write: None,
    }
}

fn get() -> Request {
    Request::Http { method: http::Method::GET, target: "/x".into(), headers: Vec::new(), body: None }
}

/// The status or the kind of the error, and how often the request was sent.
async fn ask(service: &GuardedSource<Scripted>, ctx: Context) -> (Result<u16, CallErrorKind>, u32) {
    match service.call(get(), ctx).await {
        Ok(answer) => (Ok(answer.status), answer.attempts),
        Err(error) => (Err(error.kind), error.attempts),
    }
}

fn outcomes(service: &GuardedSource<Scripted>) -> [u64; 4] {
    let report = service.report().expect("a report");
    RetryOutcome::ALL.map(|wanted| report.retries.iter().find(|(outcome, _)| *outcome == wanted).unwrap().1)
}

fn state(service: &GuardedSource<Scripted>) -> BreakerState {
    service.report().expect("a report").breakers[0].1
}

#[tokio::test(start_paused = true)]
async fn a_read_that_fails_by_accident_is_sent_once_more() {
    use CallErrorKind::{Malformed, Timeout, Unreachable};
    use Does::{Answers, Breaks, Fails, TimesOut};
    for (script, expected) in [
        (vec![Answers(200)], (Ok(200), 1)),
        (vec![Answers(503), Answers(200)], (Ok(200), 2)),
        (vec![Answers(502), Answers(404)], (Ok(404), 2)),
        (vec![Fails(Unreachable), Answers(200)], (Ok(200), 2)),
        (vec![Answers(504), Answers(503), Answers(200)], (Ok(503), 2)),
        (vec![Answers(503), Fails(Unreachable)], (Err(Unreachable), 2)),
        (vec![Answers(500), Answers(200)], (Ok(500), 1)),
        (vec![Fails(Malformed), Answers(200)], (Err(Malformed), 1)),
        (vec![Breaks, Answers(200)], (Err(Unreachable), 1)),
        (vec![TimesOut(100 * MS), Answers(200)], (Err(Timeout), 1)),
    ] {
        let (source, service) = guarded(unbroken(), script.clone());
        let got = ask(&service, context(SECOND)).await;
        assert_eq!((got, source.calls()), (expected, expected.1 as usize), "{script:?}");
    }
}

/// The context of a write, and the write itself.
fn write(wait: Duration) -> (Context, Write) {
    let write = Writes::default().begin().expect("room");
    (Context { is_safe: false, write: Some(write.clone()), ..context(wait) }, write)
}

fn one_at_a_time() -> GuardOptions {
    GuardOptions { queue: QueueOptions { max_in_flight: 1, max_waiting: 1 }, ..once() }
}

#[tokio::test(start_paused = true)]
async fn a_write_that_was_sent_is_finished_and_keeps_its_slot() {
    for is_left in [true, false] {
        let (source, service) = guarded(one_at_a_time(), [Does::Works(2 * SECOND), Does::Answers(200)]);
        let ((ctx, of_it), begun) = (write(SECOND), Instant::now());
        let mut call = service.call(get(), ctx);
        if is_left {
            assert!(futures_util::poll!(&mut call).is_pending());
            drop(call);
        } else {
            let error = call.await.expect_err("its deadline comes first");
            assert_eq!((error.kind, error.is_unsent, begun.elapsed()), (CallErrorKind::Timeout, false, SECOND));
        }
        assert!(of_it.is_sent() && !of_it.is_over());
        assert_eq!(ask(&service, context(5 * SECOND)).await, (Ok(200), 1));
        assert_eq!((begun.elapsed(), of_it.is_over(), source.calls()), (2 * SECOND, true, 2), "it waited for the slot");
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_that_was_not_sent_says_so() {
    let (source, service) = guarded(one_at_a_time(), [Does::Takes(10 * SECOND), Does::Answers(200)]);
    let mut first = service.call(get(), context(20 * SECOND));
    assert!(futures_util::poll!(&mut first).is_pending());
    // A write waits for a slot until it is dropped or its time is up. A third write is
    // refused, because only one may wait.
    let (ctx, of_it) = write(SECOND);
    let mut waiting = service.call(get(), ctx);
    assert!(futures_util::poll!(&mut waiting).is_pending() && !of_it.is_sent());
    for (ctx, kind) in [(write(SECOND).0, CallErrorKind::Refused), (write(Duration::ZERO).0, CallErrorKind::Refused)] {
        let error = service.call(get(), ctx).await.expect_err("no room");
        assert_eq!((error.kind, error.is_unsent, error.attempts), (kind, true, 0));
    }
    let error = waiting.await.expect_err("no time");
    assert_eq!(
        (error.kind, error.is_unsent, of_it.is_sent(), of_it.is_over()),
        (CallErrorKind::Timeout, true, false, true)
    );
    drop(first);
    let error = service.call(get(), write(Duration::ZERO).0).await.expect_err("no time");
    assert_eq!((error.kind, error.is_unsent), (CallErrorKind::Timeout, true));
    assert_eq!(source.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_a_write_tells_of_its_service_is_told_when_it_ends() {
    let breaker = BreakerOptions {
        failures_in_row: 1,
        open_for: 60 * SECOND,
        max_open: 60 * SECOND,
        ..BreakerOptions::default()
    };
    let (_, service) = guarded(GuardOptions { breaker, ..once() }, [Does::TimesOut(2 * SECOND)]);
    // Because nothing is known yet, two failures are needed instead of the one that is configured.
    for _ in 0..2 {
        let (ctx, of_it) = write(SECOND);
        assert_eq!(service.call(get(), ctx).await.expect_err("no time").kind, CallErrorKind::Timeout);
        assert_eq!(state(&service), BreakerState::Closed);
        sleep(2 * SECOND).await;
        assert!(of_it.is_over());
    }
    assert_eq!(state(&service), BreakerState::Open, "it had all the time that the service has");
    let error = service.call(get(), write(SECOND).0).await.expect_err("it is open");
    assert_eq!((error.kind, error.is_unsent), (CallErrorKind::CircuitOpen, true));
}

#[tokio::test(start_paused = true)]
async fn a_write_is_sent_once_whatever_happens() {
    for does in [Does::Answers(503), Does::Fails(CallErrorKind::Unreachable), Does::Busy(MS), Does::Breaks] {
        let (source, service) = guarded(unbroken(), [does, Does::Answers(200)]);
        let (_, attempts) = ask(&service, Context { is_safe: false, ..context(SECOND) }).await;
        assert_eq!((attempts, source.calls()), (1, 1), "{does:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_retry_waits_as_asked_and_never_in_vain() {
    // The wait is 300 ms, as the service asks, and at most 25 ms more to spread the retries.
    let (source, service) = guarded(unbroken(), [Does::Busy(300 * MS), Does::Answers(200)]);
    assert_eq!(ask(&service, context(SECOND)).await, (Ok(200), 2));
    let came = source.came.lock().unwrap().clone();
    let waited = came[1] - came[0];
    assert!(waited >= 300 * MS && waited <= 326 * MS, "{waited:?}");
    // The wait would be longer than the time that is left.
    let (source, service) = guarded(unbroken(), [Does::Busy(2 * SECOND), Does::Answers(200)]);
    let began = Instant::now();
    assert_eq!((ask(&service, context(SECOND)).await, began.elapsed()), ((Ok(503), 1), Duration::ZERO));
    assert_eq!((source.calls(), outcomes(&service)), (1, [0, 0, 0, 1]));
}

#[tokio::test(start_paused = true)]
async fn retries_of_failures_together_are_spread() {
    let options = GuardOptions { retry: RetryOptions { ratio: 1.0, per_second: 1000.0 }, ..unbroken() };
    let (source, service) = guarded(options, [Does::Answers(503)]);
    let calls: Vec<_> = (0..100).map(|_| tokio::spawn(service.call(get(), context(SECOND)))).collect();
    for call in calls {
        assert!(call.await.unwrap().is_ok_and(|answer| answer.attempts == 2));
    }
    let came = source.came.lock().unwrap().clone();
    let waits: Vec<_> = came[100..].iter().map(|&at| at - came[0]).collect();
    assert!(waits.iter().all(|&wait| wait <= 26 * MS), "{waits:?}");
    // Timers tick in milliseconds, so there are 25 possible waits; most of them must occur.
    let distinct: std::collections::BTreeSet<_> = waits.iter().map(Duration::as_millis).collect();
    assert!(distinct.len() > 15, "{distinct:?}");
}

#[tokio::test(start_paused = true)]
async fn with_every_call_failing_a_tenth_is_sent_again_and_three_per_second() {
    let (source, service) = guarded(unbroken(), [Does::Answers(503)]);
    for _ in 0..1000 {
        let _ = ask(&service, context(SECOND)).await;
        sleep(10 * MS).await;
    }
    let [recovered, failed, over_budget, too_late] = outcomes(&service);
    assert_eq!((recovered, too_late, failed + over_budget), (0, 0, 1000));
    assert_eq!(source.calls() as u64, 1000 + failed);
    // The calls took ten seconds and the waits of the retries.
    assert!((130..=140).contains(&failed), "{failed}");
}

#[tokio::test(start_paused = true)]
async fn an_open_breaker_answers_at_once_and_sends_nothing() {
    let (source, service) = guarded(once(), [Does::TimesOut(500 * MS)]);
    for _ in 0..NEWLY {
        assert_eq!(ask(&service, context(SECOND)).await, (Err(CallErrorKind::Timeout), 1));
    }
    let began = Instant::now();
    assert_eq!(ask(&service, context(SECOND)).await, (Err(CallErrorKind::CircuitOpen), 0));
    assert_eq!((began.elapsed(), source.calls(), state(&service)), (Duration::ZERO, NEWLY, BreakerState::Open));
    // Calls to another endpoint are sent as before.
    let other = Context { endpoint: "GET /y".into(), ..context(SECOND) };
    assert_eq!(ask(&service, other).await, (Err(CallErrorKind::Timeout), 1));
}

#[tokio::test(start_paused = true)]
async fn an_open_breaker_answers_at_once_also_while_all_slots_are_taken() {
    let options = GuardOptions { queue: QueueOptions { max_in_flight: 2, max_waiting: 9 }, ..once() };
    let script = [Does::Answers(500); NEWLY].into_iter().chain([Does::Takes(SECOND)]);
    let (source, service) = guarded(options, script);
    let elsewhere = || Context { endpoint: "GET /y".into(), ..context(2 * SECOND) };
    for _ in 0..NEWLY {
        let _ = ask(&service, context(SECOND)).await;
    }
    let (mut first, mut second) = (service.call(get(), elsewhere()), service.call(get(), elsewhere()));
    assert!(futures_util::poll!(&mut first).is_pending() && futures_util::poll!(&mut second).is_pending());
    assert_eq!(service.report().expect("a report").in_flight, 2);
    let began = Instant::now();
    assert_eq!(ask(&service, context(SECOND)).await, (Err(CallErrorKind::CircuitOpen), 0));
    assert_eq!((began.elapsed(), source.calls()), (Duration::ZERO, NEWLY + 2));
}

#[tokio::test(start_paused = true)]
async fn what_waits_while_a_breaker_opens_is_not_sent() {
    let options = GuardOptions { queue: QueueOptions { max_in_flight: 5, max_waiting: 100 }, ..once() };
    let (source, service) = guarded(options, [Does::TimesOut(500 * MS)]);
    let calls: Vec<_> = (0..50).map(|_| service.call(get(), context(20 * SECOND))).collect();
    let kinds: Vec<_> = futures_util::future::join_all(calls).await.into_iter().map(|r| r.unwrap_err().kind).collect();
    assert_eq!(kinds.iter().filter(|&&kind| kind == CallErrorKind::CircuitOpen).count(), 40);
    assert_eq!(source.calls(), 10);
}

#[tokio::test(start_paused = true)]
async fn a_breaker_closes_by_one_probe() {
    let script = [Does::Answers(500); NEWLY].into_iter().chain([Does::Takes(100 * MS)]);
    let (source, service) = guarded(once(), script);
    for _ in 0..NEWLY {
        let _ = ask(&service, context(SECOND)).await;
    }
    sleep(SECOND).await;
    let probe = tokio::spawn(service.call(get(), context(SECOND)));
    tokio::task::yield_now().await;
    assert_eq!(state(&service), BreakerState::HalfOpen);
    assert_eq!(ask(&service, context(SECOND)).await, (Err(CallErrorKind::CircuitOpen), 0));
    assert!(probe.await.unwrap().is_ok());
    assert_eq!((state(&service), source.calls()), (BreakerState::Closed, NEWLY + 1));
}

#[tokio::test(start_paused = true)]
async fn callers_without_time_or_patience_do_not_open_a_breaker() {
    let (source, service) = guarded(once(), [Does::Takes(SECOND)]);
    for _ in 0..20 {
        assert_eq!(ask(&service, context(100 * MS)).await, (Err(CallErrorKind::Timeout), 1));
        let mut left = service.call(get(), context(2 * SECOND));
        assert!(futures_util::poll!(&mut left).is_pending());
    }
    assert_eq!((state(&service), source.calls()), (BreakerState::Closed, 40));
    assert_eq!(service.report().expect("a report").in_flight, 0, "who leaves gives the slot back");
}

#[tokio::test(start_paused = true)]
async fn callers_that_have_waited_for_long_open_a_breaker() {
    // No caller has as much time as a call may take, so no call times out by itself.
    for by_deadline in [true, false] {
        let (source, service) = guarded(once(), [Does::Takes(60 * SECOND)]);
        for _ in 0..NEWLY {
            let wait = if by_deadline { 1900 * MS } else { 60 * SECOND };
            let call = tokio::time::timeout(1950 * MS, ask(&service, context(wait))).await;
            assert_eq!(call.is_ok(), by_deadline);
        }
        assert_eq!(
            (ask(&service, context(SECOND)).await, source.calls()),
            ((Err(CallErrorKind::CircuitOpen), 0), NEWLY)
        );
        // The same holds for a probe.
        sleep(SECOND).await;
        let _ = tokio::time::timeout(1950 * MS, ask(&service, context(60 * SECOND))).await;
        assert_eq!((state(&service), source.calls()), (BreakerState::Open, NEWLY + 1));
        sleep(SECOND).await;
        assert_eq!(ask(&service, context(SECOND)).await, (Err(CallErrorKind::CircuitOpen), 0), "for two seconds now");
    }
}

#[tokio::test(start_paused = true)]
async fn a_probe_whose_caller_leaves_is_given_back() {
    let script = [Does::Answers(500); NEWLY].into_iter().chain([Does::Takes(100 * MS)]);
    let (_, service) = guarded(once(), script);
    for _ in 0..NEWLY {
        let _ = ask(&service, context(SECOND)).await;
    }
    sleep(SECOND).await;
    let mut left = service.call(get(), context(SECOND));
    assert!(futures_util::poll!(&mut left).is_pending());
    drop(left);
    let late = ask(&service, context(50 * MS)).await;
    assert_eq!(late, (Err(CallErrorKind::Timeout), 1), "a probe whose deadline passes is given back, too");
    assert_eq!(ask(&service, context(SECOND)).await, (Ok(200), 1));
    assert_eq!(state(&service), BreakerState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_failing_service_is_not_asked_again_once_its_breaker_is_open() {
    let (source, service) = guarded(GuardOptions::default(), [Does::Answers(503)]);
    let mut attempts = Vec::new();
    for _ in 0..8 {
        attempts.push(ask(&service, context(SECOND)).await);
    }
    let open = Err(CallErrorKind::CircuitOpen);
    let [twice, once] = [(Ok(503), 2), (Ok(503), 1)];
    assert_eq!(attempts, [twice, twice, twice, once, once, once, (open, 0), (open, 0)]);
    assert_eq!(source.calls(), NEWLY);
}

#[tokio::test(start_paused = true)]
async fn a_call_gives_its_slot_back_while_it_waits_for_its_retry() {
    let options = GuardOptions { queue: QueueOptions { max_in_flight: 1, max_waiting: 0 }, ..unbroken() };
    let (_, service) = guarded(options, [Does::Busy(300 * MS), Does::Answers(200)]);
    let first = tokio::spawn(service.call(get(), context(SECOND)));
    tokio::task::yield_now().await;
    assert_eq!(ask(&service, context(SECOND)).await, (Ok(200), 1));
    assert!(first.await.unwrap().is_ok_and(|answer| answer.attempts == 2));
}

/// Answers as a function of the request's target says.
struct ByTarget<F>(Mutex<F>);

impl<F> std::fmt::Debug for ByTarget<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ByTarget")
    }
}

impl<F: FnMut(&str) -> Does + Send> Subgraph for ByTarget<F> {
    fn call(&self, request: Request, ctx: Context) -> BoxFuture<'static, Result<Answer, CallError>> {
        let Request::Http { target, .. } = &request else { unreachable!("all requests here are HTTP") };
        let does = (*self.0.lock().unwrap())(target);
        Scripted { script: Mutex::new(VecDeque::from([does])), came: Mutex::default() }.call(request, ctx)
    }
}

fn get_of(target: &str) -> Request {
    Request::Http { method: http::Method::GET, target: target.into(), headers: Vec::new(), body: None }
}

/// Makes this many calls, 50 a second, of which a part fails by chance. Returns how many answers were good.
async fn whole_of(calls: u64, seed: u64, failure: Does, options: GuardOptions) -> usize {
    let mut chance = fastrand::Rng::with_seed(seed);
    let source = ByTarget(Mutex::new(move |_: &str| if chance.u8(..10) < 3 { failure } else { Does::Answers(200) }));
    let service = GuardedSource::new("shop", Arc::new(source), options);
    let mut whole = 0;
    for at in 0..calls {
        // One input is asked for often, each other one once.
        let target = if at % 2 == 0 { "/hot".to_owned() } else { format!("/{at}") };
        let answer = service.call(get_of(&target), context(SECOND)).await;
        whole += usize::from(answer.is_ok_and(|answer| answer.status == 200));
        sleep(20 * MS).await;
    }
    whole
}

#[tokio::test(start_paused = true)]
async fn in_bad_weather_a_breaker_costs_no_answer() {
    let without = BreakerOptions { enabled: false, ..BreakerOptions::default() };
    for failure in
        [Does::Fails(CallErrorKind::Unreachable), Does::Answers(500), Does::Answers(503), Does::TimesOut(100 * MS)]
    {
        for seed in 0..20 {
            // The waits before retries are random; with a budget that never ends, the result does not depend on them.
            let retry = RetryOptions { ratio: 1.0, per_second: 1000.0 };
            let options = GuardOptions { retry, ..GuardOptions::default() };
            let with = whole_of(300, seed, failure, options).await;
            let plain = whole_of(300, seed, failure, GuardOptions { breaker: without, ..options }).await;
            assert!(with >= plain, "{failure:?}, seed {seed}: {with} whole, {plain} without a breaker");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_poisoned_input_does_not_drain_the_retry_budget() {
    let mut accidents = 0;
    let source = ByTarget(Mutex::new(move |target: &str| {
        let is_accident = target != "/poison" && {
            accidents += 1;
            accidents % 2 == 1
        };
        Does::Answers(if target == "/poison" || is_accident { 503 } else { 200 })
    }));
    let service = GuardedSource::new("shop", Arc::new(source), GuardOptions::default());
    for at in 0..1200 {
        let _ = service.call(get_of("/poison"), context(SECOND)).await;
        // From the third second on, another input fails by accident once a second.
        if at % 60 == 59 && at > 180 {
            let answer = service.call(get_of(&format!("/{at}")), context(SECOND)).await.expect("an answer");
            assert_eq!((answer.status, answer.attempts), (200, 2), "after {at} calls");
        }
        sleep(16 * MS).await;
    }
}
