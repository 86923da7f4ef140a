//! Gauges of the open connections and streams of a process, and of their limits, so that a dashboard can show how full
//! the process is.
//!
//! In: the beginning and the end of each connection, and the number of streams. Out: a gauge for
//! each number and for each limit.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// The labels of closed sockets: who closed the socket, and the code that the other side got.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CloseLabels {
    by: &'static str,
    code: String,
}

/// The close codes of clients that get a label of their own. The list is fixed because clients can send any code.
///
/// The codes above 4000 are those that the npm package `graphql-ws` sends.
const CLIENT_CODES: [u16; 13] = [1000, 1001, 1002, 1003, 1005, 1006, 1007, 1009, 1011, 4005, 4400, 4499, 4504];

/// The label of codes that have no label of their own.
const OTHER: &str = "other";

/// Who closed a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClosedBy {
    /// This process closed the socket.
    Server,
    /// The client or its network closed the socket.
    Client,
}

/// The gauges of open connections and streams.
#[derive(Debug, Default)]
pub(super) struct OpenGauges {
    connections: Gauge,
    max_connections: Gauge,
    sockets: Gauge,
    subscriptions: Gauge,
    max_subscriptions: Gauge,
    closes: Family<CloseLabels, Counter>,
}

/// How many streams are open, and how many there may be.
#[derive(Debug, Clone, Copy)]
pub struct OpenStreams {
    /// The number of open WebSockets.
    pub sockets: u32,
    /// The number of operations that hold a place among the subscriptions.
    pub subscriptions: u32,
    /// The limit of those operations.
    pub max_subscriptions: u32,
}

/// An open connection, which is counted until it is dropped.
#[derive(Debug)]
pub struct OpenConnection(Gauge);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl OpenGauges {
    pub(super) fn registered(registry: &mut Registry) -> Self {
        let open = Self::default();
        let help = "Open connections of the public port, whatever they are used for";
        registry.register("connections", help, open.connections.clone());
        let help = "Connections that may be open at once (`server.max_connections`)";
        registry.register("connections_max", help, open.max_connections.clone());
        registry.register("sockets", "Open WebSockets; each is one of the open connections", open.sockets.clone());
        let help =
            "Operations that hold a place among the subscriptions: event streams, and all operations on WebSockets";
        registry.register("subscriptions", help, open.subscriptions.clone());
        let help = "Subscriptions that there may be at once (`server.max_subscriptions`)";
        registry.register("subscriptions_max", help, open.max_subscriptions.clone());
        let help =
            "WebSockets that were closed, by who closed them and the code (RFC 6455 §7.4; 1006: without a close)";
        registry.register("socket_closes", help, open.closes.clone());
        open
    }

    pub(super) fn connection(&self) -> OpenConnection {
        self.connections.inc();
        OpenConnection(self.connections.clone())
    }

    pub(super) fn limit_connections(&self, most: u32) {
        self.max_connections.set(most.into());
    }

    pub(super) fn set_streams(&self, streams: OpenStreams) {
        self.sockets.set(streams.sockets.into());
        self.subscriptions.set(streams.subscriptions.into());
        self.max_subscriptions.set(streams.max_subscriptions.into());
    }

    pub(super) fn count_close(&self, by: ClosedBy, code: u16) {
        let (by, is_known) = match by {
            ClosedBy::Server => ("server", true),
            ClosedBy::Client => ("client", CLIENT_CODES.contains(&code)),
        };
        let code = if is_known { code.to_string() } else { OTHER.to_owned() };
        self.closes.get_or_create(&CloseLabels { by, code }).inc();
    }
}
