//! The documents that are kept: each text with its operation, and each operation's shape with its plans.
//!
//! In: a document's text and an operation's name. Out: the shape, which all documents share that differ only in literal
//! values, and what this document has of its own; or the errors by which it was refused.
//! Elsewhere: preparing and lifting ([`crate::operation`]); planning ([`super::core`]).
//!
//! Always true:
//! - an entry's weight is the memory that it holds (text, literals, places, operation, and all plans made since), and
//!   all entries together have one bound;
//! - only the cache holds a shape for longer than a request, so evicting it frees its memory;
//! - each text is validated by itself; a text that was refused is kept too.

use super::shape::Shape;
use crate::operation::{Lifted, Particulars, Prepared, RequestError};
use std::borrow::Cow;
use std::sync::{Arc, Weak};

/// What an entry costs beside the memory that it holds, in bytes: its place in the table and queues of the cache, and
/// its counters.
const ENTRY: usize = 280;

/// The weight, in bytes, from which an insertion makes the cache enforce its bound at once.
const HEAVY: usize = 16 << 10;

/// After how many uses of a shape by its documents the cache is told that the shape is in use.
const TOUCH_EVERY: u32 = 32;

/// The documents of one engine.
#[derive(Debug)]
pub(super) struct Documents {
    /// The key of a document is its text, followed by a NUL and the operation's name if one was sent. The key of a
    /// shape begins with a NUL, which no document does.
    kept: moka::sync::Cache<String, Entry, ahash::RandomState>,
}

/// An entry of the cache.
#[derive(Debug, Clone)]
enum Entry {
    Document(Arc<Document>),
    Shape(Arc<Shape>),
}

/// What is kept of a document's text and operation name.
#[derive(Debug)]
enum Document {
    Refused(Arc<[RequestError]>),
    Valid {
        /// Weak, so that only the cache keeps the shape alive.
        shape: Weak<Shape>,
        own: Arc<Particulars>,
    },
}

/// A document that can be executed.
#[derive(Debug, Clone)]
pub(super) struct DocumentMatch {
    pub(super) shape: Arc<Shape>,
    pub(super) own: Arc<Particulars>,
}

/// A document with its shape, or the errors by which it was refused.
pub(super) type Lookup = Result<DocumentMatch, Arc<[RequestError]>>;

impl Documents {
    /// Makes an empty cache, whose entries together weigh at most `max_bytes`.
    pub(super) fn new(max_bytes: u64) -> Self {
        let kept = moka::sync::Cache::builder()
            .max_capacity(max_bytes)
            .weigher(|key: &String, entry: &Entry| {
                u32::try_from(ENTRY + key.capacity() + entry.weight()).unwrap_or(u32::MAX)
            })
            .eviction_listener(|_, entry, cause| {
                // The cache frees its entries some time later; what is large need not wait for that.
                if let (Entry::Shape(shape), true) = (&entry, cause.was_evicted()) {
                    shape.forget_plans();
                }
            })
            .build_with_hasher(ahash::RandomState::new());
        Self { kept }
    }

    /// Finds the document of a text and an operation's name, if it is kept.
    pub(super) fn kept(&self, text: &str, name: Option<&str>) -> Option<Lookup> {
        self.kept_at(&key(text, name))
    }

    fn kept_at(&self, key: &str) -> Option<Lookup> {
        self.kept.get(key).and_then(|entry| self.found(&entry))
    }

    /// Finds the document of a text and an operation's name, and prepares it if it is not kept.
    ///
    /// When several threads ask for the same document at once, one of them prepares it.
    pub(super) fn find(
        &self,
        text: &str,
        name: Option<&str>,
        prepare: impl Fn() -> Result<Prepared, Vec<RequestError>>,
    ) -> Lookup {
        let key = &*key(text, name);
        if let Some(found) = self.kept_at(key) {
            return found;
        }
        // What is found dead here has lost its shape.
        self.kept.invalidate(key);
        let mut made = None;
        let entry = self.kept.get_with_by_ref(key, || {
            let lookup = self.prepare(&prepare);
            let document = Document::of(&lookup);
            made = Some(lookup);
            Entry::Document(Arc::new(document))
        });
        match made {
            Some(lookup) => lookup,
            None => self.found(&entry).unwrap_or_else(|| self.prepare(&prepare)),
        }
    }

    /// Reads the entry of a document; `None` if its shape is gone.
    fn found(&self, entry: &Entry) -> Option<Lookup> {
        // A text that begins with a NUL is no document.
        let Entry::Document(document) = entry else { return None };
        match &**document {
            Document::Refused(errors) => Some(Err(Arc::clone(errors))),
            Document::Valid { shape, own } => {
                let shape = shape.upgrade()?;
                if shape.is_due(TOUCH_EVERY) {
                    self.kept.get(shape.key());
                }
                Some(Ok(DocumentMatch { shape, own: Arc::clone(own) }))
            }
        }
    }

    fn prepare(&self, prepare: &dyn Fn() -> Result<Prepared, Vec<RequestError>>) -> Lookup {
        let Lifted { key, shape, own } = prepare()?.lift();
        let key = format!("\0{key}");
        let entry = self.kept.get_with_by_ref(&key, || Entry::Shape(Arc::new(Shape::new(key.clone(), shape))));
        match entry {
            Entry::Shape(shape) => Ok(DocumentMatch { shape, own }),
            // Only shapes have such keys.
            Entry::Document(_) => Err(Arc::default()),
        }
    }

    /// Weighs a shape again, after a plan was added to it.
    pub(super) fn weigh(&self, shape: &Arc<Shape>) {
        self.kept.insert(shape.key().to_owned(), Entry::Shape(Arc::clone(shape)));
        if shape.weight() >= HEAVY {
            self.kept.run_pending_tasks();
        }
    }

    /// The weight of all entries together, in bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.kept.run_pending_tasks();
        self.kept.weighted_size()
    }
}

/// The key of a document's text and an operation's name.
fn key<'t>(text: &'t str, name: Option<&str>) -> Cow<'t, str> {
    match name {
        None => Cow::Borrowed(text),
        Some(name) => Cow::Owned(format!("{text}\0{name}")),
    }
}

impl DocumentMatch {
    /// A document of which nothing is kept.
    pub(super) fn alone(prepared: Prepared) -> Self {
        let Lifted { key, shape, own } = prepared.lift();
        Self { shape: Arc::new(Shape::new(key, shape)), own }
    }
}

impl Document {
    fn of(lookup: &Lookup) -> Self {
        match lookup {
            Ok(DocumentMatch { shape, own }) => Self::Valid { shape: Arc::downgrade(shape), own: Arc::clone(own) },
            Err(errors) => Self::Refused(Arc::clone(errors)),
        }
    }
}

impl Entry {
    fn weight(&self) -> usize {
        match self {
            Self::Shape(shape) => shape.weight(),
            Self::Document(document) => match &**document {
                Document::Refused(errors) => errors.iter().map(RequestError::weight).sum(),
                Document::Valid { own, .. } => own.weight(),
            },
        }
    }
}
