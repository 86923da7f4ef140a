//! Reading a configuration: from the text of a file to checked values.

use super::check::{base_url, check, idle_tls, plain_http2};
use super::interpolate::{Interpolation, VariableError, interpolate};
use super::model::Config;
use super::service::ServiceConfig;
use super::tree::{Places, Tree, range};
use crate::diagnostic::{Code, FileId, Finding, Sources, Span};
use serde_saphyr::Spanned;
use std::cell::LazyCell;
use std::ops::Range;

/// Reads a configuration file of `sources`; `env` gives the environment's variables.
///
/// Returns the configuration if there is no error among the findings. An empty file is the default configuration.
pub fn load(sources: &Sources, file: FileId, env: &dyn Fn(&str) -> Option<String>) -> (Option<Config>, Vec<Finding>) {
    let text = sources.text(file);
    if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
        return (Some(Config::default()), Vec::new());
    }
    let tree: Spanned<Tree> = match serde_saphyr::from_str(text) {
        Ok(tree) => tree,
        Err(error) => return (None, vec![malformed(file, text, &error, None)]),
    };
    let interpolated = interpolate(text, &tree, env);
    if !interpolated.errors.is_empty() {
        let errors = interpolated.errors.iter();
        return (None, errors.map(|(range, error)| variable(Span::new(file, range.clone()), error)).collect());
    }
    let config: Config = match serde_saphyr::from_str(&interpolated.text) {
        Ok(config) => config,
        Err(error) => return (None, vec![malformed(file, text, &error, Some(&interpolated))]),
    };
    let places = Places::of(&tree);
    let findings = check(&config, &|path| Span::new(file, places.at(path)));
    let is_usable = !findings.iter().any(Finding::is_error);
    (is_usable.then_some(config), findings)
}

/// What a client's graph says about one of its sources.
#[derive(Debug, Clone)]
pub struct KnownSource<'a> {
    /// Its name: that of the service in the configuration.
    pub name: &'a str,
    /// Where it is declared.
    pub span: Span,
    /// The base URL that it has without a configuration.
    pub base_url: Option<&'a str>,
    /// The headers that its rules and bindings send.
    pub headers: Vec<String>,
}

