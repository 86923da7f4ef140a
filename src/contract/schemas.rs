//! Schemas: nodes of the document become [`Schema`]s. Each of them is read once.
//!
//! In: schema nodes of a document. Out: [`SchemaId`]s at once, and the schema behind an id when it is asked for.
//! Elsewhere: the keywords of one schema object ([`super::keywords`]); combining several objects ([`super::draft`]).
//!
//! Always true:
//! - the same parts have the same id, so recursion in the document is a cycle of ids;
//! - only `allOf` and single alternatives are read recursively, at most [`MAX_DEPTH`] deep; all other schemas are read
//!   when they are asked for;
//! - the number of schemas, and the work for them, are bounded.

use super::cells::Cells;
use super::discriminator::{Batch, Pending};
use super::document::{Document, Mapping, Meaning, NodeId, Value};
use super::draft::{Choice, Draft, DraftProperty, MAX_PARTS, Part, Parts, Telling, Types, add_parts};
use super::load::MAX_DEPTH;
use super::model::{IntegerFormat, Property, Schema, SchemaId, SchemaKind};
use super::numbers::NumberBound;
use super::reader::Reader;
use crate::diagnostic::{Code, Finding, Span};
use indexmap::{IndexMap, IndexSet};
use rustc_hash::FxHashMap;
use smallvec::smallvec;

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

/// The schemas that were asked for so far, by their ids.
#[derive(Debug, Default)]
pub(super) struct Schemas {
    /// The parts and the place of each schema, by id. A schema without parts allows anything.
    parts: Vec<(Option<Parts>, Span)>,
    ids: FxHashMap<Parts, SchemaId>,
    /// The component schemas, each with its name and the place of the name.
    names: FxHashMap<NodeId, (String, Span)>,
    work: usize,
    combined: usize,
}

impl Schemas {
    /// Collects the names of the component schemas without reading them.
    pub(super) fn new(reader: &Reader<'_>) -> Self {
        let mut schemas = Self::default();
        let mapping = components(reader.document).and_then(|node| reader.document.mapping(node));
        for (name, entry) in mapping.into_iter().flatten() {
            let is_reference = reader
                .document
                .mapping(entry.value)
                .is_some_and(|schema| schema.contains_key("$ref") && (reader.is_3_0 || !has_siblings(schema)));
            if !is_reference {
                schemas.names.entry(entry.value).or_insert_with(|| (name.clone(), entry.key));
            }
        }
        schemas
    }

    /// Gives each component schema an id.
    pub(super) fn ask_for_components(&mut self, reader: &mut Reader<'_>) {
        let node = components(reader.document);
        for entry in node.and_then(|node| reader.mapping(node, "`schemas`")).into_iter().flat_map(Mapping::values) {
            self.schema(reader, entry.value);
        }
    }

    /// The number of ids.
    pub(super) fn len(&self) -> u32 {
        u32::try_from(self.parts.len()).unwrap_or(u32::MAX)
    }

    /// Gives the id of the schema at a node.
    pub(super) fn schema(&mut self, reader: &mut Reader<'_>, node: NodeId) -> SchemaId {
        let part = Part { node: identity(reader, node), without_choice: false };
        self.schema_of(reader, smallvec![part])
    }

    /// Gives the id of the schema whose values satisfy all parts.
    fn schema_of(&mut self, reader: &mut Reader<'_>, parts: Parts) -> SchemaId {
        if let Some(&id) = self.ids.get(&parts) {
            return id;
        }
        let document = reader.document;
        let span = parts.last().map_or(document.span(Document::ROOT), |part| self.span(document, part.node));
        if self.parts.len() >= MAX_SCHEMAS {
            let finding = Finding::new(Code::E021, format!("more than {MAX_SCHEMAS} schemas"), span, "one too many");
            reader.report_once(finding.help("leave out the endpoints that nobody binds"));
            return SchemaId(0);
        }
        if parts.len() > 1 {
            self.combined += 1;
            if parts.len() > MAX_PARTS || self.combined > MAX_COMBINED + document.nodes.len() {
                entangled(reader, span);
                return self.push(span);
            }
        }
        let id = self.push(span);
        self.ids.insert(parts.clone(), id);
        self.parts[id.0 as usize].0 = Some(parts);
        id
    }

    /// Adds a schema for a value that the contract does not describe.
    pub(super) fn anything(&mut self, span: Span) -> SchemaId {
        self.push(span)
    }

    /// Adds a schema that allows anything, unless parts are added to it later.
    fn push(&mut self, span: Span) -> SchemaId {
        let id = SchemaId(self.len());
        self.parts.push((None, span));
        id
    }

