//! The values of arguments: literals and variables, all of which the services accept.

use super::reached::Reached;
use crate::random::Random;
use apollo_compiler::ast::{FieldDefinition, InputValueDefinition, Type};
use apollo_compiler::schema::ExtendedType;
use apollo_compiler::{Name, Schema};
use serde_json::{Map, Value, json};

/// The arguments of a field as text, and the value of its argument `first`, if it has one.
pub(crate) struct Filled {
    pub(crate) text: String,
    pub(crate) first: Option<u32>,
}

#[derive(Debug)]
struct Variable {
    name: String,
    /// The coordinate of the argument that the variable was made for, or `if` for a condition.
    of: String,
    ty: String,
    default: Option<String>,
    given: Option<Value>,
    /// The value that the argument has with this variable.
    value: Value,
}

/// An argument that needs a value.
struct Wanted<'a> {
    schema: &'a Schema,
    coordinate: &'a str,
    argument: &'a InputValueDefinition,
}

impl Wanted<'_> {
    /// Makes a literal. If a service reads the argument, its value is returned too; otherwise null.
    fn literal(&self, random: &mut Random) -> (String, Value) {
        match value(random, self.coordinate) {
            Some(value) => (literal(random, self.coordinate, &value), value),
            None => (of_type(self.schema, random, &self.argument.ty, 3), Value::Null),
        }
    }
}

/// The variables of an operation.
#[derive(Debug, Default)]
pub(crate) struct Variables(Vec<Variable>);

