//! Mutants of the types in services' schemas: each field and argument gets another type or another nullability.
//!
//! If the type of a field changes, a finding may be at the field with its binding; at the selections of the same file
//! that name the field, because they read the value; at the same field in another file, because nobody can say which of
//! two different declarations is wrong; and at the client fields whose path leads through the field.

use super::demo::{Demo, EnumValue, FieldDef, Sdl, TypeDef, TypeKind};
use super::mutant::{Kind, Mutant, Place, misspelt, words};
use super::shown::{Shown, fits, shown};
use bespoke::internals::diagnostic::Code;
use std::ops::Range;

const TYPE: &[Code] = &[
    Code::E102,
    Code::E103,
    Code::E104,
    Code::E105,
    Code::E106,
    Code::E107,
    Code::E108,
    Code::E116,
    Code::E119,
    Code::E203,
    Code::E204,
    Code::C003,
];

/// Makes all mutants of a service's types.
pub(super) fn mutants(demo: &Demo, sdl: &Sdl) -> Vec<Mutant> {
    let shown = shown(demo);
    let types = Types { demo, sdl, shown: &shown };
    let mut all = Vec::new();
    for ty in &sdl.types {
        match ty.kind {
            TypeKind::Object => ty.fields.iter().for_each(|field| all.extend(types.field(ty, field))),
            TypeKind::Input => ty.fields.iter().for_each(|field| all.extend(types.input(ty, field))),
            TypeKind::Enum => all.extend(types.enumeration(ty)),
            TypeKind::Union => all.extend(types.union(ty)),
            TypeKind::Scalar => {}
        }
    }
    all
}

struct Types<'d> {
    demo: &'d Demo,
    sdl: &'d Sdl,
    shown: &'d [Shown<'d>],
}

/// Another scalar, which no contract of the demo accepts in place of this one.
pub(super) fn other_scalar(name: &str) -> &'static str {
    match name {
        "String" | "Boolean" => "Int",
        "Int" => "String",
        _ => "Boolean",
    }
}

/// The text of a field's type with another name in it.
pub(super) fn with_name(field: &FieldDef, name: &str) -> String {
    field.ty.to_string().replace(field.named(), name)
}

/// The text of a field's type as a list or, if the type is a list, without the list.
pub(super) fn with_list(field: &FieldDef) -> String {
    let text = field.ty.to_string();
    match text.strip_prefix('[') {
        Some(list) => list.replace("!]", "]").replace(']', ""),
        None if field.ty.is_non_null() => format!("[{text}]!"),
        None => format!("[{text}]"),
    }
}

