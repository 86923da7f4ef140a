//! Goods: categories, products and their prices.

use super::words::{self, MATERIALS, QUALITIES, SENTENCES};
use super::{Draw, Topic};
use crate::clock::DAY;

/// A node of the category tree.
#[derive(Debug)]
pub(crate) struct Category {
    pub(crate) name: &'static str,
    pub(crate) slug: String,
    pub(crate) parent: Option<u32>,
}

/// Returns the facts of category `id`, which must be 1 to [`super::CATEGORIES`].
pub(crate) fn category(id: u32) -> Category {
    let (name, parent, _) = words::CATEGORIES[id as usize - 1];
    let slug = name.to_lowercase().replace(" & ", "-").replace(' ', "-");
    Category { name, slug, parent: (parent > 0).then_some(parent) }
}

/// A photo or a video of a product.
#[derive(Debug)]
pub(crate) enum Media {
    Photo { url: String, alt: String },
    Video { url: String, seconds: u32 },
}

/// A product of the catalog.
#[derive(Debug)]
pub(crate) struct Product {
    pub(crate) sku: String,
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) category: u32,
    /// The rating in tenths of a star, 10 to 50; `None` if the product is not rated.
    pub(crate) rating: Option<u32>,
    pub(crate) media: Vec<Media>,
    pub(crate) created_at: i64,
    pub(crate) discontinued: bool,
}

/// Returns the facts of product `id`.
pub(crate) fn product(id: u32) -> Product {
    let mut draw = Draw::new(Topic::Product, id);
    let (category_id, article) = loop {
        let id = draw.between(1, super::CATEGORIES);
        let (_, _, article) = words::CATEGORIES[id as usize - 1];
        if !article.is_empty() {
            break (id, article);
        }
    };
    let name = format!("{} {} {article}", draw.pick(QUALITIES), draw.pick(MATERIALS));
    let first = draw.below(SENTENCES.len() as u32) as usize;
    let sentences = draw.between(5, 9) as usize;
    let description: Vec<_> = SENTENCES.iter().cycle().skip(first).take(sentences).copied().collect();
    let photos = draw.between(1, 3);
    let mut media: Vec<_> = (1..=photos)
        .map(|n| Media::Photo {
            url: format!("https://media.shop.example/p/{id}/{n}.jpg"),
            alt: format!("{name}, view {n}"),
        })
        .collect();
    if draw.is_one_in(3) {
        let url = format!("https://media.shop.example/p/{id}/film.mp4");
        media.push(Media::Video { url, seconds: draw.between(12, 180) });
    }
    Product {
        sku: format!("SKU-{category_id:02}-{id:05}"),
        description: description.join(" "),
        category: category_id,
        rating: (!draw.is_one_in(9)).then(|| draw.between(10, 50)),
        media,
        // An instant in the four years from 2020-01-01 on.
        created_at: 1_577_836_800 + i64::from(draw.below(1_460)) * DAY + i64::from(draw.below(86_400)),
        discontinued: draw.is_one_in(20),
        name,
    }
}

/// Returns the price of product `id`, in cents.
pub(crate) fn price_cents(id: u32) -> u32 {
    let mut draw = Draw::new(Topic::Price, id);
    let euros = if draw.is_one_in(6) { draw.between(200, 2_500) } else { draw.between(4, 199) };
    euros * 100 + draw.pick(&[0, 49, 90, 95, 99])
}

/// Returns how well product `id` sells, 0 to 999,999. Lists sorted by popularity begin with the largest.
pub(crate) fn popularity(id: u32) -> u32 {
    Draw::new(Topic::Popularity, id).below(1_000_000)
}
