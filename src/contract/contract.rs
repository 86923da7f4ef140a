//! One service's contract, of which each part is read when somebody first asks for it.
//!
//! In: names of operations, ids of schemas. Out: what the document says of them, and the findings of all that was asked for.
//! Elsewhere: reading operations ([`super::operations`]) and schemas ([`super::schemas`]).
//!
//! Always true: what nobody asks for is not interpreted, costs nothing, and has no findings.

use super::cells::Cells;
use super::document::Document;
use super::model::{Endpoint, Schema, SchemaId, SchemaKind};
use super::operations::Operation;
use super::reader::{Findings, Reader};
use super::schemas::Schemas;
use crate::diagnostic::{FileId, Finding, Span};
use indexmap::IndexMap;
use std::sync::{Mutex, OnceLock, PoisonError};

/// One service's contract.
#[derive(Debug)]
pub struct Contract {
    /// The file of the document.
    pub file: FileId,
    /// `info.title`.
    pub title: String,
    /// `servers[].url`, in order.
    pub servers: Vec<String>,
    /// By `operationId`; an operation without one is named `METHOD /path`.
    operations: IndexMap<String, (Operation, OnceLock<Option<Endpoint>>)>,
    schemas: Cells<Schema>,
    /// Stands for a schema that there is no room for.
    anything: Schema,
    document: Document,
    is_3_0: bool,
    state: Mutex<State>,
}

/// What grows while the document is interpreted.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) schemas: Schemas,
    pub(super) findings: Findings,
}

/// What a contract says of an operation without reading it.
#[derive(Debug, Clone, Copy)]
pub struct OperationHead<'a> {
    /// `operationId`, else `METHOD /path`.
    pub id: &'a str,
    /// The method.
    pub method: &'a http::Method,
    /// The path template with `{name}` placeholders.
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

    /// Whether there is an operation of this name, whatever may be wrong in it.
    #[must_use]
    pub fn has_operation(&self, id: &str) -> bool {
        self.operations.contains_key(id)
    }

    /// The operation of a name; `None` if there is none, or if it cannot be called, which a finding then says.
    #[must_use]
    pub fn endpoint(&self, id: &str) -> Option<&Endpoint> {
        let (operation, endpoint) = self.operations.get(id)?;
        endpoint.get_or_init(|| self.with(|schemas, reader| schemas.read_endpoint(reader, operation))).as_ref()
    }

    /// The schema behind an id of this contract.
    #[must_use]
    pub fn schema(&self, id: SchemaId) -> &Schema {
        let find = || self.schemas.cell(id.0 as usize)?.get();
        if let Some(schema) = find() {
            return schema;
        }
        for (id, schema) in self.with(|schemas, reader| schemas.read(reader, id, &self.schemas)) {
            if let Some(cell) = self.schemas.cell(id.0 as usize) {
                // Another thread may have read it at the same time, to the same result.
                let _ = cell.set(schema);
            }
        }
        find().unwrap_or(&self.anything)
    }

    /// What is wrong in all parts that were asked for so far, by place.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).findings.sorted()
    }

    /// Reads everything, components that no operation uses included, so that [`Self::findings`] holds all findings.
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

    /// All schemas that were read, by id.
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
