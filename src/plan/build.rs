//! The captures of a plan while it grows: trees of objects, properties and slots, addressed by id.

use super::list_size::ListSize;
use super::model::{AbstractCapture, Capture, FrameId, ObjectCapture, SlotId, StepId};
use crate::compose::{Method, TypeId, TypeRef};
use crate::operation::Value;
use std::collections::{HashMap, HashSet};
use std::fmt::Write;

/// A list of captures of one JSON value, as an index into [`Builder::values`].
pub(super) type ValuesId = usize;
/// An object under capture, as an index into [`Builder::objects`].
pub(super) type ObjectId = usize;

/// How the type of an abstract value is told.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Discriminator {
    /// Properties that lead to a text.
    pub(super) path: Vec<String>,
    /// What is done to the text.
    pub(super) then: Vec<Method>,
    /// Which variant each text means.
    pub(super) cases: Vec<(String, u32)>,
    /// The variants' types.
    pub(super) types: Vec<TypeId>,
}

/// A capture that can still grow.
#[derive(Debug)]
pub(super) enum Growing {
    Leaf(SlotId),
    Object(ObjectId),
    List { slot: SlotId, frame: FrameId, item: ValuesId, size: ListSize },
    Index { index: u32, item: ValuesId },
    Abstract { tag: SlotId, of: Discriminator, variants: Vec<ObjectId> },
}

/// A field of a GraphQL source that stands behind a property.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SubField {
    pub(super) name: String,
    /// Name, value, and the type that the source declares.
    pub(super) arguments: Vec<(String, Value, String)>,
    pub(super) ty: TypeRef,
    pub(super) is_leaf: bool,
}

/// A property under capture.
#[derive(Debug)]
pub(super) struct GrowingProperty {
    pub(super) key: String,
    pub(super) field: Option<SubField>,
    pub(super) values: ValuesId,
}

/// An object under capture.
#[derive(Debug)]
pub(super) struct GrowingObject {
    pub(super) frame: FrameId,
    /// Slots that are set when the object is there, and the variant they are set to.
    pub(super) tags: Vec<(SlotId, u32)>,
    pub(super) properties: Vec<GrowingProperty>,
    /// The tag that inputs look at.
    presence: Option<SlotId>,
    /// For variants of abstract types in a GraphQL source's answer: the type's name.
    pub(super) condition: Option<String>,
    /// The variants of one abstract value: one response key must not mean two types in them (GraphQL §5.3.2
    /// `SameResponseShape`).
    siblings: Option<usize>,
    /// Index into `properties`, by what each stands for.
    known: HashMap<String, usize>,
    /// The response keys that are taken.
    keys: HashSet<String>,
    /// How many keys were made of a name, so that the next one is not searched for from the start.
    made: HashMap<String, u32>,
}

/// What a response key means in the variants of one abstract value.
#[derive(Debug, PartialEq)]
enum Meaning {
    /// Leaves of this type.
    Leaf(TypeRef),
    /// Objects: whether two of them could be merged is not looked into.
    Composite,
}

/// A frame under construction.
#[derive(Debug)]
pub(super) struct GrowingFrame {
    pub(super) width: u32,
    /// The frame whose rows hold the list, and how long the list is at most.
    pub(super) parent: Option<(FrameId, Option<u64>)>,
    pub(super) step: Option<StepId>,
}

/// Everything that grows.
#[derive(Debug, Default)]
pub(super) struct Builder {
    pub(super) frames: Vec<GrowingFrame>,
    pub(super) objects: Vec<GrowingObject>,
    pub(super) values: Vec<Vec<Growing>>,
    /// The response keys of abstract values, all variants together.
    siblings: Vec<HashMap<String, Meaning>>,
}

impl Builder {
    pub(super) fn new_frame(&mut self, step: Option<StepId>, parent: Option<(FrameId, Option<u64>)>) -> FrameId {
        self.frames.push(GrowingFrame { width: 0, parent, step });
        id(self.frames.len() - 1)
    }

