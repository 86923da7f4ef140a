//! Values that are sent and read unchanged: digits, null and absence, and keys.

use super::kit::Kit;

const CONTRACT: &str = r##"
openapi: 3.0.3
info: { title: shop, version: "1" }
paths:
  /price/{amount}:
    get:
      operationId: price
      parameters:
        - { name: amount, in: path, required: true, schema: { type: number } }
        - { name: to, in: query, schema: { type: number } }
        - { name: X-From, in: header, schema: { type: number } }
        - { name: among, in: query, schema: { type: array, items: { type: number } } }
      responses: { "200": { description: ok, content: { application/json: { schema: { $ref: "#/components/schemas/Price" } } } } }
  /price:
    post:
      operationId: setPrice
      requestBody: { required: true, content: { application/json: { schema: { $ref: "#/components/schemas/Change" } } } }
      responses: { "200": { description: ok, content: { application/json: { schema: { $ref: "#/components/schemas/Price" } } } } }
  /things/{id}:
    patch:
      operationId: update
      parameters: [{ name: id, in: path, required: true, schema: { type: string } }]
      requestBody: { required: true, content: { application/json: { schema: { $ref: "#/components/schemas/Patch" } } } }
      responses: { "200": { description: ok, content: { application/json: { schema: { $ref: "#/components/schemas/Thing" } } } } }
  /things:
    get:
      operationId: find
      parameters:
        - { name: tags, in: query, schema: { type: array, items: { type: string } } }
        - { name: kind, in: query, required: true, schema: { type: string } }
        - { name: X-Kind, in: header, required: true, schema: { type: string } }
      responses: { "200": { description: ok, content: { application/json: { schema: { $ref: "#/components/schemas/Thing" } } } } }
components:
  schemas:
    Price: { type: object, required: [amount], properties: { amount: { type: number }, all: { type: array, items: { type: number } } } }
    Change: { type: object, properties: { amount: { type: number }, deep: { type: object, additionalProperties: true } } }
    Thing: { type: object, required: [id], properties: { id: { type: string } } }
    Patch:
      type: object
      properties:
        name: { type: string, nullable: true }
        icon: { type: string, nullable: true }
        labels: { type: array, items: { type: string, nullable: true } }
        more: { $ref: "#/components/schemas/More" }
    More: { type: object, properties: { a: { type: string, nullable: true }, b: { type: integer, nullable: true } } }
"##;

const SDL: &str = r#"
scalar Decimal
scalar JSON
type Query {
  price(amount: Decimal!, to: Decimal, among: [Decimal!], from: Decimal): Price
    @connect(op: "price", params: "X-From: $args.from", selection: "amount least: all->first most: all->last isOne: amount->eq(1) name: amount->match([[1, \"one\"], [2.5, \"two and a half\"]])")
  find(tags: [String], kind: String = "a", header: String = "b"): Thing @connect(op: "find", params: "X-Kind: $args.header")
}
type Mutation {
  setPrice(amount: Decimal, deep: JSON): Changed @connect(op: "setPrice")
  update(id: ID!, name: String, icon: String, labels: [String], more: More): Thing @connect(op: "update")
  rename(id: ID!, name: String, to: Renaming): Thing
    @connect(op: "update", body: "name: $args.name ?? $args.to.name icon: $args.to.icon labels: [$args.name, $args.to.name]")
  clear(id: ID!): Thing @connect(op: "update", body: "name: $(null)")
}
type Price { amount: Decimal! least: Decimal most: Decimal isOne: Boolean name: String }
type Changed { amount: Decimal! }
type Thing { id: ID! }
input More { a: String b: Int }
input Renaming { name: String icon: String }
"#;

fn shop() -> Kit {
    Kit::contract(CONTRACT, SDL)
}

