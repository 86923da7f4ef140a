//! The identity of an object: its type and, if the type has one, its id.

use super::arguments::ArgumentValues;
use super::chance::Chance;
use apollo_compiler::ast::Type;
use apollo_compiler::collections::HashMap;
use apollo_compiler::response::JsonValue;
use apollo_compiler::schema::{ExtendedType, Implementers, Name, ObjectType};
use apollo_compiler::{Node, Schema};

/// Ids that no argument gives are from 1 to about this number.
const IDS: u64 = 9_000;

/// The identity of an object before its type is known.
#[derive(Debug, Clone)]
pub(super) enum ObjectIdentity {
    /// The caller gave this id.
    ArgumentValues(JsonValue),
    /// The object with this number among those of its type.
    Nth(u64),
}

impl ObjectIdentity {
    /// The object at this place, which may be an item of a list.
    pub(super) fn at(list: Chance, index: u64) -> Self {
        Self::Nth((1 + list.below(IDS)).saturating_add(index))
    }

    fn text(&self) -> String {
        match self {
            Self::ArgumentValues(id) => id.as_str().map_or_else(|| id.to_string(), str::to_owned),
            Self::Nth(number) => number.to_string(),
        }
    }
}

/// The concrete type of `who` where `named` is expected; `None` if there is no concrete type.
pub(super) fn concrete<'s>(
    schema: &'s Schema,
    implementers: &HashMap<Name, Implementers>,
    named: &Name,
    who: &ObjectIdentity,
) -> Option<&'s Node<ObjectType>> {
    let mut possible: Vec<&Name> = match schema.types.get(named)? {
        ExtendedType::Object(object) => return Some(object),
        ExtendedType::Interface(_) => implementers.get(named)?.objects.iter().collect(),
        ExtendedType::Union(union) => union.members.iter().map(|member| &member.name).collect(),
        _ => return None,
    };
    // Neighbours in a list have different types, whatever the order of types in the schema.
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

/// The identity that the arguments of a field name.
pub(super) fn given(schema: &Schema, named: &Name, given: &ArgumentValues) -> Option<ObjectIdentity> {
    id_arguments(schema, named)
        .iter()
        .find_map(|name| given.own_id(name))
        .map(|id| ObjectIdentity::ArgumentValues(id.clone()))
}

/// All identities that the arguments of a field name, such as `ids` or `orderIds`.
pub(super) fn all_given(schema: &Schema, named: &Name, given: &ArgumentValues) -> Option<Vec<ObjectIdentity>> {
    let ids = id_arguments(schema, named).into_iter().find_map(|name| given.ids(&format!("{name}s")))?;
    Some(ids.iter().map(|id| ObjectIdentity::ArgumentValues(id.clone())).collect())
}

/// The id of an object, as the type of its id field requires it; `None` if its type has no id.
pub(super) fn id_value(schema: &Schema, ty: &ObjectType, who: &ObjectIdentity, seed: Chance) -> Option<JsonValue> {
    let (_, field) = id_field(schema, ty)?;
    Some(match (who, field.inner_named_type().as_str()) {
        (ObjectIdentity::ArgumentValues(id), "Int") => {
            let number = id.as_i64().or_else(|| id.as_str()?.parse().ok());
            let number = number.filter(|&number| i32::try_from(number).is_ok());
            number.map_or_else(|| JsonValue::from(seed.named(&who.text()).between(1, IDS)), JsonValue::from)
        }
        (ObjectIdentity::ArgumentValues(_), _) => who.text().into(),
        (ObjectIdentity::Nth(number), "Int") => JsonValue::from((*number).min(i32::MAX as u64)),
        (ObjectIdentity::Nth(number), name) if is_uuid(name) => uuid(seed.named(&ty.name).numbered(*number)).into(),
        (ObjectIdentity::Nth(number), _) => number.to_string().into(),
    })
}

/// Whether a scalar is for UUIDs, by its name.
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
