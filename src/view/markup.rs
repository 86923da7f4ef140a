//! `@view` and `@from` are read from a client schema and removed, with all other directives that the client must not
//! see.
//!
//! In: the syntax tree of a client schema. Out: the tree without our directives, and what the directives say.
//! Elsewhere: what the directives mean in the graph ([`super::resolve`]).

use crate::diagnostic::{Code, FileId, Finding, Sources, Span};
use crate::directive::{Directive, DirectiveUse, FileKind, Location, Names, Page};
use apollo_compiler::Node;
use apollo_compiler::ast::{self, Definition, DirectiveList, Document, InputValueDefinition, Value};
use apollo_compiler::parser::SourceSpan;
use std::collections::HashMap;
use std::ops::Range;

/// The contents of the directives in a client schema.
#[derive(Debug, Default)]
pub(super) struct Markup {
    /// `@view`, by the name of its type.
    pub(super) views: HashMap<String, ViewMark>,
    /// `@from`, by schema coordinate: `Type.field`, `Type.field(argument:)`, `Enum.VALUE` or `Input.field`.
    pub(super) froms: HashMap<String, FromMark>,
}

/// The arguments of `@view`.
#[derive(Debug)]
pub(super) struct ViewMark {
    pub(super) of: Option<Text>,
    pub(super) omits_others: bool,
}

/// The arguments of `@from`.
#[derive(Debug)]
pub(super) struct FromMark {
    pub(super) path: Option<Text>,
    pub(super) default: Option<Text>,
}

/// A string in the schema, with its place.
#[derive(Debug, Clone)]
pub(super) struct Text {
    pub(super) value: String,
    /// The place of the literal, including its quotes.
    pub(super) span: Span,
    /// The byte of the file at which the value begins; `None` if the literal contains escapes.
    content_start: Option<u32>,
}

impl Text {
    /// The place of a part of the value, or of the whole literal if it contains escapes.
    pub(super) fn part(&self, range: Range<usize>) -> Span {
        match self.content_start {
            Some(start) => Span::new(self.span.file, start as usize + range.start..start as usize + range.end),
            None => self.span,
        }
    }
}

/// Converts a span of the syntax tree.
pub(super) fn span_of(file: FileId, location: Option<SourceSpan>) -> Span {
    Span::new(file, location.map_or(0..0, |location| location.offset()..location.end_offset()))
}

/// Reads our directives and removes them.
pub(super) fn take(document: &mut Document, sources: &Sources, file: FileId) -> (Markup, Vec<Finding>) {
    let text = sources.text(file);
    let (names, findings) = Names::read(document, Page { file, text }, FileKind::Client);
    let mut reader = Reader { text, file, names, markup: Markup::default(), findings };
    for definition in &mut document.definitions {
        reader.definition(definition);
    }
    document.definitions.retain(|definition| match definition {
        Definition::DirectiveDefinition(directive) => reader.names.is_kept(&directive.name),
        Definition::SchemaExtension(schema) => !schema.directives.is_empty() || !schema.root_operations.is_empty(),
        _ => true,
    });
    define_defer(document);
    (reader.markup, reader.findings)
}

/// Defines `@defer`, because every client may ask for parts of an answer to come later.
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
    names: Names<'a>,
    markup: Markup,
    findings: Vec<Finding>,
}

