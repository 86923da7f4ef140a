//! The faults: the reply of the service to each request, and the expected outcome of its field.

use serde_json::{Value, json};
use std::time::Duration;
use testkit::faulty::{Act, Reply};

/// The expected outcome of the field that needs the faulty service.
#[derive(Debug, Clone)]
pub(super) enum Outcome {
    /// The field has its whole value, as without a fault.
    Whole,
    /// The field has this value, without an error.
    Value(Value),
    /// The field is null, and its error has this code.
    Lost(&'static str),
    /// The field has the first value. There is one error: its path below the field, and its code.
    At(Value, Value, &'static str),
}

/// A fault with its outcomes.
#[derive(Debug, Clone)]
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) reply: Reply,
    pub(super) outcome: Outcome,
    /// The outcome over TLS. It is the same, unless an RFC demands another one.
    pub(super) over_tls: Outcome,
    /// Whether a mutation has the same outcome. If not, it is not tested.
    pub(super) writes: bool,
}

impl Case {
    pub(super) fn new(name: &'static str, reply: Reply, outcome: Outcome) -> Self {
        Self { name, reply, over_tls: outcome.clone(), outcome, writes: true }
    }
}

/// The body of a right answer.
pub(super) const REPORT: &str = r#"{"label":"weekly","count":3,"note":"fine","lines":[{"n":1},{"n":2}]}"#;

/// A delay that is far longer than any timeout.
const LONG: Duration = Duration::from_secs(60);
const SLOWLY: Duration = Duration::from_millis(50);
/// A pause that is long enough for the caller to read what was written before.
const MOMENT: Duration = Duration::from_millis(30);

const JSON: &str = "content-type: application/json";
const CHUNKED: &str = "transfer-encoding: chunked";

pub(super) fn all() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut add = |name, reply, outcome| cases.push(Case::new(name, reply, outcome));
    waiting(&mut add);
    broken_connections(&mut add);
    statuses(&mut add);
    heads(&mut add);
    lengths(&mut add);
    encodings(&mut add);
    texts(&mut add);
    values(&mut add);
    let empty = Reply::under_head(&[JSON, "content-length: 0"], "");
    cases.push(Case { writes: false, ..Case::new("an empty body", empty, MALFORMED) });
    // A write may be answered without a body, but a read needs data.
    cases.push(Case { writes: false, ..Case::new("204", Reply::empty(204), STATUS) });
    // The end of the connection or the next request may come first. Only a read may be sent again.
    let closed = Reply::json(REPORT).then_act(Act::Close);
    cases.push(Case { writes: false, ..Case::new("closed while idle", closed, Whole) });
    // RFC 9112 §9.8: over TLS, an answer that ends with its connection is complete only after a `close_notify`.
    let ends = Reply::of([head(&[JSON]), Act::Write(REPORT.into()), Act::Wait(MOMENT), Act::Cut]);
    cases.push(Case { over_tls: MALFORMED, ..Case::new("no length, and cut", ends, Whole) });
    cases
}

