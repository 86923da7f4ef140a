//! Reads: a path into an answer becomes captures, and the place where the captured value is found.

use super::build::{Discriminator, Growing, GrowingList, ObjectId, ParentList, SubField, ValuesId};
use super::error::PlanError;
use super::ids::{FrameId, SlotId, StepId};
use super::list_size::ListSize;
use super::model::{FoundValue, LeafRead, LeafSource, Tag, TypedLeaf, When};
use super::planner::{FrameSlot, Place, Planner, leaf};
use super::search::Held;
use crate::compose::{From, JsonPath, Method, Read, Segment, ShapeId, TypeChoice, TypeId, TypeRef};
use crate::operation::{Leaf, NodeId, OutType};

/// The place to which the captures of a value are added.
#[derive(Debug, Clone, Copy)]
pub(super) enum At {
    Object(ObjectId),
    Values(ValuesId),
}

/// What is wanted at the end of a read.
#[derive(Clone)]
pub(super) struct Want<'a> {
    pub(super) ty: &'a TypeRef,
    pub(super) shape: Option<ShapeId>,
    pub(super) size: ListSize,
    pub(super) node: NodeId,
    pub(super) sub: Option<SubField>,
    pub(super) step: StepId,
}

impl Want<'_> {
    /// Gives what was found. If it is a list that is kept as one text, its size is added.
    pub(super) fn sized(&self, found: FoundValue) -> FoundValue {
        let ListSize { counted: size, most } = self.size;
        match found {
            FoundValue::Leaf(read) if self.ty.is_list() => FoundValue::Leaves { read, size, most },
            found => found,
        }
    }
}

impl<'a> Planner<'a> {
    pub(super) fn read(
        &mut self,
        at: At,
        frame: FrameId,
        read: &Read,
        want: &Want<'a>,
    ) -> Result<FoundValue, PlanError> {
        if want.shape.is_none() {
            let found = self.read_leaf(at, frame, read, want)?;
            self.note_leaf(want.step, frame, &found, want.ty);
            return Ok(found);
        }
        let From::Json(path) = &read.from else {
            return Err(self.unsupported("an object must be read from the answer"));
        };
        let mut path = path.0.clone();
        match read.then.as_slice() {
            [] => {}
            [Method::First] => path.push(Segment::Index(0)),
            _ => return Err(self.unsupported("only ->first can be used on objects")),
        }
        self.follow(at, frame, &path, want)
    }

    /// Adds a leaf with its type to the step that captures it.
    fn note_leaf(&mut self, step: StepId, frame: FrameId, found: &FoundValue, ty: &TypeRef) {
        match (found, ty) {
            (FoundValue::Leaf(LeafRead { source: LeafSource::Slot(slot), then, .. }), ty) => {
                let is_read = self.graph.way(self.steps[step.index()].key.way).is_safe;
                // Most leaves are plain, and aliases of one field share their slot.
                let is_new = !then.is_empty() || !self.typed.contains(&FrameSlot { frame, slot: *slot });
                if let Some(ty) = self.checked_type(ty).filter(|_| is_read && is_new) {
                    self.typed.insert(FrameSlot { frame, slot: *slot });
                    let typed = TypedLeaf { frame, slot: *slot, then: then.clone(), ty };
                    self.steps[step.index()].leaves.push(typed);
                }
            }
            (FoundValue::List { frame, item, .. }, TypeRef::List { of, .. }) => self.note_leaf(step, *frame, item, of),
            _ => {}
        }
    }

    /// Gives the type of a leaf, unless every JSON value has this type. The values of an enum are kept once in a plan.
    fn checked_type(&mut self, ty: &TypeRef) -> Option<OutType> {
        let (named, nullable) = match ty {
            TypeRef::Named { ty, nullable } => (ty, *nullable),
            TypeRef::List { of, nullable } => {
                let of = Box::new(self.checked_type(of)?);
                return Some(OutType::List { of, nullable: *nullable });
            }
        };
        if let Some(known) = self.enums.get(named) {
            return Some(OutType::Leaf { leaf: known.clone(), nullable });
        }
        match self.leaf_type(ty) {
            OutType::Leaf { leaf: Leaf::Custom(_), .. } => None,
            OutType::Leaf { leaf, nullable } => {
                if let Leaf::Enum(_) = leaf {
                    self.enums.insert(*named, leaf.clone());
                }
                Some(OutType::Leaf { leaf, nullable })
            }
            other => Some(other),
        }
    }

