//! Mutants of the sources of data: `@source` is changed, or a binding or a key is removed.

use super::binding::bindings;
use super::demo::{Demo, Sdl, TypeDef, TypeKind};
use super::mutant::{Kind, Mutant, Place, misspelt, words};
use super::shown::{Shown, shown};
use bespoke::internals::diagnostic::Code;

/// Makes all mutants of a service's sources.
pub(super) fn mutants(demo: &Demo, sdl: &Sdl) -> Vec<Mutant> {
    let mut all = sources(demo, sdl);
    all.extend(gone_bindings(demo, sdl));
    all.extend(keys(demo, sdl));
    all
}

fn sources(demo: &Demo, sdl: &Sdl) -> Vec<Mutant> {
    const CODES: &[Code] = &[Code::E100, Code::E101];
    let mut all = Vec::new();
    let declared = || sdl.schema.iter().filter(|dir| dir.name == "source");
    for source in declared() {
        let Some((name, span)) = source.text("name") else { continue };
        let used: Vec<_> = bindings(demo, sdl)
            .into_iter()
            .filter(|binding| binding.connect.text("source").is_none_or(|(used, _)| used == name))
            .collect();
        let ops: Vec<Place> = used.iter().map(|binding| binding.op_place()).collect();
        // The bindings of a misspelt source do not find it. If it is the only source of the file, the configuration has
        // no address for it.
        let named = used.iter().filter_map(|binding| binding.connect.text("source"));
        let named: Vec<Place> = named.map(|(_, span)| sdl.place(span)).collect();
        let what = format!("@source {name}");
        if sdl.path.starts_with("bff-") {
            // The source of code has the name of its file. Without the directive, the code makes no calls, which is
            // correct as well.
            all.push(sdl.mutant(Kind::Source, &what, (span, &misspelt(name)), &[Code::E206]));
            continue;
        }
        let misnamed = sdl.mutant(Kind::Source, &what, (span, &misspelt(name)), &[Code::E101, Code::W302]);
        all.push(misnamed.or(named).or(configured(demo, name)));
        if let Some((openapi, span)) = source.text("openapi") {
            all.push(sdl.mutant(Kind::Source, &what, (span.clone(), &misspelt(openapi)), CODES));
            // Another contract has none of the source's operations, and without a contract there are no operations at
            // all.
            let other = if openapi.starts_with("users") { "carts.openapi.yaml" } else { "users.openapi.yaml" };
            let mut wrong = sdl.mutant(Kind::Source, &what, (span, other), CODES);
            wrong.places = ops.clone();
            all.push(wrong);
            let argument =
                source.arguments.iter().find(|(name, ..)| name == "openapi").map(|(_, span, _)| span.clone());
            all.extend(argument.map(|span| sdl.mutant(Kind::Source, &what, (span, ""), CODES).or(ops.clone())));
        }
        // Without the source, its bindings have no source, or cannot tell which of the other two is meant.
        let gone = sdl.mutant(Kind::Source, &what, (source.span.clone(), ""), CODES);
        let calls = used.iter().map(|binding| sdl.place(binding.connect.span.clone()));
        all.push(gone.or(calls));
    }
    for binding in bindings(demo, sdl) {
        let Some((name, span)) = binding.connect.text("source") else { continue };
        let what = format!("{}: source", binding.name());
        all.push(sdl.mutant(Kind::Source, &what, (span, &misspelt(name)), &[Code::E101]));
        let argument = binding.connect.arguments.iter().find(|(name, ..)| name == "source");
        if let (Some((_, span, _)), true) = (argument, declared().count() > 1) {
            let dropped = sdl.mutant(Kind::Source, &what, (span.clone(), ""), &[Code::E101]);
            all.push(dropped.or([sdl.place(binding.connect.span.clone())]));
        }
    }
    all
}

/// The lines of the clients' configuration about a service.
fn configured(demo: &Demo, service: &str) -> Vec<Place> {
    let yaml = demo.files.iter().filter(|(path, _)| path.ends_with("bff.yaml"));
    let lines = yaml.flat_map(|(path, text)| text.lines().enumerate().map(move |(at, line)| (path, at + 1, line)));
    let about = lines.filter(|(_, _, line)| line.trim_start().starts_with(&format!("{service}:")));
    about.map(|(path, line, _)| Place { path: path.to_owned(), first: line, last: line }).collect()
}

/// Mutants without a binding. The directives that say how the binding behaves are removed with it. A field without its
/// `@connect` has no source, or arguments without use. A type without its `@connect` has no lookup, so fields of it
/// that an answer does not hold are missing. This is found at the fields that lead to the type, at its own fields, or
/// at the fields of clients.
fn gone_bindings(demo: &Demo, sdl: &Sdl) -> Vec<Mutant> {
    let mut all = Vec::new();
    for (ty, field, connect) in sdl.bindings() {
        let what = field.map_or(ty.name.clone(), |field| field.coordinate());
        let codes: &[Code] = &[Code::C008, Code::E106, Code::E119, Code::E122];
        let gone = sdl.mutant(Kind::Source, format!("{what}: @connect"), (connect.span.clone(), ""), codes);
        let directives = field.map_or(&ty.directives, |field| &field.directives);
        let of_bindings = |name: &str| matches!(name, "cache" | "invalidates" | "poll");
        let beside = directives.iter().filter(|beside| of_bindings(&beside.name));
        let gone = gone.or(beside.map(|beside| sdl.place(beside.span.clone())));
        all.push(match field {
            Some(field) => gone.or([sdl.place(field.name_span.clone())]),
            None if is_always_whole(demo, sdl, ty) => continue,
            None => gone.or(leading_to(demo, ty)),
        });
    }
    all
}

