//! Who an object is: its type and, if the type has one, its id.

use super::chance::Chance;
use super::given::Given;
use apollo_compiler::ast::Type;
use apollo_compiler::collections::HashMap;
use apollo_compiler::response::JsonValue;
use apollo_compiler::schema::{ExtendedType, Implementers, Name, ObjectType};
use apollo_compiler::{Node, Schema};

/// Ids that nobody gave run from 1 to about this number.
const IDS: u64 = 9_000;

/// Who is meant, before the type is known.
#[derive(Debug, Clone)]
pub(super) enum Who {
    /// The caller said it.
    Given(JsonValue),
    /// The nth of its type.
    Nth(u64),
}

impl Who {
    /// The one at a place of a list, or the only one of it.
    pub(super) fn at(list: Chance, index: u64) -> Self {
        Self::Nth((1 + list.below(IDS)).saturating_add(index))
    }

    fn text(&self) -> String {
        match self {
            Self::Given(id) => id.as_str().map_or_else(|| id.to_string(), str::to_owned),
            Self::Nth(number) => number.to_string(),
        }
    }
}

/// The concrete type that stands for `who` where `named` is expected; none when nothing can.
pub(super) fn concrete<'s>(
    schema: &'s Schema,
    implementers: &HashMap<Name, Implementers>,
    named: &Name,
    who: &Who,
) -> Option<&'s Node<ObjectType>> {
    let mut possible: Vec<&Name> = match schema.types.get(named)? {
        ExtendedType::Object(object) => return Some(object),
        ExtendedType::Interface(_) => implementers.get(named)?.objects.iter().collect(),
        ExtendedType::Union(union) => union.members.iter().map(|member| &member.name).collect(),
        _ => return None,
    };
    // Neighbours in a list are of different types, whatever order the schema names them in.
    possible.sort();
    let text = who.text();
    let at = text.parse::<u64>().unwrap_or_else(|_| Chance::new(0).named(&text).below(u64::from(u32::MAX)));
    schema.get_object(possible.get((at % possible.len().max(1) as u64) as usize)?)
}

/// The field that holds an object's id: `id`, `_id`, `uuid` or `<type>Id`.
pub(super) fn id_field<'t>(schema: &Schema, ty: &'t ObjectType) -> Option<(&'t Name, &'t Type)> {
    let own = own_id(&ty.name);
    ["id", "_id", "uuid", &own].into_iter().find_map(|name| {
        let (name, field) = ty.fields.get_key_value(name)?;
        let scalar = schema.get_scalar(field.ty.inner_named_type())?;
        let can_be_id = !field.ty.is_list() && !matches!(scalar.name.as_str(), "Float" | "Boolean");
        can_be_id.then_some((name, &field.ty))
    })
}

/// `orderId` for `Order`.
fn own_id(ty: &str) -> String {
    let mut chars = ty.chars();
    let first = chars.next().map(|first| first.to_ascii_lowercase());
    first.into_iter().chain(chars).chain("Id".chars()).collect()
}

/// The names that an argument with the id of an object of this type can have.
pub(super) fn id_arguments(schema: &Schema, named: &Name) -> Vec<String> {
    let mut names = vec!["id".to_owned(), own_id(named)];
    let own = schema.get_object(named).and_then(|object| id_field(schema, object));
    names.extend(own.map(|(name, _)| name.to_string()).filter(|name| name != "id"));
    names
}

/// Whom the arguments of a field name.
pub(super) fn given(schema: &Schema, named: &Name, given: &Given) -> Option<Who> {
    id_arguments(schema, named).iter().find_map(|name| given.own_id(name)).map(|id| Who::Given(id.clone()))
}

/// All whom the arguments of a field name: `ids`, `orderIds`.
pub(super) fn all_given(schema: &Schema, named: &Name, given: &Given) -> Option<Vec<Who>> {
    let ids = id_arguments(schema, named).into_iter().find_map(|name| given.ids(&format!("{name}s")))?;
    Some(ids.iter().map(|id| Who::Given(id.clone())).collect())
}

/// The id of an object as its id field's type has it; none if its type has no id.
pub(super) fn id_value(schema: &Schema, ty: &ObjectType, who: &Who, seed: Chance) -> Option<JsonValue> {
    let (_, field) = id_field(schema, ty)?;
    Some(match (who, field.inner_named_type().as_str()) {
        (Who::Given(id), "Int") => {
            let number = id.as_i64().or_else(|| id.as_str()?.parse().ok());
            let number = number.filter(|&number| i32::try_from(number).is_ok());
            number.map_or_else(|| JsonValue::from(seed.named(&who.text()).between(1, IDS)), JsonValue::from)
        }
        (Who::Given(_), _) => who.text().into(),
        (Who::Nth(number), "Int") => JsonValue::from((*number).min(i32::MAX as u64)),
        (Who::Nth(number), name) if is_uuid(name) => uuid(seed.named(&ty.name).numbered(*number)).into(),
        (Who::Nth(number), _) => number.to_string().into(),
    })
}

/// Is it a scalar for UUIDs, by its name?
pub(super) fn is_uuid(scalar: &str) -> bool {
    scalar.eq_ignore_ascii_case("uuid") || scalar.eq_ignore_ascii_case("guid")
}

/// A UUID of version 8, whose bits are free (RFC 9562 §5.8).
pub(super) fn uuid(chance: Chance) -> String {
    let mut bytes = chance.bytes();
    bytes[6] = 0x80 | (bytes[6] & 0x0f);
    bytes[8] = 0x80 | (bytes[8] & 0x3f);
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}
