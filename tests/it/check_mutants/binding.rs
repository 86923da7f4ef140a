//! Mutants of `@connect`: its operation, its parameters and its paths.
//!
//! In: the SDL of a service and its contract. Out: mutants, each with the lines of the binding that do not fit any
//! more.
//! Elsewhere: types and nullability ([`super::types`]), sources and keys ([`super::source`]).

use super::demo::{Demo, Dir, FieldDef, Sdl, TypeDef, members, range, string};
use super::mutant::{Kind, Mutant, Place, Word, misspelt, words};
use super::other_operation;
use bespoke::internals::contract::{self, Contract, Endpoint};
use bespoke::internals::diagnostic::{Code, Sources};
use std::ops::Range;

/// A `@connect` with its type, its field, and the contract and operation that it names.
pub(super) struct Binding<'d> {
    pub(super) demo: &'d Demo,
    pub(super) sdl: &'d Sdl,
    pub(super) ty: &'d TypeDef,
    pub(super) field: Option<&'d FieldDef>,
    pub(super) connect: &'d Dir,
    pub(super) contract: Contract,
    /// The name of the operation, and its place in the file.
    pub(super) op: (&'d str, Range<usize>),
}

/// All bindings of a file.
pub(super) fn bindings<'d>(demo: &'d Demo, sdl: &'d Sdl) -> Vec<Binding<'d>> {
    let read = |(ty, field, connect): (&'d TypeDef, Option<&'d FieldDef>, &'d Dir)| {
        let name = connect.text("source").map(|(name, _)| name);
        let mut sources = sdl.schema.iter().filter(|dir| dir.name == "source");
        let source = sources.find(|dir| name.is_none_or(|name| dir.text("name").is_some_and(|(n, _)| n == name)));
        let openapi = source.and_then(|source| source.text("openapi")).expect("every demo source has a contract").0;
        let contract = read_contract(demo, openapi);
        let op = connect.text("op").expect("every demo binding has `op:`");
        Binding { demo, sdl, ty, field, connect, contract, op }
    };
    sdl.bindings().map(read).collect()
}

fn read_contract(demo: &Demo, openapi: &str) -> Contract {
    let mut sources = Sources::default();
    let text = demo.files.get(&format!("schema/services/{openapi}")).expect("the contract's file");
    let file = sources.add(openapi, text.clone());
    contract::read(&sources, file).0.expect("a contract")
}

/// Makes all mutants of a file's bindings.
pub(super) fn mutants(demo: &Demo, sdl: &Sdl) -> Vec<Mutant> {
    let mut all = Vec::new();
    for binding in bindings(demo, sdl) {
        all.push(binding.misspelt_operation());
        all.extend(other_operation::mutants(&binding));
        all.extend(binding.outcomes());
        all.extend(binding.entries());
        all.extend(binding.inputs());
        all.extend(binding.batch());
        all.extend(binding.arguments());
        all.extend(binding.selections());
        all.extend(binding.tags());
    }
    all
}

impl<'d> Binding<'d> {
    pub(super) fn name(&self) -> String {
        self.field.map_or(self.ty.name.clone(), FieldDef::coordinate)
    }

    pub(super) fn endpoint(&self) -> &Endpoint {
        self.contract.endpoint(self.op.0).expect("an operation of the contract")
    }

    pub(super) fn op_place(&self) -> Place {
        self.sdl.place(self.op.1.clone())
    }

