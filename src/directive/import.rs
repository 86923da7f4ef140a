//! One `@link`: its URL, its namespace, and what it imports under which names (link v1.0, "Import").

use super::place::Page;
use super::table::{Directive, Vocabulary};
use super::url::{Linked, SpecificationUrl};
use crate::diagnostic::{Code, Finding, Span};
use apollo_compiler::Node;
use apollo_compiler::ast::{self, Value};

/// A `@link` that could be read.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) linked: Linked,
    /// Where its URL stands.
    pub(super) span: Span,
    /// What stands before `__` in names that are not imported: `as:`, else the specification's name.
    pub(super) prefix: String,
    /// The specification's name: a directive of this name needs no prefix.
    pub(super) name: String,
    pub(super) imports: Vec<Import>,
}

/// An imported directive.
#[derive(Debug)]
pub(super) struct Import {
    /// Its name in the specification, without `@`.
    pub(super) name: String,
    /// Its name in the file, without `@`.
    pub(super) renamed: String,
    pub(super) span: Span,
}

/// Types that a vocabulary exports; they stand in definitions alone, so that nothing is read of them.
fn types_of(vocabulary: Vocabulary) -> &'static [&'static str] {
    match vocabulary {
        Vocabulary::Federation => &["FieldSet", "Scope", "Policy", "ContextFieldValue"],
        Vocabulary::Link => &["Import", "Purpose"],
        Vocabulary::Connect | Vocabulary::View | Vocabulary::GraphQl => &[],
    }
}

/// Reads `@link`s, and gathers what is wrong with them.
pub(super) struct Linking<'a> {
    pub(super) page: Page<'a>,
    pub(super) code: Code,
    pub(super) findings: Vec<Finding>,
}

impl Linking<'_> {
    /// Reads one; `None` after a finding.
    pub(super) fn link(&mut self, link: &Node<ast::Directive>) -> Option<Link> {
        let value = argument(link, "url").or_else(|| {
            let span = self.page.span(link.location());
            self.find("`@link` needs `url:`", span, "name the specification: `@link(url: \"…\")`");
            None
        })?;
        let span = self.page.span(value.location());
        let Some(text) = value.as_str() else {
            self.find("the `url:` of a `@link` is a string", span, "quote it");
            return None;
        };
        let url = SpecificationUrl::read(text);
        let linked = match url.linked() {
            Ok(linked) => linked,
            Err((message, help)) => {
                self.find(message, span, help);
                return None;
            }
        };
        self.purpose(link, linked);
        let prefix = match argument(link, "as") {
            None => url.name.to_owned(),
            Some(value) => match value.as_str().filter(|name| !name.is_empty() && !name.starts_with('@')) {
                Some(name) => name.to_owned(),
                None => {
                    let span = self.page.span(value.location());
                    self.find("the `as:` of a `@link` is a name without `@`", span, "write `as: \"name\"`");
                    url.name.to_owned()
                }
            },
        };
        let imports = self.imports(link, linked);
        if linked == Linked::Known(Vocabulary::Link)
            && (prefix != "link" || imports.iter().any(|import| import.renamed != import.name))
        {
            self.find("`@link` itself cannot be renamed here", span, "remove `as:`");
        }
        Some(Link { linked, span, prefix, name: url.name.to_owned(), imports })
    }

    /// Who does not know a specification `for:` security or execution must not go on without it (link v1.0, "Purpose").
    fn purpose(&mut self, link: &ast::Directive, linked: Linked) {
        let Some(purpose) = argument(link, "for") else { return };
        if linked == Linked::Foreign {
            let span = self.page.span(purpose.location());
            let message = "this specification is not known, and `for:` says that nothing works without it";
            self.find(message, span, "remove the link and what is used of it, or `for:` if it can be passed over");
        }
    }

    fn imports(&mut self, link: &ast::Directive, linked: Linked) -> Vec<Import> {
        let Some(value) = argument(link, "import") else { return Vec::new() };
        let members = value.as_list().unwrap_or(std::slice::from_ref(value));
        members.iter().filter_map(|member| self.import(member, linked)).collect()
    }

    fn import(&mut self, value: &Node<Value>, linked: Linked) -> Option<Import> {
        let span = self.page.span(value.location());
        let Some((name, renamed)) = names(value) else {
            let help = "write `\"@key\"`, or `{ name: \"@key\", as: \"@id\" }`";
            self.find("this is not an import", span, help);
            return None;
        };
        let Linked::Known(vocabulary) = linked else {
            return Some(Import {
                name: name.strip_prefix('@')?.to_owned(),
                renamed: renamed.strip_prefix('@')?.to_owned(),
                span,
            });
        };
        match (name.strip_prefix('@'), renamed.strip_prefix('@')) {
            (Some(name), Some(renamed)) if Directive::named(vocabulary, name).is_some() => {
                return Some(Import { name: name.to_owned(), renamed: renamed.to_owned(), span });
            }
            (Some(bare), Some(_)) => {
                let message = format!("`{}` has no directive `@{bare}`", vocabulary.name());
                self.find(message, span, known(vocabulary, bare));
            }
            (None, None) if types_of(vocabulary).contains(&name) => {}
            (None, None) if Directive::named(vocabulary, name).is_some() => {
                self.find(format!("`{name}` is a directive"), span, format!("write `\"@{name}\"`"));
            }
            (None, None) => {
                let message = format!("`{}` has no type `{name}`", vocabulary.name());
                self.find(message, span, known(vocabulary, name));
            }
            _ => self.find("a directive keeps its `@` when it is renamed", span, "write `@` before both names"),
        }
        None
    }

    fn find(&mut self, message: impl Into<String>, span: Span, help: impl Into<String>) {
        self.findings.push(Finding::new(self.code, message, span, "linked here").help(help));
    }
}

/// `"@key"` or `{ name: "@key", as: "@id" }`; nothing else may stand in the object.
fn names(value: &Node<Value>) -> Option<(&str, &str)> {
    if let Some(name) = value.as_str() {
        return Some((name, name));
    }
    let (mut name, mut renamed) = (None, None);
    for (key, value) in value.as_object()? {
        match key.as_str() {
            "name" if name.is_none() => name = Some(value.as_str()?),
            "as" if renamed.is_none() => renamed = Some(value.as_str()?),
            _ => return None,
        }
    }
    Some((name?, renamed.or(name)?))
}

/// What a vocabulary has, as a help.
fn known(vocabulary: Vocabulary, wanted: &str) -> String {
    let all = Directive::ALL.iter().map(|directive| directive.definition());
    let names: Vec<&str> = all.filter(|known| known.vocabulary == vocabulary).map(|known| known.name).collect();
    match names.iter().find(|name| name.eq_ignore_ascii_case(wanted)) {
        Some(name) => format!("write `\"@{name}\"`"),
        None => {
            let names: Vec<String> = names.iter().map(|name| format!("`@{name}`")).collect();
            format!("it has {}", names.join(", "))
        }
    }
}

/// The value of an argument, if given and not null.
pub(super) fn argument<'d>(directive: &'d ast::Directive, name: &str) -> Option<&'d Node<Value>> {
    directive.specified_argument_by_name(name).filter(|value| !value.is_null())
}
