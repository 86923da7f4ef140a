//! The documents for GraphQL sources: what a step captures becomes a selection set.

use super::build::{Growing, GrowingList, ObjectId, SubField, ValuesId};
use super::model::{Member, SubgraphDocument};
use super::planner::{GrowingStep, Planner};
use crate::compose::{GraphQlCall, KeyPath, TypeRef};
use crate::operation::{Leaf, OutId, OutType, Value};
use std::fmt::Write;
use std::sync::Arc;

struct Text<'a, 'p> {
    planner: &'p Planner<'a>,
    body: String,
    variables: Vec<(String, Value, String)>,
}

impl Planner<'_> {
    /// Writes the document of a step, if its source speaks GraphQL.
    pub(super) fn document(&self, step: &GrowingStep) -> Option<SubgraphDocument> {
        let way = self.graph.way(step.key.way);
        let mut text = Text { planner: self, body: String::new(), variables: Vec::new() };
        let (head, representation) = match way.call.graphql()? {
            // Only the root fields of a mutation write (§6.2.2). Entities below them are fetched with queries.
            GraphQlCall::Root(field) => {
                text.selection(step.values);
                (if self.graph.is_mutation(field) { "mutation" } else { "query" }, None)
            }
            GraphQlCall::Entities(ty) => {
                let ty = self.graph.ty(ty).name.clone();
                let _ = write!(text.body, "{{_entities(representations:$representations){{...on {ty}");
                text.selection(step.values);
                text.body.push_str("}}");
                let members = way.inputs.iter().chain(&step.key.requires).map(|path| self.member(path)).collect();
                ("query", Some((ty, members)))
            }
        };
        let mut variables = String::new();
        if representation.is_some() {
            variables.push_str("$representations:[_Any!]!");
        }
        for (name, _, ty) in &text.variables {
            let _ = write!(variables, "{}${name}:{ty}", if variables.is_empty() { "" } else { "," });
        }
        let variables_text = if variables.is_empty() { String::new() } else { format!("({variables})") };
        Some(SubgraphDocument {
            text: format!("{head}{variables_text}{}", text.body).into(),
            variables: text.variables.into_iter().map(|(name, value, _)| (name, value)).collect(),
            representation,
            data: step.data,
        })
    }

    fn member(&self, path: &KeyPath) -> Member {
        let fields: Vec<_> = path.0.iter().map(|&field| self.graph.field(field)).collect();
        let is_nullable = |ty: &TypeRef| match ty {
            TypeRef::Named { nullable, .. } | TypeRef::List { nullable, .. } => *nullable,
        };
        let nullable = fields.iter().rposition(|field| is_nullable(&field.ty)).map(|last| last + 1);
        let ty = match fields.last() {
            Some(leaf) => self.leaf_type(&leaf.ty),
            None => OutType::Leaf { leaf: Leaf::Custom(String::new()), nullable: true },
        };
        Member { path: fields.iter().map(|field| field.name.clone()).collect(), nullable, ty }
    }

    /// The type of a leaf, with its lists.
    pub(super) fn leaf_type(&self, ty: &TypeRef) -> OutType {
        match ty {
            TypeRef::List { of, nullable } => OutType::List { of: Box::new(self.leaf_type(of)), nullable: *nullable },
            // Of an object, only its presence is wanted.
            TypeRef::Named { ty, nullable } if self.graph.is_composite(*ty) => {
                OutType::Object { id: OutId(0), nullable: *nullable }
            }
            TypeRef::Named { ty, nullable } => {
                let name = self.graph.ty(*ty).name.as_str();
                let leaf = match (name, self.graph.full.get_enum(name)) {
                    ("Int", _) => Leaf::Int,
                    ("Float", _) => Leaf::Float,
                    ("String", _) => Leaf::String,
                    ("Boolean", _) => Leaf::Boolean,
                    ("ID", _) => Leaf::Id,
                    (_, Some(values)) => {
                        let names = values.values.keys().map(|value| (value.to_string(), value.to_string()));
                        Leaf::Enum(Arc::new(names.collect()))
                    }
                    _ => Leaf::Custom(name.to_owned()),
                };
                OutType::Leaf { leaf, nullable: *nullable }
            }
        }
    }
}

impl Text<'_, '_> {
    /// Writes `{ … }` with the captures of a value, or nothing for a leaf.
    fn selection(&mut self, values: ValuesId) {
        let mut inner = String::new();
        std::mem::swap(&mut inner, &mut self.body);
        self.fields_of(values);
        std::mem::swap(&mut inner, &mut self.body);
        let is_composite =
            self.planner.build.values[values.index()].iter().any(|value| !matches!(value, Growing::Leaf(_)));
        if !inner.is_empty() {
            let _ = write!(self.body, "{{{inner}}}");
        } else if is_composite && self.is_composite(values) {
            self.body.push_str("{__typename}");
        }
    }

    fn is_composite(&self, values: ValuesId) -> bool {
        self.planner.build.values[values.index()].iter().any(|value| match value {
            Growing::Leaf(_) => false,
            Growing::Object(_) | Growing::Abstract { .. } => true,
            Growing::List(GrowingList { item, .. }) | Growing::Index { item, .. } => self.is_composite(*item),
        })
    }

    fn fields_of(&mut self, values: ValuesId) {
        let planner = self.planner;
        for value in &planner.build.values[values.index()] {
            match value {
                Growing::Leaf(_) => {}
                Growing::Object(object) => self.object(*object),
                Growing::List(GrowingList { item, .. }) | Growing::Index { item, .. } => {
                    self.fields_of(*item);
                }
                Growing::Abstract { variants, .. } => {
                    self.gap();
                    self.body.push_str("__typename");
                    for &variant in variants {
                        let object = &planner.build.objects[variant.index()];
                        if let (Some(condition), false) = (&object.condition, object.properties.is_empty()) {
                            let _ = write!(self.body, " ...on {condition}{{");
                            let mut inner = String::new();
                            std::mem::swap(&mut inner, &mut self.body);
                            self.object(variant);
                            std::mem::swap(&mut inner, &mut self.body);
                            let _ = write!(self.body, "{inner}}}");
                        }
                    }
                }
            }
        }
    }

    fn object(&mut self, object: ObjectId) {
        let planner = self.planner;
        for property in &planner.build.objects[object.index()].properties {
            self.gap();
            match &property.field {
                Some(SubField { name, arguments, .. }) => {
                    if property.key != *name {
                        let _ = write!(self.body, "{}:", property.key);
                    }
                    self.body.push_str(name);
                    for (at, (argument, value, ty)) in arguments.iter().enumerate() {
                        let variable = format!("a{}", self.variables.len());
                        let _ = write!(self.body, "{}{argument}:${variable}", if at == 0 { "(" } else { "," });
                        self.variables.push((variable, value.clone(), ty.clone()));
                    }
                    if !arguments.is_empty() {
                        self.body.push(')');
                    }
                }
                None => self.body.push_str(&property.key),
            }
            self.selection(property.values);
        }
    }

    fn gap(&mut self) {
        if !self.body.is_empty() && !self.body.ends_with('{') {
            self.body.push(' ');
        }
    }
}
