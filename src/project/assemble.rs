//! From files to what a client's engine is made of.

use super::Files;
use crate::compose::{self, Graph, Origin, ServiceFile};
use crate::config::{self, Config};
use crate::contract::{self, Contract};
use crate::diagnostic::{Finding, Severity, Sources};
use crate::plan;
use crate::view::{self, View};
use std::collections::HashMap;

/// What is put together.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The client: `web` for `schema/web.graphql` and `bff-web/`.
    pub client: &'a str,
    /// The environment, for `${NAME}` in the configuration.
    pub environment: &'a dyn EnvironmentLookup,
}

/// Looks a variable of the environment up.
pub trait EnvironmentLookup: std::fmt::Debug {
    /// Its value, if it is set.
    fn get(&self, name: &str) -> Option<String>;
}

/// A client's graph, view and configuration; each is there if no finding stands against it.
#[derive(Debug)]
pub struct Assembled {
    /// All texts, for drawing findings.
    pub sources: Sources,
    /// The composed graph.
    pub graph: Option<Graph>,
    /// The client's view of it.
    pub view: Option<View>,
    /// The client's configuration; the default without a file.
    pub config: Option<Config>,
    /// Everything that is wrong, in no order.
    pub findings: Vec<Finding>,
}

impl Assembled {
    /// Is there an error among the findings?
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity() == Severity::Error)
    }
}

/// The clients of a project: names of `schema/<name>.graphql`, sorted.
#[must_use]
pub fn client_names(files: &Files) -> Vec<String> {
    let names = files.iter().filter_map(|(path, _)| {
        let name = path.strip_prefix("schema/")?.strip_suffix(".graphql")?;
        (!name.contains('/')).then(|| name.to_owned())
    });
    names.collect()
}
