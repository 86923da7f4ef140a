//! Tests of lists that overlap and are requested at the same time: one request loads the common items, and the other
//! one waits for them.

use crate::harness::{Bff, Reply, Setup};
use bespoke::internals::engine::Client;
use bespoke::internals::flight::FlightOptions;
use bespoke::internals::project::Files;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use testkit::faulty::{Faulty, Reply as Does, SeenRequest};
use tokio::task::JoinHandle;

const SERVICE: &str = r#"extend schema
  @link(url: "https://specs.apollo.dev/federation/v2.5", import: ["@key", "@listSize"])
  @link(url: "https://bespoke.example/connect/v1", import: ["@source", "@connect", "@cache", "@invalidates"])
  @source(name: "shop")
type Query {
  items(of: String!): [Item!]! @listSize(assumedSize: 40)
    @connect(http: { GET: "/list", queryParams: "of: $args.of" }, selection: "id")
}
type Mutation { touch: Int @connect(http: { POST: "/touch" }, selection: "$.touched") @invalidates(tags: ["other"]) }
type Item @key(fields: "id")
  @connect(http: { GET: "/items", queryParams: "id: $batch.id" }, batch: { key: "id", maxSize: 50 }, fields: "fields",
    selection: "id name size")
  @cache(maxAge: 600) {
  id: ID!
  name: String
  size: Int
}
"#;

const SCHEMA: &str = "type Query { items(of: String!): [Item!]! }
type Mutation { touch: Int }
type Item { id: ID! name: String size: Int }
";

/// The longest wait of a test for anything.
const LONGEST: Duration = Duration::from_secs(20);

struct World {
    service: Faulty,
    bff: Arc<Bff>,
}

/// The ids in a call for items; `None` for any other call.
fn ids(request: &SeenRequest) -> Option<Vec<&str>> {
    let query = request.target.strip_prefix("/items?")?;
    Some(query.split('&').filter_map(|part| part.strip_prefix("id=")).collect())
}

/// The reply with the items of these ids.
fn items(ids: &[&str]) -> Does {
    let items = ids.iter().map(|id| json!({ "id": id, "name": format!("name of {id}"), "size": 1 }));
    Does::json(&Value::Array(items.collect()).to_string())
}

/// Delays a reply by 400 ms, so that another request can come meanwhile.
fn slow(reply: Does) -> Does {
    reply.after(Duration::from_millis(400))
}

