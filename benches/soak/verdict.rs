//! The verdict of a soak test: whether memory, descriptors or tasks have grown.

use crate::Failed;
use crate::bff::Sample;
use crate::load::Counts;

/// The growth that is allowed: this share of the value before, plus 8 MB of memory, or plus 16 descriptors or tasks.
const SHARE: f64 = 0.10;
const MEMORY: f64 = 8e6;
const NUMBER: f64 = 16.0;

/// The largest share of requests that may get no answer, which leaves room only for requests that are shed.
const UNANSWERED: f64 = 0.001;

/// The samples at rest, before the load and after it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AtRest {
    pub(crate) before: Sample,
    pub(crate) after: Sample,
}

/// Prints the samples. An error if something has grown at rest, or if too many requests got no answer. Samples under
/// load are not compared, because they depend on the number of requests in flight, which depends on how busy the
/// machine is.
pub(crate) fn judge(samples: &[Sample], at_rest: AtRest, counts: &Counts) -> Result<(), Failed> {
    let quarter = samples.len() / 4;
    if quarter == 0 {
        return Err("four samples are the least".into());
    }
    let (first, last) = (&samples[..quarter], &samples[samples.len() - quarter..]);
    println!("\n               medians of quarters            at rest");
    println!("                  first       last     before      after");
    let mut grown = Vec::new();
    let mut compare = |name, unit: f64, amount: f64, of: fn(&Sample) -> f64| {
        let held = [median(first, of), median(last, of), of(&at_rest.before), of(&at_rest.after)];
        let [first, last, before, after] = held.map(|held| held / unit);
        println!("{name:12}  {first:9.1}  {last:9.1}  {before:9.1}  {after:9.1}");
        if after > before * (1.0 + SHARE) + amount / unit {
            grown.push(name);
        }
    };
    compare("memory MB", 1e6, MEMORY, |sample| sample.memory);
    compare("descriptors", 1.0, NUMBER, |sample| sample.descriptors as f64);
    compare("tasks", 1.0, NUMBER, |sample| sample.tasks as f64);
    println!("\n{} requests, {} of them without an answer", counts.requests, counts.unanswered);
    println!("{} more were not sent when they were due: too many were under way", counts.held_back);
    if !grown.is_empty() {
        return Err(format!("grown: {}", grown.join(", ")).into());
    }
    if counts.unanswered as f64 > counts.requests as f64 * UNANSWERED {
        return Err("requests went without an answer".into());
    }
    Ok(())
}

fn median(samples: &[Sample], of: fn(&Sample) -> f64) -> f64 {
    let mut values: Vec<f64> = samples.iter().map(of).collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
