//! The HTTP code that the REST services share: it reads parameters, writes JSON and problems, and wraps each operation
//! to count, log, delay and limit its requests.

mod api;
mod json;
mod params;
mod problem;

pub(crate) use api::Api;
pub(crate) use json::{cacheable, json, json_body};
pub(crate) use params::{Params, integer_id, known_id};
pub(crate) use problem::Problem;