impl Reader<'_> {
    fn definition(&mut self, definition: &mut Definition) {
        let Some(at) = Location::of(definition) else { return };
        macro_rules! with_fields {
            ($node:ident, $field:ident) => {{
                let node = $node.make_mut();
                self.ty(&node.name, at, &mut node.directives);
                for field in &mut node.fields {
                    let field = field.make_mut();
                    let coordinate = format!("{}.{}", node.name, field.name);
                    self.from(&coordinate, Location::$field, &mut field.directives);
                    for argument in &mut field.arguments {
                        let coordinate = format!("{coordinate}({}:)", argument.name);
                        self.input_value(&coordinate, Location::Argument, argument);
                    }
                }
            }};
        }
        macro_rules! with_input_fields {
            ($node:ident) => {{
                let node = $node.make_mut();
                self.ty(&node.name, at, &mut node.directives);
                for field in &mut node.fields {
                    self.input_value(&format!("{}.{}", node.name, field.name), Location::InputField, field);
                }
            }};
        }
        macro_rules! with_values {
            ($node:ident) => {{
                let node = $node.make_mut();
                self.ty(&node.name, at, &mut node.directives);
                for value in &mut node.values {
                    let value = value.make_mut();
                    let coordinate = format!("{}.{}", node.name, value.value);
                    self.from(&coordinate, Location::EnumValue, &mut value.directives);
                }
            }};
        }
        macro_rules! type_alone {
            ($node:ident) => {{
                let node = $node.make_mut();
                self.ty(&node.name, at, &mut node.directives);
            }};
        }
        match definition {
            // `@link` was read before.
            Definition::SchemaDefinition(node) => self.take("schema", at, &mut node.make_mut().directives, |_, _| {}),
            Definition::SchemaExtension(node) => self.take("schema", at, &mut node.make_mut().directives, |_, _| {}),
            Definition::ObjectTypeDefinition(node) => with_fields!(node, ObjectField),
            Definition::ObjectTypeExtension(node) => with_fields!(node, ObjectField),
            Definition::InterfaceTypeDefinition(node) => with_fields!(node, InterfaceField),
            Definition::InterfaceTypeExtension(node) => with_fields!(node, InterfaceField),
            Definition::InputObjectTypeDefinition(node) => with_input_fields!(node),
            Definition::InputObjectTypeExtension(node) => with_input_fields!(node),
            Definition::EnumTypeDefinition(node) => with_values!(node),
            Definition::EnumTypeExtension(node) => with_values!(node),
            Definition::UnionTypeDefinition(node) => type_alone!(node),
            Definition::UnionTypeExtension(node) => type_alone!(node),
            Definition::ScalarTypeDefinition(node) => type_alone!(node),
            Definition::ScalarTypeExtension(node) => type_alone!(node),
            Definition::OperationDefinition(_)
            | Definition::FragmentDefinition(_)
            | Definition::DirectiveDefinition(_) => {}
        }
    }

    /// Reads the directives of one place with `read`, and removes all except those that the client's schema keeps.
    fn take(
        &mut self,
        owner: &str,
        at: Location,
        directives: &mut DirectiveList,
        mut read: impl FnMut(&mut Self, DirectiveUse<'_>),
    ) {
        let (used, findings) = self.names.used(directives, at, owner);
        self.findings.extend(findings);
        for used in used {
            read(self, used);
        }
        directives.0.retain(|directive| self.names.is_kept(&directive.name));
    }

    fn ty(&mut self, name: &str, at: Location, directives: &mut DirectiveList) {
        self.take(name, at, directives, |this, used| {
            if used.directive != Directive::View {
                return;
            }
            let of = this.string(used.node, "of");
            let omits_others = this.others(used.node);
            let mark = ViewMark { of, omits_others };
            if this.markup.views.insert(name.to_owned(), mark).is_some() {
                this.report(used.node.location(), format!("`{name}` has `@view` twice"), "again here");
            }
        });
    }

    fn others(&mut self, view: &Node<ast::Directive>) -> bool {
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

    fn input_value(&mut self, coordinate: &str, at: Location, value: &mut Node<InputValueDefinition>) {
        let value = value.make_mut();
        self.from(coordinate, at, &mut value.directives);
        // GraphQL §3.13.3 forbids this.
        if value.directives.has("deprecated") && value.is_required() {
            let message = format!("`{coordinate}` is required, so it cannot be deprecated");
            let finding = Finding::new(Code::E116, message, span_of(self.file, value.name.location()), "required");
            self.findings.push(finding.help("give it a default or make it nullable, or remove `@deprecated`"));
        }
    }

    fn from(&mut self, coordinate: &str, at: Location, directives: &mut DirectiveList) {
        self.take(coordinate, at, directives, |this, used| {
            if used.directive != Directive::From {
                return;
            }
            let mark = FromMark { path: this.string(used.node, "path"), default: this.string(used.node, "default") };
            if this.markup.froms.insert(coordinate.to_owned(), mark).is_some() {
                this.report(used.node.location(), format!("`{coordinate}` has `@from` twice"), "again here");
            }
        });
    }

    /// The value of a string argument, if it is given.
    fn string(&mut self, directive: &ast::Directive, name: &str) -> Option<Text> {
        let value = directive.specified_argument_by_name(name)?;
        let Value::String(text) = &**value else { return None };
        let span = span_of(self.file, value.location());
        let raw = self.text.get(span.start as usize..span.end as usize).unwrap_or_default();
        let content_start = raw.find(text.as_str()).map(|offset| span.start + offset as u32);
        Some(Text { value: text.clone(), span, content_start })
    }

    fn report(&mut self, location: Option<SourceSpan>, message: String, label: &str) {
        self.findings.push(Finding::new(Code::E116, message, span_of(self.file, location), label));
    }
}
