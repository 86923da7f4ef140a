//! Ids: numbers of which each kind is a type of its own, so that they cannot be mixed up.

/// Declares id types over `u32`.
macro_rules! ids {
    ($($(#[$doc:meta])* $vis:vis $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        $vis struct $name($vis u32);

        impl $name {
            /// The id of what stands at an index of its table.
            #[must_use]
            #[allow(dead_code, reason = "slots are counted, not kept in a table")]
            $vis fn at(index: usize) -> Self {
                Self(u32::try_from(index).expect("whatever has ids is bounded, and far below 2³²"))
            }

            /// The id as an index.
            #[must_use]
            $vis fn index(self) -> usize {
                self.0 as usize
            }
        }
    )*};
}

pub(crate) use ids;
