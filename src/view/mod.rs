//! Client schemas: what one client sees, as a view of the graph.
//!
//! In: the text of a client schema (SDL with `@view` and `@from`), and the composed [`Graph`].
//! Out: a [`View`], which is the schema without our directives and the tables for lowering; or all findings: E100 for
//! text that is not valid GraphQL, E116 for parts that the graph does not have or declares differently.
//! Elsewhere: lowering operations by these tables ([`crate::operation`]).
//!
//! Always true:
//! - a [`View`] was checked against its graph as a whole, so lowering by it never lacks a field;
//! - its schema contains none of our directives.
//!
//! The thirteen rules of lowering have tests with their numbers in `tests.rs` and in the tests of [`crate::operation`].

mod argument;
mod field;
mod inherit;
mod inputs;
mod literal;
mod markup;
mod member;
pub(crate) mod one_of;
mod path;
mod plain;
mod resolve;
pub(crate) mod table;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub(crate) use literal::{Wanted, short};
pub use plain::plain;

use crate::compose::Graph;
use crate::diagnostic::{Code, FileId, Finding, Sources};
use apollo_compiler::Schema;
use apollo_compiler::ast::Document;
use apollo_compiler::collections::HashMap;
use apollo_compiler::diagnostic::ToCliReport;
use apollo_compiler::schema::{Implementers, Name};
use apollo_compiler::validation::{DiagnosticList, Valid, WithErrors};
use std::sync::Arc;
use table::Tables;

/// The schema of one client, as a view of the graph.
#[derive(Debug)]
pub struct View {
    /// The schema that the client sees. It contains none of our directives, and it inherits descriptions and
    /// deprecations from the graph.
    pub schema: Valid<Schema>,
    pub(crate) implementers: HashMap<Name, Implementers>,
    pub(crate) tables: Arc<Tables>,
}

impl View {
    /// The client's schema as SDL, for code generators.
    #[must_use]
    pub fn sdl(&self) -> String {
        self.schema.serialize().to_string()
    }
}

/// Reads a client schema and checks it against the graph. Gives all findings, and a view if none of them is an error.
///
/// The function is pure.
#[must_use]
pub fn load(sources: &Sources, file: FileId, graph: &Graph) -> (Option<View>, Vec<Finding>) {
    let mut document = match Document::parse(sources.text(file), sources.path(file)) {
        Ok(document) => document,
        Err(errors) => return (None, not_graphql(file, &errors.errors, &[])),
    };
    let (markup, mut findings) = markup::take(&mut document, sources, file);
    one_of::define(&mut document);
    let (schema, invalid) = build(&document);
    let mut resolver = resolve::Resolver {
        schema: &schema,
        markup: &markup,
        graph,
        graph_inputs: inputs::identity(&graph.schema),
        file,
        findings: Vec::new(),
        of: Default::default(),
        tables: Tables::default(),
        sizing: graph.sizing_arguments(),
        paths: Default::default(),
        argument_origins: Default::default(),
        met_others: Default::default(),
    };
    resolver.run();
    let resolve::Resolver { findings: resolved, of, tables, paths, argument_origins, .. } = resolver;
    findings.extend(resolved);
    if let Some(errors) = &invalid {
        let further = not_graphql(file, errors, &findings);
        findings.extend(further);
    }
    findings.sort_by_key(|finding| finding.span().map(|span| (span.start, span.end)));
    findings.dedup();
    if invalid.is_some() || findings.iter().any(Finding::is_error) {
        return (None, findings);
    }
    let mut schema = schema;
    let (arguments, inputs) = (&argument_origins, &tables.inputs);
    let origins = inherit::Origins { graph, markup: &markup, of: &of, paths: &paths, arguments, inputs };
    inherit::inherit(&mut schema, &origins);
    one_of::inherit(&mut schema, graph, &of);
    one_of::introspect(&mut schema);
    let implementers = schema.implementers_map();
    // The schema was valid before. Descriptions change nothing, deprecations are added only where they are allowed, and
    // defaults are translated to the client's names.
    let view = View { schema: Valid::assume_valid(schema), implementers, tables: Arc::new(tables) };
    (Some(view), findings)
}

/// Builds and validates the schema. If there are errors, gives what could be built from the text, with the errors.
fn build(document: &Document) -> (Schema, Option<DiagnosticList>) {
    let (schema, mut errors) = match Schema::builder().adopt_orphan_extensions().add_ast(document).build() {
        Ok(schema) => (schema, None),
        Err(WithErrors { partial, errors }) => (partial, Some(errors)),
    };
    match schema.validate() {
        Ok(schema) => (schema.into_inner(), errors),
        Err(WithErrors { partial, errors: further }) => {
            match &mut errors {
                Some(errors) => errors.merge(further),
                None => errors = Some(further),
            }
            (partial, errors)
        }
    }
}

/// Turns the compiler's errors into findings. An error is left out if it overlaps one of our findings, which says more.
fn not_graphql(file: FileId, errors: &DiagnosticList, known: &[Finding]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for diagnostic in errors.iter() {
        let span = markup::span_of(file, diagnostic.error.location());
        let is_known =
            known.iter().filter_map(Finding::span).any(|other| other.start <= span.end && span.start <= other.end);
        if !is_known {
            findings.push(Finding::new(Code::E100, diagnostic.error.to_string(), span, "here"));
        }
    }
    findings
}

#[cfg(test)]
const _: () = {
    const fn shared<T: Send + Sync>() {}
    shared::<View>();
};
