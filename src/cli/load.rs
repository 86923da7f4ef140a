//! From a client's files to its server: the same way at the start and at every reload.
//!
//! In: a client, and where its files come from. Out: a configuration and a [`Server`] made by it, or why there is none.
//!
//! Always true: a server is made whole or not at all; nothing that runs is touched.

use super::commands::environment;
use super::named::NamedFiles;
use super::serve::{Configure, ServeOptions};
use crate::config::{Config, Mode};
use crate::diagnostic::{DrawStyle, draw, one_line, pointer};
use crate::engine::{Client, Engine, EngineError, EngineOptions, Writes, authenticators};
use crate::http::{Playground, Server};
use crate::observe::Metrics;
use crate::policy::Authenticators;
use crate::project::{Assembled, Files};
use anyhow::{Context, anyhow};
use std::path::PathBuf;
use std::sync::Arc;

/// Where a client's files are read from when it is loaded again.
#[derive(Debug, Clone)]
pub enum Origin {
    /// They are in the program; only files that the configuration names, such as keys, are read again.
    Program,
    /// They are in the program, but for the configuration, which is this file.
    Configuration(PathBuf),
    /// A project's folder.
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
pub(super) struct Loaded {
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
    /// Its files hold errors.
    Findings(Box<Assembled>),
    /// Something else.
    Other(anyhow::Error),
}

impl LoadError {
    /// For a log of one line per event.
    pub(super) fn lines(&self) -> String {
        match self {
            Self::Findings(assembled) => {
                let lines = assembled.findings.iter().map(|finding| one_line(finding, &assembled.sources));
                lines.collect::<Vec<_>>().join("; ")
            }
            Self::Other(error) => format!("{error:#}"),
        }
    }

    /// For people.
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

impl Loaded {
    /// Loads a client, whose unfinished writes are counted by `writes`.
    ///
    /// # Errors
    /// When its files hold errors, or a file of its configuration cannot be read.
    pub(super) fn new(client: &Client, options: &ServeOptions, writes: &Writes) -> Result<Self, LoadError> {
        let mut assembled = client.assemble(&environment);
        let configure: &Configure = &*options.configure;
        let Some(mut config) = assembled.config.take() else { return Err(LoadError::Findings(Box::new(assembled))) };
        configure(&mut config);
        assembled.config = Some(config.clone());
        // Before they are put to use: what changes in between is found at the next look.
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

    /// The server that it makes.
    pub(super) fn server(self, metrics: Arc<Metrics>) -> Server {
        let server = Server::new(self.config.server, Arc::new(self.engine), metrics);
        let mut server = server.with_authenticators(self.authenticators);
        if let Some(playground) = self.playground {
            server = server.with_playground(playground);
        }
        server
    }
}

/// An engine's error, with what to do about it.
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
