//! Tests of the ends that a BFF gives to streams at a stop and at a reload: clients can come back, and no write is lost
//! or sent twice.

use crate::harness::{Bff, Setup};
use crate::subscriptions::{CLIENT, Socket, event, listen};
use bespoke::internals::engine::Client;
use bespoke::internals::project::Files;
use demo::{Shop, ShopOptions};
use futures_util::future::join_all;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use testkit::faulty::{Faulty, Reply};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, interval, timeout};
use tokio_tungstenite::tungstenite::Message;

const PATIENCE: Duration = Duration::from_secs(30);

/// The delay of the slow answers of the service.
const WORK: Duration = Duration::from_millis(700);

const SDL: &str = r#"
extend schema @link(url: "https://specs.apollo.dev/federation/v2.5", import: ["@key"])
  @link(url: "https://bespoke.example/connect/v1", import: ["@source", "@connect", "@poll"])
  @source(name: "meter")
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
"#;

const WATCH: &str = "subscription { reading { value } }";
const RESET: &str = "mutation { reset { value } }";
const LATER: &str = "{ reading { value ... @defer { unit { name } } } }";

/// A service with a meter. It answers writes and requests for units slowly.
struct Meter {
    service: Faulty,
    value: Arc<AtomicUsize>,
}

impl Meter {
    async fn start() -> Self {
        let value = Arc::new(AtomicUsize::new(1));
        let shown = Arc::clone(&value);
        let service = Faulty::start(move |request| match request.target.as_str() {
            "/reading" => {
                Reply::json(&json!({ "value": shown.load(Ordering::SeqCst), "unit": { "id": 7 } }).to_string())
            }
            "/reset" => Reply::json(r#"{"value":0,"unit":{"id":7}}"#).after(WORK),
            _ => Reply::json(r#"[{"id":7,"name":"kWh"}]"#).after(WORK),
        });
        Self { service: service.await.unwrap(), value }
    }

    fn setup(&self) -> Setup {
        Setup::default().url("meter", self.service.base_url()).deadline(Duration::from_secs(20)).uncached()
    }

    async fn bff(&self) -> Bff {
        Bff::start(client(), self.setup()).await
    }

    fn asked(&self, target: &str) -> usize {
        self.service.requests().iter().filter(|request| request.target.starts_with(target)).count()
    }

    /// Waits until the service has received `count` requests for `target`.
    async fn until_asked(&self, target: &str, count: usize) {
        let asked = async {
            while self.asked(target) < count {
                self.service.until_requests(self.service.requests().len() + 1).await;
            }
        };
        timeout(PATIENCE, asked).await.unwrap_or_else(|_| panic!("{target} was not asked {count} times"));
    }
}

fn client() -> Client {
    let mut files = Files::default();
    files.insert("schema/services/meter.graphql", SDL);
    files.insert("schema/app.graphql", CLIENT);
    files.insert("bespoke.yaml", "server: { port: 0 }");
    Client::new("app", files)
}

/// Subscribes over a WebSocket, and reads the first event.
async fn watch(bff: &Bff) -> Socket {
    let mut socket = Socket::ready(bff, json!({})).await;
    socket.subscribe("watch", WATCH).await;
    assert!(socket.next().await["payload"]["data"]["reading"]["value"].is_u64());
    socket
}

/// Subscribes over an event stream, and reads the first event.
async fn watch_events(bff: &Bff) -> reqwest::Response {
    let mut response = listen(bff, WATCH, &[]).await;
    assert!(event(&mut response).await.expect("an event").contains("\"value\":"));
    response
}

/// The rest of an event stream, which must end in order.
async fn rest(response: &mut reqwest::Response) -> String {
    let mut rest = String::new();
    while let Some(text) = event(response).await {
        rest += &text;
    }
    rest
}

/// All messages to the operations of a socket in order, and the code with which the server closes it.
pub(crate) async fn messages(socket: &mut Socket) -> (Vec<Value>, u16) {
    let mut messages = Vec::new();
    loop {
        match socket.frame().await {
            Some(Message::Text(text)) => messages.push(serde_json::from_str(&text).unwrap()),
            Some(Message::Close(Some(frame))) => return (messages, frame.code.into()),
            other => panic!("no close: {other:?} after {messages:#?}"),
        }
    }
}

fn of<'m>(messages: &'m [Value], id: &str) -> Vec<&'m Value> {
    messages.iter().filter(|message| message["id"] == id).collect()
}

