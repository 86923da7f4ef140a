//! Changes of valid documents, by their kind. Most of the changed documents are not valid.

use crate::random::Random;
use apollo_compiler::ast::{
    Argument, Definition, Directive, DirectiveList, Document, Field, FragmentDefinition, FragmentSpread,
    InlineFragment, OperationDefinition, OperationType, Selection, Type, Value, VariableDefinition,
};
use apollo_compiler::{Name, Node, Schema, name};

/// One kind of change. It returns `false` if the document has nothing that can be changed in this way.
type Change = fn(&mut Mutation<'_>) -> bool;

/// All kinds of changes of a parsed document.
pub(crate) const KINDS: [(&str, Change); 39] = [
    ("unknown field", |it| it.field(|_| true, |field, _| field.name = name!("nope"))),
    ("field of another type", |it| {
        let other = it.some_field_name();
        it.field(|_| true, move |field, _| field.name = other)
    }),
    ("unknown argument", |it| it.field(|_| true, |field, _| field.arguments.push(argument("nope", Value::Null)))),
    ("argument left out", |it| it.field(has_arguments, |field, random| drop(take(&mut field.arguments, random)))),
    ("argument twice", |it| {
        it.field(has_arguments, |field, random| {
            let again = random.choose(&field.arguments).clone();
            field.arguments.push(again);
        })
    }),
    ("argument of another type", |it| {
        it.field(has_arguments, |field, random| {
            let at = random.below(field.arguments.len() as u64) as usize;
            field.arguments[at].make_mut().value = any_value(random, 2).into();
        })
    }),
    ("part of an argument of another type", |it| {
        it.field(has_arguments, |field, random| {
            let at = random.below(field.arguments.len() as u64) as usize;
            change_inside(field.arguments[at].make_mut().value.make_mut(), random);
        })
    }),
    ("leaf with selections", |it| it.field(is_leaf, |field, _| field.selection_set.push(typename()))),
    ("object without selections", |it| it.field(|field| !is_leaf(field), |field, _| field.selection_set.clear())),
    ("another field of the same name", |it| {
        let alias = it.some_response_name();
        it.field(|_| true, move |field, _| field.alias = Some(alias))
    }),
    ("a field twice, with other arguments", |it| it.again(|field, random| drop(take(&mut field.arguments, random)))),
    ("a field twice, its arguments in another order", |it| it.again(|field, _| field.arguments.reverse())),
    ("empty selections", |it| {
        it.selections(|set, _| {
            set.clear();
            true
        })
    }),
    ("unknown fragment", |it| it.spread(|spread, _| spread.fragment_name = name!("Nope"))),
    ("fragment in a circle", |it| {
        let names = it.fragment_names();
        let Some(name) = it.random.clone().some(&names) else { return false };
        it.fragment(move |fragment| fragment.selection_set.push(spread(name)))
    }),
    ("fragment not used", |it| {
        let selection_set = vec![typename()];
        let (name, type_condition) = (name!("Unused"), it.some_type());
        it.define(FragmentDefinition { name, type_condition, directives: DirectiveList::new(), selection_set })
    }),
    ("fragment twice", |it| {
        let fragments: Vec<_> = it.document.definitions.iter().filter(|it| is_fragment(it)).cloned().collect();
        let again = it.random.some(&fragments);
        again.map(|again| it.document.definitions.push(again)).is_some()
    }),
    ("fragment gone", |it| {
        let at = it.document.definitions.iter().position(is_fragment);
        at.map(|at| it.document.definitions.remove(at)).is_some()
    }),
    ("fragment on another type", |it| {
        let ty = it.some_type();
        it.fragment(move |fragment| fragment.type_condition = ty)
    }),
    ("inline fragment on another type", |it| {
        let ty = it.some_type();
        it.inline(move |fragment| fragment.type_condition = Some(ty))
    }),
    ("variable gone", |it| it.operation(|operation, random| take(&mut operation.variables, random).is_some())),
    ("variable not used", |it| {
        it.operation(|operation, random| {
            operation.variables.push(variable(name!("unused"), any_type(random)));
            true
        })
    }),
    ("variable twice", |it| {
        it.operation(|operation, random| {
            let again = random.some(&operation.variables);
            again.map(|again| operation.variables.push(again)).is_some()
        })
    }),
    ("variable of another type", |it| it.variable(|variable, random| variable.ty = any_type(random).into())),
    ("variable that may be null", |it| {
        it.variable(|variable, _| variable.ty = variable.ty.as_ref().clone().nullable().into())
    }),
    ("variable of a list", |it| it.variable(|variable, _| variable.ty = variable.ty.as_ref().clone().list().into())),
    ("default gone", |it| it.variable(|variable, _| variable.default_value = None)),
    ("default of another type", |it| {
        it.variable(|variable, random| variable.default_value = Some(any_value(random, 2).into()))
    }),
    ("default is null", |it| it.variable(|variable, _| variable.default_value = Some(Value::Null.into()))),
    ("directive that is unknown", |it| it.directives(|list, _| list.0.push(directive("nope", None)))),
    ("directive twice", |it| {
        it.directives(|list, _| list.0.extend([directive("skip", Some(false)), directive("skip", Some(false))]))
    }),
    ("directive without its argument", |it| it.directives(|list, _| list.0.push(directive("include", None)))),
    ("directive with another argument", |it| {
        it.directives(|list, random| {
            let mut wrong = Directive { name: name!("skip"), arguments: Vec::new() };
            wrong.arguments.push(argument("if", any_value(random, 1)));
            list.0.push(wrong.into());
        })
    }),
    ("deferred", |it| it.deferred() | it.deferred()),
    ("deferred in a wrong place", |it| {
        let defer = it.some_defer();
        it.field(|_| true, |field, _| field.directives.0.push(defer))
    }),
    ("directive in a wrong place", |it| {
        let place = it.random.below(3);
        let list = directive("skip", Some(false));
        match place {
            0 => it.operation(|operation, _| {
                operation.directives.0.push(list);
                true
            }),
            1 => it.variable(|variable, _| variable.directives.0.push(list)),
            _ => it.fragment(|fragment| fragment.directives.0.push(list)),
        }
    }),
    ("operation of another kind", |it| {
        it.operation(|operation, random| {
            operation.operation_type = *random.choose(&[OperationType::Mutation, OperationType::Subscription]);
            true
        })
    }),
    ("second operation", |it| {
        let names = [None, Some(name!("Named")), Some(name!("Other"))];
        let name = it.random.choose(&names).clone();
        let mut again = None;
        it.operation(|operation, _| {
            again = Some(operation.clone());
            true
        });
        let Some(mut again) = again else { return false };
        again.name = name;
        it.document.definitions.push(Definition::OperationDefinition(again.into()));
        true
    }),
    ("no operation", |it| {
        it.document.definitions.retain(is_fragment);
        true
    }),
];

/// A document that is being changed.
pub(crate) struct Mutation<'s> {
    pub(crate) document: Document,
    pub(crate) schema: &'s Schema,
    pub(crate) random: Random,
}

