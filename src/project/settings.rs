//! Settings: each `$config` value that a binding reads must be in the configuration of every client that uses the binding.
//!
//! In: the graph, a client's configuration, and the bindings that the client uses. Out: findings (E125).
//!
//! A call that lacks a setting at run time fails before it is sent (`UPSTREAM_NOT_CONFIGURED`); it is never sent without.

use crate::compose::{From, Graph, HeaderValue, Input, Read, Shape, ShapeId, Way};
use crate::config::Config;
use crate::diagnostic::{Code, Finding, Span};
use std::collections::HashSet;

/// Finds settings that are missing; each is reported once for a binding.
pub(super) fn check(graph: &Graph, config: &Config, bindings: &[Span]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut seen = HashSet::new();
    for way in graph.ways.iter().filter(|way| bindings.contains(&way.span)) {
        let source = graph.source(way.source);
        let settings = config.services.get(&source.name).map(|service| &service.config);
        for path in named(graph, way) {
            let found = path
                .split_first()
                .and_then(|(first, rest)| rest.iter().try_fold(settings?.get(first)?, |value, name| value.get(name)));
            if found.is_some_and(|value| !value.is_null()) || !seen.insert((way.span, path)) {
                continue;
            }
            let name = path.join(".");
            let message = format!("`$config.{name}` of the service `{}` is not configured", source.name);
            let mut finding = Finding::new(Code::E125, message, way.span, "this binding needs it");
            let known = settings.into_iter().flat_map(|settings| settings.keys()).map(|name| format!("`{name}`"));
            let known: Vec<String> = known.collect();
            if !known.is_empty() {
                finding.message.push_str(&format!("; what is configured is {}", known.join(", ")));
            }
            let help =
                format!("add `{name}` to `services.{}.config` in the configuration, or write `?? …`", source.name);
            finding.help = Some(help);
            findings.push(finding);
        }
    }
    findings
}

/// The settings that a way needs.
fn named<'g>(graph: &'g Graph, way: &'g Way) -> Vec<&'g [String]> {
    let mut paths = Vec::new();
    paths.extend(graph.source(way.source).kind.headers().iter().filter_map(|header| match &header.value {
        HeaderValue::Config(path) => Some(path.as_slice()),
        HeaderValue::Forwarded(_) | HeaderValue::Literal(_) => None,
    }));
    way.call.inputs().for_each(|input| of_input(input, &mut paths));
    of_read(&way.answer.read, &mut paths);
    of_shape(graph, way.answer.shape, &mut HashSet::new(), &mut paths);
    paths
}

fn of_input<'g>(input: &'g Input, paths: &mut Vec<&'g [String]>) {
    match input {
        Input::Config(path) => paths.push(path),
        Input::Object(members) => members.iter().for_each(|(_, input)| of_input(input, paths)),
        Input::List(items) => items.iter().for_each(|input| of_input(input, paths)),
        Input::Number(inner) | Input::Text(inner) => of_input(inner, paths),
        // What stands before `??` may be missing.
        Input::OrElse(_, other) => of_input(other, paths),
        Input::Literal(_) | Input::Argument(_) | Input::Parent(_) | Input::BatchSize | Input::Claim(_) => {}
    }
}

fn of_read<'g>(read: &'g Read, paths: &mut Vec<&'g [String]>) {
    match (&read.from, &read.or) {
        (_, Some(or)) => of_read(or, paths),
        (From::Input(input), None) => of_input(input, paths),
        _ => {}
    }
}

fn of_shape<'g>(graph: &'g Graph, shape: Option<ShapeId>, seen: &mut HashSet<ShapeId>, paths: &mut Vec<&'g [String]>) {
    let Some(shape) = shape.filter(|&shape| seen.insert(shape)) else { return };
    let Shape { variants, .. } = graph.shape(shape);
    for field in variants.iter().flat_map(|variant| variant.fields.values()) {
        of_read(&field.read, paths);
        of_shape(graph, field.shape, seen, paths);
    }
}
