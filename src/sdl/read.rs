//! Reading of one file: it is parsed, its `@link`s are resolved and its declarations are read.

use super::model::{Origin, SdlFile};
use super::types::Types;
use super::values::Reader;
use crate::diagnostic::{Code, FileId, Finding, Sources};
use crate::directive::{Directive, FileKind, Location, Names, Page};
use apollo_compiler::ast::{Definition, Document};
use apollo_compiler::diagnostic::ToCliReport;

/// The greatest length of a file, in bytes.
const MAX_BYTES: usize = 8 * 1024 * 1024;
/// The greatest depth to which the parser recurses.
const MAX_DEPTH: usize = 100;

/// Reads the SDL of one service. Parts that cannot be parsed are left out and give findings.
#[must_use]
pub fn read(sources: &Sources, name: &str, file: FileId, origin: Origin) -> (SdlFile, Vec<Finding>) {
    let text = sources.text(file);
    let mut reader = Reader { file, text, findings: Vec::new() };
    let mut sdl = SdlFile {
        name: name.to_owned(),
        file,
        origin,
        is_bound: false,
        sources: Vec::new(),
        types: Vec::new(),
        roots: Vec::new(),
    };
    if text.len() > MAX_BYTES {
        let span = crate::diagnostic::Span::new(file, 0..0);
        reader.find(Finding::new(Code::E200, "file is longer than 8 MiB", span, "this file"));
        return (sdl, reader.findings);
    }
    let document = parse(&mut reader);
    let kind = match origin {
        Origin::Service => FileKind::GraphQl,
        Origin::InProcess => FileKind::InProcess,
    };
    let (names, findings) = Names::read(&document, Page { file, text }, kind);
    reader.findings.extend(findings);
    sdl.is_bound = names.kind() == FileKind::Rest;
    for definition in &document.definitions {
        read_definition(definition, &names, &mut reader, &mut sdl);
    }
    (sdl, reader.findings)
}

fn parse(reader: &mut Reader<'_>) -> Document {
    let parsed = Document::parser().recursion_limit(MAX_DEPTH).parse_ast(reader.text, "sdl");
    match parsed {
        Ok(document) => document,
        Err(broken) => {
            for error in broken.errors.iter() {
                let span = reader.span(error.error.location());
                reader.find(Finding::new(Code::E200, error.error.to_string(), span, "here"));
            }
            broken.partial
        }
    }
}

fn read_definition<'a>(definition: &Definition, names: &Names<'a>, reader: &mut Reader<'a>, sdl: &mut SdlFile) {
    let roots = match definition {
        Definition::SchemaDefinition(schema) => &schema.root_operations[..],
        Definition::SchemaExtension(schema) => &schema.root_operations[..],
        Definition::OperationDefinition(_) | Definition::FragmentDefinition(_) => {
            let span = reader.span(definition.location());
            reader.find(Finding::new(Code::E200, "a service's SDL holds types only", span, "not a type"));
            return;
        }
        _ => {
            sdl.types.extend(Types { reader, names }.declaration(definition));
            return;
        }
    };
    for root in roots {
        sdl.roots.push((root.0, root.1.to_string()));
    }
    let (used, findings) = names.used(definition.directives(), Location::Schema, "schema");
    reader.findings.extend(findings);
    for source in used.iter().filter(|used| used.directive == Directive::Source) {
        sdl.sources.extend(reader.source(source.node));
    }
}