impl Mutation<'_> {
    /// Changes one of the fields that `fits` accepts.
    fn field(&mut self, fits: impl Fn(&Field) -> bool, change: impl FnOnce(&mut Field, &mut Random)) -> bool {
        let mut change = Some(change);
        self.selection(|selection, random| match selection {
            Selection::Field(field) if fits(field) => change.take().map(|change| change(field.make_mut(), random)),
            _ => None,
        })
    }

    fn inline(&mut self, change: impl FnOnce(&mut InlineFragment)) -> bool {
        let mut change = Some(change);
        self.selection(|selection, _| match selection {
            Selection::InlineFragment(fragment) => change.take().map(|change| change(fragment.make_mut())),
            _ => None,
        })
    }

    fn spread(&mut self, change: impl FnOnce(&mut FragmentSpread, &mut Random)) -> bool {
        let mut change = Some(change);
        self.selection(|selection, random| match selection {
            Selection::FragmentSpread(spread) => change.take().map(|change| change(spread.make_mut(), random)),
            _ => None,
        })
    }

    fn directives(&mut self, change: impl FnOnce(&mut DirectiveList, &mut Random)) -> bool {
        let mut change = Some(change);
        self.selection(|selection, random| {
            let list = match selection {
                Selection::Field(field) => &mut field.make_mut().directives,
                Selection::FragmentSpread(spread) => &mut spread.make_mut().directives,
                Selection::InlineFragment(fragment) => &mut fragment.make_mut().directives,
            };
            change.take().map(|change| change(list, random))
        })
    }

    /// Offers each selection to `change`, from a random one on, until one is changed.
    fn selection(&mut self, mut change: impl FnMut(&mut Selection, &mut Random) -> Option<()>) -> bool {
        let mut count = 0;
        self.each_set(&mut |set, _| count += set.len() as u64);
        let from = self.random.below(count.max(1));
        let mut done = false;
        // The first pass goes from there to the end, the second one from the start.
        for first in [from, 0] {
            let mut at = 0;
            self.each_set(&mut |set, random| {
                for selection in set.iter_mut() {
                    done = done || (at >= first && change(selection, random).is_some());
                    at += 1;
                }
            });
        }
        done
    }

    /// Offers each selection set to `change`, from a random one on, until one is changed.
    fn selections(&mut self, change: impl Fn(&mut Vec<Selection>, &mut Random) -> bool) -> bool {
        let mut count = 0;
        self.each_set(&mut |_, _| count += 1);
        let from = self.random.below(count);
        let mut done = false;
        for first in [from, 0] {
            let mut at = 0;
            self.each_set(&mut |set, random| {
                done = done || (at >= first && change(set, random));
                at += 1;
            });
        }
        done
    }

    /// Adds a changed copy of a field with arguments to its selection set.
    fn again(&mut self, change: impl Fn(&mut Field, &mut Random)) -> bool {
        self.selections(|set, random| {
            let fields: Vec<_> =
                set.iter().filter_map(Selection::as_field).filter(|field| has_arguments(field)).collect();
            if fields.is_empty() {
                return false;
            }
            let mut again = (**random.choose(&fields)).clone();
            change(again.make_mut(), random);
            set.push(Selection::Field(again));
            true
        })
    }

    fn each_set(&mut self, visit: &mut dyn FnMut(&mut Vec<Selection>, &mut Random)) {
        let random = &mut self.random;
        for definition in &mut self.document.definitions {
            match definition {
                Definition::OperationDefinition(it) => below(&mut it.make_mut().selection_set, random, visit),
                Definition::FragmentDefinition(it) => below(&mut it.make_mut().selection_set, random, visit),
                _ => {}
            }
        }
    }

    fn operation(&mut self, change: impl FnOnce(&mut OperationDefinition, &mut Random) -> bool) -> bool {
        let definitions = &mut self.document.definitions;
        let operation = definitions.iter_mut().find_map(|definition| match definition {
            Definition::OperationDefinition(operation) => Some(operation.make_mut()),
            _ => None,
        });
        operation.is_some_and(|operation| change(operation, &mut self.random))
    }

    fn variable(&mut self, change: impl FnOnce(&mut VariableDefinition, &mut Random)) -> bool {
        self.operation(|operation, random| {
            if operation.variables.is_empty() {
                return false;
            }
            let at = random.below(operation.variables.len() as u64) as usize;
            change(operation.variables[at].make_mut(), random);
            true
        })
    }

    fn fragment(&mut self, change: impl FnOnce(&mut FragmentDefinition)) -> bool {
        let fragments = self.document.definitions.iter_mut().filter_map(|definition| match definition {
            Definition::FragmentDefinition(fragment) => Some(fragment),
            _ => None,
        });
        let mut fragments: Vec<_> = fragments.collect();
        if fragments.is_empty() {
            return false;
        }
        let at = self.random.below(fragments.len() as u64) as usize;
        change(fragments[at].make_mut());
        true
    }

    fn define(&mut self, fragment: FragmentDefinition) -> bool {
        self.document.definitions.push(Definition::FragmentDefinition(fragment.into()));
        true
    }

    /// Adds `@defer` to a fragment.
    fn deferred(&mut self) -> bool {
        let defer = self.some_defer();
        let mut defer = Some(defer);
        self.selection(|selection, _| match selection {
            Selection::InlineFragment(it) => defer.take().map(|defer| it.make_mut().directives.0.push(defer)),
            Selection::FragmentSpread(it) => defer.take().map(|defer| it.make_mut().directives.0.push(defer)),
            Selection::Field(_) => None,
        })
    }

    fn some_defer(&mut self) -> Node<Directive> {
        let label = |label: Value| vec![argument("label", label)];
        let arguments = match self.random.below(8) {
            0 => label(Value::String("a".to_owned())),
            1 => label(Value::String("b".to_owned())),
            2 => label(Value::Variable(name!("v0"))),
            3 => label(Value::Null),
            4 => vec![argument("if", any_value(&mut self.random, 0))],
            5 => vec![argument("if", Value::Boolean(false))],
            _ => Vec::new(),
        };
        Directive { name: name!("defer"), arguments }.into()
    }

    fn fragment_names(&self) -> Vec<Name> {
        let fragments = self.document.definitions.iter().filter_map(Definition::as_fragment_definition);
        fragments.map(|fragment| fragment.name.clone()).collect()
    }

    fn some_type(&mut self) -> Name {
        let mut names: Vec<Name> = self.schema.types.keys().filter(|name| !name.starts_with("__")).cloned().collect();
        names.push(name!("Nope"));
        self.random.choose(&names).clone()
    }

    fn some_field_name(&mut self) -> Name {
        let mut names: Vec<Name> = Vec::new();
        self.each_set(&mut |set, _| names.extend(set.iter().filter_map(Selection::as_field).map(|it| it.name.clone())));
        self.random.some(&names).unwrap_or(name!("nope"))
    }

    fn some_response_name(&mut self) -> Name {
        let mut names: Vec<Name> = Vec::new();
        let name = |field: &Node<Field>| field.response_name().clone();
        self.each_set(&mut |set, _| names.extend(set.iter().filter_map(Selection::as_field).map(name)));
        self.random.some(&names).unwrap_or(name!("nope"))
    }
}

