//! The BFF of the web shop.

use std::process::ExitCode;

fn main() -> ExitCode {
    bespoke::bff::run(bff_web::client())
}
