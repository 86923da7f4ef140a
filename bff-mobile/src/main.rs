//! The BFF of the phone app.

use std::process::ExitCode;

fn main() -> ExitCode {
    bespoke::cli::run_client(bff_mobile::client())
}
