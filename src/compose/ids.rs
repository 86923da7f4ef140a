//! The ids of the parts of a graph. Each id indexes a table of [`super::Graph`].

use crate::ids::ids;

ids! {
    /// The id of a type of the graph.
    pub TypeId
    /// The id of a field of one object or interface type: `User.name` and `Product.name` are two fields.
    pub FieldId
    /// The id of a service, REST or GraphQL, or of an in-process subgraph.
    pub SourceId
    /// The id of a [`super::Shape`].
    pub ShapeId
    /// The id of a [`super::Way`].
    pub WayId
}
