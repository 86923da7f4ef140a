//! Coercion of variables, arguments, and bounds of arguments.

use super::{GRAPH, lowered_by, lowered_with, shown};
use crate::compose::Bounds;
use crate::contract::{NumberBound, NumberBounds};
use crate::operation::{GivenVariables, Limits, prepare};
use crate::view::testing::Project;
use bytes::Bytes;
use serde_json::{Value as Json, json};

#[test]
fn variables_are_coerced_as_the_specification_has_it() {
    let coerce = |ty: &str, given: Option<Json>| {
        let plain = ty.split(" =").next().unwrap();
        let graph = format!(
            "type Query {{ take(v: {plain}): Int }}
            scalar JSON
            input Filter {{ category: Category  price: Range  limit: Int! = 50  text: String }}
            input Range {{ least: Int! = 0  most: Int! }}
            enum Category {{ BOOKS GAMES }}"
        );
        let view = Project::new(&graph).view(&graph);
        let document = format!("query($v: {ty}) {{ take(v: $v) }}");
        let prepared = prepare(&view, &Limits::default(), &document, None).map_err(shown)?;
        let variables = given.map(|given| json!({ "v": given })).unwrap_or(json!({}));
        let coerced = prepared.coerce(&variables.as_object().unwrap().into()).map_err(shown)?;
        Ok::<_, String>(coerced.declared()[0].clone().map_or("absent".to_owned(), |text| text.as_str().to_owned()))
    };
    for (ty, given, expected) in [
        ("Int", Some(json!(1)), Ok("1")),
        ("Int", Some(json!(1.0)), Ok("1")),
        ("Int", Some(json!(-2147483648)), Ok("-2147483648")),
        ("Int", Some(json!(2147483648_i64)), Err("expected `Int`, found 2147483648")),
        ("Int", Some(json!(1.5)), Err("expected `Int`, found 1.5")),
        ("Int", Some(json!("1")), Err("expected `Int`, found \"1\"")),
        ("Int", Some(json!(true)), Err("expected `Int`, found true")),
        ("Float", Some(json!(1)), Ok("1")),
        ("Float", Some(json!(1.5)), Ok("1.5")),
        ("Float", Some(json!("1.5")), Err("expected `Float`, found \"1.5\"")),
        ("String", Some(json!("a")), Ok("\"a\"")),
        ("String", Some(json!(1)), Err("expected `String`, found 1")),
        ("Boolean", Some(json!(true)), Ok("true")),
        ("Boolean", Some(json!("true")), Err("expected `Boolean`, found \"true\"")),
        ("ID", Some(json!(7)), Ok("\"7\"")),
        ("ID", Some(json!("x")), Ok("\"x\"")),
        ("ID", Some(json!(1.5)), Err("expected `ID`, found 1.5")),
        ("JSON", Some(json!({"a": [1, null]})), Ok("{\"a\":[1,null]}")),
        ("Category", Some(json!("BOOKS")), Ok("\"BOOKS\"")),
        ("Category", Some(json!("FOOD")), Err("expected `Category`, found \"FOOD\"")),
        ("Int", None, Ok("absent")),
        ("Int", Some(json!(null)), Ok("null")),
        ("Int = 3", None, Ok("3")),
        ("Int = 3", Some(json!(null)), Ok("null")),
        ("Int!", None, Err("expected `Int!`, found nothing")),
        ("Int!", Some(json!(null)), Err("expected `Int!`, found null")),
        ("[Int]", Some(json!(1)), Ok("[1]")),
        ("[[Int]]", Some(json!([1, [2], null])), Ok("[[1],[2],null]")),
        ("[Int!]", Some(json!([1, null])), Err("[1]`: expected `Int!`, found null")),
        ("[Int]!", Some(json!([])), Ok("[]")),
        ("Filter", Some(json!({})), Ok("{\"limit\":50}")),
        ("Filter", Some(json!({"price": {"most": 2}})), Ok("{\"price\":{\"least\":0,\"most\":2},\"limit\":50}")),
        ("Filter", Some(json!({"price": {}})), Err(".price`: field `most` of `Range` is required")),
        ("Filter", Some(json!({"limit": null})), Err(".limit`: expected `Int!`, found null")),
        ("Filter", Some(json!({"x": 1})), Err("`Filter` has no field `x`")),
        ("Filter", Some(json!(1)), Err("expected `Filter`, found 1")),
        ("Filter = {price: {most: 1}}", None, Ok("{\"price\":{\"least\":0,\"most\":1},\"limit\":50}")),
    ] {
        let found = coerce(ty, given.clone());
        match expected {
            Ok(expected) => assert_eq!(found.as_deref(), Ok(expected), "{ty} {given:?}"),
            Err(why) => {
                let error = found.expect_err(ty);
                assert!(
                    error.starts_with("BAD_USER_INPUT 1:7 variable `$v") && error.trim_end().ends_with(why),
                    "{ty}: {error}"
                );
            }
        }
    }
}

