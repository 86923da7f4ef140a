//! Tests of sharing, isolation and cancellation, with a virtual source on paused time.

use super::*;
use crate::compose::WayId;
use crate::policy::Caller;
use bytes::Bytes;
use http::Method;
use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;
use tokio::sync::oneshot;

/// Answers with the scope and the target of the call, once the test lets it go on.
#[derive(Debug, Default)]
struct Gated {
    /// The calls that wait, by their number.
    gates: Mutex<HashMap<usize, oneshot::Sender<Result<(), CallErrorKind>>>>,
    calls: AtomicUsize,
    cancelled: Arc<AtomicUsize>,
}

impl Gated {
    fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }

    fn cancelled(&self) -> usize {
        self.cancelled.load(Ordering::Relaxed)
    }

    fn let_go(&self, call: usize, result: Result<(), CallErrorKind>) {
        let gate = self.gates.lock().expect("no panic").remove(&call).expect("the call waits");
        let _ = gate.send(result);
    }
}

impl Subgraph for Gated {
    fn call(&self, request: Request, ctx: Context) -> BoxFuture<'static, Result<Answer, CallError>> {
        let (sender, gate) = oneshot::channel();
        self.gates.lock().expect("no panic").insert(self.calls.fetch_add(1, Ordering::Relaxed), sender);
        let mut cancellation = Cancellation(Some(Arc::clone(&self.cancelled)));
        Box::pin(async move {
            let result = gate.await.expect("the gate stays");
            cancellation.disarm();
            let body = Bytes::from(format!("{:?} {request:?}", ctx.domain.scope));
            result.map(|()| Answer::new(200, body)).map_err(|kind| CallError::new(&"gated".into(), kind, "scripted"))
        })
    }
}

/// Counts calls that were dropped before they had an answer.
struct Cancellation(Option<Arc<AtomicUsize>>);

impl Cancellation {
    fn disarm(&mut self) {
        self.0 = None;
    }
}

impl Drop for Cancellation {
    fn drop(&mut self) {
        self.0.take().inspect(|count| _ = count.fetch_add(1, Ordering::Relaxed));
    }
}

const LONG: Duration = Duration::from_secs(100);

fn table(options: FlightOptions) -> (Arc<Gated>, SharedSource<Gated>) {
    let source = Arc::new(Gated::default());
    (Arc::clone(&source), SharedSource::new("gated", source, options))
}

fn options() -> FlightOptions {
    FlightOptions { timeout: Duration::from_secs(3), ..FlightOptions::default() }
}

fn context(scope: u8, wait: Duration) -> Context {
    let scope = match scope {
        0 => CredentialScope::Public,
        caller => CredentialScope::Caller(Arc::from([caller])),
    };
    let domain = BatchDomain { way: WayId(0), inputs: Arc::from([]), scope };
    let deadline = (Instant::now() + wait).into_std();
    Context {
        domain,
        caller: Arc::<Caller>::default(),
        deadline,
        is_safe: true,
        not_before: None,
        condition: None,
        takes_redirects: false,
        write: None,
        endpoint: "GET /x".into(),
    }
}

fn get(target: usize) -> Request {
    Request::Http { method: Method::GET, target: format!("/{target}"), headers: Vec::new(), body: None }
}

type Call = BoxFuture<'static, Result<Answer, CallError>>;

/// Polls a call once, then lets all tasks run until none is ready. On one thread the result is the same every time.
async fn settle(call: &mut Call) -> Option<Result<Answer, CallError>> {
    if let std::task::Poll::Ready(result) = futures_util::poll!(&mut *call) {
        return Some(result);
    }
    rest().await;
    None
}

