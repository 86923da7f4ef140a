//! `@view`, `@from`, `@key` and `@link`: read from a client schema, and taken out of it.
//!
//! In: the syntax tree of a client schema. Out: the tree without our directives, and what they said.
//! Elsewhere: what they mean in the graph ([`super::resolve`]).

use crate::diagnostic::{FileId, Finding, Sources, Span};
use apollo_compiler::Node;
use apollo_compiler::ast::{Definition, Directive, DirectiveList, Document, InputValueDefinition, Value};
use apollo_compiler::parser::SourceSpan;
use std::collections::HashMap;
use std::ops::Range;

/// The version of the language that this reads.
const LINK: &str = "https://bespoke.example/view/v1";
const DIRECTIVES: [&str; 4] = ["view", "from", "key", "link"];

/// What the directives of a client schema say.
#[derive(Debug, Default)]
pub(super) struct Markup {
    /// By type name.
    pub(super) views: HashMap<String, ViewMark>,
    /// By schema coordinate: `Type.field`, `Type.field(argument:)`, `Enum.VALUE`, `Input.field`.
    pub(super) froms: HashMap<String, FromMark>,
    /// Type name and field set.
    pub(super) keys: Vec<(String, Text)>,
}

/// `@view`.
#[derive(Debug)]
pub(super) struct ViewMark {
    pub(super) of: Option<Text>,
    pub(super) omits_others: bool,
}

/// `@from`.
#[derive(Debug)]
pub(super) struct FromMark {
    pub(super) path: Option<Text>,
    pub(super) default: Option<Text>,
}

/// A string of the schema and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Text {
    pub(super) value: String,
    /// The literal with its quotes.
    pub(super) span: Span,
    /// Byte of the file at which each byte of the value stands, when that is plain.
    content_start: Option<u32>,
}

impl Text {
    /// Where a part of the value stands; the whole literal when escapes make that unclear.
    pub(super) fn part(&self, range: Range<usize>) -> Span {
        match self.content_start {
            Some(start) => Span::new(self.span.file, start as usize + range.start..start as usize + range.end),
            None => self.span,
        }
    }
}

/// A span of the syntax tree as one of ours.
pub(super) fn span_of(file: FileId, location: Option<SourceSpan>) -> Span {
    Span::new(file, location.map_or(0..0, |location| location.offset()..location.end_offset()))
}

/// Reads and removes our directives.
pub(super) fn take(document: &mut Document, sources: &Sources, file: FileId) -> (Markup, Vec<Finding>) {
    let mut reader = Reader { text: sources.text(file), file, markup: Markup::default(), findings: Vec::new() };
    for definition in &mut document.definitions {
        reader.definition(definition);
    }
    document.definitions.retain(|definition| match definition {
        Definition::DirectiveDefinition(directive) => !DIRECTIVES.contains(&directive.name.as_str()),
        Definition::SchemaExtension(schema) => !schema.directives.is_empty() || !schema.root_operations.is_empty(),
        _ => true,
    });
    define_defer(document);
    (reader.markup, reader.findings)
}

/// Every client may ask for parts of an answer to come later.
fn define_defer(document: &mut Document) {
    const DEFER: &str = r#"
        "Lets the fragment come after the rest of the answer, to clients that take answers in parts."
        directive @defer(if: Boolean! = true, label: String) on FRAGMENT_SPREAD | INLINE_FRAGMENT"#;
    let is_defer = |definition: &Definition| match definition {
        Definition::DirectiveDefinition(directive) => directive.name == "defer",
        _ => false,
    };
    if !document.definitions.iter().any(is_defer)
        && let Ok(defer) = Document::parse(DEFER, "defer.graphql")
    {
        document.definitions.extend(defer.definitions);
    }
}

struct Reader<'a> {
    text: &'a str,
    file: FileId,
    markup: Markup,
    findings: Vec<Finding>,
}