    fn read_leaf(&mut self, at: At, frame: FrameId, read: &Read, want: &Want<'a>) -> Result<FoundValue, PlanError> {
        let mut found = match &read.from {
            From::Json(path) => self.follow(at, frame, &path.0, want)?,
            From::Literal(value) => FoundValue::Leaf(leaf(LeafSource::Constant(value.to_string()))),
            From::Input(input) => FoundValue::Leaf(leaf(LeafSource::Input(want.step, input.clone()))),
        };
        if read.then.is_empty() && read.or.is_none() {
            return Ok(found);
        }
        let or = match &read.or {
            Some(or) => match self.read_leaf(at, frame, or, want)? {
                FoundValue::Leaf(leaf) => Some(Box::new(leaf)),
                _ => return Err(self.unsupported("a list cannot stand behind `??`")),
            },
            None => None,
        };
        match &mut found {
            FoundValue::Leaf(leaf) => {
                leaf.then.clone_from(&read.then);
                leaf.or = or;
                Ok(found)
            }
            _ => Err(self.unsupported("methods and `??` on the values of a list")),
        }
    }

    fn follow(&mut self, at: At, frame: FrameId, path: &[Segment], want: &Want<'a>) -> Result<FoundValue, PlanError> {
        let Some((first, rest)) = path.split_first() else {
            return match at {
                At::Object(object) => self.finish_in_object(object, want),
                At::Values(values) => self.finish(values, frame, want),
            };
        };
        match (first, at) {
            (Segment::Property(name), _) => {
                let object = match at {
                    At::Object(object) => object,
                    At::Values(values) => self.build.object_in(values, frame),
                };
                let sub = if rest.is_empty() { want.sub.clone() } else { None };
                let values = self.build.property_in(object, name, sub);
                self.follow(At::Values(values), frame, rest, want)
            }
            (Segment::Index(index), At::Values(values)) => {
                let item = self.build.index_in(values, *index);
                self.follow(At::Values(item), frame, rest, want)
            }
            (Segment::Each, At::Values(values)) => {
                let TypeRef::List { of, .. } = want.ty else {
                    return Err(self.unsupported("a path through a list must give a list"));
                };
                let inner = Want { ty: of, size: ListSize::default(), sub: None, ..want.clone() };
                self.list(values, frame, want, |this, item, items| this.follow(At::Values(item), items, rest, &inner))
            }
            _ => Err(self.unsupported("an item of an object")),
        }
    }

    /// Makes a list of rows, or takes the one that is captured already, and continues in its items.
    fn list(
        &mut self,
        values: ValuesId,
        frame: FrameId,
        want: &Want<'a>,
        inside: impl FnOnce(&mut Self, ValuesId, FrameId) -> Result<FoundValue, PlanError>,
    ) -> Result<FoundValue, PlanError> {
        let GrowingList { slot, frame: items, item, .. } = self.build.list_in(values, want.size).unwrap_or_else(|| {
            let slot = self.build.new_slot(frame);
            let parent = ParentList { frame, size: want.size.counted };
            let items = self.build.new_frame(Some(want.step), Some(parent));
            let list = GrowingList { slot, frame: items, item: self.build.new_values(), size: want.size };
            self.build.values[values.index()].push(Growing::List(list));
            list
        });
        let inner = inside(self, item, items)?;
        Ok(FoundValue::List { slot, frame: items, item: Box::new(inner) })
    }

