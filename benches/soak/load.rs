//! The load: first as fast as possible, to measure the highest rate; then as an open loop, in which each request is
//! sent at its time, whether or not earlier ones are answered.

use crate::Failed;
use crate::bff::Bff;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use testkit::posts::QUERY;
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

/// The number of requests by their result.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts {
    pub(crate) requests: u64,
    /// Requests that were answered without errors.
    pub(crate) whole: u64,
    /// Requests that were answered with errors, which the faults cause.
    pub(crate) in_part: u64,
    /// Requests that were not answered with 200.
    pub(crate) unanswered: u64,
    /// Requests that were not sent, because too many were in flight. [`Self::requests`] does not include them.
    pub(crate) held_back: u64,
}

impl Counts {
    pub(crate) fn percent(&self, of: u64) -> f64 {
        of as f64 * 100.0 / self.requests.max(1) as f64
    }
}

/// The interval at which requests that are due are sent.
const TICK: Duration = Duration::from_millis(1);

/// The longest wait for requests in flight to end.
const FAREWELL: Duration = Duration::from_secs(30);

#[derive(Default)]
struct Counting {
    whole: AtomicU64,
    in_part: AtomicU64,
    unanswered: AtomicU64,
    held_back: AtomicU64,
    is_over: AtomicBool,
}

impl Counting {
    async fn ask(&self, client: &reqwest::Client, url: &str) {
        let body = serde_json::json!({ "query": QUERY }).to_string();
        let sent = client.post(url).header("content-type", "application/json").body(body).send().await;
        let text = match sent {
            Ok(answer) if answer.status() == 200 => answer.text().await.ok(),
            Ok(_) | Err(_) => None,
        };
        let counter = match text {
            Some(text) if text.contains("\"errors\":[") => &self.in_part,
            Some(_) => &self.whole,
            None => &self.unanswered,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    fn counts(&self) -> Counts {
        let counters = [&self.whole, &self.in_part, &self.unanswered, &self.held_back];
        let [whole, in_part, unanswered, held_back] = counters.map(|counter| counter.load(Ordering::Relaxed));
        Counts { requests: whole + in_part + unanswered, whole, in_part, unanswered, held_back }
    }
}

/// Measures the answers per second with `at_once` requests in flight at any time.
pub(crate) async fn as_fast_as_possible(bff: &Bff, at_once: u32, lasts: Duration) -> Result<f64, Failed> {
    let counting = Arc::new(Counting::default());
    let until = Instant::now() + lasts;
    let mut running = JoinSet::new();
    for _ in 0..at_once {
        let (client, url, counting) = (bff.client.clone(), bff.url.clone(), Arc::clone(&counting));
        running.spawn(async move {
            while Instant::now() < until {
                counting.ask(&client, &url).await;
            }
        });
    }
    tokio::time::sleep_until(until).await;
    let counts = counting.counts();
    timeout(FAREWELL, running.join_all()).await?;
    match counts.unanswered {
        0 if counts.requests > 0 => Ok(counts.requests as f64 / lasts.as_secs_f64()),
        _ => Err(format!("all requests are answered, in part at least: {counts:?}").into()),
    }
}

/// A load that is running.
pub(crate) struct Paced {
    counting: Arc<Counting>,
    sending: JoinHandle<()>,
}

impl Paced {
    /// Starts to send `rate` requests a second, with at most `at_once` in flight. Requests beyond that are counted and
    /// not sent.
    pub(crate) fn begin(bff: &Bff, at_once: u32, rate: f64) -> Self {
        let counting = Arc::new(Counting::default());
        let sending = tokio::spawn(send(bff.client.clone(), bff.url.clone(), at_once, rate, Arc::clone(&counting)));
        Self { counting, sending }
    }

    pub(crate) fn counts(&self) -> Counts {
        self.counting.counts()
    }

    /// Ends the load and waits for the requests in flight.
    pub(crate) async fn end(self) -> Result<Counts, Failed> {
        self.counting.is_over.store(true, Ordering::Relaxed);
        timeout(FAREWELL, self.sending).await??;
        Ok(self.counting.counts())
    }
}

async fn send(client: reqwest::Client, url: String, at_once: u32, rate: f64, counting: Arc<Counting>) {
    let slots = Arc::new(Semaphore::new(at_once as usize));
    let mut running = JoinSet::new();
    let (began, mut due) = (Instant::now(), 0.0);
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    while !counting.is_over.load(Ordering::Relaxed) {
        ticks.tick().await;
        while due < began.elapsed().as_secs_f64() * rate {
            due += 1.0;
            let Ok(slot) = Arc::clone(&slots).try_acquire_owned() else {
                counting.held_back.fetch_add(1, Ordering::Relaxed);
                continue;
            };
            let (client, url, counting) = (client.clone(), url.clone(), Arc::clone(&counting));
            running.spawn(async move {
                counting.ask(&client, &url).await;
                drop(slot);
            });
        }
        while running.try_join_next().is_some() {}
    }
    while running.join_next().await.is_some() {}
}
