//! Load: as fast as possible, to see what is; then paced, each request at its time whatever became of the last one.

use crate::Failed;
use crate::bff::Bff;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use testkit::posts::QUERY;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout_at};

/// How many requests became what.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts {
    pub(crate) requests: u64,
    /// Answered without errors.
    pub(crate) whole: u64,
    /// Answered with errors, which is how faults show.
    pub(crate) in_part: u64,
    /// Not answered with 200.
    pub(crate) unanswered: u64,
}

impl Counts {
    pub(crate) fn percent(&self, of: u64) -> f64 {
        of as f64 * 100.0 / self.requests.max(1) as f64
    }
}

#[derive(Default)]
struct Counting {
    whole: AtomicU64,
    in_part: AtomicU64,
    unanswered: AtomicU64,
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
        let [whole, in_part, unanswered] =
            [&self.whole, &self.in_part, &self.unanswered].map(|counter| counter.load(Ordering::Relaxed));
        Counts { requests: whole + in_part + unanswered, whole, in_part, unanswered }
    }
}

/// Requests per second when each connection asks again at once.
pub(crate) async fn as_fast_as_possible(bff: &Bff, connections: u32, lasts: Duration) -> Result<f64, Failed> {
    let counting = Arc::new(Counting::default());
    let until = Instant::now() + lasts;
    let mut running = JoinSet::new();
    for _ in 0..connections {
        let (client, url, counting) = (bff.client.clone(), bff.url.clone(), Arc::clone(&counting));
        running.spawn(async move {
            while Instant::now() < until {
                counting.ask(&client, &url).await;
            }
        });
    }
    while running.join_next().await.is_some() {}
    let counts = counting.counts();
    if counts.whole != counts.requests {
        return Err(format!("without faults all answers are whole: {counts:?}").into());
    }
    Ok(counts.whole as f64 / lasts.as_secs_f64())
}

/// Load that is under way.
pub(crate) struct Paced {
    counting: Arc<Counting>,
    running: JoinSet<()>,
}

impl Paced {
    /// So many requests a second over so many connections.
    pub(crate) fn begin(bff: &Bff, connections: u32, rate: f64) -> Self {
        let counting = Arc::new(Counting::default());
        let mut running = JoinSet::new();
        let pace = Duration::from_secs_f64(f64::from(connections) / rate);
        for number in 0..connections {
            let (client, url, counting) = (bff.client.clone(), bff.url.clone(), Arc::clone(&counting));
            running.spawn(async move {
                let mut ticks = interval(pace);
                // Who was held up by a fault makes up for it, a little.
                ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
                let first = Instant::now() + pace.mul_f64(f64::from(number) / f64::from(connections));
                tokio::time::sleep_until(first).await;
                while !counting.is_over.load(Ordering::Relaxed) {
                    ticks.tick().await;
                    counting.ask(&client, &url).await;
                }
            });
        }
        Self { counting, running }
    }

    pub(crate) fn counts(&self) -> Counts {
        self.counting.counts()
    }

    /// Ends it; waits for what is under way.
    pub(crate) async fn end(mut self) -> Counts {
        self.counting.is_over.store(true, Ordering::Relaxed);
        let limit = Instant::now() + Duration::from_secs(30);
        let _ = timeout_at(limit, async { while self.running.join_next().await.is_some() {} }).await;
        self.counting.counts()
    }
}
