//! Loading: YAML or JSON text becomes a [`Document`].
//!
//! In: the text of one file. Out: its tree, or the finding that says why there is none. If a mapping has a key twice,
//! the first one counts, and the tree has a finding that is reported when the key is read.
//!
//! Always true: the size of the file, the depth and the number of nodes are bounded, and no function here recurses.

use super::document::{Document, Entry, Mapping, Meaning, Node, NodeId, Value};
use super::reader::MAX_FINDINGS;
use crate::diagnostic::{Code, FileId, Finding, Sources, Span};
use indexmap::map;
use rustc_hash::FxHashMap;
use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Tag};
use std::borrow::Cow;

/// The greatest size of a file, in bytes.
const MAX_FILE_BYTES: usize = 64 * 1024 * 1024;
/// The greatest depth of nested lists and objects.
pub(super) const MAX_DEPTH: usize = 128;
/// The most nodes in a document.
const MAX_NODES: usize = 4_000_000;
/// The most entries that merge keys (`<<`) copy.
const MAX_COPIED: usize = 1_000_000;

/// Reads the text of a file into a tree.
///
/// # Errors
/// One finding, if the text is neither YAML nor JSON, or is empty, too large or nested too deeply.
pub(super) fn load(sources: &Sources, file: FileId) -> Result<Document, Box<Finding>> {
    let text = sources.text(file);
    if text.len() > MAX_FILE_BYTES {
        let message = format!("the contract is larger than {MAX_FILE_BYTES} bytes");
        let finding = Finding::new(Code::E002, message, Span::new(file, 0..0), "too large");
        return Err(Box::new(finding.help("leave out the endpoints that nobody binds")));
    }
    let text = without_surrogates(text);
    let (offsets, repeated) = (Offsets::new(&text), FxHashMap::default());
    Loader { file, offsets, repeated, nodes: Vec::new(), open: Vec::new(), copied: 0 }.load(&text)
}

/// Replaces JSON's surrogate escapes (such as `\ud83d\ude00`), which YAML refuses, by `\ufffd`. Each escape keeps its
/// length.
fn without_surrogates(text: &str) -> Cow<'_, str> {
    let is_surrogate = |escape: &str| {
        let hex = escape.get(2..6).unwrap_or("");
        matches!(hex.as_bytes(), [b'd' | b'D', b'8' | b'9' | b'a'..=b'f' | b'A'..=b'F', ..])
            && u16::from_str_radix(hex, 16).is_ok()
    };
    if !text.trim_start_matches('\u{feff}').trim_start().starts_with('{') {
        return Cow::Borrowed(text);
    }
    let mut parts: Option<String> = None;
    let mut done = 0;
    let mut from = 0;
    while let Some(at) = text[from..].find('\\').map(|at| from + at) {
        if text[at..].starts_with("\\u") && is_surrogate(&text[at..]) {
            let out = parts.get_or_insert_default();
            out.push_str(&text[done..at]);
            out.push_str("\\ufffd");
            done = at + 6;
            from = done;
        } else {
            // Skips the escaped character, so that the second backslash of `\\` is not read as the start of an escape.
            from = at + 1 + text[at + 1..].chars().next().map_or(0, char::len_utf8);
        }
    }
    match parts {
        None => Cow::Borrowed(text),
        Some(out) => Cow::Owned(out + &text[done..]),
    }
}

/// Converts the parser's character indices to byte offsets.
struct Offsets<'a> {
    text: &'a str,
    /// The byte offset of each 64th character; empty if the text is ASCII.
    marks: Vec<usize>,
}

impl<'a> Offsets<'a> {
    fn new(text: &'a str) -> Self {
        let marks =
            if text.is_ascii() { Vec::new() } else { text.char_indices().step_by(64).map(|(at, _)| at).collect() };
        Self { text, marks }
    }

    fn byte(&self, mark: Marker) -> usize {
        if self.marks.is_empty() {
            return mark.index().min(self.text.len());
        }
        let Some(&start) = self.marks.get(mark.index() / 64) else { return self.text.len() };
        self.text[start..].char_indices().nth(mark.index() % 64).map_or(self.text.len(), |(at, _)| start + at)
    }
}

/// A list or object whose end was not reached yet.
struct Open {
    node: NodeId,
    /// The number of its anchor, by which aliases can refer to it when it is complete.
    anchor: usize,
    /// The key whose value comes next.
    key: Option<(String, Span)>,
    /// The values of `<<`. They are merged at the end, so that the object's own keys come first.
    bases: Vec<NodeId>,
}

struct Loader<'a> {
    file: FileId,
    offsets: Offsets<'a>,
    repeated: FxHashMap<NodeId, Vec<(String, Finding)>>,
    nodes: Vec<Node>,
    open: Vec<Open>,
    copied: usize,
}

