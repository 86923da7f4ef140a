//! Mutants in which a binding names another operation of the same contract.
//!
//! A check can only tell two operations apart by their parameters and answers. So a mutant is made only if something in
//! the binding does not fit the other operation, by the simple conditions below. The finding must be at that place. If
//! no condition holds, the contract says the same about the names of both operations, and the mutant counts as
//! equivalent.

use super::binding::Binding;
use super::demo::{members, string};
use super::mutant::{Kind, Mutant, Place};
use bespoke::internals::contract::{Endpoint, Location, SchemaId, SchemaKind, StatusPattern};
use bespoke::internals::diagnostic::Code;

const CODES: &[Code] =
    &[Code::E102, Code::E103, Code::E104, Code::E105, Code::E107, Code::E108, Code::E112, Code::E113, Code::E119];

pub(super) fn mutants(binding: &Binding<'_>) -> Vec<Mutant> {
    let others = binding.contract.operations().filter(|operation| operation.id != binding.op.0);
    let mutants = others.filter_map(|operation| {
        let (name, other) = (operation.id, binding.contract.endpoint(operation.id)?);
        let places = misfits(binding, other);
        let (first, rest) = places.split_first()?;
        let what = format!("{}: op", binding.name());
        let mut mutant = binding.sdl.mutant(Kind::Operation, what, (binding.op.1.clone(), name), CODES);
        mutant.places = vec![first.clone()];
        Some(mutant.or(rest.iter().cloned()))
    });
    mutants.collect()
}

/// The places of the binding that do not fit another operation.
fn misfits(binding: &Binding<'_>, other: &Endpoint) -> Vec<Place> {
    let mut places = request(binding, other);
    // If the request does not fit, the check does not look at the answer.
    if places.is_empty() {
        places = answer(binding, other);
    }
    places
}

fn request(binding: &Binding<'_>, other: &Endpoint) -> Vec<Place> {
    let mut places = Vec::new();
    let sdl = binding.sdl;
    let entries: Vec<_> = binding.entry_words().collect();
    let fields = binding.connect.text("fields");
    let arguments = binding.arguments_of_field();
    let has_argument = |name: &str| arguments.iter().any(|argument| argument.name == name);
    let is_given = |name: &str| {
        entries.iter().any(|(of, word)| *of == "params" && word.text == name)
            || fields.as_ref().is_some_and(|(fields, _)| *fields == name)
            || has_argument(name)
    };
    let takes = |name: &str| other.parameters.iter().any(|parameter| parameter.name == name);
    // A required parameter that is not sent. A path parameter may be a field of the parent.
    let is_of_parent = |name: &str| !binding.ty.is_root() && binding.ty.fields.iter().any(|field| field.name == name);
    let is_missing = |parameter: &&bespoke::internals::contract::Parameter| {
        let is_implied = parameter.location == Location::Path && is_of_parent(&parameter.name);
        parameter.required && !is_given(&parameter.name) && !is_implied
    };
    if other.parameters.iter().any(|parameter| is_missing(&parameter)) {
        places.push(binding.op_place());
    }
    // A parameter that the other operation does not have.
    let unknown = entries.iter().filter(|(of, word)| *of == "params" && !takes(word.text));
    places.extend(unknown.map(|(_, word)| sdl.place(word.span.clone())));
    if let Some((_, span)) = fields.filter(|(fields, _)| !takes(fields)) {
        places.push(sdl.place(span));
    }
    // A body for an operation without one, or no body for an operation whose body needs properties.
    let properties = other.body.as_ref().map(|body| properties(binding, body.schema));
    match (binding.connect.text("body"), &properties) {
        (Some((_, span)), None) => places.push(sdl.place(span)),
        (Some(_), Some(known)) => {
            let unknown = entries.iter().filter(|(of, word)| *of == "body" && !known.contains(&word.text.to_owned()));
            places.extend(unknown.map(|(_, word)| sdl.place(word.span.clone())));
        }
        (None, Some(known)) if !known.iter().any(|name| has_argument(name)) => places.push(binding.op_place()),
        (None, _) => {}
    }
    // An argument that is not sent.
    let read = |name: &str| binding.reads(name);
    let goes = |name: &str| {
        read(name) || takes(name) || properties.as_ref().is_some_and(|known| known.iter().any(|k| k == name))
    };
    let lost = arguments.iter().filter(|argument| !goes(&argument.name));
    places.extend(lost.map(|argument| sdl.place(argument.span.clone())));
    // A query that calls a writing operation.
    let is_batched = binding.connect.argument("batch").is_some();
    if !other.method.is_safe() && binding.ty.name != "Mutation" && !is_batched {
        places.push(binding.op_place());
    }
    places
}

fn answer(binding: &Binding<'_>, other: &Endpoint) -> Vec<Place> {
    let is_success = |status: StatusPattern| matches!(status, StatusPattern::Exact(200..=299));
    let Some(body) = other.responses.iter().find(|answer| is_success(answer.status)).and_then(|answer| answer.schema)
    else {
        return vec![binding.op_place()];
    };
    let selection = binding.connect.text("selection").map(|(_, span)| span);
    let place = selection.clone().map_or(binding.op_place(), |span| binding.sdl.place(span));
    let is_array = |id: SchemaId| matches!(binding.contract.schema(id).kind, SchemaKind::Array { .. });
    let first = binding.words_of("selection").into_iter().find(|word| word.text != "$" && !word.is_entry);
    let is_list = binding.field.is_some_and(|field| field.ty.is_list());
    let batch = binding.connect.argument("batch");
    let is_dollar = selection.is_some_and(|span| binding.sdl.text[span].trim_start().starts_with('$'));
    // A list must be answered exactly where a list is expected. `$.x` names the place of the list itself, so it is not
    // checked.
    if !is_dollar && is_array(body) != (batch.is_some() || is_list) {
        return vec![place];
    }
    let item = match binding.contract.schema(body).kind {
        SchemaKind::Array { items, .. } => items,
        _ => body,
    };
    let known = properties(binding, item);
    // A name that the answer of the other operation does not have.
    if first.is_some_and(|word| !known.iter().any(|name| name == word.text)) {
        return vec![place];
    }
    if let Some((key, span)) = batch.and_then(|batch| members(batch).get("key").and_then(|key| string(key)))
        && !is_dollar
        && !known.iter().any(|name| name == key)
    {
        return vec![binding.sdl.place(span)];
    }
    Vec::new()
}

fn properties(binding: &Binding<'_>, id: SchemaId) -> Vec<String> {
    match &binding.contract.schema(id).kind {
        SchemaKind::Object { properties } => properties.keys().cloned().collect(),
        _ => Vec::new(),
    }
}
