//! From text to a checked configuration.

use super::check::check;
use super::interpolate::{VariableError, interpolate};
use super::model::Config;
use super::tree::{Places, Tree, range};
use crate::diagnostic::{FileId, Finding, Severity, Sources, Span};
use serde_saphyr::Spanned;

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
        Err(error) => return (None, vec![malformed(file, text, &error, |offset| offset..offset)]),
    };
    let interpolated = interpolate(text, &tree, env);
    if !interpolated.errors.is_empty() {
        let errors = interpolated.errors.iter();
        return (None, errors.map(|(range, error)| variable(Span::new(file, range.clone()), error)).collect());
    }
    let config: Config = match serde_saphyr::from_str(&interpolated.text) {
        Ok(config) => config,
        Err(error) => return (None, vec![malformed(file, text, &error, |offset| interpolated.written(offset))]),
    };
    let places = Places::of(&tree);
    let findings = check(&config, &|path| Span::new(file, places.at(path)));
    let is_usable = findings.iter().all(|finding| finding.severity() == Severity::Warning);
    (is_usable.then_some(config), findings)
}

/// The JSON schema of configuration files, as it is kept in `schema/config.schema.json`.
#[must_use]
pub fn schema() -> String {
    let schema = schemars::schema_for!(Config);
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.push('\n');
    text
}

/// A finding for a file that is not YAML, or not of the shape of [`Config`].
fn malformed(
    file: FileId,
    text: &str,
    error: &serde_saphyr::Error,
    written: impl Fn(usize) -> std::ops::Range<usize>,
) -> Finding {
    let error = error.without_snippet();
    let range = error.location().and_then(range).unwrap_or(0..0);
    let (mut start, mut end) = (written(range.start).start.min(text.len()), written(range.start).end.min(text.len()));
    if start == end {
        // Only a point is known: the rest of the word stands for it.
        while !text.is_char_boundary(start) {
            start -= 1;
        }
        let rest = &text[start..];
        end = start + rest.find(|c: char| c.is_whitespace() || ":,]}".contains(c)).unwrap_or(rest.len());
    }
    let message = error.to_string();
    // The position follows from the span, and would be that of the text after replacement.
    let message = message.split(" at line ").next().unwrap_or(&message).trim_end_matches('.');
    Finding::new("E301", message, Span::new(file, start..end), "here")
        .help("the options are listed in `schema/config.schema.json`")
}

fn variable(span: Span, error: &VariableError) -> Finding {
    match error {
        VariableError::Unset(name) => {
            Finding::new("E302", format!("the environment variable `{name}` is not set"), span, "used here")
                .help(format!("set `{name}`, or give a default: `${{{name}:-…}}`"))
        }
        VariableError::Malformed => Finding::new("E303", "a `${` that names no variable", span, "here")
            .help("write `${NAME}` or `${NAME:-default}`; `$${` stands for `${` itself"),
    }
}