impl Loader<'_> {
    fn load(mut self, text: &str) -> Result<Document, Box<Finding>> {
        let mut parser = Parser::new_from_str(text);
        let mut anchors: FxHashMap<usize, NodeId> = FxHashMap::default();
        let mut documents = 0;
        while let Some(event) = parser.next_event() {
            let (event, at) = event.map_err(|error| self.unreadable(error.info(), *error.marker()))?;
            let span = self.span(at);
            match event {
                Event::DocumentStart(_) if documents > 0 => {
                    let finding =
                        Finding::new(Code::E001, "the file holds more than one document", span, "starts here");
                    return Err(Box::new(finding.help("keep one OpenAPI document in a file")));
                }
                Event::DocumentStart(_) => documents += 1,
                Event::StreamEnd => break,
                Event::Nothing | Event::StreamStart | Event::DocumentEnd => {}
                Event::Scalar(text, style, anchor, tag) => {
                    let meaning = meaning(&text, style, tag.as_deref());
                    if self.takes_key() {
                        self.set_key(text.into_owned(), span);
                        continue;
                    }
                    let id = self.push(Value::Scalar { text: text.into_owned(), meaning }, span)?;
                    anchors.insert(anchor, id);
                }
                Event::SequenceStart(anchor, _) => self.start(Value::Sequence(Vec::new()), anchor, span)?,
                Event::MappingStart(anchor, _) => self.start(Value::Mapping(Mapping::new()), anchor, span)?,
                Event::SequenceEnd | Event::MappingEnd => {
                    if let Some(open) = self.open.pop() {
                        anchors.insert(open.anchor, open.node);
                        self.finish_span(open.node, span);
                        for base in open.bases {
                            self.merge_base(open.node, base, span)?;
                        }
                    }
                }
                Event::Alias(anchor) => {
                    let Some(&id) = anchors.get(&anchor).filter(|_| !self.takes_key()) else {
                        let message = "an alias stands inside its own anchor, or as a key";
                        let finding = Finding::new(Code::E001, message, span, "this alias");
                        return Err(Box::new(finding.help("write the value out, or use `$ref`")));
                    };
                    self.attach(id, span)?;
                }
            }
        }
        if self.nodes.is_empty() {
            let finding = Finding::new(Code::E004, "the file is empty", Span::new(self.file, 0..0), "nothing here");
            return Err(Box::new(finding.help("an OpenAPI document starts with `openapi: 3.1.0`")));
        }
        Ok(Document { nodes: self.nodes, repeated: self.repeated })
    }

    fn span(&self, at: saphyr_parser::Span) -> Span {
        Span::new(self.file, self.offsets.byte(at.start)..self.offsets.byte(at.end))
    }

    fn unreadable(&self, info: &str, at: Marker) -> Box<Finding> {
        let byte = self.offsets.byte(at);
        // The parser reads ahead, so it may reach its own bound before ours is reached.
        if info.contains("recursion limit") {
            return too_deep(Span::new(self.file, byte..byte));
        }
        let finding = Finding::new(
            Code::E001,
            "the file is neither YAML nor JSON",
            Span::new(self.file, byte..byte),
            info.to_owned(),
        );
        Box::new(finding.help("mind indentation and quotes: the text before this place does not fit it"))
    }

    /// Whether the innermost open node is an object that expects a key.
    fn takes_key(&self) -> bool {
        self.open.last().is_some_and(|open| {
            open.key.is_none() && matches!(self.nodes[open.node.0 as usize].value, Value::Mapping(_))
        })
    }

    fn set_key(&mut self, text: String, span: Span) {
        if let Some(open) = self.open.last_mut() {
            let node = &mut self.nodes[open.node.0 as usize];
            if matches!(&node.value, Value::Mapping(mapping) if mapping.is_empty()) {
                node.span = span;
            }
            open.key = Some((text, span));
        }
    }

    fn start(&mut self, value: Value, anchor: usize, span: Span) -> Result<(), Box<Finding>> {
        if self.takes_key() {
            let finding = Finding::new(Code::E001, "a key is not a scalar", span, "this key");
            return Err(Box::new(finding.help("keys of an OpenAPI document are strings")));
        }
        if self.open.len() >= MAX_DEPTH {
            return Err(too_deep(span));
        }
        let node = self.push(value, span)?;
        self.open.push(Open { node, anchor, key: None, bases: Vec::new() });
        Ok(())
    }

    /// Gives an empty collection the span of its brackets, and a list the span of its first item.
    fn finish_span(&mut self, id: NodeId, end: Span) {
        let node = &mut self.nodes[id.0 as usize];
        match &node.value {
            Value::Mapping(mapping) if mapping.is_empty() => node.span.end = end.end.max(node.span.start),
            Value::Sequence(items) => match items.first().copied() {
                None => node.span.end = end.end.max(node.span.start),
                Some(first) => self.nodes[id.0 as usize].span = self.nodes[first.0 as usize].span,
            },
            _ => {}
        }
    }

    fn push(&mut self, value: Value, span: Span) -> Result<NodeId, Box<Finding>> {
        let id = NodeId(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX));
        self.check_size(span)?;
        self.nodes.push(Node { span, value });
        self.attach(id, span)?;
        Ok(id)
    }

    fn check_size(&self, span: Span) -> Result<(), Box<Finding>> {
        let message = if self.nodes.len() >= MAX_NODES {
            format!("the contract has more than {MAX_NODES} values")
        } else if self.copied > MAX_COPIED {
            format!("merge keys (`<<`) of the contract copy more than {MAX_COPIED} entries")
        } else {
            return Ok(());
        };
        let finding = Finding::new(Code::E002, message, span, "too many");
        Err(Box::new(finding.help("leave out the endpoints that nobody binds")))
    }

    /// Adds a node to the innermost open list or object.
    fn attach(&mut self, id: NodeId, span: Span) -> Result<(), Box<Finding>> {
        let Some(open) = self.open.last_mut() else { return Ok(()) };
        let key = open.key.take();
        let parent = open.node;
        match (&mut self.nodes[parent.0 as usize].value, key) {
            (Value::Sequence(items), _) => items.push(id),
            (Value::Mapping(_), Some((key, _))) if key == "<<" => open.bases.push(id),
            (Value::Mapping(mapping), Some((key, key_span))) => match mapping.entry(key) {
                map::Entry::Vacant(entry) => {
                    entry.insert(Entry { key: key_span, value: id });
                }
                map::Entry::Occupied(entry) if self.repeated.len() < MAX_FINDINGS => {
                    let message = format!("key `{}` stands twice in one object", entry.key());
                    let finding = Finding::new(Code::E005, message, key_span, "again here");
                    let finding = finding.and(entry.get().key, "first here");
                    let finding = finding.help("remove or rename one of them; the first one was read");
                    self.repeated.entry(parent).or_default().push((entry.key().clone(), finding));
                }
                map::Entry::Occupied(_) => {}
            },
            (Value::Mapping(_) | Value::Scalar { .. }, _) => {
                debug_assert!(false, "a value without a key at {span:?}");
            }
        }
        Ok(())
    }

    /// Merges `<<: *base`: adds those entries of the base whose keys the object does not have.
    fn merge_base(&mut self, parent: NodeId, base: NodeId, span: Span) -> Result<(), Box<Finding>> {
        let bases = match &self.nodes[base.0 as usize].value {
            Value::Sequence(items) => items.clone(),
            _ => vec![base],
        };
        for base in bases {
            let entries: Vec<(String, Entry)> = match &self.nodes[base.0 as usize].value {
                Value::Mapping(mapping) => mapping.iter().map(|(key, entry)| (key.clone(), *entry)).collect(),
                _ => Vec::new(),
            };
            self.copied += entries.len();
            self.check_size(span)?;
            if let Value::Mapping(mapping) = &mut self.nodes[parent.0 as usize].value {
                for (key, entry) in entries {
                    mapping.entry(key).or_insert(entry);
                }
            }
        }
        Ok(())
    }
}

fn too_deep(span: Span) -> Box<Finding> {
    let message = format!("lists and objects are nested more than {MAX_DEPTH} deep");
    Box::new(
        Finding::new(Code::E003, message, span, "too deep")
            .help("move inner schemas to `components` and refer to them"),
    )
}

/// The meaning of a plain scalar without a tag (YAML 1.2.2 §10.3.2).
fn meaning(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Meaning {
    let tagged_text = tag.is_some_and(|tag| tag.is_yaml_core_schema() && tag.suffix == "str");
    if style != ScalarStyle::Plain || tagged_text {
        return Meaning::Text;
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Meaning::Null,
        "true" | "True" | "TRUE" => return Meaning::Bool(true),
        "false" | "False" | "FALSE" => return Meaning::Bool(false),
        _ => {}
    }
    if let Ok(value) = text.parse::<i64>() {
        return Meaning::Integer(value);
    }
    // Rust also parses `inf` and `nan` as numbers, but here they are texts.
    let is_number = text.bytes().any(|b| b.is_ascii_digit())
        && text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+' | b'e' | b'E'));
    if is_number && text.parse::<f64>().is_ok() { Meaning::Float } else { Meaning::Text }
}
