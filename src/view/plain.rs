//! Plain views: any SDL as a view of itself, without a graph.
//!
//! Directives that the text does not define have no meaning here and are removed. They may be Bespoke's, from a client
//! schema, or those of other tools, which declare them elsewhere.

use super::table::Tables;
use super::{View, build, inputs, not_graphql, one_of};
use crate::diagnostic::{Code, FileId, Finding, Sources};
use apollo_compiler::Name;
use apollo_compiler::ast::{Definition, DirectiveList, Document};
use apollo_compiler::validation::Valid;
use std::collections::HashSet;
use std::sync::Arc;

/// The directives that GraphQL itself defines (§3.13).
const BUILT_IN: [&str; 5] = ["skip", "include", "deprecated", "specifiedBy", "oneOf"];

/// The greatest length of a text, in bytes.
const MAX_BYTES: usize = 8 * 1024 * 1024;

/// Reads any SDL as a view that shows every type as it is. Documents can be prepared with such a view, but not lowered.
///
/// The function is pure. It gives all findings (`E100`), and a view if there are none.
#[must_use]
pub fn plain(sources: &Sources, file: FileId) -> (Option<View>, Vec<Finding>) {
    if sources.text(file).len() > MAX_BYTES {
        let span = crate::diagnostic::Span::new(file, 0..0);
        return (None, vec![Finding::new(Code::E100, "the file is longer than 8 MiB", span, "this file")]);
    }
    let mut document = match Document::parse(sources.text(file), sources.path(file)) {
        Ok(document) => document,
        Err(errors) => return (None, not_graphql(file, &errors.errors, &[])),
    };
    strip(&mut document);
    let (mut schema, errors) = build(&document);
    if let Some(errors) = errors {
        return (None, not_graphql(file, &errors, &[]));
    }
    one_of::introspect(&mut schema);
    let tables = Tables { inputs: inputs::identity(&schema), ..Tables::default() };
    let implementers = schema.implementers_map();
    // `build` has found no errors in the schema.
    (Some(View { schema: Valid::assume_valid(schema), implementers, tables: Arc::new(tables) }), Vec::new())
}

/// Removes directives that the document does not define, and schema extensions that are empty without them.
fn strip(document: &mut Document) {
    let defined = document.definitions.iter().filter_map(|definition| match definition {
        Definition::DirectiveDefinition(directive) => Some(directive.name.clone()),
        _ => None,
    });
    let defined: HashSet<Name> = defined.collect();
    let keep = |directives: &mut DirectiveList| {
        directives.0.retain(|it| BUILT_IN.contains(&it.name.as_str()) || defined.contains(&it.name));
    };
    for definition in &mut document.definitions {
        strip_definition(definition, &keep);
    }
    one_of::define(document);
    document.definitions.retain(|definition| match definition {
        Definition::SchemaExtension(schema) => !schema.directives.is_empty() || !schema.root_operations.is_empty(),
        _ => true,
    });
}

fn strip_definition(definition: &mut Definition, keep: &dyn Fn(&mut DirectiveList)) {
    macro_rules! type_only {
        ($node:ident) => {
            keep(&mut $node.make_mut().directives)
        };
    }
    macro_rules! with_fields {
        ($node:ident) => {{
            let node = $node.make_mut();
            keep(&mut node.directives);
            for field in &mut node.fields {
                let field = field.make_mut();
                keep(&mut field.directives);
                for argument in &mut field.arguments {
                    keep(&mut argument.make_mut().directives);
                }
            }
        }};
    }
    macro_rules! with_members {
        ($node:ident, $members:ident) => {{
            let node = $node.make_mut();
            keep(&mut node.directives);
            for member in &mut node.$members {
                keep(&mut member.make_mut().directives);
            }
        }};
    }
    match definition {
        Definition::SchemaDefinition(node) => type_only!(node),
        Definition::SchemaExtension(node) => type_only!(node),
        Definition::ScalarTypeDefinition(node) => type_only!(node),
        Definition::ScalarTypeExtension(node) => type_only!(node),
        Definition::UnionTypeDefinition(node) => type_only!(node),
        Definition::UnionTypeExtension(node) => type_only!(node),
        Definition::ObjectTypeDefinition(node) => with_fields!(node),
        Definition::ObjectTypeExtension(node) => with_fields!(node),
        Definition::InterfaceTypeDefinition(node) => with_fields!(node),
        Definition::InterfaceTypeExtension(node) => with_fields!(node),
        Definition::InputObjectTypeDefinition(node) => with_members!(node, fields),
        Definition::InputObjectTypeExtension(node) => with_members!(node, fields),
        Definition::EnumTypeDefinition(node) => with_members!(node, values),
        Definition::EnumTypeExtension(node) => with_members!(node, values),
        Definition::DirectiveDefinition(node) => {
            for argument in &mut node.make_mut().arguments {
                keep(&mut argument.make_mut().directives);
            }
        }
        Definition::OperationDefinition(_) | Definition::FragmentDefinition(_) => {}
    }
}
