//! The model of a plan: its steps, the order in which they run, and where each part of the answer is found.
//!
//! Data is kept in *frames*. A frame is a table with one row for each object that a list can repeat; objects that are
//! nested without a list share a row. A row has *slots*. A slot holds a leaf, the tag of an object, a list of rows of
//! another frame, or a *join*: the row of another step's root frame that has more of the same object.

use super::deferred::DeferPlan;
use super::ids::{FrameId, SlotId, StepId};
use crate::compose::{FieldId, Input, Method, SourceId, TypeId, WayId};
use crate::contract::StatusPattern;
use crate::operation::{NodeId, OperationKind, Others, OutId, OutType, Site, Value};
use std::sync::Arc;

/// The steps of a lowered operation, and how its answer is written.
#[derive(Debug)]
pub struct Plan {
    /// The kind of the operation.
    pub kind: OperationKind,
    /// The number of slots in each row, by [`FrameId`].
    pub frames: Vec<u32>,
    /// The steps, indexed by [`StepId`].
    pub steps: Vec<Step>,
    /// The length of the longest chain of steps that wait for each other.
    pub rounds: u32,
    /// The most calls; `None` if their number is unbounded.
    pub calls: Option<u64>,
    /// The most values in the answer, which are leaves and items of lists; `None` if their number is unbounded.
    pub values: Option<u64>,
    /// If the values are unbounded, a field of the graph whose list has no size.
    pub open_list: Option<FieldId>,
    /// How the answer is written.
    pub output: OutputPlan,
    /// What may come after the initial answer; `None` if nothing is deferred (`@defer`).
    pub deferred: Option<DeferPlan>,
}

/// A step: the use of one way, which makes calls.
#[derive(Debug, Clone)]
pub struct Step {
    /// The way by which it calls.
    pub way: WayId,
    /// The source that answers.
    pub source: SourceId,
    /// The name of the endpoint, for messages and metrics.
    pub endpoint: Arc<str>,
    /// The values of the field's arguments (`$args`).
    pub arguments: Vec<(String, Value)>,
    /// The rows from which its keys come.
    pub feeds: Vec<Feed>,
    /// The steps that must have ended before it, because it needs their answers or must come later.
    pub after: Vec<StepId>,
    /// The frame into which joins point. It has one row for each key, or for each call if the step is not batched.
    pub root: FrameId,
    /// All frames that its projection fills.
    pub frames: Vec<FrameId>,
    /// How items of an answer are paired with keys.
    pub pairing: PairingPlan,
    /// What is kept of a successful answer.
    pub answer: Capture,
    /// The meanings of other statuses. The first pattern that matches counts.
    pub outcomes: Vec<(StatusPattern, OutcomePlan)>,
    /// The names for the sparse fieldset, sorted; empty if no fieldset is sent.
    pub fieldset: Vec<String>,
    /// The document, if the source speaks GraphQL.
    pub document: Option<SubgraphDocument>,
    /// The length of the longest chain of steps that ends with this one, from 1.
    pub round: u32,
    /// The most keys; `None` if their number is unbounded.
    pub keys: Option<u64>,
    /// The most calls to services; `None` if their number is unbounded. For a subgraph in this process, these are the
    /// calls that it makes.
    pub calls: Option<u64>,
    /// In a mutation, the number of the root field to which it belongs. Later groups wait for earlier ones.
    pub group: u32,
    /// Whether the caller must be signed in.
    pub authenticated: bool,
    /// The leaves that the answer may be written from, with their types in the graph. An answer with a leaf that does
    /// not fit its type is not cached. A step that writes has none.
    pub leaves: Vec<TypedLeaf>,
}

/// A captured leaf with its type in the graph.
#[derive(Debug, Clone)]
pub struct TypedLeaf {
    /// The frame in whose rows the leaf is.
    pub frame: FrameId,
    /// The slot of the leaf.
    pub slot: SlotId,
    /// The methods that are applied to the leaf before it has its type.
    pub then: Vec<Method>,
    /// The type of the result.
    pub ty: OutType,
}

