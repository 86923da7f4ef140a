//! `@override(from:)`: which services no longer answer a field.

use crate::diagnostic::{Code, Finding};
use crate::sdl::{SdlFile, TypeBody};
use std::collections::BTreeSet;

/// A field that one service no longer answers.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Overridden<'a> {
    /// The name of the service from which the field has moved away.
    pub(super) service: &'a str,
    /// The name of the type in the graph.
    pub(super) ty: &'a str,
    /// The name of the field.
    pub(super) field: &'a str,
}

/// Every field that another service overrides.
pub(super) fn all(files: &[SdlFile]) -> BTreeSet<Overridden<'_>> {
    let mut overridden = BTreeSet::new();
    for file in files {
        for ty in &file.types {
            let (TypeBody::Object(fielded) | TypeBody::Interface(fielded)) = &ty.body else { continue };
            for field in &fielded.fields {
                if let Some(from) = &field.overrides {
                    let ty = file.name_in_graph(&ty.name.value);
                    overridden.insert(Overridden { service: &from.value, ty, field: &field.name.value });
                }
            }
        }
    }
    overridden
}

/// Finds fields that override themselves (E207), and fields that override those of a service that does not exist, as
/// after a misspelt name (W207).
pub(super) fn check(files: &[SdlFile], findings: &mut Vec<Finding>) {
    for file in files {
        let fields = file.types.iter().flat_map(|ty| match &ty.body {
            TypeBody::Object(fielded) | TypeBody::Interface(fielded) => &fielded.fields[..],
            _ => &[],
        });
        for from in fields.filter_map(|field| field.overrides.as_ref()) {
            if from.value == file.name {
                let message = format!("a field of `{}` cannot override itself", file.name);
                let finding = Finding::new(Code::E207, message, from.span, "this service");
                findings.push(finding.help("name the service that the field moves away from"));
            } else if files.iter().all(|other| other.name != from.value) {
                let message = format!("there is no service `{}` to override", from.value);
                let names = files.iter().map(|other| other.name.as_str()).filter(|name| *name != file.name);
                let help = crate::suggest::help(&from.value, names);
                findings.push(Finding::new(Code::W207, message, from.span, "nothing is overridden").help(help));
            }
        }
    }
}
