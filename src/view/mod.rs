//! Client schemas: what one client sees, as a view over the graph.
//!
//! In: the text of a client schema (SDL with `@view` and `@from`), the composed [`Graph`].
//! Out: a [`View`]: the clean schema and the lowering tables, or every finding (E100 for what is not GraphQL,
//! E116 for what the graph does not have or has otherwise).
//! Elsewhere: lowering operations by these tables ([`crate::operation`]).
//!
//! Always true:
//! - a [`View`] has been checked against its graph as a whole; lowering by it cannot fail for want of a field;
//! - its schema holds none of our directives.
//!
//! The thirteen rules of lowering are tested by name in `tests.rs` and in the tests of [`crate::operation`].

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

/// One client's schema over the graph.
#[derive(Debug)]
pub struct View {
    /// What the client sees: none of our directives; descriptions and deprecations inherited from the graph.
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

/// Reads a client schema and checks it against the graph.
///
/// Pure. Gives all findings; a view iff none of them is an error.
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
    // Valid before; descriptions change nothing, deprecations go only where they may stand, and defaults are translated.
    let view = View { schema: Valid::assume_valid(schema), implementers, tables: Arc::new(tables) };
    (Some(view), findings)
}

/// Builds and validates the schema; with errors, it is what could be made of the text.
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

/// The compiler's findings, without those that stand where we have one that says more.
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
