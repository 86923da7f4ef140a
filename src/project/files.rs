//! The files of a project: their texts, by the path relative to the project's folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Largest file that is read, in bytes.
const MAX_FILE_BYTES: u64 = 64 * 1024 * 1024;
/// Most files of a project.
const MAX_FILES: usize = 2_000;

/// A project's files: paths with `/`, relative to the project's folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Files(BTreeMap<String, Arc<str>>);

/// Why a folder cannot be read as a project.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// A file or folder cannot be read.
    #[error("cannot read `{}`: {cause}", path.display())]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// The error of the operating system.
        cause: std::io::Error,
    },
    /// A file is too large.
    #[error("`{}` is larger than {MAX_FILE_BYTES} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// There are too many files.
    #[error("`{}` holds more than {MAX_FILES} files", path.display())]
    TooMany {
        /// The folder of the project.
        path: PathBuf,
    },
    /// There is no `schema/` folder.
    #[error("`{}` has no folder `schema/services`; a project holds `schema/services/<name>.graphql` and `schema/<client>.graphql`", path.display())]
    NoSchema {
        /// The folder that should hold it.
        path: PathBuf,
    },
}

impl Files {
    /// Takes files that are built into the program: paths and texts.
    pub fn embedded<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        Self(files.into_iter().map(|(path, text)| (path.to_owned(), text.into())).collect())
    }

    /// Adds a folder that is built into the program, with the folders in it.
    pub fn insert_folder(&mut self, path: &str, folder: &include_dir::Dir<'_>) {
        for file in folder.files() {
            if let (Some(name), Some(text)) = (file.path().to_str(), file.contents_utf8()) {
                self.insert(format!("{path}/{name}"), text);
            }
        }
        for folder in folder.dirs() {
            self.insert_folder(path, folder);
        }
    }

    /// Reads a project's folder: `schema/**`, `bff-*/*`, their `operations/*` and `bespoke.yaml`.
    ///
    /// # Errors
    /// When a file cannot be read, or there is no `schema/services`.
    pub fn read(folder: &Path) -> Result<Self, FilesError> {
        if !folder.join("schema/services").is_dir() {
            return Err(FilesError::NoSchema { path: folder.to_owned() });
        }
        let mut files = Self::default();
        files.read_folder(folder, &folder.join("schema"))?;
        files.read_folder(folder, &folder.join("schema/services"))?;
        for entry in list(folder)? {
            let name = entry.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            if name.starts_with("bff-") && entry.is_dir() {
                files.read_folder(folder, &entry)?;
                let operations = entry.join("operations");
                if operations.is_dir() {
                    files.read_folder(folder, &operations)?;
                }
            }
        }
        let yaml = folder.join("bespoke.yaml");
        if yaml.is_file() {
            files.read_file(folder, &yaml)?;
        }
        Ok(files)
    }

    fn read_folder(&mut self, root: &Path, folder: &Path) -> Result<(), FilesError> {
        for path in list(folder)? {
            let is_text = path.extension().is_some_and(|e| ["graphql", "yaml", "yml", "json"].iter().any(|k| e == *k));
            if is_text && path.is_file() {
                self.read_file(root, &path)?;
            }
        }
        Ok(())
    }

    fn read_file(&mut self, root: &Path, path: &Path) -> Result<(), FilesError> {
        let unreadable = |cause| FilesError::Unreadable { path: path.to_owned(), cause };
        if path.metadata().map_err(unreadable)?.len() > MAX_FILE_BYTES {
            return Err(FilesError::TooLarge { path: path.to_owned() });
        }
        if self.0.len() >= MAX_FILES {
            return Err(FilesError::TooMany { path: root.to_owned() });
        }
        let text = std::fs::read_to_string(path).map_err(unreadable)?;
        let relative = path.strip_prefix(root).unwrap_or(path);
        let parts: Vec<_> = relative.iter().map(|part| part.to_string_lossy()).collect();
        self.0.insert(parts.join("/"), text.into());
        Ok(())
    }

    /// Adds a file, or replaces the file with the same path.
    pub fn insert(&mut self, path: impl Into<String>, text: impl Into<Arc<str>>) {
        self.0.insert(path.into(), text.into());
    }

    /// The text of a file.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<&Arc<str>> {
        self.0.get(path)
    }

    /// The paths and texts of all files, ordered by path.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Arc<str>)> {
        self.0.iter().map(|(path, text)| (path.as_str(), text))
    }
}

fn list(folder: &Path) -> Result<Vec<PathBuf>, FilesError> {
    let unreadable = |cause| FilesError::Unreadable { path: folder.to_owned(), cause };
    let entries = std::fs::read_dir(folder).map_err(unreadable)?;
    let mut paths =
        entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
    paths.sort();
    Ok(paths)
}
