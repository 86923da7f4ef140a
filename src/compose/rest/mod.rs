//! REST services: each `@connect`, checked against the contract, becomes a way.

mod answer;
mod body;
mod input;
mod leaf;
mod outcome;
mod parameters;
mod poll;
mod request;
mod shape;
mod target;
mod walk;

use super::composer::Composer;
use super::graph::{FieldId, SourceId, TypeId};
use super::source::{HeaderRule, HeaderValue, Source, SourceKind};
use super::types::{TypeKind, TypeRef};
use super::way::{CacheRule, CallerInputs, DeclaredStatus, Entry, Way};
use crate::contract::{Contract, Endpoint};
use crate::diagnostic::{Code, Finding, Span};
use crate::sdl::{CacheDeclaration, Connect, FieldDeclaration, SourceDeclaration, Target, TypeBody, TypeDeclaration};
use crate::suggest;
use answer::is_success;
use std::collections::{BTreeSet, HashMap};

/// A REST source of one file.
struct RestSource<'a> {
    id: SourceId,
    name: &'a str,
    contract: Option<&'a Contract>,
    /// Headers of the caller that every call forwards.
    forwarded: Vec<String>,
    /// Its contract could not be read: its bindings cannot be checked.
    is_broken: bool,
}

/// One `@connect` in the making.
struct Binding<'c, 'a> {
    composer: &'c mut Composer<'a>,
    file: usize,
    source: &'c RestSource<'a>,
    connect: &'a Connect,
    endpoint: Option<&'a Endpoint>,
    /// `http:` with a contract: the path parameter that each `{…}` fills.
    holes: Vec<&'a str>,
    entry: Entry,
    /// The type that `$this` and `$batch` mean.
    parent: TypeId,
    /// What the binding gets.
    ty: TypeRef,
    /// The field's coordinate or the type's name.
    name: String,
    is_mutation: bool,
    /// Arguments that are sent or read somewhere.
    used_arguments: BTreeSet<String>,
    claims: BTreeSet<Vec<String>>,
    /// While the members of an abstract type are read: all of them.
    abstract_siblings: Vec<TypeId>,
    /// How deep the shape being made is nested.
    depth: usize,
}

/// Makes the ways of one file with bindings.
pub(super) fn bind<'a>(composer: &mut Composer<'a>, file: usize, contracts: &'a HashMap<String, Contract>) {
    let sdl = &composer.files[file];
    let mut sources = Vec::new();
    for declaration in &sdl.sources {
        sources.push(add_source(composer, declaration, contracts));
    }
    for ty in &sdl.types {
        bind_type(composer, file, ty, &sources);
    }
}

fn bind_type<'a>(composer: &mut Composer<'a>, file: usize, ty: &'a TypeDeclaration, sources: &[RestSource<'a>]) {
    let root = composer.files[file].roots.iter().find(|(_, name)| *name == ty.name.value);
    let name = root.map_or(ty.name.value.as_str(), |(operation, _)| match operation {
        apollo_compiler::ast::OperationType::Query => "Query",
        apollo_compiler::ast::OperationType::Mutation => "Mutation",
        apollo_compiler::ast::OperationType::Subscription => "Subscription",
    });
    let Some(id) = composer.graph.type_id(name) else { return };
    for connect in &ty.connects {
        let target = TypeRef::Named { ty: id, nullable: true };
        let cache = ty.cache.as_ref();
        bind_one(composer, file, sources, connect, Site { entry: Entry::Lookup(id), ty: target, cache, field: None });
    }
    let (TypeBody::Object(fielded) | TypeBody::Interface(fielded)) = &ty.body else { return };
    let is_root = matches!(name, "Query" | "Mutation" | "Subscription");
    for field in &fielded.fields {
        let Some(field_id) = composer.graph.field_id(id, &field.name.value) else { continue };
        let target = composer.graph.field(field_id).ty.clone();
        let entry = if is_root { Entry::Root(field_id) } else { Entry::Field(field_id) };
        let declared = composer.declared_in(field_id, file);
        if field.is_bound && field.is_external {
            let message = format!(
                "`{name}.{}` is `@external`, which says that others answer it, and has a `@connect`",
                field.name.value
            );
            let finding = Finding::new(Code::C008, message, field.name.span, "this field");
            composer.find(finding.help("remove one of the two"));
        }
        // What another service has overridden is not asked for here any more.
        let is_offered = declared.is_some_and(|declared| declared.is_offered);
        for connect in field.connects.iter().filter(|_| is_offered) {
            let site = Site { entry, ty: target.clone(), cache: field.cache.as_ref(), field: Some(field) };
            bind_one(composer, file, sources, connect, site);
        }
        if !field.is_bound && !field.arguments.is_empty() && !field.is_external {
            let message = format!("`{name}.{}` has arguments but no binding", field.name.value);
            let help = "only a field with its own `@connect` may have arguments; add one, or remove the arguments";
            composer.find(Finding::new(Code::E122, message, field.name.span, "this field").help(help));
        }
    }
}

