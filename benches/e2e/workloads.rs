//! The workloads: each has an operation, the services behind it, and the servers that answer it.

use std::time::Duration;
use testkit::posts::{QUERY, USERS};

/// A server that is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Server {
    /// An axum server that sends the bytes of the answer. It shows the cost of HTTP alone.
    Constant,
    /// A server that makes the calls with reqwest, one after the other, and sends the bytes of the answer. It shows the
    /// cost of I/O alone.
    CallsAlone,
    /// The program `bespoke serve`.
    Bespoke,
    /// `bespoke serve`, which keeps the parts of answers, but no whole answers.
    Parts,
    /// `bespoke serve`, where each request has an `x-request-id` of its own.
    OwnIds,
    /// Bespoke's engine, which shares neither operations nor calls.
    Unshared,
    /// A server with async-graphql and data loaders.
    ByHand,
}

impl Server {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Constant => "constant bytes (axum)",
            Self::CallsAlone => "the calls alone (reqwest)",
            Self::Bespoke => "`bespoke serve`",
            Self::Parts => "`bespoke serve`, only parts kept",
            Self::OwnIds => "`bespoke serve`, own request ids",
            Self::Unshared => "bespoke, nothing shared",
            Self::ByHand => "async-graphql by hand",
        }
    }
}

/// One operation under one kind of load.
#[derive(Debug, Clone)]
pub(crate) struct Workload {
    pub(crate) id: &'static str,
    pub(crate) what: &'static str,
    /// The folder of the project, relative to the root of the repository.
    pub(crate) project: &'static str,
    pub(crate) query: String,
    /// The targets of the calls that the answer needs. Each call waits for the one before.
    pub(crate) calls: Vec<String>,
    pub(crate) connections: u32,
    /// The delay of each answer of the services.
    pub(crate) delay: Duration,
    /// The `Cache-Control` of the services' answers. If it is empty, they do not send the header.
    pub(crate) cache_control: &'static str,
    pub(crate) servers: &'static [Server],
}

const POSTS: &str = "tests/fixtures/posts";
const NEST: &str = "benches/project";
const NEST_QUERY: &str = "{ orders { id note customer { name city { name country { name capital { name } } } } } }";

/// The number of keys in each of the batches of `nest`.
pub(crate) const NEST_KEYS: u32 = 20;
/// The number of fields of each post in `wide`.
const WIDE_FIELDS: usize = 200;

/// All workloads, in the order of the report.
pub(crate) fn all() -> Vec<Workload> {
    use Server::{Bespoke, ByHand, CallsAlone, Constant, OwnIds, Parts, Unshared};
    let posts = || vec!["/posts".to_owned()];
    let both = || vec!["/posts".to_owned(), keyed("/users", USERS)];
    let w2 = Workload {
        id: "W2",
        what: "100 posts with their 10 users: two calls, 34 kB in, 15 kB out",
        project: POSTS,
        query: QUERY.to_owned(),
        calls: both(),
        connections: 64,
        delay: Duration::ZERO,
        cache_control: "",
        servers: &[CallsAlone, Constant, Bespoke, Unshared, ByHand],
    };
    vec![
        Workload {
            id: "W1",
            what: "a flat list: the titles of 100 posts",
            query: "{ posts { title } }".to_owned(),
            calls: posts(),
            ..w2.clone()
        },
        w2.clone(),
        Workload {
            id: "W3",
            what: "a constant field, no call",
            query: "{ __typename }".to_owned(),
            calls: Vec::new(),
            servers: &[Constant, Bespoke, ByHand],
            ..w2.clone()
        },
        Workload {
            id: "W4",
            what: "as W2, the services' answers fresh for an hour",
            cache_control: "max-age=3600",
            servers: &[Constant, Bespoke, Parts],
            ..w2.clone()
        },
        Workload {
            id: "W5",
            what: "as W2, the services 5 ms away",
            delay: Duration::from_millis(5),
            servers: &[CallsAlone, Bespoke, Unshared, ByHand],
            ..w2.clone()
        },
        Workload {
            id: "W6",
            what: "as W2, over one connection",
            connections: 1,
            servers: &[CallsAlone, Bespoke, Unshared, ByHand],
            ..w2.clone()
        },
        Workload {
            id: "W7",
            what: "as W2, each request with an `x-request-id` of its own",
            servers: &[CallsAlone, Bespoke, OwnIds],
            ..w2.clone()
        },
        Workload {
            id: "wide",
            what: "200 fields of each of 100 posts",
            query: wide(),
            calls: posts(),
            servers: &[CallsAlone, Bespoke, Unshared, ByHand],
            ..w2.clone()
        },
        Workload {
            id: "list",
            what: "10,000 items of three fields",
            project: NEST,
            query: "{ items { id name cents } }".to_owned(),
            calls: vec!["/items".to_owned()],
            servers: &[CallsAlone, Bespoke, Unshared, ByHand],
            ..w2.clone()
        },
        Workload {
            id: "nest",
            what: "five levels over four services, 20 keys each: five calls in a row",
            project: NEST,
            query: NEST_QUERY.to_owned(),
            calls: ["/orders".to_owned()]
                .into_iter()
                .chain(["/customers", "/cities", "/countries", "/cities"].map(|path| keyed(path, NEST_KEYS)))
                .collect(),
            servers: &[CallsAlone, Bespoke, Unshared, ByHand],
            ..w2
        },
    ]
}

fn keyed(path: &str, keys: u32) -> String {
    let ids: Vec<String> = (1..=keys).map(|id| format!("id={id}")).collect();
    format!("{path}?{}", ids.join("&"))
}

fn wide() -> String {
    let names = ["id", "userId", "title"];
    let fields: Vec<String> = (0..WIDE_FIELDS).map(|at| format!("f{at}: {}", names[at % names.len()])).collect();
    format!("{{ posts {{ {} }} }}", fields.join(" "))
}
