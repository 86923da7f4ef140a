//! The captures of a plan while they grow: trees of objects, properties and slots, which refer to each other by index.

use super::ids::{FrameId, SlotId, StepId};
use super::list_size::ListSize;
use super::model::{AbstractCapture, Capture, ObjectCapture, Tag};
use crate::compose::{Method, TypeId, TypeRef};
use crate::ids::ids;
use crate::operation::Value;
use std::collections::{HashMap, HashSet};
use std::fmt::Write;

ids! {
/// The captures of one JSON value, as an index into [`Builder::values`].
    pub(super) ValuesId
/// A captured object, as an index into [`Builder::objects`].
    pub(super) ObjectId
    /// The variants of one abstract value, as an index into [`Builder::siblings`].
    pub(super) SiblingsId
}

/// How the concrete type of an abstract value is determined.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Discriminator {
    /// The properties that lead to a text in the value.
    pub(super) path: Vec<String>,
    /// The methods that are applied to the text.
    pub(super) then: Vec<Method>,
    /// The variant that each text stands for.
    pub(super) cases: Vec<(String, u32)>,
    /// The types of the variants.
    pub(super) types: Vec<TypeId>,
}

/// A capture to which more can still be added.
#[derive(Debug)]
pub(super) enum Growing {
    Leaf(SlotId),
    Object(ObjectId),
    List(GrowingList),
    Index { index: u32, item: ValuesId },
    Abstract { tag: SlotId, of: Discriminator, variants: Vec<ObjectId> },
}

/// A list under capture.
#[derive(Debug, Clone, Copy)]
pub(super) struct GrowingList {
    /// Gets the rows.
    pub(super) slot: SlotId,
    /// Of the items.
    pub(super) frame: FrameId,
    /// The captures of an item.
    pub(super) item: ValuesId,
    pub(super) size: ListSize,
}

/// The field of a GraphQL source that a property stands for.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SubField {
    pub(super) name: String,
    /// For each argument, its name, its value, and its type as the source declares it.
    pub(super) arguments: Vec<(String, Value, String)>,
    pub(super) ty: TypeRef,
    pub(super) is_leaf: bool,
}

/// A property that is captured.
#[derive(Debug)]
pub(super) struct GrowingProperty {
    pub(super) key: String,
    pub(super) field: Option<SubField>,
    pub(super) values: ValuesId,
}

/// An object that is captured.
#[derive(Debug)]
pub(super) struct GrowingObject {
    pub(super) frame: FrameId,
    /// The slots that are set if the object is there, each with the variant that it is set to.
    pub(super) tags: Vec<Tag>,
    pub(super) properties: Vec<GrowingProperty>,
    /// The tag that inputs read to learn whether the object is there.
    presence: Option<SlotId>,
    /// The name of the type, for a variant of an abstract type in the answer of a GraphQL source.
    pub(super) condition: Option<String>,
    /// The index in [`Builder::siblings`] of the abstract value of which this object is a variant. In all variants of a
    /// value, a response key must have one type (GraphQL §5.3.2 `SameResponseShape`).
    siblings: Option<SiblingsId>,
    /// The index in `properties` of each field with its arguments, or of each name.
    known: HashMap<String, usize>,
    /// The response keys that are in use.
    keys: HashSet<String>,
    /// How many response keys were made from a name, so that the search for the next one does not start again at 1.
    made: HashMap<String, u32>,
}

/// The type of a response key in the variants of one abstract value.
#[derive(Debug, PartialEq)]
enum Meaning {
    /// A leaf of this type.
    Leaf(TypeRef),
    /// An object, or a list of objects. It is not checked whether two such fields could be merged.
    Composite,
}

/// A frame while it grows.
#[derive(Debug)]
pub(super) struct GrowingFrame {
    pub(super) width: u32,
    /// The list that its rows are the items of; `None`: they are no items.
    pub(super) list: Option<ParentList>,
    pub(super) step: Option<StepId>,
}

