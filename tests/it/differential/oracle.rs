//! The oracle: graphql-js in a process of its own (`tests/differential/oracle.mjs`).

use super::tree::Tree;
use crate::program::node;
use demo::Shop;
use serde::Deserialize;
use serde_json::{Value, json};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout};
use tokio::sync::Mutex;
use tokio::time::timeout;

/// The longest wait for one answer. The first answer takes long, because the oracle reads all data of the services
/// before it.
const LONGEST: Duration = Duration::from_secs(120);

/// The id of the user whose token all operations are sent with.
pub(crate) const SUB: &str = "123";

/// The result of graphql-js for an operation.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Opinion {
    /// The operation was executed, with this answer.
    Result(Tree),
    /// The operation was refused, with these messages.
    Refused(Vec<String>),
}

/// The reason why a document is refused.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Refusal {
    /// The message of the first error.
    pub(crate) message: String,
    /// Whether the document is not GraphQL at all.
    pub(crate) is_syntax: bool,
    /// The line and column of each place of each error.
    pub(crate) places: Vec<Vec<(u64, u64)>>,
}

#[derive(Deserialize)]
struct Verdicts {
    verdicts: Vec<Option<Refusal>>,
}

/// The running process, which ends when the value is dropped.
pub(crate) struct Oracle {
    pipes: Mutex<(ChildStdin, Lines<BufReader<ChildStdout>>)>,
    _child: Child,
}

impl Oracle {
    /// Starts the oracle, and lets it read the data of the shop's services.
    pub(crate) async fn start(shop: &Shop) -> Self {
        let services = ["users", "catalog", "inventory", "carts", "orders", "payments", "reviews"];
        let services: serde_json::Map<String, Value> =
            services.into_iter().map(|name| (name.to_owned(), shop.url(name).into())).collect();
        Self::start_with(json!({
            "services": services,
            "caller": { "sub": SUB, "authorization": shop.bearer(SUB) },
            "schemas": { "web": super::schema_text("web"), "mobile": super::schema_text("mobile") },
        }))
        .await
    }

    /// Starts the oracle without services, so that it can only judge documents.
    pub(crate) async fn judge(schemas: &[(&str, &str)]) -> Self {
        let schemas: serde_json::Map<String, Value> =
            schemas.iter().map(|&(name, text)| (name.to_owned(), text.into())).collect();
        Self::start_with(json!({ "schemas": schemas })).await
    }

    async fn start_with(start: Value) -> Self {
        let mut command = node("tests/differential/oracle.mjs");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().expect("node starts");
        let (stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let oracle = Self { pipes: Mutex::new((stdin, BufReader::new(stdout).lines())), _child: child };
        oracle.ask::<Value>(&start).await;
        oracle
    }

    /// Executes an operation over the services' data, which is damaged if there is a seed.
    pub(crate) async fn execute(&self, client: &str, query: &str, variables: &Value, seed: Option<u64>) -> Opinion {
        self.ask(&json!({ "client": client, "query": query, "variables": variables, "seed": seed })).await
    }

    /// Validates documents. `None` for each document that is accepted.
    pub(crate) async fn validate(&self, client: &str, documents: &[String]) -> Vec<Option<Refusal>> {
        self.ask::<Verdicts>(&json!({ "client": client, "documents": documents })).await.verdicts
    }

    async fn ask<T: for<'de> Deserialize<'de>>(&self, request: &Value) -> T {
        let mut pipes = self.pipes.lock().await;
        let (stdin, stdout) = &mut *pipes;
        let exchange = async {
            stdin.write_all(format!("{request}\n").as_bytes()).await?;
            stdin.flush().await?;
            stdout.next_line().await
        };
        let line = timeout(LONGEST, exchange).await.expect("an answer in time").expect("pipes hold");
        let line = line.unwrap_or_else(|| panic!("the oracle ended at {request}"));
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }
}
