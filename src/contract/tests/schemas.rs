//! Schemas: types, bounds, nullability and composition.

use super::{all_shown, read_clean, read_text, shown, with_schemas};
use crate::contract::{SchemaId, SchemaKind, read};
use crate::diagnostic::Sources;

/// Checks that a schema, written on one line of YAML, is read as the expected type expression.
fn check(version: &str, schema: &str, expected: &str) {
    let contract = read_clean(&with_schemas(version, &format!("    It: {schema}\n    User: {{type: object}}\n")));
    assert_eq!(shown(&contract, "It"), expected, "{version}: {schema}");
}

#[test]
fn keywords_read_as_their_types() {
    for (schema, expected) in [
        ("{}", "any|null"),
        ("true", "any|null"),
        ("{type: boolean}", "boolean"),
        ("{type: integer, format: int32}", "integer Int32"),
        ("{type: integer, format: int64, minimum: 1, maximum: 9}", "integer Int64 >=1 <=9"),
        ("{type: integer, minimum: 1.5, maximum: 8.5}", "integer Unspecified >=2 <=8"),
        ("{type: integer, maximum: 1e30}", "integer Unspecified <=9223372036854775807"),
        ("{type: number, minimum: 0.5}", "number >=0.5"),
        ("{type: string, format: date-time}", "string date-time"),
        ("{type: string, minLength: 1, maxLength: 5, pattern: '^a'}", "string ^a len>=1 len<=5"),
        ("{type: string, enum: [a, b]}", r#"string ["a", "b"]"#),
        ("{enum: [a, b]}", r#"string ["a", "b"]"#),
        ("{type: string, enum: [a, null]}", r#"string ["a"]|null"#),
        ("{type: string, enum: ['1', 'null']}", r#"string ["1", "null"]"#),
        ("{type: integer, enum: [3, 1, 2]}", "integer Unspecified >=1 <=3"),
        ("{enum: [a, 1]}", "any"),
        ("{type: array, items: {type: string}, minItems: 1, maxItems: 3}", "[string] n>=1 n<=3"),
        ("{items: {type: string}}", "[string]"),
        ("{type: object}", "{}"),
        ("{properties: {a: {type: string}, b: {}}, required: [a]}", "{a: string, b?: any|null}"),
        ("{type: string, deprecated: true}", "string deprecated"),
    ] {
        check("3.0.3", schema, expected);
        check("3.1.0", schema, expected);
    }
}

#[test]
fn bounds_are_read_exactly() {
    check("3.0.3", "{type: integer, minimum: 1, exclusiveMinimum: true}", "integer Unspecified >=2");
    check("3.0.3", "{type: integer, minimum: 1, exclusiveMinimum: false}", "integer Unspecified >=1");
    check("3.1.0", "{type: integer, exclusiveMinimum: 1, exclusiveMaximum: 5}", "integer Unspecified >=2 <=4");
    check("3.1.0", "{type: integer, exclusiveMinimum: 1.5}", "integer Unspecified >=2");
    check("3.1.0", "{type: integer, minimum: 7, exclusiveMinimum: 1}", "integer Unspecified >=7");
    check(
        "3.1.0",
        "{type: integer, exclusiveMaximum: -9223372036854775808}",
        "integer Unspecified <=-9223372036854775808",
    );
    check("3.0.3", "{type: number, maximum: 5, exclusiveMaximum: true}", "number <5");
    for (bounds, expected) in [
        ("exclusiveMinimum: 0", ">0"),
        ("minimum: 0, exclusiveMinimum: 0", ">0"),
        ("minimum: 9007199254740993, maximum: 18446744073709551615", ">=9007199254740993 <=18446744073709551615"),
        ("minimum: -1e999, maximum: 1e999", ">=-1e999 <=1e999"),
        ("minimum: +.10, maximum: 01.", ">=0.10 <=1"),
        ("multipleOf: 0.01", "%0.01"),
        ("allOf: [{multipleOf: 2}, {multipleOf: 3}, {multipleOf: 2.0}]", "%2 %3"),
    ] {
        check("3.1.0", &format!("{{type: number, {bounds}}}"), &format!("number {expected}"));
    }
}

#[test]
fn both_versions_write_the_same_model() {
    for (old, new, expected) in [
        ("{type: string, nullable: true}", "{type: [string, 'null']}", "string|null"),
        ("{type: string, nullable: true}", "{type: [string, null]}", "string|null"),
        ("{type: string, enum: [a]}", "{const: a}", r#"string ["a"]"#),
        (
            "{nullable: true, allOf: [{$ref: '#/components/schemas/User'}]}",
            "{anyOf: [{$ref: '#/components/schemas/User'}, {type: 'null'}]}",
            "{}|null",
        ),
        (
            "{oneOf: [{$ref: '#/components/schemas/User'}], nullable: true}",
            "{oneOf: [{const: null}, {$ref: '#/components/schemas/User'}]}",
            "{}|null",
        ),
        (
            "{oneOf: [{type: string}, {type: integer}], nullable: true}",
            "{oneOf: [{type: string}, {type: integer}, {type: 'null'}]}",
            "(string | integer Unspecified)|null",
        ),
        (
            "{type: object, required: [a], properties: {a: {type: string, nullable: true}}}",
            "{type: object, required: [a], properties: {a: {type: [string, 'null']}}}",
            "{a: string|null}",
        ),
        (
            "{type: integer, minimum: 0, exclusiveMinimum: true}",
            "{type: integer, exclusiveMinimum: 0}",
            "integer Unspecified >=1",
        ),
    ] {
        check("3.0.4", old, expected);
        check("3.1.1", new, expected);
    }
}

#[test]
fn a_nullable_reference_keeps_the_name() {
    let contract = read_clean(&with_schemas(
        "3.1.0",
        "    User: {type: object, properties: {best: {oneOf: [{$ref: '#/components/schemas/User'}, {type: 'null'}]}}}\n",
    ));
    assert_eq!(shown(&contract, "User"), "{best?: User|null}");
}

#[test]
fn all_of_is_merged() {
    let contract = read_clean(&with_schemas(
        "3.1.0",
        "    Base: {type: object, required: [id], properties: {id: {type: string}, tag: {type: [string, 'null']}}}
    Pet:
      allOf:
        - $ref: '#/components/schemas/Base'
        - {required: [name], properties: {name: {type: string}, tag: {type: string, maxLength: 3}}}
      required: [tag]
    Sibling: {$ref: '#/components/schemas/Base', required: [tag]}
    Described: {properties: {it: {$ref: '#/components/schemas/Base', description: only words}}}
    Narrow: {allOf: [{type: number}, {type: integer, minimum: 1}, {minimum: 3}]}
    Common: {allOf: [{enum: [a, b]}, {enum: [b, c]}]}
",
    ));
    insta::assert_snapshot!(all_shown(&contract), @r#"
    Base: {id: string, tag?: string|null}
    Pet: {id: string, tag: string len<=3, name: string}
    Sibling: {id: string, tag: string|null}
    Described: {it?: Base}
    Narrow: integer Unspecified >=3
    Common: string ["b"]
    "#);
}

#[test]
fn schemas_may_hold_themselves() {
    let contract = read_clean(&with_schemas(
        "3.0.0",
        "    Node: {type: object, properties: {next: {$ref: '#/components/schemas/Node'}, all: {$ref: '#/components/schemas/Nodes'}}}
    Nodes: {type: array, items: {$ref: '#/components/schemas/Node'}}
    Tree: {allOf: [{$ref: '#/components/schemas/Node'}, {properties: {left: {$ref: '#/components/schemas/Tree'}}}]}
",
    ));
    insta::assert_snapshot!(all_shown(&contract), @r"
    Node: {next?: Node, all?: Nodes}
    Nodes: [Node]
    Tree: {next?: Node, all?: Nodes, left?: Tree}
    ");
    let SchemaKind::Object { properties } = &contract.schema(SchemaId(0)).kind else { panic!("an object") };
    assert_eq!(properties["next"].schema.0, 0);
}

#[test]
fn discriminators_are_filled_in() {
    let contract = read_clean(&with_schemas(
        "3.1.0",
        "    Card: {type: object, properties: {kind: {type: string}}}
    Invoice: {type: object, properties: {kind: {const: invoice}}}
    Gift: {type: object, properties: {kind: {type: string, enum: [gift]}}}
    Cash: {type: object, properties: {kind: {type: string}}}
    Payment:
      oneOf: [{$ref: '#/components/schemas/Card'}, {$ref: '#/components/schemas/Invoice'}, {$ref: '#/components/schemas/Gift'}, {$ref: '#/components/schemas/Cash'}]
      discriminator: {propertyName: kind, mapping: {card: '#/components/schemas/Card', old_card: Card}}
",
    ));
    assert_eq!(
        shown(&contract, "Payment"),
        "(Card | Invoice | Gift | Cash) by kind card=0 old_card=0 invoice=1 gift=2 Cash=3"
    );
}

#[test]
fn what_stands_beside_alternatives_holds_for_each() {
    let contract = read_clean(&with_schemas(
        "3.0.0",
        "    Pet:
      type: object
      required: [kind]
      properties: {kind: {type: string}}
      oneOf: [{$ref: '#/components/schemas/Cat'}, {$ref: '#/components/schemas/Dog'}]
      discriminator: {propertyName: kind}
    Cat: {allOf: [{$ref: '#/components/schemas/Pet'}, {properties: {lives: {type: integer}}}]}
    Dog: {type: object, properties: {barks: {type: boolean}}}
    Either: {type: object, properties: {a: {}, b: {}}, anyOf: [{required: [a]}, {required: [b]}]}
",
    ));
    insta::assert_snapshot!(all_shown(&contract), @r"
    Pet: (Cat | Dog) by kind Cat=0 Dog=1
    Cat: {kind: string, lives?: integer Unspecified}
    Dog: {barks?: boolean}
    Either: ({a: any|null, b?: any|null} | {a?: any|null, b: any|null})
    Cat: {kind: string, lives?: integer Unspecified}
    Dog: {kind: string, barks?: boolean}
    ");
}

#[test]
fn a_choice_is_nullable_if_an_alternative_is() {
    check(
        "3.0.0",
        "{oneOf: [{type: string, nullable: true}, {type: integer}]}",
        "(string|null | integer Unspecified)|null",
    );
    check(
        "3.1.0",
        "{oneOf: [{anyOf: [{type: boolean}, {type: [array, 'null']}]}, {type: integer}]}",
        "((boolean | [any|null]|null)|null | integer Unspecified)|null",
    );
}

#[test]
fn pointers_lead_anywhere_in_the_file() {
    let contract = read_clean(
        "openapi: 3.1.0
paths:
  /a~b/{id}:
    get:
      parameters: [{name: id, in: path, required: true, schema: {type: integer}}]
      responses: {'200': {description: ok, content: {application/json: {schema: {type: string, format: uri}}}}}
components:
  schemas:
    It: {type: array, items: {$ref: '#/paths/~1a~0b~1%7Bid%7D/get/responses/200/content/application~1json/schema'}}
    Id: {type: array, items: {$ref: '#/paths/~1a~0b~1{id}/get/parameters/0/schema'}}
    Alias: {$ref: '#/components/schemas/It'}
",
    );
    assert_eq!(all_shown(&contract), "It: [string uri]\nId: [integer Unspecified]\n");
}

#[test]
fn anchors_and_merge_keys_are_followed() {
    let contract = read_clean(&with_schemas(
        "3.1.0",
        "    A: &a {type: object, properties: &p {x: &s {type: string}}}
    B: {<<: *a, required: [x]}
    C: {type: object, properties: {<<: *p, y: *s}}
",
    ));
    assert_eq!(all_shown(&contract), "A: {x?: string}\nB: {x: string}\nC: {y?: string, x?: string}\n");
}

#[test]
fn json_reads_like_yaml() {
    let yaml = with_schemas("3.0.0", "    A: {type: string, enum: [a], description: 'wi\u{1f600}de'}\n");
    let json = r##"{"openapi":"3.0.0","info":{"title":"Shop","version":"1"},"paths":{},
	"components":{"schemas":{"A":{"type":"string","enum":["\u0061"],"description":"wi\ud83d\ude00de \\ud83d \/"}}}}"##;
    let (yaml, json) = (read_clean(&yaml), read_clean(json));
    assert_eq!(all_shown(&yaml), all_shown(&json));
    assert_eq!(json.title, "Shop");
    assert_eq!(json.schemas()[0].description.as_deref(), Some("wi\u{fffd}\u{fffd}de \\ud83d /"));
}

#[test]
fn a_broken_part_leaves_the_rest_usable() {
    let (contract, findings) =
        read_text(&with_schemas("3.0.0", "    A: {type: object, properties: {x: {type: strng}, y: {type: string}}}\n"));
    assert_eq!(shown(&contract.expect("a contract"), "A"), "{x?: any|null, y?: string}");
    assert!(findings.starts_with("E016"), "{findings}");
}

#[test]
fn what_nobody_asks_for_has_no_findings() {
    let text = "openapi: 3.0.3
info: {title: Shop, version: '1'}
paths:
  /sound: {get: {operationId: sound, responses: {200: {description: '', content: {application/json: {schema: {$ref: '#/components/schemas/Thing'}}}}}}}
  /flawed/{id}: {get: {operationId: flawed, responses: {}}}
  /again: {get: {operationId: flawed, responses: {200: {description: ''}}}}
  /again: {}
components:
  schemas:
    Thing: {type: object, properties: {name: {type: string}, odd: {type: strng}}}
    Lost: {$ref: '#/components/schemas/Nowhere'}
";
    let mut sources = Sources::default();
    let file = sources.add("shop.openapi.yaml", text);
    let (contract, findings) = read(&sources, file);
    let contract = contract.expect("a contract");
    let codes = || contract.findings().iter().map(|finding| finding.code.as_str()).collect::<Vec<_>>();
    let endpoint = contract.endpoint("sound").expect("an endpoint");
    let thing = contract.schema(endpoint.responses[0].schema.expect("a body"));
    let SchemaKind::Object { properties } = &thing.kind else { panic!("an object") };
    assert!(matches!(contract.schema(properties["name"].schema).kind, SchemaKind::String { .. }));
    assert_eq!((findings.len(), codes()), (0, vec![]));
    // Each further part that is asked for adds its own findings.
    assert!(matches!(contract.schema(properties["odd"].schema).kind, SchemaKind::Any));
    assert_eq!(codes(), ["E016"]);
    assert!(contract.endpoint("flawed").is_some());
    assert_eq!(codes(), ["E014", "E017", "E013", "E016"]);
    contract.read_all();
    assert_eq!(codes(), ["E014", "E017", "E013", "E016", "E010"]);
}

#[test]
fn alternatives_that_cannot_be_are_none() {
    let schemas = "    Odd: {type: array, items: {type: string}, oneOf: [{type: object}, {type: array, items: {type: string}}]}
    Two: {type: object, properties: {a: {type: string}}, anyOf: [{type: string}, {required: [a]}, {type: object, nullable: true}]}
";
    let contract = read_clean(&with_schemas("3.0.0", schemas));
    assert_eq!(shown(&contract, "Odd"), "[string]");
    assert_eq!(shown(&contract, "Two"), "({a: string} | {a?: string})");
    let (_, findings) = read_text(&with_schemas(
        "3.0.0",
        "    A: {type: string, minLength: 1, oneOf: [{type: object}, {type: array, items: {}}]}\n",
    ));
    assert!(findings.starts_with("E019"), "{findings}");
}

#[test]
fn a_choice_that_leads_back_to_itself_ends() {
    let schemas = "    Self: {oneOf: [{$ref: '#/components/schemas/Self'}, {type: string}]}
    A: {oneOf: [{$ref: '#/components/schemas/B'}, {type: string}]}
    B: {anyOf: [{$ref: '#/components/schemas/A'}, {type: integer}, {type: boolean}]}
    Alone: {oneOf: [{$ref: '#/components/schemas/Alone'}, {$ref: '#/components/schemas/Alone'}]}
";
    let contract = read_clean(&with_schemas("3.0.0", schemas));
    assert_eq!(shown(&contract, "Self"), "string");
    assert_eq!(shown(&contract, "A"), "(string | integer Unspecified | boolean)");
    assert_eq!(shown(&contract, "B"), "(integer Unspecified | boolean | string)");
    assert_eq!(shown(&contract, "Alone"), "any");
}

#[test]
fn alternatives_that_are_constants_are_an_enum() {
    let schemas =
        "    Color: {type: string, oneOf: [{const: RED, title: like a rose}, {const: BLUE, title: like the sea}]}
    Loose: {anyOf: [{const: a}, {enum: [b, c]}, {type: 'null'}]}
    Mixed: {oneOf: [{const: a}, {const: 1}]}
";
    let contract = read_clean(&with_schemas("3.1.0", schemas));
    assert_eq!(shown(&contract, "Color"), r#"string ["RED", "BLUE"]"#);
    assert_eq!(shown(&contract, "Loose"), r#"string ["a", "b", "c"]|null"#);
    assert_eq!(shown(&contract, "Mixed"), r#"(string ["a"] | integer Unspecified >=1 <=1)"#);
}
