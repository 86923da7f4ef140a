//! Whole projects over made-up services, in sizes that can be chosen, for counts of instructions and allocations.
//!
//! In: the number of rows, fields or posts. Out: the files of a project, an operation, the bodies of the services by
//! path, and the answer that the operation must get.
//!
//! Always true:
//! - the same numbers give the same bytes;
//! - a batched service answers with all items that it has, and the operation needs exactly these items.

use crate::posts;
use bytes::Bytes;
use std::fmt::Write as _;

const LINKS: &str = r#"extend schema
  @link(url: "https://specs.apollo.dev/federation/v2.5", import: ["@key", "@listSize"])
  @link(url: "https://bespoke.example/connect/v1", import: ["@source", "@connect"])"#;

/// A project, an operation, the answers of the services, and the answer of the engine.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// The paths and texts of the project's files.
    pub files: Vec<(String, String)>,
    /// The text of the operation.
    pub query: String,
    /// The bodies of the services' answers, by the path of the call.
    pub bodies: Vec<(String, Bytes)>,
    /// The whole answer to the operation, as Bespoke writes it in production.
    pub answer: String,
}

impl Recorded {
    /// Returns the body for a call of `target`, whose query does not matter.
    #[must_use]
    pub fn body(&self, target: &str) -> Option<Bytes> {
        let path = target.split('?').next()?;
        self.bodies.iter().find(|(known, _)| known == path).map(|(_, body)| body.clone())
    }

