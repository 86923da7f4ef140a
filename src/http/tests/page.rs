//! Tests of GraphiQL, its files and its configuration.

use super::*;
use crate::config::PlaygroundConfig;
use crate::http::Playground;
use crate::http::playground::PlaygroundError;
use std::path::PathBuf;

/// A folder that belongs to this test process and is removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("bespoke-page-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

const PACKAGES: [&str; 4] = [
    "playground/node_modules/graphiql/graphiql.min.js",
    "playground/node_modules/graphiql/graphiql.min.css",
    "playground/node_modules/react/umd/react.production.min.js",
    "playground/node_modules/react-dom/umd/react-dom.production.min.js",
];

fn page(mode: Mode, config: &PlaygroundConfig, folder: &Folder) -> Routes {
    let playground = Playground::load(config, &folder.0, "web").unwrap();
    router(Arc::new(server(super::config(mode)).with_playground(playground)))
}

async fn get(router: &Routes, uri: &str) -> Got {
    send(router, Method::GET, uri, &[], "").await
}

#[tokio::test]
async fn files_are_served_by_an_exact_list() {
    let folder = Folder::new("files");
    folder.write("playground/index.html", "our page");
    folder.write("playground/bespoke.js", "our code");
    folder.write("playground/bespoke.css", "our style");
    folder.write("playground/package.json", "not listed");
    folder.write("secret.txt", "a secret");
    PACKAGES.iter().for_each(|name| folder.write(name, "a package"));
    let config = PlaygroundConfig { dir: Some("playground".into()), ..PlaygroundConfig::default() };
    let router = page(Mode::Development, &config, &folder);
    for (uri, status, content_type, body) in [
        ("/", 200, "text/html; charset=utf-8", "our page"),
        ("/playground/bespoke.js", 200, "text/javascript; charset=utf-8", "our code"),
        ("/playground/bespoke.css", 200, "text/css; charset=utf-8", "our style"),
        ("/playground/node_modules/graphiql/graphiql.min.css", 200, "text/css; charset=utf-8", "a package"),
        (
            "/playground/node_modules/react/umd/react.production.min.js",
            200,
            "text/javascript; charset=utf-8",
            "a package",
        ),
        ("/playground/package.json", 404, "", ""),
        ("/playground/../secret.txt", 404, "", ""),
        ("/playground/%2e%2e/secret.txt", 404, "", ""),
        ("/playground/..%2fsecret.txt", 404, "", ""),
        ("/playground//etc/passwd", 404, "", ""),
        ("/playground/", 404, "", ""),
    ] {
        let got = get(&router, uri).await;
        let seen = (got.status.as_u16(), got.header("content-type"), got.body.as_str());
        assert_eq!(seen, (status, content_type, body), "{uri}");
        let policy = got.header("content-security-policy");
        assert_eq!(policy.starts_with("default-src 'self'; "), status == 200, "{uri}: {policy}");
    }
}

#[tokio::test]
async fn the_plain_form_serves_until_every_file_is_there() {
    let folder = Folder::new("plain");
    folder.write("playground/index.html", "our page");
    let config = PlaygroundConfig { dir: Some("playground".into()), ..PlaygroundConfig::default() };
    let router = page(Mode::Development, &config, &folder);
    if cfg!(not(feature = "embed-playground")) {
        let got = get(&router, "/").await;
        assert!(got.body.contains("npm ci") && got.body.contains("/playground/plain.js"), "{got:?}");
        assert_eq!(get(&router, "/playground/plain.js").await.status, StatusCode::OK);
    }
    folder.write("playground/bespoke.js", "");
    folder.write("playground/bespoke.css", "");
    PACKAGES.iter().for_each(|name| folder.write(name, ""));
    assert_eq!(get(&router, "/").await.body, "our page");
}

#[tokio::test]
async fn the_page_is_told_its_tabs() {
    let folder = Folder::new("tabs");
    folder.write("home.graphql", "{ hello }");
    folder.write("operations/order.graphql", "query Order { caller }");
    folder.write("operations/order.variables.json", r#"{ "id": 1 }"#);
    folder.write("operations/order.headers.json", r#"{ "x-a": "b" }"#);
    let tabs = vec!["home.graphql".into(), "operations/order.graphql".into()];
    let config = PlaygroundConfig { dir: None, tabs, token: Some("t0ken".to_owned()) };
    let got = get(&page(Mode::Development, &config, &folder), "/playground/config.json").await;
    assert_eq!(got.header("content-type"), "application/json");
    insta::assert_snapshot!(got.body, @r#"{"client":"web","endpoint":"/graphql","tabs":[{"query":"{ hello }"},{"query":"query Order { caller }","variables":"{ \"id\": 1 }","headers":"{ \"x-a\": \"b\" }"}],"token":"t0ken"}"#);
    for hidden in ["/", "/playground/config.json", "/playground/plain.js"] {
        let got = get(&page(Mode::Production, &config, &folder), hidden).await;
        assert_eq!((got.status.as_u16(), got.body.as_str()), (404, ""), "{hidden} in production");
    }
}

#[test]
fn broken_tabs_are_named() {
    let folder = Folder::new("broken");
    folder.write("a.graphql", "{ hello }");
    folder.write("a.variables.json", "[1]");
    let load = |name: &str| {
        let config = PlaygroundConfig { tabs: vec![name.into()], ..PlaygroundConfig::default() };
        Playground::load(&config, &folder.0, "web").unwrap_err()
    };
    assert!(matches!(load("a.graphql"), PlaygroundError::NotAnObject { file } if file.ends_with("a.variables.json")));
    assert!(matches!(load("b.graphql"), PlaygroundError::Read { file, .. } if file.ends_with("b.graphql")));
}
