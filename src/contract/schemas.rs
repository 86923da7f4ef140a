//! Schemas: nodes of the document become [`Schema`]s. Each of them is read once.
//!
//! In: schema nodes of a document. Out: their [`SchemaId`]s at once, and the schemas when all nodes are known.
//! Elsewhere: the keywords of one schema object ([`super::keywords`]); combining several objects ([`super::draft`]).
//!
//! Always true:
//! - the same parts have the same id, so recursion in the document becomes a cycle of ids;
//! - only `allOf` and single alternatives are read recursively, at most [`MAX_DEPTH`] deep; all other nodes wait in a
//!   queue;
//! - the number of schemas, and the work for them, are bounded.

use super::discriminator::{Pending, fill_discriminators};
use super::document::{Document, Mapping, Meaning, NodeId, Value};
use super::draft::{Choice, Draft, DraftProperty, MAX_PARTS, Part, Parts, Telling, Types, add_parts};
use super::load::MAX_DEPTH;
use super::model::{IntegerFormat, Property, Schema, SchemaId, SchemaKind};
use super::numbers::NumberBound;
use super::reader::Reader;
use crate::diagnostic::{Code, Finding, Span};
use indexmap::IndexMap;
use rustc_hash::FxHashMap;
use smallvec::smallvec;
use std::collections::VecDeque;

/// The most schemas of one contract.
const MAX_SCHEMAS: usize = 100_000;
/// The most schemas that combine several parts, in addition to one for each node of the document.
const MAX_COMBINED: usize = 1_000;
/// The constant part of the bound on work. Work counts the schema objects that are read and the properties that are
/// taken from them; a shared one counts each time.
const MAX_WORK: usize = 200_000;
/// The part of that bound for each node of the document.
const MAX_WORK_PER_NODE: usize = 16;

/// Keywords beside a `$ref` that do not change which values are valid.
const ANNOTATIONS: [&str; 11] = [
    "$ref",
    "description",
    "summary",
    "title",
    "deprecated",
    "default",
    "example",
    "examples",
    "$comment",
    "readOnly",
    "writeOnly",
];

/// The schemas that were found so far.
pub(super) struct Schemas<'a> {
    document: &'a Document,
    schemas: Vec<Schema>,
    ids: FxHashMap<Parts, SchemaId>,
    queue: VecDeque<(Parts, SchemaId)>,
    /// The component schemas, each with its name and the place of the name.
    names: FxHashMap<NodeId, (String, Span)>,
    choices: Vec<Pending>,
    work: usize,
    combined: usize,
}

impl<'a> Schemas<'a> {
    /// Makes the collection and adds the component schemas, so that each of them is read.
    pub(super) fn new(reader: &mut Reader<'a>) -> Self {
        let document = reader.document;
        let mut schemas = Self {
            document,
            schemas: Vec::new(),
            ids: FxHashMap::default(),
            queue: VecDeque::new(),
            names: FxHashMap::default(),
            choices: Vec::new(),
            work: 0,
            combined: 0,
        };
        let components = document.get(Document::ROOT, "components").and_then(|node| document.get(node, "schemas"));
        if let Some(mapping) = components.and_then(|node| reader.mapping(node, "`schemas`")) {
            for (name, entry) in mapping {
                if identity(reader, entry.value) == entry.value {
                    schemas.names.entry(entry.value).or_insert_with(|| (name.clone(), entry.key));
                }
            }
            for entry in mapping.values() {
                schemas.schema(reader, entry.value);
            }
        }
        schemas
    }

    /// Gives the id of the schema at a node.
    pub(super) fn schema(&mut self, reader: &mut Reader<'a>, node: NodeId) -> SchemaId {
        let part = Part { node: identity(reader, node), without_choice: false };
        self.schema_of(reader, smallvec![part])
    }

    /// Gives the id of the schema whose values satisfy all parts.
    fn schema_of(&mut self, reader: &mut Reader<'a>, parts: Parts) -> SchemaId {
        if let Some(&id) = self.ids.get(&parts) {
            return id;
        }
        let span = parts.last().map_or(self.document.span(Document::ROOT), |part| self.span(part.node));
        if self.schemas.len() >= MAX_SCHEMAS {
            let finding = Finding::new(Code::E021, format!("more than {MAX_SCHEMAS} schemas"), span, "one too many");
            reader.report_once(finding.help("leave out the endpoints that nobody binds"));
            return SchemaId(0);
        }
        if parts.len() > 1 {
            self.combined += 1;
            if parts.len() > MAX_PARTS || self.combined > MAX_COMBINED + self.document.nodes.len() {
                entangled(reader, span);
                return self.push(span);
            }
        }
        let id = self.push(span);
        self.ids.insert(parts.clone(), id);
        self.queue.push_back((parts, id));
        id
    }