/// Where a `@connect` stands.
struct Site<'a> {
    entry: Entry,
    ty: TypeRef,
    cache: Option<&'a CacheDeclaration>,
    field: Option<&'a FieldDeclaration>,
}

fn bind_one<'a>(
    composer: &mut Composer<'a>,
    file: usize,
    sources: &[RestSource<'a>],
    connect: &'a Connect,
    site: Site<'a>,
) {
    let Some(source) = source_of(composer, sources, connect) else { return };
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
            composer.find(Finding::new(Code::E101, message, span, "unknown operation").help(help));
            return;
        }
    };
    let endpoint = matched.as_ref().map(|matched| matched.endpoint);
    let holes = matched.map(|matched| matched.holes).unwrap_or_default();
    let (parent, name) = match site.entry {
        Entry::Root(field) | Entry::Field(field) => {
            (composer.graph.field(field).parent, composer.graph.coordinate(field))
        }
        Entry::Lookup(ty) => (ty, composer.graph.ty(ty).name.clone()),
    };
    let is_mutation = composer.is_write(site.entry);
    let binding = Binding {
        composer,
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
    contract.endpoints.get(operation).ok_or_else(|| {
        let message = format!("the contract of `{}` has no operation `{operation}`", source.name);
        (message, suggest::help(operation, contract.endpoints.keys().map(String::as_str)))
    })
}

fn source_of<'s, 'a>(
    composer: &mut Composer<'a>,
    sources: &'s [RestSource<'a>],
    connect: &Connect,
) -> Option<&'s RestSource<'a>> {
    let (span, message, help) = match (&connect.source, sources) {
        (None, [only]) => return Some(only),
        (None, []) => (connect.span, "this file has no `@source`".to_owned(), "add one to `extend schema`".to_owned()),
        (None, _) => {
            let help = "name one: `source: \"…\"`".to_owned();
            (connect.span, "this file has several sources".to_owned(), help)
        }
        (Some(name), _) => match sources.iter().find(|source| source.name == name.value) {
            Some(source) => return Some(source),
            None => {
                let help = suggest::help(&name.value, sources.iter().map(|source| source.name));
                (name.span, format!("this file has no source `{}`", name.value), help)
            }
        },
    };
    composer.find(Finding::new(Code::E101, message, span, "this binding").help(help));
    None
}

fn add_source<'a>(
    composer: &mut Composer<'a>,
    declaration: &'a SourceDeclaration,
    contracts: &'a HashMap<String, Contract>,
) -> RestSource<'a> {
    let contract = declaration.openapi.as_ref().map(|path| (path, contracts.get(&path.value)));
    if let Some((path, None)) = contract {
        let message = format!("contract `{}` is not there or cannot be read", path.value);
        composer.find(Finding::new(Code::E100, message, path.span, "named here"));
    }
    if let Some(first) = composer.graph.sources.iter().find(|source| source.name == declaration.name.value) {
        let first = first.span;
        let message = format!("two sources are named `{}`", declaration.name.value);
        let finding = Finding::new(Code::E205, message, declaration.name.span, "named again").and(first, "named here");
        composer.find(finding);
    }
    let headers: Vec<HeaderRule> = declaration
        .headers
        .iter()
        .map(|header| HeaderRule {
            name: header.name.value.to_ascii_lowercase(),
            value: match (&header.from, &header.value) {
                (Some(from), _) => HeaderValue::Forwarded(from.value.to_ascii_lowercase()),
                (None, value) => header_value(value.as_ref().map(|value| value.value.as_str()).unwrap_or_default()),
            },
        })
        .collect();
    let forwarded = headers.iter().filter_map(|header| match &header.value {
        HeaderValue::Forwarded(name) => Some(name.clone()),
        _ => None,
    });
    let forwarded = forwarded.collect();
    let contract = contract.map(|(_, contract)| contract);
    let server = contract.flatten().and_then(|contract| contract.servers.first().cloned());
    let base_url = declaration.base_url.as_ref().map(|url| url.value.clone()).or(server);
    let source = Source {
        name: declaration.name.value.clone(),
        kind: SourceKind::Rest { base_url, headers },
        span: declaration.name.span,
    };
    RestSource {
        id: composer.add_source(source),
        name: &declaration.name.value,
        contract: contract.flatten(),
        forwarded,
        is_broken: matches!(contract, Some(None)),
    }
}

/// The declared statuses.
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

