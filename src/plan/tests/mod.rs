//! Planning, from operations to plans. The tests of rooms that use plans make their plans with the same [`Project`].

mod documents;
mod kit;
mod steps;
mod values;
mod work;

pub(crate) use kit::Project;
