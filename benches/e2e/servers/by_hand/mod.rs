//! A server with the same API, written by hand with async-graphql: resolvers, and loaders that batch.

mod nest;
mod posts;

use super::client;
use crate::Failed;
use async_graphql::{EmptyMutation, EmptySubscription, MergedObject, Result, Schema};
use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use dataloader::BatchFn;
use dataloader::cached::Loader;
use serde::de::DeserializeOwned;
use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::Arc;

type Api = Schema<Query, EmptyMutation, EmptySubscription>;
type ById<T> = Loader<u64, Option<T>, Fetch<T>>;

struct Upstream {
    url: String,
    client: reqwest::Client,
}

impl Upstream {
    async fn list<T: DeserializeOwned>(&self, target: &str) -> Result<Vec<T>, Failed> {
        let body = self.client.get(format!("{}{target}", self.url)).send().await?.bytes().await?;
        Ok(serde_json::from_slice(&body)?)
    }
}

/// An object that a service finds by its id.
trait Entity: Clone + DeserializeOwned + Send + Sync + 'static {
    const PATH: &'static str;

    fn id(&self) -> u64;
}

struct Fetch<T>(Arc<Upstream>, PhantomData<fn() -> T>);

impl<T: Entity> BatchFn<u64, Option<T>> for Fetch<T> {
    async fn load(&mut self, keys: &[u64]) -> HashMap<u64, Option<T>> {
        let mut keys = keys.to_vec();
        // The keys come in the order of a hash table. They are sorted, because equal batches must make equal requests.
        keys.sort_unstable();
        let ids: Vec<String> = keys.iter().map(|id| format!("id={id}")).collect();
        let found = self.0.list::<T>(&format!("{}?{}", T::PATH, ids.join("&"))).await.unwrap_or_default();
        let mut by_id: HashMap<_, _> = keys.into_iter().map(|key| (key, None)).collect();
        by_id.extend(found.into_iter().map(|entity| (entity.id(), Some(entity))));
        by_id
    }
}

#[derive(MergedObject, Default)]
struct Query(posts::Posts, nest::Orders);

pub(crate) async fn serve() -> Result<(), Failed> {
    let (url, client) = client()?;
    let upstream = Arc::new(Upstream { url, client });
    let api = Schema::build(Query::default(), EmptyMutation, EmptySubscription).data(Arc::clone(&upstream)).finish();
    super::serve(Router::new().route("/graphql", post(graphql)).with_state((api, upstream))).await
}

async fn graphql(
    State((api, upstream)): State<(Api, Arc<Upstream>)>,
    Json(request): Json<async_graphql::Request>,
) -> Json<async_graphql::Response> {
    // Each request gets new loaders, because a loader remembers what it has loaded.
    let request = request
        .data(loader::<posts::User>(&upstream))
        .data(loader::<nest::Customer>(&upstream))
        .data(loader::<nest::City>(&upstream))
        .data(loader::<nest::Country>(&upstream));
    Json(api.execute(request).await)
}

fn loader<T: Entity>(upstream: &Arc<Upstream>) -> ById<T> {
    Loader::new(Fetch(Arc::clone(upstream), PhantomData))
}
