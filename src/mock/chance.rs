//! Numbers that look random and are always the same: a [`Chance`] is a hash of the place of a value.

use fake::rand::SeedableRng;
use fake::rand::rngs::StdRng;

/// The place of a value, as a hash of the path to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        Self(scramble(seed))
    }

    /// The place below this one with a name.
    pub(super) fn named(self, name: &str) -> Self {
        // FNV-1a, scrambled after each name, so that "ab" then "c" is another place than "a" then "bc".
        let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325 ^ self.0, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        Self(scramble(hash))
    }

    /// The place below this one with a number.
    pub(super) fn numbered(self, number: u64) -> Self {
        Self(scramble(self.0 ^ scramble(number.wrapping_add(1))))
    }

    /// A number below `bound`, which is at least 1.
    pub(super) fn below(self, bound: u64) -> u64 {
        self.0 % bound.max(1)
    }

    /// A number from `least` to `most`.
    pub(super) fn between(self, least: u64, most: u64) -> u64 {
        least + self.below(most.saturating_sub(least) + 1)
    }

    /// True for `percent` of a hundred places.
    pub(super) fn is_among(self, percent: u8) -> bool {
        self.named("percent").below(100) < u64::from(percent)
    }

    /// One item of a slice; `None` if it is empty.
    pub(super) fn pick<T>(self, from: &[T]) -> Option<&T> {
        from.get(self.below(from.len() as u64) as usize)
    }

    /// A generator of random numbers that is seeded by this place.
    pub(super) fn generator(self) -> StdRng {
        StdRng::seed_from_u64(self.0)
    }

    /// 16 bytes that follow from this place.
    pub(super) fn bytes(self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.0.to_be_bytes());
        bytes[8..].copy_from_slice(&scramble(self.0).to_be_bytes());
        bytes
    }
}

/// The finaliser of SplitMix64.
fn scramble(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
