//! The contract of one service. A part of it is read when somebody asks for it for the first time.
//!
//! In: names of operations, and ids of schemas. Out: what the document says about them, and the findings in all parts
//! that were asked for.
//! Elsewhere: reading operations ([`super::operations`]) and schemas ([`super::schemas`]).
//!
//! Always true: a part that nobody asks for is not interpreted, so that it costs nothing and has no findings.

use super::cells::Cells;
use super::document::Document;
use super::model::{Endpoint, Schema, SchemaId, SchemaKind};
use super::operations::Operation;
use super::reader::{Findings, Reader};
use super::schemas::Schemas;
use crate::diagnostic::{FileId, Finding, Span};
use indexmap::IndexMap;
use std::sync::{Mutex, OnceLock, PoisonError};

/// The contract of one service.
#[derive(Debug)]
pub struct Contract {
    /// The file of the OpenAPI document.
    pub file: FileId,
    /// The title of the API (`info.title`).
    pub title: String,
    /// The URLs of the servers (`servers[].url`), in the order of the document.
    pub servers: Vec<String>,
    /// The operations by `operationId`. An operation without one is named `METHOD /path`.
    operations: IndexMap<String, (Operation, OnceLock<Option<Endpoint>>)>,
    schemas: Cells<Schema>,
    /// The schema that is given for an id for which the cells have no room.
    anything: Schema,
    document: Document,
    is_3_0: bool,
    state: Mutex<State>,
}

/// The schemas and findings, which grow while the document is interpreted.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) schemas: Schemas,
    pub(super) findings: Findings,
}

/// What is known about an operation before it is read.
#[derive(Debug, Clone, Copy)]
pub struct OperationHead<'a> {
    /// The `operationId`, or `METHOD /path` if there is none.
    pub id: &'a str,
    /// The HTTP method.
    pub method: &'a http::Method,
    /// The path template with `{name}` placeholders, such as `/users/{id}`.
    pub path: &'a str,
}

impl Contract {
    pub(super) fn new(
        file: FileId,
        (title, servers): (String, Vec<String>),
        operations: IndexMap<String, Operation>,
        document: Document,
        is_3_0: bool,
        state: State,
    ) -> Self {
        let (kind, span) = (SchemaKind::Any, Span::new(file, 0..0));
        let anything = Schema { name: None, nullable: true, kind, description: None, deprecated: false, span };
        let operations = operations.into_iter().map(|(id, operation)| (id, (operation, OnceLock::new()))).collect();
        let (schemas, state) = (Cells::default(), Mutex::new(state));
        Self { file, title, servers, operations, schemas, anything, document, is_3_0, state }
    }

    /// All operations, in the order of the document.
    pub fn operations(&self) -> impl Iterator<Item = OperationHead<'_>> {
        let operations = self.operations.iter().map(|(id, (operation, _))| (id, operation));
        operations.map(|(id, operation)| OperationHead { id, method: operation.method, path: &operation.path })
    }

    /// Whether the contract has an operation of this name, even if it cannot be called.
    #[must_use]
    pub fn has_operation(&self, id: &str) -> bool {
        self.operations.contains_key(id)
    }

    /// Reads the operation of a name; `None` if there is none, or if a finding says why it cannot be called.
    #[must_use]
    pub fn endpoint(&self, id: &str) -> Option<&Endpoint> {
        let (operation, endpoint) = self.operations.get(id)?;
        endpoint.get_or_init(|| self.with(|schemas, reader| schemas.read_endpoint(reader, operation))).as_ref()
    }

    /// Gives the schema of an id from this contract.
    #[must_use]
    pub fn schema(&self, id: SchemaId) -> &Schema {
        let find = || self.schemas.cell(id.0 as usize)?.get();
        if let Some(schema) = find() {
            return schema;
        }
        for (id, schema) in self.with(|schemas, reader| schemas.read(reader, id, &self.schemas)) {
            if let Some(cell) = self.schemas.cell(id.0 as usize) {
                // Another thread may have read the same schema at the same time. Its result is equal.
                let _ = cell.set(schema);
            }
        }
        find().unwrap_or(&self.anything)
    }

    /// Gives the findings in all parts that were asked for so far, in the order of their places.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).findings.sorted()
    }

    /// Reads all parts, including components that no operation uses, so that [`Self::findings`] gives all findings.
    pub fn read_all(&self) {
        self.with(Schemas::ask_for_components);
        for id in self.operations.keys() {
            let _ = self.endpoint(id);
        }
        let count = || self.with(|schemas, _| schemas.len());
        let mut next = 0;
        while next < count() {
            let _ = self.schema(SchemaId(next));
            next += 1;
        }
    }

    /// The schemas that were read, in the order of their ids.
    #[cfg(test)]
    pub(super) fn schemas(&self) -> Vec<&Schema> {
        (0..).map_while(|index| self.schemas.cell(index)?.get()).collect()
    }

    fn with<'a, T>(&'a self, work: impl FnOnce(&mut Schemas, &mut Reader<'a>) -> T) -> T {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut reader = Reader::new(&self.document, self.is_3_0, std::mem::take(&mut state.findings));
        let result = work(&mut state.schemas, &mut reader);
        state.findings = reader.findings;
        result
    }
}
