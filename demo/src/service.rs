//! One service of the shop: its name, its router, and how it is served.

use std::fmt;
use std::future::Future;
use std::str::FromStr;
use std::time::Duration;

use axum::Router;
use axum::serve::ListenerExt as _;
use tokio::net::TcpListener;

use crate::keys::TokenVerifier;
use crate::probe::Probe;
use crate::services::{carts, catalog, inventory, orders, payments, reviews, users};

/// The longest wait for answers in flight when a service stops.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// The name of one of the seven services.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ServiceName {
    /// The customers of the shop; REST.
    Users,
    /// Products and categories; REST, cacheable.
    Catalog,
    /// The stock of each warehouse; REST with a version in the path.
    Inventory,
    /// The carts of users; REST, and every operation needs a token.
    Carts,
    /// The orders of users; REST, and placing an order needs a token.
    Orders,
    /// The payments of orders; REST.
    Payments,
    /// The reviews of products; a GraphQL subgraph.
    Reviews,
}

impl ServiceName {
    /// All services, in the order of their ports.
    pub const ALL: [Self; 7] =
        [Self::Users, Self::Catalog, Self::Inventory, Self::Carts, Self::Orders, Self::Payments, Self::Reviews];

    /// The name as text, such as `users`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Catalog => "catalog",
            Self::Inventory => "inventory",
            Self::Carts => "carts",
            Self::Orders => "orders",
            Self::Payments => "payments",
            Self::Reviews => "reviews",
        }
    }

    /// The distance of the service's usual port from the port base: 1 to 7.
    pub fn port_offset(self) -> u16 {
        self as u16 + 1
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The error for a name that no service has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no service is called `{0}`; there are users, catalog, inventory, carts, orders, payments and reviews")]
pub struct UnknownService(String);

impl FromStr for ServiceName {
    type Err = UnknownService;

    fn from_str(text: &str) -> Result<Self, UnknownService> {
        let found = Self::ALL.into_iter().find(|name| name.as_str() == text);
        found.ok_or_else(|| UnknownService(text.to_owned()))
    }
}

/// The error if the database of a service cannot be made.
#[derive(Debug, thiserror::Error)]
#[error("the database of `{service}` cannot be made")]
pub struct SeedError {
    service: ServiceName,
    #[source]
    source: rusqlite::Error,
}

/// A seeded service that is ready to be served.
#[derive(Debug)]
pub struct Service {
    name: ServiceName,
    router: Router,
    probe: Probe,
}

impl Service {
    /// Seeds the service `name`, whose answers wait for `delay` and which trusts `verifier`'s tokens.
    ///
    /// The call computes for some hundred milliseconds and does not wait for anything.
    ///
    /// # Errors
    /// [`SeedError`], which only a defect can cause.
    pub fn new(name: ServiceName, delay: Duration, verifier: &TokenVerifier) -> Result<Self, SeedError> {
        let probe = Probe::new(delay);
        let router = match name {
            ServiceName::Users => users::router(probe.clone()),
            ServiceName::Catalog => catalog::router(probe.clone()),
            ServiceName::Inventory => inventory::router(probe.clone()),
            ServiceName::Carts => carts::router(probe.clone(), verifier.clone()),
            ServiceName::Orders => orders::router(probe.clone(), verifier.clone()),
            ServiceName::Payments => payments::router(probe.clone()),
            ServiceName::Reviews => reviews::router(probe.clone()),
        };
        let router = router.map_err(|source| SeedError { service: name, source })?;
        Ok(Self { name, router, probe })
    }

    /// The name of the service.
    pub fn name(&self) -> ServiceName {
        self.name
    }

    /// The service as a router, which can be called without sockets or nested in another router.
    pub fn router(&self) -> Router {
        self.router.clone()
    }

    /// A handle on the service.
    pub fn probe(&self) -> Probe {
        self.probe.clone()
    }

    /// Serves on `listener` until `stop` is ready. Answers in flight then have five seconds to finish.
    ///
    /// The future may be dropped, which closes the listener and its connections.
    ///
    /// # Errors
    /// The error with which the listener failed to accept connections.
    pub async fn serve(
        self,
        listener: TcpListener,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> std::io::Result<()> {
        let listener = listener.tap_io(|socket| {
            // Small answers must not wait for acknowledgements. If the option cannot be set, they are only slower.
            let _ = socket.set_nodelay(true);
        });
        let (stopping, stopped) = tokio::sync::oneshot::channel::<()>();
        let graceful = axum::serve(listener, self.router).with_graceful_shutdown(async move {
            stop.await;
            let _ = stopping.send(());
        });
        let timed_out = async {
            let _ = stopped.await;
            tokio::time::sleep(STOP_TIMEOUT).await;
        };
        tokio::select! {
            served = graceful.into_future() => served,
            () = timed_out => Ok(()),
        }
    }
}
