//! A circuit in simulated conditions: a seeded random generator, a clock of its own, and many kinds of traffic.
//!
//! The tests justify the constants: how long a row of failures, and how long a silence, has to be.

use super::*;
use fastrand::Rng;

const SECOND: Duration = Duration::from_secs(1);

/// How calls are spread over time.
#[derive(Debug, Clone, Copy)]
enum Arrival {
    Regular,
    Poisson,
    /// Ten calls at once.
    Bursts,
}

/// One kind of traffic.
#[derive(Debug, Clone, Copy)]
struct Traffic {
    /// The number of calls a second.
    rate: f64,
    arrival: Arrival,
    /// The number of different inputs; 0 if each call has an input of its own.
    inputs: u64,
}

/// The behaviour of a service: the outcome of a call, by its input and the time since the beginning.
type Service<'a> = &'a dyn Fn(u64, Duration, &mut Rng) -> Outcome;

/// The results of a stream of calls: how many there were, how many succeeded, and how many were refused.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
struct Fared {
    calls: u32,
    whole: u32,
    refused: u32,
}

/// Sends streams of calls for a time; each stream has inputs of its own. Returns the results of each stream.
fn run(seed: u64, streams: &[Traffic], lasts: Duration, service: Service<'_>) -> Vec<Fared> {
    let (start, mut random) = (Instant::now(), Rng::with_seed(seed));
    let mut circuit = Circuit::new(BreakerOptions::default(), start);
    let mut next = vec![0.0; streams.len()];
    for (at, traffic) in next.iter_mut().zip(streams) {
        *at = random.f64() / traffic.rate;
    }
    let mut fared = vec![Fared::default(); streams.len()];
    let mut fresh = 1 << 32;
    loop {
        let first = (0..streams.len()).min_by(|&a, &b| next[a].total_cmp(&next[b])).expect("a stream");
        let (at, traffic) = (next[first], streams[first]);
        if at > lasts.as_secs_f64() {
            return fared;
        }
        next[first] += match traffic.arrival {
            Arrival::Regular => 1.0 / traffic.rate,
            Arrival::Poisson => -(1.0 - random.f64()).ln() / traffic.rate,
            Arrival::Bursts => 10.0 / traffic.rate,
        };
        let calls = if matches!(traffic.arrival, Arrival::Bursts) { 10 } else { 1 };
        let (since, now) = (Duration::from_secs_f64(at), start + Duration::from_secs_f64(at));
        // All calls of a burst are in flight before any of them ends.
        let mut passes = Vec::new();
        for _ in 0..calls {
            fresh += 1;
            let input = if traffic.inputs == 0 { fresh } else { ((first as u64) << 40) | random.u64(..traffic.inputs) };
            fared[first].calls += 1;
            match circuit.admit(input, now) {
                Some(pass) => passes.push((input, pass)),
                None => fared[first].refused += 1,
            }
        }
        for (input, pass) in passes {
            let outcome = service(input, since, &mut random);
            fared[first].whole += u32::from(outcome == Outcome::Success);
            circuit.settle(pass, outcome, now);
        }
    }
}

/// Kinds of traffic: from one input to an input for each call, and from one call a second to a thousand.
fn kinds() -> impl Iterator<Item = Traffic> {
    let arrivals = [Arrival::Regular, Arrival::Poisson, Arrival::Bursts];
    let of = move |arrival| [1.0, 5.0, 25.0, 100.0, 1000.0].map(move |rate| (arrival, rate));
    let kinds = arrivals.into_iter().flat_map(of);
    kinds.flat_map(|(arrival, rate)| [1, 5, 50, 1000, 0].map(move |inputs| Traffic { rate, arrival, inputs }))
}
/// A service at which this share of the calls fails by chance.
fn flaky(share: f64, failure: Outcome) -> impl Fn(u64, Duration, &mut Rng) -> Outcome {
    move |_, _, random| if random.f64() < share { failure } else { Outcome::Success }
}

#[test]
fn where_three_of_ten_calls_fail_by_chance_nobody_is_refused() {
    for failure in [Outcome::Failure, Outcome::Unsent] {
        for (at, traffic) in kinds().enumerate() {
            for seed in 0..2 {
                let lasts = Duration::from_secs_f64(600.0 / traffic.rate);
                let fared = run(seed << 32 | at as u64, &[traffic], lasts, &flaky(0.3, failure));
                assert_eq!(fared[0].refused, 0, "{failure:?}, seed {seed}, {traffic:?}");
            }
        }
    }
}

