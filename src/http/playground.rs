//! GraphiQL, in development: at `/`, and for each subgraph of this process ([`super::subgraphs`]).
//!
//! The files of the page come from a folder, or else from the binary (feature `embed-playground`). If there are none, a
//! plain form is served instead. Only the files in [`FILES`] are ever read, by exact name, so no path of a request
//! reaches the file system.

use super::server::Server;
use super::site::Site;
use super::subgraphs::SUBGRAPHS;
use crate::config::PlaygroundConfig;
use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde::Serialize;
use serde_json::{Map, Value};
use std::io;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

/// The most tabs that the page opens.
const MAX_TABS: usize = 32;

/// The policy allows what GraphiQL needs: `unsafe-inline` styles, `data:` images and fonts, and `blob:` workers for its
/// editor.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
    font-src 'self' data:; worker-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";

const HTML: &str = "text/html; charset=utf-8";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";

/// One file of the page.
struct File {
    /// The path of the file below the folder, and below `/playground/`.
    name: &'static str,
    content_type: &'static str,
    /// The bytes of the file, if they are embedded in the binary.
    embedded: Option<&'static [u8]>,
}

#[cfg(feature = "embed-playground")]
macro_rules! embedded {
    ($name:literal) => {
        Some(include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/playground/", $name)).as_slice())
    };
}

#[cfg(not(feature = "embed-playground"))]
macro_rules! embedded {
    ($name:literal) => {
        None
    };
}

macro_rules! files {
    ($($name:literal $content_type:ident)*) => {
        &[$(File { name: $name, content_type: $content_type, embedded: embedded!($name) }),*]
    };
}

/// All files of the page. The first one is the page itself.
const FILES: &[File] = files![
    "index.html" HTML
    "bespoke.js" JAVASCRIPT
    "bespoke.css" CSS
    "node_modules/graphiql/graphiql.min.js" JAVASCRIPT
    "node_modules/graphiql/graphiql.min.css" CSS
    "node_modules/react/umd/react.production.min.js" JAVASCRIPT
    "node_modules/react-dom/umd/react-dom.production.min.js" JAVASCRIPT
];

/// The plain form, which is served if the files of the page are not installed.
const PLAIN_HTML: &str = include_str!("plain.html");
const PLAIN_JS: &str = include_str!("plain.js");

/// One tab that the page opens.
#[derive(Debug, Clone, Serialize)]
struct Tab {
    query: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    variables: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    headers: Option<String>,
}

/// The content of `/playground/config.json`.
#[derive(Clone, Serialize)]
struct PageConfig {
    client: String,
    endpoint: String,
    tabs: Vec<Tab>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
}

/// Why the tabs of the page cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum PlaygroundError {
    /// A file of a tab cannot be read.
    #[error("cannot read `{}`", .file.display())]
    Read {
        /// The path of the file.
        file: PathBuf,
        /// The error from reading the file.
        source: io::Error,
    },
    /// The file with the variables or headers of a tab does not hold a JSON object.
    #[error("`{}` is not a JSON object", .file.display())]
    NotAnObject {
        /// The path of the file.
        file: PathBuf,
    },
    /// The configuration lists more tabs than the page opens.
    #[error("more than {MAX_TABS} tabs")]
    TooManyTabs,
}

/// The page: the folder of its files and the configuration that it opens with.
pub struct Playground {
    dir: Option<PathBuf>,
    config: PageConfig,
}

impl std::fmt::Debug for Playground {
    /// Leaves out the configuration, because it may hold a token.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Playground").field("dir", &self.dir).finish_non_exhaustive()
    }
}

impl Playground {
    /// Reads the tabs. Paths are relative to `base`, the folder of the configuration file.
    ///
    /// # Errors
    /// [`PlaygroundError`] if the file of a tab cannot be used, or if there are too many tabs.
    pub fn load(config: &PlaygroundConfig, base: &FilePath, client: &str) -> Result<Self, PlaygroundError> {
        if config.tabs.len() > MAX_TABS {
            return Err(PlaygroundError::TooManyTabs);
        }
        let tabs = config.tabs.iter().map(|file| read_tab(&base.join(file))).collect::<Result<Vec<_>, _>>()?;
        let dir = config.dir.as_ref().map(|dir| base.join(dir));
        let (client, endpoint, token) = (client.to_owned(), "/graphql".to_owned(), config.token.clone());
        let config = PageConfig { client, endpoint, tabs, token };
        Ok(Self { dir, config })
    }

