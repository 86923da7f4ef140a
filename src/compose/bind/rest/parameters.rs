//! The parameters of a call, by the names of the contract or by those of a plain HTTP target.
//!
//! In: `params:`, `queryParams:`, `headers:` and path templates. Out: the [`RestCall`] without its body.

use super::binding::Binding;
use super::request::{Lowering, Slot};
use crate::compose::way::Entry;
use crate::compose::{Fieldset, HeaderParameter, Input, ListForm, PathPart, QueryParameter, RestCall};
use crate::contract::{Endpoint, Location, Parameter, Style};
use crate::diagnostic::{Code, Finding};
use crate::sdl::mapping::{Entry as MappingEntry, Fields, Mapping, MappingBody, Variable};
use crate::sdl::{HttpTarget, Target, TemplatePart};
use crate::suggest;

/// The value that a binding gives to a parameter.
#[derive(Clone, Copy)]
struct Given<'a> {
    entry: &'a MappingEntry,
    /// The location of the parameter, if the binding says it.
    location: Option<Location>,
}

impl Given<'_> {
    fn is_of(&self, parameter: &Parameter) -> bool {
        let name = &self.entry.name.value;
        match self.location {
            None => *name == parameter.name,
            // Names of headers are case-insensitive (RFC 9110 §5.1).
            Some(Location::Header) => {
                parameter.location == Location::Header && name.eq_ignore_ascii_case(&parameter.name)
            }
            Some(location) => parameter.location == location && *name == parameter.name,
        }
    }

    fn is_outside_contracts(&self) -> bool {
        let name = self.entry.name.value.to_ascii_lowercase();
        self.location == Some(Location::Header) && matches!(name.as_str(), "accept" | "content-type" | "authorization")
    }
}