/// How the items of an answer are paired with keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PairingPlan {
    /// There is one call for each distinct input.
    Single,
    /// An item belongs to the key at the same position.
    Position,
    /// An item belongs to the key that it contains, which is captured in a slot of the root frame.
    Index {
        /// The slot of the key.
        key: SlotId,
    },
    /// An item belongs to the key that it contains. All items of one key make the list in slot `list` of the key's row.
    Group {
        /// The frame of the items.
        items: FrameId,
        /// The slot of the key in the frame of the items.
        key: SlotId,
        /// The slot of the list in the root frame.
        list: SlotId,
        /// The greatest length of a list; `None` if it is unbounded.
        bound: Option<u64>,
    },
}

/// The meaning of a status other than success.
#[derive(Debug, Clone)]
pub enum OutcomePlan {
    /// The value is null.
    Null,
    /// The answer is a value, of which this is kept.
    Value(Capture),
    /// The answer is an error with this code.
    Code(String),
}

/// Rows that need the answer of a step.
#[derive(Debug, Clone)]
pub struct Feed {
    /// The frame of the rows.
    pub frame: FrameId,
    /// The tag that says whether a row has the object and, if the type is abstract, the variant that it must be. `None`
    /// if all rows need the step.
    pub when: Option<When>,
    /// The values of [`crate::compose::Way::inputs`], followed by those of `@requires`, in the order of
    /// [`SubgraphDocument::representation`].
    pub inputs: Vec<Access>,
    /// The slot that gets the row that was found.
    pub join: SlotId,
}

/// The rows that hold an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct When {
    /// The object's tag.
    pub tag: SlotId,
    /// Its variant, where the place is of abstract type.
    pub variant: Option<u32>,
}

/// The place of a leaf, relative to a row.
#[derive(Debug, Clone, PartialEq)]
pub struct Access {
    /// The joins that are followed first.
    pub joins: Vec<Join>,
    /// The leaf in the row that they lead to.
    pub leaf: LeafRead,
}

/// A step from a row to a row of another frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Join {
    /// The slot with the row.
    pub slot: SlotId,
    /// The frame of that row.
    pub frame: FrameId,
}

/// How the value of a leaf is read.
#[derive(Debug, Clone, PartialEq)]
pub struct LeafRead {
    /// The value to start from.
    pub source: LeafSource,
    /// The methods that are applied to it.
    pub then: Vec<Method>,
    /// What is read instead if the value is null (`??`).
    pub or: Option<Box<LeafRead>>,
}

/// The value that reading a leaf starts from.
#[derive(Debug, Clone, PartialEq)]
pub enum LeafSource {
    /// A captured value.
    Slot(SlotId),
    /// A fixed value, as JSON text.
    Constant(String),
    /// An input of a step. It is the same for all rows of the step.
    Input(StepId, Input),
}

/// What is kept of a JSON value. Everything else is skipped.
#[derive(Debug, Clone)]
pub enum Capture {
    /// The text of the value is kept in this slot.
    Leaf(SlotId),
    /// Parts of an object are kept.
    Object(Box<ObjectCapture>),
    /// The items of an array become rows of a frame.
    List {
        /// The slot that gets the rows.
        slot: SlotId,
        /// The frame of the items.
        frame: FrameId,
        /// What is kept of each item.
        item: Box<Capture>,
        /// The most items that are allowed; `None` if there is no limit.
        bound: Option<u64>,
    },
    /// The items of the array in a batched answer become rows of a frame and are paired with keys.
    Items {
        /// The frame of the items.
        frame: FrameId,
        /// What is kept of each item.
        item: Box<Capture>,
    },
    /// One item of an array is kept.
    Index {
        /// The index of the item, counted from 0.
        index: u32,
        /// What is kept of the item.
        item: Box<Capture>,
    },
    /// Parts of an object are kept after its concrete type was determined.
    Abstract(Box<AbstractCapture>),
    /// Several captures apply to the same value.
    Many(Vec<Capture>),
}

