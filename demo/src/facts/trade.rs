//! Trade: orders, payments, carts, stock and reviews.

use super::words::{REVIEW_ENDINGS, REVIEW_OPENINGS};
use super::{Draw, ORDERS, OUT_OF_STOCK_EVERY, PRODUCTS, REVIEWS, Topic, USERS, price_cents};
use crate::clock::{DAY, FIRST_ORDER};

/// The carriers that deliver orders.
pub(crate) const CARRIERS: &[&str] = &["DHL", "DPD", "GLS", "Post"];

/// The status of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    Pending,
    Paid,
    Shipped,
    Delivered,
    Cancelled,
}

impl Status {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Paid => "PAID",
            Self::Shipped => "SHIPPED",
            Self::Delivered => "DELIVERED",
            Self::Cancelled => "CANCELLED",
        }
    }
}

/// One line of an order or a cart.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line {
    pub(crate) product: u32,
    pub(crate) quantity: u32,
}

/// An order. Its unit prices are those of the catalog.
#[derive(Debug)]
pub(crate) struct Order {
    pub(crate) user: u32,
    pub(crate) created_at: i64,
    pub(crate) status: Status,
    pub(crate) lines: Vec<Line>,
    pub(crate) carrier: &'static str,
}

impl Order {
    /// The total price of the order, in cents.
    pub(crate) fn total_cents(&self) -> u32 {
        self.lines.iter().map(|line| line.quantity * price_cents(line.product)).sum()
    }
}

/// Returns the facts of order `id`. Users whose id is a multiple of 50 have no orders.
pub(crate) fn order(id: u32) -> Order {
    let mut draw = Draw::new(Topic::Order, id);
    let user = match draw.between(1, USERS) {
        sleeper if sleeper.is_multiple_of(50) => sleeper - 1,
        user => user,
    };
    let is_recent = id > ORDERS - 400;
    let status = match draw.below(20) {
        0 => Status::Cancelled,
        1..=4 if is_recent => Status::Pending,
        5..=9 if is_recent => Status::Paid,
        _ if is_recent => Status::Shipped,
        _ => Status::Delivered,
    };
    Order {
        user,
        // Orders are spread over two years: one every 52.5 minutes, each up to 50 minutes later.
        created_at: FIRST_ORDER + i64::from(id) * 3_150 + i64::from(draw.below(3_000)),
        status,
        carrier: draw.pick(CARRIERS),
        lines: lines(&mut draw, 8, 4),
    }
}

/// Draws 1 to `most` lines of distinct products that are in stock.
fn lines(draw: &mut Draw, most: u32, most_pieces: u32) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for _ in 0..draw.between(1, most) {
        let product = draw.between(1, PRODUCTS);
        if !product.is_multiple_of(OUT_OF_STOCK_EVERY) && lines.iter().all(|line| line.product != product) {
            lines.push(Line { product, quantity: draw.between(1, most_pieces) });
        }
    }
    if lines.is_empty() {
        lines.push(Line { product: 1, quantity: 1 });
    }
    lines
}

/// The method of a payment.
#[derive(Debug)]
pub(crate) enum Method {
    Card { last4: String, brand: &'static str },
    Invoice { due: i64, iban: String },
}

/// A payment of an order.
#[derive(Debug)]
pub(crate) struct Payment {
    pub(crate) status: &'static str,
    pub(crate) amount: u32,
    pub(crate) method: Method,
}

/// Returns how order `id` was paid. One order in ten has no payment.
pub(crate) fn payment(id: u32) -> Option<Payment> {
    if id.is_multiple_of(10) || id == 0 || id > ORDERS {
        return None;
    }
    let order = order(id);
    let mut draw = Draw::new(Topic::Payment, id);
    let method = if draw.is_one_in(3) {
        let iban = format!("DE** **** **** **** {:04}", draw.below(10_000));
        Method::Invoice { due: order.created_at + 14 * DAY, iban }
    } else {
        let last4 = format!("{:04}", draw.below(10_000));
        Method::Card { last4, brand: draw.pick(&["visa", "mastercard", "amex"]) }
    };
    let status = match order.status {
        Status::Pending => draw.pick(&["AUTHORIZED", "DECLINED"]),
        Status::Paid => "AUTHORIZED",
        Status::Shipped | Status::Delivered => "CAPTURED",
        Status::Cancelled => "REFUNDED",
    };
    Some(Payment { status, amount: order.total_cents(), method })
}

/// A user's cart.
#[derive(Debug)]
pub(crate) struct Cart {
    pub(crate) updated_at: i64,
    pub(crate) note: Option<&'static str>,
    pub(crate) lines: Vec<Line>,
}

/// Returns the cart of user `user`. Users whose id is a multiple of 7 have none.
pub(crate) fn cart(user: u32) -> Option<Cart> {
    if user.is_multiple_of(7) {
        return None;
    }
    let mut draw = Draw::new(Topic::Cart, user);
    Some(Cart {
        // An instant in December 2025.
        updated_at: 1_764_547_200 + i64::from(draw.below(2_592_000)),
        note: draw.is_one_in(4).then(|| draw.pick(&["A gift, please wrap it.", "Leave it with the neighbours."])),
        lines: lines(&mut draw, 6, 3),
    })
}

/// The code and the city of each warehouse.
pub(crate) fn warehouses() -> &'static [(&'static str, &'static str)] {
    &[("BER", "Berlin"), ("LYS", "Lyon"), ("RTM", "Rotterdam"), ("VIE", "Wien"), ("BLQ", "Bologna")]
}

/// The stock of a product in one warehouse.
#[derive(Debug)]
pub(crate) struct Stock {
    /// The index of the warehouse in [`warehouses`].
    pub(crate) warehouse: usize,
    pub(crate) available: u32,
    pub(crate) incoming: Option<u32>,
}

/// Returns the stock of product `id` in each warehouse that carries it, which are three or four.
pub(crate) fn stock(id: u32) -> Vec<Stock> {
    let mut draw = Draw::new(Topic::Stock, id);
    let skipped = (draw.below(5) as usize, draw.below(5) as usize);
    (0..warehouses().len())
        .filter(|&index| index != skipped.0 && index != skipped.1)
        .map(|warehouse| Stock {
            warehouse,
            available: if id.is_multiple_of(OUT_OF_STOCK_EVERY) { 0 } else { draw.between(1, 80) },
            incoming: draw.is_one_in(4).then(|| draw.between(5, 200)),
        })
        .collect()
}

/// A customer's review of a product.
#[derive(Debug)]
pub(crate) struct Review {
    pub(crate) product: u32,
    pub(crate) author: u32,
    pub(crate) stars: u32,
    pub(crate) text: String,
    pub(crate) created_at: i64,
}

/// Returns the facts of review `id`. Newer reviews have larger ids.
pub(crate) fn review(id: u32) -> Review {
    let mut draw = Draw::new(Topic::Review, id);
    let step = i64::from(2 * 365) * DAY / i64::from(REVIEWS);
    Review {
        product: draw.between(1, PRODUCTS),
        author: draw.between(1, USERS),
        stars: draw.pick(&[1, 2, 3, 4, 4, 4, 5, 5, 5, 5]),
        text: format!("{} {}", draw.pick(REVIEW_OPENINGS), draw.pick(REVIEW_ENDINGS)),
        created_at: FIRST_ORDER + i64::from(id) * step + i64::from(draw.below(3_600)),
    }
}
