//! The integration tests: one binary, a module for each feature.

mod architecture;
mod audits;
mod calls;
mod check_mutants;
mod clients;
mod command_line;
mod contracts;
mod deferred;
mod faults;
mod graphiql;
mod harness;
mod incremental;
mod isolation;
mod mock;
mod no_contract;
mod program;
mod random_operations;
mod reference;
mod reference_tests;
mod screens;
mod sharing;
mod subscriptions;
mod watch;
mod writes;
mod wrong_joins;
