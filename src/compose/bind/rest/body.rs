//! The body of a call: as `body:` says, or else the arguments that no parameter takes.

use super::binding::Binding;
use super::request::{Lowering, Slot};
use crate::compose::Input;
use crate::contract::{RequestBody, SchemaKind};
use crate::diagnostic::{Code, Finding, Span};
use crate::sdl::mapping::{Entry as MappingEntry, Mapping, MappingBody};
use crate::suggest;

impl<'a> Binding<'_, 'a> {
    pub(super) fn body(
        &mut self,
        mapping: &'a Mapping,
        body: Option<&'a RequestBody>,
        lowering: &mut Lowering,
    ) -> Option<Input> {
        let schema = self.source.contract.zip(body.map(|body| body.schema));
        let slot = Slot { schema, is_body: true, is_required: false, span: body.map(|body| body.span) };
        match &mapping.body {
            MappingBody::Value(value) => self.lower(value, slot, lowering),
            MappingBody::Entries(fields) => self.object(&fields.entries, slot, mapping.span, lowering),
        }
    }

    /// The body without `body:`: arguments that no parameter took become the properties of the same names.
    pub(super) fn implied_body(&mut self, body: &'a RequestBody, lowering: &mut Lowering) -> Option<Input> {
        let contract = self.source.contract?;
        let SchemaKind::Object { properties } = &contract.schema(body.schema).kind else { return None };
        let mut members = Vec::new();
        for (name, property) in properties {
            let is_free = self.argument_names().contains(name) && !self.used_arguments.contains(name);
            let slot = Slot {
                schema: Some((contract, property.schema)),
                is_body: true,
                is_required: property.required,
                span: Some(property.span),
            };
            if is_free {
                let path = std::slice::from_ref(name);
                let span = self.argument_span(name).unwrap_or(self.connect.span);
                members.extend(self.argument(path, slot, span, lowering).map(|input| (name.clone(), input)));
            } else if property.required && body.required {
                let message = format!("required property `{name}` of the body is not given");
                let finding = Finding::new(Code::E102, message, self.target_span(), "called here")
                    .and(property.span, "required here")
                    .help(format!("give it: `body: \"{name}: $args.…\"`, or add an argument of that name"));
                self.draft.find(finding);
            }
        }
        (!members.is_empty()).then_some(Input::Object(members))
    }

    pub(super) fn object(
        &mut self,
        entries: &'a [MappingEntry],
        slot: Slot<'a>,
        span: Span,
        lowering: &mut Lowering,
    ) -> Option<Input> {
        let properties = match slot.schema.map(|(contract, id)| (contract, &contract.schema(id).kind)) {
            Some((contract, SchemaKind::Object { properties })) => Some((contract, properties)),
            None | Some((_, SchemaKind::Any | SchemaKind::OneOf { .. })) => None,
            Some(_) => {
                self.misfit(span, "an object", slot, "write one value");
                return None;
            }
        };
        let mut members = Vec::new();
        for entry in entries {
            let name = &entry.name.value;
            let property = properties.map(|(contract, properties)| (contract, properties.get(name)));
            let inner = match property {
                None => Slot { is_body: true, ..Slot::free(false) },
                Some((contract, Some(property))) => Slot {
                    schema: Some((contract, property.schema)),
                    is_body: true,
                    is_required: property.required,
                    span: Some(property.span),
                },
                Some((_, None)) => {
                    let known = properties.iter().flat_map(|(_, known)| known.keys().map(String::as_str));
                    let help = suggest::help(name, known);
                    let message = format!("the body has no property `{name}`");
                    let mut finding = Finding::new(Code::E102, message, entry.name.span, "unknown property").help(help);
                    if let Some(span) = slot.span {
                        finding = finding.and(span, "declared here");
                    }
                    self.draft.find(finding);
                    continue;
                }
            };
            members.extend(self.lower(&entry.value, inner, lowering).map(|input| (name.clone(), input)));
        }
        for (name, property) in properties.iter().flat_map(|(_, properties)| *properties) {
            if property.required && entries.iter().all(|entry| entry.name.value != *name) {
                let message = format!("required property `{name}` of the body is not given");
                let finding = Finding::new(Code::E102, message, span, "in this body")
                    .and(property.span, "required here")
                    .help(format!("add `{name}: $args.…`"));
                self.draft.find(finding);
            }
        }
        Some(Input::Object(members))
    }
}
