//! Objects that many rows join to are written once and copied. Every answer of these tests is also written without
//! copies and compared (`execute::write::write`).

use super::kit::Kit;
use insta::assert_snapshot;

const POSTS: &str = r#"
type Query { posts: [Post]! @connect(http: { GET: "/posts" }, selection: "id title user: { id: userId } other: { id: otherId }")
  @listSize(assumedSize: 9) }
type Post { id: ID! title: String! user: User other: User }
type User @key(fields: "id", resolvable: false) { id: Any! }
scalar Any"#;
const USERS: &str = r#"
type User @key(fields: "id")
  @connect(http: { GET: "/users", queryParams: "id: $batch.id" }, batch: { key: "id", maxSize: 10 }) {
  id: Any! name: String! nick: String boss: User }
scalar Any"#;

fn posts() -> Kit {
    Kit::rest(&[("posts", POSTS), ("users", USERS)])
}

#[test]
fn equal_rows_are_written_alike_and_others_are_not() {
    // The same user is given as a string and as a number. The id in the post is written as it is given there.
    let script = r#"
        posts GET /posts => 200 [{"title":"a","userId":7},{"title":"b","userId":"7"},{"title":"c","userId":7},{"title":"d","userId":8},{"title":"e","userId":null},{"title":"f","userId":"7"},{"title":"g","userId":9}]
        users GET /users?id=7&id=8&id=9 => 200 [{"id":7,"name":"seven"},{"id":8,"name":"eight"}]"#;
    assert_snapshot!(posts().run("{ posts { user { id name } } }", script));
    assert_snapshot!(posts().run("{ posts { title user { n: name id } } }", script));
}

#[test]
fn errors_are_reported_at_every_path() {
    let script = r#"
        posts GET /posts => 200 [{"userId":7},{"userId":7},{"userId":7},{"userId":8},{"userId":8},{"userId":8}]
        users GET /users?id=7&id=8 => 200 [{"id":7,"nick":{"not":"text"},"name":"seven"},{"id":8,"name":null}]"#;
    assert_snapshot!(posts().run("{ posts { user { name nick } } }", script));
}

#[test]
fn nothing_is_copied_from_what_null_propagation_took_back() {
    // The second post is null, and so the bytes of user 8 that were just written are removed.
    let script = r#"
        posts GET /posts => 200 [{"userId":7,"title":"a"},{"userId":8},{"userId":7,"title":"c"},{"userId":8,"title":"d"},{"userId":8,"title":"e"},{"userId":8}]
        users GET /users?id=7&id=8 => 200 [{"id":7,"name":"seven"},{"id":8,"name":"eight"}]"#;
    assert_snapshot!(posts().run("{ posts { user { name } title } }", script));
}

#[test]
fn two_joins_are_told_apart_by_both() {
    let script = r#"
        posts GET /posts => 200 [{"userId":7,"otherId":8},{"userId":7,"otherId":7},{"userId":7,"otherId":8},{"userId":8,"otherId":null},{"userId":8,"otherId":8}]
        users GET /users?id=7&id=8 => 200 [{"id":7,"name":"seven","boss":{"id":8}},{"id":8,"name":"eight","boss":{"id":8}}]
        users GET /users?id=8 => 200 [{"id":8,"name":"eight"}]"#;
    assert_snapshot!(posts().run("{ posts { user { name } other { name } } }", script));
    assert_snapshot!(posts().run("{ posts { user { boss { name id } } } }", script));
}
