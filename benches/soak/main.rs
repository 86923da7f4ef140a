//! A soak test: Bespoke is under load for some time, over services that fail in every way, and its memory, descriptors
//! and tasks must not grow.
//!
//! In: the program `bespoke`. Out: samples of its memory, descriptors and tasks; an error if one of them has grown.
//!
//! The services are `testkit`'s faulty upstream in this process. Each kind of fault is 1 % of their answers. Equal
//! calls and operations are not shared, because otherwise all requests would wait for one stalled call.

#![expect(clippy::print_stdout, reason = "the samples and the verdict are what it is for")]

mod bff;
mod faults;
mod load;
mod options;
mod verdict;

use bff::Bff;
use options::Options;
use std::sync::Arc;
use std::time::Duration;
use testkit::faulty::Faulty;
use tokio::time::{Instant, MissedTickBehavior, interval};
use verdict::AtRest;

pub(crate) type Failed = Box<dyn std::error::Error + Send + Sync>;

/// How long the highest rate is measured.
const MEASURED: Duration = Duration::from_secs(10);

#[tokio::main]
async fn main() -> Result<(), Failed> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let options = Options::parse(&arguments.iter().map(String::as_str).collect::<Vec<_>>())?;
    let _ = rustls::crypto::ring::default_provider().install_default();
    let script = Arc::new(faults::Script::default());
    let answering = Arc::clone(&script);
    let services = Faulty::start(move |request| answering.reply(request)).await?;
    let bff = Bff::start(&options.bespoke, &services.base_url()).await?;

    println!("1 % of the services' answers are each of:\n  {}\n", script.names().join(", "));
    let possible = load::as_fast_as_possible(&bff, options.at_once, MEASURED).await?;
    let rate = possible * options.share;
    println!("{possible:.0} requests/s are possible so; {rate:.0}/s for {:?}, after a rest:", options.lasts);
    let before = bff.sample_at_rest().await?;
    let load = load::Paced::begin(&bff, options.at_once, rate);
    let mut samples = Vec::new();
    let started = Instant::now();
    let mut ticks = interval(options.every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.tick().await;
    println!("   s  requests  whole  in part  none   memory MB  descriptors  tasks");
    while started.elapsed() < options.lasts {
        ticks.tick().await;
        let sample = bff.sample().await?;
        let counts = load.counts();
        println!(
            "{:4}  {:8}  {:4.1} %   {:4.1} %  {:4}   {:9.1}  {:11}  {:5}",
            started.elapsed().as_secs(),
            counts.requests,
            counts.percent(counts.whole),
            counts.percent(counts.in_part),
            counts.unanswered,
            sample.memory / 1e6,
            sample.descriptors,
            sample.tasks
        );
        samples.push(sample);
    }
    let counts = load.end().await?;
    let after = bff.sample_at_rest().await?;
    verdict::judge(&samples, AtRest { before, after }, &counts)
}