async fn rest() {
    for _ in 0..2 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn equal_reads_share_one_call_and_later_ones_make_a_new_one() {
    let (source, shared) = table(options());
    let mut first = shared.call(get(1), context(1, LONG));
    let mut second = shared.call(get(1), context(1, LONG));
    assert!(settle(&mut first).await.is_none() && settle(&mut second).await.is_none());
    assert_eq!((source.calls(), shared.in_flight()), (1, 1));
    source.let_go(0, Ok(()));
    let (first, second) = (first.await.expect("an answer"), second.await.expect("an answer"));
    assert_eq!((first.is_shared, second.is_shared), (false, true));
    assert_eq!(first.body, second.body);
    assert_eq!(shared.in_flight(), 0);

    let mut third = shared.call(get(1), context(1, LONG));
    assert!(settle(&mut third).await.is_none());
    assert_eq!(source.calls(), 2, "an answer is not kept");
}

#[tokio::test(start_paused = true)]
async fn whatever_differs_keeps_calls_apart() {
    let (source, shared) = table(options());
    let http = |method: Method, target: &str, header: Option<&'static str>, body: Option<&'static str>| Request::Http {
        method,
        target: target.to_owned(),
        headers: header
            .map(|value| (http::header::ACCEPT, http::HeaderValue::from_static(value)))
            .into_iter()
            .collect(),
        body: body.map(Bytes::from),
    };
    let graphql = |query: &str, variables: &'static str| Request::GraphQl {
        query: query.into(),
        variables: Bytes::from_static(variables.as_bytes()),
        headers: Vec::new(),
    };
    let base = || context(1, LONG);
    let with = |change: fn(&mut BatchDomain)| {
        let mut ctx = base();
        change(&mut ctx.domain);
        ctx
    };
    let mut calls: Vec<Call> = vec![
        shared.call(http(Method::GET, "/a", None, None), base()),
        shared.call(http(Method::POST, "/a", None, None), base()),
        shared.call(http(Method::GET, "/a?", None, None), base()),
        shared.call(http(Method::GET, "/a", Some("x"), None), base()),
        shared.call(http(Method::GET, "/a", None, Some("1")), base()),
        shared.call(graphql("{a}", "{}"), base()),
        shared.call(graphql("{b}", "{}"), base()),
        shared.call(graphql("{a}", "{\"a\":1}"), base()),
        shared.call(http(Method::GET, "/a", None, None), with(|domain| domain.way = WayId(1))),
        shared.call(http(Method::GET, "/a", None, None), with(|domain| domain.inputs = Arc::from([1]))),
        shared.call(http(Method::GET, "/a", None, None), with(|domain| domain.scope = CredentialScope::Public)),
        shared.call(http(Method::GET, "/a", None, None), Context { is_safe: false, ..base() }),
    ];
    for call in &mut calls {
        assert!(settle(call).await.is_none());
    }
    assert_eq!(source.calls(), calls.len());
}

