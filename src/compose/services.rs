//! The services' SDL, from which a graph is composed.

use crate::diagnostic::{FileId, Finding, Sources};
use crate::sdl::{self, Origin, SdlFile, Spanned};

/// One service's SDL file.
#[derive(Debug, Clone)]
pub struct ServiceFile {
    /// The name of the service: the stem of the file, such as `users`.
    pub name: String,
    /// The file with the text.
    pub file: FileId,
    /// The origin of the file.
    pub origin: Origin,
}

/// The SDL of all services, each file read once.
#[derive(Debug)]
pub struct Services {
    /// The files, one for each service, in the order given.
    pub(super) files: Vec<SdlFile>,
    /// The findings of reading the files.
    pub(super) findings: Vec<Finding>,
}

impl Services {
    /// Reads the SDL of services, which are in a stable order. Errors in the SDL are findings of
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

    /// The paths of the contracts that the services name by `@source(openapi:)`, each once, with its first position.
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