/// Waits until the BFF has only one engine.
async fn until_one_engine(bff: &Bff) {
    let one = async {
        let mut pause = interval(Duration::from_millis(10));
        while bff.engines() > 1 {
            pause.tick().await;
        }
    };
    timeout(PATIENCE, one).await.unwrap_or_else(|_| panic!("{} engines are alive", bff.engines()));
}

#[tokio::test]
async fn a_stop_ends_subscriptions_so_that_their_clients_come_back() {
    let meter = Meter::start().await;
    let bff = meter.bff().await;
    let (mut socket, mut events) = (watch(&bff).await, watch_events(&bff).await);
    let (_, code, rest) = tokio::join!(bff.stop(), socket.close_code(), rest(&mut events));
    // There is no `complete`, because it would tell the client that the subscription has no more events.
    assert_eq!((code, rest.as_str()), (1001, ""));
}

#[tokio::test]
async fn what_is_no_subscription_is_answered_before_a_stop_ends_it() {
    let meter = Meter::start().await;
    let bff = meter.bff().await;
    let mut socket = watch(&bff).await;
    let mut later = listen(&bff, LATER, &[]).await;
    let parts = listen(&bff, LATER, &[("accept", "multipart/mixed")]).await;
    socket.subscribe("later", LATER).await;
    socket.subscribe("reset", RESET).await;
    meter.until_asked("/reset", 1).await;
    let url = bff.url().to_owned();
    let on_the_socket = async {
        // Once no connection is accepted, the streams have been told to end.
        while reqwest::get(&url).await.is_ok() {
            tokio::task::yield_now().await;
        }
        socket.subscribe("too late", RESET).await;
        messages(&mut socket).await
    };
    let (_, (messages, code), later, parts) = tokio::join!(bff.stop(), on_the_socket, rest(&mut later), parts.text());
    assert_eq!(code, 1001);
    let reset = of(&messages, "reset");
    assert_eq!((reset.len(), &reset[0]["payload"]["data"]["reset"]["value"]), (2, &json!(0)), "{messages:#?}");
    assert_eq!(reset[1]["type"], "complete");
    let on_socket = of(&messages, "later");
    assert_eq!(on_socket.last().expect("messages")["type"], "complete");
    for text in [serde_json::to_string(&on_socket).unwrap(), later.clone(), parts.unwrap()] {
        assert!(text.contains("kWh"), "{text}");
    }
    assert!(later.ends_with("event: complete\ndata:\n\n"), "{later}");
    // The operation is not started, so that the client can send it to another instance.
    assert!(of(&messages, "too late").is_empty() && of(&messages, "watch").is_empty(), "{messages:#?}");
    assert_eq!(meter.asked("/reset"), 1);
}

