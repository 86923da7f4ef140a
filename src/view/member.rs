//! Members: for each composite client type, the client object that shows each concrete graph type.

use super::resolve::Resolver;
use super::table::Composite;
use crate::compose::TypeId;
use apollo_compiler::schema::ExtendedType;
use std::collections::HashSet;

impl Resolver<'_> {
    /// Resolves the members of all objects, interfaces and unions.
    pub(super) fn members(&mut self) {
        let schema = self.schema;
        let implementers = schema.implementers_map();
        for (name, ty) in schema.types.iter().filter(|(_, ty)| !ty.is_built_in()) {
            let objects: Vec<String> = match ty {
                ExtendedType::Object(_) => vec![name.to_string()],
                ExtendedType::Interface(_) => implementers
                    .get(name)
                    .map(|implementers| implementers.objects.iter().map(|object| object.to_string()).collect())
                    .unwrap_or_default(),
                ExtendedType::Union(union) => union.members.iter().map(|member| member.to_string()).collect(),
                _ => continue,
            };
            let omits_others = self.markup.views.get(name.as_str()).is_some_and(|view| view.omits_others);
            let members = self.members_of(name, &objects);
            let objects: HashSet<String> = objects.into_iter().collect();
            let composite = Composite { members, omits_others, objects, fields: Default::default() };
            self.tables.composites.insert(name.to_string(), composite);
        }
    }

    /// Finds the members of one client type. Inside an abstract type, each graph type has at most one view (rule 9 of
    /// lowering).
    fn members_of(&mut self, name: &str, objects: &[String]) -> Vec<(TypeId, String)> {
        let graph = self.graph;
        let Some(&of) = self.of.get(name) else { return Vec::new() };
        let possible = &graph.ty(of).possible;
        let mut members: Vec<(TypeId, String)> = Vec::new();
        for object in objects {
            let Some(&object_of) = self.of.get(object) else { continue };
            let span = self.span(self.schema.types.get(object.as_str()).and_then(|ty| ty.name().location()));
            let mut is_member = false;
            for concrete in graph.visible_members(object_of) {
                if !possible.contains(&concrete) {
                    continue;
                }
                is_member = true;
                if let Some((_, other)) = members.iter().find(|(ty, _)| *ty == concrete) {
                    let shown = &graph.ty(concrete).name;
                    let message = format!("inside `{name}`, both `{other}` and `{object}` are views of `{shown}`");
                    self.report_with_type(message, span, "the second view", shown);
                } else {
                    members.push((concrete, object.clone()));
                }
            }
            if !is_member {
                let (of, object_of) = (&graph.ty(of).name, &graph.ty(object_of).name);
                let message = format!("`{object}` is in `{name}`, but in the graph `{object_of}` is not in `{of}`");
                self.report_with_type(message, span, "not a member", of);
            }
        }
        members
    }
}
