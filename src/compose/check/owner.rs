//! E201: a field that is not `@shareable` has two owners.

use crate::compose::draft::Draft;
use crate::compose::ids::FieldId;
use crate::compose::merged::Declared;
use crate::compose::types::TypeKind;
use crate::diagnostic::{Code, Finding};
use std::collections::HashSet;

/// Fields of keys need no owner. Any other field has one owner, or is shareable (Apollo Federation, `@shareable`).
pub(in crate::compose) fn check(draft: &mut Draft<'_>) {
    let files = draft.files.iter().enumerate();
    let shareable: HashSet<(usize, &str)> = files
        .flat_map(|(at, file)| file.types.iter().map(move |ty| (at, ty)))
        .filter(|(_, ty)| ty.is_shareable)
        .map(|(at, ty)| (at, ty.name.value.as_str()))
        .collect();
    for index in 0..draft.declared.len() {
        let id = FieldId::at(index);
        let parent = draft.graph.ty(draft.graph.field(id).parent);
        if draft.key_fields.contains(&id) || parent.kind != TypeKind::Object {
            continue;
        }
        let is_shareable = |declared: &Declared<'_>| {
            declared.field.is_shareable || shareable.contains(&(declared.file, parent.name.as_str()))
        };
        let mut owners = draft.declared[index].iter().filter(|declared| declared.is_offered);
        let (Some(first), Some(second)) = (owners.next(), owners.next()) else { continue };
        if first.file == second.file || draft.declared[index].iter().any(is_shareable) {
            continue;
        }
        let coordinate = draft.graph.coordinate(id);
        let message = format!("`{coordinate}` has two owners");
        let help = "leave it to one of them, or mark it `@shareable` if both give the same value";
        let finding = Finding::new(Code::E201, message, second.field.name.span, "declared again")
            .and(first.field.name.span, "declared here")
            .help(help);
        draft.find(finding);
    }
}