/// The results of one minute in which calls that succeed share the circuit with calls that always fail.
fn beside(seed: u64, well: f64, inputs: u64, poisoned: f64) -> [Fared; 2] {
    let traffic = |rate, inputs| Traffic { rate, arrival: Arrival::Poisson, inputs };
    let streams = [traffic(well, 50), traffic(poisoned, inputs)];
    let is_well = |input: u64, _: Duration, _: &mut Rng| match input < 50 {
        true => Outcome::Success,
        false => Outcome::Failure,
    };
    let fared = run(seed, &streams, 60 * SECOND, &is_well);
    [fared[0], fared[1]]
}

#[test]
fn a_poisoned_input_costs_nobody_else() {
    for poisoned in [5.0, 25.0, 60.0, 600.0] {
        for well in [0.2, 1.0, 5.0, 25.0] {
            let [others, of_it] = beside(7, well, 1, poisoned);
            assert_eq!((others.refused, others.whole), (0, others.calls), "{poisoned}/s beside {well}/s");
            let sent = of_it.calls - of_it.refused;
            assert!(sent < 30, "{poisoned}/s beside {well}/s: {sent} were sent in a minute");
        }
    }
}

#[test]
fn many_poisoned_inputs_cost_hardly_anybody_else() {
    for (inputs, well) in [(10, 1.0), (50, 1.0), (50, 5.0), (0, 5.0)] {
        for poisoned in [25.0, 60.0] {
            let all = (0..4).map(|seed| beside(seed, well, inputs, poisoned)[0]);
            let (refused, calls) = all.fold((0, 0), |(refused, calls), one| (refused + one.refused, calls + one.calls));
            assert!(refused * 100 <= calls, "{inputs} inputs, {poisoned}/s beside {well}/s: {refused} of {calls}");
        }
    }
}

/// A service that is down for a minute from the 60th second on. Returns how many calls it gets in the first 15 seconds
/// of the outage and in the whole outage, and how many seconds after the outage it gets a call again.
fn outage(traffic: Traffic, failure: Outcome, chance: f64) -> (u32, u32, f64) {
    let seen = std::cell::Cell::new((0, 0, None));
    let service = |_: u64, at: Duration, random: &mut Rng| {
        let (mut first, mut all, mut back) = seen.get();
        let outcome = match at.as_secs() {
            0..60 if random.f64() < chance => failure,
            0..60 => Outcome::Success,
            60..120 => {
                first += u32::from(at.as_secs() < 75);
                all += 1;
                failure
            }
            _ => {
                back = back.or(Some(at.as_secs_f64() - 120.0));
                Outcome::Success
            }
        };
        seen.set((first, all, back));
        outcome
    };
    run(3, &[traffic], 140 * SECOND, &service);
    let (first, all, back) = seen.get();
    (first, all, back.expect("it is used again"))
}

#[test]
fn an_outage_is_found_within_few_calls_and_its_end_within_seconds() {
    let traffic = |rate, inputs| Traffic { rate, arrival: Arrival::Poisson, inputs };
    // The numbers are the most calls in the first 15 seconds, which include probes.
    for (traffic, failure, most) in [
        (traffic(5.0, 1), Outcome::Failure, 12),
        (traffic(100.0, 1), Outcome::Failure, 12),
        (traffic(100.0, 5), Outcome::Failure, 60),
        (traffic(5.0, 0), Outcome::Failure, 60),
        (traffic(100.0, 0), Outcome::Failure, 140),
        (traffic(5.0, 0), Outcome::Unsent, 15),
        (traffic(100.0, 0), Outcome::Unsent, 70),
    ] {
        for chance in [0.0, 0.3] {
            let (first, all, back) = outage(traffic, failure, chance);
            assert!(first <= most + 40 * u32::from(chance > 0.0), "{traffic:?}, {failure:?}, {chance}: {first} calls");
            assert!(all <= most + 240, "{traffic:?}, {failure:?}, {chance}: {all} calls");
            assert!(back < 7.0, "{traffic:?}, {failure:?}, {chance}: back after {back} s");
        }
    }
}
