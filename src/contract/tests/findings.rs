//! All findings of the reader, as users see them.

use super::{read_text, with_schemas};

/// Gives the findings of a document with these operations under one path.
fn of_path(path: &str, item: &str) -> String {
    read_text(&format!("openapi: 3.1.0\npaths:\n  {path}:\n{item}\n")).1
}

fn of_schema(version: &str, schemas: &str) -> String {
    read_text(&with_schemas(version, schemas)).1
}

#[test]
fn e001_text_is_not_yaml() {
    insta::assert_snapshot!(read_text("openapi: 3.1.0\npaths: [\"ü\", }\n").1, @r"
    E001: the file is neither YAML nor JSON
      2:14 `` while parsing a node, did not find expected node content
      help: mind indentation and quotes: the text before this place does not fit it
    ");
    insta::assert_snapshot!(read_text("a: 1\n---\nb: 2\n").1, @r"
    E001: the file holds more than one document
      2:1 `---` starts here
      help: keep one OpenAPI document in a file
    ");
    insta::assert_snapshot!(read_text("a: &a [*a]\n").1, @r"
    E001: an alias stands inside its own anchor, or as a key
      1:8 `*a` this alias
      help: write the value out, or use `$ref`
    ");
    insta::assert_snapshot!(read_text("? [a]\n: 1\n").1, @r"
    E001: a key is not a scalar
      1:3 `[` this key
      help: keys of an OpenAPI document are strings
    ");
}

#[test]
fn e002_too_large() {
    insta::assert_snapshot!(read_text(&"#".repeat(64 * 1024 * 1024 + 1)).1, @r"
    E002: the contract is larger than 67108864 bytes
      1:1 `` too large
      help: leave out the endpoints that nobody binds
    ");
}

#[test]
fn e003_too_deep() {
    insta::assert_snapshot!(read_text(&"[".repeat(130)).1, @r"
    E003: lists and objects are nested more than 128 deep
      1:129 `[` too deep
      help: move inner schemas to `components` and refer to them
    ");
}

#[test]
fn e004_is_no_contract() {
    insta::assert_snapshot!(read_text("").1, @r"
    E004: the file is empty
      1:1 `` nothing here
      help: an OpenAPI document starts with `openapi: 3.1.0`
    ");
    insta::assert_snapshot!(read_text("name: shop\n").1, @r"
    E004: this is not an OpenAPI document
      1:1 `name` no `openapi` here
      help: an OpenAPI document starts with `openapi: 3.1.0`
    ");
}

#[test]
fn e005_key_twice() {
    insta::assert_snapshot!(of_schema("3.1.0", "    A: {type: string}\n    A: {type: object}\n"), @r"
    E005: key `A` stands twice in one object
      7:5 `A` again here
      6:5 `A` first here
      help: remove or rename one of them; the first one was read
    ");
}

#[test]
fn e006_e007_versions() {
    insta::assert_snapshot!(read_text("swagger: '2.0'\npaths: {}\n").1, @r"
    E006: this is Swagger 2.0, not OpenAPI 3
      1:10 `'2.0'` the version
      help: convert it once, with `swagger2openapi` for instance, and keep the result
    ");
    insta::assert_snapshot!(read_text("openapi: 4.0.0\npaths: {}\n").1, @r"
    E007: OpenAPI 4.0.0 is not known here
      1:10 `4.0.0` the version
      help: versions 3.0.x and 3.1.x can be read
    ");
}

#[test]
fn e008_wrong_kinds() {
    insta::assert_snapshot!(read_text("[a]").1, @r"
    E008: the document is a list, not an object
      1:2 `a` should be an object
      help: write `key: value` lines, or `{…}`
    ");
    insta::assert_snapshot!(of_schema("3.1.0", "    A: {type: object, properties: [], required: yes, minLength: -1, deprecated: 'no', minimum: low}\n    B: 7\n    C: {$ref: 1}\n"), @r"
    E008: `properties` is a list, not an object
      6:35 `[]` should be an object
      help: write `key: value` lines, or `{…}`
    E008: `required` is a string, not a list
      6:49 `yes` should be a list
      help: write `- item` lines, or `[…]`
    E008: `minLength` is a number, not a whole number from 0
      6:65 `-1` should be a whole number from 0
      help: write a number, without quotes
    E008: `deprecated` is a string, not a boolean
      6:81 `'no'` should be a boolean
      help: write `true` or `false`, without quotes
    E008: `minimum` is a string, not a number
      6:96 `low` should be a number
      help: write a number, without quotes
    E008: a schema is a number, not an object
      7:8 `7` should be an object
      help: write `key: value` lines, or `{…}`
    E011: `1` is not in this file
      8:15 `1` refers to another document
      help: bundle the contract into one file; references are local (`#/components/…`)
    ");
    for divisor in ["0", "-1", "low", "12345678901234567890.5"] {
        let found = of_schema("3.1.0", &format!("    A: {{type: number, multipleOf: {divisor}}}\n"));
        assert!(found.starts_with("E008: `multipleOf` is"), "{divisor}: {found}");
        assert!(found.contains("not a number above 0, of 19 digits at most"), "{divisor}: {found}");
    }
}

#[test]
fn e009_missing_fields() {
    insta::assert_snapshot!(read_text("openapi: 3.0.0\nservers: [{}]\n").1, @r"
    E009: the document has no `paths`
      1:1 `openapi` `paths` is missing here
      help: add `paths`
    E009: the server has no `url`
      2:11 `{}` `url` is missing here
      help: add `url`
    ");
    insta::assert_snapshot!(of_schema("3.0.0", "    A: {type: array}\n    B: {oneOf: [{$ref: '#/components/schemas/A'}, {type: string}], discriminator: {}}\n"), @r"
    E009: the array has no `items`
      6:15 `array` `items` is missing here
      help: add `items`
    E009: the discriminator has no `propertyName`
      7:68 `discriminator` `propertyName` is missing here
      help: add `propertyName`
    ");
    insta::assert_snapshot!(of_path("/a", "    get: {parameters: [{in: query}, {name: b, in: query}], requestBody: {}, responses: {200: {description: ok}}}"), @r"
    E009: the parameter has no `name`
      4:25 `in` `name` is missing here
      help: add `name`
    E009: the parameter has no `schema`
      4:44 `b` `schema` is missing here
      help: add `schema`
    E009: the request body has no `content`
      4:60 `requestBody` `content` is missing here
      help: add `content`
    ");
}

#[test]
fn e010_e011_e012_references() {
    insta::assert_snapshot!(of_schema("3.1.0", "    User: {type: object}\n    A: {properties: {a: {$ref: '#/components/schemas/user'}, b: {$ref: '#/nowhere'}}}\n"), @r"
    E010: nothing is at `#/components/schemas/user`
      7:32 `'#/components/schemas/user'` this reference
      help: did you mean `#/components/schemas/User`?
    E010: nothing is at `#/nowhere`
      7:72 `'#/nowhere'` this reference
      help: references are JSON pointers, such as `#/components/schemas/User`
    ");
    insta::assert_snapshot!(of_schema("3.1.0", "    A: {$ref: 'https://example.com/a.yaml#/A'}\n"), @r"
    E011: `https://example.com/a.yaml#/A` is not in this file
      6:15 `'https://example.com/a.yaml#/A'` refers to another document
      help: bundle the contract into one file; references are local (`#/components/…`)
    ");
    insta::assert_snapshot!(of_schema("3.1.0", "    A: {$ref: '#/components/schemas/B'}\n    B: {$ref: '#/components/schemas/A'}\n"), @r"
    E012: `$ref`s lead around in a circle, or through more than 64 references
      6:15 `'#/components/schemas/B'` this reference ends nowhere
      help: let one of them hold the definition itself
    E012: `$ref`s lead around in a circle, or through more than 64 references
      7:15 `'#/components/schemas/A'` this reference ends nowhere
      help: let one of them hold the definition itself
    ");
    insta::assert_snapshot!(of_schema("3.1.0", "    A: {allOf: [{$ref: '#/components/schemas/A'}, {type: object}]}\n"), @r"
    E012: a schema is a part of itself
      6:9 `allOf` its parts lead back here
      help: a schema may hold itself in `properties` or `items`, not in `allOf`
    ");
}

#[test]
fn e013_operation_id_twice() {
    insta::assert_snapshot!(of_path("/a", "    get: {operationId: a, responses: {200: {description: ok}}}\n    put: {operationId: a, responses: {200: {description: ok}}}"), @r"
    E013: two operations are called `a`
      5:24 `a` again here
      4:24 `a` first here
      help: give each operation an `operationId` of its own; the first one was read
    ");
}

#[test]
fn e014_e015_e023_paths() {
    insta::assert_snapshot!(of_path("/a/{id}", "    get: {parameters: [{name: ID, in: path, required: true, schema: {}}], responses: {200: {description: ok}}}"), @r"
    E014: `{id}` of the path has no parameter
      4:5 `get` missing in this operation
      3:3 `/a/{id}` the path
      help: add a parameter `name: id`, `in: path`, `required: true`
    E015: path parameter `ID` is not in the path
      4:31 `ID` this parameter
      3:3 `/a/{id}` the path
      help: put `{ID}` into the path, or remove the parameter
    ");
    insta::assert_snapshot!(of_path("/a/{id", "    get: {responses: {200: {description: ok}}}"), @r"
    E023: `/a/{id` is no path template
      3:3 `/a/{id` this path
      help: a path starts with `/`; each `{name}` is closed, named and stands once
    ");
}

#[test]
fn e016_e019_e020_types() {
    insta::assert_snapshot!(of_schema("3.0.0", "    A: {type: file}\n"), @r"
    E016: unknown type `file`
      6:15 `file` this type
      help: the types are boolean, integer, number, string, array, object and null
    ");
    insta::assert_snapshot!(of_schema("3.0.0", "    A: {type: object, properties: {x: {type: string}}}\n    B: {allOf: [{$ref: '#/components/schemas/A'}, {properties: {x: {type: integer}}}]}\n"), @r"
    E019: the parts of a schema contradict each other
      7:75 `integer` this type
      6:46 `string` and this one
      help: all parts of an `allOf` must allow a common type
    ");
    insta::assert_snapshot!(of_schema("3.1.0", "    A: {allOf: [{enum: [a]}, {const: b}]}\n"), @r"
    E019: the parts of a schema have no value in common
      6:31 `const` this part
      6:18 `enum` and this one
      help: all parts of an `allOf` must allow a common value
    ");
    insta::assert_snapshot!(of_schema("3.0.0", "    A: {type: string, enum: [low, 2]}\n"), @r#"
    E020: `2` is not of the schema's type
      6:35 `2` of type integer
      6:15 `string` the type is declared here
      help: if a string is meant, quote it: "2"
    "#);
}

#[test]
fn e017_e018_responses() {
    // Since 3.1, `get` may declare no responses.
    insta::assert_snapshot!(of_path("/a", "    get: {}\n    put: {responses: {}}\n    post: {responses: {ok: {}, 600: {}}}"), @r"
    E017: operation `PUT /a` declares no responses
      5:5 `put` this operation
      help: add `responses`, with the success status at least
    E018: `ok` is no status
      6:24 `ok` this key
      help: a status is `404`, `4XX` or `default`
    E018: `600` is no status
      6:32 `600` this key
      help: a status is `404`, `4XX` or `default`
    ");
}

#[test]
fn e021_too_entangled() {
    // Each level refers to the next one twice, so there are 2^30 ways down.
    let level = |n: u32| {
        format!(
            "    A{n}: {{allOf: [{{$ref: '#/components/schemas/A{0}'}}, {{$ref: '#/components/schemas/A{0}'}}]}}\n",
            n + 1
        )
    };
    let schemas: String = (0..30).map(level).collect();
    insta::assert_snapshot!(of_schema("3.1.0", &(schemas + "    A30: {type: string}\n")), @r"
    E021: the schemas are too entangled
      36:11 `type` reading stopped here
      help: merge some of the `allOf` levels, or nest fewer alternatives
    ");
}

#[test]
fn e022_discriminator_leads_elsewhere() {
    insta::assert_snapshot!(of_schema("3.0.0", "    A: {type: object}\n    B: {type: object}\n    C: {type: object}\n    D: {oneOf: [{$ref: '#/components/schemas/A'}, {$ref: '#/components/schemas/B'}], discriminator: {propertyName: k, mapping: {c: C, d: Dog}}}\n"), @r"
    E022: `c` leads to a schema that is not an alternative
      9:132 `C` not listed
      help: add the schema to `oneOf`, or drop the value
    E010: nothing is at `#/components/schemas/Dog`
      9:138 `Dog` this reference
      help: references are JSON pointers, such as `#/components/schemas/User`
    ");
}

#[test]
fn e024_e025_e026_parameters() {
    insta::assert_snapshot!(of_path("/a", "    get: {parameters: [{name: a, in: query, schema: {}}, {name: a, in: query, schema: {}}, {name: b, in: header, style: form, schema: {}}, {name: c, in: body}], responses: {200: {description: ok}}}"), @r"
    E024: parameter `a` stands twice in one list
      4:65 `a` again here
      4:31 `a` first here
      help: remove one of them
    E025: style `form` does not fit here
      4:121 `form` this style
      help: allowed in this place: `simple`
    E026: a parameter cannot be in `body`
      4:154 `body` this place
      help: a parameter is in `path`, `query`, `header` or `cookie`
    ");
}

#[test]
fn w002_w003_warnings() {
    insta::assert_snapshot!(of_schema("3.1.0", "    A: {oneOf: [{type: string}, {type: integer}], anyOf: [{type: boolean}, {type: integer}]}\n"), @r"
    W002: two lists of alternatives (`oneOf`, `anyOf`) hold at once
      6:51 `anyOf` this one is not read
      6:9 `oneOf` this one is
      help: write the combinations out as one `oneOf`
    ");
    insta::assert_snapshot!(of_path("/a/{id}", "    get: {parameters: [{name: id, in: path, schema: {}}], responses: {200: {description: ok}}}"), @r"
    W003: path parameter `id` is not required
      4:31 `id` this parameter
      help: add `required: true`: a path parameter is always sent
    ");
}