impl Types<'_> {
    fn field(&self, ty: &TypeDef, field: &FieldDef) -> Vec<Mutant> {
        let mut all = Vec::new();
        let what = field.coordinate();
        let places = self.places(field);
        let mutant = |kind, new: &str, codes| {
            self.sdl.mutant(kind, &what, (field.ty_span.clone(), new), codes).or(places.clone())
        };
        // In a service without a contract, the type of a field that no client shows cannot be wrong.
        let is_felt =
            self.sdl.is_bound() || self.showing(field).next().is_some() || field.directive("external").is_some();
        if !is_felt {
            return all;
        }
        match self.demo.graph_kind(field.named()) {
            Some(TypeKind::Object | TypeKind::Union) => {
                let other = self.other_value_type(ty, field);
                all.extend(other.map(|other| {
                    // If an object takes the place of a union, the finding is at the fields that not all alternatives
                    // of the contract have.
                    let own = other.fields.iter().map(|field| self.sdl.place(field.span.clone()));
                    let is_union = self.demo.graph_kind(field.named()) == Some(TypeKind::Union);
                    mutant(Kind::Type, &with_name(field, &other.name), TYPE).or(own.filter(|_| is_union))
                }));
            }
            Some(TypeKind::Enum) => all.push(mutant(Kind::Type, &with_name(field, "Int"), TYPE)),
            _ => all.push(mutant(Kind::Type, &with_name(field, other_scalar(field.named())), TYPE)),
        }
        // In a batch, any number of items may belong to a key, so a list is correct too, and only clients notice the
        // change.
        let is_batch = field.directive("connect").is_some_and(|connect| connect.argument("batch").is_some());
        if !is_batch || field.ty.is_list() || self.showing(field).next().is_some() {
            all.push(mutant(Kind::Type, &with_list(field), TYPE));
        }
        if field.ty.is_non_null() {
            all.extend(self.weakened(field));
        } else if self.is_strengthened_wrongly(ty, field) {
            all.push(mutant(Kind::Nullability, &format!("{}!", field.ty), &[Code::E105, Code::E203]));
        }
        for argument in &field.arguments {
            all.extend(self.argument(field, argument));
        }
        all
    }

    /// The lines where a change of a field's type may be found.
    fn places(&self, field: &FieldDef) -> Vec<Place> {
        let mut places = vec![self.sdl.place(field.span.clone())];
        places.extend(self.selections(&field.name));
        places.extend(self.elsewhere(field).map(|(sdl, other)| sdl.place(other.span.clone())));
        places.extend(self.showing(field).map(Shown::place));
        places
    }

    /// The lines of the selections that name a field.
    fn selections(&self, name: &str) -> Vec<Place> {
        let is_named = |span: &Range<usize>| words(&self.sdl.text, span.clone()).iter().any(|word| word.text == name);
        self.sdl.selections().into_iter().filter(is_named).map(|span| self.sdl.place(span)).collect()
    }

    /// The same field in other files.
    fn elsewhere<'a>(&'a self, field: &'a FieldDef) -> impl Iterator<Item = (&'a Sdl, &'a FieldDef)> {
        let others = self.demo.services().filter(|sdl| sdl.path != self.sdl.path);
        let fields =
            others.flat_map(|sdl| sdl.types.iter().flat_map(move |ty| ty.fields.iter().map(move |of| (sdl, of))));
        fields.filter(|(_, other)| other.coordinate() == field.coordinate())
    }

    /// The client fields whose path leads through a field.
    fn showing<'a>(&'a self, field: &'a FieldDef) -> impl Iterator<Item = &'a Shown<'a>> {
        let client = self.sdl.client();
        self.shown.iter().filter(move |shown| {
            client.is_none_or(|client| shown.sdl.client_schema() == Some(client))
                && shown.coordinates(self.demo).iter().any(|(ty, name)| *ty == field.parent && *name == field.name)
        })
    }

    /// Another object type of the file that has no key. Entities are left out, because an answer does not show whether
    /// it holds this entity or another one with the same key.
    fn other_value_type(&self, ty: &TypeDef, field: &FieldDef) -> Option<&TypeDef> {
        let is_other = |other: &&TypeDef| {
            other.kind == TypeKind::Object
                && !other.is_root()
                && other.name != field.named()
                && other.name != ty.name
                && !self.demo.is_entity(&other.name)
        };
        self.sdl.types.iter().find(is_other)
    }

    /// Whether it is an error to make the type of a field non-null.
    ///
    /// A root field is null only because of the status of the answer. With `!`, that status is an error, which is a
    /// valid choice. In services without a contract, the schema itself says what may be null.
    fn is_strengthened_wrongly(&self, ty: &TypeDef, field: &FieldDef) -> bool {
        self.sdl.is_bound() && !ty.is_root() && field.directive("external").is_none()
    }

    /// The mutant without `!`, which is found at the clients that promise a non-null value. It is equivalent if no
    /// client does.
    fn weakened(&self, field: &FieldDef) -> Option<Mutant> {
        let nullable = field.ty.clone().nullable();
        let owner = self.demo.graph_field(&field.parent, &field.name)?;
        let feels = |shown: &&Shown<'_>| {
            let found = shown.graph_type(self.demo, Some((owner, &nullable)));
            !shown.has_default && found.is_some_and(|graph| !fits(&shown.field.ty, &graph))
        };
        let places: Vec<Place> = self.showing(field).filter(feels).map(Shown::place).collect();
        let mut mutant = self.sdl.mutant(
            Kind::Nullability,
            field.coordinate(),
            (field.ty_span.clone(), &nullable.to_string()),
            &[Code::E102, Code::E116],
        );
        mutant.places = places;
        (!mutant.places.is_empty()).then_some(mutant)
    }

    /// Mutants of an argument's type, which are found at the binding that sends it, or where clients offer it.
    fn argument(&self, field: &FieldDef, argument: &FieldDef) -> Vec<Mutant> {
        let what = format!("{}({}:)", field.coordinate(), argument.name);
        let offering: Vec<Place> = self.showing(field).map(Shown::place).collect();
        let mutant = |kind, new: &str| {
            let codes: &[Code] = &[Code::E102, Code::E116, Code::E204, Code::C003];
            let mutant = self.sdl.mutant(kind, &what, (argument.ty_span.clone(), new), codes);
            mutant.or([self.sdl.place(field.span.clone())]).or(offering.clone())
        };
        let mut all =
            vec![mutant(Kind::Type, &with_name(argument, "Boolean")), mutant(Kind::Type, &with_list(argument))];
        // An argument with a default is never missing, and a service without a contract accepts what its schema says.
        match (argument.ty.is_non_null(), argument.has_default) {
            (true, false) if self.sdl.is_bound() => {
                all.push(mutant(Kind::Nullability, &argument.ty.clone().nullable().to_string()));
            }
            (false, _) if !offering.is_empty() => all.push(mutant(Kind::Nullability, &format!("{}!", argument.ty))),
            _ => {}
        }
        all
    }

    /// Mutants of a field of an input object, which are found at the field, or at the binding that sends it.
    fn input(&self, ty: &TypeDef, field: &FieldDef) -> Vec<Mutant> {
        let places = self.taking(&ty.name);
        let what = field.coordinate();
        let mutant = |kind, range, new: &str| {
            self.sdl.mutant(kind, &what, (range, new), &[Code::E102, Code::E107]).or(places.clone())
        };
        let mut all = vec![
            mutant(Kind::Type, field.ty_span.clone(), &with_name(field, "Boolean")),
            mutant(Kind::Type, field.ty_span.clone(), &with_list(field)),
            mutant(Kind::Parameter, field.name_span.clone(), &misspelt(&field.name)),
            mutant(Kind::Parameter, field.whole.clone(), ""),
        ];
        if field.ty.is_non_null() {
            all.push(mutant(Kind::Nullability, field.ty_span.clone(), &field.ty.clone().nullable().to_string()));
        }
        all
    }

    /// The fields of this file with an argument of a type.
    fn taking(&self, ty: &str) -> Vec<Place> {
        let fields = self.sdl.types.iter().flat_map(|ty| &ty.fields);
        let taking = fields.filter(|field| field.arguments.iter().any(|argument| argument.named() == ty));
        taking.map(|field| self.sdl.place(field.span.clone())).collect()
    }

    /// The fields of this file that return a type, and the selections that read them.
    fn giving(&self, ty: &str) -> Vec<Place> {
        let fields = self.sdl.types.iter().filter(|ty| ty.kind == TypeKind::Object).flat_map(|ty| &ty.fields);
        let giving = fields.filter(|field| field.named() == ty);
        giving
            .flat_map(|field| [vec![self.sdl.place(field.span.clone())], self.selections(&field.name)].concat())
            .collect()
    }

    /// The lines of client schemas that name something.
    fn named_by_clients(&self, name: &str) -> Vec<Place> {
        let clients = self.demo.clients();
        let words =
            clients.flat_map(|sdl| words(&sdl.text, 0..sdl.text.len()).into_iter().map(move |word| (sdl, word)));
        words.filter(|(_, word)| word.text == name).map(|(sdl, word)| sdl.place(word.span)).collect()
    }

    /// Mutants of an enum. A dropped value is found where answers are read as the enum, or where a client names it. An
    /// added value is found where the enum is sent. In answers it never occurs, which is not an error.
    fn enumeration(&self, ty: &TypeDef) -> Vec<Mutant> {
        let mut all = Vec::new();
        for EnumValue { name, whole, .. } in &ty.values {
            let codes: &[Code] = &[Code::E104, Code::E116, Code::E204];
            let dropped = self.sdl.mutant(Kind::Type, &ty.name, (whole.clone(), ""), codes);
            all.push(dropped.or(self.giving(&ty.name)).or(self.taking(&ty.name)).or(self.named_by_clients(name)));
        }
        let sent = self.taking(&ty.name);
        if let (Some(EnumValue { name, name_span, .. }), false) = (ty.values.last(), sent.is_empty()) {
            let added = format!("{name} {}", misspelt(name));
            all.push(self.sdl.mutant(Kind::Type, &ty.name, (name_span.clone(), &added), &[Code::E102]).or(sent));
        }
        all
    }

    /// Mutants of a union. A dropped member is found where answers are read as the union, where it is the type of an
    /// outcome, or where a client names it. An added member is found at the clients, which do not show it.
    fn union(&self, ty: &TypeDef) -> Vec<Mutant> {
        let mut all = Vec::new();
        let showing: Vec<Place> = self
            .shown
            .iter()
            .filter(|shown| {
                let last = shown.coordinates(self.demo).pop();
                let field = last.and_then(|(ty, name)| self.demo.graph_field(&ty, &name));
                field.is_some_and(|field| field.named() == ty.name)
            })
            .map(Shown::place)
            .collect();
        for (index, (member, span)) in ty.members.iter().enumerate() {
            let range = match ty.members.get(index + 1) {
                Some((_, next)) => span.start..next.start,
                None => ty.members[index - 1].1.end..span.end,
            };
            let dropped = self.sdl.mutant(Kind::Type, &ty.name, (range, " "), TYPE);
            all.push(dropped.or(self.giving(&ty.name)).or(self.named_by_clients(member)));
        }
        let is_other = |other: &&TypeDef| {
            other.kind == TypeKind::Object && !other.is_root() && ty.members.iter().all(|(name, _)| *name != other.name)
        };
        if let (Some(other), Some((member, span))) = (self.sdl.types.iter().find(is_other), ty.members.last()) {
            let added = format!("{member} | {}", other.name);
            let added = self.sdl.mutant(Kind::Type, &ty.name, (span.clone(), &added), TYPE);
            all.push(added.or(self.giving(&ty.name)).or(showing));
        }
        all
    }
}
