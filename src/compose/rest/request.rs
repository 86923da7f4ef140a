//! The request half of a binding: parameters and body, filled from arguments, parents and the caller.

use super::Binding;
use super::leaf::{self, Wrap};
use crate::compose::graph::{Bounds, Entry, KeyPath, TypeRef};
use crate::compose::{Fieldset, Input, ListForm, PathPart, QueryParameter, RestCall, suggest};
use crate::contract::{Contract, Endpoint, Location, Parameter, RequestBody, SchemaId, SchemaKind, Style};
use crate::diagnostic::{Finding, Span};
use crate::sdl::mapping::{
    Entry as MappingEntry, Expression, Fields, Mapping, MappingBody, Method, Start, Step, Variable,
};
use crate::sdl::{HttpTarget, Target, TemplatePart};

/// Most keys in one call where neither the binding nor the contract says.
const DEFAULT_BATCH: u32 = 100;

/// A request, lowered.
pub(super) struct Request {
    pub(super) call: RestCall,
    /// The path template, for messages.
    pub(super) template: String,
    pub(super) inputs: Vec<KeyPath>,
    pub(super) batch: Option<BatchKeys>,
    /// `$batch->size` is sent.
    pub(super) sends_size: bool,
}

/// The list of keys that a batched call sends.
pub(super) struct BatchKeys {
    /// Index into the inputs.
    pub(super) key: usize,
    pub(super) max_size: u32,
}

/// What is known while a request is lowered.
#[derive(Default)]
struct Lowering {
    inputs: Vec<KeyPath>,
    batch_key: Option<(usize, Option<u64>)>,
    sends_size: bool,
    bounds: Vec<(String, Bounds)>,
}

/// Where a value goes.
#[derive(Clone, Copy)]
struct Slot<'a> {
    schema: Option<(&'a Contract, SchemaId)>,
    is_body: bool,
    is_required: bool,
    /// Its place in the contract.
    span: Option<Span>,
}

