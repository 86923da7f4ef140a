//! Tests of writes over real sockets: how often each is sent, which tags it invalidates and when, and what its client
//! learns.
//!
//! First there is a table of methods and faults; then come tests of writes that go on without their request, and of
//! reads after own writes.

use crate::harness::{Bff, Reply, Setup};
use crate::subscriptions::Socket;
use bespoke::internals::config::Config;
use bespoke::internals::engine::Client;
use bespoke::internals::project::Files;
use serde_json::{Value, json};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use testkit::faulty::{Faulty, Reply as Does, SeenRequest};
use tokio::task::JoinSet;

const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

const LINK: &str = r#"extend schema
  @link(url: "https://bespoke.example/connect/v1", import: ["@source", "@connect", "@cache", "@invalidates"])"#;

const CLIENT: &str = "type Query { item(id: ID!): Item stall: Int }
type Mutation {
  get(id: ID!): Item post(id: ID!): Item put(id: ID!): Item patch(id: ID!): Item delete(id: ID!): Item
  move(id: ID!): Move lost(id: ID!): Lost
}
union Move = Item | Moved
type Moved { value: Int! }
type Item { id: ID! value: Int! }
type Lost { value: Int! }
";

/// The SDL of the service, which has items that are cached for long, and a write with each method.
fn shop_sdl() -> String {
    let write = |field: &str, method: &str| {
        format!(
            r#"  {field}(id: ID!): Item
    @connect(http: {{ {method}: "/write/{{$args.id}}" }}, selection: "id value") @invalidates(tags: ["item:{{$args.id}}"])
"#
        )
    };
    let fields: String = METHODS.iter().map(|method| write(&method.to_lowercase(), method)).collect();
    let moves = r#"  move(id: ID!): Move
    @connect(http: { POST: "/write/{$args.id}" }, on: [
      { status: "200", as: "Item", selection: "id value" }
      { status: "303", as: "Moved", selection: "value: $(303)" }]) @invalidates(tags: ["item:{$args.id}"])
"#;
    format!(
        r#"{LINK} @source(name: "shop")
type Query {{
  item(id: ID!): Item @connect(http: {{ GET: "/items/{{$args.id}}" }}, selection: "id value")
    @cache(maxAge: 600, tags: ["item:{{$args.id}}"])
  stall: Int @connect(http: {{ GET: "/stall" }}, selection: "$.value")
}}
type Mutation {{
{fields}{moves}}}
type Item {{ id: ID! value: Int! }}
type Moved {{ value: Int! }}
union Move = Item | Moved
"#
    )
}

/// The SDL of another service, which writes to the same items.
fn lost_sdl() -> String {
    format!(
        r#"{LINK} @source(name: "lost")
type Mutation {{
  lost(id: ID!): Lost @connect(http: {{ POST: "/write/{{$args.id}}" }}, selection: "value")
    @invalidates(tags: ["item:{{$args.id}}"])
}}
type Lost {{ value: Int! }}
"#
    )
}

fn project() -> Files {
    Files::embedded([
        ("schema/services/shop.graphql", shop_sdl().as_str()),
        ("schema/services/lost.graphql", lost_sdl().as_str()),
        ("schema/web.graphql", CLIENT),
        ("bespoke.yaml", "server: { port: 0 }\n"),
    ])
}

type Configure = fn(&mut Config);

/// The reply of the service to a write, which a test may change.
type Script = Arc<Mutex<Does>>;

struct World {
    shop: Faulty,
    script: Script,
    /// The value of every item, which each read returns.
    value: Arc<AtomicU64>,
    bff: Bff,
}

fn item(value: u64) -> Does {
    Does::json(&json!({ "id": 1, "value": value }).to_string())
}

impl World {
    async fn new(configure: Configure) -> Self {
        Self::with(|setup| setup.configure(configure)).await
    }

    async fn with(setup: impl FnOnce(Setup) -> Setup) -> Self {
        let (value, script): (Arc<AtomicU64>, Script) = (Arc::default(), Arc::new(Mutex::new(item(0))));
        let shop = Faulty::start({
            let (value, script) = (Arc::clone(&value), Arc::clone(&script));
            move |request: &SeenRequest| match request.target.split('/').nth(1) {
                Some("items") => item(value.load(Ordering::SeqCst)),
                Some("stall") => Does::stalled_head(),
                _ => script.lock().unwrap().clone(),
            }
        });
        let shop = shop.await.expect("a port");
        // No process listens on this address.
        let unused = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let urls = Setup::default().url("shop", shop.base_url()).url("lost", format!("http://{unused}"));
        let bff = Bff::start(Client::new("web", project()), setup(urls.deadline(Duration::from_secs(20)))).await;
        Self { shop, script, value, bff }
    }