/// What is kept of an object.
#[derive(Debug, Clone, Default)]
pub struct ObjectCapture {
    /// The slots that are set if the object is there, each with the variant that it is set to.
    pub tags: Vec<Tag>,
    /// What is kept of each property, by name.
    pub properties: Vec<(Box<str>, Capture)>,
}

/// A slot that says that an object is there, and of which type it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tag {
    /// The slot.
    pub slot: SlotId,
    /// The variant that it is set to.
    pub variant: u32,
}

/// What is kept of an object of abstract type.
#[derive(Debug, Clone)]
pub struct AbstractCapture {
    /// The slot that gets the error if the discriminator's value is not known, and null if the value is null.
    pub tag: SlotId,
    /// The properties that lead to the discriminator.
    pub discriminator: Vec<String>,
    /// The methods that are applied to the discriminator.
    pub then: Vec<Method>,
    /// The variant for each text of the discriminator.
    pub cases: Vec<(String, u32)>,
    /// What is kept of each variant.
    pub variants: Vec<ObjectCapture>,
}

/// The document that is sent to a GraphQL source.
#[derive(Debug, Clone)]
pub struct SubgraphDocument {
    /// The text of the document.
    pub text: Arc<str>,
    /// The variables for arguments, with their names and values.
    pub variables: Vec<(String, Value)>,
    /// For `_entities`, the type and the members of the representations, whose values are in [`Feed::inputs`].
    pub representation: Option<(String, Vec<Member>)>,
    /// For root fields, the slot that is set to an object if the answer has data.
    pub data: Option<SlotId>,
}

/// A leaf of a representation, or an object in it that may be null. Of such an object, the input only says whether it
/// is there.
#[derive(Debug, Clone)]
pub struct Member {
    /// The names of the fields that lead to it, such as `price` and `amount`.
    pub path: Vec<String>,
    /// The number of fields up to and including the last one that may be null by the graph's types. If the leaf is
    /// null, the value at that field becomes null (GraphQL §6.4.4). `None` if no field of the path may be null.
    pub nullable: Option<usize>,
    /// The type of the member in the graph.
    pub ty: OutType,
}

/// How the answer is written.
#[derive(Debug)]
pub struct OutputPlan {
    /// The objects of the answer, indexed by [`crate::operation::OutId`].
    pub objects: Vec<OutObjectPlan>,
    /// The index of the root object.
    pub root: OutId,
    /// The place of each node's value, indexed by [`crate::operation::NodeId`].
    pub nodes: Vec<Found>,
    /// For each node, where the graph's type does not allow null. Each level of lists has one bit: the lowest bit is
    /// for the value itself, the next one for its items.
    pub non_null: Vec<u32>,
    /// For each node, whether the caller must be signed in (`@authenticated` on the graph's field).
    pub authenticated: Vec<bool>,
    /// The concrete types in the answer of which a caller who is not signed in gets no object, whichever field leads to
    /// it.
    pub guarded: Vec<TypeId>,
}

impl OutputPlan {
    /// Whether the answer depends on whether the caller is signed in.
    #[must_use]
    pub fn asks_identity(&self) -> bool {
        self.authenticated.contains(&true) || !self.guarded.is_empty()
    }
}

/// An object of the answer, as the client sees it.
#[derive(Debug)]
pub struct OutObjectPlan {
    /// The variants, one for each concrete graph type.
    pub variants: Vec<OutVariantPlan>,
    /// What is written for objects of other concrete types.
    pub others: Others,
}

