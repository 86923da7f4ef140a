//! REST services: each `@connect`, checked against the contract, becomes a way.
//!
//! In: the sources and bindings of one file, and their contracts. Out: ways in the draft, and findings.
//! Elsewhere: the state that the checks of one binding share ([`binding`]).

mod answer;
mod binding;
mod body;
mod cache;
mod check;
mod input;
mod leaf;
mod outcome;
mod parameters;
mod poll;
mod request;
mod shape;
mod source;
mod target;
mod walk;

use crate::compose::draft::Draft;
use crate::compose::kind::Call;
use crate::compose::types::TypeRef;
use crate::compose::way::{Batch, CallerInputs, DeclaredStatus, Entry, Way};
use crate::contract::{Contract, Endpoint};
use crate::diagnostic::{Code, Finding};
use crate::sdl::{Connect, Target, TypeBody, TypeDeclaration};
use crate::suggest;
use binding::{Binding, Site};
use source::RestSource;
use std::collections::{BTreeSet, HashMap};

/// Makes the ways of one file with bindings.
pub(super) fn bind<'a>(draft: &mut Draft<'a>, file: usize, contracts: &'a HashMap<String, Contract>) {
    let sdl = &draft.files[file];
    let mut sources = Vec::new();
    for declaration in &sdl.sources {
        sources.push(source::add_source(draft, declaration, contracts));
    }
    for ty in &sdl.types {
        bind_type(draft, file, ty, &sources);
    }
}

fn bind_type<'a>(draft: &mut Draft<'a>, file: usize, ty: &'a TypeDeclaration, sources: &[RestSource<'a>]) {
    let name = draft.files[file].name_in_graph(&ty.name.value);
    let Some(id) = draft.graph.type_id(name) else { return };
    for connect in &ty.connects {
        let target = TypeRef::Named { ty: id, nullable: true };
        let cache = ty.cache.as_ref();
        bind_one(draft, file, sources, connect, Site { entry: Entry::Lookup(id), ty: target, cache, field: None });
    }
    let (TypeBody::Object(fielded) | TypeBody::Interface(fielded)) = &ty.body else { return };
    let is_root = matches!(name, "Query" | "Mutation" | "Subscription");
    for field in &fielded.fields {
        let Some(field_id) = draft.graph.field_id(id, &field.name.value) else { continue };
        let target = draft.graph.field(field_id).ty.clone();
        let entry = if is_root { Entry::Root(field_id) } else { Entry::Field(field_id) };
        let declared = draft.declared_in(field_id, file);
        if field.is_bound && field.is_external {
            let message = format!(
                "`{name}.{}` is `@external`, which says that others answer it, and has a `@connect`",
                field.name.value
            );
            let finding = Finding::new(Code::C008, message, field.name.span, "this field");
            draft.find(finding.help("remove one of the two"));
        }
        // A field that another service has overridden is no longer asked for here.
        let is_offered = declared.is_some_and(|declared| declared.is_offered);
        for connect in field.connects.iter().filter(|_| is_offered) {
            let site = Site { entry, ty: target.clone(), cache: field.cache.as_ref(), field: Some(field) };
            bind_one(draft, file, sources, connect, site);
        }
        if !field.is_bound && !field.arguments.is_empty() && !field.is_external {
            let message = format!("`{name}.{}` has arguments but no binding", field.name.value);
            let help = "only a field with its own `@connect` may have arguments; add one, or remove the arguments";
            draft.find(Finding::new(Code::E122, message, field.name.span, "this field").help(help));
        }
    }
}

