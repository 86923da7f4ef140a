//! Tests of subscriptions over real sockets, by WebSocket and by server-sent events: their starts, their ends and their
//! limits.

use crate::harness::{Bff, Setup};
use crate::incremental::{merge, multipart};
use bespoke::internals::engine::Client;
use bespoke::internals::project::Files;
use demo::{Shop, ShopOptions};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use testkit::faulty::{Faulty, Reply};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

const PROTOCOL: Option<&str> = Some("graphql-transport-ws");
const PATIENCE: Duration = Duration::from_secs(15);

const SDL: &str = r#"
extend schema
  @link(url: "https://bespoke.example/connect/v1", import: ["@source", "@connect", "@poll"])
  @source(name: "meter", http: { headers: [{ name: "authorization", from: "authorization" }] })
type Query { reading: Reading @connect(http: { GET: "/reading" }, selection: "value unit { id }") }
type Subscription {
  reading: Reading @connect(http: { GET: "/reading" }, selection: "value unit { id }") @poll(every: "100ms")
}
type Mutation { reset: Reading @connect(http: { POST: "/reset" }, selection: "value unit { id }") }
type Reading { value: Int! unit: Unit }
type Unit @key(fields: "id") @connect(http: { GET: "/units", queryParams: "id: $batch.id" }, batch: { key: "id", maxSize: 9 }) {
  id: ID!
  name: String!
}
extend schema @link(url: "https://specs.apollo.dev/federation/v2.5", import: ["@key"])
"#;

/// The client's schema of the meter.
pub(crate) const CLIENT: &str = "
type Query { reading: Reading }
type Subscription { reading: Reading }
type Mutation { reset: Reading }
type Reading { value: Int! unit: Unit }
type Unit { id: ID! name: String! }
";

/// A meter that shows the value that a test sets, and the BFF in front of it.
pub(crate) struct Meter {
    pub(crate) bff: Bff,
    service: Faulty,
    value: Arc<AtomicUsize>,
}

impl Meter {
    pub(crate) async fn start(config: &str) -> Self {
        let value = Arc::new(AtomicUsize::new(1));
        let shown = Arc::clone(&value);
        let service = Faulty::start(move |request| match request.target.as_str() {
            "/reading" => {
                let value = shown.load(Ordering::SeqCst);
                Reply::json(&json!({ "value": value, "unit": { "id": 7 } }).to_string())
            }
            _ => Reply::json(r#"[{"id":7,"name":"kWh"}]"#),
        });
        let service = service.await.unwrap();
        let mut files = Files::default();
        files.insert("schema/services/meter.graphql", SDL);
        files.insert("schema/app.graphql", CLIENT);
        files.insert("bespoke.yaml", config);
        let setup = Setup::default().url("meter", service.base_url()).deadline(Duration::from_secs(5));
        Self { bff: Bff::start(Client::new("app", files), setup).await, service, value }
    }

    pub(crate) fn show(&self, value: usize) {
        self.value.store(value, Ordering::SeqCst);
    }

    fn polls(&self) -> usize {
        self.service.requests().iter().filter(|request| request.target == "/reading").count()
    }

    /// Waits until the meter has received `more` more requests.
    async fn polled(&self, more: usize) {
        let until = self.polls() + more;
        let polled = async {
            while self.polls() < until {
                self.service.until_requests(self.service.requests().len() + 1).await;
            }
        };
        tokio::time::timeout(PATIENCE, polled).await.expect("polls");
    }

    /// Asserts that no more requests come to the meter.
    pub(crate) async fn is_quiet(&self) {
        for _ in 0..50 {
            let before = self.polls();
            tokio::time::sleep(Duration::from_millis(300)).await;
            if self.polls() == before {
                return;
            }
        }
        panic!("still polled");
    }
}

pub(crate) struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    async fn try_open(bff: &Bff, protocol: Option<&str>, headers: &[(&str, &str)]) -> Result<Self, Error> {
        Self::try_open_at(bff.url(), protocol, headers).await
    }

