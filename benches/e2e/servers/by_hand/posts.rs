//! The resolvers for posts and their users.

use super::{ById, Entity, Upstream};
use async_graphql::{ComplexObject, Context, ID, Object, Result, SimpleObject};
use serde::Deserialize;
use std::sync::Arc;

#[derive(Default)]
pub(super) struct Posts;

#[Object]
impl Posts {
    async fn posts(&self, ctx: &Context<'_>) -> Result<Vec<Post>> {
        Ok(ctx.data::<Arc<Upstream>>()?.list("/posts").await?)
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
        Ok(ctx.data::<ById<User>>()?.try_load(self.user_id).await?)
    }
}

#[derive(Clone, Deserialize, SimpleObject)]
#[graphql(complex)]
pub(super) struct User {
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

impl Entity for User {
    const PATH: &'static str = "/users";

    fn id(&self) -> u64 {
        self.id
    }
}
