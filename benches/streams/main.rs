//! Subscribers over a source that changes: whether each of them sees the changes in the source's log, and what that
//! costs.
//!
//! In: the program `bespoke`. Out: calls per interval of polling, and memory and processor time per subscriber; an
//! error if a subscriber has seen an error or a value twice, or has missed a value that was current for longer than
//! polling explains.

#![expect(clippy::print_stdout, reason = "the figures and the verdict are what it is for")]

mod bff;
mod options;
mod source;
mod subscriber;
mod verdict;

use bff::{Bff, Usage};
use options::Options;
use source::{Calls, Source};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use subscriber::{Notes, Plan, subscribe};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use verdict::Verdict;

pub(crate) type Failed = Box<dyn std::error::Error + Send + Sync>;

/// The largest delay of an event that is blamed on a busy machine.
const SLACK: Duration = Duration::from_secs(2);

/// The longest time for all subscribers to connect and to get their first event.
const CONNECTING: Duration = Duration::from_secs(120);

/// The calls and the usage at the start and at the end of a measurement, and the time between.
struct Measured {
    elapsed: Duration,
    calls: [Calls; 2],
    usage: [Usage; 2],
}

#[tokio::main]
async fn main() -> Result<(), Failed> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let options = Options::parse(&arguments.iter().map(String::as_str).collect::<Vec<_>>())?;
    let source = Source::start(&options).await?;
    let bff = Bff::start(&options, &source.url).await?;
    let before = bff.usage()?;
    let mut subscribers = JoinSet::new();
    let (notes, connecting) = connect(&options, &bff, &mut subscribers).await;
    let late = notes.iter().filter(|notes| notes.lock().unwrap_or_else(PoisonError::into_inner).is_empty()).count();
    println!("{} subscribers had their first event after {connecting:.1?}; {late} had none", notes.len() - late);
    println!("{} calls were made for that", source.calls().polls);

    let quiet = measure(&options, &source, &bff, false).await?;
    let busy = measure(&options, &source, &bff, true).await?;
    sleep(2 * options.every + SLACK).await;
    subscribers.shutdown().await;

    let kept = (quiet.usage[0].memory - before.memory) / options.subscribers as f64;
    println!("memory: {:.1} kB for each subscriber", kept / 1e3);
    report("at rest", &options, &quiet);
    report("changing", &options, &busy);
    let mut verdict = Verdict::default();
    for (number, notes) in notes.iter().enumerate() {
        let id = if options.is_equal { 0 } else { number };
        let notes = notes.lock().unwrap_or_else(PoisonError::into_inner);
        verdict.compare(id, &notes, &source.log(id), options.every + SLACK);
    }
    println!("{} events; {} values were folded by polling", verdict.events, verdict.folded);
    match verdict.wrong().as_slice() {
        [] => Ok(()),
        wrong => Err(wrong.join("\n").into()),
    }
}

/// Starts all subscribers, of which [`Options::at_once`] connect at a time, and waits until each has its first event.
async fn connect(options: &Options, bff: &Bff, subscribers: &mut JoinSet<()>) -> (Vec<Notes>, Duration) {
    let started = Instant::now();
    let places = Arc::new(Semaphore::new(options.at_once));
    let begun = Arc::new(Semaphore::new(0));
    let mut notes = Vec::new();
    for number in 0..options.subscribers {
        let plan = Plan {
            id: if options.is_equal { 0 } else { number },
            transport: options.transports[number % options.transports.len()],
            form: options.forms[number / 2 % options.forms.len()],
            is_joined: options.is_joined,
        };
        let own: Notes = Arc::new(Mutex::new(Vec::new()));
        notes.push(Arc::clone(&own));
        let (places, begun, address) = (Arc::clone(&places), Arc::clone(&begun), bff.address.clone());
        subscribers.spawn(async move {
            let place = places.acquire_owned().await;
            let has_begun = move || {
                drop(place);
                begun.add_permits(1);
            };
            subscribe(&address, &plan, &own, has_begun).await;
        });
    }
    let all = u32::try_from(options.subscribers).unwrap_or(u32::MAX);
    // The verdict reports subscribers that have no event by then.
    let _ = timeout(CONNECTING, begun.acquire_many(all)).await;
    (notes, started.elapsed())
}

async fn measure(options: &Options, source: &Source, bff: &Bff, is_changing: bool) -> Result<Measured, Failed> {
    let (started, calls, usage) = (Instant::now(), source.calls(), bff.usage()?);
    match is_changing {
        true => source.change_for(options.lasts, options.change).await,
        false => sleep(4 * options.every).await,
    }
    Ok(Measured { elapsed: started.elapsed(), calls: [calls, source.calls()], usage: [usage, bff.usage()?] })
}

fn report(name: &str, options: &Options, measured: &Measured) {
    let Measured { elapsed, calls: [before, after], usage } = measured;
    let values = if options.is_equal { 1 } else { options.subscribers };
    let ticks = values as f64 * elapsed.as_secs_f64() / options.every.as_secs_f64();
    let cpu = (usage[1].cpu - usage[0].cpu).as_secs_f64() / elapsed.as_secs_f64();
    println!(
        "{name}: {:.2} calls for each tick of each value ({:.0} % answered with 304), {} joined calls; \
         {:.1} ms of processor time a second, {:.1} µs for each subscriber",
        (after.polls - before.polls) as f64 / ticks,
        (after.unchanged - before.unchanged) as f64 * 100.0 / (after.polls - before.polls).max(1) as f64,
        after.joined - before.joined,
        cpu * 1e3,
        cpu * 1e6 / options.subscribers as f64,
    );
}