impl World {
    /// Starts the service and the BFF. A list is named by its first and its last id, such as `1-20`. `answer` makes the
    /// reply to a call for items.
    async fn new(setup: impl FnOnce(Setup) -> Setup, answer: impl Fn(&[&str]) -> Does + Send + Sync + 'static) -> Self {
        let service = Faulty::start(move |request| {
            if let Some(ids) = ids(request) {
                return answer(&ids);
            }
            let Some((from, to)) = request.target.strip_prefix("/list?of=").and_then(|of| of.split_once('-')) else {
                return Does::json(r#"{"touched":1}"#);
            };
            let (from, to): (u32, u32) = (from.parse().unwrap(), to.parse().unwrap());
            Does::json(&Value::from_iter((from..=to).map(|id| json!({ "id": id }))).to_string())
        });
        let service = service.await.expect("a port");
        let files = Files::embedded([
            ("schema/services/shop.graphql", SERVICE),
            ("schema/web.graphql", SCHEMA),
            ("bespoke.yaml", "server: { port: 0 }\n"),
        ]);
        let bare = Setup::default().url("shop", service.base_url()).deadline(LONGEST);
        let bff = Arc::new(Bff::start(Client::new("web", files), setup(bare)).await);
        Self { service, bff }
    }

    fn ask(&self, of: &str, fields: &str) -> JoinHandle<Reply> {
        let (bff, query) = (Arc::clone(&self.bff), format!("{{ items(of: \"{of}\") {{ {fields} }} }}"));
        tokio::spawn(async move { bff.ask(&query).await })
    }

    /// Sends a query, and returns once the service has received `requests` requests in all.
    async fn ask_until(&self, of: &str, fields: &str, requests: usize) -> JoinHandle<Reply> {
        let asked = self.ask(of, fields);
        let until = self.service.until_requests(requests);
        tokio::time::timeout(LONGEST, until).await.unwrap_or_else(|_| panic!("{requests}: {:#?}", self.calls()));
        asked
    }

    /// The ids and fields of the calls for items, in order.
    fn calls(&self) -> Vec<String> {
        let requests = self.service.requests();
        let calls = requests.iter().filter_map(|request| {
            let fields = request.target.split_once("fields=").map_or("", |(_, fields)| fields);
            Some(format!("{} of {}", fields, ids(request)?.join(" ")))
        });
        calls.collect()
    }
}

/// The expected data of a list.
fn expected(from: u32, to: u32) -> Value {
    json!({ "items": (from..=to).map(|id| json!({ "name": format!("name of {id}") })).collect::<Vec<_>>() })
}

async fn answer(asked: JoinHandle<Reply>) -> Reply {
    tokio::time::timeout(LONGEST, asked).await.expect("it ends").expect("it is no panic")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_item_is_asked_for_once_by_two_lists_at_once() {
    let world = World::new(|setup| setup, |ids| slow(items(ids))).await;
    let first = world.ask_until("1-6", "name", 2).await;
    let second = world.ask_until("4-9", "name", 4).await;
    // The two other requests load all items of the third one.
    let third = world.ask("3-8", "name");
    let (first, second, third) = (answer(first).await, answer(second).await, answer(third).await);
    assert_eq!((first.data(), second.data(), third.data()), (&expected(1, 6), &expected(4, 9), &expected(3, 8)));
    assert_eq!(world.calls(), ["id,name of 1 2 3 4 5 6", "id,name of 7 8 9"]);
    let shared: Vec<(&Value, &Value)> = third.calls().iter().map(|call| (&call["keys"], &call["shared"])).collect();
    assert_eq!(shared, [(&json!(1), &json!(false)), (&json!(4), &json!(true)), (&json!(2), &json!(true))]);
    // The items are in the cache afterwards.
    assert_eq!(answer(world.ask("1-9", "name")).await.data(), &expected(1, 9));
    assert_eq!(world.calls().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_for_one_that_leaves_asks_for_itself() {
    let stalls_once = {
        let calls = std::sync::atomic::AtomicUsize::new(0);
        move |ids: &[&str]| match calls.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
            0 => Does::stalled_head(),
            _ => items(ids),
        }
    };
    let world = World::new(|setup| setup, stalls_once).await;
    let first = world.ask_until("1-6", "name", 2).await;
    let second = world.ask_until("4-6", "name", 3).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(world.calls().len(), 1, "it waits");
    first.abort();
    assert_eq!(answer(second).await.data(), &expected(4, 6));
    assert_eq!(world.calls(), ["id,name of 1 2 3 4 5 6", "id,name of 4 5 6"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_breaks_the_call_of_one_breaks_no_other() {
    let fussy = |ids: &[&str]| if ids.contains(&"13") { slow(Does::empty(400)) } else { items(ids) };
    let world = World::new(|setup| setup, fussy).await;
    let first = world.ask_until("10-13", "name", 2).await;
    let second = world.ask("10-12", "name");
    assert_eq!(answer(second).await.data(), &expected(10, 12));
    assert_eq!(answer(first).await.errors().len(), 4);
    assert_eq!(world.calls(), ["id,name of 10 11 12 13", "id,name of 10 11 12"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_asked_for_or_older_than_a_write_is_not_waited_for() {
    let world = World::new(|setup| setup, |ids| slow(items(ids))).await;
    let first = world.ask_until("1-3", "name", 2).await;
    let second = world.ask_until("2-4", "size", 4).await;
    assert_eq!(world.bff.ask("mutation { touch }").await.errors(), &[] as &[Value]);
    let third = world.ask_until("1-2", "name", 7).await;
    for asked in [first, second, third] {
        assert_eq!(answer(asked).await.errors(), &[] as &[Value]);
    }
    assert_eq!(world.calls(), ["id,name of 1 2 3", "id,size of 2 3 4", "id,name of 1 2"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_calls_are_not_shared_nobody_waits() {
    let off = FlightOptions { enabled: false, ..FlightOptions::default() };
    let world = World::new(|setup| setup.flights(off), |ids| slow(items(ids))).await;
    let first = world.ask_until("1-3", "name", 2).await;
    let second = world.ask_until("2-3", "name", 4).await;
    assert_eq!((answer(first).await.data(), answer(second).await.data()), (&expected(1, 3), &expected(2, 3)));
}
