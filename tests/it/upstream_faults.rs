//! Tests of an upstream that makes every mistake: each fault costs its own field and nothing else.
//!
//! One field needs the faulty service, another one a healthy service. Each fault is tested with a query and with a
//! mutation: the rest of the data is complete; the field is null or has the part of its data that could be read, and
//! its error has a path and a code; the answer comes by the deadline; a reply that is too long is cut off; a mutation
//! is sent once; and once the fault is over, the same query is answered in full. Each fault is tested over plain HTTP
//! and over TLS, with the same outcome unless an RFC demands another one.

mod cases;

use crate::harness::{Bff, Reply, Setup, authority_file};
use bespoke::internals::config::Config;
use bespoke::internals::engine::Client;
use bespoke::internals::project::Files;
use cases::{Case, Outcome, REPORT};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use testkit::faulty::{Faulty, Reply as Fault, Security};
use testkit::tls::{Authority, Certified, server};
use tokio::task::JoinSet;
use tokio::time::{Instant, interval, timeout};

/// The longest time for a request, and how much later its answer may come. The timeout of the faulty service is
/// shorter, so that the next field of a mutation has time left.
const DEADLINE: Duration = Duration::from_millis(1_600);
const TOLERANCE: Duration = Duration::from_millis(300);

/// The longest time after the end of a fault until the service is used again.
const RECOVERY: Duration = Duration::from_secs(5);

/// The most bytes of one reply that the service may send: the limit of the configuration below, and the buffers of the
/// operating system.
const MOST_SENT: u64 = (1 + 14) << 20;

/// The most memory that all faults together may take, in bytes.
const MOST_MEMORY: u64 = 100_000_000;

const CATALOG: &str = r#"extend schema
  @link(url: "https://bespoke.example/connect/v1", import: ["@source", "@connect"])
  @source(name: "catalog")
type Query { products: [Product!]! @connect(http: { GET: "/products" }, selection: "id name") }
type Mutation { touch: [Product!]! @connect(http: { POST: "/touch" }, selection: "id name") }
type Product { id: ID! name: String! }
"#;

const REPORTS: &str = r#"extend schema
  @link(url: "https://bespoke.example/connect/v1", import: ["@source", "@connect"])
  @source(name: "reports")
type Query { report: Report @connect(http: { GET: "/report" }, selection: "label count note lines { n }") }
type Mutation { save: Report @connect(http: { POST: "/report" }, selection: "label count note lines { n }") }
type Report { label: String! count: Int! note: String lines: [Line!]! }
type Line { n: Int! }
"#;

const SCHEMA: &str = "type Query { products: [Product!]! report: Report }
type Mutation { touch: [Product!]! save: Report }
type Product { id: ID! name: String! }
type Report { label: String! count: Int! note: String lines: [Line!]! }
type Line { n: Int! }
";

const CONFIG: &str = "services: { reports: { timeout: 700ms, max_response_bytes: 1048576, max_json_depth: 64 } }";

const PRODUCTS: &str = r#"[{"id":"1","name":"Lamp"},{"id":"2","name":"Chair"}]"#;

const QUERY: &str = "{ products { id name } report { label count note lines { n } } }";
const MUTATION: &str = "mutation { save { label count note lines { n } } touch { id name } }";

fn client() -> Client {
    let files = [
        ("schema/services/catalog.graphql", CATALOG),
        ("schema/services/reports.graphql", REPORTS),
        ("schema/web.graphql", SCHEMA),
        ("bespoke.yaml", CONFIG),
    ];
    Client::new("web", Files::embedded(files))
}

/// A service with a fault that a test can end, and a BFF in front of it and of a healthy service.
struct Scene {
    faulty: Faulty,
    is_over: Arc<AtomicBool>,
    bff: Bff,
}