impl<'a> Binding<'_, 'a> {
    pub(super) fn contract_call(&mut self, endpoint: &'a Endpoint, lowering: &mut Lowering) -> RestCall {
        let mut call = empty_call(endpoint.method.clone());
        let entries = self.parameter_entries(endpoint);
        let http = match &self.connect.target {
            Target::Http(http) => Some(&**http),
            Target::Operation(_) => None,
        };
        let mut values: Vec<(&'a Parameter, Input)> = Vec::new();
        for parameter in endpoint.parameters.iter().filter(|parameter| parameter.location != Location::Cookie) {
            let is_fieldset = self.connect.fields.as_ref().is_some_and(|fields| fields.value == parameter.name);
            if is_fieldset && parameter.location == Location::Query {
                let list = list_form(parameter).unwrap_or(ListForm::Comma);
                call.fieldset = Some(Fieldset { name: parameter.name.clone(), list });
                continue;
            }
            // If the path is written out, it gives the values of its parameters.
            if http.is_some() && parameter.location == Location::Path {
                continue;
            }
            let entry = entries.iter().find(|given| given.is_of(parameter)).map(|given| given.entry);
            if let Some(input) = self.parameter(parameter, entry, lowering) {
                values.push((parameter, input));
            }
        }
        self.check_fieldset(endpoint, &call);
        call.headers.extend(self.undeclared_headers(&entries, endpoint, lowering));
        if let Some(http) = http {
            call.path = self.written_path(http, endpoint, lowering);
        }
        let mut take = |location: Location, name: &str| {
            let found =
                values.iter().position(|(parameter, _)| parameter.location == location && parameter.name == name);
            found.map(|index| values.remove(index))
        };
        for (text, name) in http.is_none().then(|| placeholders(&endpoint.path)).into_iter().flatten() {
            if !text.is_empty() {
                call.path.push(PathPart::Literal(text));
            }
            if let Some((_, input)) = name.and_then(|name| take(Location::Path, &name)) {
                call.path.push(PathPart::Value(input));
            }
        }
        for (parameter, value) in values {
            match parameter.location {
                Location::Query => {
                    let Some(list) = self.query_form(parameter) else { continue };
                    let (name, is_required) = (parameter.name.clone(), parameter.required);
                    call.query.push(QueryParameter { name, value, list, is_required });
                }
                Location::Header => {
                    let (name, is_required) = (parameter.name.to_ascii_lowercase(), parameter.required);
                    call.headers.push(HeaderParameter { name, value, is_required });
                }
                Location::Path | Location::Cookie => {}
            }
        }
        call
    }

    /// The values that a binding gives to parameters by `params:`, or by `queryParams:` and `headers:`. Values that no
    /// parameter takes give findings.
    fn parameter_entries(&mut self, endpoint: &'a Endpoint) -> Vec<Given<'a>> {
        let mappings = match &self.connect.target {
            Target::Operation(_) => vec![("params:", None, self.connect.params.as_ref())],
            Target::Http(http) => {
                self.refuse_params();
                vec![
                    ("queryParams:", Some(Location::Query), http.query.as_ref()),
                    ("headers:", Some(Location::Header), http.headers.as_ref()),
                ]
            }
        };
        let mut given = Vec::new();
        for (what, location, mapping) in mappings {
            match mapping {
                None => {}
                Some(Mapping { body: MappingBody::Entries(fields), .. }) => {
                    given.extend(fields.entries.iter().map(|entry| Given { entry, location }));
                }
                Some(Mapping { span, .. }) => {
                    let message = format!("`{what}` names each parameter");
                    let finding = Finding::new(Code::E102, message, *span, "one value").help("write `name: value`");
                    self.draft.find(finding);
                }
            }
        }
        for given in &given {
            self.check_known(*given, endpoint);
        }
        given
    }

    fn check_known(&mut self, given: Given<'a>, endpoint: &Endpoint) {
        if given.is_outside_contracts() || endpoint.parameters.iter().any(|parameter| given.is_of(parameter)) {
            return;
        }
        let name = &given.entry.name;
        let (what, names): (&str, Vec<&str>) = match given.location {
            None => ("", endpoint.parameters.iter().map(|parameter| parameter.name.as_str()).collect()),
            Some(location) => {
                let of = endpoint.parameters.iter().filter(|parameter| parameter.location == location);
                let what = if location == Location::Header { "header " } else { "query " };
                (what, of.map(|parameter| parameter.name.as_str()).collect())
            }
        };
        let message = format!("operation `{}` has no {what}parameter `{}`", endpoint.id, name.value);
        let finding = Finding::new(Code::E102, message, name.span, "unknown parameter")
            .and(endpoint.span, "declared here")
            .help(suggest::help(&name.value, names));
        self.draft.find(finding);
    }

    /// The headers that OpenAPI does not allow a contract to declare as parameters ("Parameter Object").
    fn undeclared_headers(
        &mut self,
        given: &[Given<'a>],
        endpoint: &Endpoint,
        lowering: &mut Lowering,
    ) -> Vec<HeaderParameter> {
        let is_declared = |given: &Given<'a>| endpoint.parameters.iter().any(|parameter| given.is_of(parameter));
        let outside = given.iter().filter(|given| given.is_outside_contracts() && !is_declared(given));
        let lowered = outside.filter_map(|given| {
            let value = self.lower(&given.entry.value, Slot::free(false), lowering)?;
            let name = given.entry.name.value.to_ascii_lowercase();
            Some(HeaderParameter { name, value, is_required: false })
        });
        lowered.collect()
    }

    /// The path of `http:`, with each `{…}` checked against the parameter that it fills.
    fn written_path(&mut self, http: &'a HttpTarget, endpoint: &'a Endpoint, lowering: &mut Lowering) -> Vec<PathPart> {
        let (mut path, mut holes) = (Vec::new(), self.holes.clone().into_iter());
        for part in &http.path {
            match part {
                TemplatePart::Text(text) => path.push(PathPart::Literal(text.clone())),
                TemplatePart::Hole(mapping) => {
                    let name = holes.next().unwrap_or_default();
                    let is_it = |parameter: &&Parameter| parameter.location == Location::Path && parameter.name == name;
                    let slot = match (endpoint.parameters.iter().find(is_it), self.source.contract) {
                        (Some(parameter), Some(contract)) => Slot {
                            schema: Some((contract, parameter.schema)),
                            is_body: false,
                            is_required: true,
                            span: Some(parameter.span),
                        },
                        _ => Slot::free(true),
                    };
                    let MappingBody::Value(value) = &mapping.body else { continue };
                    path.extend(self.lower(value, slot, lowering).map(PathPart::Value));
                }
            }
        }
        path
    }

    fn refuse_params(&mut self) {
        if let Some(mapping) = &self.connect.params {
            let message = "`params:` goes with `op:`";
            let finding =
                Finding::new(Code::C008, message, mapping.span, "not here").help("write `http: { queryParams: … }`");
            self.draft.find(finding);
        }
    }

    fn check_fieldset(&mut self, endpoint: &Endpoint, call: &RestCall) {
        let Some(fields) = self.connect.fields.as_ref().filter(|_| call.fieldset.is_none()) else { return };
        let message = format!("operation `{}` has no query parameter `{}`", endpoint.id, fields.value);
        let known = endpoint.parameters.iter().filter(|parameter| parameter.location == Location::Query);
        let finding = Finding::new(Code::E102, message, fields.span, "unknown parameter")
            .and(endpoint.span, "declared here")
            .help(suggest::help(&fields.value, known.map(|parameter| parameter.name.as_str())));
        self.draft.find(finding);
    }

    /// The value of a parameter: the one in `params:`, or else the argument of the same name, or else (only in a path)
    /// the parent's field of the same name.
    fn parameter(
        &mut self,
        parameter: &'a Parameter,
        entry: Option<&'a MappingEntry>,
        lowering: &mut Lowering,
    ) -> Option<Input> {
        let contract = self.source.contract?;
        let slot = Slot {
            schema: Some((contract, parameter.schema)),
            is_body: false,
            is_required: parameter.required,
            span: Some(parameter.span),
        };
        if matches!(parameter.style, Style::Label | Style::Matrix) {
            let message = format!("parameter `{}` is written in a style that is outside the subset", parameter.name);
            let finding =
                Finding::new(Code::C010, message, self.target_span(), "used here").and(parameter.span, "this style");
            self.draft.find(finding);
            return None;
        }
        if let Some(entry) = entry {
            return self.lower(&entry.value, slot, lowering);
        }
        if self.argument_names().contains(&parameter.name) {
            let path = std::slice::from_ref(&parameter.name);
            // An argument that is sent by its name alone has no other position in the binding.
            let span = self.argument_span(&parameter.name).unwrap_or(self.connect.span);
            return self.argument(path, slot, span, lowering);
        }
        let is_parent_path = parameter.location == Location::Path && !matches!(self.entry, Entry::Root(_));
        if is_parent_path && self.draft.graph.field_id(self.parent, &parameter.name).is_some() {
            let variable = if self.connect.batch.is_some() { Variable::Batch } else { Variable::This };
            let path = std::slice::from_ref(&parameter.name);
            return self.parent_field(variable, path, slot, self.connect.span, lowering);
        }
        if parameter.required {
            let message = format!("required parameter `{}` is not given", parameter.name);
            let help = format!("give it: `params: \"{}: $args.…\"`, or add an argument of that name", parameter.name);
            let finding = Finding::new(Code::E102, message, self.target_span(), "called here")
                .and(parameter.span, "required here")
                .help(help);
            self.draft.find(finding);
        }
        None
    }

    fn query_form(&mut self, parameter: &Parameter) -> Option<ListForm> {
        let form = list_form(parameter);
        if form.is_none() {
            let message = format!("parameter `{}` is an object, which is outside the subset", parameter.name);
            let finding =
                Finding::new(Code::C010, message, self.target_span(), "used here").and(parameter.span, "this style");
            self.draft.find(finding);
        }
        form
    }

    pub(super) fn plain_call(&mut self, http: &'a HttpTarget, lowering: &mut Lowering) -> (RestCall, String) {
        let mut call = empty_call(http.method.clone());
        let mut template = String::new();
        for part in &http.path {
            match part {
                TemplatePart::Text(text) => {
                    template.push_str(text);
                    call.path.push(PathPart::Literal(text.clone()));
                }
                TemplatePart::Hole(mapping) => {
                    template.push_str(&format!("{{{mapping}}}"));
                    let MappingBody::Value(value) = &mapping.body else { continue };
                    call.path.extend(self.lower(value, Slot::free(true), lowering).map(PathPart::Value));
                }
            }
        }
        for (entry, input) in self.plain_entries(http.query.as_ref(), lowering) {
            let list = ListForm::Repeat;
            call.query.push(QueryParameter { name: entry, value: input, list, is_required: false });
        }
        self.refuse_params();
        for (name, input) in self.plain_entries(http.headers.as_ref(), lowering) {
            let name = name.to_ascii_lowercase();
            call.headers.push(HeaderParameter { name, value: input, is_required: false });
        }
        if let Some(fields) = &self.connect.fields {
            call.fieldset = Some(Fieldset { name: fields.value.clone(), list: ListForm::Comma });
        }
        (call, template)
    }

    fn plain_entries(&mut self, mapping: Option<&'a Mapping>, lowering: &mut Lowering) -> Vec<(String, Input)> {
        let Some(mapping) = mapping else { return Vec::new() };
        let MappingBody::Entries(Fields { entries, .. }) = &mapping.body else {
            let finding = Finding::new(Code::C008, "expected `name: value`", mapping.span, "one value");
            self.draft.find(finding);
            return Vec::new();
        };
        let lowered = entries.iter().filter_map(|entry| {
            Some((entry.name.value.clone(), self.lower(&entry.value, Slot::free(false), lowering)?))
        });
        lowered.collect()
    }
}

fn empty_call(method: http::Method) -> RestCall {
    RestCall { method, path: Vec::new(), query: Vec::new(), headers: Vec::new(), body: None, fieldset: None }
}

fn list_form(parameter: &Parameter) -> Option<ListForm> {
    match (parameter.style, parameter.explode) {
        (Style::Form, true) => Some(ListForm::Repeat),
        (Style::Form, false) => Some(ListForm::Comma),
        (Style::SpaceDelimited, _) => Some(ListForm::Space),
        (Style::PipeDelimited, _) => Some(ListForm::Pipe),
        (Style::Simple, _) => Some(ListForm::Comma),
        _ => None,
    }
}

/// The parts of a path: `/users/{id}/x` gives `("/users/", id)` and `("/x", none)`.
fn placeholders(path: &str) -> Vec<(String, Option<String>)> {
    let mut parts = Vec::new();
    let mut rest = path;
    while let Some((text, behind)) = rest.split_once('{') {
        let Some((name, after)) = behind.split_once('}') else { break };
        parts.push((text.to_owned(), Some(name.to_owned())));
        rest = after;
    }
    parts.push((rest.to_owned(), None));
    parts
}