    /// Adds a schema for a value that the contract does not describe.
    pub(super) fn anything(&mut self, span: Span) -> SchemaId {
        self.push(span)
    }

    /// Adds a schema that allows anything. It is completed later.
    fn push(&mut self, span: Span) -> SchemaId {
        let id = SchemaId(u32::try_from(self.schemas.len()).unwrap_or(u32::MAX));
        let kind = SchemaKind::Any;
        self.schemas.push(Schema { name: None, nullable: true, kind, description: None, deprecated: false, span });
        id
    }

    fn span(&self, node: NodeId) -> Span {
        if let Some((_, span)) = self.names.get(&node) {
            return *span;
        }
        self.document.get(node, "type").map_or(self.document.span(node), |at| self.document.span(at))
    }

    /// Reads all schemas whose ids were given, and returns them.
    pub(super) fn finish(mut self, reader: &mut Reader<'a>) -> Vec<Schema> {
        while let Some((parts, id)) = self.queue.pop_front() {
            let draft = self.draft_of(reader, &parts);
            self.complete(reader, &parts, id, draft);
        }
        fill_discriminators(reader, &mut self.schemas, self.choices);
        self.schemas
    }

    fn draft_of(&mut self, reader: &mut Reader<'a>, parts: &Parts) -> Draft {
        let mut whole = Draft::default();
        let mut name = None;
        for part in parts {
            let mut draft = self.draft(reader, *part, &mut Vec::new());
            let of_part = draft.name.take();
            name = if part.without_choice { name } else { of_part.or(name) };
            for finding in whole.merge(draft) {
                reader.report(finding);
            }
        }
        whole.name = name;
        whole
    }

    /// Reads one node and everything that it refers to. `stack` holds the nodes that are being read.
    fn draft(&mut self, reader: &mut Reader<'a>, part: Part, stack: &mut Vec<NodeId>) -> Draft {
        let node = identity(reader, part.node);
        let Some(schema) = self.enter(reader, node, stack) else {
            return Draft { name: self.names.get(&node).map(|(name, _)| name.clone()), ..Draft::default() };
        };
        let mut draft = reader.keywords(schema);
        self.read_children(reader, schema, &mut draft);
        let is_nullable = reader.flag_at(schema, "nullable") == Some(true);
        let mut bases: Vec<NodeId> = reader.list_at(schema, "allOf").to_vec();
        bases.extend(schema.get("$ref").and_then(|_| reader.follow(node)));
        let is_wrapper = bases.len() == 1 && !draft.is_constrained();

        stack.push(node);
        for base in bases {
            let mut of_base = self.draft(reader, Part { node: base, ..part }, stack);
            if !is_wrapper {
                (of_base.name, of_base.description, of_base.deprecated) = (None, None, false);
            }
            // The base lists its alternatives, and this schema is one of them that extends it.
            if of_base.choice.as_ref().is_some_and(|choice| choice.variants.contains(&node)) {
                of_base.choice = None;
            }
            for finding in draft.merge(of_base) {
                reader.report(finding);
            }
        }
        if !part.without_choice {
            for key in ["oneOf", "anyOf"] {
                self.read_choice(reader, schema, key, &mut draft, stack);
            }
        }
        stack.pop();

        if is_nullable {
            draft.null = Some(true);
        }
        if let Some((name, _)) = self.names.get(&node) {
            draft.name = Some(name.clone());
        }
        draft
    }

