//! The request of a binding: its parameters and body, filled from arguments, parents and the caller.

use super::binding::Binding;
use super::leaf;
use crate::compose::RestCall;
use crate::compose::types::Bounds;
use crate::compose::way::{Entry, KeyPath};
use crate::contract::{Contract, SchemaId, SchemaKind};
use crate::diagnostic::{Code, Finding, Span};
use crate::sdl::Target;

/// The greatest number of keys in one call, if neither the binding nor the contract sets one.
const DEFAULT_BATCH: u32 = 100;

/// A lowered request.
pub(super) struct Request {
    pub(super) call: RestCall,
    /// The path template, for messages.
    pub(super) template: String,
    pub(super) inputs: Vec<KeyPath>,
    pub(super) batch: Option<BatchKeys>,
    /// Whether `$batch->size` is sent.
    pub(super) sends_size: bool,
}

/// The list of keys that a batched call sends.
pub(super) struct BatchKeys {
    /// The index of the key in the inputs.
    pub(super) key: usize,
    pub(super) max_size: u32,
}

/// The state of lowering a request.
#[derive(Default)]
pub(super) struct Lowering {
    pub(super) inputs: Vec<KeyPath>,
    pub(super) batch_key: Option<(usize, Option<u64>)>,
    pub(super) sends_size: bool,
    /// The greatest value that the parameter for `$batch->size` allows.
    pub(super) max_size: Option<u32>,
    pub(super) bounds: Vec<(String, Bounds)>,
}

/// The place in a request that a value fills.
#[derive(Clone, Copy)]
pub(super) struct Slot<'a> {
    pub(super) schema: Option<(&'a Contract, SchemaId)>,
    pub(super) is_body: bool,
    pub(super) is_required: bool,
    /// The position of its declaration in the contract.
    pub(super) span: Option<Span>,
}

impl<'a> Binding<'_, 'a> {
    /// Lowers the request. `None` if it has an error.
    pub(super) fn request(&mut self) -> Option<Request> {
        let errors = self.draft.findings.len();
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
            let finding =
                Finding::new(Code::E102, message, mapping.span, "this body").and(endpoint.span, "declared here");
            self.draft.find(finding);
        }
        let batch = if self.has_errors_since(errors) { None } else { self.batch_keys(&lowering) };
        if let Some(field) = self.field() {
            for (name, bounds) in lowering.bounds {
                if let Some(argument) = self.draft.graph.fields[field.index()].arguments.get_mut(&name) {
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

    fn batch_keys(&mut self, lowering: &Lowering) -> Option<BatchKeys> {
        let batch = self.connect.batch.as_ref()?;
        if matches!(self.entry, Entry::Root(_)) {
            let message = "a root field has no parents to batch";
            self.draft.find(Finding::new(Code::E107, message, batch.key.span, "batched here").help("remove `batch:`"));
            return None;
        }
        let Some((key, max_items)) = lowering.batch_key else {
            let message = "a batched binding sends no keys";
            let help = "send them to a parameter or property of type array: `params: \"ids: $batch.id\"`";
            self.draft.find(Finding::new(Code::E107, message, batch.key.span, "batched here").help(help));
            return None;
        };
        // The parameter for the number of keys must allow that number, because the answer would be cut beyond its
        // maximum.
        let contract_max = max_items.and_then(|max| u32::try_from(max).ok()).into_iter().chain(lowering.max_size).min();
        let declared = batch.max_size.as_ref();
        if let (Some(declared), Some(max)) = (declared, contract_max)
            && declared.value > max
        {
            let message = format!("`maxSize: {}` is more than the {max} that the contract allows", declared.value);
            let help = format!("write {max} or less, or leave it out: the contract's is the default");
            self.draft.find(Finding::new(Code::E107, message, declared.span, "too many").help(help));
        }
        let max_size = declared.map(|size| size.value).or(contract_max).unwrap_or(DEFAULT_BATCH).max(1);
        Some(BatchKeys { key, max_size })
    }

    /// A parameter or property of the body whose name shows that the endpoint pages its answer.
    pub(super) fn paging(&self) -> Option<(String, Span)> {
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
        let parameter = endpoint.parameters.iter().find(|parameter| is_paging(&parameter.name));
        let body = endpoint.body.as_ref().and_then(|body| Some(&self.source.contract?.schema(body.schema).kind));
        let properties = match body {
            Some(SchemaKind::Object { properties }) => Some(properties.iter()),
            _ => None,
        };
        let property =
            || properties?.find(|(name, _)| is_paging(name)).map(|(name, property)| (name.clone(), property.span));
        parameter.map(|parameter| (parameter.name.clone(), parameter.span)).or_else(property)
    }
}

impl Slot<'_> {
    pub(super) fn free(is_required: bool) -> Self {
        Self { schema: None, is_body: false, is_required, span: None }
    }
}