    pub(super) fn new_slot(&mut self, frame: FrameId) -> SlotId {
        let frame = &mut self.frames[frame as usize];
        frame.width += 1;
        frame.width - 1
    }

    pub(super) fn new_values(&mut self) -> ValuesId {
        self.values.push(Vec::new());
        self.values.len() - 1
    }

    pub(super) fn new_object(&mut self, frame: FrameId) -> ObjectId {
        self.objects.push(GrowingObject {
            frame,
            tags: Vec::new(),
            properties: Vec::new(),
            presence: None,
            condition: None,
            siblings: None,
            known: HashMap::new(),
            keys: HashSet::new(),
            made: HashMap::new(),
        });
        self.objects.len() - 1
    }

    /// The tag that tells whether an object is there, made if there is none.
    pub(super) fn presence_of(&mut self, object: ObjectId) -> SlotId {
        let frame = self.objects[object].frame;
        self.objects[object].presence.unwrap_or_else(|| {
            let tag = self.new_slot(frame);
            self.objects[object].tags.push((tag, 0));
            self.objects[object].presence = Some(tag);
            tag
        })
    }

    /// The object among a value's captures, made if there is none.
    pub(super) fn object_in(&mut self, values: ValuesId, frame: FrameId) -> ObjectId {
        let found = self.values[values].iter().find_map(|value| match value {
            Growing::Object(object) => Some(*object),
            _ => None,
        });
        found.unwrap_or_else(|| {
            let object = self.new_object(frame);
            self.values[values].push(Growing::Object(object));
            object
        })
    }

    /// The slot of a value's text, made if there is none.
    pub(super) fn leaf_in(&mut self, values: ValuesId, frame: FrameId) -> SlotId {
        let found = self.values[values].iter().find_map(|value| match value {
            Growing::Leaf(slot) => Some(*slot),
            _ => None,
        });
        found.unwrap_or_else(|| {
            let slot = self.new_slot(frame);
            self.values[values].push(Growing::Leaf(slot));
            slot
        })
    }

    /// The captures of item `index`, made if there are none.
    pub(super) fn index_in(&mut self, values: ValuesId, index: u32) -> ValuesId {
        let found = self.values[values].iter().find_map(|value| match value {
            Growing::Index { index: at, item } if *at == index => Some(*item),
            _ => None,
        });
        found.unwrap_or_else(|| {
            let item = self.new_values();
            self.values[values].push(Growing::Index { index, item });
            item
        })
    }

    /// The list of this bound among a value's captures.
    pub(super) fn list_in(&self, values: ValuesId, wanted: ListSize) -> Option<(SlotId, FrameId, ValuesId)> {
        self.values[values].iter().find_map(|value| match value {
            Growing::List { slot, frame, item, size } if *size == wanted => Some((*slot, *frame, *item)),
            _ => None,
        })
    }

    /// The object of abstract type among a value's captures whose type is told so: its tag and its variants.
    pub(super) fn abstract_in(&self, values: ValuesId, of: &Discriminator) -> Option<(SlotId, Vec<ObjectId>)> {
        self.values[values].iter().find_map(|value| match value {
            Growing::Abstract { tag, of: known, variants } if known == of => Some((*tag, variants.clone())),
            _ => None,
        })
    }

    /// The captures of a property; for GraphQL sources one per distinct field and arguments, under an alias if need be.
    pub(super) fn property_in(&mut self, object: ObjectId, key: &str, field: Option<SubField>) -> ValuesId {
        let meant = meant(key, field.as_ref());
        let growing = &self.objects[object];
        if let Some(&known) = growing.known.get(&meant) {
            return growing.properties[known].values;
        }
        let key = self.free_key(object, key, field.as_ref());
        let values = self.new_values();
        let growing = &mut self.objects[object];
        if let Some((siblings, field)) = growing.siblings.zip(field.as_ref()) {
            let meaning = if field.is_leaf { Meaning::Leaf(field.ty.clone()) } else { Meaning::Composite };
            self.siblings[siblings].insert(key.clone(), meaning);
        }
        growing.known.insert(meant, growing.properties.len());
        growing.keys.insert(key.clone());
        growing.properties.push(GrowingProperty { key, field, values });
        values
    }

