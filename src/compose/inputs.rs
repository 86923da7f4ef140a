//! Inputs: the arguments, the fields of input types and the values of enums that all sources agree on.
//!
//! In: the declarations of each file. Out: the inputs that may be sent to every source.
//! Elsewhere: the arguments that each source declares itself ([`super::graph::Graph::own_arguments`]); how the types of
//! answers are merged ([`super::merge`]).
//!
//! Always true: every input of the graph is known to all sources that are asked with it, and a default is the graph's
//! only if every source that declares the input has it.
//!
//! # Source
//! Apollo Federation, "Composition rules": inputs are merged by intersection, and enums by where they are used. The
//! codes in the comments below are those of Apollo's composition.

use super::merged::{MergedArgument, MergedType, MergedTypes, merge_types};
use super::types::TypeKind;
use crate::diagnostic::{Code, Finding, Span};
use crate::sdl::{ArgumentDeclaration, SdlFile, TypeBody, ValueDeclaration};
use apollo_compiler::ast;
use indexmap::{IndexMap, IndexSet};
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// The declarations of a field's arguments, or of an input type's fields, by file.
type Declared<'a> = BTreeMap<usize, Vec<&'a ArgumentDeclaration>>;

/// Reduces the inputs of all types to those on which the files agree.
pub(super) fn agree<'a>(types: &mut MergedTypes<'a>, files: &'a [SdlFile], findings: &mut Vec<Finding>) {
    let inputs = declared_inputs(files);
    let mut agreement = Agreement { files, findings };
    for ty in types.values_mut() {
        for (name, field) in &mut ty.fields {
            // Only the files that answer a field decide which arguments it takes.
            let gives = field.declared.iter().any(|declared| !declared.field.is_external);
            let mut declared = Declared::new();
            for one in field.declared.iter().filter(|one| !gives || !one.field.is_external) {
                declared.entry(one.file).or_default().extend(&one.field.arguments);
            }
            field.arguments = agreement.intersect(&format!("{}.{name}", ty.name), "argument", &declared);
        }
        if let (TypeKind::Input, Some(declared)) = (ty.kind, inputs.get(ty.name.as_str())) {
            ty.inputs = agreement.intersect(&ty.name, "field", declared);
            if ty.inputs.is_empty() {
                // EMPTY_MERGED_INPUT_TYPE.
                let message =
                    format!("the services that declare the input `{}` have no field of it in common", ty.name);
                agreement.find(message, ty.span, "this type", "give all of them the fields that clients may send");
            }
        }
    }
    let used = Used::of(types);
    for ty in types.values_mut().filter(|ty| ty.kind == TypeKind::Enum) {
        agreement.values(ty, &used);
    }
}

/// The declared fields of input types, by type and file.
fn declared_inputs(files: &[SdlFile]) -> BTreeMap<&str, Declared<'_>> {
    let mut declared: BTreeMap<&str, Declared<'_>> = BTreeMap::new();
    for (at, file) in files.iter().enumerate() {
        for ty in &file.types {
            if let TypeBody::Input(fields) = &ty.body {
                declared.entry(&ty.name.value).or_default().entry(at).or_default().extend(fields);
            }
        }
    }
    declared
}

struct Agreement<'a, 'f> {
    files: &'a [SdlFile],
    findings: &'f mut Vec<Finding>,
}

