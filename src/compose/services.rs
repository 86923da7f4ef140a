//! The services' SDL: what composition is made of.

use crate::diagnostic::{FileId, Finding, Sources};
use crate::sdl::{self, Origin, SdlFile, Spanned};

/// One service's SDL file.
#[derive(Debug, Clone)]
pub struct ServiceFile {
    /// The service's name: the file's stem, such as `users`.
    pub name: String,
    /// Its text.
    pub file: FileId,
    /// Where it comes from.
    pub origin: Origin,
}

/// All services' SDL, each file read once.
#[derive(Debug)]
pub struct Services {
    /// One for each service, in the order given.
    pub(super) files: Vec<SdlFile>,
    /// What reading them found.
    pub(super) findings: Vec<Finding>,
}

impl Services {
    /// Reads the SDL of services that are in a stable order. Whatever is wrong in it is told by
    /// [`compose`](super::compose).
    #[must_use]
    pub fn read(sources: &Sources, services: &[ServiceFile]) -> Self {
        let mut read = Self { files: Vec::new(), findings: Vec::new() };
        for service in services {
            let (file, found) = sdl::read(sources, &service.name, service.file, service.origin);
            read.files.push(file);
            read.findings.extend(found);
        }
        read
    }

    /// The contracts that the services name by `@source(openapi:)`, each once, with the place that names it first.
    #[must_use]
    pub fn contract_paths(&self) -> Vec<&Spanned<String>> {
        let mut paths: Vec<&Spanned<String>> = Vec::new();
        for path in self.files.iter().flat_map(|file| &file.sources).filter_map(|source| source.openapi.as_ref()) {
            if paths.iter().all(|known| known.value != path.value) {
                paths.push(path);
            }
        }
        paths
    }
}