    /// The configuration with which the page for one subgraph of this process opens.
    fn config_of_subgraph(&self, name: &str) -> PageConfig {
        let (client, endpoint) = (format!("{} / {name}", self.config.client), format!("{SUBGRAPHS}/{name}"));
        let tab = Tab { query: "{ _service { sdl } }".to_owned(), variables: None, headers: None };
        PageConfig { client, endpoint, tabs: vec![tab], token: self.config.token.clone() }
    }

    /// The bytes of a file, from the folder or else from the binary.
    async fn read(&self, file: &File) -> Option<Bytes> {
        if let Some(dir) = &self.dir
            && let Ok(bytes) = tokio::fs::read(dir.join(file.name)).await
        {
            return Some(bytes.into());
        }
        file.embedded.map(Bytes::from_static)
    }

    /// Whether the page would find every file that it loads.
    async fn is_complete(&self) -> bool {
        for file in FILES {
            let is_there = match &self.dir {
                Some(dir) => tokio::fs::try_exists(dir.join(file.name)).await.unwrap_or(false),
                None => false,
            };
            if !is_there && file.embedded.is_none() {
                return false;
            }
        }
        true
    }
}

fn read_tab(file: &FilePath) -> Result<Tab, PlaygroundError> {
    let query = std::fs::read_to_string(file).map_err(|source| PlaygroundError::Read { file: file.into(), source })?;
    let variables = read_object(&file.with_extension("variables.json"))?;
    let headers = read_object(&file.with_extension("headers.json"))?;
    Ok(Tab { query, variables, headers })
}

/// The text of the file with the variables or headers of a tab; `None` if there is no such file.
fn read_object(file: &FilePath) -> Result<Option<String>, PlaygroundError> {
    match std::fs::read_to_string(file) {
        Ok(text) if serde_json::from_str::<Map<String, Value>>(&text).is_ok() => Ok(Some(text)),
        Ok(_) => Err(PlaygroundError::NotAnObject { file: file.into() }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(PlaygroundError::Read { file: file.into(), source }),
    }
}

/// The routes `/` and `/playground/…`.
pub(super) fn routes() -> Router<Site> {
    Router::new().route("/", get(page)).route("/playground/{*name}", get(file))
}

pub(super) async fn page(State(server): State<Arc<Server>>) -> Response {
    let Some(playground) = &server.playground else { return StatusCode::NOT_FOUND.into_response() };
    if playground.is_complete().await
        && let Some(page) = FILES.first()
        && let Some(bytes) = playground.read(page).await
    {
        return answer(HTML, bytes);
    }
    answer(HTML, Bytes::from_static(PLAIN_HTML.as_bytes()))
}

async fn file(State(server): State<Arc<Server>>, Path(name): Path<String>) -> Response {
    let Some(playground) = &server.playground else { return StatusCode::NOT_FOUND.into_response() };
    match name.as_str() {
        "config.json" => return config(&playground.config),
        "plain.js" => return answer(JAVASCRIPT, Bytes::from_static(PLAIN_JS.as_bytes())),
        _ => {}
    }
    let Some(file) = FILES.iter().find(|file| file.name == name) else { return StatusCode::NOT_FOUND.into_response() };
    match playground.read(file).await {
        Some(bytes) => answer(file.content_type, bytes),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// The answer to `/_subgraphs/<name>/config.json`: the configuration of the page for a subgraph.
pub(super) fn subgraph_config(server: &Server, name: &str) -> Response {
    match &server.playground {
        Some(playground) => config(&playground.config_of_subgraph(name)),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

fn config(config: &PageConfig) -> Response {
    answer("application/json", serde_json::to_vec(config).unwrap_or_default().into())
}

fn answer(content_type: &'static str, bytes: Bytes) -> Response {
    let headers: HeaderMap = [
        (header::CONTENT_TYPE, content_type),
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-cache"),
    ]
    .into_iter()
    .map(|(name, value): (HeaderName, &'static str)| (name, HeaderValue::from_static(value)))
    .collect();
    (headers, bytes).into_response()
}
