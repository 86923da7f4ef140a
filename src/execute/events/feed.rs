//! A feed: the events of one subscription, which are made once for all clients that have the same subscription.

use super::run::{EventAnswer, Outcome, answer, root_call};
use super::subscriber::{Event, Subscriber};
use crate::execute::digest::Digests;
use crate::execute::now;
use crate::execute::polls::{KEPT, PollRequest, PollShare, Polls, Recent, Tick, until, window};
use crate::execute::run::{Run, RunOutput};
use crate::report::MissedTick;
use crate::upstream::Subgraph;
use futures_util::FutureExt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// The size from which on a body's digest is computed on a thread for blocking work: 256 KiB.
const LARGE: usize = 256 << 10;

/// The state that the subscribers and the task that makes the events share.
#[derive(Debug)]
pub struct Feed {
    events: watch::Sender<Arc<Event>>,
    pub(super) wanted: PollRequest,
    /// The source of each step of the plan. A subscriber's first answer reflects every write to them that is over.
    sources: Box<[Arc<dyn Subgraph>]>,
    /// The index of the step whose call is polled.
    root: usize,
    window: Duration,
}

/// What the task remembers from one answer to the next.
struct Memory {
    /// The version of the last tick that was handled.
    version: u64,
    /// The digest of the root's projection in the last answer.
    root: Option<u64>,
    /// The digest of the last event.
    event: Option<u64>,
    /// Whether the answer is to be made again at the next tick, even if that tick brings nothing new.
    again: bool,
}

impl Feed {
    /// The feed of a subscription whose root is called once per `every`.
    #[must_use]
    pub fn new(run: &Run<'_>, every: Duration) -> Arc<Self> {
        let sources = run.plan.steps.iter().map(|step| Arc::clone(&run.sources[step.source.index()].subgraph));
        Arc::new(Self {
            events: watch::Sender::new(Arc::new(Event::none(now()))),
            wanted: PollRequest::default(),
            sources: sources.collect(),
            root: super::root(run.plan).unwrap_or_default(),
            window: window(every),
        })
    }

    /// Adds a subscriber.
    #[must_use]
    pub fn subscribe(self: &Arc<Self>) -> Subscriber {
        Subscriber::new(Arc::clone(self), self.events.subscribe())
    }

    /// Makes events until the future is dropped, which cancels the calls in flight. For each event, a wait for a turn
    /// and the calls after it may take `timeout` each; [`Run::deadline`] is ignored.
    pub async fn work(&self, run: Run<'_>, polls: &Polls, every: Duration, timeout: Duration) {
        let call = match root_call(&run, timeout, every).await {
            Ok(call) => call,
            Err(ran) => return self.end(ran),
        };
        let mut poll = polls.join(call);
        let mut memory = Memory { version: 0, root: None, event: None, again: false };
        loop {
            let (tick, is_wanted) = self.wait(&mut poll).await;
            let is_news = is_wanted || memory.again || tick.version != memory.version;
            // Only new subscribers, who have nothing yet, are told that this process did not send a call.
            if !is_news || tick.is_refused && !is_wanted {
                continue;
            }
            let tick = if tick.result.is_some() { tick } else { poll.fresh(self.now().began).await };
            memory.version = tick.version;
            let recent = self.recent(poll.recent(&tick));
            let known = memory.root.filter(|_| !is_wanted && !memory.again);
            let made = Box::pin(answer(&run, polls, &tick, timeout, known));
            let Ok(outcome) = AssertUnwindSafe(made).catch_unwind().await else {
                tracing::error!(request_id = run.caller.request_id.as_str(), "an event of a subscription has panicked");
                memory.again = true;
                poll.tell_next();
                continue;
            };
            let (answered, is_unsent) = match outcome {
                Outcome::Refused(ran) => return self.end(ran),
                Outcome::Unchanged => continue,
                Outcome::Answered(answered) => (answered, false),
                Outcome::NotSent(answered) => (answered, true),
            };
            if is_unsent && !is_wanted {
                polls.observed().missed(MissedTick::Refused, 1);
                memory.again = true;
            } else {
                answered.ran.calls.iter().skip(1).for_each(|call| polls.observed().called(call, false));
                self.tell(&mut memory, answered, recent, is_unsent || tick.is_refused).await;
            }
            if memory.again {
                poll.tell_next();
            }
        }
    }

    /// Waits for a tick, or for a subscriber who wants an answer at once. Meanwhile, forgets the last answer when it is
    /// due. Also returns whether an answer is wanted at once.
    async fn wait(&self, poll: &mut PollShare) -> (Arc<Tick>, bool) {
        loop {
            if let Some(wanted) = self.wanted.answer().filter(|wanted| !self.serves(wanted)) {
                return (poll.fresh(wanted.began).await, true);
            }
            tokio::select! {
                tick = poll.changed() => return (tick, false),
                () = self.wanted.asked() => {}
                () = until(self.forget_at()) => {
                    let forgotten = self.events.borrow().forgotten();
                    self.replace(forgotten, false);
                }
            }
        }
    }

