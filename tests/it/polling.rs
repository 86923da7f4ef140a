//! Tests of polling over real sockets: the calls that subscriptions make, and the answers that become events.

use crate::harness::{Bff, Setup};
use crate::subscriptions::Socket;
use bespoke::internals::config::Config;
use bespoke::internals::engine::Client;
use bespoke::internals::project::Files;
use serde_json::{Value, json};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use testkit::faulty::{Faulty, Reply, SeenRequest};

const PATIENCE: Duration = Duration::from_secs(20);
const EVERY: Duration = Duration::from_millis(100);

const SDL: &str = r#"
extend schema
  @link(url: "https://bespoke.example/connect/v1", import: ["@source", "@connect", "@poll"])
  @link(url: "https://specs.apollo.dev/federation/v2.5", import: ["@key"])
  @source(name: "meter", http: { headers: [{ name: "authorization", from: "authorization" }] })
type Query {
  reading(id: ID!): Reading @connect(http: { GET: "/readings/{$args.id}" }, selection: "id value more unit { id }")
  slow: Reading @connect(http: { GET: "/slow" }, selection: "id value more unit { id }")
}
type Subscription {
  reading(id: ID!): Reading
    @connect(http: { GET: "/readings/{$args.id}" }, selection: "id value more unit { id }")
    @poll(every: "100ms")
}
scalar JSON
type Reading { id: ID! value: Int! more: JSON unit: Unit }
type Unit @key(fields: "id") @connect(http: { GET: "/units", queryParams: "id: $batch.id" }, batch: { key: "id", maxSize: 9 }) {
  id: ID!
  name: String!
}
"#;

const CLIENT: &str = "
scalar JSON
type Query { reading(id: ID!): Reading slow: Reading }
type Subscription { reading(id: ID!): Reading }
type Reading { id: ID! value: Int! more: JSON unit: Unit }
type Unit { id: ID! name: String! }
";

type Answers = dyn Fn(&SeenRequest) -> Reply + Send + Sync;

/// A BFF in front of a service. A test may replace the answers of the service while it runs.
struct World {
    bff: Bff,
    service: Faulty,
    answers: Arc<Mutex<Arc<Answers>>>,
}

impl World {
    async fn start(setup: Setup, answers: impl Fn(&SeenRequest) -> Reply + Send + Sync + 'static) -> Self {
        Self::of(&[("meter", SDL)], CLIENT, setup, answers).await
    }

    /// Starts a world whose services have these SDL files and share one address.
    async fn of(
        services: &[(&str, &str)],
        view: &str,
        setup: Setup,
        answers: impl Fn(&SeenRequest) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let answers: Arc<Mutex<Arc<Answers>>> = Arc::new(Mutex::new(Arc::new(answers)));
        let now = Arc::clone(&answers);
        let service = Faulty::start(move |request| {
            let answers = Arc::clone(&now.lock().unwrap());
            answers(request)
        });
        let service = service.await.unwrap();
        let mut files = Files::default();
        services.iter().for_each(|(name, sdl)| files.insert(format!("schema/services/{name}.graphql"), *sdl));
        files.insert("schema/app.graphql", view);
        files.insert("bespoke.yaml", "server: { port: 0 }");
        let setup = services.iter().fold(setup, |setup, (name, _)| setup.url(name, service.base_url()));
        let setup = setup.deadline(Duration::from_secs(5));
        Self { bff: Bff::start(Client::new("app", files), setup).await, service, answers }
    }

    fn answer(&self, answers: impl Fn(&SeenRequest) -> Reply + Send + Sync + 'static) {
        *self.answers.lock().unwrap() = Arc::new(answers);
    }

    fn asked(&self, path: &str) -> usize {
        self.service.requests().iter().filter(|request| request.target.starts_with(path)).count()
    }

    /// Waits until the service has received `more` more requests for this path.
    async fn until_asked(&self, path: &str, more: usize) {
        let until = self.asked(path) + more;
        let asked = async {
            while self.asked(path) < until {
                self.service.until_requests(self.service.requests().len() + 1).await;
            }
        };
        tokio::time::timeout(PATIENCE, asked).await.expect("calls");
    }

    async fn subscribed(&self, query: &str) -> Socket {
        let mut socket = Socket::ready(&self.bff, json!({})).await;
        socket.subscribe("a", query).await;
        socket
    }
}

