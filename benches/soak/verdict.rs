//! Has anything grown?

use crate::Failed;
use crate::bff::Sample;
use crate::load::Counts;

/// Growth from the first quarter to the last that is no growth: a share, and an amount.
const SHARE: f64 = 0.10;
const MEMORY: f64 = 8e6;
const NUMBER: f64 = 16.0;

/// Most requests that may get no answer: none, but for what is shed.
const UNANSWERED: f64 = 0.001;

/// Most requests that may not be sent, of those that are due: the load would be another one.
const HELD_BACK: f64 = 0.01;

/// Prints the first and the last quarter; an error if something has grown.
pub(crate) fn judge(samples: &[Sample], counts: &Counts) -> Result<(), Failed> {
    let quarter = samples.len() / 4;
    if quarter == 0 {
        return Err("four samples are the least".into());
    }
    let (first, last) = (&samples[..quarter], &samples[samples.len() - quarter..]);
    let mut grown = Vec::new();
    println!("\nmedians         first quarter  last quarter");
    let mut compare = |name: &'static str, unit: f64, amount: f64, of: fn(&Sample) -> f64| {
        let (before, after) = (median(first, of), median(last, of));
        println!("{name:14}  {:13.1}  {:12.1}", before / unit, after / unit);
        if after > before * (1.0 + SHARE) + amount {
            grown.push(name);
        }
    };
    compare("memory MB", 1e6, MEMORY, |sample| sample.memory);
    compare("descriptors", 1.0, NUMBER, |sample| sample.descriptors as f64);
    compare("tasks", 1.0, NUMBER, |sample| sample.tasks as f64);
    println!("\n{} requests, {} of them without an answer", counts.requests, counts.unanswered);
    println!("{} requests were not sent when they were due: too many were under way", counts.held_back);
    if !grown.is_empty() {
        return Err(format!("grown: {}", grown.join(", ")).into());
    }
    if counts.unanswered as f64 > counts.requests as f64 * UNANSWERED {
        return Err("requests went without an answer".into());
    }
    if counts.held_back as f64 > counts.requests as f64 * HELD_BACK {
        return Err("the load was less than it was to be: try more with --at-once, or a lower --share".into());
    }
    Ok(())
}

fn median(samples: &[Sample], of: fn(&Sample) -> f64) -> f64 {
    let mut values: Vec<f64> = samples.iter().map(of).collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