impl Variables {
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Removes the variables after the first `len`.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.0.truncate(len);
    }

    /// The definitions of the variables in parentheses; empty if there are none.
    pub(crate) fn declared(&self) -> String {
        if self.0.is_empty() {
            return String::new();
        }
        let one = |variable: &Variable| {
            let default = variable.default.as_ref().map(|default| format!(" = {default}"));
            format!("${}: {}{}", variable.name, variable.ty, default.unwrap_or_default())
        };
        format!("({})", self.0.iter().map(one).collect::<Vec<_>>().join(", "))
    }

    /// The values of the variables that are given.
    pub(crate) fn given(&self) -> Map<String, Value> {
        self.0.iter().filter_map(|variable| Some((variable.name.clone(), variable.given.clone()?))).collect()
    }

    pub(crate) fn features(&self) -> Vec<&'static str> {
        let one = |variable: &Variable| match (&variable.default, &variable.given) {
            (Some(_), None) => "variable with a default that is used",
            (Some(_), Some(Value::Null)) => "variable with a default that is null all the same",
            (Some(_), Some(_)) => "variable with a default that is not used",
            (None, None) => "variable that is absent",
            (None, Some(Value::Null)) => "variable that is null",
            (None, Some(_)) => "variable",
        };
        self.0.iter().map(one).collect()
    }

    /// Makes the arguments of a field, in parentheses; empty if there are none.
    pub(crate) fn arguments(
        &mut self,
        schema: &Schema,
        random: &mut Random,
        reached: &mut Reached,
        (ty, field): (&Name, &FieldDefinition),
    ) -> Filled {
        let mut texts = Vec::new();
        let mut first = None;
        for argument in &field.arguments {
            let coordinate = format!("{ty}.{}({}:)", field.name, argument.name);
            let default = argument.default_value.as_ref().and_then(|value| value.to_i32());
            let filled = self.argument(random, reached, &Wanted { schema, coordinate: &coordinate, argument });
            if argument.name == "first" {
                let value = filled.as_ref().map(|(_, value)| value).and_then(Value::as_i64);
                first = value.or(default.map(i64::from)).and_then(|value| u32::try_from(value).ok());
            }
            if let Some((text, _)) = filled {
                reached.visit(coordinate);
                texts.push(format!("{}: {text}", argument.name));
            }
        }
        if random.one_in(4) {
            texts.reverse();
        }
        let text = if texts.is_empty() { String::new() } else { format!("({})", texts.join(", ")) };
        Filled { text, first }
    }

    /// Makes the text and the value of an argument; `None` if it is left out.
    fn argument(&mut self, random: &mut Random, reached: &mut Reached, wanted: &Wanted<'_>) -> Option<(String, Value)> {
        let argument = wanted.argument;
        match random.below(6) {
            0..2 if !argument.is_required() => {
                reached.count("argument left out");
                None
            }
            2..4 => {
                reached.count("argument: variable");
                Some(self.variable(random, wanted))
            }
            4 if !argument.ty.is_non_null() => {
                reached.count("argument: null");
                Some(("null".to_owned(), Value::Null))
            }
            _ => {
                reached.count("argument: literal");
                Some(wanted.literal(random))
            }
        }
    }

    fn variable(&mut self, random: &mut Random, wanted: &Wanted<'_>) -> (String, Value) {
        let Wanted { coordinate, argument, .. } = *wanted;
        let known = self.0.iter().find(|variable| variable.of == coordinate);
        if let Some(known) = known.filter(|_| random.one_in(3)) {
            return (format!("${}", known.name), known.value.clone());
        }
        let fallback = argument.default_value.as_ref().map(|value| json!(value.to_i32()));
        let nullable = argument.ty.as_ref().clone().nullable().to_string();
        let (_, chosen) = wanted.literal(random);
        let is_given = !random.one_in(3);
        let (ty, default, given, value) = match random.below(4) {
            0 => (format!("{nullable}!"), None, Some(chosen.clone()), chosen),
            // GraphQL §5.8.5: a nullable variable with a default that is not null may be used where null is not
            // allowed.
            1 => {
                let (text, default) = wanted.literal(random);
                if is_given && random.one_in(6) {
                    // If null is not allowed, the field fails (GraphQL §6.4.1).
                    return self.add(coordinate, nullable, Some(text), Some(Value::Null), Value::Null);
                }
                let comes_to = if is_given { chosen.clone() } else { default };
                (nullable, Some(text), is_given.then_some(chosen), comes_to)
            }
            // The argument's own default takes the place of a variable that is absent.
            2 if !argument.is_required() => {
                let fallback = fallback.unwrap_or_default();
                let comes_to = if is_given { chosen.clone() } else { fallback };
                (nullable, None, is_given.then_some(chosen), comes_to)
            }
            3 if !argument.ty.is_non_null() => (nullable, None, Some(Value::Null), Value::Null),
            _ => (argument.ty.to_string(), None, Some(chosen.clone()), chosen),
        };
        self.add(coordinate, ty, default, given, value)
    }

    /// Makes the condition of `@skip` or `@include`, mostly so that the field is not left out.
    pub(crate) fn condition(&mut self, random: &mut Random, usual: bool) -> String {
        let value = usual != random.one_in(4);
        let known = self.0.iter().find(|variable| variable.of == "if" && variable.value == value);
        match (random.below(4), known) {
            (0, _) => value.to_string(),
            (1..3, Some(known)) => format!("${}", known.name),
            _ => {
                let (ty, default, given) = match random.below(3) {
                    0 => ("Boolean!", None, Some(json!(value))),
                    1 => ("Boolean!", Some((!value).to_string()), Some(json!(value))),
                    _ => ("Boolean", Some(value.to_string()), None),
                };
                self.add("if", ty.to_owned(), default, given, json!(value)).0
            }
        }
    }

    fn add(
        &mut self,
        of: &str,
        ty: String,
        default: Option<String>,
        given: Option<Value>,
        value: Value,
    ) -> (String, Value) {
        let name = format!("v{}", self.0.len());
        let text = format!("${name}");
        self.0.push(Variable { name, of: of.to_owned(), ty, default, given, value: value.clone() });
        (text, value)
    }
}

/// A value for an argument that a service reads, as JSON; `None` for other arguments.
fn value(random: &mut Random, coordinate: &str) -> Option<Value> {
    let mut id = |most: u64| match random.below(12) {
        0 => json!("99999"),
        1 => json!("no-such-thing"),
        2..5 => json!(random.below(most) + 1),
        _ => json!((random.below(most) + 1).to_string()),
    };
    let argument = coordinate.split(['(', ':']).nth(1).unwrap_or_default();
    let value = match (coordinate, argument) {
        ("Query.node(id:)" | "Mutation.remove(id:)", _) => return None,
        ("Query.order(id:)", _) | (_, "orderId") => id(20_000),
        ("Query.user(id:)", _) | (_, "userId") => id(1_000),
        ("Query.category(id:)", _) | (_, "category") => id(40),
        (_, "id" | "productId") => id(2_000),
        (_, "first" | "page") => json!(random.below(3) + 1),
        (_, "quantity") => json!(random.below(4) + 1),
        // The key is new each time, because the services answer a repeated key as they did before.
        ("Mutation.placeOrder(key:)", _) => json!(format!("key-{:x}", random.below(u64::MAX))),
        (_, "payBy") => json!(random.pick(&["CARD", "INVOICE"])),
        (_, "lines") => lines(random),
        (_, "sort") => json!(random.pick(&["POPULAR", "PRICE_ASC", "PRICE_DESC", "NEWEST"])),
        (_, "locale") => json!(random.pick(&["en", "de", "fr-CH", "es", "xx"])),
        // `before:15000` and `before:7` in base64.
        (_, "after") => json!(random.pick(&["YmVmb3JlOjE1MDAw", "YmVmb3JlOjc"])),
        _ => return None,
    };
    Some(value)
}

