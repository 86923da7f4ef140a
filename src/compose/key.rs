//! Field sets of keys, of `@requires` and of `@provides`, as paths of fields.

use super::draft::{Draft, Key};
use super::ids::TypeId;
use super::way::KeyPath;
use crate::diagnostic::{Code, Finding, Span};
use crate::sdl::{FieldSelection, Spanned};

/// Adds every `@key` of every file.
pub(super) fn add(draft: &mut Draft<'_>) {
    let files = draft.files;
    for (file, sdl) in files.iter().enumerate() {
        for ty in &sdl.types {
            let Some(id) = draft.graph.type_id(&ty.name.value) else { continue };
            for key in &ty.keys {
                let span = key.fields.span;
                let Some(paths) = key_paths(draft, id, &key.fields.selections, &ty.name, span) else { continue };
                draft.key_fields.extend(paths.iter().flat_map(|path| path.0.iter().copied()));
                draft.keys[id.index()].push(Key { file, paths, is_resolvable: key.is_resolvable });
            }
        }
    }
}

/// The paths to the leaves of a field set. A field that does not exist gives a finding.
pub(super) fn key_paths(
    draft: &mut Draft<'_>,
    ty: TypeId,
    selections: &[FieldSelection],
    owner: &Spanned<String>,
    span: Span,
) -> Option<Vec<KeyPath>> {
    let mut paths = Vec::new();
    for selection in selections {
        match selection {
            FieldSelection::Field { name, .. } if name == "__typename" => {}
            FieldSelection::Field { name, selections } => {
                let Some(field) = draft.graph.field_id(ty, name) else {
                    let parent = draft.graph.ty(ty);
                    let message = format!("`{}` has no field `{name}`", parent.name);
                    let help = crate::suggest::help(name, parent.fields.keys().map(String::as_str));
                    let label = format!("named here, for `{}`", owner.value);
                    draft.find(Finding::new(Code::E202, message, span, label).help(help));
                    return None;
                };
                let inner = draft.graph.field(field).ty.named();
                if selections.is_empty() {
                    if draft.is_composite(inner) {
                        let message = format!(
                            "`{}` is an object, so a field set must name fields of it",
                            draft.graph.coordinate(field)
                        );
                        let label = format!("named here, for `{}`", owner.value);
                        let help = format!("write `{name} {{ … }}`");
                        draft.find(Finding::new(Code::E202, message, span, label).help(help));
                        return None;
                    }
                    paths.push(KeyPath(vec![field]));
                    continue;
                }
                for path in key_paths(draft, inner, selections, owner, span)? {
                    paths.push(KeyPath([&[field], path.0.as_slice()].concat()));
                }
            }
            FieldSelection::On { ty: name, selections } => {
                let inner = if name.is_empty() { Some(ty) } else { draft.graph.type_id(name) };
                let Some(inner) = inner.filter(|inner| draft.is_composite(*inner)) else {
                    let message = format!("there is no type `{name}` with fields");
                    let known = draft.graph.types.iter().filter(|ty| !ty.fields.is_empty()).map(|ty| ty.name.as_str());
                    let help = crate::suggest::help(name, known);
                    let label = format!("named here, for `{}`", owner.value);
                    draft.find(Finding::new(Code::E202, message, span, label).help(help));
                    return None;
                };
                paths.extend(key_paths(draft, inner, selections, owner, span)?);
            }
        }
    }
    Some(paths)
}
