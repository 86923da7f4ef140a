//! The BFF of the phone app.

use std::process::ExitCode;

fn main() -> ExitCode {
    bespoke::bff::run(bff_mobile::client())
}