    fn writes_do(&self, does: Does) {
        *self.script.lock().unwrap() = does;
    }

    fn seen(&self, path: &str) -> Vec<String> {
        let seen = self.shop.requests().into_iter().filter(|request| request.target.starts_with(path));
        seen.map(|request| request.method).collect()
    }

    /// Reads an item. Returns its value, and whether the service was called.
    async fn read(&self, id: usize) -> (Value, bool) {
        let before = self.seen("/items").len();
        let reply = self.bff.ask(&format!("{{ item(id: {id}) {{ value }} }}")).await;
        (reply.data()["item"]["value"].clone(), self.seen("/items").len() > before)
    }

    async fn write(self: &Arc<Self>, field: &str, id: usize) -> Reply {
        let fields = if field == "move" { "... on Item { value } ... on Moved { value }" } else { "value" };
        self.bff.ask(&format!("mutation {{ {field}(id: {id}) {{ {fields} }} }}")).await
    }

    fn begin(self: &Arc<Self>, field: &str, id: usize) -> tokio::task::JoinHandle<Reply> {
        let (world, field) = (Arc::clone(self), field.to_owned());
        tokio::spawn(async move { world.write(&field, id).await })
    }
}

/// The value of a field, or the code of the only error.
fn told(reply: &Reply, field: &str) -> String {
    match reply.errors() {
        [] => reply.data()[field]["value"].to_string(),
        [error] => error["extensions"]["code"].as_str().unwrap_or_default().to_owned(),
        _ => panic!("{}", reply.text),
    }
}

fn unbroken(config: &mut Config) {
    config.services.get_mut("shop").unwrap().breaker.enabled = false;
}

