//! The subgraph of the web shop's computed fields.

use crate::loyalty::{self, Loyalty};
use crate::price;
use async_graphql::{Context, EmptyMutation, EmptySubscription, ID, InputObject, Object, Result, Schema, SimpleObject};
use bespoke::bff::InProcessSource;

/// The name of the subgraph in the graph.
const NAME: &str = "web-extras";

/// The most calls that one request to the subgraph may make. They suffice for the orders of 200 users, 25 users a call.
const MAX_CALLS: u32 = 8;

/// An amount in the currency's smallest unit.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(shareable)]
struct Money {
    amount: i32,
    currency: String,
}

/// `Money` as the engine passes it in a representation of an entity.
#[derive(Debug, Clone, InputObject)]
struct MoneyInput {
    amount: i32,
    currency: String,
}

struct Product {
    id: ID,
    price: Option<MoneyInput>,
}

#[Object]
impl Product {
    async fn id(&self) -> &ID {
        &self.id
    }

    #[graphql(external)]
    async fn price(&self) -> Option<Money> {
        self.price.clone().map(|price| Money { amount: price.amount, currency: price.currency })
    }

    /// The price as people of a locale write it, such as `12,99 €`.
    #[graphql(requires = "price { amount currency }")]
    async fn price_label(&self, #[graphql(default = "en")] locale: String) -> Result<String> {
        let price = self.price.as_ref().ok_or("the price is not known")?;
        Ok(price::label(price.amount, &price.currency, &locale))
    }
}

struct User {
    id: ID,
}

#[Object]
impl User {
    async fn id(&self) -> &ID {
        &self.id
    }

    /// Points collected with orders: one for each whole unit of money spent.
    async fn loyalty(&self, ctx: &Context<'_>) -> Result<Loyalty> {
        loyalty::of(ctx, self.id.as_str()).await
    }
}

struct Query;

#[Object]
impl Query {
    #[graphql(entity)]
    async fn product(&self, #[graphql(key)] id: ID, price: Option<MoneyInput>) -> Product {
        Product { id, price }
    }

    #[graphql(entity)]
    async fn user(&self, id: ID) -> User {
        User { id }
    }
}

type Web = Schema<Query, EmptyMutation, EmptySubscription>;

fn schema() -> Web {
    Schema::build(Query, EmptyMutation, EmptySubscription).enable_federation().finish()
}

/// The subgraph, which makes a loader for each request.
pub(crate) fn source() -> InProcessSource {
    InProcessSource::new(NAME, schema())
        .max_calls(MAX_CALLS)
        .with_data(|request, handle| request.data(loyalty::loader(handle.clone())))
}