    /// Captures the JSON value at the end of a path.
    fn finish(&mut self, values: ValuesId, frame: FrameId, want: &Want<'a>) -> Result<FoundValue, PlanError> {
        let Some(shape) = want.shape else {
            return Ok(FoundValue::Leaf(leaf(LeafSource::Slot(self.build.leaf_in(values, frame)))));
        };
        if let TypeRef::List { of, .. } = want.ty {
            let inner = Want { ty: of, size: ListSize::default(), ..want.clone() };
            return self.list(values, frame, want, |this, item, items| this.finish(item, items, &inner));
        }
        match &self.graph.shape(shape).choice {
            TypeChoice::Only => {
                let object = self.build.object_in(values, frame);
                self.finish_in_object(object, want)
            }
            TypeChoice::By { read, cases } => {
                let Some(path) = properties_of(read) else {
                    return Err(self.unsupported("the discriminator must be a property"));
                };
                let cases = cases.iter().map(|(text, at)| (text.clone(), variant(*at))).collect();
                let variants = &self.graph.shape(shape).variants;
                let types = variants.iter().map(|variant| variant.ty).collect();
                let of = Discriminator { path, then: read.then.clone(), cases, types };
                let (tag, objects) = match self.build.abstract_in(values, &of) {
                    Some(known) => known,
                    None => self.new_abstract(values, frame, of),
                };
                for (at, object) in objects.into_iter().enumerate() {
                    let when = When { tag, variant: Some(variant(at)) };
                    self.plan_variant(object, when, Held { shape, variant: at }, want)?;
                }
                Ok(FoundValue::Object { tag: Some(tag), variants: variants.iter().map(|v| v.ty).collect() })
            }
        }
    }

    /// Captures an object of abstract type by its tag, with an object for each variant.
    fn new_abstract(&mut self, values: ValuesId, frame: FrameId, of: Discriminator) -> (SlotId, Vec<ObjectId>) {
        let tag = self.build.new_slot(frame);
        let mut variants = Vec::with_capacity(of.types.len());
        for (at, ty) in of.types.iter().enumerate() {
            let object = self.build.new_object(frame);
            let growing = &mut self.build.objects[object.index()];
            growing.tags.push(Tag { slot: tag, variant: variant(at) });
            growing.condition = Some(self.graph.ty(*ty).name.clone());
            variants.push(object);
        }
        self.build.make_siblings(&variants);
        self.build.values[values.index()].push(Growing::Abstract { tag, of, variants: variants.clone() });
        (tag, variants)
    }

    /// Captures the end of a path that leads to an object which other captures have reached already.
    fn finish_in_object(&mut self, object: ObjectId, want: &Want<'a>) -> Result<FoundValue, PlanError> {
        let Some(shape) = want.shape else {
            return Err(self.unsupported("a leaf cannot be read from an object"));
        };
        let (TypeChoice::Only, [variant]) =
            (&self.graph.shape(shape).choice, self.graph.shape(shape).variants.as_slice())
        else {
            return Err(self.unsupported("an abstract type cannot be grouped from its parent"));
        };
        let tag = self.build.new_slot(self.build.objects[object.index()].frame);
        self.build.objects[object.index()].tags.push(Tag { slot: tag, variant: 0 });
        self.plan_variant(object, When { tag, variant: None }, Held { shape, variant: 0 }, want)?;
        Ok(FoundValue::Object { tag: Some(tag), variants: vec![variant.ty] })
    }

    /// Plans what is wanted of one concrete type at a place.
    pub(super) fn plan_variant(
        &mut self,
        object: ObjectId,
        when: When,
        held: Held,
        want: &Want<'a>,
    ) -> Result<(), PlanError> {
        let ty = self.graph.shape(held.shape).variants[held.variant].ty;
        self.shapes.push(held.shape);
        let frame = self.build.objects[object.index()].frame;
        let (step, when, object, shape) = (Some(want.step), Some(when), Some(object), Some(held));
        let place = Place { step, frame, when, object, shape, ty };
        let nodes = self.wanted(want.node, ty);
        self.plan_place(&place, nodes)
    }

    /// The nodes that a node's selection wants of a concrete type.
    fn wanted(&self, node: NodeId, ty: TypeId) -> &'a [NodeId] {
        let operation = self.operation;
        let Some(selection) = operation.nodes[node.index()].selection else { return &[] };
        let variants = &operation.selections[selection.index()].variants;
        variants.iter().find(|(variant, _)| *variant == ty).map_or(&[], |(_, nodes)| nodes)
    }
}

/// The properties of a path that has only properties. Its methods are left to the caller.
pub(super) fn properties_of(read: &Read) -> Option<Vec<String>> {
    let From::Json(JsonPath(path)) = &read.from else { return None };
    path.iter()
        .map(|segment| match segment {
            Segment::Property(name) => Some(name.clone()),
            _ => None,
        })
        .collect()
}

/// The number of a variant, as tags hold it.
pub(super) fn variant(index: usize) -> u32 {
    u32::try_from(index).expect("a shape's variants are types of the graph, whose ids are as wide")
}
