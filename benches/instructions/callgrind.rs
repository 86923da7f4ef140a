//! Instruction counts of this program under `valgrind --tool=callgrind`.

use crate::Failed;
use crate::case::Case;
use std::process::Command;
use std::thread;

/// The instructions of one request once the first requests have filled all caches.
pub(crate) fn per_request(case: Case) -> Result<u64, Failed> {
    let (before, counted) = case.requests();
    let (few, many) = thread::scope(|scope| {
        let few = scope.spawn(|| total(case, before).map_err(|error| error.to_string()));
        let many = total(case, before + counted);
        (few.join(), many)
    });
    let few = few.map_err(|_| "counting panicked")??;
    Ok(many?.saturating_sub(few) / u64::from(counted))
}

/// The instructions of a whole run of this program with this number of requests.
fn total(case: Case, requests: u32) -> Result<u64, Failed> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe()?)
        .args(["run", &case.to_string(), &requests.to_string()])
        .output()
        .map_err(|error| format!("valgrind cannot be run (Debian: apt-get install valgrind): {error}"))?;
    let told = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(told.into());
    }
    let collected = told.lines().find_map(|line| line.split_once("Collected :")?.1.trim().parse().ok());
    collected.ok_or_else(|| format!("valgrind gave no count:\n{told}").into())
}
