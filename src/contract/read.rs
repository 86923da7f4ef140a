//! Reading a file as a contract.
//!
//! In: the text of one file. Out: a [`Contract`], and the findings for the document as a whole.

use super::contract::{Contract, State};
use super::document::{Document, NodeId};
use super::load::load;
use super::operations;
use super::reader::{Findings, Reader};
use super::schemas::Schemas;
use crate::diagnostic::{Code, FileId, Finding, Sources, Span};

/// Reads one OpenAPI 3.0 or 3.1 document in YAML or JSON.
///
/// Gives a contract, unless the file is not an OpenAPI document that can be read. The findings are those for the
/// document as a whole. Operations and schemas are read when they are asked for, and then have their findings in
/// [`Contract::findings`].
///
/// # Source
/// OpenAPI 3.0.4 and 3.1.1; JSON Schema 2020-12 as far as it describes shapes.
#[must_use]
pub fn read(sources: &Sources, file: FileId) -> (Option<Contract>, Vec<Finding>) {
    let document = match load(sources, file) {
        Ok(document) => document,
        Err(finding) => return (None, vec![*finding]),
    };
    let mut reader = Reader::new(&document, false, Findings::default());
    let Some((is_3_0, about)) = read_root(&mut reader) else { return (None, reader.findings.sorted()) };
    reader.is_3_0 = is_3_0;
    let schemas = Schemas::new(&reader);
    let (operations, findings) = (operations::index(&document), reader.findings);
    (Some(Contract::new(file, about, operations, document, is_3_0, State { schemas, findings })), Vec::new())
}

/// Reads a document with all of its parts, whether anybody needs them or not. Gives all findings.
#[cfg(any(test, feature = "fuzz"))]
pub fn read_whole(sources: &Sources, file: FileId) -> (Option<Contract>, Vec<Finding>) {
    let (contract, mut findings) = read(sources, file);
    if let Some(contract) = &contract {
        contract.read_all();
        findings.extend(contract.findings());
    }
    (contract, findings)
}

/// Reads whether the document is OpenAPI 3.0, with its title and its servers; `None` if it is not an OpenAPI document
/// that can be read.
fn read_root(reader: &mut Reader<'_>) -> Option<(bool, (String, Vec<String>))> {
    let document = reader.document;
    let root = reader.mapping(Document::ROOT, "the document")?;
    let minor = version(reader)?;
    let info = reader.mapping_at(root, "info");
    let title = info.and_then(|info| reader.text_at(info, "title")).unwrap_or_default().to_owned();
    let servers = reader.list_at(root, "servers");
    let servers = read_servers(reader, servers);
    if minor == 0 && !root.contains_key("paths") {
        reader.missing(document.span(Document::ROOT), "the document", "paths");
    }
    if let Some(paths) = root.get("paths").filter(|paths| document.mapping(paths.value).is_none()) {
        reader.wrong_kind(paths.value, "`paths`", "an object");
    }
    Some((minor == 0, (title, servers)))
}

/// Gives the minor version of OpenAPI 3, or reports that there is none.
fn version(reader: &mut Reader<'_>) -> Option<u8> {
    let document = reader.document;
    let root = Document::ROOT;
    if let Some(swagger) = document.get(root, "swagger") {
        let message = "this is Swagger 2.0, not OpenAPI 3";
        let finding = Finding::new(Code::E006, message, document.span(swagger), "the version");
        reader.report(finding.help("convert it once, with `swagger2openapi` for instance, and keep the result"));
        return None;
    }
    let Some(openapi) = document.get(root, "openapi") else {
        let finding =
            Finding::new(Code::E004, "this is not an OpenAPI document", document.span(root), "no `openapi` here");
        reader.report(finding.help("an OpenAPI document starts with `openapi: 3.1.0`"));
        return None;
    };
    let text = document.text(openapi).unwrap_or_default();
    match text.split('.').collect::<Vec<_>>()[..] {
        ["3", "0"] | ["3", "0", _] => Some(0),
        ["3", "1"] | ["3", "1", _] => Some(1),
        _ => {
            let message = format!("OpenAPI {text} is not known here");
            let finding = Finding::new(Code::E007, message, document.span(openapi), "the version");
            reader.report(finding.help("versions 3.0.x and 3.1.x can be read"));
            None
        }
    }
}

fn read_servers(reader: &mut Reader<'_>, servers: &[NodeId]) -> Vec<String> {
    let mut urls = Vec::new();
    for &server in servers {
        let Some(mapping) = reader.mapping(server, "a server") else { continue };
        match reader.text_at(mapping, "url") {
            Some(url) => urls.push(url.to_owned()),
            None if mapping.contains_key("url") => {}
            None => {
                let span: Span = reader.document.span(server);
                reader.missing(span, "the server", "url");
            }
        }
    }
    urls
}