impl Reader<'_> {
    fn definition(&mut self, definition: &mut Definition) {
        macro_rules! with_fields {
            ($node:ident) => {{
                let node = $node.make_mut();
                self.ty(&node.name, &mut node.directives);
                for field in &mut node.fields {
                    let field = field.make_mut();
                    let coordinate = format!("{}.{}", node.name, field.name);
                    self.from(&coordinate, &mut field.directives);
                    for argument in &mut field.arguments {
                        self.input_value(format!("{coordinate}({}:)", argument.name), argument);
                    }
                }
            }};
        }
        macro_rules! with_input_fields {
            ($node:ident) => {{
                let node = $node.make_mut();
                self.ty(&node.name, &mut node.directives);
                for field in &mut node.fields {
                    self.input_value(format!("{}.{}", node.name, field.name), field);
                }
            }};
        }
        macro_rules! with_values {
            ($node:ident) => {{
                let node = $node.make_mut();
                self.ty(&node.name, &mut node.directives);
                for value in &mut node.values {
                    let value = value.make_mut();
                    self.from(&format!("{}.{}", node.name, value.value), &mut value.directives);
                }
            }};
        }
        match definition {
            Definition::SchemaDefinition(node) => self.links(&mut node.make_mut().directives),
            Definition::SchemaExtension(node) => self.links(&mut node.make_mut().directives),
            Definition::ObjectTypeDefinition(node) => with_fields!(node),
            Definition::ObjectTypeExtension(node) => with_fields!(node),
            Definition::InterfaceTypeDefinition(node) => with_fields!(node),
            Definition::InterfaceTypeExtension(node) => with_fields!(node),
            Definition::InputObjectTypeDefinition(node) => with_input_fields!(node),
            Definition::InputObjectTypeExtension(node) => with_input_fields!(node),
            Definition::EnumTypeDefinition(node) => with_values!(node),
            Definition::EnumTypeExtension(node) => with_values!(node),
            Definition::UnionTypeDefinition(node) => {
                let node = node.make_mut();
                self.ty(&node.name, &mut node.directives);
            }
            Definition::UnionTypeExtension(node) => {
                let node = node.make_mut();
                self.ty(&node.name, &mut node.directives);
            }
            // Elsewhere our directives have no meaning; validation refuses them by name.
            _ => {}
        }
    }

    fn links(&mut self, directives: &mut DirectiveList) {
        for link in removed(directives, "link") {
            let Some(url) = self.string(&link, "url") else { continue };
            if url.value.starts_with("https://bespoke.example/view/") && url.value != LINK {
                let finding = Finding::new("E116", format!("unknown version `{}`", url.value), url.span, "linked here");
                self.findings.push(finding.help(format!("this release reads `{LINK}`")));
            }
        }
    }

    fn ty(&mut self, name: &str, directives: &mut DirectiveList) {
        for key in removed(directives, "key") {
            if let Some(fields) = self.string(&key, "fields") {
                self.markup.keys.push((name.to_owned(), fields));
            }
        }
        for view in removed(directives, "view") {
            self.only(&view, &["of", "others"]);
            let of = self.string(&view, "of");
            let omits_others = self.others(&view);
            let mark = ViewMark { of, omits_others };
            if self.markup.views.insert(name.to_owned(), mark).is_some() {
                self.report(view.location(), format!("`{name}` has `@view` twice"), "again here");
            }
        }
    }

    fn others(&mut self, view: &Node<Directive>) -> bool {
        match view.specified_argument_by_name("others").map(|value| &**value) {
            None => false,
            Some(Value::Enum(name)) if name == "NULL" => false,
            Some(Value::Enum(name)) if name == "OMIT" => true,
            Some(_) => {
                self.report(view.location(), "`others:` is `NULL` or `OMIT`".to_owned(), "here");
                false
            }
        }
    }

    fn input_value(&mut self, coordinate: String, value: &mut Node<InputValueDefinition>) {
        self.from(&coordinate, &mut value.make_mut().directives);
    }

    fn from(&mut self, coordinate: &str, directives: &mut DirectiveList) {
        for from in removed(directives, "from") {
            self.only(&from, &["path", "default"]);
            let path = self.string(&from, "path");
            let default = from.specified_argument_by_name("default").and_then(|_| self.string(&from, "default"));
            let mark = FromMark { path, default };
            if self.markup.froms.insert(coordinate.to_owned(), mark).is_some() {
                self.report(from.location(), format!("`{coordinate}` has `@from` twice"), "again here");
            }
        }
    }

    fn only(&mut self, directive: &Node<Directive>, known: &[&str]) {
        for argument in &directive.arguments {
            if !known.contains(&argument.name.as_str()) {
                let message = format!("`@{}` has no argument `{}`", directive.name, argument.name);
                self.report(argument.location(), message, "unknown");
            }
        }
    }

    /// The value of a required string argument, or a finding.
    fn string(&mut self, directive: &Node<Directive>, name: &str) -> Option<Text> {
        let Some(value) = directive.specified_argument_by_name(name) else {
            let message = format!("`@{}` needs `{name}:`", directive.name);
            self.report(directive.location(), message, "here");
            return None;
        };
        let Value::String(text) = &**value else {
            self.report(value.location(), format!("`{name}:` is a string"), "this is not one");
            return None;
        };
        let span = span_of(self.file, value.location());
        let raw = self.text.get(span.start as usize..span.end as usize).unwrap_or_default();
        let content_start = raw.find(text.as_str()).map(|offset| span.start + offset as u32);
        Some(Text { value: text.clone(), span, content_start })
    }

    fn report(&mut self, location: Option<SourceSpan>, message: String, label: &str) {
        self.findings.push(Finding::new("E116", message, span_of(self.file, location), label));
    }
}

fn removed(directives: &mut DirectiveList, name: &str) -> Vec<Node<Directive>> {
    let (taken, kept) = std::mem::take(&mut directives.0).into_iter().partition(|directive| directive.name == name);
    directives.0 = kept;
    taken
}
