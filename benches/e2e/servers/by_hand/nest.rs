//! Orders with nested objects, from the customer over the city and the country to its capital; and a long list of
//! items.

use super::{ById, Entity, Upstream};
use async_graphql::{ComplexObject, Context, ID, Object, Result, SimpleObject};
use serde::Deserialize;
use std::sync::Arc;

#[derive(Default)]
pub(super) struct Orders;

#[Object]
impl Orders {
    async fn orders(&self, ctx: &Context<'_>) -> Result<Vec<Order>> {
        Ok(ctx.data::<Arc<Upstream>>()?.list("/orders").await?)
    }

    async fn items(&self, ctx: &Context<'_>) -> Result<Vec<Item>> {
        Ok(ctx.data::<Arc<Upstream>>()?.list("/items").await?)
    }
}

#[derive(Deserialize, SimpleObject)]
#[graphql(complex)]
struct Item {
    #[graphql(skip)]
    id: u64,
    name: String,
    cents: i32,
}

#[ComplexObject]
impl Item {
    async fn id(&self) -> ID {
        self.id.into()
    }
}

#[derive(Deserialize, SimpleObject)]
#[graphql(complex)]
#[serde(rename_all = "camelCase")]
struct Order {
    #[graphql(skip)]
    id: u64,
    #[graphql(skip)]
    customer_id: u64,
    note: String,
}

#[ComplexObject]
impl Order {
    async fn id(&self) -> ID {
        self.id.into()
    }

    async fn customer(&self, ctx: &Context<'_>) -> Result<Option<Customer>> {
        Ok(ctx.data::<ById<Customer>>()?.try_load(self.customer_id).await?)
    }
}

/// Declares an entity that refers to another one: its name, its path, the field of the other entity, the type of that
/// field, and the property with the key.
macro_rules! entity {
    ($name:ident, $path:literal, $next:ident: $type:ident by $key:ident) => {
        #[derive(Clone, Deserialize, SimpleObject)]
        #[graphql(complex)]
        #[serde(rename_all = "camelCase")]
        pub(super) struct $name {
            #[graphql(skip)]
            id: u64,
            #[graphql(skip)]
            $key: u64,
            name: String,
        }

        #[ComplexObject]
        impl $name {
            async fn id(&self) -> ID {
                self.id.into()
            }

            async fn $next(&self, ctx: &Context<'_>) -> Result<Option<$type>> {
                Ok(ctx.data::<ById<$type>>()?.try_load(self.$key).await?)
            }
        }

        impl Entity for $name {
            const PATH: &'static str = $path;

            fn id(&self) -> u64 {
                self.id
            }
        }
    };
}

entity!(Customer, "/customers", city: City by city_id);
entity!(City, "/cities", country: Country by country_id);
entity!(Country, "/countries", capital: City by capital_id);