    pub(super) fn arguments_of_field(&self) -> &'d [FieldDef] {
        self.field.map_or(&[], |field| &field.arguments)
    }

    /// The names in the text of a mapping argument.
    pub(super) fn words_of(&self, argument: &str) -> Vec<Word<'d>> {
        self.connect.text(argument).map(|(_, span)| words(&self.sdl.text, span)).unwrap_or_default()
    }

    /// The names before `:` in `params:` and `body:`.
    pub(super) fn entry_words(&self) -> impl Iterator<Item = (&'static str, Word<'d>)> {
        ["params", "body"].into_iter().flat_map(|of| {
            self.words_of(of).into_iter().filter(|word| word.is_entry && word.depth == 0).map(move |word| (of, word))
        })
    }

    /// The names in every text that may read inputs.
    fn input_words(&self) -> Vec<Word<'d>> {
        let mut all: Vec<_> = ["params", "body"].into_iter().flat_map(|of| self.words_of(of)).collect();
        if let Some(per_key) = self.connect.argument("batch").and_then(|batch| members(batch).get("perKey").copied()) {
            all.extend(string(per_key).map(|(_, span)| words(&self.sdl.text, span)).unwrap_or_default());
        }
        all
    }

    /// The names that read this argument with `$args.<name>`.
    fn reads_of(&self, argument: &str) -> Vec<Word<'d>> {
        let mut all = self.input_words();
        all.retain(|word| word.after == Some("$args") && word.text == argument);
        all
    }

    /// Whether an argument is read by its name.
    pub(super) fn reads(&self, argument: &str) -> bool {
        !self.reads_of(argument).is_empty()
    }

    fn misspelt_operation(&self) -> Mutant {
        let what = format!("{}: op", self.name());
        self.sdl.mutant(Kind::Operation, what, (self.op.1.clone(), &misspelt(self.op.0)), &[Code::E101])
    }

    /// Mutants of each outcome: a status that the contract does not declare, and a type that does not exist.
    fn outcomes(&self) -> Vec<Mutant> {
        let mut all = Vec::new();
        for outcome in self.connect.outcomes() {
            let what = format!("{}: on", self.name());
            if let Some((_, span)) = outcome.get("status").and_then(|status| string(status)) {
                all.push(self.sdl.mutant(Kind::Operation, &what, (span, "418"), &[Code::E113]));
            }
            if let Some((name, span)) = outcome.get("as").and_then(|name| string(name)) {
                all.push(self.sdl.mutant(Kind::Type, &what, (span, &misspelt(name)), &[Code::E104]));
            }
        }
        all
    }

    /// Mutants of the entries of `params:` and `body:`: each is misspelt, and each is dropped.
    ///
    /// A dropped entry is found at the operation if it was required, at the argument that is not sent any more, at the
    /// body, or at the batch that sends no keys. The mutant is equivalent if the argument of the same name takes the
    /// place of the entry.
    fn entries(&self) -> Vec<Mutant> {
        let mut all = Vec::new();
        for (of, word) in self.entry_words() {
            let what = format!("{}: {of}", self.name());
            let change = (word.span.clone(), &*misspelt(word.text));
            all.push(self.sdl.mutant(Kind::Parameter, &what, change, &[Code::E102]));
            let is_implied = self.arguments_of_field().iter().any(|argument| argument.name == word.text);
            if !is_implied {
                all.push(self.dropped_entry(of, &word));
            }
        }
        all
    }

    fn dropped_entry(&self, of: &str, word: &Word<'d>) -> Mutant {
        let content = self.connect.text(of).map_or(0..0, |(_, span)| span);
        let entries: Vec<Word<'d>> =
            self.words_of(of).into_iter().filter(|word| word.is_entry && word.depth == 0).collect();
        let next = entries.iter().find(|other| other.span.start > word.span.start);
        let range = match (entries.len(), next) {
            (1, _) => self.argument_range(of),
            (_, Some(next)) => word.span.start..next.span.start,
            (_, None) => word.span.start..content.end,
        };
        let read: Vec<_> =
            words(&self.sdl.text, range.clone()).into_iter().filter(|word| word.after.is_some()).collect();
        let sent =
            self.arguments_of_field().iter().filter(|argument| read.iter().any(|word| word.text == argument.name));
        let batch = self.connect.argument("batch").map(|batch| self.sdl.place(range_of(batch)));
        let places: Vec<Place> = sent.map(|argument| self.sdl.place(argument.span.clone())).collect();
        let what = format!("{}: {of}", self.name());
        let mutant = self.sdl.mutant(Kind::Parameter, what, (range, ""), &[Code::E102, Code::E107, Code::E121]);
        mutant.or(places).or(batch).or([self.op_place()])
    }

    fn argument_range(&self, name: &str) -> Range<usize> {
        let found = self.connect.arguments.iter().find(|(known, ..)| known == name);
        found.map_or(0..0, |(_, span, _)| span.clone())
    }

    /// Mutants of `$args.x` and `$batch.x`, which read something that does not exist. Misspelt claims are equivalent,
    /// because a token may hold any claim.
    fn inputs(&self) -> Vec<Mutant> {
        let read = self.input_words().into_iter().filter(|word| matches!(word.after, Some("$args" | "$batch")));
        let mutate = |word: Word<'d>| {
            let what = format!("{}: {}", self.name(), word.after.unwrap_or_default());
            let change = (word.span.clone(), &*misspelt(word.text));
            self.sdl.mutant(Kind::Parameter, what, change, &[Code::E102, Code::E107])
        };
        read.map(mutate).collect()
    }

    /// Mutants of `batch:` and its members, and of `fields:`.
    ///
    /// Without `batch:`, each place that reads `$batch` is an error.
    fn batch(&self) -> Vec<Mutant> {
        let mut all = Vec::new();
        let name = self.name();
        if let Some((fields, span)) = self.connect.text("fields") {
            let what = format!("{name}: fields");
            all.push(self.sdl.mutant(Kind::Parameter, what, (span, &misspelt(fields)), &[Code::E102]));
        }
        let Some(batch) = self.connect.argument("batch") else { return all };
        let what = format!("{name}: batch");
        let reads = self.input_words().into_iter().filter(|word| word.after == Some("$batch"));
        let reads: Vec<_> = reads.map(|word| self.sdl.place(word.span)).collect();
        let dropped = self.sdl.mutant(Kind::Parameter, &what, (self.argument_range("batch"), ""), &[Code::E107]);
        all.push(dropped.or(reads));
        if let Some((key, span)) = members(batch).get("key").and_then(|key| string(key)) {
            all.push(self.sdl.mutant(Kind::Parameter, &what, (span, &misspelt(key)), &[Code::E108]));
        }
        all
    }

    /// Mutants of the field's arguments: each is renamed, and each is dropped.
    ///
    /// They are found where the old name is read, at the operation that lacks the argument, or at the argument itself
    /// if it is renamed. If the argument is optional for the endpoint and not read by its name, only the clients that
    /// offer it notice.
    fn arguments(&self) -> Vec<Mutant> {
        let Some(field) = self.field else { return Vec::new() };
        let mut all = Vec::new();
        for argument in &field.arguments {
            let what = format!("{}({}:)", self.name(), argument.name);
            let reads: Vec<_> =
                self.reads_of(&argument.name).into_iter().map(|word| self.sdl.place(word.span)).collect();
            let change = (argument.name_span.clone(), &*misspelt(&argument.name));
            let renamed = self.sdl.mutant(Kind::Parameter, &what, change, &[Code::E102]);
            all.push(renamed.or(reads.clone()).or([self.op_place()]));
            let range = match field.arguments.as_slice() {
                [_] => self.parentheses(field),
                _ => argument.whole.clone(),
            };
            let takes = self.endpoint().parameters.iter().find(|parameter| parameter.name == argument.name);
            let is_optional = takes.is_some_and(|parameter| !parameter.required);
            let dropped = self.sdl.mutant(Kind::Parameter, &what, (range, ""), &[Code::E102, Code::E116]);
            let offering = super::shown::shown(self.demo).into_iter().filter(|shown| {
                let on_path =
                    shown.coordinates(self.demo).iter().any(|(ty, name)| *ty == field.parent && *name == field.name);
                on_path && self.sdl_names(shown.sdl, shown.field, &argument.name)
            });
            let offering: Vec<_> = offering.map(|shown| shown.place()).collect();
            if is_optional && reads.is_empty() && offering.is_empty() {
                continue; // Equivalent: nobody misses it.
            }
            all.push(dropped.or(reads).or([self.op_place()]).or(offering));
        }
        all
    }

    /// Whether a client's field names an argument, as its own argument or in its path.
    fn sdl_names(&self, sdl: &Sdl, field: &FieldDef, argument: &str) -> bool {
        words(&sdl.text, field.span.clone()).iter().any(|word| word.text == argument)
    }

    fn parentheses(&self, field: &FieldDef) -> Range<usize> {
        let text = &self.sdl.text;
        let open = field.name_span.end;
        let close = field.ty_span.start;
        let close = open + text[open..close].rfind(')').map_or(0, |at| at + 1);
        open..close
    }

    /// Mutants of the mappings of answers: each name is misspelt, and each level is dropped.
    fn selections(&self) -> Vec<Mutant> {
        let mut all = Vec::new();
        for span in self.connect.selections() {
            let what = format!("{}: selection", self.name());
            for word in words(&self.sdl.text, span.clone()).into_iter().filter(|word| word.text != "$") {
                let change = (word.span.clone(), &*misspelt(word.text));
                all.push(self.sdl.mutant(Kind::Path, &what, change, &[Code::E103, Code::E108]));
            }
            all.extend(self.dropped_levels(&what, span));
        }
        all
    }

    /// Mutants that lack one level: `alias: path { inner }` becomes `inner`, and `$.items` becomes `$`.
    fn dropped_levels(&self, what: &str, span: Range<usize>) -> Vec<Mutant> {
        const CODES: &[Code] = &[Code::E103, Code::E104, Code::E105, Code::E108, Code::E119, Code::C006];
        let text = &self.sdl.text;
        let mut all = Vec::new();
        let mut open = Vec::new();
        for (at, c) in text[span.clone()].char_indices().map(|(at, c)| (span.start + at, c)) {
            match c {
                '{' => open.push(at),
                '}' => {
                    let Some(start) = open.pop() else { continue };
                    let head = text[span.start..start].trim_end();
                    let is_path = |c: char| c.is_ascii_alphanumeric() || "_.$".contains(c);
                    let mut from = head.trim_end_matches(is_path);
                    if from.trim_end().ends_with(':') {
                        from = from.trim_end().trim_end_matches(':').trim_end_matches(is_path);
                    }
                    let range = span.start + from.len()..at + 1;
                    let inner = text[start + 1..at].to_owned();
                    // A finding about a selection as a whole is at its beginning.
                    let begins = self.sdl.place(span.start..span.start);
                    all.push(self.sdl.mutant(Kind::Path, what, (range, &inner), CODES).or([begins]));
                }
                _ => {}
            }
        }
        let content = text[span.clone()].trim();
        if content.starts_with("$.") && !content.contains('{') {
            let whole = self.sdl.mutant(Kind::Path, what, (span, "$"), CODES);
            all.push(whole.or([self.op_place()]));
        }
        all
    }

    /// Mutants of the fields in cache tags.
    fn tags(&self) -> Vec<Mutant> {
        let directives = self.field.map_or(&self.ty.directives, |field| &field.directives);
        let mut all = Vec::new();
        for tag in directives.iter().filter_map(|dir| dir.argument("tags")).filter_map(|tags| tags.as_list()).flatten()
        {
            let Some((_, span)) = string(tag) else { continue };
            let holes = words(&self.sdl.text, span).into_iter().filter(|word| word.depth > 0);
            for word in
                holes.filter(|word| word.text != "$this" && word.text != "$claims" && word.after != Some("$claims"))
            {
                let what = format!("{}: tag", self.name());
                all.push(self.sdl.mutant(Kind::Path, what, (word.span.clone(), &misspelt(word.text)), &[Code::E123]));
            }
        }
        all
    }
}

fn range_of(value: &apollo_compiler::Node<apollo_compiler::ast::Value>) -> Range<usize> {
    range(value.location())
}