fn below(set: &mut Vec<Selection>, random: &mut Random, visit: &mut dyn FnMut(&mut Vec<Selection>, &mut Random)) {
    visit(set, random);
    for selection in set {
        match selection {
            // Leaf fields have no selection set.
            Selection::Field(field) if is_leaf(field) => {}
            Selection::Field(field) => below(&mut field.make_mut().selection_set, random, visit),
            Selection::InlineFragment(fragment) => below(&mut fragment.make_mut().selection_set, random, visit),
            Selection::FragmentSpread(_) => {}
        }
    }
}

/// Changes the text itself: a token is removed, doubled, swapped with its neighbour, or replaced by another one.
pub(crate) fn tokens(text: &str, random: &mut Random) -> String {
    let mut tokens = split(text);
    let at = random.below(tokens.len() as u64 - 1) as usize;
    match random.below(5) {
        0 => drop(tokens.remove(at)),
        1 => tokens.insert(at, tokens[at]),
        2 => tokens.swap(at, at + 1),
        3 => tokens[at] = random.pick(&OTHERS),
        _ => tokens.insert(at, random.pick(&OTHERS)),
    }
    tokens.join(" ")
}

const OTHERS: [&str; 38] = [
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    ":",
    "!",
    "=",
    "$",
    "@",
    "&",
    "|",
    "...",
    "..",
    ".",
    "null",
    "true",
    "on",
    "query",
    "fragment",
    "subscription",
    "type",
    "01",
    "-0",
    "1.",
    "1e5",
    "0x1",
    "\"open",
    "\"\\q\"",
    "\"\\u{1F600}\"",
    "\"\"\"block\\\"\"\"\"\"\"",
    "é",
    "%",
    "1a",
    "$a-b",
    "__typename",
    "\"\\uD800\"",
];

