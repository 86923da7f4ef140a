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
    /// TCP port; 0 takes any free one. Default: 4000.
    pub port: u16,
    /// IP address to listen on; `0.0.0.0` for every interface. Default: 127.0.0.1.
    pub host: IpAddr,
    /// Another TCP port for whoever runs the process: `/livez`, `/readyz` and `/metrics`, answered by a thread of their
    /// own; 0 takes any free one, `null` none. In production `/metrics` is on this port alone. If it is taken, nothing is
    /// served. Default: 5000 above `port` (5000 below it from 60536 on; any free one if `port` is 0), so that two
    /// processes with ports of their own have two; in development none, and `/metrics` is on `port`.
    #[schemars(with = "Option<u16>")]
    pub admin_port: AdminPort,
    /// IP address that `admin_port` listens on. Default: that of `host`.
    pub admin_host: Option<IpAddr>,
    /// One switch: `production` hides GraphiQL, introspection, suggestions and causes. Default: production.
    pub mode: Mode,
    /// Form of the log, one line per request: `json` or `text`. Default: json.
    pub log: LogFormat,
    /// Longest time for one GraphQL request, body included; `750ms`, `3s`. What has not answered by then is an error
    /// in the response. Default: 3s.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub request_timeout: Duration,
    /// Largest request body, in bytes; above it the answer is 413. Default: 1048576 (1 MiB).
    pub max_body_bytes: NonZeroUsize,
    /// GraphQL requests at once whose bodies are there; further ones are answered 503 at once. Default: 1024.
    pub max_in_flight: NonZeroU32,
    /// Bodies at once that did not come in one piece and are still being read. When one more begins, the one that began
    /// first is answered 503. Default: 1024.
    pub max_reading: NonZeroU32,
    /// Memory for the parts of such bodies, in bytes, at least `max_body_bytes`. When there is none left for a further
    /// part, the body that holds the most is answered 503. Default: 67108864 (64 MiB).
    pub max_reading_bytes: NonZeroUsize,
    /// Least rate of a body in bytes per second, from one second after its request began. A slower one is answered 408.
    /// 0: any rate will do, within `request_timeout`. Default: 1024.
    pub min_body_rate: u32,
    /// How late a worker may be with its work, not counting the time of services. When it is later for 200ms on end, a
    /// growing share of new requests is answered 503 at once. `null`: none is. Default: 50ms.
    #[serde(with = "humantime_serde::option")]
    #[schemars(with = "Option<String>")]
    pub max_lateness: Option<Duration>,
    /// Open connections at once, event streams and WebSockets among them, each counted once. When they are taken, the one
    /// that has waited for its client the longest (for a request, for the rest of it, to take its answer, or on a WebSocket
    /// for an operation) is closed for a new one. While all have a request or a subscription that is being answered, new
    /// ones wait for two seconds, and are then answered 503 with `Retry-After`. Default: 4096.
    pub max_connections: NonZeroU32,
    /// Subscriptions at once; further ones are answered with an error. Default: 1024.
    pub max_subscriptions: NonZeroU32,
    /// Largest message of a client on a WebSocket, in bytes; a larger one ends the connection with the code 1009.
    /// Default: 65536 (64 KiB).
    pub max_socket_message_bytes: NonZeroUsize,
    /// Operations at once on one WebSocket; further ones are answered with an error. Default: 64.
    pub max_operations_per_socket: NonZeroU32,
    /// Writes at once that were sent and are being finished while nobody waits for them any more: their client has left, or
    /// their request is out of time. When there are as many, no further write is sent (`UPSTREAM_REFUSED`). Default: 1024.
    pub max_unattended_writes: NonZeroU32,
    /// How long requests are still taken after SIGTERM, while `/readyz` says 503, so that load balancers see it first;
    /// each answer ends its connection. `0s`: none is taken any more. SIGINT does not wait. Less than `shutdown_grace`.
    /// Default: 5s; 0s in development.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "Option<String>")]
    pub shutdown_delay: Option<Duration>,
    /// Longest time from the signal to the end of the process. `shutdown_delay`, the ends of streams, requests in flight
    /// and writes that nobody waits for any more all share it. What has not ended by then is cut off, and the process
    /// exits with status 3. Choose it above `shutdown_delay` and `request_timeout` together, and below the time after
    /// which a supervisor kills (Kubernetes: `terminationGracePeriodSeconds`, 30s). Default: 25s.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub shutdown_grace: Duration,
    /// Over which time the ends of streams are spread when a reload replaces what they read from, or when the process
    /// stops: each subscription over an event stream and each WebSocket with subscriptions ends at a moment of its own,
    /// in a way that tells its client to come back. When the process stops, half of what is left of `shutdown_grace` at
    /// most; SIGINT ends them at once. Default: 10s; 0s in development.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "Option<String>")]
    pub stream_drain: Option<Duration>,
    /// Origins that browsers may call from, such as `https://shop.example`; others get no CORS headers. In development
    /// any port of `localhost`, `127.0.0.1` and `[::1]` is allowed as well. Default: none.
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
    /// How long requests are still taken after SIGTERM.
    #[must_use]
    pub fn shutdown_delay(&self) -> Duration {
        self.shutdown_delay.unwrap_or_else(|| self.in_production(Duration::from_secs(5)))
    }

    /// Over which time the ends of streams are spread.
    #[must_use]
    pub fn stream_drain(&self) -> Duration {
        self.stream_drain.unwrap_or_else(|| self.in_production(Duration::from_secs(10)))
    }

    /// A default that is zero in development, where somebody waits for it.
    fn in_production(&self, default: Duration) -> Duration {
        if self.mode.is_development() { Duration::ZERO } else { default }
    }

    /// Where health and metrics are served beside the public port; `None`: nowhere else.
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

    /// The options that differ from those of another configuration and are read only when a process starts.
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

/// From a public port to the admin port beside it.
const ADMIN_OFFSET: u16 = 5000;

/// The admin port of a public port; any free one for any free one.
fn beside(port: u16) -> u16 {
    if port == 0 { 0 } else { port.checked_add(ADMIN_OFFSET).unwrap_or_else(|| port - ADMIN_OFFSET) }
}

/// The admin port of a configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdminPort {
    /// Beside the public port in production, and none in development.
    ByMode,
    /// None.
    Off,
    /// This one; 0 for any free one.
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

/// Development or production.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// GraphiQL at `/`, introspection, suggestions, causes, `extensions.bespoke`.
    Development,
    /// None of them.
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
    /// "Did you mean …" in messages.
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