#[tokio::test(start_paused = true)]
async fn switched_off_nothing_is_shared_and_full_tables_share_no_more() {
    for (options, expected) in [
        (FlightOptions { enabled: false, ..options() }, 4),
        (FlightOptions { max_flights: 1, ..options() }, 3),
        (options(), 2),
    ] {
        let (source, shared) = table(options);
        let mut calls: Vec<Call> = [1, 2, 1, 2].map(|target| shared.call(get(target), context(0, LONG))).into();
        for call in &mut calls {
            assert!(settle(call).await.is_none());
        }
        assert_eq!(source.calls(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn errors_are_shared_and_not_kept() {
    let (source, shared) = table(options());
    let mut calls = [shared.call(get(1), context(1, LONG)), shared.call(get(1), context(1, LONG))];
    for call in &mut calls {
        assert!(settle(call).await.is_none());
    }
    source.let_go(0, Err(CallErrorKind::TooLarge));
    for call in calls {
        assert_eq!(call.await.expect_err("an error").kind, CallErrorKind::TooLarge);
    }
    assert_eq!((source.calls(), shared.in_flight()), (1, 0));
    let mut later = shared.call(get(1), context(1, LONG));
    assert!(settle(&mut later).await.is_none());
    source.let_go(1, Ok(()));
    assert!(later.await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn only_the_last_waiter_to_leave_cancels() {
    let (source, shared) = table(options());
    let mut first = shared.call(get(1), context(1, LONG));
    let mut second = shared.call(get(1), context(1, LONG));
    assert!(settle(&mut first).await.is_none() && settle(&mut second).await.is_none());
    drop(first);
    rest().await;
    assert_eq!((source.cancelled(), shared.in_flight()), (0, 1), "the flight is not its first caller's");
    let mut third = shared.call(get(1), context(1, LONG));
    assert!(settle(&mut third).await.is_none());
    drop(second);
    rest().await;
    assert_eq!((source.cancelled(), source.calls()), (0, 1));
    drop(third);
    rest().await;
    assert_eq!((source.cancelled(), shared.in_flight()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_call_right_after_the_last_one_left_is_answered() {
    let (source, shared) = table(options());
    let mut first = shared.call(get(1), context(1, LONG));
    assert!(settle(&mut first).await.is_none());
    drop(first);
    // The flight's task has no turn in between: it must not cancel a flight that was boarded again.
    let mut second = shared.call(get(1), context(1, LONG));
    assert!(settle(&mut second).await.is_none());
    source.let_go(source.calls() - 1, Ok(()));
    assert!(second.await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn each_waiter_keeps_its_deadline_and_the_flight_its_timeout() {
    let (source, shared) = table(options());
    let start = Instant::now();
    let wait = |seconds| {
        let call = shared.call(get(1), context(1, Duration::from_secs(seconds)));
        async move { (call.await.map_err(|error| error.kind).err(), start.elapsed().as_secs()) }
    };
    let timeout = Some(CallErrorKind::Timeout);
    let ends = tokio::join!(wait(1), wait(2), wait(90));
    assert_eq!(ends, ((timeout, 1), (timeout, 2), (timeout, 3)));
    assert_eq!((source.calls(), source.cancelled(), shared.in_flight()), (1, 1, 0));
    // A call whose deadline has passed is not made.
    assert_eq!(wait(0).await.0, timeout);
    assert_eq!(source.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_runs_after_a_mutation_joins_nothing_older() {
    let (source, shared) = table(options());
    let mut before = shared.call(get(1), context(1, LONG));
    assert!(settle(&mut before).await.is_none());
    tokio::time::advance(Duration::from_millis(1)).await;
    let not_before = Some(Instant::now().into_std());
    let mut after = shared.call(get(1), Context { not_before, ..context(1, LONG) });
    let mut also_after = shared.call(get(1), Context { not_before, ..context(1, LONG) });
    let mut unconcerned = shared.call(get(1), context(1, LONG));
    for call in [&mut after, &mut also_after, &mut unconcerned] {
        assert!(settle(call).await.is_none());
    }
    assert_eq!((source.calls(), shared.in_flight()), (2, 2));
    // The older flight ends without ending the younger one.
    source.let_go(0, Ok(()));
    assert!(!before.await.expect("an answer").is_shared);
    assert_eq!(shared.in_flight(), 1);
    source.let_go(1, Ok(()));
    let shared = [after, also_after, unconcerned].map(|call| async { call.await.map(|answer| answer.is_shared).ok() });
    assert_eq!(futures_util::future::join_all(shared).await, [Some(false), Some(true), Some(true)]);
}

#[tokio::test(start_paused = true)]
async fn a_read_after_a_write_joins_nothing_that_was_begun_before_its_end() {
    let (source, shared) = table(options());
    let read = || shared.call(get(1), context(1, LONG));
    let mut before = read();
    assert!(settle(&mut before).await.is_none());
    let mut write = shared.call(get(2), Context { is_safe: false, ..context(1, LONG) });
    assert!(settle(&mut write).await.is_none());
    let mut meanwhile = read();
    assert!(settle(&mut meanwhile).await.is_none());
    assert_eq!((source.calls(), shared.writes()), (2, 0));
    source.let_go(1, Err(CallErrorKind::Timeout));
    assert!(write.await.is_err(), "it may have been applied nevertheless");
    assert_eq!(shared.writes(), 1);
    let mut after = read();
    assert!(settle(&mut after).await.is_none());
    assert_eq!(source.calls(), 3);
    // A write that is given up is over, too.
    let mut given_up = shared.call(get(2), Context { is_safe: false, ..context(1, LONG) });
    assert!(settle(&mut given_up).await.is_none());
    drop(given_up);
    assert_eq!(shared.writes(), 2);
    for call in [0, 2] {
        source.let_go(call, Ok(()));
    }
    let answers = [before, meanwhile, after].map(|call| async { call.await.map(|answer| answer.is_shared).ok() });
    assert_eq!(futures_util::future::join_all(answers).await, [Some(false), Some(true), Some(false)]);
}

#[tokio::test(start_paused = true)]
async fn a_replaced_flight_is_cancelled_too() {
    let (source, shared) = table(options());
    let mut before = shared.call(get(1), context(1, LONG));
    assert!(settle(&mut before).await.is_none());
    tokio::time::advance(Duration::from_millis(1)).await;
    let not_before = Some(Instant::now().into_std());
    let mut after = shared.call(get(1), Context { not_before, ..context(1, LONG) });
    assert!(settle(&mut after).await.is_none());
    drop(before);
    rest().await;
    assert_eq!((source.cancelled(), shared.in_flight()), (1, 1));
    source.let_go(1, Ok(()));
    assert!(after.await.is_ok());
}

/// Answers after a few turns, so that callers can leave before.
#[derive(Debug)]
struct Prompt;

impl Subgraph for Prompt {
    fn call(&self, _: Request, _: Context) -> BoxFuture<'static, Result<Answer, CallError>> {
        Box::pin(async {
            rest().await;
            Ok(Answer::new(200, Bytes::new()))
        })
    }
}

/// On two threads, one caller comes while the last one leaves. A caller that stays gets an answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_boards_a_flight_that_is_being_cancelled() {
    let shared = SharedSource::new("gated", Arc::new(Prompt), options());
    let fleeting = tokio::spawn({
        let shared = shared.clone();
        async move {
            loop {
                let mut call = shared.call(get(1), context(1, LONG));
                let _ = futures_util::poll!(&mut call);
                drop(call);
                tokio::task::yield_now().await;
            }
        }
    });
    let staying = tokio::spawn(async move {
        for _ in 0..20_000 {
            shared.call(get(1), context(1, LONG)).await.expect("an answer");
        }
    });
    staying.await.expect("all are answered");
    fleeting.abort();
}

#[derive(Debug)]
struct Panicking;

impl Subgraph for Panicking {
    fn call(&self, _: Request, _: Context) -> BoxFuture<'static, Result<Answer, CallError>> {
        panic!("scripted")
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_the_source_is_an_error_for_all() {
    let shared = SharedSource::new("gated", Arc::new(Panicking), options());
    let calls = [1, 1, 2].map(|target| shared.call(get(target), context(1, LONG)));
    for result in futures_util::future::join_all(calls).await {
        assert_eq!(result.expect_err("an error").kind, CallErrorKind::Unreachable);
    }
    assert_eq!(shared.in_flight(), 0);
}

/// The results of one schedule.
#[derive(Debug, Default)]
struct Seen {
    answered: usize,
    shared: usize,
    /// Answers that were made for another scope or target.
    mixed: usize,
    cancelled: usize,
}

/// Callers of three scopes ask for two targets. They come, leave and are answered in an
/// order that follows from the seed.
async fn play(seed: u64, options: FlightOptions) -> Seen {
    let (source, shared) = table(options);
    let mut schedule = fastrand::Rng::with_seed(seed);
    let mut waiting: Vec<(String, Call)> = Vec::new();
    let mut seen = Seen::default();
    for _ in 0..16 {
        match schedule.usize(..8) {
            0..5 => {
                let (scope, target) = (schedule.usize(..3) as u8, schedule.usize(..2));
                let ctx = context(scope, LONG);
                let expected = format!("{:?} {:?}", ctx.domain.scope, get(target));
                let mut call = shared.call(get(target), ctx);
                assert!(settle(&mut call).await.is_none());
                waiting.push((expected, call));
            }
            5 if !waiting.is_empty() => {
                drop(waiting.swap_remove(schedule.usize(..waiting.len())));
                // The flight's task gets a turn or not.
                if schedule.usize(..2) == 0 {
                    rest().await;
                }
            }
            _ => {
                let mut gates: Vec<usize> = source.gates.lock().expect("no panic").keys().copied().collect();
                gates.sort_unstable();
                if !gates.is_empty() {
                    source.let_go(gates[schedule.usize(..gates.len())], Ok(()));
                    rest().await;
                }
            }
        }
        let mut still = Vec::new();
        for (expected, mut call) in waiting {
            match futures_util::poll!(&mut call) {
                std::task::Poll::Pending => still.push((expected, call)),
                std::task::Poll::Ready(result) => {
                    let answer = result.expect("no error is scripted");
                    seen.answered += 1;
                    seen.shared += usize::from(answer.is_shared);
                    seen.mixed += usize::from(answer.body != expected.as_bytes());
                }
            }
        }
        waiting = still;
    }
    drop(waiting);
    rest().await;
    assert_eq!(shared.in_flight(), 0, "seed {seed}: everybody has left");
    seen.cancelled = source.cancelled();
    seen
}

const SCHEDULES: u64 = 10_000;

#[tokio::test(start_paused = true)]
async fn two_scopes_never_share() {
    let mut total = Seen::default();
    for seed in 0..SCHEDULES {
        let seen = play(seed, options()).await;
        assert_eq!(seen.mixed, 0, "seed {seed}: an answer went to another scope");
        total.answered += seen.answered;
        total.shared += seen.shared;
        total.cancelled += seen.cancelled;
    }
    // The schedules cover the cases that they are made for.
    assert!(total.answered > 10_000 && total.shared > 1_000 && total.cancelled > 1_000, "{total:?}");
}

#[tokio::test(start_paused = true)]
async fn the_isolation_test_notices_shared_scopes() {
    let options = FlightOptions { ignore_scope: true, ..options() };
    let mut mixed = 0;
    for seed in 0..100 {
        mixed += play(seed, options.clone()).await.mixed;
    }
    assert!(mixed > 10, "{mixed} mixed answers found");
}
