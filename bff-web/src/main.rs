//! The BFF of the web shop.

use std::process::ExitCode;

fn main() -> ExitCode {
    bespoke::cli::run_client(bff_web::client())
}
