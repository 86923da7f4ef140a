//! The ids of what is in a graph: each indexes a table of [`super::Graph`].

use crate::ids::ids;

ids! {
    /// A type of the graph.
    pub TypeId
    /// A field of one object or interface type: `User.name` and `Product.name` are two.
    pub FieldId
    /// A service, REST or GraphQL, or an in-process subgraph.
    pub SourceId
    /// A [`super::Shape`].
    pub ShapeId
    /// A [`super::Way`].
    pub WayId
}
