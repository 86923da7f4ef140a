//! The meaning of directive names in a file: imports, namespaces, and the file's own definitions (link v1.0).

use super::import::{Link, LinkReader};
use super::place::{FileKind, Page};
use super::table::{Directive, Vocabulary};
use super::url::LinkTarget;
use crate::diagnostic::{Code, Finding};
use apollo_compiler::Node;
use apollo_compiler::ast;
use std::collections::{HashMap, HashSet};

/// The names of one file.
#[derive(Debug)]
pub(crate) struct Names<'a> {
    pub(super) page: Page<'a>,
    pub(super) kind: FileKind,
    /// Imported names, and names of specifications with a directive of the same name.
    imported: HashMap<String, Meaning>,
    /// The prefixes before `__`.
    prefixes: HashMap<String, LinkTarget>,
    /// Directives that the file defines.
    own: HashSet<String>,
    vocabularies: HashSet<Vocabulary>,
}

/// The meaning of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// A directive of the table.
    Known(Directive),
    /// A directive of the file itself, or of a foreign specification.
    Theirs,
    /// A known directive that the file does not import.
    NotImported(Directive),
    /// The name is not defined.
    Unknown,
}

impl<'a> Names<'a> {
    /// Reads every `@link` of a document, and collects findings about them.
    ///
    /// `kind` is what the file is if it links no directives of bound services.
    pub(crate) fn read(document: &ast::Document, page: Page<'a>, kind: FileKind) -> (Self, Vec<Finding>) {
        let mut names = Self {
            page,
            kind,
            imported: HashMap::new(),
            prefixes: HashMap::new(),
            own: HashSet::new(),
            vocabularies: HashSet::new(),
        };
        let mut linking = LinkReader { page, code: names.code(Code::C007), findings: Vec::new() };
        for definition in &document.definitions {
            match definition {
                ast::Definition::DirectiveDefinition(own) => {
                    names.own.insert(own.name.to_string());
                }
                ast::Definition::SchemaDefinition(_) | ast::Definition::SchemaExtension(_) => {
                    let links = definition.directives().iter().filter(|directive| directive.name == "link");
                    for link in links {
                        if let Some(link) = linking.link(link) {
                            names.add(link, &mut linking.findings);
                        }
                    }
                }
                _ => {}
            }
        }
        if names.kind == FileKind::GraphQl && names.links(Vocabulary::Connect) {
            names.kind = FileKind::Rest;
        }
        (names, linking.findings)
    }

    /// The kind of the file.
    pub(crate) fn kind(&self) -> FileKind {
        self.kind
    }

    /// Whether the file links a vocabulary.
    pub(super) fn links(&self, vocabulary: Vocabulary) -> bool {
        self.vocabularies.contains(&vocabulary)
    }

    /// The code of a finding: client schemas have one code for everything.
    pub(super) fn code(&self, of_services: Code) -> Code {
        if self.kind == FileKind::Client { Code::E116 } else { of_services }
    }

    /// Whether a name comes from an import, rather than from a definition in the file.
    pub(super) fn is_imported(&self, name: &str) -> bool {
        self.imported.contains_key(name)
    }

    fn add(&mut self, link: Link, findings: &mut Vec<Finding>) {
        let meaning = |name: &str| match link.linked {
            LinkTarget::Known(vocabulary) => Directive::named(vocabulary, name).map(Meaning::Known),
            LinkTarget::Foreign => Some(Meaning::Theirs),
        };
        if let LinkTarget::Known(vocabulary) = link.linked {
            let is_misplaced = match vocabulary {
                Vocabulary::View => self.kind != FileKind::Client,
                Vocabulary::Connect => self.kind == FileKind::Client,
                _ => false,
            };
            if is_misplaced {
                let message = format!("the directives of `{}` do not belong in this kind of file", vocabulary.name());
                let help = match vocabulary {
                    Vocabulary::View => "client schemas link them; services link `https://bespoke.example/connect/v1`",
                    _ => "services link them; client schemas link `https://bespoke.example/view/v1`",
                };
                findings.push(Finding::new(self.code(Code::C007), message, link.span, "linked here").help(help));
                return;
            }
            self.vocabularies.insert(vocabulary);
        }
        for import in &link.imports {
            let Some(meaning) = meaning(&import.name) else { continue };
            let before = self.imported.insert(import.renamed.clone(), meaning);
            if before.is_some_and(|before| before != meaning) {
                let message = format!("`@{}` is imported with two meanings", import.renamed);
                let finding = Finding::new(self.code(Code::C007), message, import.span, "and again here");
                findings.push(finding.help("rename one: `{ name: \"@…\", as: \"@…\" }`"));
            }
        }
        // A directive with the name of its specification needs no import.
        let is_imported = link.imports.iter().any(|import| import.name == link.name);
        if let (false, Some(meaning)) = (is_imported, meaning(&link.name)) {
            self.imported.entry(link.prefix.clone()).or_insert(meaning);
        }
        self.prefixes.insert(link.prefix, link.linked);
    }

    /// Does a name mean something that is not ours, but that the file defines itself, or that GraphQL does?
    pub(crate) fn is_kept(&self, name: &str) -> bool {
        match self.meaning(name) {
            Meaning::Known(directive) => directive.definition().vocabulary == Vocabulary::GraphQl,
            Meaning::Theirs => self.own.contains(name),
            Meaning::NotImported(_) | Meaning::Unknown => false,
        }
    }

    /// Whether a directive is known under this name, supported or not.
    pub(crate) fn mentions(&self, directives: &[Node<ast::Directive>], wanted: Directive) -> bool {
        directives.iter().any(|directive| self.meaning(&directive.name) == Meaning::Known(wanted))
    }

    /// The meaning of a directive's name.
    pub(super) fn meaning(&self, name: &str) -> Meaning {
        if let Some(meaning) = self.imported.get(name) {
            return *meaning;
        }
        let built_in = Directive::named(Vocabulary::GraphQl, name).or(Directive::named(Vocabulary::Link, name));
        if let Some(directive) = built_in {
            return Meaning::Known(directive);
        }
        if let Some((prefix, bare)) = name.split_once("__")
            && let Some(linked) = self.prefixes.get(prefix)
        {
            return match linked {
                LinkTarget::Foreign => Meaning::Theirs,
                LinkTarget::Known(vocabulary) => {
                    Directive::named(*vocabulary, bare).map_or(Meaning::Unknown, Meaning::Known)
                }
            };
        }
        let Some(directive) = Directive::any_named(name) else {
            return if self.own.contains(name) { Meaning::Theirs } else { Meaning::Unknown };
        };
        // Files of federation 1 link nothing, and mean its directives.
        if directive.is_federation_1() && !self.links(Vocabulary::Federation) && self.kind != FileKind::Client {
            return Meaning::Known(directive);
        }
        // So is a client's schema without a link: it is written for us alone, and there is one version of its directives.
        let is_of_clients = directive.definition().vocabulary == Vocabulary::View;
        if is_of_clients && self.kind == FileKind::Client && !self.links(Vocabulary::View) {
            return Meaning::Known(directive);
        }
        // A definition alone does not make a directive what its name promises. Names as common as `@cache` may be somebody's own.
        let is_own = self.own.contains(name) && !self.links(directive.definition().vocabulary);
        match directive {
            Directive::Cache | Directive::Invalidates | Directive::Poll | Directive::View | Directive::From
                if is_own =>
            {
                Meaning::Theirs
            }
            _ => Meaning::NotImported(directive),
        }
    }
}
