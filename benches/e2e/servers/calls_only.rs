//! The two calls, one after the other, and a constant answer: nothing is parsed.

use super::{client, json};
use crate::Failed;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::post;
use bytes::Bytes;
use std::sync::Arc;
use testkit::posts::{POSTS, USERS, answer};

struct Calls {
    client: reqwest::Client,
    posts: String,
    users: String,
    answer: Bytes,
}

pub(crate) async fn serve() -> Result<(), Failed> {
    let (url, client) = client()?;
    let ids: Vec<String> = (1..=USERS).map(|id| format!("id={id}")).collect();
    let calls = Calls {
        client,
        posts: format!("{url}/posts"),
        users: format!("{url}/users?{}", ids.join("&")),
        answer: answer(POSTS).into(),
    };
    super::serve(Router::new().route("/graphql", post(graphql)).with_state(Arc::new(calls))).await
}

async fn graphql(State(calls): State<Arc<Calls>>, _: Bytes) -> Result<impl IntoResponse, StatusCode> {
    for url in [&calls.posts, &calls.users] {
        let answered = async { calls.client.get(url).send().await?.error_for_status()?.bytes().await };
        answered.await.map_err(|_| StatusCode::BAD_GATEWAY)?;
    }
    Ok(json(calls.answer.clone()))
}
