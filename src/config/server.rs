//! `server`: the address, the mode and the limits of the HTTP side.

use crate::defaults;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

/// How the server listens and what it accepts: `server` in the configuration file.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ServerConfig {
    /// TCP port; `0` takes any free one. Default: 4000.
    pub port: u16,
    /// IP address to listen on; `0.0.0.0` for every interface. Default: 127.0.0.1.
    pub host: IpAddr,
    /// A second TCP port, for operators: `/livez`, `/readyz` and `/metrics`, which a thread of their own answers. `0` takes
    /// any free port, `null` opens none. In production, `/metrics` is on this port only. The process does not start if the
    /// port is in use. Default: 5000 above `port` (5000 below it if `port` is 60536 or more; any free port if `port` is
    /// `0`), so that two processes with different ports have different admin ports. In development the default is none,
    /// and `/metrics` is on `port`.
    #[schemars(with = "Option<u16>")]
    pub admin_port: AdminPort,
    /// IP address that `admin_port` listens on. Default: `host`.
    pub admin_host: Option<IpAddr>,
    /// `production` hides GraphiQL, introspection, suggestions and causes; `development` shows them. Default: production.
    pub mode: Mode,
    /// Format of the log, which has one line per request: `json` or `text`. Default: json.
    pub log: LogFormat,
    /// Longest time for one GraphQL request, including the time to read its body: `750ms`, `3s`. Fields that have no value
    /// by then are errors in the response. Default: 3s.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub request_timeout: Duration,
    /// Largest request body, in bytes. A larger one is answered with 413. Default: 1048576 (1 MiB).
    pub max_body_bytes: NonZeroUsize,
    /// Most GraphQL requests that run at once, counted from the end of their bodies. Further ones are answered with 503
    /// at once. Default: 1024.
    pub max_in_flight: NonZeroU32,
    /// Most request bodies that arrive in several pieces and are being read at once. When one more begins, the request
    /// whose body began first is answered with 503. Default: 1024.
    pub max_reading: NonZeroU32,
    /// Memory for the pieces of such bodies, in bytes; at least `max_body_bytes`. When it is full, the request whose body
    /// holds the most is answered with 503. Default: 67108864 (64 MiB).
    pub max_reading_bytes: NonZeroUsize,
    /// Lowest rate at which a body may arrive, in bytes per second, measured from one second after its request began. A
    /// slower one is answered with 408. `0` allows any rate within `request_timeout`. Default: 1024.
    pub min_body_rate: u32,
    /// How late a worker may be with its work, not counting the time that services take. While it has been later for
    /// 200ms without a break, a growing share of new requests is answered with 503 at once. `null` switches this off.
    /// Default: 50ms.
    #[serde(with = "humantime_serde::option")]
    #[schemars(with = "Option<String>")]
    pub max_lateness: Option<Duration>,
    /// Most open connections, including event streams and WebSockets. When all are in use, a new connection takes the place
    /// of the one that has waited for its client the longest: for a request, for the rest of one, for its answer to be
    /// read, or on a WebSocket for an operation. While every connection has a request or a subscription that is being
    /// answered, new ones wait for two seconds and are then answered with 503 and `Retry-After`. Default: 4096.
    pub max_connections: NonZeroU32,
    /// Most subscriptions at once. Further ones are answered with an error. Default: 1024.
    pub max_subscriptions: NonZeroU32,
    /// Largest message of a client on a WebSocket, in bytes. A larger one ends the connection with the code 1009.
    /// Default: 65536 (64 KiB).
    pub max_socket_message_bytes: NonZeroUsize,
    /// Most operations at once on one WebSocket. Further ones are answered with an error. Default: 64.
    pub max_operations_per_socket: NonZeroU32,
    /// Most writes at once that were sent to a service and still run although their client has left or their request has
    /// timed out. While there are this many, no further write is sent (`UPSTREAM_REFUSED`). Default: 1024.
    pub max_unattended_writes: NonZeroU32,
    /// How long the process goes on accepting requests after SIGTERM, while `/readyz` answers 503, so that load balancers
    /// notice first. Each answer in this time ends its connection. `0s` accepts none. SIGINT skips the delay. Must be less
    /// than `shutdown_grace`. Default: 5s; 0s in development.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "Option<String>")]
    pub shutdown_delay: Option<Duration>,
    /// Longest time from the signal to the end of the process. It covers `shutdown_delay`, the ends of streams, requests in
    /// flight, and writes that nobody waits for. What has not ended by then is cut off, and the process exits with status
    /// 3. Make it longer than `shutdown_delay` and `request_timeout` together, and shorter than the time after which a
    /// supervisor kills the process (in Kubernetes `terminationGracePeriodSeconds`, 30s). Default: 25s.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub shutdown_grace: Duration,
    /// The time over which streams end after a reload or during a stop. Each event stream of a subscription and each
    /// WebSocket with subscriptions ends at a different moment of it, in a way that tells its client to reconnect. During a
    /// stop it is at most half of what is left of `shutdown_grace`; SIGINT ends all streams at once. Default: 10s; 0s in
    /// development.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "Option<String>")]
    pub stream_drain: Option<Duration>,
    /// Origins whose pages may call the server, such as `https://shop.example`; other origins get no CORS headers. In
    /// development, any port of `localhost`, `127.0.0.1` and `[::1]` is allowed as well. Default: none.
    pub cors: Vec<String>,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            port: 4000,
            host: IpAddr::V4(Ipv4Addr::LOCALHOST),
            admin_port: AdminPort::ByMode,
            admin_host: None,
            mode: Mode::Production,
            log: LogFormat::Json,
            request_timeout: defaults::REQUEST_TIMEOUT,
            max_body_bytes: NonZeroUsize::MIN.saturating_add((1 << 20) - 1),
            max_in_flight: NonZeroU32::MIN.saturating_add(1023),
            max_reading: NonZeroU32::MIN.saturating_add(1023),
            max_reading_bytes: NonZeroUsize::MIN.saturating_add((64 << 20) - 1),
            min_body_rate: 1024,
            max_lateness: Some(Duration::from_millis(50)),
            max_connections: NonZeroU32::MIN.saturating_add(4095),
            max_subscriptions: NonZeroU32::MIN.saturating_add(1023),
            max_socket_message_bytes: NonZeroUsize::MIN.saturating_add((64 << 10) - 1),
            max_operations_per_socket: NonZeroU32::MIN.saturating_add(63),
            max_unattended_writes: NonZeroU32::MIN.saturating_add(1023),
            shutdown_delay: None,
            shutdown_grace: Duration::from_secs(25),
            stream_drain: None,
            cors: Vec::new(),
        }
    }
}

