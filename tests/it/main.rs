//! The integration tests: one binary, a module for each feature.

mod architecture;
mod contracts;
mod reference;
mod reference_tests;