    fn span(&self, document: &Document, node: NodeId) -> Span {
        if let Some((_, span)) = self.names.get(&node) {
            return *span;
        }
        document.get(node, "type").map_or(document.span(node), |at| document.span(at))
    }

    /// Reads a schema, and the schemas without which it is not complete: its alternatives, and the properties that tell
    /// these apart. `known` has the schemas that were read before. Gives the schemas that were read now.
    pub(super) fn read(
        &mut self,
        reader: &mut Reader<'_>,
        id: SchemaId,
        known: &Cells<Schema>,
    ) -> Vec<(SchemaId, Schema)> {
        let mut batch = Batch { known, read: IndexMap::new(), choices: Vec::new() };
        let mut queue = vec![id];
        while let Some(id) = queue.pop() {
            if batch.get(id).is_none() {
                let schema = self.read_one(reader, id, &mut batch.choices);
                if let SchemaKind::OneOf { variants, .. } = &schema.kind {
                    queue.extend(variants);
                }
                batch.read.insert(id, schema);
            }
            if queue.is_empty() {
                queue.extend(batch.telling_properties());
            }
        }
        batch.complete(reader)
    }

    fn read_one(&mut self, reader: &mut Reader<'_>, id: SchemaId, choices: &mut Vec<Pending>) -> Schema {
        let at = self.parts.get(id.0 as usize).cloned();
        let (parts, span) = at.unwrap_or((None, reader.document.span(Document::ROOT)));
        let Some(parts) = parts else {
            let kind = SchemaKind::Any;
            return Schema { name: None, nullable: true, kind, description: None, deprecated: false, span };
        };
        let draft = self.draft_of(reader, &parts);
        self.complete(reader, &parts, (id, span), draft, choices)
    }

    fn draft_of(&mut self, reader: &mut Reader<'_>, parts: &Parts) -> Draft {
        let (whole, findings) = self.merged(reader, parts);
        for finding in findings {
            reader.report(finding);
        }
        whole
    }

    /// Combines all parts. Gives the findings for contradictions between them.
    fn merged(&mut self, reader: &mut Reader<'_>, parts: &Parts) -> (Draft, Vec<Finding>) {
        let (mut whole, mut findings) = (Draft::default(), Vec::new());
        let mut name = None;
        for part in parts {
            let mut draft = self.draft(reader, *part, &mut Vec::new());
            let of_part = draft.name.take();
            name = if part.without_choice { name } else { of_part.or(name) };
            findings.extend(whole.merge(draft));
        }
        whole.name = name;
        (whole, findings)
    }

    /// Reads one node and everything that it refers to. `stack` holds the nodes that are being read.
    fn draft(&mut self, reader: &mut Reader<'_>, part: Part, stack: &mut Vec<NodeId>) -> Draft {
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
            // This schema extends the base and is one of its alternatives.
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
    fn enter<'a>(&mut self, reader: &mut Reader<'a>, node: NodeId, stack: &[NodeId]) -> Option<&'a Mapping> {
        let document = reader.document;
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

