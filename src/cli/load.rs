//! Loading a client: from its files to its server, at the start and at every reload.
//!
//! In: a client, and where its files come from. Out: a configuration and its [`Server`], or the reason why there is none.
//!
//! Always true: a server is made completely or not at all, and nothing that runs is changed.

use super::commands::environment;
use super::named::NamedFiles;
use super::serve::{Configure, ServeOptions};
use crate::config::{Config, Mode};
use crate::diagnostic::{DrawStyle, draw, one_line, pointer};
use crate::engine::{Client, Engine, EngineError, EngineOptions, Writes, authenticators};
use crate::http::{Playground, Server};
use crate::observe::Metrics;
use crate::policy::Authenticators;
use crate::project::{Assembly, Files};
use anyhow::{Context, anyhow};
use std::path::PathBuf;
use std::sync::Arc;

/// The place that a client's files are read from when it is reloaded.
#[derive(Debug, Clone)]
pub enum Origin {
    /// The files are built into the program. Only files that the configuration names, such as keys, are read again.
    Program,
    /// The files are built into the program, except for the configuration, which is this file.
    Configuration(PathBuf),
    /// The files are in the folder of a project.
    Project(PathBuf),
}

impl Origin {
    /// Reads a client's files.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub(super) fn read(&self, client: &Client) -> anyhow::Result<Files> {
        match self {
            Self::Program => Ok(client.files().clone()),
            Self::Configuration(file) => {
                let text =
                    std::fs::read_to_string(file).with_context(|| format!("cannot read `{}`", file.display()))?;
                let mut files = client.files().clone();
                files.insert(format!("bff-{}/bff.yaml", client.name()), text);
                Ok(files)
            }
            Self::Project(folder) => Ok(Files::read(folder)?),
        }
    }
}

/// A client that can be served.
pub(super) struct LoadedClient {
    pub(super) config: Config,
    /// The files that the configuration names.
    pub(super) named: NamedFiles,
    engine: Engine,
    authenticators: Authenticators,
    playground: Option<Playground>,
}

/// Why a client cannot be served.
#[derive(Debug)]
pub(super) enum LoadError {
    /// The client's files have errors.
    Findings(Box<Assembly>),
    /// There is another reason.
    Other(anyhow::Error),
}

impl LoadError {
    /// The error on one line, for a log.
    pub(super) fn lines(&self) -> String {
        match self {
            Self::Findings(assembled) => {
                let lines = assembled.findings.iter().map(|finding| one_line(finding, &assembled.sources));
                lines.collect::<Vec<_>>().join("; ")
            }
            Self::Other(error) => format!("{error:#}"),
        }
    }

    /// The error as people read it, with its findings drawn.
    pub(super) fn drawn(&self) -> String {
        match self {
            Self::Findings(assembled) => {
                draw(&assembled.findings, &assembled.sources, DrawStyle::Plain) + &pointer(&assembled.findings)
            }
            Self::Other(error) => format!("error: {error:#}\n"),
        }
    }
}

impl<E: Into<anyhow::Error>> From<E> for LoadError {
    fn from(error: E) -> Self {
        Self::Other(error.into())
    }
}

impl LoadedClient {
    /// Loads a client. `writes` counts its unfinished writes.
    ///
    /// # Errors
    /// When its files hold errors, or a file of its configuration cannot be read.
    pub(super) fn new(client: &Client, options: &ServeOptions, writes: &Writes) -> Result<Self, LoadError> {
        let mut assembled = client.assemble(&environment);
        let configure: &Configure = &*options.configure;
        let Some(mut config) = assembled.config.take() else { return Err(LoadError::Findings(Box::new(assembled))) };
        configure(&mut config);
        assembled.config = Some(config.clone());
        // They are read before they are used, so that a change in between is found at the next look.
        let named = NamedFiles::read(&config, &options.base);
        let of_engine =
            EngineOptions { base: options.base.clone(), writes: writes.clone(), ..EngineOptions::default() };
        let engine = match client.engine(assembled, &of_engine) {
            Ok(engine) => engine,
            Err(EngineError::Findings(assembled)) => return Err(LoadError::Findings(assembled)),
            Err(error) => return Err(LoadError::Other(explained(error, client.name()))),
        };
        let authenticators = authenticators(&config, &options.base)?;
        let playground = match config.server.mode {
            Mode::Development => Some(Playground::load(&config.playground, &options.base, client.name())?),
            Mode::Production => None,
        };
        Ok(Self { config, named, engine, authenticators, playground })
    }

    /// Makes the server of the client.
    pub(super) fn server(self, metrics: Arc<Metrics>) -> Server {
        let server = Server::new(self.config.server, Arc::new(self.engine), metrics);
        let mut server = server.with_authenticators(self.authenticators);
        if let Some(playground) = self.playground {
            server = server.with_playground(playground);
        }
        server
    }
}

/// Adds to an engine's error what to do about it.
fn explained(error: EngineError, client: &str) -> anyhow::Error {
    match error {
        EngineError::NoCode(source) => anyhow!(
            "`{client}` has fields that are Rust code (`bff-{client}/{source}.graphql`), and this program serves \
             projects without any: run the client's own program, `cargo run -p bff-{client}`; if this is that program, \
             add `.in_process(InProcessSource::new(\"{source}\", …))` to its `Client`"
        ),
        other => other.into(),
    }
}
