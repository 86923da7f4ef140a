//! A project: the files of a `schema/` folder and of one client, read and put together.
//!
//! In: a folder, or files that are built into a program. Out: the [`Assembly`] of a client: its graph, view and configuration,
//! or findings.
//! Elsewhere: what the files mean ([`crate::contract`], [`crate::compose`], [`crate::view`], [`crate::config`]).

mod assemble;
mod files;
mod limits;
mod operations;
mod probe;
mod settings;
#[cfg(test)]
mod tests;

pub use assemble::{Assembly, assemble, binding_places, client_names, config_path, name_clients};
pub use files::{Files, FilesError};
pub use limits::limits;