    async fn try_open_at(url: &str, protocol: Option<&str>, headers: &[(&str, &str)]) -> Result<Self, Error> {
        let mut request = url.replace("http://", "ws://").into_client_request().unwrap();
        if let Some(protocol) = protocol {
            request.headers_mut().insert("sec-websocket-protocol", protocol.parse().unwrap());
        }
        for (name, value) in headers {
            let name: http::HeaderName = name.parse().unwrap();
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        connect_async(request).await.map(|(socket, _)| Self(socket))
    }

    async fn open(bff: &Bff) -> Self {
        Self::try_open(bff, PROTOCOL, &[]).await.unwrap()
    }

    /// Opens a socket at a BFF and waits for the acknowledgement.
    pub(crate) async fn ready(bff: &Bff, payload: Value) -> Self {
        Self::ready_at(bff.url(), payload).await
    }

    /// Opens a socket at an address and waits for the acknowledgement.
    pub(crate) async fn ready_at(url: &str, payload: Value) -> Self {
        let mut socket = Self::try_open_at(url, PROTOCOL, &[]).await.unwrap();
        socket.send(json!({ "type": "connection_init", "payload": payload })).await;
        assert_eq!(socket.next().await, json!({ "type": "connection_ack" }));
        socket
    }

    pub(crate) async fn send(&mut self, message: Value) {
        self.0.send(Message::text(message.to_string())).await.unwrap();
    }

    pub(crate) async fn subscribe(&mut self, id: &str, query: &str) {
        self.send(json!({ "id": id, "type": "subscribe", "payload": { "query": query } })).await;
    }

    pub(crate) async fn frame(&mut self) -> Option<Message> {
        loop {
            match tokio::time::timeout(PATIENCE, self.0.next()).await.expect("a message") {
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(frame)) => return Some(frame),
                Some(Err(_)) | None => return None,
            }
        }
    }

    /// The next message, without the members that differ from run to run.
    pub(crate) async fn next(&mut self) -> Value {
        let frame = self.frame().await.expect("a message");
        let mut message: Value = serde_json::from_str(frame.to_text().unwrap()).unwrap_or_else(|_| panic!("{frame:?}"));
        if let Some(Value::Object(payload)) = message.get_mut("payload") {
            payload.remove("extensions");
        }
        message
    }

    /// The code with which the server closes the socket.
    pub(crate) async fn close_code(&mut self) -> u16 {
        loop {
            match self.frame().await {
                Some(Message::Close(Some(frame))) => return frame.code.into(),
                Some(Message::Text(_)) => {}
                other => panic!("no close: {other:?}"),
            }
        }
    }
}

pub(crate) const READING: &str = "subscription { reading { value unit { name } } }";

fn reading(id: &str, value: usize) -> Value {
    json!({ "id": id, "type": "next", "payload": { "data": { "reading": { "value": value, "unit": { "name": "kWh" } } } } })
}

#[tokio::test]
async fn an_event_comes_at_once_and_then_with_each_change() {
    let meter = Meter::start("server: { port: 0 }").await;
    let mut socket = Socket::ready(&meter.bff, json!({})).await;
    socket.subscribe("a", READING).await;
    assert_eq!(socket.next().await, reading("a", 1));
    // Equal answers are not events: the next message is the next change.
    meter.polled(3).await;
    meter.show(2);
    assert_eq!(socket.next().await, reading("a", 2));
    // `complete` stops the polling, and nothing comes after it.
    socket.send(json!({ "id": "a", "type": "complete" })).await;
    meter.is_quiet().await;
    meter.show(3);
    socket.send(json!({ "type": "ping", "payload": { "n": 1 } })).await;
    assert_eq!(socket.next().await, json!({ "type": "pong", "payload": { "n": 1 } }));
    // The id may be used again.
    socket.subscribe("a", READING).await;
    assert_eq!(socket.next().await, reading("a", 3));
    drop(socket);
    meter.is_quiet().await;
}

