//! Tests of the requests that plans make, and of the answers that they give.

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
mod tiers;
mod turns;
mod values;
