//! The subgraph of the phone app's computed field.

use async_graphql::{EmptyMutation, EmptySubscription, ID, Object, Result, Schema};
use bespoke::bff::InProcessSource;

/// The name of the subgraph in the graph.
const NAME: &str = "mobile-extras";

/// The longest name in a teaser, in characters.
const MAX_NAME: usize = 24;

struct Product {
    id: ID,
    name: Option<String>,
    rating: Option<f64>,
}

#[Object]
impl Product {
    async fn id(&self) -> &ID {
        &self.id
    }

    #[graphql(external)]
    async fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    #[graphql(external)]
    async fn rating(&self) -> Option<f64> {
        self.rating
    }

    /// A few words for small screens: the name, cut short, and the rating.
    #[graphql(requires = "name rating")]
    async fn teaser(&self) -> Result<String> {
        let name = self.name.as_deref().ok_or("the name is not known")?;
        Ok(teaser(name, self.rating))
    }
}

fn teaser(name: &str, rating: Option<f64>) -> String {
    let mut short: String = name.chars().take(MAX_NAME).collect();
    if name.chars().count() > MAX_NAME {
        short.push('…');
    }
    match rating {
        Some(rating) => format!("{short} · {rating:.1} ★"),
        None => short,
    }
}

struct Query;

#[Object]
impl Query {
    #[graphql(entity)]
    async fn product(&self, #[graphql(key)] id: ID, name: Option<String>, rating: Option<f64>) -> Product {
        Product { id, name, rating }
    }
}

type Mobile = Schema<Query, EmptyMutation, EmptySubscription>;

fn schema() -> Mobile {
    Schema::build(Query, EmptyMutation, EmptySubscription).enable_federation().finish()
}

/// The subgraph, which calls no service.
pub(crate) fn source() -> InProcessSource {
    InProcessSource::new(NAME, schema()).pure()
}

#[cfg(test)]
mod tests {
    use super::teaser;

    #[test]
    fn long_names_are_cut_between_characters() {
        assert_eq!(teaser("Ökologische Gießkanne für Balkone", Some(4.25)), "Ökologische Gießkanne fü… · 4.2 ★");
        assert_eq!(teaser("Cup", None), "Cup");
    }
}