/// `{$config.a.b}`, or text.
fn header_value(text: &str) -> HeaderValue {
    let path = text.strip_prefix("{$config.").or(text.strip_prefix("$config.")).map(|path| path.trim_end_matches('}'));
    match path {
        Some(path) => HeaderValue::Config(path.split('.').map(str::to_owned).collect()),
        None => HeaderValue::Literal(text.to_owned()),
    }
}

impl<'a> Binding<'_, 'a> {
    fn make(mut self, site: &Site<'a>) {
        let errors = self.composer.findings.len();
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
            Some(super::Batch { key: batch.key, pairing, max_size: batch.max_size })
        });
        let endpoint = match (self.endpoint, &self.connect.target) {
            (Some(endpoint), _) => endpoint.id.clone(),
            (None, Target::Http(http)) => format!("{} {}", http.method, request.template),
            (None, Target::Operation(operation)) => operation.value.clone(),
        };
        self.composer.add_way(Way {
            source: self.source.id,
            endpoint,
            entry: self.entry,
            inputs: request.inputs,
            requires: indexmap::IndexMap::new(),
            batch,
            is_safe: !self.is_mutation,
            call: super::Call::Rest(request.call),
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

    fn has_errors_since(&self, count: usize) -> bool {
        self.composer.findings[count..].iter().any(Finding::is_error)
    }

    fn forwarded(&self) -> Vec<String> {
        let headers: BTreeSet<String> = self.source.forwarded.iter().cloned().collect();
        headers.into_iter().collect()
    }

    /// The field whose arguments `$args` means.
    fn field(&self) -> Option<FieldId> {
        match self.entry {
            Entry::Root(field) | Entry::Field(field) => Some(field),
            Entry::Lookup(_) => None,
        }
    }

    /// Where the field is declared that the binding is of.
    fn declaration(&self) -> Option<Span> {
        self.field().map(|field| self.composer.graph.field(field).span)
    }

    /// Where an argument is declared.
    fn argument_span(&self, name: &str) -> Option<Span> {
        let field = self.composer.graph.field(self.field()?);
        field.arguments.get(name).map(|argument| argument.span)
    }

    /// Where a finding about the endpoint points: the operation's name, or the path.
    fn target_span(&self) -> Span {
        match &self.connect.target {
            Target::Operation(operation) => operation.span,
            Target::Http(http) => http.span,
        }
    }

    fn check_arguments_are_used(&mut self) {
        let Some(field) = self.field() else { return };
        let arguments = &self.composer.graph.field(field).arguments;
        let unused = arguments.iter().filter(|(name, _)| !self.used_arguments.contains(*name));
        let unused: Vec<(String, Span)> = unused.map(|(name, argument)| (name.clone(), argument.span)).collect();
        for (name, span) in unused {
            let message = format!("argument `{name}` is not sent to the endpoint");
            let known = self.endpoint.map(|endpoint| endpoint.parameters.iter().map(|p| p.name.as_str()));
            let meant = known.and_then(|mut known| suggest::closest(&name, &mut known));
            let help = match meant {
                Some(meant) => format!("say where it goes: `params: \"{meant}: $args.{name}\"`"),
                None => "no parameter has its name; say where it goes in `params:` or `body:`".to_owned(),
            };
            let finding = Finding::new(Code::E102, message, span, "bound to nothing")
                .and(self.connect.span, "in this binding")
                .help(help);
            self.composer.find(finding);
        }
    }

    /// E112: GraphQL may run query fields more than once and in any order.
    fn check_method(&mut self, request: &request::Request) {
        let method = &request.call.method;
        let is_batched_post = *method == http::Method::POST && request.batch.is_some();
        if self.is_mutation || method.is_safe() || is_batched_post {
            return;
        }
        let message = format!("`{method}` is not safe to call for a query");
        let help = "move the field to `Mutation`; a read by POST must be batched";
        let mut finding = Finding::new(Code::E112, message, self.target_span(), "called here").help(help);
        if let Some(endpoint) = self.endpoint {
            finding = finding.and(endpoint.span, "declared here");
        }
        self.composer.find(finding);
    }

    /// W114: by the contract, the operation is deprecated, or its answers say that it is to go.
    fn check_deprecation(&mut self) {
        let Some(endpoint) = self.endpoint else { return };
        let successes = || endpoint.responses.iter().filter(|response| is_success(response));
        let deprecation = successes().find_map(|response| response.deprecation.as_ref());
        let sunset = successes().find_map(|response| response.sunset.as_ref());
        let mut said = Vec::new();
        if endpoint.deprecated || deprecation.is_some() {
            let since = deprecation.and_then(|header| header.date.as_ref());
            said.push(since.map_or("is deprecated".to_owned(), |date| format!("is deprecated as of {date}")));
        }
        if let Some(sunset) = sunset {
            let date = sunset.date.as_ref();
            said.push(date.map_or("is to be switched off".to_owned(), |date| format!("is switched off on {date}")));
        }
        if said.is_empty() {
            return;
        }
        let message = format!("operation `{}` {}", endpoint.id, said.join(" and "));
        let mut finding = Finding::new(Code::W114, message, self.target_span(), "used here")
            .help("bind to its successor before it is gone");
        if endpoint.deprecated {
            finding = finding.and(endpoint.span, "deprecated here");
        }
        for header in deprecation.into_iter().chain(sunset) {
            finding = finding.and(header.span, "its answers say so by this header");
        }
        self.composer.find(finding);
    }

    fn cache_rule(&mut self, cache: &CacheDeclaration) -> CacheRule {
        self.check_tags(&cache.tags);
        CacheRule {
            max_age: cache.max_age,
            swr: cache.swr,
            is_private: cache.is_private.unwrap_or(false),
            tags: cache.tags.iter().map(|tag| tag.value.clone()).collect(),
        }
    }

    /// DESIGN §4 rule 6.
    fn check_cache(&mut self, declaration: &CacheDeclaration, mut rule: CacheRule, caller: &CallerInputs) -> CacheRule {
        if caller.is_private() {
            rule.is_private = true;
            if declaration.is_private == Some(false) {
                let message = format!("`{}` depends on the caller, so its cache cannot be PUBLIC", self.name);
                let header = caller.headers.iter().map(|name| format!("header `{name}`"));
                let claims = caller.claims.iter().map(|path| format!("claim `{}`", path.join(".")));
                let inputs: Vec<String> = header.chain(claims).collect();
                let finding = Finding::new(Code::E111, message, declaration.span, "cached for everybody here")
                    .and(self.connect.span, format!("sends {}", inputs.join(", ")))
                    .help("write `scope: PRIVATE`, or leave `scope:` out");
                self.composer.find(finding);
            }
        }
        rule
    }

    fn invalidates(&mut self, field: &'a FieldDeclaration) -> Vec<String> {
        self.check_tags(&field.invalidates);
        field.invalidates.iter().map(|tag| tag.value.clone()).collect()
    }

    /// `{x}` is a field of the item, `{$args.x}` an argument, `{$claims.x}` a claim, `{$this.x}` a field of the
    /// parent.
    fn check_tags(&mut self, tags: &[crate::sdl::Spanned<String>]) {
        for tag in tags {
            if let Some(message) = unbalanced(&tag.value) {
                let finding = Finding::new(Code::E123, message, tag.span, "in this tag");
                self.composer.find(finding.help("write `name:{field}`"));
                continue;
            }
            let holes = tag.value.split('{').skip(1).filter_map(|part| part.split_once('}')).map(|(hole, _)| hole);
            for hole in holes {
                let (known, what) = match hole.strip_prefix('$') {
                    None => (self.item_fields(), "field"),
                    Some(input) => match input.split_once('.') {
                        Some(("args", _)) => (self.argument_names(), "argument"),
                        Some(("claims", _)) => continue,
                        Some(("this", _)) if matches!(self.entry, Entry::Field(_)) => (self.parent_fields(), "field"),
                        _ => (Vec::new(), "input"),
                    },
                };
                let name = hole.strip_prefix("$args.").or(hole.strip_prefix("$this.")).unwrap_or(hole);
                let first = name.split('.').next().unwrap_or(name);
                if !known.iter().any(|known| known == first) {
                    let message = format!("tag names an unknown {what} `{hole}`");
                    let help = suggest::help(first, known.iter().map(String::as_str));
                    let finding = Finding::new(Code::E123, message, tag.span, "in this tag").help(help);
                    self.composer.find(finding);
                }
            }
        }
    }

    fn parent_fields(&self) -> Vec<String> {
        self.composer.graph.ty(self.parent).fields.keys().cloned().collect()
    }

    fn item_fields(&self) -> Vec<String> {
        let ty = self.composer.graph.ty(self.ty.named());
        let possible = if ty.kind == TypeKind::Union { ty.possible.as_slice() } else { &[self.ty.named()] };
        possible.iter().flat_map(|ty| self.composer.graph.ty(*ty).fields.keys().cloned()).collect()
    }

    fn argument_names(&self) -> Vec<String> {
        let field = self.field().map(|field| self.composer.graph.field(field));
        field.map(|field| field.arguments.keys().cloned().collect()).unwrap_or_default()
    }
}

/// What is wrong with the braces of a tag.
fn unbalanced(tag: &str) -> Option<&'static str> {
    let mut is_open = false;
    for c in tag.chars() {
        match (c, is_open) {
            ('{', false) => is_open = true,
            ('}', true) => is_open = false,
            ('{', true) => return Some("a `{` stands inside of another in a tag"),
            ('}', false) => return Some("a `}` of a tag closes nothing"),
            _ => {}
        }
    }
    is_open.then_some("a `{` of a tag is not closed")
}
