//! A YAML file as scalars and their places, before it has a type.

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

/// A node and where it is.
#[derive(Debug)]
pub(super) enum Tree {
    /// A string; other scalars hold no variables and are left as they are.
    Text(String),
    Other,
    List(Vec<Spanned<Tree>>),
    Map(Vec<(String, Spanned<Tree>)>),
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any YAML")
    }

    fn visit_str<E>(self, text: &str) -> Result<Tree, E> {
        Ok(Tree::Text(text.to_owned()))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Tree, E> {
        Ok(Tree::Other)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Tree, E> {
        Ok(Tree::Other)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Tree, E> {
        Ok(Tree::Other)
    }

    fn visit_i128<E>(self, _: i128) -> Result<Tree, E> {
        Ok(Tree::Other)
    }

    fn visit_u128<E>(self, _: u128) -> Result<Tree, E> {
        Ok(Tree::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Tree, E> {
        Ok(Tree::Other)
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Other)
    }

    fn visit_none<E>(self) -> Result<Tree, E> {
        Ok(Tree::Other)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Tree, D::Error> {
        Tree::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Tree, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(Tree::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tree, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Tree::Map(entries))
    }
}

/// The bytes of a node in the text, if they are known.
pub(super) fn range(location: serde_saphyr::Location) -> Option<Range<usize>> {
    let span = location.span();
    let start = usize::try_from(span.byte_offset()?).ok()?;
    let length = usize::try_from(span.byte_len()?).ok()?;
    Some(start..start.checked_add(length)?)
}

/// Every node's place, by its dotted path, such as `services.catalog.url` or `server.cors.0`.
#[derive(Debug, Default)]
pub(super) struct Places(BTreeMap<String, Range<usize>>);

impl Places {
    pub(super) fn of(tree: &Spanned<Tree>) -> Self {
        let mut places = Self::default();
        places.walk(String::new(), tree);
        places
    }

    /// The place of a path, else of the nearest one above it that was written.
    pub(super) fn at(&self, path: &str) -> Range<usize> {
        let mut path = path;
        loop {
            if let Some(range) = self.0.get(path) {
                return range.clone();
            }
            match path.rfind('.') {
                Some(dot) => path = &path[..dot],
                None => return self.0.get("").cloned().unwrap_or(0..0),
            }
        }
    }

    fn walk(&mut self, path: String, node: &Spanned<Tree>) {
        let below = |name: &dyn fmt::Display| if path.is_empty() { name.to_string() } else { format!("{path}.{name}") };
        match &node.value {
            Tree::Text(_) | Tree::Other => {}
            Tree::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.walk(below(&index), item);
                }
            }
            Tree::Map(entries) => {
                for (name, value) in entries {
                    self.walk(below(name), value);
                }
            }
        }
        if let Some(range) = range(node.referenced) {
            self.0.insert(path, range);
        }
    }
}