/// Coerces the variables of a request and shows them as text.
fn coerced(declared: &str, given: &str, most: u32) -> String {
    let graph =
        "type Query { any(json: JSON, float: Float, text: String, id: ID, ints: [Int], box: Box, kind: Kind): Int }
        scalar JSON
        enum Kind { A B }
        input Box { text: String  ints: [Int!] = [1, 2, 3, 4, 5, 6, 7, 8]  inner: Box  boxes: [Box!] }";
    let uses = declared.split(',').filter_map(|one| one.split_once(':')).map(|(name, _)| name.trim());
    let uses: Vec<_> = uses.map(|name| format!("{}: {name}", &name[1..])).collect();
    let document = format!("query({declared}) {{ any({}) }}", uses.join(", "));
    let limits = Limits { max_variable_values: most, ..Limits::default() };
    let prepared = prepare(&Project::new(graph).view(graph), &limits, &document, None).map_err(shown).unwrap();
    let given = GivenVariables::new(Bytes::copy_from_slice(given.as_bytes()));
    prepared.coerce(&given).map_or_else(shown, |variables| {
        let texts = variables.declared().iter().map(|text| text.as_ref().map_or("-", |text| text.as_str()));
        texts.collect::<Vec<_>>().join(" ")
    })
}

#[test]
fn variables_are_kept_as_text_with_their_digits() {
    for (declared, given, expected) in [
        (
            "$json: JSON",
            r#"{"json": {"b": 1.10, "a": [ 12345678901234567890123 , -0.0 ]}}"#,
            r#"{"b":1.10,"a":[12345678901234567890123,-0.0]}"#,
        ),
        ("$float: Float", r#"{"float": 1.10}"#, "1.10"),
        (
            "$float: Float",
            r#"{"float": 1e400}"#,
            "BAD_USER_INPUT 1:7 variable `$float`: expected `Float`, found 1e400\n",
        ),
        ("$id: ID", r#"{"id": 123456789012345678901234567890}"#, r#""123456789012345678901234567890""#),
        ("$id: ID", r#"{"id": 1e3}"#, "BAD_USER_INPUT 1:7 variable `$id`: expected `ID`, found 1e3\n"),
        // Equal strings have equal texts, whichever of their characters were escaped.
        ("$text: String, $id: ID", r#"{"text": "\u0061\/\u00e9\n", "id": "\u0031"}"#, "\"a/\u{e9}\\n\" \"1\""),
        ("$kind: Kind", r#"{"\u006bind": "\u0041"}"#, "\"A\""),
        (
            "$box: Box",
            r#"{"box": {"inner": {"ints": [ 2 ]}, "text": "a"}}"#,
            r#"{"text":"a","ints":[1,2,3,4,5,6,7,8],"inner":{"ints":[2]}}"#,
        ),
        ("$ints: [Int]", "", "-"),
    ] {
        assert_eq!(coerced(declared, given, 1_000), expected, "{declared} {given}");
    }
}

#[test]
fn variables_that_are_ambiguous_or_no_text_are_refused() {
    let not_unicode = "a string holds half of a surrogate pair, which is no character\n";
    for (declared, given, expected) in [
        ("$text: String", r#"{"text": "a", "text": "b"}"#, "variable `$text` is given twice\n"),
        ("$box: Box", r#"{"box": {"text": "a", "t\u0065xt": "b"}}"#, "field `text` of `Box` is given twice\n"),
        ("$text: String", r#"{"text": "\ud800"}"#, not_unicode),
        ("$json: JSON", r#"{"json": [{"\ud800": 1}]}"#, not_unicode),
        ("$text: String", "[]", "the variables are not a JSON object, or are nested too deeply\n"),
    ] {
        let found = coerced(declared, given, 1_000);
        assert!(found.starts_with("BAD_USER_INPUT ") && found.ends_with(expected), "{declared} {given}: {found}");
    }
    // Variables that are not declared are not checked.
    assert_eq!(coerced("$text: String", r#"{"other": ["\ud800"], "other": 1, "text": "a"}"#, 1), "\"a\"");
}

#[test]
fn variables_are_bounded_in_number_values_and_bytes() {
    let list = |items: usize| format!("[{}]", vec!["1"; items].join(","));
    let too_many = "the variables hold more than 10 values; send fewer at once\n";
    for (declared, given, is_allowed) in [
        ("$ints: [Int]", format!(r#"{{"ints": {}}}"#, list(9)), true),
        ("$ints: [Int]", format!(r#"{{"ints": {}}}"#, list(10)), false),
        ("$json: JSON", format!(r#"{{"json": {{"a": {}}}}}"#, list(8)), true),
        ("$json: JSON", format!(r#"{{"json": {{"a": {}}}}}"#, list(9)), false),
        // The values of all declared variables count; those of other variables do not.
        (
            "$json: JSON, $ints: [Int]",
            format!(r#"{{"json": {}, "x": {}, "ints": {}}}"#, list(4), list(99), list(4)),
            true,
        ),
    ] {
        let found = coerced(declared, &given, 10);
        let is_refused = found.starts_with("LIMIT_EXCEEDED 1:7 variable `$") && found.ends_with(too_many);
        assert_eq!(is_refused, !is_allowed, "{declared} {given}: {found}");
    }
    let members = |count: usize| (0..count).map(|at| format!("\"v{at}\":1")).collect::<Vec<_>>().join(",");
    assert_eq!(coerced("$text: String", &format!("{{{}}}", members(1_000)), 10), "-");
    let found = coerced("$text: String", &format!("{{{}}}", members(1_001)), 10);
    assert_eq!(found, "LIMIT_EXCEEDED more than 1000 variables are given; send only those that are declared\n");
    // Each `{}` becomes ten times as long, because the defaults of its fields are added.
    let boxes = |count: usize| format!(r#"{{"box": {{"boxes": [{}]}}}}"#, vec!["{}"; count].join(","));
    assert!(coerced("$box: Box", &boxes(1_000), 100_000).starts_with("{\"ints\""));
    let found = coerced("$box: Box", &boxes(20_000), 100_000);
    let why = "with the defaults of its fields filled in, the value is too large; send less at once\n";
    assert!(found.starts_with("LIMIT_EXCEEDED 1:7 variable `$box.boxes[") && found.ends_with(why), "{found}");
}

#[test]
fn arguments_out_of_range_are_refused_before_any_call() {
    let numbers = NumberBounds {
        minimum: Some(NumberBound::inclusive(1)),
        maximum: Some(NumberBound::inclusive(100)),
        ..NumberBounds::default()
    };
    let bounds = Bounds { numbers, ..Bounds::default() };
    let text = Bounds { min_length: Some(2), pattern: Some("^[a-z]+$".to_owned()), ..Bounds::default() };
    let mut project =
        Project::new(GRAPH).bounded("Query", "products", "first", bounds).bounded("Query", "search", "text", text);
    let view = project.view(GRAPH);
    for (document, variables, expected) in [
        ("{ products(first: 100) { id } }", json!({}), ""),
        (
            "{ products(first: 500) { id } }",
            json!({}),
            "ARGUMENT_OUT_OF_RANGE 1:12 `Query.products(first:)`: 500 is above the maximum 100\n",
        ),
        (
            "{ products(first: 0) { id } }",
            json!({}),
            "ARGUMENT_OUT_OF_RANGE 1:12 `Query.products(first:)`: 0 is below the minimum 1\n",
        ),
        (
            "query($n: Int!) { products(first: $n) { id } a: products(first: $n) { name } }",
            json!({"n": 101}),
            "ARGUMENT_OUT_OF_RANGE 1:7 variable `$n`: 101 is above the maximum 100\n",
        ),
        ("query($n: Int) { products(first: $n) { id } }", json!({}), ""),
        (
            "query($t: String!) { search(text: $t) { __typename } }",
            json!({"t": "a"}),
            "ARGUMENT_OUT_OF_RANGE 1:7 variable `$t`: text of 1 characters is shorter than the minimum 2\n",
        ),
        (
            "query($t: String!) { search(text: $t) { __typename } }",
            json!({"t": "A1"}),
            "ARGUMENT_OUT_OF_RANGE 1:7 variable `$t`: the text does not match the pattern `^[a-z]+$`\n",
        ),
    ] {
        let found = lowered_by(&project, &view, document, &variables);
        match expected {
            "" => assert!(found.starts_with("query"), "{found}"),
            expected => assert_eq!(found, expected, "{document}"),
        }
    }
}

#[test]
fn one_of_inputs_take_exactly_one_field() {
    let graph = r#"
        directive @oneOf on INPUT_OBJECT
        type Query { find(by: By!): Int }
        input By @oneOf { id: ID  name: String }
    "#;
    let mut project = Project::new(graph);
    let view = project.view("type Query { find(by: By!): Int } input By { id: ID  name: String }");
    let run = |document: &str, variables: Json| lowered_by(&project, &view, document, &variables);
    assert!(run("{ find(by: {id: 1}) }", json!({})).starts_with("query"));
    let why = "exactly one field of `By` must be given, and not be null";
    let literal = run("{ find(by: {id: 1, name: null}) }", json!({}));
    assert_eq!(literal, format!("GRAPHQL_VALIDATION_FAILED 1:12 {why}\n"));
    assert!(run("query($id: ID!) { find(by: {id: $id}) }", json!({"id": 1})).starts_with("query"));
    let nullable = run("query($id: ID) { find(by: {id: $id}) }", json!({"id": 1}));
    assert_eq!(
        nullable,
        "GRAPHQL_VALIDATION_FAILED 1:7 1:32 variable `$id` of type `ID` may be null, which no field of the @oneOf object `By` takes\n"
    );
    let none = run("{ find(by: {}) }", json!({}));
    assert_eq!(none, format!("GRAPHQL_VALIDATION_FAILED 1:12 {why}\n"));
    let variable = run("query($by: By!) { find(by: $by) }", json!({"by": {"id": null}}));
    assert_eq!(variable, format!("BAD_USER_INPUT 1:7 variable `$by`: {why}\n"));
    // The schema that the client gets shows `@oneOf`, although the file of the client's schema does not have it.
    assert!(view.sdl().contains("input By @oneOf"), "{}", view.sdl());
}

#[test]
fn introspection_tells_of_one_of_inputs_and_specified_scalars() {
    let graph = r#"
        directive @oneOf on INPUT_OBJECT
        type Query { find(by: By!, in: In): Date }
        input By @oneOf { id: ID  name: String }
        input In { year: Int }
        scalar Date
    "#;
    let client = r#"
        type Query { find(by: By!, in: In): Date }
        input By { id: ID  name: String }
        input In { year: Int }
        scalar Date @specifiedBy(url: "https://example.com/date")
    "#;
    let document = r#"{
        a: __type(name: "By") { isOneOf ...More inputFields { type { is: isOneOf ofType { isOneOf } } } }
        b: __type(name: "In") { name again: isOneOf isOneOf }
        c: __type(name: "Date") { isOneOf specifiedByURL }
        d: __type(name: "Query") { fields { args { type { ofType { isOneOf ...More } } } } }
        e: __type(name: "__Type") { fields { name type { name } } }
    }
    fragment More on __Type { more: isOneOf name }"#;
    let mut project = Project::new(graph);
    let view = project.view(client);
    let prepared = prepare(&view, &Limits::default(), document, None).unwrap_or_else(|errors| panic!("{errors:?}"));
    let variables = prepared.coerce(&json!({}).as_object().unwrap().into()).unwrap();
    let found = prepared.introspect(&view, &variables).unwrap();
    let answer = |name: &str| serde_json::from_str::<Json>(&found[name]).unwrap();
    let no = json!({ "type": { "is": null, "ofType": null } });
    assert_eq!(answer("a"), json!({ "isOneOf": true, "more": true, "name": "By", "inputFields": [no, no] }));
    assert_eq!(answer("b"), json!({ "name": "In", "again": false, "isOneOf": false }));
    assert_eq!(answer("c"), json!({ "isOneOf": null, "specifiedByURL": "https://example.com/date" }));
    let by = json!({ "type": { "ofType": { "isOneOf": true, "more": true, "name": "By" } } });
    assert_eq!(answer("d")["fields"][0]["args"], json!([by, { "type": { "ofType": null } }]));
    let fields = answer("e")["fields"].as_array().unwrap().clone();
    assert!(fields.contains(&json!({ "name": "isOneOf", "type": { "name": "Boolean" } })), "{fields:?}");
    assert!(!view.sdl().contains("isOneOf"), "{}", view.sdl());
}

#[test]
fn a_variable_that_is_absent_takes_the_clients_default_then_the_graphs() {
    let client = r#"
        type Query { mine(first: Int! = 4): [Product!]! @from(path: "products")  theirs: [Product!]! @from(path: "products")  find(text: String): [Product!]! @from(path: "find(filter: {text: $text})") }
        type Product { id: ID! }
    "#;
    let document =
        "query($n: Int, $t: String) { mine(first: $n) { id } theirs { id } find(text: $t) { id } all: find { id } }";
    let text = lowered_with(client, document, json!({}));
    let asked: Vec<_> = text.lines().filter(|line| line.contains("#") && line.contains('(')).map(str::trim).collect();
    assert_eq!(
        asked,
        [
            "#0 products(sort: \"NEWEST\", first: $0 ?? 4)",
            "#2 products(sort: \"NEWEST\", first: 20)",
            "#4 find(filter: {limit: 50, text: $1})",
            "#6 find(filter: {\"limit\":50})",
        ]
    );
    let null = lowered_with(client, document, json!({"n": null}));
    assert!(null.contains("null for `first`"), "{null}");
    assert!(!null.contains("first: $0"), "{null}");
}