type Add<'a> = &'a mut dyn FnMut(&'static str, Reply, Outcome);

use Outcome::{At, Lost, Whole};

const TIMEOUT: Outcome = Lost("UPSTREAM_TIMEOUT");
const UNREACHABLE: Outcome = Lost("UPSTREAM_UNREACHABLE");
const MALFORMED: Outcome = Lost("UPSTREAM_MALFORMED");
const TOO_LARGE: Outcome = Lost("UPSTREAM_TOO_LARGE");
const STATUS: Outcome = Lost("UPSTREAM_STATUS");
/// The code of an error for a null that the schema does not allow.
const NULL: &str = "NULL_IN_NON_NULL";
const SHAPE: Outcome = Lost("UPSTREAM_SHAPE");

fn waiting(add: Add<'_>) {
    let whole_head = || head(&[JSON, &format!("content-length: {}", REPORT.len())]);
    add("a delay", Reply::json(REPORT).after(Duration::from_millis(100)), Whole);
    add("a delay beyond the deadline", Reply::json(REPORT).after(LONG), TIMEOUT);
    add("no head", Reply::stalled_head(), TIMEOUT);
    add("half a head", Reply::of([Act::Write("HTTP/1.1 200 OK\r\ncontent-ty".into()), Act::Stall]), TIMEOUT);
    add("a head and no body", Reply::of([whole_head(), Act::Stall]), TIMEOUT);
    add("half a body", Reply::stalled_body(), TIMEOUT);
    add("a slow head", Reply::slow_head(REPORT, SLOWLY), TIMEOUT);
    add("a slow body", Reply::of([whole_head(), Act::Trickle(REPORT.into(), SLOWLY)]), TIMEOUT);
    add("byte by byte", Reply::trickle(REPORT, Duration::ZERO), Whole);
    add("interim answers without end", Reply::endless_interim(), TOO_LARGE);
    add("interim answers first", Reply::raw("HTTP/1.1 103 Early Hints\r\n\r\n".repeat(9) + &report()), Whole);
}

fn broken_connections(add: Add<'_>) {
    let part = |text: &'static str, end| Reply::of([Act::Write(text.into()), Act::Wait(MOMENT), end]);
    add("a reset instead of a head", Reply::reset_before_head(), UNREACHABLE);
    add("a reset in the head", part("HTTP/1.1 200 OK\r\ncontent-ty", Act::Reset), UNREACHABLE);
    add("a reset in the body", Reply::reset_in_body(), UNREACHABLE);
    add("closed before the head", Reply::closed_before_head(), UNREACHABLE);
    add("closed in the head", part("HTTP/1.1 200 OK\r\ncontent-ty", Act::Close), UNREACHABLE);
    add("cut before the head", Reply::of([Act::Cut]), UNREACHABLE);
    add("cut in the head", part("HTTP/1.1 200 OK\r\ncontent-ty", Act::Cut), UNREACHABLE);
    add("cut in a body with a length", Reply::of([head(&[JSON, "content-length: 100"]), Act::Cut]), MALFORMED);
    let chunk = format!("{:x}\r\n{REPORT}\r\n", REPORT.len());
    add("cut in chunks", Reply::under_head(&[JSON, CHUNKED], chunk).then_act(Act::Cut), MALFORMED);
    add("a short body", Reply::short_body(), MALFORMED);
    add("a bad chunk", Reply::bad_chunk(), MALFORMED);
    let no_end = Reply::under_head(&[JSON, CHUNKED], format!("{:x}\r\n{REPORT}\r\n", REPORT.len()));
    add("chunks without the last", no_end.then_act(Act::Close), MALFORMED);
    let endless = Act::Repeat("a".repeat(1 << 10).into());
    add("a chunk extension without end", Reply::under_head(&[JSON, CHUNKED], "1;").then_act(endless), MALFORMED);
    let line = Act::Repeat("x-a: b\r\n".repeat(128).into());
    add("trailers without end", Reply::under_head(&[JSON, CHUNKED], "1\r\n1\r\n0\r\n").then_act(line), MALFORMED);
    let size = Reply::under_head(&[JSON, CHUNKED], "fffffffffffffffff\r\n").then_act(Act::Stall);
    add("a chunk beyond all sizes", size, MALFORMED);
}

fn statuses(add: Add<'_>) {
    add("500 with JSON", Reply::with_status(500, "application/json", REPORT), STATUS);
    add("500 without a body", Reply::empty(500), STATUS);
    add("502 with a page", Reply::bad_gateway_page(), STATUS);
    let busy = "HTTP/1.1 503 Busy\r\nretry-after: 120\r\ncontent-length: 0\r\n\r\n";
    add("503 and when to come again", Reply::raw(busy), STATUS);
    add("504", Reply::empty(504), STATUS);
    add("429", Reply::empty(429), STATUS);
    add("404", Reply::empty(404), Lost("NOT_FOUND"));
    add("401", Reply::empty(401), Lost("UNAUTHENTICATED"));
    add("403", Reply::empty(403), Lost("FORBIDDEN"));
    add("304 to no condition", Reply::empty(304), MALFORMED);
    add("a redirect to itself", Reply::redirect("/report"), MALFORMED);
    add("a redirect elsewhere", Reply::redirect("http://127.0.0.1:9/report"), MALFORMED);
    let protocols = "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n";
    add("another protocol", Reply::raw(protocols), MALFORMED);
    add("206, though no part was asked for", Reply::with_status(206, "application/json", REPORT), STATUS);
    add("a status of two digits", Reply::raw("HTTP/1.1 20 OK\r\ncontent-length: 0\r\n\r\n"), MALFORMED);
}

fn heads(add: Add<'_>) {
    add("not HTTP", Reply::not_http(), MALFORMED);
    add("HTTP/0.9", Reply::of([Act::Write(REPORT.into()), Act::Close]), MALFORMED);
    let old = format!("HTTP/1.0 200 OK\r\n{JSON}\r\n\r\n{REPORT}");
    add("HTTP/1.0", Reply::raw(old).then_act(Act::Close), Whole);
    add("10,000 headers", Reply::many_headers(10_000, REPORT), TOO_LARGE);
    add("a header of 1 MB", Reply::long_header(1 << 20, REPORT), TOO_LARGE);
    add("headers without end", Reply::endless_head(), TOO_LARGE);
    add("a line break in a header", Reply::with_headers(&["x-a: b\rc"], REPORT), MALFORMED);
    add("a header without a name", Reply::with_headers(&[": b"], REPORT), MALFORMED);
    add("cookies", Reply::with_headers(&["set-cookie: canary=1; Path=/"], REPORT), Whole);
    add("no content type", Reply::under_head(&["content-length: 2"], "{}"), MALFORMED);
    add("another content type", Reply::with_status(200, "text/html", REPORT), MALFORMED);
    let forged = REPORT.replace("weekly", "canary");
    add("an answer to no request", Reply::json(REPORT).then(Reply::json(&forged).bytes()), Whole);
}

fn lengths(add: Add<'_>) {
    let chunk = |size: usize| Act::Write(format!("{size:x}\r\n{}\r\n", "1".repeat(size)).into());
    add("two lengths", Reply::with_headers(&["content-length: 2"], REPORT), MALFORMED);
    add("a length that is none", Reply::under_head(&[JSON, "content-length: many"], REPORT), MALFORMED);
    let both = format!("{:x}\r\n{REPORT}\r\n0\r\n\r\n", REPORT.len());
    add("a length and chunks", Reply::under_head(&[JSON, CHUNKED, "content-length: 9"], both), MALFORMED);
    add("64 MB", Reply::huge_body(64 << 20), TOO_LARGE);
    let many = vec![head(&[JSON, CHUNKED]), chunk(1 << 20), chunk(1 << 20), Act::Write("0\r\n\r\n".into())];
    add("2 MB of chunks", Reply::of(many), TOO_LARGE);
    add("a body without end", Reply::endless_body(), TOO_LARGE);
    add("spaces without end", Reply::of([head(&[JSON]), Act::Repeat(" ".repeat(1 << 12).into())]), TOO_LARGE);
    let error = "HTTP/1.1 500 No\r\ncontent-type: application/json\r\n\r\n";
    add(
        "an error without end",
        Reply::of([Act::Write(error.into()), Act::Repeat("1".repeat(1 << 12).into())]),
        TOO_LARGE,
    );
    add("no length, closed at the end", Reply::of([head(&[JSON]), Act::Write(REPORT.into()), Act::Close]), Whole);
}

fn encodings(add: Add<'_>) {
    add("gzip", Reply::gzip(REPORT.as_bytes()), Whole);
    let members = [gzip(&REPORT.as_bytes()[..9]), gzip(&REPORT.as_bytes()[9..])].concat();
    add("gzip of two members", coded(&members), Whole);
    add("something behind gzip", coded(&[gzip(REPORT.as_bytes()), b"canary".to_vec()].concat()), MALFORMED);
    add("a gzip bomb", Reply::gzip_bomb(64 << 20), TOO_LARGE);
    add("gzip that is none", Reply::broken_gzip(), MALFORMED);
    let packed = gzip(REPORT.as_bytes());
    add("half of a gzip", coded(&packed[..packed.len() / 2]), MALFORMED);
    add("an encoding that was not asked for", Reply::unasked_encoding(), MALFORMED);
    add("two encodings", Reply::with_headers(&["content-encoding: gzip, gzip"], REPORT), MALFORMED);
}

fn texts(add: Add<'_>) {
    let text = |text: &[u8]| Reply::under_head(&[JSON, &format!("content-length: {}", text.len())], text);
    let utf16: Vec<u8> = REPORT.encode_utf16().flat_map(u16::to_le_bytes).collect();
    add("no JSON", text(b"{oops"), MALFORMED);
    add("half of the JSON", text(&REPORT.as_bytes()[..30]), MALFORMED);
    add("two values", text(format!("{REPORT}{REPORT}").as_bytes()), MALFORMED);
    add("a byte order mark", text(format!("\u{feff}{REPORT}").as_bytes()), Whole);
    add("UTF-16", text(&utf16), MALFORMED);
    add("a string that is not UTF-8", text(&with("label", b"\"a\xff\"")), MALFORMED);
    add("not UTF-8 where nobody looks", text(&with("other", b"\"\xc3\x28\"")), MALFORMED);
    add("a string with a control character", text(&with("label", b"\"a\x01\"")), MALFORMED);
    add("not a number", text(&with("count", b"NaN")), MALFORMED);
    let deep = [b"[".repeat(100_000), b"]".repeat(100_000)].concat();
    add("nested 100,000 deep where nobody looks", text(&with("other", &deep)), TOO_LARGE);
    add("nested 100,000 deep", text(&with("note", &deep)), TOO_LARGE);
    add("nested 100,000 deep, and never closed", text(&deep[..100_000]), TOO_LARGE);
    let twice = REPORT.replace(r#""label":"#, r#""label":"canary","label":"#);
    add("a property twice", Reply::json(&twice), Whole);
}

fn values(add: Add<'_>) {
    let value = |property: &str, value: &str| {
        let body = with(property, value.as_bytes());
        Reply::json(&String::from_utf8(body).expect("UTF-8"))
    };
    let lost = |path: Value, code| At(Value::Null, path, code);
    add("a string instead of an object", Reply::json("\"canary\""), SHAPE);
    add("a list instead of an object", Reply::json("[{}]"), SHAPE);
    add("null", Reply::json("null"), Outcome::Value(Value::Null));
    add("nothing in it", Reply::json("{}"), lost(json!(["label"]), NULL));
    add("null that may not be", value("label", "null"), lost(json!(["label"]), NULL));
    add("an object instead of a string", value("label", r#"{"a":"canary"}"#), lost(json!(["label"]), "UPSTREAM_SHAPE"));
    add("a string instead of a number", value("count", "\"canary\""), lost(json!(["count"]), "UPSTREAM_SHAPE"));
    add("a fraction", value("count", "1.5"), lost(json!(["count"]), "UPSTREAM_SHAPE"));
    add("a number over 32 bits", value("count", "3000000000"), lost(json!(["count"]), "UPSTREAM_SHAPE"));
    add("a number over 64 bits", value("count", "9223372036854775808"), lost(json!(["count"]), "UPSTREAM_SHAPE"));
    add("a number over all doubles", value("count", "1e999"), lost(json!(["count"]), "UPSTREAM_SHAPE"));
    let digits = format!("1{}", "0".repeat(100_000));
    add("a number of 100,000 digits", value("count", &digits), lost(json!(["count"]), "UPSTREAM_SHAPE"));
    let mut rest: Value = serde_json::from_str(REPORT).expect("JSON");
    rest["note"] = Value::Null;
    add("a list that may be null", value("note", "[1]"), At(rest, json!(["note"]), "UPSTREAM_SHAPE"));
    add("no list", value("lines", "{}"), lost(json!(["lines"]), "UPSTREAM_SHAPE"));
    add("no list, but null", value("lines", "null"), lost(json!(["lines"]), NULL));
    add("a null item", value("lines", "[{\"n\":1},null]"), lost(json!(["lines", 1]), NULL));
    add("an item without its number", value("lines", "[{\"n\":1},{}]"), lost(json!(["lines", 1, "n"]), NULL));
    let items = format!("[{}]", vec!["{}"; 100_001].join(","));
    add("100,001 items", value("lines", &items), lost(json!(["lines"]), "UPSTREAM_LIST_TOO_LONG"));
    let lists = format!("{{{}}}", vec![r#""lines":0"#; 90_000].join(","));
    add("90,000 wrong values", Reply::json(&lists), lost(json!(["label"]), NULL));
    let million =
        vec![head(&[JSON]), Act::Write("{\"lines\":[".into()), Act::Times("{\"n\":1},".repeat(1_000).into(), 1_000)];
    add("1,000,000 items", Reply::of(million), TOO_LARGE);
}

fn head(lines: &[&str]) -> Act {
    Act::Write(Reply::under_head(lines, "").bytes())
}

/// The body that [`Reply::gzip`] sends.
fn gzip(body: &[u8]) -> Vec<u8> {
    let sent = Reply::gzip(body).bytes();
    let end = sent.windows(4).position(|four| four == b"\r\n\r\n").expect("a head") + 4;
    sent[end..].to_vec()
}

/// A reply with this body, whose head says that it is gzip.
fn coded(body: &[u8]) -> Reply {
    Reply::under_head(&[JSON, "content-encoding: gzip", &format!("content-length: {}", body.len())], body)
}

/// The bytes of a right answer, including its head, as text.
fn report() -> String {
    String::from_utf8(Reply::json(REPORT).bytes().to_vec()).expect("UTF-8")
}

/// The body of the right answer with one property changed or added.
fn with(property: &str, value: &[u8]) -> Vec<u8> {
    let report: serde_json::Map<String, Value> = serde_json::from_str(REPORT).expect("JSON");
    let mut members = Vec::new();
    for (name, old) in &report {
        if name != property {
            members.push(format!("\"{name}\":{old}").into_bytes());
        }
    }
    members.push([format!("\"{property}\":").as_bytes(), value].concat());
    [b"{".as_slice(), &members.join(&b","[..]), b"}"].concat()
}