/// Splits a text into tokens, roughly as in GraphQL §2.1.6.
fn split(text: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '#' => rest.find('\n').unwrap_or(rest.len()),
            '"' if rest.starts_with("\"\"\"") => rest[3..].find("\"\"\"").map_or(rest.len(), |end| end + 6),
            '"' => rest[1..].find('"').map_or(rest.len(), |end| end + 2),
            '.' if rest.starts_with("...") => 3,
            letter if letter.is_alphanumeric() || letter == '_' => {
                rest.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(rest.len())
            }
            other => other.len_utf8(),
        };
        let (token, after) = rest.split_at(length);
        if !token.starts_with(['#', ' ', '\n', '\t', ',', '\u{feff}']) {
            tokens.push(token);
        }
        rest = after;
    }
    tokens
}

fn has_arguments(field: &Field) -> bool {
    !field.arguments.is_empty()
}

fn is_leaf(field: &Field) -> bool {
    field.selection_set.is_empty()
}

fn is_fragment(definition: &Definition) -> bool {
    matches!(definition, Definition::FragmentDefinition(_))
}

fn take<T>(from: &mut Vec<T>, random: &mut Random) -> Option<T> {
    (!from.is_empty()).then(|| from.remove(random.below(from.len() as u64) as usize))
}

fn argument(name: &str, value: Value) -> Node<Argument> {
    Argument { name: Name::new(name).expect("a name"), value: value.into() }.into()
}

