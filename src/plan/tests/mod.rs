//! Planning, from operations to plans. Tests of the rooms that follow compose and plan by the same [`Project`].

mod documents;
mod kit;
mod steps;
mod values;
mod work;

pub(crate) use kit::Project;