/// The list that a frame's rows are the items of.
#[derive(Debug, Clone, Copy)]
pub(super) struct ParentList {
    /// Whose rows hold the list.
    pub(super) frame: FrameId,
    /// How long the list is at most; `None`: nobody says.
    pub(super) size: Option<u64>,
}

/// Everything that grows while an operation is planned.
#[derive(Debug, Default)]
pub(super) struct Builder {
    pub(super) frames: Vec<GrowingFrame>,
    pub(super) objects: Vec<GrowingObject>,
    pub(super) values: Vec<Vec<Growing>>,
    /// For each abstract value, the types of the response keys in all of its variants.
    siblings: Vec<HashMap<String, Meaning>>,
}

impl Builder {
    pub(super) fn new_frame(&mut self, step: Option<StepId>, list: Option<ParentList>) -> FrameId {
        self.frames.push(GrowingFrame { width: 0, list, step });
        FrameId::at(self.frames.len() - 1)
    }

    pub(super) fn new_slot(&mut self, frame: FrameId) -> SlotId {
        let frame = &mut self.frames[frame.index()];
        frame.width += 1;
        SlotId(frame.width - 1)
    }

    pub(super) fn new_values(&mut self) -> ValuesId {
        self.values.push(Vec::new());
        ValuesId::at(self.values.len() - 1)
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
        ObjectId::at(self.objects.len() - 1)
    }

    /// Gives the tag that says whether an object is there, and makes it if there is none.
    pub(super) fn presence_of(&mut self, object: ObjectId) -> SlotId {
        let frame = self.objects[object.index()].frame;
        self.objects[object.index()].presence.unwrap_or_else(|| {
            let tag = self.new_slot(frame);
            self.objects[object.index()].tags.push(Tag { slot: tag, variant: 0 });
            self.objects[object.index()].presence = Some(tag);
            tag
        })
    }

    /// Gives the object among the captures of a value, and makes it if there is none.
    pub(super) fn object_in(&mut self, values: ValuesId, frame: FrameId) -> ObjectId {
        let found = self.values[values.index()].iter().find_map(|value| match value {
            Growing::Object(object) => Some(*object),
            _ => None,
        });
        found.unwrap_or_else(|| {
            let object = self.new_object(frame);
            self.values[values.index()].push(Growing::Object(object));
            object
        })
    }

    /// Gives the slot for the text of a value, and makes it if there is none.
    pub(super) fn leaf_in(&mut self, values: ValuesId, frame: FrameId) -> SlotId {
        let found = self.values[values.index()].iter().find_map(|value| match value {
            Growing::Leaf(slot) => Some(*slot),
            _ => None,
        });
        found.unwrap_or_else(|| {
            let slot = self.new_slot(frame);
            self.values[values.index()].push(Growing::Leaf(slot));
            slot
        })
    }

    /// Gives the captures of the item `index`, and makes them if there are none.
    pub(super) fn index_in(&mut self, values: ValuesId, index: u32) -> ValuesId {
        let found = self.values[values.index()].iter().find_map(|value| match value {
            Growing::Index { index: at, item } if *at == index => Some(*item),
            _ => None,
        });
        found.unwrap_or_else(|| {
            let item = self.new_values();
            self.values[values.index()].push(Growing::Index { index, item });
            item
        })
    }

    /// Gives the list with this size among the captures of a value.
    pub(super) fn list_in(&self, values: ValuesId, wanted: ListSize) -> Option<GrowingList> {
        self.values[values.index()].iter().find_map(|value| match value {
            Growing::List(list) if list.size == wanted => Some(*list),
            _ => None,
        })
    }

    /// Gives the tag and the variants of the object among the captures of a value whose type is determined by `of`.
    pub(super) fn abstract_in(&self, values: ValuesId, of: &Discriminator) -> Option<(SlotId, Vec<ObjectId>)> {
        self.values[values.index()].iter().find_map(|value| match value {
            Growing::Abstract { tag, of: known, variants } if known == of => Some((*tag, variants.clone())),
            _ => None,
        })
    }

