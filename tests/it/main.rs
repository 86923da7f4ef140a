//! The integration tests: one binary, a module for each feature.

mod architecture;
mod calls;
mod contracts;
mod harness;
mod reference;
mod reference_tests;
mod writes;
mod wrong_joins;
