//! `@link`: which name in a file means which directive.

use super::values::{Reader, directive_argument};
use crate::diagnostic::Finding;
use apollo_compiler::ast;
use std::collections::HashMap;

/// Our directives' URL.
const CONNECT_URL: &str = "https://bespoke.example/connect/";
/// The version that is understood.
const CONNECT_VERSION: &str = "v1";

/// The names that a file uses.
#[derive(Debug, Default)]
pub(crate) struct Links {
    /// Does it link our URL?
    pub(crate) is_bound: bool,
    /// Name in the file to real name, where they differ.
    renamed: HashMap<String, String>,
}

impl Links {
    /// Reads every `@link` of a document.
    pub(crate) fn read(document: &ast::Document, reader: &mut Reader<'_>) -> Self {
        let mut links = Self::default();
        for definition in &document.definitions {
            let is_schema =
                matches!(definition, ast::Definition::SchemaDefinition(_) | ast::Definition::SchemaExtension(_));
            if is_schema {
                for link in definition.directives().iter().filter(|directive| directive.name == "link") {
                    links.add(link, reader);
                }
            }
        }
        links
    }

    fn add(&mut self, link: &ast::Directive, reader: &mut Reader<'_>) {
        let Some(url) = directive_argument(link, "url").and_then(|value| reader.text(value)) else { return };
        if let Some(version) = url.value.strip_prefix(CONNECT_URL) {
            self.is_bound = true;
            if version != CONNECT_VERSION {
                let message = format!("version `{version}` of the connect directives is not known");
                let help = format!("write `{CONNECT_URL}{CONNECT_VERSION}`");
                reader.find(Finding::new("C007", message, url.span, "this version").help(help));
            }
        }
        let imports = directive_argument(link, "import").and_then(|value| value.as_list()).unwrap_or_default();
        for import in imports {
            let Some(object) = import.as_object() else { continue };
            let get = |name: &str| object.iter().find(|(key, _)| key == name).and_then(|(_, value)| value.as_str());
            if let (Some(name), Some(renamed)) = (get("name"), get("as")) {
                let bare = |text: &str| text.trim_start_matches('@').to_owned();
                self.renamed.insert(bare(renamed), bare(name));
            }
        }
    }

    /// The real name of a directive: renamed imports and `namespace__name` undone.
    pub(crate) fn real<'n>(&'n self, name: &'n str) -> &'n str {
        match self.renamed.get(name) {
            Some(real) => real,
            None => name.split_once("__").map_or(name, |(_, bare)| bare),
        }
    }
}
