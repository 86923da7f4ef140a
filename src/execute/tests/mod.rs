//! What requests a plan makes, and what its answers become.

mod batches;
mod bounds;
mod cached;
mod callers;
mod deferred;
mod documents;
mod kit;
mod nulls;
mod outcomes;
mod places;
mod repeats;
mod signed_in;
mod turns;
mod values;
