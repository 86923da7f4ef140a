//! Polls with a paused clock, which jumps ahead, and with a source that follows a script.

use super::*;
use crate::execute::now;
use crate::policy::Caller;
use crate::report::{CallRecord, MissedTick};
use crate::upstream::{Answer, BatchDomain, CallError, CallErrorKind};
use futures_util::future::BoxFuture;
use http::{HeaderValue, Method, header};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use tokio::time::{sleep, timeout, timeout_at};

const EVERY: Duration = Duration::from_secs(10);
const TIMEOUT: Duration = Duration::from_secs(2);

type Reply = Result<Answer, CallErrorKind>;

/// A source whose script gives the reply to each call by the call's number, from 0.
struct Script {
    reply: Box<dyn Fn(usize) -> Reply + Send + Sync>,
    /// The moment and the condition of each call.
    calls: Mutex<Vec<(Instant, String)>>,
    writes: AtomicU64,
}

impl std::fmt::Debug for Script {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Script")
    }
}

impl Script {
    fn new(reply: impl Fn(usize) -> Reply + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { reply: Box::new(reply), calls: Mutex::default(), writes: AtomicU64::new(0) })
    }

    fn calls(&self) -> Vec<(Instant, String)> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn conditions(&self) -> Vec<String> {
        self.calls().into_iter().map(|(_, condition)| condition).collect()
    }

    fn count(&self) -> usize {
        self.calls().len()
    }
}

impl Subgraph for Script {
    fn call(&self, _: Request, context: Context) -> BoxFuture<'static, Result<Answer, CallError>> {
        let condition = context.condition.iter().flat_map(|condition| condition.iter());
        let condition: String = condition.map(|(_, value)| value.to_str().unwrap()).collect();
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.push((now(), condition));
        let number = calls.len() - 1;
        drop(calls);
        let result = (self.reply)(number).map_err(|kind| CallError::new(&"values".into(), kind, "by the script"));
        Box::pin(async move { result })
    }

    fn writes(&self) -> u64 {
        self.writes.load(Ordering::SeqCst)
    }
}