impl Scene {
    async fn of(fault: Fault, security: Security, healthy: &Faulty) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let over = Arc::clone(&is_over);
        let script = move |_: &_| if over.load(Ordering::SeqCst) { Fault::json(REPORT) } else { fault.clone() };
        let is_secure = !matches!(security, Security::Plain);
        let faulty = Faulty::start_over(security, script).await.unwrap();
        let mut setup = Setup::default().url("catalog", healthy.base_url()).url("reports", faulty.base_url());
        if is_secure {
            let trust = |config: &mut Config| {
                config.services.entry("reports".to_owned()).or_default().tls.ca_file = Some(authority_file());
            };
            setup = setup.configure(trust);
        }
        Self { bff: Bff::start(client(), setup.deadline(DEADLINE)).await, faulty, is_over }
    }
}

fn parse(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// Compares an answer with the expected outcome. The error says what differs.
fn judge(reply: &Reply, [field, rest]: [&str; 2], outcome: &Outcome) -> Result<(), String> {
    let (value, error) = match outcome {
        Outcome::Whole => (parse(REPORT), None),
        Outcome::Value(value) => (value.clone(), None),
        Outcome::Lost(code) => (Value::Null, Some((json!([field]), *code))),
        Outcome::At(value, path, code) => {
            let path = [&[json!(field)], path.as_array().unwrap().as_slice()].concat();
            (value.clone(), Some((Value::Array(path), *code)))
        }
    };
    let expected = json!({ field: value, rest: parse(PRODUCTS) });
    let got: Vec<_> = reply.errors().iter().map(|error| (&error["path"], &error["extensions"]["code"])).collect();
    let code = error.as_ref().map(|(_, code)| json!(code));
    let wanted: Vec<_> = error.iter().map(|(path, _)| (path, code.as_ref().unwrap())).collect();
    if reply.status != 200 || *reply.data() != expected || got != wanted {
        return Err(format!("not {outcome:?}: {} {}", reply.status, reply.text));
    }
    let told = format!("{}{}", reply.headers, reply.text);
    if told.contains("canary") || told.contains("set-cookie") {
        return Err(format!("something of the service's answer leaks: {told}"));
    }
    match reply.elapsed <= DEADLINE + TOLERANCE {
        true => Ok(()),
        false => Err(format!("took {:?}", reply.elapsed)),
    }
}

/// Tests one fault with a query, a mutation and, once the fault is over, the query again. The error says what is wrong.
async fn check(case: &Case, is_secure: bool, healthy: &Faulty) -> Result<(), String> {
    let scene = Scene::of(case.reply.clone(), Security::of(is_secure), healthy).await;
    let outcome = if is_secure { &case.over_tls } else { &case.outcome };
    judge(&scene.bff.ask(QUERY).await, ["report", "products"], outcome)?;
    if case.writes {
        judge(&scene.bff.ask(MUTATION).await, ["save", "touch"], outcome)?;
        let writes = scene.faulty.requests().iter().filter(|seen| seen.method == "POST").count();
        if writes != 1 {
            return Err(format!("{writes} requests for one mutation"));
        }
    }
    let (sent, requests) = (scene.faulty.sent(), scene.faulty.requests().len() as u64);
    if sent > requests * MOST_SENT {
        return Err(format!("{sent} bytes got through in {requests} replies"));
    }
    scene.is_over.store(true, Ordering::SeqCst);
    let recovered = async {
        let mut pause = interval(Duration::from_millis(20));
        while judge(&scene.bff.ask(QUERY).await, ["report", "products"], &Outcome::Whole).is_err() {
            pause.tick().await;
        }
    };
    timeout(RECOVERY, recovered).await.map_err(|_| format!("not recovered within {RECOVERY:?}"))
}

/// Repeats [`check`] for a case that failed beside others: alone, and up to three times, because other tests may keep
/// the machine busy until a deadline has passed.
async fn check_again(case: &Case, is_secure: bool, healthy: &Faulty) -> Option<String> {
    let mut found = None;
    for _ in 0..3 {
        match check(case, is_secure, healthy).await {
            Ok(()) => return None,
            Err(problem) => found = Some(format!("{}, TLS {is_secure}: {problem}", case.name)),
        }
    }
    found
}

/// The peak of this process's resident memory, in bytes; `None` if the system does not report it.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_fault_costs_its_own_field_only() {
    /// The number of cases that run at the same time. Most of them only wait for their deadline.
    const WIDTH: usize = 8;
    let healthy = Faulty::start(|_| Fault::json(PRODUCTS)).await.unwrap();
    let healthy = Arc::new(healthy);
    let cases = cases::all();
    assert!(cases.len() >= 45, "{}", cases.len());
    let whole = Case::new("no fault", Fault::json(REPORT), Outcome::Whole);
    assert_eq!(check(&whole, false, &healthy).await, Ok(()));
    assert_eq!(check(&whole, true, &healthy).await, Ok(()));
    let mut cases: Vec<_> = cases.into_iter().flat_map(|case| [(case.clone(), false), (case, true)]).collect();
    let before = peak_memory();
    let started = Instant::now();
    let (mut running, mut failed) = (JoinSet::new(), Vec::new());
    loop {
        while running.len() < WIDTH
            && let Some((case, is_secure)) = cases.pop()
        {
            let healthy = Arc::clone(&healthy);
            running.spawn(async move {
                let checked = check(&case, is_secure, &healthy).await;
                checked.is_err().then_some((case, is_secure))
            });
        }
        let Some(checked) = running.join_next().await else { break };
        failed.extend(checked.unwrap());
    }
    let mut problems = Vec::new();
    for (case, is_secure) in failed {
        problems.extend(check_again(&case, is_secure, &healthy).await);
    }
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
    if let Some((before, after)) = before.zip(peak_memory()) {
        let grown = after - before;
        eprintln!("{} kB more memory at its peak, in {:?}", grown / 1000, started.elapsed());
        assert!(grown < MOST_MEMORY, "{grown} bytes");
    }
}

