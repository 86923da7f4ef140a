//! What the cache had to do with a call, and why: one word for metrics, logs and GraphiQL.

/// What the cache had to do with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CacheStatus {
    /// A fresh entry was the answer; no call was made.
    Hit,
    /// A stale entry was the answer, and the service is asked behind its back (RFC 5861 §3).
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
    /// There is none.
    Absent,
    /// It is stale.
    Expired,
    /// One of its tags was invalidated.
    Invalidated,
    /// It lacks properties that are wanted now.
    Fields,
    /// It is older than a write of the same request.
    Written,
}

/// Why an answer is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Bypass {
    /// The cache is switched off for this service, or the call is none that it is for.
    Off,
    /// Another request's call in flight was the answer; that one keeps it.
    Shared,
    /// It failed, or is an answer to a failure.
    Failed,
    /// `no-store`.
    NoStore,
    /// It is for one caller, and nothing says that it may be kept for that caller.
    Private,
    /// The call carried `Authorization`, and the answer does not say that it may be shared (RFC 9111 §3.5).
    Authorization,
    /// It varies by something that is not part of the key.
    Vary,
    /// Neither the service nor the graph says how long it holds.
    NoFreshness,
    /// Its tags cannot be told.
    Tags,
}

impl CacheStatus {
    /// The word for it.
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

    /// Had the cache nothing to do with it?
    #[must_use]
    pub fn is_off(self) -> bool {
        self == Self::Bypass(Bypass::Off)
    }

    /// Was the answer had without asking the service?
    #[must_use]
    pub fn is_unasked(self) -> bool {
        matches!(self, Self::Hit | Self::StaleWhileRevalidate)
    }
}