/// The bytes of a request with a query. The tests read its answer up to the end of the connection.
fn query() -> String {
    let body = json!({ "query": "{ reading { value } }" }).to_string();
    let length = body.len();
    format!(
        "POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}

const UPGRADE: &str = "GET /graphql HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
    sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    sec-websocket-protocol: graphql-transport-ws\r\n\r\n";

/// Sends `request` over a connection, and returns all bytes up to the end of the connection.
async fn sent(mut stream: TcpStream, request: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    stream.write_all(request.as_bytes()).await.unwrap();
    timeout(PATIENCE, stream.read_to_end(&mut bytes)).await.expect("an end").expect("an end in order");
    bytes
}

#[tokio::test]
async fn a_connection_that_was_just_made_may_bring_its_first_request_at_a_stop() {
    let meter = Meter::start().await;
    let bff = meter.bff().await;
    let (url, address) = (bff.url().to_owned(), bff.address());
    let connect = async || TcpStream::connect(&address).await.unwrap();
    let (asking, upgrading, silent) = (connect().await, connect().await, connect().await);
    // Connections are accepted in order, so these are accepted once a later one is answered.
    bff.ask("{ reading { value } }").await;
    let clients = async {
        while reqwest::get(&url).await.is_ok() {
            tokio::task::yield_now().await;
        }
        let query = query();
        tokio::join!(sent(asking, &query), sent(upgrading, UPGRADE), sent(silent, ""))
    };
    let (_, (answer, socket, nothing)) = tokio::join!(bff.stop(), clients);
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains(r#""value":1"#), "{answer}");
    assert!(socket.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&socket));
    // The client has not sent `connection_init`, so it is not acknowledged. It is told to connect to another instance.
    let close = [&[0x88, 12][..], &1001_u16.to_be_bytes(), b"Going away"].concat();
    assert!(socket.ends_with(&close), "{}", String::from_utf8_lossy(&socket));
    assert_eq!(nothing, b"");
}

#[tokio::test]
async fn a_connection_that_waits_to_be_accepted_at_a_stop_is_answered() {
    let meter = Meter::start().await;
    let bff = meter.bff().await;
    // Only the operating system has accepted this connection, because the task of the server shares this thread.
    let stream = std::net::TcpStream::connect(bff.address()).unwrap();
    stream.set_nonblocking(true).unwrap();
    let (stream, query) = (TcpStream::from_std(stream).unwrap(), query());
    let (_, answer) = tokio::join!(bff.stop(), sent(stream, &query));
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains(r#""value":1"#), "{answer}");
}

#[tokio::test]
async fn what_is_not_answered_in_time_is_given_up_before_the_end() {
    let meter = Meter::start().await;
    let stalled = Faulty::start(|request| match request.target.as_str() {
        "/reset" => Reply::stalled_head(),
        _ => Reply::json(r#"{"value":1,"unit":{"id":7}}"#),
    });
    let stalled = stalled.await.unwrap();
    let setup = meter.setup().url("meter", stalled.base_url()).deadline(Duration::from_secs(60));
    let bff = Bff::start(client(), setup).await;
    let mut socket = watch(&bff).await;
    socket.subscribe("reset", RESET).await;
    timeout(PATIENCE, async {
        while !stalled.requests().iter().any(|seen| seen.method == "POST") {
            tokio::task::yield_now().await
        }
    })
    .await
    .expect("the write is sent");
    let (_, (messages, code)) = tokio::join!(bff.stop_within(Duration::from_secs(1)), messages(&mut socket));
    // Clients send an operation again if it was not answered. This write must not be sent again, so it gets an error.
    let reset = of(&messages, "reset");
    assert_eq!((code, reset.len(), &reset[0]["type"]), (1001, 1, &json!("error")), "{messages:#?}");
    assert_eq!(reset[0]["payload"][0]["extensions"]["code"], "STOPPING");
}

#[tokio::test]
async fn a_reload_ends_streams_and_nothing_of_the_old_engine_lives_on() {
    let (before, after) = (Meter::start().await, Meter::start().await);
    after.value.store(2, Ordering::SeqCst);
    let bff = before.bff().await;
    let (mut socket, mut events) = (watch(&bff).await, watch_events(&bff).await);
    let mut idle = Socket::ready(&bff, json!({})).await;
    socket.subscribe("reset", RESET).await;
    before.until_asked("/reset", 1).await;
    let engine = bff.reload(&client(), after.setup());
    let ((messages, code), rest) = tokio::join!(messages(&mut socket), rest(&mut events));
    assert_eq!((code, rest.as_str()), (1012, ""));
    assert_eq!(of(&messages, "reset").len(), 2, "in flight: answered, {messages:#?}");
    until_one_engine(&bff).await;
    assert!(engine.upgrade().is_none());
    // Clients that come back, and sockets that had no subscription, use the new engine.
    let mut again = watch_events(&bff).await;
    idle.subscribe("watch", WATCH).await;
    assert_eq!(idle.next().await["payload"]["data"]["reading"]["value"], 2);
    after.value.store(3, Ordering::SeqCst);
    assert!(event(&mut again).await.expect("an event").contains("\"value\":3"));
    let polls = before.asked("/reading");
    after.until_asked("/reading", after.asked("/reading") + 5).await;
    assert_eq!(before.asked("/reading"), polls, "nobody polls the old address");
}

/// Opens four streams of each kind.
async fn open(bff: &Bff) -> (Vec<Socket>, Vec<reqwest::Response>) {
    let (mut sockets, mut streams) = (Vec::new(), Vec::new());
    for _ in 0..4 {
        sockets.push(watch(bff).await);
        streams.push(watch_events(bff).await);
    }
    (sockets, streams)
}

/// The time from the first end of a stream to the last one. Each WebSocket must be closed with `code`.
async fn ends((mut sockets, mut streams): (Vec<Socket>, Vec<reqwest::Response>), code: u16) -> Duration {
    let sockets = join_all(sockets.iter_mut().map(async |socket| {
        assert_eq!(socket.close_code().await, code);
        Instant::now()
    }));
    let streams = join_all(streams.iter_mut().map(async |stream| {
        assert_eq!(rest(stream).await, "");
        Instant::now()
    }));
    let (sockets, streams) = tokio::join!(sockets, streams);
    let ends: Vec<_> = sockets.into_iter().chain(streams).collect();
    ends.iter().max().expect("ends").duration_since(*ends.iter().min().expect("ends"))
}

#[tokio::test]
async fn the_ends_of_streams_are_spread() {
    const SPREAD: Duration = Duration::from_secs(2);
    let meter = Meter::start().await;
    let setup = || meter.setup().configure(|config| config.server.stream_drain = Some(SPREAD));
    let bff = Bff::start(client(), setup()).await;
    let streams = open(&bff).await;
    drop(bff.reload(&client(), setup()));
    let at_reload = ends(streams, 1012).await;
    let streams = open(&bff).await;
    let (_, at_stop) = tokio::join!(bff.stop_over(SPREAD), ends(streams, 1001));
    assert!(at_reload >= SPREAD / 2 && at_stop >= SPREAD / 2, "{at_reload:?}, {at_stop:?}");
}

#[tokio::test]
async fn keys_that_were_replaced_reach_open_sockets() {
    let shop = Shop::start(ShopOptions::default());
    let bff = Bff::web(&shop).await;
    let (bearer, query) = (shop.bearer("123"), "subscription { orderStatusChanged(id: 1) { id } }");
    let signed_in = async || Socket::ready(&bff, json!({ "authorization": bearer })).await;
    let (mut watching, mut idle, mut anonymous) =
        (signed_in().await, signed_in().await, Socket::ready(&bff, json!({})).await);
    for socket in [&mut watching, &mut anonymous] {
        socket.subscribe("watch", query).await;
        assert_eq!(socket.next().await["payload"]["data"]["orderStatusChanged"]["id"], "1");
    }
    // The first reload has the same key, and the second one has another key.
    drop(bff.reload(&bff_web::client(), Setup::of(&shop)));
    assert_eq!((watching.close_code().await, anonymous.close_code().await), (1012, 1012));
    idle.subscribe("me", "{ me { id } }").await;
    assert_eq!(idle.next().await["payload"]["data"]["me"]["id"], "123");
    assert_eq!(idle.next().await["type"], "complete");
    let mut watching = signed_in().await;
    watching.subscribe("watch", query).await;
    watching.next().await;
    let other = demo::keys::KeyPair::generate().unwrap();
    drop(bff.reload(&bff_web::client(), Setup::of(&shop).public_key(other.public_pem())));
    assert_eq!(watching.close_code().await, 4403);
    shop.reset_calls();
    idle.subscribe("me", "{ me { id } }").await;
    assert_eq!((idle.close_code().await, shop.total_calls()), (4403, 0));
}

#[tokio::test]
async fn a_lower_limit_counts_what_is_open() {
    let meter = Meter::start().await;
    let drain =
        |config: &mut bespoke::internals::config::Config| config.server.stream_drain = Some(Duration::from_secs(600));
    let bff = Bff::start(client(), meter.setup().configure(drain)).await;
    // The first of several streams ends at once.
    let mut streams = vec![watch_events(&bff).await];
    for _ in 0..3 {
        streams.push(watch_events(&bff).await);
    }
    let lower =
        |config: &mut bespoke::internals::config::Config| config.server.max_subscriptions = std::num::NonZeroU32::MIN;
    drop(bff.reload(&client(), meter.setup().configure(drain).configure(lower)));
    assert_eq!(rest(&mut streams[0]).await, "");
    assert_eq!(listen(&bff, WATCH, &[]).await.status(), 503);
    streams.clear();
    let room = async {
        while listen(&bff, WATCH, &[]).await.status() != 200 {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, room).await.expect("room");
}

#[tokio::test]
async fn fifty_reloads_leave_one_engine_and_as_many_calls_as_before() {
    let meter = Meter::start().await;
    let bff = meter.bff().await;
    let (mut sockets, mut streams) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        sockets.push(watch(&bff).await);
        streams.push(watch_events(&bff).await);
    }
    for value in 2..52 {
        meter.value.store(value, Ordering::SeqCst);
        drop(bff.reload(&client(), meter.setup()));
        for socket in &mut sockets {
            assert_eq!(socket.close_code().await, 1012);
            *socket = watch(&bff).await;
        }
        for stream in &mut streams {
            rest(stream).await;
            *stream = watch_events(&bff).await;
        }
    }
    until_one_engine(&bff).await;
    // All streams poll the same value and share their calls, so together they make at most three calls where one of
    // them alone makes one.
    meter.until_asked("/reading", meter.asked("/reading") + 1).await;
    let (before, began) = (meter.asked("/reading"), Instant::now());
    meter.until_asked("/reading", before + 10).await;
    let alone = usize::try_from(began.elapsed().as_millis() / 100).unwrap() + 1;
    assert!(meter.asked("/reading") - before <= alone * 3, "{} polls, {alone} alone", meter.asked("/reading") - before);
}
