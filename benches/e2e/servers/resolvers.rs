//! The same API with async-graphql: resolvers, and a loader that batches users.

use super::client;
use crate::Failed;
use async_graphql::{
    ComplexObject, Context, EmptyMutation, EmptySubscription, ID, Object, Result, Schema, SimpleObject,
};
use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use dataloader::BatchFn;
use dataloader::cached::Loader;
use serde::Deserialize;
use std::collections::HashMap;
use std::sync::Arc;

type Api = Schema<Query, EmptyMutation, EmptySubscription>;
type Users = Loader<u64, Option<User>, UsersById>;

struct Upstream {
    url: String,
    client: reqwest::Client,
}

struct Query;

#[Object]
impl Query {
    async fn posts(&self, ctx: &Context<'_>) -> Result<Vec<Post>> {
        let upstream = ctx.data::<Arc<Upstream>>()?;
        let body = upstream.client.get(format!("{}/posts", upstream.url)).send().await?.bytes().await?;
        Ok(serde_json::from_slice(&body)?)
    }
}

#[derive(Deserialize, SimpleObject)]
#[graphql(complex)]
#[serde(rename_all = "camelCase")]
struct Post {
    #[graphql(skip)]
    id: u64,
    #[graphql(skip)]
    user_id: u64,
    title: String,
    body: String,
}

#[ComplexObject]
impl Post {
    async fn id(&self) -> ID {
        self.id.into()
    }

    async fn user_id(&self) -> ID {
        self.user_id.into()
    }

    async fn user(&self, ctx: &Context<'_>) -> Result<Option<User>> {
        Ok(ctx.data::<Users>()?.try_load(self.user_id).await?)
    }
}

#[derive(Clone, Deserialize, SimpleObject)]
#[graphql(complex)]
struct User {
    #[graphql(skip)]
    id: u64,
    name: String,
    username: String,
    email: String,
}

#[ComplexObject]
impl User {
    async fn id(&self) -> ID {
        self.id.into()
    }
}

struct UsersById(Arc<Upstream>);

impl UsersById {
    async fn fetch(&self, keys: &[u64]) -> Result<Vec<User>, Failed> {
        let ids: Vec<String> = keys.iter().map(|id| format!("id={id}")).collect();
        let url = format!("{}/users?{}", self.0.url, ids.join("&"));
        let body = self.0.client.get(url).send().await?.bytes().await?;
        Ok(serde_json::from_slice(&body)?)
    }
}

impl BatchFn<u64, Option<User>> for UsersById {
    async fn load(&mut self, keys: &[u64]) -> HashMap<u64, Option<User>> {
        let mut keys = keys.to_vec();
        // They come in hash order; equal batches must make equal requests.
        keys.sort_unstable();
        let found = self.fetch(&keys).await.unwrap_or_default();
        let mut users: HashMap<_, _> = keys.into_iter().map(|key| (key, None)).collect();
        users.extend(found.into_iter().map(|user| (user.id, Some(user))));
        users
    }
}

pub(crate) async fn serve() -> Result<(), Failed> {
    let (url, client) = client()?;
    let upstream = Arc::new(Upstream { url, client });
    let api = Schema::build(Query, EmptyMutation, EmptySubscription).data(Arc::clone(&upstream)).finish();
    super::serve(Router::new().route("/graphql", post(graphql)).with_state((api, upstream))).await
}

async fn graphql(
    State((api, upstream)): State<(Api, Arc<Upstream>)>,
    Json(request): Json<async_graphql::Request>,
) -> Json<async_graphql::Response> {
    let users: Users = Loader::new(UsersById(upstream));
    Json(api.execute(request.data(users)).await)
}
