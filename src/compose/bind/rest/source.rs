//! The REST sources of one file, with their contracts.

use crate::compose::draft::Draft;
use crate::compose::header::{HeaderRule, HeaderValue};
use crate::compose::ids::SourceId;
use crate::compose::kind::SourceKind;
use crate::compose::source::Source;
use crate::contract::Contract;
use crate::diagnostic::{Code, Finding};
use crate::sdl::{Connect, SourceDeclaration};
use crate::suggest;
use std::collections::HashMap;

/// A REST source of one file.
pub(super) struct RestSource<'a> {
    pub(super) id: SourceId,
    pub(super) name: &'a str,
    pub(super) contract: Option<&'a Contract>,
    /// The headers of the caller that every call forwards.
    pub(super) forwarded: Vec<String>,
    /// Whether its contract could not be read, so that its bindings cannot be checked.
    pub(super) is_broken: bool,
}

/// The source that a `@connect` names, or the only one. If there is none, a finding is reported.
pub(super) fn source_of<'s, 'a>(
    draft: &mut Draft<'a>,
    sources: &'s [RestSource<'a>],
    connect: &Connect,
) -> Option<&'s RestSource<'a>> {
    let (span, message, help) = match (&connect.source, sources) {
        (None, [only]) => return Some(only),
        (None, []) => (connect.span, "this file has no `@source`".to_owned(), "add one to `extend schema`".to_owned()),
        (None, _) => {
            let help = "name one: `source: \"…\"`".to_owned();
            (connect.span, "this file has several sources".to_owned(), help)
        }
        (Some(name), _) => match sources.iter().find(|source| source.name == name.value) {
            Some(source) => return Some(source),
            None => {
                let help = suggest::help(&name.value, sources.iter().map(|source| source.name));
                (name.span, format!("this file has no source `{}`", name.value), help)
            }
        },
    };
    draft.find(Finding::new(Code::E101, message, span, "this binding").help(help));
    None
}

/// Adds a declared source to the graph.
pub(super) fn add_source<'a>(
    draft: &mut Draft<'a>,
    declaration: &'a SourceDeclaration,
    contracts: &'a HashMap<String, Contract>,
) -> RestSource<'a> {
    let contract = declaration.openapi.as_ref().map(|path| (path, contracts.get(&path.value)));
    if let Some((path, None)) = contract {
        let message = format!("contract `{}` is not there or cannot be read", path.value);
        draft.find(Finding::new(Code::E100, message, path.span, "named here"));
    }
    if let Some(first) = draft.graph.sources.iter().find(|source| source.name == declaration.name.value) {
        let first = first.span;
        let message = format!("two sources are named `{}`", declaration.name.value);
        let finding = Finding::new(Code::E205, message, declaration.name.span, "named again").and(first, "named here");
        draft.find(finding);
    }
    let headers: Vec<HeaderRule> = declaration
        .headers
        .iter()
        .map(|header| HeaderRule {
            name: header.name.value.to_ascii_lowercase(),
            value: match (&header.from, &header.value) {
                (Some(from), _) => HeaderValue::Forwarded(from.value.to_ascii_lowercase()),
                (None, value) => header_value(value.as_ref().map(|value| value.value.as_str()).unwrap_or_default()),
            },
        })
        .collect();
    let forwarded = headers.iter().filter_map(|header| match &header.value {
        HeaderValue::Forwarded(name) => Some(name.clone()),
        _ => None,
    });
    let forwarded = forwarded.collect();
    let contract = contract.map(|(_, contract)| contract);
    let server = contract.flatten().and_then(|contract| contract.servers.first().cloned());
    let base_url = declaration.base_url.as_ref().map(|url| url.value.clone()).or(server);
    let source = Source {
        name: declaration.name.value.clone(),
        kind: SourceKind::Rest { base_url, headers },
        span: declaration.name.span,
    };
    RestSource {
        id: draft.add_source(source),
        name: &declaration.name.value,
        contract: contract.flatten(),
        forwarded,
        is_broken: matches!(contract, Some(None)),
    }
}

/// The value of a header: `{$config.a.b}`, or fixed text.
fn header_value(text: &str) -> HeaderValue {
    let path = text.strip_prefix("{$config.").or(text.strip_prefix("$config.")).map(|path| path.trim_end_matches('}'));
    match path {
        Some(path) => HeaderValue::Config(path.split('.').map(str::to_owned).collect()),
        None => HeaderValue::Literal(text.to_owned()),
    }
}