impl<'a> Binding<'_, 'a> {
    /// Lowers the request; `None` if there is an error in it.
    pub(super) fn request(&mut self) -> Option<Request> {
        let errors = self.composer.findings.len();
        let mut lowering = Lowering::default();
        let (mut call, template) = match (self.endpoint, &self.connect.target) {
            (Some(endpoint), _) => (self.contract_call(endpoint, &mut lowering), endpoint.path.clone()),
            (None, Target::Http(http)) => self.plain_call(http, &mut lowering),
            (None, Target::Operation(_)) => return None,
        };
        let body = self.endpoint.and_then(|endpoint| endpoint.body.as_ref());
        call.body = match &self.connect.body {
            Some(mapping) => self.body(mapping, body, &mut lowering),
            None => body.and_then(|body| self.implied_body(body, &mut lowering)),
        };
        if let (Some(mapping), Some(endpoint), None) = (&self.connect.body, self.endpoint, body) {
            let message = format!("operation `{}` takes no body", endpoint.id);
            let finding = Finding::new("E102", message, mapping.span, "this body").and(endpoint.span, "declared here");
            self.composer.find(finding);
        }
        let batch = if self.has_errors_since(errors) { None } else { self.batch_keys(&lowering) };
        if let Some(field) = self.field() {
            for (name, bounds) in lowering.bounds {
                if let Some(argument) = self.composer.graph.fields[field.index()].arguments.get_mut(&name) {
                    leaf::tighten(&mut argument.bounds, bounds);
                }
            }
        }
        (!self.has_errors_since(errors)).then_some(Request {
            call,
            template,
            inputs: lowering.inputs,
            batch,
            sends_size: lowering.sends_size,
        })
    }

    fn contract_call(&mut self, endpoint: &'a Endpoint, lowering: &mut Lowering) -> RestCall {
        let mut call = empty_call(endpoint.method.clone());
        let entries = self.parameter_entries(endpoint);
        let mut values: Vec<(&'a Parameter, Input)> = Vec::new();
        for parameter in endpoint.parameters.iter().filter(|parameter| parameter.location != Location::Cookie) {
            let is_fieldset = self.connect.fields.as_ref().is_some_and(|fields| fields.value == parameter.name);
            if is_fieldset && parameter.location == Location::Query {
                let list = list_form(parameter).unwrap_or(ListForm::Comma);
                call.fieldset = Some(Fieldset { name: parameter.name.clone(), list });
                continue;
            }
            let entry = entries.iter().find(|entry| entry.name.value == parameter.name).copied();
            if let Some(input) = self.parameter(parameter, entry, lowering) {
                values.push((parameter, input));
            }
        }
        self.check_fieldset(endpoint, &call);
        let mut take = |location: Location, name: &str| {
            let found =
                values.iter().position(|(parameter, _)| parameter.location == location && parameter.name == name);
            found.map(|index| values.remove(index))
        };
        for (text, name) in placeholders(&endpoint.path) {
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
                    call.query.push(QueryParameter { name: parameter.name.clone(), value, list });
                }
                Location::Header => call.headers.push((parameter.name.to_ascii_lowercase(), value)),
                Location::Path | Location::Cookie => {}
            }
        }
        call
    }

    /// The entries of `params:`; a finding for those that no parameter takes.
    fn parameter_entries(&mut self, endpoint: &'a Endpoint) -> Vec<&'a MappingEntry> {
        let entries = match &self.connect.params {
            None => return Vec::new(),
            Some(Mapping { body: MappingBody::Entries(fields), .. }) => &fields.entries,
            Some(Mapping { span, .. }) => {
                let message = "`params:` names each parameter";
                let finding = Finding::new("E102", message, *span, "one value").help("write `name: value`");
                self.composer.find(finding);
                return Vec::new();
            }
        };
        for entry in entries {
            let names = || endpoint.parameters.iter().map(|parameter| parameter.name.as_str());
            if names().all(|name| name != entry.name.value) {
                let message = format!("operation `{}` has no parameter `{}`", endpoint.id, entry.name.value);
                let finding = Finding::new("E102", message, entry.name.span, "unknown parameter")
                    .and(endpoint.span, "declared here")
                    .help(suggest::help(&entry.name.value, names()));
                self.composer.find(finding);
            }
        }
        entries.iter().collect()
    }

    fn check_fieldset(&mut self, endpoint: &Endpoint, call: &RestCall) {
        let Some(fields) = self.connect.fields.as_ref().filter(|_| call.fieldset.is_none()) else { return };
        let message = format!("operation `{}` has no query parameter `{}`", endpoint.id, fields.value);
        let known = endpoint.parameters.iter().filter(|parameter| parameter.location == Location::Query);
        let finding = Finding::new("E102", message, fields.span, "unknown parameter")
            .and(endpoint.span, "declared here")
            .help(suggest::help(&fields.value, known.map(|parameter| parameter.name.as_str())));
        self.composer.find(finding);
    }

    /// A parameter's value: what `params:` says, else the same-named argument, else (path only) the
    /// same-named field of the parent.
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
                Finding::new("C010", message, self.target_span(), "used here").and(parameter.span, "this style");
            self.composer.find(finding);
            return None;
        }
        if let Some(entry) = entry {
            return self.lower(&entry.value, slot, lowering);
        }
        if self.argument_names().contains(&parameter.name) {
            let path = std::slice::from_ref(&parameter.name);
            // What is sent by its name alone stands nowhere else.
            let span = self.argument_span(&parameter.name).unwrap_or(self.connect.span);
            return self.argument(path, slot, span, lowering);
        }
        let is_parent_path = parameter.location == Location::Path && !matches!(self.entry, Entry::Root(_));
        if is_parent_path && self.composer.graph.field_id(self.parent, &parameter.name).is_some() {
            let variable = if self.connect.batch.is_some() { Variable::Batch } else { Variable::This };
            let path = std::slice::from_ref(&parameter.name);
            return self.parent_field(variable, path, slot, self.connect.span, lowering);
        }
        if parameter.required {
            let message = format!("required parameter `{}` is not given", parameter.name);
            let help = format!("give it: `params: \"{}: $args.…\"`, or add an argument of that name", parameter.name);
            let finding = Finding::new("E102", message, self.target_span(), "called here")
                .and(parameter.span, "required here")
                .help(help);
            self.composer.find(finding);
        }
        None
    }

    fn query_form(&mut self, parameter: &Parameter) -> Option<ListForm> {
        let form = list_form(parameter);
        if form.is_none() {
            let message = format!("parameter `{}` is an object, which is outside the subset", parameter.name);
            let finding =
                Finding::new("C010", message, self.target_span(), "used here").and(parameter.span, "this style");
            self.composer.find(finding);
        }
        form
    }

    fn plain_call(&mut self, http: &'a HttpTarget, lowering: &mut Lowering) -> (RestCall, String) {
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
            call.query.push(QueryParameter { name: entry, value: input, list: ListForm::Repeat });
        }
        for mapping in [&self.connect.params].into_iter().flatten() {
            let message = "`params:` goes with `op:`";
            let finding =
                Finding::new("C008", message, mapping.span, "not here").help("write `http: { queryParams: … }`");
            self.composer.find(finding);
        }
        for (name, input) in self.plain_entries(http.headers.as_ref(), lowering) {
            call.headers.push((name.to_ascii_lowercase(), input));
        }
        if let Some(fields) = &self.connect.fields {
            call.fieldset = Some(Fieldset { name: fields.value.clone(), list: ListForm::Comma });
        }
        (call, template)
    }

    fn plain_entries(&mut self, mapping: Option<&'a Mapping>, lowering: &mut Lowering) -> Vec<(String, Input)> {
        let Some(mapping) = mapping else { return Vec::new() };
        let MappingBody::Entries(Fields { entries, .. }) = &mapping.body else {
            let finding = Finding::new("C008", "expected `name: value`", mapping.span, "one value");
            self.composer.find(finding);
            return Vec::new();
        };
        let lowered = entries.iter().filter_map(|entry| {
            Some((entry.name.value.clone(), self.lower(&entry.value, Slot::free(false), lowering)?))
        });
        lowered.collect()
    }

    fn body(&mut self, mapping: &'a Mapping, body: Option<&'a RequestBody>, lowering: &mut Lowering) -> Option<Input> {
        let schema = self.source.contract.zip(body.map(|body| body.schema));
        let slot = Slot { schema, is_body: true, is_required: false, span: body.map(|body| body.span) };
        match &mapping.body {
            MappingBody::Value(value) => self.lower(value, slot, lowering),
            MappingBody::Entries(fields) => self.object(&fields.entries, slot, mapping.span, lowering),
        }
    }

    /// Without `body:`, arguments that no parameter took go to the same-named properties of the body.
    fn implied_body(&mut self, body: &'a RequestBody, lowering: &mut Lowering) -> Option<Input> {
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
                let finding = Finding::new("E102", message, self.target_span(), "called here")
                    .and(property.span, "required here")
                    .help(format!("give it: `body: \"{name}: $args.…\"`, or add an argument of that name"));
                self.composer.find(finding);
            }
        }
        (!members.is_empty()).then_some(Input::Object(members))
    }

    fn object(
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
                    let mut finding = Finding::new("E102", message, entry.name.span, "unknown property").help(help);
                    if let Some(span) = slot.span {
                        finding = finding.and(span, "declared here");
                    }
                    self.composer.find(finding);
                    continue;
                }
            };
            members.extend(self.lower(&entry.value, inner, lowering).map(|input| (name.clone(), input)));
        }
        for (name, property) in properties.iter().flat_map(|(_, properties)| *properties) {
            if property.required && entries.iter().all(|entry| entry.name.value != *name) {
                let message = format!("required property `{name}` of the body is not given");
                let finding = Finding::new("E102", message, span, "in this body")
                    .and(property.span, "required here")
                    .help(format!("add `{name}: $args.…`"));
                self.composer.find(finding);
            }
        }
        Some(Input::Object(members))
    }

    fn lower(&mut self, value: &'a Expression, slot: Slot<'a>, lowering: &mut Lowering) -> Option<Input> {
        let inner = if value.or.is_some() { Slot { is_required: false, ..slot } } else { slot };
        let input = self.lower_start(value, inner, lowering)?;
        Some(match &value.or {
            Some(or) => Input::OrElse(Box::new(input), Box::new(self.lower(or, slot, lowering)?)),
            None => input,
        })
    }

    fn lower_start(&mut self, value: &'a Expression, slot: Slot<'a>, lowering: &mut Lowering) -> Option<Input> {
        match &value.start {
            Start::Literal(literal) => self.literal(literal, slot, value.span),
            Start::Object(fields) => self.object(&fields.entries, slot, fields.span, lowering),
            Start::List(members) => {
                let item = slot.schema.and_then(|(contract, id)| match contract.schema(id).kind {
                    SchemaKind::Array { items, .. } => Some((contract, items)),
                    _ => None,
                });
                if slot.schema.is_some() && item.is_none() {
                    self.misfit(value.span, "a list", slot, "write one value");
                }
                let slot = Slot { schema: item, is_required: false, ..slot };
                let members = members.iter().filter_map(|member| self.lower(member, slot, lowering));
                Some(Input::List(members.collect()))
            }
            Start::Here { .. } => {
                self.outside(value.span, "a request reads `$args`, `$this`, `$batch`, `$claims` and `$config` only");
                None
            }
            Start::Variable(variable) => self.variable(*variable, value, slot, lowering),
        }
    }

    fn variable(
        &mut self,
        variable: Variable,
        value: &'a Expression,
        slot: Slot<'a>,
        lowering: &mut Lowering,
    ) -> Option<Input> {
        if let (Variable::Batch, [Step::Method(Method::Size, _)]) = (variable, value.steps.as_slice()) {
            lowering.sends_size = true;
            return Some(Input::BatchSize);
        }
        let mut path = Vec::new();
        for step in &value.steps {
            match step {
                Step::Property(name) => path.push(name.value.clone()),
                Step::Optional => {}
                Step::Index(_) | Step::Method(..) => {
                    self.outside(value.span, "methods of inputs are not supported, `$batch->size` aside");
                    return None;
                }
            }
        }
        match variable {
            Variable::Args if path.is_empty() => {
                let arguments: Vec<String> = self.argument_names();
                let members = arguments.iter().filter_map(|name| {
                    let schema = slot.schema.and_then(|(contract, id)| match &contract.schema(id).kind {
                        SchemaKind::Object { properties } => properties.get(name).map(|p| (contract, p.schema)),
                        _ => None,
                    });
                    let slot = Slot { schema, is_required: false, ..slot };
                    Some((name.clone(), self.argument(std::slice::from_ref(name), slot, value.span, lowering)?))
                });
                Some(Input::Object(members.collect()))
            }
            Variable::Args => self.argument(&path, slot, value.span, lowering),
            Variable::This | Variable::Batch => self.parent_field(variable, &path, slot, value.span, lowering),
            Variable::Claims => {
                self.claims.insert(path.clone());
                Some(Input::Claim(path))
            }
            Variable::Config => Some(Input::Config(path)),
        }
    }

    /// `$args.a.b`, checked against the slot's schema, whose bounds the argument takes.
    fn argument(&mut self, path: &[String], slot: Slot<'a>, span: Span, lowering: &mut Lowering) -> Option<Input> {
        let (ty, has_default) = self.argument_type(path, span)?;
        self.used_arguments.insert(path[0].clone());
        let declared = self.argument_span(&path[0]).filter(|declared| *declared != span);
        let wrap = self.check_input(&ty, slot, span, declared)?;
        if slot.is_required && ty.is_nullable() && !has_default {
            let message = format!("`$args.{}` may be null, and what it is sent to is required", path.join("."));
            let mut finding = Finding::new("E102", message, span, "may be null here")
                .help("make the argument non-null, give it a default, or write `?? …`");
            if let Some(span) = slot.span {
                finding = finding.and(span, "required here");
            }
            if let Some(declared) = declared {
                finding = finding.and(declared, "declared nullable here");
            }
            self.composer.find(finding);
        }
        if let (Some((contract, id)), [name]) = (slot.schema, path) {
            lowering.bounds.push((name.clone(), leaf::bounds(contract, id)));
        }
        Some(self.wrapped(wrap, slot, Input::Argument(path.to_vec())))
    }

    /// The type of `$args.a.b`, and whether the argument has a default.
    pub(super) fn argument_type(&mut self, path: &[String], span: Span) -> Option<(TypeRef, bool)> {
        let graph = &self.composer.graph;
        let field = self.field().map(|field| graph.field(field));
        let first = path.first().map(String::as_str).unwrap_or_default();
        let argument = field.and_then(|field| field.arguments.get(first));
        let Some(argument) = argument else {
            let known = self.argument_names();
            let help = suggest::help(first, known.iter().map(String::as_str));
            let message = format!("`{}` has no argument `{first}`", self.name);
            self.composer.find(Finding::new("E102", message, span, "unknown argument").help(help));
            return None;
        };
        let (mut ty, mut has_default) = (argument.ty.clone(), argument.default.is_some());
        for name in &path[1..] {
            let input = graph.schema.get_input_object(&graph.ty(ty.named()).name);
            let inner = input.and_then(|input| input.fields.get(name.as_str()));
            let Some(inner) = inner.filter(|_| !ty.is_list()) else {
                let message = format!("`{}` has no field `{name}`", graph.ty(ty.named()).name);
                self.composer.find(Finding::new("E102", message, span, "unknown field of an input"));
                return None;
            };
            has_default = inner.default_value.is_some();
            let is_nullable = ty.is_nullable();
            ty = crate::compose::merge::type_ref(graph, &inner.ty)?;
            if is_nullable {
                ty = nullable(ty);
            }
        }
        Some((ty, has_default))
    }

    /// `$this.a.b` or `$batch.a.b`.
    fn parent_field(
        &mut self,
        variable: Variable,
        path: &[String],
        slot: Slot<'a>,
        span: Span,
        lowering: &mut Lowering,
    ) -> Option<Input> {
        let is_batched = self.connect.batch.is_some();
        let problem = match (variable, self.entry) {
            (_, Entry::Root(_)) => Some("a root field has no parent"),
            (Variable::Batch, _) if !is_batched => Some("`$batch` needs `batch: { key: … }`; one parent is `$this`"),
            (Variable::This, _) if is_batched => Some("a batched binding has many parents: write `$batch`"),
            _ => None,
        };
        if let Some(problem) = problem {
            let message = format!("`{}` cannot be read here", variable.name());
            self.composer.find(Finding::new("E107", message, span, "not here").help(problem));
            return None;
        }
        let (key, ty) = self.parent_path(path, span)?;
        if matches!(self.entry, Entry::Lookup(_)) && !self.is_key(&key) {
            let message = format!("`{}` is not a `@key` of `{}`", path.join("."), self.name);
            let help = format!("add `@key(fields: \"{}\")` to the type, or read a key", path.join(" "));
            self.composer.find(Finding::new("E107", message, span, "read here").help(help));
        }
        let index = lowering.inputs.iter().position(|known| *known == key).unwrap_or_else(|| {
            lowering.inputs.push(key);
            lowering.inputs.len() - 1
        });
        let slot = if is_batched { self.batch_slot(index, slot, span, lowering)? } else { slot };
        let wrap = self.check_input(&ty, slot, span, None)?;
        Some(self.wrapped(wrap, slot, Input::Parent(index)))
    }

    /// `$batch.x` fills an array; gives the slot of its items.
    fn batch_slot(&mut self, index: usize, slot: Slot<'a>, span: Span, lowering: &mut Lowering) -> Option<Slot<'a>> {
        let kind = slot.schema.map(|(contract, id)| (contract, &contract.schema(id).kind));
        let (schema, max_items) = match kind {
            Some((contract, SchemaKind::Array { items, max_items, .. })) => (Some((contract, *items)), *max_items),
            None | Some((_, SchemaKind::Any)) => (None, None),
            Some(_) => {
                let message = "`$batch` gives a list, and what it is sent to takes one value";
                let mut finding = Finding::new("E107", message, span, "a list").help("bind a parameter of type array");
                if let Some(span) = slot.span {
                    finding = finding.and(span, "not an array");
                }
                self.composer.find(finding);
                return None;
            }
        };
        match lowering.batch_key {
            Some((known, _)) if known != index => {
                let message = "a batched call sends one list of keys";
                self.composer.find(Finding::new("E107", message, span, "a second list"));
                return None;
            }
            _ => lowering.batch_key = Some((index, max_items)),
        }
        Some(Slot { schema, is_required: false, ..slot })
    }

    /// A path of fields from the parent to a leaf.
    fn parent_path(&mut self, path: &[String], span: Span) -> Option<(KeyPath, TypeRef)> {
        let mut fields = Vec::new();
        let mut parent = self.parent;
        let mut ty = None;
        for name in path {
            let Some(field) = self.composer.graph.field_id(parent, name) else {
                let parent = self.composer.graph.ty(parent);
                let help = suggest::help(name, parent.fields.keys().map(String::as_str));
                let message = format!("`{}` has no field `{name}`", parent.name);
                self.composer.find(Finding::new("E102", message, span, "read here").help(help));
                return None;
            };
            fields.push(field);
            let field_type = self.composer.graph.field(field).ty.clone();
            parent = field_type.named();
            ty = Some(field_type);
        }
        let is_leaf = ty.as_ref().is_some_and(|ty| !self.composer.is_composite(ty.named()) && !ty.is_list());
        match ty {
            Some(ty) if is_leaf => Some((KeyPath(fields), ty)),
            _ => {
                let message = "a parent's value must be a leaf";
                let help = "name a scalar field, such as `$this.id`";
                self.composer.find(Finding::new("E102", message, span, "not a leaf").help(help));
                None
            }
        }
    }

    fn is_key(&self, key: &KeyPath) -> bool {
        self.composer.keys[self.parent.index()].iter().any(|declared| declared.paths.contains(key))
    }

    fn check_input(&mut self, ty: &TypeRef, slot: Slot<'a>, span: Span, declared: Option<Span>) -> Option<Wrap> {
        let Some((contract, id)) = slot.schema else { return Some(Wrap::None) };
        match leaf::input_fits(&self.composer.graph, ty, contract, id) {
            Ok(wrap) => Some(wrap),
            Err(misfit) => {
                let text = self.composer.type_text(ty);
                let message = format!("`{text}` does not fit {}", misfit.has);
                let mut finding = Finding::new("E102", message, span, format!("`{text}` here")).help(misfit.help);
                if let Some(span) = slot.span {
                    finding = finding.and(span, "declared here");
                }
                if let Some(declared) = declared {
                    finding = finding.and(declared, "this argument");
                }
                self.composer.find(finding);
                None
            }
        }
    }

    fn literal(&mut self, value: &serde_json::Value, slot: Slot<'a>, span: Span) -> Option<Input> {
        use serde_json::Value as Json;
        if let Some((contract, id)) = slot.schema {
            let fits = match (&contract.schema(id).kind, value) {
                (_, Json::Null) => !slot.is_required,
                (SchemaKind::Any | SchemaKind::OneOf { .. }, _) => true,
                (SchemaKind::Boolean, value) => value.is_boolean(),
                (SchemaKind::Integer { minimum, maximum, .. }, value) => value.as_i64().is_some_and(|number| {
                    minimum.is_none_or(|bound| number >= bound) && maximum.is_none_or(|bound| number <= bound)
                }),
                (SchemaKind::Number { .. }, value) => value.is_number(),
                (SchemaKind::String { values, .. }, Json::String(text)) => values.is_empty() || values.contains(text),
                (SchemaKind::Array { .. }, value) => value.is_array(),
                (SchemaKind::Object { .. }, value) => value.is_object(),
                _ => false,
            };
            if !fits {
                self.misfit(span, &format!("the literal `{value}`"), slot, "write a value that the contract allows");
                return None;
            }
        }
        Some(Input::Literal(value.clone()))
    }

    fn misfit(&mut self, span: Span, what: &str, slot: Slot<'a>, help: &str) {
        let has = slot.schema.map(|(contract, id)| leaf::schema_text(contract, id)).unwrap_or_default();
        let mut finding = Finding::new("E102", format!("{what} does not fit {has}"), span, "given here").help(help);
        if let Some(span) = slot.span {
            finding = finding.and(span, "declared here");
        }
        self.composer.find(finding);
    }

    fn outside(&mut self, span: Span, help: &str) {
        let message = "this is outside the subset of a request";
        self.composer.find(Finding::new("C003", message, span, "not here").help(help));
    }

    fn wrapped(&self, wrap: Wrap, slot: Slot<'a>, input: Input) -> Input {
        if slot.is_body { wrap.wrap(input) } else { input }
    }

    fn batch_keys(&mut self, lowering: &Lowering) -> Option<BatchKeys> {
        let batch = self.connect.batch.as_ref()?;
        if matches!(self.entry, Entry::Root(_)) {
            let message = "a root field has no parents to batch";
            self.composer.find(Finding::new("E107", message, batch.key.span, "batched here").help("remove `batch:`"));
            return None;
        }
        let Some((key, max_items)) = lowering.batch_key else {
            let message = "a batched binding sends no keys";
            let help = "send them to a parameter or property of type array: `params: \"ids: $batch.id\"`";
            self.composer.find(Finding::new("E107", message, batch.key.span, "batched here").help(help));
            return None;
        };
        let contract_max = max_items.and_then(|max| u32::try_from(max).ok());
        let declared = batch.max_size.as_ref();
        if let (Some(declared), Some(max)) = (declared, contract_max)
            && declared.value > max
        {
            let message = format!("`maxSize: {}` is more than the contract's `maxItems: {max}`", declared.value);
            let help = format!("write {max} or less, or leave it out: the contract's is the default");
            self.composer.find(Finding::new("E107", message, declared.span, "too many").help(help));
        }
        let max_size = declared.map(|size| size.value).or(contract_max).unwrap_or(DEFAULT_BATCH).max(1);
        Some(BatchKeys { key, max_size })
    }

    /// Names of parameters and body properties that page an answer, and are not filled by this binding.
    pub(super) fn open_paging(&self) -> Option<(String, Span)> {
        const PAGING: [&str; 12] = [
            "limit",
            "first",
            "last",
            "pagesize",
            "page_size",
            "perpage",
            "per_page",
            "size",
            "cursor",
            "page",
            "offset",
            "maxresults",
        ];
        let is_paging = |name: &str| PAGING.contains(&name.to_ascii_lowercase().as_str());
        let endpoint = self.endpoint?;
        endpoint.parameters.iter().find(|parameter| is_paging(&parameter.name)).map(|p| (p.name.clone(), p.span))
    }
}

impl Slot<'_> {
    fn free(is_required: bool) -> Self {
        Self { schema: None, is_body: false, is_required, span: None }
    }
}

fn nullable(ty: TypeRef) -> TypeRef {
    match ty {
        TypeRef::Named { ty, .. } => TypeRef::Named { ty, nullable: true },
        TypeRef::List { of, .. } => TypeRef::List { of, nullable: true },
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

/// `/users/{id}/x` as `("/users/", id)`, `("/x", none)`.
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
