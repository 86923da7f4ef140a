//! Instructions per request within the process, from the bytes of a POST's body to the bytes of the answer.
//!
//! In: projects and recorded bodies (`testkit::recorded`), with which a source answers at once. Out: the count of
//! callgrind for one request of each case; how the counts grow with rows and fields; whether they equal those of
//! `benches/counts.txt`.
//! Elsewhere: whole servers under load (`e2e`).
//!
//! The program runs itself under `valgrind` twice, with a small and a larger number of requests. The difference of the
//! counts, divided by the difference of the numbers, is the count of one request with full caches, because the start
//! and the first requests cancel out. Counts repeat to 1 %, even on a busy machine.

#![expect(clippy::print_stdout, reason = "the report is what it is for")]

mod callgrind;
mod case;
mod fit;

use callgrind::per_request;
use case::Case;
use std::collections::BTreeMap;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The goal for W2, in instructions per request.
const GOAL: u64 = 600_000;
/// The largest relative difference of a count from the one that is checked in. Counts differ between machines, because
/// allocators and `memcpy` choose their code by the processor.
const TOLERANCE: f64 = 0.03;
/// The file with the expected counts: each line has a case and its count.
const COUNTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/counts.txt");

type Failed = Box<dyn std::error::Error>;

const W2: Case = Case::Posts(100);
/// The cases that are reported one by one. The first [`COMPARED`] of them are also compared with `counts.txt`.
const CASES: [(&str, Case); 7] = [
    ("W2: 100 posts with their users", W2),
    ("W1: titles of 100 posts", Case::Titles(100)),
    ("a constant: __typename", Case::Constant),
    ("200 fields of 10 rows", Case::Wide(10, 200)),
    ("5 levels over 4 services", Case::Nest),
    ("W2 with all that the services answer kept", Case::Kept(100)),
    ("a list of 10,000 items, 4 fields each", Case::Wide(10_000, 4)),
];
const COMPARED: usize = 5;

/// A series of cases that differ in one number: its title, the unit of the number, the numbers, and the case for a
/// number.
type Series = (&'static str, &'static str, [u32; 4], fn(u32) -> Case);
const ROWS: [u32; 4] = [10, 100, 1_000, 10_000];
const SERIES: [Series; 3] = [
    ("a list of rows with 4 fields", "row", ROWS, |rows| Case::Wide(rows, 4)),
    ("W2, by posts", "post", ROWS, Case::Posts),
    ("100 rows, by fields", "field of each row", [3, 10, 30, 100], |fields| Case::Wide(100, fields)),
];

fn main() -> Result<(), Failed> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["run", case, requests] => case::run(case.parse()?, requests.parse()?),
        ["check"] => check(),
        ["counts"] => counts(),
        [] => report(),
        _ => Err("w2_instructions takes no argument, or `check`, `counts`, `run CASE REQUESTS`".into()),
    }
}

fn report() -> Result<(), Failed> {
    for (name, case) in CASES {
        let count = per_request(case)?;
        println!("{count:>11} instructions per request: {name}");
        if case == W2 {
            let met = if count <= GOAL { "met" } else { "missed" };
            println!("            the goal of {GOAL} is {met}");
        }
    }
    for (name, unit, sizes, case) in SERIES {
        let mut points = Vec::new();
        for size in sizes {
            points.push((f64::from(size), per_request(case(size))? as f64));
        }
        let line = fit::line(&points);
        println!("\n{name}: {:.0} + {:.0} per {unit}", line.start, line.slope);
        for (size, count) in points {
            let off = (count / line.at(size) - 1.0) * 100.0;
            println!("{size:>11} {count:>11} {off:>+6.1} %");
        }
        println!("            at most {:.1} % off the line", line.deviation * 100.0);
    }
    Ok(())
}

/// Prints the lines of `counts.txt`.
fn counts() -> Result<(), Failed> {
    for (_, case) in &CASES[..COMPARED] {
        println!("{case} {}", per_request(*case)?);
    }
    Ok(())
}

/// Compares the counts with `counts.txt`. Fewer instructions are an error too, because the next regression could hide
/// behind them.
fn check() -> Result<(), Failed> {
    let text = std::fs::read_to_string(COUNTS)?;
    let expected: BTreeMap<&str, u64> = text
        .lines()
        .filter_map(|line| line.rsplit_once(' '))
        .map(|(case, count)| Ok((case, count.parse()?)))
        .collect::<Result<_, Failed>>()?;
    let mut is_wrong = false;
    for (name, case) in &CASES[..COMPARED] {
        let count = per_request(*case)?;
        let wanted = *expected.get(case.to_string().as_str()).ok_or_else(|| format!("no count of `{case}`"))?;
        let off = count as f64 / wanted as f64 - 1.0;
        let is_off = off.abs() > TOLERANCE;
        println!("{count:>11} {:>+6.1} % {}{name}", off * 100.0, if is_off { "WRONG " } else { "" });
        is_wrong |= is_off;
    }
    match is_wrong {
        true => {
            Err("counts differ from benches/counts.txt by more than 3 %; if that is meant, `benches/count update`"
                .into())
        }
        false => Ok(()),
    }
}