    /// Checks the bounds and gives the mapping of a schema; `None` if there is nothing to read.
    fn enter(&mut self, reader: &mut Reader<'a>, node: NodeId, stack: &[NodeId]) -> Option<&'a Mapping> {
        let document = self.document;
        let span = document.span(node);
        if stack.contains(&node) {
            let finding = Finding::new(Code::E012, "a schema is a part of itself", span, "its parts lead back here");
            reader.report(finding.help("a schema may hold itself in `properties` or `items`, not in `allOf`"));
            return None;
        }
        self.work += 1;
        if stack.len() >= MAX_DEPTH {
            let finding = Finding::new(
                Code::E003,
                format!("schemas extend one another more than {MAX_DEPTH} deep"),
                span,
                "too deep",
            );
            reader.report_once(finding.help("merge some of the `allOf` levels"));
            return None;
        }
        if self.work > MAX_WORK + MAX_WORK_PER_NODE * document.nodes.len() {
            entangled(reader, span);
            return None;
        }
        // `true` and `false` are schemas too. Neither says anything about the shape.
        if let Value::Scalar { meaning: Meaning::Bool(_), .. } = document.node(node).value {
            return None;
        }
        let schema = reader.mapping(node, "a schema")?;
        let is_unresolved = schema.contains_key("$ref") && (reader.is_3_0 || !has_siblings(schema));
        (!is_unresolved).then_some(schema)
    }

    fn read_children(&mut self, reader: &mut Reader<'a>, schema: &'a Mapping, draft: &mut Draft) {
        if let Some(entry) = schema.get("items") {
            draft.items.push(Part { node: identity(reader, entry.value), without_choice: false });
        } else if reader.is_3_0
            && let Some((Types::ARRAY, span)) = draft.types
        {
            reader.missing(span, "the array", "items");
        }
        let Some(properties) = reader.mapping_at(schema, "properties") else { return };
        self.work += properties.len();
        for (name, entry) in properties {
            let part = Part { node: identity(reader, entry.value), without_choice: false };
            draft.properties.insert(name.clone(), DraftProperty { parts: smallvec![part], span: entry.key });
        }
    }

    /// Reads `oneOf` or `anyOf`. One alternative, with or without null, is that type; several make a choice.
    fn read_choice(
        &mut self,
        reader: &mut Reader<'a>,
        schema: &'a Mapping,
        key: &str,
        draft: &mut Draft,
        stack: &mut Vec<NodeId>,
    ) {
        let Some(entry) = schema.get(key) else { return };
        let listed = reader.list_at(schema, key);
        let mut variants: Vec<NodeId> = listed.iter().map(|&node| identity(reader, node)).collect();
        self.work += variants.len();
        variants.retain(|&node| !self.is_null(node));
        let null = (variants.len() < listed.len()).then_some(true);
        let more = match variants[..] {
            [] => Draft::default(),
            [single] => {
                let is_wrapper = !draft.is_constrained();
                let mut of_variant = self.draft(reader, Part { node: single, without_choice: false }, stack);
                if !is_wrapper {
                    of_variant.name = None;
                }
                of_variant
            }
            _ => {
                let discriminator = self.read_discriminator(reader, schema);
                Draft { choice: Some(Choice { variants, discriminator, span: entry.key }), ..Draft::default() }
            }
        };
        for finding in draft.merge(Draft { null: null.or(more.null), ..more }) {
            reader.report(finding);
        }
    }

    fn is_null(&self, node: NodeId) -> bool {
        let says_null = |node: NodeId| {
            self.document.meaning(node) == Some(Meaning::Null) || self.document.text(node) == Some("null")
        };
        let is_only_null = |key: &str, is_null: &dyn Fn(NodeId) -> bool| {
            self.document.get(node, key).is_some_and(|value| match self.document.sequence(value) {
                Some(items) => matches!(items, [item] if is_null(*item)),
                None => is_null(value),
            })
        };
        let value_is_null = |node: NodeId| self.document.meaning(node) == Some(Meaning::Null);
        is_only_null("type", &says_null)
            || is_only_null("const", &value_is_null)
            || is_only_null("enum", &value_is_null)
    }

    fn read_discriminator(&mut self, reader: &mut Reader<'a>, schema: &'a Mapping) -> Option<Telling> {
        let document = self.document;
        let discriminator = reader.mapping_at(schema, "discriminator")?;
        let Some(property) = reader.text_at(discriminator, "propertyName") else {
            if let Some(entry) = schema.get("discriminator").filter(|_| !discriminator.contains_key("propertyName")) {
                reader.missing(entry.key, "the discriminator", "propertyName");
            }
            return None;
        };
        let mut values = Vec::new();
        for (value, entry) in reader.mapping_at(discriminator, "mapping").into_iter().flatten() {
            let span = document.span(entry.value);
            let Some(text) = document.text(entry.value) else {
                reader.wrong_kind(entry.value, "a discriminator's target", "a string");
                continue;
            };
            // The text may be the name of a component or a reference.
            let is_name = text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
            let reference = if is_name { format!("#/components/schemas/{text}") } else { text.to_owned() };
            if let Some(target) = reader.target(&reference, span) {
                values.push((value.clone(), identity(reader, target), span));
            }
        }
        Some(Telling { property: property.to_owned(), values })
    }

    /// Turns the draft of an id into its schema.
    fn complete(&mut self, reader: &mut Reader<'a>, parts: &Parts, id: SchemaId, mut draft: Draft) {
        let index = id.0 as usize;
        let kind = match draft.choice.take() {
            Some(choice) => self.complete_choice(reader, parts, id, &draft, choice),
            None => self.complete_plain(reader, id, &mut draft),
        };
        let null_if_unsaid = matches!(kind, SchemaKind::Any);
        let schema = &mut self.schemas[index];
        schema.nullable = draft.null.unwrap_or(null_if_unsaid);
        schema.kind = kind;
        schema.name = draft.name;
        schema.description = draft.description;
        schema.deprecated = draft.deprecated;
    }

    fn complete_choice(
        &mut self,
        reader: &mut Reader<'a>,
        parts: &Parts,
        id: SchemaId,
        draft: &Draft,
        choice: Choice,
    ) -> SchemaKind {
        let mut variants = Vec::with_capacity(choice.variants.len());
        for &node in &choice.variants {
            let of_variant = if draft.is_constrained() || (draft.types.is_some() && self.is_partial(node)) {
                // The keywords beside the alternatives apply to each of them.
                let mut all: Parts = parts.iter().map(|part| Part { without_choice: true, ..*part }).collect();
                add_parts(&mut all, &[Part { node, without_choice: false }]);
                self.schema_of(reader, all)
            } else {
                self.schema(reader, node)
            };
            variants.push(of_variant);
        }
        let inherits_null = draft.null.is_none();
        self.choices.push(Pending { id, nodes: choice.variants, discriminator: choice.discriminator, inherits_null });
        SchemaKind::OneOf { variants, discriminator: None }
    }

    /// Whether an alternative only narrows what the keywords beside it say.
    fn is_partial(&self, node: NodeId) -> bool {
        let whole = ["type", "$ref", "allOf", "oneOf", "anyOf", "properties", "items", "enum", "const"];
        self.document.mapping(node).is_some_and(|schema| !whole.iter().any(|key| schema.contains_key(*key)))
    }

    fn complete_plain(&mut self, reader: &mut Reader<'a>, id: SchemaId, draft: &mut Draft) -> SchemaKind {
        let inferred = if !draft.properties.is_empty() {
            Some(Types::OBJECT)
        } else if !draft.items.is_empty() {
            Some(Types::ARRAY)
        } else {
            None
        };
        let Some(types) = draft.types.map(|(types, _)| types).or(inferred) else { return SchemaKind::Any };
        draft.null = draft.null.or(Some(false));
        match types {
            Types::BOOLEAN => SchemaKind::Boolean,
            Types::INTEGER => SchemaKind::Integer {
                format: match draft.format.as_deref() {
                    Some("int32") => IntegerFormat::Int32,
                    Some("int64") => IntegerFormat::Int64,
                    _ => IntegerFormat::Unspecified,
                },
                minimum: draft.numbers.minimum.as_ref().map(NumberBound::least_integer),
                maximum: draft.numbers.maximum.as_ref().map(NumberBound::greatest_integer),
                bounds: std::mem::take(&mut draft.numbers),
            },
            Types::NUMBER => SchemaKind::Number { bounds: std::mem::take(&mut draft.numbers) },
            Types::STRING => SchemaKind::String {
                format: draft.format.take(),
                values: draft.values.take().into_iter().flatten().collect(),
                pattern: draft.pattern.take(),
                min_length: draft.min_length,
                max_length: draft.max_length,
            },
            Types::ARRAY => {
                let items = match draft.items.is_empty() {
                    true => self.push(self.schemas[id.0 as usize].span),
                    false => self.schema_of(reader, std::mem::take(&mut draft.items)),
                };
                SchemaKind::Array { items, min_items: draft.min_items, max_items: draft.max_items }
            }
            Types::OBJECT => SchemaKind::Object { properties: self.properties(reader, draft) },
            _ => SchemaKind::Any,
        }
    }

    fn properties(&mut self, reader: &mut Reader<'a>, draft: &mut Draft) -> IndexMap<String, Property> {
        let mut properties = IndexMap::with_capacity(draft.properties.len());
        for (name, property) in std::mem::take(&mut draft.properties) {
            let required = draft.required.contains(&name);
            let schema = self.schema_of(reader, property.parts);
            properties.insert(name, Property { schema, required, span: property.span });
        }
        properties
    }
}

/// Gives the node that identifies a schema. References that add nothing are followed.
fn identity(reader: &mut Reader<'_>, node: NodeId) -> NodeId {
    let siblings_count = !reader.is_3_0;
    reader.resolve_until(node, |schema| siblings_count && has_siblings(schema)).unwrap_or(node)
}

fn entangled(reader: &mut Reader<'_>, span: Span) {
    let finding = Finding::new(Code::E021, "the schemas are too entangled", span, "reading stopped here");
    reader.report_once(finding.help("merge some of the `allOf` levels, or nest fewer alternatives"));
}

/// Whether keywords that matter stand beside a `$ref`, which OpenAPI 3.1 allows.
fn has_siblings(schema: &Mapping) -> bool {
    schema.keys().any(|key| !ANNOTATIONS.contains(&key.as_str()) && !key.starts_with("x-"))
}