fn bind_one<'a>(draft: &mut Draft<'a>, file: usize, sources: &[RestSource<'a>], connect: &'a Connect, site: Site<'a>) {
    let Some(source) = source::source_of(draft, sources, connect) else { return };
    if source.is_broken {
        return;
    }
    let (found, span) = match (&connect.target, source.contract) {
        (Target::Http(http), None) => (Ok(None), http.span),
        (Target::Http(http), Some(contract)) => (target::operation(contract, source.name, http).map(Some), http.span),
        (Target::Operation(operation), _) => {
            let found = find_endpoint(source, &operation.value);
            (found.map(|endpoint| Some(target::Matched { endpoint, holes: Vec::new() })), operation.span)
        }
    };
    let matched = match found {
        Ok(matched) => matched,
        Err((message, help)) => {
            draft.find(Finding::new(Code::E101, message, span, "unknown operation").help(help));
            return;
        }
    };
    let endpoint = matched.as_ref().map(|matched| matched.endpoint);
    let holes = matched.map(|matched| matched.holes).unwrap_or_default();
    let (parent, name) = match site.entry {
        Entry::Root(field) | Entry::Field(field) => (draft.graph.field(field).parent, draft.graph.coordinate(field)),
        Entry::Lookup(ty) => (ty, draft.graph.ty(ty).name.clone()),
    };
    let is_mutation = draft.is_write(site.entry);
    let binding = Binding {
        draft,
        file,
        source,
        connect,
        endpoint,
        holes,
        entry: site.entry,
        parent,
        ty: site.ty.clone(),
        name,
        is_mutation,
        used_arguments: BTreeSet::new(),
        claims: BTreeSet::new(),
        abstract_siblings: Vec::new(),
        depth: 0,
    };
    binding.make(&site);
}

fn find_endpoint<'a>(source: &RestSource<'a>, operation: &str) -> Result<&'a Endpoint, (String, String)> {
    let Some(contract) = source.contract else {
        let message = format!("`{}` has no contract to find `{operation}` in", source.name);
        return Err((message, "add `openapi:` to its `@source`, or write `http:`".to_owned()));
    };
    contract.endpoint(operation).ok_or_else(|| {
        if contract.has_operation(operation) {
            return target::unusable(operation);
        }
        let message = format!("the contract of `{}` has no operation `{operation}`", source.name);
        (message, suggest::help(operation, contract.operations().map(|known| known.id)))
    })
}

/// The statuses that the contract declares for an endpoint.
fn declared(endpoint: &Endpoint) -> Vec<DeclaredStatus> {
    let is_problem = |media_type: &str| {
        let essence = media_type.split(';').next().unwrap_or_default().trim();
        essence.eq_ignore_ascii_case("application/problem+json")
    };
    let declared = endpoint.responses.iter().map(|response| DeclaredStatus {
        status: response.status,
        is_problem: response.content_type.as_deref().is_some_and(is_problem),
        has_body: response.content_type.is_some(),
    });
    declared.collect()
}

impl<'a> Binding<'_, 'a> {
    fn make(mut self, site: &Site<'a>) {
        let errors = self.draft.findings.len();
        let Some(request) = self.request() else { return };
        let answer = self.answer(&request);
        let outcomes = self.outcomes(answer.as_ref().map(|(answer, _)| answer));
        self.check_arguments_are_used();
        self.check_method(&request);
        self.check_deprecation();
        let cache = site.cache.map(|cache| (cache, self.cache_rule(cache)));
        let caller = CallerInputs { claims: self.claims.iter().cloned().collect(), headers: self.forwarded() };
        let cache = cache.map(|(declaration, rule)| self.check_cache(declaration, rule, &caller));
        let invalidates = site.field.map(|field| self.invalidates(field)).unwrap_or_default();
        let poll = self.poll(site.field);
        let (Some((answer, pairing)), false) = (answer, self.has_errors_since(errors)) else { return };
        let batch = request.batch.and_then(|batch| {
            let pairing = pairing?;
            Some(Batch { key: batch.key, pairing, max_size: batch.max_size })
        });
        let endpoint = match (self.endpoint, &self.connect.target) {
            (Some(endpoint), _) => endpoint.id.clone(),
            (None, Target::Http(http)) => format!("{} {}", http.method, request.template),
            (None, Target::Operation(operation)) => operation.value.clone(),
        };
        self.draft.add_way(Way {
            source: self.source.id,
            endpoint,
            entry: self.entry,
            inputs: request.inputs,
            requires: indexmap::IndexMap::new(),
            batch,
            is_safe: !self.is_mutation,
            call: Call::Rest(request.call),
            answer,
            outcomes,
            declared: self.endpoint.map(declared),
            caller,
            poll,
            cache,
            invalidates,
            span: self.connect.span,
        });
    }
}