impl<'a> Agreement<'a, '_> {
    fn find(&mut self, message: String, span: Span, label: &str, help: &str) {
        self.findings.push(Finding::new(Code::E211, message, span, label).help(help));
    }

    /// The inputs that all files declare. An input that one file requires must be declared by all.
    fn intersect(&mut self, of: &str, what: &str, declared: &Declared<'a>) -> IndexMap<&'a str, MergedArgument<'a>> {
        let names: IndexSet<&'a str> = declared.values().flatten().map(|one| one.name.value.as_str()).collect();
        let mut merged = IndexMap::new();
        for name in names {
            let mut holders = Vec::new();
            let mut without = None;
            for (&file, all) in declared {
                match all.iter().find(|one| one.name.value == name) {
                    Some(one) => holders.push(*one),
                    None => without = Some(file),
                }
            }
            let Some(without) = without else {
                merged.extend(self.merge(of, &holders).map(|argument| (name, argument)));
                continue;
            };
            // REQUIRED_ARGUMENT_MISSING_IN_SOME_SUBGRAPH, REQUIRED_INPUT_FIELD_MISSING_IN_SOME_SUBGRAPH.
            if let Some(required) = holders.iter().find(|one| is_required(one)) {
                let other = &self.files[without].name;
                let message = format!("the {what} `{name}` of `{of}` is required here, and `{other}` does not have it");
                let help = "declare it in every service, or make it nullable or give it a default: then it is no input \
                            of the graph";
                self.find(message, required.name.span, "required here", help);
            }
        }
        merged
    }

    /// Merges one input that several files declare.
    fn merge(&mut self, of: &str, holders: &[&'a ArgumentDeclaration]) -> Option<MergedArgument<'a>> {
        let (first, others) = holders.split_first()?;
        let name = &first.name.value;
        let mut ty = first.ty.clone();
        for other in others {
            match merge_types(&ty, &other.ty, true) {
                Some(merged) => ty = merged,
                None => {
                    let message = format!("`{name}` of `{of}` has two types, `{ty}` and `{}`", other.ty);
                    let finding = Finding::new(Code::E203, message, other.name.span, format!("`{}` here", other.ty));
                    self.findings.push(finding.and(first.name.span, format!("`{}` here", first.ty)));
                }
            }
        }
        let default = self.default(of, holders);
        let is_hidden = holders.iter().any(|holder| holder.is_inaccessible);
        if is_hidden && ty.is_non_null() && default.is_none() {
            // REQUIRED_INACCESSIBLE.
            let message =
                format!("`{name}` of `{of}` is required, so it cannot be `@inaccessible`: no client could give it");
            self.find(message, first.name.span, "required and hidden", "make it nullable, or give it a default");
        }
        Some(MergedArgument { ty, declaration: first, default, is_hidden })
    }

    /// The default that all files have. If only some have one, the services themselves apply it.
    fn default(&mut self, of: &str, holders: &[&'a ArgumentDeclaration]) -> Option<&'a ast::Value> {
        let mut defaults = holders.iter().filter_map(|holder| Some((*holder, holder.default.as_ref()?)));
        let (first, default) = defaults.next()?;
        // FIELD_ARGUMENT_DEFAULT_MISMATCH, INPUT_FIELD_DEFAULT_MISMATCH.
        if let Some((other, _)) = defaults.find(|(_, other)| *other != default) {
            let message = format!("`{}` of `{of}` has two defaults", first.name.value);
            let finding =
                Finding::new(Code::E211, message, other.name.span, "one here").and(first.name.span, "and one here");
            self.findings.push(finding.help("give it the same default in every service, or in none"));
        }
        holders.iter().all(|holder| holder.default.is_some()).then_some(default)
    }

    /// Merges the values of an enum. A value that clients send must be known to all files, and one that is only
    /// answered, to one.
    fn values(&mut self, ty: &mut MergedType<'a>, used: &Used) {
        let mut declared: BTreeMap<usize, Vec<&'a ValueDeclaration>> = BTreeMap::new();
        for (at, file) in self.files.iter().enumerate() {
            for other in file.types.iter().filter(|other| other.name.value == ty.name) {
                if let TypeBody::Enum(values) = &other.body {
                    declared.entry(at).or_default().extend(values);
                }
            }
        }
        ty.hidden_values =
            declared.values().flatten().filter(|v| v.is_inaccessible).map(|v| v.name.value.as_str()).collect();
        if declared.len() < 2 || !used.inputs.contains(&ty.name) {
            return;
        }
        let lacks = |name: &str| declared.iter().find(|(_, values)| values.iter().all(|v| v.name.value != name));
        let hidden: BTreeSet<&str> = ty.hidden_values.clone();
        let missing: Vec<(&'a str, usize)> = ty
            .values
            .keys()
            .filter(|name| !hidden.contains(**name))
            .filter_map(|name| Some((*name, *lacks(name)?.0)))
            .collect();
        if !used.outputs.contains(&ty.name) {
            ty.values.retain(|name, _| missing.iter().all(|(missing, _)| missing != name));
            if ty.values.is_empty() {
                // EMPTY_MERGED_ENUM_TYPE.
                let message = format!("the services that declare the enum `{}` have no value of it in common", ty.name);
                self.find(message, ty.span, "this type", "give all of them the values that clients may send");
            }
            return;
        }
        // ENUM_VALUE_MISMATCH.
        for (name, file) in missing {
            let Some(value) = ty.values.get(name) else { continue };
            let other = &self.files[file].name;
            let message = format!("`{}` is sent and answered, and `{other}` does not know its value `{name}`", ty.name);
            let help = "declare the value in every service that has the enum, or mark it `@inaccessible`";
            self.find(message, value.name.span, "this value", help);
        }
    }
}

fn is_required(argument: &ArgumentDeclaration) -> bool {
    argument.ty.is_non_null() && argument.default.is_none()
}

/// The names of types, by where they are used.
struct Used {
    inputs: HashSet<String>,
    outputs: HashSet<String>,
}

impl Used {
    fn of(types: &MergedTypes<'_>) -> Self {
        let mut used = Self { inputs: HashSet::new(), outputs: HashSet::new() };
        for ty in types.values() {
            used.inputs.extend(ty.inputs.values().map(|input| input.ty.inner_named_type().to_string()));
            for field in ty.fields.values() {
                used.outputs.insert(field.ty.inner_named_type().to_string());
                used.inputs.extend(field.arguments.values().map(|argument| argument.ty.inner_named_type().to_string()));
            }
        }
        used
    }
}