    /// Gives the captures of a property. For a GraphQL source, each field with its arguments has its own, under an
    /// alias if necessary.
    pub(super) fn property_in(&mut self, object: ObjectId, key: &str, field: Option<SubField>) -> ValuesId {
        let meant = meant(key, field.as_ref());
        let growing = &self.objects[object.index()];
        if let Some(&known) = growing.known.get(&meant) {
            return growing.properties[known].values;
        }
        let key = self.free_key(object, key, field.as_ref());
        let values = self.new_values();
        let growing = &mut self.objects[object.index()];
        if let Some((siblings, field)) = growing.siblings.zip(field.as_ref()) {
            let meaning = if field.is_leaf { Meaning::Leaf(field.ty.clone()) } else { Meaning::Composite };
            self.siblings[siblings.index()].insert(key.clone(), meaning);
        }
        growing.known.insert(meant, growing.properties.len());
        growing.keys.insert(key.clone());
        growing.properties.push(GrowingProperty { key, field, values });
        values
    }

    /// Marks objects as the variants of one abstract value.
    pub(super) fn make_siblings(&mut self, objects: &[ObjectId]) {
        let siblings = SiblingsId::at(self.siblings.len());
        self.siblings.push(HashMap::new());
        for object in objects {
            self.objects[object.index()].siblings = Some(siblings);
        }
    }

    /// Gives a free response key for a property: its name, or its name with a number.
    fn free_key(&mut self, object: ObjectId, key: &str, field: Option<&SubField>) -> String {
        let mut free = key.to_owned();
        while !self.is_free(object, &free, field) {
            let made = self.objects[object.index()].made.entry(key.to_owned()).or_default();
            *made += 1;
            free = format!("{key}_{made}");
        }
        free
    }

    fn is_free(&self, object: ObjectId, key: &str, field: Option<&SubField>) -> bool {
        let object = &self.objects[object.index()];
        if object.keys.contains(key) {
            return false;
        }
        let Some((siblings, field)) = object.siblings.zip(field) else { return true };
        match self.siblings[siblings.index()].get(key) {
            None => true,
            Some(Meaning::Leaf(ty)) => *ty == field.ty,
            Some(Meaning::Composite) => false,
        }
    }

    /// Turns the captures of one value into their final form.
    pub(super) fn finish(&self, values: ValuesId) -> Capture {
        let mut all: Vec<Capture> = self.values[values.index()].iter().map(|value| self.finish_one(value)).collect();
        if all.len() == 1 { all.swap_remove(0) } else { Capture::Many(all) }
    }

    fn finish_one(&self, value: &Growing) -> Capture {
        match value {
            Growing::Leaf(slot) => Capture::Leaf(*slot),
            Growing::Object(object) => Capture::Object(Box::new(self.finish_object(*object))),
            Growing::List(GrowingList { slot, frame, item, size }) => {
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
        let object = &self.objects[object.index()];
        let properties = object.properties.iter();
        ObjectCapture {
            tags: object.tags.clone(),
            properties: properties.map(|p| (p.key.as_str().into(), self.finish(p.values))).collect(),
        }
    }

    /// Adds the names of the properties that the captures of a value need, from the value itself or from its items.
    pub(super) fn property_names(&self, values: ValuesId, names: &mut Vec<String>) {
        for value in &self.values[values.index()] {
            match value {
                Growing::Object(object) => self.object_property_names(*object, names),
                Growing::List(GrowingList { item, .. }) | Growing::Index { item, .. } => {
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
        names.extend(self.objects[object.index()].properties.iter().map(|property| property.key.clone()));
    }
}

/// Gives the text that identifies what a property stands for: a field with its arguments, or a property of that name.
fn meant(key: &str, field: Option<&SubField>) -> String {
    let Some(field) = field else { return key.to_owned() };
    let mut meant = field.name.clone();
    if !field.arguments.is_empty() {
        let _ = write!(meant, "{:?}", field.arguments);
    }
    meant
}
