//! A project: the files of a `schema/` folder and of one client, read and put together.
//!
//! In: a folder, or files put into a binary. Out: [`Assembled`]: graph, view and configuration of a client, or findings.
//! Elsewhere: what the files mean ([`crate::contract`], [`crate::compose`], [`crate::view`], [`crate::config`]).

mod assemble;
mod files;
mod limits;
mod operations;
mod probe;
mod settings;
#[cfg(test)]
mod tests;

pub use assemble::{Assembled, assemble, binding_places, client_names, config_path, name_clients};
pub use files::{Files, FilesError};
pub use limits::limits;
