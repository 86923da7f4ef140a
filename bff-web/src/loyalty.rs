//! Loyalty points, which are computed from a user's orders.

use async_graphql::{Context, Result, SimpleObject};
use bespoke::bff::{HandleError, UpstreamHandle};
use dataloader::BatchFn;
use dataloader::cached::Loader;
use serde::Deserialize;
use std::collections::HashMap;

/// The most users that the service `orders` accepts in one call (`maxItems` in its contract).
const MAX_USERS: usize = 25;
/// The most orders per user that it returns.
const ORDERS_PER_USER: &str = "50";

/// What a customer has collected.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct Loyalty {
    points: i32,
    level: String,
}

#[derive(Deserialize)]
struct Found {
    content: Vec<Order>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Order {
    user_id: String,
    total: i64,
    status: String,
}

type Loaded = std::result::Result<i64, HandleError>;
type Points = Loader<String, Loaded, PointsByUser>;

/// Loads the points of several users with one search for their orders.
pub(crate) struct PointsByUser(UpstreamHandle);

impl BatchFn<String, Loaded> for PointsByUser {
    async fn load(&mut self, keys: &[String]) -> HashMap<String, Loaded> {
        let mut users: Vec<&str> = keys.iter().map(String::as_str).collect();
        // The keys come in the order of a hash table. They are sorted, because equal batches must make equal requests.
        users.sort_unstable();
        let mut query: Vec<(&str, &str)> = users.into_iter().map(|id| ("userId", id)).collect();
        query.push(("perUser", ORDERS_PER_USER));
        let found = match self.0.get_json("orders", "/orders/search", &query).await {
            Ok(body) => serde_json::from_slice::<Found>(&body).map_err(|_| None),
            Err(error) => Err(Some(error)),
        };
        match found {
            Ok(found) => {
                let mut points: HashMap<String, Loaded> = keys.iter().map(|key| (key.clone(), Ok(0))).collect();
                for order in found.content.iter().filter(|order| order.status != "CANCELLED") {
                    if let Some(Ok(sum)) = points.get_mut(&order.user_id) {
                        *sum += order.total / 100;
                    }
                }
                points
            }
            Err(Some(error)) => keys.iter().map(|key| (key.clone(), Err(error.clone()))).collect(),
            // A key without a result becomes an error at its field.
            Err(None) => HashMap::new(),
        }
    }
}

/// Makes the loader of one request.
pub(crate) fn loader(handle: UpstreamHandle) -> Points {
    Loader::new(PointsByUser(handle)).with_max_batch_size(MAX_USERS)
}

/// Loads the points of a user and computes the level.
pub(crate) async fn of(ctx: &Context<'_>, user: &str) -> Result<Loyalty> {
    let points = ctx.data::<Points>()?.try_load(user.to_owned()).await?;
    let points = points.map_err(|error| error.to_graphql())?;
    let level = match points {
        ..1_000 => "starter",
        1_000..10_000 => "regular",
        _ => "star",
    };
    Ok(Loyalty { points: i32::try_from(points).unwrap_or(i32::MAX), level: level.to_owned() })
}