/// Checks a configuration that [`load`] has given for what only the graph can tell; `known` are all of its sources.
///
/// - Services that no source is named after: a warning, for one file may serve several clients, and each has code of
///   its own.
/// - Tokens and identities that are sent as a header which the source's bindings send too.
/// - TLS and HTTP/2 of services that are not called over TLS.
#[must_use]
pub fn check_services(sources: &Sources, file: FileId, config: &Config, known: &[KnownSource<'_>]) -> Vec<Finding> {
    // Read again for the first finding, and for no other.
    let places = LazyCell::new(|| places(sources, file));
    let at = |path: &str| Span::new(file, places.at(path));
    let mut unknown = Vec::new();
    let mut findings = Vec::new();
    for (name, service) in &config.services {
        match known.iter().find(|known| known.name == name) {
            Some(source) => check_service(service, source, &at, &mut findings),
            None => {
                let known: Vec<String> = known.iter().map(|known| format!("`{}`", known.name)).collect();
                let path = format!("services.{name}");
                let message = format!("no source is named `{name}`, so `{path}` has no effect");
                let finding = Finding::new(Code::W302, message, at(&path), "not used");
                unknown.push(finding.help(format!("the sources of this client are {}", known.join(", "))));
            }
        }
    }
    unknown.extend(findings);
    unknown
}

/// The place of an option in a configuration file, by its dotted path. If the option is not written, it is the place of the
/// nearest section around it.
#[must_use]
pub fn place_of(sources: &Sources, file: FileId, path: &str) -> Span {
    Span::new(file, places(sources, file).at(path))
}

fn places(sources: &Sources, file: FileId) -> Places {
    let tree: Option<Spanned<Tree>> = serde_saphyr::from_str(sources.text(file)).ok();
    tree.as_ref().map(Places::of).unwrap_or_default()
}

/// Checks the URLs that sources declare themselves, unless the configuration replaces them.
#[must_use]
pub fn check_declared_urls(config: &Config, known: &[KnownSource<'_>]) -> Vec<Finding> {
    let is_in_use = |source: &&KnownSource<'_>| !config.services.get(source.name).is_some_and(ServiceConfig::has_urls);
    let wrong = |source: &KnownSource<'_>| base_url(&format!("{}.baseURL", source.name), source.base_url?, source.span);
    known.iter().filter(is_in_use).filter_map(wrong).collect()
}

fn check_service(
    service: &ServiceConfig,
    source: &KnownSource<'_>,
    at: &dyn Fn(&str) -> Span,
    findings: &mut Vec<Finding>,
) {
    let path = format!("services.{}", source.name);
    for (option, header) in service.own_headers() {
        if source.headers.iter().any(|sent| sent.eq_ignore_ascii_case(header)) {
            let option = format!("{path}.{option}");
            let message = format!("`{option}` and the bindings of `{}` both send `{header}`", source.name);
            let finding = Finding::new(Code::E310, message, at(&option), "one of the two values would be lost");
            findings.push(finding.help("send this one in another `header`"));
        }
    }
    if !service.has_urls() && !service.is_http2_possible(source.base_url) {
        findings.push(plain_http2(&path, at));
    }
    if !service.has_urls() && !service.is_tls_used(source.base_url) {
        let finding = idle_tls(&path, at);
        findings.push(match source.base_url {
            Some(url) => finding.and(source.span, format!("its URL is `{url}`")),
            None => finding,
        });
    }
}

/// The JSON schema of configuration files, as it is kept in `schema/config.schema.json`.
#[cfg(test)]
pub(super) fn schema() -> String {
    let schema = schemars::schema_for!(Config);
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.push('\n');
    text
}

/// A finding for a file that is not YAML, or not of the shape of [`Config`]; `error` is about `read`, the text after
/// replacement, if there was one.
fn malformed(file: FileId, text: &str, error: &serde_saphyr::Error, read: Option<&Interpolation>) -> Finding {
    let error = error.without_snippet();
    let at = error.location().map_or(0, |location| offset(read.map_or(text, |read| &read.text), location));
    let message = error.to_string();
    // The position follows from the span, and would be that of the text after replacement.
    let message = message.split(" at line ").next().unwrap_or(&message).trim_end_matches('.');
    let (message, range) = match read.and_then(|read| read.replaced_on_line_of(at)) {
        // The message may quote the variable's value, which can be a secret: only the end of it is told.
        Some(range) => {
            let expected = message.rsplit_once("expected ").map_or("valid", |(_, expected)| expected);
            (format!("with its variables replaced, this is not {expected}"), range)
        }
        None => (message.to_owned(), word(text, read.map_or(at, |read| read.written(at)))),
    };
    let is_bare_variable = text[..range.start].ends_with('$') && text[range.start..].starts_with('{');
    let help = match is_bare_variable {
        true => "inside `{ }` and `[ ]`, YAML wants quotes around it: `\"${NAME}\"`",
        false => "the options are listed in `schema/config.schema.json`",
    };
    Finding::new(Code::E301, message, Span::new(file, range), "here").help(help)
}

/// The word at an offset: only a point is known of most errors.
fn word(text: &str, offset: usize) -> Range<usize> {
    let start = text.floor_char_boundary(offset);
    let rest = &text[start..];
    let length = match rest.chars().next() {
        Some(quote @ ('"' | '\'')) => rest[1..].find(quote).map(|at| at + 2),
        _ => rest.find(|c: char| c.is_whitespace() || ":,]}".contains(c)),
    };
    start..start + length.unwrap_or(rest.len())
}

/// A location as an offset in bytes; errors of the scanner know only line and column, from 1.
fn offset(text: &str, location: serde_saphyr::Location) -> usize {
    if let Some(range) = range(location) {
        return range.start;
    }
    let before = usize::try_from(location.line()).unwrap_or(usize::MAX).saturating_sub(1);
    let line_start: usize = text.split_inclusive('\n').take(before).map(str::len).sum();
    let column = usize::try_from(location.column()).unwrap_or(usize::MAX).saturating_sub(1);
    line_start + text[line_start..].chars().take(column).map(char::len_utf8).sum::<usize>()
}

fn variable(span: Span, error: &VariableError) -> Finding {
    match error {
        VariableError::Unset(name) => {
            Finding::new(Code::E302, format!("the environment variable `{name}` is not set"), span, "used here")
                .help(format!("set `{name}`, or give a default: `${{{name}:-…}}`"))
        }
        VariableError::Malformed => Finding::new(Code::E303, "a `${` that names no variable", span, "here")
            .help("write `${NAME}` or `${NAME:-default}`; `$${` stands for `${` itself"),
    }
}
