//! Preparation: the text of a document becomes a valid document and the operation to run.

use super::error::{OPERATION_NOT_FOUND, PARSE_FAILED, RequestError, VALIDATION_FAILED, diagnosed};
use super::given::JsonText;
use super::limits::{self, Limits};
use super::lowered::{OperationKind, VariableId};
use super::own::Particulars;
use super::rules;
use super::sites::Sites;
use super::subscription;
use super::syntax;
use super::validate;
use crate::view::View;
use crate::view::table::Tables;
use apollo_compiler::ast::{OperationType, VariableDefinition};
use apollo_compiler::executable::{Operation, Selection, SelectionSet};
use apollo_compiler::parser::Parser;
use apollo_compiler::validation::Valid;
use apollo_compiler::{ExecutableDocument, Name, Node};
use std::collections::HashSet;
use std::sync::Arc;

/// A valid document with the operation that was chosen. It is made once for each text and operation name.
#[derive(Debug)]
pub struct Prepared {
    pub(super) document: Valid<ExecutableDocument>,
    pub(super) operation: Node<Operation>,
    pub(super) tables: Arc<Tables>,
    /// How many of the operation's variables the client declared. The variables after these stand for literals.
    pub(super) declared: usize,
    pub(super) sites: Sites,
    pub(super) own: Arc<Particulars>,
    pub(super) conditions: Vec<VariableId>,
    /// Variables that must not be null at their place, although their type allows it. If one is null, the request
    /// fails.
    pub(super) not_null: Vec<VariableId>,
    /// The same kind of variables in arguments of fields. If one is null, the field of the argument fails.
    pub(super) fallible: Vec<VariableId>,
    pub(super) has_introspection: bool,
    pub(super) has_defer: bool,
    pub(super) max_lowered: usize,
    pub(super) max_variable_values: u32,
}

/// Parses and validates a document, and chooses the operation.
///
/// Limits are enforced before the work that they bound.
///
/// # Errors
/// The errors of the document (the first ones, if there are many), or the error of choosing the operation.
///
/// # Source
/// GraphQL §5 (validation), §6.1 (`GetOperation`).
pub fn prepare(
    view: &View,
    limits: &Limits,
    text: &str,
    operation_name: Option<&str>,
) -> Result<Prepared, Vec<RequestError>> {
    limits::check_text(text, limits).map_err(|error| vec![error])?;
    let text = syntax::complete(text).map_err(|error| vec![error])?;
    // The nesting of brackets was limited before. The parser's own limit is higher, because it recurses twice for some
    // brackets.
    let ast = Parser::new()
        .recursion_limit(1000)
        .parse_ast(text.into_owned(), "operation")
        .map_err(|invalid| diagnosed(PARSE_FAILED, invalid.errors.iter(), &invalid.partial.sources))?;
    limits::check_document(&ast, limits).map_err(|error| vec![error])?;
    // `explain` says why and where a document is invalid; `found` only says that it is.
    let explained = |found: Vec<RequestError>| {
        let errors = rules::explain(&ast, &view.schema);
        if errors.is_empty() { found } else { errors }
    };
    let document = subscription::recounted(ast.to_executable_validate(&view.schema)).map_err(|invalid| {
        let errors = invalid.errors.iter().filter(|found| !subscription::is_miscount(found.error, &invalid.partial));
        explained(diagnosed(VALIDATION_FAILED, errors, &invalid.partial.sources))
    })?;
    if !rules::introspection_too_deep(&ast).is_empty() {
        return Err(explained(vec![RequestError::new(VALIDATION_FAILED, rules::TOO_DEEP)]));
    }
    validate::document(&document, view).map_err(explained)?;
    let operation = choose(&document, operation_name)?;
    let found = validate::operation(&document, &operation, view).map_err(explained)?;
    let mut met = Conditions { document: &document, seen: HashSet::new(), names: Vec::new(), has_defer: false };
    met.selection_set(&operation.selection_set);
    let has_defer = met.has_defer;
    let conditions: Vec<_> = met.names.iter().filter_map(|name| variable_id(&operation, name)).collect();
    let has_introspection =
        operation.root_fields(&document).any(|field| matches!(field.name.as_str(), "__schema" | "__type"));
    let mut not_null: Vec<_> = found.not_null.into_iter().chain(conditions.iter().copied()).collect();
    let mut fallible = found.fallible;
    if operation.operation_type == OperationType::Subscription {
        // Without its root field there is no stream, so the request fails (§6.2.3.1).
        not_null.append(&mut fallible);
    }
    let defaults = defaults(&operation, &view.tables);
    let (sites, locations) = Sites::of(&document, &operation, source(&document, &operation).unwrap_or_default());
    Ok(Prepared {
        document,
        tables: view.tables.clone(),
        declared: operation.variables.len(),
        sites,
        own: Arc::new(Particulars { literals: Arc::default(), defaults, locations }),
        operation,
        conditions,
        not_null,
        fallible,
        has_introspection,
        has_defer,
        max_lowered: limits.max_lowered,
        max_variable_values: limits.max_variable_values,
    })
}

