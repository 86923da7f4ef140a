//! The base of all readers: findings, `$ref`s, and typed look-ups that report errors.
//!
//! In: a [`Document`]. Out: nodes, texts and flags, or findings with their spans.
//! Elsewhere: operations ([`super::operations`]), schemas ([`super::schemas`]).
//!
//! Always true: the same error is reported once, however often its place is read.

use super::document::{Document, MAX_REF_CHAIN, Mapping, Meaning, NodeId};
use crate::diagnostic::{Code, Finding, Span};
use crate::json::Number;
use crate::suggest::closest;
use rustc_hash::FxHashSet;

/// The most findings of one contract.
pub(super) const MAX_FINDINGS: usize = 1_000;

/// The findings in a document so far.
#[derive(Debug, Default)]
pub(super) struct Findings {
    list: Vec<Finding>,
    seen: FxHashSet<(Code, Option<Span>)>,
}

impl Findings {
    /// Gives all findings in the order of their places.
    pub(super) fn sorted(&self) -> Vec<Finding> {
        let mut list = self.list.clone();
        list.sort_by_key(|finding| (finding.span(), finding.code));
        list
    }
}

/// A document, and the findings in it.
pub(super) struct Reader<'a> {
    pub(super) document: &'a Document,
    /// Whether it is OpenAPI 3.0, in which keywords beside a `$ref` are ignored.
    pub(super) is_3_0: bool,
    pub(super) findings: Findings,
}

impl<'a> Reader<'a> {
    pub(super) fn new(document: &'a Document, is_3_0: bool, findings: Findings) -> Self {
        Self { document, is_3_0, findings }
    }

    /// Adds a finding, unless it is known already or there are too many.
    pub(super) fn report(&mut self, finding: Finding) {
        let Findings { list, seen } = &mut self.findings;
        if list.len() < MAX_FINDINGS && seen.insert((finding.code, finding.span())) {
            list.push(finding);
        }
    }

    /// Adds a finding, unless the contract already has one with the same code.
    pub(super) fn report_once(&mut self, finding: Finding) {
        if self.findings.seen.insert((finding.code, None)) {
            self.report(finding);
        }
    }

    /// Follows the `$ref` of a node, and those of its targets. Gives the node itself if it has none.
    pub(super) fn resolve(&mut self, node: NodeId) -> Option<NodeId> {
        self.resolve_until(node, |_| false)
    }

    /// Does the same as [`Self::resolve`], but stops at a node for which `stop` is true.
    pub(super) fn resolve_until(&mut self, node: NodeId, stop: impl Fn(&Mapping) -> bool) -> Option<NodeId> {
        let document = self.document;
        let mut at = node;
        for _ in 0..MAX_REF_CHAIN {
            let Some(mapping) = document.mapping(at) else { return Some(at) };
            let Some(reference) = mapping.get("$ref").map(|entry| entry.value) else { return Some(at) };
            if stop(mapping) {
                return Some(at);
            }
            let span = document.span(reference);
            let Some(text) = document.text(reference) else {
                self.wrong_kind(reference, "`$ref`", "a string");
                return None;
            };
            at = self.target(text, span)?;
        }
        let span = document.get(node, "$ref").map_or(document.span(node), |reference| document.span(reference));
        let message = format!("`$ref`s lead around in a circle, or through more than {MAX_REF_CHAIN} references");
        let finding = Finding::new(Code::E012, message, span, "this reference ends nowhere");
        self.report(finding.help("let one of them hold the definition itself"));
        None
    }

    /// Gives the target of a node's own `$ref`.
    pub(super) fn follow(&mut self, node: NodeId) -> Option<NodeId> {
        let document = self.document;
        let reference = document.get(node, "$ref")?;
        self.target(document.text(reference)?, document.span(reference))
    }

    /// Gives the target of a reference by its text.
    pub(super) fn target(&mut self, text: &str, span: Span) -> Option<NodeId> {
        let Some(pointer) = text.strip_prefix('#') else {
            let finding =
                Finding::new(Code::E011, format!("`{text}` is not in this file"), span, "refers to another document");
            self.report(finding.help("bundle the contract into one file; references are local (`#/components/…`)"));
            return None;
        };
        let found = self.document.pointer(pointer);
        if let (false, Some((parent, name))) = (self.document.repeated.is_empty(), pointer.rsplit_once('/'))
            && let Some(parent) = self.document.pointer(parent)
        {
            self.report_repeated(parent, |key| key == name);
        }
        if found.is_none() {
            let finding = Finding::new(Code::E010, format!("nothing is at `{text}`"), span, "this reference");
            let help = match self.similar_component(pointer) {
                Some(name) => format!("did you mean `{name}`?"),
                None => "references are JSON pointers, such as `#/components/schemas/User`".to_owned(),
            };
            self.report(finding.help(help));
        }
        found
    }

