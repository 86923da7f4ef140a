//! Facts of the shop: what every service's seed agrees on, derived from ids alone.
//!
//! In: an id. Out: the user, product, order or payment that has it.
//! Elsewhere: storing facts and answering with them ([`crate::services`]).
//!
//! Always true:
//! - a fact depends on nothing but its topic and id, so services agree without talking to each
//!   other (an order's unit price is the catalog's price, a payment's amount the order's total);
//! - no fact depends on time, the machine or the order in which facts are asked for.

mod goods;
mod people;
mod trade;
mod words;

pub(crate) use goods::{Media, category, popularity, price_cents, product};
pub(crate) use people::user;
pub(crate) use trade::{CARRIERS, Line, Method, Order, Status, cart, order, payment, review, stock, warehouses};

/// Number of users; their ids are 1 to this.
pub(crate) const USERS: u32 = 1_000;
/// Number of products; their ids are 1 to this.
pub(crate) const PRODUCTS: u32 = 2_000;
/// Number of categories; their ids are 1 to this.
pub(crate) const CATEGORIES: u32 = 40;
/// Number of orders in the seed; their ids are 1 to this, oldest first.
pub(crate) const ORDERS: u32 = 20_000;
/// Number of reviews; their ids are 1 to this.
pub(crate) const REVIEWS: u32 = 10_000;
/// Products whose id this divides are out of stock everywhere.
pub(crate) const OUT_OF_STOCK_EVERY: u32 = 97;
/// The only currency of the shop.
pub(crate) const CURRENCY: &str = "EUR";

/// What a sequence of draws is for, so that two facts of one id are independent.
#[derive(Debug, Clone, Copy)]
enum Topic {
    User = 1,
    Product,
    Price,
    Popularity,
    Order,
    Payment,
    Cart,
    Stock,
    Review,
}

/// A deterministic sequence of choices: a 64-bit linear congruential generator.
#[derive(Debug)]
struct Draw(u64);

impl Draw {
    fn new(topic: Topic, id: u32) -> Self {
        // The finaliser of SplitMix64 spreads neighbouring ids; a bare LCG would correlate them.
        let mut z = (topic as u64) << 40 | u64::from(id);
        z = z.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        z = (z ^ z >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        Self(z ^ z >> 31)
    }

    /// Draws a number from 0 up to, not including, `bound`.
    fn below(&mut self, bound: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 32).wrapping_mul(u64::from(bound)) >> 32) as u32
    }

    /// Draws a number from `low` to `high`, both included.
    fn between(&mut self, low: u32, high: u32) -> u32 {
        low + self.below(high - low + 1)
    }

    /// Is true once in `n` draws, on average.
    fn is_one_in(&mut self, n: u32) -> bool {
        self.below(n) == 0
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u32) as usize]
    }
}
