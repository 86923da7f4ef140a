//! The methods of authentication that a configuration names, made with their files.
//!
//! In: `auth` of a configuration. Out: [`Authenticators`].
//! Elsewhere: what each method verifies ([`crate::policy`]).
//!
//! Always true: an error names the option, the file and the reason, once each.

use super::client::EngineError;
use crate::config::Config;
use crate::file::read_file;
use crate::policy::{Authenticators, JwtVerifier};
use std::fmt::Display;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Makes all methods that `auth` configures, in the order of its options. Relative paths begin at `base`.
///
/// # Errors
/// [`EngineError::File`].
pub fn authenticators(config: &Config, base: &Path) -> Result<Authenticators, EngineError> {
    let mut methods = Authenticators::default();
    if let Some(jwt) = &config.auth.jwt {
        let key = NamedFile::new("auth.jwt.public_key_file", base, &jwt.public_key_file);
        methods = methods.with(JwtVerifier::new(jwt, &key.read()?).map_err(|cause| key.error(&cause, false))?);
    }
    Ok(methods)
}

/// A file that an option of the configuration names.
struct NamedFile {
    option: &'static str,
    path: PathBuf,
}

impl NamedFile {
    fn new(option: &'static str, base: &Path, path: &Path) -> Self {
        Self { option, path: base.join(path) }
    }

    fn read(&self) -> Result<Vec<u8>, EngineError> {
        read_file(&self.path).map_err(|cause| {
            self.error(&format_args!("it cannot be read: {cause}"), cause.kind() == ErrorKind::NotFound)
        })
    }

    fn error(&self, cause: &dyn Display, is_missing: bool) -> EngineError {
        let (option, path) = (self.option.to_owned(), self.path.clone());
        EngineError::File { option, path, cause: cause.to_string(), is_missing }
    }
}
