//! The files that a configuration names: certificates, tokens, keys.
//!
//! Always true: an error names the option, the file and the reason, once each.

use super::client::EngineError;
use crate::config::ServiceConfig;
use crate::file::read_file;
use crate::upstream::{
    ClientError, ClientIdentity, Credentials, CredentialsError, Identity, IdentityOptions, TlsOptions, TokenFile,
};
use http::HeaderName;
use std::io::ErrorKind;
use std::path::Path;

/// Reads the files of one service; their paths are relative to `base`.
pub(super) fn read(name: &str, config: &ServiceConfig, base: &Path) -> Result<(TlsOptions, Credentials), EngineError> {
    let error = |option: &str, path: &Path, cause: &dyn std::fmt::Display, is_missing| EngineError::File {
        option: format!("services.{name}.{option}"),
        path: path.to_owned(),
        cause: cause.to_string(),
        is_missing,
    };
    let unusable = |option: &str, path: &Path, cause: &dyn std::fmt::Display| error(option, path, cause, false);
    let unreadable = |option: &str, path: &Path, cause: &std::io::Error| {
        error(option, path, &format_args!("it cannot be read: {cause}"), cause.kind() == ErrorKind::NotFound)
    };
    let open = |option: &str, path: &Path| {
        let path = base.join(path);
        read_file(&path).map_err(|error| unreadable(option, &path, &error))
    };
    let mut tls = TlsOptions::default();
    if let Some(path) = &config.tls.ca_file {
        tls.authorities = Some(open("tls.ca_file", path)?);
    }
    if let (Some(certificate), Some(key)) = (&config.tls.client_cert_file, &config.tls.client_key_file) {
        tls.identity = Some(ClientIdentity {
            certificate: open("tls.client_cert_file", certificate)?,
            key: open("tls.client_key_file", key)?,
        });
    }
    let token = config.token.as_ref().map(|token| {
        let path = base.join(&token.file);
        let header = header("token.header", &token.header, name)?;
        TokenFile::open(path.clone(), header, token.scheme.as_str()).map_err(|error| match error {
            CredentialsError::Unreadable(error) => unreadable("token.file", &path, &error),
            error => unusable("token.file", &path, &error),
        })
    });
    let identity = config.identity.as_ref().map(|identity| {
        let pem = open("identity.key_file", &identity.key_file)?;
        let options = IdentityOptions {
            issuer: identity.issuer.clone(),
            audience: identity.audience.clone().unwrap_or_else(|| name.to_owned()),
            lifetime: identity.lifetime,
            header: header("identity.header", &identity.header, name)?,
            scheme: identity.scheme().to_owned(),
            key_id: identity.key_id.clone(),
        };
        let path = base.join(&identity.key_file);
        Identity::new(&pem, options).map_err(|error| unusable("identity.key_file", &path, &error))
    });
    Ok((tls, Credentials::new(token.transpose()?, identity.transpose()?)))
}

/// The error for a client whose TLS cannot be set up. It names the option and the file that are to blame, if there are
/// any.
pub(super) fn client_error(name: &str, config: &ServiceConfig, base: &Path, cause: ClientError) -> EngineError {
    let tls = &config.tls;
    let (option, file, cause) = match &cause {
        ClientError::Authorities(cause) => ("ca_file", &tls.ca_file, cause.to_string()),
        ClientError::Certificate(cause) => ("client_cert_file", &tls.client_cert_file, cause.to_string()),
        ClientError::Key(cause) => ("client_key_file", &tls.client_key_file, cause.to_string()),
        _ => return EngineError::Client { name: name.to_owned(), cause },
    };
    let path = base.join(file.clone().unwrap_or_default());
    EngineError::File { option: format!("services.{name}.tls.{option}"), path, cause, is_missing: false }
}

/// Reads a header's name. Names in configuration files were checked before, but a program may set any text.
fn header(option: &str, text: &str, name: &str) -> Result<HeaderName, EngineError> {
    text.parse()
        .map_err(|_| EngineError::BadHeader { option: format!("services.{name}.{option}"), name: text.to_owned() })
}