    /// Finds a component beside the missing one whose name differs in case or in few letters.
    fn similar_component(&self, pointer: &str) -> Option<String> {
        let (parent, name) = pointer.rsplit_once('/')?;
        let siblings = self.document.mapping(self.document.pointer(parent)?)?;
        let found = closest(name, siblings.keys().map(String::as_str))?;
        Some(format!("#{parent}/{found}"))
    }

    pub(super) fn wrong_kind(&mut self, node: NodeId, what: &str, wanted: &str) {
        let got = self.document.kind(node);
        let message = format!("{what} is {got}, not {wanted}");
        let finding = Finding::new(Code::E008, message, self.document.span(node), format!("should be {wanted}"));
        self.report(finding.help(match wanted {
            "an object" => "write `key: value` lines, or `{…}`",
            "a list" => "write `- item` lines, or `[…]`",
            "a string" => "write text, in quotes if it looks like a number or a boolean",
            "a boolean" => "write `true` or `false`, without quotes",
            _ => "write a number, without quotes",
        }));
    }

    pub(super) fn missing(&mut self, span: Span, what: &str, key: &str) {
        let finding =
            Finding::new(Code::E009, format!("{what} has no `{key}`"), span, format!("`{key}` is missing here"));
        self.report(finding.help(format!("add `{key}`")));
    }

    /// Gives the node as an object, or reports that it is not one.
    pub(super) fn mapping(&mut self, node: NodeId, what: &str) -> Option<&'a Mapping> {
        let document = self.document;
        let found = document.mapping(node);
        if found.is_none() {
            self.wrong_kind(node, what, "an object");
        }
        self.report_repeated(node, |_| true);
        found
    }

    /// Reports those keys that a mapping has twice and for which `is_wanted` is true.
    pub(super) fn report_repeated(&mut self, node: NodeId, is_wanted: impl Fn(&str) -> bool) {
        let document = self.document;
        for (key, finding) in document.repeated.get(&node).into_iter().flatten() {
            if is_wanted(key) {
                self.report(finding.clone());
            }
        }
    }

    /// Gives the object at a key; `None` if there is no such key.
    pub(super) fn mapping_at(&mut self, parent: &'a Mapping, key: &str) -> Option<&'a Mapping> {
        let node = parent.get(key)?.value;
        self.mapping(node, &format!("`{key}`"))
    }

    /// Gives the list at a key; empty if there is no such key.
    pub(super) fn list_at(&mut self, parent: &'a Mapping, key: &str) -> &'a [NodeId] {
        let document = self.document;
        let Some(entry) = parent.get(key) else { return &[] };
        document.sequence(entry.value).unwrap_or_else(|| {
            self.wrong_kind(entry.value, &format!("`{key}`"), "a list");
            &[]
        })
    }

    /// Gives the scalar at a key as text; `None` if there is no such key.
    pub(super) fn text_at(&mut self, parent: &'a Mapping, key: &str) -> Option<&'a str> {
        let document = self.document;
        let entry = parent.get(key)?;
        let text = document.text(entry.value);
        if text.is_none() {
            self.wrong_kind(entry.value, &format!("`{key}`"), "a string");
        }
        text
    }

    /// Gives the boolean at a key; `None` if there is no such key.
    pub(super) fn flag_at(&mut self, parent: &'a Mapping, key: &str) -> Option<bool> {
        let entry = parent.get(key)?;
        if let Some(Meaning::Bool(value)) = self.document.meaning(entry.value) {
            return Some(value);
        }
        self.wrong_kind(entry.value, &format!("`{key}`"), "a boolean");
        None
    }

    /// Gives the whole number at a key, from 0; `None` if there is no such key.
    pub(super) fn count_at(&mut self, parent: &'a Mapping, key: &str) -> Option<u64> {
        let entry = parent.get(key)?;
        let number = self.document.number(entry.value).filter(Number::is_integer);
        let count = number.and_then(|number| u64::try_from(number.floor()).ok());
        if count.is_none() {
            self.wrong_kind(entry.value, &format!("`{key}`"), "a whole number from 0");
        }
        count
    }
}