    /// Says that objects are the variants of one value.
    pub(super) fn make_siblings(&mut self, objects: &[ObjectId]) {
        self.siblings.push(HashMap::new());
        for &object in objects {
            self.objects[object].siblings = Some(self.siblings.len() - 1);
        }
    }

    /// A response key that a property can have: its name, else with a number.
    fn free_key(&mut self, object: ObjectId, key: &str, field: Option<&SubField>) -> String {
        let mut free = key.to_owned();
        while !self.is_free(object, &free, field) {
            let made = self.objects[object].made.entry(key.to_owned()).or_default();
            *made += 1;
            free = format!("{key}_{made}");
        }
        free
    }

    fn is_free(&self, object: ObjectId, key: &str, field: Option<&SubField>) -> bool {
        let object = &self.objects[object];
        if object.keys.contains(key) {
            return false;
        }
        let Some((siblings, field)) = object.siblings.zip(field) else { return true };
        match self.siblings[siblings].get(key) {
            None => true,
            Some(Meaning::Leaf(ty)) => *ty == field.ty,
            Some(Meaning::Composite) => false,
        }
    }

    /// Freezes the captures of one value.
    pub(super) fn finish(&self, values: ValuesId) -> Capture {
        let mut all: Vec<Capture> = self.values[values].iter().map(|value| self.finish_one(value)).collect();
        if all.len() == 1 { all.swap_remove(0) } else { Capture::Many(all) }
    }

    fn finish_one(&self, value: &Growing) -> Capture {
        match value {
            Growing::Leaf(slot) => Capture::Leaf(*slot),
            Growing::Object(object) => Capture::Object(Box::new(self.finish_object(*object))),
            Growing::List { slot, frame, item, size } => {
                Capture::List { slot: *slot, frame: *frame, item: Box::new(self.finish(*item)), bound: size.most }
            }
            Growing::Index { index, item } => Capture::Index { index: *index, item: Box::new(self.finish(*item)) },
            Growing::Abstract { tag, of, variants } => Capture::Abstract(Box::new(AbstractCapture {
                tag: *tag,
                discriminator: of.path.clone(),
                then: of.then.clone(),
                cases: of.cases.clone(),
                variants: variants.iter().map(|&object| self.finish_object(object)).collect(),
            })),
        }
    }

    fn finish_object(&self, object: ObjectId) -> ObjectCapture {
        let object = &self.objects[object];
        let properties = object.properties.iter();
        ObjectCapture {
            tags: object.tags.clone(),
            properties: properties.map(|p| (p.key.as_str().into(), self.finish(p.values))).collect(),
        }
    }

    /// Names of the properties that a value's captures need of it, if it is an object; else of its items.
    pub(super) fn property_names(&self, values: ValuesId, names: &mut Vec<String>) {
        for value in &self.values[values] {
            match value {
                Growing::Object(object) => self.object_property_names(*object, names),
                Growing::List { item, .. } | Growing::Index { item, .. } => {
                    self.property_names(*item, names);
                }
                Growing::Abstract { of, variants, .. } => {
                    names.extend(of.path.first().cloned());
                    for &variant in variants {
                        self.object_property_names(variant, names);
                    }
                }
                Growing::Leaf(_) => {}
            }
        }
    }

    fn object_property_names(&self, object: ObjectId, names: &mut Vec<String>) {
        names.extend(self.objects[object].properties.iter().map(|property| property.key.clone()));
    }
}

/// What a property stands for: a field with its arguments, or a property of that name.
fn meant(key: &str, field: Option<&SubField>) -> String {
    let Some(field) = field else { return key.to_owned() };
    let mut meant = field.name.clone();
    if !field.arguments.is_empty() {
        let _ = write!(meant, "{:?}", field.arguments);
    }
    meant
}

fn id(index: usize) -> u32 {
    u32::try_from(index).expect("a plan's size is bounded by its operation's")
}