fn directive(name: &str, condition: Option<bool>) -> Node<Directive> {
    let arguments = condition.map(|value| argument("if", Value::Boolean(value)));
    Directive { name: Name::new(name).expect("a name"), arguments: arguments.into_iter().collect() }.into()
}

fn variable(name: Name, ty: Type) -> Node<VariableDefinition> {
    VariableDefinition { name, ty: ty.into(), default_value: None, directives: DirectiveList::new() }.into()
}

fn typename() -> Selection {
    Selection::Field(Node::new(Field {
        alias: None,
        name: name!("__typename"),
        arguments: Vec::new(),
        directives: DirectiveList::new(),
        selection_set: Vec::new(),
    }))
}

fn spread(fragment_name: Name) -> Selection {
    Selection::FragmentSpread(FragmentSpread { fragment_name, directives: DirectiveList::new() }.into())
}

fn any_type(random: &mut Random) -> Type {
    let names =
        ["Int", "Float", "String", "Boolean", "ID", "ProductSort", "User", "Media", "Nope", "Kind", "By", "Filter"];
    let mut ty = Type::Named(Name::new(random.pick(&names)).expect("a name"));
    for _ in 0..random.below(3) {
        ty = if random.one_in(2) { ty.non_null() } else { ty.list() };
    }
    ty
}

/// Makes a literal of any type.
fn any_value(random: &mut Random, depth: u32) -> Value {
    let number = |text: &str| {
        Document::parse(format!("{{ a(b: {text}) }}"), "").ok().and_then(|document| {
            let operation = document.definitions.first()?.as_operation_definition()?.clone();
            let field = operation.selection_set.first()?.as_field()?.clone();
            Some((*field.arguments.first()?.value).clone())
        })
    };
    let names =
        [name!("id"), name!("name"), name!("nope"), name!("kind"), name!("limit"), name!("price"), name!("most")];
    match random.below(if depth == 0 { 12 } else { 16 }) {
        0 => Value::Null,
        1 => Value::Boolean(true),
        2 => Value::String("7".to_owned()),
        3 => Value::Enum(Name::new(random.pick(&["POPULAR", "ADMIN", "NOPE"])).expect("a name")),
        4 => Value::Variable(Name::new(random.pick(&["v0", "v1", "v2", "undefined"])).expect("a name")),
        5..12 => {
            let texts = [
                "1",
                "0",
                "-1",
                "2147483647",
                "2147483648",
                "-2147483649",
                "1.0",
                "1.5",
                "1e400",
                "99999999999999999999",
            ];
            number(random.pick(&texts)).unwrap_or(Value::Null)
        }
        12..14 => Value::List((0..random.below(3)).map(|_| any_value(random, depth - 1).into()).collect()),
        _ => {
            let members =
                (0..random.below(3)).map(|_| (random.choose(&names).clone(), any_value(random, depth - 1).into()));
            Value::Object(members.collect())
        }
    }
}

/// Changes a part of a value, or the whole value.
fn change_inside(value: &mut Value, random: &mut Random) {
    match value {
        Value::List(items) if !items.is_empty() && !random.one_in(4) => {
            let at = random.below(items.len() as u64) as usize;
            change_inside(items[at].make_mut(), random);
        }
        Value::Object(members) if !members.is_empty() && !random.one_in(6) => {
            let at = random.below(members.len() as u64) as usize;
            match random.below(5) {
                0 => drop(members.remove(at)),
                1 => members.push(members[at].clone()),
                2 => members[at].0 = name!("nope"),
                _ => change_inside(members[at].1.make_mut(), random),
            }
        }
        other => *other = any_value(random, 2),
    }
}