/// The places that are affected if a type has no lookup.
fn leading_to(demo: &Demo, ty: &TypeDef) -> Vec<Place> {
    let mut places = Vec::new();
    for sdl in demo.services() {
        for of in sdl.types.iter().filter(|of| of.kind == TypeKind::Object) {
            let fields = of.fields.iter().filter(|field| of.name == ty.name || field.named() == ty.name);
            for field in fields {
                places.push(sdl.place(field.span.clone()));
                places.extend(selections_of(sdl, &field.name));
            }
        }
    }
    let of_type = |shown: &&Shown<'_>| shown.coordinates(demo).iter().any(|(of, _)| *of == ty.name);
    places.extend(shown(demo).iter().filter(of_type).map(Shown::place));
    places
}

/// The places in a file's selections that name a field.
fn selections_of(sdl: &Sdl, name: &str) -> Vec<Place> {
    let all = sdl.selections().into_iter().flat_map(|span| words(&sdl.text, span));
    all.filter(|word| word.text == name).map(|word| sdl.place(word.span)).collect()
}

/// Whether every selection of a file that has any field of a type has all of its fields, and only such selections give
/// the type. Then the schema needs no lookup, and a mutant without it is equivalent.
fn is_always_whole(demo: &Demo, sdl: &Sdl, ty: &TypeDef) -> bool {
    let own: Vec<&str> = (ty.fields.iter().filter(|field| field.directive("connect").is_none()))
        .map(|field| field.name.as_str())
        .filter(|name| *name != "id")
        .collect();
    let selections = sdl.selections().into_iter().map(|span| words(&sdl.text, span));
    let counts = selections.map(|words| own.iter().filter(|name| words.iter().any(|word| word.text == **name)).count());
    let counts: Vec<usize> = counts.filter(|count| *count > 0).collect();
    let elsewhere = demo.services().filter(|other| other.path != sdl.path).flat_map(|sdl| &sdl.types);
    let is_given_elsewhere = elsewhere.flat_map(|ty| &ty.fields).any(|field| field.named() == ty.name);
    !is_given_elsewhere && !counts.is_empty() && counts.iter().all(|count| *count == own.len())
}

/// Mutants of `@key`, whose fields are misspelt, or which is removed; and of the fields of `@requires`.
///
/// A removed key is found where `$batch` reads it. A service without bindings cannot be asked for an entity without its
/// key, so its fields are missing where they are declared or shown. Equivalent mutants are left out: in a file with
/// bindings, a key that another file declares too; in a service without bindings, the key of a type that no other file
/// mentions, because such a service returns the type whole wherever it returns it.
fn keys(demo: &Demo, sdl: &Sdl) -> Vec<Mutant> {
    let mut all = Vec::new();
    for ty in sdl.types.iter().filter(|ty| sdl.client_schema().is_none() && ty.kind == TypeKind::Object) {
        let Some(key) = ty.directive("key") else { continue };
        let what = format!("{}: @key", ty.name);
        if let Some((fields, span)) = key.text("fields") {
            all.push(sdl.mutant(Kind::Path, &what, (span, &misspelt(fields)), &[Code::E202]));
        }
        let codes: &[Code] = &[Code::E106, Code::E107, Code::E119, Code::E202, Code::E206];
        let mut others = demo.services().filter(|other| other.path != sdl.path).flat_map(|sdl| &sdl.types);
        let is_repeated = others.any(|other| other.name == ty.name && other.directive("key").is_some());
        if sdl.is_bound() == is_repeated {
            continue;
        }
        if let Some(connect) = ty.directive("connect") {
            let reads = ["params", "body"].into_iter().filter_map(|of| connect.text(of));
            let reads: Vec<Place> = reads.map(|(_, span)| sdl.place(span)).collect();
            all.push(sdl.mutant(Kind::Source, &what, (key.span.clone(), ""), codes).or(reads));
        } else if !sdl.is_bound() && key.argument("resolvable").is_none() {
            let is_own = |shown: &&Shown<'_>| {
                let names = |field: &super::demo::FieldDef| shown.hops.iter().any(|hop| hop.name == field.name);
                ty.fields.iter().any(names) && shown.coordinates(demo).iter().any(|(of, _)| *of == ty.name)
            };
            let fields = ty.fields.iter().map(|field| sdl.place(field.span.clone()));
            let gone = sdl.mutant(Kind::Source, &what, (key.span.clone(), ""), codes);
            all.push(gone.or(fields).or(shown(demo).iter().filter(is_own).map(Shown::place)));
        }
    }
    for field in sdl.types.iter().flat_map(|ty| &ty.fields) {
        let Some((_, span)) = field.directive("requires").and_then(|dir| dir.text("fields")) else { continue };
        for word in words(&sdl.text, span) {
            let what = format!("{}: @requires", field.coordinate());
            all.push(sdl.mutant(Kind::Path, what, (word.span.clone(), &misspelt(word.text)), &[Code::E202]));
        }
    }
    all
}
