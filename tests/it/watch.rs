//! Tests of `bespoke serve --watch`: an edit takes effect, and a mistake is reported and changes nothing.

use crate::program::{Folder, Program, bespoke};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;
use testkit::posts::{POSTS, PostsUpstream};

async fn ask(url: &str, query: &str) -> Value {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().timeout(Duration::from_secs(20)).build().unwrap();
    let request = client.post(url).header("content-type", "application/json");
    let answer = request.body(json!({ "query": query }).to_string()).send().await.unwrap();
    serde_json::from_str(&answer.text().await.unwrap()).unwrap()
}

/// Serves the posts project with `--watch` from a folder of its own.
async fn serve(upstream: &PostsUpstream) -> (Folder, Program, String) {
    let project = Folder::copy("tests/fixtures/posts", &["bespoke.yaml", "schema"]);
    let mut command = bespoke(&["serve", "--project", project.path(), "--client", "web", "--port", "0", "--watch"]);
    command.env("POSTS_URL", upstream.base_url()).env("USERS_URL", upstream.base_url());
    let mut program = Program::start(command);
    let url = program.url().await;
    (project, program, url)
}

#[tokio::test]
async fn an_edit_answers_and_a_mistake_changes_nothing() {
    const OLD: &str = "{ posts { title } }";
    const NEW: &str = "{ posts { headline } }";
    let upstream = PostsUpstream::start(POSTS).await.unwrap();
    let (project, mut program, url) = serve(&upstream).await;
    let title = ask(&url, OLD).await["data"]["posts"][7]["title"].clone();
    assert!(title.is_string());
    assert_eq!(ask(&url, NEW).await["errors"][0]["extensions"]["code"], "GRAPHQL_VALIDATION_FAILED");

    // The edit adds a field that shows a field of the graph under another name.
    let field = "  title: String!\n";
    let both = "  title: String!\n  headline: String! @from(path: \"title\")\n";
    project.edit("schema/web.graphql", field, both);
    program.stderr.next("reloaded web").await;
    assert_eq!(ask(&url, NEW).await["data"]["posts"][7]["headline"], title);

    // The edit has a field that the graph does not have. The finding is printed with its line, and the previous schema
    // stays in use.
    let wrong = "  headline: String! @from(path: \"titel\")\n";
    project.edit("schema/web.graphql", "  headline: String! @from(path: \"title\")\n", wrong);
    let drawn = program.stderr.next("not reloaded").await;
    assert!(drawn.contains("titel") && drawn.contains("schema/web.graphql:"), "{drawn}");
    assert_eq!(ask(&url, NEW).await["data"]["posts"][7]["headline"], title);

    // An editor may replace a file instead of writing to it, and the file may not even be GraphQL for a while.
    let file = Path::new(project.path()).join("schema/web.graphql");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(file.with_extension("new"), "type Query {").unwrap();
    std::fs::rename(file.with_extension("new"), &file).unwrap();
    program.stderr.next("not reloaded").await;
    assert_eq!(ask(&url, NEW).await["data"]["posts"][7]["headline"], title);

    let mended = text.replace(wrong, "  caption: String! @from(path: \"title\")\n");
    std::fs::write(file.with_extension("new"), mended).unwrap();
    std::fs::rename(file.with_extension("new"), &file).unwrap();
    program.stderr.next("reloaded web").await;
    assert_eq!(ask(&url, "{ posts { caption } }").await["data"]["posts"][7]["caption"], title);
    assert!(ask(&url, NEW).await.get("data").is_none(), "the field that is gone");
}

#[tokio::test]
async fn a_change_of_the_configuration_takes_effect() {
    let upstream = PostsUpstream::start(POSTS).await.unwrap();
    let (project, mut program, url) = serve(&upstream).await;
    assert!(ask(&url, testkit::posts::QUERY).await.get("errors").is_none());

    let path = Path::new(project.path()).join("bespoke.yaml");
    let before = std::fs::read_to_string(&path).unwrap();
    // The file is replaced twice, because a watch on the file itself would end with the first replacement.
    for budget in [1, 50] {
        std::fs::write(path.with_extension("new"), format!("{before}\nbudget: {{ calls: {budget} }}\n")).unwrap();
        std::fs::rename(path.with_extension("new"), &path).unwrap();
        program.stderr.next("reloaded web").await;
        let answer = ask(&url, testkit::posts::QUERY).await;
        let code = &answer["errors"][0]["extensions"]["code"];
        if budget == 1 { assert_eq!(code, "OVER_BUDGET", "{answer}") } else { assert!(code.is_null(), "{answer}") }
    }
}
