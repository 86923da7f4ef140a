//! Facts of the shop, derived from ids alone: the data that the seeds of all services agree on.
//!
//! In: an id. Out: the user, product, order or payment with this id.
//! Elsewhere: the code that stores facts and answers with them ([`crate::services`]).
//!
//! Always true:
//! - a fact depends on nothing but its topic and id, so services agree without calls between them: an order's unit
//!   price is the catalog's price, and a payment's amount is the order's total;
//! - no fact depends on the time, the machine or the order in which facts are requested.

mod goods;
mod people;
mod trade;
mod words;

pub(crate) use goods::{Media, category, popularity, price_cents, product};
pub(crate) use people::user;
pub(crate) use trade::{CARRIERS, Line, Method, Order, Status, cart, order, payment, review, stock, warehouses};

/// The number of users. Their ids are 1 to this number.
pub(crate) const USERS: u32 = 1_000;
/// The number of products. Their ids are 1 to this number.
pub(crate) const PRODUCTS: u32 = 2_000;
/// The number of categories. Their ids are 1 to this number.
pub(crate) const CATEGORIES: u32 = 40;
/// The number of orders in the seed. Their ids are 1 to this number, oldest first.
pub(crate) const ORDERS: u32 = 20_000;
/// The number of reviews. Their ids are 1 to this number.
pub(crate) const REVIEWS: u32 = 10_000;
/// A product whose id is a multiple of this number is out of stock in every warehouse.
pub(crate) const OUT_OF_STOCK_EVERY: u32 = 97;
/// The only currency of the shop.
pub(crate) const CURRENCY: &str = "EUR";

/// The purpose of a sequence of draws. It is part of the start value, so that two facts about one id are independent.
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
        // The finaliser of SplitMix64 makes the start values of neighbouring ids unlike. The generator alone would give
        // them similar sequences.
        let mut z = (topic as u64) << 40 | u64::from(id);
        z = z.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        z = (z ^ z >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        Self(z ^ z >> 31)
    }

    /// Draws a number from 0 to `bound`, excluding `bound`.
    fn below(&mut self, bound: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 32).wrapping_mul(u64::from(bound)) >> 32) as u32
    }

    /// Draws a number from `low` to `high`, including both.
    fn between(&mut self, low: u32, high: u32) -> u32 {
        low + self.below(high - low + 1)
    }

    /// Draws a truth value that is true once in `n` draws, on average.
    fn is_one_in(&mut self, n: u32) -> bool {
        self.below(n) == 0
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u32) as usize]
    }
}