fn impatient(config: &mut Config) {
    unbroken(config);
    config.services.get_mut("shop").unwrap().timeout = Duration::from_millis(150);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_was_sent_is_sent_once_and_invalidates_whatever_came_of_it() {
    let rows: Vec<(&str, Configure, Does, &str)> = vec![
        ("an answer", unbroken, item(7), "7"),
        ("RST before the head", unbroken, Does::reset_before_head(), "UPSTREAM_UNREACHABLE"),
        ("RST in the body", unbroken, Does::reset_in_body(), "UPSTREAM_UNREACHABLE"),
        ("the end before the head", unbroken, Does::closed_before_head(), "UPSTREAM_UNREACHABLE"),
        ("the service's timeout", impatient, Does::stalled_head(), "UPSTREAM_TIMEOUT"),
        ("the service's timeout in the body", impatient, Does::stalled_body(), "UPSTREAM_TIMEOUT"),
        ("not JSON", unbroken, Does::wrong_content_type(), "UPSTREAM_MALFORMED"),
        ("500", unbroken, Does::empty(500), "UPSTREAM_STATUS"),
        ("502, a proxy's page", unbroken, Does::bad_gateway_page(), "UPSTREAM_STATUS"),
        ("503", unbroken, Does::empty(503), "UPSTREAM_STATUS"),
        ("504", unbroken, Does::empty(504), "UPSTREAM_STATUS"),
        ("409", unbroken, Does::empty(409), "UPSTREAM_STATUS"),
        ("303 that means nothing", unbroken, Does::with_status(303, "text/html", "<a>"), "UPSTREAM_MALFORMED"),
    ];
    for (row, configure, does, expected) in rows {
        let world = Arc::new(World::new(configure).await);
        for (id, method) in (1..).zip(METHODS) {
            let field = method.to_lowercase();
            assert_eq!((world.read(id).await.1, world.read(id).await.1), (true, false), "{row}, {method}: it is kept");
            world.writes_do(does.clone());
            let before = world.seen("/write").len();
            let reply = world.write(&field, id).await;
            assert_eq!(told(&reply, &field), expected, "{row}, {method}: {}", reply.text);
            assert_eq!(world.seen("/write").split_off(before), [method], "{row}: how often it was sent");
            assert_eq!((world.read(id).await.1, world.read(id).await.1), (true, false), "{row}, {method}: invalidated");
        }
        assert_eq!(world.bff.unattended_writes(), 0, "{row}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redirect_that_is_mapped_is_the_outcome_of_a_write() {
    let world = Arc::new(World::new(unbroken).await);
    for (does, expected) in [
        (Does::with_status(303, "text/html", "<a>see there</a>"), "303"),
        (Does::empty(303), "303"),
        (Does::empty(307), "UPSTREAM_MALFORMED"),
        (item(7), "7"),
    ] {
        world.read(1).await;
        world.writes_do(does);
        let reply = world.write("move", 1).await;
        assert_eq!((told(&reply, "move").as_str(), world.read(1).await.1), (expected, true), "{}", reply.text);
    }
    assert_eq!(world.seen("/write").len(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn equal_writes_at_once_are_as_many_calls() {
    let world = Arc::new(World::new(unbroken).await);
    for method in METHODS {
        world.writes_do(item(1).after(Duration::from_millis(60)));
        let before = world.seen("/write").len();
        let begun: Vec<_> = (0..3).map(|_| world.begin(&method.to_lowercase(), 1)).collect();
        for reply in begun {
            assert_eq!(told(&reply.await.unwrap(), &method.to_lowercase()), "1");
        }
        assert_eq!(world.seen("/write").len() - before, 3, "{method}");
    }
    let twice = "mutation { a: get(id: 1) { value } b: get(id: 1) { value } }";
    let before = world.seen("/write").len();
    assert!(world.bff.ask(twice).await.errors().is_empty());
    assert_eq!(world.seen("/write").len() - before, 2);
}

/// The time after which the service answers a slow write.
const WORK: Duration = Duration::from_millis(900);

impl World {
    /// Makes writes slow. The new value is applied 50 ms before the answer.
    fn writes_take_long(&self, new: u64) {
        let (value, at) = (Arc::clone(&self.value), WORK - Duration::from_millis(50));
        self.writes_do(item(new).after(WORK));
        tokio::spawn(async move {
            tokio::time::sleep(at).await;
            value.store(new, Ordering::SeqCst);
        });
    }

    /// Asserts what must be true of a write that goes on without its request: while it runs, nothing is cached; once it
    /// has ended, its tags are invalidated, and it was sent only once.
    async fn is_finished_unattended(&self, row: &str, before: u64, after: u64) {
        assert_eq!(self.bff.unattended_writes(), 1, "{row}: it goes on");
        // While the write runs, neither the old value nor what is read now is cached.
        for _ in 0..3 {
            assert_eq!(self.read(1).await, (before.into(), true), "{row}: while it is under way");
        }
        self.bff.writes_finished().await;
        assert_eq!(self.read(1).await, (after.into(), true), "{row}: it has named its tags again");
        assert_eq!(self.read(1).await, (after.into(), false), "{row}: and from now on it is kept");
        assert_eq!(
            (self.seen("/write").len(), self.shop.hangups()),
            (1, 0),
            "{row}: it was sent once, and not cut off"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_goes_on_when_its_client_leaves() {
    for production in [false, true] {
        let world = Arc::new(World::with(|setup| if production { setup.production() } else { setup }).await);
        assert_eq!(world.read(1).await, (0.into(), true));
        world.writes_take_long(1);
        let client = world.begin("post", 1);
        world.shop.until_requests(2).await;
        client.abort();
        let left = async {
            while world.bff.unattended_writes() == 0 {
                tokio::task::yield_now().await
            }
        };
        tokio::time::timeout(Duration::from_millis(500), left).await.expect("the server notices");
        world.is_finished_unattended("the client has left", 0, 1).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_goes_on_after_its_requests_deadline() {
    for field in ["post", "get"] {
        let world = World::with(|setup| setup.deadline(Duration::from_millis(200)));
        let world = Arc::new(world.await);
        assert_eq!(world.read(1).await, (0.into(), true));
        world.writes_take_long(1);
        let reply = world.write(field, 1).await;
        assert_eq!(told(&reply, field), "UPSTREAM_TIMEOUT", "{}", reply.text);
        assert!(reply.elapsed < WORK, "the waiting has ended");
        world.is_finished_unattended("the deadline", 0, 1).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_goes_on_after_a_complete_and_after_its_socket() {
    for closes in [false, true] {
        let world = Arc::new(World::new(unbroken).await);
        assert_eq!(world.read(1).await, (0.into(), true));
        world.writes_take_long(1);
        let mut socket = Socket::ready(&world.bff, json!({})).await;
        socket.subscribe("1", "mutation { post(id: 1) { value } }").await;
        world.shop.until_requests(2).await;
        if closes {
            drop(socket);
        } else {
            socket.send(json!({ "id": "1", "type": "complete" })).await;
        }
        let left = async {
            while world.bff.unattended_writes() == 0 {
                tokio::task::yield_now().await
            }
        };
        tokio::time::timeout(Duration::from_millis(500), left).await.expect("the server notices");
        world.is_finished_unattended("complete", 0, 1).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn finishing_ends_with_the_services_timeout() {
    let world = World::with(|setup| {
        setup.deadline(Duration::from_millis(100)).configure(|config| {
            unbroken(config);
            config.services.get_mut("shop").unwrap().timeout = Duration::from_millis(400);
        })
    });
    let world = Arc::new(world.await);
    world.read(1).await;
    world.writes_do(Does::stalled_head());
    assert_eq!(told(&world.write("post", 1).await, "post"), "UPSTREAM_TIMEOUT");
    assert_eq!((world.bff.unattended_writes(), world.shop.hangups()), (1, 0));
    world.bff.writes_finished().await;
    assert_eq!((world.read(1).await.1, world.read(1).await.1), (true, false), "kept again");
    assert_eq!(world.shop.hangups(), 1);
}

/// The bound is one write without its request.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_that_nobody_waits_for_have_the_configured_bound() {
    let world = World::with(|setup| {
        setup.deadline(Duration::from_millis(200)).configure(|config| {
            unbroken(config);
            config.server.max_unattended_writes = NonZeroU32::MIN;
            config.services.get_mut("shop").unwrap().timeout = Duration::from_secs(20);
        })
    });
    let world = Arc::new(world.await);
    world.writes_do(Does::stalled_head());
    assert_eq!(told(&world.write("post", 1).await, "post"), "UPSTREAM_TIMEOUT");
    assert_eq!(told(&world.write("post", 2).await, "post"), "UPSTREAM_REFUSED");
    assert_eq!(world.seen("/write").len(), 1, "the second one was not sent");
    let metrics = world.bff.metrics();
    for line in ["bespoke_writes_unattended 1\n", "bespoke_writes_refused_total 1\n"] {
        assert!(metrics.contains(line), "{metrics}");
    }
}

fn narrow(config: &mut Config) {
    let shop = config.services.get_mut("shop").unwrap();
    (shop.max_in_flight, shop.max_waiting, shop.timeout) = (1.try_into().unwrap(), 0, Duration::from_secs(20));
}

fn narrow_with_a_queue(config: &mut Config) {
    narrow(config);
    config.services.get_mut("shop").unwrap().max_waiting = 9;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_was_not_sent_invalidates_nothing_and_says_so() {
    for (id, method) in (1..).zip(METHODS) {
        let field = method.to_lowercase();
        // First case: the circuit breaker is open.
        let world = World::new(|config| {
            let breaker = &mut config.services.get_mut("shop").unwrap().breaker;
            // An endpoint that has never answered well needs two failures.
            (breaker.failures_in_row, breaker.open_for) = (1.try_into().unwrap(), Duration::from_secs(60));
            breaker.max_open = breaker.open_for;
        });
        let world = Arc::new(world.await);
        world.writes_do(Does::empty(500));
        for _ in 0..2 {
            assert_eq!(told(&world.write(&field, id).await, &field), "UPSTREAM_STATUS");
        }
        world.read(id).await;
        assert_eq!(told(&world.write(&field, id).await, &field), "UPSTREAM_CIRCUIT_OPEN", "{method}");
        assert_eq!((world.seen("/write").len(), world.read(id).await.1), (2, false), "{method}: an open breaker");
        // Second case: the queue is full.
        let world = Arc::new(World::new(narrow).await);
        world.read(id).await;
        let stalled = {
            let world = Arc::clone(&world);
            tokio::spawn(async move { world.bff.ask("{ stall }").await })
        };
        world.shop.until_requests(2).await;
        assert_eq!(told(&world.write(&field, id).await, &field), "UPSTREAM_REFUSED", "{method}");
        assert_eq!((world.seen("/write").len(), world.read(id).await.1), (0, false), "{method}: a full queue");
        stalled.abort();
    }
    // Third case: the deadline passes while the write waits for its turn, because another write holds the only slot for
    // longer than the deadline.
    let world = World::with(|setup| setup.deadline(Duration::from_millis(300)).configure(narrow_with_a_queue));
    let world = Arc::new(world.await);
    world.read(1).await;
    world.writes_do(item(1).after(WORK));
    let other = world.begin("post", 2);
    world.shop.until_requests(2).await;
    assert_eq!(told(&world.write("post", 1).await, "post"), "UPSTREAM_NOT_SENT");
    assert_eq!((world.seen("/write").len(), world.read(1).await.1), (1, false), "time was up before it was sent");
    assert_eq!(told(&other.await.unwrap(), "post"), "UPSTREAM_TIMEOUT");
    world.bff.writes_finished().await;
    // Fourth case: the deadline passes while an earlier field of the same mutation runs.
    let world = World::with(|setup| setup.deadline(Duration::from_millis(300)));
    let world = Arc::new(world.await);
    world.read(1).await;
    world.read(2).await;
    world.writes_do(item(1).after(WORK));
    let reply = world.bff.ask("mutation { post(id: 1) { value } put(id: 2) { value } }").await;
    let codes: Vec<_> = reply.errors().iter().map(|error| error["extensions"]["code"].clone()).collect();
    assert_eq!(codes, ["UPSTREAM_TIMEOUT", "UPSTREAM_NOT_SENT"], "{}", reply.text);
    assert_eq!((world.seen("/write"), world.read(2).await.1), (vec!["POST".to_owned()], false));
    world.bff.writes_finished().await;
    // Fifth case: the client leaves while its write waits.
    let world = Arc::new(World::new(narrow_with_a_queue).await);
    world.read(1).await;
    let stalled = {
        let world = Arc::clone(&world);
        tokio::spawn(async move { world.bff.ask("{ stall }").await })
    };
    world.shop.until_requests(2).await;
    let client = world.begin("post", 1);
    tokio::time::sleep(Duration::from_millis(150)).await;
    client.abort();
    // The other call must not end before the BFF has noticed that the client has left.
    tokio::time::sleep(Duration::from_millis(150)).await;
    stalled.abort();
    world.shop.until_hangups(1).await;
    assert_eq!((world.read(1).await.1, world.bff.unattended_writes()), (false, 0));
    // The next call shows that the slot is free and that nothing was sent in between.
    assert!(world.read(2).await.1);
    assert_eq!(world.seen("/write").len(), 0);
    // Sixth case: no process listens on the address of the service.
    let world = Arc::new(World::new(unbroken).await);
    world.read(1).await;
    assert_eq!(told(&world.write("lost", 1).await, "lost"), "UPSTREAM_NOT_SENT");
    assert!(!world.read(1).await.1, "nobody was there to write");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_of_the_process_waits_for_writes_that_nobody_waits_for() {
    let world = World::with(|setup| setup.deadline(Duration::from_millis(100)));
    let world = Arc::new(world.await);
    world.writes_take_long(1);
    assert_eq!(told(&world.write("post", 1).await, "post"), "UPSTREAM_TIMEOUT");
    let world = Arc::into_inner(world).expect("nobody else has it");
    world.bff.stop().await;
    assert_eq!((world.value.load(Ordering::SeqCst), world.shop.hangups()), (1, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_written_reads_nothing_older() {
    const WRITERS: usize = 20;
    const ROUNDS: usize = 15;
    const ITEMS: usize = 4;
    // A read returns the value at its arrival, but late. A write is applied at its arrival.
    let (values, turns) = (Arc::new([const { AtomicU64::new(0) }; ITEMS]), AtomicU64::new(0));
    let shop = Faulty::start({
        let values = Arc::clone(&values);
        move |request: &SeenRequest| {
            let id: usize = request.target.rsplit('/').next().unwrap().parse().unwrap();
            let delay = Duration::from_millis(turns.fetch_add(7, Ordering::SeqCst) % 12);
            match request.target.starts_with("/items") {
                true => item(values[id].load(Ordering::SeqCst)).after(delay),
                false => item(values[id].fetch_add(1, Ordering::SeqCst) + 1).after(delay),
            }
        }
    });
    let shop = shop.await.expect("a port");
    let setup = Setup::default().url("shop", shop.base_url()).url("lost", shop.base_url()).production();
    let bff = Arc::new(Bff::start(Client::new("web", project()), setup.deadline(Duration::from_secs(30))).await);
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let (bff, id) = (Arc::clone(&bff), writer % ITEMS);
        let field = METHODS[writer % METHODS.len()].to_lowercase();
        writers.spawn(async move {
            let mut stale = 0;
            for _ in 0..ROUNDS {
                let reply = bff.ask(&format!("mutation {{ {field}(id: {id}) {{ value }} }}")).await;
                let written = reply.data()[&field]["value"].as_u64().unwrap_or_else(|| panic!("{}", reply.text));
                for _ in 0..2 {
                    let reply = bff.ask(&format!("{{ item(id: {id}) {{ value }} }}")).await;
                    let read = reply.data()["item"]["value"].as_u64().unwrap_or_else(|| panic!("{}", reply.text));
                    stale += u32::from(read < written);
                }
            }
            stale
        });
    }
    let stale: u32 = writers.join_all().await.into_iter().sum();
    assert_eq!(stale, 0);
    let written: u64 = values.iter().map(|value| value.load(Ordering::SeqCst)).sum();
    assert_eq!(written as usize, WRITERS * ROUNDS, "each was sent once");
}
