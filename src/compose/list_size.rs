//! `@listSize`: what the declarations of a field say about the length of its list.
//!
//! # Source
//! The IBM GraphQL cost specification, `@listSize`, with the additional argument `maxSize`: an `assumedSize` is only
//! used for estimates, and a `maxSize` is enforced. Arguments that cannot be enforced are refused: `sizedFields` and
//! `requireOneSlicingArgument: true`.

use super::draft::Draft;
use super::ids::FieldId;
use super::shape::{ListBound, Slicing};
use crate::diagnostic::{Code, Finding};
use crate::sdl::ListSizeDeclaration;

/// The bound that a declaration gives without any other.
pub(super) fn declared_size(declared: &Option<ListSizeDeclaration>) -> ListBound {
    declared.as_ref().map_or_else(ListBound::default, |declared| sized(declared, ListBound::default()))
}

/// A bound from elsewhere, combined with the field's declarations.
pub(super) fn with_declared_size(draft: &Draft<'_>, field: FieldId, bound: ListBound) -> ListBound {
    let declared = draft.declared[field.index()].iter().find_map(|declared| declared.field.list_size.as_ref());
    declared.map_or(bound.clone(), |declared| sized(declared, bound))
}

fn sized(declared: &ListSizeDeclaration, bound: ListBound) -> ListBound {
    let is_sliced_by_declaration = !declared.slicing.is_empty();
    let known = |argument: &str| bound.slicing.iter().find(|slicing| slicing.argument == argument);
    let slicing = declared.slicing.iter().map(|argument| Slicing {
        argument: argument.value.clone(),
        maximum: known(&argument.value).and_then(|slicing| slicing.maximum),
    });
    let slicing: Vec<Slicing> = slicing.collect();
    ListBound {
        assumed: declared.assumed,
        max: declared.max.into_iter().chain(bound.max).min(),
        slicing: if is_sliced_by_declaration { slicing } else { bound.slicing },
        is_sliced_by_declaration,
    }
}

/// Refuses each `@listSize` that is not possible for its field.
pub(super) fn check(draft: &mut Draft<'_>) {
    let mut findings = Vec::new();
    for (number, declarations) in draft.declared.iter().enumerate() {
        let field = FieldId::at(number);
        for declared in declarations {
            let Some(size) = &declared.field.list_size else { continue };
            let name = draft.graph.coordinate(field);
            if !draft.graph.field(field).ty.is_list() {
                let message = format!("`@listSize` stands on `{name}`, which is no list");
                findings.push(
                    Finding::new(Code::C003, message, size.span, "here").help("write it on the field that is the list"),
                );
                continue;
            }
            for argument in &size.slicing {
                let known = draft.graph.field(field).arguments.get(&argument.value);
                let is_int =
                    known.is_some_and(|known| !known.ty.is_list() && draft.graph.ty(known.ty.named()).name == "Int");
                if !is_int {
                    let message = format!("`{name}` has no argument `{}` of the type `Int`", argument.value);
                    let finding = Finding::new(Code::C003, message, argument.span, "this argument");
                    findings.push(finding.help("name arguments that say how many items are asked for"));
                }
            }
        }
    }
    draft.findings.extend(findings);
}