/// An object of the answer for one concrete graph type.
#[derive(Debug)]
pub struct OutVariantPlan {
    /// The concrete graph type.
    pub ty: TypeId,
    /// How many of its fields are leaves or lists of leaves.
    pub leaves: u32,
    /// The fields in the order of the answer.
    pub fields: Vec<OutFieldPlan>,
}

/// An entry of an object in the answer.
#[derive(Debug)]
pub struct OutFieldPlan {
    /// The JSON text of the key with its colon, such as `"name":`.
    pub key: Box<str>,
    /// The response name, for the paths of errors.
    pub response_name: Box<str>,
    /// The client's schema coordinate, for messages.
    pub coordinate: Box<str>,
    /// The place of the field in the client's document, for errors.
    pub site: Option<Site>,
    /// What the entry holds.
    pub kind: OutKindPlan,
}

impl OutFieldPlan {
    /// Whether errors below the field end at it, so that it becomes null or its default.
    #[must_use]
    pub fn is_nullable(&self) -> bool {
        match &self.kind {
            OutKindPlan::Typename(_) | OutKindPlan::Introspection => true,
            OutKindPlan::Refused { nullable, .. } => *nullable,
            OutKindPlan::Value { ty, default, .. } => default.is_some() || ty.is_nullable(),
        }
    }
}

/// What an entry of the answer holds.
#[derive(Debug)]
pub enum OutKindPlan {
    /// The name of the client's type, as JSON text.
    Typename(Box<str>),
    /// A value that is taken from the answer of introspection.
    Introspection,
    /// An error, because an argument that must not be null is null.
    Refused {
        /// The name of the argument.
        argument: Box<str>,
        /// Whether the entry may be null.
        nullable: bool,
    },
    /// A value.
    Value {
        /// The steps of the path through the graph.
        path: Vec<HopPlan>,
        /// The client's type.
        ty: OutType,
        /// The JSON text that is written if the value is null.
        default: Option<String>,
    },
}

impl OutFieldPlan {
    /// The client object that it holds, directly or in lists; `None` if it holds leaves.
    #[must_use]
    pub fn object(&self) -> Option<OutId> {
        let OutKindPlan::Value { ty, .. } = &self.kind else { return None };
        let mut ty = ty;
        while let OutType::List { of, .. } = ty {
            ty = of;
        }
        match ty {
            OutType::Object { id, .. } => Some(*id),
            _ => None,
        }
    }
}

/// One step of a path.
#[derive(Debug)]
pub struct HopPlan {
    /// The index in [`OutputPlan::nodes`] for each concrete type.
    pub nodes: Vec<(TypeId, NodeId)>,
    /// The index of the list item to take (`[n]`, counted from 0).
    pub index: Option<u32>,
}

/// The place of a node's value, relative to the row of its object.
#[derive(Debug, Clone)]
pub struct Found {
    /// The joins that are followed first.
    pub joins: Vec<Join>,
    /// What is found in the row that they lead to.
    pub value: FoundValue,
}

/// What is found at a place.
#[derive(Debug, Clone)]
pub enum FoundValue {
    /// A leaf.
    Leaf(LeafRead),
    /// The value is a list of leaves in one JSON array.
    Leaves {
        /// How the array is read.
        read: LeafRead,
        /// The number of items that the plan's bound counts; `None` if there is no bound.
        size: Option<u64>,
        /// The most items that are allowed. A list with more becomes an error. `None` if there is no limit.
        most: Option<u64>,
    },
    /// The value is an object in this row.
    Object {
        /// The tag of the object; `None` if it is there whenever the row is.
        tag: Option<SlotId>,
        /// The concrete types, by the variant in the tag.
        variants: Vec<TypeId>,
    },
    /// The value is a list of rows.
    List {
        /// The slot with the rows.
        slot: SlotId,
        /// The frame of the rows.
        frame: FrameId,
        /// What is found in each row.
        item: Box<FoundValue>,
    },
    /// There is no value, because the variant never occurs.
    Nothing,
}
