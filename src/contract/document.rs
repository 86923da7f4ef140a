//! A YAML or JSON document as a tree with spans.
//!
//! In: nodes, which [`super::load`] adds. Out: look-ups by key and by JSON pointer.
//!
//! Always true:
//! - an alias has the same [`NodeId`] as its anchor, so that it needs no memory, and no node contains itself;
//! - the span of a collection covers only its first key or item, because whole blocks make poor labels.

use crate::diagnostic::{Finding, Span};
use crate::json::Number;
use indexmap::IndexMap;
use percent_encoding::percent_decode_str;
use rustc_hash::FxHashMap;

/// The longest chain of `$ref`s.
pub(super) const MAX_REF_CHAIN: usize = 64;

/// The id of a node in a [`Document`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct NodeId(pub(super) u32);

/// An entry of a mapping: where its key is, and its value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) key: Span,
    pub(super) value: NodeId,
}

/// A mapping by the text of its keys, so that `200` and `"200"` are the same key.
pub(super) type Mapping = IndexMap<String, Entry>;

/// What the text of a scalar means in the core schema of YAML 1.2.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Meaning {
    Null,
    Bool(bool),
    Integer(i64),
    /// A number that is not a 64-bit integer.
    Float,
    Text,
}

#[derive(Debug)]
pub(super) enum Value {
    Scalar { text: String, meaning: Meaning },
    Sequence(Vec<NodeId>),
    Mapping(Mapping),
}

#[derive(Debug)]
pub(super) struct Node {
    pub(super) span: Span,
    pub(super) value: Value,
}

/// A tree of nodes. The root is the first node.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) nodes: Vec<Node>,
    /// The keys that mappings have twice, each with the finding to report when somebody reads the key.
    pub(super) repeated: FxHashMap<NodeId, Vec<(String, Finding)>>,
}

impl Document {
    pub(super) const ROOT: NodeId = NodeId(0);

    pub(super) fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0 as usize]
    }

    pub(super) fn span(&self, id: NodeId) -> Span {
        self.node(id).span
    }

    pub(super) fn mapping(&self, id: NodeId) -> Option<&Mapping> {
        match &self.node(id).value {
            Value::Mapping(mapping) => Some(mapping),
            _ => None,
        }
    }

    pub(super) fn sequence(&self, id: NodeId) -> Option<&[NodeId]> {
        match &self.node(id).value {
            Value::Sequence(items) => Some(items),
            _ => None,
        }
    }

    /// The text of a scalar, unless it is null.
    pub(super) fn text(&self, id: NodeId) -> Option<&str> {
        match &self.node(id).value {
            Value::Scalar { meaning: Meaning::Null, .. } => None,
            Value::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    pub(super) fn meaning(&self, id: NodeId) -> Option<Meaning> {
        match &self.node(id).value {
            Value::Scalar { meaning, .. } => Some(*meaning),
            _ => None,
        }
    }

    /// The number of a scalar, with the digits of the document.
    pub(super) fn number(&self, id: NodeId) -> Option<Number> {
        match &self.node(id).value {
            Value::Scalar { text, meaning: Meaning::Integer(_) | Meaning::Float } => number(text),
            _ => None,
        }
    }

    /// Follows the `$ref`s of a node within the document; `None` if a target is missing or the references form a cycle.
    pub(super) fn resolved(&self, mut node: NodeId) -> Option<NodeId> {
        for _ in 0..MAX_REF_CHAIN {
            let Some(reference) = self.get(node, "$ref") else { return Some(node) };
            node = self.pointer(self.text(reference)?.strip_prefix('#')?)?;
        }
        None
    }

    /// The value of a key; `None` if the node is not a mapping or lacks the key.
    pub(super) fn get(&self, id: NodeId, key: &str) -> Option<NodeId> {
        self.mapping(id)?.get(key).map(|entry| entry.value)
    }

    /// Follows a JSON pointer in the form of a URI fragment, such as `/components/schemas/a~1b`.
    ///
    /// # Source
    /// RFC 6901 §3, §6.
    pub(super) fn pointer(&self, pointer: &str) -> Option<NodeId> {
        let mut at = Self::ROOT;
        if pointer.is_empty() {
            return Some(at);
        }
        for token in pointer.strip_prefix('/')?.split('/') {
            let decoded = percent_decode_str(token).decode_utf8().ok()?;
            let key = decoded.replace("~1", "/").replace("~0", "~");
            at = match &self.node(at).value {
                Value::Mapping(mapping) => mapping.get(&key)?.value,
                Value::Sequence(items) => *items.get(key.parse::<usize>().ok()?)?,
                Value::Scalar { .. } => return None,
            };
        }
        Some(at)
    }

    /// A noun for the kind of a node, for messages.
    pub(super) fn kind(&self, id: NodeId) -> &'static str {
        match &self.node(id).value {
            Value::Sequence(_) => "a list",
            Value::Mapping(_) => "an object",
            Value::Scalar { meaning, .. } => match meaning {
                Meaning::Null => "null",
                Meaning::Bool(_) => "a boolean",
                Meaning::Integer(_) | Meaning::Float => "a number",
                Meaning::Text => "a string",
            },
        }
    }
}

/// Reads a number of YAML as a number of JSON. It drops a plus sign and leading zeros, and adds a zero where a side of
/// the point has no digit.
fn number(text: &str) -> Option<Number> {
    let (sign, text) = match text.strip_prefix('-') {
        Some(text) => ("-", text),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let (mantissa, exponent) = text.split_at(text.find(['e', 'E']).unwrap_or(text.len()));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let whole = match whole.trim_start_matches('0') {
        "" => "0",
        digits => digits,
    };
    let point = if fraction.is_empty() { "" } else { "." };
    Number::parse(&format!("{sign}{whole}{point}{fraction}{exponent}"))
}
