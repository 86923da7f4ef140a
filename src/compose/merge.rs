//! Merging: the declarations of all files become the types of one graph.
//!
//! In: the services' SDL. Out: merged types.
//! Elsewhere: the inputs and enum values on which all files agree ([`super::inputs`]).

use super::inputs;
use super::merged::{Declared, MergedField, MergedType, MergedTypes, kind_of, merge_types};
use super::overrides::{self, Overridden};
use super::types::TypeKind;
use crate::diagnostic::{Code, Finding};
use crate::sdl::{FieldDeclaration, SdlFile, TypeBody, TypeDeclaration};
use indexmap::IndexMap;

/// Whether a type belongs to the protocol of federation, and not to the graph.
fn is_machinery(name: &str) -> bool {
    matches!(name, "_Any" | "_Entity" | "_Service" | "_FieldSet" | "FieldSet")
        || ["federation__", "link__", "join__", "core__"].iter().any(|prefix| name.starts_with(prefix))
}

/// Merges all files.
pub(super) fn merge<'a>(files: &'a [SdlFile], findings: &mut Vec<Finding>) -> MergedTypes<'a> {
    let mut merging = Merging { types: IndexMap::new(), findings };
    for (index, file) in files.iter().enumerate() {
        for ty in file.types.iter().filter(|ty| !is_machinery(&ty.name.value)) {
            merging.add_type(index, file, ty);
        }
    }
    merging.note_what_is_hidden(files);
    let Merging { mut types, findings } = merging;
    inputs::agree(&mut types, files, findings);
    overrides::check(files, findings);
    note_what_is_offered(&mut types, files);
    types.retain(|_, ty| ty.kind != TypeKind::Object || !ty.fields.is_empty());
    types
}

/// Notes for each declaration whether its file answers the field, or only mentions it.
fn note_what_is_offered(types: &mut MergedTypes<'_>, files: &[SdlFile]) {
    let overridden = overrides::all(files);
    for ty in types.values_mut() {
        for (name, field) in &mut ty.fields {
            for declared in &mut field.declared {
                let service = files[declared.file].name.as_str();
                let is_overridden = overridden.contains(&Overridden { service, ty: &ty.name, field: name });
                declared.is_offered = !declared.field.is_external && !is_overridden;
            }
        }
    }
}

struct Merging<'a, 'f> {
    types: MergedTypes<'a>,
    findings: &'f mut Vec<Finding>,
}

impl<'a> Merging<'a, '_> {
    fn add_type(&mut self, index: usize, file: &'a SdlFile, declaration: &'a TypeDeclaration) {
        let kind = kind_of(&declaration.body);
        let name = file.name_in_graph(&declaration.name.value).to_owned();
        let ty = self.types.entry(name.clone()).or_insert_with(|| MergedType::new(name, kind, declaration.name.span));
        if ty.kind != kind {
            let message = format!("`{}` is declared as two kinds of type", ty.name);
            let finding = Finding::new(
                Code::E203,
                message,
                declaration.name.span,
                format!("`{}` here", declaration.body.keyword()),
            )
            .and(ty.span, "declared here first");
            self.findings.push(finding);
            return;
        }
        ty.description = ty.description.or(declaration.description.as_deref());
        ty.is_authenticated |= declaration.is_authenticated;
        ty.is_one_of |= declaration.is_one_of;
        match &declaration.body {
            TypeBody::Object(fielded) | TypeBody::Interface(fielded) => {
                ty.implements.extend(fielded.implements.iter().map(|name| (name.value.as_str(), name.span)));
                for field in &fielded.fields {
                    if !matches!(field.name.value.as_str(), "_entities" | "_service") {
                        add_field(ty, index, field, self.findings);
                    }
                }
            }
            TypeBody::Union(members) => {
                ty.members.extend(members.iter().map(|member| (member.value.as_str(), member.span)));
            }
            TypeBody::Enum(values) => {
                for value in values {
                    ty.values.entry(&value.name.value).or_insert(value);
                }
            }
            // These are merged by agreement of all files: see [`inputs`].
            TypeBody::Input(_) => {}
            TypeBody::Scalar(specified_by) => ty.specified_by = ty.specified_by.or(specified_by.as_deref()),
        }
    }

    /// Notes the types that clients never see, because some file marks them `@inaccessible`.
    fn note_what_is_hidden(&mut self, files: &[SdlFile]) {
        for (file, declaration) in files.iter().flat_map(|file| file.types.iter().map(move |ty| (file, ty))) {
            if declaration.is_inaccessible
                && let Some(ty) = self.types.get_mut(file.name_in_graph(&declaration.name.value))
            {
                ty.is_hidden = true;
            }
        }
    }
}

fn add_field<'a>(ty: &mut MergedType<'a>, file: usize, field: &'a FieldDeclaration, findings: &mut Vec<Finding>) {
    let declared = Declared { file, field, is_offered: true };
    let Some(known) = ty.fields.get_mut(field.name.value.as_str()) else {
        // These are merged by agreement of all files: see [`inputs`].
        let merged = MergedField { ty: field.ty.clone(), arguments: IndexMap::new(), declared: vec![declared] };
        ty.fields.insert(&field.name.value, merged);
        return;
    };
    let first = known.declared.first().map(|declared| declared.field.name.span);
    let only_external = known.declared.iter().all(|declared| declared.field.is_external);
    match merge_types(&known.ty, &field.ty, false) {
        // Only the files that answer a field decide its type.
        Some(_) if field.is_external && !only_external => {}
        Some(_) if only_external && !field.is_external => known.ty = field.ty.clone(),
        Some(merged) => known.ty = merged,
        None => {
            let message =
                format!("`{}.{}` has two types, `{}` and `{}`", ty.name, field.name.value, known.ty, field.ty);
            let mut finding = Finding::new(Code::E203, message, field.name.span, format!("`{}` here", field.ty));
            if let Some(first) = first {
                finding = finding.and(first, format!("`{}` here", known.ty));
            }
            findings.push(finding);
        }
    }
    known.declared.push(declared);
}