    fn read_children<'a>(&mut self, reader: &mut Reader<'a>, schema: &'a Mapping, draft: &mut Draft) {
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
    fn read_choice<'a>(
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
        let document = reader.document;
        variants.retain(|&node| !is_null(document, node));
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
                let discriminator = read_discriminator(reader, schema);
                Draft { choice: Some(Choice { variants, discriminator, span: entry.key }), ..Draft::default() }
            }
        };
        for finding in draft.merge(Draft { null: null.or(more.null), ..more }) {
            reader.report(finding);
        }
    }

    /// Turns the draft of an id into its schema.
    fn complete(
        &mut self,
        reader: &mut Reader<'_>,
        parts: &Parts,
        (id, span): (SchemaId, Span),
        mut draft: Draft,
        choices: &mut Vec<Pending>,
    ) -> Schema {
        let kind = match draft.choice.take() {
            Some(choice) => match self.constants(reader, &draft, &choice) {
                Some(values) => {
                    draft.null = draft.null.or(Some(false));
                    (draft.types, draft.values) = (Some((Types::STRING, span)), Some(values));
                    self.complete_plain(reader, span, &mut draft)
                }
                None => self.complete_choice(reader, parts, id, &draft, choice, choices),
            },
            None => self.complete_plain(reader, span, &mut draft),
        };
        let null_if_unsaid = matches!(kind, SchemaKind::Any);
        Schema {
            name: draft.name,
            nullable: draft.null.unwrap_or(null_if_unsaid),
            kind,
            description: draft.description,
            deprecated: draft.deprecated,
            span,
        }
    }

    /// Gives the values of alternatives that are all string constants; `None` if they are not. Such alternatives are an
    /// enum, each of whose values may have a title.
    fn constants(&mut self, reader: &mut Reader<'_>, beside: &Draft, choice: &Choice) -> Option<IndexSet<String>> {
        let has_values = |node: &NodeId| {
            let schema = reader.document.mapping(*node);
            schema.is_some_and(|schema| schema.contains_key("const") || schema.contains_key("enum"))
        };
        let is_string = beside.types.is_none_or(|(types, _)| types == Types::STRING);
        if !is_string || choice.discriminator.is_some() || !choice.variants.iter().all(has_values) {
            return None;
        }
        let mut values = IndexSet::new();
        for &node in &choice.variants {
            let draft = self.draft(reader, Part { node, without_choice: false }, &mut Vec::new());
            draft.types.filter(|(types, _)| *types == Types::STRING)?;
            values.extend(draft.values?);
        }
        if let Some(only) = &beside.values {
            values.retain(|value| only.contains(value));
        }
        Some(values)
    }

    fn complete_choice(
        &mut self,
        reader: &mut Reader<'_>,
        parts: &Parts,
        id: SchemaId,
        draft: &Draft,
        choice: Choice,
        choices: &mut Vec<Pending>,
    ) -> SchemaKind {
        let (mut nodes, mut variants) = (Vec::new(), Vec::new());
        let mut contradiction = None;
        for &node in &choice.variants {
            let of_variant = if draft.is_constrained() || (draft.types.is_some() && is_partial(reader.document, node)) {
                // The keywords beside the alternatives apply to each of them.
                let mut all: Parts = parts.iter().map(|part| Part { without_choice: true, ..*part }).collect();
                add_parts(&mut all, &[Part { node, without_choice: false }]);
                // An alternative that contradicts the keywords beside it has no valid value, so it is left out.
                let (_, findings) = self.merged(reader, &all);
                if let Some(finding) = findings.into_iter().find(|finding| finding.code == Code::E019) {
                    contradiction = Some(finding);
                    continue;
                }
                self.schema_of(reader, all)
            } else {
                self.schema(reader, node)
            };
            nodes.push(node);
            variants.push(of_variant);
        }
        if let Some(finding) = contradiction.filter(|_| variants.is_empty()) {
            reader.report(finding);
            return SchemaKind::Any;
        }
        let inherits_null = draft.null.is_none();
        choices.push(Pending { id, nodes, discriminator: choice.discriminator, inherits_null });
        SchemaKind::OneOf { variants, discriminator: None }
    }

    fn complete_plain(&mut self, reader: &mut Reader<'_>, span: Span, draft: &mut Draft) -> SchemaKind {
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
                    true => self.push(span),
                    false => self.schema_of(reader, std::mem::take(&mut draft.items)),
                };
                SchemaKind::Array { items, min_items: draft.min_items, max_items: draft.max_items }
            }
            Types::OBJECT => SchemaKind::Object { properties: self.properties(reader, draft) },
            _ => SchemaKind::Any,
        }
    }

    fn properties(&mut self, reader: &mut Reader<'_>, draft: &mut Draft) -> IndexMap<String, Property> {
        let mut properties = IndexMap::with_capacity(draft.properties.len());
        for (name, property) in std::mem::take(&mut draft.properties) {
            let required = draft.required.contains(&name);
            let schema = self.schema_of(reader, property.parts);
            properties.insert(name, Property { schema, required, span: property.span });
        }
        properties
    }
}

fn is_null(document: &Document, node: NodeId) -> bool {
    let says_null = |node: NodeId| document.meaning(node) == Some(Meaning::Null) || document.text(node) == Some("null");
    let is_only_null = |key: &str, is_null: &dyn Fn(NodeId) -> bool| {
        document.get(node, key).is_some_and(|value| match document.sequence(value) {
            Some(items) => matches!(items, [item] if is_null(*item)),
            None => is_null(value),
        })
    };
    let value_is_null = |node: NodeId| document.meaning(node) == Some(Meaning::Null);
    is_only_null("type", &says_null) || is_only_null("const", &value_is_null) || is_only_null("enum", &value_is_null)
}

fn read_discriminator<'a>(reader: &mut Reader<'a>, schema: &'a Mapping) -> Option<Telling> {
    let document = reader.document;
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

/// Whether an alternative only narrows what the keywords beside it say.
fn is_partial(document: &Document, node: NodeId) -> bool {
    let whole = ["type", "$ref", "allOf", "oneOf", "anyOf", "properties", "items", "enum", "const"];
    document.mapping(node).is_some_and(|schema| !whole.iter().any(|key| schema.contains_key(*key)))
}

/// The node of a document's component schemas.
fn components(document: &Document) -> Option<NodeId> {
    document.get(document.get(Document::ROOT, "components")?, "schemas")
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