    /// Publishes an answer if it differs from the last event, or if somebody waits for it.
    ///
    /// `is_refused`: whether this process did not send some of its calls. Such an answer is only for subscribers who
    /// have nothing yet.
    async fn tell(&self, memory: &mut Memory, answered: EventAnswer, recent: Recent, is_refused: bool) {
        let EventAnswer { ran, root, is_broken } = answered;
        let body = ran.body.clone();
        let digest = match body.len() {
            LARGE.. => tokio::task::spawn_blocking(move || Digests::of_process().answer(&body)).await,
            _ => Ok(Digests::of_process().answer(&body)),
        };
        // The runtime is shutting down.
        let Ok(digest) = digest else { return };
        memory.again = is_broken || is_refused;
        memory.root = Some(root);
        let is_waited_for = self.wanted.given(&recent);
        let is_event = memory.event != Some(digest);
        // A subscriber who was told that calls were refused is also told of the next answer, even if it equals an
        // earlier one.
        memory.event = (!is_refused).then_some(digest);
        if is_event || is_waited_for {
            let answer = Some(Arc::new(ran));
            self.replace(Event { digest, answer, recent, ended: now(), is_refused, is_last: false }, true);
        }
    }

    /// Publishes an answer as the last one.
    fn end(&self, ran: RunOutput) {
        let event = Event { answer: Some(Arc::new(ran)), is_last: true, ..Event::none(now()) };
        self.replace(event, true);
    }

    fn replace(&self, event: Event, is_told: bool) {
        self.events.send_if_modified(|newest| {
            *newest = Arc::new(event);
            is_told
        });
    }

    /// When the last answer is to be forgotten, if one is kept.
    fn forget_at(&self) -> Option<Instant> {
        let event = self.events.borrow();
        event.answer.is_some().then(|| event.ended + KEPT)
    }

    /// Whether the last event is as recent as wanted and still has its answer.
    fn serves(&self, wanted: &Recent) -> bool {
        let event = self.events.borrow();
        let serves = event.answer.is_some() && event.recent.serves(wanted);
        if serves {
            self.wanted.given(&event.recent);
        }
        serves
    }

    /// The recency of an answer that is made now from an answer of the root with this recency.
    fn recent(&self, root: Recent) -> Recent {
        let mut writes: Box<[u64]> = self.sources.iter().map(|source| source.writes()).collect();
        if let Some((own, of_root)) = writes.get_mut(self.root).zip(root.writes.first()) {
            *own = *of_root;
        }
        Recent { writes, ..root }
    }

    /// The recency that an answer must have for a subscriber who comes now.
    pub(super) fn now(&self) -> Recent {
        let began = now().checked_sub(self.window).unwrap_or_else(now);
        Recent { began, writes: self.sources.iter().map(|source| source.writes()).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed() -> Arc<Feed> {
        Arc::new(Feed {
            events: watch::Sender::new(Arc::new(Event::none(now()))),
            wanted: PollRequest::default(),
            sources: Box::default(),
            root: 0,
            window: Duration::from_secs(1),
        })
    }

    fn event(digest: u64, is_refused: bool) -> Event {
        let body = digest.to_string().into();
        let ran = RunOutput { body, errors: 0, calls: Vec::new(), error_codes: Vec::new(), is_cut: false, held: None };
        Event { digest, answer: Some(Arc::new(ran)), is_refused, ..Event::none(now()) }
    }

    /// The body of the event that the subscriber gets now, if there is one.
    fn taken(subscriber: &mut Subscriber) -> Option<String> {
        let (ran, _) = subscriber.next().now_or_never()?;
        Some(String::from_utf8_lossy(&ran.body).into_owned())
    }

    #[tokio::test]
    async fn a_subscriber_gets_the_newest_answer_that_differs_from_its_last() {
        let feed = feed();
        let (mut quick, mut slow) = (feed.subscribe(), feed.subscribe());
        assert_eq!(taken(&mut quick), None);
        assert!(feed.wanted.answer().is_some(), "it has nothing yet, and says so");
        feed.replace(event(1, false), true);
        assert_eq!((taken(&mut quick).as_deref(), taken(&mut slow).as_deref()), (Some("1"), Some("1")));
        feed.replace(event(1, false), true);
        assert_eq!(taken(&mut quick), None, "it is the answer of before");
        for digest in [2, 3] {
            feed.replace(event(digest, false), true);
        }
        assert_eq!(taken(&mut slow).as_deref(), Some("3"), "nothing is queued");
        assert_eq!(taken(&mut slow), None, "and nothing comes twice");
    }

    #[tokio::test]
    async fn what_was_forgotten_before_it_was_taken_is_asked_for_again() {
        let feed = feed();
        let mut slow = feed.subscribe();
        feed.replace(event(1, false), true);
        assert_eq!(taken(&mut slow).as_deref(), Some("1"));
        feed.replace(event(2, false), true);
        feed.replace(event(2, false).forgotten(), false);
        feed.wanted.given(&feed.now());
        assert_eq!(taken(&mut slow), None);
        assert!(feed.wanted.answer().is_some());
        feed.replace(event(2, false), true);
        assert_eq!(taken(&mut slow).as_deref(), Some("2"));
    }

    #[tokio::test]
    async fn that_calls_were_refused_here_is_told_to_those_alone_who_have_nothing_yet() {
        let feed = feed();
        let (mut early, mut late) = (feed.subscribe(), feed.subscribe());
        feed.replace(event(1, false), true);
        assert_eq!(taken(&mut early).as_deref(), Some("1"));
        feed.replace(event(9, true), true);
        assert_eq!((taken(&mut early), taken(&mut late).as_deref()), (None, Some("9")));
        feed.replace(event(1, false), true);
        assert_eq!((taken(&mut early), taken(&mut late).as_deref()), (None, Some("1")));
    }
}
