//! Tests of single instances with made-up instants, and of the choice between instances on paused time without sockets.

use super::*;
use crate::compose::WayId;
use crate::policy::Caller;
use crate::upstream::{BatchDomain, CredentialScope};

const SECOND: Duration = Duration::from_secs(1);

/// Answers after a while, or fails at once.
#[derive(Debug)]
struct Fake {
    takes: Duration,
    is_down: AtomicBool,
    calls: AtomicU32,
}

impl Subgraph for Fake {
    fn call(&self, _: Request, _: Context) -> BoxFuture<'static, Result<Answer, CallError>> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let (takes, is_down) = (self.takes, self.is_down.load(Ordering::Relaxed));
        Box::pin(async move {
            if is_down {
                let error = CallError::new(&"shop".into(), CallErrorKind::Unreachable, "down");
                return Err(CallError { is_unsent: true, ..error });
            }
            tokio::time::sleep(takes).await;
            Ok(Answer::new(200, "{}".into()))
        })
    }
}

/// Answers every target except one, to which it answers 503.
#[derive(Debug)]
struct Poisoned;

impl Subgraph for Poisoned {
    fn call(&self, request: Request, _: Context) -> BoxFuture<'static, Result<Answer, CallError>> {
        let is_poison = matches!(request, Request::Http { target, .. } if target == "/poison");
        let status = if is_poison { 503 } else { 200 };
        Box::pin(async move { Ok(Answer::new(status, "{}".into())) })
    }
}

