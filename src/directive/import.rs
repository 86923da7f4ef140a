//! Reading one `@link`: its URL, its namespace and its imports (link v1.0, "Import").

use super::place::Page;
use super::table::{Directive, Vocabulary};
use super::url::{LinkTarget, SpecificationUrl};
use crate::diagnostic::{Code, Finding, Span};
use apollo_compiler::Node;
use apollo_compiler::ast::{self, Value};

/// A `@link` that could be read.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) linked: LinkTarget,
    /// The place of its URL.
    pub(super) span: Span,
    /// The prefix before `__` in names that are not imported: `as:`, or otherwise the name of the specification.
    pub(super) prefix: String,
    /// The name of the specification. A directive with this name needs no prefix.
    pub(super) name: String,
    pub(super) imports: Vec<Import>,
}

/// An imported directive.
#[derive(Debug)]
pub(super) struct Import {
    /// The name in the specification, without `@`.
    pub(super) name: String,
    /// The name in the file, without `@`.
    pub(super) renamed: String,
    pub(super) span: Span,
}

/// Types that a vocabulary exports. Only definitions use them, so their imports have no effect here.
fn types_of(vocabulary: Vocabulary) -> &'static [&'static str] {
    match vocabulary {
        Vocabulary::Federation => &["FieldSet", "Scope", "Policy", "ContextFieldValue"],
        Vocabulary::Link => &["Import", "Purpose"],
        Vocabulary::Connect | Vocabulary::View | Vocabulary::GraphQl => &[],
    }
}

/// Reads `@link`s and collects findings about them.
pub(super) struct LinkReader<'a> {
    pub(super) page: Page<'a>,
    pub(super) code: Code,
    pub(super) findings: Vec<Finding>,
}

impl LinkReader<'_> {
    /// Reads one `@link`; `None` after a finding.
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
        if linked == LinkTarget::Known(Vocabulary::Link)
            && (prefix != "link" || imports.iter().any(|import| import.renamed != import.name))
        {
            self.find("`@link` itself cannot be renamed here", span, "remove `as:`");
        }
        Some(Link { linked, span, prefix, name: url.name.to_owned(), imports })
    }

    /// A program that does not know a specification `for:` security or execution must not ignore it (link v1.0, "Purpose").
    fn purpose(&mut self, link: &ast::Directive, linked: LinkTarget) {
        let Some(purpose) = argument(link, "for") else { return };
        if linked == LinkTarget::Foreign {
            let span = self.page.span(purpose.location());
            let message = "this specification is not known, and `for:` says that it must not be ignored";
            self.find(
                message,
                span,
                "remove the link and its directives, or remove `for:` if the specification can be ignored",
            );
        }
    }

    fn imports(&mut self, link: &ast::Directive, linked: LinkTarget) -> Vec<Import> {
        let Some(value) = argument(link, "import") else { return Vec::new() };
        let members = value.as_list().unwrap_or(std::slice::from_ref(value));
        members.iter().filter_map(|member| self.import(member, linked)).collect()
    }

    fn import(&mut self, value: &Node<Value>, linked: LinkTarget) -> Option<Import> {
        let span = self.page.span(value.location());
        let Some((name, renamed)) = names(value) else {
            let help = "write `\"@key\"`, or `{ name: \"@key\", as: \"@id\" }`";
            self.find("this is not an import", span, help);
            return None;
        };
        let LinkTarget::Known(vocabulary) = linked else {
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

/// Reads `"@key"` or `{ name: "@key", as: "@id" }`. The object may have no other members.
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

/// The help that lists the directives of a vocabulary.
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

/// The value of an argument, if it is given and not null.
pub(super) fn argument<'d>(directive: &'d ast::Directive, name: &str) -> Option<&'d Node<Value>> {
    directive.specified_argument_by_name(name).filter(|value| !value.is_null())
}
