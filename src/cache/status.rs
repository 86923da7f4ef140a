//! What the cache did for a call and why, with one name for metrics, logs and GraphiQL.

/// What the cache did for a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CacheStatus {
    /// A fresh entry was the answer, and no call was made.
    Hit,
    /// A stale entry was the answer, and the service is asked in the background (RFC 5861 §3).
    StaleWhileRevalidate,
    /// A stale entry was the answer, because the service failed (RFC 5861 §4).
    StaleIfError,
    /// The service was asked, and said that the stale entry still holds (RFC 9111 §4.3.3).
    Revalidated,
    /// The service was asked, and its answer is kept from now on.
    Miss(Miss),
    /// The service was asked, and its answer is not kept.
    Bypass(Bypass),
}

/// Why an entry was not the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Miss {
    /// There is no entry for the key.
    Absent,
    /// The entry is stale.
    Expired,
    /// One of the entry's tags was invalidated.
    Invalidated,
    /// The entry lacks properties that are wanted now.
    Fields,
    /// The entry is older than a write of the same request.
    Written,
}

/// Why an answer is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Bypass {
    /// The cache is switched off for this service, or is not used for calls of this kind.
    Off,
    /// A call in flight of another request gave the answer; that request keeps it.
    Shared,
    /// The call failed, or its answer tells of a failure.
    Failed,
    /// The answer has the directive `no-store`.
    NoStore,
    /// The answer is for one caller, and nothing says that it may be kept for that caller.
    Private,
    /// The call carried `Authorization`, and the answer does not say that it may be shared (RFC 9111 §3.5).
    Authorization,
    /// The answer varies by something that is not part of the key.
    Vary,
    /// Neither the service nor the graph says how long the answer holds.
    NoFreshness,
    /// The tags of the answer cannot be determined.
    Tags,
}

impl CacheStatus {
    /// The stable name for metrics, logs and GraphiQL.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::StaleWhileRevalidate => "stale_while_revalidate",
            Self::StaleIfError => "stale_if_error",
            Self::Revalidated => "revalidated",
            Self::Miss(Miss::Absent) => "miss",
            Self::Miss(Miss::Expired) => "miss_expired",
            Self::Miss(Miss::Invalidated) => "miss_invalidated",
            Self::Miss(Miss::Fields) => "miss_fields",
            Self::Miss(Miss::Written) => "miss_written",
            Self::Bypass(Bypass::Off) => "off",
            Self::Bypass(Bypass::Shared) => "bypass_shared",
            Self::Bypass(Bypass::Failed) => "bypass_failed",
            Self::Bypass(Bypass::NoStore) => "bypass_no_store",
            Self::Bypass(Bypass::Private) => "bypass_private",
            Self::Bypass(Bypass::Authorization) => "bypass_authorization",
            Self::Bypass(Bypass::Vary) => "bypass_vary",
            Self::Bypass(Bypass::NoFreshness) => "bypass_no_freshness",
            Self::Bypass(Bypass::Tags) => "bypass_tags",
        }
    }

    /// Whether the cache was not used for the call.
    #[must_use]
    pub fn is_off(self) -> bool {
        self == Self::Bypass(Bypass::Off)
    }

    /// Whether there was an answer without asking the service.
    #[must_use]
    pub fn is_unasked(self) -> bool {
        matches!(self, Self::Hit | Self::StaleWhileRevalidate)
    }
}