    fn with_service(mut self, name: &str, sdl: &str) -> Self {
        let source = format!(r#"{LINKS} @source(name: "{name}", http: {{ baseURL: "http://127.0.0.1:9" }})"#);
        self.files.push((format!("schema/services/{name}.graphql"), format!("{source}\n{sdl}")));
        self
    }
}

/// A list of `rows` objects. The operation selects `fields` leaf fields of each, and the service sends as many more
/// that are not selected.
#[must_use]
pub fn wide(rows: u32, fields: u32) -> Recorded {
    let (mut body, mut answer) = (String::from("["), String::from(r#"{"data":{"things":["#));
    for row in 0..rows {
        let comma = if row > 0 { ",{" } else { "{" };
        body.push_str(comma);
        answer.push_str(comma);
        for field in 0..fields {
            let comma = if field > 0 { "," } else { "" };
            let _ = write!(body, r#"{comma}"f{field}":"value {field} of {row}","g{field}":{row}.5"#);
            let _ = write!(answer, r#"{comma}"f{field}":"value {field} of {row}""#);
        }
        body.push('}');
        answer.push('}');
    }
    body.push(']');
    answer.push_str("]}}");
    let names: Vec<String> = (0..fields).map(|field| format!("f{field}")).collect();
    let declared = names.join(": String!\n  ");
    let types = format!("type Thing {{\n  {declared}: String!\n}}");
    let names = names.join(" ");
    let root = format!(
        r#"type Query {{ things: [Thing!]! @listSize(assumedSize: 10000)
  @connect(http: {{ GET: "/things" }}, selection: "{names}") }}"#
    );
    let recorded = Recorded {
        files: vec![("schema/web.graphql".to_owned(), format!("type Query {{ things: [Thing!]! }}\n{types}"))],
        query: format!("{{ things {{ {names} }} }}"),
        bodies: vec![("/things".to_owned(), body.into())],
        answer,
    };
    recorded.with_service("things", &format!("{root}\n{types}"))
}

/// Five levels over four services: 10 shops with 10 items each, 20 makers of the items, and the makers' 10 cities in 5
/// countries.
#[must_use]
pub fn nest() -> Recorded {
    let (mut shops, mut answer) = (Vec::new(), Vec::new());
    for shop in 0..10 {
        let (mut items, mut written) = (Vec::new(), Vec::new());
        for item in (0..10).map(|item| shop * 10 + item) {
            let (maker, city, country) = (item % 20, item % 10, item % 5);
            items.push(format!(r#"{{"id":{item},"label":"item {item}","weight":{item}.25,"makerId":{maker}}}"#));
            written.push(format!(
                r#"{{"label":"item {item}","maker":{{"name":"maker {maker}","city":{{"name":"city {city}","country":{{"id":"{country}","name":"country {country}"}}}}}}}}"#
            ));
        }
        shops.push(format!(r#"{{"id":{shop},"name":"shop {shop}","items":[{}]}}"#, items.join(",")));
        answer.push(format!(r#"{{"name":"shop {shop}","items":[{}]}}"#, written.join(",")));
    }
    let list = |count: u32, item: &dyn Fn(u32) -> String| {
        let items: Vec<String> = (0..count).map(item).collect();
        Bytes::from(format!("[{}]", items.join(",")))
    };
    let entity = |ty: &str, path: &str, fields: &str, selection: &str| {
        format!(
            r#"type {ty} @key(fields: "id")
  @connect(http: {{ GET: "{path}", queryParams: "id: $batch.id" }}, batch: {{ key: "id", maxSize: 100 }},
    selection: "{selection}") {{ id: ID! {fields} }}"#
        )
    };
    let stub = |ty: &str| format!("type {ty} @key(fields: \"id\", resolvable: false) {{ id: ID! }}\n");
    let shop_types = "type Shop { name: String! items: [Item!]! @listSize(assumedSize: 10) }
type Item { label: String! maker: Maker }";
    let client = "type Query { shops: [Shop!]! }
type Shop { name: String! items: [Item!]! }
type Item { label: String! maker: Maker }
type Maker { name: String! city: City }
type City { name: String! country: Country }
type Country { id: ID! name: String! }";
    let root = r#"type Query { shops: [Shop!]! @listSize(assumedSize: 10)
  @connect(http: { GET: "/shops" }, selection: "name items { label maker: { id: makerId } }") }"#;
    let recorded = Recorded {
        files: vec![("schema/web.graphql".to_owned(), client.to_owned())],
        query: "{ shops { name items { label maker { name city { name country { id name } } } } } }".to_owned(),
        bodies: vec![
            ("/shops".to_owned(), format!("[{}]", shops.join(",")).into()),
            (
                "/makers".to_owned(),
                list(20, &|id| format!(r#"{{"id":{id},"name":"maker {id}","cityId":{}}}"#, id % 10)),
            ),
            (
                "/cities".to_owned(),
                list(10, &|id| format!(r#"{{"id":{id},"name":"city {id}","countryId":{}}}"#, id % 5)),
            ),
            ("/countries".to_owned(), list(5, &|id| format!(r#"{{"id":"{id}","name":"country {id}","area":1e{id}}}"#))),
        ],
        answer: format!(r#"{{"data":{{"shops":[{}]}}}}"#, answer.join(",")),
    };
    let makers = entity("Maker", "/makers", "name: String! city: City", "id name city: { id: cityId }");
    let cities = entity("City", "/cities", "name: String! country: Country", "id name country: { id: countryId }");
    let countries = entity("Country", "/countries", "name: String!", "id name");
    recorded
        .with_service("shops", &format!("{root}\n{shop_types}\n{}", stub("Maker")))
        .with_service("makers", &format!("{makers}\n{}", stub("City")))
        .with_service("cities", &format!("{cities}\n{}", stub("Country")))
        .with_service("countries", &countries)
}

/// The query [`posts::QUERY`] over `count` posts.
#[must_use]
pub fn posts(count: u32) -> Recorded {
    let files = [
        ("schema/web.graphql", include_str!("../../fixtures/posts/schema/web.graphql")),
        ("schema/services/posts.graphql", include_str!("../../fixtures/posts/schema/services/posts.graphql")),
        ("schema/services/users.graphql", include_str!("../../fixtures/posts/schema/services/users.graphql")),
    ];
    Recorded {
        // The lists may be longer here than in the fixture.
        files: files
            .map(|(path, text)| (path.to_owned(), text.replace("assumedSize: 1000)", "assumedSize: 10000)")))
            .into(),
        query: posts::QUERY.to_owned(),
        bodies: vec![
            ("/posts".to_owned(), posts::posts(count)),
            ("/users".to_owned(), posts::users(&(1..=posts::USERS).collect::<Vec<_>>())),
        ],
        answer: posts::answer(count),
    }
}

/// A query for the titles of `count` posts.
#[must_use]
pub fn titles(count: u32) -> Recorded {
    let titles: Vec<String> = (1..=count).map(|post| format!(r#"{{"title":"{}"}}"#, posts::title(post))).collect();
    Recorded {
        query: "{ posts { title } }".to_owned(),
        answer: format!(r#"{{"data":{{"posts":[{}]}}}}"#, titles.join(",")),
        ..posts(count)
    }
}
