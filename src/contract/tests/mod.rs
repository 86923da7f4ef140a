//! Tests that read whole documents.

mod bounds;
mod findings;
mod operations;
mod schemas;

use super::model::Schema;
use super::{Contract, SchemaId, SchemaKind, read_whole};
use crate::diagnostic::{Finding, Sources};
use std::fmt::Write as _;

/// Reads a text, and gives the findings as users see them.
fn read_text(text: &str) -> (Option<Contract>, String) {
    let mut sources = Sources::default();
    let file = sources.add("shop.openapi.yaml", text);
    let (contract, findings) = read_whole(&sources, file);
    (contract, show(&findings, &sources))
}

fn show(findings: &[Finding], sources: &Sources) -> String {
    let mut out = String::new();
    for finding in findings {
        let _ = write!(out, "{}: {}", finding.code, finding.message);
        for label in &finding.labels {
            let at = sources.position(label.span);
            let text = sources.text(label.span.file);
            let shown = &text[label.span.start as usize..label.span.end as usize];
            let shown: String = shown.chars().take(40).collect();
            let _ = write!(out, "\n  {}:{} `{}` {}", at.line, at.column, shown.replace('\n', "⏎"), label.text);
        }
        let _ = writeln!(out, "\n  help: {}", finding.help.as_deref().unwrap_or("-"));
    }
    out
}

/// Reads a text that must have no findings.
fn read_clean(text: &str) -> Contract {
    let (contract, findings) = read_text(text);
    assert_eq!(findings, "", "in\n{text}");
    contract.expect("a contract")
}

/// Makes a document of an OpenAPI version with component schemas, which must be indented by four blanks.
fn with_schemas(version: &str, schemas: &str) -> String {
    format!("openapi: {version}\ninfo: {{title: Shop, version: '1'}}\npaths: {{}}\ncomponents:\n  schemas:\n{schemas}")
}

/// Shows the component schema of this name as a type expression.
fn shown(contract: &Contract, name: &str) -> String {
    let at = contract.schemas().iter().position(|schema| schema.name.as_deref() == Some(name)).expect("a component");
    let id = SchemaId(u32::try_from(at).expect("few schemas"));
    let mut out = String::new();
    describe(contract, id, true, &mut out);
    out
}

/// Shows all components, one on each line.
fn all_shown(contract: &Contract) -> String {
    let mut out = String::new();
    for (index, schema) in contract.schemas().iter().enumerate() {
        if let Some(name) = &schema.name {
            let _ = write!(out, "{name}: ");
            describe(contract, SchemaId(u32::try_from(index).expect("few schemas")), true, &mut out);
            out.push('\n');
        }
    }
    out
}

/// Writes a schema as a type expression. Schemas inside it that have names are written as their names.
fn describe(contract: &Contract, id: SchemaId, is_root: bool, out: &mut String) {
    let Schema { name, nullable, kind, deprecated, .. } = contract.schema(id);
    if let Some(name) = name.as_ref().filter(|_| !is_root) {
        let _ = write!(out, "{name}{}", if *nullable { "|null" } else { "" });
        return;
    }
    match kind {
        SchemaKind::Any => out.push_str("any"),
        SchemaKind::Boolean => out.push_str("boolean"),
        SchemaKind::Integer { format, minimum, maximum, .. } => {
            let _ = write!(out, "integer {format:?}{}{}", bound(">=", *minimum), bound("<=", *maximum));
        }
        SchemaKind::Number { bounds } => {
            out.push_str("number");
            for (bound, signs) in [(&bounds.minimum, [">=", ">"]), (&bounds.maximum, ["<=", "<"])] {
                if let Some(bound) = bound {
                    let _ = write!(out, " {}{}", signs[usize::from(bound.is_exclusive)], bound.value);
                }
            }
            for divisor in &bounds.multiple_of {
                let _ = write!(out, " %{divisor}");
            }
        }
        SchemaKind::String { format, values, pattern, min_length, max_length } => {
            out.push_str("string");
            for part in [format, pattern].into_iter().flatten() {
                let _ = write!(out, " {part}");
            }
            if !values.is_empty() {
                let _ = write!(out, " {values:?}");
            }
            let _ = write!(out, "{}{}", bound("len>=", *min_length), bound("len<=", *max_length));
        }
        SchemaKind::Array { items, min_items, max_items } => {
            out.push('[');
            describe(contract, *items, false, out);
            let _ = write!(out, "]{}{}", bound("n>=", *min_items), bound("n<=", *max_items));
        }
        SchemaKind::Object { properties } => {
            out.push('{');
            for (index, (name, property)) in properties.iter().enumerate() {
                let comma = if index == 0 { "" } else { ", " };
                let _ = write!(out, "{comma}{name}{}: ", if property.required { "" } else { "?" });
                describe(contract, property.schema, false, out);
            }
            out.push('}');
        }
        SchemaKind::OneOf { variants, discriminator } => {
            for (index, &variant) in variants.iter().enumerate() {
                out.push_str(if index == 0 { "(" } else { " | " });
                describe(contract, variant, false, out);
            }
            out.push(')');
            if let Some(discriminator) = discriminator {
                let _ = write!(out, " by {}", discriminator.property);
                for (value, &target) in &discriminator.mapping {
                    let at = variants.iter().position(|&variant| variant == target);
                    let _ = write!(out, " {value}={}", at.expect("a variant"));
                }
            }
        }
    }
    out.push_str(if *nullable { "|null" } else { "" });
    out.push_str(if *deprecated { " deprecated" } else { "" });
}

fn bound(sign: &str, value: Option<impl std::fmt::Display>) -> String {
    value.map(|value| format!(" {sign}{value}")).unwrap_or_default()
}