fn choose(document: &ExecutableDocument, name: Option<&str>) -> Result<Node<Operation>, Vec<RequestError>> {
    document.operations.get(name).cloned().map_err(|_| {
        let message = match name {
            Some(name) => format!("the document has no operation `{}`", crate::view::short(name)),
            None if document.operations.is_empty() => "the document has no operation".to_owned(),
            None => "the document has several operations; say which by `operationName`".to_owned(),
        };
        vec![RequestError::new(OPERATION_NOT_FOUND, message)]
    })
}

/// Gives the defaults of an operation's variables.
fn defaults(operation: &Operation, tables: &Tables) -> Box<[Option<JsonText>]> {
    let default = |variable: &Node<VariableDefinition>| {
        let default = variable.default_value.as_ref()?;
        tables.inputs.constant(&variable.ty, default).ok().map(|json| JsonText::from(&json))
    };
    operation.variables.iter().map(default).collect()
}

/// Gives the text that an operation was parsed from.
fn source<'d>(document: &'d ExecutableDocument, operation: &Node<Operation>) -> Option<&'d str> {
    let file = operation.location()?.file_id();
    Some(document.sources.get(&file)?.source_text())
}

/// Gives the index of a variable in the operation's variable definitions.
pub(super) fn variable_id(operation: &Operation, name: &str) -> Option<VariableId> {
    let at = operation.variables.iter().position(|variable| variable.name == name)?;
    Some(VariableId::at(at))
}

impl Prepared {
    /// The kind of the operation.
    #[must_use]
    pub fn kind(&self) -> OperationKind {
        match self.operation.operation_type {
            OperationType::Query => OperationKind::Query,
            OperationType::Mutation => OperationKind::Mutation,
            OperationType::Subscription => OperationKind::Subscription,
        }
    }

    /// The text of the document as it was parsed.
    pub(super) fn source(&self) -> Option<&str> {
        source(&self.document, &self.operation)
    }

    /// What this document has of its own, compared with others of its shape.
    #[must_use]
    pub fn own(&self) -> &Arc<Particulars> {
        &self.own
    }

    /// The name of the operation, if it has one.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.operation.name.as_deref()
    }

    /// The variables that `@skip`, `@include` and `@defer` depend on, in the order of their first use.
    #[must_use]
    pub fn conditions(&self) -> &[VariableId] {
        &self.conditions
    }

    /// Whether the operation asks for `__schema` or `__type`.
    #[must_use]
    pub fn has_introspection(&self) -> bool {
        self.has_introspection
    }
}

/// Finds the variables of `@skip`, `@include` and `@defer`. Each fragment is visited once.
struct Conditions<'a> {
    document: &'a ExecutableDocument,
    seen: HashSet<&'a Name>,
    names: Vec<&'a Name>,
    has_defer: bool,
}

impl<'a> Conditions<'a> {
    fn selection_set(&mut self, set: &'a SelectionSet) {
        for selection in &set.selections {
            self.has_defer |= selection.directives().has("defer");
            for name in ["skip", "include", "defer"] {
                let directive = selection.directives().get(name);
                let variable = directive
                    .and_then(|directive| directive.specified_argument_by_name("if"))
                    .and_then(|value| value.as_variable());
                if let Some(variable) = variable.filter(|variable| !self.names.contains(variable)) {
                    self.names.push(variable);
                }
            }
            match selection {
                Selection::Field(field) => self.selection_set(&field.selection_set),
                Selection::InlineFragment(fragment) => self.selection_set(&fragment.selection_set),
                Selection::FragmentSpread(spread) => {
                    let fragment = self.document.fragments.get(&spread.fragment_name);
                    if let Some(fragment) = fragment.filter(|fragment| self.seen.insert(&fragment.name)) {
                        self.selection_set(&fragment.selection_set);
                    }
                }
            }
        }
    }
}
