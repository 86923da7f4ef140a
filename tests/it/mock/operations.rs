//! Random operations for any schema. Every field, argument and fragment that the schema allows can occur.

use crate::random::Random;
use apollo_compiler::ast::{FieldDefinition, InputValueDefinition, Type};
use apollo_compiler::schema::ExtendedType;
use apollo_compiler::validation::Valid;
use apollo_compiler::{Name, Schema};
use std::fmt::Write as _;

/// The deepest nesting of selection sets.
const MAX_DEPTH: u32 = 4;

/// Makes a valid operation, which depends on the seed alone.
pub(super) fn operation(schema: &Valid<Schema>, seed: u64) -> String {
    let definition = &schema.schema_definition;
    let mut writer = Writer { schema, random: Random::new(seed), aliases: 0, text: String::new() };
    let root = match &definition.mutation {
        Some(mutation) if writer.random.one_in(4) => {
            writer.text += "mutation ";
            mutation
        }
        _ => definition.query.as_ref().expect("a query type"),
    };
    writer.selection(&root.name, MAX_DEPTH);
    writer.text
}

struct Writer<'s> {
    schema: &'s Valid<Schema>,
    random: Random,
    aliases: u32,
    text: String,
}

impl Writer<'_> {
    /// Writes a selection set on a composite type. It always has `__typename`, which says which fields must be in the
    /// answer.
    fn selection(&mut self, type_name: &Name, depth: u32) {
        let schema = self.schema;
        self.text += "{ __typename ";
        let fields = match &schema.types[type_name] {
            ExtendedType::Object(object) => &object.fields,
            ExtendedType::Interface(interface) => &interface.fields,
            _ => &Default::default(),
        };
        for (_, field) in fields {
            if self.random.below(3) > 0 {
                self.field(field, depth);
            }
        }
        let objects = schema.types.iter().filter(|(_, ty)| ty.is_object()).map(|(name, _)| name);
        for object in objects.filter(|object| *object != type_name && schema.is_subtype(type_name, object)) {
            if self.random.below(4) > 0 {
                let _ = write!(self.text, "... on {object} ");
                self.selection(object, depth);
            }
        }
        self.text += "} ";
    }

    fn field(&mut self, field: &FieldDefinition, depth: u32) {
        let named = field.ty.inner_named_type();
        let is_leaf = self.schema.types[named].is_leaf();
        if !is_leaf && depth == 0 {
            return;
        }
        self.aliases += 1;
        let _ = write!(self.text, "a{}: {}", self.aliases, field.name);
        let mut arguments = String::new();
        for argument in &field.arguments {
            if argument.is_required() || self.random.one_in(3) {
                let _ = write!(arguments, "{} ", self.member(argument, 3));
            }
        }
        if !arguments.is_empty() {
            let _ = write!(self.text, "({arguments})");
        }
        self.text.push(' ');
        if !is_leaf {
            self.selection(named, depth - 1);
        }
    }

    fn member(&mut self, definition: &InputValueDefinition, depth: u32) -> String {
        format!("{}: {}", definition.name, self.literal(&definition.ty, depth))
    }

    fn literal(&mut self, ty: &Type, depth: u32) -> String {
        if !ty.is_non_null() && (depth == 0 || self.random.one_in(6)) {
            return "null".to_owned();
        }
        match ty {
            Type::List(of) | Type::NonNullList(of) => {
                let length = if depth == 0 { 0 } else { self.random.below(3) };
                let items: Vec<String> = (0..length).map(|_| self.literal(of, depth - 1)).collect();
                format!("[{}]", items.join(" "))
            }
            Type::Named(name) | Type::NonNullNamed(name) => self.named_literal(name, depth),
        }
    }

    fn named_literal(&mut self, name: &Name, depth: u32) -> String {
        let schema = self.schema;
        match &schema.types[name] {
            ExtendedType::Enum(values) => {
                let values: Vec<&Name> = values.values.keys().collect();
                values[self.random.below(values.len() as u64) as usize].to_string()
            }
            ExtendedType::InputObject(object) if object.directives.has("oneOf") => {
                let fields: Vec<_> = object.fields.values().collect();
                let field = fields[self.random.below(fields.len() as u64) as usize];
                format!("{{ {}: {} }}", field.name, self.literal(&Type::clone(&field.ty).non_null(), depth.max(1)))
            }
            ExtendedType::InputObject(object) => {
                let mut members = Vec::new();
                for field in object.fields.values() {
                    if field.is_required() || (depth > 0 && self.random.one_in(2)) {
                        members.push(self.member(field, depth.saturating_sub(1)));
                    }
                }
                format!("{{ {} }}", members.join(" "))
            }
            _ => match name.as_str() {
                "Int" => self.random.below(5).to_string(),
                "Float" => format!("{}.5", self.random.below(5)),
                "Boolean" => (self.random.below(2) == 0).to_string(),
                _ => format!("\"{}\"", self.random.below(100)),
            },
        }
    }
}