#[test]
fn digits_of_custom_scalars_reach_the_service_as_they_were_written() {
    let query = "query($a: Decimal!) { price(amount: $a, to: $a, from: $a, among: [$a, 0.5]) { amount } }";
    let write = "mutation($a: Decimal) { setPrice(amount: $a, deep: { in: [$a], it: 1 }) { amount } }";
    for digits in ["0.5", "12345678901234567.25", "-1.50e-7", "1E400", "123456789012345678901234567890", "-0"] {
        let variables = format!(r#"{{"a":{digits}}}"#);
        let url = digits.replace('+', "%2B");
        let script = format!(
            r#"shop GET /price/{url}?to={url}&among={url}&among=0.5 x-from:{digits} => 200 {{"amount":{digits}}}
            shop POST /price {{"amount":{digits},"deep":{{"in":[{digits}],"it":1}}}} => 200 {{"amount":{digits}}}"#
        );
        let answers = [
            shop().run_given(query, &variables, &script),
            shop().run_given(&query.replace("($a: Decimal!)", "").replace("$a", digits), "{}", &script),
            shop().run_given(write, &variables, &script),
            shop().run_given(&write.replace("($a: Decimal)", "").replace("$a", digits), "{}", &script),
        ];
        for answer in answers {
            assert!(answer.contains(&format!(r#":{{"amount":{digits}}}}}"#)), "{answer}");
        }
    }
}

#[test]
fn methods_keep_digits_and_compare_numbers_by_value() {
    let query = "{ price(amount: 1) { amount least most isOne name } }";
    for (body, expected) in [
        (r#"{"amount":1.0}"#, r#"{"amount":1.0,"least":null,"most":null,"isOne":true,"name":"one"}"#),
        (r#"{"amount":10e-1,"all":[]}"#, r#"{"amount":10e-1,"least":null,"most":null,"isOne":true,"name":"one"}"#),
        (
            r#"{"amount":25e-1,"all":[12345678901234567.25, 1e400]}"#,
            r#"{"amount":25e-1,"least":12345678901234567.25,"most":1e400,"isOne":false,"name":"two and a half"}"#,
        ),
        (
            r#"{"amount":1.00000000000000000000000001,"all":[null]}"#,
            r#"{"amount":1.00000000000000000000000001,"least":null,"most":null,"isOne":false,"name":null}"#,
        ),
    ] {
        let answer = shop().run(query, &format!("shop GET /price/1 => 200 {body}"));
        assert!(answer.contains(&format!(r#"{{"price":{expected}}}"#)), "{body}: {answer}");
    }
}

#[test]
fn null_is_sent_as_null_and_what_is_not_given_is_not_sent() {
    let query = "mutation($name: String, $icon: String, $labels: [String], $more: More, $a: String) {
        update(id: 1, name: $name, icon: $icon, labels: $labels, more: $more) { id }
        b: update(id: 2, name: $name, more: { a: $a, b: null }, labels: [$a, null]) { id }
        c: rename(id: 3, name: $name, to: { icon: $icon }) { id }
        d: clear(id: 4) { id } }";
    for (given, bodies) in [
        ("{}", ["{}", r#"{"labels":[null,null],"more":{"b":null}}"#, r#"{"labels":[null,null]}"#]),
        (
            r#"{"name":null,"icon":null,"labels":null,"more":null,"a":null}"#,
            [
                r#"{"name":null,"icon":null,"labels":null,"more":null}"#,
                r#"{"name":null,"labels":[null,null],"more":{"a":null,"b":null}}"#,
                r#"{"icon":null,"labels":[null,null]}"#,
            ],
        ),
        (
            r#"{"name":"n","labels":["x",null],"more":{"a":null},"a":"y"}"#,
            [
                r#"{"name":"n","labels":["x",null],"more":{"a":null}}"#,
                r#"{"name":"n","labels":["y",null],"more":{"a":"y","b":null}}"#,
                r#"{"name":"n","labels":["n",null]}"#,
            ],
        ),
    ] {
        let script = r#"shop PATCH * => 200 {"id":"1"}"#;
        let answer = shop().run_given(query, given, script);
        let sent = bodies.iter().zip(1..).map(|(body, id)| format!("> shop PATCH /things/{id} {body}"));
        let sent: Vec<String> = sent.chain([r#"> shop PATCH /things/4 {"name":null}"#.to_owned()]).collect();
        let made: Vec<&str> = answer.lines().filter_map(|line| line.split("  [").next()).take(4).collect();
        assert_eq!(made, sent, "{given}: {answer}");
    }
}

#[test]
fn null_in_a_url_is_left_out_and_refused_where_it_would_change_what_is_asked() {
    for (query, sent) in [
        (r#"{ find { id } }"#, Ok("/things?kind=a x-kind:b")),
        (r#"{ find(tags: null) { id } }"#, Ok("/things?kind=a x-kind:b")),
        (r#"{ find(tags: ["x", "y"]) { id } }"#, Ok("/things?tags=x&tags=y&kind=a x-kind:b")),
        (r#"{ find(tags: ["x", null]) { id } }"#, Err("null cannot be sent as an item of a list")),
        (r#"{ find(kind: null) { id } }"#, Err("a value that the service requires")),
        (r#"{ find(header: null) { id } }"#, Err("a value that the service requires")),
    ] {
        let answer = shop().run(query, r#"shop GET * => 200 {"id":"1"}"#);
        match sent {
            Ok(sent) => assert!(answer.starts_with(&format!("> shop GET {sent}\n")), "{query}: {answer}"),
            Err(why) => assert!(answer.starts_with("{") && answer.contains(why), "{query}: {answer}"),
        }
    }
}

#[test]
fn a_key_that_cannot_be_sent_fails_itself() {
    let contract = r##"
openapi: 3.1.0
info: { title: shop, version: "1" }
paths:
  /posts: { get: { operationId: posts, responses: { "200": { description: ok, content: { application/json: { schema: { type: array, maxItems: 9, items: { $ref: "#/components/schemas/Post" } } } } } } } }
  /stock:
    post:
      operationId: stock
      requestBody: { required: true, content: { application/json: { schema: { type: object, properties: { ids: { type: array, items: { type: integer } } } } } } }
      responses: { "200": { description: ok, content: { application/json: { schema: { type: array, items: { $ref: "#/components/schemas/Stock" } } } } } }
  /tags:
    get:
      operationId: tags
      parameters: [{ name: X-Ids, in: header, required: true, schema: { type: array, items: { type: string } } }]
      responses: { "200": { description: ok, content: { application/json: { schema: { type: array, items: { $ref: "#/components/schemas/Stock" } } } } } }
components:
  schemas:
    Post: { type: object, required: [sku], properties: { sku: { type: string } } }
    Stock: { type: object, required: [id, n], properties: { id: { type: string }, n: { type: integer } } }
"##;
    let sdl = r#"
type Query { posts: [Post!] @connect(op: "posts") }
type Post {
  sku: ID!
  stock: Stock @connect(op: "stock", body: "ids: $batch.sku", batch: { key: "id" })
  tag: Stock @connect(op: "tags", params: "X-Ids: $batch.sku", batch: { key: "id" })
}
type Stock { n: Int! }"#;
    let posts = r#"[{"sku":"1"},{"sku":"abc"},{"sku":22},{"sku":"a\nb"},{"sku":"\ud800"},{"sku":"1e400"}]"#;
    let script = format!(
        r#"shop GET /posts => 200 {posts}
        shop POST /stock {{"ids":[1,22,1e400]}} => 200 [{{"id":"1","n":1}},{{"id":"22","n":2}},{{"id":"1e400","n":3}}]
        shop GET /tags x-ids:1,abc,22,1e400 => 200 [{{"id":"abc","n":4}},{{"id":"\udfff","n":5}}]"#
    );
    let kit = Kit::contract(contract, sdl);
    insta::assert_snapshot!(kit.run("{ posts { stock { n } } }", &script));
    insta::assert_snapshot!(kit.run("{ posts { tag { n } } }", &script));
}
