//! The whole shop in the process of a test.
//!
//! In: which services to start, and how long they delay their answers. Out: their addresses, and handles on them.
//!
//! Always true: every service listens on its own free port of 127.0.0.1 and starts with the same rows; services run on
//! threads of their own, so a test may use any runtime, paused time, or no runtime at all.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

use crate::keys::{KeyError, KeyPair};
use crate::probe::{Probe, SeenRequest};
use crate::service::{SeedError, Service, ServiceName};

/// The options of [`Shop::start`].
#[derive(Debug, Clone)]
pub struct ShopOptions {
    /// The services to start. Default: all seven.
    pub services: BTreeSet<ServiceName>,
    /// How long each answer waits before it is made. Default: zero.
    pub delay: Duration,
    /// The key pair whose tokens `carts` and `orders` trust. Default: a new pair.
    pub key_pair: Option<KeyPair>,
}

impl Default for ShopOptions {
    fn default() -> Self {
        Self { services: ServiceName::ALL.into(), delay: Duration::ZERO, key_pair: None }
    }
}

impl ShopOptions {
    /// The options to start only `services`, which is quicker than the whole shop.
    pub fn only(services: impl IntoIterator<Item = ServiceName>) -> Self {
        Self { services: services.into_iter().collect(), ..Self::default() }
    }
}

/// The reason why the shop did not start.
#[derive(Debug, thiserror::Error)]
pub enum ShopError {
    /// A key pair could not be made.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The rows of a service could not be made.
    #[error(transparent)]
    Seed(#[from] SeedError),
    /// The operating system gave no port, thread or runtime.
    #[error("the shop cannot listen")]
    Listen(#[from] std::io::Error),
}

/// The running services, which stop when the value is dropped.
///
/// ```
/// use demo::{ServiceName, Shop, ShopOptions};
///
/// let shop = Shop::start(ShopOptions::only([ServiceName::Users]));
/// assert!(shop.url("users").starts_with("http://127.0.0.1:"));
/// assert_eq!(shop.total_calls(), 0);
/// ```
#[derive(Debug)]
pub struct Shop {
    running: BTreeMap<ServiceName, Running>,
    key_pair: KeyPair,
    runtime: Option<Runtime>,
}

#[derive(Debug)]
struct Running {
    address: SocketAddr,
    probe: Probe,
}

impl Shop {
    /// Starts the shop; returns when every service answers.
    ///
    /// # Panics
    /// When the shop cannot start, because a test cannot go on then. Other callers use [`Self::try_start`].
    pub fn start(options: ShopOptions) -> Self {
        Self::try_start(options).expect("the demo shop starts")
    }

    /// Starts the shop; returns when every service answers.
    ///
    /// # Errors
    /// [`ShopError`].
    pub fn try_start(options: ShopOptions) -> Result<Self, ShopError> {
        let key_pair = match options.key_pair {
            Some(pair) => pair,
            None => KeyPair::generate()?,
        };
        let services = seed(&options.services, options.delay, &key_pair)?;
        let runtime = Builder::new_multi_thread().worker_threads(2).thread_name("shop").enable_all().build()?;
        // From here on, `Drop` ends the runtime, even if no port can be bound.
        let mut shop = Self { running: BTreeMap::new(), key_pair, runtime: Some(runtime) };
        for service in services {
            shop.serve(service)?;
        }
        Ok(shop)
    }

    fn serve(&mut self, service: Service) -> std::io::Result<()> {
        let Some(runtime) = &self.runtime else { return Ok(()) };
        // The socket is bound without the runtime, because tokio refuses to block on a runtime inside another one.
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let _inside = runtime.enter();
        let listener = TcpListener::from_std(listener)?;
        self.running.insert(service.name(), Running { address, probe: service.probe() });
        runtime.spawn(service.serve(listener, std::future::pending()));
        Ok(())
    }

    /// The base URL of service `name`, such as `http://127.0.0.1:40123`, without a slash at the end.
    ///
    /// # Panics
    /// When the service `name` was not started. The same holds for all methods that take a name.
    pub fn url(&self, name: &str) -> String {
        format!("http://{}", self.running(name).address)
    }

    /// The number of requests that service `name` received, by `operationId`.
    pub fn calls(&self, name: &str) -> BTreeMap<&'static str, u64> {
        self.running(name).probe.calls()
    }

    /// The number of requests that all services together received.
    pub fn total_calls(&self) -> u64 {
        self.running.values().flat_map(|running| running.probe.calls().into_values()).sum()
    }

    /// The counts of all services as one text for snapshots. It has a line such as `users.getUsers 1` for each
    /// operation that was called, sorted by service and operation.
    pub fn call_summary(&self) -> String {
        let lines = self.running.iter().flat_map(|(name, running)| {
            let calls = running.probe.calls().into_iter();
            calls.map(move |(operation, count)| format!("{name}.{operation} {count}"))
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    /// Sets the counts of all services to zero and empties their logs.
    pub fn reset_calls(&self) {
        self.running.values().for_each(|running| running.probe.reset());
    }

    /// The last 1,000 requests to service `name`, oldest first.
    pub fn requests(&self, name: &str) -> Vec<SeenRequest> {
        self.running(name).probe.requests()
    }

    /// A handle on service `name`, which sets its delay, makes it fail and reads its counts.
    pub fn probe(&self, name: &str) -> Probe {
        self.running(name).probe.clone()
    }

    /// The pair whose tokens the services trust.
    pub fn key_pair(&self) -> &KeyPair {
        &self.key_pair
    }

    /// A value for the `Authorization` header, with a token of user `sub` that is valid for an hour.
    ///
    /// # Panics
    /// When the token cannot be signed, which does not happen with any `sub`.
    pub fn bearer(&self, sub: &str) -> String {
        let token = self.key_pair.mint(sub, Duration::from_secs(3_600)).expect("a token can be signed");
        format!("Bearer {token}")
    }

    fn running(&self, name: &str) -> &Running {
        let found = name.parse().ok().and_then(|name: ServiceName| self.running.get(&name));
        found.unwrap_or_else(|| {
            let started: Vec<_> = self.running.keys().map(|name| name.as_str()).collect();
            panic!("service `{name}` was not started; these were: {}", started.join(", "))
        })
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        // Tokio does not allow a runtime to be dropped inside another one, and most tests run inside one.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Seeds the services `names` in parallel.
fn seed(names: &BTreeSet<ServiceName>, delay: Duration, keys: &KeyPair) -> Result<Vec<Service>, SeedError> {
    let verifier = keys.verifier();
    std::thread::scope(|scope| {
        let start = |&name: &ServiceName| {
            let verifier = &verifier;
            scope.spawn(move || Service::new(name, delay, verifier))
        };
        let threads: Vec<_> = names.iter().map(start).collect();
        let join = |thread: std::thread::ScopedJoinHandle<'_, _>| match thread.join() {
            Ok(service) => service,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        threads.into_iter().map(join).collect()
    })
}