/// The answer of the service with this value. Each call writes it in another way and with other values that are not
/// selected.
fn reading(value: usize) -> Reply {
    static CALL: AtomicUsize = AtomicUsize::new(0);
    let call = CALL.fetch_add(1, Ordering::SeqCst);
    Reply::json(&match call % 2 {
        0 => format!(r#"{{"at":{call},"id":"1","value":{value},"more":{{"a":1,"b":"é"}},"unit":{{"id":7}}}}"#),
        _ => format!(
            "{{ \"unit\": {{ \"at\": {call}, \"id\": 7 }},\n \"more\": {{\"b\":\"\\u00e9\", \"a\":1}}, \"value\": {value}, \"id\": \"1\" }}"
        ),
    })
}

fn units(name: &str) -> Reply {
    Reply::json(&format!(r#"[{{"id":7,"name":"{name}"}}]"#))
}

/// A script that answers with this value and this name of the unit.
fn meter(value: usize, name: &'static str) -> impl Fn(&SeenRequest) -> Reply + Send + Sync {
    move |request| if request.target.starts_with("/units") { units(name) } else { reading(value) }
}

const JOINED: &str = r#"subscription { reading(id: "1") { value more unit { name } } }"#;
const ALONE: &str = r#"subscription { reading(id: "1") { value } }"#;

fn values(event: &Value) -> (Value, Value) {
    let reading = &event["payload"]["data"]["reading"];
    (reading["value"].clone(), reading["unit"]["name"].clone())
}

fn code(event: &Value) -> String {
    event["payload"]["errors"][0]["extensions"]["code"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn what_nobody_selects_is_no_event_and_asks_for_no_joined_field() {
    let world = World::start(Setup::default().uncached(), meter(1, "kWh")).await;
    let mut socket = world.subscribed(JOINED).await;
    assert_eq!(values(&socket.next().await), (json!(1), json!("kWh")));
    world.until_asked("/readings", 6).await;
    assert_eq!(world.asked("/units"), 1, "the root is what it was");
    // A change of a joined field alone is not an event. It is seen with the next change of the root.
    world.answer(meter(1, "J"));
    world.until_asked("/readings", 3).await;
    world.answer(meter(2, "MJ"));
    assert_eq!(values(&socket.next().await), (json!(2), json!("MJ")));
    assert_eq!(world.asked("/units"), 2);
}

#[tokio::test]
async fn a_joined_call_that_failed_is_repaired_at_the_next_tick() {
    let world = World::start(Setup::default().uncached(), meter(1, "kWh")).await;
    let mut socket = world.subscribed(JOINED).await;
    assert_eq!(values(&socket.next().await), (json!(1), json!("kWh")));
    let failing = |status: u16| {
        move |request: &SeenRequest| match request.target.starts_with("/units") {
            true => Reply::empty(status),
            false => reading(2),
        }
    };
    world.answer(failing(500));
    let failed = socket.next().await;
    assert_eq!((values(&failed), code(&failed)), ((json!(2), Value::Null), "UPSTREAM_STATUS".to_owned()));
    // Another failure of the same call is not an event.
    world.answer(failing(501));
    world.until_asked("/units", 3).await;
    world.answer(meter(2, "kWh"));
    assert_eq!(values(&socket.next().await), (json!(2), json!("kWh")));
    // From then on, the joined call is not made again.
    let before = world.asked("/units");
    world.until_asked("/readings", 4).await;
    assert_eq!(world.asked("/units"), before);
}

#[tokio::test]
async fn an_outage_is_an_event_when_it_begins_and_one_when_it_ends() {
    // Other tests cover an open circuit breaker.
    let setup = Setup::default().configure(|config| of_meter(config).breaker.enabled = false);
    let world = World::start(setup, meter(1, "kWh")).await;
    let mut socket = world.subscribed(ALONE).await;
    assert_eq!(values(&socket.next().await).0, json!(1));
    world.answer(|_| Reply::empty(500));
    assert_eq!(code(&socket.next().await), "UPSTREAM_STATUS");
    for outage in [Reply::json("no JSON"), Reply::closed_before_head(), Reply::empty(503), Reply::json("{}[")] {
        world.answer(move |_| outage.clone());
        world.until_asked("/readings", 3).await;
    }
    world.answer(meter(1, "kWh"));
    let back = socket.next().await;
    assert_eq!((values(&back).0, code(&back)), (json!(1), String::new()), "{back}");
}

/// The configuration of the service of the meter.
fn of_meter(config: &mut Config) -> &mut bespoke::internals::config::ServiceConfig {
    config.services.entry("meter".to_owned()).or_default()
}

#[tokio::test]
async fn equal_calls_are_polled_once_however_they_are_written() {
    let world = World::start(Setup::default(), meter(1, "kWh")).await;
    let mut sockets = Vec::new();
    for query in [
        ALONE,
        r#"subscription Other { reading(id: "1") { value id } }"#,
        r#"subscription { again: reading(id: 1) { id } }"#,
        r#"subscription { reading(id: "1") { unit { id } } }"#,
    ] {
        let mut socket = world.subscribed(query).await;
        socket.next().await;
        sockets.push(socket);
    }
    let mut socket = Socket::ready(&world.bff, json!({})).await;
    let payload =
        json!({ "query": "subscription ($id: ID!) { reading(id: $id) { value } }", "variables": { "id": "1" } });
    socket.send(json!({ "id": "v", "type": "subscribe", "payload": payload })).await;
    socket.next().await;
    let (before, started) = (world.asked("/readings/1"), Instant::now());
    world.until_asked("/readings/1", 10).await;
    let made = world.asked("/readings/1") - before;
    let ticks = started.elapsed().as_millis() / EVERY.as_millis() + 2;
    assert!(made as u128 <= ticks, "{made} polls of 5 subscribers in {ticks} ticks");
}

#[tokio::test]
async fn callers_whose_credentials_are_sent_share_no_poll() {
    let of_caller = |request: &SeenRequest| match request.header("authorization") {
        Some("ann") => reading(1),
        Some("bob") => reading(2),
        _ => Reply::empty(401),
    };
    let world = World::start(Setup::default(), of_caller).await;
    let (mut ann, mut bob) = (
        Socket::ready(&world.bff, json!({ "authorization": "ann" })).await,
        Socket::ready(&world.bff, json!({ "authorization": "bob" })).await,
    );
    for _ in 0..2 {
        for (socket, value) in [(&mut ann, 1), (&mut bob, 2)] {
            socket.subscribe("a", ALONE).await;
            assert_eq!(values(&socket.next().await).0, json!(value));
            world.until_asked("/readings", 4).await;
            socket.send(json!({ "id": "a", "type": "complete" })).await;
        }
    }
}

#[tokio::test]
async fn a_service_with_an_etag_is_asked_whether_there_is_anything_new() {
    let tagged = |value: usize| {
        move |request: &SeenRequest| {
            let tag = format!("\"v{value}\"");
            match request.header("if-none-match") == Some(&tag) {
                true => Reply::raw(format!("HTTP/1.1 304 Not Modified\r\netag: {tag}\r\n\r\n")),
                false => {
                    let body = format!(r#"{{"id":"1","value":{value}}}"#);
                    Reply::with_headers(&[&format!("etag: {tag}"), "cache-control: max-age=600"], &body)
                }
            }
        }
    };
    let not_modified = |world: &World| {
        world.service.requests().iter().filter(|request| request.header("if-none-match").is_some()).count()
    };
    // The same must hold if the cache is off.
    for setup in [Setup::default(), Setup::default().uncached()] {
        let world = World::start(setup, tagged(1)).await;
        let mut socket = world.subscribed(ALONE).await;
        assert_eq!(values(&socket.next().await).0, json!(1));
        world.until_asked("/readings", 4).await;
        assert!(not_modified(&world) >= 3, "{:?}", world.service.requests());
        world.answer(tagged(2));
        assert_eq!(values(&socket.next().await).0, json!(2));
    }
}

#[tokio::test]
async fn a_full_queue_is_no_event_and_delays_the_first_one() {
    let setup = Setup::default().configure(|config| {
        let meter = of_meter(config);
        meter.max_in_flight = NonZeroU32::MIN;
        meter.max_waiting = 0;
        meter.timeout = Duration::from_secs(4);
    });
    let world = World::start(setup, meter(1, "kWh")).await;
    let mut early = world.subscribed(ALONE).await;
    assert_eq!(values(&early.next().await).0, json!(1));
    // A query holds the only slot for a while, and the value that the poll would see changes meanwhile.
    let slow = |request: &SeenRequest| match request.target.as_str() {
        "/slow" => reading(0).after(Duration::from_secs(1)),
        _ => reading(2),
    };
    world.answer(slow);
    let query = async {
        loop {
            // A poll may hold the slot at that moment.
            let reply = world.bff.ask("{ slow { value } }").await;
            if reply.errors().is_empty() {
                return;
            }
        }
    };
    let until_two = async |mut socket: Socket| {
        loop {
            // The first answer may come from the moment before the change.
            let event = socket.next().await;
            assert_eq!(code(&event), "", "{event}");
            if values(&event).0 == json!(2) {
                return;
            }
        }
    };
    let late = async {
        world.until_asked("/slow", 1).await;
        until_two(world.subscribed(r#"subscription { reading(id: "1") { id value } }"#).await).await;
    };
    tokio::join!(query, late, until_two(early));
}

/// The SDL of the meter without its units, which belong to another service.
const METER: &str = r#"
extend schema
  @link(url: "https://bespoke.example/connect/v1", import: ["@source", "@connect", "@poll"])
  @link(url: "https://specs.apollo.dev/federation/v2.5", import: ["@key"])
  @source(name: "meter")
type Query { reading(id: ID!): Reading @connect(http: { GET: "/readings/{$args.id}" }, selection: "value unit { id }") }
type Subscription {
  reading(id: ID!): Reading
    @connect(http: { GET: "/readings/{$args.id}" }, selection: "value unit { id }")
    @poll(every: "100ms")
}
type Reading { value: Int! unit: Unit }
type Unit @key(fields: "id") { id: ID! }
"#;

const UNITS: &str = r#"
extend schema
  @link(url: "https://bespoke.example/connect/v1", import: ["@source", "@connect"])
  @link(url: "https://specs.apollo.dev/federation/v2.5", import: ["@key"])
  @source(name: "units")
type Query { slow: Unit @connect(http: { GET: "/slow" }, selection: "id name") }
type Unit @key(fields: "id") @connect(http: { GET: "/units", queryParams: "id: $batch.id" }, batch: { key: "id", maxSize: 9 }) {
  id: ID!
  name: String!
}
"#;

const METER_AND_UNITS: &str = "
type Query { reading(id: ID!): Reading slow: Unit }
type Subscription { reading(id: ID!): Reading }
type Reading { value: Int! unit: Unit }
type Unit { id: ID! name: String! }
";

#[tokio::test]
async fn a_joined_call_that_is_held_back_is_no_event_for_as_long_as_it_lasts() {
    let setup = Setup::default().uncached().configure(|config| {
        let units = config.services.entry("units".to_owned()).or_default();
        (units.max_in_flight, units.max_waiting, units.timeout) = (NonZeroU32::MIN, 0, Duration::from_secs(4));
    });
    let world = World::of(&[("meter", METER), ("units", UNITS)], METER_AND_UNITS, setup, meter(1, "kWh")).await;
    let mut socket = world.subscribed(r#"subscription { reading(id: "1") { value unit { name } } }"#).await;
    assert_eq!(values(&socket.next().await), (json!(1), json!("kWh")));
    // A query holds the only slot of the service of units for twenty polls, and the root changes meanwhile.
    let slow = |value| {
        move |request: &SeenRequest| match request.target.as_str() {
            "/slow" => Reply::json(r#"{"id":7,"name":"kWh"}"#).after(Duration::from_secs(2)),
            _ => meter(value, "kWh")(request),
        }
    };
    world.answer(slow(1));
    let change = async {
        world.until_asked("/slow", 1).await;
        world.answer(slow(2));
        world.until_asked("/readings", 8).await;
    };
    let (query, ()) = tokio::join!(world.bff.ask("{ slow { name } }"), change);
    assert_eq!(query.errors(), [] as [Value; 0]);
    let event = socket.next().await;
    assert_eq!((values(&event), code(&event)), ((json!(2), json!("kWh")), String::new()));
    assert_eq!(world.asked("/units"), 2, "no other call was sent");
    let page = world.bff.metrics();
    assert!(page.contains("reason=\"refused\""), "{page}");
}

#[tokio::test]
async fn polls_are_counted_as_calls_when_they_happen() {
    let world = World::start(Setup::default(), meter(1, "kWh")).await;
    let mut sockets = [world.subscribed(ALONE).await, world.subscribed(ALONE).await];
    for socket in &mut sockets {
        socket.next().await;
    }
    world.until_asked("/readings", 3).await;
    let page = world.bff.metrics();
    let count = |name: &str| -> u64 {
        let lines = page.lines().filter(|line| line.starts_with(name));
        lines.filter_map(|line| line.rsplit_once(' ')?.1.parse::<u64>().ok()).sum()
    };
    let polls = count("bespoke_subscription_polls_total");
    assert!(polls >= 3, "{page}");
    assert_eq!(count("bespoke_upstream_calls_total{service=\"meter\""), polls, "{page}");
    assert_eq!(count("bespoke_subscription_events_total"), 2, "{page}");
}