const REFUSED: &str = "our certificate is refused";

/// The failures of TLS before a request is answered: the name of each, and the behaviour of the service on every
/// connection.
fn handshakes() -> Vec<(&'static str, Security)> {
    let tls = |certified: &Certified, clients| Security::Tls(Arc::new(server(certified, clients)));
    let (trusted, other) = (testkit::tls::authority(), Authority::new());
    vec![
        ("a certificate that has expired", tls(&trusted.certificate_for("127.0.0.1", (2000, 2010)), None)),
        ("a certificate for another host", tls(&trusted.certificate_for("elsewhere.test", (2000, 2300)), None)),
        ("a certificate by nobody", tls(&Certified::self_signed(false), None)),
        ("a certificate by an authority that is not trusted", tls(&other.certificate(), None)),
        (REFUSED, tls(&trusted.certificate(), Some(&other))),
        ("a handshake that never ends", Security::Silent),
        ("garbage instead of a handshake", Security::Garbage),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_failure_of_tls_costs_its_own_field_only() {
    let healthy = Faulty::start(|_| Fault::json(PRODUCTS)).await.unwrap();
    let unreachable = Outcome::Lost("UPSTREAM_UNREACHABLE");
    for (name, security) in handshakes() {
        // Only a refused certificate is reported at a time when the request may have been sent (RFC 8446 §4.4.2.4).
        let written = match name {
            REFUSED => &unreachable,
            _ => &Outcome::Lost("UPSTREAM_NOT_SENT"),
        };
        let mut found = Ok(());
        // The best of three tries counts, as above.
        for _ in 0..3 {
            let scene = Scene::of(Fault::json(REPORT), security.clone(), &healthy).await;
            let read = judge(&scene.bff.ask(QUERY).await, ["report", "products"], &unreachable);
            let connections = scene.faulty.connections();
            found = read.and(judge(&scene.bff.ask(MUTATION).await, ["save", "touch"], written));
            assert_eq!(scene.faulty.requests(), [], "{name}");
            let after = scene.faulty.connections();
            assert!(connections <= 2 && after <= connections + 1, "{name}: {connections} and {after} connections");
            if found.is_ok() {
                break;
            }
        }
        assert_eq!(found, Ok(()), "{name}");
    }
}