/// How often each event was reported to the observer, by name.
#[derive(Debug, Default)]
struct Counts(Mutex<BTreeMap<&'static str, u64>>);

impl Counts {
    fn add(&self, name: &'static str, count: u64) {
        *self.0.lock().unwrap().entry(name).or_default() += count;
    }

    fn of(&self, name: &str) -> u64 {
        self.0.lock().unwrap().get(name).copied().unwrap_or_default()
    }
}

impl PollObserver for Counts {
    fn called(&self, _: &CallRecord, is_poll: bool) {
        self.add(if is_poll { "poll" } else { "joined" }, 1);
    }

    fn event(&self) {
        self.add("event", 1);
    }

    fn missed(&self, why: MissedTick, ticks: u64) {
        self.add(why.label(), ticks);
    }
}

fn call(script: &Arc<Script>, target: &str, scope: CredentialScope) -> RootCall {
    RootCall {
        source: SourceId(0),
        name: "values".into(),
        subgraph: Arc::clone(script) as Arc<dyn Subgraph>,
        request: Request::Http { method: Method::GET, target: target.into(), headers: Vec::new(), body: None },
        context: Context {
            domain: BatchDomain { way: WayId(0), inputs: Arc::default(), scope },
            endpoint: "GET /values".into(),
            caller: Arc::new(Caller::default()),
            deadline: now(),
            is_safe: true,
            not_before: None,
            condition: None,
            takes_redirects: false,
            write: None,
        },
        every: EVERY,
        timeout: TIMEOUT,
    }
}

fn public(script: &Arc<Script>) -> RootCall {
    call(script, "/values/1", CredentialScope::Public)
}

fn body(text: &str) -> Reply {
    Ok(Answer::new(200, text.to_owned().into()))
}

fn tagged(status: u16, tag: &'static str, text: &str) -> Reply {
    let mut answer = Answer::new(status, text.to_owned().into());
    answer.headers.insert(header::ETAG, HeaderValue::from_static(tag));
    Ok(answer)
}

/// The status and body of a tick's answer, or the code of its error.
fn text(tick: &Tick) -> String {
    match &tick.result {
        Some(Ok(answer)) => format!("{} {}", answer.status, String::from_utf8_lossy(&answer.body)),
        Some(Err(error)) => error.kind.code().to_owned(),
        None => "nothing".to_owned(),
    }
}

async fn first(polled: &mut PollShare) -> String {
    text(&*polled.fresh(now()).await)
}

/// The tick that the poll gives within a number of intervals. `None` if it gives none.
async fn within(polled: &mut PollShare, intervals: u32) -> Option<String> {
    timeout(EVERY * intervals, polled.changed()).await.ok().map(|tick| text(&tick))
}

#[tokio::test(start_paused = true)]
async fn equal_calls_are_one_poll_that_ends_with_the_last_of_them() {
    let script = Script::new(|_| body("{}"));
    let polls = Polls::default();
    let mut all: Vec<_> = (0..100).map(|_| polls.join(public(&script))).collect();
    for polled in &mut all {
        assert_eq!(text(&*polled.fresh(now() - window(EVERY)).await), "200 {}");
    }
    assert_eq!((polls.count(), script.count()), (1, 1), "one call for all first answers");
    sleep(EVERY * 10).await;
    assert_eq!(script.count(), 11);
    drop(all);
    assert_eq!(polls.count(), 0);
    sleep(EVERY * 3).await;
    assert_eq!(script.count(), 11, "nobody listens");
    // A later subscriber begins a new poll.
    assert_eq!(first(&mut polls.join(public(&script))).await, "200 {}");
    assert_eq!(script.count(), 12);
}

#[tokio::test(start_paused = true)]
async fn calls_that_differ_in_anything_that_is_sent_or_in_their_caller_are_polls_of_their_own() {
    let script = Script::new(|_| body("{}"));
    let polls = Polls::default();
    let of_caller = |text: &[u8]| CredentialScope::Caller(text.into());
    let mut all = [
        public(&script),
        call(&script, "/values/2", CredentialScope::Public),
        call(&script, "/values/1", of_caller(b"ann")),
        call(&script, "/values/1", of_caller(b"bob")),
        RootCall { every: EVERY * 2, ..public(&script) },
    ]
    .map(|call| polls.join(call));
    for polled in &mut all {
        first(polled).await;
    }
    assert_eq!((polls.count(), script.count()), (5, 5));
    let apart = Polls::new([8], false);
    let mut all = [public(&script), public(&script)].map(|call| apart.join(call));
    for polled in &mut all {
        first(polled).await;
    }
    assert_eq!(script.count(), 7, "sharing is switched off");
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_told_when_it_differs_and_no_body_is_kept_at_rest() {
    let script = Script::new(|number| body(if number < 3 { "1" } else { "2" }));
    let polls = Polls::default();
    let mut polled = polls.join(public(&script));
    assert_eq!(first(&mut polled).await, "200 1");
    let began = script.calls()[0].0;
    assert_eq!(within(&mut polled, 10).await.as_deref(), Some("200 2"));
    assert_eq!(script.count(), 4);
    let ticks: Vec<_> = script.calls().iter().skip(1).map(|(at, _)| at.duration_since(began)).collect();
    assert_eq!((ticks[1] - ticks[0], ticks[2] - ticks[1]), (EVERY, EVERY));
    sleep(poll::KEPT * 2).await;
    assert_eq!(text(&polled.ticks.borrow()), "nothing");
    assert_eq!(within(&mut polled, 3).await, None);
    assert_eq!(text(&polled.ticks.borrow()), "nothing");
}

#[tokio::test(start_paused = true)]
async fn first_answers_are_shared_for_a_moment_and_until_a_write() {
    let script = Script::new(|number| body(&number.to_string()));
    let polls = Polls::default();
    let mut polled = polls.join(public(&script));
    let recent = || now() - window(EVERY);
    assert_eq!(first(&mut polled).await, "200 0");
    assert_eq!(text(&*polled.fresh(recent()).await), "200 0");
    script.writes.fetch_add(1, Ordering::SeqCst);
    assert_eq!(text(&*polled.fresh(recent()).await), "200 1", "a write is over");
    sleep(window(EVERY) * 2).await;
    assert_eq!(text(&*polled.fresh(recent()).await), "200 2", "it is too old");
}

#[tokio::test(start_paused = true)]
async fn calls_that_are_not_sent_are_told_to_new_subscribers_only() {
    let refusals =
        [(CallErrorKind::Refused, "UPSTREAM_REFUSED"), (CallErrorKind::CircuitOpen, "UPSTREAM_CIRCUIT_OPEN")];
    for (kind, code) in refusals {
        let script = Script::new(move |number| if (1..200).contains(&number) { Err(kind) } else { body("{}") });
        let (polls, counts) = (Polls::default(), Arc::new(Counts::default()));
        polls.tell(Arc::clone(&counts) as Arc<dyn PollObserver>);
        let mut polled = polls.join(public(&script));
        assert_eq!(first(&mut polled).await, "200 {}");
        assert_eq!(within(&mut polled, 5).await, None, "{code}: no news");
        assert_eq!((counts.of("refused"), counts.of("poll")), (5, 6));
        let asked = now();
        assert_eq!(first(&mut polls.join(public(&script))).await, code);
        let waited = now().duration_since(asked);
        let is_final = kind == CallErrorKind::CircuitOpen;
        assert_eq!(waited < Duration::from_millis(1), is_final, "{code} after {waited:?}");
        assert!(waited < TIMEOUT * 2, "{code} after {waited:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_first_call_that_is_refused_is_soon_made_again() {
    let script = Script::new(|number| if number < 3 { Err(CallErrorKind::Refused) } else { body("{}") });
    let polls = Polls::default();
    let asked = now();
    assert_eq!(first(&mut polls.join(public(&script))).await, "200 {}");
    assert!(now().duration_since(asked) < TIMEOUT);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_has_nothing_new_says_so_without_a_body() {
    let script = Script::new(|number| match number {
        0 => tagged(200, "\"a\"", "1"),
        1 | 2 => tagged(304, "\"a\"", ""),
        3 => tagged(200, "\"b\"", "2"),
        // This 304 is for another answer than the one that the condition named.
        4 => tagged(304, "\"c\"", ""),
        _ => tagged(200, "\"c\"", "3"),
    });
    let polls = Polls::default();
    let mut polled = polls.join(public(&script));
    assert_eq!(first(&mut polled).await, "200 1");
    assert_eq!(within(&mut polled, 4).await.as_deref(), Some("200 2"));
    assert_eq!(within(&mut polled, 3).await.as_deref(), Some("200 3"));
    assert_eq!(script.conditions(), ["", "\"a\"", "\"a\"", "\"a\"", "\"b\"", ""]);
    // A new subscriber needs the body.
    sleep(EVERY / 2).await;
    assert_eq!(first(&mut polled).await, "200 3");
    assert_eq!(script.conditions().last().map(String::as_str), Some(""));
}

#[tokio::test(start_paused = true)]
async fn a_service_that_wants_to_be_left_alone_is() {
    for (status, wanted, rests) in [
        (429, Duration::from_secs(45), Duration::from_secs(45)),
        (503, Duration::from_secs(45), Duration::from_secs(45)),
        (503, Duration::MAX, Duration::from_secs(300)),
        (500, Duration::from_secs(45), Duration::ZERO),
    ] {
        let script = Script::new(move |number| match number {
            1 => Ok(Answer { retry_after: Some(wanted), ..Answer::new(status, "busy".into()) }),
            _ => body("{}"),
        });
        let (polls, counts) = (Polls::default(), Arc::new(Counts::default()));
        polls.tell(Arc::clone(&counts) as Arc<dyn PollObserver>);
        let mut polled = polls.join(public(&script));
        assert_eq!(first(&mut polled).await, "200 {}");
        let busy = format!("{status} busy");
        assert_eq!(within(&mut polled, 2).await, Some(busy.clone()));
        if !rests.is_zero() {
            sleep(Duration::from_secs(5)).await;
            assert_eq!(first(&mut polled).await, busy, "what is known is told without a call");
            assert_eq!(script.count(), 2);
        }
        assert_eq!(within(&mut polled, 40).await.as_deref(), Some("200 {}"));
        let calls = script.calls();
        let rested = calls[2].0.duration_since(calls[1].0);
        assert!(rested >= rests && rested <= rests + EVERY, "{status}: {rested:?}");
        // The ticks that are left out while the service wants no calls. That time begins at a tick.
        sleep(EVERY / 2).await;
        let missed = counts.of("retry_after");
        assert_eq!(missed, (rested.as_secs() / EVERY.as_secs()).saturating_sub(1), "{status}: {rested:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn neither_a_panic_nor_a_call_that_hangs_ends_a_poll() {
    let script = Script::new(|number| match number {
        1 => panic!("by the script"),
        2 => Err(CallErrorKind::Timeout),
        number => body(&number.to_string()),
    });
    let polls = Polls::default();
    let mut polled = polls.join(public(&script));
    assert_eq!(first(&mut polled).await, "200 0");
    assert_eq!(within(&mut polled, 3).await.as_deref(), Some("UPSTREAM_TIMEOUT"), "a panic is no news");
    assert_eq!(within(&mut polled, 2).await.as_deref(), Some("200 3"));
}

#[tokio::test(start_paused = true)]
async fn whoever_asked_for_the_next_answer_gets_it_after_a_refusal_that_others_were_told_of() {
    let script = Script::new(|number| if number == 1 { Err(CallErrorKind::CircuitOpen) } else { body("1") });
    let polls = Polls::default();
    let mut early = polls.join(public(&script));
    assert_eq!(first(&mut early).await, "200 1");
    early.tell_next();
    sleep(Duration::from_millis(1)).await;
    let mut late = polls.join(public(&script));
    assert_eq!(first(&mut late).await, "UPSTREAM_CIRCUIT_OPEN");
    assert_eq!(within(&mut early, 1).await.as_deref(), Some("UPSTREAM_CIRCUIT_OPEN"));
    assert_eq!(within(&mut early, 2).await.as_deref(), Some("200 1"), "though it is that of before");
}

/// A source whose calls take a while, and that records how many are in flight.
#[derive(Debug)]
struct Slow {
    takes: Duration,
    under_way: Arc<AtomicU64>,
    most: Arc<AtomicU64>,
}

impl Subgraph for Slow {
    fn call(&self, _: Request, context: Context) -> BoxFuture<'static, Result<Answer, CallError>> {
        let (under_way, most, takes) = (Arc::clone(&self.under_way), Arc::clone(&self.most), self.takes);
        Box::pin(async move {
            most.fetch_max(under_way.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            let in_time = timeout_at(context.deadline.into(), sleep(takes)).await;
            under_way.fetch_sub(1, Ordering::SeqCst);
            in_time.map_err(|_| CallError::new(&"values".into(), CallErrorKind::Timeout, "its deadline has passed"))?;
            Ok(Answer::new(200, "{}".into()))
        })
    }
}

/// Begins `count` different polls of a source.
fn slow_polls(polls: &Polls, slow: &Arc<Slow>, count: usize) -> Vec<PollShare> {
    let script = Script::new(|_| body("{}"));
    let join = |number| {
        let call = call(&script, &format!("/values/{number}"), CredentialScope::Public);
        polls.join(RootCall { subgraph: Arc::clone(slow) as Arc<dyn Subgraph>, ..call })
    };
    (0..count).map(join).collect()
}

impl Slow {
    fn new(takes: Duration) -> Arc<Self> {
        Arc::new(Self { takes, under_way: Arc::default(), most: Arc::default() })
    }
}

#[tokio::test(start_paused = true)]
async fn many_polls_that_begin_at_once_take_half_of_what_their_service_may_have() {
    let slow = Slow::new(Duration::from_millis(50));
    let polls = Polls::new([8], true);
    for polled in &mut slow_polls(&polls, &slow, 100) {
        assert_eq!(text(&*polled.fresh(now() - EVERY).await), "200 {}");
    }
    assert_eq!(slow.most.load(Ordering::SeqCst), 4);
}

#[tokio::test(start_paused = true)]
async fn a_wait_for_a_turn_takes_nothing_of_the_time_of_the_call() {
    let slow = Slow::new(TIMEOUT * 3 / 4);
    let polls = Polls::new([2], true);
    for polled in &mut slow_polls(&polls, &slow, 2) {
        assert_eq!(text(&*polled.fresh(now() - EVERY).await), "200 {}");
    }
    assert_eq!(slow.most.load(Ordering::SeqCst), 1);
}
