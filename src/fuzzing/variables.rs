//! The fuzz target for the variables of a client, against a schema with every kind of input type.

use crate::diagnostic::Sources;
use crate::json::{Map, Value};
use crate::operation::{
    BAD_USER_INPUT, GivenVariables, JsonText, LIMIT_EXCEEDED, Limits, Prepared, RequestError, prepare,
};
use crate::view::plain;
use apollo_compiler::Schema;
use apollo_compiler::ast::Type;
use apollo_compiler::schema::ExtendedType;
use apollo_compiler::validation::Valid;
use bytes::Bytes;
use std::sync::OnceLock;

const SCHEMA: &str = "
type Query { f(int: Int, float: Float, text: String, flag: Boolean, id: ID, kind: Kind, json: JSON, ints: [Int!],
  deep: [[Float]!], range: Range, ranges: [Range!]!, one: One, tree: Tree): Boolean }
enum Kind { A B }
scalar JSON
input Range { least: Int! = 0, most: Int!, kind: Kind = B, notes: [String!] = [\"x\"] }
input One @oneOf { int: Int, text: String, ranges: [Range!] }
input Tree { value: Float, left: Tree, right: Tree, more: [Tree!] }
";

const DOCUMENT: &str =
    "query($int: Int = 7, $float: Float, $text: String, $flag: Boolean, $id: ID, $kind: Kind, $json: JSON,
  $ints: [Int!], $deep: [[Float]!], $range: Range, $ranges: [Range!]! = [], $one: One, $tree: Tree) {
  f(int: $int, float: $float, text: $text, flag: $flag, id: $id, kind: $kind, json: $json, ints: $ints, deep: $deep,
    range: $range, ranges: $ranges, one: $one, tree: $tree) }";

/// The declared types, in the order of the document.
const TYPES: &str = "int: Int, float: Float, text: String, flag: Boolean, id: ID, kind: Kind, json: JSON, ints: [Int!],
  deep: [[Float]!], range: Range, ranges: [Range!]!, one: One, tree: Tree";

struct Fixed {
    schema: Valid<Schema>,
    prepared: Prepared,
}

/// Checks that variables are either refused, or coerced to values that have the declared types and the meaning of what
/// was sent, and that coercing those again changes nothing.
pub fn variables(data: &[u8]) {
    let Ok(Value::Object(members)) = Value::read(data) else { return };
    let given = GivenVariables::new(Bytes::copy_from_slice(data));
    static FIXED: OnceLock<Fixed> = OnceLock::new();
    let fixed = FIXED.get_or_init(|| {
        let mut sources = Sources::default();
        let file = sources.add("schema.graphql", SCHEMA);
        let (view, findings) = plain(&sources, file);
        let view = view.unwrap_or_else(|| panic!("{findings:#?}"));
        let prepared =
            prepare(&view, &Limits::default(), DOCUMENT, None).unwrap_or_else(|errors| panic!("{errors:#?}"));
        Fixed { schema: view.schema, prepared }
    });
    let coerced = match fixed.prepared.coerce(&given) {
        Ok(coerced) => coerced,
        Err(errors) => {
            assert!(!errors.is_empty() && errors.iter().all(is_known), "{errors:#?}");
            return;
        }
    };
    let mut again = Map::default();
    let names = TYPES.split(',').filter_map(|member| member.trim().split_once(": "));
    for ((name, ty), value) in names.zip(coerced.declared()) {
        let Some(value) = value.as_ref().map(JsonText::to_json) else { continue };
        let ty = Type::parse(ty, "type").unwrap_or_else(|errors| panic!("{ty}: {errors}"));
        let sent = members.get(name);
        assert!(fits(&fixed.schema, &ty, sent, &value), "`{name}: {ty}` is {value} for {sent:?}");
        again.insert(name.to_owned(), value);
    }
    assert_eq!(
        fixed
            .prepared
            .coerce(&GivenVariables::new(Value::Object(again).to_string().into()))
            .unwrap_or_else(|errors| panic!("{errors:#?}")),
        coerced
    );
}

fn is_known(error: &RequestError) -> bool {
    [BAD_USER_INPUT, LIMIT_EXCEEDED].contains(&error.code)
}

/// Whether a value has the type and means what was sent (GraphQL §3, input coercion). `sent` is `None` if the value
/// comes from a default.
fn fits(schema: &Schema, ty: &Type, sent: Option<&Value>, value: &Value) -> bool {
    if value.is_null() {
        return !ty.is_non_null() && sent.is_none_or(Value::is_null);
    }
    match (ty, value) {
        (Type::List(of) | Type::NonNullList(of), Value::Array(items)) => match sent {
            Some(Value::Array(all)) => {
                all.len() == items.len() && all.iter().zip(items).all(|(sent, item)| fits(schema, of, Some(sent), item))
            }
            // A single value is coerced to a list of that value.
            Some(single) => items.len() == 1 && fits(schema, of, Some(single), &items[0]),
            None => items.iter().all(|item| fits(schema, of, None, item)),
        },
        (Type::List(_) | Type::NonNullList(_), _) => false,
        (Type::Named(name) | Type::NonNullNamed(name), value) => {
            let same = sent.is_none_or(|sent| sent == value);
            match (schema.types.get(name), name.as_str()) {
                (Some(ExtendedType::Enum(values)), _) => {
                    same && value.as_str().is_some_and(|value| values.values.contains_key(value))
                }
                (Some(ExtendedType::InputObject(object)), _) => object.fields.iter().all(|(name, field)| {
                    let sent = sent.map(|sent| sent.get(name.as_str()));
                    match (value.get(name.as_str()), sent) {
                        (Some(member), sent) => fits(schema, &field.ty, sent.flatten(), member),
                        (None, Some(Some(_))) => false,
                        (None, _) => !field.is_required(),
                    }
                }),
                (_, "Int") => {
                    let is_int = value.as_i64().is_some_and(|number| i32::try_from(number).is_ok());
                    is_int && sent.is_none_or(|sent| sent.as_f64() == value.as_f64())
                }
                (_, "Float") => same && value.is_number(),
                (_, "String") => same && value.is_string(),
                (_, "Boolean") => same && value.is_boolean(),
                (_, "ID") => {
                    let text = sent.map(|sent| sent.as_str().map_or_else(|| sent.to_string(), str::to_owned));
                    value.is_string() && text.is_none_or(|text| value.as_str() == Some(text.as_str()))
                }
                _ => same,
            }
        }
    }
}
