//! GraphQL sources: federation subgraphs, remote or in this process.
//!
//! A subgraph offers the same fields of a type everywhere, so there is one shape for each type; `@provides` adds shapes
//! with more fields.

mod binder;
mod shapes;
mod ways;

use crate::compose::draft::Draft;
use crate::compose::ids::{FieldId, SourceId, TypeId};
use crate::compose::key::key_paths;
use crate::compose::kind::SourceKind;
use crate::compose::source::Source;
use crate::diagnostic::{Code, Finding, Span};
use crate::sdl::{Origin, TypeBody};
use binder::Binder;
use indexmap::IndexMap;

/// Makes the ways of one subgraph.
pub(super) fn bind(draft: &mut Draft<'_>, file: usize) {
    let sdl = &draft.files[file];
    let span = sdl.types.first().map_or(Span::new(sdl.file, 0..0), |ty| ty.name.span);
    if let Some(first) = draft.graph.sources.iter().find(|source| source.name == sdl.name) {
        let message = format!("two sources are named `{}`", sdl.name);
        let finding = Finding::new(Code::E205, message, span, "named again").and(first.span, "named here");
        draft.find(finding);
    }
    let kind = match sdl.origin {
        Origin::Service => SourceKind::GraphQl,
        Origin::InProcess => in_process(draft, file),
    };
    let source = draft.add_source(Source { name: sdl.name.clone(), kind, span });
    check_provided(draft, file);
    let mut binder = Binder::new(draft, file, source);
    for ty in 0..binder.draft.graph.types.len() {
        binder.bind_type(TypeId::at(ty));
    }
    binder.fill_shapes();
    add_own_arguments(draft, file, source);
}

/// What a subgraph in this process declares about itself. If it declares no number of calls, it may make none: its
/// handle refuses them.
fn in_process(draft: &mut Draft<'_>, file: usize) -> SourceKind {
    let sdl = &draft.files[file];
    for declared in sdl.sources.iter().filter(|source| source.name.value != sdl.name) {
        let message = format!("this source is `{}`, not `{}`", sdl.name, declared.name.value);
        let finding = Finding::new(Code::E206, message, declared.name.span, "named here");
        draft.findings.push(finding.help(format!("write `@source(name: \"{}\", …)`", sdl.name)));
    }
    let max_calls = sdl.sources.iter().find_map(|source| source.max_calls.as_ref());
    let pure = sdl.sources.iter().find_map(|source| source.is_pure.as_ref()).filter(|pure| pure.value);
    if let (Some(calls), Some(pure)) = (max_calls.filter(|calls| calls.value > 0), pure) {
        let message = "a source that calls services depends on more than what it is asked";
        let finding = Finding::new(Code::E206, message, pure.span, "not pure").and(calls.span, "calls are declared");
        draft.findings.push(finding.help("leave out `pure`, or `maxCalls` if it makes no calls"));
    }
    SourceKind::InProcess { max_calls: max_calls.map_or(0, |max_calls| max_calls.value), is_pure: pure.is_some() }
}

/// Checks that the fields of `@provides` exist, because a misspelt field would have no effect.
fn check_provided(draft: &mut Draft<'_>, file: usize) {
    let files = draft.files;
    for ty in &files[file].types {
        let (TypeBody::Object(fielded), Some(id)) = (&ty.body, draft.graph.type_id(&ty.name.value)) else {
            continue;
        };
        for field in &fielded.fields {
            let (Some(set), Some(id)) = (&field.provides, draft.graph.field_id(id, &field.name.value)) else {
                continue;
            };
            let named = draft.graph.field(id).ty.named();
            // Only the findings of this call are used.
            key_paths(draft, named, &set.selections, &field.name, set.span);
        }
    }
}

/// Records the arguments that a source declares, and their types.
fn add_own_arguments(draft: &mut Draft<'_>, file: usize, source: SourceId) {
    for field in (0..draft.graph.fields.len()).map(FieldId::at) {
        let Some(declared) = draft.declared_in(field, file) else { continue };
        let own = declared.field.arguments.iter();
        let own: IndexMap<_, _> = own.map(|own| (own.name.value.clone(), own.ty.to_string())).collect();
        if !own.is_empty() {
            draft.graph.own_arguments.insert((source, field), own);
        }
    }
}
