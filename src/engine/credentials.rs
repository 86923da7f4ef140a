//! What a service's configuration names of files: certificates, tokens, keys.

use super::client::EngineError;
use crate::config::ServiceConfig;
use crate::upstream::{Credentials, Identity, IdentityOptions, TlsOptions, TokenFile};
use http::HeaderName;
use std::path::Path;

/// Reads the files of one service; their paths are relative to `base`.
pub(super) fn read(name: &str, config: &ServiceConfig, base: &Path) -> Result<(TlsOptions, Credentials), EngineError> {
    let unusable = |option: &str, path: &Path, cause: &dyn std::fmt::Display| EngineError::File {
        option: format!("services.{name}.{option}"),
        path: path.to_owned(),
        cause: cause.to_string(),
    };
    let open = |option: &str, path: &Path| {
        let path = base.join(path);
        std::fs::read(&path).map_err(|error| unusable(option, &path, &error))
    };
    let mut tls = TlsOptions::default();
    if let Some(path) = &config.tls.ca_file {
        tls.authorities = Some(open("tls.ca_file", path)?);
    }
    if let (Some(certificate), Some(key)) = (&config.tls.client_cert_file, &config.tls.client_key_file) {
        let mut pem = open("tls.client_cert_file", certificate)?;
        pem.push(b'\n');
        pem.extend(open("tls.client_key_file", key)?);
        tls.identity = Some(pem);
    }
    let token = config.token.as_ref().map(|token| {
        let path = base.join(&token.file);
        let header = header("token.header", &token.header, name)?;
        TokenFile::open(path.clone(), header, token.scheme.as_str())
            .map_err(|error| unusable("token.file", &path, &error))
    });
    let identity = config.identity.as_ref().map(|identity| {
        let pem = open("identity.key_file", &identity.key_file)?;
        let options = IdentityOptions {
            issuer: identity.issuer.clone(),
            audience: identity.audience.clone().unwrap_or_else(|| name.to_owned()),
            lifetime: identity.lifetime,
            header: header("identity.header", &identity.header, name)?,
        };
        Identity::new(&pem, options).map_err(|error| unusable("identity.key_file", &identity.key_file, &error))
    });
    Ok((tls, Credentials::new(token.transpose()?, identity.transpose()?)))
}

/// A header's name. Configuration files are checked when they are read; code may hand in anything.
fn header(option: &str, text: &str, name: &str) -> Result<HeaderName, EngineError> {
    text.parse()
        .map_err(|_| EngineError::BadHeader { option: format!("services.{name}.{option}"), name: text.to_owned() })
}