#[tokio::test]
async fn events_and_gets_hold_nothing_that_needs_a_caller_who_is_signed_in() {
    let service = Faulty::start(|_| Reply::json(r#"{"value":424242,"unit":{"id":"canary"}}"#)).await.unwrap();
    let sdl = SDL
        .replace("import: [\"@key\"]", "import: [\"@key\", \"@authenticated\"]")
        .replace("value: Int! unit", "value: Secret unit")
        .replace("type Unit @key", "scalar Secret @authenticated\ntype Unit @authenticated @key");
    let mut files = Files::default();
    files.insert("schema/services/meter.graphql", &*sdl);
    files.insert("schema/app.graphql", CLIENT.replace("value: Int!", "value: Secret") + "scalar Secret");
    files.insert("bespoke.yaml", "server: { port: 0 }");
    let bff = Bff::start(Client::new("app", files), Setup::default().url("meter", service.base_url())).await;
    let mut socket = Socket::ready(&bff, json!({})).await;
    socket.subscribe("a", "subscription { reading { value unit { id } } }").await;
    let event = socket.next().await.to_string();
    let url = format!("{}?query={{reading{{value%20unit{{id}}}}}}", bff.url());
    let request = reqwest::Client::new().get(url).header("accept", "application/graphql-response+json");
    let got = request.send().await.unwrap().text().await.unwrap();
    let posted = bff.ask("{ reading { value unit { id } } }").await;
    let shown = [event, got, format!("{:?} {:?}", posted.data(), posted.errors())];
    for text in shown {
        assert_eq!(text.matches("UNAUTHENTICATED").count(), 2, "{text}");
        assert!(!text.contains("424242") && !text.contains("canary"), "{text}");
    }
}

#[tokio::test]
async fn a_message_that_is_too_large_ends_the_connection() {
    let meter = Meter::start("server: { port: 0 }").await;
    let ping = |bytes: usize| {
        let around = json!({ "type": "ping", "payload": { "a": "" } }).to_string().len();
        json!({ "type": "ping", "payload": { "a": "x".repeat(bytes - around) } })
    };
    let mut socket = Socket::ready(&meter.bff, json!({})).await;
    socket.send(ping(65_536)).await;
    assert_eq!(socket.next().await["type"], "pong");
    socket.send(ping(65_537)).await;
    assert_eq!(socket.close_code().await, 1009);
}

#[tokio::test]
async fn a_failing_service_is_an_event_and_so_is_its_return() {
    let failing = Arc::new(AtomicUsize::new(0));
    let is_failing = Arc::clone(&failing);
    let service = Faulty::start(move |_| match is_failing.load(Ordering::SeqCst) {
        0 => Reply::json(r#"{"value":1}"#),
        _ => Reply::empty(500),
    });
    let service = service.await.unwrap();
    let mut files = Files::default();
    files.insert("schema/services/meter.graphql", SDL);
    files.insert("schema/app.graphql", CLIENT);
    files.insert("bespoke.yaml", "server: { port: 0 }");
    let bff = Bff::start(Client::new("app", files), Setup::default().url("meter", service.base_url())).await;
    let mut socket = Socket::ready(&bff, json!({})).await;
    socket.subscribe("a", "subscription { reading { value } }").await;
    assert_eq!(socket.next().await["payload"]["data"]["reading"]["value"], 1);
    failing.store(1, Ordering::SeqCst);
    let failed = socket.next().await;
    assert_eq!(failed["payload"]["data"]["reading"], Value::Null);
    assert_eq!(failed["payload"]["errors"][0]["extensions"]["code"], "UPSTREAM_STATUS", "{failed}");
    failing.store(0, Ordering::SeqCst);
    assert_eq!(socket.next().await["payload"]["data"]["reading"]["value"], 1);
}

#[tokio::test]
async fn equal_subscriptions_share_their_polls() {
    let meter = Meter::start("server: { port: 0 }").await;
    let mut sockets = Vec::new();
    for _ in 0..4 {
        let mut socket = Socket::ready(&meter.bff, json!({})).await;
        socket.subscribe("a", "subscription { reading { value } }").await;
        assert_eq!(socket.next().await["payload"]["data"]["reading"]["value"], 1);
        sockets.push(socket);
    }
    meter.polled(1).await;
    let (before, started) = (meter.polls(), std::time::Instant::now());
    meter.polled(6).await;
    let (made, elapsed) = (meter.polls() - before, started.elapsed());
    let alone = elapsed.as_millis() as usize / 100 + 1;
    assert!(made < alone * 3, "{made} polls of 4 subscribers in {elapsed:?}; one alone makes {alone}");
}

#[tokio::test]
async fn queries_go_over_the_socket_too() {
    let shop = Shop::start(ShopOptions::default());
    let bff = Bff::web(&shop).await;
    let bearer = shop.bearer("123");
    let mut socket = Socket::ready(&bff, json!({ "Authorization": bearer })).await;
    socket.subscribe("me", "{ me { id } }").await;
    assert_eq!(socket.next().await["payload"]["data"]["me"]["id"], "123");
    assert_eq!(socket.next().await, json!({ "id": "me", "type": "complete" }));
    socket.subscribe("add", "mutation { addToCart(productId: 1) { lines { quantity } } }").await;
    assert!(socket.next().await["payload"]["data"]["addToCart"]["lines"].is_array());
    assert_eq!(socket.next().await["type"], "complete");
    socket.subscribe("bad", "{ nope }").await;
    let error = socket.next().await;
    assert_eq!(
        (&error["type"], &error["payload"][0]["extensions"]["code"]),
        (&json!("error"), &json!("GRAPHQL_VALIDATION_FAILED"))
    );
    // Deferred fragments come as further `next` messages.
    socket.subscribe("later", r#"{ product(id: "1") { name ... @defer { inStock } } }"#).await;
    let mut parts = Vec::new();
    loop {
        let message = socket.next().await;
        if message["type"] == "complete" {
            break;
        }
        parts.push(message["payload"].clone());
    }
    let merged = merge(&parts);
    assert!(parts.len() > 1 && merged["data"]["product"]["inStock"].is_boolean(), "{parts:#?}");
}

#[tokio::test]
async fn the_protocols_errors_close_with_the_protocols_codes() {
    let shop = Shop::start(ShopOptions::default());
    let bff = Bff::web(&shop).await;
    let init = || json!({ "type": "connection_init" });
    let subscribe = || json!({ "id": "a", "type": "subscribe", "payload": { "query": "subscription { orderStatusChanged(id: 1) { id } }" } });
    for (messages, code) in [
        (vec![json!("what?")], 4400),
        (vec![json!({ "type": "start" })], 4400),
        (vec![init(), json!({ "id": "a", "type": "subscribe" })], 4400),
        (vec![init(), json!({ "id": "", "type": "complete" })], 4400),
        (vec![subscribe()], 4401),
        (vec![init(), subscribe(), subscribe()], 4409),
        (vec![init(), init()], 4429),
        (vec![json!({ "type": "connection_init", "payload": { "authorization": "Bearer nonsense" } })], 4403),
        (vec![json!({ "type": "connection_init", "payload": { "authorization": 1 } })], 4403),
        (vec![], 4408),
    ] {
        let mut socket = Socket::open(&bff).await;
        for message in &messages {
            socket.send(message.clone()).await;
        }
        assert_eq!(socket.close_code().await, code, "{messages:?}");
    }
    let mut socket = Socket::try_open(&bff, None, &[]).await.unwrap();
    assert_eq!(socket.close_code().await, 4406);
}

#[tokio::test]
async fn a_close_of_the_client_is_answered() {
    let meter = Meter::start("server: { port: 0 }").await;
    let mut socket = Socket::ready(&meter.bff, json!({})).await;
    socket.0.close(None).await.unwrap();
    assert!(matches!(socket.frame().await, Some(Message::Close(_))), "no answer");
}

#[tokio::test]
async fn a_page_of_another_origin_opens_no_socket() {
    let meter = Meter::start("server: { cors: [\"https://shop.example\"] }").await;
    let own = meter.bff.url().trim_end_matches("/graphql").to_owned();
    for (origin, is_open) in [("https://evil.example", false), ("https://shop.example", true), (own.as_str(), true)] {
        let opened = Socket::try_open(&meter.bff, PROTOCOL, &[("origin", origin)]).await;
        assert_eq!(opened.is_ok(), is_open, "{origin}");
        if let Err(Error::Http(response)) = opened {
            assert_eq!(response.status(), 403);
        }
    }
}

#[tokio::test]
async fn subscriptions_are_bounded_per_socket_and_per_process() {
    let meter = Meter::start("server: { max_subscriptions: 3, max_operations_per_socket: 2 }").await;
    let mut first = Socket::ready(&meter.bff, json!({})).await;
    for id in ["a", "b"] {
        first.subscribe(id, READING).await;
        assert_eq!(first.next().await, reading(id, 1));
    }
    first.subscribe("c", READING).await;
    assert_eq!(first.next().await["payload"][0]["extensions"]["code"], "OVERLOADED");
    let mut second = Socket::ready(&meter.bff, json!({})).await;
    second.subscribe("a", READING).await;
    assert_eq!(second.next().await, reading("a", 1));
    second.subscribe("b", READING).await;
    assert_eq!(second.next().await["payload"][0]["extensions"]["code"], "OVERLOADED");
    assert_eq!(listen(&meter.bff, READING, &[]).await.status(), 503);
    // A place is free as soon as a subscriber has left.
    drop(first);
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while listen(&meter.bff, READING, &[]).await.status() != 200 {
        assert!(tokio::time::Instant::now() < deadline, "no place became free");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

pub(crate) async fn listen(bff: &Bff, query: &str, headers: &[(&str, &str)]) -> reqwest::Response {
    let body = json!({ "query": query }).to_string();
    let request = reqwest::Client::new().post(bff.url()).header("content-type", "application/json");
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let request = if headers.iter().any(|(name, _)| *name == "accept") {
        request
    } else {
        request.header("accept", "text/event-stream")
    };
    request.body(body).send().await.unwrap()
}

/// The next chunk of an event stream that is not a keep-alive.
pub(crate) async fn event(response: &mut reqwest::Response) -> Option<String> {
    loop {
        let chunk =
            tokio::time::timeout(Duration::from_secs(30), response.chunk()).await.expect("an event").unwrap()?;
        let text = String::from_utf8(chunk.to_vec()).unwrap();
        if text != ":\n\n" {
            return Some(text);
        }
    }
}

#[tokio::test]
async fn events_come_as_server_sent_events() {
    let meter = Meter::start("server: { port: 0 }").await;
    let mut response = listen(&meter.bff, READING, &[]).await;
    assert_eq!(response.headers()["content-type"], "text/event-stream; charset=utf-8");
    let first = event(&mut response).await.unwrap();
    assert!(
        first.starts_with("event: next\ndata: {\"data\":{\"reading\":{\"value\":1,") && first.ends_with("\n\n"),
        "{first}"
    );
    meter.show(2);
    let second = event(&mut response).await.unwrap();
    assert!(second.contains("\"value\":2"), "{second}");
    // Once the client has left, the service is not polled any more.
    drop(response);
    meter.is_quiet().await;
}

/// Requests an event stream by GET, as `EventSource` does in a browser.
async fn open_source(bff: &Bff, query: &str, origin: Option<&str>) -> reqwest::Response {
    let mut url = reqwest::Url::parse(bff.url()).unwrap();
    url.query_pairs_mut().append_pair("query", query);
    let request =
        reqwest::Client::new().get(url).header("accept", "text/event-stream").header("cache-control", "no-cache");
    let request = origin.into_iter().fold(request, |request, origin| request.header("origin", origin));
    request.send().await.unwrap()
}

#[tokio::test]
async fn event_sources_of_browsers_get_events_by_get() {
    let meter = Meter::start("server: { port: 0, cors: ['https://shop.example'] }").await;
    let mut response = open_source(&meter.bff, READING, None).await;
    assert_eq!((response.status().as_u16(), &response.headers()["cache-control"]), (200, &"no-store".parse().unwrap()));
    assert_eq!(response.headers()["content-type"], "text/event-stream; charset=utf-8");
    assert!(event(&mut response).await.unwrap().contains("\"value\":1"));
    meter.show(2);
    assert!(event(&mut response).await.unwrap().contains("\"value\":2"));
    drop(response);
    meter.is_quiet().await;

    // A query is answered with one event.
    let response = open_source(&meter.bff, "{ reading { value } }", None).await;
    let text = response.text().await.unwrap();
    assert!(
        text.starts_with("event: next\ndata: {\"data\":{\"reading\":{\"value\":2}}")
            && text.ends_with("event: complete\ndata:\n\n"),
        "{text}"
    );
    // A request error is sent as an event, and ends the stream.
    let text = open_source(&meter.bff, "subscription { nope }", None).await.text().await.unwrap();
    assert!(
        text.starts_with("event: next\ndata: {\"errors\"") && text.ends_with("event: complete\ndata:\n\n"),
        "{text}"
    );

    // Links and pages of other sites can neither write nor subscribe.
    let asked = meter.service.requests().len();
    let refused = open_source(&meter.bff, "mutation { reset { value } }", None).await;
    assert_eq!((refused.status().as_u16(), &refused.headers()["allow"]), (405, &"POST".parse().unwrap()));
    for (origin, status) in [("https://evil.example", 403), ("null", 403)] {
        let refused = open_source(&meter.bff, READING, Some(origin)).await;
        assert_eq!(refused.status().as_u16(), status, "{origin}");
        assert!(refused.text().await.unwrap().contains("ORIGIN_NOT_ALLOWED"), "{origin}");
    }
    assert_eq!(meter.service.requests().len(), asked, "nobody was asked");
    let own = meter.bff.url().strip_suffix("/graphql").unwrap().to_owned();
    for origin in ["https://shop.example", &own] {
        let mut response = open_source(&meter.bff, READING, Some(origin)).await;
        assert!(event(&mut response).await.unwrap().contains("\"value\":2"), "{origin}");
    }
}

#[tokio::test]
async fn roots_of_one_response_name_are_one_subscription() {
    let meter = Meter::start("server: { port: 0 }").await;
    let query =
        "subscription { reading { value } ...more } fragment more on Subscription { reading { unit { name } } }";
    let mut response = listen(&meter.bff, query, &[]).await;
    let first = event(&mut response).await.unwrap();
    assert!(first.contains(r#""reading":{"value":1,"unit":{"name":"kWh"}}"#), "{first}");
    let two = "subscription { reading { value } other: reading { value } }";
    let text = listen(&meter.bff, two, &[]).await.text().await.unwrap();
    assert!(text.contains("GRAPHQL_VALIDATION_FAILED"), "{text}");
}

/// A service may write a value over several lines. Each of these lines must be a line of the event.
#[tokio::test]
async fn values_over_several_lines_stay_within_their_event_and_their_part() {
    let service =
        Faulty::start(|_| Reply::json("{\r\n  \"id\": \"1\",\r\n  \"more\": {\n    \"a\":\r[1,\n\n2]\n  }\r\n}"))
            .await
            .unwrap();
    let mut files = Files::default();
    let link = r#"extend schema @link(url: "https://bespoke.example/connect/v1", import: ["@source", "@connect"]) @source(name: "things")"#;
    let types = "scalar JSON type Thing { id: ID! more: JSON }";
    files.insert(
        "schema/services/things.graphql",
        format!(r#"{link} {types} type Query {{ thing: Thing @connect(http: {{ GET: "/thing" }}) }}"#),
    );
    files.insert("schema/app.graphql", format!("{types} type Query {{ thing: Thing }}"));
    files.insert("bespoke.yaml", "server: { port: 0 }");
    let bff = Bff::start(Client::new("app", files), Setup::default().url("things", service.base_url())).await;
    let wanted = json!({ "thing": { "id": "1", "more": { "a": [1, 2] } } });
    let query = "{ thing { id more } }";
    let text = listen(&bff, query, &[]).await.text().await.unwrap();
    let data = text.replace("\r\n", "\n").replace('\r', "\n");
    let first = data.split("\n\n").next().unwrap();
    let data: Vec<_> = first.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
    let read: Value = serde_json::from_str(&data.join("\n")).unwrap_or_else(|error| panic!("{error}: {text}"));
    assert_eq!((&read["data"], first.lines().next()), (&wanted, Some("event: next")));
    let parts = listen(&bff, query, &[("accept", "multipart/mixed")]).await.text().await.unwrap();
    assert_eq!(multipart(&parts)[0]["data"], wanted, "{parts}");
}

#[tokio::test]
async fn who_takes_no_events_is_told_how_to_get_them() {
    let meter = Meter::start("server: { port: 0 }").await;
    let reply = meter.bff.ask(READING).await;
    assert_eq!((reply.status, &reply.errors()[0]["extensions"]["code"]), (400, &json!("NOT_SUPPORTED")));
    let response = listen(&meter.bff, READING, &[("accept", "multipart/mixed")]).await;
    let parts = multipart(&response.text().await.unwrap());
    assert_eq!(parts[0]["errors"][0]["extensions"]["code"], "NOT_SUPPORTED");
    assert_eq!(meter.polls(), 0);
}

#[tokio::test]
async fn a_subscription_ends_with_the_callers_token() {
    let shop = Shop::start(ShopOptions::default());
    let bff = Bff::web(&shop).await;
    let bearer = format!("Bearer {}", shop.key_pair().mint("123", Duration::from_secs(3)).unwrap());
    let query = "subscription { orderStatusChanged(id: 1) { id } }";
    let mut socket = Socket::ready(&bff, json!({ "authorization": bearer })).await;
    socket.subscribe("a", query).await;
    assert_eq!(socket.next().await["payload"]["data"]["orderStatusChanged"]["id"], "1");
    let mut response = listen(&bff, query, &[("authorization", &bearer)]).await;
    assert!(event(&mut response).await.unwrap().contains("\"data\""));
    let last = event(&mut response).await.unwrap();
    assert!(last.contains("UNAUTHENTICATED") && last.ends_with("event: complete\ndata:\n\n"), "{last}");
    assert_eq!(socket.close_code().await, 4403);
}

#[tokio::test]
async fn an_order_on_its_way_is_watched_by_both_clients() {
    let shop = Shop::start(ShopOptions::default());
    let (web, mobile) = (Bff::web(&shop).await, Bff::mobile(&shop).await);
    let place = r#"mutation { placeOrder(key: "k", payBy: CARD, lines: [{ productId: 1, quantity: 1 }]) { ... on Order { id } } }"#;
    let placed = web.send(place, json!({}), Some(&shop.bearer("123"))).await;
    let id = placed.data()["placeOrder"]["id"].as_str().unwrap_or_else(|| panic!("{}", placed.text)).to_owned();
    let mut of_web = Socket::ready(&web, json!({})).await;
    of_web
        .subscribe("w", &format!("subscription {{ orderStatusChanged(id: {id}) {{ status user {{ name }} }} }}"))
        .await;
    let mut of_mobile = Socket::ready(&mobile, json!({})).await;
    of_mobile.subscribe("m", &format!("subscription {{ trackerMoved(orderId: {id}) {{ state things }} }}")).await;
    for (status, state) in [("PAID", "PAID"), ("SHIPPED", "ON_THE_WAY"), ("DELIVERED", "DELIVERED")] {
        assert_eq!(of_web.next().await["payload"]["data"]["orderStatusChanged"]["status"], status);
        let moved = of_mobile.next().await;
        assert_eq!(moved["payload"]["data"]["trackerMoved"]["state"], state);
        assert_eq!(moved["payload"]["data"]["trackerMoved"]["things"].as_array().map(Vec::len), Some(1));
        if status != "DELIVERED" {
            let advance = format!("{}/orders/{id}/advance", shop.url("orders"));
            assert_eq!(reqwest::Client::new().post(advance).send().await.unwrap().status(), 200);
        }
    }
}