impl ServerConfig {
    /// How long the process goes on accepting requests after SIGTERM.
    #[must_use]
    pub fn shutdown_delay(&self) -> Duration {
        self.shutdown_delay.unwrap_or_else(|| self.in_production(Duration::from_secs(5)))
    }

    /// The time over which streams end.
    #[must_use]
    pub fn stream_drain(&self) -> Duration {
        self.stream_drain.unwrap_or_else(|| self.in_production(Duration::from_secs(10)))
    }

    /// A default for production; it is zero in development, where a person waits for the process.
    fn in_production(&self, default: Duration) -> Duration {
        if self.mode.is_development() { Duration::ZERO } else { default }
    }

    /// The address of the admin port; `None` if health and metrics are on the public port only.
    #[must_use]
    pub fn admin_address(&self) -> Option<SocketAddr> {
        let port = match self.admin_port {
            AdminPort::Off => return None,
            AdminPort::ByMode if self.mode.is_development() => return None,
            AdminPort::ByMode => beside(self.port),
            AdminPort::Port(port) => port,
        };
        Some(SocketAddr::new(self.admin_host.unwrap_or(self.host), port))
    }

    /// The options that are read only when a process starts, and that differ from those of `before`.
    #[must_use]
    pub fn fixed_at_start(&self, before: &Self) -> Vec<&'static str> {
        let differs = [
            ("server.host", self.host != before.host),
            ("server.port", self.port != before.port),
            ("server.admin_port", self.admin_address() != before.admin_address()),
            ("server.log", self.log != before.log),
            ("server.max_connections", self.max_connections != before.max_connections),
        ];
        differs.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect()
    }
}

/// The distance from a public port to its default admin port.
const ADMIN_OFFSET: u16 = 5000;

/// The default admin port of a public port; any free one if the public port is any free one.
fn beside(port: u16) -> u16 {
    if port == 0 { 0 } else { port.checked_add(ADMIN_OFFSET).unwrap_or_else(|| port - ADMIN_OFFSET) }
}

/// The admin port of a configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdminPort {
    /// The default of the mode: 5000 above the public port in production, none in development.
    ByMode,
    /// There is no admin port.
    Off,
    /// This port; 0 stands for any free one.
    Port(u16),
}

impl<'de> Deserialize<'de> for AdminPort {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::Off, Self::Port))
    }
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One JSON object per line.
    #[default]
    Json,
    /// For people.
    Text,
}

/// Whether the server runs for developers or for the public.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Shows GraphiQL at `/`, introspection, suggestions, causes and `extensions.bespoke`.
    Development,
    /// Shows none of them.
    Production,
}

impl Mode {
    /// Whether it is [`Mode::Development`].
    #[must_use]
    pub fn is_development(self) -> bool {
        self == Self::Development
    }

    /// What an engine in this mode shows.
    #[must_use]
    pub fn exposure(self) -> Exposure {
        let shown = self.is_development();
        Exposure { introspection: shown, suggestions: shown, causes: shown, calls: shown }
    }
}

/// What an engine shows of itself in its answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exposure {
    /// `__schema` and `__type` are answered; otherwise they are unknown fields.
    pub introspection: bool,
    /// Messages suggest names: "did you mean …".
    pub suggestions: bool,
    /// `extensions.cause`: why a field failed, with addresses. The log has it in either mode.
    pub causes: bool,
    /// `extensions.bespoke.calls`.
    pub calls: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_processes_with_ports_of_their_own_have_two_admin_ports() {
        let address = |port, mode, admin_port, admin_host: Option<&str>| {
            let admin_host = admin_host.map(|host| host.parse().unwrap());
            let config = ServerConfig { port, mode, admin_port, admin_host, ..ServerConfig::default() };
            config.admin_address().map(|address| address.to_string())
        };
        let (by_mode, here) = (AdminPort::ByMode, |port: u16| Some(format!("127.0.0.1:{port}")));
        for (port, beside) in
            [(4000, 9000), (4001, 9001), (80, 5080), (60535, 65535), (60536, 55536), (65535, 60535), (0, 0)]
        {
            assert_eq!(address(port, Mode::Production, by_mode, None), here(beside), "{port}");
            assert_eq!(address(port, Mode::Development, by_mode, None), None, "{port}");
        }
        assert_eq!(address(4000, Mode::Production, AdminPort::Off, None), None);
        assert_eq!(address(4000, Mode::Development, AdminPort::Port(9100), None), here(9100));
        assert_eq!(address(4000, Mode::Production, by_mode, Some("10.0.0.7")).as_deref(), Some("10.0.0.7:9000"));
    }
}