/// Makes any literal of a type.
fn of_type(schema: &Schema, random: &mut Random, ty: &Type, depth: u32) -> String {
    if !ty.is_non_null() && random.one_in(6) {
        return "null".to_owned();
    }
    if ty.is_list() {
        let first = of_type(schema, random, ty.item_type(), depth.saturating_sub(1));
        let second = of_type(schema, random, ty.item_type(), depth.saturating_sub(1));
        return match random.below(4) {
            0 => "[]".to_owned(),
            // GraphQL §3.12.1: a single value becomes a list of this value, but null stays null.
            1 if first != "null" => first,
            2 => format!("[{first}]"),
            _ => format!("[{first}, {second}]"),
        };
    }
    match &schema.types[ty.inner_named_type()] {
        ExtendedType::Enum(values) => {
            let names: Vec<_> = values.values.keys().map(|name| name.as_str()).collect();
            random.pick(&names).to_owned()
        }
        ExtendedType::InputObject(object) => {
            let is_one_of = object.directives.has("oneOf");
            let only = random.below(object.fields.len() as u64) as usize;
            let mut members = Vec::new();
            for (at, field) in object.fields.values().enumerate() {
                let is_wanted = match is_one_of {
                    true => at == only,
                    false => field.is_required() || depth > 0 && random.one_in(2),
                };
                let ty = if is_one_of { field.ty.as_ref().clone().non_null() } else { field.ty.as_ref().clone() };
                if is_wanted {
                    members.push(format!("{}: {}", field.name, of_type(schema, random, &ty, depth.saturating_sub(1))));
                }
            }
            format!("{{{}}}", members.join(", "))
        }
        _ => match ty.inner_named_type().as_str() {
            "Int" => random.pick(&["0", "-7", "2147483647"]),
            "Float" => random.pick(&["0", "1.5", "-2e3", "99999999999"]),
            "Boolean" => random.pick(&["true", "false"]),
            "ID" => random.pick(&["7", "\"x\"", "99999999999"]),
            "String" => random.pick(&["\"\"", "\"text\"", "\"\"\"a \"quoted\" block\"\"\""]),
            _ => random.pick(&["{a: [1, {b: null}]}", "\"2020\"", "1", "ANY"]),
        }
        .to_owned(),
    }
}

/// The lines of an order. Some products are out of stock, some are unknown, and some orders are so large that the
/// payment is declined.
fn lines(random: &mut Random) -> Value {
    let line = |random: &mut Random| {
        let product = match random.below(12) {
            0 => 97 * (random.below(3) + 1),
            1 => 99_999,
            _ => random.below(90) + 1,
        };
        let quantity = if random.one_in(6) { 50 } else { random.below(3) + 1 };
        match random.one_in(2) {
            true => json!({ "productId": product, "quantity": quantity }),
            false => json!({ "quantity": quantity, "productId": product.to_string() }),
        }
    };
    (0..=random.below(3)).map(|_| line(random)).collect()
}

/// Writes a value as GraphQL text. Strings are written in several ways.
fn literal(random: &mut Random, coordinate: &str, value: &Value) -> String {
    match value {
        Value::String(name) if coordinate.ends_with("(sort:)") || coordinate.ends_with("(payBy:)") => name.clone(),
        // GraphQL §3.12.1: a single value becomes a list of this value.
        Value::Array(items) if items.len() == 1 && random.one_in(2) => literal(random, coordinate, &items[0]),
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(|item| literal(random, coordinate, item)).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(members) => {
            let members = members.iter().map(|(name, value)| format!("{name}: {}", literal(random, coordinate, value)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(" "))
        }
        Value::String(text) => match random.below(4) {
            0 => format!("\"\"\"{text}\"\"\""),
            1 => text.chars().map(|letter| format!("\\u{:04x}", letter as u32)).collect::<String>().quoted(),
            _ => text.clone().quoted(),
        },
        other => other.to_string(),
    }
}

trait Quoted {
    fn quoted(self) -> String;
}

impl Quoted for String {
    fn quoted(self) -> String {
        format!("\"{self}\"")
    }
}
