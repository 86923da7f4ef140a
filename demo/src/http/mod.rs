//! What the REST services share on the wire: parameters in, JSON and problems out, and the wrapper
//! that counts, logs, delays and limits each operation.

mod api;
mod json;
mod params;
mod problem;

pub(crate) use api::Api;
pub(crate) use json::{cacheable, json, json_body};
pub(crate) use params::{Params, integer_id, known_id};
pub(crate) use problem::Problem;
