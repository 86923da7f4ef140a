//! Arguments: each argument of a graph field on a path is pinned, offered to the client or left to its default.

use super::field::Field;
use super::inherit::{ArgumentOrigin, FieldOrigin};
use super::path::PathHop;
use super::resolve::Resolver;
use super::table::{ArgumentView, GraphArgument, Limit, Template};
use crate::compose::FieldId;
use crate::diagnostic::{Code, Finding, Span};
use crate::json::Value as Json;
use crate::suggest::{closest, did_you_mean};
use apollo_compiler::ast::{FieldDefinition, InputValueDefinition};
use std::sync::Arc;

impl Resolver<'_> {
    /// The client's own arguments. Their defaults have the graph's names.
    pub(super) fn client_arguments(&mut self, coordinate: &str, definition: &FieldDefinition) -> Vec<ArgumentView> {
        let mut arguments = Vec::new();
        for argument in &definition.arguments {
            let default = argument.default_value.as_ref().and_then(|default| {
                let coerced = self.tables.inputs.constant(&argument.ty, default);
                coerced.map_err(|error| (error.message, default.location())).map_or_else(
                    |(message, location)| {
                        let span = self.span(location);
                        let message =
                            format!("the default of `{coordinate}({}:)` does not fit: {message}", argument.name);
                        self.report(message, span, "this default");
                        None
                    },
                    Some,
                )
            });
            arguments.push(ArgumentView { name: argument.name.to_string(), ty: (*argument.ty).clone(), default });
        }
        arguments
    }

    /// Resolves the arguments of one graph field. Findings are reported only for the first concrete type (`is_first`).
    pub(super) fn hop_arguments(
        &mut self,
        id: FieldId,
        hop: &PathHop,
        is_last: bool,
        is_first: bool,
        field: &mut Field<'_>,
    ) -> Vec<GraphArgument> {
        let graph = self.graph;
        let graph_field = graph.field(id);
        let parent = &graph.ty(graph_field.parent).name;
        let Ok(definition) = graph.schema.type_field(parent, &graph_field.name) else { return Vec::new() };
        let before = self.findings.len();
        for pinned in &hop.arguments {
            if definition.argument_by_name(&pinned.name).is_none() {
                let message = format!("`{}` has no argument `{}`", graph.coordinate(id), pinned.name);
                let known = definition.arguments.iter().map(|argument| argument.name.as_str());
                self.argument_finding(message, field.part(pinned.span.clone()), "not an argument", id);
                self.suggest(&pinned.name, known);
            }
        }
        let mut arguments = Vec::new();
        for argument in &definition.arguments {
            let value = match hop.arguments.iter().find(|pinned| pinned.name == argument.name) {
                Some(pinned) => self.pinned(id, argument, pinned, field),
                None if is_last => self.offered(id, argument, field),
                None => None,
            };
            if value.is_none() && argument.is_required() {
                let message = format!("`{}({}:)` is required", graph.coordinate(id), argument.name);
                let span = field.hop_span(hop);
                self.argument_finding(message, span, "neither pinned nor offered", id);
                if let Some(finding) = self.findings.last_mut() {
                    let name = &argument.name;
                    finding.help = Some(format!(
                        "pin it in the path (`{}({name}: …)`), or offer it: `{name}: {}`",
                        hop.name, argument.ty
                    ));
                }
            }
            if let (Some(Template::Hole(index, _)), true) = (&value, is_first) {
                let coordinate = format!("{}({}:)", field.coordinate, field.arguments[*index].name);
                let of = FieldOrigin { ty: graph_field.parent, name: graph_field.name.clone() };
                let origin = ArgumentOrigin { field: of, name: argument.name.to_string() };
                self.argument_origins.entry(coordinate).or_default().push(origin);
            }
            let known = graph_field.arguments.get(argument.name.as_str());
            if let Some(limit) = known.and_then(|argument| Limit::new(&argument.bounds)) {
                self.bound(id, argument, limit, value.as_ref(), field);
            }
            let default = known.and_then(|argument| argument.default.clone());
            arguments.push(GraphArgument { name: argument.name.to_string(), value, default });
        }
        for (name, argument) in graph_field.arguments.iter().filter(|(_, argument)| argument.is_hidden) {
            arguments.push(GraphArgument { name: name.clone(), value: None, default: argument.default.clone() });
        }
        if !is_first {
            self.findings.truncate(before);
        }
        arguments
    }

    fn pinned(
        &mut self,
        id: FieldId,
        argument: &InputValueDefinition,
        pinned: &super::path::PathArgument,
        field: &mut Field<'_>,
    ) -> Option<Template<usize>> {
        let mut used = Vec::new();
        let coerced = {
            let fill = &mut |name: &apollo_compiler::Name, wanted: &super::literal::Wanted<'_>| {
                let known = || field.arguments.iter().map(|argument| argument.name.as_str());
                let Some(index) = known().position(|known| name == known) else {
                    let hint =
                        closest(name, known()).map_or(String::new(), |near| format!("; did you mean `${near}`?"));
                    return Err(format!("`{}` has no argument `{name}`{hint}", field.coordinate));
                };
                used.push(index);
                let client = &field.arguments[index];
                self.input_fits(&client.ty, wanted.ty)
                    .map_err(|why| format!("`${name}: {}` does not fit: {why}", client.ty))?;
                Ok(index)
            };
            self.graph_inputs.literal(&argument.ty, &pinned.value, None, fill)
        };
        used.into_iter().for_each(|index| field.used[index] = true);
        match coerced {
            Ok(template) => Some(template),
            Err(error) => {
                let message =
                    format!("`{}({}: {})`: {}", self.graph.coordinate(id), argument.name, argument.ty, error.message);
                self.argument_finding(message, field.part(pinned.value_span.clone()), "this value", id);
                // A placeholder, so that the argument is not reported as missing too.
                Some(Template::Constant(Json::Null))
            }
        }
    }

    /// Finds the client argument that fills a graph argument (rule 6 of lowering). It has the same name, or `@from`
    /// gives the graph argument's name.
    fn offered(
        &mut self,
        id: FieldId,
        argument: &InputValueDefinition,
        field: &mut Field<'_>,
    ) -> Option<Template<usize>> {
        let definition = field.definition;
        for (index, client) in definition.arguments.iter().enumerate() {
            let at = self.span(client.name.location());
            let coordinate = format!("{}({}:)", field.coordinate, client.name);
            if self.renamed_quietly(&coordinate, &client.name) != argument.name.as_str() {
                continue;
            }
            // The path uses the argument already: `$name` says where its value goes.
            if self.mark(&coordinate).is_none() && mentions(field, &client.name) {
                continue;
            }
            field.used[index] = true;
            if let Err(why) = self.input_fits(&client.ty, &argument.ty) {
                let message = format!(
                    "`{coordinate}` of type `{}` does not fit `{}({}:)`: {why}",
                    client.ty,
                    self.graph.coordinate(id),
                    argument.name
                );
                self.argument_finding(message, at, "this argument", id);
                if let Some(finding) = self.findings.last_mut() {
                    finding.help = Some(format!("make it `{}`", client_type(client, &argument.ty)));
                }
            }
            return Some(Template::Hole(index, None));
        }
        None
    }

    fn renamed_quietly(&self, coordinate: &str, own: &str) -> String {
        let path = self.mark(coordinate).and_then(|mark| mark.path.as_ref());
        path.map_or(own, |path| path.value.trim()).to_owned()
    }

    /// Reports arguments of the client that fill no graph argument.
    pub(super) fn unused_arguments(&mut self, field: &Field<'_>, last: Option<FieldId>) {
        let graph = self.graph;
        for (client, _) in field.definition.arguments.iter().zip(&field.used).filter(|(_, used)| !**used) {
            let coordinate = format!("{}({}:)", field.coordinate, client.name);
            let at = self.span(client.name.location());
            let before = self.findings.len();
            let (wanted, span) = self.renamed(&coordinate, &client.name, at);
            if self.findings.len() > before {
                continue;
            }
            match last {
                Some(last) => {
                    let known = graph.field(last).arguments.keys().map(String::as_str);
                    let is_pinned = graph.field(last).arguments.contains_key(&wanted);
                    let target = graph.coordinate(last);
                    let why = match is_pinned {
                        true => format!("the path gives `{target}({wanted}:)` another value"),
                        false => format!("`{target}` has no argument `{wanted}`"),
                    };
                    let message = format!("`{coordinate}` goes nowhere: {why}");
                    self.argument_finding(message, span, "unused", last);
                    if !is_pinned {
                        self.suggest(&wanted, known);
                    }
                }
                None => self.report(format!("`{coordinate}` goes nowhere: the path is `.`"), span, "unused"),
            }
        }
    }

    /// Adds the bounds of an argument, and checks the value that the client's schema gives against them.
    fn bound(
        &mut self,
        id: FieldId,
        argument: &InputValueDefinition,
        limit: Limit,
        value: Option<&Template<usize>>,
        field: &Field<'_>,
    ) {
        let given = match value {
            Some(Template::Constant(json)) => Some(json),
            Some(Template::Hole(index, _)) => field.arguments[*index].default.as_ref(),
            _ => None,
        };
        if let Some(why) = given.and_then(|json| limit.violation(json)) {
            let message = format!(
                "`{}` gives `{}({}:)` a value out of range: {why}",
                field.coordinate,
                self.graph.coordinate(id),
                argument.name
            );
            self.argument_finding(message, field.span, "here", id);
        }
        let bounds = self.tables.bounds.entry(id).or_default();
        if !bounds.iter().any(|(name, _)| argument.name == name.as_str()) {
            bounds.push((argument.name.to_string(), Arc::new(limit)));
        }
    }

    fn argument_finding(&mut self, message: String, span: Span, label: &str, id: FieldId) {
        let declared = self.graph.field(id).span;
        let label_there = format!("`{}` is declared here", self.graph.coordinate(id));
        self.findings.push(Finding::new(Code::E116, message, span, label).and(declared, label_there));
    }

    fn suggest<'n>(&mut self, wanted: &str, known: impl IntoIterator<Item = &'n str>) {
        if let (Some(question), Some(finding)) = (did_you_mean(wanted, known), self.findings.last_mut()) {
            finding.help = Some(question);
        }
    }
}

/// Whether the field's path uses a client argument as `$name`.
fn mentions(field: &Field<'_>, name: &str) -> bool {
    let path = field.mark.and_then(|mark| mark.path.as_ref()).map_or("", |path| path.value.as_str());
    path.match_indices('$').any(|(at, _)| {
        let rest = &path[at + 1..];
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        &rest[..end] == name
    })
}

/// The type that a client argument should have, with its default.
fn client_type(client: &InputValueDefinition, graph: &apollo_compiler::ast::Type) -> String {
    match &client.default_value {
        Some(default) => format!("{}: {graph} = {default}", client.name),
        None => format!("{}: {graph}", client.name),
    }
}