#[tokio::test(start_paused = true)]
async fn an_input_that_fails_everywhere_ejects_nobody() {
    let balanced = Balancer::new("shop", vec![("0".into(), Arc::new(Poisoned)), ("1".into(), Arc::new(Poisoned))]);
    let get = |target: &str| Request::Http {
        method: http::Method::GET,
        target: target.into(),
        headers: Vec::new(),
        body: None,
    };
    for round in 0..200 {
        assert!(balanced.call(get("/poison"), context()).await.is_ok_and(|answer| answer.status == 503));
        if round % 20 == 0 {
            assert!(balanced.call(get("/x"), context()).await.is_ok_and(|answer| answer.status == 200));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(balanced.instances().iter().all(|instance| !instance.is_ejected), "in round {round}");
    }
}

/// A service with the instances `0`, `1`, and so on, each of which takes this many milliseconds.
fn service(takes: &[u64]) -> (Vec<Arc<Fake>>, Balancer<Fake>) {
    let fake = |&ms| Fake { takes: Duration::from_millis(ms), is_down: false.into(), calls: 0.into() };
    let fakes: Vec<_> = takes.iter().map(fake).map(Arc::new).collect();
    let named = fakes.iter().enumerate().map(|(at, fake)| (at.to_string().into(), Arc::clone(fake)));
    (fakes.clone(), Balancer::new("shop", named.collect()))
}

fn context() -> Context {
    let domain = BatchDomain { way: WayId(0), inputs: Arc::from([]), scope: CredentialScope::Public };
    let deadline = (Instant::now() + 60 * SECOND).into_std();
    Context {
        domain,
        endpoint: "GET /x".into(),
        caller: Arc::<Caller>::default(),
        deadline,
        is_safe: true,
        not_before: None,
        condition: None,
        takes_redirects: false,
        write: None,
    }
}

/// Sends `calls` calls, `at_once` of them at a time. Returns how many failed, and how many each instance got.
async fn send(fakes: &[Arc<Fake>], service: &Balancer<Fake>, calls: usize, at_once: usize) -> (usize, Vec<u32>) {
    let before: Vec<_> = fakes.iter().map(|fake| fake.calls.load(Ordering::Relaxed)).collect();
    let get = || Request::Http { method: http::Method::GET, target: "/x".into(), headers: Vec::new(), body: None };
    let mut tasks = tokio::task::JoinSet::<Result<Answer, CallError>>::new();
    let mut failed = 0;
    for _ in 0..calls {
        if tasks.len() == at_once {
            failed += usize::from(tasks.join_next().await.is_some_and(|result| result.unwrap().is_err()));
        }
        tasks.spawn(service.call(get(), context()));
    }
    failed += tasks.join_all().await.iter().filter(|result| result.is_err()).count();
    let got = fakes.iter().zip(before).map(|(fake, before)| fake.calls.load(Ordering::Relaxed) - before);
    (failed, got.collect())
}

#[tokio::test(start_paused = true)]
async fn equal_instances_get_equal_shares_and_slow_ones_less() {
    let (fakes, balanced) = service(&[10, 10, 10, 10]);
    let (_, got) = send(&fakes, &balanced, 4000, 40).await;
    assert!(got.iter().all(|&calls| (800..=1200).contains(&calls)), "{got:?}");
    let (fakes, balanced) = service(&[10, 10, 100]);
    let (_, got) = send(&fakes, &balanced, 3000, 30).await;
    assert!(got[2] * 4 < got[0] && got[2] > 0, "{got:?}");
    assert!(balanced.instances().iter().all(|instance| instance.in_flight == 0 && !instance.is_ejected));
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_is_down_gets_few_calls_and_comes_back_slowly() {
    let (fakes, balanced) = service(&[10, 10, 10]);
    fakes[1].is_down.store(true, Ordering::Relaxed);
    let mut rounds = 0;
    loop {
        let (failed, got) = send(&fakes, &balanced, 1000, 10).await;
        assert!(failed <= 3 && got[1] as usize == failed, "{failed} failed of {got:?}");
        if balanced.instances()[1].is_ejected {
            break;
        }
        rounds += 1;
        assert!(rounds < MOST_IN_ROW, "one failure in each round ejects it");
        tokio::time::sleep(BLAMED_FOR).await;
    }
    fakes[1].is_down.store(false, Ordering::Relaxed);
    tokio::time::sleep(OUT_FOR).await;
    assert!(!balanced.instances()[1].is_ejected);
    let (_, soon) = send(&fakes, &balanced, 300, 10).await;
    assert!(soon[1] > 0 && soon[1] < 60, "{soon:?}");
    tokio::time::sleep(RE_ENTRY).await;
    let (failed, later) = send(&fakes, &balanced, 900, 10).await;
    assert!(failed == 0 && later[1] > 200, "{later:?}");
}

#[tokio::test(start_paused = true)]
async fn at_most_half_of_the_instances_are_ejected() {
    for (count, most) in [(1, 0), (2, 1), (3, 1), (4, 2)] {
        let (fakes, balanced) = service(&vec![10; count]);
        fakes.iter().for_each(|fake| fake.is_down.store(true, Ordering::Relaxed));
        send(&fakes, &balanced, 200, 1).await;
        let ejected = balanced.instances().iter().filter(|instance| instance.is_ejected).count();
        assert_eq!(ejected, most, "of {count}");
    }
}

/// Hangs until a timeout, or answers at once.
#[derive(Debug)]
struct Either(Option<Duration>);

impl Subgraph for Either {
    fn call(&self, _: Request, _: Context) -> BoxFuture<'static, Result<Answer, CallError>> {
        let hangs = self.0;
        Box::pin(async move {
            let Some(time) = hangs else { return Ok(Answer::new(200, "{}".into())) };
            tokio::time::sleep(time).await;
            Err(CallError::new(&"shop".into(), CallErrorKind::Timeout, "hangs"))
        })
    }
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_hangs_is_ejected_also_when_all_ask_for_the_same() {
    let instances = [Some(SECOND), None].map(Either).map(Arc::new);
    let named = ["0", "1"].map(Arc::from).into_iter().zip(instances);
    let balanced = Balancer::new("shop", named.collect());
    let get = || Request::Http { method: http::Method::GET, target: "/x".into(), headers: Vec::new(), body: None };
    let began = Instant::now();
    while !balanced.instances()[0].is_ejected {
        let _ = balanced.call(get(), context()).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(began.elapsed() < 90 * SECOND);
    }
    assert!(!balanced.instances()[1].is_ejected);
}

#[tokio::test(start_paused = true)]
async fn without_instances_there_is_an_error() {
    let (fakes, balanced) = service(&[]);
    assert_eq!(send(&fakes, &balanced, 1, 1).await, (1, vec![]));
}

#[test]
fn an_instance_is_out_longer_each_time_until_it_was_well() {
    let (mut health, mut now) = (Health::default(), Instant::now());
    let eject = |health: &mut Health, now| (0..MOST_IN_ROW).find_map(|_| health.settle(true, true, now));
    for seconds in [10, 20, 40, 80, 120, 120] {
        assert_eq!(eject(&mut health, now), Some(seconds * SECOND));
        assert!(health.load(0, now).is_none() && health.is_out(now));
        now += seconds * SECOND;
        assert!(!health.is_out(now));
    }
    now += 121 * SECOND;
    assert_eq!(health.settle(false, true, now), None);
    assert_eq!(eject(&mut health, now), Some(OUT_FOR));
}

#[test]
fn load_is_what_is_in_flight_and_more_for_who_failed_or_is_new() {
    let (mut health, mut now) = (Health::default(), Instant::now());
    assert_eq!(health.load(4, now), Some(5.0));
    health.settle(true, true, now);
    assert_eq!(health.load(4, now), Some(5.0 + BLAME));
    now += BLAMED_FOR;
    assert_eq!(health.load(4, now), Some(5.0), "for a while");
    health.settle(true, true, now);
    health.settle(false, true, now);
    assert_eq!(health.load(4, now), Some(5.0), "until it answers");
    (0..MOST_IN_ROW).for_each(|_| _ = health.settle(true, true, now));
    now += OUT_FOR;
    assert_eq!(health.load(0, now), Some(10.0));
    assert_eq!(health.load(0, now + RE_ENTRY), Some(1.0));
}
