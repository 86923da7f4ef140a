//! The integration tests: one binary, a module for each feature.

mod architecture;
mod calls;
mod check_mutants;
mod clients;
mod contracts;
mod faults;
mod harness;
mod isolation;
mod no_contract;
mod random_operations;
mod reference;
mod reference_tests;
mod writes;
mod wrong_joins;
